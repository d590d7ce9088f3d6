//! What devices of every kind state of their bays and lots.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

/// A frame of a device in ChirpStack's envelope.
fn uplink(device: &str, f_cnt: u32, port: u8, hex: &str) -> Result<Batch, Refusal> {
    let data = STANDARD.encode(hex::decode(hex).unwrap());
    let payload = format!(
        r#"{{"time":"2026-07-29T08:00:00Z","deviceInfo":{{"devEui":"{device}"}},"devAddr":"0a","fCnt":{f_cnt},"fPort":{port},"data":"{data}"}}"#
    );
    read(&format!("application/app/device/{device}/event/up"), payload)
}

fn stated(device: &str, port: u8, hex: &str) -> Vec<Statement> {
    uplink(device, 7, port, hex).unwrap().observations.into_iter().map(|observation| observation.statement).collect()
}

fn bay(space: &str, state: SpaceState) -> Statement {
    Statement::Space { space: SpaceId::parse(space).unwrap(), state }
}

fn total(direction: Direction, lane: &str, value: u64, width_bits: u8) -> Statement {
    Statement::Total { direction, lane: lane.to_owned(), value, width_bits }
}

fn baseline(direction: Direction, lane: &str, value: Option<u64>) -> Statement {
    Statement::Baseline { direction, lane: lane.to_owned(), value }
}

fn passage(direction: Direction, lane: &str, count: u32) -> Statement {
    Statement::Passage { direction, count, lane: lane.to_owned() }
}

#[test]
fn a_declared_codec_states_a_bay() {
    assert_eq!(stated("ac00000000000001", 5, "0004"), [bay("S004", SpaceState::Free)]);
    assert_eq!(stated("ac00000000000001", 5, "0000"), [bay("S004", SpaceState::Occupied)]);
    assert_eq!(uplink("ac00000000000001", 1, 6, "00").unwrap_err().kind(), "undecodable_frame");
}

#[test]
fn a_distance_is_a_vehicle_below_the_threshold_and_says_nothing_within_its_band() {
    let at = |millimetres: u16| format!("0482{:02x}{:02x}", millimetres & 0xff, millimetres >> 8);
    for (millimetres, state) in [
        (0, Some(SpaceState::Occupied)),
        (899, Some(SpaceState::Occupied)),
        (900, None),
        (1000, None),
        (1099, None),
        (1100, Some(SpaceState::Free)),
        (4000, Some(SpaceState::Free)),
    ] {
        let expected: Vec<Statement> = state.map(|state| bay("S005", state)).into_iter().collect();
        assert_eq!(stated("dd00000000000001", 85, &at(millimetres)), expected, "{millimetres} mm");
    }
    assert_eq!(
        stated("dd00000000000001", 85, "048244080500 01".replace(' ', "").as_str()),
        [bay("S005", SpaceState::Unknown)]
    );
    assert_eq!(uplink("dd00000000000002", 1, 85, &at(500)).unwrap_err().kind(), "no_threshold");
}

#[test]
fn of_several_events_in_a_frame_the_last_state_holds_and_all_are_kept() {
    let payload =
        r#"{"end_device_ids":{"device_id":"pni-1"},"uplink_message":{"f_cnt":3,"f_port":2,"frm_payload":"FWYBFWYA"}}"#;
    let batch = read("v3/a@t/devices/pni-1/up", payload).unwrap();
    assert_eq!(batch.observations.len(), 1);
    assert_eq!(batch.observations[0].statement, bay("S007", SpaceState::Free));
    let ids: Vec<(u64, u32)> = batch.events.iter().map(|event| (event.id.f_cnt, event.id.index)).collect();
    assert_eq!(ids, [(3, 0), (3, 1)]);
}

#[test]
fn a_device_of_the_things_stack_may_be_bound_by_its_name() {
    let payload = r#"{"end_device_ids":{"device_id":"by-name","dev_eui":"0102030405060708"},"uplink_message":{"f_port":1,"frm_payload":"AQ=="}}"#;
    let batch = read("v3/a@t/devices/by-name/up", payload).unwrap();
    assert_eq!(batch.observations[0].statement, bay("S008", SpaceState::Occupied));
    assert_eq!(batch.events[0].id.device, "by-name");
}

