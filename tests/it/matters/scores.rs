//! Scores equal an independent computation from the ledger alone.

use std::collections::BTreeMap;

use serde_json::Value;
use yunpark::{
    domain::matter::{Stage, Step},
    matters::{Handled, month},
    store::ledger,
};

use super::{Hall, county, halls, minutes, officer, picture, report};

/// One matter: how late it is put right, whether it is found so at first, and what the evaluation says.
async fn run(hall: &Hall, n: u32, late: bool, redone: bool, content: Option<u8>) {
    let place = (119.5705 + f64::from(n) * 0.0008, 28.105);
    let id = hall.matters.collect(report(&format!("r{n}"), "E0501", &format!("192.0.2.{n}"), place), vec![]).await;
    let collected = id.unwrap();
    let id = collected.matter.id;
    hall.step(&id, Step::Open { category: None, street_class: None }, &county()).await.unwrap();
    hall.round().await;
    hall.clock.advance(minutes(if late { 3 * 24 * 60 } else { 1 }));
    for again in 0..=u32::from(redone) {
        let done = Handled { note: "好了".into(), at: None };
        hall.matters.handled(&id, done, vec![picture(3)], &format!("{n}-{again}"), &officer()).await.unwrap();
        let passed = again == u32::from(redone);
        hall.step(&id, Step::Verify { passed }, &county()).await.unwrap();
    }
    hall.matters.judge(&collected.receipt, 1 + (n % 5) as u8).await.unwrap();
    hall.step(&id, Step::Evaluate { content }, &county()).await.unwrap();
}

#[tokio::test]
async fn scores_equal_what_the_ledger_alone_gives() {
    for hall in halls().await {
        for (n, late, redone, content) in [
            (1, false, false, Some(5)),
            (2, true, false, Some(3)),
            (3, false, true, None),
            (4, true, true, Some(1)),
            (5, false, false, Some(4)),
            (6, false, false, None),
        ] {
            run(&hall, n, late, redone, content).await;
        }
        let scores = hall.matters.scores(month("2026-03").unwrap()).await.unwrap();
        let [unit] = &scores.units[..] else { panic!("one unit: {:?}", scores.units) };

        // The same from the ledger's entries, by another way: replay what each says.
        let head = ledger::head(&hall.db).await.unwrap();
        let entries = ledger::entries(&hall.db, 1, head.seq as u32).await.unwrap();
        let mut last: BTreeMap<String, Value> = BTreeMap::new();
        let (mut judged, mut judged_sum) = (0, 0);
        for entry in entries.iter().filter(|entry| entry.subject_type == "matter") {
            let said: Value = serde_json::from_str(&entry.payload).unwrap();
            let by_receipt = said["content"].as_u64().filter(|_| said["receipt"].is_string());
            let by_centre = said["step"]["content"].as_u64().filter(|_| said["step"]["step"] == "evaluate");
            if let Some(content) = by_receipt.or(by_centre) {
                judged += 1;
                judged_sum += content;
            }
            last.insert(entry.subject_id.clone(), said["matter"].clone());
        }
        let late = Stage::Handle.as_str();
        let is_late = |matter: &&Value| matter["course"]["late"].as_array().unwrap().iter().any(|one| one == late);
        let closed = last.len() as u64;
        let on_time = closed - last.values().filter(is_late).count() as u64;
        let first = last.values().filter(|matter| matter["course"]["reworks"] == 0).count() as u64;
        let counted = unit.counted;
        assert_eq!((counted.closed, counted.on_time, counted.verified_first_time), (closed, on_time, first));
        assert_eq!((counted.judged, counted.judged_sum, counted.reopened), (judged, judged_sum, 0));
        let weights = &scores.weights;
        let share = |part: u64| part as f64 / closed as f64;
        let content = (judged_sum - judged) as f64 / (4 * judged) as f64;
        let sum = weights.on_time * share(on_time)
            + weights.verified_first_time * share(first)
            + weights.not_reopened
            + weights.satisfaction * content;
        let whole = weights.on_time + weights.verified_first_time + weights.not_reopened + weights.satisfaction;
        let expected = (1000.0 * sum / whole).round() / 10.0;
        assert_eq!(unit.rates.score, Some(expected));
        assert_eq!((on_time, first, judged), (4, 4, 10), "the table above");
        // A month without anything has no scores.
        assert!(hall.matters.scores(month("2025-01").unwrap()).await.unwrap().units.is_empty());
        assert_eq!(scores.people[0].id, "wang");
    }
}
