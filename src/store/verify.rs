//! `ledger verify`: walks the whole ledger in one state of the database and names the first entry that is not proven.

mod manifest;
mod told;

use std::collections::HashSet;

use serde_json::Value as Json;

use super::{
    Db, Error, Row, Tx, erasures,
    evidence::Evidence,
    heads,
    ledger::{RECORD, read_entry, record_json, rows},
    query,
};
use crate::domain::ledger::{Broken, Digest, Entry, Head, Kind, canonical, ends_at, signed::SignedHead, tree::Growing};

const PAGE: u32 = 500;

/// What was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Number of entries; each continues the one before.
    pub entries: u64,
    /// Hash of the last one.
    pub head_hash: Digest,
    /// Records whose row is what its last entry says.
    pub checked_records: u64,
    /// Files of evidence that exist and have the hash the ledger names.
    pub checked_evidence: u64,
}

/// Why a ledger is not proven.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// It is not what was written.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Pieces of evidence remembered as read, so that few are read twice; then they are forgotten, and memory does not grow.
const REMEMBERED: usize = 500_000;

/// What was proven on the way through.
#[derive(Default)]
struct Seen {
    evidence: HashSet<Digest>,
    pieces: u64,
    records: u64,
}

impl Report {
    /// Where the chain ends; kept elsewhere, it tells later whether the chain still passes through it.
    pub fn head(&self) -> Head {
        Head { seq: self.entries, hash: self.head_hash }
    }
}

/// Proves the ledger: the chain, its noted end, each row of records, captures and decided incidents against its entries, and,
/// if given, the evidence.
pub async fn verify(db: &Db, evidence: Option<&Evidence>) -> Result<Report, Unproven> {
    verify_through(db, evidence, None).await
}

/// Proves the ledger, and that its chain passes through a head that was noted earlier.
pub async fn verify_through(db: &Db, evidence: Option<&Evidence>, noted: Option<Head>) -> Result<Report, Unproven> {
    let mut tx = db.begin_read().await?;
    let mut end = Head::default();
    let mut seen = Seen::default();
    let signed = heads::all(&mut tx).await.map_err(|error| unparsed(end.seq, error))?;
    let (mut signed, mut tree) = (signed.into_iter().peekable(), Growing::default());
    loop {
        let page = rows(&mut tx, end.seq + 1, PAGE).await?;
        for row in &page {
            let entry = read(row, end.seq + 1)?;
            end = end.follow(&entry)?;
            tree.push(entry.hash);
            while let Some(head) = signed.next_if(|head| head.seq <= end.seq) {
                check_head(&head, end, &tree)?;
            }
            if let Some(noted) = noted.filter(|noted| noted.seq == end.seq && noted.hash != end.hash) {
                return Err(broken(noted.seq, "is not the one whose hash was noted"));
            }
            check_record(&mut tx, &entry, &mut seen).await?;
            told::check_entry(&mut tx, &entry).await?;
            if let Some(evidence) = evidence {
                check_evidence(&mut tx, evidence, &entry, &mut seen).await?;
            }
        }
        if page.len() < PAGE as usize {
            break;
        }
    }
    if let Some(head) = signed.next() {
        return Err(broken(end.seq + 1, format!("missing; a head was signed at entry {}", head.seq)));
    }
    check_start(&mut tx).await?;
    check_end(&mut tx, end).await?;
    if let Some(noted) = noted.filter(|noted| noted.seq > end.seq) {
        return Err(broken(end.seq + 1, format!("missing; entry {} was noted earlier", noted.seq)));
    }
    told::check_untold(&mut tx, end).await?;
    check_untold_records(&mut tx, end, seen.records).await?;
    let (checked_records, checked_evidence) = (seen.records, seen.pieces);
    Ok(Report { entries: end.seq, head_hash: end.hash, checked_records, checked_evidence })
}

