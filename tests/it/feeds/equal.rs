//! One free count at one cursor: the same in every feed, in the REST API, on the socket, in Redis and on the sign.

use std::process::Command;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    node::{Node, Places},
    services::{self, wait_for},
    sign::Emulator,
    town::town,
};

/// A city file in which the lots' bays stand somewhere, so that they are told one by one as well.
fn with_bays(mut town: Value) -> Value {
    let bays = (1..=20).map(|n| {
        json!({
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [119.572 + 0.00001 * f64::from(n), 28.1101]},
            "properties": {"kind": "space", "id": format!("S{n:03}"), "lot": "L1"},
        })
    });
    town["features"].as_array_mut().unwrap().extend(bays);
    town
}

#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn bay(state: &str, seq: u64) -> String {
    json!({"state": state, "at": chrono::Utc::now().to_rfc3339(), "seq": seq}).to_string()
}

/// The cursor a feed's answer carries, and its body.
fn feed(node: &Node, path: &str) -> (String, String) {
    let output = Command::new("curl").args(["-sS", "-i", "--max-time", "20"]).arg(node.url(path)).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {text}"));
    let cursor = head.lines().find_map(|line| line.strip_prefix("yunpark-cursor: ")).unwrap_or_default();
    (cursor.to_owned(), body.to_owned())
}

/// The number after a mark in the part of a text that tells of L1.
fn number_in(text: &str, about: &str, mark: &str) -> Option<u64> {
    let part = &text[text.find(about)?..];
    let rest = &part[part.find(mark)? + mark.len()..];
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// What each feed tells of L1's free places.
fn told(node: &Node) -> Vec<(&'static str, String, Option<u64>)> {
    let json = |path: &'static str, find: &dyn Fn(&Value) -> Option<u64>| {
        let (cursor, body) = feed(node, path);
        (path, cursor, serde_json::from_str::<Value>(&body).ok().and_then(|body| find(&body)))
    };
    let xml = |path: &'static str, about: &str, mark: &str| {
        let (cursor, body) = feed(node, path);
        (path, cursor, number_in(&body, about, mark))
    };
    let named =
        |list: &Value, key: &str, field: &str| list.as_array()?.iter().find(|each| each[key] == "L1")?[field].as_u64();
    let spots = |list: &Value, of: &dyn Fn(&Value) -> bool| {
        Some(list.as_array()?.iter().filter(|each| of(each)).count() as u64)
    };
    vec![
        json("/feeds/parkapi/v1/city", &|body| named(&body["lots"], "id", "free")),
        json("/feeds/parkapi/v3/parking-sites", &|body| named(&body["items"], "uid", "realtime_free_capacity")),
        json("/feeds/parkapi/v3/parking-sites/L1", &|body| body["realtime_free_capacity"].as_u64()),
        json("/feeds/parkapi/v3/parking-spots", &|body| {
            spots(&body["items"], &|spot| spot["realtime_status"] == "AVAILABLE")
        }),
        json("/feeds/geojson/city.geojson", &|body| {
            let features = body["features"].as_array()?;
            features.iter().find(|each| each["id"] == "L1")?["properties"]["realtime_free_capacity"].as_u64()
        }),
        json("/feeds/geojson/parking-spots/city.geojson", &|body| {
            spots(&body["features"], &|spot| spot["properties"]["realtime_status"] == "AVAILABLE")
        }),
        json("/feeds/ngsi-ld/v1/entities?type=OffStreetParking&options=keyValues", &|body| {
            named(body, "parkingSiteId", "availableSpotNumber")
        }),
        json("/feeds/ngsi-ld/v1/entities?type=ParkingSpot&options=keyValues", &|body| {
            spots(body, &|spot| spot["status"] == "free")
        }),
        xml("/feeds/datex2/v3/parking-status.xml", "id=\"L1\"", "<prk:numberOfVacantSpaces>"),
        xml("/feeds/datex2/v2/parking-status.xml", "id=\"L1\"", "<parkingNumberOfVacantSpaces>"),
        xml("/feeds/siri/facility-monitoring.xml", "<FacilityRef>L1<", "<Count>"),
        xml("/feeds/datex2/v3/vms.xml", "id=\"SIGN-NTCIP\"", "<vms:textLine>城西 ← "),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_free_count_at_one_cursor_is_the_same_through_every_door() {
    let (broker, redis, sign) = (services::mosquitto(), services::redis(), Emulator::start());
    let places = Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        redis: format!("redis://127.0.0.1:{}", redis.port),
        more: "[feeds]\nrequests_per_minute = 100000\nburst = 100000".to_owned(),
        ..Places::default()
    };
    let node = Node::start(&places, &with_bays(town(2, 20, &sign.address())));
    for n in 1..=20 {
        let state = if n % 3 == 0 { "occupied" } else { "free" };
        node.publish(&format!("yunpark/v1/space/L1/S{n:03}/state"), &bay(state, 1));
    }
    let free = 14;
    for (seq, wanted) in [(1, free), (2, free - 1)] {
        let shown = u64::to_string(&wanted);
        if seq == 2 {
            node.publish("yunpark/v1/space/L1/S001/state", &bay("occupied", 2));
        }
        let cursor = wait_for("the REST API", || {
            let (_, lots) = node.get("/api/v1/lots")?;
            let lot = lots["lots"].as_array()?.iter().find(|lot| lot["id"] == "L1")?.clone();
            (lot["free"] == wanted).then(|| lots["cursor"].as_str().unwrap().to_owned())
        });
        wait_for("the sign to be confirmed", || {
            let (_, view) = node.get("/api/v1/signs/SIGN-NTCIP")?;
            let line = &view["panels"][0]["confirmed"]["lines"][0];
            (line["free"] == wanted && line["text"].as_str() == Some(shown.as_str())).then_some(())
        });
        // A feed is written at most once a second: it may take that long, and then tells the same at the same cursor.
        wait_for("every feed to stand at the cursor", || {
            told(&node).iter().all(|(_, at, _)| *at == cursor).then_some(())
        });
        wait_for("the sign's own feed, which moves with the sign", || (told(&node).last()?.2? == wanted).then_some(()));
        for (path, at, told) in told(&node) {
            assert_eq!((at.as_str(), told), (cursor.as_str(), Some(wanted)), "{path}");
        }
        let config = yunpark::config::Config::load(Some(&node.config)).unwrap();
        let engine = yunpark::availability::Engine::redis(&config.availability).await.unwrap();
        let lot = yunpark::domain::ids::LotId::parse("L1").unwrap();
        assert_eq!(u64::from(engine.lot(&lot).await.unwrap().unwrap().free), wanted, "Redis");
        let address = format!("ws://127.0.0.1:{}/api/v1/live", node.http);
        let (mut socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
        let first = tokio::time::timeout(std::time::Duration::from_secs(60), socket.next()).await;
        let Message::Text(text) = first.expect("the socket speaks").unwrap().unwrap() else { panic!("no text") };
        let snapshot: Value = serde_json::from_str(&text).unwrap();
        let told = snapshot["lots"].as_array().unwrap().iter().find(|lot| lot["id"] == "L1").unwrap();
        assert_eq!((&snapshot["cursor"], &told["free"]), (&json!(cursor), &json!(wanted)), "the socket");
    }
}
