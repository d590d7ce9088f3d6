//! The store on both databases: every test of the suite runs on SQLite and on PostgreSQL.

mod administration;
mod availability_state;
mod city;
mod history;
mod ledger;
mod lost_connections;
mod months;
mod past;
mod sign_states;
mod staff;
mod tamper;

use yunpark::{
    config,
    domain::time::{Instant, from_micros},
    store::{Db, query},
};

/// A connection's settings.
fn settings(url: &str) -> config::Store {
    config::Store::of(url, 8)
}

/// A migrated SQLite file in a folder that does not exist yet.
async fn sqlite(folder: &tempfile::TempDir) -> Db {
    let url = format!("sqlite://{}/new/yunpark.db", folder.path().display());
    migrated(&url).await
}

async fn migrated(url: &str) -> Db {
    let db = Db::connect(&settings(url)).await.unwrap();
    db.migrate().await.unwrap();
    db
}

fn at(second: i64) -> Instant {
    from_micros(1_770_000_000_123_456 + second * 1_000_000).unwrap()
}

/// Makes of each async function that takes a `Db` a test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let folder = tempfile::tempdir().unwrap();
                let db = crate::store::sqlite(&folder).await;
                super::$test(&db).await;
                db.close().await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let url = tokio::task::spawn_blocking(crate::services::postgres).await.unwrap();
                let db = crate::store::migrated(&url).await;
                super::$test(&db).await;
                db.close().await;
            })*
        }
    };
}
use on_both;

on_both! {
    migrations_are_applied_once_and_none_is_pending_after,
    what_is_not_committed_leaves_no_trace,
    a_reader_sees_one_state_while_others_write,
    a_value_that_does_not_parse_is_named_by_table_row_and_column,
    every_type_comes_back_as_it_was_bound,
    a_text_the_database_cannot_hold_is_told_apart_from_a_fault,
}

async fn migrations_are_applied_once_and_none_is_pending_after(db: &Db) {
    db.ping().await.unwrap();
    assert_eq!(db.pending_migrations().await.unwrap(), Vec::<String>::new());
    db.migrate().await.unwrap();
}

#[tokio::test]
async fn an_empty_database_names_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/empty.db", folder.path().display());
    let db = Db::connect(&settings(&url)).await.unwrap();
    assert_eq!(db.pending_migrations().await.unwrap()[0], "0001_house");
}

#[tokio::test]
async fn an_address_of_no_database_is_refused_without_showing_it() {
    for url in ["mysql://root:secret@db/yunpark", "sqlite::memory:", "postgres://user:secret@[bad/yunpark"] {
        let error = Db::connect(&settings(url)).await.unwrap_err().to_string();
        assert!(error.starts_with("store.url: ") && !error.contains("secret"), "{error}");
    }
}

async fn failures(db: &Db) -> i64 {
    query("login_failures", "SELECT COUNT(*) AS n FROM login_failures").fetch_one(db).await.unwrap().get("n").unwrap()
}

const INSERT: &str = "INSERT INTO login_failures (name, failures, since_us) VALUES ($1, $2, $3)";

async fn what_is_not_committed_leaves_no_trace(db: &Db) {
    let mut tx = db.begin_write().await.unwrap();
    query("login_failures", INSERT).bind("1").bind(1_i64).bind(at(0)).execute(&mut tx).await.unwrap();
    drop(tx);
    assert_eq!(failures(db).await, 0);
    query("login_failures", INSERT).bind("1").bind(1_i64).bind(at(0)).execute(db).await.unwrap();
    let again = query("login_failures", INSERT).bind("1").bind(1_i64).bind(at(0)).execute(db).await.unwrap_err();
    assert!(again.is_conflict() && !again.is_unavailable(), "{again}");
    assert_eq!(failures(db).await, 1);
}

async fn a_reader_sees_one_state_while_others_write(db: &Db) {
    let mut read = db.begin_read().await.unwrap();
    let count = "SELECT COUNT(*) AS n FROM login_failures";
    let before: i64 = query("login_failures", count).fetch_one(&mut read).await.unwrap().get("n").unwrap();
    query("login_failures", INSERT).bind("1").bind(1_i64).bind(at(0)).execute(db).await.unwrap();
    let after: i64 = query("login_failures", count).fetch_one(&mut read).await.unwrap().get("n").unwrap();
    assert_eq!((before, after, failures(db).await), (0, 0, 1));
    let refused = query("login_failures", INSERT).bind("2").bind(1_i64).bind(at(0)).execute(&mut read).await;
    assert!(refused.is_err(), "a reading transaction cannot write");
}

async fn a_value_that_does_not_parse_is_named_by_table_row_and_column(db: &Db) {
    query("login_failures", INSERT).bind("f1").bind(1_i64).bind(i64::MAX).execute(db).await.unwrap();
    let row = query("login_failures", "SELECT name, since_us FROM login_failures").fetch_one(db).await.unwrap();
    // The first column is somebody's name, which no error tells.
    let error = row.instant("since_us").unwrap_err().to_string();
    assert_eq!(error, "table login_failures, row (row), column since_us: outside the calendar");
    let text = "SELECT '浙K12345' AS plate_norm, 'i1' AS id, 'gone' AS state";
    let row = query("incidents", text).fetch_one(db).await.unwrap();
    let error = row.parse("state", |_| Err::<(), _>("unknown state")).unwrap_err().to_string();
    assert_eq!(error, "table incidents, row i1, column state: unknown state");
    let row = query("ledger", "SELECT CAST(7 AS BIGINT) AS seq, 'x' AS kind").fetch_one(db).await.unwrap();
    let error = row.count::<u32>("kind").unwrap_err().to_string();
    assert!(error.starts_with("table ledger, row 7, column kind: "), "{error}");
    assert!(row.get::<i64>("no_such_column").is_err());
}

async fn a_text_the_database_cannot_hold_is_told_apart_from_a_fault(db: &Db) {
    let asked = query("records", "SELECT id FROM records WHERE id = $1").bind("\0").fetch_all(db).await;
    match db {
        Db::Sqlite { .. } => assert!(asked.unwrap().is_empty()),
        Db::Postgres { .. } => assert!(asked.is_err_and(|error| error.is_bad_text() && !error.is_unavailable())),
    }
}

async fn every_type_comes_back_as_it_was_bound(db: &Db) {
    let text = "INSERT INTO captures (id, source, source_id, idempotency_key, content_hash, state, vehicle_class, \
                at_us, received_at_us, lon, lat, plate_norm) VALUES ($1, 'camera', 'C1', $2, 'h', 's', 'motor', $3, $4, $5, $6, $7)";
    let put = query("captures", text).bind("c1").bind("k\0'\"; --".replace('\0', "云")).bind(at(0)).bind(at(1));
    put.bind(119.563_2_f64).bind(None::<f64>).bind(None::<&str>).execute(db).await.unwrap();
    let row = query("captures", "SELECT * FROM captures WHERE idempotency_key = $1").bind("k云'\"; --");
    let row = row.fetch_optional(db).await.unwrap().unwrap();
    assert_eq!(row.instant("at_us").unwrap(), at(0));
    assert_eq!(row.get::<f64>("lon").unwrap().to_bits(), 119.563_2_f64.to_bits());
    assert_eq!(row.get::<Option<f64>>("lat").unwrap(), None);
    assert_eq!(row.get::<Option<String>>("plate_norm").unwrap(), None);
    assert_eq!(row.parse_opt("plate_norm", str::parse::<u8>).unwrap(), None);
}
