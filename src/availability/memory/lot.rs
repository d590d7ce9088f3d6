//! One lot of the in-process engine: its subjects, and its counts kept equal to them.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use super::{
    super::{
        contract::{Limits, Timing},
        layout::{LotLayout, SpaceLayout},
        lot_memory::LotMemory,
        order::Stamp,
    },
    counter::Counter,
    space::{NEVER, Space, Times, Word},
    tally::{Class, GroupTally, Tally},
};
use crate::domain::{
    action::{Action, CounterState, Service},
    availability::{Availability, Confidence, Freshness, GroupCount, Outcome, SpaceStatus},
    ids::{LotId, SpaceId},
    lot::CountedBy,
    observation::{Observation, Statement},
    time::{from_micros, to_micros},
};

/// A lot with its state.
#[derive(Debug)]
pub(super) struct Lot {
    layout: LotLayout,
    capacity: u32,
    /// By id.
    spaces: Vec<Space>,
    index: HashMap<SpaceId, u32, RandomState>,
    /// All places by what the spaces say.
    tally: Tally,
    groups: Vec<GroupTally>,
    stale: u32,
    dead: u32,
    reserved_spaces: u32,
    reserved_places: u32,
    counter: Counter,
    closed: bool,
    acted_us: i64,
    version: u64,
    observed_us: i64,
    /// The `observed_at` last told to followers, microseconds.
    pub(super) published_us: i64,
    /// Not later than when time alone will next move a space, microseconds.
    pub(super) due_us: i64,
    /// What became of it since it was last settled.
    pub(super) touched: Touched,
}

/// What became of a lot since followers were last told.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Whether it stands in the list of those to be settled.
    pub(super) is_listed: bool,
    /// Whether its counts or spaces moved.
    pub(super) is_changed: bool,
    /// The spaces that moved, by place.
    moved: Vec<u32>,
}

/// What is told of a lot, but for its name.
#[derive(Debug, Clone)]
pub(super) struct Told {
    capacity: u32,
    counts: Tally,
    reserved: u32,
    closed: bool,
    stale: u32,
    dead: u32,
    groups: Vec<GroupCount>,
    confidence: Confidence,
    /// Microseconds; 0 before the first word.
    observed_us: i64,
    version: u64,
}

impl Told {
    /// As it is told of this lot.
    pub(super) fn of(self, lot: &LotId) -> Availability {
        let Tally { free, occupied, unknown, out } = self.counts;
        Availability {
            lot: lot.clone(),
            capacity: self.capacity,
            free,
            occupied,
            unknown,
            out_of_service: out,
            reserved: self.reserved,
            closed: self.closed,
            stale_spaces: self.stale,
            dead_spaces: self.dead,
            groups: self.groups,
            confidence: self.confidence,
            observed_at: (self.observed_us > 0).then(|| from_micros(self.observed_us)).flatten(),
            version: self.version,
        }
    }
}

impl Lot {
    /// A lot nobody has word of.
    pub(super) fn new(layout: LotLayout) -> Self {
        let mut lot = Self {
            capacity: 0,
            spaces: Vec::new(),
            index: HashMap::default(),
            tally: Tally::default(),
            groups: Vec::new(),
            stale: 0,
            dead: 0,
            reserved_spaces: 0,
            reserved_places: 0,
            counter: Counter::default(),
            closed: false,
            acted_us: 0,
            version: 0,
            observed_us: 0,
            published_us: 0,
            due_us: NEVER,
            touched: Touched::default(),
            layout,
        };
        lot.fit(HashMap::new(), 0);
        lot
    }

    pub(super) fn id(&self) -> &LotId {
        &self.layout.lot
    }

    pub(super) fn layout(&self) -> &LotLayout {
        &self.layout
    }

    pub(super) fn observed_us(&self) -> i64 {
        self.observed_us
    }

