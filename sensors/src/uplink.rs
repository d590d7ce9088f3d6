//! What a message of a device says, whichever network server, gateway or camera it came through.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    codec::DecodeError,
    decoder::Decoder,
    reading::{Health, Reading},
};

/// The format a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// ChirpStack 4.
    ChirpStack,
    /// The Things Stack 3.
    TheThingsStack,
    /// Sparkplug B.
    Sparkplug,
    /// Object counting of an Axis camera.
    Axis,
    /// Counting of a Milesight camera.
    MilesightCamera,
    /// Counting of a Hikvision camera.
    Hikvision,
}

impl Source {
    /// Its name in stores and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChirpStack => "chirpstack",
            Self::TheThingsStack => "the_things_stack",
            Self::Sparkplug => "sparkplug",
            Self::Axis => "axis",
            Self::MilesightCamera => "milesight_camera",
            Self::Hikvision => "hikvision",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which event it is: the same event, delivered again by whatever way, has the same identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventId {
    /// The format it came in.
    pub source: Source,
    /// The device, as the city file names it.
    pub device: String,
    /// The device's session; frame counters begin again with each.
    pub session: Option<String>,
    /// The frame counter; where a format has none, the device's own instant in milliseconds since 1970.
    pub f_cnt: u64,
    /// Place of the reading within the frame, from 0.
    pub index: u32,
}

/// Most gateways kept of one uplink.
const MOST_GATEWAYS: usize = 16;

/// How a message came, as far as its envelope tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// The gateways that heard it, by their names in the network server.
    pub gateways: Vec<String>,
    /// The frame's port; `None` for a frame of the network alone, and for messages that are no frames.
    pub f_port: Option<u8>,
    /// The frame's bytes; empty for messages that are no frames.
    pub frame: Vec<u8>,
}

/// The names of the gateways that heard an uplink, each once, without those that have none.
pub(crate) fn gateways<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        if kept.len() < MOST_GATEWAYS && !kept.iter().any(|known| known == name) {
            kept.push(name.to_owned());
        }
    }
    kept
}

/// A device's frame, out of its network server's envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    /// Which network server's.
    pub source: Source,
    /// The device: its EUI in lower-case hexadecimal, or its name where the envelope has no EUI.
    pub device_id: String,
    /// The device's session, new on every join; frame counters are compared within one session only.
    pub session: Option<String>,
    /// The frame counter; absent in the envelope means 0.
    pub f_cnt: u32,
    /// The gateways, the port and the bytes.
    pub way: Way,
    /// When the network server received it.
    pub network_time: Option<DateTime<Utc>>,
}

impl Uplink {
    /// What the frame says. A frame of the network alone says nothing.
    pub fn report(self, decoder: &Decoder) -> Result<Report, DecodeError> {
        let readings = match self.way.f_port {
            None if self.way.frame.is_empty() => Vec::new(),
            port => decoder.decode(port, &self.way.frame)?,
        };
        Ok(Report {
            source: self.source,
            device_id: self.device_id,
            session: self.session,
            f_cnt: u64::from(self.f_cnt),
            is_numbered: true,
            network_time: self.network_time,
            way: self.way,
            told: readings.into_iter().map(Told::of).collect(),
        })
    }
}

/// What one message of a device says.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The format it came in.
    pub source: Source,
    /// The device, as the city file names it.
    pub device_id: String,
    /// The device's session.
    pub session: Option<String>,
    /// The frame counter, or the device's instant in milliseconds since 1970.
    pub f_cnt: u64,
    /// Whether `f_cnt` is a frame counter, by which messages of one session are ordered.
    pub is_numbered: bool,
    /// When the network received it.
    pub network_time: Option<DateTime<Utc>>,
    /// How it came.
    pub way: Way,
    /// What it says, in its order.
    pub told: Vec<Told>,
}

impl Report {
    /// The identity of the reading at `index`.
    pub fn event_id(&self, index: usize) -> EventId {
        EventId {
            source: self.source,
            device: self.device_id.clone(),
            session: self.session.clone(),
            f_cnt: self.f_cnt,
            index: u32::try_from(index).unwrap_or(u32::MAX),
        }
    }

