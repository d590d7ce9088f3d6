//! Two nodes of one group split the sensors' messages; killing one loses nothing and counts nothing twice.

use std::process::Command;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use yunpark_simulator::load::{self, Options, Truth};

use crate::{
    node::{Node, Places},
    services::{self, wait_for},
    town::town,
};

/// A counter of the node's metrics.
fn counted(node: &Node, series: &str) -> f64 {
    let output = Command::new("curl").args(["-s", "--max-time", "20", &node.url("/metrics")]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok()).unwrap_or(0.0)
}

/// Whether the node tells the truth of every lot; else the first difference.
fn difference(node: &Node, truth: &Truth) -> Option<String> {
    for (id, counts) in &truth.lots {
        let Some((_, lot)) = node.get(&format!("/api/v1/lots/{id}")) else { return Some("no answer".to_owned()) };
        let told = ["free", "occupied", "unknown"].map(|key| lot[key].as_u64().unwrap_or(u64::MAX));
        let expected = [counts.free, counts.occupied, counts.unknown].map(u64::from);
        if told != expected {
            return Some(format!("{id}: {told:?} instead of {expected:?}"));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_split_the_load_and_killing_one_leaves_the_counts_true() {
    let (broker, redis) = (services::mosquitto(), services::redis());
    let options = Options {
        mqtt_url: format!("mqtt://127.0.0.1:{}", broker.port),
        lots: 4,
        spaces: 25,
        rate: 1000,
        seconds: 8,
        duplicates: 0.2,
        shuffle: true,
        seed: 11,
        truth: None,
    };
    let script = options.script();
    let city: Value = serde_json::from_str(&script.city()).unwrap();
    let places = Places {
        mqtt: options.mqtt_url.clone(),
        redis: format!("redis://127.0.0.1:{}/0", redis.port),
        mqtt_more: "shared_group = \"town\"".to_owned(),
        ..Places::default()
    };
    let (one, other) = (Node::start(&places, &city), Node::start(&places, &city));
    let killing = tokio::task::spawn_blocking(move || {
        let mut other = other;
        wait_for("both nodes to take their share", || {
            let taken = [&one, &other].map(|node| counted(node, "yunpark_ingest_messages_total "));
            taken.iter().all(|&taken| taken > 500.0).then_some(())
        });
        other.kill();
        (one, other)
    });
    let (sent, killed) = tokio::join!(load::run(&options, CancellationToken::new()), killing);
    let (sent, (one, mut other)) = (sent.unwrap(), killed.unwrap());
    // What the broker kept for the killed node comes when it is back.
    let truth = script.truth().clone();
    let took = tokio::task::spawn_blocking(move || {
        other.run();
        for node in [&one, &other] {
            let mut last = String::new();
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
            while let Some(wrong) = difference(node, &truth) {
                last.clone_from(&wrong);
                assert!(std::time::Instant::now() < deadline, "{last}");
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
        counted(&one, "yunpark_ingest_messages_total ")
    })
    .await
    .unwrap();
    assert!(took < sent.sent as f64, "one node took {took} of {} messages: the group splits them", sent.sent);
}

#[test]
fn a_group_works_in_mqtt_3_1_1_as_well() {
    const MESSAGES: u32 = 200;
    let broker = services::mosquitto();
    let places = Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        mqtt_more: "shared_group = \"town\"\nprotocol = \"3.1.1\"".to_owned(),
        ..Places::default()
    };
    let city = town(1, 1, "127.0.0.1:1");
    let nodes = [Node::start(&places, &city), Node::start(&places, &city)];
    let file = nodes[0].dir.path().join("states");
    let states =
        (1..=MESSAGES).map(|seq| format!("{{\"state\":\"free\",\"at\":\"2026-07-29T08:00:00Z\",\"seq\":{seq}}}\n"));
    std::fs::write(&file, states.collect::<String>()).unwrap();
    let port = broker.port.to_string();
    let sent = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", "yunpark/v1/space/L1/S001/state", "-l"])
        .stdin(std::fs::File::open(&file).unwrap())
        .status()
        .unwrap();
    assert!(sent.success());
    let taken = wait_for("every message to be taken", || {
        let taken = nodes.each_ref().map(|node| counted(node, "yunpark_ingest_messages_total "));
        (taken.iter().sum::<f64>() >= f64::from(MESSAGES)).then_some(taken)
    });
    assert!(taken.iter().all(|&taken| taken > 0.0), "each node has a share: {taken:?}");
    assert!((taken.iter().sum::<f64>() - f64::from(MESSAGES)).abs() < 0.5, "none is taken by both: {taken:?}");
}
