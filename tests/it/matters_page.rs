//! City management from a browser: a citizen's phone, the centre's desk, an officer with no network; and the doors as programs knock.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    node::{Node, Places, STAFF},
    officer_page::{county, run},
};

const HOTLINE: &str = "a hotline's long token";
const POLICE: &str = "a partner's long token";

fn node() -> Node {
    let more = format!(
        "[feeds]\nbehind_proxy = true\n[matters.gateways]\nhotline = {{ token = \"{HOTLINE}\", source = \"hotline\" }}\n[matters.partners]\n\
         police = {{ secret = \"a secret of enough length\", token = \"{POLICE}\", categories = {{ E0503 = \"JT-17\" }} }}"
    );
    Node::start(&Places { more, ..Places::default() }, &county())
}

fn staff(nth: usize) -> String {
    format!("{}:{}", STAFF[nth].0, STAFF[nth].2)
}

#[test]
fn a_citizens_report_from_a_phone_is_handled_by_an_officer_offline_and_followed_by_receipt() {
    let node = Node::start(&Places::default(), &county());
    let photo = node.dir.path().join("photo.jpg");
    image::GrayImage::from_fn(1280, 720, |x, y| image::Luma([(x / 40 + y / 40) as u8 * 3])).save(&photo).unwrap();
    let out = node.dir.path().to_str().unwrap();
    let told = run(
        "matters.mjs",
        &[
            "--base",
            &node.url(""),
            "--supervisor",
            &staff(1),
            "--officer",
            &staff(0),
            "--photo",
            photo.to_str().unwrap(),
            "--out",
            out,
            "--timeout",
            "60",
        ],
    );
    let held = told.iter().filter(|line| line["event"] == "held").count();
    assert!(held >= 11, "{told:?}");
    let verified = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert!(!node.log().contains("盲道"), "what the public says is not logged");
}

