//! The contract of availability written down a third time, as plainly as it can be: nothing is kept but what was applied,
//! and everything is counted anew.

use std::collections::BTreeMap;

use yunpark::{
    availability::{Limits, LotLayout, SpaceLayout},
    domain::{
        action::{Action, Service},
        availability::{Availability, Confidence, Freshness, GroupCount, Outcome, SpaceStatus},
        ids::{LotId, SpaceId},
        lot::{CountedBy, SpaceUse, VehicleClass},
        observation::{Direction, Observation, SpaceState, Statement},
        time::Instant,
    },
};

/// What was applied of one subject, run by run of its sequence numbers.
#[derive(Default, Clone)]
struct History {
    runs: Vec<Vec<Observation>>,
    /// Places of the words that were quarantined.
    quarantined: Vec<usize>,
}

impl History {
    fn last(&self) -> Option<&Observation> {
        self.runs.last()?.last()
    }

    /// The newest that was not quarantined.
    fn newest_counted(&self) -> Option<Instant> {
        let all = self.runs.iter().flatten().enumerate();
        all.filter(|(place, _)| !self.quarantined.contains(place)).map(|(_, word)| word.observed_at).max()
    }

    /// The last word was taken, and not counted.
    fn quarantine(&mut self) {
        self.quarantined.push(self.runs.iter().map(Vec::len).sum::<usize>() - 1);
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

/// What happened to a space, in order.
#[derive(Clone)]
enum Event {
    Word { state: SpaceState, said: Instant, received: Instant },
    Time(Instant),
}

/// What happened to the counters, in order.
#[derive(Clone)]
enum Count {
    Passed(i64),
    Stated(i64),
}

#[derive(Default)]
struct Total {
    history: History,
    last: Option<u128>,
}

/// A lot by what was applied to it.
struct Lot {
    layout: LotLayout,
    spaces: BTreeMap<SpaceId, (History, Vec<Event>)>,
    lanes: BTreeMap<String, History>,
    totals: BTreeMap<(String, Direction), Total>,
    anchor: History,
    counted: Vec<Count>,
    services: BTreeMap<SpaceId, Service>,
    closed: bool,
    places: u32,
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
            spaces: layout.spaces.iter().map(|space| (space.id.clone(), (History::default(), Vec::new()))).collect(),
            lanes: BTreeMap::new(),
            totals: BTreeMap::new(),
            anchor: History::default(),
            counted: Vec::new(),
            services: BTreeMap::new(),
            closed: false,
            places: 0,
            version: 0,
        };
        Self { limits, lots: layouts.iter().map(|layout| (layout.lot.clone(), lot(layout))).collect() }
    }

    pub fn apply(&mut self, observation: &Observation) -> Outcome {
        let limits = self.limits;
        let Some(lot) = self.lots.get_mut(&observation.lot) else { return Outcome::UnknownLot };
        lot.watched(limits, |lot| lot.apply(observation, limits))
    }

    pub fn act(&mut self, action: &Action, now: Instant) -> Outcome {
        let limits = self.limits;
        let Some(lot) = self.lots.get_mut(action.lot()) else { return Outcome::UnknownLot };
        lot.watched(limits, |lot| lot.act(action, now))
    }

    /// Lets time pass; says how many lots moved.
    pub fn sweep(&mut self, now: Instant) -> usize {
        let limits = self.limits;
        let moved = self.lots.values_mut().map(|lot| {
            lot.watched(limits, |lot| {
                lot.spaces.values_mut().for_each(|(_, events)| events.push(Event::Time(now)));
                Outcome::Confirmed
            })
        });
        moved.filter(|outcome| *outcome == Outcome::Changed).count()
    }

    pub fn lots(&self) -> Vec<Availability> {
        self.lots.values().map(|lot| lot.availability(self.limits)).collect()
    }

    pub fn spaces(&self, lot: &LotId) -> Vec<SpaceStatus> {
        self.lots[lot].statuses(self.limits)
    }
}

