//! All that an engine remembers of a lot, so that a store can keep it and an engine that lost it can be given it back.

use serde::{Deserialize, Serialize};

use super::order::Mark;
use crate::domain::{
    action::Service,
    availability::{Confidence, Freshness},
    ids::{LotId, SpaceId},
    observation::{Direction, SpaceState},
};

/// The drift that is taken for likely before any was measured: one vehicle (in thousandths) in a hundred.
const LIKELY_DRIFT: (u64, u64) = (1000, 100);

/// The whole memory of one lot. It serialises as JSON; what a later release adds has defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotMemory {
    /// The lot.
    pub lot: LotId,
    /// The version it was taken at.
    pub version: u64,
    /// The newest `observed_at` of its truth, microseconds since 1970; 0 before the first word.
    pub observed_us: i64,
    /// When an operator last acted on it, microseconds; 0 if never.
    #[serde(default)]
    pub(super) acted_us: i64,
    #[serde(default)]
    pub(super) closed: bool,
    #[serde(default)]
    pub(super) reserved_places: u32,
    #[serde(default)]
    pub(super) counter: Counts,
    #[serde(default)]
    pub(super) anchor: Mark,
    #[serde(default)]
    pub(super) lanes: Vec<LaneMemory>,
    #[serde(default)]
    pub(super) spaces: Vec<SpaceMemory>,
}

/// What the counters of a lot have counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    /// Vehicles inside as counted; below zero and above the capacity when the counting has drifted.
    pub(super) raw: i64,
    /// Whether an absolute count was ever taken.
    pub(super) anchored: bool,
    /// Vehicles that passed since the last absolute count.
    pub(super) passages: u64,
    /// Those of them that came in.
    #[serde(default)]
    pub(super) entered: u64,
    /// Counted minus stated at the last absolute count but the first.
    pub(super) drift: Option<i64>,
    /// Vehicles that passed between the last two absolute counts.
    pub(super) drift_passages: u64,
    /// Microseconds between the last two absolute counts.
    pub(super) drift_span_us: i64,
    /// Drift over the last absolute counts, thousandths of a vehicle; each older one weighs half.
    pub(super) drift_sum: u64,
    /// Passages over the same.
    pub(super) drift_over: u64,
    /// Totals that moved by more than can be true.
    pub(super) quarantined: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            raw: 0,
            anchored: false,
            passages: 0,
            entered: 0,
            drift: None,
            drift_passages: 0,
            drift_span_us: 0,
            drift_sum: LIKELY_DRIFT.0,
            drift_over: LIKELY_DRIFT.1,
            quarantined: 0,
        }
    }
}

impl Counts {
    /// Most vehicles inside or below zero that are kept, far beyond any lot: a double holds them exactly.
    const FARTHEST: i64 = 1 << 50;

    /// Vehicles passed.
    pub(super) fn pass(&mut self, direction: Direction, vehicles: u64) {
        let signed = i64::try_from(vehicles).unwrap_or(Self::FARTHEST);
        let signed = if direction == Direction::In { signed } else { -signed };
        self.raw = self.raw.saturating_add(signed).clamp(-Self::FARTHEST, Self::FARTHEST);
        let add = |to: u64| to.saturating_add(vehicles).min(Self::FARTHEST as u64);
        self.passages = add(self.passages);
        if direction == Direction::In {
            self.entered = add(self.entered);
        }
    }

    /// Vehicles that passed while all this was forgotten.
    pub(super) fn carry(&mut self, passed: &Self) {
        self.raw = self.raw.saturating_add(passed.raw);
        self.passages = self.passages.saturating_add(passed.passages);
        self.entered = self.entered.saturating_add(passed.entered);
    }

    /// An absolute count was taken, so long after the one before; the drift is noted.
    pub(super) fn anchor(&mut self, inside: i64, span_us: i64) {
        if self.anchored {
            let drift = self.raw - inside;
            (self.drift, self.drift_passages, self.drift_span_us) = (Some(drift), self.passages, span_us.max(0));
            if self.passages > 0 {
                self.drift_sum = self.drift_sum / 2 + drift.unsigned_abs().min(1 << 40) * 1000;
                self.drift_over = self.drift_over / 2 + self.passages;
            }
        }
        (self.raw, self.anchored, self.passages, self.entered) = (inside, true, 0, 0);
    }

    /// How far the number inside can be trusted: less by the drift to be expected since the last absolute count.
    pub(super) fn confidence(&self, capacity: u32) -> Confidence {
        if !self.anchored {
            return Confidence::default();
        }
        let doubt = u128::from(self.drift_sum) * u128::from(self.passages) / u128::from(self.drift_over.max(1));
        Confidence::without(u64::try_from(doubt).unwrap_or(u64::MAX), u64::from(capacity) * 1000)
    }

    /// Vehicles of drift to be expected in a million passages.
    pub(super) fn drift_per_million(&self) -> u64 {
        self.drift_sum.saturating_mul(1000) / self.drift_over.max(1)
    }
}

/// One lane: of passages, or of the running total of one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LaneMemory {
    pub(super) lane: String,
    /// The direction of a running total; `None` for single passages.
    pub(super) direction: Option<Direction>,
    pub(super) mark: Mark,
    /// The last running total; `None` where the next is a baseline.
    pub(super) total: Option<u64>,
}

/// One space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SpaceMemory {
    pub(super) space: SpaceId,
    pub(super) mark: Mark,
    /// The state that counts.
    pub(super) shown: SpaceState,
    /// The newest state said, which counts once the debounce interval is over.
    pub(super) raw: SpaceState,
    #[serde(default)]
    pub(super) service: Service,
    #[serde(default)]
    pub(super) freshness: Freshness,
    /// When it was last heard, for its freshness, microseconds.
    pub(super) heard_us: i64,
    /// When the state that counts last moved, microseconds.
    #[serde(default)]
    pub(super) moved_us: i64,
}

impl LotMemory {
    /// The newest word of its counters, microseconds; 0 before the first.
    pub(super) fn counted_us(&self) -> i64 {
        self.lanes.iter().map(|lane| lane.mark.at_us).fold(self.anchor.at_us, i64::max)
    }
}
