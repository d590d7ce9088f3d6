//! Drivers who say that they are coming: counted on signs until they are there, by nobody's name, and not without limit.

use serde_json::{Value, json};

use crate::{
    node::{Node, Places},
    services::wait_for,
};

const APP: &str = "app-token-of-the-test";

/// A lot counted at its gate, and a sign three minutes away that looks ahead.
fn city() -> Value {
    json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": "测试县", "time_zone": "Asia/Shanghai", "fictional": true},
        "groups": [], "sensors": [],
        "features": [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.57, 28.11]}, "properties":
                {"kind": "lot", "id": "A", "name": "城西", "capacity": 40, "counted_by": "counters"}},
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.57, 28.12]}, "properties": {
                "kind": "sign", "id": "G1", "name": "一号牌", "heading_deg": 90, "link": {"protocol": "mqtt_json"},
                "panels": [{"id": "P1", "width_px": 160, "height_px": 16, "guidance": {"policy": "arrival", "margin": 0, "margin_slow": 0},
                    "lines": [{"lot": "A", "arrow": "left", "travel_time_s": 180}]}]
            }}
        ]
    })
}

#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn count(node: &Node, free: u32) {
    let at = chrono::Utc::now().to_rfc3339();
    node.publish("yunpark/v1/lot/A/count", &json!({"free": free, "at": at}).to_string());
}

fn line(node: &Node) -> Option<(String, Value, Value)> {
    let (_, view) = node.get("/api/v1/signs/G1")?;
    let line = view["panels"][0]["desired"]["lines"][0].clone();
    Some((line["text"].as_str()?.to_owned(), line["reason"].clone(), line["rule"].clone()))
}

fn shows(node: &Node, text: &str, reason: &Value) {
    wait_for(&format!("the sign to show {text}"), || {
        let (shown, why, rule) = line(node)?;
        (shown == text && why == *reason && rule == "arrival").then_some(())
    });
}

#[test]
fn drivers_under_way_are_counted_on_signs_until_they_are_there() {
    let more = format!("[demand]\nper_address_and_lot = 5\n[demand.apps]\nnavi = \"{APP}\"\n");
    let node = Node::start(&Places { more, ..Places::default() }, &city());
    count(&node, 30);
    shows(&node, "30", &Value::Null);
    let tell = |eta_s: u32| node.ask("POST", "/api/v1/lots/A/underway", &[], Some(&json!({"eta_s": eta_s}))).unwrap();
    let ids: Vec<String> = (0..5)
        .map(|_| {
            let (status, told) = tell(120);
            assert_eq!((status, &told["kind"]), (201, &json!("intent")), "{told}");
            assert!(told["forecast"]["chance"].as_f64().unwrap() > 0.5, "{told}");
            told["id"].as_str().unwrap().to_owned()
        })
        .collect();
    // Four in five come.
    shows(&node, "26", &json!("under_way"));
    let (status, problem) = tell(120);
    assert_eq!(status, 429, "{problem}");
    let (_, counted) = node.get("/api/v1/lots/A/underway").unwrap();
    assert_eq!(counted, json!({"lot": "A", "intents": 5, "reservations": 0, "places": 4}));

    let bearer = format!("Bearer {APP}");
    let reserve = |headers: &[(&str, &str)], eta_s: u32| {
        node.ask("POST", "/api/v1/lots/A/reservations", headers, Some(&json!({"eta_s": eta_s}))).unwrap()
    };
    assert_eq!(reserve(&[], 60).0, 401);
    assert_eq!(reserve(&[("Authorization", "Bearer wrong")], 60).0, 401);
    for _ in 0..8 {
        let (status, told) = reserve(&[("Authorization", &bearer)], 60);
        assert_eq!((status, &told["kind"]), (201, &json!("reservation")), "{told}");
    }
    assert_eq!(reserve(&[("Authorization", &bearer)], 60).0, 409, "a fifth of the lot is what an app may hold");
    shows(&node, "18", &json!("under_way"));

    for id in &ids {
        assert_eq!(node.ask("DELETE", &format!("/api/v1/underway/{id}"), &[], None).unwrap().0, 204);
        assert_eq!(node.ask("DELETE", &format!("/api/v1/underway/{id}"), &[], None).unwrap().0, 404);
    }
    shows(&node, "22", &json!("under_way"));
    let ask = |path: &str, body: Value| node.ask("POST", path, &[], Some(&body)).unwrap().0;
    assert_eq!(ask("/api/v1/lots/B/underway", json!({"eta_s": 1})), 404);
    assert_eq!(ask("/api/v1/lots/A/underway", json!({"eta_s": 100_000})), 422);
    assert_eq!(ask("/api/v1/lots/A/underway", json!({"eta_s": 1, "name": "x"})), 400, "nobody is named");
}

#[test]
fn the_list_around_a_place_tells_the_chance_of_a_space_on_arrival() {
    let node = Node::start(&Places::default(), &city());
    count(&node, 30);
    let arrival = wait_for("the count", || {
        let (_, list) = node.get("/api/v1/lots?near=119.58,28.11")?;
        let lot = list["lots"][0].clone();
        (lot["free"] == 30).then(|| lot["arrival"].clone())
    });
    assert_eq!(arrival["free"], 30, "{arrival}");
    assert!(arrival["chance"].as_f64().unwrap() > 0.9 && arrival["travel_s"].as_u64().unwrap() > 60, "{arrival}");
    let (_, forecast) = node.get("/api/v1/lots/A/forecast").unwrap();
    assert_eq!((&forecast["free"], &forecast["method"]), (&json!(30), &json!("persistence")), "{forecast}");
    assert_eq!((&forecast["why"]["days"], &forecast["why"]["usual_now"]), (&json!(0), &Value::Null));
    assert!(forecast["low"].as_u64().unwrap() < 30 && forecast["high"].as_u64().unwrap() > 30);
}
