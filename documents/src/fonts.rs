//! Fonts, read once from a folder; only the families that are named are kept.

use std::path::Path;

use typst::{
    foundations::Bytes,
    text::{Font, FontBook},
    utils::LazyHash,
};

use crate::Error;

/// The families documents are set in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FontNames {
    /// On A4.
    pub body: String,
    /// On slips, whose printers draw thin strokes badly.
    pub slip: String,
}

/// The fonts at hand.
#[derive(Debug)]
pub(crate) struct Fonts {
    pub(crate) book: LazyHash<FontBook>,
    pub(crate) all: Vec<Font>,
}

impl Fonts {
    /// Reads the named families from a folder and the folders in it.
    pub(crate) fn read(folder: &Path, names: &FontNames) -> Result<Self, Error> {
        let wanted = [names.body.as_str(), names.slip.as_str()];
        let mut all = Vec::new();
        let mut files = Vec::new();
        files_of(folder, &mut files);
        files.sort();
        for file in files {
            let Ok(bytes) = std::fs::read(&file) else { continue };
            let is_wanted = |font: &Font| wanted.iter().any(|family| font.info().family.eq_ignore_ascii_case(family));
            all.extend(Font::iter(Bytes::new(bytes)).filter(is_wanted));
        }
        for family in wanted {
            if !all.iter().any(|font| font.info().family.eq_ignore_ascii_case(family)) {
                return Err(Error::NoFont { family: family.to_owned(), folder: folder.display().to_string() });
            }
        }
        Ok(Self { book: LazyHash::new(FontBook::from_fonts(&all)), all })
    }
}

fn files_of(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        if path.is_dir() {
            files_of(&path, found);
        } else if ["ttf", "otf", "ttc", "otc"].contains(&ending.as_str()) {
            found.push(path);
        }
    }
}
