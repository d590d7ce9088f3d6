//! Permits and exemptions: granted by a supervisor for a plate, a zone and a time; a capture under one never counts against its
//! vehicle.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Desk, Error, Person,
    error::{optional_text, text},
};
use crate::{
    clock,
    domain::{
        ids::ZoneId,
        ledger::{Digest, Kind as Step, NewEntry, actor_text, canonical},
        plate::Plate,
        time::{Instant, parse_rfc3339, rfc3339},
    },
    store::{
        Tx, ledger,
        permits::{self, Permit, PermitKind},
        records,
    },
};

/// A permit as a supervisor grants it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPermit {
    /// `permit`, or `white_list` for a vehicle on duty, which is for every zone.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub kind: PermitKind,
    /// The plate.
    pub plate: String,
    /// The zone; every zone when absent.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub zone: Option<ZoneId>,
    /// From when, RFC 3339.
    pub from: String,
    /// Until when, RFC 3339.
    pub to: String,
    /// Why.
    pub reason: String,
}

/// A permit as staff see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PermitView {
    /// Its id.
    pub id: String,
    /// For a time and a place, or the white list.
    pub kind: PermitKind,
    /// The plate.
    pub plate: String,
    /// The zone; every zone when none.
    pub zone: Option<ZoneId>,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when.
    pub to: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who granted it.
    pub granted_by: String,
    /// When it was ended before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<Permit> for PermitView {
    fn from(permit: Permit) -> Self {
        let Permit { id, kind, plate, zone, from, to, reason, granted_by, ended_at } = permit;
        Self { id, kind, plate, zone, from, to, reason, granted_by, ended_at }
    }
}

impl Desk {
    /// Grants a permit; once for a key, if there is one.
    pub async fn grant_permit(
        &self,
        new: NewPermit,
        key: Option<&str>,
        person: &Person,
    ) -> Result<(PermitView, bool), Error> {
        let plate = Plate::read(&text("plate", &new.plate, 64)?);
        if !plate.names_a_vehicle() {
            return Err(Error::invalid("plate", "must be a plate with every character read"));
        }
        if new.zone.as_ref().is_some_and(|zone| !self.city().zones.contains_key(zone)) {
            return Err(Error::invalid("zone", "is not in the city"));
        }
        if new.kind == PermitKind::WhiteList && new.zone.is_some() {
            return Err(Error::invalid("zone", "a vehicle on duty may stand in every zone"));
        }
        let instant =
            |field, text: &str| parse_rfc3339(text).map_err(|_| Error::invalid(field, "is no RFC 3339 instant"));
        let (from, to) = (instant("from", &new.from)?, instant("to", &new.to)?);
        let now = self.clock.now();
        if to <= from || to <= now {
            return Err(Error::invalid("to", "must be after from, and in the future"));
        }
        let permit = Permit {
            id: clock::new_id(),
            kind: new.kind,
            plate: plate.norm().to_owned(),
            zone: new.zone,
            from,
            to,
            reason: text("reason", &new.reason, 500)?,
            granted_by: person.name.clone(),
            ended_at: None,
        };
        let mut tx = self.db.begin_write().await?;
        if let Some(key) = key {
            let content = Digest::of(canonical(&json!({
                "permit": permit.kind, "plate": permit.plate, "zone": permit.zone, "from": rfc3339(from), "to": rfc3339(to),
                "reason": permit.reason,
            })).as_bytes());
            let actor = actor_text(&person.actor());
            let sent = records::Sent { content, subject_id: permit.id.clone() };
            match records::sent(&mut tx, &actor, key).await? {
                Some(before) if before.content == content => {
                    let granted = permits::find(&mut tx, &before.subject_id).await?;
                    return Ok((granted.ok_or(Error::NotFound("permit"))?.into(), true));
                }
                Some(_) => return Err(Error::KeyReused),
                None => records::remember(&mut tx, &actor, key, &sent, now).await?,
            }
        }
        permits::grant(&mut tx, &permit, now).await?;
        let told = json!({
            "kind": permit.kind, "plate": permit.plate, "zone": permit.zone, "from": rfc3339(from), "to": rfc3339(to), "reason": permit.reason,
        });
        enter(&mut tx, Step::PermitGranted, &permit.id, told, person, now).await?;
        tx.commit().await?;
        Ok((permit.into(), false))
    }

    /// Ends a permit; whether there was one that ran.
    pub async fn end_permit(&self, id: &str, reason: Option<&str>, person: &Person) -> Result<bool, Error> {
        let reason = optional_text("reason", reason, 500)?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        if !permits::end(&mut tx, id, now).await? {
            return Ok(false);
        }
        enter(&mut tx, Step::PermitEnded, id, json!({ "reason": reason }), person, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Permits that are over or were ended, the latest first.
    pub async fn permits_over(&self, limit: u32) -> Result<Vec<PermitView>, Error> {
        let found = permits::over(&self.db, self.clock.now(), limit).await?;
        Ok(found.into_iter().map(PermitView::from).collect())
    }

    /// Permits that run now, those that end first first.
    pub async fn permits(&self, plate: Option<&str>, limit: u32) -> Result<Vec<PermitView>, Error> {
        let plate = plate.map(|plate| Plate::read(plate).norm().to_owned());
        let found = permits::running(&self.db, plate.as_deref(), self.clock.now(), limit).await?;
        Ok(found.into_iter().map(PermitView::from).collect())
    }
}

async fn enter(
    tx: &mut Tx,
    kind: Step,
    id: &str,
    payload: serde_json::Value,
    person: &Person,
    now: Instant,
) -> Result<(), Error> {
    let (subject_type, subject_id) = ("permit", id.to_owned());
    let entry = NewEntry { actor: person.actor(), kind, subject_type, subject_id, payload, evidence: Vec::new() };
    ledger::append(tx, entry, now).await?;
    Ok(())
}
