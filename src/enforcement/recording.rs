//! Records written by people: warnings, corrections, penalty cases, and seizures that another person approves.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Desk, Error, Person,
    error::{is_id, optional_text, text},
    receive::check_location,
    reviewing::parse_after,
    view::RecordView,
};
use crate::{
    clock,
    domain::{
        course::Course,
        ids::{GridCellId, ZoneId},
        ledger::{Digest, Kind as Step, NewEntry, canonical},
        lot::VehicleClass,
        plate::Plate,
        record::{Act, Kind, Record, Refused, is_slip, legal_basis, next_number, number_prefix},
        time::{Instant, to_micros, truncate},
    },
    store::{Tx, captures, incidents, ledger, records},
};

/// What a person records, whatever the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct What {
    /// The plate as the officer read it.
    pub plate: Option<String>,
    /// What kind of vehicle.
    #[schema(value_type = String)]
    pub vehicle_class: VehicleClass,
    /// Where, lon/lat WGS-84.
    #[schema(value_type = Option<Vec<f64>>)]
    pub location: Option<(f64, f64)>,
    /// The zone; found by the location when absent.
    #[schema(value_type = Option<String>)]
    pub zone: Option<ZoneId>,
    /// The management cell; found by the location when absent.
    #[schema(value_type = Option<String>)]
    pub grid_cell: Option<GridCellId>,
    /// Why.
    pub reason: String,
    /// What else there is to say.
    pub note: Option<String>,
    /// Captures whose pictures are its evidence.
    #[serde(default)]
    pub captures: Vec<String>,
    /// When it happened, where the officer's device kept it for want of a network; the time of arrival when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
}

/// A warning, a correction or a penalty case as a person writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewRecord {
    /// What it is; a seizure is proposed on its own path.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// What it says.
    #[serde(flatten)]
    pub what: What,
}

/// Corrections of several non-motor vehicles at one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bulk {
    /// The plates that were read.
    #[serde(default)]
    pub plates: Vec<String>,
    /// How many had none, or none that could be read.
    #[serde(default)]
    pub unplated: u32,
    /// What each of them says.
    #[serde(flatten)]
    pub what: What,
}

/// Most vehicles of one such correction.
const MAX_BULK: usize = 100;

/// A tow, detention or seizure as a person proposes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewSeizure {
    /// Which act.
    #[schema(value_type = String)]
    pub act: Act,
    /// What it is founded on.
    #[serde(default)]
    pub legal_basis: String,
    /// On which of the grounds the basis gives; need not be said where it gives one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub what: What,
}

/// A record that has no id, number or entry yet.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) plate: Option<String>,
    pub(super) vehicle_class: VehicleClass,
    pub(super) location: Option<(f64, f64)>,
    pub(super) zone: Option<ZoneId>,
    pub(super) grid_cell: Option<GridCellId>,
    pub(super) reason: String,
    pub(super) note: Option<String>,
    pub(super) incident: Option<String>,
    pub(super) act: Option<Act>,
    pub(super) legal_basis: Option<String>,
    pub(super) evidence: Vec<Digest>,
    pub(super) follows: Option<String>,
    pub(super) at: Option<Instant>,
    pub(super) slip: Option<String>,
}

impl Desk {
    /// Records a warning, a correction or a penalty case. The same key with the same content again gives the same record
    /// and `true`.
    pub async fn record(&self, new: NewRecord, key: &str, person: &Person) -> Result<(RecordView, bool), Error> {
        if new.kind == Kind::Seizure {
            return Err(Error::invalid("kind", "is proposed at /api/v1/seizures"));
        }
        let content = content(&new);
        if let Some(record) = self.sent_before(Some(key), content, person).await? {
            return Ok((record, true));
        }
        let draft = self.draft(new.kind, new.what)?;
        self.record_once(draft, Some(key), content, person).await
    }

