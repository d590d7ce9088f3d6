//! Availability over time: one point per lot and instant.

use super::{Error, On, Tx, query};
use crate::domain::{ids::LotId, time::Instant};

/// A lot's counts at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The lot.
    pub lot: LotId,
    /// The instant the counts were taken.
    pub at: Instant,
    /// Free spaces.
    pub free: u32,
    /// Occupied spaces.
    pub occupied: u32,
    /// Spaces nobody has heard of.
    pub unknown: u32,
    /// Spaces out of service.
    pub out_of_service: u32,
    /// All of them.
    pub capacity: u32,
}

/// Appends points; a second point of the same lot and instant replaces the first.
pub async fn append(tx: &mut Tx, points: &[Point]) -> Result<(), Error> {
    let text = "INSERT INTO availability_history (lot, at_us, free, occupied, unknown, out_of_service, capacity) \
                VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (lot, at_us) DO UPDATE SET free = excluded.free, \
                occupied = excluded.occupied, unknown = excluded.unknown, out_of_service = excluded.out_of_service, \
                capacity = excluded.capacity";
    for point in points {
        query("availability_history", text)
            .bind(point.lot.as_str())
            .bind(point.at)
            .bind(point.free)
            .bind(point.occupied)
            .bind(point.unknown)
            .bind(point.out_of_service)
            .bind(point.capacity)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// The newest `limit` points of a lot from `from` on and before `to`, oldest first.
pub async fn range(
    on: impl Into<On<'_>>,
    lot: &LotId,
    from: Instant,
    to: Instant,
    limit: u32,
) -> Result<Vec<Point>, Error> {
    let text = "SELECT lot, at_us, free, occupied, unknown, out_of_service, capacity FROM availability_history \
                WHERE lot = $1 AND at_us >= $2 AND at_us < $3 ORDER BY at_us DESC LIMIT $4";
    let ask = query("availability_history", text).bind(lot.as_str()).bind(from).bind(to).bind(limit);
    let points = ask.fetch_all(on).await?.into_iter().rev().map(|row| {
        Ok(Point {
            lot: row.parse("lot", LotId::parse)?,
            at: row.instant("at_us")?,
            free: row.count("free")?,
            occupied: row.count("occupied")?,
            unknown: row.count("unknown")?,
            out_of_service: row.count("out_of_service")?,
            capacity: row.count("capacity")?,
        })
    });
    points.collect()
}

/// Forgets points before an instant.
pub async fn forget_before(tx: &mut Tx, before: Instant) -> Result<u64, Error> {
    query("availability_history", "DELETE FROM availability_history WHERE at_us < $1").bind(before).execute(tx).await
}
