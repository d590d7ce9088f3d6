//! Looking up plates: for a stated purpose, with the audit entry in the ledger before the answer.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Desk, Error, Person,
    error::text,
    view::{Prior, prior},
};
use crate::{
    domain::{
        ids::ZoneId,
        incident::State,
        ledger::{Digest, Kind as Step, NewEntry},
        plate::{self, Plate},
        record::{Act, Kind, Record},
        text::Localized,
    },
    store::{captures, evidence, incidents, ledger, records},
};

/// Most entries of one kind in a history.
const MAX_ENTRIES: u32 = 500;
/// Most plates a search gives.
const MAX_PLATES: u32 = 50;

/// Why a plate is looked up; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose(String);

impl Purpose {
    /// Reads a purpose: something must be said.
    pub fn read(given: Option<&str>) -> Result<Self, Error> {
        text("purpose", given.unwrap_or_default(), 200).map(Self)
    }
}

/// One thing that happened to a plate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// `capture`, `incident`, `warning`, `correction`, `penalty`, `seizure`.
    pub kind: &'static str,
    /// When.
    pub at: DateTime<Utc>,
    /// Its id.
    pub id: String,
    /// What happened, in a few words.
    pub summary: Localized,
    /// Where it stands.
    pub state: &'static str,
    /// Where it was.
    pub zone: Option<ZoneId>,
    /// A record's last entry in the ledger.
    pub ledger_seq: Option<u64>,
}

/// A plate's full history, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct History {
    /// The plate's normal form.
    pub plate: String,
    /// What was asked, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_read: Option<String>,
    /// What happened.
    pub entries: Vec<HistoryEntry>,
    /// How many records of each kind.
    pub prior: Prior,
}

/// A plate a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlateFound {
    /// Its normal form.
    pub plate: String,
    /// When it was last seen or recorded.
    pub last_seen: DateTime<Utc>,
    /// How many captures and records name it.
    pub entries: u64,
}

fn stay_zh(seconds: i64) -> String {
    if seconds < 120 { format!("{seconds}秒") } else { format!("{}分钟", seconds / 60) }
}

