//! What drivers are told, from outside: an ill lot beside a well one, an operator's word, a screen that asks for its face.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use yunpark_signs::mqtt_json::{SetMessage, set_topic};
use yunpark_simulator::sign::{MqttSign, run_mqtt};

use crate::{
    node::{Node, Places},
    services::{self, wait_for},
};

/// Two lots counted at their gates, and a sign with a line for each.
fn city(link: &Value, stale_after_s: u32) -> Value {
    let lot = |id: &str, stale_after_s: u32| {
        json!({
            "type": "Feature", "geometry": {"type": "Point", "coordinates": [119.57, 28.11]},
            "properties": {
                "kind": "lot", "id": id, "name": {"zh": format!("{id}停车场"), "en": format!("Lot {id}")},
                "capacity": 100, "counted_by": "counters", "stale_after_s": stale_after_s,
            }
        })
    };
    let sign = json!({
        "type": "Feature", "geometry": {"type": "Point", "coordinates": [119.57, 28.11]},
        "properties": {
            "kind": "sign", "id": "G1", "name": "一号牌", "heading_deg": 90, "link": link,
            "panels": [{"id": "P1", "width_px": 160, "height_px": 48, "lines": [
                {"lot": "A", "label": "城西", "arrow": "left"}, {"lot": "B", "label": "城东", "arrow": "right"}
            ]}]
        }
    });
    json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": "测试县", "time_zone": "Asia/Shanghai", "fictional": true},
        "groups": [], "sensors": [], "features": [lot("A", stale_after_s), lot("B", 900), sign],
    })
}

#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

fn count(node: &Node, lot: &str, free: u32) -> chrono::DateTime<chrono::Utc> {
    let at = now();
    node.publish(&format!("yunpark/v1/lot/{lot}/count"), &json!({"free": free, "at": at.to_rfc3339()}).to_string());
    at
}

