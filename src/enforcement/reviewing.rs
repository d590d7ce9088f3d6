//! Incidents before a person: listed, looked at, decided once.

use serde::Deserialize;
use serde_json::json;

use super::{
    Desk, Error, Person,
    error::optional_text,
    recording::Draft,
    view::{IncidentView, RecordView},
};
use crate::{
    domain::{
        incident::State,
        ledger::{Kind as Step, NewEntry},
        place::ZoneRule,
        record::Kind,
        time::to_micros,
    },
    store::{captures, incidents, ledger},
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
    fn states(self) -> (State, State) {
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
        decision: Decision,
        reason: Option<&str>,
        note: Option<&str>,
        person: &Person,
    ) -> Result<(IncidentView, Option<RecordView>), Error> {
        let reason = optional_text("reason", reason, 500)?;
        let note = optional_text("note", note, 2000)?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let incident = incidents::find(&mut tx, id).await?.ok_or(Error::NotFound("incident"))?;
        // Refused before anything is written.
        incident.clone().review(None)?;
        let captures = captures::of_incident(&mut tx, &incident.id).await?;
        let kind = match decision {
            Decision::Warning => Some(Kind::Warning),
            Decision::Penalty => Some(Kind::Penalty),
            Decision::Reject => None,
        };
        let record = match kind {
            None => None,
            Some(kind) => {
                let location = captures.iter().find_map(|capture| capture.location);
                let place = location.or_else(|| self.zone_middle(&incident.zone));
                let grid_cell = place.and_then(|at| self.places().1.cell(at));
                let draft = Draft {
                    kind,
                    plate: incident.plate.clone(),
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
                };
                Some(self.write_record(&mut tx, draft, person, now).await?)
            }
        };
        let incident = incident.review(record.as_ref().map(|record| record.id.clone()))?;
        incidents::save(&mut tx, &incident).await?;
        let entry = NewEntry {
            actor: person.actor(),
            kind: Step::IncidentReviewed,
            subject_type: "incident",
            subject_id: incident.id.clone(),
            payload: json!({
                "decision": kind.map_or("reject", Kind::as_str), "reason": reason, "note": note,
                "record": record.as_ref().map(|record| &record.number),
            }),
            evidence: record.as_ref().map_or_else(Vec::new, |record| record.evidence.clone()),
        };
        ledger::append(&mut tx, entry, now).await?;
        let view = self.view(&mut tx, &incident).await?;
        tx.commit().await?;
        Ok((view, record.as_ref().map(RecordView::from)))
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

/// Where a page begins: `microseconds.id`.
pub(super) fn parse_after(text: &str) -> Result<(i64, String), Error> {
    let wrong = || Error::invalid("after", "is not what a page gave as next");
    let (at_us, id) = text.split_once('.').ok_or_else(wrong)?;
    if id.len() > 64 || id.contains('\0') {
        return Err(wrong());
    }
    Ok((at_us.parse().map_err(|_| wrong())?, id.to_owned()))
}
