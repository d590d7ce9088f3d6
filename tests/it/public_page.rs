//! The public doors as people and programs use them: the page in a browser, the plain list, server-sent events.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    node::{Node, Places},
    services::{Server, mosquitto, wait_for},
    town::town,
};

fn free(node: &Node, lot: &str) -> Option<u64> {
    node.get(&format!("/api/v1/lots/{lot}"))?.1["free"].as_u64()
}

#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn say_of(node: &Node, lot: &str, space: &str, state: &str, seq: u64) {
    let payload = json!({"state": state, "at": chrono::Utc::now().to_rfc3339(), "seq": seq}).to_string();
    node.publish(&format!("yunpark/v1/space/{lot}/{space}/state"), &payload);
}

fn say(node: &Node, space: &str, state: &str, seq: u64) {
    say_of(node, "L1", space, state, seq);
}

/// Five of ten places of the first lot are free.
fn half_full(node: &Node) {
    for n in 1..=10 {
        say(node, &format!("S{n:03}"), if n > 5 { "free" } else { "occupied" }, 1);
    }
    wait_for("five free places", || (free(node, "L1")? == 5).then_some(()));
}

/// A node whose first lot has five of ten places free.
fn node() -> Node {
    let node = Node::start(&Places::default(), &town(3, 10, "127.0.0.1:9"));
    half_full(&node);
    node
}

/// The small town with what pages draw: each bay of the first lot, its two entrances, tariffs, a street in the east.
fn drawn_town() -> Value {
    let mut town = town(3, 10, "127.0.0.1:9");
    let features = town["features"].as_array_mut().unwrap();
    features[0]["properties"]["entrances"] = json!([[119.5718, 28.1098], [119.5724, 28.1102]]);
    features[0]["properties"]["tariff"] =
        json!({"zh": "首小时免费，之后每小时2元", "en": "First hour free, then 2 yuan an hour"});
    features[1]["properties"]["tariff"] = json!({"zh": "免费", "en": "Free of charge"});
    for n in 0..10_u8 {
        let (west, south) = (119.5720 + 0.00003 * f64::from(n), 28.1100);
        let (east, north) = (west + 0.000_025, south + 0.000_05);
        let ring = json!([[[west, south], [east, south], [east, north], [west, north], [west, south]]]);
        features.push(json!({
            "type": "Feature", "geometry": {"type": "Polygon", "coordinates": ring},
            "properties": {"kind": "space", "id": format!("S{:03}", n + 1), "lot": "L1"}
        }));
    }
    features.push(json!({
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [[119.5760, 28.1101], [119.5780, 28.1101]]},
        "properties": {"kind": "street", "id": "ST9", "name": {"zh": "东街", "en": "East Street"}, "class": 2}
    }));
    town
}

/// A node behind a real broker, with the drawn town: half of the first lot is taken, the others are empty.
fn drawn(more: &str) -> (Server, Node) {
    let broker = mosquitto();
    let mqtt = format!("mqtt://127.0.0.1:{}", broker.port);
    let node = Node::start(&Places { mqtt, more: more.to_owned(), ..Places::default() }, &drawn_town());
    half_full(&node);
    for lot in ["L2", "L3"] {
        for n in 1..=10 {
            say_of(&node, lot, &format!("S{n:03}"), "free", 1);
        }
        wait_for("ten free places", || (free(&node, lot)? == 10).then_some(()));
    }
    (broker, node)
}

fn script(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("web/e2e").join(name)).args(arguments);
    command
}

/// Runs a script of the browser to its end; it says itself what did not hold.
fn holds(name: &str, arguments: &[&str]) {
    let output = script(name, arguments).output().expect("Node.js must be installed");
    let (told, faults) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}{faults}");
}

/// Status, headers, and the length of the body, as curl is given them.
fn head(node: &Node, path: &str, headers: &[&str]) -> (u16, String, usize) {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-D", "-", "--max-time", "20", &node.url(path)]);
    for header in headers {
        curl.args(["-H", header]);
    }
    let answer = curl.output().unwrap().stdout;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    (status, head, answer.len() - end - 4)
}

