//! The settings of the SQL database and the evidence files.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// The SQL database and the evidence files.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// `sqlite://path` or `postgres://user:password@host/database`.
    pub url: Secret,
    /// A replica of a PostgreSQL database, which answers what is asked about the past; empty asks the database itself.
    #[serde(default)]
    pub replica_url: Secret,
    /// PEM file of the authorities a PostgreSQL server's certificate is checked by, beside those of the system; with it the
    /// server must prove its name.
    pub ca: PathBuf,
    /// A statement that takes longer is told of, milliseconds; 0 is never.
    pub slow_ms: u64,
    /// Most connections of the pool.
    pub max_connections: u32,
    /// Longest PostgreSQL may take over a statement before its connection is given up, seconds.
    pub statement_timeout_s: u32,
    /// Folder of the evidence files, or `s3://bucket/prefix`.
    pub evidence_dir: String,
}

impl Store {
    /// One database alone, without a place for evidence.
    pub fn of(url: &str, max_connections: u32) -> Self {
        Self {
            url: url.into(),
            replica_url: Secret::default(),
            ca: PathBuf::new(),
            slow_ms: 0,
            max_connections,
            statement_timeout_s: 60,
            evidence_dir: String::new(),
        }
    }
}