impl Lot {
    /// Does something; whatever was taken and moved what is told, has changed the lot.
    fn watched(&mut self, limits: Limits, act: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        let told = |lot: &Self| {
            let ageless =
                Availability { observed_at: None, confidence: Confidence::default(), ..lot.availability(limits) };
            let spaces: Vec<SpaceStatus> =
                lot.statuses(limits).into_iter().map(|space| SpaceStatus { observed_at: None, ..space }).collect();
            (ageless, spaces)
        };
        let before = told(self);
        let outcome = act(self);
        if outcome != Outcome::Confirmed || told(self) == before {
            return outcome;
        }
        self.version += 1;
        Outcome::Changed
    }

    fn apply(&mut self, observation: &Observation, limits: Limits) -> Outcome {
        let is_space = matches!(observation.statement, Statement::Space { .. });
        if is_space != (self.layout.counted_by == CountedBy::Spaces) && !self.layout.mixed {
            return Outcome::NotCounted;
        }
        if let Statement::Space { space, .. } = &observation.statement
            && !self.spaces.contains_key(space)
        {
            return Outcome::UnknownSpace;
        }
        let (said, received) = (observation.observed_at, observation.received_at);
        if said > received + chrono::Duration::milliseconds(limits.max_future_ms as i64) {
            return Outcome::Future;
        }
        let is_before_anchor = self.anchor.newest().is_some_and(|anchored| said < anchored);
        let capacity = self.capacity();
        let is_taken = match &observation.statement {
            Statement::Space { space, state } => {
                let (history, events) = self.spaces.get_mut(space).unwrap();
                let is_taken = history.admit(observation, limits);
                if is_taken {
                    events.push(Event::Word { state: *state, said, received });
                }
                is_taken
            }
            Statement::Passage { direction, count, lane } => {
                let is_taken =
                    !is_before_anchor && self.lanes.entry(lane.clone()).or_default().admit(observation, limits);
                if is_taken {
                    self.counted.push(Count::Passed(signed(*direction) * i64::from(*count)));
                }
                is_taken
            }
            Statement::Total { direction, lane, value, width_bits } => {
                let total = self.totals.entry((lane.clone(), *direction)).or_default();
                if !total.history.admit(observation, limits) {
                    return Outcome::Late;
                }
                let width = 1_u128 << width_bits;
                let new = u128::from(*value) % width;
                if let Some(last) = total.last.replace(new)
                    && !is_before_anchor
                {
                    let grown = (new + width - last % width) % width;
                    if grown > u128::from(limits.max_delta) {
                        total.history.quarantine();
                        return Outcome::Quarantined;
                    }
                    self.counted.push(Count::Passed(signed(*direction) * grown as i64));
                }
                true
            }
            Statement::Baseline { direction, lane, value } => {
                let total = self.totals.entry((lane.clone(), *direction)).or_default();
                let is_taken = total.history.admit(observation, limits);
                if is_taken {
                    total.last = value.map(u128::from);
                }
                is_taken
            }
            Statement::Occupied { count } | Statement::Free { count } => {
                let is_taken = self.anchor.admit(observation, limits);
                if is_taken {
                    let count = i64::from(*count).min(capacity);
                    let is_free = matches!(observation.statement, Statement::Free { .. });
                    self.counted.push(Count::Stated(if is_free { capacity - count } else { count }));
                }
                is_taken
            }
        };
        if is_taken { Outcome::Confirmed } else { Outcome::Late }
    }

