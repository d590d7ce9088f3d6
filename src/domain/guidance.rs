//! The rules of guidance: how free places become what a driver is told, and what one panel may set otherwise.

use serde::{Deserialize, Serialize};

/// Which rule turns availability into a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The count, with nearly full and FULL by thresholds with hysteresis.
    Thresholds,
    /// The same, of what will be left when the driver arrives.
    Arrival,
}

/// Where a sign stands on a driver's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignLevel {
    /// Level 1, on a main road: it guides to parts of the town.
    Area,
    /// Level 2, within a few junctions: it guides to lots.
    #[default]
    Street,
    /// Level 3, before the entrance: it tells of the lot the driver has reached.
    Entrance,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {
        /// The rules a line is judged by.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Rules {
            $($(#[$doc])* pub $name: $kind,)*
        }

        /// What a panel sets otherwise; what is absent stays.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct RulesChange {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<$kind>,)*
        }

        impl Rules {
            /// These rules with a panel's changes.
            #[must_use]
            pub fn changed(self, change: &RulesChange) -> Self {
                Self { $($name: change.$name.unwrap_or(self.$name),)* }
            }
        }
    };
}

rules! {
    /// Which rule gives the number.
    policy: Policy,
    /// FULL is entered when at most this share of the capacity is free.
    full_share: f64,
    /// FULL is left when more than this share is free.
    full_exit_share: f64,
    /// FULL is entered at least at this many free places.
    full_free: u32,
    /// Nearly full is entered when at most this share of the capacity is free.
    almost_full_share: f64,
    /// Nearly full is left when more than this share is free.
    almost_full_exit_share: f64,
    /// Nearly full is entered at least at this many free places.
    almost_full_free: u32,
    /// Whether nearly full is told by its word in place of the number.
    almost_full_as_word: bool,
    /// Places kept back from the number shown.
    held_back: u32,
    /// A line whose way is shorter than this goes by what moves now, a longer one by the forecast, seconds.
    near_s: u32,
    /// Deviations of the traffic till arrival that are kept back.
    margin: f64,
    /// The same where what is known is a minute old or older.
    margin_slow: f64,
    /// An age of the number beyond this counts no further: a quiet lot is not an old one, seconds.
    age_counts_s: u32,
    /// Numbers are rounded down to a multiple of this once they reach it; 0 and 1 leave them exact.
    round_to: u32,
    /// A number older than this is told by a word; 0 is never.
    number_max_age_s: u32,
    /// With fewer of the places in service reporting than this share, a word stands in place of the number.
    number_reporting_share: f64,
    /// With fewer than this share, nothing is told.
    min_reporting_share: f64,
}

impl Rules {
    /// The same rules at a level: a sign far out rounds its numbers, and a driver at the entrance has arrived, so nothing is
    /// kept back for the way.
    #[must_use]
    pub fn at(self, level: SignLevel, area_round_to: u32) -> Self {
        match level {
            SignLevel::Area => Self { round_to: area_round_to, ..self },
            SignLevel::Street => self,
            SignLevel::Entrance => Self { policy: Policy::Thresholds, held_back: 0, ..self },
        }
    }

    /// The first key whose value cannot be, and why.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let share = |share: f64| (0.0..=1.0).contains(&share);
        let checks = [
            ("full_share", share(self.full_share), "must be between 0 and 1"),
            (
                "full_exit_share",
                share(self.full_exit_share) && self.full_exit_share >= self.full_share,
                "must be between full_share and 1",
            ),
            ("almost_full_share", share(self.almost_full_share), "must be between 0 and 1"),
            (
                "almost_full_exit_share",
                share(self.almost_full_exit_share) && self.almost_full_exit_share >= self.almost_full_share,
                "must be between almost_full_share and 1",
            ),
            ("margin", (0.0..=10.0).contains(&self.margin), "must be between 0 and 10"),
            (
                "margin_slow",
                self.margin_slow >= self.margin && self.margin_slow <= 10.0,
                "must be between margin and 10",
            ),
            ("number_reporting_share", share(self.number_reporting_share), "must be between 0 and 1"),
            ("min_reporting_share", share(self.min_reporting_share), "must be between 0 and 1"),
        ];
        checks.into_iter().find(|(_, holds, _)| !holds).map(|(key, _, reason)| (key, reason))
    }
}
