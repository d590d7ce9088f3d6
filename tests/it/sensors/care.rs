//! What an operator is told: silence, gateways that are gone, and counters with who set them right.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{chirpstack, city, now, publish, start, things_stack, wait_occupied};
use crate::{
    node::{Node, Places},
    services::{self, Server, wait_for},
    town::town,
};

const GATEWAY: &str = "0016c001f153a14c";

/// What a supervisor is told on a path.
fn told(node: &Node, supervisor: &str, path: &str) -> Option<Value> {
    let (status, body) = node.ask("GET", path, &[("Authorization", supervisor)], None)?;
    assert_eq!(status, 200, "{path}: {body}");
    Some(body)
}

fn illnesses(node: &Node, supervisor: &str, sensor: &str) -> Vec<String> {
    let body = told(node, supervisor, &format!("/api/v1/sensors/{sensor}")).unwrap();
    body["illnesses"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// The free places the sign is to show.
fn on_the_sign(node: &Node) -> Option<u64> {
    node.get("/api/v1/signs/SIGN-MQTT")?.1["panels"][0]["desired"]["lines"][0]["free"].as_u64()
}

fn wait_for_sign(node: &Node, free: u64) {
    let mut last = None;
    wait_for(&format!("the sign to show {free}"), || {
        last = on_the_sign(node);
        (last == Some(free)).then_some(())
    });
}

#[test]
fn a_sensor_silent_for_two_and_a_half_heartbeats_is_unknown_and_its_place_leaves_the_sign() {
    let codec = json!({"id": "acme/bay-7", "heartbeat_s": 2, "fields": [{"byte": 0, "meaning": "occupied"}]});
    let sensors = json!([{"id": "acme-1", "codec": "acme/bay-7", "space": "L1/S001"}]);
    let broker = services::mosquitto();
    let node = start(&broker, &city(20, sensors, json!([codec])));
    let supervisor = node.sign_in("li");
    for n in 2..=20 {
        node.publish(&format!("yunpark/v1/space/L1/S{n:03}/state"), &json!({"state": "free", "at": now()}).to_string());
    }
    let mut f_cnt = 0;
    // It speaks in time for as long as the others take to be heard.
    wait_for("twenty free places on the sign", || {
        f_cnt += 1;
        publish(&node, things_stack("acme-1", f_cnt, 1, "00"));
        (on_the_sign(&node)? == 20).then_some(())
    });
    assert!(!illnesses(&node, &supervisor, "acme-1").contains(&"silent".to_owned()));
    wait_for("the silent bay to be unknown", || {
        let (_, lot) = node.get("/api/v1/lots/L1")?;
        ((&lot["free"], &lot["unknown"]) == (&json!(19), &json!(1))).then_some(())
    });
    wait_for_sign(&node, 19);
    wait_for("the sensor to be called silent", || {
        illnesses(&node, &supervisor, "acme-1").contains(&"silent".to_owned()).then_some(())
    });
    let sensor = told(&node, &supervisor, "/api/v1/sensors/acme-1").unwrap();
    assert_eq!((&sensor["state"], &sensor["trustworthy"]), (&json!("ill"), &json!(false)));
    publish(&node, things_stack("acme-1", f_cnt + 1, 1, "00"));
    wait_for_sign(&node, 20);
}

#[test]
fn a_sensor_that_falls_silent_opens_a_matter_which_its_word_and_somebodys_look_close() {
    let codec = json!({"id": "acme/bay-7", "heartbeat_s": 2, "fields": [{"byte": 0, "meaning": "occupied"}]});
    let sensors = json!([{"id": "acme-1", "codec": "acme/bay-7", "space": "L1/S001"}]);
    let broker = services::mosquitto();
    let mqtt = format!("mqtt://127.0.0.1:{}", broker.port);
    let more = "[matters]\nill_after_min = 0".to_owned();
    let mut node = Node::prepare(&Places { mqtt, more, ..Places::default() }, &city(4, sensors, json!([codec])));
    node.mqtt = broker.port;
    node.run();
    let supervisor = node.sign_in("li");
    let mut f_cnt = 0;
    let mut speak = || {
        f_cnt += 1;
        publish(&node, things_stack("acme-1", f_cnt, 1, "00"));
    };
    speak();
    let matters = || told(&node, &supervisor, "/api/v1/matters").unwrap()["matters"].as_array().unwrap().clone();
    let of_it = wait_for("a matter about the silent sensor", || {
        matters().into_iter().find(|one| one["subject"] == "sensor:acme-1" && one["state"] == "dispatched")
    });
    let id = of_it["id"].as_str().unwrap();
    assert_eq!(of_it["source"], "sensor");
    let state = || told(&node, &supervisor, &format!("/api/v1/matters/{id}")).unwrap()["state"].clone();
    let steps = format!("/api/v1/matters/{id}/steps");
    let verify = || {
        let passed = json!({"step": "verify", "passed": true, "why": "现场查看，工作正常"});
        node.ask("POST", &steps, &[("Authorization", &supervisor)], Some(&passed)).unwrap()
    };
    wait_for("its health to be told to the matter", || {
        speak();
        (state() == "fed_back").then_some(())
    });
    let mut last = Value::Null;
    wait_for("it to be closed by somebody's look", || {
        speak();
        let (status, answer) = verify();
        last = answer;
        (status == 200).then_some(())
    });
    assert_eq!(state(), "closed", "{last}");
    let verified = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

/// The same message, heard by these gateways.
fn heard_by((topic, payload): (String, String), gateways: &[&str]) -> (String, String) {
    let mut payload: Value = serde_json::from_str(&payload).unwrap();
    if topic.starts_with("v3/") {
        let named = gateways.iter().map(|id| json!({"gateway_ids": {"gateway_id": id}, "rssi": -100}));
        payload["uplink_message"]["rx_metadata"] = named.collect();
    } else {
        payload["rxInfo"] = gateways.iter().map(|id| json!({"gatewayId": id, "rssi": -90})).collect();
    }
    (topic, payload.to_string())
}

/// A gateway's connection with its last will; as it dies with this, the broker tells the will.
struct Connection(Child);

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn gateway(broker: &Server, id: &str) -> Connection {
    let topic = format!("yunpark/v1/gateway/{id}/status");
    let status = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-q", "1", "-r", "-t", &topic, "-m"])
        .arg(r#"{"state":"online"}"#)
        .status();
    assert!(status.unwrap().success());
    let child = Command::new("mosquitto_sub")
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &broker.port.to_string(),
            "-t",
            &format!("command/{id}"),
            "--will-topic",
            &topic,
        ])
        .args(["--will-payload", r#"{"state":"offline"}"#, "--will-qos", "1", "--will-retain"])
        .stdout(Stdio::null())
        .spawn();
    Connection(child.unwrap())
}

#[test]
fn a_gateways_last_will_tells_why_its_sensors_are_silent_unless_another_hears_them() {
    let sensors = json!([
        {"id": "fcd6bd0000000001", "codec": "bosch/tps110", "space": "L1/S001"},
        {"id": "bay-2", "codec": "nwave/nps405", "space": "L1/S002"},
        {"id": "fcd6bd0000000003", "codec": "bosch/tps110", "space": "L1/S003"}]);
    let broker = services::mosquitto();
    let node = start(&broker, &city(4, sensors, json!([])));
    let supervisor = node.sign_in("li");
    let connection = gateway(&broker, GATEWAY);
    let other = "0016c001f1ffffff";
    publish(&node, heard_by(chirpstack("fcd6bd0000000001", 1, 1, "01"), &[GATEWAY]));
    // The Things Stack's name for the same gateway.
    publish(&node, heard_by(things_stack("bay-2", 1, 1, "ff"), &[&format!("eui-{GATEWAY}")]));
    publish(&node, heard_by(chirpstack("fcd6bd0000000003", 1, 1, "01"), &[GATEWAY, other]));
    wait_occupied(&node, "L1", 3);
    wait_for("the gateway to be there", || {
        let gateways = told(&node, &supervisor, "/api/v1/sensors")?["gateways"].clone();
        gateways.as_array()?.iter().any(|one| one["id"] == GATEWAY && one["online"] == true).then_some(())
    });
    let down = || {
        let listed = told(&node, &supervisor, "/api/v1/sensors?state=gateway_down").unwrap();
        let ids = listed["sensors"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert!(down().is_empty());
    drop(connection);
    wait_for("the sensors behind it to be told", || (down() == ["bay-2", "fcd6bd0000000001"]).then_some(()));
    let sensor = told(&node, &supervisor, "/api/v1/sensors/fcd6bd0000000001").unwrap();
    assert_eq!((&sensor["gateways"], &sensor["trustworthy"]), (&json!([GATEWAY]), &json!(false)));
    let frame = &sensor["last_events"][0];
    assert_eq!((&frame["f_port"], &frame["frame"]), (&json!(1), &json!("01")), "what it sent is on record");
    // Another gateway hears it: it is not cut off after all.
    publish(&node, heard_by(chirpstack("fcd6bd0000000001", 2, 1, "01"), &[other]));
    wait_for("it to be well again", || (down() == ["bay-2"]).then_some(()));
}

#[test]
fn what_counters_count_is_told_with_who_set_them_right_and_the_sign_stays_within_the_lot() {
    let mut city = town(1, 20, "127.0.0.1:9");
    let lot = city["features"][0]["properties"].as_object_mut().unwrap();
    lot.remove("spaces");
    lot.insert("counted_by".to_owned(), json!("counters"));
    city["sensors"] = json!([{"id": "0123456789ab0001", "codec": "nwave/ncc405", "lot": "L1", "direction": "in"}]);
    let broker = services::mosquitto();
    let node = start(&broker, &city);
    let supervisor = node.sign_in("li");
    let counter = || Some(told(&node, &supervisor, "/api/v1/counters")?["counters"][0].clone());
    let wait_raw = |raw: i64| {
        let mut last = Value::Null;
        wait_for(&format!("{raw} counted"), || {
            last = counter()?;
            (last["raw"] == raw).then(|| last.clone())
        })
    };
    let passage = |direction: &str, count: u32, lane: &str| {
        let word = json!({"direction": direction, "count": count, "at": now(), "lane": lane});
        node.publish("yunpark/v1/lot/L1/passage", &word.to_string());
    };
    assert_eq!(counter().unwrap()["anchor"], Value::Null, "nobody has counted yet");
    node.publish("yunpark/v1/lot/L1/count", &json!({"occupied": 5, "at": now()}).to_string());
    wait_raw(5);
    for (f_cnt, total) in [(1, "0064"), (2, "0070")] {
        publish(&node, chirpstack("0123456789ab0001", f_cnt, 1, total));
    }
    wait_raw(17);
    passage("in", 10, "south");
    let told_now = wait_raw(27);
    assert_eq!((&told_now["anchor"], &told_now["in"], &told_now["out"]), (&json!(5), &json!(22), &json!(0)));
    assert_eq!((&told_now["shown"], &told_now["capacity"]), (&json!(20), &json!(20)), "no more than the lot holds");
    wait_for_sign(&node, 0);

    let header = [("Authorization", supervisor.as_str())];
    let act = json!({"action": "correct", "occupied": 3, "reason": "counted by hand"});
    let (status, answer) = node.ask("POST", "/api/v1/lots/L1/actions", &header, Some(&act)).unwrap();
    assert_eq!(status, 200, "{answer}");
    passage("out", 8, "south");
    let told_now = wait_raw(-5);
    assert_eq!((&told_now["anchor"], &told_now["in"], &told_now["out"]), (&json!(3), &json!(0), &json!(8)));
    assert_eq!((&told_now["shown"], &told_now["drift"]), (&json!(0), &json!(24)), "27 were counted, 3 were there");
    assert_eq!(told_now["drift_per_day"], Value::Null, "seconds say nothing of a day");
    let reset = &told_now["last_reset"];
    assert_eq!((&reset["by"], &reset["occupied"]), (&json!("operator"), &json!(3)));
    assert_eq!((&reset["reason"], &told_now["manual_corrections"]), (&json!("counted by hand"), &json!(1)));
    wait_for_sign(&node, 20);

    publish(&node, chirpstack("0123456789ab0001", 3, 1, "ea60"));
    wait_for("the leap to be set aside", || (counter()?["quarantined"] == 1).then_some(()));
    assert_eq!(counter().unwrap()["raw"], -5, "and nothing is counted of it");
    wait_for("its sensor to be doubted", || {
        illnesses(&node, &supervisor, "0123456789ab0001").contains(&"implausible".to_owned()).then_some(())
    });
    let officer = node.sign_in("wang");
    let asked = |header: &[(&str, &str)]| node.ask("GET", "/api/v1/counters", header, None).unwrap().0;
    assert_eq!((asked(&[]), asked(&[("Authorization", officer.as_str())])), (401, 403));
}

#[test]
fn the_operators_page_has_no_fault_that_axe_finds_in_either_language_or_theme() {
    let sensors = json!([
        {"id": "fcd6bd0000000001", "codec": "bosch/tps110", "space": "L1/S001"},
        {"id": "fcd6bd0000000002", "codec": "bosch/tps110", "space": "L1/S002"},
        {"id": "0123456789ab0001", "codec": "nwave/ncc405", "lot": "GATE", "direction": "in"}]);
    let broker = services::mosquitto();
    let node = start(&broker, &city(4, sensors, json!([])));
    let _connection = gateway(&broker, GATEWAY);
    publish(&node, heard_by(chirpstack("fcd6bd0000000001", 1, 1, "01"), &[GATEWAY]));
    node.publish("yunpark/v1/lot/GATE/count", &json!({"occupied": 5, "at": now()}).to_string());
    wait_occupied(&node, "GATE", 5);
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/e2e/axe.mjs");
    let output = Command::new("node")
        .arg(script)
        .args(["--base", &node.url(""), "--user", "li", "--password", "battery staple", "--match", "^operator-"])
        .output()
        .expect("Node must be installed");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // Two sizes, two themes, two languages.
    assert!(said.contains(r#""looked":8,"violations":0"#), "{said}");
}
