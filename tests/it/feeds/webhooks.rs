//! Messages to a subscriber: signed, tried again while it is away, given up when it is gone, and replayed.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use yunpark::feeds::webhooks::sign;

use super::sample;
use crate::{
    node::{Node, Places},
    services::wait_for,
};

const SECRET: &str = "a secret of enough length";

/// What a subscriber was sent, and what it answers.
#[derive(Default)]
struct Hook {
    answers: u16,
    got: Vec<(BTreeMap<String, String>, String)>,
}

fn subscriber(answers: u16) -> (u16, Arc<Mutex<Hook>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let hook = Arc::new(Mutex::new(Hook { answers, got: Vec::new() }));
    let shared = hook.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut headers = BTreeMap::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                    break;
                }
                if let Some((name, value)) = line.split_once(": ") {
                    headers.insert(name.to_lowercase(), value.trim().to_owned());
                }
            }
            let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                continue;
            }
            let mut hook = shared.lock().unwrap();
            hook.got.push((headers, String::from_utf8(body).unwrap()));
            let _ = write!(&stream, "HTTP/1.1 {} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", hook.answers);
        }
    });
    (port, hook)
}

fn node(port: u16) -> Node {
    let more = format!(
        "[feeds]\nallow_private_addresses = true\n[feeds.subscribers]\n\
         PLANNER = {{ url = \"http://127.0.0.1:{port}/hook\", secret = \"{SECRET}\" }}"
    );
    Node::start(&Places { more, ..Places::default() }, &sample::city_file())
}

fn messages(node: &Node, state: &str) -> Vec<Value> {
    let supervisor = node.sign_in("li");
    let path = format!("/api/v1/webhooks?state={state}");
    let (status, answer) = node.ask("GET", &path, &[("Authorization", &supervisor)], None).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["messages"].as_array().unwrap().clone()
}

#[test]
fn a_subscriber_who_was_away_is_told_in_order_and_can_check_the_signature() {
    let (port, hook) = subscriber(503);
    let node = node(port);
    wait_for("the first try, which fails, and the second", || (hook.lock().unwrap().got.len() >= 2).then_some(()));
    hook.lock().unwrap().answers = 204;
    let got = wait_for("the message to come through", || {
        (!messages(&node, "sent").is_empty()).then(|| hook.lock().unwrap().got.clone())
    });
    let (first, second) = (&got[0], &got[1]);
    assert_eq!((&first.0["webhook-id"], &first.1), (&second.0["webhook-id"], &second.1), "one message, one id");
    for (headers, body) in &got {
        let signed = sign(SECRET, &headers["webhook-id"], headers["webhook-timestamp"].parse().unwrap(), body);
        assert_eq!(headers["webhook-signature"], signed.signature);
    }
    let told: Value = serde_json::from_str(&first.1).unwrap();
    assert_eq!((&told["type"], told["data"]["lots"].as_array().map(Vec::len)), (&"changes".into(), Some(8)));
    node.publish("yunpark/v1/lot/FEW/count", &{
        #[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
        let at = chrono::Utc::now().to_rfc3339();
        serde_json::json!({"free": 41, "at": at}).to_string()
    });
    wait_for("the change to be told", || {
        let hook = hook.lock().unwrap();
        let told = hook.got.iter().filter_map(|(_, body)| serde_json::from_str::<Value>(body).ok());
        let lots: Vec<Value> = told.filter_map(|told| told["data"]["lots"].as_array().cloned()).flatten().collect();
        lots.iter().any(|lot| lot["id"] == "FEW" && lot["free"] == 41).then_some(())
    });
}

#[test]
fn what_was_given_up_is_kept_and_can_be_replayed() {
    let (port, hook) = subscriber(410);
    let node = node(port);
    let dead = wait_for("a message to be given up", || {
        messages(&node, "dead").into_iter().find(|message| message["kind"] == "changes")
    });
    assert_eq!((&dead["tries"], &dead["reason"]), (&1.into(), &"it answers with status 410".into()));
    hook.lock().unwrap().answers = 200;
    let supervisor = node.sign_in("li");
    let path = format!("/api/v1/webhooks/{}/replay", dead["id"].as_str().unwrap());
    assert_eq!(node.ask("POST", &path, &[], None).unwrap().0, 401);
    assert_eq!(node.ask("POST", &path, &[("Authorization", &supervisor)], None).unwrap().0, 204);
    let sent = wait_for("the message to be sent", || {
        messages(&node, "sent").into_iter().find(|message| message["id"] == dead["id"])
    });
    assert_eq!(sent["tries"], 1);
    let again = node.ask("POST", "/api/v1/webhooks/msg_none/replay", &[("Authorization", &supervisor)], None).unwrap();
    assert_eq!(again.0, 404);
}