fn stay_en(seconds: i64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

impl Desk {
    /// Everything that is kept of a plate. The look-up stands in the ledger before anything is read.
    pub async fn plate_history(&self, asked: &str, purpose: &Purpose, person: &Person) -> Result<History, Error> {
        let plate = Plate::read(&text("plate", asked, 64)?);
        if plate.norm().is_empty() {
            return Err(Error::invalid("plate", "is no plate"));
        }
        let norm = plate.norm();
        self.audit(Step::PlateLookedUp, "plate", norm, json!({"purpose": purpose.0}), vec![], person).await?;
        let mut tx = self.db.begin_read().await?;
        let mut entries = Vec::new();
        for capture in captures::of_plate(&mut tx, norm, MAX_ENTRIES).await? {
            entries.push(HistoryEntry {
                kind: "capture",
                at: capture.at,
                summary: both("抓拍", "Captured"),
                state: capture.state.as_str(),
                zone: capture.zone,
                id: capture.id,
                ledger_seq: None,
            });
        }
        for incident in incidents::of_plate(&mut tx, norm, MAX_ENTRIES).await? {
            let stay = (incident.last_seen - incident.first_seen).num_seconds();
            let (zh, en) = match incident.state {
                State::Rejected => ("违停线索，审核不予处理", "Incident, rejected at review"),
                State::Recorded => ("违停线索，已处理", "Incident, recorded"),
                State::Ripe => ("违停线索，待审核", "Incident, to be reviewed"),
                State::Open => ("违停线索，观察中", "Incident, being watched"),
                State::Closed | State::Merged => ("已驶离，未构成违停", "Left in time, no violation"),
            };
            entries.push(HistoryEntry {
                kind: "incident",
                at: incident.first_seen,
                summary: both(&format!("{zh}（{}）", stay_zh(stay)), &format!("{en} ({})", stay_en(stay))),
                state: incident.state.public(),
                zone: Some(incident.zone),
                id: incident.id,
                ledger_seq: None,
            });
        }
        for record in records::of_plate(&mut tx, norm, MAX_ENTRIES).await? {
            entries.push(HistoryEntry {
                kind: record.kind.as_str(),
                at: record.at,
                summary: summary(&record),
                state: record.state.as_str(),
                zone: record.zone,
                id: record.id,
                ledger_seq: Some(record.ledger_seq),
            });
        }
        entries.sort_by(|one, other| other.at.cmp(&one.at).then_with(|| other.id.cmp(&one.id)));
        let prior = prior(&mut tx, norm).await?;
        let as_read = (asked.trim() != norm).then(|| asked.trim().to_owned());
        Ok(History { plate: norm.to_owned(), as_read, entries, prior })
    }

    /// Plates like the one asked: exact, with confusable characters, with `?` for any one character, or in part. The search
    /// stands in the ledger before anything is read.
    pub async fn search_plates(
        &self,
        asked: &str,
        purpose: &Purpose,
        person: &Person,
    ) -> Result<Vec<PlateFound>, Error> {
        let asked = text("q", asked, 64)?;
        let pattern = plate::search_pattern(&asked);
        if pattern.chars().filter(|c| *c != '?').count() < 2 {
            return Err(Error::invalid("q", "must hold at least two known characters"));
        }
        let norm = Plate::read(&pattern).norm().to_owned();
        let pattern = if norm.is_empty() { pattern } else { norm };
        self.audit(Step::PlatesSearched, "plate", &pattern, json!({"purpose": purpose.0}), vec![], person).await?;
        let folded = plate::fold(&pattern);
        let fold_like = if folded.chars().filter(|c| *c != '?').count() < 2 { String::new() } else { like(&folded) };
        let mut found = captures::plates_like(&self.db, &like(&pattern), &fold_like, MAX_PLATES).await?;
        let rank = |plate: &str| match plate {
            plate if plate == pattern => 0,
            plate if plate::fold(plate) == folded => 1,
            _ => 2,
        };
        found.sort_by_key(|found| rank(&found.plate));
        let found = found.into_iter();
        Ok(found.map(|one| PlateFound { plate: one.plate, last_seen: one.last_seen, entries: one.entries }).collect())
    }

    /// A picture's bytes and media type. Showing it stands in the ledger first.
    pub async fn show_evidence(&self, sha256: Digest, person: &Person) -> Result<Option<(Bytes, String)>, Error> {
        let Some(piece) = evidence::find(&self.db, sha256).await? else { return Ok(None) };
        self.audit(Step::EvidenceShown, "evidence", &sha256.to_string(), json!({}), vec![sha256], person).await?;
        Ok(self.evidence.get(sha256).await?.map(|bytes| (bytes, piece.media_type)))
    }

    /// Enters in the ledger that a person is about to be shown something.
    pub(super) async fn audit(
        &self,
        kind: Step,
        subject_type: &'static str,
        subject_id: &str,
        payload: Value,
        evidence: Vec<Digest>,
        person: &Person,
    ) -> Result<(), Error> {
        let subject_id = subject_id.to_owned();
        let entry = NewEntry { actor: person.actor(), kind, subject_type, subject_id, payload, evidence };
        let mut tx = self.db.begin_write().await?;
        ledger::append(&mut tx, entry, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }
}

fn both(zh: &str, en: &str) -> Localized {
    Localized { zh: zh.to_owned(), en: en.to_owned() }
}

fn summary(record: &Record) -> Localized {
    let (zh, en) = what(record.kind, record.act);
    both(&format!("{zh} {}：{}", record.number, record.reason), &format!("{en} {}: {}", record.number, record.reason))
}

/// A record's kind, or act, in both languages.
pub(super) fn what(kind: Kind, act: Option<Act>) -> (&'static str, &'static str) {
    match (kind, act) {
        (Kind::Warning, _) => ("警告", "Warning"),
        (Kind::Correction, _) => ("纠正", "Correction"),
        (Kind::Penalty, _) => ("处罚案件", "Penalty case"),
        (Kind::Seizure, Some(Act::Tow)) => ("拖移", "Tow"),
        (Kind::Seizure, Some(Act::Detention)) => ("扣留", "Detention"),
        (Kind::Seizure, Some(Act::Seizure) | None) => ("扣押", "Seizure"),
    }
}

/// A pattern for SQL's LIKE that finds a text anywhere, with `?` for any one character.
fn like(pattern: &str) -> String {
    let mut like = String::from("%");
    for c in pattern.chars() {
        match c {
            '?' => like.push('_'),
            '%' | '_' | '\\' => like.extend(['\\', c]),
            c => like.push(c),
        }
    }
    like.push('%');
    like
}
