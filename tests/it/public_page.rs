//! The public doors as people and programs use them: the page in a browser, the plain list, server-sent events.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    node::{Node, Places},
    services::wait_for,
    town::town,
};

fn free(node: &Node, lot: &str) -> Option<u64> {
    node.get(&format!("/api/v1/lots/{lot}"))?.1["free"].as_u64()
}

#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn say(node: &Node, space: &str, state: &str, seq: u64) {
    let payload = json!({"state": state, "at": chrono::Utc::now().to_rfc3339(), "seq": seq}).to_string();
    node.publish(&format!("yunpark/v1/space/L1/{space}/state"), &payload);
}

/// A node whose first lot has five of ten places free.
fn node() -> Node {
    let node = Node::start(&Places::default(), &town(3, 10, "127.0.0.1:9"));
    for n in 1..=10 {
        say(&node, &format!("S{n:03}"), if n > 5 { "free" } else { "occupied" }, 1);
    }
    wait_for("five free places", || (free(&node, "L1")? == 5).then_some(()));
    node
}

/// A client that is let go with the test.
struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The messages of an event stream with their ids, as curl hears them.
fn listen(node: &Node, query: &str) -> impl Iterator<Item = (String, Value)> + use<> {
    let mut curl = Command::new("curl");
    curl.args(["-sN", "--max-time", "60", &node.url(&format!("/api/v1/live/events{query}"))]).stdout(Stdio::piped());
    let mut client = Client(curl.spawn().expect("curl must be installed"));
    let lines = BufReader::new(client.0.stdout.take().unwrap()).lines();
    let mut id = String::new();
    lines.map_while(Result::ok).filter_map(move |line| {
        let _listening = &client;
        if let Some(told) = line.strip_prefix("id: ") {
            told.clone_into(&mut id);
        }
        let data = line.strip_prefix("data: ")?;
        Some((id.clone(), serde_json::from_str(data).unwrap()))
    })
}

#[test]
fn events_tell_what_the_socket_tells_and_resume_after_their_ids() {
    let node = node();
    let mut events = listen(&node, "?watch=L1");
    let (_, spaces) = events.next().unwrap();
    assert_eq!((spaces["type"].as_str(), spaces["spaces"].as_array().map(Vec::len)), (Some("spaces"), Some(10)));
    let (id, snapshot) = events.next().unwrap();
    assert_eq!((&snapshot["type"], &snapshot["cursor"]), (&json!("snapshot"), &json!(id)));
    // The frames follow the API by one tick.
    let told = |event: &Value, free: u64| {
        let lots = event["lots"].as_array().cloned().unwrap_or_default();
        lots.iter().any(|lot| lot["id"] == "L1" && lot["free"] == free)
    };
    let cursor =
        if told(&snapshot, 5) { id } else { events.find(|(_, event)| told(event, 5)).expect("a stream goes on").0 };

    say(&node, "S001", "free", 2);
    assert!(events.any(|(_, event)| told(&event, 6)));
    let (_, spaces) = events.find(|(_, event)| event["type"] == "spaces" && event["partial"] == true).unwrap();
    assert_eq!(spaces["spaces"].as_array().unwrap().last().unwrap()["state"], "free", "{spaces}");

    let query = format!("?cursor={cursor}");
    let (_, resumed) = listen(&node, &query).next().unwrap();
    assert_eq!(resumed["type"], "changes", "a listener that comes back is told what changed, and no more");
    assert!(told(&resumed, 6), "{resumed}");

    for query in ["?bbox=1,2,3", "?bbox=a,b,c,d", "?watch=no/lot"] {
        assert_eq!(node.get(&format!("/api/v1/live/events{query}")).unwrap().0, 400, "{query}");
    }
}

#[test]
fn the_plain_list_needs_no_script_and_says_how_old_its_numbers_are() {
    let node = node();
    let page = |query: &str| {
        let output = Command::new("curl").args(["-s", &node.url(&format!("/lite{query}"))]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (zh, en) = (page(""), page("?lang=en"));
    assert!(zh.contains("lang=\"zh-CN\"") && zh.contains("停车场1") && zh.contains("<b>5</b> / 10"), "{zh}");
    assert!(en.contains("lang=\"en\"") && en.contains("Car park 1") && en.contains("counted just now"), "{en}");
    assert!(zh.contains("尚无数据") && en.contains("No data"), "a lot nobody heard of is not shown as full");
    assert!(!zh.contains("<script"), "{zh}");
}

#[test]
fn the_page_serves_filters_keyboard_and_whoever_is_offline_or_behind_a_proxy() {
    let node = node();
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("web/e2e/public.mjs"))
        .args(["--url", &node.url("/"), "--lot", "L1", "--timeout", "60"])
        .output()
        .expect("Node.js must be installed");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
