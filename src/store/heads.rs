//! Signed heads of the ledger, one a day, and the tree over its entries.

use super::{Error, On, Row, Tx, ledger, query};
use crate::domain::{
    ledger::{
        Digest, Entry, Head,
        signed::SignedHead,
        tree::{Growing, Path, Proving},
    },
    time::Instant,
};

/// Hashes read at once.
const PAGE: u32 = 5000;

/// The newest signed head, and the tree it was signed of.
pub async fn newest(on: impl Into<On<'_>>) -> Result<Option<(SignedHead, Growing)>, Error> {
    let text = "SELECT head, tree FROM signed_heads ORDER BY seq DESC, day DESC LIMIT 1";
    let row = query("signed_heads", text).fetch_optional(on).await?;
    row.map(|row| Ok((head(&row)?, row.parse("tree", |text| serde_json::from_str(text))?))).transpose()
}

/// The first head whose ledger holds an entry; `None` while none was signed since.
pub async fn over(on: impl Into<On<'_>>, seq: u64) -> Result<Option<SignedHead>, Error> {
    let text = "SELECT head FROM signed_heads WHERE seq >= $1 ORDER BY seq, day LIMIT 1";
    query("signed_heads", text).bind(seq as i64).fetch_optional(on).await?.as_ref().map(head).transpose()
}

/// Whether a day has its head.
pub async fn has(on: impl Into<On<'_>>, day: &str) -> Result<bool, Error> {
    let text = "SELECT day FROM signed_heads WHERE day = $1";
    Ok(query("signed_heads", text).bind(day).fetch_optional(on).await?.is_some())
}

/// Up to `limit` heads, newest first.
pub async fn list(on: impl Into<On<'_>>, limit: u32) -> Result<Vec<SignedHead>, Error> {
    let text = "SELECT head FROM signed_heads ORDER BY seq DESC, day DESC LIMIT $1";
    query("signed_heads", text).bind(limit).fetch_all(on).await?.iter().map(head).collect()
}

/// Every head, the oldest first.
pub async fn all(on: impl Into<On<'_>>) -> Result<Vec<SignedHead>, Error> {
    query("signed_heads", "SELECT head FROM signed_heads ORDER BY seq, day")
        .fetch_all(on)
        .await?
        .iter()
        .map(head)
        .collect()
}

/// Keeps a day's head; the first of a day stands.
pub async fn keep(tx: &mut Tx, day: &str, head: &SignedHead, tree: &Growing, now: Instant) -> Result<(), Error> {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let text = "INSERT INTO signed_heads (day, seq, head, tree, signed_at_us) VALUES ($1, $2, $3, $4, $5) \
                ON CONFLICT (day) DO NOTHING";
    query("signed_heads", text)
        .bind(day)
        .bind(head.seq as i64)
        .bind(json(serde_json::to_string(head)))
        .bind(json(serde_json::to_string(tree)))
        .bind(now)
        .execute(tx)
        .await
        .map(|_| ())
}

/// Grows a tree by the entries that came since, up to the ledger's end; where that is.
pub async fn grow(tx: &mut Tx, tree: &mut Growing) -> Result<Head, Error> {
    let end = ledger::head(&mut *tx).await?;
    while tree.size() < end.seq {
        let hashes = hashes(tx, tree.size() + 1, end.seq).await?;
        if hashes.is_empty() {
            break;
        }
        for hash in hashes {
            tree.push(hash);
        }
    }
    Ok(end)
}

/// The proof of one entry under a head of `size` entries, and the entry.
pub async fn prove(tx: &mut Tx, seq: u64, size: u64) -> Result<Option<(Entry, Path)>, Error> {
    let Some(mut proving) = seq.checked_sub(1).and_then(|index| Proving::new(index, size)) else { return Ok(None) };
    let mut from = 1;
    while from <= size {
        let page = hashes(tx, from, size).await?;
        if page.is_empty() {
            return Ok(None);
        }
        from += page.len() as u64;
        for hash in page {
            proving.pass(hash);
        }
    }
    let entry = ledger::entries(tx, seq, 1).await?.pop().filter(|entry| entry.seq == seq);
    Ok(entry.zip(proving.path()))
}

async fn hashes(tx: &mut Tx, from: u64, to: u64) -> Result<Vec<Digest>, Error> {
    let text = "SELECT seq, hash FROM ledger WHERE seq >= $1 AND seq <= $2 ORDER BY seq LIMIT $3";
    let rows = query("ledger", text).bind(from as i64).bind(to as i64).bind(PAGE).fetch_all(tx).await?;
    rows.iter().map(|row| row.parse("hash", Digest::parse)).collect()
}

fn head(row: &Row) -> Result<SignedHead, Error> {
    row.parse("head", |text| serde_json::from_str(text))
}