    /// Builds the spaces of the layout, keeping what is known of them, and counts everything anew.
    fn fit(&mut self, mut known: HashMap<SpaceId, Space>, debounce_us: i64) {
        self.capacity = self.layout.places();
        let has_classes = self.layout.has_classes();
        let mut fitted = |space: &SpaceLayout| match known.remove(&space.id) {
            Some(mut kept) => {
                kept.fit(space, has_classes);
                kept
            }
            None => Space::new(space, has_classes),
        };
        self.spaces = self.layout.spaces.iter().map(&mut fitted).collect();
        self.spaces.sort_by(|a, b| a.id.cmp(&b.id));
        self.spaces.shrink_to_fit();
        self.index = (self.spaces.iter().zip(0..)).map(|(space, place)| (space.id.clone(), place)).collect();
        self.recount(debounce_us);
    }

    /// Counts everything anew from the spaces.
    fn recount(&mut self, debounce_us: i64) {
        self.tally = Tally::unheard(self.capacity);
        let group = |(group, capacity)| GroupTally { group, capacity, tally: Tally::unheard(capacity) };
        self.groups = self.layout.groups().into_iter().map(group).collect();
        (self.stale, self.dead, self.reserved_spaces, self.due_us) = (0, 0, 0, NEVER);
        for space in &self.spaces {
            let class = space.class();
            self.tally.shift(Class::Unknown, class);
            for group in self.groups.iter_mut().filter(|group| space.groups & group.group.bit() != 0) {
                group.tally.shift(Class::Unknown, class);
            }
            self.stale += u32::from(space.freshness == Freshness::Stale);
            self.dead += u32::from(space.freshness == Freshness::Dead);
            self.reserved_spaces += u32::from(space.service == Service::Reserved);
            self.due_us = self.due_us.min(space.due_us(debounce_us));
        }
    }

    /// Fits the lot to a new layout, keeping the state of what stays; true if its counts moved to a new version.
    pub(super) fn refit(&mut self, layout: &LotLayout, debounce_us: i64) -> bool {
        if self.layout == *layout {
            return false;
        }
        let before = self.availability();
        if self.layout.counted_by == layout.counted_by {
            let known = self.spaces.drain(..).map(|space| (space.id.clone(), space)).collect();
            self.layout = layout.clone();
            self.fit(known, debounce_us);
        } else {
            *self = Self { version: self.version, published_us: self.published_us, ..Self::new(layout.clone()) };
        }
        if self.availability() == before {
            return false;
        }
        self.version += 1;
        true
    }

    /// Where the space of an observation is kept; `None` if it is of none, or of one that is not known.
    pub(super) fn find(&self, observation: &Observation) -> Option<u32> {
        let Statement::Space { space, .. } = &observation.statement else { return None };
        self.index.get(space).copied()
    }

    /// When a space was last heard, microseconds; 0 for none.
    pub(super) fn heard_us(&self, space: Option<u32>) -> i64 {
        space.and_then(|place| self.spaces.get(place as usize)).map_or(0, |space| space.mark.at_us)
    }

