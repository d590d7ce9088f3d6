//! Captures and decisions stand in the ledger: what is changed of them behind its back is named.

use yunpark::domain::ledger::{Digest, Head};

use super::*;

async fn run(house: &House, text: &'static str) {
    assert!(query("(tamper)", text).execute(&house.db).await.unwrap() > 0, "{text}");
}

async fn named(house: &House) -> String {
    verify::verify(&house.db, Some(&house.evidence)).await.map(|_| ()).unwrap_err().to_string()
}

#[tokio::test]
async fn a_changed_capture_or_decision_is_named() {
    for house in houses().await {
        let desk = &house.desk;
        desk.receive(capture("a", "浙K12345", 0), vec![picture(1)]).await.unwrap();
        let late = desk.receive(capture("b", "浙K12345", 300), vec![picture(2)]).await.unwrap();
        desk.review(&late.incident.unwrap(), Decision::Warning.into(), &officer()).await.unwrap();
        let rejected = house.ripe("浙K54321").await;
        desk.review(&rejected, rejection(), &officer()).await.unwrap();
        let skewed = desk.receive(capture("s", "浙K12345", -2 * 86_400), vec![picture(7)]).await.unwrap();
        assert_eq!(skewed.state, State::ClockSkew);
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
        for (change, back, told) in [
            (
                "UPDATE captures SET plate_raw = '浙K12346' WHERE idempotency_key = 'b'",
                "UPDATE captures SET plate_raw = '浙K12345' WHERE idempotency_key = 'b'",
                "in plate",
            ),
            (
                "UPDATE captures SET plate_norm = '浙K12346' WHERE idempotency_key = 'a'",
                "UPDATE captures SET plate_norm = '浙K12345' WHERE idempotency_key = 'a'",
                "in plate",
            ),
            (
                "UPDATE captures SET at_us = at_us + 1 WHERE idempotency_key = 'a'",
                "UPDATE captures SET at_us = at_us - 1 WHERE idempotency_key = 'a'",
                "in at",
            ),
            (
                "UPDATE captures SET zone = 'Z2' WHERE idempotency_key = 'a'",
                "UPDATE captures SET zone = 'Z1' WHERE idempotency_key = 'a'",
                "in zone",
            ),
            (
                "UPDATE captures SET content_hash = UPPER(content_hash) WHERE idempotency_key = 'a'",
                "UPDATE captures SET content_hash = LOWER(content_hash) WHERE idempotency_key = 'a'",
                "in content",
            ),
            (
                "UPDATE captures SET state = 'accepted' WHERE idempotency_key = 's'",
                "UPDATE captures SET state = 'clock_skew' WHERE idempotency_key = 's'",
                "in state",
            ),
            (
                "UPDATE capture_images SET ordinal = ordinal + 1, sha256 = (SELECT MAX(sha256) FROM evidence WHERE \
                 sha256 <> capture_images.sha256) WHERE capture IN (SELECT id FROM captures WHERE idempotency_key = 's')",
                "UPDATE capture_images SET ordinal = 0, sha256 = (SELECT evidence FROM (SELECT REPLACE(REPLACE(evidence, \
                 '[\"', ''), '\"]', '') AS evidence, subject_id FROM ledger WHERE kind = 'capture.received') AS told WHERE \
                 told.subject_id = capture_images.capture) WHERE capture IN (SELECT id FROM captures WHERE \
                 idempotency_key = 's')",
                "in pictures",
            ),
            (
                "UPDATE incidents SET state = 'closed' WHERE state = 'rejected'",
                "UPDATE incidents SET state = 'rejected' WHERE state = 'closed'",
                "no longer as it was decided",
            ),
            (
                "UPDATE incidents SET state = 'ripe' WHERE state = 'recorded'",
                "UPDATE incidents SET state = 'recorded' WHERE state = 'ripe'",
                "no longer as it was decided",
            ),
        ] {
            run(&house, change).await;
            let why = named(&house).await;
            assert!(why.ends_with(told), "{change}: {why}");
            run(&house, back).await;
            verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
        }
        run(
            &house,
            "INSERT INTO captures (id, source, source_id, idempotency_key, content_hash, state, vehicle_class, at_us, \
             received_at_us) VALUES ('', 'camera', 'CAM-1', 'forged', 'h', 'accepted', 'motor', 0, 0)",
        )
        .await;
        assert!(named(&house).await.ends_with("capture \"\" stands in no entry"));
    }
}

#[tokio::test]
async fn a_head_noted_earlier_must_still_be_passed_through() {
    for house in houses().await {
        house.desk.receive(capture("a", "浙K12345", 0), vec![picture(1)]).await.unwrap();
        let noted = verify::verify(&house.db, None).await.unwrap().head();
        house.desk.receive(capture("b", "浙K54321", 0), vec![picture(2)]).await.unwrap();
        let through = |noted| verify::verify_through(&house.db, None, Some(noted));
        assert_eq!(through(noted).await.unwrap().entries, 2);
        for (wrong, seq) in [
            (Head { hash: Digest::of(b"another chain"), ..noted }, 1),
            (Head { seq: 2, ..noted }, 2),
            (Head { seq: 9, ..noted }, 3),
        ] {
            let why = through(wrong).await.unwrap_err().to_string();
            assert!(why.starts_with(&format!("entry {seq}: ")), "{why}");
        }
    }
}
