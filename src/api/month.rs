//! A month that is asked for, and as what it is told.

use chrono::NaiveDate;
use serde::Deserialize;

use super::{Problem, Shared, csv};
use crate::matters;

/// Which month, and how it is told.
#[derive(Debug, Deserialize)]
pub struct Month {
    month: Option<String>,
    format: Option<String>,
}

impl Month {
    /// Its first day; the present month of the city where none is named.
    pub(super) fn first(&self, services: &Shared) -> Result<NaiveDate, Problem> {
        let zone = services.city.borrow().time_zone;
        let this = services.clock.now().with_timezone(&zone).format("%Y-%m").to_string();
        let first = matters::month(self.month.as_deref().unwrap_or(&this));
        first.ok_or_else(|| Problem::bad_request("month is written 2026-03").field("month", "not YYYY-MM"))
    }

    /// Whether CSV is asked for.
    pub(super) fn as_csv(&self) -> Result<bool, Problem> {
        csv::is_named(self.format.as_deref())
    }
}
