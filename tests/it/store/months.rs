//! The histories in months on a real PostgreSQL: made ahead by several nodes at once, dropped whole, read by the months that are asked
//! for, and brought there from the tables of before while others write.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use chrono::{DateTime, Datelike as _, Duration, Months, Utc};
use sqlx::{
    AssertSqlSafe, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};
use yunpark::{
    clock::Clock,
    config::Config,
    domain::{
        ids::{LotId, SpaceId},
        observation::SpaceState,
        time::Instant,
    },
    history::{Keeper, kept},
    store::{
        Db,
        history::{self, Point, Table},
        months, query,
        transitions::{self, Transition},
    },
};

use crate::services::{self, sql};

/// The beginning of the month so many months from this one.
fn month(from_now: i32) -> Instant {
    let first = now().date_naive().with_day(1).unwrap();
    let count = Months::new(from_now.unsigned_abs());
    let first = if from_now < 0 { first - count } else { first + count };
    first.and_time(chrono::NaiveTime::MIN).and_utc()
}

#[expect(clippy::disallowed_methods, reason = "months begin by the database's clock, which is the wall's")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn lot() -> LotId {
    LotId::parse("L1").unwrap()
}

/// Counts of one lot, one for each instant.
async fn sample(db: &Db, instants: &[Instant]) -> Result<(), yunpark::store::Error> {
    let point =
        |at: &Instant| Point { lot: lot(), at: *at, free: 3, occupied: 4, unknown: 0, out_of_service: 0, capacity: 7 };
    let mut tx = db.begin_write().await?;
    history::append(&mut tx, &instants.iter().map(point).collect::<Vec<_>>()).await?;
    tx.commit().await
}

async fn moved(db: &Db, instants: &[Instant]) -> Result<u64, yunpark::store::Error> {
    let one = |at: &Instant| Transition {
        lot: lot(),
        space: SpaceId::parse("S1").unwrap(),
        at: *at,
        state: SpaceState::Free,
        previous: None,
        lasted: None,
    };
    let mut tx = db.begin_write().await?;
    let written = transitions::append(&mut tx, &instants.iter().map(one).collect::<Vec<_>>()).await?;
    tx.commit().await?;
    Ok(written)
}

async fn database() -> (String, Db) {
    let url = tokio::task::spawn_blocking(services::postgres).await.unwrap();
    let db = super::migrated(&url).await;
    (url, db)
}

/// What a statement gives, a row a line.
fn told(url: &str, statement: &str) -> String {
    tokio::task::block_in_place(|| sql(url, statement)).unwrap()
}

/// The partition an instant's row stands in.
fn home(url: &str, table: &str, at: Instant) -> String {
    told(url, &format!("SELECT tableoid::regclass FROM {table} WHERE at_us = {}", at.timestamp_micros()))
}

