//! The ledger's rows: appended inside the transaction of what they tell, read in pages.

use serde_json::Value as Json;

use super::{Error, On, Row, Tx, query};
use crate::domain::{
    ledger::{ALGORITHM, Digest, Entry, Head, Kind, NewEntry, actor_text},
    staff::Actor,
    time::{Instant, to_micros},
};

/// The subject type of a record's steps.
pub const RECORD: &str = "record";

/// Appends an entry. It becomes durable, with all else the transaction wrote, when that commits; until then no other
/// append can come between.
pub async fn append(tx: &mut Tx, new: NewEntry, now: Instant) -> Result<Entry, Error> {
    // The first statement takes the head's row; on PostgreSQL others wait for it, and read it after the commit.
    let head = "UPDATE ledger_head SET seq = seq + 1 WHERE id = 1 RETURNING seq - 1 AS seq, hash";
    let head = read_head(&query("ledger_head", head).fetch_one(&mut *tx).await?)?;
    let entry = Entry::seal(new, now, head);
    let text = "INSERT INTO ledger (seq, algorithm, at_us, actor, kind, subject_type, subject_id, payload, evidence, \
                prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    query("ledger", text)
        .bind(entry.seq as i64)
        .bind(ALGORITHM)
        .bind(to_micros(entry.at))
        .bind(actor_text(&entry.actor))
        .bind(entry.kind.as_str())
        .bind(&entry.subject_type)
        .bind(&entry.subject_id)
        .bind(&entry.payload)
        .bind(evidence_text(&entry.evidence))
        .bind(entry.prev_hash.to_string())
        .bind(entry.hash.to_string())
        .execute(&mut *tx)
        .await?;
    query("ledger_head", "UPDATE ledger_head SET hash = $1 WHERE id = 1")
        .bind(entry.hash.to_string())
        .execute(&mut *tx)
        .await?;
    Ok(entry)
}

/// Appends a step of the record `new.subject_id`, whose row in `records` the caller has just written in the same
/// transaction: all of the row stands in the payload under `"record"`, and the row's `ledger_seq` names the entry. So
/// `verify` can tell, later, whether the row is still what the ledger said last.
pub async fn append_record_step(tx: &mut Tx, new: NewEntry, now: Instant) -> Result<Entry, Error> {
    let id = new.subject_id.clone();
    let row = query("records", "SELECT * FROM records WHERE id = $1").bind(&id).fetch_one(&mut *tx).await?;
    let mut payload = match new.payload {
        Json::Object(fields) => fields,
        Json::Null => serde_json::Map::new(),
        other => serde_json::Map::from_iter([("detail".to_owned(), other)]),
    };
    payload.insert("record".to_owned(), record_json(&row)?);
    let new = NewEntry { subject_type: RECORD, payload: payload.into(), ..new };
    let entry = append(tx, new, now).await?;
    query("records", "UPDATE records SET ledger_seq = $1 WHERE id = $2")
        .bind(entry.seq as i64)
        .bind(&id)
        .execute(&mut *tx)
        .await?;
    Ok(entry)
}

/// A row of `records` as its ledger entry holds it: every column but `ledger_seq`, which only the entry itself settles.
pub(super) fn record_json(row: &Row) -> Result<Json, Error> {
    let mut fields = row.to_json()?;
    fields.remove("ledger_seq");
    Ok(fields.into())
}

/// Where the ledger ends.
pub async fn head(on: impl Into<On<'_>>) -> Result<Head, Error> {
    read_head(&query("ledger_head", "SELECT seq, hash FROM ledger_head WHERE id = 1").fetch_one(on).await?)
}

/// Up to `limit` entries from number `from_seq` on, in order.
pub async fn entries(on: impl Into<On<'_>>, from_seq: u64, limit: u32) -> Result<Vec<Entry>, Error> {
    rows(on, from_seq, limit).await?.iter().map(read_entry).collect()
}

/// Up to `limit` newest entries about one subject, newest first.
pub async fn about(
    on: impl Into<On<'_>>,
    subject_type: &str,
    subject_id: &str,
    limit: u32,
) -> Result<Vec<Entry>, Error> {
    let text = "SELECT seq, algorithm, at_us, actor, kind, subject_type, subject_id, payload, evidence, prev_hash, hash \
                FROM ledger WHERE subject_type = $1 AND subject_id = $2 ORDER BY seq DESC LIMIT $3";
    let rows = query("ledger", text).bind(subject_type).bind(subject_id).bind(limit).fetch_all(on).await?;
    rows.iter().map(read_entry).collect()
}