/// A report by curl, as a form; status and answer.
pub(crate) fn say(node: &Node, address: &str, key: &str, meta: &Value) -> (u16, Value) {
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "20", "-w", "\n%{http_code}", "-H", &format!("Idempotency-Key: {key}")])
        .args(["-H", &format!("X-Forwarded-For: {address}"), "-F", &format!("meta={meta};type=application/json")])
        .arg(node.url("/api/v1/citizen/reports"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

#[test]
fn the_doors_of_the_public_the_hotline_and_partners_tell_each_no_more_than_is_theirs() {
    let node = node();
    let meta = json!({"category": "E0503", "location": [119.5705, 28.108], "place": "凤鸣街", "what": "堵住消防通道", "contact": "13800000000"});
    let (status, said) = say(&node, "192.0.2.1", "a", &meta);
    assert_eq!((status, said["merged"].as_bool()), (201, Some(false)), "{said}");
    assert_eq!(say(&node, "192.0.2.1", "a", &meta).0, 200, "the same key is the same report");
    let outside = json!({"category": "E0503", "location": [120.0, 29.0]});
    let (status, refused) = say(&node, "192.0.2.1", "b", &outside);
    assert_eq!((status, refused["fields"][0]["field"].as_str()), (422, Some("location")), "{refused}");
    let receipt = said["receipt"].as_str().unwrap();
    let (status, followed) = node.get(&format!("/api/v1/citizen/reports/{}", receipt.to_lowercase())).unwrap();
    assert_eq!(status, 200, "{followed}");
    let text = followed.to_string();
    assert!(!text.contains("13800000000") && !text.contains("堵住"), "{text}");

    // The hotline says the same: one matter, and a receipt of its own.
    let body = json!({"category": "E0503", "location": [119.5706, 28.108], "what": "来电反映"});
    let headers = [("Authorization", &format!("Bearer {HOTLINE}")[..]), ("Idempotency-Key", "call-1")];
    let (status, relayed) = node.ask("POST", "/api/v1/gateway/reports", &headers, Some(&body)).unwrap();
    assert_eq!((status, relayed["merged"].as_bool()), (201, Some(true)), "{relayed}");
    let wrong = [("Authorization", "Bearer nothing"), ("Idempotency-Key", "call-1")];
    assert_eq!(node.ask("POST", "/api/v1/gateway/reports", &wrong, Some(&body)).unwrap().0, 401);

    // The partner asks for what it may know, from where it was.
    let bearer = format!("Bearer {POLICE}");
    let (status, pulled) = node.ask("GET", "/api/v1/partner/matters", &[("Authorization", &bearer)], None).unwrap();
    assert_eq!((status, pulled["items"][0]["message"]["data"]["category"].as_str()), (200, Some("JT-17")), "{pulled}");
    assert!(!pulled.to_string().contains("堵住"));
    let next = format!("/api/v1/partner/matters?after={}", pulled["next"]);
    assert_eq!(node.ask("GET", &next, &[("Authorization", &bearer)], None).unwrap().1["items"], json!([]));

    // Open figures say nothing of so few.
    let (status, open) = node.get("/api/v1/open/city-management").unwrap();
    assert_eq!(
        (status, open["matters"][0]["count"].is_null(), open["by_cell"][0]["cells"].clone()),
        (200, true, json!([])),
        "{open}"
    );

    // An officer may not open it, the supervisor may; a step that is not its turn is refused by name.
    let (officer, centre) = (node.sign_in("wang"), node.sign_in("li"));
    let list = node.ask("GET", "/api/v1/matters?state=collected", &[("Authorization", &officer)], None).unwrap().1;
    let id = list["matters"][0]["id"].as_str().unwrap().to_owned();
    let steps = format!("/api/v1/matters/{id}/steps");
    let open = json!({"step": "open", "why": "属实"});
    let (status, refused) = node.ask("POST", &steps, &[("Authorization", &officer)], Some(&open)).unwrap();
    assert_eq!((status, refused["type"].as_str().unwrap().ends_with("not-your-part")), (403, true), "{refused}");
    assert_eq!(node.ask("POST", &steps, &[("Authorization", &centre)], Some(&open)).unwrap().0, 200);
    let (status, refused) = node.ask("POST", &steps, &[("Authorization", &centre)], Some(&open)).unwrap();
    assert_eq!((status, refused["type"].as_str().unwrap().ends_with("not-now")), (409, true), "{refused}");
    for (body, expected) in [
        (json!({"step": "fly", "why": "x"}), 400),
        (json!({"step": "dispatch", "unit": "nobody", "why": "x"}), 422),
        (json!({"why": "x"}), 400),
    ] {
        assert_eq!(node.ask("POST", &steps, &[("Authorization", &centre)], Some(&body)).unwrap().0, expected, "{body}");
    }
}

#[test]
fn an_address_that_knocks_without_end_is_slowed_and_another_is_not() {
    let node = node();
    let meta = |n: u32| json!({"category": "E0502", "location": [119.5705, 28.1025 + f64::from(n) * 0.0004]});
    let answers: Vec<u16> = (0..24).map(|n| say(&node, "198.51.100.7", &format!("junk-{n}"), &meta(n)).0).collect();
    let count = |status: u16| answers.iter().filter(|one| **one == status).count();
    assert_eq!((count(201), count(429)), (10, 14), "ten an hour: {answers:?}");
    // Far more than a person sends, and the door does not even read it.
    let flood: Vec<u16> = (0..40).map(|n| say(&node, "198.51.100.7", &format!("flood-{n}"), &meta(n)).0).collect();
    assert!(flood.iter().all(|status| *status == 429), "{flood:?}");
    let true_one = json!({"category": "E0503", "location": [119.575, 28.115], "what": "消防通道被堵"});
    let (status, said) = say(&node, "203.0.113.5", "true", &true_one);
    assert_eq!(status, 201, "{said}");
    let centre = node.sign_in("li");
    let list = node.ask("GET", "/api/v1/matters?open=true", &[("Authorization", &centre)], None).unwrap().1;
    let numbers: Vec<&str> =
        list["matters"].as_array().unwrap().iter().map(|one| one["number"].as_str().unwrap()).collect();
    assert_eq!(numbers.len(), 11);
    assert_eq!(numbers[0], said["number"].as_str().unwrap(), "a fire lane's clock is the shortest: it stands first");
}

#[test]
fn the_holder_of_a_document_sees_its_evidence_states_the_case_and_follows_that() {
    let node = node();
    let officer = node.sign_in("wang");
    let photo = node.dir.path().join("photo.jpg");
    image::GrayImage::from_pixel(1280, 720, image::Luma([90])).save(&photo).unwrap();
    let meta = json!({"at": "2026-01-01T00:00:00Z", "plate": "浙K12345", "location": [119.5705, 28.1082]});
    let captured = Command::new("curl")
        .args(["-sS", "-H", &format!("Authorization: {officer}"), "-H", "Idempotency-Key: c1"])
        .args(["-F", &format!("meta={meta};type=application/json"), "-F", &format!("image=@{}", photo.display())])
        .arg(node.url("/api/v1/captures"))
        .output()
        .unwrap();
    let captured: Value = serde_json::from_slice(&captured.stdout).unwrap();
    let body = json!({"kind": "penalty", "vehicle_class": "motor", "reason": "违停", "plate": "浙K12345",
        "location": [119.5705, 28.1082], "captures": [captured["id"]]});
    let headers = [("Authorization", &officer[..]), ("Idempotency-Key", "r1")];
    let (status, record) = node.ask("POST", "/api/v1/records", &headers, Some(&body)).unwrap();
    assert!(matches!(status, 200 | 201), "{record}");
    let number = record["number"].as_str().unwrap();
    let checked = node.get(&format!("/api/v1/check?number={number}&end=2345")).unwrap().1;
    assert_eq!(checked["pictures"], 1, "{checked}");
    let size = |end: &str| {
        let path = format!("/api/v1/check/pictures/0?number={number}&end={end}");
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code} %{size_download}"]).arg(node.url(&path));
        String::from_utf8(curl.output().unwrap().stdout).unwrap()
    };
    let whole = std::fs::metadata(&photo).unwrap().len();
    assert_eq!(size("2345"), format!("200 {whole}"), "the picture itself");
    assert!(size("9999").starts_with("404"), "nobody else sees it");

    let send = |kind: &str, end: &str| -> (String, String) {
        let output = Command::new("curl")
            .args(["-s", "-w", "\n%{http_code}", "-F", &format!("number={number}"), "-F", &format!("end={end}")])
            .args([
                "-F",
                &format!("kind={kind}"),
                "-F",
                "what=当时在装卸货物",
                "-F",
                &format!("image=@{}", photo.display()),
            ])
            .arg(node.url("/check"))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    };
    assert_eq!(send("statement", "9999").0, "404");
    let (status, page) = send("statement", "2345");
    assert_eq!(status, "200", "{page}");
    let receipt = page.split("class=\"receipt\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let followed = node.get(&format!("/api/v1/check/petitions/{receipt}")).unwrap().1;
    assert_eq!(
        (followed["state"].as_str(), followed["kind"].as_str()),
        (Some("received"), Some("statement")),
        "{followed}"
    );
    assert!(!followed.to_string().contains("装卸"), "the receipt tells where it stands, not what it says");
    // A review against a case that is not decided is refused by the law's own order.
    assert_eq!(send("review", "2345").0, "409");

    let centre = node.sign_in("li");
    let (_, listed) = node.ask("GET", "/api/v1/petitions", &[("Authorization", &centre)], None).unwrap();
    assert_eq!(listed["petitions"][0]["what"], "当时在装卸货物", "{listed}");
    let answer = json!({"answer": "经核查，装卸时间已扣除。"});
    let path = format!("/api/v1/petitions/{receipt}/answer");
    assert_eq!(node.ask("POST", &path, &[("Authorization", &centre)], Some(&answer)).unwrap().0, 200);
    assert!(node.text(&format!("/check?receipt={receipt}")).contains("经核查"));
    let verified = node.command(&["ledger", "verify", "--config", node.path()], "");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}
