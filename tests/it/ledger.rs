//! From two pictures to a record that proves itself, through the HTTP door; and what one changed byte does to the ledger.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    node::{CAMERA_TOKEN, Node, Places},
    services,
    town::town,
};

/// A picture of the size evidence must have; every shade is another picture.
fn picture(node: &Node, shade: u8) -> String {
    let path = node.dir.path().join(format!("{shade}.jpg"));
    image::RgbImage::from_pixel(1280, 720, image::Rgb([shade, 90, 60])).save(&path).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Posts a capture as camera `CAM-1` does; status and answer.
fn capture(node: &Node, key: &str, minutes_ago: i64, image: &str) -> (u16, Value) {
    #[expect(clippy::disallowed_methods, reason = "the test plays the camera, whose clock is the wall's")]
    let at = chrono::Utc::now() - chrono::Duration::minutes(minutes_ago);
    let meta =
        json!({"at": at.to_rfc3339(), "plate": "浙K12345", "camera": "CAM-1", "zone": "Z1", "vehicle_class": "motor"});
    let output = Command::new("curl")
        .args(["-sS", "-w", "\n%{http_code}", "-H", &format!("Authorization: Bearer {CAMERA_TOKEN}")])
        .args(["-H", &format!("Idempotency-Key: {key}"), "-F", &format!("meta={meta};type=application/json")])
        .args(["-F", &format!("image=@{image};type=image/jpeg"), &node.url("/api/v1/captures")])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// The path of the plate's history.
const HISTORY: &str = "/api/v1/plates/%E6%B5%99K12345/history?purpose=street%20check";

/// Two captures, a ripe incident, a warning by an officer, and the plate's history.
fn a_case(places: &Places) -> Node {
    let node = Node::start(places, &town(1, 4, "127.0.0.1:9"));
    let (early, late) = (picture(&node, 10), picture(&node, 20));
    let (status, first) = capture(&node, "k1", 20, &early);
    assert_eq!(status, 201, "{first}");
    let (status, again) = capture(&node, "k1", 20, &early);
    assert!([200, 409].contains(&status), "the same key is not a second capture: {again}");
    let (status, second) = capture(&node, "k2", 10, &late);
    assert_eq!(status, 201, "{second}");
    let not_an_image = node.config.to_str().unwrap().to_owned();
    let (status, refused) = capture(&node, "k3", 9, &not_an_image);
    assert!((400..500).contains(&status), "an image that is none is refused: {refused}");

    let officer = node.sign_in("wang");
    let staff = [("Authorization", officer.as_str())];
    let (_, ripe) = node.ask("GET", "/api/v1/incidents?state=ripe", &staff, None).unwrap();
    let incident = &ripe["incidents"][0];
    assert_eq!(incident["plate"], "浙K12345");
    assert_eq!(incident["captures"].as_array().unwrap().len(), 2);
    let path = format!("/api/v1/incidents/{}/review", incident["id"].as_str().unwrap());
    let decision = json!({"decision": "warning", "reason": "首次，已劝离"});
    let (status, reviewed) = node.ask("POST", &path, &staff, Some(&decision)).unwrap();
    assert_eq!(status, 200, "{reviewed}");
    let (status, twice) = node.ask("POST", &path, &staff, Some(&decision)).unwrap();
    assert_eq!(status, 409, "one incident, one decision: {twice}");

    let (status, history) = node.ask("GET", HISTORY, &staff, None).unwrap();
    assert_eq!(status, 200, "{history}");
    let kinds: Vec<&str> = history["entries"].as_array().unwrap().iter().filter_map(|e| e["kind"].as_str()).collect();
    assert!(kinds.contains(&"warning") && kinds.contains(&"capture"), "{kinds:?}");
    let proof = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stderr));
    node
}

/// Changes one byte of one ledger entry, as somebody with the database's password could.
async fn change_one_byte(node: &Node) -> i64 {
    let config = yunpark::config::Config::load(Some(&node.config)).unwrap();
    let url = config.store.url.reveal();
    let text = "SELECT seq FROM ledger WHERE payload LIKE '%warning%' ORDER BY seq LIMIT 1";
    let change = "UPDATE ledger SET payload = REPLACE(payload, 'warning', 'warninh') WHERE seq = $1";
    if url.starts_with("sqlite") {
        let pool = sqlx::SqlitePool::connect(url).await.unwrap();
        let seq: i64 = sqlx::query_scalar(text).fetch_one(&pool).await.unwrap();
        sqlx::query(change).bind(seq).execute(&pool).await.unwrap();
        pool.close().await;
        seq
    } else {
        let pool = sqlx::PgPool::connect(url).await.unwrap();
        let seq: i64 = sqlx::query_scalar(text).fetch_one(&pool).await.unwrap();
        sqlx::query(change).bind(seq).execute(&pool).await.unwrap();
        pool.close().await;
        seq
    }
}

