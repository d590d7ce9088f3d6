//! A small city's messages, read and refused.

mod devices;

use super::*;
use crate::domain::ids::SpaceId;
use proptest::prelude::*;

const BAY: &str = "application/app/device/fcd6bd00001a2b3c/event/up";
const GATE: &str = "application/app/device/aa00000000000001/event/up";

/// One lot with bays watched in several ways; and a lot with counters.
fn city() -> Directory {
    let city = serde_json::json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": "云和", "time_zone": "Asia/Shanghai"},
        "codecs": [{"id": "acme/bay", "fields": [{"f_port": 5, "byte": 1, "bit": 2, "meaning": "free"}]}],
        "sensors": [
            {"id": "fcd6bd00001a2b3c", "codec": "bosch/tps110", "space": "L1/S001"},
            {"id": "70b3d57ed0001a2b", "codec": "nwave/nps405", "space": "L1/S002"},
            {"id": "bb00000000000001", "codec": "acme/gone", "space": "L1/S003"},
            {"id": "ac00000000000001", "codec": "acme/bay", "space": "L1/S004"},
            {"id": "dd00000000000001", "codec": "milesight/em400-udl", "space": "L1/S005", "threshold_mm": 1000,
             "hysteresis_mm": 200},
            {"id": "dd00000000000002", "codec": "milesight/em400-udl", "space": "L1/S006"},
            {"id": "pni-1", "codec": "pni/placepod", "space": "L1/S007"},
            {"id": "by-name", "codec": "bosch/tps110", "space": "L1/S008"},
            {"id": "aa00000000000001", "codec": "bosch/tps110", "lot": "L2"},
            {"id": "cc00000000000011", "codec": "milesight/vs133", "lot": "L2", "lanes": {"1": "in", "2": "out"}},
            {"id": "cc00000000000012", "codec": "milesight/vs350", "lot": "L2", "direction": "out"},
            {"id": "cc00000000000013", "codec": "milesight/vs350", "lot": "L2", "counts": "delta"},
            {"id": "cc00000000000014", "codec": "nwave/ncc405", "lot": "L2", "direction": "in"},
            {"id": "cc00000000000015", "codec": "nwave/ncc405", "lot": "L2"},
            {"id": "cc00000000000016", "codec": "parametric/pmx-tcr", "lot": "L2"},
            {"id": "cc00000000000017", "codec": "parametric/pmx-tcr", "lot": "L2", "lanes": {"cat1": "out"}},
            {"id": "cc00000000000018", "codec": "pni/placepod", "lot": "L2", "direction": "in"},
            {"id": "gate-1", "codec": "sparkplug/b", "lot": "L2"},
            {"id": "B8A44F941234", "codec": "axis/object-analytics", "lot": "L2", "lanes": {"Device1Scenario2": "in"}},
            {"id": "369362028335", "codec": "milesight/vs121-p", "lot": "L2"}],
        "features": [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.57, 28.11]}, "properties": {"kind": "lot",
             "id": "L1", "name": "城西", "capacity": 9,
             "spaces": ["S001", "S002", "S003", "S004", "S005", "S006", "S007", "S008"]}},
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.58, 28.12]},
             "properties": {"kind": "lot", "id": "L2", "name": "城东", "capacity": 500}}]
    });
    let known = |codec: &str| codec == "acme/gone" || codec.parse::<yunpark_sensors::Decoder>().is_ok();
    Directory::of(&crate::domain::city::read(&city.to_string(), &known).unwrap())
}

fn id(text: &str) -> LotId {
    LotId::parse(text).unwrap()
}

fn received_at() -> Instant {
    crate::domain::time::parse_rfc3339("2026-07-29T08:00:05Z").unwrap()
}

fn read(topic: &str, payload: impl AsRef<[u8]>) -> Result<Batch, Refusal> {
    let mut batch = Batch::default();
    normalise(topic, payload.as_ref(), &city(), received_at(), &mut batch).map(|()| batch)
}

