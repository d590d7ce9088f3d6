//! The contract of availability written down a third time, as plainly as it can be: nothing is kept but what was applied,
//! and everything is counted anew.

use std::collections::BTreeMap;

use yunpark::{
    availability::{Limits, LotLayout},
    domain::{
        availability::{Availability, Outcome, SpaceStatus},
        ids::{LotId, SpaceId},
        lot::CountedBy,
        observation::{Direction, Observation, SpaceState, Statement},
        time::Instant,
    },
};

/// What was applied of one subject, run by run of its sequence numbers.
#[derive(Default, Clone)]
struct History {
    runs: Vec<Vec<Observation>>,
}

impl History {
    fn last(&self) -> Option<&Observation> {
        self.runs.last()?.last()
    }

    fn newest(&self) -> Option<Instant> {
        self.runs.iter().flatten().map(|observation| observation.observed_at).max()
    }

    /// Applies a newer observation; false for any other.
    fn admit(&mut self, new: &Observation, limits: Limits) -> bool {
        let (Some(last), Some(newest)) = (self.last(), self.newest()) else {
            self.runs.push(vec![new.clone()]);
            return true;
        };
        let one_session = last.session.as_deref().unwrap_or("") == new.session.as_deref().unwrap_or("");
        if let (Some(was), Some(is), true) = (last.seq, new.seq, one_session) {
            if is > was {
                let run = self.runs.len() - 1;
                if run > 0 && new.observed_at < self.runs[run][0].observed_at {
                    return false;
                }
                self.runs[run].push(new.clone());
                return true;
            }
            if new.observed_at <= newest + chrono::Duration::seconds(i64::from(limits.seq_reset_after_s)) {
                return false;
            }
        } else if new.observed_at <= newest {
            return false;
        }
        self.runs.push(vec![new.clone()]);
        true
    }
}

/// A lot by what was applied to it.
struct Lot {
    layout: LotLayout,
    spaces: BTreeMap<SpaceId, History>,
    lanes: BTreeMap<String, History>,
    anchor: History,
    /// Anchors and passages in the order they were applied.
    counted: Vec<Statement>,
    out_of_service: BTreeMap<SpaceId, bool>,
    version: u64,
}

/// A city by what was applied to it.
pub struct Model {
    limits: Limits,
    lots: BTreeMap<LotId, Lot>,
}

impl Model {
    pub fn new(layouts: &[LotLayout], limits: Limits) -> Self {
        let lot = |layout: &LotLayout| Lot {
            layout: layout.clone(),
            spaces: layout.spaces.iter().map(|space| (space.clone(), History::default())).collect(),
            lanes: BTreeMap::new(),
            anchor: History::default(),
            counted: Vec::new(),
            out_of_service: BTreeMap::new(),
            version: 0,
        };
        Self { limits, lots: layouts.iter().map(|layout| (layout.lot.clone(), lot(layout))).collect() }
    }

    pub fn apply(&mut self, observation: &Observation) -> Outcome {
        let limits = self.limits;
        let Some(lot) = self.lots.get_mut(&observation.lot) else { return Outcome::UnknownLot };
        let before = (lot.availability(), lot.statuses());
        let outcome = lot.apply(observation, limits);
        if outcome != Outcome::Confirmed {
            return outcome;
        }
        let after = (lot.availability(), lot.statuses());
        let counts = |lot: &Availability| (lot.free, lot.occupied, lot.unknown, lot.out_of_service);
        let states = |spaces: &[SpaceStatus]| spaces.iter().map(|space| space.state).collect::<Vec<_>>();
        if counts(&before.0) == counts(&after.0) && states(&before.1) == states(&after.1) {
            return Outcome::Confirmed;
        }
        lot.version += 1;
        Outcome::Changed
    }

    pub fn set_out_of_service(&mut self, lot: &LotId, space: &SpaceId, out_of_service: bool) -> Outcome {
        let lot = self.lots.get_mut(lot).unwrap();
        if lot.out_of_service.insert(space.clone(), out_of_service).unwrap_or(false) == out_of_service {
            return Outcome::Confirmed;
        }
        lot.version += 1;
        Outcome::Changed
    }

