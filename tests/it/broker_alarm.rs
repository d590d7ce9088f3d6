//! What the broker loses is seen: a queue that overflows raises an alarm in readiness, metrics and the log.

use std::process::Command;

use crate::{
    node::{Node, Places},
    services::{self, wait_for},
    town::town,
};

/// What `/readyz` says of the sensors' connection.
fn told(node: &Node) -> Option<String> {
    let (status, body) = node.get("/readyz")?;
    assert_eq!(status, 200, "a node that hears of drops goes on: {body}");
    let dependencies = body["dependencies"].as_array()?;
    let mqtt = dependencies.iter().find(|dependency| dependency["name"] == "mqtt")?;
    Some(mqtt["detail"].as_str()?.to_owned())
}

fn metric(node: &Node, name: &str) -> Option<f64> {
    let output = Command::new("curl").args(["-s", "--max-time", "20", &node.url("/metrics")]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn client(broker: &services::Server, program: &str, arguments: &[&str]) -> std::process::ExitStatus {
    let port = broker.port.to_string();
    Command::new(program).args(["-h", "127.0.0.1", "-p", &port]).args(arguments).status().unwrap()
}

#[test]
fn a_broker_that_drops_messages_is_an_alarm() {
    let broker = services::mosquitto_with("sys_interval 1\nmax_queued_messages 3\n");
    let places = Places { mqtt: format!("mqtt://127.0.0.1:{}", broker.port), ..Places::default() };
    let node = Node::start(&places, &town(1, 3, "127.0.0.1:1"));
    // The broker has told of itself before anything is lost.
    wait_for("the broker's word", || metric(&node, "yunpark_broker_clients_connected "));
    let before = wait_for("readiness", || told(&node));
    assert!(before.contains("unacknowledged") && !before.contains("ALARM"), "{before}");

    // Somebody's session with room for three messages, and nobody there to read them.
    let away = ["-i", "away", "-c", "-q", "1", "-t", "yunpark/v1/space/#", "-E"];
    assert!(client(&broker, "mosquitto_sub", &away).success());
    // A bay that no device is bound to: nobody expects to hear from it, so its word does not grow stale.
    for seq in 1..=12 {
        let state = format!(r#"{{"state":"free","at":"2026-07-29T08:00:00Z","seq":{seq}}}"#);
        node.publish("yunpark/v1/space/L1/S002/state", &state);
    }
    let alarm = wait_for("the alarm", || told(&node).filter(|told| told.contains("ALARM")));
    assert!(alarm.contains("the broker dropped"), "{alarm}");
    wait_for("the metric", || metric(&node, "yunpark_broker_dropped_total ").filter(|&dropped| dropped >= 9.0));
    assert!(metric(&node, "yunpark_broker_messages_stored ").is_some());
    assert!(node.log().contains("the broker dropped messages"), "{}", node.log());
    // The node itself has lost nothing.
    wait_for("the bay", || (node.get("/api/v1/lots/L1")?.1["free"] == 1).then_some(()));
}
