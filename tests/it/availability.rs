//! One suite over both engines of availability: the laws of order and count, cursors, recovery, the board.

#![expect(clippy::unwrap_used, reason = "what a test asks for and does not get, fails it")]

mod cluster;
mod keeper;
mod keys;
mod laws;
mod model;
mod recovery;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use yunpark::{
    availability::{Board, Cause, Engine, Error, Follow, Limits, LotLayout, SpaceLayout},
    config,
    domain::{
        action::{Action, Service},
        availability::{Availability, Cursor, Freshness, Outcome, SpaceStatus},
        ids::{LotId, SpaceId},
        lot::CountedBy,
        observation::{Direction, Observation, SpaceState, Statement},
        time::{Instant, from_micros},
    },
};

use crate::services::{self, Server};

const LIMITS: Limits =
    Limits { max_future_ms: 60_000, seq_reset_after_s: 600, stream_length: 10_000, max_delta: 20, debounce_ms: 0 };

fn redis_config(port: u16, prefix: &str, stream_length: usize) -> config::Availability {
    redis_config_at(&format!("redis://127.0.0.1:{port}/0"), prefix, stream_length)
}

fn redis_config_at(url: &str, prefix: &str, stream_length: usize) -> config::Availability {
    config::Availability {
        redis_url: url.into(),
        redis_ca: std::path::PathBuf::new(),
        key_prefix: prefix.to_owned(),
        partitions: 3,
        stream_length,
        keep_every_s: 15,
        journal: String::new(),
        stale_after_s: 900,
        max_future_ms: LIMITS.max_future_ms,
        seq_reset_after_s: LIMITS.seq_reset_after_s,
        max_counter_delta: LIMITS.max_delta,
        space_stale_after_s: 0,
        space_dead_after_s: 0,
        debounce_ms: LIMITS.debounce_ms,
    }
}

async fn redis_engine(server: &Server, stream_length: usize) -> Engine {
    Engine::redis(&redis_config(server.port, "test", stream_length)).await.unwrap()
}

fn memory_engine(stream_length: usize) -> Engine {
    Engine::memory(None, Limits { stream_length, ..LIMITS }).unwrap()
}

