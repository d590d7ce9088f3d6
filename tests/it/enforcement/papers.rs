//! Signed heads, proofs that stand by themselves, documents, and the public check, on both databases.

use ed25519_dalek::SigningKey;
use yunpark::{
    domain::{
        course::{Item, Party, Step as Move},
        ledger::signed::Proof,
    },
    enforcement::{
        Advance,
        documents::{Document, Paper},
        heads::{Signer, key_of},
    },
};

use super::*;

const BASE: &str = "http://parking.example";

fn advance(step: Move) -> Advance {
    Advance::of(step, "as the file says")
}

fn signer(house: &House, key: &SigningKey) -> Signer {
    let folder = house.dir.path().join("heads");
    Signer::new(house.db.clone(), house.clock.clone(), house.city.subscribe(), key.clone(), folder)
}

#[tokio::test]
async fn a_record_proves_itself_against_the_head_of_its_day() {
    for house in houses().await {
        let key = key_of(&house.dir.path().join("ledger.key")).unwrap();
        assert_eq!(key_of(&house.dir.path().join("ledger.key")).unwrap().to_bytes(), key.to_bytes(), "made once");
        let signer = signer(&house, &key);
        assert_eq!(signer.sign_today().await.unwrap(), None, "an empty ledger has no head");
        let incident = house.ripe("浙K12345").await;
        let record = house.desk.review(&incident, Decision::Warning.into(), &officer()).await.unwrap().1.unwrap();
        let early = house.desk.record_proof(&record.id).await.unwrap().unwrap();
        assert_eq!((early.proofs.len(), early.not_yet_covered), (0, 1));
        let head = signer.sign_today().await.unwrap().unwrap();
        assert_eq!(signer.sign_today().await.unwrap(), None, "one a day");
        let written = std::fs::read_to_string(house.dir.path().join("heads/2026-03-10.json")).unwrap();
        assert_eq!(serde_json::from_str::<yunpark::domain::ledger::signed::SignedHead>(&written).unwrap(), head);

        // A second day, whose tree grows from the first one's.
        house.clock.advance(Duration::days(1));
        house.desk.advance(&record.id, advance(Move::Comply), None, &officer()).await.unwrap();
        for nth in 0..20 {
            let new = NewRecord { kind: Kind::Correction, what: what("浙K12345") };
            house.desk.record(new, &nth.to_string(), &officer()).await.unwrap();
        }
        let second = signer.sign_today().await.unwrap().unwrap();
        assert!(second.seq > head.seq && second.root != head.root);
        assert_eq!(house.desk.signed_heads(10).await.unwrap(), [second.clone(), head.clone()]);
        let proof = house.desk.record_proof(&record.id).await.unwrap().unwrap();
        let heads: Vec<u64> = proof.proofs.iter().map(|proof| proof.head.seq).collect();
        assert_eq!((heads, proof.not_yet_covered), (vec![head.seq, second.seq], 0));
        let public = hex::encode(key.verifying_key().as_bytes());
        for proof in &proof.proofs {
            let handed_over: Proof = serde_json::from_str(&serde_json::to_string(proof).unwrap()).unwrap();
            handed_over.check(Some(&public)).unwrap();
            let forged = Proof {
                entry: yunpark::domain::ledger::signed::TellingEntry {
                    payload: handed_over.entry.payload.replace("浙K12345", "浙K54321"),
                    ..handed_over.entry.clone()
                },
                ..handed_over
            };
            assert!(forged.check(Some(&public)).is_err());
        }
        let passed = yunpark::domain::ledger::Head { seq: head.seq, hash: head.hash };
        verify::verify_through(&house.db, Some(&house.evidence), Some(passed)).await.unwrap();
    }
}

