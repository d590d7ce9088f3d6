//! `GET /api/v1/lots/{id}/history`: a lot's counts over time.

use chrono::{Duration, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::QueryFault;
use crate::{
    domain::{
        ids::LotId,
        time::{Instant, from_micros, parse_rfc3339, rfc3339, to_micros},
    },
    store::{
        Db, Error,
        history::{self, Slot, Table},
    },
};

/// Most points of one answer: a month of minutes.
const MAX_POINTS: i64 = 44_640;
/// Most rows read for one answer.
const MAX_ROWS: i64 = 100_000;
const DAY_S: i64 = 86_400;

/// The query of the history, as it was written.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct HistoryQuery {
    /// RFC 3339; a day before `to` when absent.
    pub from: Option<String>,
    /// RFC 3339; now when absent.
    pub to: Option<String>,
    /// Seconds, or `1m`, `15m`, `1h`, `1d` and the like; by the span when absent.
    pub step: Option<String>,
    /// `json` or `csv`.
    pub format: Option<String>,
}

/// What is asked of the history, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// From this instant on.
    pub from: Instant,
    /// Up to, not including, this one.
    pub to: Instant,
    /// One point for so many seconds.
    pub step_s: i64,
}

impl HistoryQuery {
    /// What is asked at `now`.
    pub fn read(&self, now: Instant) -> Result<Asked, QueryFault> {
        let to = self.to.as_deref().map_or(Ok(now), |text| instant("to", text))?;
        let day_before = to.checked_sub_signed(Duration::days(1)).unwrap_or(to);
        let from = self.from.as_deref().map_or(Ok(day_before), |text| instant("from", text))?;
        if from >= to {
            return Err(QueryFault::new("from", "must be before to"));
        }
        let span_s = (to - from).num_seconds();
        let step_s = match &self.step {
            Some(text) => step(text)?,
            None => [(2, 60), (31, 900), (731, 3600)]
                .into_iter()
                .find_map(|(days, step_s)| (span_s <= days * DAY_S).then_some(step_s))
                .unwrap_or(DAY_S),
        };
        let asked = Asked { from, to, step_s };
        let field = if self.step.is_some() { "step" } else { "from" };
        if span_s / step_s > MAX_POINTS || span_s / asked.table().step_s() > MAX_ROWS {
            return Err(QueryFault::new(field, "is too far for one answer: ask for a shorter span or a longer step"));
        }
        Ok(asked)
    }
}

/// The length of a step: whole minutes, at most a day, or whole days.
fn step(text: &str) -> Result<i64, QueryFault> {
    let fault = || {
        let told = "must be whole minutes up to a day, or whole days: seconds, or a number with m, h or d";
        QueryFault::new("step", told)
    };
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', DAY_S)];
    let (number, unit_s) =
        units.into_iter().find_map(|(unit, unit_s)| Some((text.strip_suffix(unit)?, unit_s))).unwrap_or((text, 1));
    if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(fault());
    }
    let step_s = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit_s)).ok_or_else(fault)?;
    let is_whole = if step_s < DAY_S { step_s % 60 == 0 } else { step_s % DAY_S == 0 };
    if (60..=366 * DAY_S).contains(&step_s) && is_whole { Ok(step_s) } else { Err(fault()) }
}

impl Asked {
    /// The coarsest table that serves the step.
    fn table(self) -> Table {
        let serves = |table: &Table| self.step_s % table.step_s() == 0;
        [Table::Hours, Table::Quarters].into_iter().find(serves).unwrap_or(Table::Minutes)
    }

    /// The beginning of the slot an instant lies in: steps below a day count from 1970, days from the city's midnight.
    fn slot(self, at: Instant, zone: Tz) -> Instant {
        if self.step_s < DAY_S {
            let step_us = self.step_s * 1_000_000;
            let at_us = to_micros(at);
            return from_micros(at_us - at_us.rem_euclid(step_us)).unwrap_or(at);
        }
        let days = (at.with_timezone(&zone).date_naive() - NaiveDate::default()).num_days();
        let first = NaiveDate::default() + Duration::days(days - days.rem_euclid(self.step_s / DAY_S));
        first.and_time(NaiveTime::MIN).and_local_timezone(zone).earliest().map_or(at, |midnight| midnight.to_utc())
    }

