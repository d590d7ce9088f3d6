//! The counters of one lot of the in-process engine: lanes, running totals, absolute counts, and the drift between them.

use std::collections::BTreeMap;

use super::super::{
    contract::Limits,
    lot_memory::{Counts, LaneMemory, LotMemory},
    order::{Mark, Stamp},
};
use crate::domain::{
    action::{CounterState, LaneState},
    availability::Outcome,
    ids::LotId,
    observation::{Direction, Statement},
    time::from_micros,
};

/// Most lanes kept of a lot; a counter that invents more is not counted.
pub(super) const MAX_LANES: usize = 64;

/// A lane of passages, or the running total of one direction.
#[derive(Debug, Clone, Default)]
struct Lane {
    mark: Mark,
    total: Option<u64>,
}

/// What the counters of a lot have said.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    pub(super) counts: Counts,
    /// The order of the absolute counts; the first of them anchors the lot.
    pub(super) anchor: Mark,
    lanes: BTreeMap<(String, Option<Direction>), Lane>,
}

impl Counter {
    /// Hears a counter; `Confirmed` for whatever was taken, since what it moved is for the lot to see.
    pub(super) fn hear(&mut self, statement: &Statement, stamp: Stamp<'_>, limits: Limits, capacity: u32) -> Outcome {
        let reset_us = limits.seq_reset_us();
        let is_before_anchor = self.anchor.is_heard() && stamp.at_us < self.anchor.at_us;
        match statement {
            Statement::Space { .. } => Outcome::NotCounted,
            // The absolute count has seen it.
            Statement::Passage { .. } if is_before_anchor => Outcome::Late,
            Statement::Passage { direction, count, lane } => match self.lane(lane, None) {
                None => Outcome::NotCounted,
                Some(known) => {
                    if !known.mark.admit(stamp, reset_us) {
                        return Outcome::Late;
                    }
                    self.counts.pass(*direction, u64::from(*count));
                    Outcome::Confirmed
                }
            },
            Statement::Total { direction, lane, value, width_bits } => {
                let mask = u64::MAX >> (64 - u32::from((*width_bits).clamp(1, 64)));
                let value = value & mask;
                let Some(known) = self.lane(lane, Some(*direction)) else { return Outcome::NotCounted };
                if !known.mark.admit(stamp, reset_us) {
                    return Outcome::Late;
                }
                let grown = known.total.replace(value).map(|last| value.wrapping_sub(last) & mask);
                match grown {
                    Some(_) if is_before_anchor => {}
                    Some(grown) if grown > u64::from(limits.max_delta) => {
                        self.counts.quarantined += 1;
                        return Outcome::Quarantined;
                    }
                    Some(grown) => self.counts.pass(*direction, grown),
                    None => {}
                }
                Outcome::Confirmed
            }
            Statement::Baseline { direction, lane, value } => match self.lane(lane, Some(*direction)) {
                None => Outcome::NotCounted,
                Some(known) => {
                    if !known.mark.admit(stamp, reset_us) {
                        return Outcome::Late;
                    }
                    known.total = *value;
                    Outcome::Confirmed
                }
            },
            Statement::Occupied { count } | Statement::Free { count } => {
                let before_us = self.anchor.at_us;
                if !self.anchor.admit(stamp, reset_us) {
                    return Outcome::Late;
                }
                let count = (*count).min(capacity);
                let inside = if matches!(statement, Statement::Free { .. }) { capacity - count } else { count };
                self.counts.anchor(i64::from(inside), self.anchor.at_us - before_us);
                Outcome::Confirmed
            }
        }
    }

    /// An operator says how many are inside.
    pub(super) fn correct(&mut self, inside: u32, at_us: i64) {
        let before_us = self.anchor.at_us;
        self.anchor.overrule(at_us);
        self.counts.anchor(i64::from(inside), self.anchor.at_us - before_us);
    }

    /// A lane; `None` if it is new and one too many.
    fn lane(&mut self, lane: &str, direction: Option<Direction>) -> Option<&mut Lane> {
        let key = (lane.to_owned(), direction);
        if !self.lanes.contains_key(&key) && self.lanes.len() >= MAX_LANES {
            return None;
        }
        Some(self.lanes.entry(key).or_default())
    }

    /// The newest word, microseconds; 0 before the first.
    fn counted_us(&self) -> i64 {
        self.lanes.values().map(|lane| lane.mark.at_us).fold(self.anchor.at_us, i64::max)
    }

    pub(super) fn lane_memories(&self) -> Vec<LaneMemory> {
        let memory = |((lane, direction), known): (&(String, Option<Direction>), &Lane)| LaneMemory {
            lane: lane.clone(),
            direction: *direction,
            mark: known.mark.clone(),
            total: known.total,
        };
        self.lanes.iter().map(memory).collect()
    }

    /// Takes what is remembered where it is newer; true if anything moved. What passed an engine that had forgotten its
    /// absolute count goes on top of what is remembered.
    pub(super) fn recall(&mut self, memory: &LotMemory) -> bool {
        let mut moved = false;
        if memory.counted_us() > self.counted_us() || (memory.counter.anchored && !self.counts.anchored) {
            let carried = if self.counts.anchored { Counts::default() } else { self.counts };
            self.counts = memory.counter;
            self.counts.carry(&carried);
            moved = true;
        }
        if memory.anchor.at_us > self.anchor.at_us {
            self.anchor = memory.anchor.clone();
            moved = true;
        }
        for lane in &memory.lanes {
            if let Some(known) = self.lane(&lane.lane, lane.direction)
                && lane.mark.at_us > known.mark.at_us
            {
                *known = Lane { mark: lane.mark.clone(), total: lane.total };
                moved = true;
            }
        }
        moved
    }

    pub(super) fn told(&self, lot: &LotId) -> CounterState {
        let instant = |mark: &Mark| mark.is_heard().then(|| from_micros(mark.at_us)).flatten();
        let lane = |((lane, direction), known): (&(String, Option<Direction>), &Lane)| LaneState {
            lane: lane.clone(),
            direction: *direction,
            total: known.total,
            observed_at: instant(&known.mark),
        };
        CounterState {
            lot: lot.clone(),
            inside: self.counts.anchored.then_some(self.counts.raw),
            anchored_at: instant(&self.anchor),
            passages: self.counts.passages,
            entered: self.counts.entered,
            drift: self.counts.drift,
            drift_passages: self.counts.drift_passages,
            drift_span_s: (self.counts.drift_span_us / 1_000_000).unsigned_abs(),
            drift_per_million: self.counts.drift_per_million(),
            quarantined: self.counts.quarantined,
            lanes: self.lanes.iter().map(lane).collect(),
        }
    }
}
