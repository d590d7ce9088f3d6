//! The connection to one of the two databases, and the transaction other aggregates work in.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::{Migrate, Migrator},
    pool::PoolOptions,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{Error, migrations, query};
use crate::config;

const BUSY: Duration = Duration::from_secs(10);
/// A connection at rest that does not answer within this is given up.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// The database; cheap to clone.
#[derive(Debug, Clone)]
pub enum Db {
    /// One file. Reads share a pool that cannot write; writers queue for the one connection that can.
    Sqlite {
        /// Connections that only read.
        read: SqlitePool,
        /// The one connection that writes.
        write: SqlitePool,
    },
    /// A server.
    Postgres {
        /// Its connections.
        pool: PgPool,
        /// Longest it may take over a statement.
        limit: Duration,
    },
}

/// A transaction; dropped without [`Tx::commit`] it leaves no trace.
///
/// Never begin a second write while holding one: on SQLite there is a single writer, and the second would wait for
/// the first.
#[derive(Debug)]
pub struct Tx(pub(super) Inner);

#[derive(Debug)]
pub(super) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres { tx: Transaction<'static, Postgres>, limit: Duration },
}

impl Db {
    /// Connects to the database `store.url` names; makes a SQLite file and its folder if they are missing.
    pub async fn connect(config: &config::Store) -> Result<Self, Error> {
        let url = config.url.reveal();
        if url.starts_with("sqlite:") {
            sqlite(url, config.max_connections).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let address = |error: sqlx::Error| Error::Address { reason: error.to_string() };
            let options = PgConnectOptions::from_str(url).map_err(address)?;
            let options = options.application_name("yunpark");
            let limit = Duration::from_secs(config.statement_timeout_s.into());
            Ok(Self::Postgres { pool: pool(config.max_connections, BUSY).connect_with(options).await?, limit })
        } else {
            Err(Error::Address { reason: "begins with neither sqlite:// nor postgres://".to_owned() })
        }
    }

    /// A replica of a PostgreSQL database, for questions alone; connections are made when something is asked, and one that is not
    /// there fails within a second.
    pub(super) fn replica(config: &config::Store) -> Result<Self, Error> {
        let url = config.replica_url.reveal();
        if !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            return Err(Error::Address { reason: "a replica begins with postgres://".to_owned() });
        }
        let options = PgConnectOptions::from_str(url).map_err(|error| Error::Address { reason: error.to_string() })?;
        let options = options.application_name("yunpark").options([("default_transaction_read_only", "on")]);
        let limit = Duration::from_secs(config.statement_timeout_s.into());
        let pool = pool(config.max_connections, Duration::from_secs(1)).connect_lazy_with(options);
        Ok(Self::Postgres { pool, limit })
    }

    /// Applies the migrations that are still missing.
    pub async fn migrate(&self) -> Result<(), Error> {
        match self {
            Self::Sqlite { write, .. } => migrations::all().run(write).await?,
            Self::Postgres { pool, .. } => migrations::all().run(pool).await?,
        }
        Ok(())
    }

    /// The names of migrations that are not applied yet, in order.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        const TABLE: &str = "_sqlx_migrations";
        macro_rules! applied {
            ($pool:expr) => {{
                let mut connection = $pool.acquire().await?;
                connection.ensure_migrations_table(TABLE).await?;
                connection.list_applied_migrations(TABLE).await?
            }};
        }
        let applied = match self {
            Self::Sqlite { write, .. } => applied!(write),
            Self::Postgres { pool, .. } => applied!(pool),
        };
        let is_pending = |version: i64| !applied.iter().any(|done| done.version == version);
        Ok(migrations::all()
            .iter()
            .filter(|migration| is_pending(migration.version))
            .map(|migration| format!("{:04}_{}", migration.version, migration.description))
            .collect())
    }

    /// The file of a SQLite database an address names; none for a server, or where the address is none.
    pub fn file(url: &str) -> Option<PathBuf> {
        let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url).ok());
        options.flatten().map(|options| options.get_filename().to_owned())
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<(), Error> {
        query("(none)", "SELECT 1").fetch_optional(self).await.map(|_| ())
    }

    /// Begins a transaction that writes. On SQLite it is the only writer from here on; on PostgreSQL rows are locked as
    /// they are touched, and the ledger's head by the first append.
    pub async fn begin_write(&self) -> Result<Tx, Error> {
        Ok(Tx(match self {
            Self::Sqlite { write, .. } => Inner::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres { pool, limit } => {
                let tx = in_time(*limit, pool.begin()).await?;
                Inner::Postgres { tx, limit: *limit }
            }
        }))
    }

    /// Begins a transaction that sees one state of the database, whatever others write meanwhile, and writes nothing.
    pub async fn begin_read(&self) -> Result<Tx, Error> {
        Ok(Tx(match self {
            Self::Sqlite { read, .. } => Inner::Sqlite(read.begin().await?),
            Self::Postgres { pool, limit } => {
                let begun = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
                Inner::Postgres { tx: in_time(*limit, begun).await?, limit: *limit }
            }
        }))
    }

    /// Closes all connections, after their present work.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres { pool, .. } => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes what was written durable and visible.
    pub async fn commit(self) -> Result<(), Error> {
        match self.0 {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres { tx, limit } => in_time(limit, tx.commit()).await?,
        }
        Ok(())
    }

    /// Applies migrations as part of this transaction.
    pub(super) async fn migrate(&mut self, migrations: &Migrator) -> Result<(), Error> {
        match &mut self.0 {
            Inner::Sqlite(tx) => migrations.run_direct(None, &mut **tx, false).await?,
            Inner::Postgres { tx, .. } => migrations.run_direct(None, &mut **tx, false).await?,
        }
        Ok(())
    }

    /// Whether this is SQLite, whose word for what a table is differs.
    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self.0, Inner::Sqlite(_))
    }
}

