//! Histories from a real replica of PostgreSQL that follows its own: that it is the one asked, and what is said while it is gone.

use chrono::Duration;
use yunpark::{
    config,
    domain::{ids::LotId, time::Instant},
    store::{
        Db,
        history::{self, Point},
        months,
        past::Past,
        query,
    },
};

use crate::services::Pair;

async fn minutes(db: &Db, from: i64, count: i64) {
    let point = |n: i64| Point {
        lot: LotId::parse("L1").unwrap(),
        at: super::at(0) + Duration::minutes(from + n),
        free: 3,
        occupied: 4,
        unknown: 0,
        out_of_service: 0,
        capacity: 7,
    };
    let mut tx = db.begin_write().await.unwrap();
    history::append(&mut tx, &(0..count).map(point).collect::<Vec<_>>()).await.unwrap();
    tx.commit().await.unwrap();
}

/// How many minutes of the lot are told.
async fn told(past: &Past) -> usize {
    let lot = LotId::parse("L1").unwrap();
    let (lot, from) = (&lot, super::at(0));
    let all = |db: Db| async move { history::range(&db, lot, from, from + Duration::days(1), 1_000).await };
    past.ask(all).await.unwrap().len()
}

/// Asks a replica until it tells so many.
async fn wait_until(past: &Past, count: usize) {
    for _ in 0..600 {
        if told(past).await == count {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the replica does not come to {count} minutes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_are_read_from_the_replica_and_from_the_database_while_it_is_gone() {
    let pair = tokio::task::spawn_blocking(Pair::start).await.unwrap();
    let db = super::migrated(&pair.url).await;
    query("(none)", "DROP TABLE availability_history_before").execute(&db).await.unwrap();
    let with = config::Store { replica_url: pair.replica_url.as_str().into(), ..super::settings(&pair.url) };
    let past = Past::open(db.clone(), &with).unwrap();
    minutes(&db, 0, 5).await;
    wait_until(&past, 5).await;

    // A replica that is held back tells what it knows: so it is the one that was asked.
    let replica = Db::connect(&super::settings(&pair.replica_url)).await.unwrap();
    query("(none)", "SELECT pg_wal_replay_pause()").execute(&replica).await.unwrap();
    minutes(&db, 5, 3).await;
    assert_eq!(told(&past).await, 5);
    query("(none)", "SELECT pg_wal_replay_resume()").execute(&replica).await.unwrap();
    wait_until(&past, 8).await;
    replica.close().await;

    minutes(&db, 8, 2).await;
    wait_until(&past, 10).await;

    // A month that is made, and one that is dropped, come to the replica too.
    let (lot, from) = (LotId::parse("L1").unwrap(), super::at(0));
    let old = from - Duration::days(100);
    months::make_ahead(&db, old).await.unwrap();
    minutes(&db, -100 * 24 * 60, 4).await;
    let all = |from: Instant| {
        let lot = lot.clone();
        move |db: Db| {
            let lot = lot.clone();
            async move { history::range(&db, &lot, from, super::at(0) + Duration::days(1), 1_000).await }
        }
    };
    for count in [14, 10] {
        let mut tries = 0;
        while past.ask(all(old)).await.unwrap().len() != count {
            assert!(tries < 600, "the replica does not come to {count} minutes");
            tries += 1;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        while months::drop_oldest(&db, history::Table::Minutes.aged(), from - Duration::days(62)).await.unwrap() {}
    }

    tokio::task::block_in_place(|| pair.lose_replica());
    minutes(&db, 10, 1).await;
    assert_eq!(told(&past).await, 11, "the database answers for it");
    assert!(Past::open(db, &config::Store { replica_url: "sqlite://x".into(), ..with }).is_err());
}
