//! Frames of every codec and of declared layouts: the first byte chooses which, the second is the port.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use yunpark_sensors::{Codec, Reading, declared::Layout};

/// Layouts with every kind of field, one after another.
fn layouts() -> &'static [Layout] {
    static LAYOUTS: OnceLock<Vec<Layout>> = OnceLock::new();
    LAYOUTS.get_or_init(|| {
        let meanings = [
            "occupied", "free", "counter_total", "counter_delta", "counter_reset", "lot_occupied", "lot_free", "battery_mv",
            "battery_percent", "temperature_c", "distance_mm", "fault", "restart",
        ];
        let layout = |bytes: u8, signed: bool, endian: &str, scale: f64| {
            let fields: Vec<serde_json::Value> = meanings
                .iter()
                .enumerate()
                .map(|(at, meaning)| {
                    serde_json::json!({
                        "byte": at, "bytes": bytes, "signed": signed, "endian": endian, "scale": scale, "offset": -3,
                        "meaning": meaning, "optional": at % 2 == 0, "when": {"byte": 0, "mask": 1, "equals": at % 2},
                    })
                })
                .collect();
            serde_json::from_value(serde_json::json!({"id": "fuzz/all", "heartbeat_s": null, "fields": fields})).unwrap()
        };
        vec![layout(1, false, "big", 1.0), layout(2, true, "little", 0.1), layout(8, true, "big", 1e9), layout(8, false, "little", -1.0)]
    })
}

fuzz_target!(|data: &[u8]| {
    let [which, port, frame @ ..] = data else { return };
    let port = (*port != 0).then_some(*port);
    let which = usize::from(*which);
    let read = match Codec::ALL.get(which) {
        Some(codec) => codec.decode(port, frame),
        None => layouts()[which % layouts().len()].decode(port, frame),
    };
    let Ok(readings) = read else { return };
    // Nothing is made of nothing: a frame tells no more readings than it has bytes for, and each is written as JSON.
    assert!(readings.len() <= 2 + frame.len() * 2, "{} readings of {} bytes", readings.len(), frame.len());
    for reading in &readings {
        if let Reading::CounterTotal { value, width_bits, .. } = reading
            && which < Codec::ALL.len()
        {
            assert!(*value < 1 << *width_bits);
        }
    }
    serde_json::to_string(&readings).unwrap();
});
