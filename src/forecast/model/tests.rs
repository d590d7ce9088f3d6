//! What a forecast may know, what it learns, and how it does on real car parks.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use chrono_tz::{Asia::Shanghai, Europe::London};
use proptest::prelude::*;

use super::*;
use crate::domain::time::parse_rfc3339;

fn at(text: &str) -> Instant {
    parse_rfc3339(text).unwrap()
}

fn reading(at: Instant, free: u32) -> Reading {
    Reading { at, free, capacity: 100 }
}

/// A lot of 100 that empties by 2 places each quarter of an hour from 08:00 to 18:00 and fills again until 04:00.
fn usual(at: Instant) -> u32 {
    let minute = at.with_timezone(&Shanghai).num_seconds_from_midnight() / 60;
    let minute = if minute < 240 { minute + 1440 } else { minute };
    90 - (minute.clamp(480, 1080) - 480) / 15 * 2 + (minute.clamp(1080, 1680) - 1080) / 15 * 2
}

fn taught(days: i64) -> (LotModel, Instant) {
    let start = at("2026-03-01T16:00:00Z");
    let mut model = LotModel::new(Shanghai);
    for minute in 0..days * 1440 {
        let now = start + Duration::minutes(minute);
        model.learn(reading(now, usual(now)));
    }
    (model, start + Duration::days(days))
}

#[test]
fn a_lot_nobody_knows_stays_as_it_is_and_the_band_grows_with_the_horizon() {
    let now = at("2026-03-10T01:00:00Z");
    let model = LotModel::new(Shanghai);
    let forecast = |minutes| model.forecast(reading(now, 40), now + Duration::minutes(minutes)).unwrap();
    assert_eq!(forecast(0), Forecast { free: 40, low: 40, high: 40, method: Method::Persistence });
    assert_eq!((forecast(30).free, forecast(30).method), (40, Method::Persistence));
    assert!(forecast(60).high - forecast(60).low > forecast(15).high - forecast(15).low);
    assert_eq!(model.forecast(reading(now, 40), now + Duration::hours(25)), None);
}

#[test]
fn a_day_teaches_the_kind_of_day_and_a_week_teaches_the_weekday() {
    let (model, midnight) = taught(1);
    let nine = midnight + Duration::hours(9);
    let forecast = model.forecast(reading(nine, 60), nine + Duration::hours(1)).unwrap();
    assert_eq!((forecast.free, forecast.method), (52, Method::DayClass), "four quarters of two places each");
    let (model, midnight) = taught(7);
    let nine = midnight + Duration::hours(9);
    let forecast = model.forecast(reading(nine, 60), nine + Duration::hours(1)).unwrap();
    assert_eq!((forecast.free, forecast.method), (52, Method::Profile));
}

#[test]
fn a_forecast_never_leaves_the_lot() {
    let (model, midnight) = taught(8);
    let evening = midnight + Duration::hours(17);
    let forecast = model.forecast(reading(evening, 1), evening + Duration::hours(1)).unwrap();
    assert_eq!((forecast.free, forecast.low), (0, 0));
}

#[test]
fn a_lot_that_has_shut_is_left_where_it_is() {
    let (mut model, midnight) = taught(14);
    for minute in 0..720 {
        model.learn(reading(midnight + Duration::minutes(minute), 90));
    }
    let noon = midnight + Duration::hours(12);
    let forecast = model.forecast(reading(noon, 90), noon + Duration::hours(1)).unwrap();
    assert_eq!((forecast.free, forecast.method), (90, Method::Persistence));
}

#[test]
fn a_gap_teaches_nothing_and_an_older_reading_is_passed_over() {
    let (mut model, midnight) = taught(8);
    let (before, nine) = (model.clone(), midnight + Duration::hours(9));
    model.learn(reading(midnight - Duration::days(1), 3));
    let ask = |model: &LotModel| model.forecast(reading(nine, 60), nine + Duration::hours(1));
    assert_eq!(ask(&model), ask(&before));
    model.learn(reading(midnight + Duration::hours(8), 75));
    assert_eq!(ask(&model).unwrap().free, 52);
}

