//! Layouts that a city file declares for devices nobody wrote code for; see `docs/sensors.md`.
//!
//! A layout is a list of fields. Each says where its bits stand (a port, bytes, a mask), how the number is made of them, and
//! what it means. A frame's readings are those of the fields whose port and condition it meets.

use serde::{Deserialize, Serialize};

use crate::{
    codec::DecodeError,
    reading::{Cause, Health, LaneDirection, Reading},
};

/// A declared layout.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Its name, `vendor/model`.
    pub id: String,
    /// How often the device speaks at least, seconds.
    pub heartbeat_s: Option<u32>,
    /// What its frames say, in the order their readings are told.
    pub fields: Vec<Field>,
}

/// One field of a frame, or one metric of a gateway.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The port it is sent on; every port if absent.
    pub f_port: Option<u8>,
    /// Its first byte, from 0.
    pub byte: Option<u16>,
    /// The metric of this name in place of a byte (Sparkplug B).
    pub metric: Option<String>,
    /// One bit of that byte, 0 the lowest, in place of `bytes`.
    pub bit: Option<u8>,
    /// How many bytes, 1 to 8; 1 if absent.
    pub bytes: Option<u8>,
    /// Which byte comes first; the highest if absent.
    pub endian: Option<Endian>,
    /// Whether the highest bit is a sign; not if absent.
    pub signed: Option<bool>,
    /// The bits that count, moved down to the lowest.
    pub mask: Option<u64>,
    /// What the number is multiplied with; 1 if absent.
    pub scale: Option<f64>,
    /// What is then added; 0 if absent.
    pub offset: Option<f64>,
    /// What it means.
    pub meaning: Meaning,
    /// For yes-or-no meanings: the number that says yes; any but 0 if absent.
    pub equals: Option<i64>,
    /// Why an occupancy is told; `change` if absent.
    pub cause: Option<Cause>,
    /// Which way a counter counts; `both` if absent.
    pub direction: Option<LaneDirection>,
    /// The counter's lane.
    pub lane: Option<String>,
    /// Width of a running total, bits; that of its bytes or mask if absent.
    pub width_bits: Option<u8>,
    /// The word of a fault or a restart.
    pub text: Option<String>,
    /// The field may be missing at the end of a frame; not if absent.
    pub optional: Option<bool>,
    /// The field stands in the frame only if this holds.
    pub when: Option<Condition>,
}

/// Byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endian {
    /// The highest byte first.
    Big,
    /// The lowest byte first.
    Little,
}

/// What a byte of the frame must be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The byte, from 0.
    pub byte: u16,
    /// The bits of it that count; all if absent.
    pub mask: Option<u8>,
    /// What they must be, where they stand.
    pub equals: u8,
}

/// What a field means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// Yes: a vehicle stands there.
    Occupied,
    /// Yes: none does.
    Free,
    /// Vehicles counted since the counter's reset.
    CounterTotal,
    /// Vehicles counted since the last message.
    CounterDelta,
    /// Yes: the counters were set to zero.
    CounterReset,
    /// Places taken in the whole lot.
    LotOccupied,
    /// Places free in the whole lot.
    LotFree,
    /// Battery voltage, millivolts.
    BatteryMv,
    /// Battery charge, percent.
    BatteryPercent,
    /// Temperature, degrees Celsius.
    TemperatureC,
    /// Distance to the nearest object, millimetres.
    DistanceMm,
    /// Yes: the device is ill, in the words of `text`.
    Fault,
    /// Yes: the device has started again, in the words of `text`.
    Restart,
}

impl Meaning {
    /// All of them, as they stand above.
    pub const ALL: [Self; 13] = [
        Self::Occupied,
        Self::Free,
        Self::CounterTotal,
        Self::CounterDelta,
        Self::CounterReset,
        Self::LotOccupied,
        Self::LotFree,
        Self::BatteryMv,
        Self::BatteryPercent,
        Self::TemperatureC,
        Self::DistanceMm,
        Self::Fault,
        Self::Restart,
    ];
}

/// A number of a field, before and after its scale.
pub(crate) struct Number {
    pub(crate) raw: i64,
    pub(crate) scaled: f64,
}

impl Layout {
    /// Reads a frame. A port that no field has is refused, and so is a frame too short for a field that is not optional.
    pub fn decode(&self, f_port: Option<u8>, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
        let (mut found, mut readings, mut health) = (false, Vec::new(), Health::default());
        for field in &self.fields {
            let Some(byte) = field.byte else { continue };
            if field.f_port.is_some_and(|port| Some(port) != f_port) {
                continue;
            }
            found = true;
            if !field.when.as_ref().is_none_or(|condition| condition.holds(payload)) {
                continue;
            }
            let Some(number) = field.number(usize::from(byte), payload)? else { continue };
            field.tell(&number, &mut readings, &mut health)?;
        }
        match f_port {
            _ if found => {}
            Some(port) => return Err(DecodeError::UnknownPort { port }),
            None => return Err(DecodeError::NoPort),
        }
        if !health.is_empty() {
            readings.push(Reading::Health(health));
        }
        Ok(readings)
    }

