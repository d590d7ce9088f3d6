//! Incidents before a person: listed, looked at, decided once.

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Desk, Error, Person,
    error::{is_id, optional_text},
    recording::Draft,
    view::{IncidentView, RecordView},
};
use crate::{
    config::FirstOffencePolicy,
    domain::{
        capture::Capture,
        incident::State,
        ledger::{Kind as Step, NewEntry},
        place::ZoneRule,
        plate::Plate,
        record::{Kind, Refused},
        time::{Instant, to_micros},
    },
    store::{Tx, captures, incidents, ledger, records},
};

/// What a person decides of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A warning is recorded.
    Warning,
    /// A penalty case is opened.
    Penalty,
    /// Nothing comes of it.
    Reject,
}

/// A decision as a person states it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// What comes of it.
    #[schema(value_type = String)]
    pub decision: Decision,
    /// The plate, as the person reads it on the pictures; needed where the captures do not agree on one full reading.
    #[serde(default)]
    pub plate: Option<String>,
    /// Why; needed for a rejection.
    #[serde(default)]
    pub reason: Option<String>,
    /// What else there is to say.
    #[serde(default)]
    pub note: Option<String>,
}

impl From<Decision> for Review {
    /// A decision with nothing more said.
    fn from(decision: Decision) -> Self {
        Self { decision, plate: None, reason: None, note: None }
    }
}

/// Which incidents to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Seen, not ripe.
    Open,
    /// Waiting for a decision.
    Ripe,
    /// Decided.
    Reviewed,
    /// The vehicle left in time.
    Closed,
}

impl IncidentState {
    pub(super) fn states(self) -> (State, State) {
        match self {
            Self::Open => (State::Open, State::Open),
            Self::Ripe => (State::Ripe, State::Ripe),
            Self::Reviewed => (State::Recorded, State::Rejected),
            Self::Closed => (State::Closed, State::Closed),
        }
    }
}

impl Desk {
    /// An incident; one that turned out to be part of another is found as that other.
    pub async fn incident(&self, id: &str) -> Result<Option<IncidentView>, Error> {
        let mut tx = self.db.begin_read().await?;
        match incidents::find(&mut tx, id).await? {
            Some(incident) => Ok(Some(self.view(&mut tx, &incident).await?)),
            None => Ok(None),
        }
    }

