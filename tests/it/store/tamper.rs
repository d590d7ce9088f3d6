//! What somebody with the database's password changes, `ledger verify` names.

use bytes::Bytes;
use yunpark::{
    domain::ledger::{Digest, Kind, NewEntry},
    store::{
        Db,
        evidence::Evidence,
        ledger::RECORD,
        query,
        verify::{Unproven, verify as prove},
    },
};

use super::ledger::{append, entry, record};

super::on_both! {
    a_change_in_any_column_of_any_entry_is_named,
    a_record_that_was_changed_dropped_or_made_up_is_named,
    a_record_without_an_id_is_named,
    a_column_added_later_counts_once_something_stands_in_it,
    dropped_entries_are_named_wherever_they_stood,
    changed_and_lost_evidence_is_named,
}

/// A ledger of five entries, the third and fourth about records.
async fn five(db: &Db) {
    append(db, entry(Kind::CaptureReceived, "c1")).await;
    append(db, entry(Kind::IncidentReviewed, "i1")).await;
    record(db, "r1", "N-1", Vec::new()).await;
    record(db, "r2", "N-2", Vec::new()).await;
    append(db, entry(Kind::PlateLookedUp, "p1")).await;
    assert_eq!(prove(db, None).await.unwrap().entries, 5);
}

async fn run(db: &Db, text: &'static str) {
    assert_eq!(query("(tamper)", text).execute(db).await.unwrap(), 1, "{text}");
}

async fn named(db: &Db, evidence: Option<&Evidence>) -> (u64, String) {
    match prove(db, evidence).await {
        Err(Unproven::Broken(broken)) => (broken.seq, broken.why),
        other => panic!("should be broken: {other:?}"),
    }
}

/// Runs each change, looks at what is named, and takes the change back.
async fn each_is_named(db: &Db, changes: &[(&'static str, &'static str, u64)]) {
    for (change, back, seq) in changes {
        run(db, change).await;
        let (found, why) = named(db, None).await;
        assert_eq!(found, *seq, "{change}: {why}");
        run(db, back).await;
        prove(db, None).await.unwrap_or_else(|error| panic!("{back}: {error}"));
    }
}

async fn a_change_in_any_column_of_any_entry_is_named(db: &Db) {
    five(db).await;
    macro_rules! change {
        ($column:literal, $by:literal, $back:literal, $seq:literal) => {
            (
                concat!("UPDATE ledger SET ", $column, " = ", $by, " WHERE seq = ", $seq),
                concat!("UPDATE ledger SET ", $column, " = ", $back, " WHERE seq = ", $seq),
                $seq,
            )
        };
    }
    each_is_named(
        db,
        &[
            change!("at_us", "at_us + 1", "at_us - 1", 1),
            change!("at_us", "at_us + 1", "at_us - 1", 5),
            change!("algorithm", "'none'", "'yunpark-ledger-1-sha256'", 2),
            change!("actor", "REPLACE(actor, 'CAM-1', 'CAM-2')", "REPLACE(actor, 'CAM-2', 'CAM-1')", 2),
            change!("actor", "actor || ' '", "RTRIM(actor)", 4),
            change!("kind", "'capture.received'", "'incident.reviewed'", 2),
            change!("kind", "'forged'", "'incident.reviewed'", 2),
            change!("subject_type", "'plate'", "'capture'", 1),
            change!("subject_id", "'c9'", "'c1'", 1),
            change!("payload", "REPLACE(payload, '0.5', '0.6')", "REPLACE(payload, '0.6', '0.5')", 3),
            change!("payload", "payload || ' '", "RTRIM(payload)", 5),
            change!("evidence", "REPLACE(evidence, ',', ' ,')", "REPLACE(evidence, ' ,', ',')", 1),
        ],
    )
    .await;
    each_is_named(
        db,
        &[
            (
                "UPDATE ledger SET prev_hash = REPLACE(prev_hash, '0', '1') WHERE seq = 1",
                "UPDATE ledger SET prev_hash = REPLACE(prev_hash, '1', '0') WHERE seq = 1",
                1,
            ),
            (
                "UPDATE ledger SET hash = UPPER(hash) WHERE seq = 4",
                "UPDATE ledger SET hash = LOWER(hash) WHERE seq = 4",
                4,
            ),
            ("UPDATE ledger SET seq = 50 WHERE seq = 5", "UPDATE ledger SET seq = 5 WHERE seq = 50", 5),
            ("UPDATE ledger SET seq = -3 WHERE seq = 3", "UPDATE ledger SET seq = 3 WHERE seq = -3", 3),
            ("UPDATE ledger_head SET seq = 4", "UPDATE ledger_head SET seq = 5", 5),
            ("UPDATE ledger_head SET seq = 6", "UPDATE ledger_head SET seq = 5", 6),
            ("UPDATE ledger_head SET hash = UPPER(hash)", "UPDATE ledger_head SET hash = LOWER(hash)", 5),
        ],
    )
    .await;
}

