//! Who has taken which incident to look at, until when.

use super::{Error, On, Tx, query};
use crate::domain::time::Instant;

/// Takes an incident for a person, in place of whoever had it before.
pub async fn take(tx: &mut Tx, incident: &str, person: &str, until: Instant) -> Result<(), Error> {
    let text = "INSERT INTO incident_claims (incident, person, until_us) VALUES ($1, $2, $3) ON CONFLICT (incident) \
                DO UPDATE SET person = excluded.person, until_us = excluded.until_us";
    query("incident_claims", text).bind(incident).bind(person).bind(until).execute(tx).await.map(|_| ())
}

/// Who has an incident at `now`, until when.
pub async fn of(on: impl Into<On<'_>>, incident: &str, now: Instant) -> Result<Option<(String, Instant)>, Error> {
    let text = "SELECT person, until_us FROM incident_claims WHERE incident = $1 AND until_us > $2";
    let row = query("incident_claims", text).bind(incident).bind(now).fetch_optional(on).await?;
    row.map(|row| Ok((row.get("person")?, row.instant("until_us")?))).transpose()
}

/// Gives an incident back; whether this person had it.
pub async fn release(tx: &mut Tx, incident: &str, person: &str) -> Result<bool, Error> {
    let text = "DELETE FROM incident_claims WHERE incident = $1 AND person = $2";
    Ok(query("incident_claims", text).bind(incident).bind(person).execute(tx).await? == 1)
}
