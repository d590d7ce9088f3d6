//! Yunpark's own payloads: a space's state, a passage, a lot's count. Unknown keys are left alone, known ones are strict.

use std::{borrow::Cow, fmt};

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A space's state: `{"state":"occupied"|"free"|"unknown","at":…,"seq":…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceState {
    /// What the sensor says.
    pub state: State,
    /// When the device says it was so.
    pub at: DateTime<Utc>,
    /// The device's sequence number.
    pub seq: Option<u64>,
}

/// A state's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A vehicle stands on the space.
    Occupied,
    /// None does.
    Free,
    /// The sensor cannot tell.
    Unknown,
}

/// Vehicles that passed a counter: `{"direction":"in"|"out","count":1,"at":…,"seq":…,"lane":…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Into the lot, else out of it.
    pub inward: bool,
    /// How many, at least 1; absent means 1.
    pub count: u32,
    /// The counter's lane; absent means the lot's only one, the empty name.
    pub lane: String,
    /// When the device says they passed.
    pub at: DateTime<Utc>,
    /// The device's sequence number.
    pub seq: Option<u64>,
}

/// A lot's absolute count: `{"occupied":n}` or `{"free":n}`, with `at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// What was counted.
    pub counted: Counted,
    /// When the device says it was so.
    pub at: DateTime<Utc>,
    /// The device's sequence number.
    pub seq: Option<u64>,
}

/// What an absolute count counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Occupied places.
    Occupied(u32),
    /// Free places.
    Free(u32),
}

/// Why a native payload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NativeError {
    /// Not one JSON object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A field is missing or says what it may not say.
    #[error("field `{field}` {fault}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
}

const LONGEST_LANE: usize = 64;

/// Reads a space's state.
pub fn space_state(payload: &[u8]) -> Result<SpaceState, NativeError> {
    let fields = object(payload)?;
    let state = match fields.state.text("state")? {
        "occupied" => State::Occupied,
        "free" => State::Free,
        "unknown" => State::Unknown,
        _ => return fault("state", "must be \"occupied\", \"free\" or \"unknown\""),
    };
    Ok(SpaceState { state, at: fields.at()?, seq: fields.seq.natural("seq")? })
}

/// Reads a passage.
pub fn passage(payload: &[u8]) -> Result<Passage, NativeError> {
    let fields = object(payload)?;
    let inward = match fields.direction.text("direction")? {
        "in" => true,
        "out" => false,
        _ => return fault("direction", "must be \"in\" or \"out\""),
    };
    let count = fields.count.number("count")?.unwrap_or(1);
    if count == 0 {
        return fault("count", "must be at least 1");
    }
    let lane = if fields.lane == Field::Missing { "" } else { fields.lane.text("lane")? };
    if lane.len() > LONGEST_LANE {
        return fault("lane", "is longer than 64 bytes");
    }
    Ok(Passage { inward, count, lane: lane.to_owned(), at: fields.at()?, seq: fields.seq.natural("seq")? })
}

/// Reads a lot's absolute count.
pub fn count(payload: &[u8]) -> Result<Count, NativeError> {
    let fields = object(payload)?;
    let counted = match (fields.occupied.number("occupied")?, fields.free.number("free")?) {
        (Some(occupied), None) => Counted::Occupied(occupied),
        (None, Some(free)) => Counted::Free(free),
        (None, None) => return fault("occupied", "or `free` is required"),
        (Some(_), Some(_)) => return fault("occupied", "and `free` exclude each other"),
    };
    Ok(Count { counted, at: fields.at()?, seq: fields.seq.natural("seq")? })
}

fn fault<T>(field: &'static str, fault: &'static str) -> Result<T, NativeError> {
    Err(NativeError::Field { field, fault })
}

fn object(payload: &[u8]) -> Result<Fields<'_>, NativeError> {
    // A struct may also be written as an array in serde's eyes; not in ours.
    if payload.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(NativeError::NotAnObject);
    }
    serde_json::from_slice(payload).map_err(|_| NativeError::NotAnObject)
}

/// Every field of the three payloads; each reader takes those of its own.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    state: Field<'a>,
    #[serde(borrow, default)]
    at: Field<'a>,
    #[serde(borrow, default)]
    seq: Field<'a>,
    #[serde(borrow, default)]
    direction: Field<'a>,
    #[serde(borrow, default)]
    count: Field<'a>,
    #[serde(borrow, default)]
    lane: Field<'a>,
    #[serde(borrow, default)]
    occupied: Field<'a>,
    #[serde(borrow, default)]
    free: Field<'a>,
}

impl Fields<'_> {
    fn at(&self) -> Result<DateTime<Utc>, NativeError> {
        match DateTime::parse_from_rfc3339(self.at.text("at")?) {
            Ok(at) => Ok(at.to_utc()),
            Err(_) => fault("at", "is not an RFC 3339 instant"),
        }
    }
}

