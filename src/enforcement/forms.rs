//! Templates of documents: which are in force and whence, and whether another one may take their place.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Desk, documents::Document};
use crate::domain::{ledger::Digest, setting::TEMPLATE};

/// Where a template comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whence {
    /// It is built in.
    BuiltIn,
    /// The configured folder.
    Folder,
    /// An administrator set it.
    Set,
}

/// A template in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Form {
    /// The document.
    pub document: &'static str,
    /// Its setting's name.
    pub setting: String,
    /// Where it comes from.
    pub whence: Whence,
    /// The SHA-256 of its text.
    pub sha256: Digest,
    /// Its text.
    pub html: String,
    /// The fields the law wants on it.
    pub required: &'static [&'static str],
    /// Every field there is.
    pub known: Vec<&'static str>,
}

impl Desk {
    /// The template of a document that is in force.
    pub(super) fn template(&self, document: Document) -> (String, Whence) {
        if let Some(set) = self.rules().templates.get(document.name()) {
            return (set.clone(), Whence::Set);
        }
        match self.changed_template(document, "html") {
            Some(text) => (text, Whence::Folder),
            None => (document.own_template().to_owned(), Whence::BuiltIn),
        }
    }

    /// Every template in force.
    pub fn forms(&self) -> Vec<Form> {
        let form = |document: Document| {
            let (html, whence) = self.template(document);
            Form {
                document: document.name(),
                setting: format!("{TEMPLATE}{}", document.name()),
                whence,
                sha256: Digest::of(html.as_bytes()),
                html,
                required: document.required(),
                known: known().into_iter().collect(),
            }
        };
        Document::ALL.into_iter().map(form).collect()
    }
}

/// What makes a text unfit as the template of a document, or nothing.
pub fn fault(document: Document, html: &str) -> Option<String> {
    let (fields, open) = placeholders(html);
    if open {
        return Some("a field is not closed: {{ without }}".to_owned());
    }
    let unknown: Vec<&str> = fields.iter().filter(|name| !known().contains(*name)).copied().collect();
    if !unknown.is_empty() {
        return Some(format!("there is no field {}; there are {}", unknown.join(", "), joined(&known())));
    }
    let missing: Vec<&str> = document.required().iter().filter(|name| !fields.contains(*name)).copied().collect();
    if !missing.is_empty() {
        return Some(format!("the law wants on it what is missing: {{{{{}}}}}", missing.join("}}, {{")));
    }
    active(html).map(|word| format!("a document is paper: it may hold no {word}"))
}

/// What a page would do and paper cannot.
fn active(html: &str) -> Option<&'static str> {
    let lower = html.to_lowercase();
    let found = ["<script", "<iframe", "<object", "<embed", "<form", "<link", "<meta", "<base", "javascript:"];
    if let Some(word) = found.into_iter().find(|word| lower.contains(word)) {
        return Some(word);
    }
    // An attribute such as onclick=, inside a tag.
    let in_tags = lower.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    let acts = |tag: &str| {
        tag.split(|c: char| c.is_whitespace() || c == '/' || c == '"' || c == '\'').any(|word| {
            word.starts_with("on") && (word.contains('=') || word.len() > 3 && tag.contains(&format!("{word} =")))
        })
    };
    in_tags.into_iter().any(acts).then_some("attribute that acts, such as onclick")
}

/// Every field that stands on any built-in template.
fn known() -> BTreeSet<&'static str> {
    Document::ALL.into_iter().flat_map(|document| placeholders(document.own_template()).0).collect()
}

fn joined(words: &BTreeSet<&str>) -> String {
    words.iter().copied().collect::<Vec<_>>().join(", ")
}

/// The names of a text's fields, and whether one of them has no end.
fn placeholders(text: &str) -> (BTreeSet<&str>, bool) {
    let mut names = BTreeSet::new();
    for rest in text.split("{{").skip(1) {
        match rest.split_once("}}") {
            Some((name, _)) => drop(names.insert(name.trim())),
            None => return (names, true),
        }
    }
    (names, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_template_may_take_its_own_place() {
        for document in Document::ALL {
            assert_eq!(fault(document, document.own_template()), None, "{}", document.name());
        }
    }

    #[test]
    fn what_the_law_wants_and_what_nobody_fills_in_is_named() {
        let own = Document::Warning.own_template();
        let told = |html: &str| fault(Document::Warning, html).unwrap_or_default();
        let lost = told(&own.replace("{{review_authority}}", "").replace("{{court}}", ""));
        assert!(
            lost.contains("{{review_authority}}") && lost.contains("{{court}}") && !lost.contains("{{plate}}"),
            "{lost}"
        );
        assert!(told(&format!("{own}{{{{blood_group}}}}")).starts_with("there is no field blood_group"));
        assert!(told(&format!("{own}{{{{plate")).contains("not closed"));
        for act in [
            "<script>x</script>",
            "<img src=x onerror=alert(1)>",
            "<b onclick = x>",
            "<a href=\"javascript:x\">",
            "<svg/onload=x>",
        ] {
            assert!(told(&format!("{own}{act}")).starts_with("a document is paper"), "{act}");
        }
        assert_eq!(told(&format!("{own}<p class=\"one\">{{{{phone}}}} on = off</p>")), "");
    }
}
