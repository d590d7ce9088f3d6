//! The connection to one of the two databases, and the transaction other aggregates work in.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction,
    pool::PoolOptions,
    postgres::{PgConnectOptions, PgSslMode},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    Error,
    migrations::{self, Of},
    months, query,
};
use crate::{config, tls};

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

/// What others could do between here and a server.
#[derive(Debug)]
pub struct Exposure {
    /// The server's host.
    pub host: String,
    /// What the connection is.
    pub what: &'static str,
}

impl Db {
    /// Connects to the database `store.url` names; makes a SQLite file and its folder if they are missing.
    pub async fn connect(config: &config::Store) -> Result<Self, Error> {
        let url = config.url.reveal();
        if url.starts_with("sqlite:") {
            sqlite(url, config).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = telling_slow(postgres(url, &config.ca)?, config.slow_ms);
            let limit = Duration::from_secs(config.statement_timeout_s.into());
            let connected = pool(config.max_connections, BUSY).connect_with(options).await;
            connected.map(|pool| Self::Postgres { pool, limit }).map_err(untrusted)
        } else {
            Err(Error::Address { reason: "begins with neither sqlite:// nor postgres://".to_owned() })
        }
    }

    /// A replica of a PostgreSQL database, for questions alone; connections are made when something is asked, and one that is not
    /// there fails within a second. It is reached as the database is.
    pub(super) fn replica(url: &str, config: &config::Store) -> Result<Self, Error> {
        if !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            return Err(Error::Address { reason: "a replica begins with postgres://".to_owned() });
        }
        let options = telling_slow(postgres(url, &config.ca)?, config.slow_ms);
        let options = options.options([("default_transaction_read_only", "on")]);
        let limit = Duration::from_secs(config.statement_timeout_s.into());
        let pool = pool(config.max_connections, Duration::from_secs(1)).connect_lazy_with(options);
        Ok(Self::Postgres { pool, limit })
    }

    /// Applies the migrations that are still missing. A role that may not make tables (`packaging/sql/roles.sql`) can only find
    /// that none is.
    pub async fn migrate(&self) -> Result<(), Error> {
        match self {
            Self::Sqlite { write, .. } => migrations::all(Of::Sqlite).run(write).await?,
            Self::Postgres { .. } if !self.may_make_tables().await? => {
                let names = self.pending_migrations().await?;
                if !names.is_empty() {
                    return Err(Error::Behind { names: names.join(", ") });
                }
            }
            Self::Postgres { pool, .. } => months::migrate(pool, &migrations::all(Of::Postgres)).await?,
        }
        Ok(())
    }

    /// Whether the role this program signs in with may change tables, and not only what is in them.
    pub async fn may_make_tables(&self) -> Result<bool, Error> {
        let Self::Postgres { .. } = self else { return Ok(true) };
        let text = "SELECT CAST(CAST(has_schema_privilege(current_schema(), 'CREATE') AS INTEGER) AS BIGINT) AS may";
        Ok(query("(none)", text).fetch_one(self).await?.count::<i64>("may")? == 1)
    }

    /// The names of migrations that are not applied yet, in order. Nothing is written.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        let mut tx = self.begin_read().await?;
        let applied = super::backup::seen(&mut tx).await?;
        tx.commit().await?;
        let pending = migrations::names().filter(|(version, _)| !applied.contains(version));
        Ok(pending.map(|(_, name)| name).collect())
    }

    /// The file of a SQLite database an address names; none for a server, or where the address is none.
    pub fn file(url: &str) -> Option<PathBuf> {
        let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url).ok());
        options.flatten().map(|options| options.get_filename().to_owned())
    }

    /// What could be read or forged between here and the server an address names, checked by these authorities; none where
    /// nothing can, or there is none.
    pub fn exposure(url: &str, authorities: &Path) -> Result<Option<Exposure>, Error> {
        if !url.starts_with("postgres") {
            return Ok(None);
        }
        let options = postgres(url, authorities)?;
        let what = match options.get_ssl_mode() {
            _ if options.get_socket().is_some() => return Ok(None),
            PgSslMode::VerifyCa | PgSslMode::VerifyFull => return Ok(None),
            PgSslMode::Require => "encrypted, but to whoever answers: its certificate is not checked",
            PgSslMode::Allow | PgSslMode::Prefer => {
                "encrypted only if the server offers it, and its certificate is not checked"
            }
            PgSslMode::Disable => "not encrypted",
        };
        Ok(Some(Exposure { host: options.get_host().to_owned(), what }))
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

    /// Applies the migrations that are meant as part of this transaction.
    pub(super) async fn migrate(&mut self, is_meant: impl Fn(i64) -> bool) -> Result<(), Error> {
        match &mut self.0 {
            Inner::Sqlite(tx) => migrations::only(Of::Sqlite, is_meant).run_direct(None, &mut **tx, false).await?,
            Inner::Postgres { tx, .. } => {
                migrations::only(Of::Postgres, is_meant).run_direct(None, &mut **tx, false).await?;
            }
        }
        Ok(())
    }

    /// Whether this is SQLite, whose word for what a table is differs.
    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self.0, Inner::Sqlite(_))
    }
}

/// How a server is reached. With `store.ca` it must prove its name, whatever the address says less of.
fn postgres(url: &str, authorities: &Path) -> Result<PgConnectOptions, Error> {
    let address = |error: sqlx::Error| Error::Address { reason: error.to_string() };
    let options = PgConnectOptions::from_str(url).map_err(address)?.application_name("yunpark");
    if authorities.as_os_str().is_empty() {
        return Ok(options);
    }
    tls::authorities(authorities).map_err(|reason| Error::Authorities { reason })?;
    let is_checked = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    if url.contains("sslmode=") && !is_checked {
        return Err(Error::Address { reason: "store.ca goes with sslmode=verify-full".to_owned() });
    }
    let options = if is_checked { options } else { options.ssl_mode(PgSslMode::VerifyFull) };
    Ok(options.ssl_root_cert(authorities))
}

/// Lets statements that take longer be logged by their text: values are bound, and stand in none.
fn telling_slow<O: ConnectOptions>(options: O, slow_ms: u64) -> O {
    match slow_ms {
        0 => options.log_slow_statements(log::LevelFilter::Off, Duration::MAX),
        limit => options.log_slow_statements(log::LevelFilter::Warn, Duration::from_millis(limit)),
    }
}

/// Says what to do where a server's certificate was not taken.
fn untrusted(error: sqlx::Error) -> Error {
    let told = error.to_string();
    let advised = tls::advised(&told, "store.ca");
    if advised == told { error.into() } else { Error::Untrusted { reason: advised } }
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

async fn sqlite(url: &str, config: &config::Store) -> Result<Db, Error> {
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
    let options = telling_slow(options, config.slow_ms);
    let pool = || PoolOptions::new().acquire_timeout(BUSY * 3);
    let write = pool().max_connections(1).after_release(|connection, _| Box::pin(is_at_rest(connection)));
    let write = write.connect_with(options.clone()).await?;
    // 16 MB of pages, which a connection takes only as it needs them: the inner pages of an index over tens of millions of rows.
    let options = options.pragma("query_only", "on").pragma("cache_size", "-16000");
    let read = pool().max_connections(config.max_connections.max(1)).connect_with(options).await?;
    Ok(Db::Sqlite { read, write })
}
