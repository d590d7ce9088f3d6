//! Looking up plates: for a stated purpose, with the audit entry in the ledger before the answer.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::{
    Desk, Error, Person,
    error::text,
    export::cell,
    view::{Prior, prior as prior_of},
};
use crate::{
    domain::{
        capture,
        ids::ZoneId,
        incident::State,
        ledger::{Digest, Kind as Step},
        plate::{self, Match, Plate},
        record::{self, Act, Kind},
        text::Localized,
        time::rfc3339,
    },
    store::{evidence, plates},
};

/// Most entries of one kind in a history.
const MAX_ENTRIES: u32 = 500;
/// A search with this many known characters is for a whole plate.
const WHOLE_PLATE: usize = 6;
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
    /// The ledger's entry of this very look-up.
    pub ledger_seq: u64,
}

impl History {
    /// The history as CSV, for who may take it away. Each row names the ledger's entry of the look-up, so that a list that
    /// went astray is traced to whoever took it.
    pub fn csv(&self) -> String {
        let mut text = String::from("plate,at,kind,summary,state,zone,record_ledger_seq,lookup_ledger_seq\r\n");
        for entry in &self.entries {
            let zone = entry.zone.as_ref().map_or("", ZoneId::as_str);
            let seq = entry.ledger_seq.map(|seq| seq.to_string()).unwrap_or_default();
            let cells = [&self.plate, &rfc3339(entry.at), entry.kind, &entry.summary.zh, entry.state, zone, &seq];
            let cells = cells.map(cell).join(",");
            text.push_str(&cells);
            text.push(',');
            text.push_str(&self.ledger_seq.to_string());
            text.push_str("\r\n");
        }
        text
    }
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
    /// How it answers the search.
    #[serde(rename = "match")]
    pub matched: Match,
}

/// A history's entry for one thing that happened; none for what cannot be told.
fn entry(one: plates::Happened) -> Option<HistoryEntry> {
    let zone = one.zone.as_deref().and_then(|zone| ZoneId::parse(zone).ok());
    let told = |kind, state, summary| {
        let ledger_seq = one.ledger_seq.map(|seq| seq as u64);
        HistoryEntry { kind, at: one.at, id: one.id.clone(), summary, state, zone: zone.clone(), ledger_seq }
    };
    match one.source.as_str() {
        "capture" => Some(told("capture", capture::State::parse(&one.state)?.as_str(), both("抓拍", "Captured"))),
        "incident" => {
            let state = State::parse(&one.state)?;
            let stay = (one.until.unwrap_or(one.at) - one.at).num_seconds();
            let (zh, en) = match state {
                State::Rejected => ("违停线索，审核不予处理", "Incident, rejected at review"),
                State::Recorded => ("违停线索，已处理", "Incident, recorded"),
                State::Ripe => ("违停线索，待审核", "Incident, to be reviewed"),
                State::Open => ("违停线索，观察中", "Incident, being watched"),
                State::Closed | State::Merged => ("已驶离，未构成违停", "Left in time, no violation"),
            };
            let summary = both(&format!("{zh}（{}）", stay_zh(stay)), &format!("{en} ({})", stay_en(stay)));
            Some(told("incident", state.public(), summary))
        }
        _ => {
            let kind = Kind::parse(one.kind.as_deref()?)?;
            let (zh, en) = what(kind, one.act.as_deref().and_then(Act::parse));
            let number = one.number.as_deref().unwrap_or_default();
            let reason = one.reason.as_deref().unwrap_or_default();
            let summary = both(&format!("{zh} {number}：{reason}"), &format!("{en} {number}: {reason}"));
            Some(told(kind.as_str(), record::State::parse(&one.state)?.as_str(), summary))
        }
    }
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
        self.look_up(asked, json!({"purpose": purpose.0}), person).await
    }

    /// The same to be taken away, which the ledger's entry says too.
    pub async fn export_plate(&self, asked: &str, purpose: &Purpose, person: &Person) -> Result<History, Error> {
        self.look_up(asked, json!({"purpose": purpose.0, "export": "csv"}), person).await
    }

    async fn look_up(&self, asked: &str, why: serde_json::Value, person: &Person) -> Result<History, Error> {
        let plate = Plate::read(&text("plate", asked, 64)?);
        if plate.norm().is_empty() {
            return Err(Error::invalid("plate", "is no plate"));
        }
        let norm = plate.norm();
        let ledger_seq = self.audit(Step::PlateLookedUp, "plate", norm, why, vec![], person).await?;
        let happened = plates::history(&self.db, norm, MAX_ENTRIES).await?;
        let is_cut = happened.iter().filter(|one| one.source == "record").count() >= MAX_ENTRIES as usize;
        let mut prior = Prior::default();
        let mut entries = Vec::with_capacity(happened.len());
        for one in happened {
            if let Some(kind) = one.kind.as_deref().and_then(Kind::parse) {
                prior.add(kind, 1);
            }
            entries.extend(entry(one));
        }
        if is_cut {
            prior = prior_of(&mut self.db.begin_read().await?, norm).await?;
        }
        entries.sort_by(|one, other| other.at.cmp(&one.at).then_with(|| other.id.cmp(&one.id)));
        let as_read = (asked.trim() != norm).then(|| asked.trim().to_owned());
        Ok(History { plate: norm.to_owned(), as_read, entries, prior, ledger_seq })
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
        let mut ranked = plates::near(&self.db, &pattern).await?;
        // A short piece from the middle of a plate has no key: every plate is held against it.
        let is_piece = pattern.chars().filter(|c| *c != '?').count() < WHOLE_PLATE || pattern.matches('?').count() > 1;
        if ranked.is_empty() && is_piece {
            let found = plates::like(&self.db, &like(&pattern), MAX_PLATES).await?;
            ranked.extend(found.into_iter().map(|one| ((Match::Partial, 0), one)));
        }
        let found = ranked.into_iter().take(MAX_PLATES as usize);
        Ok(found
            .map(|((matched, _), one)| PlateFound {
                plate: one.plate,
                last_seen: one.last_seen,
                entries: one.entries,
                matched,
            })
            .collect())
    }

    /// A small picture of a piece of evidence. Showing it stands in the ledger first.
    pub async fn show_thumbnail(&self, sha256: Digest, person: &Person) -> Result<Option<Bytes>, Error> {
        if evidence::find(&self.db, sha256).await?.is_none() {
            return Ok(None);
        }
        let size = json!({"size": "thumbnail"});
        self.audit(Step::EvidenceShown, "evidence", &sha256.to_string(), size, vec![sha256], person).await?;
        match self.evidence.get(sha256).await? {
            Some(bytes) => self.reduced(bytes).await,
            None => Ok(None),
        }
    }

    /// A picture's bytes and media type. Showing it stands in the ledger first.
    pub async fn show_evidence(&self, sha256: Digest, person: &Person) -> Result<Option<(Bytes, String)>, Error> {
        let Some(piece) = evidence::find(&self.db, sha256).await? else { return Ok(None) };
        self.audit(Step::EvidenceShown, "evidence", &sha256.to_string(), json!({}), vec![sha256], person).await?;
        Ok(self.evidence.get(sha256).await?.map(|bytes| (bytes, piece.media_type)))
    }
}

fn both(zh: &str, en: &str) -> Localized {
    Localized { zh: zh.to_owned(), en: en.to_owned() }
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
