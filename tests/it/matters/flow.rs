//! Every kind of matter from collecting to evaluating, across nights and weekends; duplicates; the way of a citizen's report.

use std::collections::BTreeSet;

use yunpark::{
    domain::{
        ids::GridCellId,
        ledger::Digest,
        matter::{Level, Source, Stage, State, Step},
        staff::Role,
    },
    matters::{Error, Handled, NewReport, Reporter},
    store::{ledger, query, verify},
};

use super::{Hall, STREET, county, halls, local, minutes, officer, person, picture, report};

/// A report of a category by the first way it may come in.
fn said(code: &str, source: Source, nth: usize) -> NewReport {
    let reporter = match source {
        Source::Citizen => Reporter::Public { address: "192.0.2.1".into() },
        source if source.is_device() => Reporter::System { rule: "device-health".into() },
        Source::Officer => Reporter::Staff(officer()),
        _ => Reporter::Gateway { name: "hotline".into() },
    };
    let subject = source.is_device().then(|| format!("sensor:{code}"));
    NewReport { reporter, source, subject, ..report(&format!("{code}-{nth}"), code, "", STREET) }
}

async fn state(hall: &Hall, id: &str) -> State {
    hall.matters.find(id).await.unwrap().matter.state
}

#[tokio::test]
async fn every_kind_of_matter_runs_through_all_seven_steps_and_the_ledger_proves_each() {
    for hall in halls().await {
        let catalogue = hall.matters.catalogue().clone();
        assert!(catalogue.categories.len() >= 14);
        for (code, category) in &catalogue.categories {
            for (nth, source) in category.sources.iter().enumerate() {
                let collected = hall.matters.collect(said(code, *source, nth), Vec::new()).await.unwrap();
                let id = collected.matter.id.clone();
                assert!(!collected.merged, "{code} by {source:?}");
                assert_eq!((collected.matter.state, collected.matter.street_class), (State::Collected, 1));
                assert_eq!(collected.matter.cell.as_ref().map(GridCellId::as_str), Some("G1"));
                hall.round().await;
                let by_itself = category.opens_itself && source.is_device();
                if !by_itself {
                    assert_eq!(state(&hall, &id).await, State::Collected, "what people say waits for people");
                    hall.step(&id, Step::Open { category: None, street_class: None }, &county()).await.unwrap();
                    hall.round().await;
                }
                let matter = hall.matters.find(&id).await.unwrap().matter;
                assert_eq!(matter.state, State::Dispatched, "{code}: given to a unit by itself");
                let (unit, who) = if code.starts_with('C') {
                    ("repair", person("zhao", Role::Operator))
                } else {
                    ("城北中队", officer())
                };
                assert_eq!(matter.unit.as_deref(), Some(unit), "{code}");
                let begun = matter.due.unwrap();
                assert_eq!(begun.stage, Stage::Handle);
                let clock = catalogue.limit(category, Stage::Handle, 1).unwrap();
                hall.clock.advance(minutes(1));
                let pictures = if category.needs_picture { vec![picture(7)] } else { vec![] };
                let done = Handled { note: "已处理".into(), at: None };
                let key = format!("{code}-{nth}-done");
                hall.matters.handled(&id, done, pictures, &key, &who).await.unwrap();
                assert_eq!(state(&hall, &id).await, State::FedBack, "{clock}");
                assert!(matches!(
                    hall.step(&id, Step::Verify { passed: true }, &who).await,
                    Err(Error::Refused(refused)) if refused.is_about_the_person()
                ));
                hall.step(&id, Step::Verify { passed: true }, &county()).await.unwrap();
                hall.step(&id, Step::Evaluate { content: Some(4) }, &county()).await.unwrap();
                let matter = hall.matters.find(&id).await.unwrap().matter;
                assert_eq!((matter.state, matter.due), (State::Evaluated, None));
                // Each of the seven steps stands in the ledger.
                let entries = ledger::about(&hall.db, "matter", &id, 50).await.unwrap();
                let steps: BTreeSet<String> = entries
                    .iter()
                    .map(|entry| {
                        let said: serde_json::Value = serde_json::from_str(&entry.payload).unwrap();
                        let step = said["step"]["step"].as_str().map(str::to_owned);
                        step.unwrap_or_else(|| entry.kind.as_str().to_owned())
                    })
                    .collect();
                for step in ["matter.collected", "open", "dispatch", "handle", "feed_back", "verify", "evaluate"] {
                    assert!(steps.contains(step), "{code}: {step} is not in the ledger: {steps:?}");
                }
            }
        }
        hall.prove().await;
    }
}

