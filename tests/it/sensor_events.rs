//! What devices say, from outside through Mosquitto: kept once, in order, over a power cut; and how the sensors are told.

use std::{io::Write, process::Command};

use serde_json::{Value, json};
use yunpark::store::{Db, query};

use crate::{
    node::{Node, Places},
    services::{self, wait_for},
    town::town,
};

const DEVICE: &str = "fcd6bd00001a2b3c";
/// Frames of a Bosch TPS110: port 1 tells a change, port 2 repeats the state.
const TAKEN: (u8, &str) = (1, "AQ==");
const FREE: (u8, &str) = (1, "AA==");
const STILL_FREE: (u8, &str) = (2, "AA==");

/// An instant so many seconds from now, as a network server writes it.
#[expect(clippy::disallowed_methods, reason = "the test plays the network server, whose clock is the wall's")]
fn seconds_from_now(seconds: i64) -> String {
    (chrono::Utc::now() + chrono::Duration::seconds(seconds)).to_rfc3339()
}

/// An uplink of ChirpStack.
fn chirpstack(session: &str, f_cnt: u32, (f_port, data): (u8, &str), time: &str) -> String {
    json!({
        "time": time, "deviceInfo": {"devEui": DEVICE}, "devAddr": session, "fCnt": f_cnt, "fPort": f_port, "data": data,
    })
    .to_string()
}

/// An uplink of The Things Stack, which leaves out what is zero.
fn things_stack(session: &str, f_cnt: u32, (f_port, data): (u8, &str), time: &str) -> String {
    let mut body = json!({"session_key_id": session, "f_port": f_port, "frm_payload": data, "received_at": time});
    if f_cnt > 0 {
        body["f_cnt"] = f_cnt.into();
    }
    let ids = json!({"device_id": "bay-1", "dev_eui": DEVICE.to_uppercase()});
    json!({"end_device_ids": ids, "received_at": time, "uplink_message": body}).to_string()
}

struct Scene {
    node: Node,
    _broker: services::Server,
    supervisor: String,
}

impl Scene {
    fn new(city: &Value) -> Self {
        let broker = services::mosquitto();
        let places = Places { mqtt: format!("mqtt://127.0.0.1:{}", broker.port), ..Places::default() };
        let node = Node::start(&places, city);
        let supervisor = node.sign_in("li");
        Self { node, _broker: broker, supervisor }
    }

    fn up(&self, payload: &str) {
        self.node.publish(&format!("application/a/device/{DEVICE}/event/up"), payload);
    }

    fn get(&self, path: &str) -> Option<Value> {
        let (status, body) = self.node.ask("GET", path, &[("Authorization", self.supervisor.as_str())], None)?;
        (status == 200).then_some(body)
    }

    fn sensor(&self) -> Option<Value> {
        self.get(&format!("/api/v1/sensors/{DEVICE}"))
    }

    /// Waits until so many statements of the device are kept; oldest first.
    fn events(&self, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} statements"), || {
            let mut events = self.sensor()?["last_events"].as_array()?.clone();
            events.reverse();
            (events.len() == count).then_some(events)
        })
    }

    /// The space's state and the lot's version.
    fn space(&self) -> Option<(String, u64)> {
        let (_, spaces) = self.node.get("/api/v1/lots/L1/spaces")?;
        let (_, lot) = self.node.get("/api/v1/lots/L1")?;
        Some((spaces["spaces"][0]["state"].as_str()?.to_owned(), lot["version"].as_u64()?))
    }

    fn wait_for_state(&self, state: &str) -> u64 {
        wait_for(&format!("the space to be {state}"), || {
            self.space().and_then(|(now, version)| (now == state).then_some(version))
        })
    }
}

