//! What holds for the moving town, without a broker.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{FIRST_HOUR, traffic::Traffic};
use crate::{
    broker::Message,
    town::{Town, TownOptions},
};

static TOWN: LazyLock<Town> = LazyLock::new(|| Town::generate(1, TownOptions::default()));

fn town() -> &'static Town {
    &TOWN
}

fn now() -> DateTime<Utc> {
    "2026-07-29T00:00:00Z".parse().unwrap()
}

fn drain(traffic: &mut Traffic) -> Vec<Message> {
    std::iter::from_fn(|| traffic.next_message(now())).collect()
}

/// In and out of a passage counter's frame.
fn totals(payload: &Value) -> Option<(u16, u16)> {
    let frame = BASE64.decode(payload["data"].as_str()?).ok()?;
    match frame.as_slice() {
        [0x04, 0xCC, a, b, c, d] => Some((u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]))),
        _ => None,
    }
}

fn json(message: &Message) -> Value {
    serde_json::from_str(&message.payload).unwrap()
}

#[test]
fn at_the_start_nearly_every_sensor_tells_its_state_once_in_the_documented_shapes() {
    let town = town();
    let mut traffic = Traffic::new(town, 1, FIRST_HOUR, now());
    traffic.report_everything();
    let messages = drain(&mut traffic);
    let sensors = town.lots.iter().map(|lot| lot.spaces.len().max(1)).sum::<usize>();
    let sensors = sensors + town.lots.iter().filter(|lot| lot.counter().is_some()).count();
    assert!(messages.len() < sensors && messages.len() > sensors * 97 / 100, "{} of {sensors}", messages.len());
    let topics: BTreeSet<&str> = messages.iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(topics.len(), messages.len(), "nobody tells twice");
    for message in &messages {
        let parts: Vec<&str> = message.topic.split('/').collect();
        let payload = json(message);
        match parts.as_slice() {
            ["yunpark", "v1", "space", _, _, "state"] => {
                assert!(payload["state"] == "occupied" || payload["state"] == "free", "{payload}");
                assert!(payload["seq"].is_u64() && payload["at"].as_str().unwrap().parse::<DateTime<Utc>>().is_ok());
            }
            ["yunpark", "v1", "lot", _, "count"] => assert!(payload["occupied"].is_u64(), "{payload}"),
            ["application", _, "device", eui, "event", "up"] => {
                assert_eq!(payload["deviceInfo"]["devEui"], *eui);
                assert_eq!(payload["fCnt"], 0);
                let bay = payload["fPort"] == 1 && (payload["data"] == "AQ==" || payload["data"] == "AA==");
                assert!(bay || payload["fPort"] == 85 && totals(&payload).is_some(), "{payload}");
            }
            ["v3", _, "devices", device, "up"] => {
                assert_eq!(payload["end_device_ids"]["device_id"], *device);
                assert!(payload["uplink_message"].get("f_cnt").is_none(), "a first frame leaves f_cnt out");
                assert!(
                    payload["uplink_message"]["frm_payload"] == "/w=="
                        || payload["uplink_message"]["frm_payload"] == "/g=="
                );
            }
            _ => panic!("no such topic: {}", message.topic),
        }
    }
}

#[test]
fn in_a_minute_at_real_speed_the_town_changes_about_five_times_a_second() {
    let mut traffic = Traffic::new(town(), 1, FIRST_HOUR, now());
    let mut told = 0;
    for _ in 0..1_200 {
        traffic.step(0.05, 1.0);
        told += drain(&mut traffic).len();
    }
    // At 7:42 homes empty and offices fill: a change every 100 to 300 ms.
    assert!((200..600).contains(&told), "{told} changes in a minute");
}

#[test]
fn gates_and_counts_together_tell_how_many_places_are_taken() {
    let town = town();
    let mut traffic = Traffic::new(town, 1, FIRST_HOUR, now());
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    let counters: BTreeMap<String, String> =
        town.lots.iter().filter_map(|lot| Some((lot.counter()?, lot.id.clone()))).collect();
    let mut stands: BTreeMap<String, (u16, u16)> = BTreeMap::new();
    let mut read = |messages: Vec<Message>| {
        for message in messages {
            let parts: Vec<&str> = message.topic.split('/').collect();
            let payload = json(&message);
            match parts.as_slice() {
                [_, _, "lot", lot, "count"] => {
                    taken.insert((*lot).to_owned(), payload["occupied"].as_i64().unwrap());
                }
                [_, _, "lot", lot, "passage"] => {
                    let sign = if payload["direction"] == "in" { 1 } else { -1 };
                    *taken.get_mut(*lot).unwrap() += sign * payload["count"].as_i64().unwrap();
                }
                ["application", _, "device", eui, "event", "up"] if counters.contains_key(*eui) => {
                    let now = totals(&payload).unwrap();
                    let before = stands.insert((*eui).to_owned(), now).unwrap_or(now);
                    let moved = i64::from(now.0.wrapping_sub(before.0)) - i64::from(now.1.wrapping_sub(before.1));
                    *taken.entry(counters[*eui].clone()).or_default() += moved;
                }
                _ => {}
            }
        }
        taken.clone()
    };
    traffic.report_everything();
    read(drain(&mut traffic));
    for _ in 0..2_000 {
        traffic.step(0.05, 10.0);
        read(drain(&mut traffic));
    }
    let by_gates = read(vec![]);
    traffic.report_everything();
    let by_count = read(drain(&mut traffic));
    assert_eq!(by_gates, by_count);
    let counted: Vec<_> = town.lots.iter().filter(|lot| lot.spaces.is_empty()).collect();
    assert_eq!(by_count.len(), counted.len());
    for lot in counted {
        assert!((0..=i64::from(lot.capacity)).contains(&by_count[&lot.id]), "{}", lot.name.zh);
    }
}

#[test]
fn while_nobody_listens_the_queue_holds_each_sensor_at_most_once() {
    let town = town();
    let mut traffic = Traffic::new(town, 1, FIRST_HOUR, now());
    for _ in 0..2_000 {
        traffic.step(0.05, 60.0);
    }
    let sensors = town.lots.iter().map(|lot| lot.spaces.len().max(3)).sum::<usize>();
    assert!(drain(&mut traffic).len() <= sensors);
}

#[test]
fn a_round_of_heartbeats_hears_every_sensor_that_is_well() {
    let mut traffic = Traffic::new(town(), 1, FIRST_HOUR, now());
    traffic.report_everything();
    let all: BTreeSet<String> = drain(&mut traffic).into_iter().map(|message| message.topic).collect();
    let mut heard = BTreeSet::new();
    for _ in 0..1_001 {
        traffic.beat(0.001);
        heard.extend(drain(&mut traffic).into_iter().map(|message| message.topic));
    }
    assert_eq!(heard, all);
}

#[test]
fn a_message_that_could_not_be_handed_over_is_told_again() {
    let mut traffic = Traffic::new(town(), 1, FIRST_HOUR, now());
    traffic.report_everything();
    let lost = traffic.next_message(now()).unwrap();
    traffic.put_back();
    assert!(drain(&mut traffic).iter().any(|message| message.topic == lost.topic));
}
