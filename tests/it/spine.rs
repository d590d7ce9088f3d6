//! The whole job from outside: one message moves Redis, the socket, the page and the sign; a crash loses and doubles nothing.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    node::{CAMERA_TOKEN, Node, Places},
    services::{self, wait_for},
    sign::Emulator,
    town::town,
};

/// `dmsMessageMultiString` of `currentBuffer.1`: what the sign shows now.
const SHOWN: &str = "1.3.6.1.4.1.1206.4.2.3.5.8.1.3.5.1";

/// The free places of a lot as the HTTP door tells them.
fn free(node: &Node, lot: &str) -> Option<u64> {
    node.get(&format!("/api/v1/lots/{lot}"))?.1["free"].as_u64()
}

/// The present instant, as a device would write it.
#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn now() -> String {
    chrono::Utc::now().to_rfc3339()
}

/// A native space message.
fn space(state: &str, seq: u64) -> String {
    json!({"state": state, "at": now(), "seq": seq}).to_string()
}

/// What the NTCIP sign shows, as net-snmp reads it.
fn shown(sign: &Emulator) -> String {
    let output = Command::new("snmpget")
        .args(["-v1", "-c", "public", "-Oqv", "-t", "2", &format!("127.0.0.1:{}", sign.port), SHOWN])
        .output()
        .expect("snmp must be installed; `./run test` does it");
    let multi = String::from_utf8_lossy(&output.stdout);
    let rectangles = yunpark_signs::ntcip::multi::read(multi.trim().trim_matches('"')).unwrap_or_default();
    rectangles.into_iter().flat_map(|rectangle| rectangle.lines).collect::<Vec<_>>().join(" ")
}

