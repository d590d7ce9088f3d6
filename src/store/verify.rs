//! `ledger verify`: walks the whole ledger in one state of the database and names the first entry that is not proven.

mod told;

use std::collections::{BTreeMap, HashSet};

use serde_json::Value as Json;

use super::{
    Db, Error, Row, Tx,
    evidence::Evidence,
    ledger::{RECORD, read_entry, record_json, rows},
    query,
};
use crate::domain::ledger::{Broken, Digest, Entry, Head, canonical, ends_at};

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

/// The last entry about a record, and the hash of the record as it stands there.
type Told = BTreeMap<String, (u64, Digest)>;

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
    let mut told = Told::new();
    let mut seen = HashSet::new();
    loop {
        let page = rows(&mut tx, end.seq + 1, PAGE).await?;
        for row in &page {
            let entry = read(row, end.seq + 1)?;
            end = end.follow(&entry)?;
            if let Some(noted) = noted.filter(|noted| noted.seq == end.seq && noted.hash != end.hash) {
                return Err(broken(noted.seq, "is not the one whose hash was noted"));
            }
            note_record(&entry, &mut told);
            told::check_entry(&mut tx, &entry).await?;
            if let Some(evidence) = evidence {
                check_evidence(evidence, &entry, &mut seen).await?;
            }
        }
        if page.len() < PAGE as usize {
            break;
        }
    }
    check_start(&mut tx).await?;
    check_end(&mut tx, end).await?;
    if let Some(noted) = noted.filter(|noted| noted.seq > end.seq) {
        return Err(broken(end.seq + 1, format!("missing; entry {} was noted earlier", noted.seq)));
    }
    told::check_untold(&mut tx, end).await?;
    let checked_records = check_records(&mut tx, told, end).await?;
    Ok(Report { entries: end.seq, head_hash: end.hash, checked_records, checked_evidence: seen.len() as u64 })
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

fn note_record(entry: &Entry, told: &mut Told) {
    if entry.subject_type != RECORD {
        return;
    }
    let Some(record) = record_of(entry) else { return };
    told.insert(entry.subject_id.clone(), (entry.seq, Digest::of(canonical(&record).as_bytes())));
}

/// The record's fields as the entry holds them; an entry that only mentions a record has none.
fn record_of(entry: &Entry) -> Option<Json> {
    let payload: Json = serde_json::from_str(&entry.payload).ok()?;
    payload.get("record").cloned()
}

async fn check_evidence(evidence: &Evidence, entry: &Entry, seen: &mut HashSet<Digest>) -> Result<(), Unproven> {
    for digest in &entry.evidence {
        if seen.contains(digest) {
            continue;
        }
        match evidence.get(*digest).await {
            Ok(Some(_)) => seen.insert(*digest),
            Ok(None) => return Err(broken(entry.seq, format!("evidence {digest} is gone"))),
            Err(Error::Corrupt { .. }) => return Err(broken(entry.seq, format!("evidence {digest} was changed"))),
            Err(error) => return Err(error.into()),
        };
    }
    Ok(())
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

async fn check_records(tx: &mut Tx, mut told: Told, end: Head) -> Result<u64, Unproven> {
    let mut checked = 0;
    let mut after = String::new();
    loop {
        let text = "SELECT * FROM records WHERE id > $1 ORDER BY id LIMIT $2";
        let page = query("records", text).bind(&after).bind(PAGE).fetch_all(&mut *tx).await?;
        for row in &page {
            after = row.get("id").map_err(|error| unparsed(end.seq, error))?;
            let Some((seq, digest)) = told.remove(&after) else {
                let seq = row.get::<i64>("ledger_seq").unwrap_or_default().max(0);
                return Err(broken(seq as u64, format!("record {after} stands in no entry")));
            };
            let stands = record_json(row).map_err(|error| unparsed(seq, error))?;
            if Digest::of(canonical(&stands).as_bytes()) != digest {
                let columns = differing(tx, seq, &stands).await?;
                if !columns.is_empty() {
                    return Err(broken(seq, format!("record {after} differs from this, its last entry, in {columns}")));
                }
            }
            if row.get::<i64>("ledger_seq").ok() != Some(seq as i64) {
                return Err(broken(seq, format!("record {after} no longer names this, its last entry")));
            }
            checked += 1;
        }
        if page.len() < PAGE as usize {
            break;
        }
    }
    // A row whose id is empty or none is on no page.
    let rows: u64 = query("records", "SELECT COUNT(*) AS n FROM records").fetch_one(&mut *tx).await?.count("n")?;
    if rows != checked && told.is_empty() {
        let text = "SELECT number FROM records WHERE id IS NULL OR id <= '' ORDER BY number LIMIT 1";
        let forged = query("records", text).fetch_optional(tx).await?;
        let number = forged.and_then(|row| row.get::<Option<String>>("number").ok().flatten()).unwrap_or_default();
        return Err(broken(end.seq, format!("a record without an id, number {number:?}, stands in no entry")));
    }
    match told.into_iter().min_by_key(|(_, (seq, _))| *seq) {
        Some((id, (seq, _))) => Err(broken(seq, format!("record {id} is gone"))),
        None => Ok(checked),
    }
}

/// The names of the columns in which a row differs from its entry; none where only columns were added.
async fn differing(tx: &mut Tx, seq: u64, stands: &Json) -> Result<String, Unproven> {
    let page = rows(tx, seq, 1).await?;
    let entry = page.first().map(|row| read(row, seq)).transpose()?;
    let Some(Json::Object(said)) = entry.as_ref().and_then(record_of) else { return Ok("all".to_owned()) };
    let Json::Object(stands) = stands else { return Ok("all".to_owned()) };
    let same = |name: &str| match (said.get(name), stands.get(name)) {
        (Some(one), Some(other)) => canonical(one) == canonical(other),
        // A column that was added later, and that nothing was written into.
        (None, Some(Json::Null)) => true,
        _ => false,
    };
    let names: std::collections::BTreeSet<&String> = said.keys().chain(stands.keys()).collect();
    let differing: Vec<&str> = names.into_iter().map(String::as_str).filter(|name| !same(name)).collect();
    Ok(differing.join(", "))
}
