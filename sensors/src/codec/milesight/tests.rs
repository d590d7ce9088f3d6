//! Frames of Milesight's models, value by value.

use chrono::DateTime;

use super::*;
use crate::reading::LaneDirection::{self, In, Out};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn read(model: Model, hex: &str) -> Vec<Reading> {
    decode(model, &bytes(hex)).unwrap()
}

fn total(direction: LaneDirection, lane: Option<&'static str>, value: u64, width_bits: u8) -> Reading {
    Reading::CounterTotal { direction, lane: lane.map(Into::into), value, width_bits }
}

fn delta(direction: LaneDirection, lane: Option<&'static str>, count: u32) -> Reading {
    Reading::CounterDelta { direction, lane: lane.map(Into::into), count }
}

fn health(percent: Option<u8>, temperature_c: Option<f64>, fault: Option<&'static str>) -> Reading {
    let fault = fault.map(Into::into);
    Reading::Health(Health { battery_percent: percent, temperature_c, fault, battery_mv: None })
}

#[test]
fn four_lines_tell_their_totals_and_periods() {
    let told = read(
        Model::Lines,
        "03d24800000004d2c800000006d20000000007d20000000009d2000000000ad2000000000cd2b41400000dd28d1a0000",
    );
    assert_eq!(told.len(), 8);
    assert_eq!(told[0], total(In, Some("1"), 72, 32));
    assert_eq!(told[1], total(Out, Some("1"), 200, 32));
    assert_eq!(told[6..], [total(In, Some("4"), 5300, 32), total(Out, Some("4"), 6797, 32)]);
    let told = read(Model::Lines, "05cc0000000008cc000000000bcc000000000ecc05000700");
    assert_eq!(told.len(), 8);
    assert_eq!(told[6..], [delta(In, Some("4"), 5), delta(Out, Some("4"), 7)]);
}

#[test]
fn regions_children_and_dwell_times_are_passed_over_and_a_blocked_view_is_told() {
    assert_eq!(read(Model::Lines, "0fe30210070910e40109101121"), []);
    assert_eq!(read(Model::Lines, "11d20100000013cc010002001de3010203041ee40101000200"), []);
    assert_eq!(read(Model::Lines, "50fc000001"), [health(None, None, Some("occlusion"))]);
    assert_eq!(read(Model::Lines, "50fc000000"), []);
}

#[test]
fn what_a_counter_kept_is_of_the_past() {
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    let told = read(Model::Passage, "20ce7b3af164000b00040020ceff3df16401070002001d000800");
    let first = [delta(In, None, 11), delta(Out, None, 4)].map(|r| Reading::historical(r, at(1_693_530_747)));
    let second = [delta(In, None, 7), delta(Out, None, 2), total(In, None, 29, 16), total(Out, None, 8, 16)];
    let second = second.map(|reading| Reading::historical(reading, at(1_693_531_647)));
    assert_eq!(told, [first.as_slice(), second.as_slice()].concat());
    let told = read(Model::Lines, "20ce7b3af1640348000000");
    assert_eq!(told, [Reading::historical(total(In, Some("1"), 72, 32), at(1_693_530_747))]);
    assert!(decode(Model::Passage, &bytes("20ce7b3af16402")).is_err());
}

#[test]
fn one_passage_tells_totals_periods_and_itself() {
    let told = read(Model::Passage, "01756403670c0184cc011108110185cce803e90301");
    let counts = [total(In, None, 4353, 16), total(Out, None, 4360, 16), delta(In, None, 1000), delta(Out, None, 1001)];
    assert_eq!(told, [counts.as_slice(), &[health(Some(100), Some(26.8), None)]].concat());
    assert_eq!(read(Model::Passage, "8367220100"), [health(None, Some(29.0), None)]);
    assert_eq!(read(Model::Passage, "0367f6ff"), [health(None, Some(-1.0), None)]);
    assert_eq!(read(Model::Passage, "04cc0100020005cc03000400").len(), 4);
}