/// The confirmed texts of the sign as the API tells them.
fn confirmed(node: &Node) -> Option<Vec<String>> {
    let (_, view) = node.get("/api/v1/signs/G1")?;
    let lines = view["panels"][0]["confirmed"]["lines"].as_array()?.clone();
    Some(
        lines
            .iter()
            .map(|line| format!("{}{}", line["label"].as_str().unwrap(), line["text"].as_str().unwrap()))
            .collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_lot_loses_its_number_by_the_deadline_while_its_neighbour_goes_on_counting() {
    let broker = services::mosquitto();
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let stop = CancellationToken::new();
    let sign = run_mqtt(MqttSign { url: url.clone(), sign: "G1".into() }, stop.clone()).unwrap();
    let node = Node::start(&Places { mqtt: url, ..Places::default() }, &city(&json!({"protocol": "mqtt_json"}), 4));
    let shows = |a: &str, b: &str| {
        let lines = [format!("城西 ← {a}"), format!("城东 → {b}")];
        sign.shown().get("P1").is_some_and(|shown| *shown == lines)
    };
    count(&node, "B", 40);
    let mut heard_at = count(&node, "A", 34);
    // On a machine that has much to do, the first word may be too old before it is shown: then it is said again.
    let mut said = Instant::now();
    wait_for("both numbers", || {
        if said.elapsed() > Duration::from_secs(3) {
            (heard_at, said) = (count(&node, "A", 34), Instant::now());
        }
        shows("34", "40").then_some(())
    });
    let retained = Command::new("mosquitto_sub")
        .args(["-p", &broker.port.to_string(), "-t", &set_topic("G1", "P1"), "-C", "1", "-W", "10"])
        .output()
        .unwrap();
    let set: SetMessage = serde_json::from_slice(&retained.stdout).unwrap();
    if set.lines[0].contains("34") {
        let limit = heard_at + chrono::Duration::seconds(4);
        assert!(set.valid_until <= limit, "the sign is told to stop by the deadline itself: {set:?}");
    }

    let mut free = 40;
    wait_for("the silent lot's line to fall back", || {
        free -= 1;
        count(&node, "B", free.max(20));
        wait_for("the neighbour to go on", || {
            let shown = sign.shown().get("P1").cloned().unwrap_or_default();
            shown.get(1).is_some_and(|line| line.ends_with(&free.max(20).to_string())).then_some(())
        });
        shows("----", &free.max(20).to_string()).then_some(())
    });
    count(&node, "B", 19);
    wait_for("the neighbour to count on beside it", || shows("----", "19").then_some(()));
    let (_, view) = node.get("/api/v1/signs/G1").unwrap();
    let panel = &view["panels"][0];
    assert_eq!(panel["desired"]["lines"][0]["reason"], "stale");
    assert_eq!((&panel["basis"][0]["limit_s"], &panel["basis"][1]["limit_s"]), (&json!(4), &json!(900)));
    count(&node, "A", 33);
    wait_for("the number to come back", || shows("33", "19").then_some(()));
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_word_stands_above_guidance_below_an_emergency_and_until_its_end() {
    let broker = services::mosquitto();
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let stop = CancellationToken::new();
    let _sign = run_mqtt(MqttSign { url: url.clone(), sign: "G1".into() }, stop.clone()).unwrap();
    let node = Node::start(&Places { mqtt: url, ..Places::default() }, &city(&json!({"protocol": "mqtt_json"}), 900));
    count(&node, "A", 34);
    count(&node, "B", 40);
    let shows = |what: &str, lines: &[&str]| wait_for(what, || (confirmed(&node)? == lines).then_some(()));
    shows("guidance", &["城西34", "城东40"]);

    let (officer, supervisor) = (node.sign_in("wang"), node.sign_in("li"));
    let ends = |seconds: i64| (now() + chrono::Duration::seconds(seconds)).to_rfc3339();
    let order =
        |who: &str, path: &str, body: &Value| node.ask("POST", path, &[("Authorization", who)], Some(body)).unwrap();
    let path = "/api/v1/signs/G1/override";
    let works = json!({"mode": "text", "text": {"zh": "道路施工", "en": "Works"}, "ends_at": ends(600), "reason": "解放街施工"});
    assert_eq!(order(&officer, path, &works).0, 403);
    for (wrong, status) in [
        (json!({"mode": "text", "text": "🅿", "ends_at": ends(600), "reason": "x"}), 422),
        (json!({"mode": "text", "text": "道路封闭请绕行".repeat(20), "ends_at": ends(600), "reason": "x"}), 422),
        (json!({"mode": "text", "ends_at": ends(600), "reason": "x"}), 422),
        (json!({"mode": "blank", "ends_at": ends(-5), "reason": "x"}), 422),
        (json!({"mode": "blank", "ends_at": ends(600), "reason": " "}), 422),
        (json!({"mode": "blank", "ends_at": "soon", "reason": "x"}), 422),
        (json!({"mode": "blank", "ends_at": ends(600), "reason": "x", "panel": "P9"}), 404),
    ] {
        let (got, problem) = order(&supervisor, path, &wrong);
        assert_eq!(got, status, "{wrong}: {problem}");
    }
    let unknown = order(&supervisor, "/api/v1/signs/G9/override", &works);
    assert_eq!(unknown.0, 404, "{}", unknown.1);

    assert_eq!(order(&supervisor, path, &works).0, 201);
    shows("the operator's word", &["道路施工"]);
    let (_, view) = node.get("/api/v1/signs/G1").unwrap();
    let told = &view["orders"][0];
    assert_eq!((&told["priority"], &told["reason"]), (&json!("operator"), &json!("解放街施工")));
    assert!(!view.to_string().contains("ordered_by"), "who spoke is for the staff: {view}");

    let flood = json!({"priority": "emergency", "text": "洪水预警", "red": true, "ends_at": ends(4), "reason": "预警"});
    assert_eq!(order(&supervisor, "/api/v1/sign-messages", &flood).0, 201);
    shows("the emergency above it", &["洪水预警"]);
    shows("the operator again, once the emergency is over by itself", &["道路施工"]);
    let ended = node.ask("DELETE", &format!("{path}?reason=done"), &[("Authorization", &supervisor)], None).unwrap();
    assert_eq!(ended.0, 204, "{}", ended.1);
    shows("guidance again", &["城西34", "城东40"]);
    let again = node.ask("DELETE", &format!("{path}?reason=done"), &[("Authorization", &supervisor)], None).unwrap();
    assert_eq!(again.0, 404);

    let (_, list) = node.ask("GET", "/api/v1/sign-messages", &[("Authorization", &supervisor)], None).unwrap();
    let by: Vec<&Value> = list["orders"].as_array().unwrap().iter().map(|order| &order["ordered_by"]).collect();
    assert_eq!(by, [&json!("li"), &json!("li")]);
    let verified = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lot_an_operator_closes_is_shown_closed_until_it_is_opened_again() {
    let broker = services::mosquitto();
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let stop = CancellationToken::new();
    let sign = run_mqtt(MqttSign { url: url.clone(), sign: "G1".into() }, stop.clone()).unwrap();
    let node = Node::start(&Places { mqtt: url, ..Places::default() }, &city(&json!({"protocol": "mqtt_json"}), 900));
    let lit = |what: &str, a: &str, b: &str| {
        let lines = [format!("城西 ← {a}"), format!("城东 → {b}")];
        wait_for(what, || sign.shown().get("P1").is_some_and(|shown| *shown == lines).then_some(()));
    };
    count(&node, "A", 34);
    count(&node, "B", 40);
    lit("both numbers", "34", "40");
    let supervisor = node.sign_in("li");
    let close = |closed: bool| {
        let body = json!({"action": "close", "closed": closed, "reason": "消防检查"});
        let who = [("Authorization", supervisor.as_str())];
        let (status, answer) = node.ask("POST", "/api/v1/lots/A/actions", &who, Some(&body)).unwrap();
        assert_eq!((status, &answer["lot"]["closed"]), (200, &json!(closed)), "{answer}");
    };
    close(true);
    lit("the closed lot", "关闭", "40");
    // Its sensors go on counting; nobody is sent there for that.
    count(&node, "A", 60);
    count(&node, "B", 39);
    lit("the neighbour to go on", "关闭", "39");
    wait_for("the confirmation", || (confirmed(&node)? == ["城西关闭", "城东39"]).then_some(()));
    let (_, view) = node.get("/api/v1/signs/G1").unwrap();
    let line = &view["panels"][0]["confirmed"]["lines"][0];
    assert_eq!((&line["state"], &line["reason"]), (&json!("closed"), &json!("closed_by_operator")));
    close(false);
    lit("the lot that is open again", "60", "39");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lot_that_leaves_the_city_leaves_its_line_with_it_or_not_at_all() {
    let broker = services::mosquitto();
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let stop = CancellationToken::new();
    let sign = run_mqtt(MqttSign { url: url.clone(), sign: "G1".into() }, stop.clone()).unwrap();
    let both = city(&json!({"protocol": "mqtt_json"}), 900);
    let node = Node::start(&Places { mqtt: url, ..Places::default() }, &both);
    count(&node, "A", 34);
    count(&node, "B", 40);
    let lit = |what: &str, lines: &[&str]| {
        wait_for(what, || sign.shown().get("P1").is_some_and(|shown| *shown == lines).then_some(()));
    };
    lit("both lines", &["城西 ← 34", "城东 → 40"]);
    let import = |city: &Value| {
        let file = node.dir.path().join("next.geojson");
        std::fs::write(&file, city.to_string()).unwrap();
        node.command(&["import", "--config", node.path(), file.to_str().unwrap()], "")
    };
    let mut without = both.clone();
    without["features"].as_array_mut().unwrap().remove(1);
    let refused = import(&without);
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && complaint.contains("sign G1") && complaint.contains("lines"), "{complaint}");
    count(&node, "B", 39);
    lit("both lines as before", &["城西 ← 34", "城东 → 39"]);

    without["features"][1]["properties"]["panels"][0]["lines"].as_array_mut().unwrap().pop();
    let taken = import(&without);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    lit("one line", &["城西 ← 34"]);
    count(&node, "A", 33);
    lit("the one line to go on", &["城西 ← 33"]);
    stop.cancel();
}

#[test]
fn a_screen_asks_for_its_face_says_that_it_shows_it_and_falls_back_when_it_hears_nothing_more() {
    let secret = "screen-G1-3f9a7c52";
    let mut node = Node::start(&Places::default(), &city(&json!({"protocol": "http_pull", "token": secret}), 900));
    assert_eq!(node.get("/api/v1/signs/G9/page").unwrap().0, 404);
    count(&node, "A", 34);
    count(&node, "B", 40);
    let mut screen = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("web/e2e/display.mjs"))
        .args(["--url", &node.url(&format!("/api/v1/signs/G1/page#{secret}")), "--timeout", "90"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js must be installed");
    wait_for("the screen to confirm its face", || (confirmed(&node)? == ["城西34", "城东40"]).then_some(()));
    count(&node, "A", 33);
    wait_for("the next face", || (confirmed(&node)? == ["城西33", "城东40"]).then_some(()));
    let (_, view) = node.get("/api/v1/signs/G1").unwrap();
    assert!(!view.to_string().contains(secret), "the secret is told to nobody: {view}");
    let wanted = json!({"panel": "P1", "version": view["panels"][0]["desired"]["version"]});
    let shown = |bearer: &str, body: &Value| {
        let bearer = format!("Bearer {bearer}");
        node.ask("POST", "/api/v1/signs/G1/shown", &[("Authorization", &bearer)], Some(body)).unwrap().0
    };
    assert_eq!(node.ask("POST", "/api/v1/signs/G1/shown", &[], Some(&wanted)).unwrap().0, 401, "a stranger");
    assert_eq!(shown("screen-G2-00000000", &wanted), 401, "another screen");
    assert_eq!(shown(secret, &json!({"panel": "P1", "version": 1})), 409, "not what is wanted");
    assert_eq!(shown(secret, &wanted), 204);
    node.kill();
    let seen: Vec<Value> = BufReader::new(screen.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str(&line).ok())
        .collect();
    screen.wait().unwrap();
    let last = &seen.last().expect("the screen says what it shows")["panels"][0];
    assert_eq!(last["shows"], "fallback", "{seen:?}");
    assert!(last["lit"].as_u64().unwrap() > 0, "the names stand, with ---- beside them: {last}");
}

#[test]
fn a_face_that_can_never_fit_is_a_fault_of_the_import_by_sign_panel_and_line() {
    let node = Node::prepare(&Places::default(), &city(&json!({"protocol": "mqtt_json"}), 900));
    let faults = |change: &dyn Fn(&mut Value)| {
        let mut city = city(&json!({"protocol": "mqtt_json"}), 900);
        change(&mut city["features"][2]["properties"]["panels"][0]);
        let file = node.dir.path().join("wrong.geojson");
        std::fs::write(&file, city.to_string()).unwrap();
        let output = node.command(&["import", "--config", node.path(), "--dry-run", file.to_str().unwrap()], "");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let wide = faults(&|panel| panel["lines"][1]["label"] = json!("城东城东城东城东城东城东"));
    assert_eq!(wide.0, Some(1));
    for part in ["sign G1", "properties.panels[0].lines[1]", "panel P1", "dots of width"] {
        assert!(wide.1.contains(part), "{part} is named: {}", wide.1);
    }
    let glyph = faults(&|panel| panel["lines"][0]["label"] = json!("城西🅿"));
    assert!(glyph.1.contains("properties.panels[0].lines[0]") && glyph.1.contains("U+1F17F"), "{}", glyph.1);
    let high = faults(&|panel| {
        panel["lines"] = (0..13).map(|_| json!({"lot": "A", "label": "城西", "arrow": "left"})).collect();
    });
    assert!(high.1.contains("dots of height"), "{}", high.1);
    let rules = faults(&|panel| panel["guidance"] = json!({"full_share": 2}));
    assert!(rules.1.contains("properties.panels[0].guidance.full_share"), "{}", rules.1);
    assert_eq!(faults(&|panel| panel["guidance"] = json!({"held_back": 2, "policy": "arrival"})).0, Some(0));
}