/// Runs a scenario on the in-process engine, on the same with a journal, on Redis, on a cluster of three, and on Valkey.
macro_rules! on_every_engine {
    ($($(#[$meta:meta])* async fn $name:ident($engine:ident: Engine) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn scenario($engine: Engine) $body

            #[tokio::test]
            async fn in_process() {
                scenario(memory_engine(LIMITS.stream_length)).await;
            }

            #[tokio::test]
            async fn in_process_with_a_journal() {
                let dir = tempfile::tempdir().unwrap();
                scenario(Engine::memory(Some(dir.path().join("journal")), LIMITS).unwrap()).await;
            }

            #[tokio::test]
            async fn in_redis() {
                let server = services::redis();
                scenario(redis_engine(&server, LIMITS.stream_length).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
            async fn in_a_redis_cluster() {
                let (url, prefix) = tokio::task::spawn_blocking(services::shared_cluster).await.unwrap();
                let config = redis_config_at(&url, &prefix, LIMITS.stream_length);
                scenario(Engine::redis(&config).await.unwrap()).await;
            }

            #[tokio::test]
            async fn in_valkey() {
                if let Some(server) = services::valkey() {
                    scenario(redis_engine(&server, LIMITS.stream_length).await).await;
                }
            }
        }
    )*};
}

mod counters;
mod hands;
mod silence;

fn lot_id(text: &str) -> LotId {
    LotId::parse(text).unwrap()
}

fn space_id(text: &str) -> SpaceId {
    SpaceId::parse(text).unwrap()
}

/// Milliseconds after the suite's midnight.
fn at(ms: i64) -> Instant {
    from_micros(1_700_000_000_000_000 + ms * 1000).unwrap()
}

fn by_spaces(lot: &str, capacity: u32, spaces: &[&str]) -> LotLayout {
    let spaces = spaces.iter().map(|space| SpaceLayout::plain(space_id(space))).collect();
    LotLayout { counted_by: CountedBy::Spaces, spaces, ..by_counters(lot, capacity) }
}

fn by_counters(lot: &str, capacity: u32) -> LotLayout {
    LotLayout {
        lot: lot_id(lot),
        capacity,
        counted_by: CountedBy::Counters,
        mixed: false,
        spaces: Vec::new(),
        uses: BTreeMap::new(),
    }
}

fn city() -> Vec<LotLayout> {
    vec![by_spaces("A", 4, &["1", "2", "3"]), by_spaces("B", 2, &["1", "2"]), by_counters("C", 10)]
}

fn observed(lot: &str, statement: Statement, at_ms: i64) -> Observation {
    let observed_at = at(at_ms);
    Observation { lot: lot_id(lot), statement, observed_at, received_at: observed_at, session: None, seq: None }
}

fn space(lot: &str, space: &str, state: SpaceState, at_ms: i64) -> Observation {
    observed(lot, Statement::Space { space: space_id(space), state }, at_ms)
}

fn passage(lot: &str, direction: Direction, count: u32, at_ms: i64) -> Observation {
    observed(lot, Statement::Passage { direction, count, lane: "gate".to_owned() }, at_ms)
}

/// Takes a space out of service, or gives it back.
fn serve(lot: &str, space: &str, is_out: bool) -> Action {
    let service = if is_out { Service::OutOfService } else { Service::InService };
    Action::Service { lot: lot_id(lot), space: space_id(space), service }
}

fn numbered(observation: Observation, session: &str, seq: u64) -> Observation {
    Observation { session: Some(session.to_owned()), seq: Some(seq), ..observation }
}

/// free, occupied, unknown, out of service, version
async fn counts(engine: &Engine, lot: &str) -> (u32, u32, u32, u32, u64) {
    let lot = engine.lot(&lot_id(lot)).await.unwrap().unwrap();
    assert!(lot.is_consistent(), "{lot:?}");
    (lot.free, lot.occupied, lot.unknown, lot.out_of_service, lot.version)
}

async fn one(engine: &Engine, observation: Observation) -> Outcome {
    engine.apply(&[observation]).await.unwrap()[0]
}

/// All that changed after the cursor, and where to go on from.
async fn drain(engine: &Engine, mut cursor: Cursor) -> (Cursor, Vec<yunpark::domain::availability::Change>) {
    let mut all = Vec::new();
    loop {
        match engine.changes(&cursor, Duration::ZERO).await.unwrap() {
            Follow::Changes { changes, .. } if changes.is_empty() => return (cursor, all),
            Follow::Changes { cursor: to, changes } => {
                cursor = to;
                all.extend(changes);
            }
            Follow::TooOld => panic!("the cursor is gone"),
        }
    }
}

async fn wait_until<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    while !check().await {
        assert!(std::time::Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

use Direction::{In, Out};
use Outcome::{Changed, NotCounted, UnknownLot, UnknownSpace};
use SpaceState::{Free, Occupied, Unknown};

on_every_engine! {
    async fn a_city_nobody_has_word_of_is_all_unknown(engine: Engine) {
        let early = engine.lots().await;
        assert!(matches!(early, Err(Error::NotConfigured)), "{early:?}");
        assert!(matches!(engine.apply(&[space("A", "1", Free, 0)]).await, Err(Error::NotConfigured)));
        engine.ping().await.unwrap();
        engine.configure(&city(), at(0)).await.unwrap();
        let lots = engine.lots().await.unwrap().lots;
        let unheard = |lot: &str, capacity| Availability::unheard(lot_id(lot), capacity);
        assert_eq!(lots, [unheard("A", 4), unheard("B", 2), unheard("C", 10)]);
        assert_eq!(engine.lot(&lot_id("X")).await.unwrap(), None);
        assert_eq!(engine.spaces(&lot_id("X")).await.unwrap(), None);
        assert_eq!(engine.spaces(&lot_id("B")).await.unwrap().unwrap().len(), 2);
        assert_eq!(engine.apply(&[]).await.unwrap(), []);
    }

    async fn spaces_move_the_counts_of_their_lot(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let batch = [
            space("A", "1", Free, 1000), space("A", "2", Occupied, 1000), space("B", "1", Occupied, 1000),
            space("A", "1", Occupied, 2000), space("A", "9", Free, 2000), space("X", "1", Free, 2000),
            space("C", "1", Free, 2000), passage("A", In, 1, 2000),
        ];
        let expected = [Changed, Changed, Changed, Changed, UnknownSpace, UnknownLot, NotCounted, NotCounted];
        assert_eq!(engine.apply(&batch).await.unwrap(), expected);
        assert_eq!(counts(&engine, "A").await, (0, 2, 2, 0, 3), "one place of A has no sensor");
        assert_eq!(counts(&engine, "B").await, (0, 1, 1, 0, 1));
        let status = |space: &str, state, at_ms: Option<i64>| SpaceStatus {
            space: space_id(space), state, out_of_service: false, reserved: false, freshness: Freshness::Live, observed_at: at_ms.map(at),
        };
        let spaces = engine.spaces(&lot_id("A")).await.unwrap().unwrap();
        assert_eq!(spaces, [status("1", Occupied, Some(2000)), status("2", Occupied, Some(1000)), status("3", Unknown, None)]);
    }

    async fn a_duplicate_or_late_observation_moves_nothing(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let known = [numbered(space("A", "1", Occupied, 5000), "s", 12), space("A", "2", Free, 5000)];
        engine.apply(&known).await.unwrap();
        let before = engine.lots().await.unwrap();
        let late = [
            known[0].clone(), known[1].clone(), numbered(space("A", "1", Free, 6000), "s", 11),
            space("A", "2", Occupied, 4999), numbered(space("A", "1", Free, 4000), "other", 13), space("A", "2", Free, -9_000_000_000_000),
        ];
        assert_eq!(engine.apply(&late).await.unwrap(), [Outcome::Late; 6]);
        assert_eq!(engine.lots().await.unwrap(), before);
    }

    async fn a_rejoined_or_restarted_device_is_heard_again(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let of = |session: &str, seq, state, at_s: i64| numbered(space("B", "1", state, at_s * 1000), session, seq);
        assert_eq!(one(&engine, of("join1", u64::MAX - 1, Occupied, 0)).await, Outcome::Changed);
        assert_eq!(one(&engine, of("join1", u64::MAX, Free, -5)).await, Outcome::Changed, "the number decides");
        assert_eq!(one(&engine, of("join2", 0, Occupied, 1)).await, Outcome::Changed, "a rejoin starts at zero");
        assert_eq!(one(&engine, of("join2", 0, Free, 600)).await, Outcome::Late);
        assert_eq!(one(&engine, of("join2", 0, Free, 602)).await, Outcome::Changed, "a restart in the same session");
        assert_eq!(one(&engine, of("join1", u64::MAX, Occupied, 0)).await, Outcome::Late);
    }

    async fn an_observation_from_the_future_is_refused(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let ahead = |ms| Observation { received_at: at(0), ..space("A", "1", Free, ms) };
        assert_eq!(one(&engine, ahead(60_001)).await, Outcome::Future);
        assert_eq!(counts(&engine, "A").await, (0, 0, 4, 0, 0));
        assert_eq!(one(&engine, ahead(60_000)).await, Outcome::Changed);
    }

    async fn a_confirmation_moves_the_age_and_not_the_version(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        engine.apply(&[space("A", "1", Free, 1000)]).await.unwrap();
        let cursor = engine.lots().await.unwrap().cursor;
        assert_eq!(one(&engine, space("A", "1", Free, 1999)).await, Outcome::Confirmed);
        let lot = engine.lot(&lot_id("A")).await.unwrap().unwrap();
        assert_eq!((lot.version, lot.observed_at), (1, Some(at(1999))));
        let (cursor, none) = drain(&engine, cursor).await;
        assert_eq!(none, [], "followers are told at most once a second");
        assert_eq!(one(&engine, space("A", "1", Free, 2000)).await, Outcome::Confirmed);
        let (_, changes) = drain(&engine, cursor).await;
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].availability.version, changes[0].availability.observed_at), (1, Some(at(2000))));
        assert_eq!(changes[0].spaces, []);
    }

    async fn counters_count_from_the_first_absolute_count(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        assert_eq!(one(&engine, passage("C", In, 2, 1000)).await, Outcome::Confirmed, "only the age moves");
        assert_eq!(counts(&engine, "C").await, (0, 0, 10, 0, 0));
        assert_eq!(one(&engine, observed("C", Statement::Occupied { count: 4 }, 2000)).await, Outcome::Changed);
        assert_eq!(counts(&engine, "C").await, (6, 4, 0, 0, 1));
        assert_eq!(one(&engine, passage("C", In, 1, 1999)).await, Outcome::Late, "the absolute count has seen it");
        assert_eq!(one(&engine, passage("C", In, 8, 3000)).await, Outcome::Changed);
        assert_eq!(counts(&engine, "C").await, (0, 10, 0, 0, 2), "clamped when told");
        assert_eq!(one(&engine, passage("C", In, 1, 3000)).await, Outcome::Late, "of the same lane and instant");
        assert_eq!(one(&engine, passage("C", Out, 2, 4000)).await, Outcome::Confirmed, "twelve inside become ten");
        assert_eq!(one(&engine, passage("C", Out, 1, 5000)).await, Outcome::Changed);
        assert_eq!(counts(&engine, "C").await, (1, 9, 0, 0, 3));
        assert_eq!(one(&engine, observed("C", Statement::Free { count: 99 }, 6000)).await, Outcome::Changed);
        assert_eq!(counts(&engine, "C").await, (10, 0, 0, 0, 4));
    }

    async fn a_counter_cannot_invent_lanes_without_end(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let lane = |n: i64| Statement::Passage { direction: In, count: 1, lane: format!("l{n}") };
        let batch: Vec<_> = (0..70).map(|n| observed("C", lane(n), 1000 + n)).collect();
        let outcomes = engine.apply(&batch).await.unwrap();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::NotCounted).count(), 6);
        assert_eq!(one(&engine, observed("C", lane(69), 3000)).await, Outcome::NotCounted);
        assert_eq!(one(&engine, observed("C", lane(5), 3000)).await, Outcome::Confirmed);
    }

    async fn an_operator_takes_a_space_out_of_service(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        engine.apply(&[space("B", "1", Free, 1000), space("B", "2", Occupied, 1000)]).await.unwrap();
        let cursor = engine.lots().await.unwrap().cursor;
        let set = |space: &'static str, out| {
            let engine = engine.clone();
            async move { engine.act(&serve("B", space, out), at(2000)).await.unwrap() }
        };
        assert_eq!(set("1", true).await, Outcome::Changed);
        assert_eq!(set("1", true).await, Outcome::Confirmed);
        assert_eq!(counts(&engine, "B").await, (0, 1, 0, 1, 3));
        let (_, changes) = drain(&engine, cursor).await;
        assert_eq!((changes.len(), changes[0].spaces.len(), changes[0].spaces[0].out_of_service), (1, 1, true));
        assert_eq!(one(&engine, space("B", "1", Occupied, 3000)).await, Outcome::Changed, "its sensor is still heard");
        assert_eq!(counts(&engine, "B").await, (0, 1, 0, 1, 4));
        assert_eq!(set("1", false).await, Outcome::Changed);
        assert_eq!(counts(&engine, "B").await, (0, 2, 0, 0, 5));
        assert_eq!(set("9", true).await, Outcome::UnknownSpace);
        for (lot, outcome) in [("X", Outcome::UnknownLot), ("C", Outcome::NotCounted)] {
            let said = engine.act(&serve(lot, "1", true), at(0)).await.unwrap();
            assert_eq!(said, outcome);
        }
    }

    async fn a_new_city_file_keeps_the_state_of_what_stays(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let start = engine.lots().await.unwrap().cursor;
        engine.apply(&[
            space("A", "1", Free, 1000), space("A", "2", Occupied, 1000), space("B", "1", Free, 1000),
            observed("C", Statement::Occupied { count: 8 }, 1000),
        ]).await.unwrap();
        let before = engine.lots().await.unwrap();
        engine.configure(&city(), at(2000)).await.unwrap();
        assert_eq!(engine.lots().await.unwrap(), before, "the same city again changes nothing");

        let new = [by_spaces("A", 1, &["2", "4"]), by_spaces("B", 2, &["1", "2"]), by_counters("C", 6)];
        engine.configure(&new, at(3000)).await.unwrap();
        assert_eq!(counts(&engine, "A").await, (0, 1, 1, 0, 3), "capacity is never less than the spaces");
        assert_eq!(counts(&engine, "B").await, (1, 0, 1, 0, 1));
        assert_eq!(counts(&engine, "C").await, (0, 6, 0, 0, 2), "eight inside of six");
        let (_, changes) = drain(&engine, before.cursor.clone()).await;
        assert_eq!(changes.len(), 2, "followers of lots that stay go on: {changes:?}");
        let (_, all) = drain(&engine, start).await;
        let told = all.iter().find(|change| change.availability.lot == lot_id("A") && !change.spaces.is_empty());
        let spaces: Vec<&str> = told.unwrap().spaces.iter().map(|space| space.space.as_str()).collect();
        assert_eq!(spaces, ["1", "2"], "what was told of spaces that are gone still names them");
        assert_eq!(one(&engine, space("A", "2", Free, 1000)).await, Outcome::Late, "its order is kept too");
        assert_eq!(one(&engine, space("A", "1", Free, 5000)).await, Outcome::UnknownSpace);

        engine.configure(&[by_counters("A", 3), by_spaces("D", 1, &["1"])], at(4000)).await.unwrap();
        assert_eq!(counts(&engine, "A").await, (0, 0, 3, 0, 4), "counted another way, it starts anew");
        assert_eq!(engine.lots().await.unwrap().lots.len(), 2);
        assert_eq!(engine.lot(&lot_id("B")).await.unwrap(), None);
        let follow = engine.changes(&before.cursor, Duration::ZERO).await.unwrap();
        assert_eq!(follow, Follow::TooOld, "lots came and went: followers take a new snapshot");
    }

    async fn a_follower_waits_for_the_first_change_and_resumes_without_a_gap(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let start = engine.lots().await.unwrap().cursor;
        let none = engine.changes(&start, Duration::from_millis(30)).await.unwrap();
        assert!(matches!(none, Follow::Changes { changes, .. } if changes.is_empty()));
        let (follow, _) = tokio::join!(engine.changes(&start, Duration::from_secs(30)), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            engine.apply(&[space("A", "1", Free, 1000)]).await.unwrap()
        });
        let Follow::Changes { cursor, changes } = follow.unwrap() else { panic!("too old") };
        assert_eq!(changes.len(), 1);
        for n in 2..30 {
            engine.apply(&[space("A", "1", if n % 2 == 0 { Occupied } else { Free }, n * 1000)]).await.unwrap();
        }
        let (_, rest) = drain(&engine, cursor).await;
        let versions: Vec<u64> = rest.iter().map(|change| change.availability.version).collect();
        assert_eq!(versions, (2..30).collect::<Vec<u64>>());
        let (_, all) = drain(&engine, start).await;
        assert_eq!((all[0].clone(), &all[1..]), (changes[0].clone(), &rest[..]));
    }

    async fn a_malformed_or_foreign_cursor_is_too_old(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        for text in ["", "x", "m", "r", "m0.0.0", "rab.1-1_ab.1-1_ab.1-1", "r_._", "\u{0}", "-1"] {
            let follow = engine.changes(&Cursor(text.to_owned()), Duration::from_secs(30)).await.unwrap();
            assert_eq!(follow, Follow::TooOld, "{text:?}");
        }
    }

    async fn the_board_follows_changes_and_ages(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let (board, stop) = (Arc::new(Board::new(engine.clone())), CancellationToken::new());
        assert!(!board.is_ready());
        let mut steps = board.subscribe();
        let work = async {
            wait_until("the board to be ready", || async { board.is_ready() }).await;
            assert!(steps.recv().await.unwrap().resynced);
            assert_eq!(board.snapshot().lots.len(), 3);
            engine.apply(&[space("A", "1", Free, 1000)]).await.unwrap();
            let step = steps.recv().await.unwrap();
            assert_eq!((step.resynced, step.changes.len(), step.changes[0].spaces.len()), (false, 1, 1));
            assert_eq!(board.snapshot().lots[&lot_id("A")].free, 1);
            engine.apply(&[space("A", "1", Free, 400_000)]).await.unwrap();
            steps.recv().await.unwrap();
            assert_eq!(board.snapshot().lots[&lot_id("A")].observed_at, Some(at(400_000)));
            engine.configure(&city()[..1], at(0)).await.unwrap();
            wait_until("retired lots to go", || async { board.snapshot().lots.len() == 1 }).await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(board.clone().run(stop.clone()), work);
        ended.unwrap();
    }
}

/// A short stream forgets; its follower is told so and never given a stream with a gap.
async fn a_cursor_behind_the_kept_changes_is_too_old(engine: Engine) {
    engine.configure(&city(), at(0)).await.unwrap();
    let start = engine.lots().await.unwrap().cursor;
    for n in 1..400 {
        engine.apply(&[space("A", "1", if n % 2 == 0 { Occupied } else { Free }, n * 1000)]).await.unwrap();
    }
    assert_eq!(engine.changes(&start, Duration::from_secs(30)).await.unwrap(), Follow::TooOld);
}

#[tokio::test]
async fn a_cursor_behind_the_kept_changes_is_too_old_in_process() {
    a_cursor_behind_the_kept_changes_is_too_old(memory_engine(10)).await;
}

#[tokio::test]
async fn a_cursor_behind_the_kept_changes_is_too_old_in_redis() {
    let server = services::redis();
    a_cursor_behind_the_kept_changes_is_too_old(redis_engine(&server, 10).await).await;
}
