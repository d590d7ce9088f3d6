//! Drivers under way, as they are kept for every node to count.

use super::{Db, Error, On, Row, query::query};
use crate::domain::{
    demand::{Demand, Kind},
    ids::LotId,
    time::Instant,
};

/// Most drivers that are read; beyond it the rest is not counted.
pub const MOST: u32 = 200_000;

/// Keeps a demand under the hash of its id.
pub async fn add<'a>(on: impl Into<On<'a>>, id_hash: &str, app: Option<&str>, demand: &Demand) -> Result<(), Error> {
    let text = "INSERT INTO under_way (id_hash, lot, kind, app, arrives_at_us, ends_at_us) \
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id_hash) DO NOTHING";
    query("under_way", text)
        .bind(id_hash)
        .bind(demand.lot.as_str())
        .bind(demand.kind.as_str())
        .bind(app)
        .bind(demand.arrives_at)
        .bind(demand.ends_at)
        .execute(on)
        .await?;
    Ok(())
}

/// Drops a demand; whether there was one.
pub async fn remove(db: &Db, id_hash: &str) -> Result<bool, Error> {
    let removed = query("under_way", "DELETE FROM under_way WHERE id_hash = $1").bind(id_hash).execute(db).await?;
    Ok(removed > 0)
}

/// How many places of a lot an app holds at an instant.
pub async fn held<'a>(on: impl Into<On<'a>>, app: &str, lot: &LotId, now: Instant) -> Result<u32, Error> {
    let text = "SELECT CAST(COUNT(*) AS BIGINT) AS held FROM under_way WHERE app = $1 AND lot = $2 AND ends_at_us > $3";
    let row = query("under_way", text).bind(app).bind(lot.as_str()).bind(now).fetch_one(on).await?;
    row.count("held")
}

/// Every demand that counts at an instant.
pub async fn running(db: &Db, now: Instant) -> Result<Vec<Demand>, Error> {
    let text = "SELECT lot, kind, arrives_at_us, ends_at_us FROM under_way WHERE ends_at_us > $1 \
                ORDER BY ends_at_us LIMIT $2";
    let rows = query("under_way", text).bind(now).bind(MOST).fetch_all(db).await?;
    let read = |row: Row| {
        Ok(Demand {
            lot: row.parse("lot", LotId::parse)?,
            kind: row.parse("kind", Kind::parse)?,
            arrives_at: row.instant("arrives_at_us")?,
            ends_at: row.instant("ends_at_us")?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Forgets what has ended.
pub async fn forget_ended(db: &Db, now: Instant) -> Result<u64, Error> {
    query("under_way", "DELETE FROM under_way WHERE ends_at_us <= $1").bind(now).execute(db).await
}