    /// Applies one observation of this lot; `space` is what [`Self::find`] gave for it.
    pub(super) fn apply(&mut self, observation: &Observation, space: Option<u32>, limits: Limits) -> Outcome {
        let by_spaces = self.layout.counted_by == CountedBy::Spaces;
        let is_space = matches!(observation.statement, Statement::Space { .. });
        let is_truth = is_space == by_spaces;
        if !is_truth && !self.layout.mixed {
            return Outcome::NotCounted;
        }
        if is_space && space.is_none() {
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
        let outcome = if let (Statement::Space { state, .. }, Some(place)) = (&observation.statement, space) {
            let (reset_us, debounce_us) = (limits.seq_reset_us(), limits.debounce_us());
            let times = Times { received_us: to_micros(observation.received_at), debounce_us };
            let moved = self.with_space(place, debounce_us, |space| space.hear(*state, stamp, reset_us, times));
            match moved {
                None => return Outcome::Late,
                Some(true) => Outcome::Changed,
                Some(false) => Outcome::Confirmed,
            }
        } else {
            let before = self.counts();
            match self.counter.hear(&observation.statement, stamp, limits, self.capacity) {
                Outcome::Confirmed if is_truth && self.counts() != before => Outcome::Changed,
                Outcome::Confirmed => Outcome::Confirmed,
                refused => return refused,
            }
        };
        if is_truth {
            self.observed_us = self.observed_us.max(stamp.at_us);
        }
        if outcome == Outcome::Changed {
            self.version += 1;
            self.touched.is_changed = true;
        }
        outcome
    }

    /// Does something to a space and moves the counts with it; `Some(true)` means what is told of it moved.
    fn with_space(
        &mut self,
        place: u32,
        debounce_us: i64,
        act: impl FnOnce(&mut Space) -> Option<bool>,
    ) -> Option<bool> {
        let space = self.spaces.get_mut(place as usize)?;
        let (from, freshness, service) = (space.class(), space.freshness, space.service);
        let moved = act(space)?;
        self.due_us = self.due_us.min(space.due_us(debounce_us));
        if moved {
            let to = space.class();
            if from != to {
                self.tally.shift(from, to);
                if space.groups != 0 {
                    for group in self.groups.iter_mut().filter(|group| space.groups & group.group.bit() != 0) {
                        group.tally.shift(from, to);
                    }
                }
            }
            let step = |count: &mut u32, was: bool, is: bool| *count = *count + u32::from(is) - u32::from(was);
            let is = space.freshness;
            step(&mut self.stale, freshness == Freshness::Stale, is == Freshness::Stale);
            step(&mut self.dead, freshness == Freshness::Dead, is == Freshness::Dead);
            step(&mut self.reserved_spaces, service == Service::Reserved, space.service == Service::Reserved);
            self.touched.moved.push(place);
        }
        Some(moved)
    }

    /// Lets time pass over all spaces; true if anything moved.
    pub(super) fn sweep(&mut self, now_us: i64, limits: Limits) -> bool {
        let debounce_us = limits.debounce_us();
        let mut is_changed = false;
        for place in 0..self.spaces.len() as u32 {
            is_changed |=
                self.with_space(place, debounce_us, |space| Some(space.age(now_us, debounce_us))) == Some(true);
        }
        self.due_us = self.spaces.iter().map(|space| space.due_us(debounce_us)).min().unwrap_or(NEVER);
        self.version += u64::from(is_changed);
        self.touched.is_changed |= is_changed;
        is_changed
    }

    /// Does what an operator says.
    pub(super) fn act(&mut self, action: &Action, at_us: i64, limits: Limits) -> Outcome {
        let before = self.availability();
        let by_counters = self.layout.counted_by == CountedBy::Counters;
        match action {
            Action::Service { space, service, .. } => {
                if !self.layout.keeps_spaces() {
                    return Outcome::NotCounted;
                }
                let Some(place) = self.index.get(space).copied() else { return Outcome::UnknownSpace };
                let moved = self.with_space(place, limits.debounce_us(), |space| {
                    Some(std::mem::replace(&mut space.service, *service) != *service)
                });
                if moved != Some(true) {
                    return Outcome::Confirmed;
                }
                self.acted_us = self.acted_us.max(at_us);
                self.version += 1;
                self.touched.is_changed = true;
                return Outcome::Changed;
            }
            Action::Reserve { places, .. } => {
                if !by_counters {
                    return Outcome::NotCounted;
                }
                self.reserved_places = (*places).min(self.capacity);
                self.acted_us = self.acted_us.max(at_us);
            }
            Action::Close { closed, .. } => {
                self.closed = *closed;
                self.acted_us = self.acted_us.max(at_us);
            }
            Action::Correct { occupied, .. } => {
                if !by_counters && !self.layout.mixed {
                    return Outcome::NotCounted;
                }
                self.counter.correct((*occupied).min(self.capacity), at_us);
                if by_counters {
                    self.observed_us = self.observed_us.max(self.counter.anchor.at_us);
                }
            }
        }
        let told = self.availability();
        // A correction that moves nothing still moves the age and the confidence.
        if (Availability { observed_at: before.observed_at, confidence: before.confidence, ..told }) == before {
            return Outcome::Confirmed;
        }
        self.version += 1;
        self.touched.is_changed = true;
        Outcome::Changed
    }

    /// Free, occupied, unknown and out of service, as they are told.
    fn counts(&self) -> Tally {
        if self.layout.counted_by == CountedBy::Spaces {
            return self.tally;
        }
        let out = self.reserved_places.min(self.capacity);
        let served = self.capacity - out;
        if !self.counter.counts.anchored {
            return Tally { out, ..Tally::unheard(served) };
        }
        let occupied = self.counter.counts.raw.clamp(0, i64::from(served)) as u32;
        Tally { free: served - occupied, occupied, unknown: 0, out }
    }

    /// What is told of it, but for its name.
    pub(super) fn told(&self) -> Told {
        let counts = self.counts();
        let by_spaces = self.layout.counted_by == CountedBy::Spaces;
        Told {
            capacity: self.capacity,
            counts,
            reserved: if by_spaces { self.reserved_spaces } else { counts.out },
            closed: self.closed,
            stale: self.stale,
            dead: self.dead,
            groups: self.groups.iter().map(GroupTally::told).collect(),
            confidence: if by_spaces {
                let known = u64::from(counts.free) + u64::from(counts.occupied);
                Confidence::share(known, u64::from(self.capacity - counts.out))
            } else {
                self.counter.counts.confidence(self.capacity)
            },
            observed_us: self.observed_us,
            version: self.version,
        }
    }

    pub(super) fn availability(&self) -> Availability {
        self.told().of(self.id())
    }

    /// The spaces by their ids.
    pub(super) fn statuses(&self) -> Vec<SpaceStatus> {
        self.spaces.iter().map(Space::status).collect()
    }

    /// Hands out the spaces that moved since this was last asked, in the order of their ids: each one's place, and what is told.
    pub(super) fn take_moved(&mut self, mut tell: impl FnMut(u32, Word)) {
        let moved = &mut self.touched.moved;
        moved.sort_unstable();
        moved.dedup();
        for place in moved.drain(..) {
            tell(place, self.spaces[place as usize].word());
        }
    }

    /// What was told of the space at a place.
    pub(super) fn status(&self, place: u32, word: Word) -> Option<SpaceStatus> {
        self.spaces.get(place as usize).map(|space| word.of(&space.id))
    }

    pub(super) fn counters(&self) -> CounterState {
        self.counter.told(&self.layout.lot)
    }

    pub(super) fn memory(&self) -> LotMemory {
        LotMemory {
            lot: self.layout.lot.clone(),
            version: self.version,
            observed_us: self.observed_us,
            acted_us: self.acted_us,
            closed: self.closed,
            reserved_places: self.reserved_places,
            counter: self.counter.counts,
            anchor: self.counter.anchor.clone(),
            lanes: self.counter.lane_memories(),
            spaces: self.spaces.iter().map(Space::memory).collect(),
        }
    }

    /// Takes what is remembered where it is newer; true if anything moved, the version not yet.
    pub(super) fn recall(&mut self, memory: &LotMemory, debounce_us: i64) -> bool {
        let mut moved = self.counter.recall(memory);
        let is_later = memory.acted_us > self.acted_us;
        if is_later {
            self.acted_us = memory.acted_us;
            (self.closed, self.reserved_places) = (memory.closed, memory.reserved_places.min(self.capacity));
            moved = true;
        }
        for remembered in &memory.spaces {
            let Some(place) = self.index.get(&remembered.space) else { continue };
            let space = &mut self.spaces[*place as usize];
            moved |= space.recall(remembered);
            if is_later {
                space.service = remembered.service;
            }
        }
        if memory.observed_us > self.observed_us {
            self.observed_us = memory.observed_us;
            moved = true;
        }
        if moved {
            self.recount(debounce_us);
        }
        moved
    }

    /// Raises the version to one that was told before.
    pub(super) fn raise_version(&mut self, version: u64, step: u64) {
        self.version = self.version.max(version) + step;
    }
}