proptest! {
    #[test]
    fn what_comes_after_a_forecast_does_not_change_it(
        minutes in prop::collection::vec((1i64..200, 0u32..=100), 1..200), cut in any::<prop::sample::Index>(), ahead in 0i64..1440,
    ) {
        let mut now = at("2026-03-01T16:00:00Z");
        let readings: Vec<Reading> = minutes.iter().map(|(step, free)| { now += Duration::minutes(*step); reading(now, *free) }).collect();
        let cut = cut.index(readings.len());
        let mut model = LotModel::new(Shanghai);
        readings[..=cut].iter().for_each(|reading| model.learn(*reading));
        let ask = |model: &LotModel| model.forecast(readings[cut], readings[cut].at + Duration::minutes(ahead));
        let then = ask(&model).unwrap();
        prop_assert!(then.low <= then.free && then.free <= then.high && then.high <= 100);
        // A second model that is shown the whole series gives the same answer at the same point of it.
        let mut other = LotModel::new(Shanghai);
        let mut again = None;
        for (index, reading) in readings.iter().enumerate() {
            other.learn(*reading);
            if index == cut { again = ask(&other); }
        }
        prop_assert_eq!(again, Some(then));
    }
}

/// Lots of the public Birmingham series without impossible values, each in the order of time.
fn birmingham() -> Option<BTreeMap<String, Vec<Reading>>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/birmingham-until-2016-12-05.csv");
    let text = std::fs::read_to_string(path).ok()?;
    let mut lots: BTreeMap<String, Vec<Reading>> = BTreeMap::new();
    let mut impossible = Vec::new();
    for row in text.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let (capacity, occupied): (i64, i64) = (cells[1].parse().unwrap(), cells[2].parse().unwrap());
        if occupied < 0 || occupied > capacity {
            impossible.push(cells[0].to_owned());
            continue;
        }
        let local = NaiveDateTime::parse_from_str(cells[3], "%Y-%m-%d %H:%M:%S").unwrap();
        let at = local.and_local_timezone(London).earliest().unwrap().to_utc();
        let reading = Reading { at, free: (capacity - occupied) as u32, capacity: capacity as u32 };
        lots.entry(cells[0].to_owned()).or_default().push(reading);
    }
    lots.retain(|lot, _| !impossible.contains(lot));
    for readings in lots.values_mut() {
        readings.sort_by_key(|reading| reading.at);
        readings.dedup_by_key(|reading| reading.at);
    }
    Some(lots)
}

#[test]
fn on_real_car_parks_an_hour_ahead_the_forecast_beats_a_number_that_stays() {
    let Some(lots) = birmingham() else {
        println!("skipped: the Birmingham series is not there");
        return;
    };
    let test_from = at("2016-11-22T00:00:00Z");
    let (mut still, mut ours, mut inside, mut rows) = (0.0, 0.0, 0, 0);
    for readings in lots.values() {
        let mut model = LotModel::new(London);
        for (index, now) in readings.iter().enumerate() {
            model.learn(*now);
            let to = now.at + Duration::minutes(60);
            let near = |later: &&Reading| (later.at - to).abs() <= Duration::minutes(10);
            let Some(truth) = readings[index..].iter().take(8).find(near).filter(|_| now.at >= test_from) else {
                continue;
            };
            let forecast = model.forecast(*now, to).unwrap();
            let error = |free: u32| f64::from(free.abs_diff(truth.free)) / f64::from(now.capacity);
            still += error(now.free);
            ours += error(forecast.free);
            inside += u32::from((forecast.low..=forecast.high).contains(&truth.free));
            rows += 1;
        }
    }
    assert!(lots.len() > 15 && rows > 3_000, "{} lots, {rows} rows", lots.len());
    let (still, ours) = (100.0 * still / f64::from(rows), 100.0 * ours / f64::from(rows));
    let inside = f64::from(inside) / f64::from(rows);
    println!(
        "{} lots, {rows} rows, 60 min: stays {still:.2} %, ours {ours:.2} %, inside the band {inside:.3}",
        lots.len()
    );
    assert!(ours < 0.5 * still, "mean absolute error {ours:.2} % against {still:.2} %");
    assert!((0.7..0.95).contains(&inside), "four in five lie inside the band, not {inside:.3}");
}
