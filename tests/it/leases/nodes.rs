//! Three nodes share the signs: one is killed under load, one is stopped for longer than its leases last, one ends in order.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use yunpark_simulator::load::{self, Options};

use super::scene::{NTCIP, Scene, free_of, next_version, versions};
use crate::{
    node::{Node, Places},
    services::{self, wait_for},
};

fn nothing_else() -> Value {
    json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": "测试县", "time_zone": "Asia/Shanghai", "fictional": true},
        "groups": [], "sensors": [], "features": [],
    })
}

/// The node that drives most.
fn busiest(shares: &std::collections::BTreeMap<usize, BTreeSet<String>>) -> usize {
    *shares.iter().max_by_key(|(_, share)| share.len()).unwrap().0
}

#[test]
fn a_node_that_is_killed_under_load_loses_nothing_and_the_others_drive_its_signs() {
    let broker = services::mosquitto();
    let options = Options {
        mqtt_url: format!("mqtt://127.0.0.1:{}", broker.port),
        lots: 4,
        spaces: 25,
        rate: 400,
        seconds: 20,
        duplicates: 0.2,
        shuffle: true,
        seed: 17,
        truth: None,
    };
    let script = options.script();
    let mut scene = Scene::start(3, serde_json::from_str(&script.city()).unwrap(), broker);
    let shares = scene.wait_until_shared(&[0, 1, 2]);
    let before = scene.wait_until_all_show(&[0, 1, 2]);
    let victim = busiest(&shares);
    let alive: Vec<usize> = (0..3).filter(|node| *node != victim).collect();

    let socket = versions(&scene.nodes[alive[0]]);
    let mut version = next_version(&socket, 0);
    let loading = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(load::run(&options, CancellationToken::new())).unwrap()
    });
    // One version after the other, each seen before the next comes: before the kill, and while nobody drives the dead one's signs.
    for passage in 0..24 {
        if passage == 8 {
            scene.nodes[victim].kill();
        }
        scene.drive_in();
        let next = next_version(&socket, version);
        assert_eq!(next, version + 1, "the socket tells each version");
        version = next;
    }
    let now = scene.wait_until_shared(&alive);
    let after = scene.wait_until_all_show(&alive);
    let orphans = &shares[&victim];
    let adopted = orphans.iter().filter(|sign| now.values().any(|share| share.contains(*sign)));
    let adopted = adopted.filter(|sign| after[*sign] > before[*sign]).count();
    assert_eq!(adopted, orphans.len(), "of the signs of the dead node so many are confirmed by the others");

    // What the broker kept for the dead one comes when it is back; then it has its share of the signs again.
    let sent = loading.join().unwrap();
    scene.nodes[victim].run();
    scene.wait_until_shared(&[0, 1, 2]);
    for node in &scene.nodes {
        for (id, truth) in &script.truth().lots {
            wait_for("the truth of every lot", || {
                let (_, lot) = node.get(&format!("/api/v1/lots/{id}"))?;
                let told = ["free", "occupied", "unknown"].map(|key| lot[key].as_u64().unwrap_or(u64::MAX));
                (told == [truth.free, truth.occupied, truth.unknown].map(u64::from)).then_some(())
            });
        }
    }
    assert!(sent.acked >= sent.sent);
    scene.drive_in();
    wait_for("the last vehicle", || (free_of(&scene.nodes[victim])? == 90 - 25).then_some(()));
    scene.wait_until_all_show(&[0, 1, 2]);
}

#[test]
fn a_driver_that_was_stopped_for_longer_than_its_lease_writes_nothing_when_it_wakes() {
    let mut scene = Scene::start(3, nothing_else(), services::mosquitto());
    let shares = scene.wait_until_shared(&[0, 1, 2]);
    scene.drive_in();
    scene.wait_until_all_show(&[0, 1, 2]);
    let of_ntcip = shares.iter().find(|(_, share)| share.contains(NTCIP)).map(|(node, _)| *node);
    let victim = of_ntcip.unwrap_or_else(|| busiest(&shares));
    let alive: Vec<usize> = (0..3).filter(|node| *node != victim).collect();
    let lost = scene.nodes[victim].metric("yunpark_sign_leases_lost_total");

    scene.nodes[victim].signal("STOP");
    let before = scene.writes().len();
    // Others take its signs, and tell them something new.
    let now = scene.wait_until_shared(&alive);
    scene.drive_in();
    let taken = scene.wait_until_all_show(&alive);
    for _ in 0..3 {
        scene.drive_in();
    }
    // When it wakes, the sleeper's looks at its signs are overdue: they show something else than it told them, which it would
    // write again. Neither Redis nor the database tells it at once that its leases are over.
    let mut hushed = services::hush_table(&scene.places.sql, "sign_states", 1.5);
    scene.hush_redis(1_500);
    scene.nodes[victim].signal("CONT");
    for _ in 0..3 {
        scene.drive_in();
    }
    assert!(hushed.wait().unwrap().success());
    wait_for("the sleeper to find its leases lost", || {
        let found = scene.nodes[victim].metric("yunpark_sign_leases_lost_total") - lost;
        (found > 0.5).then_some(())
    });
    scene.wait_until_all_show(&alive);
    // It is one of the living again, and has its share under leases of its own.
    scene.wait_until_shared(&[0, 1, 2]);
    scene.drive_in();
    let after = scene.wait_until_all_show(&[0, 1, 2]);

    let orphans = &shares[&victim];
    assert!(orphans.iter().all(|sign| now.values().any(|share| share.contains(sign)) && after[sign] > taken[sign]));
    for sign in scene.signs.iter().filter(|sign| *sign != NTCIP) {
        let (told, took) = scene.told(sign);
        assert!(told.iter().all(|(version, token)| version >= token), "{sign}: a version begins with its token");
        assert!(took.is_sorted(), "{sign} took a face of an older lease: {took:?}");
        let tokens: BTreeSet<u64> = told.iter().map(|(_, token)| *token).collect();
        assert!(!orphans.contains(sign) || tokens.len() >= 2, "{sign} was told under {tokens:?}");
    }
    if scene.python.is_some() {
        let (all, sleeper) = (scene.writes(), scene.nodes[victim].id());
        let tokens: Vec<u64> = all.iter().filter_map(|(_, token)| *token).collect();
        assert!(tokens.is_sorted(), "a write under an older lease came after one under a newer: {tokens:?}");
        let since = &all[before..];
        let taken = since.iter().position(|(process, _)| *process != sleeper).expect("another node wrote to the sign");
        let of_sleeper: Vec<_> = since[taken..].iter().filter(|(process, _)| *process == sleeper).collect();
        assert!(of_sleeper.iter().all(|(_, token)| token.is_some()), "the sleeper wrote to another's sign: {since:?}");
    }
}