async fn a_record_that_was_changed_dropped_or_made_up_is_named(db: &Db) {
    five(db).await;
    each_is_named(
        db,
        &[
            (
                "UPDATE records SET plate_norm = '浙K12346' WHERE id = 'r1'",
                "UPDATE records SET plate_norm = '浙K12345' WHERE id = 'r1'",
                3,
            ),
            (
                "UPDATE records SET state = 'Issued' WHERE id = 'r2'",
                "UPDATE records SET state = 'issued' WHERE id = 'r2'",
                4,
            ),
            ("UPDATE records SET note = '' WHERE id = 'r2'", "UPDATE records SET note = NULL WHERE id = 'r2'", 4),
            (
                "UPDATE records SET at_us = at_us + 1 WHERE id = 'r2'",
                "UPDATE records SET at_us = at_us - 1 WHERE id = 'r2'",
                4,
            ),
            ("UPDATE records SET lat = 28.0000001 WHERE id = 'r1'", "UPDATE records SET lat = 28.0 WHERE id = 'r1'", 3),
            (
                "UPDATE records SET ledger_seq = 4 WHERE id = 'r1'",
                "UPDATE records SET ledger_seq = 3 WHERE id = 'r1'",
                3,
            ),
            ("UPDATE records SET id = 'r3' WHERE id = 'r2'", "UPDATE records SET id = 'r2' WHERE id = 'r3'", 4),
        ],
    )
    .await;
    run(db, "UPDATE records SET officer = 'somebody' WHERE id = 'r1'").await;
    assert_eq!(named(db, None).await.1, "record r1 differs from this, its last entry, in officer");
    run(db, "UPDATE records SET officer = 'li.wei' WHERE id = 'r1'").await;
    run(db, "DELETE FROM records WHERE id = 'r1'").await;
    assert_eq!(named(db, None).await, (3, "record r1 is gone".to_owned()));
}

async fn a_record_without_an_id_is_named(db: &Db) {
    five(db).await;
    let forged = "INSERT INTO records (id, number, kind, state, vehicle_class, at_us, reason, officer, evidence, \
                  ledger_seq) VALUES ('', 'N-9', 'warning', 'issued', 'motor', 0, 'made up', 'nobody', '[]', 3)";
    run(db, forged).await;
    assert_eq!(named(db, None).await, (5, "a record without an id, number \"N-9\", stands in no entry".to_owned()));
}

async fn a_column_added_later_counts_once_something_stands_in_it(db: &Db) {
    // As an entry that was written before the column was there.
    let step = record(db, "r1", "N-1", Vec::new()).await;
    let mut payload: serde_json::Value = serde_json::from_str(&step.payload).unwrap();
    payload["record"].as_object_mut().unwrap().remove("approved_by").unwrap();
    append(db, NewEntry { subject_type: RECORD, payload, ..entry(Kind::RecordStepped, "r1") }).await;
    run(db, "UPDATE records SET ledger_seq = 2").await;
    assert_eq!(prove(db, None).await.unwrap().checked_records, 1);
    run(db, "UPDATE records SET approved_by = 'nobody'").await;
    assert_eq!(named(db, None).await.1, "record r1 differs from this, its last entry, in approved_by");
}

async fn dropped_entries_are_named_wherever_they_stood(db: &Db) {
    five(db).await;
    run(db, "DELETE FROM ledger WHERE seq = 5").await;
    assert_eq!(named(db, None).await.0, 5, "the end");
    run(db, "DELETE FROM ledger WHERE seq = 2").await;
    assert_eq!(named(db, None).await.0, 2, "the middle");
    run(db, "DELETE FROM ledger WHERE seq = 1").await;
    assert_eq!(named(db, None).await.0, 1, "the start");
    query("ledger", "DELETE FROM ledger").execute(db).await.unwrap();
    assert_eq!(named(db, None).await.0, 1, "all");
    query("ledger_head", "DELETE FROM ledger_head").execute(db).await.unwrap();
    assert_eq!(named(db, None).await.1, "the ledger's end is no longer noted");
}

async fn changed_and_lost_evidence_is_named(db: &Db) {
    let folder = tempfile::tempdir().unwrap();
    let evidence = Evidence::open(folder.path()).unwrap();
    let first = evidence.put(Bytes::from_static(b"one")).await.unwrap();
    let second = evidence.put(Bytes::from_static(b"two")).await.unwrap();
    let third = evidence.put(Bytes::from_static(b"three")).await.unwrap();
    append(db, entry(Kind::CaptureReceived, "c1")).await;
    record(db, "r1", "N-1", vec![second, third]).await;
    let report = prove(db, Some(&evidence)).await.unwrap();
    assert_eq!((report.entries, report.checked_records, report.checked_evidence), (2, 1, 3));

    let file = |digest: Digest| {
        let name = digest.to_string();
        folder.path().join(&name[..2]).join(&name[2..4]).join(&name)
    };
    std::fs::write(file(third), b"thref").unwrap();
    assert_eq!(named(db, Some(&evidence)).await, (2, format!("evidence {third} was changed")));
    std::fs::write(file(third), b"three").unwrap();
    std::fs::remove_file(file(first)).unwrap();
    assert_eq!(named(db, Some(&evidence)).await, (1, format!("evidence {first} is gone")));
    prove(db, None).await.unwrap();
}