    /// Records a correction for each of several non-motor vehicles at one place: all of them, or none. The same key with the
    /// same content again gives the same records and `true`.
    pub async fn correct_many(&self, bulk: Bulk, key: &str, person: &Person) -> Result<(Vec<RecordView>, bool), Error> {
        let count = bulk.plates.len() + bulk.unplated as usize;
        if count == 0 || count > MAX_BULK {
            return Err(Error::invalid("plates", format!("and unplated together must be 1 to {MAX_BULK}")));
        }
        if bulk.what.vehicle_class != VehicleClass::NonMotor {
            return Err(Error::invalid("vehicle_class", "must be non_motor: motor vehicles are recorded one by one"));
        }
        let key = text("idempotency_key", key, 128)?;
        let content = content(&bulk);
        let plates = bulk.plates.iter().map(|plate| Some(plate.clone()));
        let plates = plates.chain(std::iter::repeat_n(None, bulk.unplated as usize));
        let drafts = plates.map(|plate| self.draft(Kind::Correction, What { plate, ..bulk.what.clone() }));
        let drafts: Vec<_> = drafts.collect::<Result<_, _>>()?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let mut views = Vec::with_capacity(count);
        if let Some(known) = records::sent(&mut tx, &person.name, &key).await? {
            if known.content != content {
                return Err(Error::KeyReused);
            }
            for id in known.subject_id.split(',') {
                views.extend(records::find(&mut tx, id).await?.as_ref().map(RecordView::from));
            }
            return Ok((views, true));
        }
        let mut ids = Vec::with_capacity(count);
        for (mut draft, named) in drafts {
            for id in &named {
                let capture = captures::find(&mut tx, id).await?;
                let capture =
                    capture.ok_or_else(|| Error::invalid("captures", "names a capture that does not exist"))?;
                draft.evidence.extend(capture.pictures);
            }
            draft.evidence.dedup();
            let record = self.write_record(&mut tx, draft, person, now).await?;
            views.push(RecordView::from(&record));
            ids.push(record.id);
        }
        let sent = records::Sent { content, subject_id: ids.join(",") };
        records::remember(&mut tx, &person.name, &key, &sent, now).await?;
        tx.commit().await?;
        Ok((views, false))
    }

    /// Proposes a tow, detention or seizure; without a legal basis of its own it is refused.
    pub async fn propose_seizure(
        &self,
        new: NewSeizure,
        key: Option<&str>,
        person: &Person,
    ) -> Result<(RecordView, bool), Error> {
        let content = content(&new);
        if let Some(record) = self.sent_before(key, content, person).await? {
            return Ok((record, true));
        }
        let basis = self.basis_of(&new)?;
        let (mut draft, captures) = self.draft(Kind::Seizure, new.what)?;
        draft.act = Some(new.act);
        draft.legal_basis = Some(basis);
        self.record_once((draft, captures), key, content, person).await
    }

    /// The basis of an act, if the law gives it for this vehicle and on this ground.
    fn basis_of(&self, new: &NewSeizure) -> Result<String, Error> {
        let bases = self.config.legal_bases.of(new.act);
        let texts: Vec<String> = bases.iter().map(|basis| basis.text.clone()).collect();
        let text = legal_basis(&new.legal_basis, &texts)?;
        let given = bases.iter().filter(|basis| basis.text == text);
        let fitting: Vec<_> =
            given.filter(|basis| basis.vehicle_class.is_none_or(|class| class == new.what.vehicle_class)).collect();
        if fitting.is_empty() {
            return Err(Refused::BasisForOtherVehicles.into());
        }
        let is_motor = new.what.vehicle_class == VehicleClass::Motor;
        let parking = |text: &str| {
            text == "illegal_parking" || self.rules().law.parking_words.iter().any(|word| text.trim() == word)
        };
        // Illegal parking alone lets a motor vehicle be towed, never detained.
        if new.act == Act::Detention && is_motor && parking(new.ground.as_deref().unwrap_or(&new.what.reason)) {
            return Err(Refused::ParkingAlone.into());
        }
        let gives = |ground: &str| {
            fitting.iter().any(|basis| basis.grounds.is_empty() || basis.grounds.iter().any(|one| one == ground))
        };
        match new.ground.as_deref().map(str::trim).filter(|ground| !ground.is_empty()) {
            Some(ground) if !gives(ground) => Err(Refused::GroundNotGiven.into()),
            None if fitting.iter().all(|basis| basis.grounds.len() > 1) => {
                Err(Error::invalid("ground", "must be one the basis gives"))
            }
            _ => Ok(text),
        }
    }

