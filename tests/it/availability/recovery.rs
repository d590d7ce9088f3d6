//! What a crash leaves behind: torn journals, an emptied Redis, a killed one.

use super::*;

#[tokio::test]
async fn a_journal_torn_by_a_crash_loses_only_what_was_not_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let open = || Engine::memory(Some(path.clone()), LIMITS);
    let engine = open().unwrap();
    engine.configure(&city(), at(0)).await.unwrap();
    engine.apply(&[space("A", "1", Free, 1000)]).await.unwrap();
    let acknowledged = (engine.lots().await.unwrap().lots, std::fs::read(&path).unwrap());
    engine.apply(&[space("A", "2", Occupied, 2000)]).await.unwrap();
    drop(engine);
    let whole = std::fs::read(&path).unwrap();
    for length in acknowledged.1.len()..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(open().unwrap().lots().await.unwrap().lots, acknowledged.0, "cut at byte {length}");
    }
    std::fs::write(&path, [&acknowledged.1[..], &[0; 40]].concat()).unwrap();
    let engine = open().unwrap();
    assert_eq!(engine.lots().await.unwrap().lots, acknowledged.0, "zeros at the end, as a lost power leaves them");
    engine.apply(&[space("A", "2", Occupied, 2000)]).await.unwrap();
    drop(engine);
    assert_eq!(counts(&open().unwrap(), "A").await, (1, 1, 2, 0, 2));

    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    std::fs::write(&path, [b"damage\n", lines[0]].concat()).unwrap();
    assert!(matches!(open(), Err(Error::Journal { .. })), "a damaged middle is not silently skipped");
}

#[tokio::test]
async fn a_redis_that_was_emptied_is_given_city_and_functions_again() {
    let server = services::redis();
    let engine = redis_engine(&server, LIMITS.stream_length).await;
    engine.configure(&city(), at(0)).await.unwrap();
    engine.apply(&[space("A", "1", Free, 1000)]).await.unwrap();
    let before = engine.lots().await.unwrap();
    let empty = |what: &'static [&'static str]| {
        let status = std::process::Command::new("redis-cli").args(["-p", &server.port.to_string()]).args(what).output();
        assert!(status.unwrap().status.success());
    };
    empty(&["FLUSHALL"]);
    assert_eq!(engine.changes(&before.cursor, Duration::from_secs(30)).await.unwrap(), Follow::TooOld);
    assert_eq!(counts(&engine, "A").await, (0, 0, 4, 0, 0), "what Redis forgot is unknown, not guessed");
    assert_eq!(one(&engine, space("A", "1", Free, 1000)).await, Outcome::Changed);
    empty(&["FUNCTION", "FLUSH"]);
    assert_eq!(one(&engine, space("A", "2", Free, 1000)).await, Outcome::Changed);
    assert_eq!(counts(&engine, "A").await, (2, 0, 2, 0, 2), "losing the functions alone loses no state");

    let stranger = redis_engine(&server, LIMITS.stream_length).await;
    empty(&["FLUSHALL"]);
    assert!(matches!(stranger.lots().await, Err(Error::NotConfigured)), "it was never given a city");
}

#[tokio::test]
async fn a_killed_redis_makes_the_board_wait_and_an_empty_one_in_its_place_is_taken_up() {
    let mut server = services::redis();
    let port = server.port;
    let engine = redis_engine(&server, LIMITS.stream_length).await;
    engine.configure(&city(), at(0)).await.unwrap();
    engine.apply(&[space("A", "1", Free, 1000)]).await.unwrap();
    let (board, stop) = (Arc::new(Board::new(engine.clone())), CancellationToken::new());
    let work = async {
        wait_until("the board to be ready", || async { board.is_ready() }).await;
        let first = board.snapshot();
        assert_eq!(first.lots[&lot_id("A")].free, 1);
        server.kill();
        wait_until("the board to notice", || async { !board.is_ready() }).await;
        let refused = engine.apply(&[space("A", "1", Free, 2000)]).await;
        assert!(matches!(refused, Err(Error::Unreachable(_))), "{refused:?}");
        assert_eq!(board.snapshot().lots[&lot_id("A")].free, 1, "the last state stays, and ages");

        let _server = services::redis_on(port);
        wait_until("the board to be ready again", || async { board.is_ready() }).await;
        assert_ne!(board.snapshot().cursor, first.cursor);
        assert_eq!(board.snapshot().lots[&lot_id("A")].unknown, 4);
        wait_until("writes to go through", || async { engine.apply(&[space("A", "1", Free, 2000)]).await.is_ok() })
            .await;
        wait_until("the change on the board", || async { board.snapshot().lots[&lot_id("A")].free == 1 }).await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(board.clone().run(stop.clone()), work);
    ended.unwrap();
}
