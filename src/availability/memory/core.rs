//! The in-process engine's state as plain code: what is applied, what changed, what a follower may still read.

use std::collections::{BTreeSet, HashMap};

use foldhash::quality::RandomState;
use serde::{Deserialize, Serialize};

use super::{
    super::{contract::Limits, layout::LotLayout, lot_memory::LotMemory},
    lot::Lot,
    ring::Ring,
    space::NEVER,
};
use crate::domain::{
    action::{Action, CounterState},
    availability::{Availability, Change, Outcome, SpaceStatus},
    ids::LotId,
    observation::Observation,
};

/// The age told to followers is never further behind the truth than this, microseconds of `observed_at`.
const REFRESH_US: i64 = 1_000_000;
/// Most changes handed over at once.
const MAX_CHANGES: usize = 1000;

/// Lots, their state, and the capped stream of their changes.
#[derive(Debug)]
pub(super) struct Core {
    limits: Limits,
    is_configured: bool,
    /// By id.
    lots: Vec<Lot>,
    index: HashMap<LotId, u32, RandomState>,
    /// When time alone will move which lot.
    dues: BTreeSet<(i64, u32)>,
    /// The place each lot has in `dues`.
    queued: Vec<i64>,
    /// Lots to be settled at the end of the step.
    touched: Vec<u32>,
    changes: Ring,
    /// How often the set of lots has changed; an older follower takes a new snapshot.
    pub(super) generation: u64,
}

/// All that is kept over a restart.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    lots: Vec<LotState>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct LotState {
    layout: LotLayout,
    memory: LotMemory,
    published_us: i64,
}

