//! One lot of the in-process engine: its subjects, and its counts kept equal to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::{
    contract::{Limits, LotLayout, Timing},
    order::{Mark, Stamp},
};
use crate::domain::{
    availability::{Availability, Outcome, SpaceStatus},
    ids::{LotId, SpaceId},
    lot::CountedBy,
    observation::{Direction, Observation, SpaceState, Statement},
    time::{from_micros, to_micros},
};

/// Most lanes kept of a lot; a counter that invents more is not counted.
pub(super) const MAX_LANES: usize = 64;

/// A space as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Space {
    state: SpaceState,
    out_of_service: bool,
    mark: Mark,
}

impl Space {
    fn unheard() -> Self {
        Self { state: SpaceState::Unknown, out_of_service: false, mark: Mark::default() }
    }

    fn status(&self, id: &SpaceId) -> SpaceStatus {
        SpaceStatus {
            space: id.clone(),
            state: self.state,
            out_of_service: self.out_of_service,
            observed_at: self.mark.at_us.and_then(from_micros),
        }
    }
}

/// What the counters of a lot have said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counter {
    /// Vehicles inside as counted; below zero and above the capacity when the counting has drifted.
    raw: i64,
    /// The order of the absolute counts; the first of them anchors the lot.
    anchor: Mark,
    lanes: BTreeMap<String, Mark>,
}

/// A lot with its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LotState {
    counted_by: CountedBy,
    /// The counts as told.
    pub(super) availability: Availability,
    /// The `observed_at` last told to followers, microseconds.
    pub(super) published_us: Option<i64>,
    spaces: BTreeMap<SpaceId, Space>,
    counter: Counter,
}

impl LotState {
    /// A lot nobody has word of.
    pub(super) fn new(layout: &LotLayout) -> Self {
        Self {
            counted_by: layout.counted_by,
            availability: Availability::unheard(layout.lot.clone(), layout.places()),
            published_us: None,
            spaces: layout.spaces.iter().map(|id| (id.clone(), Space::unheard())).collect(),
            counter: Counter::default(),
        }
    }

    /// Fits the lot to a new layout, keeping the state of what stays; true if its counts moved to a new version.
    pub(super) fn refit(&mut self, layout: &LotLayout) -> bool {
        let before = self.availability.clone();
        if self.counted_by == layout.counted_by {
            let mut known = std::mem::take(&mut self.spaces);
            let kept = |id: &SpaceId| (id.clone(), known.remove(id).unwrap_or_else(Space::unheard));
            self.spaces = layout.spaces.iter().map(kept).collect();
        } else {
            *self = Self { availability: before.clone(), ..Self::new(layout) };
            self.availability.observed_at = None;
        }
        self.availability.capacity = layout.places();
        self.recount();
        if self.availability == before {
            return false;
        }
        self.availability.version += 1;
        true
    }

    /// Applies one observation of this lot.
    pub(super) fn apply(&mut self, observation: &Observation, limits: Limits) -> Outcome {
        let by_space = matches!(observation.statement, Statement::Space { .. });
        if by_space != (self.counted_by == CountedBy::Spaces) {
            return Outcome::NotCounted;
        }
        if let Statement::Space { space, .. } = &observation.statement
            && !self.spaces.contains_key(space)
        {
            return Outcome::UnknownSpace;
        }
        match limits.timing(observation) {
            Timing::Future => return Outcome::Future,
            Timing::Ancient => return Outcome::Late,
            Timing::Plausible => {}
        }
        let stamp = Stamp {
            at_us: to_micros(observation.observed_at),
            session: observation.session.as_deref().unwrap_or(""),
            seq: observation.seq,
        };
        let reset_us = limits.seq_reset_us();
        let before = self.availability.clone();
        let mut moved = false;
        match &observation.statement {
            Statement::Space { space, state } => {
                let Some(known) = self.spaces.get_mut(space) else { return Outcome::UnknownSpace };
                if !known.mark.admit(stamp, reset_us) {
                    return Outcome::Late;
                }
                if known.state != *state {
                    moved = true;
                    if !known.out_of_service {
                        let from = known.state;
                        *self.count_of(from) -= 1;
                        *self.count_of(*state) += 1;
                    }
                    if let Some(known) = self.spaces.get_mut(space) {
                        known.state = *state;
                    }
                }
            }
            Statement::Passage { direction, count, lane } => {
                if let Some(refusal) = self.counter.pass(*direction, *count, lane, stamp, reset_us) {
                    return refusal;
                }
                self.recount();
            }
            Statement::Occupied { count } | Statement::Free { count } => {
                if !self.counter.anchor.admit(stamp, reset_us) {
                    return Outcome::Late;
                }
                let count = (*count).min(self.availability.capacity);
                let is_free = matches!(observation.statement, Statement::Free { .. });
                self.counter.raw = i64::from(if is_free { self.availability.capacity - count } else { count });
                self.recount();
            }
        }
        moved |= self.availability != before;
        let at = from_micros(stamp.at_us);
        self.availability.observed_at = self.availability.observed_at.max(at);
        if moved {
            self.availability.version += 1;
            Outcome::Changed
        } else {
            Outcome::Confirmed
        }
    }