    /// A report of one reading about the device itself.
    pub(crate) fn of_health(source: Source, device_id: String, at: Option<DateTime<Utc>>, health: Health) -> Self {
        Self {
            source,
            device_id,
            session: None,
            f_cnt: at.map_or(0, |at| at.timestamp_millis().unsigned_abs()),
            is_numbered: false,
            network_time: at,
            way: Way::default(),
            told: vec![Told::of(Reading::Health(health))],
        }
    }
}

/// One reading, and when it was so where the device says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What is said; never [`Reading::Historical`].
    pub reading: Reading,
    /// The device's own instant.
    pub device_time: Option<DateTime<Utc>>,
    /// Told late out of the device's memory: stored, and never taken for the present.
    pub is_historical: bool,
}

impl Told {
    /// A reading of a frame.
    pub fn of(reading: Reading) -> Self {
        match reading {
            Reading::Historical(past) => {
                Self { reading: past.reading, device_time: Some(past.at), is_historical: true }
            }
            reading => Self { reading, device_time: None, is_historical: false },
        }
    }

    /// A reading at the device's own instant.
    pub(crate) fn at(reading: Reading, device_time: DateTime<Utc>) -> Self {
        Self { reading, device_time: Some(device_time), is_historical: false }
    }
}

/// A device has joined its network: a new session begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The device.
    pub device_id: String,
    /// The new session, where the message names it.
    pub session: Option<String>,
    /// When the network server says so.
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
    /// A time that cannot be read.
    #[error("the network server's time is not RFC 3339")]
    BadTime,
    /// A field of a camera's or gateway's message that cannot be read.
    #[error("field `{field}` {fault}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// Not the format's binary or XML.
    #[error("not a message of this format: {reason}")]
    Format {
        /// What the parser says, without the message's content.
        reason: &'static str,
    },
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
    if let Some(at) = plain_time(text) {
        return Ok(Some(at));
    }
    DateTime::parse_from_rfc3339(text).map(|at| Some(at.to_utc())).map_err(|_| EnvelopeError::BadTime)
}

/// The form both network servers write, `2026-07-29T08:00:00.123456789Z` or `+00:00`, read without a general parser; `None`
/// for any other, which may still be a time.
fn plain_time(text: &str) -> Option<DateTime<Utc>> {
    let (seconds, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', i0, i1, b':', s0, s1] = *seconds else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
    };
    let rest = rest.strip_suffix(b"Z").or_else(|| rest.strip_suffix(b"+00:00"))?;
    let nanos = match rest {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => {
            number(digits)? * 10_u32.pow(9 - u32::try_from(digits.len()).ok()?)
        }
        _ => return None,
    };
    let year = i32::try_from(number(&[y0, y1, y2, y3])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&[m0, m1])?, number(&[d0, d1])?)?;
    let time = date.and_hms_nano_opt(number(&[h0, h1])?, number(&[i0, i1])?, number(&[s0, s1])?, nanos)?;
    Some(time.and_utc())
}

pub(crate) fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_is_read_as_the_general_parser_reads_it(seconds in 0_i64..253_402_300_799, nanos in 0_u32..1_000_000_000, form in 0_usize..4, z in any::<bool>()) {
            let form = [SecondsFormat::Secs, SecondsFormat::Millis, SecondsFormat::Micros, SecondsFormat::Nanos][form];
            let text = DateTime::from_timestamp(seconds, nanos).unwrap().to_rfc3339_opts(form, z);
            let general = DateTime::parse_from_rfc3339(&text).unwrap().to_utc();
            prop_assert_eq!(plain_time(&text), Some(general));
        }

        #[test]
        fn what_is_no_time_for_the_general_parser_is_none(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,10})?(Z|\\+00:00)") {
            let general = DateTime::parse_from_rfc3339(&text).ok().map(|at| at.to_utc());
            prop_assert_eq!(time(&text).ok().flatten(), general);
        }
    }
}
