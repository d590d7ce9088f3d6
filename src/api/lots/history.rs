//! `GET /api/v1/lots/{id}/history`: a lot's counts over time.

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::QueryFault;
use crate::{
    domain::{
        ids::LotId,
        time::{Instant, parse_rfc3339},
    },
    store::history::Point,
};

/// Longest span of one answer.
const MAX_DAYS: i64 = 31;
/// Most points of one answer: a month of minutes.
pub const MAX_POINTS: u32 = 44_640;

/// The query of the history, as it was written.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct HistoryQuery {
    /// RFC 3339; a day before `to` when absent.
    pub from: Option<String>,
    /// RFC 3339; now when absent.
    pub to: Option<String>,
}

impl HistoryQuery {
    /// The span asked for: from the first instant up to, not including, the second.
    pub fn span(&self, now: Instant) -> Result<(Instant, Instant), QueryFault> {
        let to = self.to.as_deref().map_or(Ok(now), |text| instant("to", text))?;
        let day_before = to.checked_sub_signed(Duration::days(1)).unwrap_or(to);
        let from = self.from.as_deref().map_or(Ok(day_before), |text| instant("from", text))?;
        if from >= to {
            return Err(QueryFault::new("from", "must be before to"));
        }
        if to - from > Duration::days(MAX_DAYS) {
            return Err(QueryFault::new("from", "must be at most 31 days before to"));
        }
        Ok((from, to))
    }
}

pub(super) fn instant(field: &'static str, text: &str) -> Result<Instant, QueryFault> {
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
    /// Oldest first; minutes without a believable number are absent.
    pub points: Vec<HistoryPoint>,
}

/// A lot's counts at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HistoryPoint {
    /// When.
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
}

impl HistoryView {
    /// The view of a lot's points.
    pub fn of(lot: LotId, points: Vec<Point>) -> Self {
        let view = |point: Point| HistoryPoint {
            at: point.at,
            free: point.free,
            occupied: point.occupied,
            unknown: point.unknown,
            out_of_service: point.out_of_service,
            capacity: point.capacity,
        };
        Self { lot, points: points.into_iter().map(view).collect() }
    }
}
