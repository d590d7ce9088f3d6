//! What a forecast may know, what it learns, and that it never leaves the lot.

use chrono_tz::Asia::Shanghai;
use proptest::prelude::*;

use super::*;
use crate::domain::time::parse_rfc3339;

fn at(text: &str) -> Instant {
    parse_rfc3339(text).unwrap()
}

fn reading(at: Instant, free: u32) -> Reading {
    Reading { at, free, capacity: 100 }
}

fn calendar() -> Calendar {
    Calendar::plain(Shanghai)
}

/// A lot of 100 that empties by 2 places each quarter of an hour from 08:00 to 18:00 and fills again until 04:00.
fn usual(at: Instant) -> u32 {
    use chrono::Timelike;
    let minute = at.with_timezone(&Shanghai).num_seconds_from_midnight() / 60;
    let minute = if minute < 240 { minute + 1440 } else { minute };
    90 - (minute.clamp(480, 1080) - 480) / 15 * 2 + (minute.clamp(1080, 1680) - 1080) / 15 * 2
}

fn taught(days: i64) -> (LotModel, Shared, Instant) {
    let start = at("2026-03-01T16:00:00Z");
    let (mut model, mut shared) = (LotModel::new(), Shared::default());
    for step in 0..days * 288 {
        let now = start + Duration::minutes(5 * step);
        model.learn(reading(now, usual(now)), &calendar(), &mut shared);
    }
    (model, shared, start + Duration::days(days))
}

#[test]
fn a_lot_nobody_knows_stays_as_it_is_and_the_band_grows_with_the_horizon() {
    let now = at("2026-03-10T01:00:00Z");
    let (model, shared) = (LotModel::new(), Shared::default());
    let forecast = |minutes| model.forecast(reading(now, 40), now + Duration::minutes(minutes), &calendar(), &shared);
    let at_once = forecast(0).unwrap();
    assert_eq!((at_once.free, at_once.low, at_once.high), (40, 40, 40));
    assert_eq!((forecast(30).unwrap().free, forecast(30).unwrap().method), (40, Method::Persistence));
    let width = |minutes| forecast(minutes).map(|forecast| forecast.high - forecast.low).unwrap();
    assert!(width(15) < width(60) && width(60) < width(600), "{} {} {}", width(15), width(60), width(600));
    let few =
        |minutes| model.forecast(reading(now, 10), now + Duration::minutes(minutes), &calendar(), &shared).unwrap();
    assert!(few(60).chance < few(15).chance && few(0).chance > 0.99, "{} {}", few(60).chance, few(15).chance);
    assert_eq!(forecast(25 * 60), None);
}

#[test]
fn a_day_teaches_the_kind_of_day_and_a_week_teaches_the_weekday() {
    for (days, known) in [(2, 0), (8, 1)] {
        let (model, shared, midnight) = taught(days);
        let nine = midnight + Duration::hours(9);
        let forecast =
            model.forecast(reading(nine, usual(nine)), nine + Duration::hours(1), &calendar(), &shared).unwrap();
        assert!(forecast.free.abs_diff(usual(nine) - 8) <= 2, "four quarters of two places each: {forecast:?}");
        assert_ne!(forecast.method, Method::Persistence);
        assert!(forecast.why.days >= known, "{:?}", forecast.why);
    }
}

#[test]
fn a_holiday_is_like_a_sunday_until_one_was_seen() {
    let (model, shared, midnight) = taught(9);
    let date = calendar().date(midnight);
    let holiday = Calendar::new(Shanghai, [date].into(), std::collections::BTreeSet::new());
    let ten = midnight + Duration::hours(10);
    let forecast = model.forecast(reading(ten, usual(ten)), ten + Duration::minutes(30), &holiday, &shared).unwrap();
    assert_eq!(forecast.why.days, 0, "its weekday says nothing");
    assert!(forecast.why.usual_then.is_some());
}

#[test]
fn a_lot_that_has_frozen_is_left_where_it_is() {
    let (mut model, mut shared, midnight) = taught(14);
    for step in 0..288 {
        model.learn(reading(midnight + Duration::minutes(5 * step), 90), &calendar(), &mut shared);
    }
    let noon = midnight + Duration::hours(24 + 12);
    for step in 0..144 {
        model.learn(reading(midnight + Duration::minutes(5 * (288 + step)), 90), &calendar(), &mut shared);
    }
    let forecast = model.forecast(reading(noon, 90), noon + Duration::hours(1), &calendar(), &shared).unwrap();
    assert!(forecast.free.abs_diff(90) <= 2, "{forecast:?}");
}

#[test]
fn a_filling_lot_is_likely_full_before_it_is() {
    let (model, shared, midnight) = taught(14);
    let evening = midnight + Duration::hours(17);
    let ask = |free, minutes| {
        model.forecast(reading(evening, free), evening + Duration::minutes(minutes), &calendar(), &shared).unwrap()
    };
    assert!(ask(8, 60).chance < 0.5, "{:?}", ask(8, 60));
    assert!(ask(60, 60).chance > 0.95);
}

#[test]
fn a_gap_teaches_nothing_and_an_older_reading_is_passed_over() {
    let (mut model, mut shared, midnight) = taught(8);
    let (before, nine) = (model.clone(), midnight + Duration::hours(9));
    model.learn(reading(midnight - Duration::days(1), 3), &calendar(), &mut shared);
    assert_eq!(format!("{model:?}"), format!("{before:?}"));
    model.learn(reading(midnight + Duration::hours(8), 75), &calendar(), &mut shared);
    let forecast = model.forecast(reading(nine, 75), nine + Duration::hours(1), &calendar(), &shared).unwrap();
    assert!(forecast.free.abs_diff(67) <= 6, "{forecast:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_comes_after_a_forecast_does_not_change_it_and_it_never_leaves_the_lot(
        minutes in prop::collection::vec((1i64..200, 0u32..=120), 1..150), cut in any::<prop::sample::Index>(), ahead in 0i64..1440,
    ) {
        let mut now = at("2026-03-01T16:00:00Z");
        let readings: Vec<Reading> =
            minutes.iter().map(|(step, free)| { now += Duration::minutes(*step); reading(now, *free) }).collect();
        let cut = cut.index(readings.len());
        let ask = |model: &LotModel, shared: &Shared| {
            model.forecast(readings[cut], readings[cut].at + Duration::minutes(ahead), &calendar(), shared).unwrap()
        };
        let (mut model, mut shared) = (LotModel::new(), Shared::default());
        readings[..=cut].iter().for_each(|reading| model.learn(*reading, &calendar(), &mut shared));
        let then = ask(&model, &shared);
        prop_assert!(then.low <= then.free && then.free <= then.high && then.high <= 100);
        prop_assert!((0.0..=1.0).contains(&then.chance));
        // A second model that is shown the whole series gives the same answer at the same point of it.
        let (mut other, mut all) = (LotModel::new(), Shared::default());
        let mut again = None;
        for (index, reading) in readings.iter().enumerate() {
            other.learn(*reading, &calendar(), &mut all);
            if index == cut { again = Some(ask(&other, &all)); }
        }
        prop_assert_eq!(again, Some(then));
    }
}
