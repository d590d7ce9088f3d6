//! A plate's history and the supervisors' desk in a browser: purpose, audit, evidence, and figures that are those of the ledger.

use serde_json::{Value, json};

use crate::{
    node::{Node, Places, STAFF},
    officer_page::{capture, county, ledger, plate, run},
    services::wait_for,
};

/// A county whose signs tell of no lot: they are not there.
fn without_signs() -> Value {
    let mut city = county();
    city["features"].as_array_mut().unwrap().retain(|one| one["properties"]["kind"] != "sign");
    city
}

#[test]
fn every_figure_opens_its_records_and_the_place_without_a_sign_is_named() {
    const STAYS: usize = 10;
    let more = "[enforcement]\nmin_width_px = 64\nmin_height_px = 36\nmax_captures_per_minute = 0\n".to_owned();
    let node = Node::start(&Places { more, ..Places::default() }, &without_signs());
    #[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
    let at = chrono::Utc::now().to_rfc3339();
    for n in 1..=3 {
        let free = json!({"state": "free", "at": at, "seq": 1}).to_string();
        node.publish(&format!("yunpark/v1/space/L1/S{n:03}/state"), &free);
    }
    wait_for("three free places", || (node.get("/api/v1/lots/L1")?.1["free"] == 3).then_some(()));
    for nth in 0..STAYS {
        capture(&node, nth, 640);
        capture(&node, nth, 200);
    }
    let bearer = node.sign_in("wang");
    let headers = [("Authorization", bearer.as_str())];
    let (_, ripe) = node.ask("GET", "/api/v1/incidents?state=ripe", &headers, None).unwrap();
    let ripe = ripe["incidents"].as_array().unwrap().clone();
    assert_eq!(ripe.len(), STAYS);
    for incident in &ripe {
        let decision = match incident["plate"].as_str().unwrap() {
            one if one == plate(0) || one == plate(1) => "warning",
            one if one == plate(2) => "penalty",
            _ => continue,
        };
        let path = format!("/api/v1/incidents/{}/review", incident["id"].as_str().unwrap());
        let (status, answer) = node.ask("POST", &path, &headers, Some(&json!({"decision": decision}))).unwrap();
        assert_eq!(status, 200, "{answer}");
    }

    let [(officer, _, word), (supervisor, _, other_word)] = STAFF;
    let told = run(
        "desks.mjs",
        &[
            "--base",
            &node.url(""),
            "--supervisor",
            &format!("{supervisor}:{other_word}"),
            "--officer",
            &format!("{officer}:{word}"),
            "--plate",
            &plate(0),
            "--zone",
            "Z1",
            "--finding",
            "sign_missing",
            "--out",
            node.dir.path().to_str().unwrap(),
            "--timeout",
            "60",
        ],
    );
    let funnel = told.iter().find_map(|line| line["funnel"].as_object()).unwrap();
    let entries = ledger(&node);
    let count = |kind: &str| json!(entries.iter().filter(|entry| entry["kind"] == kind).count());
    for (stage, kind) in [
        ("captures", "capture.received"),
        ("ripe", "incident.ripened"),
        ("reviewed", "incident.reviewed"),
        ("cases", "penalty.opened"),
    ] {
        assert_eq!(funnel[stage], count(kind), "{stage}");
    }
    let looked_up: Vec<&Value> = entries.iter().filter(|entry| entry["kind"] == "plate.looked_up").collect();
    let by: Vec<&str> = looked_up.iter().map(|entry| entry["by"].as_str().unwrap()).collect();
    assert_eq!(by, [supervisor, officer], "each look-up once, by the one who asked");
    assert!(looked_up.iter().all(|entry| entry["payload"]["purpose"] == "处理申诉"), "{looked_up:?}");
}
