//! What the desk of city management refuses, by name, and what can fail behind it.

use crate::{
    domain::matter::{self, fair::Slowed},
    enforcement, store,
};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Pictures could not be kept.
    #[error(transparent)]
    Desk(#[from] enforcement::Error),
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
    /// The public said enough for now.
    #[error("{0}")]
    Slowed(Slowed),
    /// A step is refused.
    #[error(transparent)]
    Refused(#[from] matter::Refused),
    /// The device is still ill, whatever somebody saw.
    #[error("the device is still ill; it is closed when its health is back")]
    StillIll,
    /// The same key was used before for something else.
    #[error("this key was used before with other content")]
    KeyReused,
    /// It was judged before.
    #[error("this report was judged before")]
    JudgedBefore,
}

impl From<Slowed> for Error {
    fn from(slowed: Slowed) -> Self {
        Self::Slowed(slowed)
    }
}

impl Error {
    pub(super) fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

/// A text of at most so many characters, trimmed, with no control characters but line ends and tabs; `None` if it says nothing.
pub(super) fn text(field: &'static str, text: &str, max_chars: usize) -> Result<Option<String>, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.chars().count() > max_chars {
        return Err(Error::invalid(field, format!("must have at most {max_chars} characters")));
    }
    if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(Error::invalid(field, "must hold no control characters but line ends and tabs"));
    }
    Ok(Some(text.to_owned()))
}
