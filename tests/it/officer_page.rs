//! The officers' page on a phone: a shift with no network, and what the ledger has of it afterwards.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use yunpark::domain::ledger::Digest;

use crate::{
    node::{CAMERA_TOKEN, Node, Places, STAFF},
    services::wait_for,
    town::town,
};

/// A town with a management cell and a street, so that a place can be told in words.
pub fn county() -> Value {
    let mut city = town(3, 10, "127.0.0.1:9");
    let around = json!([[[119.56, 28.10], [119.58, 28.10], [119.58, 28.12], [119.56, 28.12], [119.56, 28.10]]]);
    let cell = json!({
        "type": "Feature", "geometry": {"type": "Polygon", "coordinates": around},
        "properties": {
            "kind": "grid_cell", "id": "G1", "name": {"zh": "一号单元", "en": "Cell 1"},
            "unit": {"zh": "凤鸣街道", "en": "Fengming"},
        }
    });
    let street = json!({
        "type": "Feature", "geometry": {"type": "LineString", "coordinates": [[119.568, 28.1082], [119.575, 28.1083]]},
        "properties": {"kind": "street", "id": "ST1", "name": {"zh": "凤鸣街", "en": "Fengming Street"}, "class": 1}
    });
    city["features"].as_array_mut().unwrap().extend([cell, street]);
    city
}

/// Three photographs as a camera would take them; their hashes in order.
fn photographs(folder: &Path) -> Vec<Digest> {
    fs::create_dir(folder).unwrap();
    let taken = ["a.jpg", "b.jpg", "c.jpg"].iter().zip([40_u8, 120, 200]);
    taken
        .map(|(name, shade)| {
            let path = folder.join(name);
            let paint = |x: u32, y: u32| image::Luma([shade.wrapping_add((x / 40 + y / 40) as u8)]);
            image::GrayImage::from_fn(1280, 720, paint).save(&path).unwrap();
            Digest::of(&fs::read(&path).unwrap())
        })
        .collect()
}

/// Every record, in the order of the ledger.
fn records(node: &Node, bearer: &str) -> Vec<Value> {
    let (status, answer) = node.ask("GET", "/api/v1/records?limit=500", &[("Authorization", bearer)], None).unwrap();
    assert_eq!(status, 200, "{answer}");
    let mut records = answer["records"].as_array().unwrap().clone();
    // What the first entry of each says; later steps have later entries.
    records.sort_by_key(|record| record["at"].as_str().unwrap().to_owned());
    records
}

fn hashes(record: &Value) -> Vec<String> {
    record["evidence"].as_array().unwrap().iter().map(|one| one["sha256"].as_str().unwrap().to_owned()).collect()
}