    /// The running totals it tells: each lane with its direction.
    pub fn totals(&self) -> Vec<(Option<String>, LaneDirection)> {
        let total = |field: &Field| (field.lane.clone(), field.direction.unwrap_or(LaneDirection::Both));
        self.fields.iter().filter(|field| field.meaning == Meaning::CounterTotal).map(total).collect()
    }

    /// Reads a gateway's metric; `None` if the layout does not name it.
    pub(crate) fn metric(&self, name: &str, number: f64) -> Option<Result<Vec<Reading>, DecodeError>> {
        let field = self.fields.iter().find(|field| field.metric.as_deref() == Some(name))?;
        let (mut readings, mut health) = (Vec::new(), Health::default());
        let scaled = number * field.scale.unwrap_or(1.0) + field.offset.unwrap_or(0.0);
        let told = field.tell(&Number { raw: number as i64, scaled }, &mut readings, &mut health);
        if !health.is_empty() {
            readings.push(Reading::Health(health));
        }
        Some(told.map(|()| readings))
    }
}

impl Condition {
    fn holds(&self, payload: &[u8]) -> bool {
        payload.get(usize::from(self.byte)).is_some_and(|byte| byte & self.mask.unwrap_or(0xFF) == self.equals)
    }
}

impl Field {
    /// The field's number in a frame; `None` if it is optional and missing.
    fn number(&self, byte: usize, payload: &[u8]) -> Result<Option<Number>, DecodeError> {
        let count = usize::from(self.bytes.unwrap_or(1).clamp(1, 8));
        let left = payload.len().saturating_sub(byte);
        let Some(bytes) = payload.get(byte..byte + count) else {
            return if self.optional.unwrap_or_default() {
                Ok(None)
            } else {
                Err(DecodeError::Truncated { at: byte, wanted: count, left })
            };
        };
        let whole = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        let mut number = match self.endian {
            None | Some(Endian::Big) => bytes.iter().fold(0, whole),
            Some(Endian::Little) => bytes.iter().rev().fold(0, whole),
        };
        let mut width = count as u32 * 8;
        if let Some(mask) = self.bit.map(|bit| 1 << bit.min(7)).or(self.mask).filter(|mask| *mask != 0) {
            number = (number & mask) >> mask.trailing_zeros();
            width = 64 - (mask >> mask.trailing_zeros()).leading_zeros();
        }
        // A sign is the highest bit of those that count.
        let signed = self.signed.unwrap_or_default();
        let raw = if signed { (number << (64 - width)) as i64 >> (64 - width) } else { number as i64 };
        let plain = if signed { raw as f64 } else { number as f64 };
        let scaled = plain * self.scale.unwrap_or(1.0) + self.offset.unwrap_or(0.0);
        Ok(Some(Number { raw, scaled }))
    }

    /// Width of the field's number, bits.
    fn width_bits(&self) -> u8 {
        let of_mask = self.mask.filter(|mask| *mask != 0).map(|mask| mask.count_ones() as u8);
        self.width_bits
            .or(of_mask)
            .unwrap_or_else(|| self.bytes.map_or(if self.metric.is_some() { 32 } else { 8 }, |n| n * 8))
    }

    fn tell(&self, number: &Number, readings: &mut Vec<Reading>, health: &mut Health) -> Result<(), DecodeError> {
        let yes = self.equals.map_or(number.raw != 0, |equals| number.raw == equals);
        let cause = self.cause.unwrap_or(Cause::Change);
        let direction = self.direction.unwrap_or(LaneDirection::Both);
        let lane = || self.lane.clone().map(Into::into);
        let word = || self.text.clone().unwrap_or_else(|| "declared".to_owned()).into();
        match self.meaning {
            Meaning::Occupied => readings.push(Reading::Occupancy { occupied: yes, cause }),
            Meaning::Free => readings.push(Reading::Occupancy { occupied: !yes, cause }),
            Meaning::CounterTotal => {
                let (value, width_bits) = (whole(number.scaled)?, self.width_bits());
                readings.push(Reading::CounterTotal { direction, lane: lane(), value, width_bits });
            }
            Meaning::CounterDelta => {
                readings.push(Reading::CounterDelta { direction, count: count(number.scaled)?, lane: lane() });
            }
            Meaning::CounterReset if yes => readings.push(Reading::CounterReset),
            Meaning::LotOccupied => readings.push(Reading::LotOccupied { count: count(number.scaled)? }),
            Meaning::LotFree => readings.push(Reading::LotFree { count: count(number.scaled)? }),
            Meaning::BatteryMv => health.battery_mv = Some(count(number.scaled)?),
            Meaning::BatteryPercent => health.battery_percent = Some(number.scaled.clamp(0.0, 100.0).round() as u8),
            Meaning::TemperatureC => health.temperature_c = Some(tidy(number.scaled)),
            Meaning::DistanceMm => readings.push(Reading::Distance { value_mm: count(number.scaled)? }),
            Meaning::Fault if yes => {
                health.fault.get_or_insert_with(word);
            }
            Meaning::Restart if yes => readings.push(Reading::Restart { cause: word() }),
            Meaning::CounterReset | Meaning::Fault | Meaning::Restart => {}
        }
        Ok(())
    }
}

