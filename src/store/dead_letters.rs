//! Dead letters: refused messages by their content, bounded by rows, rows of one source, and age.

use super::{Db, Error, On, Row, Tx, query};
use crate::domain::{dead_letter::DeadLetter, time::Instant};

/// Which dead letters are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only those refused at or after this.
    pub since: Option<Instant>,
    /// At most so many.
    pub limit: u32,
}

/// Writes a refused message; one that is kept already counts once more, for its newest reason.
pub async fn put(tx: &mut Tx, letter: &DeadLetter) -> Result<(), Error> {
    let text = "INSERT INTO dead_letters (id, topic, source, kind, reason, payload, payload_bytes, is_whole, first_at_us, \
                received_at_us, seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO UPDATE \
                SET kind = excluded.kind, reason = excluded.reason, received_at_us = excluded.received_at_us, \
                seen = dead_letters.seen + excluded.seen";
    query("dead_letters", text)
        .bind(&letter.id)
        .bind(&letter.topic)
        .bind(&letter.source)
        .bind(&letter.kind)
        .bind(&letter.reason)
        .bind(hex::encode(&letter.payload))
        .bind(i64::try_from(letter.payload_bytes).unwrap_or(i64::MAX))
        .bind(letter.is_whole)
        .bind(letter.first_at)
        .bind(letter.received_at)
        .bind(i64::try_from(letter.seen).unwrap_or(i64::MAX))
        .execute(&mut *tx)
        .await?;
    Ok(())
}

/// Leaves the newest `rows` of a source.
pub async fn trim_source(tx: &mut Tx, source: &str, rows: u32) -> Result<u64, Error> {
    let text = "DELETE FROM dead_letters WHERE source = $1 AND id NOT IN \
                (SELECT id FROM dead_letters WHERE source = $2 ORDER BY received_at_us DESC, id LIMIT $3)";
    query("dead_letters", text).bind(source).bind(source).bind(rows).execute(&mut *tx).await
}

/// Leaves the newest `rows`, and nothing of before `oldest`.
pub async fn trim(tx: &mut Tx, rows: u32, oldest: Instant) -> Result<u64, Error> {
    let text = "DELETE FROM dead_letters WHERE received_at_us < $1 OR id NOT IN \
                (SELECT id FROM dead_letters ORDER BY received_at_us DESC, id LIMIT $2)";
    query("dead_letters", text).bind(oldest).bind(rows).execute(&mut *tx).await
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, topic, source, kind, reason, payload, payload_bytes, is_whole, first_at_us, received_at_us, seen, \
             replayed_at_us FROM dead_letters ",
            $rest
        )
    };
}

/// The newest of those meant, newest first.
pub async fn list(on: impl Into<On<'_>>, which: &Which) -> Result<Vec<DeadLetter>, Error> {
    let text =
        select!("WHERE ($1 = '' OR kind = $2) AND received_at_us >= $3 ORDER BY received_at_us DESC, id LIMIT $4");
    asked(text, on, which).await
}

/// The oldest of those meant that wait for a replay, in the order they were refused.
pub async fn waiting(on: impl Into<On<'_>>, which: &Which) -> Result<Vec<DeadLetter>, Error> {
    let text = select!(
        "WHERE ($1 = '' OR kind = $2) AND received_at_us >= $3 AND is_whole = 1 \
         AND (replayed_at_us IS NULL OR replayed_at_us < received_at_us) ORDER BY received_at_us, id LIMIT $4"
    );
    asked(text, on, which).await
}

async fn asked(text: &'static str, on: impl Into<On<'_>>, which: &Which) -> Result<Vec<DeadLetter>, Error> {
    let kind = which.kind.clone().unwrap_or_default();
    let since = which.since.unwrap_or(Instant::UNIX_EPOCH);
    let rows = query("dead_letters", text).bind(&kind).bind(&kind).bind(since).bind(which.limit).fetch_all(on).await?;
    rows.iter().map(read).collect()
}

/// How many are kept, and how many of them wait for a replay.
pub async fn count(on: impl Into<On<'_>>) -> Result<(u64, u64), Error> {
    let text = "SELECT COUNT(*) AS kept, COUNT(CASE WHEN is_whole = 1 AND (replayed_at_us IS NULL OR \
                replayed_at_us < received_at_us) THEN 1 END) AS waiting FROM dead_letters";
    let row = query("dead_letters", text).fetch_one(on).await?;
    Ok((row.count("kept")?, row.count("waiting")?))
}

/// One by its id.
pub async fn find(on: impl Into<On<'_>>, id: &str) -> Result<Option<DeadLetter>, Error> {
    let row = query("dead_letters", select!("WHERE id = $1")).bind(id).fetch_optional(on).await?;
    row.as_ref().map(read).transpose()
}

/// Notes that one was replayed.
pub async fn replayed(db: &Db, id: &str, at: Instant) -> Result<(), Error> {
    let text = "UPDATE dead_letters SET replayed_at_us = $1 WHERE id = $2";
    query("dead_letters", text).bind(at).bind(id).execute(db).await?;
    Ok(())
}

/// Drops one; whether it was there.
pub async fn drop(tx: &mut Tx, id: &str) -> Result<bool, Error> {
    let dropped = query("dead_letters", "DELETE FROM dead_letters WHERE id = $1").bind(id).execute(&mut *tx).await?;
    Ok(dropped > 0)
}

fn read(row: &Row) -> Result<DeadLetter, Error> {
    Ok(DeadLetter {
        id: row.get("id")?,
        topic: row.get("topic")?,
        source: row.get("source")?,
        kind: row.get("kind")?,
        reason: row.get("reason")?,
        payload: row.parse("payload", |text| hex::decode(text))?,
        payload_bytes: row.count("payload_bytes")?,
        is_whole: row.get::<i64>("is_whole")? != 0,
        first_at: row.instant("first_at_us")?,
        received_at: row.instant("received_at_us")?,
        seen: row.count("seen")?,
        replayed_at: row.instant_opt("replayed_at_us")?,
    })
}