#[test]
fn an_uplink_delivered_three_times_is_one_row_and_one_change() {
    let scene = Scene::new(&town(1, 4, "127.0.0.1:9"));
    scene.up(&chirpstack("a", 1, FREE, &seconds_from_now(-20)));
    let before = scene.wait_for_state("free");
    let taken = chirpstack("a", 2, TAKEN, &seconds_from_now(-10));
    for _ in 0..3 {
        scene.up(&taken);
    }
    scene.up(&chirpstack("a", 3, (2, "AQ=="), &seconds_from_now(-5)));
    let events = scene.events(3);
    assert_eq!(scene.space().unwrap(), ("occupied".to_owned(), before + 1));
    assert_eq!(events.iter().map(|event| event["f_cnt"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(scene.sensor().unwrap()["duplicates"], 2);
}

#[test]
fn frames_out_of_order_leave_the_newest_state_and_three_rows() {
    let scene = Scene::new(&town(1, 4, "127.0.0.1:9"));
    for (f_cnt, frame, seconds) in [(10, TAKEN, -30), (12, FREE, -10), (11, TAKEN, -20)] {
        scene.up(&chirpstack("a", f_cnt, frame, &seconds_from_now(seconds)));
    }
    scene.events(3);
    assert_eq!(scene.space().unwrap().0, "free");
    // A frame after them shows that nothing of them is still to come.
    scene.up(&chirpstack("a", 13, STILL_FREE, &seconds_from_now(0)));
    scene.events(4);
    assert_eq!(scene.space().unwrap().0, "free");
    assert_eq!(scene.sensor().unwrap()["missed_changes"], 0, "the heartbeat says what the newest frame did");
}

#[test]
fn a_device_that_joins_anew_counts_from_zero_and_is_believed() {
    let scene = Scene::new(&town(1, 4, "127.0.0.1:9"));
    let topic = "v3/city@tenant/devices/bay-1/up";
    scene.node.publish(topic, &things_stack("key-1", 500, TAKEN, &seconds_from_now(-20)));
    scene.wait_for_state("occupied");
    scene.node.publish(topic, &things_stack("key-2", 0, FREE, &seconds_from_now(-10)));
    scene.wait_for_state("free");
    let events = scene.events(2);
    assert_eq!((&events[1]["session"], &events[1]["f_cnt"]), (&json!("key-2"), &json!(0)));
}

#[test]
fn a_heartbeat_that_contradicts_the_state_corrects_it_and_the_missed_change_is_on_record() {
    let scene = Scene::new(&town(1, 4, "127.0.0.1:9"));
    scene.up(&chirpstack("a", 1, TAKEN, &seconds_from_now(-20)));
    scene.wait_for_state("occupied");
    scene.up(&chirpstack("a", 3, STILL_FREE, &seconds_from_now(-10)));
    scene.wait_for_state("free");
    let events = scene.events(2);
    assert_eq!((&events[0]["missed"], &events[1]["missed"]), (&json!(false), &json!(true)));
    let sensor = scene.sensor().unwrap();
    assert_eq!(sensor["missed_changes"], 1);
    assert!(sensor["illnesses"].as_array().unwrap().contains(&json!("missed_changes")), "{sensor}");
    let moves = wait_for("the moves of the space", || {
        let moves = scene.get("/api/v1/lots/L1/spaces/S001/transitions")?;
        (moves["transitions"].as_array()?.len() == 2).then_some(moves)
    });
    assert_eq!(
        (&moves["transitions"][1]["state"], &moves["transitions"][1]["previous"]),
        (&json!("free"), &json!("occupied"))
    );
}

#[test]
fn a_statement_from_the_future_is_kept_and_moves_nothing() {
    let scene = Scene::new(&town(1, 4, "127.0.0.1:9"));
    scene.up(&chirpstack("a", 1, FREE, &seconds_from_now(-20)));
    scene.wait_for_state("free");
    scene.up(&chirpstack("a", 2, TAKEN, &seconds_from_now(3600)));
    scene.up(&chirpstack("a", 3, STILL_FREE, &seconds_from_now(-10)));
    let events = scene.events(3);
    assert_eq!(scene.space().unwrap().0, "free");
    let standings: Vec<&str> = events.iter().map(|event| event["standing"].as_str().unwrap()).collect();
    assert_eq!(standings, ["live", "live", "future"]);
    assert_eq!(scene.sensor().unwrap()["missed_changes"], 0);
}

#[test]
fn a_node_killed_between_receipt_and_commit_keeps_every_one_of_a_thousand() {
    let broker = services::mosquitto();
    let places = Places { mqtt: format!("mqtt://127.0.0.1:{}", broker.port), ..Places::default() };
    let mut node = Node::start(&places, &town(1, 4, "127.0.0.1:9"));
    let mut publisher = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-q", "1", "-l"])
        .args(["-t", &format!("application/a/device/{DEVICE}/event/up")])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = publisher.stdin.take().unwrap();
    for f_cnt in 0..1000_u32 {
        let frame = if f_cnt % 2 == 0 { TAKEN } else { FREE };
        writeln!(lines, "{}", chirpstack("a", f_cnt, frame, &seconds_from_now(0))).unwrap();
        if [200, 500, 800].contains(&f_cnt) {
            lines.flush().unwrap();
            node.kill();
            node.run();
        }
    }
    drop(lines);
    assert!(publisher.wait().unwrap().success());
    let url = format!("sqlite://{}/yunpark.db", node.dir.path().display());
    let settings = yunpark::config::Store::of(&url, 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let db = runtime.block_on(Db::connect(&settings)).unwrap();
    let count = || {
        let ask = query("sensor_events", "SELECT COUNT(*) AS n FROM sensor_events").fetch_one(&db);
        runtime.block_on(ask).ok()?.get::<i64>("n").ok()
    };
    wait_for("a thousand rows", || (count()? == 1000).then_some(()));
    node.publish(
        &format!("application/a/device/{DEVICE}/event/up"),
        &chirpstack("a", 1000, TAKEN, &seconds_from_now(0)),
    );
    wait_for("one more and no more", || (count()? == 1001).then_some(()));
}

#[test]
fn the_history_is_told_as_json_and_as_csv_and_bad_questions_name_the_field() {
    let scene = Scene::new(&town(1, 4, "127.0.0.1:9"));
    scene.up(&chirpstack("a", 1, FREE, &seconds_from_now(0)));
    scene.wait_for_state("free");
    let history = scene.get("/api/v1/lots/L1/history?step=15m").unwrap();
    assert_eq!((&history["lot"], &history["step_s"]), (&json!("L1"), &json!(900)));
    let mut curl = Command::new("curl");
    let csv = curl.args(["-s", "-i", "-H", "Accept: text/csv"]).arg(scene.node.url("/api/v1/lots/L1/history")).output();
    let csv = String::from_utf8(csv.unwrap().stdout).unwrap().to_lowercase();
    assert!(csv.contains("content-type: text/csv"), "{csv}");
    assert!(csv.contains("\r\n\r\nat,free,occupied,unknown,out_of_service,capacity,"), "{csv}");
    for (path, field) in [
        ("/api/v1/lots/L1/history?step=7", "step"),
        ("/api/v1/lots/L1/history?from=yesterday", "from"),
        ("/api/v1/lots/L1/history?format=xml", "format"),
    ] {
        let (status, problem) = scene.node.get(path).unwrap();
        assert_eq!((status, &problem["fields"][0]["field"]), (400, &json!(field)), "{path}: {problem}");
    }
    for path in ["/api/v1/sensors", "/api/v1/lots/L1/spaces/S001/transitions"] {
        assert_eq!(scene.node.get(path).unwrap().0, 401, "{path}");
        let officer = scene.node.sign_in("wang");
        let (status, _) = scene.node.ask("GET", path, &[("Authorization", officer.as_str())], None).unwrap();
        assert_eq!(status, 403, "{path}");
    }
    let (status, problem) = scene
        .node
        .ask("GET", "/api/v1/sensors?state=dead", &[("Authorization", scene.supervisor.as_str())], None)
        .unwrap();
    assert_eq!((status, &problem["fields"][0]["field"]), (400, &json!("state")));
}

#[test]
fn a_gateway_that_is_gone_is_told_with_its_last_will() {
    let scene = Scene::new(&town(1, 4, "127.0.0.1:9"));
    scene.node.publish("yunpark/v1/gateway/gw-1/status", r#"{"state":"online","at":"2026-03-10T01:15:00Z"}"#);
    let is = |online: bool| {
        let sensors = scene.get("/api/v1/sensors")?;
        let gateway = sensors["gateways"].as_array()?.iter().find(|one| one["id"] == "gw-1")?;
        (gateway["online"] == online).then_some(())
    };
    wait_for("the gateway to be there", || is(true));
    scene.node.publish("yunpark/v1/gateway/gw-1/status", r#"{"state":"offline"}"#);
    wait_for("the gateway to be gone", || is(false));
    let listed = scene.get("/api/v1/sensors?state=unheard").unwrap();
    assert_eq!((&listed["sensors"][0]["id"], &listed["totals"]["ill"]), (&json!(DEVICE), &json!(1)));
}
