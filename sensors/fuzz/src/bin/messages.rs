//! Messages of every envelope: the first byte chooses which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yunpark_sensors::{
    Codec, Decoder, Topic, axis, chirpstack, hikvision, milesight_camera, native,
    sparkplug::{Births, Kind, Origin},
    the_things_stack,
};

fuzz_target!(|data: &[u8]| {
    let [which, message @ ..] = data else { return };
    match which % 12 {
        0 => {
            if let Ok(uplink) = chirpstack::parse(message) {
                let _ = uplink.report(&Decoder::Codec(Codec::PniPlacepod));
            }
        }
        1 => drop(chirpstack::join("aa", message)),
        2 => drop(chirpstack::status("aa", message)),
        3 => drop(chirpstack::log("aa", message)),
        4 => {
            if let Ok(uplink) = the_things_stack::parse(message) {
                let _ = uplink.report(&Decoder::Codec(Codec::MilesightVs133));
            }
        }
        5 => drop(the_things_stack::join(message)),
        6 => {
            let (mut births, decoder) = (Births::default(), Decoder::Plain("sparkplug/b"));
            let origin = Origin { group: "g", node: "n", device: Some("d") };
            // A birth, then data, out of the same bytes cut in two.
            let (birth, data) = message.split_at(message.len() / 2);
            for (kind, bytes) in [(Kind::Birth, birth), (Kind::Birth, message), (Kind::Data, data), (Kind::Death, message)] {
                let _ = births.read(kind, origin, bytes, Default::default(), |_| Some(&decoder));
            }
        }
        7 => drop(axis::parse("serial", message)),
        8 => drop(milesight_camera::parse(message)),
        9 => {
            let _ = hikvision::parse(message);
            let mut parts = hikvision::Parts::new("b");
            for chunk in message.chunks(7) {
                parts.push(chunk);
            }
        }
        10 => {
            let _ = (native::space_state(message), native::passage(message), native::count(message));
        }
        _ => {
            if let Ok(text) = std::str::from_utf8(message) {
                let _ = Topic::parse(text);
            }
        }
    }
});
