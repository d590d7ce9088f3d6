//! What an administration set: one row for each change, of which the newest holds; and what it already sent under a key.

use super::{Error, On, Row, Tx, query};
use crate::domain::{ledger::Digest, time::Instant};

/// One change of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What was set.
    pub name: String,
    /// Counted from 1.
    pub version: u64,
    /// The fields as JSON; `None` gives the configuration its say again.
    pub value: Option<String>,
    /// Who.
    pub set_by: String,
    /// When.
    pub set_at: Instant,
    /// Why.
    pub reason: String,
    /// Its entry in the ledger.
    pub ledger_seq: u64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT name, version, value, set_by, set_at_us, reason, ledger_seq FROM settings ", $rest)
    };
}

/// How many changes there are: more than before means that something else holds.
pub async fn revision(on: impl Into<On<'_>>) -> Result<u64, Error> {
    query("settings", "SELECT COUNT(*) AS n FROM settings").fetch_one(on).await?.count("n")
}

/// The newest change of every setting that was ever set.
pub async fn newest(on: impl Into<On<'_>>) -> Result<Vec<Change>, Error> {
    let text = select!(
        "WHERE version = (SELECT MAX(later.version) FROM settings AS later WHERE later.name = settings.name) ORDER BY name"
    );
    query("settings", text).fetch_all(on).await?.iter().map(read).collect()
}

/// Up to `limit` changes of a setting, newest first.
pub async fn history(on: impl Into<On<'_>>, name: &str, limit: u32) -> Result<Vec<Change>, Error> {
    let rows = query("settings", select!("WHERE name = $1 ORDER BY version DESC LIMIT $2"));
    rows.bind(name).bind(limit).fetch_all(on).await?.iter().map(read).collect()
}

/// One change.
pub async fn find(tx: &mut Tx, name: &str, version: u64) -> Result<Option<Change>, Error> {
    let rows = query("settings", select!("WHERE name = $1 AND version = $2")).bind(name).bind(version as i64);
    rows.fetch_optional(tx).await?.as_ref().map(read).transpose()
}

/// Writes a change.
pub async fn add(tx: &mut Tx, change: &Change) -> Result<(), Error> {
    let text = "INSERT INTO settings (name, version, value, set_by, set_at_us, reason, ledger_seq) \
                VALUES ($1, $2, $3, $4, $5, $6, $7)";
    query("settings", text)
        .bind(&change.name)
        .bind(change.version as i64)
        .bind(change.value.clone())
        .bind(&change.set_by)
        .bind(change.set_at)
        .bind(&change.reason)
        .bind(change.ledger_seq as i64)
        .execute(tx)
        .await
        .map(|_| ())
}

/// Remembers what an actor sent under a key and what it is about; what was remembered before, if anything, and stands.
pub async fn once(
    tx: &mut Tx,
    actor: &str,
    key: &str,
    content: Digest,
    (subject_type, subject_id): (&str, &str),
    now: Instant,
) -> Result<Option<Digest>, Error> {
    let text = "INSERT INTO idempotency (actor, idempotency_key, content_hash, subject_type, subject_id, created_at_us) \
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (actor, idempotency_key) DO NOTHING";
    let written = query("idempotency", text).bind(actor).bind(key).bind(content.to_string()).bind(subject_type);
    if written.bind(subject_id).bind(now).execute(&mut *tx).await? == 1 {
        return Ok(None);
    }
    let text = "SELECT content_hash FROM idempotency WHERE actor = $1 AND idempotency_key = $2";
    let row = query("idempotency", text).bind(actor).bind(key).fetch_one(tx).await?;
    row.parse("content_hash", Digest::parse).map(Some)
}

fn read(row: &Row) -> Result<Change, Error> {
    Ok(Change {
        name: row.get("name")?,
        version: row.count("version")?,
        value: row.get("value")?,
        set_by: row.get("set_by")?,
        set_at: row.instant("set_at_us")?,
        reason: row.get("reason")?,
        ledger_seq: row.count("ledger_seq")?,
    })
}
