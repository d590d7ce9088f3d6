//! What nodes remember of sensors together, and whether gateways are there.

use super::{Db, Error, On, query::query};
use crate::domain::{
    ids::SensorId,
    sensor_health::Memory,
    time::{Instant, from_micros, to_micros},
};

const TABLE: &str = "sensor_health";
/// Tries of one write against other nodes'; each failed try means that another node's succeeded.
const TRIES: usize = 16;

fn read(text: &str) -> Result<Memory, serde_json::Error> {
    serde_json::from_str(text)
}

/// What was written since an instant, and of which sensors.
pub async fn since(on: impl Into<On<'_>>, at: Option<Instant>) -> Result<Vec<(SensorId, Memory)>, Error> {
    let text = "SELECT sensor, memory FROM sensor_health WHERE updated_at_us >= $1";
    let rows = query(TABLE, text).bind(at.map_or(i64::MIN, to_micros)).fetch_all(on).await?;
    rows.into_iter().map(|row| Ok((row.parse("sensor", SensorId::parse)?, row.parse("memory", read)?))).collect()
}

/// Merges what this node remembers into what is written; what is known together, each in its order.
pub async fn merge(db: &Db, memories: &[(SensorId, Memory)], now: Instant) -> Result<Vec<Memory>, Error> {
    let mut tx = db.begin_write().await?;
    let mut merged = Vec::with_capacity(memories.len());
    for (sensor, memory) in memories {
        let mut tries = 0;
        merged.push(loop {
            let ask = "SELECT memory, revision FROM sensor_health WHERE sensor = $1";
            let row = query(TABLE, ask).bind(sensor.as_str()).fetch_optional(&mut tx).await?;
            let (all, revision) = match row {
                Some(row) => (row.parse("memory", read)?.merge(memory), row.get::<i64>("revision")?),
                None => (memory.clone(), 0),
            };
            let json = serde_json::to_string(&all).unwrap_or_default();
            // Another node's write in between moves the revision on; then both are merged anew.
            let put = "INSERT INTO sensor_health (sensor, memory, revision, updated_at_us) VALUES ($1, $2, 1, $3) \
                       ON CONFLICT (sensor) DO UPDATE SET memory = excluded.memory, \
                       revision = sensor_health.revision + 1, updated_at_us = excluded.updated_at_us \
                       WHERE sensor_health.revision = $4";
            let put =
                query(TABLE, put).bind(sensor.as_str()).bind(json.replace("\\u0000", "")).bind(now).bind(revision);
            tries += 1;
            if put.execute(&mut tx).await? > 0 || tries == TRIES {
                break all;
            }
        });
    }
    tx.commit().await?;
    Ok(merged)
}

/// A gateway, as it last said or its last will did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its id.
    pub id: String,
    /// Whether it is there.
    pub is_online: bool,
    /// Since when.
    pub at: Instant,
}

/// All gateways that ever said so.
pub async fn gateways(on: impl Into<On<'_>>) -> Result<Vec<Gateway>, Error> {
    let rows = query("gateways", "SELECT id, is_online, at_us FROM gateways ORDER BY id").fetch_all(on).await?;
    let read = |row: super::Row| {
        Ok(Gateway { id: row.get("id")?, is_online: row.get::<i64>("is_online")? != 0, at: row.instant("at_us")? })
    };
    rows.into_iter().map(read).collect()
}

/// Most gateways kept: their names come from outside.
const MOST_GATEWAYS: i64 = 10_000;

/// Notes what a gateway said; an older word than the known one changes nothing.
pub async fn note_gateway(db: &Db, gateway: &Gateway) -> Result<(), Error> {
    let count = query("gateways", "SELECT COUNT(*) AS n FROM gateways").fetch_one(db).await?.get::<i64>("n")?;
    let text = if count < MOST_GATEWAYS {
        "INSERT INTO gateways (id, is_online, at_us) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET \
         is_online = excluded.is_online, at_us = excluded.at_us WHERE gateways.at_us < excluded.at_us"
    } else {
        "UPDATE gateways SET is_online = $2, at_us = $3 WHERE id = $1 AND at_us < $3"
    };
    let at = from_micros(to_micros(gateway.at)).unwrap_or(gateway.at);
    query("gateways", text).bind(gateway.id.as_str()).bind(gateway.is_online).bind(at).execute(db).await.map(|_| ())
}
