//! The availability of a lot: its counts, their age, and what a driver may be told of them.

use std::fmt;

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{
    ids::{LotId, SpaceId},
    lot::{SpaceUse, VehicleClass},
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
    /// Places taken out of service by an operator; reserved ones are among them.
    pub out_of_service: u32,
    /// Of those, the places reserved.
    #[serde(default)]
    pub reserved: u32,
    /// Whether an operator has closed the lot.
    #[serde(default)]
    pub closed: bool,
    /// Spaces whose sensor has been silent for longer than its limit; they count as unknown.
    #[serde(default)]
    pub stale_spaces: u32,
    /// Spaces whose sensor has been silent for so long that its last word is forgotten; they count as unknown.
    #[serde(default)]
    pub dead_spaces: u32,
    /// The same counts for each special use and, in a lot of both vehicle classes, for each class; from the spaces.
    #[serde(default)]
    pub groups: Vec<GroupCount>,
    /// How far the counts can be trusted.
    #[serde(default)]
    pub confidence: Confidence,
    /// The newest `observed_at` among what was applied; `None` before the first word.
    pub observed_at: Option<Instant>,
    /// Grows by one with each change, and with nothing else.
    pub version: u64,
}

/// The counts of those places of a lot that share a vehicle class or a use; they add up as the lot's do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCount {
    /// The vehicle class, for a group of a class.
    pub class: Option<VehicleClass>,
    /// The special use, for a group of a use.
    #[serde(rename = "use")]
    pub use_: Option<SpaceUse>,
    /// Number of places.
    pub capacity: u32,
    /// Places known to be free.
    pub free: u32,
    /// Places known to be occupied.
    pub occupied: u32,
    /// Places nobody has word of; all of them where no space reports.
    pub unknown: u32,
    /// Places out of service.
    pub out_of_service: u32,
}

/// How far counts can be trusted, from 0 (nothing is known) to 1; kept in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confidence(u16);

impl Confidence {
    /// The share of `whole` that `part` is; 0 of nothing.
    pub fn share(part: u64, whole: u64) -> Self {
        Self(part.min(whole).saturating_mul(1000).checked_div(whole).map_or(0, |share| share as u16))
    }

    /// What is left when this many of `whole` are in doubt.
    pub fn without(doubtful: u64, whole: u64) -> Self {
        Self::share(whole.saturating_sub(doubtful), whole)
    }

    /// As a number from 0 to 1.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
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
            reserved: 0,
            closed: false,
            stale_spaces: 0,
            dead_spaces: 0,
            groups: Vec::new(),
            confidence: Confidence::default(),
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
        if !open || self.closed {
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
    /// Its state by its sensor's last word, as far as it has taken effect; a stale word is told, and not counted.
    pub state: SpaceState,
    /// Whether an operator has taken it out of service or reserved it.
    pub out_of_service: bool,
    /// Whether it is out of service because it is reserved.
    #[serde(default)]
    pub reserved: bool,
    /// Whether its sensor's word still counts.
    #[serde(default)]
    pub freshness: Freshness,
    /// When the sensor said so; `None` before its first word.
    pub observed_at: Option<Instant>,
}

/// Whether a space's sensor has been heard within its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Within its limit, or without one.
    #[default]
    Live,
    /// Silent for longer than its limit: its word is told, and counts as unknown.
    Stale,
    /// Silent for so long that its word is forgotten.
    Dead,
}

/// One lot's new availability, with the spaces that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The lot's new counts; the version orders changes of one lot.
    pub availability: Availability,
    /// The spaces that moved in this change.
    #[serde(default)]
    pub spaces: Vec<SpaceStatus>,
    /// What it came of, where that is followed from node to node; for telemetry alone.
    #[serde(skip)]
    pub trail: Option<Box<str>>,
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
    /// A counter's total has moved by more than can be true: nothing was counted, and counting goes on from the new total.
    Quarantined,
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
