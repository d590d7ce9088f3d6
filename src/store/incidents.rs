//! Incidents: one row per stay, found by zone and vehicle, listed by state.

use super::{
    Error, On, Row, Tx, captures, query,
    query::{composed, one_of},
};
use crate::domain::{
    ids::ZoneId,
    incident::{Incident, State},
    plate,
    time::Instant,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, state, zone, vehicle, plate_norm, vehicle_class, first_seen_us, last_seen_us, ripe_at_us, record, ",
            "version FROM incidents ",
            $rest
        )
    };
}

/// A place in the list of incidents: the last one a page showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// Its last capture, microseconds.
    pub last_seen_us: i64,
    /// Its id.
    pub id: String,
}

/// Lets no other step of captures, incidents or records begin until this transaction ends: the steps of one stay are taken
/// one after another. On PostgreSQL others wait for the ledger's head; on SQLite there is only one writer anyway.
pub async fn one_at_a_time(tx: &mut Tx) -> Result<(), Error> {
    query("ledger_head", "UPDATE ledger_head SET seq = seq WHERE id = 1").execute(tx).await.map(|_| ())
}

/// An incident by its id; one that became part of another is found as that other.
pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<Incident>, Error> {
    let mut id = id.to_owned();
    loop {
        let text = "SELECT merged_into FROM incidents WHERE id = $1";
        let Some(row) = query("incidents", text).bind(&id).fetch_optional(&mut *tx).await? else { return Ok(None) };
        match row.get::<Option<String>>("merged_into")? {
            Some(into) => id = into,
            None => break,
        }
    }
    let row = query("incidents", select!("WHERE id = $1")).bind(&id).fetch_optional(tx).await?;
    row.as_ref().map(read).transpose()
}

/// Incidents of a zone and vehicle that have captures between `from` and `to`, or around them.
pub async fn near(
    tx: &mut Tx,
    zone: &ZoneId,
    vehicle: &str,
    from: Instant,
    to: Instant,
) -> Result<Vec<Incident>, Error> {
    let rows = query(
        "incidents",
        select!(
            "WHERE zone = $1 AND vehicle = $2 AND state <> 'merged' AND first_seen_us <= $3 AND last_seen_us >= $4 \
             ORDER BY first_seen_us, id"
        ),
    );
    let rows = rows.bind(zone.as_str()).bind(vehicle).bind(to).bind(from).fetch_all(tx).await?;
    rows.iter().map(read).collect()
}

/// Writes an incident: a new one, or what it became.
pub async fn save(tx: &mut Tx, incident: &Incident) -> Result<(), Error> {
    let text = "INSERT INTO incidents (id, state, zone, vehicle, plate_norm, plate_fold, vehicle_class, first_seen_us, \
                last_seen_us, ripe_at_us, record, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
                ON CONFLICT (id) DO UPDATE SET state = excluded.state, plate_norm = excluded.plate_norm, \
                plate_fold = excluded.plate_fold, vehicle_class = excluded.vehicle_class, \
                first_seen_us = excluded.first_seen_us, last_seen_us = excluded.last_seen_us, \
                ripe_at_us = excluded.ripe_at_us, record = excluded.record, version = excluded.version";
    query("incidents", text)
        .bind(&incident.id)
        .bind(incident.state.as_str())
        .bind(incident.zone.as_str())
        .bind(&incident.vehicle)
        .bind(incident.plate.clone())
        .bind(incident.plate.as_deref().map(plate::fold))
        .bind(captures::class_word(incident.vehicle_class))
        .bind(incident.first_seen)
        .bind(incident.last_seen)
        .bind(incident.ripe_at)
        .bind(incident.record.clone())
        .bind(incident.version as i64)
        .execute(tx)
        .await
        .map(|_| ())
}

/// Keeps what the lots near by had free when an incident became ripe; what was kept first stands.
pub async fn remember_lots(tx: &mut Tx, id: &str, lots: &str) -> Result<(), Error> {
    let text = "UPDATE incidents SET lots_when_ripe = $1 WHERE id = $2 AND lots_when_ripe IS NULL";
    query("incidents", text).bind(lots).bind(id).execute(tx).await.map(|_| ())
}