#[test]
fn a_bay_sensor_may_not_count_and_a_counter_may_not_stand_on_a_bay() {
    assert_eq!(uplink("aa00000000000001", 1, 1, "01").unwrap_err().kind(), "misbound_device");
    // A PlacePod tells both, and is heard for what it is bound to.
    assert_eq!(stated("cc00000000000018", 1, "156601"), []);
    assert_eq!(stated("cc00000000000018", 1, "15660121001f"), [total(Direction::In, "cc00000000000018/both", 31, 7)]);
}

#[test]
fn lanes_count_as_the_city_says_and_others_not_at_all() {
    let four = "03d20a00000004d21400000006d21e00000007d22800000009d2630000000ad263000000";
    assert_eq!(
        stated("cc00000000000011", 85, four),
        [
            total(Direction::In, "cc00000000000011/1/in", 10, 32),
            total(Direction::Out, "cc00000000000011/1/out", 20, 32),
            total(Direction::Out, "cc00000000000011/2/in", 30, 32),
            total(Direction::In, "cc00000000000011/2/out", 40, 32),
        ]
    );
}

#[test]
fn totals_go_before_the_periods_they_already_hold() {
    let both = "84cc0a00140001 85cc0100020001".replace(' ', "");
    let totals =
        [total(Direction::Out, "cc00000000000012/in", 10, 16), total(Direction::In, "cc00000000000012/out", 20, 16)];
    assert_eq!(stated("cc00000000000012", 85, &both), totals);
    let periods =
        [passage(Direction::In, "cc00000000000013/in", 1), passage(Direction::Out, "cc00000000000013/out", 2)];
    assert_eq!(stated("cc00000000000013", 85, &both), periods);
}

#[test]
fn a_restart_begins_from_zero_where_the_device_does() {
    let lane = "cc00000000000014/both";
    assert_eq!(stated("cc00000000000014", 1, "ffff"), [total(Direction::In, lane, 65_535, 16)]);
    assert_eq!(stated("cc00000000000014", 3, "010d0002"), [baseline(Direction::In, lane, Some(0))]);
    assert_eq!(stated("cc00000000000014", 3, "010d0000"), [], "having joined anew is no start");
    assert_eq!(stated("cc00000000000018", 1, "210080"), [baseline(Direction::In, "cc00000000000018/both", Some(0))]);
    let lanes =
        [baseline(Direction::Out, "cc00000000000012/in", None), baseline(Direction::In, "cc00000000000012/out", None)];
    assert_eq!(stated("cc00000000000012", 85, "ff0bff"), lanes);
    let goes_on = [
        baseline(Direction::Out, "cc00000000000012/in", Some(1)),
        baseline(Direction::In, "cc00000000000012/out", Some(2)),
    ];
    assert_eq!(stated("cc00000000000012", 85, "ff0bff04cc01000200"), goes_on);
}

#[test]
fn a_count_without_a_direction_needs_one_from_the_city() {
    assert_eq!(uplink("cc00000000000015", 1, 1, "0001").unwrap_err().kind(), "undirected_counter");
    assert_eq!(stated("cc00000000000015", 3, "010d0002"), []);
}

#[test]
fn a_radars_categories_are_never_summed_with_the_whole() {
    let frame = "a2140a03e832044c3433";
    let whole =
        [passage(Direction::In, "cc00000000000016/in", 1000), passage(Direction::Out, "cc00000000000016/out", 1100)];
    assert_eq!(stated("cc00000000000016", 13, frame), whole);
    assert_eq!(stated("cc00000000000016", 14, frame), []);
    let category = [
        passage(Direction::Out, "cc00000000000017/cat1/in", 1000),
        passage(Direction::In, "cc00000000000017/cat1/out", 1100),
    ];
    assert_eq!(stated("cc00000000000017", 14, frame), category);
    assert_eq!(stated("cc00000000000017", 13, frame), []);
}

