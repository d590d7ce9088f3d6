//! Counts of places by class, moved one place at a time.

use super::super::layout::Group;
use crate::domain::availability::GroupCount;

/// What a place counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Free,
    Occupied,
    Unknown,
    Out,
}

/// How many places count as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) free: u32,
    pub(super) occupied: u32,
    pub(super) unknown: u32,
    pub(super) out: u32,
}

impl Tally {
    /// Places nobody has word of.
    pub(super) fn unheard(places: u32) -> Self {
        Self { unknown: places, ..Self::default() }
    }

    /// One place leaves one class for another.
    pub(super) fn shift(&mut self, from: Class, to: Class) {
        *self.of(from) -= 1;
        *self.of(to) += 1;
    }

    fn of(&mut self, class: Class) -> &mut u32 {
        match class {
            Class::Free => &mut self.free,
            Class::Occupied => &mut self.occupied,
            Class::Unknown => &mut self.unknown,
            Class::Out => &mut self.out,
        }
    }
}

/// The counts of one group of places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GroupTally {
    pub(super) group: Group,
    pub(super) capacity: u32,
    pub(super) tally: Tally,
}

impl GroupTally {
    /// As it is told.
    pub(super) fn told(&self) -> GroupCount {
        let (class, use_) = self.group.parts();
        let Tally { free, occupied, unknown, out } = self.tally;
        GroupCount { class, use_, capacity: self.capacity, free, occupied, unknown, out_of_service: out }
    }
}
