//! The ledger as it grows: appends from many at once make one unbroken chain.

use serde_json::json;
use yunpark::{
    domain::{
        ledger::{Digest, Entry, Kind, NewEntry, verify},
        staff::Actor,
    },
    store::{Db, ledger, query, verify::verify as prove},
};

use super::at;

super::on_both! {
    an_entry_is_read_back_as_it_was_sealed,
    fifty_appends_at_once_make_one_unbroken_chain,
    an_append_that_is_not_committed_leaves_no_gap,
    a_record_step_holds_the_whole_row_and_the_row_names_its_entry,
    entries_about_a_subject_come_newest_first,
    an_empty_ledger_is_whole,
}

pub(super) fn entry(kind: Kind, subject_id: &str) -> NewEntry {
    NewEntry {
        actor: Actor::Camera { id: "CAM-1".to_owned() },
        kind,
        subject_type: "capture",
        subject_id: subject_id.to_owned(),
        payload: json!({"note": "云和", "n": 0.5}),
        evidence: vec![Digest::of(b"one"), Digest::of(b"two")],
    }
}

pub(super) async fn append(db: &Db, new: NewEntry) -> Entry {
    let mut tx = db.begin_write().await.unwrap();
    let entry = ledger::append(&mut tx, new, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    entry
}

/// Writes a record with one step in the ledger.
pub(super) async fn record(db: &Db, id: &str, number: &str, evidence: Vec<Digest>) -> Entry {
    let mut tx = db.begin_write().await.unwrap();
    let text = "INSERT INTO records (id, number, kind, state, plate_norm, vehicle_class, at_us, lon, lat, reason, \
                officer, evidence, ledger_seq) VALUES ($1, $2, 'warning', 'issued', '浙K12345', 'motor', $3, $4, $5, \
                'on the pavement', 'li.wei', '[]', 0)";
    let insert = query("records", text).bind(id).bind(number).bind(at(5)).bind(119.5).bind(28.0);
    insert.execute(&mut tx).await.unwrap();
    let new = NewEntry { evidence, subject_type: ledger::RECORD, ..entry(Kind::WarningIssued, id) };
    let entry = ledger::append_record_step(&mut tx, new, at(6)).await.unwrap();
    tx.commit().await.unwrap();
    entry
}

async fn an_entry_is_read_back_as_it_was_sealed(db: &Db) {
    let sealed = append(db, entry(Kind::CaptureReceived, "c1")).await;
    assert_eq!(sealed.payload, r#"{"n":0.5,"note":"云和"}"#);
    assert_eq!(ledger::entries(db, 1, 10).await.unwrap(), vec![sealed.clone()]);
    assert_eq!(ledger::head(db).await.unwrap(), sealed.head());
}

async fn fifty_appends_at_once_make_one_unbroken_chain(db: &Db) {
    let appends = (0..50).map(|n| {
        let db = db.clone();
        async move { append(&db, entry(Kind::CaptureReceived, &format!("c{n}"))).await }
    });
    let mut appended = appends.collect::<tokio::task::JoinSet<_>>().join_all().await;
    appended.sort_by_key(|entry| entry.seq);
    let chain = ledger::entries(db, 1, 1000).await.unwrap();
    assert_eq!(chain.len(), 50);
    assert_eq!(chain, appended);
    verify(&chain, ledger::head(db).await.unwrap()).unwrap();
    assert_eq!(prove(db, None).await.unwrap().entries, 50);
}

async fn an_append_that_is_not_committed_leaves_no_gap(db: &Db) {
    let first = append(db, entry(Kind::CaptureReceived, "c1")).await;
    let mut tx = db.begin_write().await.unwrap();
    ledger::append(&mut tx, entry(Kind::CaptureReceived, "lost"), at(1)).await.unwrap();
    drop(tx);
    let second = append(db, entry(Kind::CaptureReceived, "c2")).await;
    assert_eq!((second.seq, second.prev_hash), (2, first.hash));
}

async fn a_record_step_holds_the_whole_row_and_the_row_names_its_entry(db: &Db) {
    append(db, entry(Kind::CaptureReceived, "c1")).await;
    let step = record(db, "r1", "N-1", Vec::new()).await;
    let payload: serde_json::Value = serde_json::from_str(&step.payload).unwrap();
    assert_eq!(payload["record"]["plate_norm"], "浙K12345");
    assert_eq!(payload["record"]["lat"], 28);
    assert_eq!(payload["record"]["incident"], serde_json::Value::Null);
    assert_eq!(payload["note"], "云和");
    let row = query("records", "SELECT id, ledger_seq FROM records").fetch_one(db).await.unwrap();
    assert_eq!(row.count::<u64>("ledger_seq").unwrap(), step.seq);
    assert_eq!(prove(db, None).await.unwrap().checked_records, 1);
}

async fn entries_about_a_subject_come_newest_first(db: &Db) {
    for id in ["c1", "c2", "c1", "c1"] {
        append(db, entry(Kind::CaptureReceived, id)).await;
    }
    let about: Vec<u64> = ledger::about(db, "capture", "c1", 2).await.unwrap().iter().map(|entry| entry.seq).collect();
    assert_eq!(about, [4, 3]);
}

async fn an_empty_ledger_is_whole(db: &Db) {
    let report = prove(db, None).await.unwrap();
    assert_eq!((report.entries, report.head_hash, report.checked_records), (0, Digest::default(), 0));
}
