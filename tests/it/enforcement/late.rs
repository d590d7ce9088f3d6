//! What an officer's phone kept for want of a network: it stands at the time it happened, once, or is refused with a reason.

use yunpark::{
    domain::{
        course::{Item, Step as Move},
        ledger::Kind as Step,
    },
    enforcement::Advance,
};

use super::*;

const SLIP: &str = "F7K2M8XQ1P2R99AB";

fn at(minutes: i64) -> Instant {
    start() + Duration::minutes(minutes)
}

fn late(minutes: i64) -> NewRecord {
    NewRecord { kind: Kind::Warning, what: What { at: Some(at(minutes)), ..what("浙K12345") } }
}

fn at_once(at: Option<Instant>) -> Advance {
    let inventory = vec![Item { name: "电动自行车".into(), quantity: 1, note: "红色".into() }];
    let (second_officer, custody) = ("wu".into(), "城东停放点".into());
    let step = Move::ExecuteAtOnce { second_officer, custody, inventory, witness: None };
    Advance { at, ..Advance::of(step, "现场实施") }
}

#[tokio::test]
async fn what_was_kept_with_no_network_stands_at_its_own_time_and_is_found_by_its_slip() {
    for house in houses().await {
        let desk = &house.desk;
        // Of the day before by the city's calendar, while the house's clock stands at half past nine.
        let (warning, _) = desk.record(late(-10 * 60), SLIP, &officer()).await.unwrap();
        assert_eq!((warning.at, warning.number.as_str()), (at(-10 * 60), "W-20260309-000001"));
        let entry = ledger::entries(&house.db, warning.ledger_seq, 1).await.unwrap().remove(0);
        let payload: serde_json::Value = serde_json::from_str(&entry.payload).unwrap();
        assert_eq!((entry.kind, &payload["slip"]), (Step::WarningIssued, &SLIP.into()));
        assert_eq!(entry.at, house.clock.now(), "the ledger says when it came in");

        for number in [SLIP, "F7K2-M8XQ-1P2R-99AB", "f7k2m8xq1p2r99ab", "W-20260309-000001"] {
            let checked = desk.check_number(number, "2345").await.unwrap().unwrap();
            assert_eq!(checked.number, warning.number, "{number}");
        }
        assert_eq!(desk.check_number("F7K2M8XQ1P2R99AC", "2345").await.unwrap(), None);

        // Sent again once its time is long over, it is the same record, and nothing is written.
        house.clock.advance(Duration::days(30));
        let rows = house.rows().await;
        let (again, known) = desk.record(late(-10 * 60), SLIP, &officer()).await.unwrap();
        assert_eq!((&again.id, known, house.rows().await), (&warning.id, true, rows));
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}

#[tokio::test]
async fn a_time_ahead_or_too_long_ago_is_refused_and_nothing_is_written() {
    for house in houses().await {
        // The clock stands at minute 30, a phone may be a minute ahead, and a week late.
        let week = 7 * 24 * 60;
        let rows = house.rows().await;
        for (minutes, why) in [(32, "is ahead of the server's clock"), (29 - week, "is longer ago than the 168 hours")]
        {
            let refused = house.desk.record(late(minutes), &minutes.to_string(), &officer()).await.unwrap_err();
            let Error::Invalid { field: "at", reason } = &refused else { panic!("{refused:?}") };
            assert!(reason.starts_with(why), "{reason}");
        }
        assert_eq!(house.rows().await, rows);
        for (minutes, stands) in [(31, 30), (30 - week, 30 - week)] {
            let (record, _) = house.desk.record(late(minutes), &minutes.to_string(), &officer()).await.unwrap();
            assert_eq!(record.at, at(stands));
        }
    }
}

#[tokio::test]
async fn what_was_taken_with_no_network_was_taken_then_and_no_other_step_is_dated_back() {
    for house in houses().await {
        for (name, role) in [("lan", "officer"), ("wu", "supervisor")] {
            let text = "INSERT INTO staff (name, role, password_hash, created_at_us) VALUES ($1, $2, 'x', 0)";
            query("staff", text).bind(name).bind(role).execute(&house.db).await.unwrap();
        }
        let of_non_motor = What { at: Some(at(10)), vehicle_class: VehicleClass::NonMotor, plate: None, ..what("") };
        let seizure = NewSeizure {
            act: Act::Detention,
            legal_basis: "道路交通安全法 第八十九条".into(),
            ground: None,
            what: of_non_motor,
        };
        let (record, _) = house.desk.propose_seizure(seizure, Some("s"), &officer()).await.unwrap();
        // A step never lies before what it is a step of.
        let taken = house.desk.advance(&record.id, at_once(Some(at(5))), Some("s-t"), &officer()).await.unwrap();
        assert_eq!(taken.course.at["taken"], at(10));
        assert_eq!(taken.due_by, Some(at(10 + 24 * 60)), "the hours for the approval run from the taking");
        let back = Advance { at: Some(at(5)), ..Advance::of(Move::Release, "as the file says") };
        let refused = house.desk.advance(&record.id, back, None, &supervisor("wu")).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "at", .. })), "{refused:?}");
        verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    }
}
