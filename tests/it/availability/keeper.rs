//! What the keeper promises: an engine that lost its memory is given it back from the store, and nothing goes back in time.

use tempfile::TempDir;
use yunpark::{
    clock::Clock,
    keeper::{Bell, Keeper},
    store::{Db, availability_state},
};

use super::*;

const EVERY: Duration = Duration::from_secs(3600);

struct House {
    engine: Engine,
    board: Arc<Board>,
    stop: CancellationToken,
    bell: Bell,
    tasks: tokio::task::JoinSet<()>,
}

impl House {
    /// An engine that is given what the store keeps, with its board and keeper running.
    async fn open(engine: Engine, db: &Db) -> Self {
        let city = [by_spaces("A", 4, &["1", "2", "3"]), by_spaces("B", 2, &["1", "2"])];
        engine.configure(&city, at(0)).await.unwrap();
        let (board, stop) = (Arc::new(Board::new(engine.clone())), CancellationToken::new());
        let keeper = Keeper::new(engine.clone(), db.clone(), board.clone(), Clock::System, EVERY);
        keeper.begin().await.unwrap();
        let bell = keeper.bell();
        let mut tasks = tokio::task::JoinSet::new();
        let (follows, stops) = (board.clone(), stop.clone());
        tasks.spawn(async move { follows.run(stops).await.unwrap() });
        let stops = stop.clone();
        tasks.spawn(async move { keeper.run(stops).await.unwrap() });
        Self { engine, board, stop, bell, tasks }
    }

    /// A clean stop.
    async fn close(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }

    async fn lot(&self, lot: &str) -> (u32, u32, u32, u64) {
        let lot = self.engine.lot(&lot_id(lot)).await.unwrap().unwrap();
        assert!(lot.is_consistent(), "{lot:?}");
        (lot.free, lot.occupied, lot.unknown, lot.version)
    }
}

async fn store(folder: &TempDir) -> Db {
    let url = format!("sqlite://{}/yunpark.db", folder.path().display());
    let settings = config::Store::of(&url, 4);
    let db = Db::connect(&settings).await.unwrap();
    db.migrate().await.unwrap();
    db
}

fn words() -> [Observation; 3] {
    [space("A", "1", Free, 1000), space("A", "2", Occupied, 1000), space("B", "1", Occupied, 1000)]
}

async fn kept_version(db: &Db, lot: &str) -> u64 {
    let all = availability_state::index(db).await.unwrap();
    all.iter().find(|(id, _, _)| *id == lot_id(lot)).map_or(0, |(_, version, _)| *version)
}

fn flush(server: &Server) {
    services::cli(server.port, &["FLUSHALL"]);
}

#[tokio::test]
async fn an_engine_without_a_journal_begins_where_the_last_one_stopped() {
    let folder = TempDir::new().unwrap();
    let db = store(&folder).await;
    let house = House::open(memory_engine(LIMITS.stream_length), &db).await;
    assert!(house.bell.rebuilt().is_none(), "a new house has lost nothing");
    house.engine.apply(&words()).await.unwrap();
    let before = (house.lot("A").await, house.lot("B").await);
    house.close().await;

    let house = House::open(memory_engine(LIMITS.stream_length), &db).await;
    let after = (house.lot("A").await, house.lot("B").await);
    let counts = |lot: (u32, u32, u32, u64)| (lot.0, lot.1, lot.2);
    assert_eq!((counts(after.0), counts(after.1)), (counts(before.0), counts(before.1)));
    assert!(after.0.3 >= before.0.3 && after.1.3 >= before.1.3, "versions only grow: {before:?}, {after:?}");
    let rebuilt = house.bell.rebuilt().unwrap();
    assert_eq!((rebuilt.cause.name(), rebuilt.lots), ("started", 2));
    let again = house.engine.apply(&words()).await.unwrap();
    assert!(again.iter().all(|outcome| *outcome == Outcome::Late), "order marks came back too: {again:?}");
    house.close().await;
}

#[tokio::test]
async fn a_journal_stays_the_first_truth_and_the_store_fills_in_for_a_lost_one() {
    let folder = TempDir::new().unwrap();
    let db = store(&folder).await;
    let journal = folder.path().join("journal");
    let open = || Engine::memory(Some(journal.clone()), LIMITS).unwrap();
    let house = House::open(open(), &db).await;
    house.engine.apply(&words()).await.unwrap();
    house.bell.soon();
    wait_until("the words to be kept", || async { kept_version(&db, "B").await > 0 }).await;
    // Told to the journal alone, as before a crash: the tasks end without a last round.
    one(&house.engine, space("A", "3", Occupied, 2000)).await;
    drop(house);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let house = House::open(open(), &db).await;
    assert_eq!(house.lot("A").await.1, 2, "what was acknowledged is there");
    assert!(house.bell.rebuilt().is_none(), "and the store has nothing newer");
    drop(house);
    tokio::time::sleep(Duration::from_millis(50)).await;
    std::fs::remove_file(&journal).unwrap();
    let house = House::open(open(), &db).await;
    assert_eq!(house.lot("A").await, (1, 1, 2, house.lot("A").await.3), "a lost journal: what the store kept");
    house.close().await;
}

