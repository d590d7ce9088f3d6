//! SQL: one `Db` over SQLite and PostgreSQL, one file per aggregate; evidence files by content hash.
//!
//! A query is one text that both databases take: `$1` placeholders, `ON CONFLICT`, `RETURNING`; no arrays, ILIKE or
//! date functions; every SUM and AVG is CAST. What must hold together is written in one [`Tx`].

mod connect;
mod migrations;
mod query;

pub mod appeals;
pub mod approaches;
pub mod availability_state;
pub mod backup;
pub mod captures;
pub mod city;
pub mod claims;
pub mod dead_letters;
pub mod demand;
pub mod erasures;
pub mod evidence;
pub mod feed_sources;
pub mod forecast_models;
pub mod heads;
pub mod history;
pub mod incidents;
pub mod ledger;
pub mod look;
pub mod matter_figures;
pub mod matter_reports;
pub mod matters;
pub mod months;
pub mod partners;
pub mod past;
pub mod patrols;
pub mod permits;
pub mod petitions;
pub mod plates;
pub mod records;
pub mod rights;
pub mod sensor_events;
pub mod sensor_health;
pub mod settings;
pub mod sign_orders;
pub mod sign_states;
pub mod speakers;
pub mod staff;
pub mod staged;
pub mod transitions;
pub mod verify;
pub mod webhooks;

pub use self::{
    connect::{Db, Tx},
    query::{On, Query, Row, Value, query},
};

use crate::domain::ledger::Digest;

/// Whether the system has no room for a file.
fn is_no_room(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `store.url` names no database this program knows.
    #[error("store.url: {reason}")]
    Address {
        /// What is wrong with it; never the address itself, which holds a password.
        reason: String,
    },
    /// The file `store.ca` names is of no use.
    #[error("store.ca: {reason}")]
    Authorities {
        /// Which file, and why.
        reason: String,
    },
    /// The server did not prove to be the one meant.
    #[error("database: {reason}")]
    Untrusted {
        /// Why, and what to do.
        reason: String,
    },
    /// The folder of the database or of the evidence cannot be made.
    #[error("folder {folder}: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database refused or did not answer.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// Migrations are missing, and this role may not apply them.
    #[error(
        "the database lacks {names}, and this role may not make tables: run `yunpark migrate` as the role that owns them"
    )]
    Behind {
        /// Their names.
        names: String,
    },
    /// A migration did not go through.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The evidence files refused or did not answer.
    #[error("evidence: {0}")]
    Evidence(#[from] object_store::Error),
    /// A file of evidence whose bytes are not the ones that were stored.
    #[error("evidence {digest} was changed after it was stored")]
    Corrupt {
        /// The hash it was stored under.
        digest: Digest,
    },
    /// A row that no longer parses.
    #[error("table {table}, row {row}, column {column}: {reason}")]
    Row {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
        /// The row, by its id; never by what may be a plate or a name.
        row: String,
        /// What is wrong with the value.
        reason: String,
    },
}

impl Error {
    /// Whether there is no room for what was to be kept: a full disk, or a quota. It may succeed once there is room.
    pub fn is_full(&self) -> bool {
        match self {
            // SQLite: full (13), or no room for its shared memory (4874). PostgreSQL: disk_full.
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| ["13", "4874", "53100"].contains(&code.as_ref()))
            }
            Self::Folder { source, .. } => is_no_room(source),
            Self::Database(sqlx::Error::Io(error)) => is_no_room(error),
            Self::Evidence(error) => {
                let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
                causes.any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(is_no_room))
            }
            _ => false,
        }
    }

    /// Whether the database is away or overloaded, so that the same call may succeed later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            _ if self.is_full() => true,
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
            // SQLite: busy (5) or locked (6). PostgreSQL: class 08 connection, 53 resources, 57P shutting down.
            Self::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| {
                code == "5" || code == "6" || ["08", "53", "57P"].iter().any(|class| code.starts_with(class))
            }),
            _ => false,
        }
    }

    /// Whether a text was to be kept that the database cannot hold, such as one with the character NUL in PostgreSQL.
    pub fn is_bad_text(&self) -> bool {
        let code = |error: &dyn sqlx::error::DatabaseError| error.code().is_some_and(|code| code == "22021");
        matches!(self, Self::Database(sqlx::Error::Database(error)) if code(error.as_ref()))
    }

    /// Whether the role may not do that, or the database has no means for it yet.
    pub fn is_denied(&self) -> bool {
        // PostgreSQL: insufficient_privilege, undefined_function.
        matches!(self, Self::Database(sqlx::Error::Database(error))
            if error.code().is_some_and(|code| ["42501", "42883"].contains(&code.as_ref())))
    }

    /// Whether a unique value is already taken.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}
