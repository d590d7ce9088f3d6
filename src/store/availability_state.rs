//! What the availability engine knows of each lot, kept for an engine that has lost it.

use super::{Db, Error, Row, Tx, query};
use crate::domain::{ids::LotId, time::Instant};

/// Rows read at once.
const PAGE: u32 = 200;

/// A lot's memory as it was at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The lot.
    pub lot: LotId,
    /// The memory, as the engine writes it; JSON.
    pub doc: String,
    /// The version of the lot's counts it belongs to.
    pub version: u64,
    /// When it was taken.
    pub saved_at: Instant,
}

/// Keeps memories, each unless a newer one of its lot is kept already; how many were.
pub async fn keep(tx: &mut Tx, memories: &[Kept]) -> Result<u64, Error> {
    let text = "INSERT INTO availability_state (lot, doc, version, saved_at_us) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (lot) DO UPDATE SET doc = excluded.doc, version = excluded.version, \
                saved_at_us = excluded.saved_at_us WHERE excluded.version > availability_state.version \
                OR (excluded.version = availability_state.version \
                AND excluded.saved_at_us > availability_state.saved_at_us)";
    let mut written = 0;
    for memory in memories {
        written += query("availability_state", text)
            .bind(memory.lot.as_str())
            .bind(memory.doc.as_str())
            .bind(i64::try_from(memory.version).unwrap_or(i64::MAX))
            .bind(memory.saved_at)
            .execute(&mut *tx)
            .await?;
    }
    Ok(written)
}

/// The version and instant of every memory, without the memories.
pub async fn index(db: &Db) -> Result<Vec<(LotId, u64, Instant)>, Error> {
    let rows = query("availability_state", "SELECT lot, version, saved_at_us FROM availability_state").fetch_all(db);
    let read = |row: Row| Ok((row.parse("lot", LotId::parse)?, row.count("version")?, row.instant("saved_at_us")?));
    rows.await?.into_iter().map(read).collect()
}

/// A page of memories by lot, after the one named; none is the end.
pub async fn page(db: &Db, after: Option<&LotId>) -> Result<Vec<Kept>, Error> {
    let text = "SELECT lot, doc, version, saved_at_us FROM availability_state WHERE lot > $1 ORDER BY lot LIMIT $2";
    let rows = query("availability_state", text).bind(after.map_or("", LotId::as_str)).bind(PAGE).fetch_all(db).await?;
    let read = |row: Row| {
        Ok(Kept {
            lot: row.parse("lot", LotId::parse)?,
            doc: row.get("doc")?,
            version: row.count("version")?,
            saved_at: row.instant("saved_at_us")?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Forgets the memories of lots that the city has retired.
pub async fn forget_retired(db: &Db) -> Result<u64, Error> {
    let text = "DELETE FROM availability_state WHERE lot IN \
                (SELECT id FROM city_features WHERE kind = 'lot' AND retired_at_us IS NOT NULL)";
    query("availability_state", text).execute(db).await
}