    fn act(&mut self, action: &Action, now: Instant) -> Outcome {
        let has_counters = self.layout.counted_by == CountedBy::Counters;
        match action {
            Action::Service { .. } if has_counters && !self.layout.mixed => return Outcome::NotCounted,
            Action::Service { space, .. } if !self.spaces.contains_key(space) => return Outcome::UnknownSpace,
            Action::Service { space, service, .. } => {
                self.services.insert(space.clone(), *service);
            }
            Action::Reserve { .. } if !has_counters => return Outcome::NotCounted,
            Action::Reserve { places, .. } => self.places = *places,
            Action::Close { closed, .. } => self.closed = *closed,
            Action::Correct { .. } if !has_counters && !self.layout.mixed => return Outcome::NotCounted,
            Action::Correct { lot, occupied } => {
                let observed_at = self.anchor.newest().map_or(now, |newest| newest.max(now));
                let statement = Statement::Occupied { count: *occupied };
                let word = Observation {
                    lot: lot.clone(),
                    statement,
                    observed_at,
                    received_at: now,
                    session: None,
                    seq: None,
                };
                self.anchor.runs.push(vec![word]);
                self.counted.push(Count::Stated(i64::from(*occupied).min(self.capacity())));
            }
        }
        Outcome::Confirmed
    }

    fn capacity(&self) -> i64 {
        i64::from(self.layout.capacity).max(self.layout.spaces.len() as i64)
    }

    fn statuses(&self, limits: Limits) -> Vec<SpaceStatus> {
        let status = |(space, (history, events)): (&SpaceId, &(History, Vec<Event>))| {
            let layout = self.layout.spaces.iter().find(|layout| layout.id == *space).unwrap();
            let (state, freshness) = standing(layout, events, limits);
            let service = self.services.get(space).copied().unwrap_or_default();
            SpaceStatus {
                space: space.clone(),
                state,
                out_of_service: service != Service::InService,
                reserved: service == Service::Reserved,
                freshness,
                observed_at: history.newest(),
            }
        };
        self.spaces.iter().map(status).collect()
    }

    fn availability(&self, limits: Limits) -> Availability {
        let capacity = self.capacity() as u32;
        let by_spaces = self.layout.counted_by == CountedBy::Spaces;
        let statuses = self.statuses(limits);
        let truth: Vec<&History> = if by_spaces {
            self.spaces.values().map(|(history, _)| history).collect()
        } else {
            let totals = self.totals.values().map(|total| &total.history);
            self.lanes.values().chain(totals).chain([&self.anchor]).collect()
        };
        let fresh = |freshness| statuses.iter().filter(|space| space.freshness == freshness).count() as u32;
        let mut lot = Availability {
            version: self.version,
            closed: self.closed,
            stale_spaces: fresh(Freshness::Stale),
            dead_spaces: fresh(Freshness::Dead),
            groups: self.groups(&statuses),
            ..Availability::unheard(self.layout.lot.clone(), capacity)
        };
        // A total that was quarantined was heard, but does not make the lot's number any younger.
        lot.observed_at = truth.iter().filter_map(|history| history.newest_counted()).max();
        if by_spaces {
            let recount = recount(statuses.iter(), capacity);
            (lot.free, lot.occupied, lot.unknown, lot.out_of_service) = recount;
            lot.reserved = statuses.iter().filter(|space| space.reserved).count() as u32;
            let known = u64::from(lot.free + lot.occupied);
            lot.confidence = Confidence::share(known, u64::from(capacity - lot.out_of_service));
            return lot;
        }
        lot.reserved = self.places.min(capacity);
        lot.out_of_service = lot.reserved;
        let served = i64::from(capacity - lot.reserved);
        lot.unknown = served as u32;
        let (inside, doubt) = self.inside();
        if let Some(inside) = inside {
            lot.occupied = inside.clamp(0, served) as u32;
            lot.free = served as u32 - lot.occupied;
            lot.unknown = 0;
            lot.confidence = Confidence::without(doubt, u64::from(capacity) * 1000);
        }
        lot
    }