/// What the lots near by had free when an incident became ripe, as it was kept.
pub async fn lots_when_ripe(on: impl Into<On<'_>>, id: &str) -> Result<Option<String>, Error> {
    let text = "SELECT lots_when_ripe FROM incidents WHERE id = $1";
    let row = query("incidents", text).bind(id).fetch_optional(on).await?;
    row.map_or(Ok(None), |row| row.get("lots_when_ripe"))
}

/// A stay that became an offence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ripened {
    /// Where.
    pub zone: ZoneId,
    /// When.
    pub at: Instant,
    /// What the lots near by had free then, as it was kept.
    pub lots: Option<String>,
}

/// Stays that became an offence between two instants, in order of time.
pub async fn ripened(on: impl Into<On<'_>>, from: Instant, to: Instant) -> Result<Vec<Ripened>, Error> {
    let text = "SELECT zone, ripe_at_us, lots_when_ripe FROM incidents WHERE ripe_at_us >= $1 AND ripe_at_us < $2 \
                AND state <> 'merged' ORDER BY ripe_at_us, id";
    let rows = query("incidents", text).bind(from).bind(to).fetch_all(on).await?;
    let read = |row: &Row| {
        let (zone, at) = (row.parse("zone", ZoneId::parse)?, row.instant("ripe_at_us")?);
        Ok(Ripened { zone, at, lots: row.get("lots_when_ripe")? })
    };
    rows.iter().map(read).collect()
}

/// How many stays that began between two instants stand where, and whether they became an offence.
pub async fn by_state(on: impl Into<On<'_>>, from: Instant, to: Instant) -> Result<Vec<(State, bool, u64)>, Error> {
    let text = "SELECT state, CAST(CASE WHEN ripe_at_us IS NULL THEN 0 ELSE 1 END AS BIGINT) AS was_ripe, COUNT(*) AS n \
                FROM incidents WHERE first_seen_us >= $1 AND first_seen_us < $2 AND state <> 'merged' GROUP BY 1, 2";
    let rows = query("incidents", text).bind(from).bind(to).fetch_all(on).await?;
    let state = |row: &Row| row.parse("state", |word| State::parse(word).ok_or("unknown state"));
    rows.iter().map(|row| Ok((state(row)?, row.count::<u64>("was_ripe")? == 1, row.count("n")?))).collect()
}

/// Stays that ripened between two instants, or that began between them; of some zones, if they are given; newest first.
pub async fn of_period(
    on: impl Into<On<'_>>,
    ripened: bool,
    (from, to): (Instant, Instant),
    zones: Option<&[String]>,
) -> Result<Vec<Incident>, Error> {
    let text = if ripened {
        select!("WHERE state <> 'merged' AND ripe_at_us >= $1 AND ripe_at_us < $2")
    } else {
        select!("WHERE state <> 'merged' AND first_seen_us >= $1 AND first_seen_us < $2")
    };
    let narrowed = zones.map_or_else(String::new, |zones| format!(" AND {}", one_of("zone", zones.len(), 3)));
    let rows = composed("incidents", format!("{text}{narrowed} ORDER BY last_seen_us DESC, id DESC"));
    rows.bind(from).bind(to).bind_all(zones.unwrap_or_default()).fetch_all(on).await?.iter().map(read).collect()
}

/// How many stays of a period each zone had: all, those that became an offence, those that a person recorded, and those that
/// left in time.
pub async fn by_zone(on: impl Into<On<'_>>, from: Instant, to: Instant) -> Result<Vec<(ZoneId, [u64; 4])>, Error> {
    let text = "SELECT zone, COUNT(*) AS stays, \
                CAST(SUM(CASE WHEN ripe_at_us IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS ripe, \
                CAST(SUM(CASE WHEN state = 'recorded' THEN 1 ELSE 0 END) AS BIGINT) AS recorded, \
                CAST(SUM(CASE WHEN ripe_at_us IS NULL AND state = 'closed' THEN 1 ELSE 0 END) AS BIGINT) AS in_time \
                FROM incidents WHERE first_seen_us >= $1 AND first_seen_us < $2 AND state <> 'merged' \
                GROUP BY zone ORDER BY zone";
    let rows = query("incidents", text).bind(from).bind(to).fetch_all(on).await?;
    let read = |row: &Row| {
        let counts = [row.count("stays")?, row.count("ripe")?, row.count("recorded")?, row.count("in_time")?];
        Ok((row.parse("zone", ZoneId::parse)?, counts))
    };
    rows.iter().map(read).collect()
}

