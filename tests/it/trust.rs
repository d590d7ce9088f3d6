//! TLS to the broker, Redis and PostgreSQL: a node works whole over all three, and takes no server for another.

use std::path::Path;

use serde_json::json;

use crate::{
    node::{Node, Places},
    services::{self, Authority, a_cluster_over_tls, mosquitto_over_tls, postgres_over_tls, redis_over_tls, wait_for},
    town::town,
};

const HERE: &str = "DNS:localhost,IP:127.0.0.1";
const NO_FILES: [&str; 4] = ["--save", "", "--appendonly", "no"];

/// The present instant, as a device would write it.
#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn now() -> String {
    chrono::Utc::now().to_rfc3339()
}

/// What a device of the county's own authority publishes over TLS.
fn publish(port: u16, authority: &Authority, topic: &str, payload: &str) {
    let mut command = std::process::Command::new("mosquitto_pub");
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1", "-t", topic, "-m", payload, "--cafile"]);
    let told = command.arg(authority.file()).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}

fn doctor(node: &Node) -> (Option<i32>, String) {
    let told = node.command(&["doctor", "--config", node.path()], "");
    (told.status.code(), String::from_utf8_lossy(&told.stdout).into_owned())
}

/// A line of the doctor's that names a check and says something, with what to do.
fn says(told: &str, check: &str, what: &str) -> bool {
    told.lines()
        .any(|line| line.split_whitespace().nth(1) == Some(check) && line.contains(what) && line.contains(" -> "))
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

/// Changes the configuration file.
fn set(node: &Node, from: &str, to: &str) {
    let text = std::fs::read_to_string(&node.config).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    std::fs::write(&node.config, text.replace(from, to)).unwrap();
}

#[test]
fn a_node_works_whole_over_tls_to_all_three_and_takes_no_other_for_them() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let shown = ours.issue("server", HERE);
    let broker = mosquitto_over_tls(&shown, None);
    let redis = redis_over_tls(&shown, &ours, &NO_FILES);
    let sql = postgres_over_tls(&shown);
    let ca = quoted(&ours.file());
    let places = Places {
        mqtt: format!("mqtts://127.0.0.1:{}", broker.port),
        mqtt_more: format!("ca = {ca}"),
        redis: format!("rediss://127.0.0.1:{}/0", redis.port),
        availability: format!("redis_ca = {ca}"),
        sql: format!("{sql}?sslmode=verify-full\"\nca = {ca}\nevidence_dir = \"evidence"),
        ..Places::default()
    };
    // `Places` has no more lines for `[store]`: the address brings its own, and the folder's line goes.
    let places = Places { sql: places.sql.replace("\nevidence_dir = \"evidence", "\n# \""), ..places };
    let mut node = Node::start(&places, &town(1, 4, "127.0.0.1:9"));
    let at = now();
    for space in ["S001", "S002", "S003"] {
        let topic = format!("yunpark/v1/space/L1/{space}/state");
        publish(broker.port, &ours, &topic, &json!({"state": "free", "at": at, "seq": 1}).to_string());
    }
    wait_for("the count to come through", || {
        (node.get("/api/v1/lots/L1")?.1["free"].as_u64() == Some(3)).then_some(())
    });
    wait_for("the sign to be told over TLS", || {
        let mut command = std::process::Command::new("mosquitto_sub");
        command.args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-W", "5", "-C", "1", "--cafile"]);
        let heard = command.arg(ours.file()).args(["-t", "yunpark/v1/sign/SIGN-MQTT/panel/P1/set"]).output().unwrap();
        String::from_utf8_lossy(&heard.stdout).contains('3').then_some(())
    });
    let (code, told) = doctor(&node);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.lines().any(|line| line.starts_with("ok") && line.contains("in the clear")), "{told}");
    // Redis and PostgreSQL are spoken to over TLS alone: their servers have no other door.
    assert_eq!(
        services::sql(&format!("{sql}?sslmode=require"), "SELECT count(*) > 0 FROM pg_stat_ssl WHERE ssl").unwrap(),
        "t"
    );
    assert!(services::sql(&format!("{sql}?sslmode=disable"), "SELECT 1").is_err());
    node.stop();

    set(&node, &ca, &quoted(&theirs.file()));
    let (code, told) = doctor(&node);
    assert_eq!(code, Some(1));
    for (check, key) in [("mqtt", "mqtt.ca"), ("redis", "availability.redis_ca"), ("database", "store.ca")] {
        assert!(says(&told, check, &format!("let {key} name")), "{check}: {told}");
    }
    let begun = node.command(&["serve", "--config", node.path()], "");
    let why = String::from_utf8_lossy(&begun.stderr).into_owned();
    assert!(begun.status.code() == Some(1) && why.contains("let store.ca name"), "{why}");
    // One after the other is put right; each that is not is named.
    set(&node, &format!("\nca = {}\n# ", quoted(&theirs.file())), &format!("\nca = {ca}\n# "));
    let begun = node.command(&["serve", "--config", node.path()], "");
    let why = String::from_utf8_lossy(&begun.stderr).into_owned();
    assert!(begun.status.code() == Some(1) && why.contains("let availability.redis_ca name"), "{why}");
    set(&node, &format!("redis_ca = {}", quoted(&theirs.file())), &format!("redis_ca = {ca}"));
    node.begin();
    wait_for("readiness to name the broker's certificate", || {
        let (status, body) = node.get("/readyz")?;
        (status == 503 && body.to_string().contains("let mqtt.ca name")).then_some(())
    });
    node.kill();
}