    /// Up to `limit` incidents, newest first, and where the next page begins.
    pub async fn incidents(
        &self,
        state: Option<IncidentState>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<(Vec<IncidentView>, Option<String>), Error> {
        let after = after.map(parse_after).transpose()?;
        let after = after.map(|(last_seen_us, id)| incidents::After { last_seen_us, id });
        let states = state.map(IncidentState::states);
        let mut tx = self.db.begin_read().await?;
        let found = incidents::list(&mut tx, states, after.as_ref(), limit).await?;
        let full = found.len() == limit as usize;
        let next = found.last().filter(|_| full).map(|last| format!("{}.{}", to_micros(last.last_seen), last.id));
        let mut views = Vec::with_capacity(found.len());
        for incident in &found {
            views.push(self.view(&mut tx, incident).await?);
        }
        Ok((views, next))
    }

    /// A person decides of an incident: once, and what is decided is recorded in the same transaction.
    pub async fn review(
        &self,
        id: &str,
        review: Review,
        person: &Person,
    ) -> Result<(IncidentView, Option<RecordView>), Error> {
        let reason = optional_text("reason", review.reason.as_deref(), 500)?;
        let note = optional_text("note", review.note.as_deref(), 2000)?;
        let said = optional_text("plate", review.plate.as_deref(), 64)?;
        if review.decision == Decision::Reject && reason.is_none() {
            return Err(Error::invalid("reason", "must say why the incident is rejected"));
        }
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let incident = incidents::find(&mut tx, id).await?.ok_or(Error::NotFound("incident"))?;
        // Refused before anything is written.
        incident.clone().review(None)?;
        self.check_claim(&mut tx, &incident.id, person, now).await?;
        let captures = captures::of_incident(&mut tx, &incident.id).await?;
        let kind = match review.decision {
            Decision::Warning => Some(Kind::Warning),
            Decision::Penalty => Some(Kind::Penalty),
            Decision::Reject => None,
        };
        let record = match kind {
            None => None,
            Some(kind) => {
                let plate = plate_of(&captures, said.as_deref())?;
                if kind == Kind::Penalty && self.rules().law.first_offence.policy == FirstOffencePolicy::Warn {
                    self.check_first_offence(&mut tx, plate.as_deref(), now).await?;
                }
                let location = captures.iter().find_map(|capture| capture.location);
                let place = location.or_else(|| self.zone_middle(&incident.zone));
                let grid_cell = place.and_then(|at| self.places().1.cell(at));
                let draft = Draft {
                    kind,
                    plate,
                    vehicle_class: incident.vehicle_class,
                    location,
                    zone: Some(incident.zone.clone()),
                    grid_cell,
                    reason: reason.clone().unwrap_or_else(|| self.reason_of(&incident.zone)),
                    note: note.clone(),
                    incident: Some(incident.id.clone()),
                    act: None,
                    legal_basis: None,
                    evidence: captures.iter().flat_map(|capture| capture.pictures.iter().copied()).collect(),
                    follows: None,
                    at: None,
                    slip: None,
                };
                Some(self.write_record(&mut tx, draft, person, now).await?)
            }
        };
        let incident = incident.review(record.as_ref().map(|record| record.id.clone()))?;
        incidents::save(&mut tx, &incident).await?;
        self.make_manifest(&mut tx, &incident, &captures, person.actor(), now).await?;
        let entry = NewEntry {
            actor: person.actor(),
            kind: Step::IncidentReviewed,
            subject_type: "incident",
            subject_id: incident.id.clone(),
            payload: json!({
                "decision": kind.map_or("reject", Kind::as_str), "reason": reason, "note": note,
                "record": record.as_ref().map(|record| &record.number),
                "plate": record.as_ref().and_then(|record| record.plate.as_ref()), "plate_said": said,
            }),
            evidence: record.as_ref().map_or_else(Vec::new, |record| record.evidence.clone()),
        };
        ledger::append(&mut tx, entry, now).await?;
        let view = self.view(&mut tx, &incident).await?;
        tx.commit().await?;
        Ok((view, record.as_ref().map(RecordView::from)))
    }

    /// Refuses a penalty for a vehicle that was not warned lately.
    async fn check_first_offence(&self, tx: &mut Tx, plate: Option<&str>, now: Instant) -> Result<(), Error> {
        let since = now - chrono::Duration::days(self.rules().law.first_offence.within_days.into());
        let is_known = match plate {
            Some(plate) => records::any_since(tx, plate, since).await?,
            // Without a plate nobody can say that it is the first.
            None => true,
        };
        if is_known { Ok(()) } else { Err(Refused::FirstOffence.into()) }
    }

    /// The reason a zone's rule gives by itself.
    fn reason_of(&self, zone: &crate::domain::ids::ZoneId) -> String {
        let rule = self.city().zones.get(zone).map(|zone| zone.rule);
        match rule {
            Some(ZoneRule::TimeLimited) => "超过限时停放 · parked longer than allowed".to_owned(),
            Some(ZoneRule::NonMotorOnly) => {
                "在非机动车停放区停放 · parked where only non-motor vehicles may".to_owned()
            }
            Some(ZoneRule::NoParking) | None => "在禁停区域停放 · parked where parking is forbidden".to_owned(),
        }
    }
}

/// The plate a record is made out to: the one the person says; else the one full reading the captures agree on; else none,
/// where nobody read any.
fn plate_of(captures: &[Capture], said: Option<&str>) -> Result<Option<String>, Error> {
    if let Some(said) = said {
        let plate = Plate::read(said);
        let whole = plate.names_a_vehicle().then(|| plate.norm().to_owned());
        return whole.map(Some).ok_or_else(|| Error::invalid("plate", "must be a plate with every character read"));
    }
    let read = captures.iter().filter_map(|capture| capture.plate.as_ref()).filter(|plate| !plate.norm().is_empty());
    let mut read: Vec<&Plate> = read.collect();
    read.sort_by_key(|plate| plate.norm());
    read.dedup_by_key(|plate| plate.norm());
    match *read {
        [] => Ok(None),
        [plate] if plate.names_a_vehicle() => Ok(Some(plate.norm().to_owned())),
        _ => Err(Error::invalid("plate", "has several readings, or was not fully read: say which it is")),
    }
}

/// Where a page begins: `microseconds.id`.
pub(super) fn parse_after(text: &str) -> Result<(i64, String), Error> {
    let wrong = || Error::invalid("after", "is not what a page gave as next");
    let (at_us, id) = text.split_once('.').ok_or_else(wrong)?;
    if !is_id(id) {
        return Err(wrong());
    }
    Ok((at_us.parse().map_err(|_| wrong())?, id.to_owned()))
}
