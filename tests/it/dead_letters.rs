//! Poison messages through a real broker: they delay nobody, they are kept with their reasons, and come in after a fix.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::{
    node::{Node, Places},
    services::{self, wait_for},
    town::town,
};

const AT: &str = "2026-07-29T08:00:00Z";
const PASSWORD: &str = "tight lid jar";

fn free(node: &Node) -> Option<u64> {
    node.get("/api/v1/lots/L1")?.1["free"].as_u64()
}

fn dead_letters(node: &Node, arguments: &[&str]) -> Output {
    let (command, rest) = arguments.split_first().unwrap();
    let output = node.command(&[&["dead-letters", command, "--config", node.path()], rest].concat(), "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn listed(node: &Node, arguments: &[&str]) -> Vec<Value> {
    let output = dead_letters(node, &[&["list"], arguments].concat());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The operator's bearer header.
fn operator(node: &Node) -> String {
    let added = node.command(&["user", "add", "zhao", "--role", "operator", "--config", node.path()], PASSWORD);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let body = json!({"name": "zhao", "password": PASSWORD});
    let (status, session) = node.ask("POST", "/api/v1/session", &[], Some(&body)).unwrap();
    assert_eq!(status, 200, "{session}");
    format!("Bearer {}", session["token"].as_str().unwrap())
}

/// Publishes what is too long for an argument.
fn publish_long(node: &Node, topic: &str, bytes: usize) {
    let file = node.dir.path().join("long");
    std::fs::write(&file, "x".repeat(bytes)).unwrap();
    let port = node.mqtt.to_string();
    let status = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", topic, "-f", file.to_str().unwrap()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn poison_in_mid_stream_delays_nobody_and_is_kept_with_its_reason() {
    let broker = services::mosquitto();
    let places = Places { mqtt: format!("mqtt://127.0.0.1:{}", broker.port), ..Places::default() };
    let node = Node::start(&places, &town(1, 10, "127.0.0.1:1"));
    let port = node.mqtt.to_string();
    let told = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &port, "-C", "3", "-W", "60", "-v", "-t", "yunpark/v1/dead-letter/#"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for (seq, poison) in (1..=9).zip([0, 12_288, 0, 2, 0, 300_000, 0, 2, 0]) {
        let state = json!({"state": "free", "at": AT, "seq": seq}).to_string();
        match poison {
            0 => {}
            2 => node.publish("yunpark/v1/space/L1/S002/state", "{\"state\":"),
            bytes => publish_long(&node, "yunpark/v1/space/L1/S003/state", bytes),
        }
        // Not the first bay: a device is bound to it, whose word of long ago would be stale.
        node.publish(&format!("yunpark/v1/space/L1/S{:03}/state", seq + 1), &state);
    }
    wait_for("the good messages", || (free(&node) == Some(9)).then_some(()));
    let letters = wait_for("the dead letters", || {
        let letters = listed(&node, &[]);
        (letters.len() == 3).then_some(letters)
    });
    let of_length = |bytes: u64| letters.iter().find(|letter| letter["payload_bytes"] == bytes).unwrap();
    let (long, longer, short) = (of_length(12_288), of_length(300_000), of_length(9));
    assert_eq!((&long["kind"], &long["reason"]), (&json!("malformed_payload"), &json!("not a JSON object")));
    assert_eq!((&long["is_whole"], &long["source"]), (&json!(true), &json!("L1/S003")));
    assert_eq!(longer["kind"], "oversized");
    assert_eq!((&longer["is_whole"], longer["payload"].as_str().unwrap().len()), (&json!(false), 65_536));
    assert_eq!((&short["payload"], &short["seen"]), (&json!("{\"state\":"), &json!(2)));
    assert_eq!(listed(&node, &["--kind", "oversized"]).len(), 1);
    assert_eq!(listed(&node, &["--since", "2100-01-01T00:00:00Z"]).len(), 0);
    let shown = dead_letters(&node, &["show", short["id"].as_str().unwrap()]);
    assert_eq!(serde_json::from_slice::<Value>(&shown.stdout).unwrap(), *short);

    let told = String::from_utf8(told.wait_with_output().unwrap().stdout).unwrap();
    assert!(told.contains("yunpark/v1/dead-letter/malformed_payload {"), "{told}");
    assert!(!told.contains("xxxx"), "payloads stay in the store: {told}");

    let (status, _) = node.get("/api/v1/dead-letters").unwrap();
    assert_eq!(status, 401);
    let officer = node.sign_in("wang");
    let (status, _) = node.ask("GET", "/api/v1/dead-letters", &[("Authorization", &officer)], None).unwrap();
    assert_eq!(status, 403);
    let operator = operator(&node);
    let header = [("Authorization", operator.as_str())];
    let (status, answer) = node.ask("GET", "/api/v1/dead-letters?kind=oversized", &header, None).unwrap();
    assert_eq!((status, answer["dead_letters"].as_array().unwrap().len()), (200, 1));
    let (status, _) = node.ask("GET", "/api/v1/dead-letters?limit=0", &header, None).unwrap();
    assert_eq!(status, 400);

    let dropped = dead_letters(&node, &["drop", "--kind", "malformed_payload"]);
    assert_eq!(String::from_utf8_lossy(&dropped.stdout).trim(), "dropped 2");
    assert_eq!(listed(&node, &[]).len(), 1);
}

#[test]
fn a_message_refused_for_an_unknown_device_comes_in_once_the_city_knows_it() {
    let broker = services::mosquitto();
    let places = Places { mqtt: format!("mqtt://127.0.0.1:{}", broker.port), ..Places::default() };
    let mut without = town(1, 3, "127.0.0.1:1");
    without["sensors"] = json!([]);
    let node = Node::start(&places, &without);
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/samples/mqtt/chirpstack_v4_up_bosch_tps110.json");
    let up = std::fs::read_to_string(sample).unwrap();
    node.publish("application/a/device/fcd6bd00001a2b3c/event/up", &up);
    let letters = wait_for("the dead letter", || Some(listed(&node, &[])).filter(|letters| !letters.is_empty()));
    assert_eq!((&letters[0]["kind"], &letters[0]["source"]), (&json!("unknown_device"), &json!("fcd6bd00001a2b3c")));

    // Too early: it is refused again, and waits again.
    let replayed = dead_letters(&node, &["replay"]);
    assert_eq!(String::from_utf8_lossy(&replayed.stdout).trim(), "replayed 1");
    wait_for("the second refusal", || (listed(&node, &[])[0]["seen"] == 2).then_some(()));

    let file = node.dir.path().join("mended.geojson");
    std::fs::write(&file, town(2, 3, "127.0.0.1:1").to_string()).unwrap();
    let imported = node.command(&["import", "--config", node.path(), file.to_str().unwrap()], "");
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    wait_for("the mended city", || (node.get("/api/v1/lots/L2")?.0 == 200).then_some(()));
    let replayed = dead_letters(&node, &["replay", "--kind", "unknown_device"]);
    assert_eq!(String::from_utf8_lossy(&replayed.stdout).trim(), "replayed 1");
    // Its word is of long ago, so the bay counts as taken for a moment only; that it has spoken stays.
    wait_for("the replayed message", || {
        node.get("/api/v1/lots/L1/spaces")?.1["spaces"][0]["observed_at"].is_string().then_some(())
    });
    let letter = &listed(&node, &[])[0];
    assert!(letter["replayed_at"].is_string(), "{letter}");
    let again = dead_letters(&node, &["replay"]);
    assert_eq!(String::from_utf8_lossy(&again.stdout).trim(), "replayed 0", "what was replayed is marked");
}
