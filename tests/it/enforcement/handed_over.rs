//! What is handed to others: manifests of incidents, shares; and vehicles without a plate, known by where they stand.

use ed25519_dalek::SigningKey;
use yunpark::{
    domain::{
        course::{Party, Step as Move},
        ledger::{Digest, NewEntry},
        manifest::Manifest,
        share::{SignedShare, Unfit},
        staff::Actor,
    },
    enforcement::{
        Advance,
        sharing::{Wanted, file_of, share},
    },
    store::evidence::{self, Piece},
};

use super::*;

#[tokio::test]
async fn the_manifest_of_an_incident_names_each_picture_and_the_entry_that_covers_it() {
    for house in houses().await {
        let id = house.ripe("浙K12345").await;
        assert_eq!(house.desk.manifest(&id).await.unwrap(), None, "nobody decided yet");
        house.desk.review(&id, Decision::Warning.into(), &officer()).await.unwrap();
        let bytes = house.desk.manifest(&id).await.unwrap().unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(!text.contains("12345") && !text.contains("lan"), "no plate and no name: {text}");
        let manifest: Manifest = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((manifest.incident.as_str(), manifest.captures.len()), (id.as_str(), 2));
        for (covered, shade) in manifest.captures.iter().zip(0..) {
            assert_eq!(covered.pictures[0].sha256, Digest::of(&picture(shade)));
            let entry = ledger::entries(&house.db, covered.entry, 1).await.unwrap().remove(0);
            assert_eq!((entry.hash, entry.subject_id.as_str()), (covered.entry_hash, covered.capture.as_str()));
        }
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();

        // One that was forged, entered and all, differs from the entries it names.
        let mut forged = manifest;
        forged.captures[0].pictures[0].sha256 = Digest::of(b"another picture");
        let forged = serde_json::to_vec(&forged).unwrap();
        let piece = Piece {
            bytes: forged.len() as u32,
            sha256: house.evidence.put(forged.into()).await.unwrap(),
            width_px: 0,
            height_px: 0,
            media_type: "application/json".into(),
            taken_at: None,
        };
        let mut tx = house.db.begin_write().await.unwrap();
        evidence::note(&mut tx, &piece, start()).await.unwrap();
        let entry = NewEntry {
            actor: Actor::System { rule: "forger".into() },
            kind: Step::ManifestMade,
            subject_type: "incident",
            subject_id: id.clone(),
            payload: serde_json::json!({}),
            evidence: vec![piece.sha256],
        };
        let seq = ledger::append(&mut tx, entry, start()).await.unwrap().seq;
        tx.commit().await.unwrap();
        let named = verify::verify(&house.db, Some(&house.evidence)).await.unwrap_err().to_string();
        assert!(named.contains(&format!("entry {seq}")) && named.contains("manifest of incident"), "{named}");
    }
}