/// Holds a signed head against the chain and the tree where it was signed.
fn check_head(head: &SignedHead, end: Head, tree: &Growing) -> Result<(), Unproven> {
    let is_so = head.seq == end.seq && head.hash == end.hash && head.root == tree.root();
    match head.check(None) {
        Ok(()) if is_so => Ok(()),
        Ok(()) => Err(broken(end.seq, "is not the one a head was signed of")),
        Err(error) => Err(broken(end.seq, format!("the head signed of it does not hold: {error}"))),
    }
}

fn broken(seq: u64, why: impl Into<String>) -> Unproven {
    Unproven::Broken(Broken { seq, why: why.into() })
}

/// A row that no longer parses was changed: that is a broken entry, not a failing database.
fn unparsed(seq: u64, error: Error) -> Unproven {
    match error {
        Error::Row { column, reason, .. } => broken(seq, format!("column {column} does not parse: {reason}")),
        other => Unproven::Store(other),
    }
}

fn read(row: &Row, expected: u64) -> Result<Entry, Unproven> {
    read_entry(row).map_err(|error| unparsed(expected, error))
}

/// The record's fields as the entry holds them; an entry that only mentions a record has none.
fn record_of(entry: &Entry) -> Option<Json> {
    let payload: Json = serde_json::from_str(&entry.payload).ok()?;
    payload.get("record").cloned()
}

async fn check_evidence(tx: &mut Tx, evidence: &Evidence, entry: &Entry, seen: &mut Seen) -> Result<(), Unproven> {
    for digest in &entry.evidence {
        if seen.evidence.contains(digest) {
            continue;
        }
        if seen.evidence.len() >= REMEMBERED {
            seen.evidence.clear();
        }
        match evidence.get(*digest).await {
            Ok(Some(bytes)) => {
                if entry.kind == Kind::ManifestMade {
                    manifest::check(tx, entry, &bytes).await?;
                }
                seen.pieces += 1;
                seen.evidence.insert(*digest)
            }
            Ok(None) if was_erased(tx, *digest).await? => true,
            Ok(None) => return Err(broken(entry.seq, format!("evidence {digest} is gone"))),
            Err(Error::Corrupt { .. }) => return Err(broken(entry.seq, format!("evidence {digest} was changed"))),
            Err(error) => return Err(error.into()),
        };
    }
    Ok(())
}

/// Whether the ledger itself says that a picture was erased.
async fn was_erased(tx: &mut Tx, digest: Digest) -> Result<bool, Unproven> {
    let Some(seq) = erasures::entry_of(&mut *tx, digest).await? else { return Ok(false) };
    let page = rows(tx, seq, 1).await?;
    let Some(entry) = page.first().map(|row| read(row, seq)).transpose()? else { return Ok(false) };
    let told: Json = serde_json::from_str(&entry.payload).unwrap_or_default();
    let names = |list: &Vec<Json>| list.iter().any(|one| one.as_str() == Some(&digest.to_string()));
    Ok(entry.seq == seq && entry.kind == Kind::EvidenceErased && told["erased"].as_array().is_some_and(names))
}

/// Nothing stands before the first entry.
async fn check_start(tx: &mut Tx) -> Result<(), Unproven> {
    match query("ledger", "SELECT seq FROM ledger WHERE seq < 1 OR seq IS NULL LIMIT 1").fetch_optional(tx).await? {
        Some(_) => Err(broken(0, "a row stands before the first entry")),
        None => Ok(()),
    }
}

async fn check_end(tx: &mut Tx, end: Head) -> Result<(), Unproven> {
    match super::ledger::head(tx).await {
        Ok(head) => Ok(ends_at(end, head)?),
        Err(Error::Database(sqlx::Error::RowNotFound)) => Err(broken(end.seq, "the ledger's end is no longer noted")),
        Err(error) => Err(unparsed(end.seq, error)),
    }
}

