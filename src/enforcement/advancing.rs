//! Records going on: each step with who, when and why, the deadlines that follow, and terms that run out by themselves.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Desk, Error, Person,
    error::{optional_text, text},
    recording::{Draft, sent},
    view::RecordView,
};
use crate::{
    domain::{
        course::{By, Due, Limits, Party, Step, dues},
        ledger::{Digest, Entry, Kind as Said, NewEntry, canonical},
        record::{Kind, Record},
        staff::{Actor, Role},
        time::{Instant, rfc3339},
    },
    store::{Tx, incidents, ledger, records, staff},
};

/// Most steps a history tells.
const MAX_STEPS: u32 = 200;
/// Most records in the list of what is due.
const MAX_DUE: u32 = 500;

/// A step as a person takes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advance {
    /// The step, with what it needs.
    #[serde(flatten)]
    pub step: Step,
    /// Why.
    #[serde(default)]
    pub why: String,
    /// When it was done, where the officer's device kept it for want of a network; only what is taken on the spot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
    /// Whom a case or an act is against, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
}

impl Advance {
    /// A step and why it is taken.
    pub fn of(step: Step, why: &str) -> Self {
        Self { step, why: why.to_owned(), at: None, party: None }
    }

    /// The party as it is kept, where one is named.
    fn checked_party(&self, kind: Kind) -> Result<Option<Party>, Error> {
        let Some(party) = &self.party else { return Ok(None) };
        if !matches!(kind, Kind::Penalty | Kind::Seizure) {
            return Err(Error::invalid("party", "is named in a penalty case or an act only"));
        }
        let name = text("party", &party.name, 100)?;
        let address = optional_text("party", Some(&party.address), 200)?.unwrap_or_default();
        Ok(Some(Party { name, address }))
    }
}

/// One step as it was taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Taken {
    /// Its entry in the ledger.
    pub seq: u64,
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: Actor,
    /// What the ledger calls it.
    pub kind: &'static str,
    /// The step's name.
    pub step: Option<String>,
    /// Why.
    pub why: Option<String>,
    /// Where the record stood then.
    pub state: Option<String>,
}

/// What happened to a record, what is due, what may come next.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CourseView {
    /// The record.
    pub record: RecordView,
    /// Its steps, first first.
    pub steps: Vec<Taken>,
    /// Its deadlines, nearest first.
    pub dues: Vec<Due>,
}

/// A record that is due.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DueView {
    /// The record.
    pub record: RecordView,
    /// Its deadlines, nearest first.
    pub dues: Vec<Due>,
    /// Whether the nearest has passed.
    pub is_overdue: bool,
}

impl Desk {
    /// The deadlines of a record as it stands.
    pub(super) fn dues_of(&self, record: &Record) -> Vec<Due> {
        let rules = self.rules();
        let law = &rules.law;
        dues(record, &law.clocks, &law.calendar, self.city().time_zone)
    }

    /// Notes a record's nearest deadline on it.
    pub(super) fn note_due(&self, record: &mut Record) {
        record.due = self.dues_of(record).first().map(|due| (due.what.to_owned(), due.by));
    }

    /// Takes a step of a record. The same key with the same content again changes nothing and gives the record as it stands.
    pub async fn advance(
        &self,
        id: &str,
        advance: Advance,
        key: Option<&str>,
        person: &Person,
    ) -> Result<RecordView, Error> {
        let why = text("why", &advance.why, 1000).map_err(|_| crate::domain::course::Refused::NoReason)?;
        let key = key.map(|key| text("idempotency_key", key, 128)).transpose()?;
        let said = serde_json::to_value(&advance).unwrap_or_default();
        let content = Digest::of(canonical(&json!({"record": id, "said": said})).as_bytes());
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        if let Some(key) = &key
            && let Some(record) = sent(&mut tx, key, content, person).await?
        {
            return Ok(RecordView::from(&record));
        }
        let record = records::find(&mut tx, id).await?.ok_or(Error::NotFound("record"))?;
        self.check_second_officer(&mut tx, &advance.step).await?;
        let before = self.dues_of(&record);
        let done = match (advance.at, &advance.step) {
            (None, _) => now,
            // Nothing is taken before it was proposed.
            (Some(at), Step::ExecuteAtOnce { .. }) => self.happened(at)?.max(record.at),
            (Some(_), _) => return Err(Error::invalid("at", "is said of what was taken on the spot only")),
        };
        let by = By { name: &person.name, role: person.role, now: done, why: &why };
        let rules = self.rules();
        let fines = &rules.law.fines;
        let limits = Limits { simple_max_yuan: fines.simple_max_yuan, max_yuan: fines.max_yuan };
        let party = advance.checked_party(record.kind)?;
        let mut record = record.advance(&advance.step, by, limits, &before)?;
        record.course.party = party.or(record.course.party);
        let mut told = json!({"step": advance.step.name(), "why": why, "said": said});
        if advance.step == Step::Escalate {
            let case = self.escalate(&mut tx, &record, person, now).await?;
            told["case"] = case.number.into();
        }
        let record = self.enter_step(&mut tx, record, person.actor(), told, now).await?;
        if let Some(key) = &key {
            let sent = records::Sent { content, subject_id: record.id.clone() };
            records::remember(&mut tx, &person.name, key, &sent, now).await?;
        }
        tx.commit().await?;
        Ok(RecordView::from(&record))
    }

