//! The staff's desks in a browser: purpose, audit, evidence; figures that are those of the ledger; what administrators set; a city file
//! that is checked before it counts; and the place without a sign that the simulator planted.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use tokio_util::sync::CancellationToken;
use yunpark_simulator::{
    life,
    town::{Town, TownOptions},
};

use crate::{
    matters_page::say,
    node::{Node, Places, STAFF},
    officer_page::{capture, county, ledger, plate, run},
    services::wait_for,
};

fn add(node: &Node, role: &str) -> String {
    let added = node.command(&["user", "add", role, "--role", role, "--config", node.path()], "correct horse");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    format!("{role}:correct horse")
}

#[test]
fn an_administrator_sets_what_holds_and_every_change_is_history() {
    let node = Node::start(&Places::default(), &county());
    let admin = add(&node, "admin");
    let out = node.dir.path().to_str().unwrap();
    run("admin.mjs", &["--base", &node.url(""), "--admin", &admin, "--out", out, "--timeout", "60"]);

    // What was set holds: a penalty for a first offence is refused, with no restart.
    let bearer = node.sign_in("wang");
    let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", "one")];
    let record = json!({"kind": "penalty", "vehicle_class": "motor", "plate": "浙K77777", "reason": "违停", "location": [119.5705, 28.1082]});
    let (status, answer) = node.ask("POST", "/api/v1/records", &headers, Some(&record)).unwrap();
    assert!(status == 201 || answer["type"].as_str().unwrap_or_default().ends_with("first-offence"), "{answer}");

    let entries = ledger(&node);
    let of = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).collect::<Vec<_>>();
    let set: Vec<(&str, &str)> = of("setting.changed")
        .iter()
        .map(|entry| (entry["subject"].as_str().unwrap(), entry["payload"]["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        set,
        [
            ("first_offence", "专项整治"),
            ("first_offence", "整治结束"),
            ("first_offence", "再次整治"),
            ("dwell", "雨天"),
            ("dwell", "别人"),
            ("calendar", "国办通知"),
            ("retention", "最短够用"),
            ("template.warning", "县样式"),
            ("template.warning", "恢复"),
            ("template.warning", "还是用县样式"),
        ]
    );
    assert!(of("setting.changed").iter().all(|entry| entry["by"] == "admin"));
    let added = of("staff.added").into_iter().filter(|entry| entry["subject"] == "zhao").count();
    assert_eq!((added, of("staff.changed").len()), (1, 1), "once each");
    assert_eq!((of("permit.granted").len(), of("permit.ended").len()), (1, 1));
    assert_eq!(of("permit.ended")[0]["payload"]["reason"], "任务结束");
    let verified = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

#[test]
fn axe_finds_nothing_on_any_page_of_the_staff() {
    let node = Node::start(&Places::default(), &county());
    let operator = add(&node, "operator");
    let admin = add(&node, "admin");
    let [officer, supervisor] = [0, 1].map(|nth| format!("{}:{}", STAFF[nth].0, STAFF[nth].2));
    let matter = json!({"category": "E0502", "location": [119.5705, 28.10825], "what": "电动车堵住盲道"});
    assert_eq!(say(&node, "192.0.2.1", "one", &matter).0, 201);
    // Two of the eight ways a page can be seen; `web/e2e/axe.mjs` without a match looks at all.
    let ways = "(phone-zh-light|desktop-en-dark)$";
    for (who, pages) in [
        (officer, "^(officer|matters)"),
        (supervisor, "^(supervisor|matters|operator)"),
        (operator, "^operator"),
        (admin, "^admin"),
    ] {
        let (name, word) = who.split_once(':').unwrap();
        let base = node.url("");
        let told = run(
            "axe.mjs",
            &["--base", &base, "--user", name, "--password", word, "--match", &format!("{pages}.*{ways}")],
        );
        let looked = told.iter().find(|line| line["event"] == "done").unwrap()["looked"].as_u64().unwrap();
        assert!(looked >= 2, "{name} sees pages: {told:?}");
    }
}

/// The county with one lot more, another tariff, no camera; and a lot of counters that people count by hand.
fn next_county() -> Value {
    let mut city = counted_county();
    let features = city["features"].as_array_mut().unwrap();
    features.retain(|one| one["properties"]["kind"] != "camera");
    let mut more = features.iter().find(|one| one["properties"]["id"] == "L3").unwrap().clone();
    more["properties"]["id"] = "L9".into();
    features.iter_mut().find(|one| one["properties"]["id"] == "L2").unwrap()["properties"]["tariff"] =
        json!({"zh": "首小时免费", "en": "first hour free"});
    features.push(more);
    city
}

/// The county with a lot that counts who drives in and out.
fn counted_county() -> Value {
    let mut city = county();
    let features = city["features"].as_array_mut().unwrap();
    let counted = features.iter_mut().find(|one| one["properties"]["id"] == "L3").unwrap();
    counted["properties"].as_object_mut().unwrap().remove("spaces");
    city
}

#[test]
fn an_operator_imports_exactly_the_file_that_was_checked() {
    let node = Node::start(&Places::default(), &counted_county());
    let operator = add(&node, "operator");
    let file = |name: &str, text: String| {
        let path = node.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let right_text = serde_json::to_string_pretty(&next_county()).unwrap();
    let right = file("right.geojson", right_text.clone());
    let mut broken = next_county();
    broken["features"][0]["properties"]["capacity"] = json!("many");
    broken["features"][1]["properties"]["lot_knd"] = json!("garage");
    let wrong = file("wrong.geojson", serde_json::to_string_pretty(&broken).unwrap());
    run(
        "operator.mjs",
        &[
            "--base",
            &node.url(""),
            "--user",
            &operator,
            "--wrong",
            &wrong,
            "--right",
            &right,
            "--lot",
            "L3",
            "--occupied",
            "4",
            "--sign",
            "SIGN-MQTT",
            "--out",
            node.dir.path().to_str().unwrap(),
            "--timeout",
            "60",
        ],
    );
    wait_for("the new lot to be there", || (node.get("/api/v1/lots/L9")?.0 == 200).then_some(()));
    let sha256 = yunpark::domain::ledger::Digest::of(right_text.as_bytes()).to_string();
    let entries = ledger(&node);
    let imported: Vec<&Value> =
        entries.iter().filter(|entry| entry["kind"] == "city.imported" && entry["by"] == "operator").collect();
    assert_eq!(imported.len(), 1);
    assert_eq!(
        (&imported[0]["payload"]["sha256"], &imported[0]["payload"]["reason"]),
        (&json!(sha256), &json!("新停车场开放"))
    );

    // Another file than the one that was checked, or one that was compared with an older city, changes nothing.
    let body = json!({"name": "operator", "password": "correct horse"});
    let (_, session) = node.ask("POST", "/api/v1/session", &[], Some(&body)).unwrap();
    let bearer = format!("Bearer {}", session["token"].as_str().unwrap());
    let headers = [("Authorization", bearer.as_str())];
    let ask = |sha256: &str, revision: u64, city: &Value| {
        let path = format!("/api/v1/city?sha256={sha256}&revision={revision}&reason=x");
        node.ask("POST", &path, &headers, Some(city)).unwrap()
    };
    let (status, refused) = ask(&sha256, 2, &next_county());
    assert_eq!((status, refused["type"].as_str().unwrap().rsplit('/').next()), (409, Some("other-file")), "{refused}");
    let mut other = next_county();
    other["features"].as_array_mut().unwrap().pop();
    let other_sha256 = yunpark::domain::ledger::Digest::of(other.to_string().as_bytes()).to_string();
    let (status, refused) = ask(&other_sha256, 1, &other);
    assert_eq!((status, refused["type"].as_str().unwrap().rsplit('/').next()), (409, Some("stale")), "{refused}");
    assert_eq!(node.get("/api/v1/lots/L9").unwrap().0, 200);

    // A sign that is taken over for a moment guides again by itself.
    #[expect(clippy::disallowed_methods, reason = "the test plays the operator, whose clock is the wall's")]
    let soon = (chrono::Utc::now() + chrono::Duration::seconds(4)).to_rfc3339();
    let order = json!({"mode": "text", "text": "施工", "ends_at": soon, "reason": "施工"});
    let (status, answer) = node.ask("POST", "/api/v1/signs/SIGN-MQTT/override", &headers, Some(&order)).unwrap();
    assert!(status < 300, "{answer}");
    let shows =
        |words: &str| node.get("/api/v1/signs/SIGN-MQTT").is_some_and(|(_, sign)| sign.to_string().contains(words));
    wait_for("the sign to be told its text", || shows("施工").then_some(()));
    wait_for("guidance to be back", || {
        let (_, orders) = node.ask("GET", "/api/v1/sign-messages?limit=10", &headers, None)?;
        orders["orders"].as_array()?.iter().all(|order| order["in_force"] == false).then_some(())
    });
}

#[test]
fn the_place_without_a_sign_that_the_simulator_planted_is_named_on_the_map() {
    let town = Town::generate(1, TownOptions::default());
    let planted = town.missing_sign.clone().expect("the town hides a place");
    let camera = town.cameras.iter().find(|camera| camera.zones.first() == Some(&planted.zone)).unwrap().id.clone();
    let more = format!("{camera} = {{ token = \"planted\" }}\n");
    let node = Node::start(&Places { more, ..Places::default() }, &serde_json::from_str(&town.to_geojson()).unwrap());
    let stop = CancellationToken::new();
    let options = life::Options {
        town,
        mqtt_url: format!("mqtt://127.0.0.1:{}", node.mqtt),
        http_base: Some(node.url("")),
        camera_tokens: BTreeMap::from([(camera, "planted".to_owned())]),
        viid_passwords: BTreeMap::new(),
        speed: 1.0,
        seed: 1,
        faults: life::faults::Faults::default(),
    };
    let (stopping, finished) = (stop.clone(), std::sync::mpsc::channel::<()>());
    let living = std::thread::spawn(move || {
        let _ended = finished.0;
        tokio::runtime::Runtime::new().unwrap().block_on(life::run(options, stopping)).unwrap();
    });
    let bearer = node.sign_in("li");
    let headers = [("Authorization", bearer.as_str())];
    // The report says by itself what the simulator knows; a crowd of ten stands there for three quarters of a minute.
    let named = || {
        let (_, report) = node.ask("GET", "/api/v1/reports/hotspots", &headers, None)?;
        let spot = report["hotspots"].as_array()?.iter().find(|spot| spot["zone"] == planted.zone.as_str())?.clone();
        (spot["finding"] == "sign_missing").then_some(spot)
    };
    let started = std::time::Instant::now();
    let spot = loop {
        if let Some(spot) = named() {
            break spot;
        }
        assert!(started.elapsed().as_secs() < 400, "the place is not named: {}", node.log());
        std::thread::sleep(std::time::Duration::from_secs(1));
    };
    stop.cancel();
    living.join().unwrap();
    let lots: Vec<&str> = spot["lots"].as_array().unwrap().iter().map(|lot| lot["lot"].as_str().unwrap()).collect();
    assert_eq!(lots, planted.lots, "the lots round the corner are those the simulator knows");
    let (name, _, word) = STAFF[1];
    let out = node.dir.path().to_str().unwrap();
    let user = format!("{name}:{word}");
    run(
        "hot.mjs",
        &["--base", &node.url(""), "--user", &user, "--zone", &planted.zone, "--out", out, "--timeout", "90"],
    );
}

/// A county whose signs tell of no lot: they are not there.
fn without_signs() -> Value {
    let mut city = county();
    city["features"].as_array_mut().unwrap().retain(|one| one["properties"]["kind"] != "sign");
    city
}

#[test]
fn every_figure_opens_its_records_and_the_place_without_a_sign_is_named() {
    const STAYS: usize = 10;
    let more = "[enforcement]\nmin_width_px = 64\nmin_height_px = 36\nmax_captures_per_minute = 0\n".to_owned();
    let node = Node::start(&Places { more, ..Places::default() }, &without_signs());
    #[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
    let at = chrono::Utc::now().to_rfc3339();
    for n in 1..=3 {
        let free = json!({"state": "free", "at": at, "seq": 1}).to_string();
        node.publish(&format!("yunpark/v1/space/L1/S{n:03}/state"), &free);
    }
    wait_for("three free places", || (node.get("/api/v1/lots/L1")?.1["free"] == 3).then_some(()));
    for nth in 0..STAYS {
        capture(&node, nth, 640);
        capture(&node, nth, 200);
    }
    let bearer = node.sign_in("wang");
    let headers = [("Authorization", bearer.as_str())];
    let (_, ripe) = node.ask("GET", "/api/v1/incidents?state=ripe", &headers, None).unwrap();
    let ripe = ripe["incidents"].as_array().unwrap().clone();
    assert_eq!(ripe.len(), STAYS);
    for incident in &ripe {
        let decision = match incident["plate"].as_str().unwrap() {
            one if one == plate(0) || one == plate(1) => "warning",
            one if one == plate(2) => "penalty",
            _ => continue,
        };
        let path = format!("/api/v1/incidents/{}/review", incident["id"].as_str().unwrap());
        let (status, answer) = node.ask("POST", &path, &headers, Some(&json!({"decision": decision}))).unwrap();
        assert_eq!(status, 200, "{answer}");
    }

    let [(officer, _, word), (supervisor, _, other_word)] = STAFF;
    let told = run(
        "desks.mjs",
        &[
            "--base",
            &node.url(""),
            "--supervisor",
            &format!("{supervisor}:{other_word}"),
            "--officer",
            &format!("{officer}:{word}"),
            "--plate",
            &plate(0),
            "--zone",
            "Z1",
            "--finding",
            "sign_missing",
            "--out",
            node.dir.path().to_str().unwrap(),
            "--timeout",
            "60",
        ],
    );
    let funnel = told.iter().find_map(|line| line["funnel"].as_object()).unwrap();
    let entries = ledger(&node);
    let count = |kind: &str| json!(entries.iter().filter(|entry| entry["kind"] == kind).count());
    for (stage, kind) in [
        ("captures", "capture.received"),
        ("ripe", "incident.ripened"),
        ("reviewed", "incident.reviewed"),
        ("cases", "penalty.opened"),
    ] {
        assert_eq!(funnel[stage], count(kind), "{stage}");
    }
    let looked_up: Vec<&Value> = entries.iter().filter(|entry| entry["kind"] == "plate.looked_up").collect();
    let by: Vec<&str> = looked_up.iter().map(|entry| entry["by"].as_str().unwrap()).collect();
    assert_eq!(by, [supervisor, officer], "each look-up once, by the one who asked");
    assert!(looked_up.iter().all(|entry| entry["payload"]["purpose"] == "处理申诉"), "{looked_up:?}");
}
