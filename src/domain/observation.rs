//! One normalised statement of a sensor, whatever device and format it came from.

use serde::{Deserialize, Serialize};

use super::{
    ids::{LotId, SpaceId},
    time::Instant,
};

/// What a space's sensor says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceState {
    /// No vehicle stands on it.
    Free,
    /// A vehicle stands on it.
    Occupied,
    /// The sensor cannot tell, or has said nothing yet.
    Unknown,
}

/// Which way a vehicle passed a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Into the lot.
    In,
    /// Out of the lot.
    Out,
}

/// What is stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Statement {
    /// A space's state.
    Space {
        /// The space.
        space: SpaceId,
        /// Its state.
        state: SpaceState,
    },
    /// Vehicles that passed a counter.
    Passage {
        /// Into or out of the lot.
        direction: Direction,
        /// How many passed, at least 1.
        count: u32,
        /// The counter's lane; order is kept per lane.
        lane: String,
    },
    /// A counter's running total; what it has grown by since the last one counts like passages. The first is a baseline and
    /// counts nothing. Order is kept per lane and direction.
    Total {
        /// Into or out of the lot.
        direction: Direction,
        /// The counter's lane.
        lane: String,
        /// The total; it wraps at two to the power of `width_bits`.
        value: u64,
        /// The width of the counter's register, 1 to 64 bits.
        width_bits: u8,
    },
    /// A counter was reset or restarted: its next total is a baseline, unless the total it goes on from is told.
    Baseline {
        /// Into or out of the lot.
        direction: Direction,
        /// The counter's lane.
        lane: String,
        /// The total the counter goes on from, where that is known (0 for one that counts from zero again).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<u64>,
    },
    /// An absolute count of occupied places, from a lot controller.
    Occupied {
        /// Number of occupied places.
        count: u32,
    },
    /// An absolute count of free places, from a lot controller.
    Free {
        /// Number of free places.
        count: u32,
    },
}

/// One decoded statement of a sensor about one lot.
///
/// Its order among the statements about the same thing (a space, a lane, the lot's count) is told by `seq` where both
/// carry one of the same `session`, else by `observed_at`; see `docs/ARCHITECTURE.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The lot it is about.
    pub lot: LotId,
    /// What is stated.
    #[serde(flatten)]
    pub statement: Statement,
    /// When the device says it was so.
    pub observed_at: Instant,
    /// When we received it.
    pub received_at: Instant,
    /// The device's session; sequence numbers are compared within one session only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The device's sequence number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}
