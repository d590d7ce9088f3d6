//! What only a cluster, or a server that comes back, can do: replicas that take over, connections that were waiting,
//! several addresses, and a server that hangs.

use std::process::Command;

use super::*;
use crate::services::{cli, free_port, redis_with};

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn clients(port: u16) -> usize {
    cli(port, &["CLIENT", "LIST"]).lines().filter(|line| line.contains("cmd=xread")).count()
}

#[tokio::test]
async fn a_master_is_killed_and_its_replica_takes_over() {
    let mut cluster = off_thread(|| services::a_cluster(1)).await;
    // Named by one server alone, the others are found.
    let url = format!("redis://127.0.0.1:{}", cluster.servers[1].port);
    let config = redis_config_at(&url, "failover", LIMITS.stream_length);
    let engine = Engine::redis(&config).await.unwrap();
    let city: Vec<LotLayout> = (0..12).map(|number| by_spaces(&format!("L{number}"), 2, &["1", "2"])).collect();
    engine.configure(&city, at(0)).await.unwrap();
    engine.settle(&engine.losses().await.unwrap()).await.unwrap();
    assert!(engine.losses().await.unwrap().is_empty(), "what was settled is whole");
    let words = |state, at_ms| -> Vec<Observation> {
        (0..12).map(|number| space(&format!("L{number}"), "1", state, at_ms)).collect()
    };
    engine.apply(&words(Occupied, 1000)).await.unwrap();
    let before = engine.lots().await.unwrap();

    // The master of the partition of L0.
    let victim = off_thread({
        let ports: Vec<u16> = cluster.servers.iter().take(3).map(|server| server.port).collect();
        move || ports.iter().position(|port| !cli(*port, &["KEYS", "*:lot:L0"]).trim().is_empty()).unwrap()
    })
    .await;
    cluster.servers[victim].kill();
    wait_until("the replica to take over", || async { engine.apply(&words(Free, 2000)).await.is_ok() }).await;
    for lot in engine.lots().await.unwrap().lots {
        assert_eq!((lot.free, lot.unknown), (1, 1), "{}", lot.lot);
    }
    let losses = engine.losses().await.unwrap();
    assert!(engine.is_concerned(&lot_id("L0"), &losses), "another server holds it now: {losses:?}");
    engine.settle(&losses).await.unwrap();
    assert!(engine.losses().await.unwrap().is_empty());
    assert_eq!(engine.changes(&before.cursor, Duration::ZERO).await.unwrap(), Follow::TooOld, "a new epoch");
    let here = engine.lots().await.unwrap().cursor;
    let last = words(Occupied, 3000);
    let (follow, applied) = tokio::join!(engine.changes(&here, Duration::from_secs(30)), engine.apply(&last));
    applied.unwrap();
    assert!(matches!(follow.unwrap(), Follow::Changes { changes, .. } if !changes.is_empty()), "waiting works too");
}

#[tokio::test]
async fn whoever_gives_up_waiting_leaves_no_connection_behind() {
    let server = services::redis();
    let (url, prefix) = off_thread(services::shared_cluster).await;
    let ports: Vec<u16> = url.split(',').map(|url| url.rsplit(':').next().unwrap().parse().unwrap()).collect();
    let alone = redis_engine(&server, LIMITS.stream_length).await;
    let spread = Engine::redis(&redis_config_at(&url, &prefix, LIMITS.stream_length)).await.unwrap();
    for engine in [&alone, &spread] {
        engine.configure(&city(), at(0)).await.unwrap();
        let cursor = engine.lots().await.unwrap().cursor;
        for _ in 0..60 {
            let wait = engine.changes(&cursor, Duration::from_secs(30));
            let given_up = tokio::time::timeout(Duration::from_millis(15), wait).await;
            assert!(given_up.is_err(), "nothing changed");
        }
    }
    wait_until("the last wait's connection to be gone", || async { clients(server.port) == 0 }).await;
    // Other tests wait on the same cluster, each of them on a handful of connections.
    let waiting: usize = ports.iter().map(|port| clients(*port)).sum();
    assert!(waiting < 60, "{waiting} connections wait on the cluster");
}