/// Holds an entry of a record against its row, where the row says that this is its last one.
async fn check_record(tx: &mut Tx, entry: &Entry, seen: &mut Seen) -> Result<(), Unproven> {
    if entry.subject_type != RECORD {
        return Ok(());
    }
    let Some(said) = record_of(entry) else { return Ok(()) };
    let (seq, id) = (entry.seq, &entry.subject_id);
    let text = "SELECT * FROM records WHERE id = $1";
    let Some(row) = query("records", text).bind(id).fetch_optional(&mut *tx).await? else {
        let seq = last_entry(tx, id).await?.unwrap_or(seq);
        return Err(broken(seq, format!("record {id} is gone")));
    };
    let names: u64 = row.count("ledger_seq").map_err(|error| unparsed(seq, error))?;
    if names > seq {
        // A later entry tells what it is now; if there is none, that is found at the end.
        return Ok(());
    }
    let stands = record_json(&row).map_err(|error| unparsed(seq, error))?;
    if canonical(&stands) != canonical(&said) {
        let columns = differing(&said, &stands);
        if !columns.is_empty() {
            return Err(broken(seq, format!("record {id} differs from this, its last entry, in {columns}")));
        }
    }
    if names != seq {
        return Err(broken(seq, format!("record {id} no longer names this, its last entry")));
    }
    seen.records += 1;
    Ok(())
}

/// The number of the last entry about a record.
async fn last_entry(tx: &mut Tx, id: &str) -> Result<Option<u64>, Unproven> {
    let text = "SELECT MAX(seq) AS seq FROM ledger WHERE subject_type = 'record' AND subject_id = $1";
    let row = query("ledger", text).bind(id).fetch_one(tx).await?;
    Ok(row.get::<Option<i64>>("seq").ok().flatten().map(|seq| seq.max(0) as u64))
}

/// Finds a record whose row names an entry that is none of its own, and one without an id.
async fn check_untold_records(tx: &mut Tx, end: Head, checked: u64) -> Result<(), Unproven> {
    let rows: u64 = query("records", "SELECT COUNT(*) AS n FROM records").fetch_one(&mut *tx).await?.count("n")?;
    if rows == checked {
        return Ok(());
    }
    let text = "SELECT id, ledger_seq FROM records WHERE id > '' AND NOT EXISTS (SELECT 1 FROM ledger WHERE \
                ledger.seq = records.ledger_seq AND ledger.subject_type = 'record' AND ledger.subject_id = records.id) \
                ORDER BY id LIMIT 1";
    if let Some(row) = query("records", text).fetch_optional(&mut *tx).await? {
        let id: String = row.get("id").map_err(|error| unparsed(end.seq, error))?;
        if let Some(seq) = last_entry(tx, &id).await? {
            return Err(broken(seq, format!("record {id} no longer names this, its last entry")));
        }
        let seq = row.get::<i64>("ledger_seq").unwrap_or_default().max(0);
        return Err(broken(seq as u64, format!("record {id} stands in no entry")));
    }
    let text = "SELECT number FROM records WHERE id IS NULL OR id <= '' ORDER BY number LIMIT 1";
    let forged = query("records", text).fetch_optional(tx).await?;
    let number = forged.and_then(|row| row.get::<Option<String>>("number").ok().flatten()).unwrap_or_default();
    Err(broken(end.seq, format!("a record without an id, number {number:?}, stands in no entry")))
}

/// The names of the columns in which a row differs from its entry; none where only columns were added.
fn differing(said: &Json, stands: &Json) -> String {
    let (Json::Object(said), Json::Object(stands)) = (said, stands) else { return "all".to_owned() };
    let same = |name: &str| match (said.get(name), stands.get(name)) {
        (Some(one), Some(other)) => canonical(one) == canonical(other),
        // A column that was added later, and that nothing was written into.
        (None, Some(Json::Null)) => true,
        _ => false,
    };
    let names: std::collections::BTreeSet<&String> = said.keys().chain(stands.keys()).collect();
    let differing: Vec<&str> = names.into_iter().map(String::as_str).filter(|name| !same(name)).collect();
    differing.join(", ")
}
