//! Scores equal an independent computation from the ledger alone.

use std::collections::BTreeMap;

use serde_json::Value;
use yunpark::{
    domain::matter::{Stage, Step},
    matters::{Handled, month},
    store::{Db, ledger, query},
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

/// What the ledger's rows count to in SQL alone, of matters that were closed: how many, on time, right at first, how many voices and
/// the sum of what they said. The two databases reach into JSON each in its own way.
async fn counted_in_sql(db: &Db) -> [u64; 5] {
    let (late, reworks, content) = match db {
        Db::Sqlite { .. } => (
            "EXISTS (SELECT 1 FROM json_each(payload, '$.matter.course.late') WHERE value = 'handle')",
            "json_extract(payload, '$.matter.course.reworks')",
            "CASE WHEN json_type(payload, '$.receipt') = 'text' AND json_type(payload, '$.content') = 'integer' THEN json_extract(payload, '$.content') \
             WHEN json_extract(payload, '$.step.step') = 'evaluate' THEN json_extract(payload, '$.step.content') END",
        ),
        Db::Postgres { .. } => (
            "payload::jsonb #> '{matter,course,late}' @> '[\"handle\"]'",
            "CAST(payload::jsonb #>> '{matter,course,reworks}' AS BIGINT)",
            "CAST(CASE WHEN jsonb_typeof(payload::jsonb -> 'receipt') = 'string' AND jsonb_typeof(payload::jsonb -> 'content') = 'number' THEN payload::jsonb ->> 'content' \
             WHEN payload::jsonb #>> '{step,step}' = 'evaluate' THEN payload::jsonb #>> '{step,content}' END AS BIGINT)",
        ),
    };
    let last = "SELECT MAX(seq) FROM ledger WHERE subject_type = 'matter' GROUP BY subject_id";
    let ends = format!(
        "SELECT COUNT(*) AS closed, SUM(CASE WHEN {late} THEN 0 ELSE 1 END) AS on_time, SUM(CASE WHEN {reworks} = 0 THEN 1 ELSE 0 END) \
         AS first FROM ledger WHERE seq IN ({last})"
    );
    let voices = format!(
        "SELECT COUNT(said) AS judged, CAST(SUM(said) AS BIGINT) AS judged_sum FROM \
         (SELECT {content} AS said FROM ledger WHERE subject_type = 'matter') AS voices"
    );
    // The text of a query lives as long as the program.
    let (ends, voices): (&'static str, &'static str) = (ends.leak(), voices.leak());
    let ends = query("ledger", ends).fetch_one(db).await.unwrap();
    let voices = query("ledger", voices).fetch_one(db).await.unwrap();
    let of = |row: &yunpark::store::Row, name: &'static str| row.count(name).unwrap();
    [of(&ends, "closed"), of(&ends, "on_time"), of(&ends, "first"), of(&voices, "judged"), of(&voices, "judged_sum")]
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
        assert_eq!(counted_in_sql(&hall.db).await, [closed, on_time, first, judged, judged_sum], "and in SQL alone");
        // A month without anything has no scores.
        assert!(hall.matters.scores(month("2025-01").unwrap()).await.unwrap().units.is_empty());
        assert_eq!(scores.people[0].id, "wang");
    }
}