    /// Reads what is asked: one slot a step, oldest first; steps of which nothing is known are absent.
    pub async fn slots(self, db: &Db, lot: &LotId, zone: Tz) -> Result<Vec<Slot>, Error> {
        let mut slots: Vec<Slot> = Vec::new();
        for mut row in rows(db, self.table(), lot, self.slot(self.from, zone), self.to).await? {
            row.at = self.slot(row.at, zone);
            match slots.last_mut() {
                Some(last) if last.at == row.at => last.absorb(&row),
                _ => slots.push(row),
            }
        }
        Ok(slots)
    }
}

/// The rows of a table, and what it does not have yet from the finer ones.
async fn rows(db: &Db, table: Table, lot: &LotId, from: Instant, to: Instant) -> Result<Vec<Slot>, Error> {
    let tables: &[Table] = match table {
        Table::Hours => &[Table::Hours, Table::Quarters, Table::Minutes],
        Table::Quarters => &[Table::Quarters, Table::Minutes],
        Table::Minutes => &[Table::Minutes],
    };
    let limit = u32::try_from(MAX_ROWS).unwrap_or(u32::MAX);
    let (mut found, mut from) = (Vec::new(), from);
    for &table in tables {
        let until = match table {
            Table::Minutes => to,
            _ => history::rolled_until(db, table).await?.map_or(from, |until| until.clamp(from, to.max(from))),
        };
        if from < until {
            found.extend(history::slots(db, table, lot, from, until, limit).await?);
            from = until;
        }
    }
    Ok(found)
}

pub(in crate::api) fn instant(field: &'static str, text: &str) -> Result<Instant, QueryFault> {
    // A plus sign of an offset arrives as a blank if the caller did not escape it.
    let read = parse_rfc3339(text).or_else(|_| parse_rfc3339(&text.replace(' ', "+")));
    read.map_err(|_| QueryFault::new(field, "must be an RFC 3339 instant, e.g. 2026-03-10T01:15:00Z"))
}

/// The answer to `GET /api/v1/lots/{id}/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HistoryView {
    /// The lot.
    #[schema(value_type = String)]
    pub lot: LotId,
    /// One point stands for so many seconds.
    pub step_s: i64,
    /// Oldest first; steps without a believable number are absent.
    pub points: Vec<HistoryPoint>,
}

/// A lot's mean counts over a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HistoryPoint {
    /// When the step begins.
    #[schema(value_type = String, format = DateTime)]
    pub at: Instant,
    /// Places known to be free.
    pub free: u32,
    /// Places known to be occupied.
    pub occupied: u32,
    /// Places nobody has word of.
    pub unknown: u32,
    /// Places taken out of service.
    pub out_of_service: u32,
    /// Number of places.
    pub capacity: u32,
    /// Fewest free places.
    pub free_min: u32,
    /// Most free places.
    pub free_max: u32,
    /// Minutes of the step that are known.
    pub samples: u64,
}

impl HistoryView {
    /// The view of a lot's slots.
    pub fn of(lot: LotId, step_s: i64, slots: &[Slot]) -> Self {
        let view = |slot: &Slot| {
            let [free, occupied, unknown, out_of_service, capacity] = slot.mean();
            HistoryPoint {
                at: slot.at,
                free,
                occupied,
                unknown,
                out_of_service,
                capacity,
                free_min: slot.free_min,
                free_max: slot.free_max,
                samples: slot.samples,
            }
        };
        Self { lot, step_s, points: slots.iter().map(view).collect() }
    }

    /// The points as CSV (RFC 4180) with a header line; instants in UTC.
    pub fn csv(&self) -> String {
        use std::fmt::Write;
        let mut text = "at,free,occupied,unknown,out_of_service,capacity,free_min,free_max,samples\r\n".to_owned();
        for point in &self.points {
            let HistoryPoint { at, free, occupied, unknown, out_of_service, capacity, free_min, free_max, samples } =
                point;
            // Writing to a text does not fail.
            let _ = write!(
                text,
                "{},{free},{occupied},{unknown},{out_of_service},{capacity},{free_min},{free_max},{samples}\r\n",
                rfc3339(*at)
            );
        }
        text
    }
}