#[test]
fn a_node_that_ends_in_order_hands_its_signs_over_at_once() {
    let mut scene = Scene::start(3, nothing_else(), services::mosquitto());
    let shares = scene.wait_until_shared(&[0, 1, 2]);
    let before = scene.wait_until_all_show(&[0, 1, 2]);
    let victim = busiest(&shares);
    let alive: Vec<usize> = (0..3).filter(|node| *node != victim).collect();
    let name = format!("yunpark-{}", scene.nodes[victim].http);
    // The last node to come may still be getting its share.
    wait_for("the book to keep what the node drives", || {
        let (kept, lives) = scene.kept_for(&name);
        (lives && kept > 0 && kept == scene.driven_by(victim).len()).then_some(())
    });
    assert_eq!(scene.nodes[victim].stop(), Some(0));
    // Not after the leases have ended: when the process has.
    assert_eq!(scene.kept_for(&name), (0, false), "nothing is kept for a node that has gone");
    let now = scene.wait_until_shared(&alive);
    scene.drive_in();
    let after = scene.wait_until_all_show(&alive);
    assert!(now.values().flatten().all(|sign| after[sign] > before[sign]));
    let lost: f64 = alive.iter().map(|node| scene.nodes[*node].metric("yunpark_sign_leases_lost_total")).sum();
    assert!(lost.abs() < 0.5, "what is handed over is lost by nobody");
}

#[test]
fn a_screen_may_ask_any_node() {
    const SECRET: &str = "c7f2a90e5b1d4836";
    let (broker, redis) = (services::mosquitto(), services::redis());
    let places = Places {
        mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
        redis: format!("redis://127.0.0.1:{}/0", redis.port),
        sql: services::postgres(),
        mqtt_more: "shared_group = \"town\"".to_owned(),
        ..Places::default()
    };
    let mut city = nothing_else();
    let place = json!({"type": "Point", "coordinates": [119.57, 28.11]});
    city["features"] = json!([
        {"type": "Feature", "geometry": place, "properties": {
            "kind": "lot", "id": "L1", "name": "城西停车场", "capacity": 100, "counted_by": "counters"}},
        {"type": "Feature", "geometry": place, "properties": {
            "kind": "sign", "id": "SCREEN", "name": "屏", "heading_deg": 90,
            "link": {"protocol": "http_pull", "token": SECRET},
            "panels": [{"id": "P1", "width_px": 160, "height_px": 32, "lines": [{"lot": "L1", "label": "West"}]}]}},
    ]);
    let nodes = [Node::start(&places, &city), Node::beside(&places)];
    let holder = wait_for("a node to drive the screen", || {
        let drives = |node: &Node| Some(node.metric("yunpark_sign_leases_held") > 0.5);
        nodes.iter().position(|node| drives(node) == Some(true))
    });
    let other = &nodes[1 - holder];
    let bearer = format!("Bearer {SECRET}");
    let confirmed = |node: &Node| {
        let (_, view) = node.get("/api/v1/signs/SCREEN")?;
        view["panels"][0]["confirmed"]["version"].as_u64()
    };
    let said = wait_for("the screen's word to reach its driver", || {
        let (_, view) = other.get("/api/v1/signs/SCREEN")?;
        let version = view["panels"][0]["desired"]["version"].as_u64()?;
        let body = json!({"panel": "P1", "version": version});
        let (status, _) =
            other.ask("POST", "/api/v1/signs/SCREEN/shown", &[("Authorization", &bearer)], Some(&body))?;
        assert!([204, 409].contains(&status), "{status}");
        (confirmed(&nodes[holder]) == Some(version)).then_some(version)
    });
    wait_for("the other node to hear of it", || (confirmed(other)? >= said).then_some(()));
}