#[test]
fn a_server_that_shows_a_certificate_for_another_name_is_refused() {
    let ours = Authority::new();
    let shown = ours.issue("elsewhere", "DNS:elsewhere.example,IP:192.0.2.1");
    let broker = mosquitto_over_tls(&shown, None);
    let redis = redis_over_tls(&shown, &ours, &NO_FILES);
    let ca = quoted(&ours.file());
    let node = Node::prepare(
        &Places { mqtt_more: format!("ca = {ca}"), mqtt: "mqtts://127.0.0.1:1".to_owned(), ..Places::default() },
        &town(1, 4, "127.0.0.1:9"),
    );
    set(&node, "mqtts://127.0.0.1:1\"", &format!("mqtts://127.0.0.1:{}\"", broker.port));
    set(&node, "redis_url = \"\"", &format!("redis_ca = {ca}\nredis_url = \"rediss://127.0.0.1:{}/0\"", redis.port));
    let (_, told) = doctor(&node);
    for check in ["mqtt", "redis"] {
        assert!(says(&told, check, "stands in its certificate"), "{check}: {told}");
    }
}

#[test]
fn a_broker_that_asks_for_certificates_takes_the_nodes_own_and_nobody_without() {
    let ours = Authority::new();
    let broker = mosquitto_over_tls(&ours.issue("server", HERE), Some(&ours));
    let own = ours.issue("node", "DNS:node-1");
    let ca = quoted(&ours.file());
    let with = format!("ca = {ca}\nclient_cert = {}\nclient_key = {}", quoted(&own.chain), quoted(&own.key));
    let places =
        Places { mqtt: format!("mqtts://localhost:{}", broker.port), mqtt_more: with.clone(), ..Places::default() };
    let mut node = Node::start(&places, &town(1, 4, "127.0.0.1:9"));
    node.stop();
    set(&node, &with, &format!("ca = {ca}"));
    let (code, told) = doctor(&node);
    assert_eq!(code, Some(1), "{told}");
    assert!(says(&told, "mqtt", "show it a certificate"), "{told}");
}

#[test]
fn a_cluster_that_speaks_tls_alone_keeps_the_counts() {
    let ours = Authority::new();
    let cluster = a_cluster_over_tls(&ours.issue("server", HERE), &ours);
    let broker = services::mosquitto();
    let places = Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        redis: cluster.url_by("rediss"),
        availability: format!("redis_ca = {}", quoted(&ours.file())),
        ..Places::default()
    };
    let node = Node::start(&places, &town(6, 4, "127.0.0.1:9"));
    for lot in 1..=6 {
        node.publish(
            &format!("yunpark/v1/space/L{lot}/S001/state"),
            &json!({"state": "free", "at": now()}).to_string(),
        );
    }
    // Six lots lie on more than one of the servers; the changes come by blocking reads, which follow redirections over TLS.
    wait_for("all counts, wherever they are kept", || {
        let (_, lots) = node.get("/api/v1/lots")?;
        let free = lots["lots"].as_array()?.iter().filter(|lot| lot["free"].as_u64() == Some(1)).count();
        (free == 6).then_some(())
    });
}
