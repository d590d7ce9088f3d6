//! `ledger verify`: walks the whole ledger in one state of the database and names the first entry that is not proven.

mod manifest;
mod told;

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, stream};
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
        let mut entries = Vec::with_capacity(page.len());
        let mut chain = Ok(());
        for row in &page {
            match next(row, &mut end, &mut tree, &mut signed, noted) {
                Ok(entry) => entries.push(entry),
                // What stands before it may be wrong in some other way, and is named first.
                Err(error) => {
                    chain = Err(error);
                    break;
                }
            }
        }
        // Files are read and hashed while the database is asked for rows; the first entry that is wrong is named all the same.
        let files = look_at(evidence, unseen(&entries, &mut seen));
        let rows_hold = check_rows(&mut tx, &entries, &mut seen);
        let (files, rows_hold) = futures_util::future::join(files, rows_hold).await;
        let held = rows_hold.as_ref().map_or_else(|(count, _)| *count, |()| entries.len());
        if let Some(evidence) = evidence {
            for entry in &entries[..held] {
                check_evidence(&mut tx, evidence, entry, &files).await?;
            }
        }
        seen.pieces += files.values().filter(|found| matches!(found, Ok(true))).count() as u64;
        rows_hold.map_err(|(_, error)| error)?;
        chain?;
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

/// Reads the next entry and follows it: the chain, the heads signed of it, and the one that was noted.
fn next(
    row: &Row,
    end: &mut Head,
    tree: &mut Growing,
    signed: &mut std::iter::Peekable<std::vec::IntoIter<SignedHead>>,
    noted: Option<Head>,
) -> Result<Entry, Unproven> {
    let entry = read(row, end.seq + 1)?;
    *end = end.follow(&entry)?;
    tree.push(entry.hash);
    while let Some(head) = signed.next_if(|head| head.seq <= end.seq) {
        check_head(&head, *end, tree)?;
    }
    match noted {
        Some(noted) if noted.seq == end.seq && noted.hash != end.hash => {
            Err(broken(noted.seq, "is not the one whose hash was noted"))
        }
        _ => Ok(entry),
    }
}

/// Holds entries against the rows they tell of; where one does not hold, how many did before it.
async fn check_rows(tx: &mut Tx, entries: &[Entry], seen: &mut Seen) -> Result<(), (usize, Unproven)> {
    for (count, entry) in entries.iter().enumerate() {
        check_record(tx, entry, seen).await.map_err(|error| (count, error))?;
        told::check_entry(tx, entry).await.map_err(|error| (count, error))?;
    }
    Ok(())
}

/// Pieces looked at together.
const TOGETHER: usize = 4;

/// Pieces that entries name and that were not looked at lately, each once.
fn unseen(entries: &[Entry], seen: &mut Seen) -> Vec<Digest> {
    let mut pieces = Vec::new();
    for digest in entries.iter().flat_map(|entry| &entry.evidence) {
        if seen.evidence.len() >= REMEMBERED {
            seen.evidence.clear();
        }
        if seen.evidence.insert(*digest) {
            pieces.push(*digest);
        }
    }
    pieces
}

/// Which pieces are there and whole: `true`, or not there: `false`.
async fn look_at(evidence: Option<&Evidence>, pieces: Vec<Digest>) -> HashMap<Digest, Result<bool, Error>> {
    let Some(evidence) = evidence else { return HashMap::new() };
    let looks = stream::iter(pieces).map(|digest| async move { (digest, evidence.is_whole(digest).await) });
    looks.buffer_unordered(TOGETHER).collect().await
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

/// What was found of the pieces an entry names; one that is no longer in `files` was looked at for an earlier entry.
async fn check_evidence(
    tx: &mut Tx,
    evidence: &Evidence,
    entry: &Entry,
    files: &HashMap<Digest, Result<bool, Error>>,
) -> Result<(), Unproven> {
    for digest in &entry.evidence {
        match files.get(digest) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) if was_erased(tx, *digest).await? => {}
            Some(Ok(false)) => return Err(broken(entry.seq, format!("evidence {digest} is gone"))),
            Some(Err(Error::Corrupt { .. })) => {
                return Err(broken(entry.seq, format!("evidence {digest} was changed")));
            }
            // Asked once more, for an error of its own.
            Some(Err(_)) => {
                evidence.get(*digest).await?;
            }
        }
        if entry.kind == Kind::ManifestMade
            && let Some(bytes) = evidence.get(*digest).await?
        {
            manifest::check(tx, entry, &bytes).await?;
        }
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