fn value<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
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
    assert!(
        !zh.contains("<script") && !zh.contains("http-equiv"),
        "it renews itself only for whoever asks it to: {zh}"
    );
    assert!(page("?auto=1").contains("http-equiv=\"refresh\""));
}

#[test]
fn the_page_serves_filters_keyboard_a_destination_and_whoever_is_offline_or_behind_a_proxy() {
    let (broker, node) = drawn("");
    holds(
        "public.mjs",
        &["--url", &node.url("/"), "--lot", "L1", "--mqtt", &broker.port.to_string(), "--timeout", "60"],
    );
}

#[test]
fn the_map_gathers_lots_and_a_message_turns_a_bay_red_on_it() {
    let (broker, node) = drawn("");
    holds("map.mjs", &["--url", &node.url("/"), "--lot", "L1", "--mqtt", &broker.port.to_string(), "--timeout", "120"]);
}

#[test]
fn axe_finds_nothing_on_any_public_page_in_either_language_by_day_or_by_night() {
    let (_broker, node) = drawn("");
    // On a phone; the wide layouts have the same parts, and `web/e2e/axe.mjs` looks at them too.
    holds("axe.mjs", &["--base", node.url("/").trim_end_matches('/'), "--match", "phone"]);
}

#[test]
fn a_page_that_is_open_over_a_restart_goes_on_and_says_what_the_api_says() {
    let (_broker, mut node) = drawn("");
    let mut command = script("restart.mjs", &["--url", &node.url("/"), "--timeout", "90"]);
    let mut page = Client(command.stdout(Stdio::piped()).spawn().expect("Node.js must be installed"));
    let mut told = BufReader::new(page.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut hear =
        |event: &str| told.find(|line| line.contains(&format!("\"event\":\"{event}\""))).expect("the page goes on");
    hear("live");
    node.stop();
    let lost = hear("lost");
    assert!(lost.contains("\"cards\":3"), "what is known stays on the screen: {lost}");
    // The broker keeps what is said meanwhile.
    say(&node, "S001", "free", 2);
    say_of(&node, "L3", "S002", "occupied", 2);
    node.run();
    hear("again");
    let same = hear("same");
    assert!(same.contains("[\"L1\",6,") && same.contains("[\"L3\",9,"), "{same}");
    assert!(page.0.wait().unwrap().success());
}

#[test]
fn pages_come_packed_and_lots_come_once() {
    let (_broker, node) = drawn("");
    let script = node.text("/");
    let script =
        script.split('"').find(|part| part.starts_with("/assets/") && part.contains(".js")).unwrap().to_owned();
    let (_, plain, length) = head(&node, &script, &[]);
    assert!(
        value(&plain, "cache-control").contains("immutable") && value(&plain, "content-encoding").is_empty(),
        "{plain}"
    );
    for (offered, sent) in [("br, gzip", "br"), ("gzip", "gzip"), ("gzip, br;q=0", "gzip")] {
        let (_, packed, shorter) = head(&node, &script, &[&format!("Accept-Encoding: {offered}")]);
        assert_eq!(value(&packed, "content-encoding"), sent, "{packed}");
        assert!(shorter < length * 2 / 3 && value(&packed, "vary").contains("accept-encoding"), "{packed}");
        let known = format!("If-None-Match: {}", value(&packed, "etag"));
        assert_eq!(head(&node, &script, &[&format!("Accept-Encoding: {offered}"), &known]).0, 304);
    }
    assert_eq!(head(&node, &format!("{script}.br"), &[]).0, 200, "a packing is a file too");
    assert_eq!(head(&node, "/index.html.br", &[]).0, 404);

    let lots = "/api/v1/lots";
    let (_, first, _) = head(&node, lots, &[]);
    let known = format!("If-None-Match: {}", value(&first, "etag"));
    assert_eq!(head(&node, lots, &[&known]).0, 304);
    say(&node, "S001", "free", 2);
    wait_for("six free places", || (free(&node, "L1")? == 6).then_some(()));
    let (status, moved, _) = head(&node, lots, &[&known]);
    assert_eq!((status, value(&moved, "etag") == value(&first, "etag")), (200, false));
    let near = "/api/v1/lots?near=119.576,28.11&arrive_in_s=900";
    let arrival = &node.get(near).unwrap().1["lots"][0]["arrival"];
    assert_eq!(arrival["travel_s"], 900, "the caller says when he will be there: {arrival}");
    for query in ["arrive_in_s=900", "near=1,2&arrive_in_s=-1", "near=1,2&arrive_in_s=x"] {
        assert_eq!(node.get(&format!("/api/v1/lots?{query}")).unwrap().0, 400, "{query}");
    }

    assert_eq!(head(&node, "/lots/L1", &[]).0, 200);
    assert_eq!(head(&node, "/lots/NOWHERE", &[]).0, 404);
    assert_eq!(head(&node, "/lots/NOWHERE/poster", &[]).0, 404);
    let typical = node.get("/api/v1/lots/L1/typical?date=2026-10-11").unwrap().1;
    assert_eq!((&typical["kind"], &typical["weekday"], &typical["days"]), (&json!("sunday"), &json!(6), &json!(0)));
    assert_eq!(node.get("/api/v1/lots/L1/typical?date=tomorrow").unwrap().0, 400);
}

#[test]
fn a_base_map_is_a_file_of_this_node_or_another_site_that_the_pages_may_then_ask() {
    let folder = tempfile::tempdir().unwrap();
    let tiles = folder.path().join("town.pmtiles");
    holds("base.mjs", &["--write", tiles.to_str().unwrap()]);
    let length = std::fs::metadata(&tiles).unwrap().len();
    let more = format!("[map]\npmtiles = \"{}\"\nattribution = \"示意 GS(2026)1\"\ndatum = \"gcj02\"", tiles.display());
    let (_broker, node) = drawn(&more);
    let base = &node.get("/api/v1/map").unwrap().1["base"];
    assert_eq!(
        (&base["kind"], &base["url"], &base["datum"]),
        (&json!("pmtiles"), &json!("/basemap.pmtiles"), &json!("gcj02"))
    );
    let ask = ["Range: bytes=100-199", "Accept-Encoding: br, gzip"];
    let (status, part, sent) = head(&node, "/basemap.pmtiles", &ask);
    let range = format!("bytes 100-199/{length}");
    assert_eq!((status, sent, value(&part, "content-range")), (206, 100, range.as_str()), "{part}");
    assert!(value(&part, "content-encoding").is_empty(), "a range of a packed file is no range of the file: {part}");
    assert!(!value(&part, "content-security-policy").contains("http"));
    holds("base.mjs", &["--url", &node.url("/"), "--attribution", "示意 GS(2026)1", "--timeout", "120"]);

    let shapes = folder.path().join("shapes.pmtiles");
    holds("base.mjs", &["--write", shapes.to_str().unwrap(), "--tile", "shapes"]);
    let (_broker, node) = drawn(&more.replace(tiles.to_str().unwrap(), shapes.to_str().unwrap()));
    let url = node.url("/");
    holds("base.mjs", &["--url", &url, "--attribution", "示意 GS(2026)1", "--tile", "shapes", "--timeout", "120"]);

    let more = "[map]\nurl = \"https://tiles.example/{z}/{x}/{y}.png\"\nattribution = \"Tiles Example\"";
    let node = Node::start(&Places { more: more.to_owned(), ..Places::default() }, &drawn_town());
    let (_, page, _) = head(&node, "/", &[]);
    assert!(value(&page, "content-security-policy").contains("connect-src 'self' https://tiles.example;"), "{page}");
    assert_eq!(node.get("/api/v1/map").unwrap().1["base"]["kind"], "raster");
    assert_eq!(head(&node, "/basemap.pmtiles", &[]).0, 404);
}
