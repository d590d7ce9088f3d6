//! Running totals, mixed lots, and the drift between absolute counts.

use super::*;

fn total(direction: Direction, value: u64, width_bits: u8, at_ms: i64) -> Observation {
    observed("C", Statement::Total { direction, lane: "gate".to_owned(), value, width_bits }, at_ms)
}

fn baseline(value: Option<u64>, at_ms: i64) -> Observation {
    observed("C", Statement::Baseline { direction: In, lane: "gate".to_owned(), value }, at_ms)
}

on_every_engine! {
    async fn a_total_counts_what_it_has_grown_by_and_wraps_at_its_width(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        one(&engine, observed("C", Statement::Occupied { count: 4 }, 0)).await;
        assert_eq!(one(&engine, total(In, 65_535, 16, 1000)).await, Outcome::Confirmed, "the first is a baseline");
        assert_eq!(one(&engine, total(In, 2, 16, 2000)).await, Changed);
        assert_eq!(counts(&engine, "C").await.1, 7, "65535 to 2 is three vehicles");
        assert_eq!(one(&engine, total(In, 2, 16, 2000)).await, Outcome::Late, "the same again counts nothing");
        assert_eq!(one(&engine, total(Out, u64::MAX, 64, 2000)).await, Outcome::Confirmed, "the other direction is its own");
        assert_eq!(one(&engine, total(Out, 4, 64, 3000)).await, Changed);
        assert_eq!(counts(&engine, "C").await.1, 2, "five went out");
        assert_eq!(one(&engine, total(In, 3, 16, 1500)).await, Outcome::Late);
    }

    async fn a_total_that_leaps_is_quarantined_and_counting_goes_on_from_it(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        engine.apply(&[observed("C", Statement::Occupied { count: 4 }, 0), total(In, 100, 32, 1000)]).await.unwrap();
        let before = counts(&engine, "C").await;
        assert_eq!(one(&engine, total(In, 121, 32, 2000)).await, Outcome::Quarantined, "20 at once can be true, 21 not");
        assert_eq!(one(&engine, total(In, 121, 32, 2000)).await, Outcome::Late, "and is not quarantined twice");
        assert_eq!(counts(&engine, "C").await, before);
        assert_eq!(one(&engine, total(In, 123, 32, 3000)).await, Changed);
        assert_eq!(counts(&engine, "C").await.1, 6);
        assert_eq!(one(&engine, total(In, 1 << 33, 40, 4000)).await, Outcome::Quarantined);
        let told = engine.counters(&lot_id("C")).await.unwrap().unwrap();
        assert_eq!((told.inside, told.quarantined, told.lanes[0].total), (Some(6), 2, Some(1 << 33)));
        assert_eq!(engine.counters(&lot_id("X")).await.unwrap(), None);
    }

    async fn a_reset_counter_begins_anew(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        engine.apply(&[observed("C", Statement::Occupied { count: 0 }, 0), total(In, 100, 7, 1000)]).await.unwrap();
        assert_eq!(one(&engine, baseline(None, 2000)).await, Outcome::Confirmed);
        assert_eq!(one(&engine, total(In, 3, 7, 3000)).await, Outcome::Confirmed, "the next is a baseline");
        assert_eq!(one(&engine, baseline(Some(0), 4000)).await, Outcome::Confirmed);
        assert_eq!(one(&engine, total(In, 3, 7, 5000)).await, Changed, "counted from zero");
        assert_eq!(counts(&engine, "C").await.1, 3);
    }

    async fn drift_is_noted_at_each_absolute_count_and_lowers_the_confidence(engine: Engine) {
        engine.configure(&[by_counters("C", 100)], at(0)).await.unwrap();
        let confidence = async || engine.lot(&lot_id("C")).await.unwrap().unwrap().confidence.as_f64();
        assert_eq!(confidence().await.to_bits(), 0_f64.to_bits(), "nothing is known");
        one(&engine, observed("C", Statement::Occupied { count: 50 }, 0)).await;
        assert_eq!(confidence().await.to_bits(), 1_f64.to_bits());
        for n in 1..=10 {
            one(&engine, passage("C", if n % 2 == 0 { Out } else { In }, 10, n * 1000)).await;
        }
        let unmeasured = confidence().await;
        assert!((0.98..1.0).contains(&unmeasured), "{unmeasured}: a hundredth of what passed is in doubt");
        one(&engine, observed("C", Statement::Occupied { count: 40 }, 86_400_000)).await;
        let told = engine.counters(&lot_id("C")).await.unwrap().unwrap();
        assert_eq!((told.drift, told.drift_passages, told.drift_span_s, told.passages), (Some(10), 100, 86_400, 0));
        assert_eq!(told.drift_per_day(), Some(10.0));
        assert_eq!((told.anchor(), told.entered, told.left()), (Some(40), 0, 0));
        one(&engine, passage("C", In, 3, 86_400_500)).await;
        let told = engine.counters(&lot_id("C")).await.unwrap().unwrap();
        assert_eq!((told.anchor(), told.entered, told.left(), told.inside), (Some(40), 3, 0, Some(43)));
        one(&engine, passage("C", Out, 3, 86_400_600)).await;
        let told = engine.counters(&lot_id("C")).await.unwrap().unwrap();
        assert_eq!((told.anchor(), told.entered, told.left(), told.inside), (Some(40), 3, 3, Some(40)));
        for n in 1..=10 {
            one(&engine, passage("C", if n % 2 == 0 { Out } else { In }, 10, 86_400_000 + n * 1000)).await;
        }
        let measured = confidence().await;
        assert!(measured < unmeasured - 0.03, "{measured}: as many passages, and they are known to drift more");
    }

    async fn a_mixed_lot_is_counted_one_way_and_tells_the_other_beside_it(engine: Engine) {
        let bays = LotLayout { mixed: true, ..by_spaces("A", 4, &["1", "2"]) };
        let gates = LotLayout { counted_by: CountedBy::Counters, ..LotLayout { lot: lot_id("D"), ..bays.clone() } };
        engine.configure(&[bays, gates], at(0)).await.unwrap();
        one(&engine, space("A", "1", Free, 1000)).await;
        let before = engine.lot(&lot_id("A")).await.unwrap().unwrap();
        assert_eq!(one(&engine, observed("A", Statement::Occupied { count: 3 }, 9000)).await, Outcome::Confirmed);
        assert_eq!(one(&engine, passage("A", Out, 1, 10_000)).await, Outcome::Confirmed);
        assert_eq!(engine.lot(&lot_id("A")).await.unwrap().unwrap(), before, "neither counts nor age move");
        assert_eq!(engine.counters(&lot_id("A")).await.unwrap().unwrap().inside, Some(2));

        one(&engine, observed("D", Statement::Occupied { count: 3 }, 1000)).await;
        let cursor = engine.lots().await.unwrap().cursor;
        assert_eq!(one(&engine, space("D", "1", Free, 9000)).await, Changed, "a bay is told");
        let (_, changes) = drain(&engine, cursor).await;
        assert_eq!((changes[0].spaces.len(), changes[0].availability.observed_at), (1, Some(at(1000))), "not the age");
        assert_eq!(counts(&engine, "D").await, (1, 3, 0, 0, 2));
    }
}
