//! Nodes that count together, what they learn of a lot downstream, and what a flood may do.

use super::*;
use crate::{
    availability::{self, Engine},
    domain::{
        city,
        observation::{Direction, Statement},
        time::parse_rfc3339,
    },
};

fn town(share: f64) -> Arc<City> {
    let file = serde_json::json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": "T", "time_zone": "Asia/Shanghai"},
        "features": [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.5, 28.1]},
             "properties": {"kind": "lot", "id": "L", "name": "L", "capacity": 400}},
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.5, 28.2]}, "properties":
                {"kind": "approach", "id": "A", "name": "A", "leads_to": [{"lot": "L", "travel_time_s": 120, "share": share}]}}
        ]
    });
    Arc::new(city::read(&file.to_string(), &|_| true).unwrap())
}

/// A node of a town, with a clock of its own.
async fn node(db: &Db, now: Instant, share: f64) -> (Roads, Clock) {
    let config = Config::load(None).unwrap();
    let engine = Engine::memory(None, availability::Limits::of(&config.availability)).unwrap();
    let (clock, city) = (Clock::manual(now), watch::Sender::new(town(share)).subscribe());
    let board = Arc::new(Board::new(engine));
    (Roads::open(db.clone(), clock.clone(), city, board, &config).await.unwrap(), clock)
}

async fn store(folder: &tempfile::TempDir) -> Db {
    let config = config::Store {
        url: format!("sqlite://{}", folder.path().join("y.db").display()).as_str().into(),
        ..Config::load(None).unwrap().store
    };
    let db = Db::connect(&config).await.unwrap();
    db.migrate().await.unwrap();
    db
}

fn start() -> Instant {
    parse_rfc3339("2026-03-10T01:00:00Z").unwrap()
}

fn lot() -> LotId {
    LotId::parse("L").unwrap()
}

fn passage(at: Instant, seq: u64, count: u32) -> Sighting {
    Sighting {
        approach: ApproachId::parse("A").unwrap(),
        statement: Statement::Passage { direction: Direction::In, count, lane: String::new() },
        observed_at: at,
        received_at: at,
        session: None,
        seq: Some(seq),
    }
}

fn full_of(occupied: u32, version: u64) -> BTreeMap<LotId, Availability> {
    let lot = Availability { occupied, free: 400 - occupied, unknown: 0, version, ..Availability::unheard(lot(), 400) };
    [(lot.lot.clone(), lot)].into()
}

#[tokio::test]
async fn nodes_count_together_and_each_passage_once() {
    let folder = tempfile::tempdir().unwrap();
    let db = store(&folder).await;
    let (one, other) = (node(&db, start(), 0.5).await.0, node(&db, start(), 0.5).await.0);
    let all = |roads: &Roads| roads.expected(&lot(), start() + chrono::Duration::hours(1));
    let sent: Vec<Sighting> = (1..=20).map(|seq| passage(start(), seq, 1)).collect();
    assert!(one.see(&sent).await.unwrap().iter().all(|outcome| *outcome == Outcome::Changed));
    assert!((all(&one) - 10.0).abs() < 1e-9, "half of twenty");
    // The other took the same messages off the broker, and some twice.
    let outcomes = other.see(&[&sent[..], &sent[5..9]].concat()).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Late), "{outcomes:?}");
    assert!((all(&other) - 10.0).abs() < 1e-9, "and knows them by that");
    other.see(&[passage(start(), 21, 2)]).await.unwrap();
    one.refresh().await.unwrap();
    assert!((all(&one) - 11.0).abs() < 1e-9, "what one hears the others learn");
    let again = node(&db, start(), 0.5).await.0;
    assert!((all(&again) - 11.0).abs() < 1e-9, "and one that starts");
}

#[tokio::test]
async fn a_flood_of_passages_shuts_no_lot() {
    let folder = tempfile::tempdir().unwrap();
    let db = store(&folder).await;
    let (roads, _) = node(&db, start(), 1.0).await;
    for second in 0..60 {
        let at = start() - chrono::Duration::seconds(60 - second);
        roads.see(&[passage(at, second.unsigned_abs() + 1, 400)]).await.unwrap();
    }
    let expected = roads.expected(&lot(), start() + chrono::Duration::hours(1));
    assert!((expected - 120.0).abs() < 1e-9, "three tenths of the capacity, and not {expected}");
}

#[tokio::test]
async fn what_turns_in_is_learned_from_the_lot_and_kept_for_a_node_that_starts() {
    let folder = tempfile::tempdir().unwrap();
    let db = store(&folder).await;
    let (roads, clock) = node(&db, start(), 0.0).await;
    let (mut occupied, mut version, mut seq, mut state) = (0u32, 1, 0u64, 7u64);
    let mut coming = std::collections::VecDeque::from(vec![0u32; 8]);
    roads.look_at(&full_of(0, version));
    for step in 0..900 {
        let now = start() + chrono::Duration::seconds(30 * step);
        // From none to five pass in half a minute, and every other of them parks.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let count = (state >> 33) % 6;
        let passages: Vec<Sighting> = (0..count)
            .map(|nth| passage(now + chrono::Duration::milliseconds(nth.cast_signed()), seq + nth + 1, 1))
            .collect();
        seq += count;
        if count > 0 {
            roads.see(&passages).await.unwrap();
        }
        coming[4] += (count / 2) as u32 + u32::from(count % 2 == 1 && step % 2 == 0);
        clock.advance(chrono::Duration::seconds(15));
        occupied += coming.pop_front().unwrap();
        coming.push_back(0);
        version += 1;
        roads.look_at(&full_of(occupied % 200, version));
        clock.advance(chrono::Duration::seconds(15));
        // As many leave as make the count jump back: a correction, which teaches nothing.
        roads.look_at(&full_of(occupied % 200, version));
    }
    let share = |roads: &Roads| roads.told()[0].shares[0];
    let (learned, steps) = share(&roads);
    assert!((learned - 0.5).abs() < 0.08, "{learned} after {steps} steps");
    assert!(steps > 800, "{steps}");
    roads.keep().await.unwrap();
    let again = node(&db, clock.now(), 0.0).await.0;
    assert_eq!(share(&again), (learned, steps));
    assert!(
        (again.expected(&lot(), start() + chrono::Duration::days(1))
            - roads.expected(&lot(), start() + chrono::Duration::days(1)))
        .abs()
            < 1e-9
    );
}
