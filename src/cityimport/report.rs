//! What a city file would change, thing by thing, and what is wrong with it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Error, checked_aside};
use crate::{
    config::Guidance,
    domain::{
        city::{Document, Fault, Lines, remedy},
        ledger::Digest,
    },
    store::{Db, city},
};

/// Most things and most faults a report names; all are counted.
const NAMED: usize = 500;

/// How many things of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// New, or back again.
    pub added: usize,
    /// Other than before.
    pub changed: usize,
    /// No longer in the file.
    pub removed: usize,
    /// As they are.
    pub unchanged: usize,
}

/// One thing of the city.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    /// `lot`, `space`, `sign`, ...
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name, where it has one.
    pub name: Option<Value>,
}

/// One thing that would change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// The thing.
    #[serde(flatten)]
    pub what: Named,
    /// Which of its keys differ.
    pub keys: Vec<String>,
}

/// A fault, and how it is mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultView {
    /// Which feature.
    pub feature: String,
    /// Which key.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// The line the feature begins on.
    pub line: Option<usize>,
    /// How it is mended, in one word.
    pub remedy: String,
}

/// What a file would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The file's SHA-256: what is confirmed.
    pub sha256: Digest,
    /// Its size.
    pub bytes: usize,
    /// The revision in force that it was compared with; 0 before the first import.
    pub revision: u64,
    /// By kind.
    pub counts: BTreeMap<String, Counts>,
    /// What is new.
    pub added: Vec<Named>,
    /// What differs.
    pub changed: Vec<Changed>,
    /// What would be gone.
    pub removed: Vec<Named>,
    /// How many faults there are.
    pub fault_count: usize,
    /// What is wrong; while anything is, nothing can be applied.
    pub faults: Vec<FaultView>,
}

/// Compares a file with the city in force. It changes nothing.
pub async fn compared(db: &Db, text: &str, guidance: &Guidance) -> Result<Report, Error> {
    let mut tx = db.begin_read().await?;
    let standing = city::load(&mut tx).await?;
    tx.commit().await?;
    let (revision, standing) = standing.unwrap_or_default();
    let mut report = Report {
        sha256: Digest::of(text.as_bytes()),
        bytes: text.len(),
        revision,
        counts: BTreeMap::new(),
        added: Vec::new(),
        changed: Vec::new(),
        removed: Vec::new(),
        fault_count: 0,
        faults: Vec::new(),
    };
    match checked_aside(text, guidance).await? {
        Ok(documents) => report.compare(documents, standing),
        Err(faults) => report.complain(text, &faults),
    }
    Ok(report)
}

impl Report {
    fn complain(&mut self, text: &str, faults: &[Fault]) {
        let lines = Lines::of(text);
        self.fault_count = faults.len();
        self.faults = faults
            .iter()
            .take(NAMED)
            .map(|fault| FaultView {
                feature: fault.feature.clone(),
                key: fault.key.clone(),
                reason: fault.reason.clone(),
                line: lines.of_fault(fault),
                remedy: remedy(fault).into_owned(),
            })
            .collect();
    }

    fn compare(&mut self, documents: Vec<Document>, standing: Vec<city::Feature>) {
        let mut before: BTreeMap<(String, String), String> =
            standing.into_iter().map(|feature| ((feature.kind, feature.id), feature.doc)).collect();
        for Document { kind, id, json } in documents {
            let counts = self.counts.entry(kind.clone()).or_default();
            match before.remove(&(kind.clone(), id.clone())) {
                Some(doc) if doc == json => counts.unchanged += 1,
                Some(doc) => {
                    counts.changed += 1;
                    if self.changed.len() < NAMED {
                        self.changed.push(Changed { what: named(kind, id, &json), keys: differing(&doc, &json) });
                    }
                }
                None => {
                    counts.added += 1;
                    if self.added.len() < NAMED {
                        self.added.push(named(kind, id, &json));
                    }
                }
            }
        }
        for ((kind, id), doc) in before {
            self.counts.entry(kind.clone()).or_default().removed += 1;
            if self.removed.len() < NAMED {
                self.removed.push(named(kind, id, &doc));
            }
        }
    }
}

fn named(kind: String, id: String, doc: &str) -> Named {
    let value: Value = serde_json::from_str(doc).unwrap_or_default();
    let name = [value.pointer("/properties/name"), value.get("name")].into_iter().flatten().next().cloned();
    Named { kind, id, name }
}

/// The keys of two documents, one level into properties, whose values differ.
fn differing(before: &str, after: &str) -> Vec<String> {
    let read = |text: &str| flat(&serde_json::from_str(text).unwrap_or_default());
    let (before, after) = (read(before), read(after));
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

fn flat(value: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        match value.as_object().filter(|_| key == "properties") {
            Some(inner) => all.extend(inner.clone()),
            None => drop(all.insert(key.clone(), value.clone())),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_by_its_keys() {
        let before = r#"{"geometry": [1], "properties": {"id": "L1", "capacity": 10}}"#;
        let after = r#"{"geometry": [2], "properties": {"id": "L1", "capacity": 12, "tariff": "x"}}"#;
        assert_eq!(differing(before, after), ["capacity", "geometry", "tariff"]);
        assert!(differing(before, before).is_empty());
    }
}
