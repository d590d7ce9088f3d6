//! What holds for the moving town, without a broker.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

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
                assert_eq!((&payload["fPort"], &payload["fCnt"]), (&Value::from(1), &Value::from(0)));
                assert!(payload["data"] == "AQ==" || payload["data"] == "AA==", "{payload}");
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