#[test]
fn a_pair_is_as_strong_as_its_weaker_part() {
    assert_eq!(read(Model::Passage, "017564027532"), [health(Some(50), None, None)]);
    assert_eq!(read(Model::Passage, "03f40201"), [health(None, None, Some("devices_misaligned"))]);
    assert_eq!(read(Model::Passage, "03f40200"), []);
    assert_eq!(read(Model::Passage, "0175ff"), []);
}

#[test]
fn a_place_is_taken_or_not() {
    let state = |occupied| Reading::Occupancy { occupied, cause: Cause::Change };
    assert_eq!(read(Model::Place, "017564030000"), [state(false), health(Some(100), None, None)]);
    assert_eq!(read(Model::Place, "030001"), [state(true)]);
    assert!(decode(Model::Place, &[3, 0, 2]).is_err());
}

#[test]
fn distances_are_told_once_a_frame() {
    let distance = |value_mm| Reading::Distance { value_mm };
    let tilted = |percent, temperature| health(Some(percent), temperature, Some("tilt"));
    assert_eq!(read(Model::DistanceOn3, "01755c03824408040001"), [distance(2116), tilted(92, None)]);
    assert_eq!(read(Model::DistanceOn3, "01756403821e00"), [distance(30), health(Some(100), None, None)]);
    let told = read(Model::DistanceOn4, "01755c0367010104824408050001");
    assert_eq!(told, [distance(2116), tilted(92, Some(25.7))]);
    let told = read(Model::DistanceOn4, "01755afffe0103672c010482f4010500019482f401640201b482f40101");
    let restart = Reading::Restart { cause: "reset".into() };
    assert_eq!(told, [restart, distance(500), tilted(90, Some(30.0))]);
    assert_eq!(read(Model::DistanceOn4, "8482f40101"), [distance(500)]);
}

#[test]
fn a_distance_that_is_none_is_a_fault() {
    assert_eq!(read(Model::DistanceOn4, "0482fdff"), [health(None, None, Some("no_target"))]);
    assert_eq!(read(Model::DistanceOn3, "0382ffff"), [health(None, None, Some("sensor_exception"))]);
    assert_eq!(read(Model::DistanceOn4, "b482ffff03"), [health(None, None, Some("sensor_exception"))]);
    assert_eq!(read(Model::DistanceOn4, "0482feff"), [health(None, None, Some("disabled"))]);
    assert_eq!(read(Model::DistanceOn4, "07ba0a00f401"), []);
    let at = DateTime::from_timestamp(1_693_530_747, 0).unwrap();
    let past = Reading::historical(Reading::Distance { value_mm: 500 }, at);
    assert_eq!(read(Model::DistanceOn4, "20ce7b3af164f401"), [past]);
}

#[test]
fn a_joining_frame_says_that_the_device_started() {
    let told = read(Model::DistanceOn3, "ff0bffff0101ff166136c40091605408ff090300ff0a0101ff0f00");
    assert_eq!(told, [Reading::Restart { cause: "power_on".into() }]);
}

#[test]
fn answers_to_commands_are_measured_off() {
    let taken = Reading::Occupancy { occupied: true, cause: Cause::Change };
    assert_eq!(read(Model::Place, "fe8e003c00030001"), [taken]);
    assert_eq!(read(Model::Lines, "ff5101"), [Reading::CounterReset]);
    assert_eq!(read(Model::Passage, "ffa801fea90105cc01000200").len(), 3);
    assert_eq!(read(Model::Passage, "f810010004cc01000200").len(), 2);
    assert_eq!(read(Model::Passage, "f9100104cc01000200").len(), 2);
}

#[test]
fn what_is_cut_short_or_unknown_is_refused_or_ends_the_frame() {
    assert_eq!(decode(Model::Place, &[]), Err(DecodeError::Empty));
    for cut in ["01", "0175", "0175640300", "ff1661"] {
        assert!(matches!(decode(Model::Place, &bytes(cut)), Err(DecodeError::Truncated { .. })), "{cut}");
    }
    let unknown = DecodeError::UnknownType { at: 0, channel: 0x99, kind: 0x01 };
    assert_eq!(decode(Model::Place, &bytes("9901")), Err(unknown));
    assert_eq!(read(Model::Place, "0300019901ff").len(), 1, "what stood before it counts");
}