impl Core {
    /// A core without a city.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            is_configured: false,
            lots: Vec::new(),
            index: HashMap::default(),
            dues: BTreeSet::new(),
            queued: Vec::new(),
            touched: Vec::new(),
            changes: Ring::new(limits.stream_length),
            generation: 0,
        }
    }

    /// The state to keep; `None` before a city is declared.
    pub(super) fn state(&self) -> Option<State> {
        let state =
            |lot: &Lot| LotState { layout: lot.layout().clone(), memory: lot.memory(), published_us: lot.published_us };
        self.is_configured.then(|| State { lots: self.lots.iter().map(state).collect() })
    }

    /// Takes up a kept state.
    pub(super) fn load(&mut self, state: State) {
        let debounce_us = self.limits.debounce_us();
        let lot = |kept: LotState| {
            let mut lot = Lot::new(kept.layout);
            lot.recall(&kept.memory, debounce_us);
            lot.raise_version(kept.memory.version, 0);
            lot.published_us = kept.published_us;
            lot
        };
        let lots = state.lots.into_iter().map(lot).collect();
        self.changes.name(&self.lots);
        self.put(lots);
        self.generation += 1;
    }

    fn put(&mut self, mut lots: Vec<Lot>) {
        lots.sort_by(|a, b| a.id().cmp(b.id()));
        self.index = lots.iter().zip(0..).map(|(lot, place)| (lot.id().clone(), place)).collect();
        self.lots = lots;
        self.is_configured = true;
        self.queued = vec![NEVER; self.lots.len()];
        self.dues.clear();
        for place in 0..self.lots.len() as u32 {
            self.queue(place);
        }
    }

    /// Puts a lot where its deadline belongs.
    fn queue(&mut self, place: u32) {
        let (due_us, queued_us) = (self.lots[place as usize].due_us, self.queued[place as usize]);
        if due_us != queued_us {
            self.dues.remove(&(queued_us, place));
            if due_us != NEVER {
                self.dues.insert((due_us, place));
            }
            self.queued[place as usize] = due_us;
        }
    }

    /// Declares the whole city.
    pub(super) fn configure(&mut self, layouts: &[LotLayout]) {
        let debounce_us = self.limits.debounce_us();
        self.changes.name(&self.lots);
        let mut known: HashMap<LotId, Lot> = self.lots.drain(..).map(|lot| (lot.id().clone(), lot)).collect();
        let mut lots = Vec::with_capacity(layouts.len());
        for layout in layouts {
            let lot = if let Some(mut lot) = known.remove(&layout.lot) {
                lot.touched.is_changed = lot.refit(layout, debounce_us);
                lot
            } else {
                self.generation += 1;
                Lot::new(layout.clone())
            };
            lots.push(lot);
        }
        self.generation += u64::from(!known.is_empty());
        self.put(lots);
        self.touched =
            (0..self.lots.len() as u32).filter(|place| self.lots[*place as usize].touched.is_changed).collect();
        self.settle();
    }

    /// Whether a city is declared.
    pub(super) fn is_configured(&self) -> bool {
        self.is_configured
    }

    fn place(&self, lot: &LotId) -> Option<u32> {
        self.index.get(lot).copied()
    }

    fn touch(&mut self, place: u32) {
        let touched = &mut self.lots[place as usize].touched;
        if !touched.is_listed {
            touched.is_listed = true;
            self.touched.push(place);
        }
    }

    /// Applies observations in order; each lot that moved is told once, with all spaces that moved.
    pub(super) fn apply(&mut self, batch: &[Observation]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for (observation, found) in batch.iter().zip(self.find(batch)) {
            let outcome = match found {
                None => Outcome::UnknownLot,
                Some((place, space)) => {
                    let outcome = self.lots[place as usize].apply(observation, space, self.limits);
                    if matches!(outcome, Outcome::Changed | Outcome::Confirmed) {
                        self.touch(place);
                    }
                    outcome
                }
            };
            outcomes.push(outcome);
        }
        self.settle();
        outcomes
    }

    /// Where the lots and spaces of a batch are kept. No step here waits for another one, so a processor fetches many from
    /// a large city's memory at once; applying then finds them in its cache.
    fn find(&self, batch: &[Observation]) -> Vec<Option<(u32, Option<u32>)>> {
        let lots: Vec<Option<u32>> = batch.iter().map(|observation| self.place(&observation.lot)).collect();
        let find = |(observation, place): (&Observation, Option<u32>)| {
            place.map(|place| (place, self.lots[place as usize].find(observation)))
        };
        let found: Vec<_> = batch.iter().zip(lots).map(find).collect();
        let touched = found.iter().flatten().map(|(place, space)| self.lots[*place as usize].heard_us(*space));
        std::hint::black_box(touched.fold(0, i64::wrapping_add));
        found
    }

    /// Does what an operator says.
    pub(super) fn act(&mut self, action: &Action, at_us: i64) -> Outcome {
        let Some(place) = self.place(action.lot()) else { return Outcome::UnknownLot };
        let outcome = self.lots[place as usize].act(action, at_us, self.limits);
        self.touch(place);
        self.settle();
        outcome
    }

    /// Whether time alone has moved anything by now.
    pub(super) fn is_due(&self, now_us: i64) -> bool {
        self.dues.first().is_some_and(|(due_us, _)| *due_us <= now_us)
    }

    /// Lets time pass over the lots that are due; says how many moved.
    pub(super) fn sweep(&mut self, now_us: i64) -> usize {
        let due: Vec<u32> =
            self.dues.iter().take_while(|(due_us, _)| *due_us <= now_us).map(|(_, place)| *place).collect();
        let mut moved = 0;
        for place in due {
            moved += usize::from(self.lots[place as usize].sweep(now_us, self.limits));
            self.touch(place);
        }
        self.settle();
        moved
    }

    /// What is remembered of the lots asked for, or of all.
    pub(super) fn export(&self, lots: Option<&[LotId]>) -> Vec<LotMemory> {
        match lots {
            None => self.lots.iter().map(Lot::memory).collect(),
            Some(lots) => {
                lots.iter().filter_map(|lot| self.place(lot)).map(|place| self.lots[place as usize].memory()).collect()
            }
        }
    }

    /// Takes what is remembered where it is newer.
    pub(super) fn restore(&mut self, memories: &[LotMemory]) {
        let debounce_us = self.limits.debounce_us();
        let mut is_moved = false;
        for memory in memories {
            let Some(place) = self.place(&memory.lot) else { continue };
            let lot = &mut self.lots[place as usize];
            let moved = lot.recall(memory, debounce_us);
            let is_behind = memory.version > lot.availability().version;
            if moved || is_behind {
                lot.raise_version(memory.version, 1);
                lot.touched.is_changed = true;
                is_moved = true;
                self.touch(place);
            }
        }
        self.generation += u64::from(is_moved);
        self.settle();
    }

    /// Tells followers of the lots touched whose counts moved, or whose age has moved far enough.
    fn settle(&mut self) {
        for place in std::mem::take(&mut self.touched) {
            let lot = &mut self.lots[place as usize];
            let touched = (lot.touched.is_changed, lot.observed_us() - lot.published_us >= REFRESH_US);
            (lot.touched.is_listed, lot.touched.is_changed) = (false, false);
            if touched != (false, false) {
                lot.published_us = lot.observed_us();
                self.changes.push(place, lot);
            }
            self.queue(place);
        }
    }

    /// All lots by id; `None` before a city is declared.
    pub(super) fn lots(&self) -> Option<Vec<Availability>> {
        self.is_configured.then(|| self.lots.iter().map(Lot::availability).collect())
    }

    /// One lot.
    pub(super) fn lot(&self, lot: &LotId) -> Option<Availability> {
        self.place(lot).map(|place| self.lots[place as usize].availability())
    }

    /// The spaces of one lot.
    pub(super) fn spaces(&self, lot: &LotId) -> Option<Vec<SpaceStatus>> {
        self.place(lot).map(|place| self.lots[place as usize].statuses())
    }

    /// The counters of one lot.
    pub(super) fn counters(&self, lot: &LotId) -> Option<CounterState> {
        self.place(lot).map(|place| self.lots[place as usize].counters())
    }

    /// The number the next change will have.
    pub(super) fn next(&self) -> u64 {
        self.changes.next()
    }

    /// The changes from number `from` on and the number after the last of them; `None` if some are gone, or not yet.
    pub(super) fn changes_from(&self, from: u64) -> Option<(u64, Vec<Change>)> {
        self.changes.from(from, MAX_CHANGES, &self.lots)
    }
}