/// Connections to a server. One whose other end is gone without a word, as when the server's machine is replaced, is found out by a
/// question of our own, and never waited for: neither by who wants one nor by who gives one back.
fn pool(max_connections: u32, longest_wait: Duration) -> PoolOptions<Postgres> {
    PoolOptions::new()
        .max_connections(max_connections.max(1))
        .acquire_timeout(longest_wait)
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(is_alive(connection, SIGN_OF_LIFE)))
        .after_release(|connection, _| Box::pin(is_alive(connection, BUSY)))
}

/// What the server does, unless it takes longer than it may: then nobody waits any longer, and the connection is given up.
pub(super) fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> impl Future<Output = Result<T, sqlx::Error>> {
    // A timer is large, and there is one for each statement on the way of whoever waits.
    let timed = Box::pin(tokio::time::timeout(limit, work));
    async move { timed.await.unwrap_or_else(|_| Err(silent(limit))) }
}

fn silent(limit: Duration) -> sqlx::Error {
    let why = format!("no answer within {} s", limit.as_secs());
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, why))
}

/// Whether a connection still answers; what was asked of it before, a rollback too, is done then.
async fn is_alive(connection: &mut PgConnection, limit: Duration) -> Result<bool, sqlx::Error> {
    in_time(limit, connection.ping()).await.map(|()| true)
}

/// Whether a connection may be used again. When a disk is full SQLite ends a transaction by itself, and the connection would go on
/// counting it: such a one is closed, and the next begins anew.
async fn is_at_rest(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // What was asked of it before, a rollback too, is done then.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

async fn sqlite(url: &str, max_connections: u32) -> Result<Db, Error> {
    let refuse = |reason: &str| Error::Address { reason: reason.to_owned() };
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(refuse("records are kept in a file, not in memory"));
    }
    let options = SqliteConnectOptions::from_str(url).map_err(|error| refuse(&error.to_string()))?;
    let file = options.get_filename().to_owned();
    if let Some(folder) = file.parent().filter(|folder| *folder != Path::new("")) {
        std::fs::create_dir_all(folder)
            .map_err(|source| Error::Folder { folder: folder.display().to_string(), source })?;
    }
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY);
    let pool = || PoolOptions::new().acquire_timeout(BUSY * 3);
    let write = pool().max_connections(1).after_release(|connection, _| Box::pin(is_at_rest(connection)));
    let write = write.connect_with(options.clone()).await?;
    let read = pool().max_connections(max_connections.max(1)).connect_with(options.pragma("query_only", "on")).await?;
    Ok(Db::Sqlite { read, write })
}
