//! The `[forecast]` section: what the forecast goes by.

use serde::{Deserialize, Serialize};

/// What the forecast goes by.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forecast {
    /// What was learned is kept this often, seconds.
    pub keep_every_s: u32,
    /// A number this old still bears a forecast, seconds; its band widens with its age.
    pub oldest_reading_s: u32,
}

impl Forecast {
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        (self.keep_every_s == 0).then(|| ("forecast.keep_every_s", "must be at least 1".to_owned()))
    }
}
