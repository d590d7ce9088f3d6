//! What time alone does: silent sensors become stale and dead, and states held back by the debounce interval count.

use super::*;

fn limited() -> LotLayout {
    let mut lot = by_spaces("A", 3, &["1", "2"]);
    (lot.spaces[0].stale_after_s, lot.spaces[0].dead_after_s) = (Some(60), Some(240));
    lot
}

on_every_engine! {
    async fn a_silent_space_is_stale_then_dead_and_a_word_restores_it(engine: Engine) {
        engine.configure(&[limited()], at(0)).await.unwrap();
        engine.apply(&[space("A", "1", Occupied, 0), space("A", "2", Free, 0)]).await.unwrap();
        assert_eq!(engine.sweep(at(59_999)).await.unwrap(), 0);
        let cursor = engine.lots().await.unwrap().cursor;
        assert_eq!(engine.sweep(at(60_000)).await.unwrap(), 1);
        assert_eq!(engine.sweep(at(60_000)).await.unwrap(), 0, "sweeping twice is sweeping once");
        assert_eq!(counts(&engine, "A").await, (1, 0, 2, 0, 3));
        let lot = engine.lot(&lot_id("A")).await.unwrap().unwrap();
        assert_eq!((lot.stale_spaces, lot.dead_spaces, lot.observed_at), (1, 0, Some(at(0))));
        let spaces = engine.spaces(&lot_id("A")).await.unwrap().unwrap();
        assert_eq!((spaces[0].state, spaces[0].freshness), (Occupied, Freshness::Stale), "its last word is told");
        let (_, changes) = drain(&engine, cursor).await;
        assert_eq!((changes.len(), changes[0].spaces[0].freshness), (1, Freshness::Stale), "and followers hear of it");

        assert_eq!(engine.sweep(at(240_000)).await.unwrap(), 1);
        let spaces = engine.spaces(&lot_id("A")).await.unwrap().unwrap();
        assert_eq!((spaces[0].state, spaces[0].freshness), (Unknown, Freshness::Dead), "its last word is forgotten");
        assert_eq!(one(&engine, space("A", "1", Free, 0)).await, Outcome::Late, "its order is not");
        assert_eq!(one(&engine, space("A", "1", Occupied, 300_000)).await, Changed);
        let lot = engine.lot(&lot_id("A")).await.unwrap().unwrap();
        assert_eq!((lot.occupied, lot.stale_spaces, lot.dead_spaces), (1, 0, 0));
        assert_eq!(engine.sweep(at(359_999)).await.unwrap(), 0);
        assert_eq!(engine.sweep(at(360_000)).await.unwrap(), 1);
        assert_eq!(one(&engine, space("A", "1", Occupied, 361_000)).await, Changed, "the same word, and live again");
        assert_eq!(engine.sweep(at(10_000_000)).await.unwrap(), 1, "the other has no limit");
        assert_eq!(counts(&engine, "A").await.0, 1);
    }

    async fn silence_is_measured_by_the_word_and_never_by_a_clock_ahead(engine: Engine) {
        engine.configure(&[limited()], at(0)).await.unwrap();
        let ahead = Observation { received_at: at(0), ..space("A", "1", Free, 50_000) };
        assert_eq!(one(&engine, ahead).await, Changed);
        assert_eq!(engine.sweep(at(59_999)).await.unwrap(), 0);
        assert_eq!(engine.sweep(at(60_000)).await.unwrap(), 1, "sixty seconds after it was received");
        let behind = Observation { received_at: at(100_000), ..space("A", "1", Free, 70_000) };
        assert_eq!(one(&engine, behind).await, Changed);
        assert_eq!(engine.sweep(at(130_000)).await.unwrap(), 1, "sixty seconds after it was said");
    }

    async fn a_new_limit_holds_from_the_next_sweep_on(engine: Engine) {
        engine.configure(&[by_spaces("A", 3, &["1", "2"])], at(0)).await.unwrap();
        one(&engine, space("A", "1", Free, 0)).await;
        assert_eq!(engine.sweep(at(100_000)).await.unwrap(), 0);
        engine.configure(&[limited()], at(0)).await.unwrap();
        assert_eq!(engine.sweep(at(100_000)).await.unwrap(), 1);
        engine.configure(&[], at(0)).await.unwrap();
        assert_eq!(engine.sweep(at(900_000)).await.unwrap(), 0, "a lot that is gone is not looked after");
    }
}

/// A space that flaps moves its lot once an interval, and stands where its last word left it when the interval is over.
async fn flapping_is_held_back(engine: Engine) {
    engine.configure(&city(), at(0)).await.unwrap();
    assert_eq!(one(&engine, space("A", "1", Free, 10_000)).await, Changed);
    assert_eq!(one(&engine, space("A", "1", Occupied, 12_000)).await, Outcome::Confirmed, "held back");
    assert_eq!(one(&engine, space("A", "1", Free, 13_000)).await, Outcome::Confirmed);
    assert_eq!(one(&engine, space("A", "1", Occupied, 14_000)).await, Outcome::Confirmed);
    assert_eq!(counts(&engine, "A").await, (1, 0, 3, 0, 1));
    assert_eq!(engine.sweep(at(39_999)).await.unwrap(), 0);
    assert_eq!(engine.sweep(at(40_000)).await.unwrap(), 1, "at the latest when the interval is over");
    assert_eq!(counts(&engine, "A").await, (0, 1, 3, 0, 2));
    assert_eq!(one(&engine, space("A", "1", Free, 69_999)).await, Outcome::Confirmed);
    assert_eq!(one(&engine, space("A", "1", Free, 70_000)).await, Changed, "or by the next word");
}

#[tokio::test]
async fn flapping_is_held_back_in_process() {
    flapping_is_held_back(Engine::memory(None, Limits { debounce_ms: 30_000, ..LIMITS }).unwrap()).await;
}

#[tokio::test]
async fn flapping_is_held_back_in_redis() {
    let server = services::redis();
    let config = config::Availability { debounce_ms: 30_000, ..redis_config(server.port, "flap", 100) };
    flapping_is_held_back(Engine::redis(&config).await.unwrap()).await;
}
