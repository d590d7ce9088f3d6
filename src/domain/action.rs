//! What an operator may do to a lot, and what an operator is told of its counters.

use serde::{Deserialize, Serialize};

use super::{
    ids::{LotId, SpaceId},
    observation::Direction,
    time::Instant,
};

/// Whether a space serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// It serves, and is counted by its sensor's word.
    #[default]
    InService,
    /// It does not serve.
    OutOfService,
    /// It is kept for somebody; counted as out of service.
    Reserved,
}

/// An operator's action on one lot; it goes the way of an observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Takes a space out of service, reserves it, or gives it back.
    Service {
        /// The lot.
        lot: LotId,
        /// The space.
        space: SpaceId,
        /// What it is from now on.
        service: Service,
    },
    /// Reserves places of a lot that is counted by counters.
    Reserve {
        /// The lot.
        lot: LotId,
        /// Number of places; 0 gives all back.
        places: u32,
    },
    /// Closes a lot, or opens it again.
    Close {
        /// The lot.
        lot: LotId,
        /// Closed, or open again.
        closed: bool,
    },
    /// Says how many vehicles are inside, in place of what the counters made of it.
    Correct {
        /// The lot.
        lot: LotId,
        /// Number of occupied places.
        occupied: u32,
    },
}

impl Action {
    /// The lot it is about.
    pub fn lot(&self) -> &LotId {
        match self {
            Self::Service { lot, .. }
            | Self::Reserve { lot, .. }
            | Self::Close { lot, .. }
            | Self::Correct { lot, .. } => lot,
        }
    }
}

/// What an operator is told of a lot's counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterState {
    /// The lot.
    pub lot: LotId,
    /// Vehicles inside as counted; below zero or above the capacity when the counting has drifted. `None` before the
    /// first absolute count.
    pub inside: Option<i64>,
    /// When the last absolute count was taken; `None` before the first.
    pub anchored_at: Option<Instant>,
    /// Vehicles that passed since then.
    pub passages: u64,
    /// Those of them that came in; the others went out.
    pub entered: u64,
    /// What the last absolute count found: vehicles counted minus vehicles stated.
    pub drift: Option<i64>,
    /// Vehicles that had passed between the last two absolute counts.
    pub drift_passages: u64,
    /// Seconds between the last two absolute counts.
    pub drift_span_s: u64,
    /// Vehicles of drift to be expected in a million passages, from the last absolute counts.
    pub drift_per_million: u64,
    /// Totals that moved by more than can be true, since the lot was declared.
    pub quarantined: u64,
    /// The lanes heard, by name and direction.
    pub lanes: Vec<LaneState>,
}

impl CounterState {
    /// Vehicles that went out since the last absolute count.
    pub fn left(&self) -> u64 {
        self.passages.saturating_sub(self.entered)
    }

    /// What the last absolute count stated: inside = this + entered − left. `None` before the first.
    pub fn anchor(&self) -> Option<i64> {
        let signed = |vehicles: u64| i64::try_from(vehicles).unwrap_or(i64::MAX);
        self.inside.map(|inside| inside.saturating_sub(signed(self.entered)).saturating_add(signed(self.left())))
    }

    /// The last drift as vehicles a day; `None` before two absolute counts an hour or more apart, for what a few minutes
    /// show says nothing of a day.
    pub fn drift_per_day(&self) -> Option<f64> {
        let span_s = (self.drift_span_s >= 3600).then_some(self.drift_span_s)?;
        self.drift.map(|drift| drift as f64 * 86_400.0 / span_s as f64)
    }
}

/// One lane of a lot's counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneState {
    /// Its name.
    pub lane: String,
    /// The direction of its running total; `None` for a lane that tells single passages.
    pub direction: Option<Direction>,
    /// Its last running total, if it has one.
    pub total: Option<u64>,
    /// When it was last heard.
    pub observed_at: Option<Instant>,
}
