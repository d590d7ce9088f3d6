//! Rights at the broker: a device says what is its own, and Mosquitto takes nothing else of it.

use std::{
    fs,
    process::{Command, Stdio},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    node::{Node, Places},
    services::{self, Server, wait_for},
    town::town,
};

const PASSWORD: &str = "the node's own";

/// A node whose broker knows nobody but by the files the node makes.
fn house() -> (Node, Server, TempDir) {
    let files = TempDir::new().unwrap();
    let here = files.path().display();
    for name in ["acl", "passwords"] {
        fs::write(files.path().join(name), "").unwrap();
    }
    let more = format!("allow_anonymous false\nacl_file {here}/acl\npassword_file {here}/passwords\n");
    let broker = services::mosquitto_with(&more);
    let places = Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        mqtt_more: format!("username = \"yunpark\"\npassword = \"{PASSWORD}\""),
        ..Places::default()
    };
    (Node::prepare(&places, &town(2, 4, "127.0.0.1:9")), broker, files)
}

fn device(node: &Node, words: &[&str]) -> Result<String, String> {
    let told = node.command(&[&["device"], words, &["--config", node.path()]].concat(), "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if told.status.success() { Ok(text(&told.stdout)) } else { Err(text(&told.stderr)) }
}

/// Lets the broker read what the node knows.
fn tell(node: &Node, broker: &Server, files: &TempDir) {
    for name in ["acl", "passwords"] {
        let path = files.path().join(name);
        device(node, &[name, "--out", path.to_str().unwrap()]).unwrap();
    }
    broker.signal("HUP");
    // It says so when it has read them.
    wait_for("the broker to reload", || {
        let log = fs::read_to_string(broker.dir.path().join("log")).unwrap();
        let reloads = log.matches("Reloading config").count();
        let seen = fs::read_to_string(files.path().join("seen")).unwrap_or_default().len();
        (reloads > seen).then(|| fs::write(files.path().join("seen"), "x".repeat(reloads)).unwrap())
    });
}

/// Publishes as a device does, by MQTT 5, whose acknowledgement says whether it was allowed.
fn say(broker: &Server, name: &str, password: &str, topic: &str, payload: &str) -> Result<(), String> {
    let told = Command::new("mosquitto_pub")
        .args(["-V", "5", "-h", "127.0.0.1", "-p", &broker.port.to_string(), "-q", "1", "-u", name, "-P", password])
        .args(["-t", topic, "-m", payload])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&told.stderr).trim().to_owned();
    if told.status.success() && why.is_empty() { Ok(()) } else { Err(why) }
}

#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn free(seq: u64) -> String {
    json!({"state": "free", "at": chrono::Utc::now().to_rfc3339(), "seq": seq}).to_string()
}

#[test]
fn a_device_says_what_is_its_own_and_nothing_else_until_it_is_rotated_or_revoked() {
    let (mut node, broker, files) = house();
    let first = device(&node, &["add", "mast-1", "--for", "lot:L1", "--for", "sign:SIGN-MQTT"]).unwrap();
    let bay = device(&node, &["add", "bay", "--for", "space:L2/S001"]).unwrap();
    tell(&node, &broker, &files);
    node.run();

    let own = "yunpark/v1/space/L1/S001/state";
    say(&broker, "mast-1", &first, own, &free(1)).unwrap();
    say(&broker, "bay", &bay, "yunpark/v1/space/L2/S001/state", &free(1)).unwrap();
    wait_for("both to be counted", || {
        let free = |lot: &str| node.get(&format!("/api/v1/lots/{lot}")).unwrap().1["free"].as_u64();
        (free("L1") == Some(1) && free("L2") == Some(1)).then_some(())
    });
    let refused = |name: &str, password: &str, topic: &str| {
        let why = say(&broker, name, password, topic, &free(9)).unwrap_err();
        assert!(why.to_lowercase().contains("not authori"), "{name} {topic}: {why}");
    };
    for topic in [
        "yunpark/v1/space/L2/S002/state",
        "yunpark/v1/lot/L2/count",
        "yunpark/v1/sign/SIGN-MQTT/panel/P1/set",
        "yunpark/v1/camera/CAM-1/capture",
        "application/1/device/fcd6bd00001a2b3c/event/up",
    ] {
        refused("mast-1", &first, topic);
    }
    refused("bay", &bay, "yunpark/v1/space/L2/S002/state");
    // The node's own rights are in the same file: it was told of both lots, and tells its signs.
    let heard = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-u", "mast-1", "-P", &first, "-C", "1", "-W", "20"])
        .args(["-t", "yunpark/v1/sign/SIGN-MQTT/panel/+/set"])
        .output()
        .unwrap();
    assert!(heard.status.success() && heard.stdout.starts_with(b"{"), "the sign hears its face");

    let second = device(&node, &["rotate", "mast-1"]).unwrap();
    tell(&node, &broker, &files);
    refused("mast-1", &first, own);
    say(&broker, "mast-1", &second, own, &free(2)).unwrap();
    device(&node, &["revoke", "bay"]).unwrap();
    tell(&node, &broker, &files);
    refused("bay", &bay, "yunpark/v1/space/L2/S001/state");
    say(&broker, "mast-1", &second, own, &free(3)).unwrap();
    let (_, lots) = node.get("/api/v1/lots/L2").unwrap();
    assert_eq!(lots["free"], 1, "what was refused moved nothing");

    let known = device(&node, &["list"]).unwrap();
    assert!(known.contains("\"speaks_for\":[\"lot:L1\",\"sign:SIGN-MQTT\"]") && !known.contains("$7$"), "{known}");
}

#[test]
fn mosquittos_own_tool_reads_the_password_file_and_what_is_not_of_the_city_is_refused() {
    let (node, broker, files) = house();
    for (words, why) in [
        (vec!["add", "x", "--for", "lot:L9"], "the city has no lot:L9"),
        (vec!["add", "x", "--for", "space:L1/S999"], "the city has no space:L1/S999"),
        (vec!["add", "x:y", "--for", "lot:L1"], "is no name"),
        (vec!["add", "yunpark", "--for", "lot:L1"], "the node's own name"),
        (vec!["rotate", "nobody"], "no device"),
        (vec!["revoke", "nobody"], "no device"),
    ] {
        let told = device(&node, &words).unwrap_err();
        assert!(told.contains(why), "{words:?}: {told}");
    }
    let told = node.command(&["device", "add", "x", "--for", "lot:#", "--config", node.path()], "");
    assert_eq!(told.status.code(), Some(2), "wrong arguments");
    device(&node, &["add", "x", "--for", "lot:L1"]).unwrap();
    assert!(device(&node, &["add", "x", "--for", "lot:L1"]).unwrap_err().contains("known already"));
    device(&node, &["revoke", "x"]).unwrap();
    device(&node, &["add", "x", "--for", "lot:L2"]).expect("a name that was revoked is free again");
    tell(&node, &broker, &files);
    // The tool reads the whole file before it takes one out of it.
    let passwords = files.path().join("passwords");
    let taken = Command::new("mosquitto_passwd").arg("-D").arg(&passwords).arg("x").output().unwrap();
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let left = fs::read_to_string(&passwords).unwrap();
    assert!(left.starts_with("yunpark:$7$101$") && !left.contains("\nx:"), "{left}");
}
