//! The availability of a lot: its counts, their age, and what a driver may be told of them.

use std::fmt;

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{
    ids::{LotId, SpaceId},
    observation::SpaceState,
    time::{Instant, age},
};

/// The counts of one lot; `free + occupied + unknown + out_of_service` is its capacity at every version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// The lot.
    pub lot: LotId,
    /// Number of places.
    pub capacity: u32,
    /// Places known to be free.
    pub free: u32,
    /// Places known to be occupied.
    pub occupied: u32,
    /// Places nobody has word of.
    pub unknown: u32,
    /// Places taken out of service by an operator.
    pub out_of_service: u32,
    /// The newest `observed_at` among what was applied; `None` before the first word.
    pub observed_at: Option<Instant>,
    /// Grows by one with each change, and with nothing else.
    pub version: u64,
}

/// How far a lot's number can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Younger than the lot's limit.
    Live,
    /// Older than the lot's limit.
    Stale,
    /// Nothing was ever heard.
    NoData,
}

/// What a driver is told at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// There is room.
    Free,
    /// Nearly full.
    Few,
    /// Full.
    Full,
    /// Closed by its opening hours or an operator.
    Closed,
    /// No number that can be believed.
    NoData,
}

impl Availability {
    /// A lot nobody has word of.
    pub fn unheard(lot: LotId, capacity: u32) -> Self {
        Self {
            lot,
            capacity,
            free: 0,
            occupied: 0,
            unknown: capacity,
            out_of_service: 0,
            observed_at: None,
            version: 0,
        }
    }

    /// Whether the counts add up to the capacity: the first law.
    pub fn is_consistent(&self) -> bool {
        u64::from(self.free) + u64::from(self.occupied) + u64::from(self.unknown) + u64::from(self.out_of_service)
            == u64::from(self.capacity)
    }

    /// How far the number can be believed at `now`, given the lot's limit.
    pub fn quality(&self, now: Instant, stale_after: Duration) -> Quality {
        match self.observed_at {
            None => Quality::NoData,
            Some(at) if age(now, at) > stale_after => Quality::Stale,
            Some(_) => Quality::Live,
        }
    }

    /// What to tell a driver at a glance, from counts alone; hysteresis is the sign policy's.
    pub fn level(&self, quality: Quality, open: bool) -> Level {
        if !open {
            Level::Closed
        } else if quality != Quality::Live || (self.unknown == self.capacity && self.capacity > 0) {
            Level::NoData
        } else if self.free <= self.capacity / 50 {
            Level::Full
        } else if self.free <= (self.capacity / 10).max(3) {
            Level::Few
        } else {
            Level::Free
        }
    }
}

/// One space as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceStatus {
    /// The space.
    pub space: SpaceId,
    /// Its state by its sensor's last word.
    pub state: SpaceState,
    /// Whether an operator has taken it out of service.
    pub out_of_service: bool,
    /// When the sensor said so; `None` before its first word.
    pub observed_at: Option<Instant>,
}

/// One lot's new availability, with the spaces that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The lot's new counts; the version orders changes of one lot.
    pub availability: Availability,
    /// The spaces that moved in this change.
    #[serde(default)]
    pub spaces: Vec<SpaceStatus>,
}

/// A place in the stream of changes, opaque to all but the engine that gave it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Cursor(pub String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of one observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It moved the lot to a new version.
    Changed,
    /// It was newer, and said what was already known: only the age moved.
    Confirmed,
    /// It was a duplicate, or later than what is known: nothing moved.
    Late,
    /// Its lot is not in the city.
    UnknownLot,
    /// Its space is not in the lot.
    UnknownSpace,
    /// It claims a time too far in the future.
    Future,
    /// The lot is counted another way.
    NotCounted,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(free: u32, occupied: u32, unknown: u32) -> Availability {
        Availability {
            free,
            occupied,
            unknown,
            ..Availability::unheard(LotId::parse("L1").unwrap(), free + occupied + unknown)
        }
    }

    #[test]
    fn an_unheard_lot_is_all_unknown_and_has_no_data() {
        let lot = Availability::unheard(LotId::parse("L1").unwrap(), 12);
        assert!(lot.is_consistent());
        let quality = lot.quality(Instant::UNIX_EPOCH, Duration::seconds(60));
        assert_eq!(quality, Quality::NoData);
        assert_eq!(lot.level(quality, true), Level::NoData);
    }

    #[test]
    fn a_driver_hears_free_few_and_full_in_that_order() {
        for (free, level) in [(50, Level::Free), (10, Level::Few), (3, Level::Few), (2, Level::Full), (0, Level::Full)]
        {
            assert_eq!(lot(free, 100 - free, 0).level(Quality::Live, true), level, "{free} free of 100");
        }
    }

    #[test]
    fn a_stale_number_and_a_closed_lot_are_never_told_as_room() {
        assert_eq!(lot(50, 50, 0).level(Quality::Stale, true), Level::NoData);
        assert_eq!(lot(50, 50, 0).level(Quality::Live, false), Level::Closed);
    }
}
