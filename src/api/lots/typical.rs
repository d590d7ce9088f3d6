//! `GET /api/v1/lots/{id}/typical?date=`: what a day is usually like, as the forecast has learned it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::QueryFault;
use crate::{
    domain::{
        availability::Availability,
        calendar::{DayKind, SLOT_MIN},
        ids::LotId,
        time::Instant,
    },
    forecast::UsualDay,
};

/// The query, as it was written.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct TypicalQuery {
    /// A day of the city; today when absent.
    pub date: Option<String>,
}

impl TypicalQuery {
    /// The day asked for.
    pub fn date(&self) -> Result<Option<NaiveDate>, QueryFault> {
        let read = |text: &str| text.parse().map_err(|_| QueryFault::new("date", "must be a day such as 2026-03-10"));
        self.date.as_deref().map(read).transpose()
    }
}

/// The answer to `GET /api/v1/lots/{id}/typical`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TypicalView {
    /// The lot.
    #[schema(value_type = String)]
    pub lot: LotId,
    /// The day.
    #[schema(value_type = String)]
    pub date: NaiveDate,
    /// What it is like: `working`, `saturday`, `sunday`, `holiday`.
    pub kind: &'static str,
    /// Its weekday, 0 for Monday; null where it is like a kind of day and not like its weekday.
    pub weekday: Option<u8>,
    /// Days of that weekday this rests on; 0 where only its kind of day was seen.
    pub days: u32,
    /// One point stands for so many seconds.
    pub step_s: u32,
    /// Places the free ones are told of: those that are in service and heard of, else all.
    pub capacity: u32,
    /// By the order of time; moments nothing is known of are absent.
    pub points: Vec<TypicalPoint>,
}

/// What is usual at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TypicalPoint {
    /// The moment.
    #[schema(value_type = String, format = DateTime)]
    pub at: Instant,
    /// Free places.
    pub free: u32,
}

impl TypicalView {
    /// The usual day of a lot that has these counts now.
    pub fn of(counts: &Availability, usual: &UsualDay) -> Self {
        let known = counts.free.saturating_add(counts.occupied);
        let capacity = if known == 0 { counts.capacity } else { known };
        let free = |share: f32| ((1.0 - f64::from(share.clamp(0.0, 1.0))) * f64::from(capacity)).round() as u32;
        Self {
            lot: counts.lot.clone(),
            date: usual.date,
            kind: match usual.day.kind {
                DayKind::Working => "working",
                DayKind::Saturday => "saturday",
                DayKind::Sunday => "sunday",
                DayKind::Holiday => "holiday",
            },
            weekday: usual.day.weekday,
            days: usual.days,
            step_s: SLOT_MIN * 60,
            capacity,
            points: usual.shares.iter().map(|&(at, share)| TypicalPoint { at, free: free(share) }).collect(),
        }
    }
}