    fn groups(&self, statuses: &[SpaceStatus]) -> Vec<GroupCount> {
        let layouts = &self.layout.spaces;
        let mut groups = Vec::new();
        let mut count = |class, use_, is_in: &dyn Fn(&SpaceLayout) -> bool, stated: u32| {
            let members: Vec<&SpaceStatus> = statuses
                .iter()
                .filter(|status| layouts.iter().any(|layout| layout.id == status.space && is_in(layout)))
                .collect();
            let capacity = stated.max(members.len() as u32);
            if capacity > 0 {
                let (free, occupied, unknown, out_of_service) = recount(members.into_iter(), capacity);
                groups.push(GroupCount { class, use_, capacity, free, occupied, unknown, out_of_service });
            }
        };
        let classes = [VehicleClass::Motor, VehicleClass::NonMotor];
        if classes.iter().all(|class| layouts.iter().any(|layout| layout.vehicle_class == *class)) {
            for class in classes {
                count(Some(class), None, &|layout| layout.vehicle_class == class, 0);
            }
        }
        for it in [SpaceUse::Disabled, SpaceUse::Charging, SpaceUse::Loading, SpaceUse::Taxi, SpaceUse::Family] {
            let stated = self.layout.uses.get(&it).copied().unwrap_or(0);
            count(None, Some(it), &|layout| layout.uses.contains(&it), stated);
        }
        groups
    }

    /// Vehicles inside as counted since the last absolute count (`None` before the first), and how many thousandths of a
    /// vehicle are in doubt.
    fn inside(&self) -> (Option<i64>, u64) {
        let (mut inside, mut passages): (Option<i64>, u64) = (None, 0);
        let (mut drift, mut over) = (1000_u64, 100_u64);
        for count in &self.counted {
            match count {
                Count::Passed(signed) => {
                    passages += signed.unsigned_abs();
                    inside = inside.map(|inside: i64| inside + signed);
                }
                Count::Stated(stated) => {
                    if let Some(counted) = inside
                        && passages > 0
                    {
                        drift = drift / 2 + counted.abs_diff(*stated) * 1000;
                        over = over / 2 + passages;
                    }
                    (inside, passages) = (Some(*stated), 0);
                }
            }
        }
        (inside, drift * passages / over)
    }
}

fn signed(direction: Direction) -> i64 {
    if direction == Direction::In { 1 } else { -1 }
}

/// Free, occupied, unknown and out of service.
fn recount<'a>(spaces: impl Iterator<Item = &'a SpaceStatus>, capacity: u32) -> (u32, u32, u32, u32) {
    let (mut free, mut occupied, mut out) = (0, 0, 0);
    for space in spaces {
        if space.out_of_service {
            out += 1;
        } else if space.freshness == Freshness::Live {
            free += u32::from(space.state == SpaceState::Free);
            occupied += u32::from(space.state == SpaceState::Occupied);
        }
    }
    (free, occupied, capacity - free - occupied - out, out)
}

/// The state that counts, and whether it is fresh, from all that happened.
fn standing(layout: &SpaceLayout, events: &[Event], limits: Limits) -> (SpaceState, Freshness) {
    let debounce = chrono::Duration::milliseconds(limits.debounce_ms as i64);
    let (mut shown, mut said_last, mut fresh) = (SpaceState::Unknown, SpaceState::Unknown, Freshness::Live);
    let (mut moved, mut heard): (Option<Instant>, Option<Instant>) = (None, None);
    for event in events {
        let now = match event {
            Event::Word { state, said, received } => {
                heard = heard.max(Some(*said.min(received)));
                (said_last, fresh) = (*state, Freshness::Live);
                *received
            }
            Event::Time(now) => *now,
        };
        let may_move = limits.debounce_ms == 0 || moved.is_none_or(|moved| now >= moved + debounce);
        if said_last != shown && may_move {
            shown = said_last;
            moved = Some(now);
        }
        let (Event::Time(_), Some(heard)) = (event, heard) else { continue };
        let silent = |limit_s: Option<u32>| limit_s.is_some_and(|s| now >= heard + chrono::Duration::seconds(s.into()));
        if fresh != Freshness::Dead && silent(layout.dead_after_s) {
            (shown, said_last, fresh) = (SpaceState::Unknown, SpaceState::Unknown, Freshness::Dead);
        } else if fresh == Freshness::Live && silent(layout.stale_after_s) {
            fresh = Freshness::Stale;
        }
    }
    (shown, fresh)
}
