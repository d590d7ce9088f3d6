//! An approach: a counted stretch of road on the way to lots. Who passes it is counted as coming, by the share that was seen to
//! arrive.

mod moved;
mod passed;
mod turning;

use geo::Coord;
use serde::Serialize;

use super::{
    ids::{ApproachId, LotId},
    observation::Statement,
    text::Localized,
    time::Instant,
};

pub use moved::{Moved, Seen};
pub use passed::{Limits, Passed};
pub use turning::{BIN_S, Bin, Turning};

/// Longest travel time from an approach to a lot, seconds.
pub const LONGEST_S: u32 = 1800;
/// Shortest one, seconds: behind it the lot's own entrance counts.
pub const SHORTEST_S: u32 = 10;
/// Most lots an approach leads to, and most approaches that lead to a lot.
pub const MOST_LEGS: usize = 16;

/// A counted stretch of road on the way to lots.
#[derive(Debug, Clone, PartialEq)]
pub struct Approach {
    /// Unique in the city.
    pub id: ApproachId,
    /// Its name.
    pub name: Localized,
    /// Where its counter is, lon/lat WGS-84.
    pub location: Coord,
    /// The lots downstream.
    pub leads_to: Vec<Leg>,
}

/// The way from an approach to one lot.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    /// The lot.
    pub lot: LotId,
    /// The driving time from the counter, seconds.
    pub travel_time_s: u32,
    /// The share of those who pass that is taken to park there before anything was learned; 0 where nobody says.
    pub share: f64,
}

/// What a counter of an approach states.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// The approach.
    pub approach: ApproachId,
    /// Passages, a running total or its baseline; inward is towards the lots.
    pub statement: Statement,
    /// When the device says it was so.
    pub observed_at: Instant,
    /// When we received it.
    pub received_at: Instant,
    /// The device's session.
    pub session: Option<String>,
    /// The device's sequence number.
    pub seq: Option<u64>,
}

/// How an approach's counter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was never heard.
    Unheard,
    /// It speaks.
    Live,
    /// It has said nothing for much longer than is usual.
    Silent,
    /// It speaks, and its clock is off: what it counts lies outside the time it could count for.
    ClockOff,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unheard, Self::Live, Self::Silent, Self::ClockOff];

    /// Its name, as it is told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unheard => "unheard",
            Self::Live => "live",
            Self::Silent => "silent",
            Self::ClockOff => "clock_off",
        }
    }
}

#[cfg(test)]
mod tests;