#[tokio::test]
async fn an_emptied_redis_is_filled_again_and_followers_take_a_new_snapshot() {
    let server = services::redis();
    let folder = TempDir::new().unwrap();
    let db = store(&folder).await;
    let house = House::open(redis_engine(&server, LIMITS.stream_length).await, &db).await;
    house.engine.apply(&words()).await.unwrap();
    house.bell.soon();
    wait_until("the words to be kept", || async { kept_version(&db, "B").await > 0 }).await;
    let before = house.engine.lots().await.unwrap();
    let versions = (house.lot("A").await.3, house.lot("B").await.3);
    flush(&server);
    wait_until("the house to notice", || async {
        house.bell.rebuilt().is_some_and(|rebuilt| rebuilt.cause.name() == "emptied" && rebuilt.lots == 2)
    })
    .await;
    let (a, b) = (house.lot("A").await, house.lot("B").await);
    assert_eq!(((a.0, a.1, a.2), (b.0, b.1, b.2)), ((1, 1, 2), (0, 1, 1)), "what was kept is there again");
    assert!(a.3 > versions.0 && b.3 > versions.1, "and no version is told twice");
    assert_eq!(house.engine.changes(&before.cursor, Duration::ZERO).await.unwrap(), Follow::TooOld);
    wait_until("the board to follow", || async { house.board.snapshot().lots[&lot_id("A")].occupied == 1 }).await;
    assert_eq!(one(&house.engine, space("A", "2", Occupied, 1000)).await, Outcome::Late, "nothing is counted twice");
    assert_eq!(one(&house.engine, space("A", "3", Free, 2000)).await, Outcome::Changed);
    house.bell.soon();
    wait_until("the newer version to replace the kept one", || async { kept_version(&db, "A").await > versions.0 })
        .await;
    house.close().await;
}

#[tokio::test]
async fn a_restart_that_lost_the_last_minutes_is_made_good_from_the_store() {
    // A snapshot file taken at one moment, and everything since lost, as with `save` or an append-only file not yet synced.
    let mut server = services::redis_with(&["--save", "", "--appendonly", "no"]);
    let folder = TempDir::new().unwrap();
    let db = store(&folder).await;
    let house = House::open(redis_engine(&server, LIMITS.stream_length).await, &db).await;
    one(&house.engine, space("A", "1", Free, 1000)).await;
    services::cli(server.port, &["SAVE"]);
    house.engine.apply(&[space("A", "1", Occupied, 2000), space("A", "2", Occupied, 2000)]).await.unwrap();
    house.bell.soon();
    wait_until("the words to be kept", || async { kept_version(&db, "A").await >= 3 }).await;
    one(&house.engine, space("A", "3", Occupied, 3000)).await;
    let told = house.lot("A").await.3;
    server.kill();
    server.again();
    wait_until("the house to notice", || async {
        house.bell.rebuilt().is_some_and(|rebuilt| rebuilt.cause.name() == "server_changed")
    })
    .await;
    let (free, occupied, unknown, version) = house.lot("A").await;
    assert_eq!((free, occupied, unknown), (0, 2, 2), "the store knew more than the snapshot file");
    assert!(version > told, "versions that were lost are not told again: {version} after {told}");
    assert_eq!(
        one(&house.engine, space("A", "3", Occupied, 4000)).await,
        Outcome::Changed,
        "the next word brings the rest"
    );
    wait_until("the board to follow", || async { house.board.snapshot().lots[&lot_id("A")].occupied == 3 }).await;
    house.close().await;
}

#[tokio::test]
async fn a_replica_that_was_behind_when_it_took_over_is_made_good_from_the_store() {
    let mut first = services::redis();
    let second = services::redis_with(&["--save", "", "--replicaof", "127.0.0.1", &first.port.to_string()]);
    let linked = || services::cli(second.port, &["INFO", "replication"]).contains("master_link_status:up");
    wait_until("the replica to follow", || async { linked() }).await;
    let url = [first.port, second.port].map(|port| format!("redis://127.0.0.1:{port}")).join(",");
    let engine = Engine::redis(&redis_config_at(&url, "behind", LIMITS.stream_length)).await.unwrap();
    let folder = TempDir::new().unwrap();
    let db = store(&folder).await;
    let house = House::open(engine, &db).await;
    one(&house.engine, space("A", "1", Free, 1000)).await;
    // One replica at least has this on its way of knowing: what follows is lost, this is not.
    assert_eq!(services::cli(first.port, &["WAIT", "1", "20000"]).trim(), "1");
    services::cli(first.port, &["CONFIG", "SET", "requirepass", "a word the replica does not know"]);
    services::cli(second.port, &["CLIENT", "KILL", "TYPE", "master"]);
    wait_until("the replica to be cut off", || async { !linked() }).await;
    house.engine.apply(&[space("A", "1", Occupied, 2000), space("A", "2", Occupied, 2000)]).await.unwrap();
    house.bell.soon();
    wait_until("the words to be kept", || async { kept_version(&db, "A").await >= 3 }).await;
    one(&house.engine, space("A", "3", Occupied, 3000)).await;
    let told = house.lot("A").await.3;
    first.kill();
    services::cli(second.port, &["REPLICAOF", "NO", "ONE"]);
    wait_until("the house to notice", || async {
        house.bell.rebuilt().is_some_and(|rebuilt| rebuilt.cause.name() == "server_changed")
    })
    .await;
    let (free, occupied, unknown, version) = house.lot("A").await;
    assert_eq!((free, occupied, unknown), (0, 2, 2), "the store knew more than the replica");
    assert!(version > told, "versions the replica never saw are not told again: {version} after {told}");
    assert_eq!(one(&house.engine, space("A", "3", Occupied, 4000)).await, Outcome::Changed);
    wait_until("the board to follow", || async { house.board.snapshot().lots[&lot_id("A")].occupied == 3 }).await;
    house.close().await;
}