/// A browser that looks at the public page until a lot's card shows a number.
fn browser(node: &Node, lot: &str, free: u32) -> Child {
    Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("web/e2e/watch.mjs"))
        .args(["--url", &node.url("/"), "--lot", lot, "--free", &free.to_string(), "--timeout", "90"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js must be installed")
}

/// The next message of the socket that tells of the lot, and its free count.
async fn socket_free<S>(socket: &mut S, lot: &str) -> u64
where
    S: StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    loop {
        let next = tokio::time::timeout(std::time::Duration::from_secs(60), socket.next()).await;
        let Message::Text(text) = next.expect("the socket speaks").unwrap().unwrap() else { continue };
        let message: Value = serde_json::from_str(&text).unwrap();
        let lots = message["lots"].as_array().cloned().unwrap_or_default();
        if let Some(told) = lots.iter().find(|told| told["id"] == lot) {
            return told["free"].as_u64().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_moves_redis_the_socket_the_page_and_the_sign() {
    let (broker, redis, sign) = (services::mosquitto(), services::redis(), Emulator::start());
    let places = Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        redis: format!("redis://127.0.0.1:{}", redis.port),
        sql: services::postgres(),
        ..Places::default()
    };
    let node = Node::start(&places, &town(2, 20, &sign.address()));
    let engine =
        yunpark::availability::Engine::redis(&yunpark::config::Config::load(Some(&node.config)).unwrap().availability)
            .await
            .unwrap();
    let lot = yunpark::domain::ids::LotId::parse("L1").unwrap();

    for n in 1..=20 {
        node.publish(&format!("yunpark/v1/space/L1/S{n:03}/state"), &space("free", 1));
    }
    wait_for("twenty free places", || (free(&node, "L1")? == 20).then_some(()));
    wait_for("the sign to show twenty", || shown(&sign).contains("20").then_some(()));

    let (mut socket, _) =
        tokio_tungstenite::connect_async(format!("ws://127.0.0.1:{}/api/v1/live", node.http)).await.unwrap();
    // The socket follows the API by one tick.
    while socket_free(&mut socket, "L1").await != 20 {}
    let mut page = browser(&node, "L1", 19);
    let mut lines = BufReader::new(page.stdout.take().unwrap()).lines();
    // Before the list is there, it says that it sees nothing.
    let said = lines.by_ref().map(Result::unwrap).find(|line| !line.contains(r#""free":null"#));
    let first = said.expect("the browser says what it sees");
    assert!(first.contains("20"), "the page shows the old number first: {first}");

    node.publish("yunpark/v1/space/L1/S007/state", &space("occupied", 2));

    assert_eq!(socket_free(&mut socket, "L1").await, 19);
    let stored = engine.lot(&lot).await.unwrap().unwrap();
    assert_eq!((stored.free, stored.occupied), (19, 1), "what the socket tells stands in Redis already");
    let seen: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(page.wait().unwrap().success(), "the page shows the new number: {seen:?}");
    wait_for("the sign to show nineteen", || shown(&sign).contains("19").then_some(()));
    let confirmed = wait_for("the API to confirm the face", || {
        let (_, view) = node.get("/api/v1/signs/SIGN-NTCIP")?;
        let face = view["panels"][0]["confirmed"].clone();
        (face["lines"][0]["text"] == "19").then_some(face)
    });
    assert_eq!(confirmed["lines"][0]["free"], 19);
}

#[test]
fn the_same_job_runs_on_embedded_defaults() {
    let sign = Emulator::start();
    let node = Node::start(&Places::default(), &town(1, 10, &sign.address()));
    for n in 1..=10 {
        node.publish(&format!("yunpark/v1/space/L1/S{n:03}/state"), &space(if n > 4 { "free" } else { "occupied" }, 1));
    }
    wait_for("six free places", || (free(&node, "L1")? == 6).then_some(()));
    wait_for("the sign to show six", || shown(&sign).contains('6').then_some(()));
}

#[test]
fn bad_messages_are_counted_and_the_next_one_works() {
    let node = Node::start(&Places::default(), &town(1, 4, "127.0.0.1:9"));
    let topic = "yunpark/v1/space/L1/S001/state";
    for (topic, payload) in [
        (topic, "not json"),
        (topic, r#"{"state":"maybe","at":"2026-03-10T01:15:00Z"}"#),
        (topic, r#"{"state":"free"}"#),
        ("yunpark/v1/space/L1/S999/state", r#"{"state":"free","at":"2026-03-10T01:15:00Z"}"#),
        ("yunpark/v1/space/L9/S001/state", r#"{"state":"free","at":"2026-03-10T01:15:00Z"}"#),
        ("yunpark/v1/space/L 1/S001/state", r#"{"state":"free","at":"2026-03-10T01:15:00Z"}"#),
        (
            "application/a/device/0000000000000000/event/up",
            r#"{"deviceInfo":{"devEui":"0000000000000000"},"data":"AQ==","fPort":1}"#,
        ),
    ] {
        node.publish(topic, payload);
    }
    node.publish(topic, &space("free", 1));
    wait_for("the good message to count", || (free(&node, "L1")? == 1).then_some(()));
    let metrics =
        String::from_utf8(Command::new("curl").args(["-s", &node.url("/metrics")]).output().unwrap().stdout).unwrap();
    let refused: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("yunpark_ingest_refused_total"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!(refused >= 7.0, "each refusal is counted: {refused}");
}

#[test]
fn bad_requests_are_problems_and_never_faults_of_ours() {
    let node = Node::start(&Places::default(), &town(1, 4, "127.0.0.1:9"));
    let camera = format!("Bearer {CAMERA_TOKEN}");
    let officer = node.sign_in("wang");
    let staff = [("Authorization", officer.as_str())];
    let keyed = [staff[0], ("Idempotency-Key", "odd-1")];
    let big = "x".repeat(2 << 20);
    for (method, path, headers, body, wanted) in [
        ("GET", "/api/v1/lots/nowhere", &[][..], None, 404),
        ("GET", "/api/v1/nothing", &[], None, 404),
        ("DELETE", "/api/v1/lots", &[], None, 405),
        ("GET", "/api/v1/lots?bbox=1,2,3", &[], None, 400),
        ("GET", "/api/v1/lots?near=here", &[], None, 400),
        ("POST", "/api/v1/session", &[], Some(json!({"name": "wang"})), 400),
        ("POST", "/api/v1/session", &[], Some(json!({"name": "wang", "password": big})), 413),
        ("POST", "/api/v1/session", &[], Some(json!({"name": "wang", "password": "wrong"})), 401),
        ("GET", "/api/v1/incidents", &[], None, 401),
        ("GET", "/api/v1/plates/%E6%B5%99K12345/history?purpose=check", &[], None, 401),
        ("GET", "/api/v1/plates/%E6%B5%99K12345/history", &staff, None, 400),
        ("GET", "/api/v1/plates/%E6%B5%99K12345/history?purpose=check", &staff, None, 404),
        ("GET", "/api/v1/live", &[], None, 400),
        ("GET", "/assets/%FF", &[], None, 404),
        ("GET", "/api/v1/incidents/nowhere", &staff, None, 404),
        ("GET", "/api/v1/incidents/%00", &staff, None, 404),
        ("GET", "/api/v1/incidents/%00", &staff, None, 404),
        ("POST", "/api/v1/incidents/%00/review", &staff, Some(json!({"decision": "warning"})), 404),
        ("GET", "/api/v1/records/%00", &staff, None, 404),
        ("GET", "/api/v1/records/%00/notice", &staff, None, 404),
        ("POST", "/api/v1/seizures/%00/approve", &staff, None, 404),
        ("GET", "/api/v1/incidents?format=xml", &staff, None, 400),
        ("GET", "/api/v1/records?format=xml", &staff, None, 400),
        (
            "POST",
            "/api/v1/records",
            &keyed,
            Some(json!({"kind": "warning", "vehicle_class": "motor", "reason": "x", "captures": ["\u{0}"]})),
            422,
        ),
        (
            "POST",
            "/api/v1/records",
            &keyed,
            Some(json!({"kind": "warning", "vehicle_class": "motor", "reason": "x\u{7}"})),
            422,
        ),
        (
            "POST",
            "/api/v1/seizures",
            &staff,
            Some(json!({"act": "seizure", "vehicle_class": "motor", "reason": "x"})),
            400,
        ),
        ("POST", "/api/v1/captures", &[("Authorization", camera.as_str())], Some(json!({})), 400),
    ] {
        let (status, problem) = node.ask(method, path, headers, body.as_ref()).unwrap();
        let close = status == wanted || (wanted == 400 && [415, 422].contains(&status));
        assert!(close, "{method} {path}: {status}, not {wanted}: {problem}");
        assert!(problem["type"].as_str().is_some_and(|t| t.starts_with("https://")), "{method} {path}: {problem}");
    }
    assert_eq!(node.get("/healthz").unwrap().0, 200);
}