#[tokio::test]
async fn the_police_are_given_what_they_need_signed_and_the_ledger_says_so() {
    for house in houses().await {
        let desk = &house.desk;
        for (key, kind) in [("p", Kind::Penalty), ("w", Kind::Warning)] {
            desk.record(NewRecord { kind, what: what("浙K12345") }, key, &officer()).await.unwrap();
        }
        let case = desk.records(Some(Kind::Penalty), None, None, None, 10).await.unwrap().0.remove(0);
        let party = Some(Party { name: "赵某某".into(), address: "解放街 21 号".into() });
        let decide = Move::DecideOnSpot { amount_yuan: 150, articles: "道路交通安全法 第九十三条".into() };
        desk.advance(&case.id, Advance { party, ..Advance::of(decide, "现场") }, None, &officer()).await.unwrap();
        let key = SigningKey::from_bytes(&[3; 32]);
        let give = async |recipient: &str, purpose: &str, person: &Person| {
            let (recipient, purpose) = (recipient.to_owned(), purpose.to_owned());
            let wanted = Wanted { recipient, purpose, from: start(), to: start() + Duration::days(1) };
            let config = desk.config();
            share(&house.db, &house.evidence, &house.clock, config, &key, wanted, person).await
        };
        let rows = house.rows().await;
        for (recipient, purpose, person) in
            [("police", "x", officer()), ("police", " ", supervisor("wu")), ("neighbour", "x", supervisor("wu"))]
        {
            assert!(matches!(give(recipient, purpose, &person).await, Err(Error::Invalid { .. })));
        }
        assert_eq!(house.rows().await, rows, "a refusal leaves nothing");
        let signed = give("police", "机动车所有人查询", &supervisor("wu")).await.unwrap();
        assert_eq!(signed.share.records.len(), 1, "a warning is none of theirs");
        let text = String::from_utf8(file_of(&signed)).unwrap();
        assert!(text.contains("浙K12345") && !text.contains("赵某某") && !text.contains("lan"), "{text}");
        let read: SignedShare = serde_json::from_str(&text).unwrap();
        let public = hex::encode(key.verifying_key().as_bytes());
        assert_eq!(read.check(Some(&public), house.clock.now()), Ok(()));
        assert_eq!(read.check(Some(&public), house.clock.now() + Duration::days(30)), Err(Unfit::Expired));
        assert_eq!(house.last_step().await, Step::RecordsShared);
        let credit = give("credit", "欠缴罚款", &supervisor("wu")).await.unwrap();
        assert_eq!(credit.share.records.len(), 0, "nothing is owed that was not demanded");

        // The file stays as evidence of what was given: one bit of it is named.
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
        let name = Digest::of(text.as_bytes()).to_string();
        let file = house.dir.path().join("evidence").join(&name[0..2]).join(&name[2..4]).join(&name);
        std::fs::write(&file, text.replacen("浙K12345", "浙K12344", 1)).unwrap();
        let named = verify::verify(&house.db, Some(&house.evidence)).await.unwrap_err().to_string();
        assert!(named.contains(&name), "{named}");
    }
}

#[tokio::test]
async fn a_motor_vehicle_without_a_plate_is_known_by_where_it_stands() {
    for house in houses().await {
        let desk = &house.desk;
        let bare = |key: &str, seconds: i64, north_m: f64, class: VehicleClass| NewCapture {
            plate: None,
            vehicle_class: class,
            location: Some((119.57, 28.11 + north_m / 111_320.0)),
            ..capture(key, "", seconds)
        };
        let motor = VehicleClass::Motor;
        let seen =
            async |new: NewCapture, shade| desk.receive(new, vec![picture(shade)]).await.unwrap().incident.unwrap();
        let first = seen(bare("a", 0, 0.0, motor), 0).await;
        assert_eq!(seen(bare("b", 300, 3.0, motor), 1).await, first, "three metres on, by another look");
        assert_ne!(seen(bare("c", 310, 20.0, motor), 2).await, first, "another one twenty metres on");
        assert_ne!(seen(bare("d", 320, 0.0, VehicleClass::NonMotor), 3).await, first, "a bicycle beside it");
        assert_ne!(seen(capture("e", "浙K-2345", 330), 4).await, first, "a plate that was half read is one");
        let tracked = NewCapture { track: Some("7".into()), ..bare("f", 340, 0.0, motor) };
        assert_ne!(seen(tracked, 5).await, first, "what a camera tells apart stays apart");
        assert_ne!(seen(bare("g", 1700, 0.0, motor), 6).await, first, "long after, another stay");
        let ripe = desk.incident(&first).await.unwrap().unwrap();
        assert_eq!((ripe.state, ripe.captures.len(), ripe.plate.as_deref()), ("ripe", 2, None));
    }
    // In whatever order they come, and where the place is not asked, each is a vehicle of its own.
    for house in houses_with(|config| config.unplated_m = 0).await {
        let bare = |key: &str, seconds| NewCapture { plate: None, ..capture(key, "", seconds) };
        for (key, seconds) in [("a", 0), ("b", 300)] {
            house.desk.receive(bare(key, seconds), vec![picture(seconds as u8)]).await.unwrap();
        }
        assert_eq!(house.desk.incidents(None, None, 10).await.unwrap().0.len(), 2);
    }
}
