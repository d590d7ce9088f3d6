//! The histories that grow by the minute, parted by months on PostgreSQL (`migrations/0055_months.postgres.sql`): how a database is
//! brought there while others write, months made ahead, months dropped whole, and what is amiss with them. SQLite has no months.

use chrono::{Datelike as _, Months};
use sqlx::{Connection as _, PgConnection, PgPool, migrate::Migrator};

use super::{
    Db, Error,
    history::Aged,
    migrations,
    query::{composed, query},
};
use crate::domain::time::Instant;

/// The tables that are parted.
const TABLES: [&str; 2] = ["availability_history", "space_transitions"];
/// The partitions that hold what belongs to no month.
const DEFAULTS: [&str; 2] = ["availability_history_default", "space_transitions_default"];
/// So many months are there before they begin.
const AHEAD: i64 = 2;
/// Rows that belong to no month are counted up to here.
const MOST_STRAYS: u32 = 10_000;
/// So long a lock is waited for, and others behind it.
const WAIT: &str = "SET lock_timeout = '10s'";
/// Who holds this advisory lock brings a database up to date.
const LOCK: i64 = 0x79_75_6e_70_61_72_6b;

/// Applies migrations, and before the one that parts the histories proves of their rows that they may stand in one partition.
pub(super) async fn migrate(pool: &PgPool, all: &Migrator) -> Result<(), Error> {
    // A connection of its own: the lock ends with it, whatever happens.
    let mut connection = pool.acquire().await?.detach();
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await?;
    let migrated = match prepare(&mut connection).await {
        Ok(()) => all.run_direct(None, &mut connection, false).await.map_err(Error::from),
        Err(error) => Err(error),
    };
    if migrated.is_err() {
        for table in TABLES {
            if let Err(error) = unprove(&mut connection, table).await {
                tracing::warn!(table, %error, "a constraint stays behind until the next try");
            }
        }
    }
    connection.close().await?;
    migrated
}

async fn prepare(connection: &mut PgConnection) -> Result<(), Error> {
    if is_parted(connection).await? {
        return Ok(());
    }
    sqlx::query(WAIT).execute(&mut *connection).await?;
    for table in TABLES {
        prove(connection, table).await?;
    }
    sqlx::query("RESET lock_timeout").execute(&mut *connection).await?;
    Ok(())
}

async fn is_parted(connection: &mut PgConnection) -> Result<bool, Error> {
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *connection).await?;
    let text = "SELECT EXISTS (SELECT FROM _sqlx_migrations WHERE version = $1)";
    Ok(there && sqlx::query_scalar(text).bind(migrations::MONTHS).fetch_one(connection).await?)
}

/// Proves that a table holds nothing from the month after next on: then it becomes the partition of all that came before without being
/// read under a lock. Others read and write meanwhile, and what they write is of no such time.
async fn prove(connection: &mut PgConnection, table: &'static str) -> Result<(), Error> {
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table).fetch_one(&mut *connection).await?;
    if !there {
        return Ok(());
    }
    let text = "SELECT CAST(extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC') + INTERVAL '2 months') * 1000000 AS BIGINT)";
    let until_us: i64 = sqlx::query_scalar(text).fetch_one(&mut *connection).await?;
    // One that an earlier try left behind may be of another month.
    let note = format!(
        "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS months_before, \
         ADD CONSTRAINT months_before CHECK (at_us < {until_us}) NOT VALID"
    );
    sqlx::query(sqlx::AssertSqlSafe(note)).execute(&mut *connection).await?;
    tracing::info!(
        table,
        "its rows are read once, so that it can be parted by months; others read and write meanwhile"
    );
    let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT months_before");
    match sqlx::query(sqlx::AssertSqlSafe(validate)).execute(&mut *connection).await {
        Ok(_) => Ok(()),
        Err(error) => {
            unprove(connection, table).await?;
            let is_ahead = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_check_violation);
            if !is_ahead {
                return Err(error.into());
            }
            tracing::warn!(
                table,
                "it holds rows of months to come: it is read again under a lock, and these are set aside"
            );
            Ok(())
        }
    }
}