/// Runs a script of the browser's tests; what it tells, line by line.
pub fn run(script: &str, arguments: &[&str]) -> Vec<Value> {
    let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/e2e").join(script);
    let output = Command::new("node").arg(script).args(arguments).output().expect("Node.js must be installed");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_shift_with_no_network_is_in_the_ledger_once_in_order_with_the_photographs_of_the_phone() {
    let node = Node::start(&Places::default(), &county());
    for n in 6..=10 {
        let at = "2026-01-01T00:00:00Z";
        let free = json!({"state": "free", "at": at, "seq": 1}).to_string();
        node.publish(&format!("yunpark/v1/space/L1/S{n:03}/state"), &free);
    }
    wait_for("the bays to be counted", || (node.get("/api/v1/lots/L1")?.1["observed_at"].is_string()).then_some(()));
    let folder = node.dir.path().join("photographs");
    let [correction, warning, seizure] = photographs(&folder).try_into().unwrap();
    let (officer, _, password) = STAFF[0];
    let url = node.url("/officer");
    let told = run(
        "officer.mjs",
        &[
            "--url",
            &url,
            "--user",
            officer,
            "--password",
            password,
            "--second",
            STAFF[1].0,
            "--photos",
            folder.to_str().unwrap(),
            "--out",
            node.dir.path().to_str().unwrap(),
            "--timeout",
            "60",
        ],
    );
    let made: Vec<&Value> = told.iter().filter(|line| line["made"].is_string()).collect();
    let kinds: Vec<&str> = made.iter().map(|line| line["made"].as_str().unwrap()).collect();
    assert_eq!(kinds, [&["correction"; 10][..], &["warning", "seizure", "penalty"]].concat());

    let bearer = node.sign_in("li");
    let all = records(&node, &bearer);
    let (of_the_shift, _) = all.split_at(made.len());
    let seen: Vec<&str> = of_the_shift.iter().map(|record| record["kind"].as_str().unwrap()).collect();
    assert_eq!(seen, kinds, "once each, in the order they were made");
    let count = |kind: &str| all.iter().filter(|record| record["kind"] == kind).count();
    assert_eq!([count("correction"), count("warning"), count("seizure"), count("penalty")], [11, 2, 2, 2]);

    // What was refused of the second seizure was put right on the phone: both were taken, by two officers.
    let seizures: Vec<&Value> = all.iter().filter(|record| record["kind"] == "seizure").collect();
    assert!(
        seizures.iter().all(|one| one["state"] == "unapproved" && one["course"]["second_officer"] == "li"),
        "{seizures:?}"
    );

    // The ledger has them in the same order, each under the number of its slip.
    let entries = ledger(&node);
    let slips: Vec<&str> = entries.iter().filter_map(|entry| entry["payload"]["slip"].as_str()).collect();
    let expected: Vec<&str> = made.iter().map(|line| line["slip"].as_str().unwrap()).collect();
    assert_eq!(slips[..made.len()], expected, "the ledger's order is the phone's");

    assert_eq!(hashes(&of_the_shift[9]), [correction.to_string()]);
    assert_eq!(hashes(&of_the_shift[10]), [warning.to_string()]);
    assert_eq!(hashes(&of_the_shift[11]), [seizure.to_string()]);
    for record in of_the_shift {
        assert_eq!((&record["place"]["zone"], &record["place"]["grid_cell"]), (&json!("Z1"), &json!("G1")), "{record}");
        assert_eq!(record["officer"], officer);
    }
    let taken = &of_the_shift[11];
    assert_eq!((&taken["state"], &taken["course"]["taken_by"]), (&json!("unapproved"), &json!(officer)));
    assert_eq!(taken["course"]["at"]["taken"], taken["at"], "it was taken when the phone said");
    let names: Vec<&Value> = taken["course"]["inventory"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["电动自行车", "钥匙"]);
    let document = format!("/api/v1/records/{}/documents/seizure?paper=80mm", taken["id"].as_str().unwrap());
    let mut curl = Command::new("curl");
    curl.args(["-s", "-H", &format!("Authorization: {bearer}"), &node.url(&document)]);
    let page = String::from_utf8(curl.output().unwrap().stdout).unwrap();
    assert!(page.contains("电动自行车") && page.contains("车架号 8841"), "{page}");

    // Whoever holds the slip finds the record.
    let check = format!("/api/v1/check?number={}&end=2345", expected[10]);
    assert_eq!(node.get(&check).unwrap().1["number"], of_the_shift[10]["number"]);
    let verified = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

/// The ledger's entries as they stand in the node's database.
pub fn ledger(node: &Node) -> Vec<Value> {
    let url = format!("sqlite://{}", node.dir.path().join("yunpark.db").display());
    let store = yunpark::config::Store::of(&url, 1);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = yunpark::store::Db::connect(&store).await.unwrap();
        let entries = yunpark::store::ledger::entries(&db, 1, 10_000).await.unwrap();
        let payload = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let told = |entry: yunpark::domain::ledger::Entry| {
            let by = serde_json::to_value(&entry.actor).unwrap()["name"].clone();
            let subject = entry.subject_id;
            json!({"seq": entry.seq, "kind": entry.kind.as_str(), "subject": subject, "by": by, "payload": payload(&entry.payload)})
        };
        entries.into_iter().map(told).collect()
    })
}

