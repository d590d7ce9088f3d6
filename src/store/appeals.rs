//! Appeals against records: today's state of each, written together with the ledger entry that says so.

use super::{Error, On, Row, Tx, query};
use crate::domain::{
    appeal::{Appeal, Kind, Outcome, State},
    time::Instant,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, record, kind, state, claim, authority, filed_at_us, decided_at_us, outcome, note, filed_by, ",
            "ledger_seq FROM appeals ",
            $rest
        )
    };
}

/// Writes an appeal: a new one, or what it became.
pub async fn save(tx: &mut Tx, appeal: &Appeal) -> Result<(), Error> {
    let text = "INSERT INTO appeals (id, record, kind, state, claim, authority, filed_at_us, decided_at_us, outcome, note, \
                filed_by, ledger_seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO UPDATE \
                SET state = excluded.state, decided_at_us = excluded.decided_at_us, outcome = excluded.outcome, \
                note = excluded.note, ledger_seq = excluded.ledger_seq";
    query("appeals", text)
        .bind(&appeal.id)
        .bind(&appeal.record)
        .bind(appeal.kind.as_str())
        .bind(appeal.state.as_str())
        .bind(&appeal.claim)
        .bind(&appeal.authority)
        .bind(appeal.filed_at)
        .bind(appeal.decided_at)
        .bind(appeal.outcome.map(Outcome::as_str))
        .bind(appeal.note.clone())
        .bind(&appeal.filed_by)
        .bind(appeal.ledger_seq as i64)
        .execute(tx)
        .await
        .map(|_| ())
}

/// An appeal by its id.
pub async fn find(on: impl Into<On<'_>>, id: &str) -> Result<Option<Appeal>, Error> {
    query("appeals", select!("WHERE id = $1")).bind(id).fetch_optional(on).await?.as_ref().map(read).transpose()
}

/// The appeals against a record, first first.
pub async fn against(on: impl Into<On<'_>>, record: &str) -> Result<Vec<Appeal>, Error> {
    let rows =
        query("appeals", select!("WHERE record = $1 ORDER BY filed_at_us, id")).bind(record).fetch_all(on).await?;
    rows.iter().map(read).collect()
}

/// Up to `limit` appeals filed before `before`, newest first.
pub async fn list(on: impl Into<On<'_>>, before: Option<Instant>, limit: u32) -> Result<Vec<Appeal>, Error> {
    let rows = query("appeals", select!("WHERE filed_at_us < $1 ORDER BY filed_at_us DESC, id DESC LIMIT $2"));
    let before = before.map_or(i64::MAX, crate::domain::time::to_micros);
    rows.bind(before).bind(limit).fetch_all(on).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Appeal, Error> {
    Ok(Appeal {
        id: row.get("id")?,
        record: row.get("record")?,
        kind: row.parse("kind", |word| Kind::parse(word).ok_or("unknown kind"))?,
        state: row.parse("state", |word| State::parse(word).ok_or("unknown state"))?,
        claim: row.get("claim")?,
        authority: row.get("authority")?,
        filed_at: row.instant("filed_at_us")?,
        decided_at: row.instant_opt("decided_at_us")?,
        outcome: row.parse_opt("outcome", |word| Outcome::parse(word).ok_or("unknown outcome"))?,
        note: row.get("note")?,
        filed_by: row.get("filed_by")?,
        ledger_seq: row.count("ledger_seq")?,
    })
}
