//! What one frame of a device says, whatever device and layout it came from.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer, ser::Error as _};

/// A word of a layout: fixed for codecs of this crate, owned where a city file declares it.
pub type Word = Cow<'static, str>;

/// One statement of a device's frame, with the units in the names.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reading {
    /// Whether a vehicle stands over the sensor.
    Occupancy {
        /// A vehicle stands there.
        occupied: bool,
        /// Why the device speaks now.
        cause: Cause,
    },
    /// Vehicles counted since the counter's last reset; it wraps at `2^width_bits`.
    CounterTotal {
        /// Which way they passed.
        direction: LaneDirection,
        /// The counter's lane, where the device has several.
        #[serde(skip_serializing_if = "Option::is_none")]
        lane: Option<Word>,
        /// The counter's value.
        value: u64,
        /// Width of the counter, bits.
        width_bits: u8,
    },
    /// Vehicles counted since the device's last message.
    CounterDelta {
        /// Which way they passed.
        direction: LaneDirection,
        /// How many.
        count: u32,
        /// The counter's lane, where the device has several.
        #[serde(skip_serializing_if = "Option::is_none")]
        lane: Option<Word>,
    },
    /// The device set its counters to zero.
    CounterReset,
    /// How many places of the whole lot are taken, as a camera or a lot's controller sees it.
    LotOccupied {
        /// Places taken.
        count: u32,
    },
    /// How many places of the whole lot are free.
    LotFree {
        /// Places free.
        count: u32,
    },
    /// How the device itself is.
    Health(Health),
    /// Distance to the nearest object.
    Distance {
        /// Millimetres.
        value_mm: u32,
    },
    /// The device started again.
    Restart {
        /// Why, in the layout's own word.
        cause: Word,
    },
    /// What the device had kept and tells late: stored, and never taken for the present.
    #[serde(untagged)]
    Historical(Box<Historical>),
}

/// A reading of the past; written as the reading itself with `at` and `historical` beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Historical {
    /// What was so.
    pub reading: Reading,
    /// When, by the device's clock.
    pub at: DateTime<Utc>,
}

impl Serialize for Historical {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Through a value of its own: a reading flattened into itself would be a type without end.
        let mut told = serde_json::to_value(&self.reading).map_err(S::Error::custom)?;
        if let Some(fields) = told.as_object_mut() {
            fields.insert("at".to_owned(), serde_json::to_value(self.at).map_err(S::Error::custom)?);
            fields.insert("historical".to_owned(), true.into());
        }
        told.serialize(serializer)
    }
}

impl Reading {
    /// A reading of the past.
    pub fn historical(reading: Self, at: DateTime<Utc>) -> Self {
        Self::Historical(Box::new(Historical { reading, at }))
    }
}

/// How a device is, as far as it says.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Health {
    /// Battery voltage, millivolts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_mv: Option<u32>,
    /// Battery charge, percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_percent: Option<u8>,
    /// Temperature, degrees Celsius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<f64>,
    /// What ails it, in the layout's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Word>,
}

impl Health {
    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Notes a fault; the first one of a frame stands.
    pub(crate) fn ails(&mut self, fault: &'static str) {
        self.fault.get_or_insert(Cow::Borrowed(fault));
    }
}
/// Why a device states an occupancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It changed.
    Change,
    /// It is time to say it again.
    Heartbeat,
    /// The device has just started.
    Startup,
}

/// Which way a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneDirection {
    /// Into the lot.
    In,
    /// Out of the lot.
    Out,
    /// Both ways together.
    Both,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(reading: &Reading) -> String {
        serde_json::to_string(reading).unwrap()
    }

    #[test]
    fn a_reading_is_written_with_absent_keys_absent() {
        let occupied = Reading::Occupancy { occupied: true, cause: Cause::Heartbeat };
        assert_eq!(json(&occupied), r#"{"kind":"occupancy","occupied":true,"cause":"heartbeat"}"#);
        let health = Reading::Health(Health { battery_mv: Some(3580), temperature_c: Some(21.5), ..Health::default() });
        assert_eq!(json(&health), r#"{"kind":"health","battery_mv":3580,"temperature_c":21.5}"#);
        let total =
            Reading::CounterTotal { direction: LaneDirection::In, lane: Some("1".into()), value: 7, width_bits: 16 };
        assert_eq!(json(&total), r#"{"kind":"counter_total","direction":"in","lane":"1","value":7,"width_bits":16}"#);
        let delta = Reading::CounterDelta { direction: LaneDirection::Both, count: 2, lane: None };
        assert_eq!(json(&delta), r#"{"kind":"counter_delta","direction":"both","count":2}"#);
        assert_eq!(json(&Reading::CounterReset), r#"{"kind":"counter_reset"}"#);
        assert_eq!(json(&Reading::Distance { value_mm: 640 }), r#"{"kind":"distance","value_mm":640}"#);
        assert_eq!(json(&Reading::Restart { cause: "watchdog".into() }), r#"{"kind":"restart","cause":"watchdog"}"#);
        let past = Reading::historical(delta, DateTime::UNIX_EPOCH);
        let told = serde_json::json!({"kind": "counter_delta", "direction": "both", "count": 2, "at": "1970-01-01T00:00:00Z", "historical": true});
        assert_eq!(serde_json::to_value(&past).unwrap(), told);
    }
}