#[tokio::test]
async fn a_changed_matter_is_found_by_the_ledger() {
    for hall in halls().await {
        let collected = hall.matters.collect(report("k", "E0501", "192.0.2.1", STREET), vec![]).await.unwrap();
        hall.prove().await;
        let mut tx = hall.db.begin_write().await.unwrap();
        query("matters", "UPDATE matters SET state = 'closed' WHERE id = $1")
            .bind(&collected.matter.id)
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let told = verify::verify(&hall.db, None).await.unwrap_err().to_string();
        assert!(told.contains("matter") && told.contains("state"), "{told}");
    }
}

#[tokio::test]
async fn what_nobody_opens_goes_up_to_the_county_and_then_to_the_supervision_over_a_weekend() {
    for hall in halls().await {
        // Friday, ten minutes before the office closes: half an hour of working time ends on Monday.
        hall.clock.advance(local("2026-03-13T17:20") - hall.clock.now());
        let id = hall.matters.collect(report("k", "E0502", "192.0.2.1", STREET), vec![]).await.unwrap().matter.id;
        for (at, level) in [
            ("2026-03-13T23:00", Level::Town),
            ("2026-03-15T12:00", Level::Town),
            ("2026-03-16T08:49", Level::Town),
            ("2026-03-16T08:50", Level::County),
            // Four hours of working time more, over lunch.
            ("2026-03-16T14:49", Level::County),
            ("2026-03-16T14:50", Level::Supervision),
            ("2026-03-20T12:00", Level::Supervision),
        ] {
            hall.clock.advance(local(at) - hall.clock.now());
            hall.round().await;
            assert_eq!(hall.matters.find(&id).await.unwrap().matter.level, level, "{at}");
        }
        // The town no longer commands it.
        let open = Step::Open { category: None, street_class: None };
        let town = person("sun", Role::Supervisor);
        assert!(
            matches!(hall.step(&id, open.clone(), &town).await, Err(Error::Refused(r)) if r.word() == "not-your-level")
        );
        hall.step(&id, open, &county()).await.unwrap();
        let matter = hall.matters.find(&id).await.unwrap().matter;
        assert_eq!(matter.course.late, [Stage::Open].into());
        hall.prove().await;
    }
}

#[tokio::test]
async fn a_citizens_report_becomes_a_matter_is_put_right_with_no_network_and_is_followed_by_receipt() {
    for hall in halls().await {
        let new = report("k1", "E0502", "192.0.2.1", STREET);
        let one = hall.matters.collect(new.clone(), vec![picture(1)]).await.unwrap();
        // Sent again, it is the same; with other content it is refused.
        let again = hall.matters.collect(new.clone(), vec![picture(1)]).await.unwrap();
        assert_eq!((again.receipt.as_str(), again.duplicate), (one.receipt.as_str(), true));
        let other = NewReport { what: "别的事".into(), ..new };
        assert!(matches!(hall.matters.collect(other, vec![]).await, Err(Error::KeyReused)));
        // Another voice, from the other side of the street: one matter, two receipts.
        let near = (STREET.0 + 0.0002, STREET.1);
        let two = hall.matters.collect(report("k2", "E0502", "192.0.2.9", near), vec![]).await.unwrap();
        assert!(two.merged && two.matter.id == one.matter.id && two.receipt != one.receipt);
        // Another kind at the same place is another matter.
        let bikes = hall.matters.collect(report("k3", "E0505", "192.0.2.9", near), vec![]).await.unwrap();
        assert!(!bikes.merged);

        hall.step(&one.matter.id, Step::Open { category: None, street_class: None }, &county()).await.unwrap();
        hall.round().await;
        let dispatched = hall.clock.now();
        // The officer put it right an hour later with no network; it comes in the evening, long after its limit of two hours.
        hall.clock.advance(minutes(600));
        let done = Handled { note: "车辆已归位".into(), at: Some(dispatched + minutes(60)) };
        let listed =
            hall.matters.handled(&one.matter.id, done.clone(), vec![picture(2)], "p1", &officer()).await.unwrap();
        assert_eq!((listed.matter.state, listed.matter.course.late.clone()), (State::FedBack, [].into()));
        assert_eq!(listed.matter.course.at["handle"], dispatched + minutes(60));
        // The phone sends it once more: nothing changes.
        hall.matters.handled(&one.matter.id, done, vec![picture(2)], "p1", &officer()).await.unwrap();
        hall.step(&one.matter.id, Step::Verify { passed: true }, &county()).await.unwrap();

        for receipt in [&one.receipt, &two.receipt] {
            let followed = hall.matters.follow(receipt).await.unwrap().unwrap();
            assert_eq!((followed.state, followed.others, followed.may_judge), (State::Closed, 1, true));
            assert_eq!(followed.answer.as_deref(), Some("车辆已归位"));
            let told = serde_json::to_string(&followed).unwrap();
            assert!(!told.contains("wang") && !told.contains("13800000000") && !told.contains("堵住"), "{told}");
        }
        hall.matters.judge(&two.receipt, 5).await.unwrap();
        assert!(matches!(hall.matters.judge(&two.receipt, 1).await, Err(Error::JudgedBefore)));
        assert!(matches!(hall.matters.judge(&one.receipt, 6).await, Err(Error::Invalid { .. })));
        assert!(hall.matters.follow("AAAA-BBBB-CCCC").await.unwrap().is_none());
        // The centre may call the reporter until thirty days after the end; then nobody can.
        let whole = hall.matters.whole(&one.matter.id, &county()).await.unwrap();
        assert_eq!(whole.said[0].contact.as_deref(), Some("13800000000"));
        hall.clock.advance(minutes(31 * 24 * 60));
        hall.round().await;
        let whole = hall.matters.whole(&one.matter.id, &county()).await.unwrap();
        assert_eq!(whole.said[0].contact, None);
        hall.prove().await;
    }
}

