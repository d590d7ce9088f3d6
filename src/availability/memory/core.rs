//! The in-process engine's state as plain code: what is applied, what changed, what a follower may still read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::{
    super::contract::{Limits, LotLayout},
    lot::LotState,
};
use crate::domain::{
    availability::{Availability, Change, Outcome, SpaceStatus},
    ids::{LotId, SpaceId},
    observation::{Observation, Statement},
    time::to_micros,
};

/// The age told to followers is never further behind the truth than this, microseconds of `observed_at`.
const REFRESH_US: i64 = 1_000_000;
/// Most changes handed over at once.
const MAX_CHANGES: usize = 1000;

/// Lots, their state, and the capped stream of their changes.
#[derive(Debug)]
pub(super) struct Core {
    limits: Limits,
    lots: Option<BTreeMap<LotId, LotState>>,
    changes: VecDeque<Change>,
    /// Number of the first change still kept.
    first: u64,
    /// How often the set of lots has changed; an older follower takes a new snapshot.
    pub(super) generation: u64,
}

/// All that is kept over a restart.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    lots: Vec<LotState>,
}

impl Core {
    /// A core without a city.
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, lots: None, changes: VecDeque::new(), first: 0, generation: 0 }
    }

    /// The state to keep; `None` before a city is declared.
    pub(super) fn state(&self) -> Option<State> {
        self.lots.as_ref().map(|lots| State { lots: lots.values().cloned().collect() })
    }

    /// Takes up a kept state.
    pub(super) fn restore(&mut self, state: State) {
        self.lots = Some(state.lots.into_iter().map(|lot| (lot.id().clone(), lot)).collect());
        self.generation += 1;
    }

    /// Declares the whole city.
    pub(super) fn configure(&mut self, layouts: &[LotLayout]) {
        let mut known = self.lots.take().unwrap_or_default();
        let mut lots = BTreeMap::new();
        let mut refitted = Vec::new();
        for layout in layouts {
            let lot = if let Some(mut lot) = known.remove(&layout.lot) {
                if lot.refit(layout) {
                    refitted.push(layout.lot.clone());
                }
                lot
            } else {
                self.generation += 1;
                LotState::new(layout)
            };
            lots.insert(layout.lot.clone(), lot);
        }
        self.generation += u64::from(!known.is_empty());
        self.lots = Some(lots);
        for lot in refitted {
            self.publish(&lot, &BTreeSet::new());
        }
    }

    /// Whether a city is declared.
    pub(super) fn is_configured(&self) -> bool {
        self.lots.is_some()
    }

    /// Applies observations in order; each lot that moved is told once, with all spaces that moved.
    pub(super) fn apply(&mut self, batch: &[Observation]) -> Vec<Outcome> {
        let mut touched: Vec<&LotId> = Vec::new();
        let mut moved: BTreeMap<&LotId, BTreeSet<&SpaceId>> = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(batch.len());
        for observation in batch {
            let lot = self.lots.as_mut().and_then(|lots| lots.get_mut(&observation.lot));
            let outcome = lot.map_or(Outcome::UnknownLot, |lot| lot.apply(observation, self.limits));
            if matches!(outcome, Outcome::Changed | Outcome::Confirmed) && !moved.contains_key(&observation.lot) {
                touched.push(&observation.lot);
                moved.insert(&observation.lot, BTreeSet::new());
            }
            if let (Outcome::Changed, Statement::Space { space, .. }) = (outcome, &observation.statement)
                && let Some(spaces) = moved.get_mut(&observation.lot)
            {
                spaces.insert(space);
            }
            outcomes.push(outcome);
        }
        let changed: BTreeSet<&LotId> = (batch.iter().zip(&outcomes))
            .filter_map(|(observation, outcome)| (*outcome == Outcome::Changed).then_some(&observation.lot))
            .collect();
        for lot in touched {
            if changed.contains(lot) || self.has_aged(lot) {
                self.publish(lot, &moved[lot]);
            }
        }
        outcomes
    }

    /// Takes a space out of service, or back into it.
    pub(super) fn set_out_of_service(&mut self, lot: &LotId, space: &SpaceId, out_of_service: bool) -> Outcome {
        let Some(known) = self.lots.as_mut().and_then(|lots| lots.get_mut(lot)) else { return Outcome::UnknownLot };
        let outcome = known.set_out_of_service(space, out_of_service);
        if outcome == Outcome::Changed {
            self.publish(lot, &BTreeSet::from([space]));
        }
        outcome
    }

    /// All lots by id; `None` before a city is declared.
    pub(super) fn lots(&self) -> Option<Vec<Availability>> {
        self.lots.as_ref().map(|lots| lots.values().map(|lot| lot.availability.clone()).collect())
    }

    /// One lot.
    pub(super) fn lot(&self, lot: &LotId) -> Option<Availability> {
        self.lots.as_ref()?.get(lot).map(|lot| lot.availability.clone())
    }

    /// The spaces of one lot.
    pub(super) fn spaces(&self, lot: &LotId) -> Option<Vec<SpaceStatus>> {
        self.lots.as_ref()?.get(lot).map(LotState::statuses)
    }

    /// The number the next change will have.
    pub(super) fn next(&self) -> u64 {
        self.first + self.changes.len() as u64
    }

    /// The changes from number `from` on and the number after the last of them; `None` if some are gone, or not yet.
    pub(super) fn changes_from(&self, from: u64) -> Option<(u64, Vec<Change>)> {
        let skip = usize::try_from(from.checked_sub(self.first)?).ok()?;
        if skip > self.changes.len() {
            return None;
        }
        let changes: Vec<Change> = self.changes.iter().skip(skip).take(MAX_CHANGES).cloned().collect();
        Some((from + changes.len() as u64, changes))
    }

    fn has_aged(&self, lot: &LotId) -> bool {
        let Some(lot) = self.lots.as_ref().and_then(|lots| lots.get(lot)) else { return false };
        match (lot.availability.observed_at.map(to_micros), lot.published_us) {
            (Some(at), Some(published)) => at - published >= REFRESH_US,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    fn publish(&mut self, lot: &LotId, spaces: &BTreeSet<&SpaceId>) {
        let Some(lot) = self.lots.as_mut().and_then(|lots| lots.get_mut(lot)) else { return };
        lot.published_us = lot.availability.observed_at.map(to_micros);
        let spaces = spaces.iter().filter_map(|id| lot.status(id)).collect();
        self.changes.push_back(Change { availability: lot.availability.clone(), spaces });
        while self.changes.len() > self.limits.stream_length.max(1) {
            self.changes.pop_front();
            self.first += 1;
        }
    }
}