#[tokio::test]
async fn documents_say_what_the_law_wants_and_a_changed_one_is_noticed() {
    for house in houses().await {
        for name in ["lan", "chen"] {
            let text = "INSERT INTO staff (name, role, password_hash, created_at_us) VALUES ($1, 'officer', 'x', 0)";
            query("staff", text).bind(name).execute(&house.db).await.unwrap();
        }
        let desk = &house.desk;
        let print = async |id: &str, document| desk.document(id, document, Paper::A4, BASE, &officer()).await;
        let new = NewRecord { kind: Kind::Penalty, what: what("浙K12345") };
        let case = desk.record(new, "p", &officer()).await.unwrap().0;
        let early = print(&case.id, Document::Decision).await;
        assert!(matches!(early, Err(Error::Record(record::Refused::NoSuchDocument))), "{early:?}");
        let notice = print(&case.id, Document::ParkingNotice).await.unwrap().unwrap();
        assert!(notice.contains("空位 34") && notice.contains("<svg"), "{notice}");
        let decide = Move::DecideOnSpot { amount_yuan: 150, articles: "道路交通安全法 第九十三条".into() };
        desk.advance(&case.id, advance(decide), None, &officer()).await.unwrap();
        let decision = print(&case.id, Document::Decision).await.unwrap().unwrap();
        for told in [
            "罚款人民币 150 元",
            "第九十三条",
            "六十日",
            "六个月",
            "十五日",
            "应当先申请行政复议",
            "县人民法院",
            "2026年3月10日",
        ] {
            assert!(decision.contains(told), "{told}");
        }
        desk.advance(&case.id, advance(Move::Serve { how: "left".into() }), None, &officer()).await.unwrap();
        assert!(print(&case.id, Document::Receipt).await.unwrap().unwrap().contains("留置送达"));

        let seizure = NewSeizure {
            act: Act::Seizure,
            legal_basis: "行政强制法 第二十二条".into(),
            ground: None,
            what: What { reason: "<b>堵塞</b>消防通道".into(), ..what("浙K54321") },
        };
        let seizure = desk.propose_seizure(seizure, None, &officer()).await.unwrap().0;
        desk.approve_seizure(&seizure.id, &supervisor("wu")).await.unwrap();
        let inventory = vec![Item { name: "小型汽车".into(), quantity: 1, note: "白色".into() }];
        let take =
            Move::Execute {
                second_officer: "chen".into(), custody: "城西停车场".into(), inventory, witness: None
            };
        desk.advance(&seizure.id, advance(take), None, &officer()).await.unwrap();
        let taken = print(&seizure.id, Document::Seizure).await.unwrap().unwrap();
        for told in ["扣押决定书", "小型汽车", "城西停车场", "2026年4月9日", "第二十二条", "&lt;b&gt;堵塞"]
        {
            assert!(taken.contains(told), "{told}");
        }
        for paper in [Paper::Mm80, Paper::Mm58] {
            let slip =
                desk.document(&seizure.id, Document::SiteRecord, paper, BASE, &officer()).await.unwrap().unwrap();
            assert!(slip.contains("现场笔录"));
        }
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
        // A document is evidence of what was handed over.
        let head = ledger::head(&house.db).await.unwrap();
        let last = ledger::entries(&house.db, head.seq, 1).await.unwrap().remove(0);
        let name = last.evidence[0].to_string();
        let file = house.dir.path().join("evidence").join(&name[0..2]).join(&name[2..4]).join(&name);
        let changed = std::fs::read_to_string(&file).unwrap().replacen("现场笔录", "现场笔绿", 1);
        std::fs::write(&file, changed).unwrap();
        let broken = verify::verify(&house.db, Some(&house.evidence)).await.unwrap_err().to_string();
        assert!(broken.contains(&name) && broken.contains(&last.seq.to_string()), "{broken}");
    }
}

#[tokio::test]
async fn anybody_with_a_document_may_check_it_and_nobody_reads_a_plate_from_it() {
    for house in houses().await {
        let desk = &house.desk;
        let new = NewRecord { kind: Kind::Warning, what: what("浙K12345") };
        let record = desk.record(new, "w", &officer()).await.unwrap().0;
        assert_eq!(desk.check_number(&record.number, "9999").await.unwrap(), None);
        assert_eq!(desk.check_number("W-20260310-999999", "2345").await.unwrap(), None);
        assert_eq!(desk.check_number("'; --", "2345").await.unwrap(), None);
        let checked = desk.check_number(&record.number, "2345").await.unwrap().unwrap();
        assert_eq!((checked.plate.as_str(), checked.state.zh.as_str()), ("浙K·**345", "已作出"));
        let told = serde_json::to_string(&checked).unwrap();
        assert!(!told.contains("12345") && !told.contains("lan"), "{told}");
        for _ in 0..8 {
            desk.check_number(&record.number, "0000").await.unwrap();
        }
        // Whoever guesses is stopped, and so is whoever knows, for a while.
        assert!(matches!(desk.check_number(&record.number, "2345").await, Err(Error::Slowed { .. })));
        house.clock.advance(Duration::minutes(15));
        assert!(desk.check_number(&record.number, "2345").await.unwrap().is_some());
    }
}