#[tokio::test]
async fn two_matters_found_to_be_one_are_merged_and_every_reporter_follows_the_one() {
    for hall in halls().await {
        let one = hall.matters.collect(report("a", "E0501", "192.0.2.1", STREET), vec![]).await.unwrap();
        let far = (STREET.0 + 0.003, STREET.1);
        let two = hall.matters.collect(report("b", "E0501", "192.0.2.2", far), vec![]).await.unwrap();
        assert_ne!(one.matter.id, two.matter.id);
        let into = |id: &str| Step::Merge { into: id.to_owned() };
        assert!(matches!(hall.step(&two.matter.id, into(&two.matter.id), &county()).await, Err(Error::Refused(_))));
        assert!(matches!(hall.step(&two.matter.id, into("none"), &county()).await, Err(Error::NotFound(_))));
        hall.step(&two.matter.id, into(&one.matter.id), &county()).await.unwrap();
        let followed = hall.matters.follow(&two.receipt).await.unwrap().unwrap();
        assert_eq!((followed.number, followed.others), (one.matter.number.clone(), 1));
        assert_eq!(hall.matters.find(&one.matter.id).await.unwrap().reports, 2);
        assert_eq!(state(&hall, &two.matter.id).await, State::Merged);
        hall.prove().await;
    }
}

#[tokio::test]
async fn what_a_unit_hands_back_waits_for_the_centre_and_nobody_acts_twice_by_one_key() {
    for hall in halls().await {
        let id = hall.matters.collect(report("a", "E0501", "192.0.2.1", STREET), vec![]).await.unwrap().matter.id;
        hall.step(&id, Step::Open { category: None, street_class: None }, &county()).await.unwrap();
        hall.round().await;
        hall.step(&id, Step::Return, &officer()).await.unwrap();
        hall.round().await;
        assert_eq!(state(&hall, &id).await, State::Opened, "the rule would choose the same unit");
        let give = yunpark::matters::NewStep {
            step: Step::Dispatch { unit: "城南中队".into(), assignee: None },
            why: "距离较近".into(),
        };
        hall.matters.advance(&id, give.clone(), Some("key"), &county()).await.unwrap();
        hall.matters.advance(&id, give.clone(), Some("key"), &county()).await.unwrap();
        let nowhere = Step::Dispatch { unit: "nobody".into(), assignee: None };
        assert!(matches!(hall.step(&id, nowhere, &county()).await, Err(Error::Invalid { field: "unit", .. })));
        let entries = ledger::about(&hall.db, "matter", &id, 50).await.unwrap();
        let given = entries.iter().filter(|entry| entry.payload.contains("城南中队")).count();
        assert!(given >= 1 && entries.len() == 5, "{}", entries.len());
        let _ = Digest::of(b"");
    }
}

#[tokio::test]
async fn what_lies_nowhere_or_is_said_by_nobody_who_may_is_refused() {
    for hall in halls().await {
        for (new, field) in [
            (report("a", "X1", "192.0.2.1", STREET), "category"),
            (report("b", "E0501", "192.0.2.1", (120.5, 30.0)), "location"),
            (NewReport { what: "\u{0}".into(), ..report("c", "E0501", "192.0.2.1", STREET) }, "what"),
            (NewReport { place: "x".repeat(201), ..report("d", "E0501", "192.0.2.1", STREET) }, "place"),
            (
                NewReport { location: None, place: String::new(), ..report("e", "E0501", "192.0.2.1", STREET) },
                "location",
            ),
        ] {
            let refused = hall.matters.collect(new, vec![]).await.unwrap_err();
            assert!(matches!(refused, Error::Invalid { field: named, .. } if named == field), "{refused}");
        }
        // A citizen does not say that a sensor is broken.
        let refused = hall.matters.collect(report("f", "C0202", "192.0.2.1", STREET), vec![]).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(r) if r.word() == "wrong-source"));
        let no_picture = hall.matters.collect(report("g", "E0501", "192.0.2.1", STREET), vec![vec![1, 2].into()]).await;
        assert!(matches!(no_picture, Err(Error::Desk(_))));
    }
}
