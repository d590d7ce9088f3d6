//! Messages of every envelope: the first byte chooses which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yunpark_sensors::{
    Codec, Decoder, Topic, axis, chirpstack, exif, hikvision, isapi, itsapi, milesight_camera, multipart, native,
    sparkplug::{Births, Kind, Origin},
    the_things_stack, viid,
};

fuzz_target!(|data: &[u8]| {
    let [which, message @ ..] = data else { return };
    match which % 18 {
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
            for (kind, bytes) in
                [(Kind::Birth, birth), (Kind::Birth, message), (Kind::Data, data), (Kind::Death, message)]
            {
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
        11 => {
            if let Ok(text) = std::str::from_utf8(message) {
                let _ = Topic::parse(text);
            }
        }
        12 => drop(isapi::parse(message)),
        13 => drop((itsapi::parse(message), itsapi::keep_alive(message))),
        14 => drop(multipart::parts(message, "b")),
        15 => drop(exif::read(message)),
        16 => drop((viid::parse_motor_vehicles(message), viid::parse_non_motor_vehicles(message))),
        _ => drop((viid::parse_images(message), viid::parse_notifications(message))),
    }
});