/// Characters no camera takes for one another.
const APART: [char; 6] = ['3', '4', '9', 'H', 'K', 'P'];

/// The plate of the nth vehicle; no two are confused.
pub fn plate(nth: usize) -> String {
    let letter = |place: u32| APART[nth / 6_usize.pow(place) % 6];
    format!("浙K{}{}{}WW", letter(0), letter(1), letter(2))
}

/// A sighting by the camera of the pavement, as its multipart form.
pub fn capture(node: &Node, nth: usize, ago_s: i64) {
    let plate = plate(nth);
    #[expect(clippy::disallowed_methods, reason = "the test plays the camera, whose clock is the wall's")]
    let at = chrono::Utc::now() - chrono::Duration::seconds(ago_s);
    let meta = json!({"at": at.to_rfc3339(), "plate": plate, "vehicle_class": "motor"}).to_string();
    let image = node.dir.path().join("sighting.jpg");
    let shade = |x: u32, y: u32| image::Luma([(x + y + ago_s as u32) as u8 ^ nth as u8]);
    image::GrayImage::from_fn(64, 36, shade).save(&image).unwrap();
    let output = Command::new("curl")
        .args(["-sS", "-w", "%{http_code}", "-o", "/dev/null", "-H", &format!("Authorization: Bearer {CAMERA_TOKEN}")])
        .args(["-H", &format!("Idempotency-Key: {nth}-{ago_s}"), "-F", &format!("meta={meta};type=application/json")])
        .args(["-F", &format!("image=@{};type=image/jpeg", image.display()), &node.url("/api/v1/captures")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "201", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn fifty_incidents_are_decided_by_keyboard_and_two_officers_at_once_never_decide_one_twice() {
    const ALONE: usize = 50;
    const TOGETHER: usize = 30;
    let more = "[enforcement]\nmin_width_px = 64\nmin_height_px = 36\nmax_captures_per_minute = 0\n".to_owned();
    let node = Node::start(&Places { more, ..Places::default() }, &county());
    for nth in 0..ALONE + TOGETHER {
        capture(&node, nth, 640);
        capture(&node, nth, 200);
    }
    let [(one, _, word), (other, _, other_word)] = STAFF;
    let told = run(
        "review.mjs",
        &[
            "--url",
            &node.url("/officer"),
            "--one",
            &format!("{one}:{word}"),
            "--other",
            &format!("{other}:{other_word}"),
            "--alone",
            &ALONE.to_string(),
            "--out",
            node.dir.path().to_str().unwrap(),
            "--timeout",
            "60",
        ],
    );
    let decided: Vec<&Value> = told.iter().filter(|line| line["decided"].is_string()).collect();
    let count = |of: &str| decided.iter().filter(|line| line["as"] == of).count();
    assert_eq!(decided.len(), ALONE + TOGETHER);

    // The ledger has each decision once, by the one who took it.
    let entries = ledger(&node);
    let reviews: Vec<&Value> = entries.iter().filter(|entry| entry["kind"] == "incident.reviewed").collect();
    let mut of_the_pages: Vec<(&Value, &Value)> = decided.iter().map(|line| (&line["decided"], &line["by"])).collect();
    let mut of_the_ledger: Vec<(&Value, &Value)> = reviews.iter().map(|one| (&one["subject"], &one["by"])).collect();
    of_the_pages.sort_by_key(|(id, _)| id.as_str());
    of_the_ledger.sort_by_key(|(id, _)| id.as_str());
    assert_eq!(of_the_pages, of_the_ledger);
    let bearer = node.sign_in("li");
    let records = records(&node, &bearer);
    let kinds = |kind: &str| records.iter().filter(|record| record["kind"] == kind).count();
    assert_eq!((kinds("warning"), kinds("penalty")), (count("warning"), count("penalty")));
    let (_, left) = node.ask("GET", "/api/v1/incidents?state=ripe", &[("Authorization", &bearer)], None).unwrap();
    assert_eq!(left["incidents"], json!([]));
}