    /// Takes a space out of service, or back into it.
    pub(super) fn set_out_of_service(&mut self, space: &SpaceId, out_of_service: bool) -> Outcome {
        if self.counted_by == CountedBy::Counters {
            return Outcome::NotCounted;
        }
        let Some(known) = self.spaces.get_mut(space) else { return Outcome::UnknownSpace };
        if known.out_of_service == out_of_service {
            return Outcome::Confirmed;
        }
        known.out_of_service = out_of_service;
        self.recount();
        self.availability.version += 1;
        Outcome::Changed
    }

    /// The spaces by their ids.
    pub(super) fn statuses(&self) -> Vec<SpaceStatus> {
        self.spaces.iter().map(|(id, space)| space.status(id)).collect()
    }

    /// One space as it stands.
    pub(super) fn status(&self, id: &SpaceId) -> Option<SpaceStatus> {
        self.spaces.get(id).map(|space| space.status(id))
    }

    /// The lot.
    pub(super) fn id(&self) -> &LotId {
        &self.availability.lot
    }

    fn count_of(&mut self, state: SpaceState) -> &mut u32 {
        match state {
            SpaceState::Free => &mut self.availability.free,
            SpaceState::Occupied => &mut self.availability.occupied,
            SpaceState::Unknown => &mut self.availability.unknown,
        }
    }

    /// Counts everything anew from the subjects.
    fn recount(&mut self) {
        let capacity = self.availability.capacity;
        (self.availability.free, self.availability.occupied, self.availability.out_of_service) = (0, 0, 0);
        match self.counted_by {
            CountedBy::Spaces => {
                for space in self.spaces.values() {
                    match (space.out_of_service, space.state) {
                        (true, _) => self.availability.out_of_service += 1,
                        (false, SpaceState::Free) => self.availability.free += 1,
                        (false, SpaceState::Occupied) => self.availability.occupied += 1,
                        (false, SpaceState::Unknown) => {}
                    }
                }
            }
            CountedBy::Counters => {
                if self.counter.anchor.at_us.is_some() {
                    let occupied = self.counter.raw.clamp(0, i64::from(capacity));
                    self.availability.occupied = u32::try_from(occupied).unwrap_or(capacity);
                    self.availability.free = capacity - self.availability.occupied;
                }
            }
        }
        let told = self.availability.free + self.availability.occupied + self.availability.out_of_service;
        self.availability.unknown = capacity.saturating_sub(told);
    }
}

impl Counter {
    /// Counts a passage; says why not if it does not count.
    fn pass(
        &mut self,
        direction: Direction,
        count: u32,
        lane: &str,
        stamp: Stamp<'_>,
        reset_us: i64,
    ) -> Option<Outcome> {
        if self.anchor.at_us.is_some_and(|anchored| stamp.at_us < anchored) {
            return Some(Outcome::Late);
        }
        if !self.lanes.contains_key(lane) {
            if self.lanes.len() >= MAX_LANES {
                return Some(Outcome::NotCounted);
            }
            self.lanes.insert(lane.to_owned(), Mark::default());
        }
        if !self.lanes.get_mut(lane)?.admit(stamp, reset_us) {
            return Some(Outcome::Late);
        }
        self.raw += match direction {
            Direction::In => i64::from(count),
            Direction::Out => -i64::from(count),
        };
        None
    }
}
