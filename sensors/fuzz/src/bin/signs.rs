//! What signs answer, and what emulated signs are told: the first byte chooses the protocol.
//!
//! Modbus has no reader of ours (its crate reads it), and SNMP neither; what NTCIP carries in SNMP is read here.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yunpark_signs::{
    mqtt_json,
    ntcip::{activate, multi},
    onbon, xunpeng,
};

/// A plain text reads back as itself once it is written; whatever was read is at most as long as what was written.
fn onbon_stream(octets: &[u8], step: usize) {
    let mut frames = onbon::Frames::default();
    for part in octets.chunks(step) {
        frames.push(part);
        while let Some(frame) = frames.next_frame() {
            assert!(frame.len() <= onbon::MAX_FRAME);
            if let Ok(payload) = onbon::open(&frame) {
                onbon_message(&payload);
            }
        }
    }
}

fn onbon_message(payload: &[u8]) {
    if let Ok(onbon::Message::Update { remove, areas }) = onbon::read(payload) {
        for area in &areas {
            let _ = onbon::lines(&area.text);
        }
        // What we write of it is read back as the same, as far as a place can be told in 15 bits.
        let fits = areas.iter().all(|area| area.x_px < 0x8000 && area.width_px < 0x8000);
        let again = onbon::update(&remove, &areas);
        if fits && again.len() <= onbon::MAX_FRAME {
            let read = onbon::read(&onbon::open(&again).unwrap());
            assert_eq!(read, Ok(onbon::Message::Update { remove, areas }));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [which, octets @ ..] = data else { return };
    match which % 7 {
        0 => onbon_stream(octets, 1 + usize::from(*which) / 7),
        1 => onbon_message(octets),
        // Wrapped, so that the check sum does not stand in the way.
        2 => onbon_stream(&onbon::frame(octets), 64),
        3 => {
            if let Ok(digits) = xunpeng::Digits::decode(octets) {
                assert_eq!(xunpeng::Digits::decode(&digits.encode()), Ok(digits));
            }
        }
        4 => {
            let text = String::from_utf8_lossy(octets);
            match multi::read(&text) {
                Ok(rectangles) => {
                    let read: usize = rectangles.iter().flat_map(|one| &one.lines).map(String::len).sum();
                    assert!(read <= 4 * text.len(), "{read} octets of {}", text.len());
                }
                Err(error) => assert!(error.position() < text.len().max(1)),
            }
        }
        5 => {
            if let Some(message) = activate::MessageId::decode(octets) {
                assert_eq!(message.encode(), octets);
            }
            if let Some(activation) = activate::Activation::decode(octets) {
                assert_eq!(activate::Activation::decode(&activation.encode()), Some(activation));
            }
        }
        _ => {
            let _ = serde_json::from_slice::<mqtt_json::Ack>(octets);
            let _ = serde_json::from_slice::<mqtt_json::SetMessage>(octets);
            let _ = std::str::from_utf8(octets).map(mqtt_json::sign_of_ack);
        }
    }
});
