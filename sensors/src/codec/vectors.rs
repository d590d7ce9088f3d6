//! Replays the collected frames whose meaning was verified against a second decoder, field by field.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Codec;

#[derive(Deserialize)]
struct Vector {
    vendor: String,
    device: String,
    fport: Option<u8>,
    bytes_hex: String,
    expected: Value,
    verified: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn codec_of(vector: &Vector) -> Option<Codec> {
    let model = vector.device.split([' ', '(']).next().unwrap().to_lowercase();
    let name = match (vector.vendor.as_str(), model.as_str()) {
        ("bosch", _) => "bosch/tps110".to_owned(),
        ("pni", _) => "pni/placepod".to_owned(),
        ("parametric/pmx", _) => "parametric/pmx-tcr".to_owned(),
        ("milesight-iot", model) => format!("milesight/{model}"),
        (vendor, model) => format!("{vendor}/{model}"),
    };
    name.parse().ok()
}

/// What a frame's readings say, in the words of the collection.
#[derive(Default)]
struct Said {
    readings: Vec<Value>,
}

impl Said {
    fn first(&self, kind: &str, key: &str, also: &[(&str, Value)]) -> Option<Value> {
        let matches = |reading: &&Value| {
            reading["kind"] == kind
                && reading.get("historical").is_none()
                && reading.get(key).is_some()
                && also.iter().all(|(key, value)| reading.get(key).unwrap_or(&Value::Null) == value)
        };
        self.readings.iter().find(matches).map(|reading| reading[key].clone())
    }

    /// The value of a field of the collection, or `None` for one that readings do not carry.
    #[expect(
        clippy::option_option,
        reason = "a field that no reading carries, and one this frame does not, are two things"
    )]
    fn field(&self, name: &str) -> Option<Option<Value>> {
        let number = |value: Option<Value>, scale: f64| value.map(|v| json!(v.as_f64().unwrap() / scale));
        let lane = |line: &str, direction: &str| [("lane", json!(line)), ("direction", json!(direction))];
        let passage = |direction: &str| [("lane", Value::Null), ("direction", json!(direction))];
        Some(match name {
            "occupied" | "occupancy" | "presence_21" => self.first("occupancy", "occupied", &[]),
            "battery" | "battery_main" | "battery_node" => {
                let percent = self.first("health", "battery_percent", &[]);
                percent.or_else(|| number(self.first("health", "battery_mv", &[]), 1000.0))
            }
            "analog_input_3" | "volts" => number(self.first("health", "battery_mv", &[]), 1000.0),
            "temperature" | "Temperature" | "temperature_2" => self.first("health", "temperature_c", &[]),
            "distance" => self.first("distance", "value_mm", &[]),
            "counter_value" => self.first("counter_total", "value", &[]),
            "digital_input_33" => {
                let reset = self.readings.iter().any(|r| r["kind"] == "counter_reset").then(|| json!(128));
                self.first("counter_total", "value", &[]).or(reset)
            }
            "total_in" => self.first("counter_total", "value", &passage("in")),
            "total_out" => self.first("counter_total", "value", &passage("out")),
            "period_in" | "ud_ltr_cnt" => self.first("counter_delta", "count", &passage("in")),
            "period_out" | "ud_rtl_cnt" => self.first("counter_delta", "count", &passage("out")),
            "cat1_ltr_cnt" => self.first("counter_delta", "count", &lane("cat1", "in")),
            "cat1_rtl_cnt" => self.first("counter_delta", "count", &lane("cat1", "out")),
            "cat3_ltr_cnt" => self.first("counter_delta", "count", &lane("cat3", "in")),
            "cat3_rtl_cnt" => self.first("counter_delta", "count", &lane("cat3", "out")),
            name if name.starts_with("line_") => {
                let parts: Vec<&str> = name.split('_').collect();
                match parts[2] {
                    "total" => self.first("counter_total", "value", &lane(parts[1], parts[3])),
                    _ => self.first("counter_delta", "count", &lane(parts[1], parts[3])),
                }
            }
            "resetCause" | "reset_cause" => self.first("restart", "cause", &[]),
            "position" => self.first("health", "fault", &[]),
            _ => return None,
        })
    }
}

/// Two public decoders name the same things in two ways.
fn same(found: &Value, expected: &Value) -> bool {
    let word = |text: &str| text.to_lowercase().replace("resets", "").replace("reset", "").replace([' ', '_'], "");
    match (found, expected) {
        (Value::Bool(found), Value::String(word)) => *found == (word == "occupied"),
        (Value::Bool(found), Value::Number(number)) => *found == (number.as_i64() != Some(0)),
        (Value::String(found), Value::String(expected)) => word(found) == word(expected),
        (Value::Number(found), Value::Number(expected)) => found.as_f64() == expected.as_f64(),
        _ => found == expected,
    }
}

#[test]
fn collected_frames_decode_as_they_were_verified() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/sensors/vectors.json");
    let vectors: Vec<Vector> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let (mut replayed, mut compared) = (0, 0);
    for vector in vectors.iter().filter(|vector| vector.verified != "mismatch") {
        let Some(codec) = codec_of(vector) else { continue };
        replayed += 1;
        let frame = &vector.bytes_hex;
        let decoded = codec.decode(vector.fport, &bytes(frame));
        if vector.expected["error"] == true || vector.expected.get("errors").is_some() {
            assert!(decoded.is_err(), "{codec} {frame} should be refused");
            compared += 1;
            continue;
        }
        let readings = decoded.unwrap_or_else(|error| panic!("{codec} {frame}: {error}"));
        let said = Said { readings: readings.iter().map(|reading| serde_json::to_value(reading).unwrap()).collect() };
        let groups: Vec<&Map<String, Value>> = match &vector.expected {
            Value::Array(groups) => groups.iter().filter_map(Value::as_object).take(1).collect(),
            other => other.as_object().into_iter().collect(),
        };
        for (name, expected) in groups.into_iter().flatten() {
            let Some(found) = said.field(name) else { continue };
            let found = found.unwrap_or_else(|| panic!("{codec} {frame}: {name} is not told"));
            assert!(same(&found, expected), "{codec} {frame}: {name} is {found}, not {expected}");
            compared += 1;
        }
    }
    assert!(replayed >= 57 && compared >= 100, "only {replayed} frames replayed, {compared} fields compared");
}
