//! Counters upstream of lots, over a real broker: who passes is taken from the number on the sign downstream, once, by every node.

use serde_json::{Value, json};

use crate::{
    node::{Node, Places},
    services::{self, wait_for},
};

/// A lot counted at its gate, a sign seven minutes away that looks ahead, and a counted road to the lot with a device in it.
fn city() -> Value {
    json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": "测试县", "time_zone": "Asia/Shanghai", "fictional": true},
        "codecs": [{"id": "acme/loop", "heartbeat_s": 600, "fields": [
            {"f_port": 4, "byte": 0, "bytes": 2, "meaning": "counter_total", "direction": "in", "lane": "1"}]}],
        "groups": [], "sensors": [{"id": "0004a30b001c1b05", "codec": "acme/loop", "approach": "AP1"}],
        "features": [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.57, 28.11]}, "properties":
                {"kind": "lot", "id": "A", "name": "城西", "capacity": 40, "counted_by": "counters"}},
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.57, 28.12]}, "properties": {
                "kind": "sign", "id": "G1", "name": "一号牌", "heading_deg": 90, "link": {"protocol": "mqtt_json"},
                "panels": [{"id": "P1", "width_px": 160, "height_px": 16, "guidance": {"policy": "arrival", "margin": 0, "margin_slow": 0},
                    "lines": [{"lot": "A", "arrow": "left", "travel_time_s": 420}]}]
            }},
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.571, 28.12]}, "properties": {
                "kind": "approach", "id": "AP1", "name": "解放街断面",
                "leads_to": [{"lot": "A", "travel_time_s": 240, "share": 0.5}]
            }}
        ]
    })
}

#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn now() -> String {
    chrono::Utc::now().to_rfc3339()
}

fn pass(node: &Node, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        let passage = json!({"direction": "in", "at": now(), "seq": seq});
        node.publish("yunpark/v1/approach/AP1/passage", &passage.to_string());
    }
}

fn shows(node: &Node, text: &str, reason: &Value) {
    wait_for(&format!("the sign to show {text}"), || {
        let (_, view) = node.get("/api/v1/signs/G1")?;
        let line = &view["panels"][0]["desired"]["lines"][0];
        (line["text"] == text && line["reason"] == *reason).then_some(())
    });
}

fn counted(node: &Node, vehicles: f64) -> Value {
    wait_for(&format!("{vehicles} to be expected"), || {
        let (_, told) = node.get("/api/v1/lots/A/underway")?;
        (told["counted"] == vehicles).then_some(told)
    })
}

fn uplink(f_cnt: u32, total: u16) -> String {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(total.to_be_bytes());
    let at = now();
    json!({"time": at, "deviceInfo": {"devEui": "0004a30b001c1b05"}, "devAddr": "0a", "fCnt": f_cnt, "fPort": 4, "data": data})
        .to_string()
}

#[test]
fn who_passes_upstream_is_taken_from_the_number_on_the_sign_and_the_answer_says_why() {
    let broker = services::mosquitto();
    let places = Places { mqtt: format!("mqtt://127.0.0.1:{}", broker.port), ..Places::default() };
    let mut node = Node::start(&places, &city());
    node.publish("yunpark/v1/lot/A/count", &json!({"free": 30, "at": now()}).to_string());
    shows(&node, "30", &Value::Null);
    assert_eq!(counted(&node, 0.0)["places"], 0);
    pass(&node, 1..=8);
    shows(&node, "26", &json!("under_way"));
    assert_eq!(counted(&node, 4.0), json!({"lot": "A", "intents": 0, "reservations": 0, "counted": 4.0, "places": 4}));
    // Sent again, and from before what was sent: nothing changes.
    pass(&node, 3..=8);
    // Those who say so are among those who passed: the greater number counts.
    for said in 1..=2 {
        let (status, told) = node.ask("POST", "/api/v1/lots/A/underway", &[], Some(&json!({"eta_s": 60}))).unwrap();
        assert_eq!((status, &told["forecast"]["under_way"]["said"]), (201, &json!(said)), "{told}");
    }
    let (_, forecast) = node.get("/api/v1/lots/A/forecast").unwrap();
    assert_eq!(forecast["under_way"], json!({"said": 2, "counted": 4.0, "places": 4}), "{forecast}");
    pass(&node, 9..=9);
    counted(&node, 4.5);
    // No share of a flood makes the lot full.
    for seq in 10..=60 {
        let passage = json!({"direction": "in", "count": 400, "at": now(), "seq": seq});
        node.publish("yunpark/v1/approach/AP1/passage", &passage.to_string());
    }
    counted(&node, 12.0);
    shows(&node, "18", &json!("under_way"));
    let (status, _) = node.get("/api/v1/approaches").unwrap();
    assert_eq!(status, 401, "how counters are is for operators");
    let li = node.sign_in("li");
    let told = node.ask("GET", "/api/v1/approaches", &[("Authorization", &li)], None).unwrap().1;
    let approach = &told["approaches"][0];
    assert_eq!((&approach["id"], &approach["state"]), (&json!("AP1"), &json!("live")), "{told}");
    assert_eq!(approach["leads_to"][0]["share"], 0.5, "{told}");
    let unknown = json!({"direction": "in", "at": now()}).to_string();
    node.publish("yunpark/v1/approach/AP9/passage", &unknown);
    wait_for("the refusal to be counted", || {
        let metrics = node.text("/metrics");
        metrics.lines().any(|line| line.contains("unknown_approach") && line.ends_with(" 1")).then_some(())
    });
    // A node that starts again still counts those who passed before.
    assert_eq!(node.stop(), Some(0));
    node.run();
    counted(&node, 12.0);
}

#[test]
fn two_nodes_count_each_passage_once_and_a_device_that_only_one_of_them_hears() {
    let (broker, redis) = (services::mosquitto(), services::redis());
    let places = Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        redis: format!("redis://127.0.0.1:{}/0", redis.port),
        sql: services::postgres(),
        mqtt_more: "shared_group = \"town\"".to_owned(),
        ..Places::default()
    };
    let one = Node::start(&places, &city());
    let other = Node::beside(&places);
    one.publish("yunpark/v1/lot/A/count", &json!({"free": 30, "at": now()}).to_string());
    pass(&one, 1..=8);
    for node in [&one, &other] {
        counted(node, 4.0);
    }
    // Of the group's messages each comes to one node; the counter's totals make sense only together.
    let device = "application/app/device/0004a30b001c1b05/event/up";
    let stated = || [&one, &other].map(|node| node.metric("yunpark_sensor_events_total")).iter().sum::<f64>();
    one.publish(device, &uplink(1, 65_530));
    wait_for("the first total to be heard", || (stated() >= 1.0).then_some(()));
    for f_cnt in 2..=5u16 {
        one.publish(device, &uplink(f_cnt.into(), 65_530u16.wrapping_add(2 * (f_cnt - 1))));
    }
    for node in [&one, &other] {
        counted(node, 8.0);
    }
}
