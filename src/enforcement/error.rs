//! What the desk refuses, by name, and what can fail behind it.

use crate::{
    domain::{appeal, course, incident, record},
    store,
};

/// Why the desk did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database or the evidence files failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A field is wrong.
    #[error("{field} {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A camera speaks that the city does not have.
    #[error("this camera is not in the city")]
    UnknownCamera,
    /// A device gives itself another name than the one it proved.
    #[error("the device named in the message is not the one that sent it")]
    ForeignDevice,
    /// A device sends more than its measure.
    #[error("this device sends too much; wait {retry_after_s} s")]
    Slowed {
        /// How long, seconds.
        retry_after_s: u32,
    },
    /// Somebody else has the incident.
    #[error("another person is looking at this incident, for up to {minutes} minutes more")]
    Claimed {
        /// Until then, minutes.
        minutes: u32,
    },
    /// What is recorded was recorded before.
    #[error("the incident of these captures has a record already")]
    AlreadyRecorded,
    /// More is asked for than one answer holds.
    #[error("{count} rows are more than the {limit} of one export; ask for less")]
    TooManyRows {
        /// How many there are.
        count: u64,
        /// How many one export holds.
        limit: u64,
    },
    /// The same key was used before for something else.
    #[error("this key was used before with other content")]
    KeyReused,
    /// A picture is no JPEG or PNG that can be read.
    #[error("image {index} is not a JPEG or PNG that can be read")]
    NotAPicture {
        /// Which one, counted from 0.
        index: usize,
    },
    /// A picture has more pixels, or more bytes, than are taken.
    #[error("image {index} is larger than the limit")]
    PictureTooLarge {
        /// Which one, counted from 0.
        index: usize,
    },
    /// An incident's step is refused.
    #[error(transparent)]
    Incident(#[from] incident::Refused),
    /// A record's step is refused.
    #[error(transparent)]
    Record(#[from] record::Refused),
    /// A step of a record's course is refused.
    #[error(transparent)]
    Course(#[from] course::Refused),
    /// An appeal, or its step, is refused.
    #[error(transparent)]
    Appeal(#[from] appeal::Refused),
    /// A task that decodes pictures died.
    #[error("decoding a picture failed")]
    Decoding,
    /// A document's template is not fit for use.
    #[error("the template of {document} cannot be used: {reason}")]
    Template {
        /// The document.
        document: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// This build has no typesetter.
    #[error("this build makes no PDF; ask for the page instead and print it, or build with the feature pdf")]
    NoPdf,
    /// A document holds a character its font has no picture of.
    #[error("the font {family} has no picture of {character:?} (U+{:04X})", u32::from(*.character))]
    NoGlyph {
        /// The character.
        character: char,
        /// The family of the font.
        family: String,
    },
    /// A page could not be written.
    #[error("writing text failed")]
    Writing(#[from] std::fmt::Error),
}

impl Error {
    /// The reason in one word, for counters and for answers in other protocols; it never holds what was sent.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Store(error) if error.is_bad_text() => "bad-text",
            Self::Store(_) | Self::Decoding | Self::Writing(_) | Self::Template { .. } => "unavailable",
            Self::NotFound(_) => "not-found",
            Self::Invalid { field, .. } => match *field {
                "location" => "location",
                "zone" => "zone",
                "image" | "SubImageList" | "Data" => "no-picture",
                _ => "invalid",
            },
            Self::UnknownCamera => "unknown-camera",
            Self::ForeignDevice => "foreign-device",
            Self::Slowed { .. } => "slowed",
            Self::Claimed { .. } => "claimed",
            Self::AlreadyRecorded => "already-recorded",
            Self::TooManyRows { .. } => "too-many-rows",
            Self::KeyReused => "key-reused",
            Self::NoPdf => "no-pdf",
            Self::NoGlyph { .. } => "missing-glyph",
            Self::NotAPicture { .. } => "not-a-picture",
            Self::PictureTooLarge { .. } => "picture-too-large",
            Self::Course(refused) => refused.word(),
            Self::Incident(_) | Self::Record(_) | Self::Appeal(_) => "refused",
        }
    }

    /// A wrong field.
    pub(super) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

/// A text that must say something, trimmed, and not too much.
pub(super) fn text(field: &'static str, text: &str, max_chars: usize) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid(field, "must say something"));
    }
    if text.chars().count() > max_chars {
        return Err(Error::invalid(field, format!("must have at most {max_chars} characters")));
    }
    if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(Error::invalid(field, "must hold no control characters but line ends and tabs"));
    }
    Ok(text.to_owned())
}

/// Whether a text can be the id of anything kept here.
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

/// A text that may be absent; empty counts as absent.
pub(super) fn optional_text(
    field: &'static str,
    given: Option<&str>,
    max_chars: usize,
) -> Result<Option<String>, Error> {
    given.filter(|given| !given.trim().is_empty()).map(|given| text(field, given, max_chars)).transpose()
}
