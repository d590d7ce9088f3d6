//! Permits: which plate may stand in which zone, or anywhere, from when to when.

use serde::{Deserialize, Serialize};

use super::{Error, On, Row, Tx, query};
use crate::domain::{ids::ZoneId, time::Instant};

/// What a permit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermitKind {
    /// For a time, in a zone or everywhere.
    #[default]
    Permit,
    /// A vehicle on duty: everywhere.
    WhiteList,
}

impl PermitKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::WhiteList => "white_list",
        }
    }
    fn parse(word: &str) -> Option<Self> {
        [Self::Permit, Self::WhiteList].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// Its id.
    pub id: String,
    /// For a time and a place, or the white list.
    pub kind: PermitKind,
    /// The plate's normal form.
    pub plate: String,
    /// The zone; `None` is every zone.
    pub zone: Option<ZoneId>,
    /// From when.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
    /// Why.
    pub reason: String,
    /// Who granted it.
    pub granted_by: String,
    /// When it was ended before its time.
    pub ended_at: Option<Instant>,
}

/// Grants a permit.
pub async fn grant(tx: &mut Tx, permit: &Permit, now: Instant) -> Result<(), Error> {
    let text = "INSERT INTO permits (id, plate_norm, zone, from_us, to_us, reason, granted_by, granted_at_us, kind) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    query("permits", text)
        .bind(&permit.id)
        .bind(&permit.plate)
        .bind(permit.zone.as_ref().map(ZoneId::as_str))
        .bind(permit.from)
        .bind(permit.to)
        .bind(&permit.reason)
        .bind(&permit.granted_by)
        .bind(now)
        .bind(permit.kind.as_str())
        .execute(tx)
        .await
        .map(|_| ())
}

/// A permit by its id.
pub async fn find(on: impl Into<On<'_>>, id: &str) -> Result<Option<Permit>, Error> {
    let text =
        "SELECT id, kind, plate_norm, zone, from_us, to_us, reason, granted_by, ended_at_us FROM permits WHERE id = $1";
    query("permits", text).bind(id).fetch_optional(on).await?.as_ref().map(read).transpose()
}

/// Up to `limit` permits that are over or were ended, the latest first.
pub async fn over(on: impl Into<On<'_>>, now: Instant, limit: u32) -> Result<Vec<Permit>, Error> {
    let text = "SELECT id, kind, plate_norm, zone, from_us, to_us, reason, granted_by, ended_at_us FROM permits \
                WHERE to_us <= $1 OR ended_at_us IS NOT NULL ORDER BY COALESCE(ended_at_us, to_us) DESC, id LIMIT $2";
    query("permits", text).bind(now).bind(limit).fetch_all(on).await?.iter().map(read).collect()
}

/// Ends a permit before its time; whether there was one that ran.
pub async fn end(tx: &mut Tx, id: &str, now: Instant) -> Result<bool, Error> {
    let text = "UPDATE permits SET ended_at_us = $1 WHERE id = $2 AND ended_at_us IS NULL AND to_us > $1";
    Ok(query("permits", text).bind(now).bind(id).execute(tx).await? == 1)
}

/// Whether a plate may stand in a zone at an instant.
pub async fn holds(on: impl Into<On<'_>>, plate: &str, zone: &ZoneId, at: Instant) -> Result<bool, Error> {
    let text = "SELECT id FROM permits WHERE plate_norm = $1 AND from_us <= $2 AND to_us > $2 \
                AND (zone IS NULL OR zone = $3) AND (ended_at_us IS NULL OR ended_at_us > $2) LIMIT 1";
    Ok(query("permits", text).bind(plate).bind(at).bind(zone.as_str()).fetch_optional(on).await?.is_some())
}

/// Up to `limit` permits that run at `now`, those that end first first; of one plate, if it is given.
pub async fn running(
    on: impl Into<On<'_>>,
    plate: Option<&str>,
    now: Instant,
    limit: u32,
) -> Result<Vec<Permit>, Error> {
    let text = "SELECT id, kind, plate_norm, zone, from_us, to_us, reason, granted_by, ended_at_us FROM permits \
                WHERE to_us > $1 AND ended_at_us IS NULL AND ($2 = '' OR plate_norm = $2) ORDER BY to_us, id LIMIT $3";
    let rows = query("permits", text).bind(now).bind(plate.unwrap_or_default()).bind(limit).fetch_all(on).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Permit, Error> {
    Ok(Permit {
        id: row.get("id")?,
        kind: row.parse("kind", |word| PermitKind::parse(word).ok_or("unknown kind"))?,
        plate: row.get("plate_norm")?,
        zone: row.parse_opt("zone", ZoneId::parse)?,
        from: row.instant("from_us")?,
        to: row.instant("to_us")?,
        reason: row.get("reason")?,
        granted_by: row.get("granted_by")?,
        ended_at: row.instant_opt("ended_at_us")?,
    })
}
