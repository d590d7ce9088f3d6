//! Backups: all tables of one instant and the evidence they name, in one form for both databases, with a manifest that
//! holds the hash of every part. What is backed up from SQLite is restored to PostgreSQL as well, and back.
//!
//! A backup is a folder or a tar of: `tables/<table>.<number>.jsonl.gz` (a line that names the columns, then one JSON array
//! for each row), `evidence/<xx>/<xx>/<sha256>`, `evidence.<number>.jsonl.gz` (each file of evidence with its length),
//! `manifest.json`, and last `manifest.sha256`, which `sha256sum -c` reads.

mod container;
mod make;
mod restore;
mod rows;
mod tables;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(super) use self::tables::seen;
pub use self::{
    container::Source,
    make::make,
    restore::{Restored, check, is_empty, restore},
    tables::{Column, Holds},
};
use crate::domain::ledger::{Digest, Head};

/// The form of a backup; another form has another name.
pub const FORMAT: &str = "yunpark-backup/1";

const MANIFEST: &str = "manifest.json";
const MANIFEST_HASH: &str = "manifest.sha256";

/// What the list of evidence calls itself.
const EVIDENCE: &str = "evidence files";

/// The columns of the list of evidence.
fn evidence_columns() -> Vec<Column> {
    let column = |name: &str, holds| Column { name: name.to_owned(), holds };
    vec![column("sha256", Holds::Text), column("bytes", Holds::Int)]
}

/// Where a piece of evidence stands in a backup.
fn evidence_file(digest: Digest) -> String {
    let name = digest.to_string();
    format!("evidence/{}/{}/{name}", &name[0..2], &name[2..4])
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The version of the program that made it.
    pub program: String,
    /// When it was begun, RFC 3339.
    pub made_at: String,
    /// The migrations its tables have seen, by their numbers.
    pub migrations: Vec<i64>,
    /// Where the ledger ended.
    pub ledger: Head,
    /// Its tables, each after those its rows name.
    pub tables: Vec<Table>,
    /// Its evidence.
    pub evidence: EvidenceParts,
}

/// A table of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in the order the rows hold them.
    pub columns: Vec<Column>,
    /// How many rows it has.
    pub rows: u64,
    /// Where they stand, in order.
    pub parts: Vec<Part>,
}

/// The evidence of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceParts {
    /// How many files.
    pub files: u64,
    /// How long they are together.
    pub bytes: u64,
    /// Where each file stands with its length.
    pub parts: Vec<Part>,
    /// Pieces that the tables name and that were gone or changed when the backup was made.
    pub missing: Vec<Digest>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name in the backup.
    pub file: String,
    /// The hash of its bytes.
    pub sha256: Digest,
    /// Its length.
    pub bytes: u64,
    /// How many rows stand in it.
    pub rows: u64,
}

/// How far a backup or a restore has come.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// Rows of a table were written.
    Rows(&'a str, u64),
    /// Files of evidence were copied, of so many.
    Evidence(u64, u64),
    /// Files were checked, of so many.
    Checked(u64, u64),
}

impl std::fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rows(table, rows) => write!(f, "{table}: {rows} rows"),
            Self::Evidence(done, of) => write!(f, "evidence: {done} of {of} files"),
            Self::Checked(done, of) => write!(f, "checked: {done} of {of} files"),
        }
    }
}

/// Told how far it has come.
pub type Tell<'a> = &'a mut (dyn FnMut(Step<'_>) + Send);

/// Why a backup was not made, or not restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database or the evidence.
    #[error(transparent)]
    Store(#[from] super::Error),
    /// A file of the backup cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something stands where the backup is to be written.
    #[error("{} is there already; name a place that is new", .0.display())]
    There(PathBuf),
    /// A part is not there.
    #[error("{}: {name} is missing; this is no whole backup", place.display())]
    Missing {
        /// The backup.
        place: PathBuf,
        /// The part.
        name: String,
    },
    /// A part is not what was written.
    #[error("{}: {name} is not what was backed up: {why}", place.display())]
    Changed {
        /// The backup.
        place: PathBuf,
        /// The part.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// It was made by a newer program.
    #[error("the backup is of a newer version than this program, which does not know {0}; use that version")]
    Newer(String),
    /// There is nothing to back up.
    #[error("the database has no tables yet; there is nothing to back up")]
    Nothing,
    /// The database is newer than the program.
    #[error("the database was made by a newer version: migration {0:04} is not known here")]
    NewerDatabase(i64),
    /// The database to restore into has rows.
    #[error("the database is not empty: table {0} has rows; restore into a new database")]
    NotEmpty(String),
    /// The database to restore into has other tables than the backup.
    #[error("the database has migration {0:04}, which the backup has not; restore into a new database")]
    Ahead(i64),
    /// A table does not take what is in the backup.
    #[error("table {table}: {why}")]
    Table {
        /// The table.
        table: String,
        /// Why.
        why: String,
    },
}