    /// A supervisor approves a seizure that another person proposed.
    pub async fn approve_seizure(&self, id: &str, person: &Person) -> Result<RecordView, Error> {
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let record = records::find(&mut tx, id).await?.ok_or(Error::NotFound("seizure"))?;
        let mut record = record.approve(&person.name)?;
        self.note_due(&mut record);
        records::step(&mut tx, &record).await?;
        let entry = entry(Step::SeizureApproved, &record, person);
        record.ledger_seq = ledger::append_record_step(&mut tx, entry, now).await?.seq;
        tx.commit().await?;
        Ok(RecordView::from(&record))
    }

    /// A record.
    pub async fn find_record(&self, id: &str) -> Result<Option<RecordView>, Error> {
        Ok(records::find(&self.db, id).await?.as_ref().map(RecordView::from))
    }

    /// Up to `limit` records, newest first, and where the next page begins.
    pub async fn records(
        &self,
        kind: Option<Kind>,
        from: Option<Instant>,
        to: Option<Instant>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<(Vec<RecordView>, Option<String>), Error> {
        let after = after.map(parse_after).transpose()?;
        let found =
            records::list(&self.db, &records::Filter { kind, from, to, after, ..records::Filter::default() }, limit)
                .await?;
        let full = found.len() == limit as usize;
        let next = found.last().filter(|_| full).map(|last| format!("{}.{}", to_micros(last.at), last.id));
        Ok((found.iter().map(RecordView::from).collect(), next))
    }

    /// Checks what a person wrote; the captures it names are looked up later.
    fn draft(&self, kind: Kind, what: What) -> Result<(Draft, Vec<String>), Error> {
        let (city, places) = self.places();
        if let Some(at) = what.location {
            check_location(at)?;
        }
        if what.zone.as_ref().is_some_and(|id| !city.zones.contains_key(id)) {
            return Err(Error::invalid("zone", "is not in the city"));
        }
        if what.grid_cell.as_ref().is_some_and(|id| !city.grid_cells.contains_key(id)) {
            return Err(Error::invalid("grid_cell", "is not in the city"));
        }
        if what.captures.len() > 50 {
            return Err(Error::invalid("captures", "must name at most 50"));
        }
        if !what.captures.iter().all(|id| is_id(id)) {
            return Err(Error::invalid("captures", "names a capture that does not exist"));
        }
        let plate = optional_text("plate", what.plate.as_deref(), 64)?.map(|raw| Plate::read(&raw));
        if kind == Kind::Penalty && plate.as_ref().is_some_and(|plate| !plate.names_a_vehicle()) {
            return Err(Error::invalid("plate", "must be a plate with every character read, or be left out"));
        }
        let plate = plate.map(|plate| plate.norm().to_owned()).filter(|norm| !norm.is_empty());
        let draft = Draft {
            kind,
            plate,
            vehicle_class: what.vehicle_class,
            location: what.location,
            zone: what.zone.or_else(|| what.location.and_then(|at| places.zone(at))),
            grid_cell: what.grid_cell.or_else(|| what.location.and_then(|at| places.cell(at))),
            reason: text("reason", &what.reason, 500)?,
            note: optional_text("note", what.note.as_deref(), 2000)?,
            incident: None,
            act: None,
            legal_basis: None,
            evidence: Vec::new(),
            follows: None,
            at: what.at.map(|at| self.happened(at)).transpose()?,
            slip: None,
        };
        Ok((draft, what.captures))
    }

    /// When something happened that a device kept until it reached a network: not ahead of our clock, and not too long ago.
    pub(super) fn happened(&self, at: Instant) -> Result<Instant, Error> {
        let (now, limits) = (self.clock.now(), &self.config);
        if at > now + chrono::Duration::seconds(limits.max_future_s.into()) {
            return Err(Error::invalid("at", "is ahead of the server's clock"));
        }
        if at < now - chrono::Duration::seconds(limits.max_late_s.into()) {
            let hours = limits.max_late_s / 3600;
            return Err(Error::invalid("at", format!("is longer ago than the {hours} hours a record may arrive late")));
        }
        Ok(truncate(at.min(now)))
    }

    /// What came of this key before, whatever the city is by now.
    async fn sent_before(
        &self,
        key: Option<&str>,
        content: Digest,
        person: &Person,
    ) -> Result<Option<RecordView>, Error> {
        let Some(key) = key else { return Ok(None) };
        let key = text("idempotency_key", key, 128)?;
        let mut tx = self.db.begin_read().await?;
        Ok(sent(&mut tx, &key, content, person).await?.as_ref().map(RecordView::from))
    }

    async fn record_once(
        &self,
        (mut draft, named): (Draft, Vec<String>),
        key: Option<&str>,
        content: Digest,
        person: &Person,
    ) -> Result<(RecordView, bool), Error> {
        let key = key.map(|key| text("idempotency_key", key, 128)).transpose()?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        if let Some(key) = &key
            && let Some(record) = sent(&mut tx, key, content, person).await?
        {
            return Ok((RecordView::from(&record), true));
        }
        for id in &named {
            let capture = captures::find(&mut tx, id).await?;
            let capture = capture.ok_or_else(|| Error::invalid("captures", "names a capture that does not exist"))?;
            // A tow or a seizure may come on top of a record; a second warning or penalty for one stay may not.
            if let Some(incident) = &capture.incident
                && draft.kind != Kind::Seizure
                && incidents::find(&mut tx, incident).await?.is_some_and(|incident| incident.record.is_some())
            {
                return Err(Error::AlreadyRecorded);
            }
            draft.evidence.extend(capture.pictures);
        }
        draft.evidence.dedup();
        draft.slip = key.as_deref().filter(|key| is_slip(key)).map(str::to_owned);
        let record = self.write_record(&mut tx, draft, person, now).await?;
        if let Some(key) = &key {
            let sent = records::Sent { content, subject_id: record.id.clone() };
            records::remember(&mut tx, &person.name, key, &sent, now).await?;
        }
        tx.commit().await?;
        Ok((RecordView::from(&record), false))
    }

    /// Writes a record and its first ledger entry.
    pub(super) async fn write_record(
        &self,
        tx: &mut Tx,
        draft: Draft,
        person: &Person,
        now: Instant,
    ) -> Result<Record, Error> {
        let at = draft.at.unwrap_or(now);
        let prefix = number_prefix(draft.kind, at, self.city().time_zone);
        let last = records::last_number(tx, &prefix).await?;
        let mut record = Record {
            id: clock::new_id(),
            number: next_number(&prefix, last.as_deref()),
            kind: draft.kind,
            state: draft.kind.first_state(),
            plate: draft.plate,
            vehicle_class: draft.vehicle_class,
            at,
            zone: draft.zone,
            grid_cell: draft.grid_cell,
            location: draft.location,
            reason: draft.reason,
            note: draft.note,
            officer: person.name.clone(),
            approved_by: None,
            incident: draft.incident,
            act: draft.act,
            legal_basis: draft.legal_basis,
            evidence: draft.evidence,
            ledger_seq: 0,
            course: Course::default(),
            follows: draft.follows,
            due: None,
        };
        self.note_due(&mut record);
        records::insert(tx, &record).await?;
        let mut entry = entry(record.kind.first_step(), &record, person);
        if let Some(slip) = draft.slip {
            entry.payload = json!({"slip": slip});
        }
        record.ledger_seq = ledger::append_record_step(tx, entry, now).await?.seq;
        Ok(record)
    }
}

/// The record that came of a key; the same key for something else is refused.
pub(super) async fn sent(tx: &mut Tx, key: &str, content: Digest, person: &Person) -> Result<Option<Record>, Error> {
    match records::sent(tx, &person.name, key).await? {
        None => Ok(None),
        Some(sent) if sent.content != content => Err(Error::KeyReused),
        Some(sent) => records::find(tx, &sent.subject_id).await?.ok_or(Error::NotFound("record")).map(Some),
    }
}

fn entry(kind: Step, record: &Record, person: &Person) -> NewEntry {
    NewEntry {
        actor: person.actor(),
        kind,
        subject_type: ledger::RECORD,
        subject_id: record.id.clone(),
        payload: json!({}),
        evidence: record.evidence.clone(),
    }
}

/// The hash of everything a person wrote.
fn content(said: &impl Serialize) -> Digest {
    let said = serde_json::to_value(said).unwrap_or_default();
    Digest::of(canonical(&said).as_bytes())
}