async fn one_changed_byte_is_named(places: Places) {
    let mut node = tokio::task::spawn_blocking(move || a_case(&places)).await.unwrap();
    node.stop();
    let seq = change_one_byte(&node).await;
    let proof = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert_eq!(proof.status.code(), Some(1));
    let said = String::from_utf8_lossy(&proof.stderr).into_owned();
    assert!(said.contains(&seq.to_string()), "entry {seq} is named: {said}");
}

#[tokio::test]
async fn two_pictures_become_a_warning_whose_ledger_tells_one_changed_byte_in_sqlite() {
    one_changed_byte_is_named(Places::default()).await;
}

#[tokio::test]
async fn two_pictures_become_a_warning_whose_ledger_tells_one_changed_byte_in_postgresql() {
    one_changed_byte_is_named(Places { sql: services::postgres(), ..Places::default() }).await;
}

#[test]
fn a_record_handed_over_proves_itself_without_the_database_and_a_forged_one_does_not() {
    let node = a_case(&Places::default());
    let signed = node.command(&["ledger", "sign", "--config", node.path()], "");
    let said = String::from_utf8_lossy(&signed.stdout).into_owned();
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    let key = said.trim().rsplit(' ').next().unwrap().to_owned();
    let officer = node.sign_in("wang");
    let staff = [("Authorization", officer.as_str())];
    let (_, records) = node.ask("GET", "/api/v1/records", &staff, None).unwrap();
    let id = records["records"][0]["id"].as_str().unwrap();
    let (status, proof) = node.ask("GET", &format!("/api/v1/records/{id}/proof"), &staff, None).unwrap();
    assert_eq!((status, proof["not_yet_covered"].as_u64()), (200, Some(0)), "{proof}");
    let check = |text: &str, key: &str| {
        let file = node.dir.path().join("proof.json");
        std::fs::write(&file, text).unwrap();
        node.command(&["ledger", "check", file.to_str().unwrap(), "--key", key], "")
    };
    let whole = check(&proof.to_string(), &key);
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    assert_eq!(check(&proof.to_string(), &"0".repeat(64)).status.code(), Some(1), "another key");
    for (is, forged) in [("浙K12345", "浙K12346"), ("warning.issued", "penalty.opened"), ("\"seq\":", "\"seq\": 1")] {
        let text = proof.to_string();
        assert!(text.contains(is), "{is}");
        assert_eq!(check(&text.replacen(is, forged, 1), &key).status.code(), Some(1), "{forged}");
    }
    // Whoever kept today's head notices a ledger that does not pass through it any more.
    let heads = std::fs::read_dir(node.dir.path().join("heads")).unwrap().flatten().map(|entry| entry.path());
    let newest = heads.max().unwrap();
    let proof =
        node.command(&["ledger", "verify", "--signed-head", newest.to_str().unwrap(), "--config", node.path()], "");
    assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stderr));
    let out = node.dir.path().join("ledger.jsonl");
    let exported = node.command(&["ledger", "export", "--out", out.to_str().unwrap(), "--config", node.path()], "");
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let lines = std::fs::read_to_string(&out).unwrap();
    assert!(lines.lines().last().unwrap().starts_with("{\"head\":") && lines.lines().count() > 5);
}

#[test]
fn records_are_handed_to_another_authority_as_a_file_that_it_can_check() {
    let more = "[enforcement.shares.roads]\nkinds = [\"warning\"]\nstates = []\nfields = [\"number\", \"plate\", \"zone\"]\ndays = 30\n";
    let node = a_case(&Places { more: more.to_owned(), ..Places::default() });
    let file = node.dir.path().join("roads.json");
    let path = file.to_str().unwrap();
    let make = |recipient: &str, by: &str| {
        let span = ["--from", "2026-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z"];
        let words =
            ["share", "make", recipient, "--config", node.path(), "--purpose", "道路养护", "--by", by, "--out", path];
        node.command(&[&words[..], &span].concat(), "")
    };
    for (recipient, by, named) in
        [("roads", "wang", "supervisor"), ("nobody", "li", "enforcement.shares"), ("roads", "zhang", "zhang")]
    {
        let refused = make(recipient, by);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(named), "{recipient} by {by}: {said}");
        assert!(!file.exists(), "a refusal leaves no file");
    }
    let made = make("roads", "li");
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(
        made.status.success() && said.contains("1 records with roads"),
        "{said}{}",
        String::from_utf8_lossy(&made.stderr)
    );
    assert!(!make("roads", "li").status.success(), "a file that is there is not written over");
    let key = said.trim().rsplit(' ').next().unwrap().to_owned();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("浙K12345") && !text.contains("已劝离"), "the fields that are granted, no others: {text}");

    let check = |key: &str| node.command(&["share", "check", path, "--key", key], "").status.code();
    assert_eq!(check(&key), Some(0));
    assert_eq!(check(&"0".repeat(64)), Some(1), "another's key");
    std::fs::write(&file, text.replacen("浙K12345", "浙K12346", 1)).unwrap();
    assert_eq!(check(&key), Some(1), "another plate");
    let proof = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(proof.status.success(), "what was given is in the ledger: {}", String::from_utf8_lossy(&proof.stderr));
}
