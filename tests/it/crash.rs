//! Power cuts: the node is killed at any moment, and in the end the counts are the truth, nothing lost and nothing twice.

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use yunpark_simulator::load::{self, Options};

use crate::{
    node::{Node, Places},
    services::{self, wait_for},
};

/// Ten thousand messages, one in ten of them twice, neighbours out of order; the node is killed three times meanwhile.
fn ten_thousand_messages_survive(places: &Places) {
    let options = Options {
        mqtt_url: places.mqtt.clone(),
        lots: 8,
        spaces: 50,
        rate: 2_000,
        seconds: 5,
        duplicates: 0.1,
        shuffle: true,
        seed: 7,
        truth: None,
    };
    let city: Value = serde_json::from_str(&options.script().city()).unwrap();
    let mut node = Node::start(places, &city);
    let script = options.script();
    let truth = script.truth();
    assert!(truth.sent > 10_000, "duplicates come on top");

    let publisher = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(load::run(&options, CancellationToken::new())).unwrap()
    });
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(700));
        node.kill();
        node.run();
    }
    let outcome = publisher.join().unwrap();
    assert_eq!(outcome.sent, truth.sent, "the publisher handed over every message");

    for (lot, counts) in &truth.lots {
        wait_for(&format!("the truth of {lot}: {counts:?}"), || {
            let (_, told) = node.get(&format!("/api/v1/lots/{lot}"))?;
            let same = told["free"] == counts.free
                && told["occupied"] == counts.occupied
                && told["unknown"] == counts.unknown
                && told["capacity"] == counts.capacity;
            same.then_some(())
        });
        let (_, told) = node.get(&format!("/api/v1/lots/{lot}/spaces")).unwrap();
        for space in told["spaces"].as_array().unwrap() {
            let name = format!("{lot}/{}", space["id"].as_str().unwrap());
            if let Some(state) = truth.spaces.get(&name) {
                assert_eq!(space["state"], state.as_str(), "{name}");
            }
        }
    }
    assert_eq!(node.stop(), Some(0), "told to stop, it drains and ends well");
}

#[test]
fn a_node_on_redis_and_postgresql_killed_in_the_middle_counts_the_truth() {
    let (broker, redis) = (services::mosquitto(), services::redis());
    ten_thousand_messages_survive(&Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        redis: format!("redis://127.0.0.1:{}", redis.port),
        sql: services::postgres(),
        ..Places::default()
    });
}

#[test]
fn a_node_that_counts_by_itself_killed_in_the_middle_counts_the_truth() {
    let broker = services::mosquitto();
    ten_thousand_messages_survive(&Places { mqtt: format!("mqtt://127.0.0.1:{}", broker.port), ..Places::default() });
}
