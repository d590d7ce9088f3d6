//! All that a template can see: itself, the letter, its fields, the fonts. No file of the machine, no network, no clock.

use typst::{
    Library, LibraryExt, World,
    diag::{FileError, FileResult},
    foundations::{Bytes, Datetime, Duration},
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::LazyHash,
};

use crate::{Error, fonts::Fonts, templates::LETTER};

/// What every document shares.
#[derive(Debug)]
pub(crate) struct Ground {
    library: LazyHash<Library>,
    main: FileId,
    letter: Source,
    told: FileId,
    pub(crate) fonts: Fonts,
}

impl Ground {
    pub(crate) fn new(fonts: Fonts) -> Result<Self, Error> {
        let letter = Source::new(named("letter.typ")?, LETTER.to_owned());
        let library = LazyHash::new(Library::default());
        Ok(Self { library, main: named("document.typ")?, letter, told: named("told.json")?, fonts })
    }
}

fn named(name: &str) -> Result<FileId, Error> {
    let path = VirtualPath::new(name).map_err(|error| Error::Template(format!("{error:?}")))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

/// One document on the ground that all share.
pub(crate) struct Sheet<'a> {
    ground: &'a Ground,
    main: Source,
    told: Bytes,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(ground: &'a Ground, template: &str, told: String) -> Self {
        let text = format!("#import \"letter.typ\": *\n#show: letter\n{template}");
        Self { ground, main: Source::new(ground.main, text), told: Bytes::from_string(told) }
    }
}

impl World for Sheet<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.ground.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.ground.fonts.book
    }

    fn main(&self) -> FileId {
        self.ground.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.ground.main {
            Ok(self.main.clone())
        } else if id == self.ground.letter.id() {
            Ok(self.ground.letter.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.ground.told { Ok(self.told.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.ground.fonts.all.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}