#[test]
fn what_a_device_kept_is_for_the_record_alone() {
    let batch = uplink("cc00000000000012", 9, 85, "20ce7b3af164000b000400").unwrap();
    assert_eq!((batch.observations.len(), batch.events.len()), (0, 2));
    assert!(batch.events.iter().all(|event| event.is_historical && event.device_time.is_some()));
}

#[test]
fn a_gateways_metrics_are_counted_by_the_names_of_its_birth() {
    let city = city();
    let mut batch = Batch::default();
    let mut hear = |topic: &str, name: &str| normalise(topic, &sample(name), &city, received_at(), &mut batch);
    assert_eq!(hear("spBv1.0/g/DDATA/n/gate-1", "sparkplug_DDATA.bin").unwrap_err().kind(), "unknown_alias");
    hear("spBv1.0/g/DBIRTH/n/gate-1", "sparkplug_DBIRTH.bin").unwrap();
    hear("spBv1.0/g/DDATA/n/gate-1", "sparkplug_DDATA.bin").unwrap();
    hear("spBv1.0/g/DDATA/n/gate-1", "sparkplug_DDATA_historical.bin").unwrap();
    hear("spBv1.0/g/NDEATH/n", "sparkplug_NDEATH.bin").unwrap();
    hear("spBv1.0/g/DBIRTH/n/nobody", "sparkplug_DBIRTH.bin").unwrap();
    assert_eq!(batch.notices[0].0, "spBv1.0/g/NCMD/n");
    let statements: Vec<Statement> =
        batch.observations.iter().map(|observation| observation.statement.clone()).collect();
    assert_eq!(
        statements,
        [
            total(Direction::In, "gate-1/in", 18_234, 64),
            total(Direction::Out, "gate-1/out", 18_102, 64),
            Statement::Occupied { count: 132 },
            total(Direction::In, "gate-1/in", 18_235, 64),
        ]
    );
    assert!(batch.observations.iter().all(|observation| observation.seq.is_none()));
    assert!(matches!(&batch.words[0].word, Word::Health(health) if health.fault.as_deref() == Some("offline")));
    assert_eq!(batch.events.iter().filter(|event| event.is_historical).count(), 1);
}

#[test]
fn cameras_count_by_scenario_and_by_region() {
    let topic = "axis/B8A44F941234/event/tns:axis/CameraApplicationPlatform/ObjectAnalytics/Device1Scenario2";
    let batch = read(topic, sample("axis_aoa_crossline.json")).unwrap();
    let lane = "B8A44F941234/Device1Scenario2/both";
    assert_eq!(batch.observations[0].statement, total(Direction::In, lane, 4, 32));
    let batch = read(topic, sample("axis_aoa_occupancy.json")).unwrap();
    assert_eq!(batch.observations[0].statement, Statement::Occupied { count: 7 });
    let batch = read("milesight/369362028335/event", sample("milesight_vs121p_region_periodic.json")).unwrap();
    assert_eq!(batch.observations[0].statement, Statement::Occupied { count: 10 });
    assert_eq!(batch.observations[0].observed_at.to_rfc3339(), "2022-12-20T11:15:52+00:00");
}

#[test]
fn a_join_a_status_and_a_log_are_words_of_the_device() {
    let on = |event: &str, payload: &str| {
        read(&format!("application/app/device/fcd6bd00001a2b3c/event/{event}"), payload).unwrap().words.remove(0).word
    };
    assert_eq!(on("join", r#"{"devAddr":"0b"}"#), Word::Joined(Some("0b".to_owned())));
    let battery = Health { battery_percent: Some(40), ..Health::default() };
    assert_eq!(on("status", r#"{"batteryLevel":40}"#), Word::Health(battery));
    let fault = Health { fault: Some("uplink_f_cnt_retransmission".into()), ..Health::default() };
    assert_eq!(on("log", r#"{"level":"WARNING","code":"UPLINK_F_CNT_RETRANSMISSION"}"#), Word::Health(fault));
}
