//! What lies in Redis: every key has an owner, and two releases' libraries work on the same keys.

use redis::{Arg, Cmd, aio::MultiplexedConnection};

use super::*;

const LIBRARY: &str = concat!(
    include_str!("../../../src/availability/lua/availability.lua"),
    "\n",
    include_str!("../../../src/availability/lua/city.lua")
);

async fn connection(port: u16) -> MultiplexedConnection {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/0")).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn keys(connection: &mut MultiplexedConnection) -> Vec<String> {
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(connection).await.unwrap();
    keys.sort();
    keys
}

#[tokio::test]
async fn every_key_is_one_of_the_table_and_goes_with_its_lot() {
    let server = services::redis();
    let engine = redis_engine(&server, 100).await;
    let mut city = city();
    city[0].spaces[0].stale_after_s = Some(60);
    engine.configure(&city, at(0)).await.unwrap();
    engine.apply(&[space("A", "1", Free, 0), passage("C", In, 1, 0), space("B", "1", Free, 0)]).await.unwrap();
    engine.act(&Action::Close { lot: lot_id("A"), closed: true }, at(0)).await.unwrap();
    engine.sweep(at(90_000)).await.unwrap();
    engine.restore(&engine.export(None).await.unwrap(), at(0)).await.unwrap();
    let mut connection = connection(server.port).await;
    let docs = include_str!("../../../docs/availability.md");
    let is_of_the_table = |key: &str, lots: &[&str]| {
        let (tag, rest) = key.split_once('}').unwrap();
        let kind = rest.trim_start_matches(':');
        let row = if kind.starts_with("lot:") { "`{..}:lot:<id>`".to_owned() } else { format!("`{{..}}:{kind}`") };
        let is_of_a_lot = kind.strip_prefix("lot:").is_none_or(|lot| lots.contains(&lot));
        tag.starts_with("{test:p") && docs.contains(&row) && is_of_a_lot
    };
    for key in keys(&mut connection).await {
        assert!(is_of_the_table(&key, &["A", "B", "C"]), "{key}");
    }
    engine.configure(&city[1..2], at(0)).await.unwrap();
    let left = keys(&mut connection).await;
    assert!(left.iter().all(|key| is_of_the_table(key, &["B"])), "{left:?}");
    assert!(!left.iter().any(|key| key.ends_with(":due")), "no deadline of a lot that is gone: {left:?}");
    let bound: usize = redis::cmd("XLEN").arg("{test:p0}:changes").query_async(&mut connection).await.unwrap();
    assert!(bound <= 200, "{bound}");
}

/// The library of a later release: other names, and one more element in each record and in each space's mark.
fn later_library() -> String {
    let later = LIBRARY
        .replace("_v2", "_v3")
        .replace("  local record = pack(lot)\n", "  lot[30] = 'later'\n  local record = pack(lot)\n")
        .replace(
            "    flat[#flat + 1] = pack(it.marks[field])\n",
            "    if is_space(field) then it.marks[field][14] = 'later' end\n    flat[#flat + 1] = pack(it.marks[field])\n",
        )
        .replace("local function settle(it", "local function is_space(field)\n  return string.sub(field, 1, 1) == 's'\nend\nlocal function settle(it");
    assert_eq!(later.matches("'later'").count(), 2);
    later
}

/// The same call to the later release's function.
fn of_later(command: &Cmd) -> Cmd {
    let mut later = Cmd::new();
    for argument in command.args_iter() {
        match argument {
            Arg::Simple(b"yunpark_apply_v2") => later.arg("yunpark_apply_v3"),
            Arg::Simple(bytes) => later.arg(bytes),
            _ => unreachable!("a call has plain arguments"),
        };
    }
    later
}

#[tokio::test]
async fn two_releases_side_by_side_count_as_one_and_keep_what_only_the_later_knows() {
    let server = services::redis();
    let Engine::Redis(redis) = redis_engine(&server, 1000).await else { panic!("asked for Redis") };
    let engine = Engine::Redis(redis.clone());
    engine.configure(&city(), at(0)).await.unwrap();
    let mut connection = connection(server.port).await;
    let _: String = redis::cmd("FUNCTION").arg("LOAD").arg(later_library()).query_async(&mut connection).await.unwrap();
    let alone = memory_engine(1000);
    alone.configure(&city(), at(0)).await.unwrap();
    for n in 1..40_i64 {
        let state = [Free, Occupied, Unknown][(n % 3) as usize];
        let batch = [
            space("A", if n / 2 % 2 == 0 { "1" } else { "2" }, state, n * 1000),
            passage("C", if n % 4 == 0 { Out } else { In }, 1, n * 1000),
            observed("C", Statement::Occupied { count: (n % 9) as u32 }, n * 1000 - n % 5 * 700),
        ];
        let expected = alone.apply(&batch).await.unwrap();
        if n % 2 == 0 {
            assert_eq!(engine.apply(&batch).await.unwrap(), expected);
        } else {
            for command in redis.prepared(&batch) {
                let _: String = of_later(&command).query_async(&mut connection).await.unwrap();
            }
        }
        assert_eq!(engine.lots().await.unwrap().lots, alone.lots().await.unwrap().lots);
    }
    engine.apply(&[space("A", "1", Free, 90_000), space("A", "2", Free, 90_000)]).await.unwrap();
    let mut later = 0;
    for key in keys(&mut connection).await.iter().filter(|key| key.ends_with(":lots") || key.ends_with(":lot:A")) {
        let values: Vec<Vec<u8>> = redis::cmd("HVALS").arg(key).query_async(&mut connection).await.unwrap();
        later += values.iter().filter(|value| value.windows(5).any(|part| part == b"later")).count();
    }
    assert_eq!(later, 4, "the records of A and C, and the marks of both spaces");
}
