//! One supervised driver task per sign: write, verify, retry, fail safe.

mod driver;
mod fence;
pub mod fleet;
pub mod http_pull;
pub mod modbus;
pub mod mqtt_json;
pub mod ntcip;
pub mod onbon;
mod record;
mod tenure;
mod wire;
pub mod xunpeng;

pub use fence::{Fence, Tenure};
pub use fleet::Fleet;
pub use record::Record;
pub use tenure::{Tenancy, Tenures};

use crate::signboard::Cause;

/// Tells a payload to a retained topic of the system's broker.
pub type Publish = std::sync::Arc<dyn Fn(&str, bytes::Bytes) -> Result<(), String> + Send + Sync>;

/// Why a sign does not show what it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not answer.
    #[error("no answer from the sign: {0}")]
    Unreachable(String),
    /// The sign answered with an error of SNMP or Modbus.
    #[error("the sign refused {what}: {status}")]
    Snmp {
        /// What was asked.
        what: &'static str,
        /// The error status.
        status: String,
    },
    /// The sign answered with something else than was asked for.
    #[error("the sign's answer to {what} makes no sense: {answer}")]
    Answer {
        /// What was asked.
        what: &'static str,
        /// What came.
        answer: String,
    },
    /// The sign's own check of the message failed.
    #[error("the sign found the message invalid: {error}, {syntax} at {position}")]
    Invalid {
        /// The word for `dmsValidateMessageError`.
        error: &'static str,
        /// The word for `dmsMultiSyntaxError`.
        syntax: &'static str,
        /// The octet of the MULTI text.
        position: i32,
    },
    /// What the sign stored is not what was written.
    #[error("the sign's CRC {theirs:#06x} of the message is not ours, {ours:#06x}")]
    Crc {
        /// Of what was written.
        ours: u16,
        /// Of what was stored, as the sign says.
        theirs: i32,
    },
    /// The sign would not light the message.
    #[error("the sign did not activate the message: {why}")]
    Activate {
        /// The word for `dmsActivateMsgError`, and for `dmsMultiSyntaxError` where it is that.
        why: String,
    },
    /// The sign shows something else.
    #[error("the sign shows something else than it was told: {shown:?}")]
    Differs {
        /// What it says it shows.
        shown: String,
    },
    /// The face is too near to its limit for this sign to be told of it; a newer one is about to come.
    #[error("too little is left of the face's time for this sign to be told of it")]
    TooOld,
    /// The sign cannot be asked in the way the city file says.
    #[error("the sign cannot be asked as configured: {0}")]
    Access(String),
    /// A fault of the sign leaves its face dark.
    #[error("the sign reports a fault that leaves it dark: {0}")]
    Dark(String),
    /// The sign is another node's, or may be before a write would be over.
    #[error("this node's lease of the sign is over, or too near to its end for a write")]
    Unleased,
    /// Another face is wanted by now, before the sign showed this one.
    #[error("another face is wanted by now")]
    Overtaken,
    /// A face does not fit its panel.
    #[error(transparent)]
    Fit(#[from] yunpark_signs::FitError),
    /// An MQTT sign refused a face.
    #[error("the sign refused version {version} of panel {panel}: {reason}")]
    Refused {
        /// The panel.
        panel: String,
        /// The face's version.
        version: u64,
        /// Its own words.
        reason: String,
    },
    /// A sign refused what it was told, with a code of its own.
    #[error("the sign refused {what}: code {code}")]
    Denied {
        /// What it was told.
        what: &'static str,
        /// Its code.
        code: u8,
    },
    /// A face's words cannot be written for this sign.
    #[error("the words cannot be written for this sign: {0}")]
    Text(String),
    /// The message to an MQTT sign could not be sent.
    #[error("the message to the sign could not be sent: {0}")]
    Publish(String),
}

impl Error {
    /// Whether the sign was not heard at all.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Publish(_))
    }

    /// What kind of thing is wrong with the sign; `None` if nothing is.
    pub fn cause(&self) -> Option<Cause> {
        Some(match self {
            Self::Unreachable(_) | Self::Publish(_) => Cause::Silent,
            Self::Snmp { .. } | Self::Activate { .. } | Self::Refused { .. } | Self::Denied { .. } => Cause::Refused,
            Self::Answer { .. } => Cause::Senseless,
            Self::Crc { .. } => Cause::Memory,
            Self::Differs { .. } => Cause::Differs,
            Self::Dark(_) => Cause::Dark,
            Self::Invalid { .. } | Self::TooOld | Self::Fit(_) | Self::Text(_) => Cause::Face,
            Self::Access(_) => Cause::Access,
            Self::Overtaken | Self::Unleased => return None,
        })
    }

    /// Whether it lies in the face and not in the sign: the next face may do.
    pub fn is_of_the_face(&self) -> bool {
        matches!(self, Self::TooOld | Self::Fit(_) | Self::Text(_))
    }
}

/// The most of a sign's own words that is kept, characters.
const MOST_WORDS: usize = 200;

/// What a sign said, fit to be told on: of bounded length, on one line.
fn quoted(words: &str) -> String {
    let plain = |character: char| if character.is_control() { '\u{FFFD}' } else { character };
    let mut quoted: String = words.chars().take(MOST_WORDS).map(plain).collect();
    if words.chars().nth(MOST_WORDS).is_some() {
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signs_words_are_told_on_in_bounded_length_on_one_line() {
        assert_eq!(quoted("too hot"), "too hot");
        assert_eq!(quoted("a\nb\u{1b}[2J"), "a\u{FFFD}b\u{FFFD}[2J");
        assert_eq!(quoted(&"满".repeat(100_000)).chars().count(), MOST_WORDS + 1);
    }
}