fn name(table: &str, from_now: i32) -> String {
    format!("{table}_{}", month(from_now).format("%Y_%m"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn months_are_made_ahead_once_however_many_nodes_do_it() {
    let (url, db) = database().await;
    let names = || told(&url, "SELECT string_agg(name, ' ' ORDER BY name) FROM history_months WHERE history LIKE 'a%'");
    let expected = |months: std::ops::Range<i32>| {
        let mut all: Vec<String> = months.map(|n| name("availability_history", n)).collect();
        all.extend(["availability_history_before", "availability_history_default"].map(str::to_owned));
        all.join(" ")
    };
    assert_eq!(names(), expected(0..3), "a new database has this month and two more");
    assert_eq!(months::make_ahead(&db, now()).await.unwrap(), 0);

    let nodes: Vec<Db> =
        futures_util::future::join_all((0..6).map(|_| async { Db::connect(&super::settings(&url)).await.unwrap() }))
            .await;
    let writes = AtomicBool::new(true);
    let (made, ()) = tokio::join!(
        async {
            let all = nodes.iter().map(|node| months::make_ahead(node, month(4)));
            let made = futures_util::future::join_all(all).await;
            writes.store(false, Ordering::Relaxed);
            made.into_iter().map(|made| made.expect("nobody is refused")).sum::<u64>()
        },
        async {
            let mut n = 0;
            while writes.load(Ordering::Relaxed) {
                sample(&db, &[month(0) + Duration::minutes(n)]).await.expect("rows come in meanwhile");
                n += 1;
            }
        }
    );
    // Months 3 to 6: of those the one before the month asked for was asked for by nobody.
    assert_eq!(made, 2 * 3);
    assert_eq!(names().split(' ').count(), 8);
    for node in nodes {
        node.close().await;
    }
    assert!(months::look(&db, month(4)).await.unwrap().iter().all(|one| !one.is_amiss()));
    let amiss = months::look(&db, month(6)).await.unwrap();
    assert!(amiss.iter().all(|one| one.is_next_missing && one.strays == 0), "{amiss:?}");
    assert_eq!(amiss[0].to_string(), "availability_history has no partition for the next month");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_any_time_finds_a_place_and_goes_to_its_month_when_that_is_made() {
    let (url, db) = database().await;
    let (long_ago, far) = (month(-30), month(5) + Duration::days(3));
    sample(&db, &[long_ago, month(0), month(1), far]).await.unwrap();
    sample(&db, &[far]).await.unwrap();
    assert_eq!(moved(&db, &[long_ago, far]).await.unwrap(), 2);
    assert_eq!(moved(&db, &[long_ago, far]).await.unwrap(), 0, "a move is written once in whatever partition");
    let table = "availability_history";
    assert_eq!(home(&url, table, long_ago), "availability_history_before");
    assert_eq!(home(&url, table, month(0)), name(table, 0));
    assert_eq!(home(&url, table, month(1)), name(table, 1));
    assert_eq!(home(&url, table, far), "availability_history_default");
    let amiss = months::look(&db, now()).await.unwrap();
    assert_eq!(amiss[0].to_string(), "availability_history has 1 rows in its default partition");

    months::make_ahead(&db, month(4)).await.unwrap();
    assert_eq!(home(&url, table, far), name(table, 5));
    assert_eq!(home(&url, "space_transitions", far), name("space_transitions", 5));
    assert!(months::look(&db, month(4)).await.unwrap().iter().all(|one| !one.is_amiss()));
    assert_eq!(history::range(&db, &lot(), long_ago, far + Duration::days(1), 100).await.unwrap().len(), 4);

    // More than can be moved while others wait: that month goes without, and the next ones do not.
    let many = format!(
        "INSERT INTO availability_history SELECT 'L2', {} + n, 1, 1, 1, 1, 4 FROM generate_series(1, 10001) AS n",
        month(8).timestamp_micros()
    );
    told(&url, &many);
    assert_eq!(months::make_ahead(&db, month(8)).await.unwrap(), 2 * 2 + 1);
    assert_eq!(home(&url, table, month(8) + Duration::microseconds(1)), "availability_history_default");
    sample(&db, &[month(8) + Duration::days(1), month(9)]).await.unwrap();
    assert_eq!(home(&url, table, month(8) + Duration::days(1)), "availability_history_default");
    assert_eq!(home(&url, table, month(9)), name(table, 9));
}

/// A database with a row a day from two months ago on, and months made for that.
async fn of_some_months() -> (String, Db, Vec<Instant>) {
    let (url, db) = database().await;
    told(&url, "DROP TABLE availability_history_before, space_transitions_before");
    months::make_ahead(&db, month(-2)).await.unwrap();
    let days: Vec<Instant> = (0..95).map(|n| month(-2) + Duration::days(n)).filter(|at| *at < month(1)).collect();
    sample(&db, &days).await.unwrap();
    moved(&db, &days).await.unwrap();
    (url, db, days)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_months_that_are_asked_for_are_read() {
    let (url, db, _) = of_some_months().await;
    // Each question as the program asks it, and the plan as it is carried out.
    let within = (month(-1) + Duration::days(3), month(-1) + Duration::days(9));
    let across = (month(-1) + Duration::days(20), month(0) + Duration::days(2));
    let texts = [
        (
            "availability_history",
            "SELECT free FROM availability_history WHERE lot = 'L1' AND at_us >= $1 AND at_us < $2 ORDER BY at_us DESC LIMIT 100",
        ),
        (
            "availability_history",
            "SELECT free FROM availability_history WHERE at_us >= $1 AND at_us < $2 AND at_us % 900000000 = 0 ORDER BY at_us, lot",
        ),
        ("availability_history", "SELECT MIN(at_us) FROM availability_history WHERE at_us >= $1 AND at_us < $2"),
        (
            "space_transitions",
            "SELECT state FROM space_transitions WHERE lot = 'L1' AND space = 'S1' AND at_us >= $1 AND at_us < $2 ORDER BY at_us, state LIMIT 10",
        ),
    ];
    for (table, text) in texts {
        for ((from, to), asked) in [(within, vec![-1]), (across, vec![-1, 0])] {
            for mode in ["force_custom_plan", "force_generic_plan"] {
                let statement = format!(
                    "SET plan_cache_mode = {mode}; PREPARE asked (BIGINT, BIGINT) AS {text}; \
                     EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) EXECUTE asked ({}, {})",
                    from.timestamp_micros(),
                    to.timestamp_micros()
                );
                let plan = told(&url, &statement);
                for n in -2..3 {
                    let is_read = plan.lines().any(|line| line.contains(" on ") && line.contains(&name(table, n)));
                    assert_eq!(is_read, asked.contains(&n), "{mode}, {n}: {text}\n{plan}");
                }
                assert!(
                    !plan.contains(" on space_transitions_default")
                        && !plan.contains(" on availability_history_default")
                );
            }
        }
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_that_is_past_is_dropped_whole_and_the_rest_row_by_row_if_so_wished() {
    for whole_months in [false, true] {
        let (url, db, days) = of_some_months().await;
        let stray = month(-9);
        sample(&db, &[stray]).await.unwrap();
        moved(&db, &[stray]).await.unwrap();
        // Everything up to the tenth of last month is past its time.
        let clock = Clock::manual(month(-1) + Duration::days(40));
        let mut config = Config::load(None).unwrap();
        (config.history.minutes_days, config.history.transitions_days) = (30, 30);
        // Points go only once they are rolled up, and that is done in the same round.
        let keeper = Keeper::new(db.clone(), clock.clone(), kept(&config), whole_months);
        keeper.round().await.unwrap();
        keeper.round().await.unwrap();
        let there = told(&url, "SELECT string_agg(name, ' ') FROM history_months");
        let cut = month(-1) + Duration::days(10);
        let left: Vec<Instant> =
            days.iter().copied().filter(|at| *at >= if whole_months { month(-1) } else { cut }).collect();
        for table in ["availability_history", "space_transitions"] {
            assert!(!there.contains(&name(table, -2)) && there.contains(&name(table, -1)), "{there}");
            assert_eq!(told(&url, &format!("SELECT count(*) FROM {table}")), left.len().to_string(), "{table}");
            assert_eq!(
                told(&url, &format!("SELECT count(*) FROM {table}_default")),
                "0",
                "what stands in no month goes"
            );
        }
        let points = history::range(&db, &lot(), stray, month(1), 1_000).await.unwrap();
        assert_eq!(points.iter().map(|point| point.at).collect::<Vec<_>>(), left);
        let hours = history::slots(&db, Table::Hours, &lot(), stray, month(1), 1_000).await.unwrap();
        assert!(hours.len() > days.len() - 40, "what was dropped had been rolled up");
        db.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_that_somebody_reads_is_dropped_later_and_nobody_waits_long() {
    let (url, db, _) = of_some_months().await;
    let mut reader = db.begin_read().await.unwrap();
    let count = || query("availability_history", "SELECT COUNT(*) AS n FROM availability_history");
    let before: i64 = count().fetch_one(&mut reader).await.unwrap().get("n").unwrap();
    let refused = months::drop_oldest(&db, Table::Minutes.aged(), month(0)).await.unwrap_err();
    assert!(refused.to_string().contains("lock timeout") && !refused.is_denied(), "{refused}");
    let after: i64 = count().fetch_one(&mut reader).await.unwrap().get("n").unwrap();
    assert_eq!(before, after);
    drop(reader);
    while !months::drop_oldest(&db, Table::Minutes.aged(), month(-1)).await.unwrap() {
        tokio::task::yield_now().await;
    }
    assert!(
        !told(&url, "SELECT string_agg(name, ' ') FROM history_months").contains(&name("availability_history", -2))
    );
    assert!(!months::drop_oldest(&db, Table::Minutes.aged(), month(-1)).await.unwrap(), "this one is not past");
}

/// The migrations before the histories were parted, from the folder.
fn of_before() -> Migrator {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let all = files.filter_map(|file| {
        let name = file.file_name()?.to_str()?.to_owned();
        let version: i64 = name.get(..4)?.parse().ok()?;
        let text = AssertSqlSafe(std::fs::read_to_string(&file).ok()?).into_sql_str();
        let description = name[5..].trim_end_matches(".sql").to_owned();
        (version < 55).then(|| Migration::new(version, description.into(), MigrationType::Simple, text, false))
    });
    Migrator::with_migrations(all.collect())
}

/// Brings a database of before with rows of some months up to date while others write. `ahead`: some of its rows are of a clock that
/// was a year ahead.
async fn goes_forward(ahead: bool) {
    let server = Arc::new(tokio::task::spawn_blocking(services::postgres_alone).await.unwrap());
    let url = format!("postgres://yunpark@127.0.0.1:{}/yunpark", server.port);
    told(&url, "ALTER SYSTEM SET log_min_messages = debug1");
    told(&url, "SELECT pg_reload_conf()");
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    of_before().run(&pool).await.unwrap();
    // Somebody else who may read and write, as in a set-up with roles of its own.
    told(
        &url,
        "CREATE ROLE clerk LOGIN; GRANT SELECT, INSERT, DELETE ON availability_history, space_transitions TO clerk",
    );

    let db = Db::connect(&super::settings(&url)).await.unwrap();
    let mut old: Vec<Instant> =
        (0..156 * 24).map(|n| month(-4) + Duration::hours(n)).filter(|at| *at < now()).collect();
    if ahead {
        old.push(month(12));
    }
    for some in old.chunks(500) {
        sample(&db, some).await.unwrap();
        moved(&db, some).await.unwrap();
    }
    let files = "SELECT pg_relation_filenode(to_regclass(t || b)), pg_relation_filenode(to_regclass(t || b || '_at')), \
                 pg_relation_filenode(to_regclass(t || b || '_pkey')) \
                 FROM unnest(ARRAY['availability_history', 'space_transitions']) AS t";
    let on_disk = |ending: &str| told(&url, &files.replace("FROM", &format!("FROM (SELECT '{ending}' AS b) AS b,")));
    let before = on_disk("");

    // Nodes that run: each on connections whose statements were prepared before.
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let (db, stop, written) = (db.clone(), stop.clone(), written.clone());
            #[expect(clippy::disallowed_methods, reason = "a test's own nodes")]
            tokio::spawn(async move {
                let mut n = 0_i64;
                while !stop.load(Ordering::Relaxed) {
                    let at = now() + Duration::seconds(writer + 2 * n) + Duration::days(2);
                    sample(&db, &[at]).await.expect("a count is never refused");
                    moved(&db, &[at]).await.expect("a move is never refused");
                    history::range(&db, &lot(), month(-4), month(-3), 10).await.expect("the past can be read");
                    n += 1;
                    written.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    while written.load(Ordering::Relaxed) < 20 {
        tokio::task::yield_now().await;
    }
    let (one, other) =
        (Db::connect(&super::settings(&url)).await.unwrap(), Db::connect(&super::settings(&url)).await.unwrap());
    let (first, second) = tokio::join!(one.migrate(), other.migrate());
    first.and(second).expect("two that start at once bring it up to date together");
    let so_far = written.load(Ordering::Relaxed);
    while written.load(Ordering::Relaxed) < so_far + 20 {
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }

    let all = old.len() as u64 + written.load(Ordering::Relaxed);
    for table in ["availability_history", "space_transitions"] {
        assert_eq!(told(&url, &format!("SELECT count(*) FROM {table}")), all.to_string(), "{table}");
    }
    let points = history::range(&db, &lot(), month(-4), now(), 100_000).await.unwrap();
    let expected: Vec<Instant> = old.iter().copied().filter(|at| *at < month(2)).collect();
    assert_eq!(points.iter().map(|point| point.at).collect::<Vec<_>>(), expected);
    // The files of rows and indexes are the ones that were there: nothing was copied or built anew.
    assert_eq!(on_disk("_before"), before);
    let constraints = "SELECT count(*) FROM pg_constraint WHERE conname = 'months_before'";
    assert_eq!(told(&url, constraints), "0");
    let log = std::fs::read_to_string(server.dir.path().join("log")).unwrap();
    for table in ["availability_history_before", "space_transitions_before"] {
        let unread = format!("partition constraint for table \"{table}\" is implied by existing constraints");
        assert_eq!(log.contains(&unread), !ahead, "{table} is read under the lock only where it cannot be helped");
    }
    let until = told(&url, "SELECT DISTINCT until_us FROM history_months WHERE name LIKE '%_before'");
    assert_eq!(until, month(2).timestamp_micros().to_string());
    let amiss = months::look(&db, now()).await.unwrap();
    assert!(amiss.iter().all(|one| !one.is_next_missing && one.strays == u32::from(ahead)), "{amiss:?}");
    let clerk = url.replace("yunpark@", "clerk@");
    assert_eq!(told(&clerk, "SELECT count(*) FROM availability_history"), all.to_string());
    assert_eq!(told(&clerk, "SELECT history_make_months(1, 0) * 0"), "0", "who may delete rows may make months");
    // A program that starts again finds nothing to do.
    one.migrate().await.unwrap();
    assert_eq!(one.pending_migrations().await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_before_goes_forward_while_others_write_and_nothing_is_copied() {
    goes_forward(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_clock_that_was_ahead_do_not_keep_a_database_back() {
    goes_forward(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_somebody_reads_for_long_is_left_as_it_was() {
    let url = tokio::task::spawn_blocking(services::postgres).await.unwrap();
    of_before().run(&sqlx::PgPool::connect(&url).await.unwrap()).await.unwrap();
    let db = Db::connect(&super::settings(&url)).await.unwrap();
    sample(&db, &[month(-1), month(0)]).await.unwrap();
    let mut reader = db.begin_read().await.unwrap();
    query("space_transitions", "SELECT COUNT(*) AS n FROM space_transitions").fetch_one(&mut reader).await.unwrap();
    let row = [month(0) + Duration::days(1)];
    let (migrated, written) = tokio::join!(db.migrate(), moved(&db, &row));
    let refused = migrated.unwrap_err().to_string();
    assert!(refused.contains("lock timeout"), "{refused}");
    assert_eq!(written.unwrap(), 1, "who writes meanwhile waits at most");
    assert_eq!(db.pending_migrations().await.unwrap().first().map(String::as_str), Some("0055_months.postgres"));
    assert_eq!(told(&url, "SELECT count(*) FROM pg_constraint WHERE conname = 'months_before'"), "0");
    drop(reader);
    db.migrate().await.unwrap();
    assert_eq!(history::range(&db, &lot(), month(-1), month(1), 10).await.unwrap().len(), 2);
    assert_eq!(home(&url, "space_transitions", row[0]), "space_transitions_before");
}
