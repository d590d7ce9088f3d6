//! What a person decides, and of which vehicle: readings that differ, pictures sent twice, and what is refused by name.

use yunpark::{api::Problem, staff, store};

use super::*;

#[tokio::test]
async fn two_plates_that_fold_together_are_two_stays() {
    for house in houses().await {
        let one = house.desk.receive(capture("1", "浙K11111", 0), vec![picture(1)]).await.unwrap();
        let other = house.desk.receive(capture("2", "浙K77777", 300), vec![picture(2)]).await.unwrap();
        assert_ne!(one.incident, other.incident);
        assert!(house.desk.incidents(Some(IncidentState::Ripe), None, 10).await.unwrap().0.is_empty());
        // A reading one character off joins its own, and no other.
        let near = house.desk.receive(capture("3", "浙K7777T", 600), vec![picture(3)]).await.unwrap();
        assert_eq!(near.incident, other.incident);
    }
}

/// A capture of one track, with or without a plate.
fn tracked(key: &str, plate: Option<&str>, seconds: i64) -> NewCapture {
    NewCapture { track: Some(key[..1].into()), plate: plate.map(str::to_owned), ..capture(key, "", seconds) }
}

async fn stay(house: &House, track: &str, plate: Option<&str>) -> String {
    house.desk.receive(tracked(&format!("{track}0"), plate, 0), vec![picture(1)]).await.unwrap();
    let late = house.desk.receive(tracked(&format!("{track}1"), plate, 300), vec![picture(2)]).await.unwrap();
    late.incident.unwrap()
}

#[tokio::test]
async fn a_record_is_made_out_to_the_one_full_reading_or_to_the_plate_a_person_says() {
    for house in houses().await {
        let desk = &house.desk;
        let unplated = stay(&house, "u", None).await;
        let (_, record) = desk.review(&unplated, Decision::Warning.into(), &officer()).await.unwrap();
        assert_eq!(record.unwrap().plate, None);
        let partial = stay(&house, "p", Some("浙K-2345")).await;
        for said in [None, Some("浙K-2345"), Some("无车牌")] {
            let review = Review { plate: said.map(str::to_owned), ..Decision::Penalty.into() };
            let refused = desk.review(&partial, review, &officer()).await;
            assert!(matches!(refused, Err(Error::Invalid { field: "plate", .. })), "{refused:?}");
        }
        let said = Review { plate: Some("浙K·12345".into()), ..Decision::Penalty.into() };
        let (view, record) = desk.review(&partial, said, &officer()).await.unwrap();
        assert_eq!((view.as_read, record.unwrap().plate), (vec!["浙K?2345".to_owned()], Some("浙K12345".to_owned())));
        let head = ledger::head(&house.db).await.unwrap();
        let payload = ledger::entries(&house.db, head.seq, 1).await.unwrap().remove(0).payload;
        assert!(payload.contains("浙K·12345") && payload.contains("浙K12345"), "{payload}");
        let new = NewRecord { kind: Kind::Penalty, what: what("浙K-2345") };
        let refused = desk.record(new, "k", &officer()).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "plate", .. })), "{refused:?}");
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn one_picture_proves_no_stay_and_nothing_is_captured_in_the_future() {
    for house in houses().await {
        let desk = &house.desk;
        for seconds in [0, 300, 600] {
            desk.receive(capture(&seconds.to_string(), "浙K12345", seconds), vec![picture(1)]).await.unwrap();
        }
        assert!(desk.incidents(Some(IncidentState::Ripe), None, 10).await.unwrap().0.is_empty());
        // The house's clock stands half an hour after the start.
        for (seconds, state) in [(1860, State::Accepted), (1861, State::ClockSkew)] {
            let new = capture(&seconds.to_string(), "浙K99999", seconds);
            let received = desk.receive(new, vec![picture(2)]).await.unwrap();
            assert_eq!((received.state, received.incident.is_some()), (state, state == State::Accepted));
        }
    }
}