/// Makes one incident part of another, captures included.
pub async fn merge(tx: &mut Tx, from: &str, into: &str) -> Result<(), Error> {
    captures::hand_over(tx, from, into).await?;
    let text = "UPDATE incidents SET state = 'merged', merged_into = $1, version = version + 1 WHERE id = $2";
    query("incidents", text).bind(into).bind(from).execute(tx).await.map(|_| ())
}

/// Up to `limit` incidents in one of two states, newest capture first; every state but merged when `states` is `None`.
pub async fn list(
    on: impl Into<On<'_>>,
    states: Option<(State, State)>,
    after: Option<&After>,
    limit: u32,
) -> Result<Vec<Incident>, Error> {
    let rows = query(
        "incidents",
        select!(
            "WHERE state <> 'merged' AND ($1 = '' OR state = $1 OR state = $2) \
             AND (last_seen_us < $3 OR (last_seen_us = $3 AND id < $4)) \
             ORDER BY last_seen_us DESC, id DESC LIMIT $5"
        ),
    );
    let rows = rows
        .bind(states.map_or("", |(one, _)| one.as_str()))
        .bind(states.map_or("", |(_, other)| other.as_str()))
        .bind(after.map_or(i64::MAX, |after| after.last_seen_us))
        .bind(after.map_or("", |after| after.id.as_str()))
        .bind(limit)
        .fetch_all(on)
        .await?;
    rows.iter().map(read).collect()
}

/// Up to `limit` open incidents whose last capture is before `before`.
pub async fn silent_since(on: impl Into<On<'_>>, before: Instant, limit: u32) -> Result<Vec<String>, Error> {
    let text = "SELECT id FROM incidents WHERE state = 'open' AND last_seen_us < $1 ORDER BY last_seen_us, id LIMIT $2";
    let rows = query("incidents", text).bind(before).bind(limit).fetch_all(on).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Up to `limit` incidents that ripened, or were last seen, from `from` on and before `to`.
pub async fn between(on: impl Into<On<'_>>, from: Instant, to: Instant, limit: u32) -> Result<Vec<Incident>, Error> {
    let rows = query(
        "incidents",
        select!(
            "WHERE state <> 'merged' AND ((ripe_at_us >= $1 AND ripe_at_us < $2) \
             OR (last_seen_us >= $1 AND last_seen_us < $2)) ORDER BY last_seen_us DESC, id DESC LIMIT $3"
        ),
    );
    rows.bind(from).bind(to).bind(limit).fetch_all(on).await?.iter().map(read).collect()
}

/// How many incidents are in a state.
pub async fn count(on: impl Into<On<'_>>, state: State) -> Result<u64, Error> {
    let text = "SELECT COUNT(*) AS n FROM incidents WHERE state = $1";
    query("incidents", text).bind(state.as_str()).fetch_one(on).await?.count("n")
}

/// How many incidents a list of all pages would hold.
pub async fn count_in(on: impl Into<On<'_>>, states: Option<(State, State)>) -> Result<u64, Error> {
    let text = "SELECT COUNT(*) AS n FROM incidents WHERE state <> 'merged' AND ($1 = '' OR state = $1 OR state = $2)";
    let counted = query("incidents", text).bind(states.map_or("", |(one, _)| one.as_str()));
    counted.bind(states.map_or("", |(_, other)| other.as_str())).fetch_one(on).await?.count("n")
}

fn read(row: &Row) -> Result<Incident, Error> {
    Ok(Incident {
        id: row.get("id")?,
        state: row.parse("state", |word| State::parse(word).ok_or("unknown state"))?,
        zone: row.parse("zone", ZoneId::parse)?,
        vehicle: row.get("vehicle")?,
        plate: row.get("plate_norm")?,
        vehicle_class: captures::class(row)?,
        first_seen: row.instant("first_seen_us")?,
        last_seen: row.instant("last_seen_us")?,
        ripe_at: row.instant_opt("ripe_at_us")?,
        record: row.get("record")?,
        version: row.count("version")?,
    })
}
