//! How a database is: which it is, which migrations it has seen, whether it can be written and is read back, and its clock.

use std::time::Duration;

use super::{Db, Error, backup, migrations, query};
use crate::domain::time::{Instant, from_micros};

/// How a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// `SQLite` or `PostgreSQL`, with its version.
    pub what: String,
    /// Migrations it has not seen yet.
    pub pending: usize,
    /// A migration it has seen and this program does not know.
    pub newer: Option<i64>,
    /// How long a row took to be written and read back; it is not kept. `None` where there is no table yet.
    pub round_trip: Option<Duration>,
    /// Its own clock, where it has one, just before this was answered.
    pub clock: Option<Instant>,
}

/// Looks at a database; nothing is left in it.
pub async fn look(db: &Db) -> Result<Look, Error> {
    let mut tx = db.begin_write().await?;
    let seen = backup::seen(&mut tx).await?;
    let (name, text) = match db {
        Db::Sqlite { .. } => ("SQLite", "SELECT sqlite_version() AS version"),
        Db::Postgres { .. } => ("PostgreSQL", "SELECT current_setting('server_version') AS version"),
    };
    let version: String = query("(none)", text).fetch_one(&mut tx).await?.get("version")?;
    let round_trip = if seen.is_empty() {
        None
    } else {
        let began = std::time::Instant::now();
        let name = crate::clock::new_id();
        let text = "INSERT INTO login_failures (name, failures, since_us) VALUES ($1, 0, 0)";
        query("login_failures", text).bind(&name).execute(&mut tx).await?;
        let text = "SELECT failures FROM login_failures WHERE name = $1";
        query("login_failures", text).bind(&name).fetch_one(&mut tx).await?;
        Some(began.elapsed())
    };
    let clock = match db {
        Db::Sqlite { .. } => None,
        Db::Postgres { .. } => {
            let text = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now_us";
            from_micros(query("(none)", text).fetch_one(&mut tx).await?.get("now_us")?)
        }
    };
    // Dropped, the transaction leaves no trace.
    drop(tx);
    Ok(Look {
        what: format!("{name} {version}"),
        pending: migrations::names().filter(|(version, _)| !seen.contains(version)).count(),
        newer: seen.iter().copied().find(|version| !migrations::is_known(*version)),
        round_trip,
        clock,
    })
}
