//! What devices said, each statement once.

use std::collections::{HashMap, HashSet};

use chrono::Duration;

use super::{
    Db, Error, On, Tx,
    history::Aged,
    query::{Value, inserts, query},
};
use crate::domain::{
    ids::{LotId, SpaceId},
    sensor_event::{EventId, SensorEvent},
    time::Instant,
};

/// The table, to be forgotten by the age of its rows.
pub const AGED: Aged = Aged::new("sensor_events", "received_at_us");

const TABLE: &str = "sensor_events";
const COLUMNS: &[&str] = &[
    "source",
    "device",
    "session",
    "f_cnt",
    "idx",
    "at_us",
    "device_at_us",
    "received_at_us",
    "lot",
    "space",
    "kind",
    "reading",
    "occupied",
    "standing",
    "missed",
    "f_port",
    "frame",
];
const ONCE: &str = "ON CONFLICT DO NOTHING RETURNING source, device, session, f_cnt, idx";
/// A frame counter met again this much later is of a device that began anew without a new session.
const BEGUN_ANEW: Duration = Duration::minutes(10);

/// A key as the database tells it.
type Key = (String, String, String, i64, i64);

fn key(id: &EventId) -> Key {
    let f_cnt = i64::try_from(id.f_cnt).unwrap_or(i64::MAX);
    (id.source.to_owned(), id.device.clone(), id.session.clone(), f_cnt, id.index.into())
}

/// PostgreSQL holds no NUL in a text.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Makes an id one the database can hold as it stands.
pub fn settle(id: &mut EventId) {
    id.device = clean(&id.device);
    id.session = clean(&id.session);
}

/// Stores statements in one transaction, each once; which of them are new, in their order. Of each it is noted whether it
/// shows a change that was never heard.
pub async fn store(db: &Db, events: &mut [SensorEvent]) -> Result<Vec<bool>, Error> {
    for event in events.iter_mut() {
        settle(&mut event.id);
    }
    let mut tx = db.begin_write().await?;
    mark_missed(&mut tx, events).await?;
    let mut written = insert(&mut tx, events.iter()).await?;
    let mut is_new: Vec<bool> = events.iter().map(|event| written.remove(&key(&event.id))).collect();
    begin_anew(&mut tx, events, &mut is_new).await?;
    tx.commit().await?;
    Ok(is_new)
}

async fn insert<'a>(tx: &mut Tx, events: impl Iterator<Item = &'a SensorEvent>) -> Result<HashSet<Key>, Error> {
    let mut written = HashSet::new();
    for insert in inserts(TABLE, COLUMNS, ONCE, events.map(row).collect()) {
        for row in insert.fetch_all(&mut *tx).await? {
            written.insert((
                row.get("source")?,
                row.get("device")?,
                row.get("session")?,
                row.get("f_cnt")?,
                row.get("idx")?,
            ));
        }
    }
    Ok(written)
}

fn row(event: &SensorEvent) -> Vec<Value> {
    let (source, device, session, f_cnt, index) = key(&event.id);
    vec![
        source.into(),
        device.into(),
        session.into(),
        f_cnt.into(),
        index.into(),
        event.at.into(),
        event.device_at.into(),
        event.received_at.into(),
        event.lot.as_ref().map_or("", LotId::as_str).into(),
        event.space.as_ref().map(SpaceId::as_str).into(),
        event.kind.as_str().into(),
        clean(&event.reading).into(),
        event.occupied().into(),
        event.standing.as_str().into(),
        event.missed.into(),
        event.f_port.map(u32::from).into(),
        hex::encode(&event.frame).into(),
    ]
}

/// A word that repeats a state, and finds another before it, shows that a change was never heard.
async fn mark_missed(tx: &mut Tx, events: &mut [SensorEvent]) -> Result<(), Error> {
    let mut newest: HashMap<String, (Instant, bool)> = HashMap::new();
    for event in events {
        let Some(occupied) = event.occupied().filter(|_| event.standing.as_str() == "live") else { continue };
        if event.is_reassertion() {
            let in_batch = newest.get(&event.id.device).filter(|(at, _)| *at < event.at).map(|(_, occupied)| *occupied);
            let before = match in_batch {
                Some(before) => Some(before),
                None => newest_word(&mut *tx, &event.id.device, event.at).await?,
            };
            event.missed = before.is_some_and(|before| before != occupied);
        }
        let word = newest.entry(event.id.device.clone()).or_insert((event.at, occupied));
        if word.0 <= event.at {
            *word = (event.at, occupied);
        }
    }
    Ok(())
}