    pub fn lots(&self) -> Vec<Availability> {
        self.lots.values().map(Lot::availability).collect()
    }

    pub fn spaces(&self, lot: &LotId) -> Vec<SpaceStatus> {
        self.lots[lot].statuses()
    }
}

impl Lot {
    /// `Confirmed` for whatever was applied; the caller looks at what it moved.
    fn apply(&mut self, observation: &Observation, limits: Limits) -> Outcome {
        let is_space = matches!(observation.statement, Statement::Space { .. });
        if is_space != (self.layout.counted_by == CountedBy::Spaces) {
            return Outcome::NotCounted;
        }
        if let Statement::Space { space, .. } = &observation.statement
            && !self.spaces.contains_key(space)
        {
            return Outcome::UnknownSpace;
        }
        let ahead = chrono::Duration::milliseconds(limits.max_future_ms as i64);
        if observation.observed_at > observation.received_at + ahead {
            return Outcome::Future;
        }
        let applied = match &observation.statement {
            Statement::Space { space, .. } => self.spaces.get_mut(space).unwrap().admit(observation, limits),
            Statement::Passage { lane, .. } => {
                self.anchor.newest().is_none_or(|anchored| observation.observed_at >= anchored)
                    && self.lanes.entry(lane.clone()).or_default().admit(observation, limits)
            }
            Statement::Occupied { .. } | Statement::Free { .. } => self.anchor.admit(observation, limits),
        };
        if !applied {
            return Outcome::Late;
        }
        if !is_space {
            self.counted.push(observation.statement.clone());
        }
        Outcome::Confirmed
    }

    fn statuses(&self) -> Vec<SpaceStatus> {
        let status = |(space, history): (&SpaceId, &History)| SpaceStatus {
            space: space.clone(),
            state: match history.last().map(|last| &last.statement) {
                Some(Statement::Space { state, .. }) => *state,
                _ => SpaceState::Unknown,
            },
            out_of_service: self.out_of_service.get(space).copied().unwrap_or(false),
            observed_at: history.newest(),
        };
        self.spaces.iter().map(status).collect()
    }

    fn availability(&self) -> Availability {
        let capacity = self.layout.capacity.max(self.layout.spaces.len() as u32);
        let histories = self.spaces.values().chain(self.lanes.values()).chain([&self.anchor]);
        let mut lot = Availability {
            observed_at: histories.filter_map(History::newest).max(),
            version: self.version,
            ..Availability::unheard(self.layout.lot.clone(), capacity)
        };
        let statuses = self.statuses();
        let count = |out: bool, state: Option<SpaceState>| {
            let is =
                |space: &&SpaceStatus| space.out_of_service == out && state.is_none_or(|state| space.state == state);
            statuses.iter().filter(is).count() as u32
        };
        match self.layout.counted_by {
            CountedBy::Spaces => {
                lot.free = count(false, Some(SpaceState::Free));
                lot.occupied = count(false, Some(SpaceState::Occupied));
                lot.out_of_service = count(true, None);
                lot.unknown = capacity - lot.free - lot.occupied - lot.out_of_service;
            }
            CountedBy::Counters => {
                if let Some(inside) = self.inside(i64::from(capacity)) {
                    lot.occupied = inside.clamp(0, i64::from(capacity)) as u32;
                    lot.free = capacity - lot.occupied;
                    lot.unknown = 0;
                }
            }
        }
        lot
    }

    /// Vehicles inside as counted since the last absolute count; `None` before the first.
    fn inside(&self, capacity: i64) -> Option<i64> {
        let mut inside = None;
        for statement in &self.counted {
            inside = match statement {
                Statement::Occupied { count } => Some(i64::from(*count).min(capacity)),
                Statement::Free { count } => Some(capacity - i64::from(*count).min(capacity)),
                Statement::Passage { direction: Direction::In, count, .. } => {
                    inside.map(|is: i64| is + i64::from(*count))
                }
                Statement::Passage { direction: Direction::Out, count, .. } => inside.map(|is| is - i64::from(*count)),
                Statement::Space { .. } => inside,
            };
        }
        inside
    }
}
