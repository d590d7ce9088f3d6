//! Records going on, on both databases: steps with who, when and why, deadlines, appeals, terms that run out.

use yunpark::{
    config::FirstOffencePolicy,
    domain::{appeal, course, course::Step as Move},
    enforcement::{Advance, AppealStep, Bulk, NewAppeal},
};

use super::{
    record::Refused::{BasisForOtherVehicles, GroundNotGiven, NoLegalBasis, ParkingAlone},
    *,
};

async fn with_staff(house: &House) {
    for (name, role) in [("lan", "officer"), ("chen", "officer"), ("wu", "supervisor"), ("tech", "operator")] {
        let text = "INSERT INTO staff (name, role, password_hash, created_at_us) VALUES ($1, $2, 'x', 0)";
        query("staff", text).bind(name).bind(role).execute(&house.db).await.unwrap();
    }
}

fn advance(step: Move) -> Advance {
    Advance::of(step, "as the file says")
}

async fn penalty(house: &House, key: &str) -> String {
    let new = NewRecord { kind: Kind::Penalty, what: what("浙K12345") };
    house.desk.record(new, key, &officer()).await.unwrap().0.id
}

fn on_spot(amount_yuan: u32) -> Advance {
    advance(Move::DecideOnSpot { amount_yuan, articles: "道路交通安全法 第九十三条".into() })
}

fn served() -> Advance {
    advance(Move::Serve { how: "direct".into() })
}

#[tokio::test]
async fn a_case_goes_its_way_with_who_when_and_why_in_the_ledger_and_its_deadline_in_the_list() {
    for house in houses().await {
        with_staff(&house).await;
        let desk = &house.desk;
        let id = penalty(&house, "p").await;
        let mute = Advance { why: " ".into(), ..on_spot(150) };
        assert!(matches!(
            desk.advance(&id, mute, None, &officer()).await,
            Err(Error::Course(course::Refused::NoReason))
        ));
        let early = desk.advance(&id, served(), None, &officer()).await.unwrap_err();
        assert_eq!(early.to_string(), "a record that is opened cannot take the step serve");
        let decided = desk.advance(&id, on_spot(150), Some("k1"), &officer()).await.unwrap();
        assert_eq!((decided.state, decided.due.as_deref()), (record::State::Decided, Some("serve")));
        // The same key changes nothing, and for another step it is refused.
        let rows = house.rows().await;
        assert_eq!(desk.advance(&id, on_spot(150), Some("k1"), &officer()).await.unwrap(), decided);
        assert!(matches!(desk.advance(&id, served(), Some("k1"), &officer()).await, Err(Error::KeyReused)));
        assert_eq!(house.rows().await, rows);
        desk.advance(&id, served(), None, &officer()).await.unwrap();
        let course = desk.course(&id).await.unwrap().unwrap();
        let steps: Vec<_> = course.steps.iter().map(|step| (step.step.as_deref(), step.state.as_deref())).collect();
        assert_eq!(steps[1..], [(Some("decide_on_spot"), Some("decided")), (Some("serve"), Some("served"))]);
        assert_eq!(course.steps[2].why.as_deref(), Some("as the file says"));
        assert_eq!((course.dues[0].what, course.dues[0].day.to_string()), ("pay", "2026-03-25".to_owned()));

        let overdue = |due: Vec<yunpark::enforcement::DueView>| due.iter().filter(|one| one.is_overdue).count();
        assert_eq!(overdue(desk.due(house.clock.now() + Duration::days(30)).await.unwrap()), 0);
        assert!(desk.due(house.clock.now() + Duration::days(3)).await.unwrap().is_empty());
        house.clock.advance(Duration::days(20));
        assert_eq!(overdue(desk.due(house.clock.now()).await.unwrap()), 1);
        desk.advance(&id, advance(Move::NotePayment { receipt: "0001".into() }), None, &officer()).await.unwrap();
        desk.advance(&id, advance(Move::Close), None, &officer()).await.unwrap();
        assert!(desk.due(house.clock.now() + Duration::days(300)).await.unwrap().is_empty());
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
        // One changed character of what happened is noticed.
        query("records", "UPDATE records SET course = REPLACE(course, '150', '151')").execute(&house.db).await.unwrap();
        assert!(verify::verify(&house.db, None).await.unwrap_err().to_string().contains("course"));
    }
}