/// Whether a device's space was taken, by its newest live word before an instant.
async fn newest_word(on: impl Into<On<'_>>, device: &str, before: Instant) -> Result<Option<bool>, Error> {
    let text = "SELECT occupied FROM sensor_events WHERE device = $1 AND at_us < $2 AND occupied IS NOT NULL \
                AND standing = 'live' ORDER BY at_us DESC LIMIT 1";
    let row = query(TABLE, text).bind(device).bind(before).fetch_optional(on).await?;
    row.map(|row| Ok(row.get::<i64>("occupied")? != 0)).transpose()
}

/// A device that begins anew without a join counts its frames from zero in the session it had. What is no delivery of the
/// stored frame, since the network received it much later, is stored under a session of its own.
async fn begin_anew(tx: &mut Tx, events: &mut [SensorEvent], is_new: &mut [bool]) -> Result<(), Error> {
    for (event, is_new) in events.iter_mut().zip(is_new) {
        // Without the network's own time, every delivery would look later.
        if *is_new || event.at == event.received_at {
            continue;
        }
        let text = "SELECT at_us FROM sensor_events WHERE source = $1 AND device = $2 AND session = $3 AND f_cnt = $4 \
                    AND idx = $5";
        let (source, device, session, f_cnt, index) = key(&event.id);
        let ask = query(TABLE, text).bind(source).bind(device).bind(session).bind(f_cnt).bind(index);
        let stored = ask.fetch_optional(&mut *tx).await?.map(|row| row.instant("at_us")).transpose()?;
        if stored.is_some_and(|stored| event.at - stored > BEGUN_ANEW) {
            let mut again = event.clone();
            again.id.session = format!("{}~{}", event.id.session, event.at.timestamp());
            if !insert(tx, std::iter::once(&again)).await?.is_empty() {
                *event = again;
                *is_new = true;
            }
        }
    }
    Ok(())
}

/// One statement as it is told to operators.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Who carried it.
    pub source: String,
    /// The device's session.
    pub session: String,
    /// The frame counter.
    pub f_cnt: i64,
    /// Its place in the frame.
    pub index: i64,
    /// When.
    pub at: Instant,
    /// When, by the device's own clock.
    pub device_at: Option<Instant>,
    /// When it was received.
    pub received_at: Instant,
    /// The reading, JSON.
    pub reading: String,
    /// `live`, `historical`, `future`.
    pub standing: String,
    /// It shows a change that was never heard.
    pub missed: bool,
    /// The frame's port.
    pub f_port: Option<i64>,
    /// The frame, hexadecimal.
    pub frame: String,
}

/// The newest statements of a device, newest first.
pub async fn newest(on: impl Into<On<'_>>, device: &str, limit: u32) -> Result<Vec<Told>, Error> {
    let text = "SELECT source, session, f_cnt, idx, at_us, device_at_us, received_at_us, reading, standing, missed, \
                f_port, frame FROM sensor_events WHERE device = $1 ORDER BY at_us DESC, idx DESC LIMIT $2";
    let rows = query(TABLE, text).bind(device).bind(limit).fetch_all(on).await?;
    let told = rows.into_iter().map(|row| {
        Ok(Told {
            source: row.get("source")?,
            session: row.get("session")?,
            f_cnt: row.get("f_cnt")?,
            index: row.get("idx")?,
            at: row.instant("at_us")?,
            device_at: row.instant_opt("device_at_us")?,
            received_at: row.instant("received_at_us")?,
            reading: row.get("reading")?,
            standing: row.get("standing")?,
            missed: row.get::<i64>("missed")? != 0,
            f_port: row.get("f_port")?,
            frame: row.get("frame")?,
        })
    });
    told.collect()
}