#[tokio::test]
async fn of_several_addresses_the_one_that_takes_writes_is_used() {
    let mut first = services::redis();
    let second = redis_with(&["--save", "", "--replicaof", "127.0.0.1", &first.port.to_string()]);
    wait_until("the replica to follow", || async {
        cli(second.port, &["INFO", "replication"]).contains("master_link_status:up")
    })
    .await;
    let nobody = free_port();
    let url = [nobody, second.port, first.port].map(|port| format!("redis://127.0.0.1:{port}")).join(", ");
    let engine = Engine::redis(&redis_config_at(&url, "pair", LIMITS.stream_length)).await.unwrap();
    engine.configure(&city(), at(0)).await.unwrap();
    engine.settle(&engine.losses().await.unwrap()).await.unwrap();
    engine.apply(&[space("A", "1", Free, 1000)]).await.unwrap();
    wait_until("the replica to have it", || async {
        cli(second.port, &["GET", "nothing"]);
        cli(second.port, &["INFO", "replication"]).contains("master_link_status:up")
            && cli(second.port, &["HLEN", "{pair:p0}:meta"]).trim() != "0"
    })
    .await;
    first.kill();
    cli(second.port, &["REPLICAOF", "NO", "ONE"]);
    wait_until("the other to be found", || async { engine.apply(&[space("A", "1", Occupied, 2000)]).await.is_ok() })
        .await;
    assert_eq!(counts(&engine, "A").await.1, 1);
    assert!(!engine.losses().await.unwrap().is_empty(), "and it is noticed that it is another");
}

#[tokio::test]
async fn a_server_that_hangs_holds_no_reader_for_long() {
    let server = services::redis();
    let engine = redis_engine(&server, LIMITS.stream_length).await;
    engine.configure(&city(), at(0)).await.unwrap();
    server.signal("STOP");
    // Without a limit of the engine's own this test would wait for as long as the server hangs.
    let answer = engine.lot(&lot_id("A")).await;
    assert!(matches!(answer, Err(Error::Unreachable(_))), "{answer:?}");
    server.signal("CONT");
    wait_until("it to answer again", || async { engine.lot(&lot_id("A")).await.is_ok() }).await;
}

#[tokio::test]
async fn a_restart_is_noticed_even_if_it_lost_nothing_that_can_be_seen() {
    let mut server = redis_with(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    let engine = redis_engine(&server, LIMITS.stream_length).await;
    engine.configure(&city(), at(0)).await.unwrap();
    let first = engine.losses().await.unwrap();
    assert_eq!(first.len(), 3, "a new Redis is one that may have been emptied");
    assert!(first.iter().all(|loss| loss.cause == Cause::Emptied));
    engine.settle(&first).await.unwrap();
    engine.apply(&[space("A", "1", Free, 1000)]).await.unwrap();
    assert!(engine.losses().await.unwrap().is_empty());
    server.kill();
    server.again();
    wait_until("the server to be reached", || async { engine.losses().await.is_ok() }).await;
    let losses = engine.losses().await.unwrap();
    assert_eq!(losses.len(), 3);
    assert!(losses.iter().all(|loss| loss.cause == Cause::ServerChanged));
    assert_eq!(counts(&engine, "A").await, (1, 0, 3, 0, 1), "each acknowledged step was on disk");
    engine.settle(&losses).await.unwrap();
    let empty = Command::new("redis-cli").args(["-p", &server.port.to_string(), "FLUSHALL"]).status().unwrap();
    assert!(empty.success());
    engine.settle(&losses).await.unwrap();
    assert!(
        engine.losses().await.unwrap().iter().all(|loss| loss.cause == Cause::Emptied),
        "an emptied server cannot be settled before it has a city"
    );
    assert_eq!(counts(&engine, "A").await, (0, 0, 4, 0, 0), "and is given one by the next who calls");
}