async fn unprove(connection: &mut PgConnection, table: &'static str) -> Result<(), Error> {
    // Asked first: without need nobody is to wait for the table.
    let text =
        "SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = 'months_before')";
    if sqlx::query_scalar(text).bind(table).fetch_one(&mut *connection).await? {
        let text = format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS months_before");
        sqlx::query(WAIT).execute(&mut *connection).await?;
        sqlx::query(sqlx::AssertSqlSafe(text)).execute(connection).await?;
    }
    Ok(())
}

/// The partition that holds what belongs to no month, to be forgotten by the age of its rows; `None` where a table has no months.
pub fn strays_of(db: &Db, aged: Aged) -> Option<Aged> {
    let Db::Postgres { .. } = db else { return None };
    let of = TABLES.iter().position(|table| *table == aged.table())?;
    Some(Aged::new(DEFAULTS[of], "at_us"))
}

/// Makes the months that are missing of this one and the next two; how many. Nodes may do so side by side.
pub async fn make_ahead(db: &Db, now: Instant) -> Result<u64, Error> {
    let Db::Postgres { .. } = db else { return Ok(0) };
    let make = query("history_months", "SELECT history_make_months($1, $2) AS made").bind(now).bind(AHEAD);
    make.fetch_one(db).await?.count("made")
}

/// Drops the oldest month of a table that is over before an instant, whole; whether there was one.
pub async fn drop_oldest(db: &Db, aged: Aged, before: Instant) -> Result<bool, Error> {
    let drop = query("history_months", "SELECT history_drop_month($1, $2) AS dropped").bind(aged.table()).bind(before);
    Ok(drop.fetch_one(db).await?.count::<u64>("dropped")? > 0)
}

/// What is amiss with the months of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amiss {
    /// The table.
    pub table: &'static str,
    /// The next month has no partition.
    pub is_next_missing: bool,
    /// Rows that stand in the default partition, counted up to a bound.
    pub strays: u32,
}

impl std::fmt::Display for Amiss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table, is_next_missing, strays } = self;
        let more = if *strays >= MOST_STRAYS { " or more" } else { "" };
        match (is_next_missing, strays) {
            (true, 0) => write!(f, "{table} has no partition for the next month"),
            (true, _) => {
                write!(f, "{table} has no partition for the next month, and {strays} rows{more} in its default one")
            }
            (false, _) => write!(f, "{table} has {strays} rows{more} in its default partition"),
        }
    }
}

/// How the months of each table are; nothing on SQLite.
pub async fn look(db: &Db, now: Instant) -> Result<Vec<Amiss>, Error> {
    let Db::Postgres { .. } = db else { return Ok(Vec::new()) };
    let next = now.date_naive().with_day(1).and_then(|first| first.checked_add_months(Months::new(1)));
    let next = next.map_or(now, |first| first.and_time(chrono::NaiveTime::MIN).and_utc());
    let mut all = Vec::new();
    for (table, default) in TABLES.into_iter().zip(DEFAULTS) {
        let text = "SELECT COUNT(*) AS n FROM history_months WHERE history = $1 AND until_us > $2 \
                    AND COALESCE(from_us, $2) <= $2";
        let there: u64 = query("history_months", text).bind(table).bind(next).fetch_one(db).await?.count("n")?;
        let text = format!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM {default} LIMIT {MOST_STRAYS}) AS stray");
        let strays = composed(default, text).fetch_one(db).await?.count("n")?;
        all.push(Amiss { table, is_next_missing: there == 0, strays });
    }
    Ok(all)
}

impl Amiss {
    /// Whether something is.
    pub fn is_amiss(&self) -> bool {
        self.is_next_missing || self.strays > 0
    }
}
