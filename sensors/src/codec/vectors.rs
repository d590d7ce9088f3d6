//! Replays the collected frames whose meaning was verified against a second decoder.

use serde::Deserialize;
use serde_json::Value;

use super::Codec;
use crate::reading::Reading;

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
    match (vector.vendor.as_str(), &vector.device) {
        ("bosch", device) if device.starts_with("TPS110") => Some(Codec::BoschTps110),
        ("nwave", device) if device.starts_with("NPS405") => Some(Codec::NwaveNps405),
        _ => None,
    }
}

#[test]
fn verified_frames_of_both_bay_sensors_decode_as_collected() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/sensors/vectors.json");
    let vectors: Vec<Vector> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut replayed = 0;
    for vector in vectors.iter().filter(|vector| vector.verified == "yes") {
        let Some(codec) = codec_of(vector) else { continue };
        replayed += 1;
        let frame = &vector.bytes_hex;
        let decoded = codec.decode(vector.fport, &bytes(frame));
        if vector.expected["error"] == true {
            assert!(decoded.is_err(), "{codec} {frame} should be refused");
            continue;
        }
        let readings = decoded.unwrap_or_else(|error| panic!("{codec} {frame}: {error}"));
        let occupied = readings.iter().find_map(|reading| match reading {
            Reading::Occupancy { occupied, .. } => Some(*occupied),
            _ => None,
        });
        assert_eq!(occupied, vector.expected["occupied"].as_bool(), "{codec} {frame}");
        // Two public decoders name the same causes in two ways.
        if let Some(cause) = vector.expected.get("resetCause").or_else(|| vector.expected.get("reset_cause")) {
            let word =
                |text: &str| text.to_lowercase().replace("resets", "").replace("reset", "").replace([' ', '_'], "");
            let found = readings.iter().find_map(|reading| match reading {
                Reading::Restart { cause } => Some(word(cause)),
                _ => None,
            });
            assert_eq!(found, cause.as_str().map(word), "{codec} {frame}");
        }
    }
    assert!(replayed >= 14, "only {replayed} frames replayed");
}
