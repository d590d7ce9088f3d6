//! Sensors' illnesses as scenes, and that nodes' memories merge to the same whatever the order.

use chrono::Duration;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    ids::{LotId, SpaceId},
    sensor_event::{EventId, SelfReport, SensorEvent, Standing, Told, Why},
    time::{Instant, parse_rfc3339},
};

const LIMITS: Limits = Limits {
    heartbeats: 2.5,
    stays: 3.0,
    stuck_after_s: 3600,
    flapping_moves: 6,
    flapping_window_s: 600,
    battery_low_mv: 2900,
    battery_low_percent: 20.0,
    clock_skew_s: 300,
};
const DAILY: Profile = Profile { heartbeat_s: Some(86_400), learning_moves: 0, is_gateway_down: false };

fn at(minutes: i64) -> Instant {
    parse_rfc3339("2026-03-10T00:00:00Z").unwrap() + Duration::minutes(minutes)
}

fn event(minutes: i64, told: Told) -> SensorEvent {
    SensorEvent {
        id: EventId {
            source: "chirpstack",
            device: "fcd6bd00001a2b3c".to_owned(),
            session: "00189440".to_owned(),
            f_cnt: u64::try_from(minutes).unwrap(),
            index: 0,
        },
        at: at(minutes),
        device_at: None,
        received_at: at(minutes),
        lot: LotId::parse("L1").ok(),
        space: SpaceId::parse("S001").ok(),
        kind: "occupancy".to_owned(),
        reading: "{}".to_owned(),
        told,
        standing: Standing::Live,
        missed: false,
        f_port: Some(1),
        frame: vec![],
        gateways: Vec::new(),
    }
}

fn word(minutes: i64, occupied: bool) -> SensorEvent {
    event(minutes, Told::Occupancy { occupied, why: Why::Change })
}

fn memory(events: &[SensorEvent]) -> Memory {
    let mut memory = Memory::default();
    for event in events {
        memory.hear(event, "node", true);
    }
    memory
}

/// A space that moves every `every` minutes, `moves` times from minute 0 on.
fn paced(every: i64, moves: i64) -> Memory {
    memory(&(0..moves).map(|n| word(n * every, n % 2 == 0)).collect::<Vec<_>>())
}

fn ill(memory: &Memory, profile: Profile, neighbours: Neighbours, now: i64) -> Vec<Illness> {
    diagnose(memory, profile, neighbours, &LIMITS, at(now))
}

const ALONE: Neighbours = Neighbours { all: 0, moved_since: 0 };

#[test]
fn a_sensor_is_silent_after_two_and_a_half_heartbeats_and_not_before() {
    let memory = memory(&[word(0, true)]);
    assert_eq!(ill(&memory, DAILY, ALONE, 60 * 60), [], "sixty hours");
    assert_eq!(ill(&memory, DAILY, ALONE, 60 * 60 + 1), [Illness::Silent]);
    assert_eq!(ill(&memory, Profile::default(), ALONE, 1_000_000), [], "no heartbeat, no silence");
    assert_eq!(ill(&Memory::default(), DAILY, ALONE, 0), [Illness::Unheard]);
}

#[test]
fn a_space_is_stuck_by_its_own_pace_while_its_neighbours_move() {
    let memory = paced(60, 8);
    let moving = Neighbours { all: 4, moved_since: 3 };
    let last = 7 * 60;
    assert_eq!(ill(&memory, DAILY, moving, last + 3 * 60), []);
    assert_eq!(ill(&memory, DAILY, moving, last + 3 * 60 + 1), [Illness::Stuck]);
    let quiet = Neighbours { all: 4, moved_since: 1 };
    assert_eq!(ill(&memory, DAILY, quiet, last + 1000), [], "the whole street is quiet");
    assert_eq!(ill(&memory, DAILY, Neighbours { all: 2, moved_since: 2 }, last + 1000), [], "too few to compare");
    let slow = paced(600, 8);
    assert_eq!(ill(&slow, DAILY, moving, 7 * 600 + 1000), [], "another bay's pace is another's");
    assert_eq!(ill(&paced(60, 3), DAILY, moving, 2000), [], "its own pace is not known yet");
    assert_eq!(ill(&memory, DAILY, moving, last + 61 * 60), [Illness::Silent], "what is silent is no more than that");
}

#[test]
fn a_space_that_moves_more_often_than_vehicles_can_flaps() {
    assert_eq!(ill(&paced(1, 6), DAILY, ALONE, 6), []);
    assert_eq!(ill(&paced(1, 7), DAILY, ALONE, 7), [Illness::Flapping]);
    assert_eq!(ill(&paced(1, 7), DAILY, ALONE, 30), [], "it has calmed down");
}

#[test]
fn a_new_sensor_learns_until_ten_vehicles_came_or_left_and_anew_after_a_start() {
    let profile = Profile { learning_moves: learning_moves("bosch/tps110"), ..DAILY };
    let started = event(0, Told::Occupancy { occupied: false, why: Why::Startup });
    let mut events = vec![started];
    events.extend((1..=10).map(|n| word(n * 30, n % 2 == 1)));
    assert_eq!(ill(&memory(&events[..10]), profile, ALONE, 400), [Illness::Learning]);
    assert_eq!(ill(&memory(&events), profile, ALONE, 400), []);
    events.push(event(310, Told::Restart("watchdog".to_owned())));
    assert_eq!(ill(&memory(&events), profile, ALONE, 400), [Illness::Learning]);
    assert!(!is_trustworthy(&[Illness::Learning]) && !is_trustworthy(&[Illness::Silent]));
    assert!(is_trustworthy(&[]) && is_trustworthy(&[Illness::BatteryLow]));
}

