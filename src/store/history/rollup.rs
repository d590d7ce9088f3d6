//! Rolls the history up from minutes to quarters of an hour, and from those to hours.
//!
//! A step covers a bounded stretch in one transaction, together with the mark of how far it came: it may be cut short at
//! any moment, and doing it again writes the same rows. Nodes that share a database may roll up side by side.

use chrono::Duration;

use super::{Table, floor_us};
use crate::{
    domain::time::{Instant, from_micros, to_micros},
    store::{
        Error, On, Tx,
        query::{composed, query},
    },
};

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rolled {
    /// Rows written.
    pub rows: u64,
    /// Whether everything before the limit is done.
    pub is_done: bool,
}

/// Up to where a table is rolled up; `None` before its first step.
pub async fn rolled_until(on: impl Into<On<'_>>, table: Table) -> Result<Option<Instant>, Error> {
    let text = "SELECT until_us FROM history_progress WHERE name = $1";
    let row = query("history_progress", text).bind(table.name()).fetch_optional(on).await?;
    row.map(|row| row.instant("until_us")).transpose()
}

/// Rolls up the next stretch of a table, 24 of its slots at most, from what the finer table holds before `until`.
/// A table of minutes has nothing to be rolled up from, and is always done.
pub async fn roll_up(tx: &mut Tx, table: Table, until: Instant) -> Result<Rolled, Error> {
    let Some(finer) = table.finer() else { return Ok(Rolled { rows: 0, is_done: true }) };
    let step_us = table.step_s() * 1_000_000;
    // Only whole slots, and only once the finer rows are whole themselves.
    let mut limit_us = floor_us(until, step_us);
    if finer != Table::Minutes {
        let Some(finer_until) = rolled_until(&mut *tx, finer).await? else {
            return Ok(Rolled { rows: 0, is_done: true });
        };
        limit_us = limit_us.min(floor_us(finer_until, step_us));
    }
    let done = rolled_until(&mut *tx, table).await?;
    let done_us = done.map_or(i64::MIN, to_micros);
    let text = format!("SELECT MIN(at_us) AS first_us FROM {} WHERE at_us >= $1", finer.name());
    let first = composed(finer.name(), text).bind(done_us).fetch_one(&mut *tx).await?.get::<Option<i64>>("first_us")?;
    // Stretches in which nothing was sampled are passed over.
    let from_us = first.map_or(limit_us, |first_us| first_us - first_us.rem_euclid(step_us)).max(done_us);
    if from_us >= limit_us {
        if limit_us > done_us && (first.is_some() || done.is_some()) {
            mark(tx, table, limit_us).await?;
        }
        return Ok(Rolled { rows: 0, is_done: true });
    }
    let to_us = limit_us.min(from_us + 24 * step_us);
    let rows = write(tx, table, finer, step_us, from_us, to_us).await?;
    mark(tx, table, to_us).await?;
    Ok(Rolled { rows, is_done: to_us >= limit_us })
}

async fn write(tx: &mut Tx, table: Table, finer: Table, step_us: i64, from_us: i64, to_us: i64) -> Result<u64, Error> {
    let [samples, free_min, free_max, free, occupied, unknown, out_of_service, capacity] = finer.columns();
    let text = format!(
        "INSERT INTO {name} (lot, at_us, samples, free_min, free_max, free_sum, occupied_sum, unknown_sum, \
         out_of_service_sum, capacity_sum) SELECT lot, at_us - (at_us % {step_us}) AS slot_us, \
         CAST(SUM({samples}) AS BIGINT), MIN({free_min}), MAX({free_max}), CAST(SUM({free}) AS BIGINT), \
         CAST(SUM({occupied}) AS BIGINT), CAST(SUM({unknown}) AS BIGINT), CAST(SUM({out_of_service}) AS BIGINT), \
         CAST(SUM({capacity}) AS BIGINT) FROM {source} WHERE at_us >= $1 AND at_us < $2 GROUP BY lot, slot_us \
         ON CONFLICT (lot, at_us) DO UPDATE SET samples = excluded.samples, free_min = excluded.free_min, \
         free_max = excluded.free_max, free_sum = excluded.free_sum, occupied_sum = excluded.occupied_sum, \
         unknown_sum = excluded.unknown_sum, out_of_service_sum = excluded.out_of_service_sum, \
         capacity_sum = excluded.capacity_sum",
        name = table.name(),
        source = finer.name(),
    );
    composed(table.name(), text).bind(from_us).bind(to_us).execute(tx).await
}

async fn mark(tx: &mut Tx, table: Table, until_us: i64) -> Result<(), Error> {
    let text = "INSERT INTO history_progress (name, until_us) VALUES ($1, $2) \
                ON CONFLICT (name) DO UPDATE SET until_us = excluded.until_us \
                WHERE history_progress.until_us < excluded.until_us";
    query("history_progress", text).bind(table.name()).bind(until_us).execute(tx).await.map(|_| ())
}

/// The instant before which the rows of a table may be forgotten: never what the coarser table still lacks.
pub async fn forgettable(on: impl Into<On<'_>>, table: Table, before: Instant) -> Result<Option<Instant>, Error> {
    let coarser = match table {
        Table::Minutes => Table::Quarters,
        Table::Quarters => Table::Hours,
        Table::Hours => return Ok(Some(before)),
    };
    // Whole slots of the coarser table go together, so that a step done again never sees half of one.
    let day_us = to_micros(Instant::UNIX_EPOCH + Duration::days(1));
    let until = rolled_until(on, coarser).await?.map(|until| until.min(before));
    Ok(until.and_then(|until| from_micros(floor_us(until, day_us))))
}