/// A field's value, borrowed from the payload, so that a fault can be told with the field's name.
#[derive(Debug, Default, PartialEq)]
enum Field<'a> {
    #[default]
    Missing,
    Text(Cow<'a, str>),
    Natural(u64),
    Other,
}

impl Field<'_> {
    fn text(&self, field: &'static str) -> Result<&str, NativeError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Missing => fault(field, "is required"),
            Self::Natural(_) | Self::Other => fault(field, "must be a text"),
        }
    }
    fn natural(&self, field: &'static str) -> Result<Option<u64>, NativeError> {
        match self {
            Self::Natural(number) => Ok(Some(*number)),
            Self::Missing => Ok(None),
            Self::Text(_) | Self::Other => fault(field, "must be a whole number, not negative"),
        }
    }
    fn number(&self, field: &'static str) -> Result<Option<u32>, NativeError> {
        match self.natural(field)?.map(u32::try_from) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => fault(field, "is too large"),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Field<'de>, E> {
        Ok(Field::Natural(number))
    }
    fn visit_i64<E>(self, _: i64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Field<'de>, E> {
        Ok(Field::Other)
    }
    fn visit_unit<E>(self) -> Result<Field<'de>, E> {
        Ok(Field::Missing)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Field<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: &str = "2026-03-10T09:15:00+08:00";

    fn at() -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(AT).unwrap().to_utc()
    }

    #[test]
    fn a_state_a_passage_and_a_count_are_read() {
        let state = space_state(format!(r#"{{"state":"free","at":"{AT}","seq":7,"rssi":-80}}"#).as_bytes());
        assert_eq!(state, Ok(SpaceState { state: State::Free, at: at(), seq: Some(7) }));
        let passed = passage(format!(r#"{{"direction":"out","count":2,"at":"{AT}","lane":"N\u0031"}}"#).as_bytes());
        assert_eq!(passed, Ok(Passage { inward: false, count: 2, lane: "N1".into(), at: at(), seq: None }));
        let counted = count(format!(r#"{{"free":0,"at":"{AT}"}}"#).as_bytes());
        assert_eq!(counted, Ok(Count { counted: Counted::Free(0), at: at(), seq: None }));
    }

    #[test]
    fn a_passage_without_count_is_one_vehicle_on_the_only_lane() {
        let passed = passage(format!(r#"{{"direction":"in","at":"{AT}"}}"#).as_bytes()).unwrap();
        assert_eq!((passed.inward, passed.count, passed.lane.as_str()), (true, 1, ""));
    }

    #[test]
    fn a_refusal_names_the_field() {
        type Reader = fn(&[u8]) -> Option<NativeError>;
        let (state, pass, sum): (Reader, Reader, Reader) =
            (|p| space_state(p).err(), |p| passage(p).err(), |p| count(p).err());
        for (reader, payload, told) in [
            (state, r#"{"at":"AT"}"#, "field `state` is required"),
            (state, r#"{"state":"full","at":"AT"}"#, "field `state` must be \"occupied\", \"free\" or \"unknown\""),
            (state, r#"{"state":true,"at":"AT"}"#, "field `state` must be a text"),
            (state, r#"{"state":"free"}"#, "field `at` is required"),
            (state, r#"{"state":"free","at":"yesterday"}"#, "field `at` is not an RFC 3339 instant"),
            (state, r#"{"state":"free","at":"AT","seq":-1}"#, "field `seq` must be a whole number, not negative"),
            (state, r#"{"state":"free","at":"AT","seq":1.5}"#, "field `seq` must be a whole number, not negative"),
            (pass, r#"{"direction":"up","at":"AT"}"#, "field `direction` must be \"in\" or \"out\""),
            (pass, r#"{"direction":"in","count":0,"at":"AT"}"#, "field `count` must be at least 1"),
            (pass, r#"{"direction":"in","count":-2,"at":"AT"}"#, "field `count` must be a whole number, not negative"),
            (pass, r#"{"direction":"in","count":4294967296,"at":"AT"}"#, "field `count` is too large"),
            (pass, r#"{"direction":"in","lane":[1],"at":"AT"}"#, "field `lane` must be a text"),
            (sum, r#"{"at":"AT"}"#, "field `occupied` or `free` is required"),
            (sum, r#"{"occupied":1,"free":1,"at":"AT"}"#, "field `occupied` and `free` exclude each other"),
            (sum, r#"{"occupied":{"n":1},"at":"AT"}"#, "field `occupied` must be a whole number, not negative"),
        ] {
            let error = reader(payload.replace("AT", AT).as_bytes()).unwrap_or_else(|| panic!("{payload} was taken"));
            assert_eq!(error.to_string(), told, "{payload}");
        }
        for payload in ["", "{", "[\"free\"]", "7", "\"free\"", "{\"state\":\"free\"} and more"] {
            assert_eq!(state(payload.as_bytes()), Some(NativeError::NotAnObject), "{payload}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (space_state(&payload), passage(&payload), count(&payload));
        }
    }
}
