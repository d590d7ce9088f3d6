//! A partner that is down for a day, then answers garbage, then recovers, is told each thing once, in order.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use yunpark::{config::Partner, feeds::webhooks::sign};

use super::{Hall, STREET, halls_with, minutes, report};

const SECRET: &str = "a secret of enough length";

/// How the partner's server answers: it hangs up, writes garbage, or takes what it is sent.
const DOWN: u16 = 0;
const GARBAGE: u16 = 1;
const WELL: u16 = 2;

/// The messages a partner took.
type Got = Arc<Mutex<Vec<Value>>>;

/// A server that takes messages while it is well, each with its headers checked by the shared secret.
fn server() -> (u16, Arc<AtomicU16>, Got, Arc<Mutex<u32>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mood = Arc::new(AtomicU16::new(DOWN));
    let got = Got::default();
    let knocks: Arc<Mutex<u32>> = Arc::default();
    let (shared_mood, shared, shared_knocks) = (mood.clone(), got.clone(), knocks.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            *shared_knocks.lock().unwrap() += 1;
            let now = shared_mood.load(Ordering::SeqCst);
            if now == DOWN {
                continue;
            }
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut headers = std::collections::BTreeMap::new();
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
            reader.read_exact(&mut body).unwrap();
            let answer = if now == GARBAGE {
                "<html>welcome to the captive portal</html>".to_owned()
            } else {
                let text = String::from_utf8(body).unwrap();
                let time: i64 = headers["webhook-timestamp"].parse().unwrap();
                let signed = sign(SECRET, &headers["webhook-id"], time, &text);
                assert_eq!(signed.signature, headers["webhook-signature"]);
                let message: Value = serde_json::from_str(&text).unwrap();
                let id = message["id"].as_str().unwrap().to_owned();
                shared.lock().unwrap().push(message);
                format!("{{\"received\": \"{id}\"}}")
            };
            let length = answer.len();
            let _ = write!(&stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}");
        }
    });
    (port, mood, got, knocks)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{what} did not come");
}

/// Lets time pass until something holds; a try that was under way when time passed puts the next one off.
async fn in_time(hall: &Hall, what: &str, mut holds: impl FnMut() -> bool) {
    for turn in 0..600 {
        if turn % 20 == 0 {
            hall.clock.advance(minutes(16));
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        if holds() {
            return;
        }
    }
    panic!("{what} did not come");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_was_down_and_then_answered_garbage_is_told_each_thing_once_in_order() {
    let (port, mood, got, knocks) = server();
    let halls = halls_with(|config| {
        let partner = Partner {
            url: format!("http://127.0.0.1:{port}/in"),
            secret: SECRET.into(),
            token: "a token of enough length".into(),
            categories: [("E0503".to_owned(), "JT-17".to_owned())].into(),
            states: [("collected".to_owned(), "XS".to_owned())].into(),
        };
        config.partners.insert("police".into(), partner);
    });
    for hall in halls.await {
        mood.store(DOWN, Ordering::SeqCst);
        got.lock().unwrap().clear();
        let stop = CancellationToken::new();
        let mut links = JoinSet::new();
        links.spawn(hall.matters.clone().run_links(stop.clone()));
        let mut numbers = Vec::new();
        for n in 0..6_u32 {
            let place = (STREET.0 + f64::from(n) * 0.0006, STREET.1);
            let new = report(&format!("p{n}"), "E0503", &format!("192.0.2.{n}"), place);
            numbers.push(hall.matters.collect(new, vec![]).await.unwrap().matter.number);
            // What the partner does not care for is not told.
            let other = report(&format!("o{n}"), "E0505", &format!("192.0.2.{n}"), place);
            hall.matters.collect(other, vec![]).await.unwrap();
        }
        // A day passes in steps of a quarter of an hour; it is tried each time and nothing is given up.
        let before = *knocks.lock().unwrap();
        for _ in 0..3 {
            let seen = *knocks.lock().unwrap();
            hall.clock.advance(minutes(8 * 60));
            in_time(&hall, "another try", || *knocks.lock().unwrap() > seen).await;
        }
        assert!(*knocks.lock().unwrap() >= before + 3);
        mood.store(GARBAGE, Ordering::SeqCst);
        for _ in 0..3 {
            let seen = *knocks.lock().unwrap();
            in_time(&hall, "a try that is answered with garbage", || *knocks.lock().unwrap() > seen).await;
        }
        assert!(got.lock().unwrap().is_empty());
        mood.store(WELL, Ordering::SeqCst);
        in_time(&hall, "all six", || got.lock().unwrap().len() >= 6).await;
        // Nothing more comes.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let told = got.lock().unwrap().clone();
        let in_order: Vec<&str> = told.iter().map(|message| message["data"]["number"].as_str().unwrap()).collect();
        assert_eq!(in_order, numbers.iter().map(String::as_str).collect::<Vec<_>>(), "each once, in order");
        assert!(told.iter().all(|message| message["data"]["category"] == "JT-17" && message["data"]["state"] == "XS"));
        let text = serde_json::to_string(&told).unwrap();
        assert!(!text.contains("13800000000") && !text.contains("堵住"), "no person, no text of the public");

        let (messages, tries) = hall.matters.deliveries("police", 500).await.unwrap();
        assert!(messages.len() == 6 && messages.iter().all(|message| message.state == "sent"));
        let garbage =
            tries.iter().filter(|one| one.detail.as_deref().is_some_and(|why| why.contains("does not name"))).count();
        let failed = tries.iter().filter(|one| one.outcome == "failed").count();
        assert!(garbage >= 2 && failed >= 5, "the log holds every try: {tries:?}");
        // It comes to ask, from where it was.
        assert_eq!(hall.matters.partner_of_token("a token of enough length").as_deref(), Some("police"));
        assert_eq!(hall.matters.partner_of_token(""), None);
        let pulled = hall.matters.pulled("police", 4, 10).await.unwrap();
        assert_eq!(pulled.iter().map(|message| message.ordinal).collect::<Vec<_>>(), [5, 6]);
        // One is asked for once more: it comes again under its own id.
        assert!(hall.matters.replay(&messages[2].id).await.unwrap());
        until("the one again", || got.lock().unwrap().len() == 7).await;
        assert_eq!(got.lock().unwrap()[6]["id"], messages[2].id.as_str());
        stop.cancel();
        links.join_next().await.unwrap().unwrap().unwrap();
    }
}
