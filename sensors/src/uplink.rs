//! An uplink of a LoRaWAN network server, whichever server it came from.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};

/// A device's frame, out of its network server's envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    /// The device: its EUI in lower-case hexadecimal, or its name where the envelope has no EUI.
    pub device_id: String,
    /// The device's session, new on every join; frame counters are compared within one session only.
    pub session: Option<String>,
    /// The frame counter; absent in the envelope means 0.
    pub f_cnt: u32,
    /// The frame's port; `None` for a frame of the network alone.
    pub f_port: Option<u8>,
    /// The frame's bytes.
    pub payload: Vec<u8>,
    /// When the network server received it.
    pub network_time: Option<DateTime<Utc>>,
}

/// Why an envelope cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, or a field of the wrong type.
    #[error("not an uplink: line {line}, column {column}")]
    Malformed {
        /// Line of the first fault.
        line: usize,
        /// Column of the first fault.
        column: usize,
    },
    /// The envelope names no device.
    #[error("the uplink names no device")]
    NoDevice,
    /// The frame is not base64.
    #[error("the frame is not base64")]
    NotBase64,
    /// The network server's time is not RFC 3339.
    #[error("the network server's time is not RFC 3339")]
    BadTime,
}

impl From<serde_json::Error> for EnvelopeError {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed { line: error.line(), column: error.column() }
    }
}

pub(crate) fn frame(base64: &str) -> Result<Vec<u8>, EnvelopeError> {
    STANDARD.decode(base64).map_err(|_| EnvelopeError::NotBase64)
}

/// An empty text is an absent time.
pub(crate) fn time(text: &str) -> Result<Option<DateTime<Utc>>, EnvelopeError> {
    if text.is_empty() {
        return Ok(None);
    }
    DateTime::parse_from_rfc3339(text).map(|at| Some(at.to_utc())).map_err(|_| EnvelopeError::BadTime)
}

pub(crate) fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