#[tokio::test]
async fn what_was_sent_before_is_answered_even_when_its_zone_is_gone() {
    for house in houses().await {
        let desk = &house.desk;
        let zone = ZoneId::parse("Z1").ok();
        let sent = |key: &str| NewCapture { zone: zone.clone(), location: None, ..capture(key, "浙K12345", 0) };
        let written = || NewRecord { kind: Kind::Warning, what: What { zone: zone.clone(), ..what("浙K12345") } };
        let first = desk.receive(sent("a"), vec![picture(1)]).await.unwrap();
        let (record, _) = desk.record(written(), "r", &officer()).await.unwrap();
        house.city.send_modify(|city| Arc::make_mut(city).zones.clear());
        assert_eq!(desk.receive(sent("a"), vec![picture(1)]).await.unwrap().id, first.id);
        assert_eq!(desk.record(written(), "r", &officer()).await.unwrap(), (record, true));
        assert!(matches!(desk.receive(sent("b"), vec![picture(1)]).await, Err(Error::Invalid { field: "zone", .. })));
        assert!(matches!(desk.record(written(), "s", &officer()).await, Err(Error::Invalid { field: "zone", .. })));
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_by_name_and_leaves_nothing() {
    for house in houses().await {
        let desk = &house.desk;
        let first = desk.receive(capture("a", "浙K12345", 0), vec![picture(1)]).await.unwrap();
        let id = desk.receive(capture("b", "浙K12345", 300), vec![picture(2)]).await.unwrap().incident.unwrap();
        let seizure = NewSeizure { act: Act::Tow, legal_basis: TOW.into(), ground: None, what: what("浙K12345") };
        let (seizure, _) = desk.propose_seizure(seizure, None, &officer()).await.unwrap();
        let rows = house.rows().await;

        let unsaid = desk.review(&id, Decision::Reject.into(), &officer()).await;
        assert!(matches!(unsaid, Err(Error::Invalid { field: "reason", .. })), "{unsaid:?}");
        let early = desk.notice(&seizure.id, &officer()).await;
        assert!(matches!(early, Err(Error::Record(record::Refused::NotApproved))), "{early:?}");
        for wrong in ["\0", "", "no such capture"] {
            let what = What { captures: vec![wrong.into()], ..what("浙K12345") };
            let refused = desk.record(NewRecord { kind: Kind::Warning, what }, "k", &officer()).await;
            assert!(matches!(refused, Err(Error::Invalid { field: "captures", .. })), "{refused:?}");
        }
        for wrong in ["bell\u{7}", "null\0", "escape\u{1b}[2J"] {
            let noted = NewCapture { note: Some(wrong.into()), ..capture("n", "浙K12345", 0) };
            let refused = desk.receive(noted, vec![picture(1)]).await;
            assert!(matches!(refused, Err(Error::Invalid { field: "note", .. })), "{refused:?}");
        }
        assert_eq!(house.rows().await, rows);

        desk.review(&id, Decision::Warning.into(), &officer()).await.unwrap();
        let twice = What { captures: vec![first.id], ..what("浙K12345") };
        let refused = desk.record(NewRecord { kind: Kind::Penalty, what: twice }, "k", &officer()).await;
        assert!(matches!(refused, Err(Error::AlreadyRecorded)), "{refused:?}");
        desk.approve_seizure(&seizure.id, &supervisor("wu")).await.unwrap();
        assert!(desk.notice(&seizure.id, &officer()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn incidents_are_exported_like_records_and_the_export_stands_in_the_ledger() {
    for house in houses().await {
        let ripe = house.ripe("浙K12345").await;
        house.desk.receive(capture("o", "浙K54321", 0), vec![picture(5)]).await.unwrap();
        let all = house.desk.export_incidents(None, &supervisor("wu")).await.unwrap().csv();
        assert_eq!((all.matches("\r\n").count(), house.last_step().await), (3, Step::RecordsExported));
        let csv = house.desk.export_incidents(Some(IncidentState::Ripe), &supervisor("wu")).await.unwrap().csv();
        let line = csv.lines().nth(1).unwrap();
        assert!(line.starts_with(&format!("{ripe},ripe,浙K12345,motor,Z1,")), "{line}");
        assert_eq!(csv.lines().count(), 2);
    }
}

#[test]
fn a_database_that_is_away_is_told_as_such_to_whoever_signs_in() {
    let away = || store::Error::from(sqlx::Error::PoolTimedOut);
    assert_eq!(Problem::from(staff::Refused::from(away())).status(), 503);
    assert_eq!(Problem::from(Error::from(away())).status(), 503);
    assert_eq!(Problem::from(staff::Refused::Wrong).status(), 401);
}