#[test]
fn what_a_sensor_says_of_itself_is_believed_until_it_says_otherwise() {
    let told = |minutes, battery_mv, fault: Option<&str>| {
        let fault = fault.map(str::to_owned);
        event(minutes, Told::Health(SelfReport { battery_mv, fault, ..SelfReport::default() }))
    };
    let mut events = vec![told(0, Some(2899), Some("radar"))];
    assert_eq!(ill(&memory(&events), DAILY, ALONE, 1), [Illness::Fault, Illness::BatteryLow]);
    events.push(told(5, None, None));
    assert_eq!(ill(&memory(&events), DAILY, ALONE, 6), [Illness::BatteryLow], "the battery is as it was last told");
    events.push(told(9, Some(2900), None));
    assert_eq!(ill(&memory(&events), DAILY, ALONE, 10), []);
}

#[test]
fn clocks_restarts_missed_changes_and_gateways_are_told() {
    let mut ahead = word(1, true);
    ahead.device_at = Some(at(6));
    assert_eq!(ill(&memory(&[ahead.clone()]), DAILY, ALONE, 2), [Illness::ClockSkew]);
    ahead.device_at = Some(at(5));
    assert_eq!(ill(&memory(&[ahead.clone()]), DAILY, ALONE, 2), []);
    ahead.standing = Standing::Future;
    let future = memory(&[ahead]);
    assert_eq!(ill(&future, DAILY, ALONE, 2), [Illness::ClockSkew]);
    assert_eq!(future.word, None, "and its word is no news of the space");
    let restart = |minutes| event(minutes, Told::Restart("poor_link".to_owned()));
    assert_eq!(ill(&memory(&[restart(0), restart(60)]), DAILY, ALONE, 61), [Illness::Restarting]);
    assert_eq!(ill(&memory(&[restart(0), restart(1441)]), DAILY, ALONE, 1442), []);
    let missed = SensorEvent { missed: true, ..word(0, true) };
    assert_eq!(ill(&memory(&[missed]), DAILY, ALONE, 60), [Illness::MissedChanges]);
    let down = Profile { is_gateway_down: true, ..DAILY };
    assert_eq!(ill(&memory(&[word(0, true)]), down, ALONE, 1), [Illness::GatewayDown]);
    let mut counter = memory(&[word(0, true)]);
    counter.distrust(at(1), "node");
    assert_eq!(ill(&counter, DAILY, ALONE, 2), [Illness::Implausible]);
}

#[test]
fn a_duplicate_shows_life_and_nothing_else() {
    let mut memory = memory(&[word(0, true)]);
    let before = memory.clone();
    memory.hear(&SensorEvent { received_at: at(3), ..word(0, true) }, "node", false);
    assert_eq!((memory.heard_at, memory.tally().duplicates), (Some(at(3)), 1));
    assert_eq!((&memory.word, &memory.seen), (&before.word, &before.seen));
}

fn any_event() -> impl Strategy<Value = (SensorEvent, usize, bool)> {
    let told = prop_oneof![
        any::<bool>().prop_map(|occupied| Told::Occupancy { occupied, why: Why::Change }),
        any::<bool>().prop_map(|occupied| Told::Occupancy { occupied, why: Why::Startup }),
        (2000_u32..4000).prop_map(|mv| Told::Health(SelfReport { battery_mv: Some(mv), ..SelfReport::default() })),
        Just(Told::Restart("watchdog".to_owned())),
        Just(Told::Other),
    ];
    (0_i64..500, told, 0_usize..3, any::<bool>())
        .prop_map(|(minutes, told, node, is_new)| (event(minutes, told), node, is_new))
}

proptest! {
    #[test]
    fn memories_of_nodes_merge_to_the_same_in_any_order(events in prop::collection::vec(any_event(), 0..60)) {
        let mut nodes = [Memory::default(), Memory::default(), Memory::default()];
        for (event, node, is_new) in &events {
            nodes[*node].hear(event, ["a", "b", "c"][*node], *is_new);
        }
        let [a, b, c] = &nodes;
        let all = a.clone().merge(b).merge(c);
        prop_assert_eq!(&all, &c.clone().merge(a).merge(b));
        prop_assert_eq!(&all.clone().merge(&all), &all, "merging again changes nothing");
        prop_assert_eq!(&all.clone().merge(b), &all);
        let moves = all.moves();
        prop_assert!(moves.windows(2).all(|pair| pair[0].at <= pair[1].at && pair[0].occupied != pair[1].occupied));
        prop_assert!(all.seen.len() <= 40 && all.restarts.len() <= 8);
        let kept: Memory = serde_json::from_str(&serde_json::to_string(&all).unwrap()).unwrap();
        prop_assert_eq!(kept, all);
    }
}
