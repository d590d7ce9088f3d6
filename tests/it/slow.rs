//! What takes long is told of and counted: a statement by its text alone, a sign by its id.

use serde_json::json;

use crate::{
    node::{Node, Places},
    services::{self, wait_for},
    town::town,
    traces::Controller,
};

#[test]
fn a_slow_statement_is_logged_without_its_values_and_counted() {
    let sql = services::postgres();
    let places = Places { sql: format!("{sql}\"\nslow_ms = 200\n# \""), ..Places::default() };
    // The address brings the line after it; the folder of the evidence is then the one beside the configuration.
    let places = Places { sql: places.sql.replace("# \"", "# "), ..places };
    let node = Node::start(&places, &town(1, 4, "127.0.0.1:9"));
    assert!(node.metric("yunpark_sql_slow_total") < 1.0);
    let mut hushed = services::hush_table(&sql, "staff", 1.0);
    node.sign_in("wang");
    hushed.wait().unwrap();
    wait_for("the slow statement to be counted", || (node.metric("yunpark_sql_slow_total") >= 1.0).then_some(()));
    let log = node.log();
    let lines: Vec<&str> = log.lines().collect();
    assert!(log.contains("slow statement") && log.contains("FROM staff"), "{log}");
    assert!(!lines.iter().any(|line| line.contains("wang") || line.contains("correct horse")), "{log}");
}

#[test]
fn a_slow_sign_is_logged_and_counted() {
    let broker = services::mosquitto();
    let _controller = Controller::start(&broker, 400);
    let places = Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        more: "[display]\nslow_ms = 200".to_owned(),
        ..Places::default()
    };
    let node = Node::start(&places, &town(1, 4, "127.0.0.1:9"));
    #[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
    let at = chrono::Utc::now().to_rfc3339();
    node.publish("yunpark/v1/space/L1/S001/state", &json!({"state": "free", "at": at, "seq": 1}).to_string());
    wait_for("the slow sign to be told of", || {
        let is_told = node.log().lines().any(|line| line.contains("slow sign") && line.contains("SIGN-MQTT"));
        (is_told && node.metric("yunpark_sign_slow_total") >= 1.0).then_some(())
    });
}
