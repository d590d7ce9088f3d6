//! One space of the in-process engine: its newest word, the state that counts, and when silence takes it away.

use super::{
    super::{
        layout::SpaceLayout,
        lot_memory::SpaceMemory,
        order::{Mark, Stamp},
    },
    tally::Class,
};
use crate::domain::{
    action::Service,
    availability::{Freshness, SpaceStatus},
    ids::SpaceId,
    observation::SpaceState,
    time::from_micros,
};

/// No deadline.
pub(super) const NEVER: i64 = i64::MAX;

/// When a word was said and received, as far as a space is concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// When it was received, microseconds.
    pub(super) received_us: i64,
    /// The debounce interval, microseconds.
    pub(super) debounce_us: i64,
}

/// A space as it stands.
#[derive(Debug, Clone)]
pub(super) struct Space {
    pub(super) id: SpaceId,
    pub(super) mark: Mark,
    /// The state that counts.
    shown: SpaceState,
    /// The newest state said.
    raw: SpaceState,
    pub(super) service: Service,
    pub(super) freshness: Freshness,
    /// When it was last heard, microseconds; 0 before the first word.
    heard_us: i64,
    /// When the state that counts last moved, microseconds; kept only where there is a debounce interval.
    moved_us: i64,
    stale_s: u32,
    dead_s: u32,
    /// Bits of the groups it belongs to.
    pub(super) groups: u8,
}

/// What is told of a space, but for its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    state: SpaceState,
    service: Service,
    freshness: Freshness,
    /// Microseconds; 0 before the first word.
    observed_us: i64,
}

impl Word {
    /// As it is told of this space.
    pub(super) fn of(self, space: &SpaceId) -> SpaceStatus {
        SpaceStatus {
            space: space.clone(),
            state: self.state,
            out_of_service: self.service != Service::InService,
            reserved: self.service == Service::Reserved,
            freshness: self.freshness,
            observed_at: (self.observed_us > 0).then(|| from_micros(self.observed_us)).flatten(),
        }
    }
}

impl Space {
    pub(super) fn new(space: &SpaceLayout, has_classes: bool) -> Self {
        let mut new = Self {
            id: space.id.clone(),
            mark: Mark::default(),
            shown: SpaceState::Unknown,
            raw: SpaceState::Unknown,
            service: Service::InService,
            freshness: Freshness::Live,
            heard_us: 0,
            moved_us: 0,
            stale_s: 0,
            dead_s: 0,
            groups: 0,
        };
        new.fit(space, has_classes);
        new
    }

    /// Takes the limits and groups of a new layout.
    pub(super) fn fit(&mut self, space: &SpaceLayout, has_classes: bool) {
        self.stale_s = space.stale_after_s.unwrap_or(0);
        self.dead_s = space.dead_after_s.unwrap_or(0);
        self.groups = space.groups(has_classes).iter().fold(0, |bits, group| bits | group.bit());
    }

    /// What it counts as.
    pub(super) fn class(&self) -> Class {
        match (self.service, self.freshness, self.shown) {
            (Service::OutOfService | Service::Reserved, ..) => Class::Out,
            (_, Freshness::Live, SpaceState::Free) => Class::Free,
            (_, Freshness::Live, SpaceState::Occupied) => Class::Occupied,
            _ => Class::Unknown,
        }
    }

    /// Hears a word; `None` if it is not newer, else whether what is told of the space moved.
    pub(super) fn hear(&mut self, state: SpaceState, stamp: Stamp<'_>, reset_us: i64, times: Times) -> Option<bool> {
        if !self.mark.admit(stamp, reset_us) {
            return None;
        }
        self.heard_us = self.heard_us.max(stamp.at_us.min(times.received_us));
        let mut moved = std::mem::take(&mut self.freshness) != Freshness::Live;
        self.raw = state;
        moved |= self.settle(times.received_us, times.debounce_us);
        Some(moved)
    }

    /// Lets the newest state count if the debounce interval is over; true if that moved it.
    fn settle(&mut self, now_us: i64, debounce_us: i64) -> bool {
        if self.raw == self.shown || (debounce_us > 0 && now_us < self.moved_us.saturating_add(debounce_us)) {
            return false;
        }
        self.shown = self.raw;
        if debounce_us > 0 {
            self.moved_us = now_us;
        }
        true
    }

    /// Lets time pass; true if what is told of the space moved.
    pub(super) fn age(&mut self, now_us: i64, debounce_us: i64) -> bool {
        let mut moved = self.settle(now_us, debounce_us);
        let is_past = |limit_s: u32| limit_s > 0 && now_us >= self.heard_us + i64::from(limit_s) * 1_000_000;
        if self.heard_us == 0 || self.freshness == Freshness::Dead {
            return moved;
        }
        if is_past(self.dead_s) {
            self.freshness = Freshness::Dead;
            (self.shown, self.raw) = (SpaceState::Unknown, SpaceState::Unknown);
            moved = true;
        } else if is_past(self.stale_s) && self.freshness == Freshness::Live {
            self.freshness = Freshness::Stale;
            moved = true;
        }
        moved
    }

    /// When time alone will next move it, microseconds.
    pub(super) fn due_us(&self, debounce_us: i64) -> i64 {
        let mut due_us = NEVER;
        if self.raw != self.shown {
            due_us = self.moved_us.saturating_add(debounce_us);
        }
        if self.heard_us > 0 {
            let limit = |limit_s: u32| if limit_s > 0 { self.heard_us + i64::from(limit_s) * 1_000_000 } else { NEVER };
            due_us = match self.freshness {
                Freshness::Live => due_us.min(limit(self.stale_s)).min(limit(self.dead_s)),
                Freshness::Stale => due_us.min(limit(self.dead_s)),
                Freshness::Dead => due_us,
            };
        }
        due_us
    }

    /// What is told of it, but for its name.
    pub(super) fn word(&self) -> Word {
        Word {
            state: self.shown,
            service: self.service,
            freshness: self.freshness,
            observed_us: if self.mark.is_heard() { self.mark.at_us } else { 0 },
        }
    }

    pub(super) fn status(&self) -> SpaceStatus {
        self.word().of(&self.id)
    }

    pub(super) fn memory(&self) -> SpaceMemory {
        SpaceMemory {
            space: self.id.clone(),
            mark: self.mark.clone(),
            shown: self.shown,
            raw: self.raw,
            service: self.service,
            freshness: self.freshness,
            heard_us: self.heard_us,
            moved_us: self.moved_us,
        }
    }

    /// Takes what is remembered if it is newer; the service is not part of it.
    pub(super) fn recall(&mut self, memory: &SpaceMemory) -> bool {
        if memory.mark.at_us <= self.mark.at_us {
            return false;
        }
        self.mark = memory.mark.clone();
        (self.shown, self.raw, self.freshness) = (memory.shown, memory.raw, memory.freshness);
        (self.heard_us, self.moved_us) = (memory.heard_us, memory.moved_us);
        true
    }
}
