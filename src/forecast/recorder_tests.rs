//! What a node that starts knows of what an earlier one learned.

use chrono_tz::Asia::Shanghai;

use super::*;
use crate::{
    availability::{Board, Engine, Limits},
    clock::Clock,
    config::{self, Config},
    domain::{calendar::Calendar, city::City, ids::LotId, time::parse_rfc3339},
    forecast::model::Reading,
};

fn at(text: &str) -> Instant {
    parse_rfc3339(text).unwrap()
}

fn node(db: &Db, now: Instant) -> (Arc<Forecaster>, Recorder) {
    let config = Config::load(None).unwrap();
    let engine = Engine::memory(None, Limits::of(&config.availability)).unwrap();
    let city = City { time_zone: Shanghai, ..City::default() };
    let city = tokio::sync::watch::Sender::new(Arc::new(city)).subscribe();
    let board = Arc::new(Board::new(engine));
    let rules = config::Rules::of(&config.enforcement);
    let rules = tokio::sync::watch::Sender::new(Arc::new(rules)).subscribe();
    let forecaster = Arc::new(Forecaster::new(board, city, Clock::manual(now), 900, config.forecast, rules));
    (forecaster.clone(), Recorder::new(db.clone(), forecaster, Duration::from_secs(900)))
}

fn points(lots: &[LotId], from: Instant, minutes: i64) -> Vec<Point> {
    let mut points = Vec::new();
    for minute in 0..minutes {
        let at = from + chrono::Duration::minutes(minute);
        for (index, lot) in lots.iter().enumerate() {
            let wave = ((minute as f64 / 1440.0 + index as f64 * 0.1) * std::f64::consts::TAU).sin();
            let free = (50.0 + 40.0 * wave) as u32 + (minute % 7) as u32;
            points.push(Point {
                lot: lot.clone(),
                at,
                free,
                occupied: 100 - free,
                unknown: 0,
                out_of_service: 0,
                capacity: 100,
            });
        }
    }
    points
}

#[tokio::test]
async fn a_node_that_starts_again_forecasts_as_if_it_had_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::config::Store {
        url: format!("sqlite://{}", folder.path().join("y.db").display()).as_str().into(),
        ..Config::load(None).unwrap().store
    };
    let db = Db::connect(&config).await.unwrap();
    db.migrate().await.unwrap();
    let lots: Vec<LotId> = ["A", "B", "C"].iter().map(|lot| LotId::parse(lot).unwrap()).collect();
    let (start, middle) = (at("2026-03-01T00:00:00Z"), at("2026-03-04T07:13:00Z"));
    let end = middle + chrono::Duration::minutes(100);
    // One node learns it all in one go.
    let (whole, recorder) = node(&db, start);
    recorder.recall(start).await.unwrap();
    let (before, after) = (points(&lots, start, (middle - start).num_minutes()), points(&lots, middle, 100));
    whole.learn(&before);
    recorder.keep().await;
    whole.learn(&after);
    // The other dies after keeping; the history has the rest.
    let mut tx = db.begin_write().await.unwrap();
    history::append(&mut tx, &before).await.unwrap();
    history::append(&mut tx, &after).await.unwrap();
    tx.commit().await.unwrap();
    let (again, recorder) = node(&db, end);
    assert_eq!(recorder.recall(end).await.unwrap(), after.len(), "only what came after");
    let (whole, again) = (whole.kept().unwrap(), again.kept().unwrap());
    assert_eq!(whole.as_of, again.as_of);
    assert_eq!(format!("{:?}", whole.shared), format!("{:?}", again.shared));
    let days = Config::load(None).unwrap().enforcement.law.calendar;
    let calendar = Calendar::new(Shanghai, days.holidays, days.workdays);
    for lot in &lots {
        let now = Reading { at: end, free: 37, capacity: 100 };
        for minutes in [5, 30, 90, 600] {
            let ask = |kept: &Kept| {
                let to = end + chrono::Duration::minutes(minutes);
                kept.by_lot[lot].forecast(now, to, &calendar, &kept.shared).unwrap()
            };
            assert_eq!(ask(&whole), ask(&again));
        }
    }
}

#[test]
fn nodes_that_share_a_database_stamp_the_same_minute() {
    assert_eq!(whole_minute(at("2026-03-10T01:15:42.5Z")), whole_minute(at("2026-03-10T01:15:03Z")));
    assert_eq!(whole_minute(at("2026-03-10T01:15:42.5Z")), at("2026-03-10T01:15:00Z"));
}