/// A penalty case that was decided on the spot and served, and things that were taken: records of which there is every document.
async fn decided_and_taken(house: &House) -> [String; 2] {
    for name in ["lan", "chen"] {
        let text = "INSERT INTO staff (name, role, password_hash, created_at_us) VALUES ($1, 'officer', 'x', 0)";
        query("staff", text).bind(name).execute(&house.db).await.unwrap();
    }
    let desk = &house.desk;
    let party = Party { name: "赵某某".into(), address: "解放街 21 号".into() };
    let case = desk.record(NewRecord { kind: Kind::Penalty, what: what("浙K12345") }, "p", &officer()).await.unwrap().0;
    let decide = Move::DecideOnSpot { amount_yuan: 150, articles: "道路交通安全法 第九十三条".into() };
    let decide = Advance { party: Some(party.clone()), ..advance(decide) };
    desk.advance(&case.id, decide, None, &officer()).await.unwrap();
    desk.advance(&case.id, advance(Move::Serve { how: "direct".into() }), None, &officer()).await.unwrap();
    let seizure = NewSeizure {
        act: Act::Seizure,
        legal_basis: "行政强制法 第二十二条".into(),
        ground: None,
        what: What { reason: "堵塞消防通道".into(), ..what("浙K54321") },
    };
    let seizure = desk.propose_seizure(seizure, None, &officer()).await.unwrap().0;
    desk.approve_seizure(&seizure.id, &supervisor("wu")).await.unwrap();
    let inventory = vec![Item { name: "小型汽车".into(), quantity: 1, note: "白色".into() }];
    let (second_officer, custody) = ("chen".to_owned(), "城西停车场".to_owned());
    let take = Move::Execute { second_officer, custody, inventory, witness: Some("王某".into()) };
    desk.advance(&seizure.id, Advance { party: Some(party), ..advance(take) }, None, &officer()).await.unwrap();
    desk.advance(&seizure.id, advance(Move::Release), None, &officer()).await.unwrap();
    [case.id, seizure.id]
}

#[tokio::test]
async fn whom_a_decision_is_against_stands_on_it_by_name_and_address() {
    for house in houses().await {
        let [case, seizure] = decided_and_taken(&house).await;
        for (id, document) in [(&case, Document::Decision), (&seizure, Document::Seizure)] {
            let page = house.desk.document(id, document, Paper::A4, BASE, &officer()).await.unwrap().unwrap();
            assert!(page.contains("赵某某") && page.contains("解放街 21 号"), "{page}");
        }
        let new = NewRecord { kind: Kind::Warning, what: what("浙K12345") };
        let warning = house.desk.record(new, "w", &officer()).await.unwrap().0;
        let party = Some(Party { name: "赵某某".into(), address: String::new() });
        let named = house.desk.advance(&warning.id, Advance { party, ..advance(Move::Comply) }, None, &officer()).await;
        assert!(matches!(named, Err(Error::Invalid { field: "party", .. })), "{named:?}");
    }
}

/// In a build that has the typesetter.
#[cfg(feature = "pdf")]
#[tokio::test]
async fn every_document_is_had_as_pdf_and_one_changed_bit_of_it_is_named() {
    for house in houses().await {
        let [case, seizure] = decided_and_taken(&house).await;
        let new = NewRecord { kind: Kind::Warning, what: what("浙K12345") };
        let warning = house.desk.record(new, "w", &officer()).await.unwrap().0.id;
        for document in Document::ALL {
            let id = match document {
                Document::Warning => &warning,
                Document::ParkingNotice | Document::Decision | Document::Receipt => &case,
                Document::SiteRecord | Document::Seizure | Document::Release => &seizure,
            };
            for paper in [Paper::A4, Paper::Mm80, Paper::Mm58] {
                let pdf = house.desk.document_pdf(id, document, paper, BASE, &officer()).await.unwrap().unwrap();
                assert!(pdf.starts_with(b"%PDF-"), "{document:?}");
            }
        }
        let what = What { reason: "占用盲道\u{1F697}".into(), ..what("浙K12345") };
        let odd = house.desk.record(NewRecord { kind: Kind::Warning, what }, "odd", &officer()).await.unwrap().0.id;
        let refused = house.desk.document_pdf(&odd, Document::Warning, Paper::A4, BASE, &officer()).await;
        assert!(matches!(refused, Err(Error::NoGlyph { character: '\u{1F697}', .. })), "{refused:?}");
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
        let head = ledger::head(&house.db).await.unwrap();
        let mut entries = ledger::entries(&house.db, 1, head.seq as u32).await.unwrap();
        entries.retain(|entry| entry.subject_type == "document");
        let last = entries.pop().unwrap();
        let name = last.evidence[0].to_string();
        let file = house.dir.path().join("evidence").join(&name[0..2]).join(&name[2..4]).join(&name);
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let broken = verify::verify(&house.db, Some(&house.evidence)).await.unwrap_err().to_string();
        assert!(broken.contains(&name) && broken.contains(&last.seq.to_string()), "{broken}");
    }
}

/// In a build that has none.
#[cfg(not(feature = "pdf"))]
#[tokio::test]
async fn a_build_without_a_typesetter_says_how_to_print() {
    for house in houses().await {
        let [case, _] = decided_and_taken(&house).await;
        let none = house.desk.document_pdf(&case, Document::Decision, Paper::A4, BASE, &officer()).await.unwrap_err();
        assert!(matches!(none, Error::NoPdf) && none.to_string().contains("print it"), "{none}");
    }
}