    /// Writes a record's next state with its entry in the ledger.
    pub(super) async fn enter_step(
        &self,
        tx: &mut Tx,
        mut record: Record,
        actor: Actor,
        payload: serde_json::Value,
        now: Instant,
    ) -> Result<Record, Error> {
        self.note_due(&mut record);
        records::step(tx, &record).await?;
        let entry = NewEntry {
            actor,
            kind: Said::RecordStepped,
            subject_type: ledger::RECORD,
            subject_id: record.id.clone(),
            payload,
            evidence: Vec::new(),
        };
        record.ledger_seq = ledger::append_record_step(tx, entry, now).await?.seq;
        Ok(record)
    }

    /// The second officer is somebody of the staff who may enforce.
    async fn check_second_officer(&self, tx: &mut Tx, step: &Step) -> Result<(), Error> {
        let (Step::Notice { second_officer, .. }
        | Step::Execute { second_officer, .. }
        | Step::ExecuteAtOnce { second_officer, .. }) = step
        else {
            return Ok(());
        };
        let account = staff::find(tx, second_officer.trim()).await?;
        if account.is_some_and(|account| account.role.may_enforce()) {
            Ok(())
        } else {
            Err(Error::invalid("second_officer", "is no officer of this staff"))
        }
    }

    /// Who else may be the second officer of an act, by name.
    pub async fn colleagues(&self, person: &Person) -> Result<Vec<String>, Error> {
        let others = |(name, role): (String, Role)| (role.may_enforce() && name != person.name).then_some(name);
        Ok(staff::roll(&self.db).await?.into_iter().filter_map(others).collect())
    }

    /// The penalty case a warning becomes; there is one at most.
    async fn escalate(&self, tx: &mut Tx, record: &Record, person: &Person, now: Instant) -> Result<Record, Error> {
        if records::following(&mut *tx, &record.id).await?.is_some() {
            return Err(Error::AlreadyRecorded);
        }
        let draft = Draft {
            kind: Kind::Penalty,
            plate: record.plate.clone(),
            vehicle_class: record.vehicle_class,
            location: record.location,
            zone: record.zone.clone(),
            grid_cell: record.grid_cell.clone(),
            reason: record.reason.clone(),
            note: record.note.clone(),
            incident: None,
            act: None,
            legal_basis: None,
            evidence: record.evidence.clone(),
            follows: Some(record.id.clone()),
            at: None,
            slip: None,
        };
        self.write_record(tx, draft, person, now).await
    }

    /// What happened to a record, what is due, and what may come next.
    pub async fn course(&self, id: &str) -> Result<Option<CourseView>, Error> {
        let mut tx = self.db.begin_read().await?;
        let Some(record) = records::find(&mut tx, id).await? else { return Ok(None) };
        let mut steps: Vec<Taken> =
            ledger::about(&mut tx, ledger::RECORD, id, MAX_STEPS).await?.iter().map(taken).collect();
        steps.reverse();
        Ok(Some(CourseView { dues: self.dues_of(&record), record: RecordView::from(&record), steps }))
    }

    /// Records whose nearest deadline is before `before`, the most pressing first.
    pub async fn due(&self, before: Instant) -> Result<Vec<DueView>, Error> {
        let now = self.clock.now();
        let found = records::due_before(&self.db, before, MAX_DUE).await?;
        Ok(found
            .iter()
            .map(|record| DueView {
                dues: self.dues_of(record),
                is_overdue: record.due.as_ref().is_some_and(|(_, by)| *by <= now),
                record: RecordView::from(record),
            })
            .collect())
    }

    /// Says of everything held beyond its term that it must go back; how many.
    pub async fn run_out(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let mut count = 0;
        for found in records::due_before(&self.db, now, MAX_DUE).await? {
            if !matches!(found.due.as_ref().map(|(what, _)| what.as_str()), Some("hold" | "approval")) {
                continue;
            }
            let mut tx = self.db.begin_write().await?;
            incidents::one_at_a_time(&mut tx).await?;
            let Some(record) = records::find(&mut tx, &found.id).await? else { continue };
            let dues = self.dues_of(&record);
            let Some(record) = record.run_out(&dues, now) else { continue };
            let told = json!({"step": "run_out", "why": dues.first().map(|due| &due.basis), "by": dues.first().map(|due| rfc3339(due.by))});
            self.enter_step(&mut tx, record, Actor::System { rule: "term".to_owned() }, told, now).await?;
            tx.commit().await?;
            count += 1;
        }
        Ok(count)
    }
}

fn taken(entry: &Entry) -> Taken {
    let payload: serde_json::Value = serde_json::from_str(&entry.payload).unwrap_or_default();
    let word = |path: &str| payload.pointer(path).and_then(serde_json::Value::as_str).map(str::to_owned);
    Taken {
        seq: entry.seq,
        at: entry.at,
        actor: entry.actor.clone(),
        kind: entry.kind.as_str(),
        step: word("/step"),
        why: word("/why"),
        state: word("/record/state"),
    }
}