#[tokio::test]
async fn a_warning_that_is_not_heeded_becomes_one_case_and_no_second() {
    for house in houses().await {
        let desk = &house.desk;
        let incident = house.ripe("浙K12345").await;
        let warning = desk.review(&incident, Decision::Warning.into(), &officer()).await.unwrap().1.unwrap();
        desk.advance(&warning.id, advance(Move::Escalate), None, &officer()).await.unwrap();
        let (cases, _) = desk.records(Some(Kind::Penalty), None, None, None, 10).await.unwrap();
        assert_eq!((cases.len(), cases[0].follows.as_ref()), (1, Some(&warning.id)));
        assert_eq!(cases[0].evidence, warning.evidence);
        assert!(desk.advance(&warning.id, advance(Move::Escalate), None, &officer()).await.is_err());
        assert_eq!(desk.records(Some(Kind::Penalty), None, None, None, 10).await.unwrap().0.len(), 1);
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_taken_at_once_goes_back_by_itself_once_its_day_has_passed() {
    for house in houses().await {
        with_staff(&house).await;
        let desk = &house.desk;
        let seizure = NewSeizure {
            act: Act::Seizure,
            legal_basis: "行政强制法 第二十二条".into(),
            ground: None,
            what: What { vehicle_class: VehicleClass::NonMotor, ..what("云和012345") },
        };
        let (proposed, _) = desk.propose_seizure(seizure, Some("s"), &officer()).await.unwrap();
        let take = |second: &str| {
            advance(Move::ExecuteAtOnce {
                second_officer: second.into(),
                custody: "城西停车场".into(),
                inventory: vec![course::Item { name: "电动自行车".into(), quantity: 1, note: String::new() }],
                witness: Some("店主".into()),
            })
        };
        for nobody in ["ghost", "tech", "lan"] {
            let alone = desk.advance(&proposed.id, take(nobody), None, &officer()).await;
            assert!(alone.is_err(), "{nobody}");
        }
        let taken = desk.advance(&proposed.id, take("chen"), None, &officer()).await.unwrap();
        assert_eq!((taken.state, taken.due.as_deref()), (record::State::Unapproved, Some("approval")));
        house.clock.advance(Duration::hours(24) - Duration::microseconds(1));
        assert_eq!(desk.run_out().await.unwrap(), 0);
        house.clock.advance(Duration::microseconds(1));
        assert_eq!((desk.run_out().await.unwrap(), desk.run_out().await.unwrap()), (1, 0));
        let held = desk.find_record(&proposed.id).await.unwrap().unwrap();
        assert_eq!((held.state, held.next_steps), (record::State::MustReturn, vec!["release"]));
        desk.advance(&proposed.id, advance(Move::Release), None, &officer()).await.unwrap();
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn no_act_stands_on_anothers_basis_nor_on_illegal_parking_alone() {
    for house in houses().await {
        let empty = house.rows().await;
        let propose = async |act, basis: &str, ground: Option<&str>, class, reason: &str| {
            let what = What { vehicle_class: class, reason: reason.into(), ..what("浙K12345") };
            let new = NewSeizure { act, legal_basis: basis.into(), ground: ground.map(str::to_owned), what };
            house.desk.propose_seizure(new, None, &officer()).await.map(|_| ()).unwrap_err()
        };
        let (motor, bike) = (VehicleClass::Motor, VehicleClass::NonMotor);
        let forged = "道路交通安全法 第九十六条";
        let refused = |error: Error| match error {
            Error::Record(refused) => refused,
            other => panic!("{other}"),
        };
        for (act, basis, ground, class, reason, why) in [
            (Act::Detention, forged, Some("illegal_parking"), motor, "违停", ParkingAlone),
            (Act::Detention, forged, None, motor, "违停", ParkingAlone),
            (Act::Detention, forged, Some("no_plate"), motor, "无号牌", GroundNotGiven),
            (Act::Detention, forged, Some("forged_plate"), bike, "伪造号牌", BasisForOtherVehicles),
            (Act::Detention, "道路交通安全法 第八十九条", None, motor, "拒绝罚款", BasisForOtherVehicles),
            (Act::Seizure, TOW, None, motor, "堵塞消防通道", NoLegalBasis),
            (Act::Tow, forged, None, motor, "堵塞消防通道", NoLegalBasis),
        ] {
            assert_eq!(refused(propose(act, basis, ground, class, reason).await), why, "{basis} {ground:?}");
        }
        assert_eq!(house.rows().await, empty);
        let forged_plate = NewSeizure {
            act: Act::Detention,
            legal_basis: forged.into(),
            ground: Some("forged_plate".into()),
            what: what("浙K12345"),
        };
        house.desk.propose_seizure(forged_plate, None, &officer()).await.unwrap();
    }
}

#[tokio::test]
async fn an_appeal_comes_in_time_and_in_its_order_and_may_take_the_record_back() {
    for house in houses().await {
        let desk = &house.desk;
        let id = penalty(&house, "p").await;
        let file = |kind| {
            let (record, claim, authority) = (id.clone(), "the sign was hidden".into(), "县人民政府".into());
            NewAppeal { record, kind, claim, authority, filed_at: None }
        };
        let filed = async |kind| desk.file_appeal(file(kind), &officer()).await;
        let why = |came: Result<appeal::Appeal, Error>| match came {
            Err(Error::Appeal(refused)) => refused,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(filed(appeal::Kind::Review).await), appeal::Refused::NotServed);
        for step in [on_spot(150), served()] {
            desk.advance(&id, step, None, &officer()).await.unwrap();
        }
        assert_eq!(why(filed(appeal::Kind::Litigation).await), appeal::Refused::ReviewFirst);
        let late = parse_rfc3339("2026-05-09T16:00:00Z").unwrap();
        house.clock.advance(late - house.clock.now());
        // The sixtieth day is a Saturday that is worked.
        let refused = why(filed(appeal::Kind::Review).await);
        assert_eq!(refused.to_string(), "the term for it ended on 2026-05-09");
        let in_time = NewAppeal { filed_at: Some("2026-05-09T15:59:59Z".into()), ..file(appeal::Kind::Review) };
        let review = desk.file_appeal(in_time.clone(), &officer()).await.unwrap();
        assert_eq!(why(desk.file_appeal(in_time, &officer()).await), appeal::Refused::Twice);
        let step = |step, outcome| AppealStep { step, outcome, why: "公文第七号".into() };
        let early = desk.advance_appeal(&review.id, step(appeal::Step::Decide, None), &supervisor("wu")).await;
        assert!(matches!(early, Err(Error::Appeal(appeal::Refused::NotNow { .. }))));
        desk.advance_appeal(&review.id, step(appeal::Step::Accept, None), &supervisor("wu")).await.unwrap();
        let revoked = step(appeal::Step::Decide, Some(appeal::Outcome::Revoked));
        desk.advance_appeal(&review.id, revoked, &supervisor("wu")).await.unwrap();
        assert_eq!(desk.find_record(&id).await.unwrap().unwrap().state, record::State::Revoked);
        assert_eq!(desk.appeals(Some(&id), 10).await.unwrap().len(), 1);
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn a_row_of_bicycles_is_corrected_in_one_go_or_not_at_all() {
    for house in houses().await {
        let desk = &house.desk;
        let bulk = |plates: &[&str], unplated| Bulk {
            plates: plates.iter().map(|plate| (*plate).to_owned()).collect(),
            unplated,
            what: What { vehicle_class: VehicleClass::NonMotor, plate: None, ..what("") },
        };
        let (records, again) =
            desk.correct_many(bulk(&["云和012345", "云和012346"], 3), "k", &officer()).await.unwrap();
        let numbers: Vec<&str> = records.iter().map(|record| record.number.as_str()).collect();
        assert_eq!((numbers[0], numbers[4], again), ("C-20260310-000001", "C-20260310-000005", false));
        let (same, again) = desk.correct_many(bulk(&["云和012345", "云和012346"], 3), "k", &officer()).await.unwrap();
        assert_eq!((same, again), (records, true));
        let rows = house.count("records", "SELECT COUNT(*) AS n FROM records").await;
        assert!(desk.correct_many(bulk(&[], 0), "l", &officer()).await.is_err());
        assert!(desk.correct_many(bulk(&[], 101), "l", &officer()).await.is_err());
        let torn =
            Bulk { what: What { captures: vec!["none".into()], ..bulk(&[], 1).what }, ..bulk(&["云和012347"], 1) };
        assert!(desk.correct_many(torn, "l", &officer()).await.is_err());
        assert_eq!(house.count("records", "SELECT COUNT(*) AS n FROM records").await, rows);
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn where_the_first_offence_teaches_it_is_warned_and_the_second_may_be_fined() {
    let change = |config: &mut config::Enforcement| config.law.first_offence.policy = FirstOffencePolicy::Warn;
    for house in houses_with(change).await {
        let desk = &house.desk;
        let first = house.ripe("浙K12345").await;
        let refused = desk.review(&first, Decision::Penalty.into(), &officer()).await;
        assert!(matches!(refused, Err(Error::Record(record::Refused::FirstOffence))), "{refused:?}");
        desk.review(&first, Decision::Warning.into(), &officer()).await.unwrap();
        house.clock.advance(Duration::hours(2));
        for seconds in [3600, 3900] {
            let key = format!("again-{seconds}");
            desk.receive(capture(&key, "浙K12345", seconds), vec![picture((seconds / 100) as u8)]).await.unwrap();
        }
        let (ripe, _) = desk.incidents(Some(IncidentState::Ripe), None, 10).await.unwrap();
        desk.review(&ripe[0].id, Decision::Penalty.into(), &officer()).await.unwrap();
    }
}