fn frame(device: &str, port: u8, data: &str) -> String {
    format!(
        r#"{{"time":"2026-07-29T08:00:00.123456789Z","deviceInfo":{{"devEui":"{device}"}},"devAddr":"0a","fCnt":7,"fPort":{port},"data":"{data}"}}"#
    )
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../shared/samples/mqtt/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn native_messages_become_observations_to_the_microsecond() {
    let batch = read(
        "yunpark/v1/space/L1/S001/state",
        r#"{"state":"occupied","at":"2026-07-29T16:00:00.123456789+08:00","seq":3}"#,
    );
    let observation = batch.unwrap().observations.remove(0);
    assert_eq!(observation.lot, id("L1"));
    assert_eq!(crate::domain::time::rfc3339(observation.observed_at), "2026-07-29T08:00:00.123456Z");
    assert_eq!((observation.received_at, observation.seq), (received_at(), Some(3)));
    let batch = read("yunpark/v1/lot/L2/passage", r#"{"direction":"out","at":"2026-07-29T08:00:00Z"}"#).unwrap();
    let passage = Statement::Passage { direction: Direction::Out, count: 1, lane: String::new() };
    assert_eq!(batch.observations[0].statement, passage);
    let batch = read("yunpark/v1/lot/L2/count", r#"{"free":4,"at":"2026-07-29T08:00:00Z"}"#).unwrap();
    assert_eq!(batch.observations[0].statement, Statement::Free { count: 4 });
}

#[test]
fn an_uplink_is_told_of_the_bay_its_device_watches() {
    for (topic, name, seq, session) in [
        (BAY, "chirpstack_v4_up_bosch_tps110.json", 4242, "00189440"),
        ("v3/city-parking@ttn/devices/bay-a-017/up", "tts_v3_up_nwave_nps405.json", 521, "AZK+eoyAIs5kIrjtb8vzlQ=="),
    ] {
        let observation = read(topic, sample(name)).unwrap().observations.remove(0);
        let space = SpaceId::parse(if topic == BAY { "S001" } else { "S002" }).unwrap();
        assert_eq!(observation.statement, Statement::Space { space, state: SpaceState::Occupied }, "{name}");
        assert_eq!((observation.seq, observation.session.as_deref()), (Some(seq), Some(session)));
        assert!(
            observation.observed_at < received_at() && observation.observed_at.timestamp_subsec_nanos() % 1000 == 0
        );
    }
}

#[test]
fn a_heartbeat_tells_of_the_bay_and_of_the_sensor() {
    let batch = read(BAY, sample("chirpstack_v4_up_fcnt0_empty_defaults.json")).unwrap();
    assert_eq!((batch.observations.len(), batch.observations[0].seq), (1, Some(0)));
    let health = Health { temperature_c: Some(21.0), ..Health::default() };
    assert_eq!(batch.words[0].word, Word::Health(health));
    assert_eq!(batch.words[0].sensor.as_str(), "fcd6bd00001a2b3c");
}

#[test]
fn a_device_that_speaks_to_its_network_alone_says_nothing() {
    let batch = read(BAY, r#"{"deviceInfo":{"devEui":"fcd6bd00001a2b3c"},"fCnt":8}"#).unwrap();
    assert!(batch.observations.is_empty() && batch.words.is_empty());
}

#[test]
fn every_refusal_has_its_kind() {
    let state = r#"{"state":"free","at":"2026-07-29T08:00:00Z"}"#;
    for (topic, payload, kind) in [
        ("yunpark/v1/lot/L1/weather", state, "topic_out_of_grammar"),
        ("yunpark/v1/sign/V1/ack", "{}", "topic_out_of_grammar"),
        ("yunpark/v1/space/L9/S001/state", state, "unknown_lot"),
        ("yunpark/v1/space/L1/S999/state", state, "unknown_space"),
        ("yunpark/v1/space/L1/S001/state", "free", "malformed_payload"),
        ("yunpark/v1/space/L1/S001/state", r#"{"state":"free"}"#, "malformed_payload"),
        (BAY, "{", "malformed_payload"),
        (BAY, &frame("cc00000000000001", 1, "AQ=="), "unknown_device"),
        (BAY, &frame("bb00000000000001", 1, "AQ=="), "unknown_codec"),
        (BAY, &frame("fcd6bd00001a2b3c", 9, "AQ=="), "undecodable_frame"),
        (GATE, &frame("aa00000000000001", 1, "AQ=="), "misbound_device"),
    ] {
        assert_eq!(read(topic, payload).unwrap_err().kind(), kind, "{topic} {payload}");
    }
}

#[test]
fn a_refused_frame_leaves_nothing_of_itself_behind() {
    let mut batch = Batch::default();
    let mut add = |payload: String| normalise(BAY, payload.as_bytes(), &city(), received_at(), &mut batch);
    add(frame("fcd6bd00001a2b3c", 2, "ABU=")).unwrap();
    add(frame("aa00000000000001", 2, "ABU=")).unwrap_err();
    assert_eq!((batch.observations.len(), batch.words.len(), batch.events.len()), (1, 1, 2));
}

proptest! {
    #[test]
    fn no_payload_on_any_topic_makes_ingest_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        for topic in ["yunpark/v1/space/L1/S001/state", "yunpark/v1/lot/L1/passage", "yunpark/v1/lot/L1/count", BAY] {
            let _ = read(topic, &payload);
        }
    }

    #[test]
    fn no_frame_of_a_known_device_makes_ingest_panic(port: u8, bytes in prop::collection::vec(any::<u8>(), 0..30)) {
        use base64::Engine as _;
        let data = base64::engine::general_purpose::STANDARD.encode(bytes);
        let _ = read(BAY, frame("fcd6bd00001a2b3c", port, &data));
    }
}
