//! A penalty case worked at the desk in a browser: its steps, its documents, an appeal that takes it back; each in the ledger.

use serde_json::json;

use crate::{
    node::{Node, Places, STAFF},
    officer_page::{county, ledger, run},
};

#[test]
fn a_case_goes_from_the_spot_to_a_review_that_takes_it_back_by_people_at_their_desks() {
    let node = Node::start(&Places::default(), &county());
    let bearer = node.sign_in("wang");
    let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", "case-1")];
    let new = json!({
        "kind": "penalty", "plate": "浙K12345", "vehicle_class": "motor", "location": [119.57, 28.11], "reason": "占用盲道",
    });
    let (status, record) = node.ask("POST", "/api/v1/records", &headers, Some(&new)).unwrap();
    assert_eq!(status, 201, "{record}");
    let [(officer, _, word), (supervisor, _, other_word)] = STAFF;
    let out = std::env::var("YUNPARK_PICTURES_DIR").unwrap_or_else(|_| node.dir.path().display().to_string());
    run(
        "case.mjs",
        &[
            "--base",
            &node.url(""),
            "--officer",
            &format!("{officer}:{word}"),
            "--supervisor",
            &format!("{supervisor}:{other_word}"),
            "--number",
            record["number"].as_str().unwrap(),
            "--out",
            &out,
            "--timeout",
            "60",
        ],
    );
    let entries = ledger(&node);
    let id = record["id"].as_str().unwrap();
    let about = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).collect::<Vec<_>>();
    let steps: Vec<&str> =
        about("record.stepped").iter().filter_map(|entry| entry["payload"]["step"].as_str()).collect();
    assert_eq!(&steps[..2], ["decide_on_spot", "serve"], "a refused step leaves nothing: {steps:?}");
    assert_eq!(about("appeal.stepped").len(), 3, "handed in, taken up, decided");
    let printed = about("notice.printed");
    assert!(printed.iter().all(|entry| entry["subject"] == id && entry["by"] == "wang") && !printed.is_empty());
    let path = format!("/api/v1/records/{id}");
    let (_, told) = node.ask("GET", &path, &[("Authorization", bearer.as_str())], None).unwrap();
    assert_eq!(told["state"], "revoked", "{told}");
    if !cfg!(feature = "pdf") {
        let pdf = format!("{path}/documents/decision?format=pdf");
        let (status, told) = node.ask("GET", &pdf, &[("Authorization", bearer.as_str())], None).unwrap();
        assert_eq!((status, told["type"].as_str().and_then(|name| name.rsplit('/').next())), (406, Some("no-pdf")));
    }
}
