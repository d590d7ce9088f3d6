//! A disk that fills up under a running node: captures are refused with what to do, signs and map stay, and when there is room
//! again everything goes on by itself, with nothing lost that was not refused.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    node::{CAMERA_TOKEN, Node, Places},
    services,
    small_disk::SmallDisk,
    town::town,
};

fn now() -> chrono::DateTime<chrono::Utc> {
    #[expect(clippy::disallowed_methods, reason = "the test plays the devices, whose clock is the wall's")]
    chrono::Utc::now()
}

/// Posts a capture; status, content type, `Retry-After` and answer.
fn capture(node: &Node, key: &str) -> (u16, String, String, Value) {
    let file = node.dir.path().join("picture.jpg");
    image::RgbImage::from_pixel(1280, 720, image::Rgb([60 * key.len() as u8, 90, 60])).save(&file).unwrap();
    let meta = json!({"at": now().to_rfc3339(), "plate": "浙K12345", "camera": "CAM-1", "zone": "Z1", "vehicle_class": "motor"});
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "40", "-w", "\n%{content_type}\n%header{retry-after}\n%{http_code}"])
        .args(["-H", &format!("Authorization: Bearer {CAMERA_TOKEN}"), "-H", &format!("Idempotency-Key: {key}")])
        .args(["-F", &format!("meta={meta};type=application/json")])
        .args(["-F", &format!("image=@{};type=image/jpeg", file.display()), &node.url("/api/v1/captures")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.rsplitn(4, '\n').map(str::to_owned);
    let (status, retry, kind, body) =
        (lines.next().unwrap(), lines.next().unwrap(), lines.next().unwrap(), lines.next().unwrap());
    (status.parse().unwrap_or_default(), kind, retry, serde_json::from_str(&body).unwrap_or_default())
}

fn say(node: &Node, bay: u32, state: &str) {
    let state = json!({"state": state, "at": now().to_rfc3339()}).to_string();
    node.publish(&format!("yunpark/v1/space/L1/S{bay:03}/state"), &state);
}

fn occupied(node: &Node) -> Option<i64> {
    node.get("/api/v1/lots/L1").and_then(|(_, lot)| lot["occupied"].as_i64())
}

/// What the panel for the lot is to show.
fn face(node: &Node) -> Value {
    let (status, sign) = node.get("/api/v1/signs/SIGN-MQTT").unwrap();
    assert_eq!(status, 200, "{sign}");
    assert!(!sign["panels"][0].is_null(), "{sign}");
    sign["panels"][0]["desired"]["lines"].clone()
}

#[test]
fn a_full_disk_refuses_captures_keeps_signs_and_map_and_is_over_when_there_is_room() {
    let Some(disk) = SmallDisk::of_kb(24 << 10) else { return };
    let mut node = Node::prepare(&Places::default(), &town(1, 4, "127.0.0.1:9"));
    disk.take_over(&node);
    node.run();
    (2..=4).for_each(|bay| say(&node, bay, "free"));
    say(&node, 1, "occupied");
    services::wait_for("the first car", || (occupied(&node)? == 1).then_some(()));
    assert_eq!(capture(&node, "a").0, 201);
    let shown = services::wait_for("the sign", || Some(face(&node)).filter(|face| face[0]["free"] == 3));

    disk.fill();
    let (status, kind, retry, told) = capture(&node, "bb");
    assert_eq!((status, kind.as_str(), retry.as_str()), (507, "application/problem+json", "60"), "{told}");
    assert!(told["type"].as_str().unwrap().ends_with("/storage-full"), "{told}");
    assert!(told["detail"].as_str().unwrap().contains("Idempotency-Key"), "{told}");
    assert!(node.metric("yunpark_storage_full_total") > 0.0);
    // What was begun of a page can still be written, then nothing more.
    services::wait_for("the journal to have no room", || {
        say(&node, 3, "free");
        (node.metric("yunpark_ingest_apply_failures_total") > 2.0).then_some(())
    });
    // A car that comes now is not counted before it is kept; the broker holds its word.
    say(&node, 2, "occupied");
    let (status, ready) = node.get("/readyz").unwrap();
    assert_eq!(status, 503, "{ready}");
    assert!(ready.to_string().contains("No space left"), "{ready}");
    assert_eq!(occupied(&node), Some(1));
    assert_eq!(face(&node), shown, "the sign goes on showing what is known");
    assert!(node.text("/").contains("<html"));
    assert_eq!(capture(&node, "bb").0, 507);

    disk.empty();
    services::wait_for("the second car", || (occupied(&node)? == 2).then_some(()));
    services::wait_for("the sign to follow", || (face(&node)[0]["free"] == 2).then_some(()));
    services::wait_for("captures again", || (capture(&node, "bb").0 == 201).then_some(()));
    let ready = services::wait_for("readiness", || node.get("/readyz").filter(|(status, _)| *status == 200));
    assert_eq!(ready.1["ready"], true);
    assert_eq!(node.stop(), Some(0), "it is the same process all along");
    let proof = node.command(&["ledger", "verify", "--config", node.path()], "");
    let said = String::from_utf8_lossy(&proof.stdout).into_owned();
    assert!(said.starts_with("whole: ") && said.contains(" 2 pieces of evidence"), "{said}");
}
