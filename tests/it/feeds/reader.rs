//! An independent reader, the library German cities' parking data is gathered with, reads our feeds with no error and equal counts.

use std::process::Command;

use serde_json::{Value, json};

use super::{sample, schemas};
use crate::{
    node::{Node, Places},
    services::wait_for,
};

#[test]
fn another_reader_understands_every_lot_and_counts_the_same() {
    let Some(python) = schemas::python() else { return };
    let more = "[feeds]\nlanguage = \"de\"\ncountry = \"DE\"\nrequests_per_minute = 100000\nburst = 100000";
    let node = Node::start(&Places { more: more.to_owned(), ..Places::default() }, &sample::city_file());
    #[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
    let at = chrono::Utc::now().to_rfc3339();
    for (lot, free) in [("FULL", 0), ("FEW", 8), ("SHUT", 33)] {
        node.publish(&format!("yunpark/v1/lot/{lot}/count"), &json!({"free": free, "at": at}).to_string());
    }
    for (space, state) in [("S1", "free"), ("S2", "occupied")] {
        node.publish(&format!("yunpark/v1/space/ROW/{space}/state"), &json!({"state": state, "at": at}).to_string());
    }
    let lots = wait_for("the counts to stand in the feeds", || {
        let (_, page) = node.get("/feeds/parkapi/v3/parking-sites?purpose=CAR")?;
        let items = page["items"].as_array()?.clone();
        let free =
            |uid: &str| items.iter().find(|item| item["uid"] == uid).map(|item| item["realtime_free_capacity"].clone());
        let whole = free("SHUT")? == 33 && free("FEW")? == 8 && free("FULL")? == 0 && free("ROW")? == 1;
        whole.then_some(items)
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/feeds/reader.py");
    let output = Command::new(python).args([script, &node.url(""), "city"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read["errors"], json!([]));
    assert_eq!((read["sites"].as_object().unwrap().len(), read["spots"].as_object().unwrap().len()), (8, 4));
    assert_eq!((read["table"].as_object().unwrap().len(), read["status"].as_object().unwrap().len()), (7, 7));
    for lot in lots {
        let uid = lot["uid"].as_str().unwrap();
        for list in ["sites", "table"] {
            let understood = &read[list][uid];
            assert_eq!(
                (&understood["name"], &understood["capacity"]),
                (&lot["name"], &lot["capacity"]),
                "{list} {uid}"
            );
            for axis in ["lat", "lon"] {
                let away = understood[axis].as_f64().unwrap() - lot[axis].as_f64().unwrap();
                assert!(away.abs() < 1e-6, "{list} {uid} {axis}");
            }
        }
        let told = lot.get("realtime_free_capacity").cloned().unwrap_or_default();
        assert_eq!(read["status"][uid]["free"], told, "{uid}");
        if !told.is_null() {
            assert_eq!(read["status"][uid]["opening"], lot["realtime_opening_status"], "{uid}");
        }
    }
}