/// Up to `limit` newest entries about subjects of one type, newest first.
pub async fn about_all(on: impl Into<On<'_>>, subject_type: &str, limit: u32) -> Result<Vec<Entry>, Error> {
    let text = "SELECT seq, algorithm, at_us, actor, kind, subject_type, subject_id, payload, evidence, prev_hash, hash \
                FROM ledger WHERE subject_type = $1 ORDER BY seq DESC LIMIT $2";
    let rows = query("ledger", text).bind(subject_type).bind(limit).fetch_all(on).await?;
    rows.iter().map(read_entry).collect()
}

/// How many entries of some kinds were made since; by one actor, and about one subject, if they are given.
pub async fn count_by(
    tx: &mut Tx,
    kinds: &[Kind],
    since: Instant,
    actor: Option<&Actor>,
    subject_id: Option<&str>,
) -> Result<u64, Error> {
    let mut count = 0;
    for kind in kinds {
        let text = "SELECT COUNT(*) AS n FROM ledger WHERE kind = $1 AND at_us >= $2 AND ($3 = '' OR actor = $3) \
                    AND ($4 = '' OR subject_id = $4)";
        let counted = query("ledger", text).bind(kind.as_str()).bind(since);
        let counted = counted.bind(actor.map(actor_text).unwrap_or_default()).bind(subject_id.unwrap_or_default());
        count += counted.fetch_one(&mut *tx).await?.count::<u64>("n")?;
    }
    Ok(count)
}

/// How many actors made entries of a kind about a subject since.
pub async fn people_about(tx: &mut Tx, kind: Kind, since: Instant, subject_id: &str) -> Result<u64, Error> {
    let text = "SELECT COUNT(DISTINCT actor) AS n FROM ledger WHERE kind = $1 AND at_us >= $2 AND subject_id = $3";
    query("ledger", text).bind(kind.as_str()).bind(since).bind(subject_id).fetch_one(tx).await?.count("n")
}

/// Up to `limit` newest entries of some kinds before an entry, newest first; six kinds at most.
pub async fn of_kinds(on: impl Into<On<'_>>, kinds: &[Kind], before_seq: u64, limit: u32) -> Result<Vec<Entry>, Error> {
    let text = "SELECT seq, algorithm, at_us, actor, kind, subject_type, subject_id, payload, evidence, prev_hash, hash \
                FROM ledger WHERE kind IN ($1, $2, $3, $4, $5, $6) AND seq < $7 ORDER BY seq DESC LIMIT $8";
    let mut asked = query("ledger", text);
    for nth in 0..6 {
        asked = asked.bind(kinds.get(nth).or(kinds.first()).map_or("", |kind| kind.as_str()));
    }
    asked.bind(before_seq.min(i64::MAX as u64) as i64).bind(limit).fetch_all(on).await?.iter().map(read_entry).collect()
}

pub(super) async fn rows(on: impl Into<On<'_>>, from_seq: u64, limit: u32) -> Result<Vec<Row>, Error> {
    let text = "SELECT seq, algorithm, at_us, actor, kind, subject_type, subject_id, payload, evidence, prev_hash, hash \
                FROM ledger WHERE seq >= $1 ORDER BY seq LIMIT $2";
    query("ledger", text).bind(from_seq as i64).bind(limit).fetch_all(on).await
}

fn read_head(row: &Row) -> Result<Head, Error> {
    Ok(Head { seq: row.count("seq")?, hash: row.parse("hash", Digest::parse)? })
}

/// Reads an entry strictly: only the very text that was written is taken.
pub(super) fn read_entry(row: &Row) -> Result<Entry, Error> {
    row.parse("algorithm", |text| if text == ALGORITHM { Ok(()) } else { Err("unknown algorithm") })?;
    Ok(Entry {
        seq: row.count("seq")?,
        at: row.instant("at_us")?,
        actor: row.parse("actor", |text| {
            let actor: Actor = serde_json::from_str(text).map_err(|error| error.to_string())?;
            if actor_text(&actor) == text { Ok(actor) } else { Err("not in canonical form".to_owned()) }
        })?,
        kind: row.parse("kind", |text| Kind::parse(text).ok_or("unknown kind"))?,
        subject_type: row.get("subject_type")?,
        subject_id: row.get("subject_id")?,
        payload: row.get("payload")?,
        evidence: row.parse("evidence", |text| {
            let digests: Vec<Digest> = serde_json::from_str(text).map_err(|error| error.to_string())?;
            if evidence_text(&digests) == text { Ok(digests) } else { Err("not in canonical form".to_owned()) }
        })?,
        prev_hash: row.parse("prev_hash", Digest::parse)?,
        hash: row.parse("hash", Digest::parse)?,
    })
}

fn evidence_text(digests: &[Digest]) -> String {
    Json::from(digests.iter().map(Digest::to_string).collect::<Vec<_>>()).to_string()
}
