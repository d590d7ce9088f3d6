//! The `[forecast]` section: what the forecast goes by.

use serde::{Deserialize, Serialize};

use crate::domain::calendar::Calendar;

/// What the forecast goes by.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forecast {
    /// Public holidays, as dates.
    pub holidays: Vec<String>,
    /// Weekend days that are worked.
    pub worked_days: Vec<String>,
    /// What was learned is kept this often, seconds.
    pub keep_every_s: u32,
    /// A number this old still bears a forecast, seconds; its band widens with its age.
    pub oldest_reading_s: u32,
}

impl Forecast {
    /// The calendar on the clocks of a city. A date that cannot be read is passed over: the check of the configuration
    /// refuses it.
    pub fn calendar(&self, zone: chrono_tz::Tz) -> Calendar {
        let dates = |list: &[String]| list.iter().filter_map(|date| date.parse().ok()).collect();
        Calendar::new(zone, dates(&self.holidays), dates(&self.worked_days))
    }

    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        let wrong = |list: &[String]| list.iter().find(|date| date.parse::<chrono::NaiveDate>().is_err()).cloned();
        let told = |date: String| format!("{date:?} is no date such as 2026-10-01");
        if let Some(date) = wrong(&self.holidays) {
            return Some(("forecast.holidays", told(date)));
        }
        if let Some(date) = wrong(&self.worked_days) {
            return Some(("forecast.worked_days", told(date)));
        }
        (self.keep_every_s == 0).then(|| ("forecast.keep_every_s", "must be at least 1".to_owned()))
    }
}
