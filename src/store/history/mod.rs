//! Availability over time: a point per lot and minute, and roll-ups of them to quarters of an hour and to hours.

mod rollup;
mod slot;

pub use rollup::{Rolled, forgettable, roll_up, rolled_until};
pub use slot::{Slot, Table, slots};

use std::collections::BTreeMap;

use super::{
    Error, On, Row, Tx,
    query::{Value, composed, inserts, query},
};
use crate::domain::{
    ids::LotId,
    time::{Instant, to_micros},
};

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

const COLUMNS: &[&str] = &["lot", "at_us", "free", "occupied", "unknown", "out_of_service", "capacity"];
const REPLACE: &str = "ON CONFLICT (lot, at_us) DO UPDATE SET free = excluded.free, occupied = excluded.occupied, \
                       unknown = excluded.unknown, out_of_service = excluded.out_of_service, \
                       capacity = excluded.capacity";

/// Appends points; a second point of the same lot and instant replaces the first.
pub async fn append(tx: &mut Tx, points: &[Point]) -> Result<(), Error> {
    // One statement must not name a row twice.
    let newest: BTreeMap<(&LotId, Instant), &Point> =
        points.iter().map(|point| ((&point.lot, point.at), point)).collect();
    let row = |point: &Point| -> Vec<Value> {
        vec![
            point.lot.as_str().into(),
            point.at.into(),
            point.free.into(),
            point.occupied.into(),
            point.unknown.into(),
            point.out_of_service.into(),
            point.capacity.into(),
        ]
    };
    let rows = newest.into_values().map(row).collect();
    for insert in inserts("availability_history", COLUMNS, REPLACE, rows) {
        insert.execute(&mut *tx).await?;
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
    let points = ask.fetch_all(on).await?.into_iter().rev().map(read);
    points.collect()
}

/// The points of all lots from `from` on and before `to`, oldest first; of those of each quarter of an hour only the first
/// minute's where `coarse`.
pub async fn all(on: impl Into<On<'_>>, from: Instant, to: Instant, coarse: bool) -> Result<Vec<Point>, Error> {
    const QUARTER_US: i64 = 900_000_000;
    let text = "SELECT lot, at_us, free, occupied, unknown, out_of_service, capacity FROM availability_history \
                WHERE at_us >= $1 AND at_us < $2 AND at_us % $3 = 0 ORDER BY at_us, lot";
    let step_us = if coarse { QUARTER_US } else { 1 };
    let ask = query("availability_history", text).bind(from).bind(to).bind(step_us);
    ask.fetch_all(on).await?.into_iter().map(read).collect()
}

fn read(row: Row) -> Result<Point, Error> {
    Ok(Point {
        lot: row.parse("lot", LotId::parse)?,
        at: row.instant("at_us")?,
        free: row.count("free")?,
        occupied: row.count("occupied")?,
        unknown: row.count("unknown")?,
        out_of_service: row.count("out_of_service")?,
        capacity: row.count("capacity")?,
    })
}

/// A table whose rows are kept for a time, by the column that tells their age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aged {
    table: &'static str,
    column: &'static str,
}

impl Aged {
    pub(in crate::store) const fn new(table: &'static str, column: &'static str) -> Self {
        Self { table, column }
    }

    /// The table's name.
    pub fn table(self) -> &'static str {
        self.table
    }
}

/// Forgets the oldest rows before an instant, those of at most `span` in one transaction; how many, and whether there
/// may be more to forget.
pub async fn forget(tx: &mut Tx, aged: Aged, before: Instant, span: chrono::Duration) -> Result<(u64, bool), Error> {
    let Aged { table, column } = aged;
    let oldest = composed(table, format!("SELECT MIN({column}) AS oldest FROM {table}"));
    let Some(oldest) = oldest.fetch_one(&mut *tx).await?.instant_opt("oldest")?.filter(|oldest| *oldest < before)
    else {
        return Ok((0, false));
    };
    let until = oldest.checked_add_signed(span).map_or(before, |until| until.min(before));
    let delete = composed(table, format!("DELETE FROM {table} WHERE {column} < $1"));
    Ok((delete.bind(until).execute(tx).await?, until < before))
}

/// The start of the slot of `step_us` microseconds that an instant lies in, counted from 1970.
fn floor_us(at: Instant, step_us: i64) -> i64 {
    let at_us = to_micros(at);
    at_us - at_us.rem_euclid(step_us)
}