/// To a ten-thousandth, so that a scale of 0.1 does not show as 21.400000000000002.
fn tidy(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

fn whole(number: f64) -> Result<u64, DecodeError> {
    let rounded = number.round();
    // Above 2^53 a number has no whole part of its own any more.
    if (0.0..=9_007_199_254_740_992.0).contains(&rounded) {
        Ok(rounded as u64)
    } else {
        Err(DecodeError::Value { what: "a negative or an immense count" })
    }
}

fn count(number: f64) -> Result<u32, DecodeError> {
    u32::try_from(whole(number)?).map_err(|_| DecodeError::Value { what: "an immense count" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn layout(fields: serde_json::Value) -> Layout {
        serde_json::from_value(json!({"id": "acme/bay", "heartbeat_s": 600, "fields": fields})).unwrap()
    }

    #[test]
    fn bits_integers_and_scales_make_readings() {
        let layout = layout(json!([
            {"f_port": 2, "byte": 0, "bit": 3, "meaning": "occupied", "cause": "heartbeat"},
            {"f_port": 2, "byte": 1, "bytes": 2, "endian": "little", "signed": true, "scale": 0.1, "meaning": "temperature_c"},
            {"f_port": 2, "byte": 3, "scale": 20, "offset": 2000, "meaning": "battery_mv"},
            {"f_port": 2, "byte": 0, "bit": 7, "meaning": "fault", "text": "magnet"},
            {"f_port": 2, "byte": 4, "bytes": 2, "meaning": "distance_mm", "optional": true},
            {"f_port": 3, "byte": 0, "bytes": 2, "mask": 0x0fff, "meaning": "counter_total", "direction": "in", "lane": "1"},
        ]));
        let told = layout.decode(Some(2), &[0x88, 0x9c, 0xff, 80]).unwrap();
        let health = Health {
            temperature_c: Some(-10.0),
            battery_mv: Some(3600),
            fault: Some("magnet".into()),
            ..Health::default()
        };
        let occupied = Reading::Occupancy { occupied: true, cause: Cause::Heartbeat };
        assert_eq!(told, [occupied, Reading::Health(health)]);
        assert_eq!(layout.decode(Some(2), &[0, 0, 0, 0, 2, 1]).unwrap()[1], Reading::Distance { value_mm: 513 });
        let total = Reading::CounterTotal {
            direction: LaneDirection::In,
            lane: Some("1".into()),
            value: 0x345,
            width_bits: 12,
        };
        assert_eq!(layout.decode(Some(3), &[0xf3, 0x45]).unwrap(), [total]);
        assert_eq!(layout.decode(Some(4), &[1]), Err(DecodeError::UnknownPort { port: 4 }));
        assert_eq!(layout.decode(None, &[1]), Err(DecodeError::NoPort));
        assert!(matches!(layout.decode(Some(2), &[1]), Err(DecodeError::Truncated { at: 1, wanted: 2, left: 0 })));
    }

    #[test]
    fn a_condition_tells_frames_apart() {
        let layout = layout(json!([
            {"byte": 1, "meaning": "free", "when": {"byte": 0, "mask": 15, "equals": 2}},
            {"byte": 1, "meaning": "occupied", "equals": 7, "when": {"byte": 0, "equals": 3}},
        ]));
        let state = |occupied| Reading::Occupancy { occupied, cause: Cause::Change };
        assert_eq!(layout.decode(None, &[0x52, 1]).unwrap(), [state(false)]);
        assert_eq!(layout.decode(Some(9), &[3, 7]).unwrap(), [state(true)]);
        assert_eq!(layout.decode(None, &[3, 1]).unwrap(), [state(false)]);
        assert_eq!(layout.decode(None, &[9, 1]).unwrap(), []);
        assert_eq!(layout.decode(None, &[]).unwrap(), []);
    }

    #[test]
    fn a_signed_field_within_a_mask_keeps_its_sign() {
        let layout = layout(json!([{"byte": 0, "mask": 0xf0, "signed": true, "meaning": "temperature_c"}]));
        let health = Health { temperature_c: Some(-1.0), ..Health::default() };
        assert_eq!(layout.decode(None, &[0xf3]).unwrap(), [Reading::Health(health)]);
    }

    proptest! {
        #[test]
        fn no_declared_field_reads_past_a_frame_or_panics(
            byte in 0_u16..300, bytes in 1_u8..9, mask: Option<u64>, signed: bool, scale: Option<f64>,
            frame in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            for meaning in ["occupied", "counter_total", "counter_delta", "battery_mv", "battery_percent", "temperature_c", "distance_mm", "fault"] {
                let field = json!({"byte": byte, "bytes": bytes, "mask": mask, "signed": signed, "scale": scale, "meaning": meaning});
                let told = layout(json!([field])).decode(Some(1), &frame);
                let fits = usize::from(byte) + usize::from(bytes) <= frame.len();
                prop_assert!(fits || told.is_err());
            }
        }
    }
}
