//! Setting a document: what the law wants must stand on its pages, and every character must have a picture.

use std::path::Path;

use serde_json::{Value as Json, json};
use typst::{
    diag::SourceDiagnostic,
    foundations::Smart,
    layout::{Frame, FrameItem},
    text::TextItem,
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use crate::{
    Error,
    fonts::{FontNames, Fonts},
    templates::tells,
    world::{Ground, Sheet},
};

/// Sets documents in the fonts it was given.
#[derive(Debug)]
pub struct Typesetter {
    ground: Ground,
    names: FontNames,
    standards: PdfStandards,
}

impl Typesetter {
    /// A typesetter with the named families, read from a folder.
    pub fn new(fonts: &Path, names: FontNames) -> Result<Self, Error> {
        let ground = Ground::new(Fonts::read(fonts, &names)?)?;
        let standards =
            PdfStandards::new(&[PdfStandard::A_2b]).map_err(|error| Error::Template(error.message().to_string()))?;
        Ok(Self { ground, names, standards })
    }

    /// A document as PDF/A-2b. `told` is an object of texts, and of lists for what is more than a text; `paper` in it is `a4`,
    /// `80mm` or `58mm`. Each of `required` must be told by the template, and stand on the pages unless it is empty and left to be
    /// written in. The same input gives the same bytes.
    pub fn set(&self, template: &str, told: &Json, required: &[&str]) -> Result<Vec<u8>, Error> {
        if let Some(missing) = required.iter().find(|field| !tells(template, field)) {
            return Err(Error::MissingField((*missing).to_owned()));
        }
        let mut told = told.clone();
        told["fonts"] = json!({"body": self.names.body, "slip": self.names.slip});
        let sheet = Sheet::new(&self.ground, template, told.to_string());
        let pdf = self.pages(&sheet, &told, required);
        // What was worked out for this document is of no use to another one.
        typst::comemo::evict(0);
        pdf
    }

    fn pages(&self, sheet: &Sheet<'_>, told: &Json, required: &[&str]) -> Result<Vec<u8>, Error> {
        let set = typst::compile::<PagedDocument>(sheet);
        let document = set.output.map_err(|errors| fault(&errors))?;
        let mut text = String::new();
        for page in document.pages() {
            read(&page.frame, &mut text)?;
        }
        if !set.warnings.is_empty() {
            return Err(fault(&set.warnings));
        }
        if let Some(missing) = required.iter().find(|field| !stands(&text, &told[**field])) {
            return Err(Error::MissingField((*missing).to_owned()));
        }
        let options = PdfOptions {
            creator: Smart::Custom(Some("Yunpark".to_owned())),
            standards: self.standards.clone(),
            ..PdfOptions::default()
        };
        typst_pdf::pdf(&document, &options).map_err(|errors| fault(&errors))
    }
}

/// The first of what was found wrong, with the line of the template where it is known.
fn fault(found: &[SourceDiagnostic]) -> Error {
    let told = found.first().map(|one| one.message.to_string());
    Error::Template(told.unwrap_or_else(|| "the template does not hold".to_owned()))
}

/// A text without its white space: lines are broken where the paper ends.
fn close(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Whether a field's text stands on the pages; of a list, each text of each of its things.
fn stands(pages: &str, told: &Json) -> bool {
    match told {
        Json::String(text) => pages.contains(&close(text)),
        Json::Array(list) => list.iter().all(|one| stands(pages, one)),
        Json::Object(fields) => fields.values().all(|one| stands(pages, one)),
        Json::Number(number) => pages.contains(&number.to_string()),
        Json::Bool(_) | Json::Null => true,
    }
}

/// Collects a page's text, without white space; a character with no picture is a fault.
fn read(frame: &Frame, text: &mut String) -> Result<(), Error> {
    for (_, item) in frame.items() {
        match item {
            FrameItem::Group(group) => read(&group.frame, text)?,
            FrameItem::Text(run) => {
                check(run)?;
                text.push_str(&close(&run.text));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The first glyph of a font is the box that stands for what it lacks.
fn check(run: &TextItem) -> Result<(), Error> {
    let Some(missing) = run.glyphs.iter().find(|glyph| glyph.id == 0) else { return Ok(()) };
    let character = run.text.get(missing.range()).and_then(|text| text.chars().next()).unwrap_or('\u{FFFD}');
    Err(Error::MissingGlyph { character, family: run.font.font().info().family.to_string() })
}
