//! Documents of record as PDF: templates that an authority may change without losing what the law wants on them, set by `typst` with
//! fonts embedded. No part of the server is used here.
//!
//! Without the feature `typst` the crate holds the built-in templates alone, so that a build of the whole workspace stays light.

#[cfg(feature = "typst")]
mod desk;
#[cfg(feature = "typst")]
mod fonts;
mod templates;
#[cfg(all(test, feature = "typst"))]
mod tests;
#[cfg(feature = "typst")]
mod world;

#[cfg(feature = "typst")]
pub use self::{desk::Typesetter, fonts::FontNames};
pub use templates::{tells, template};

/// Why a document was not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A font is not where it was said to be.
    #[error("no font {family} in {folder}; Debian has it in fonts-noto-cjk, or name another one")]
    NoFont {
        /// The family that was asked for.
        family: String,
        /// Where it was looked for.
        folder: String,
    },
    /// A character has no picture in the font.
    #[error("the font {family} has no picture of {character:?} (U+{:04X})", u32::from(*.character))]
    MissingGlyph {
        /// The character.
        character: char,
        /// The family of the font.
        family: String,
    },
    /// A field the law wants does not stand on the pages.
    #[error("the law wants {0} on it")]
    MissingField(String),
    /// The template does not hold, or it warns.
    #[error("{0}")]
    Template(String),
}
