//! The capped stream of changes, kept small: numbers and places, no names.
//!
//! In a large city a change is pushed out long after the caches have forgotten it. Were names kept with it, each would cost
//! several waits for memory when it comes and again when it goes; so they are looked up in the lots when somebody reads.

use std::collections::VecDeque;

use super::{
    lot::{Lot, Told},
    space::Word,
};
use crate::domain::availability::Change;

/// A change, by places in the list of lots.
#[derive(Debug)]
struct Entry {
    lot: u32,
    told: Told,
    /// Number of the first moved space after this change's own.
    end: u64,
}

/// The changes that a follower may still read.
#[derive(Debug, Default)]
pub(super) struct Ring {
    /// Most changes kept.
    length: usize,
    /// Number of the first change still kept.
    first: u64,
    /// Changes of lots as they were before the city was last declared.
    earlier: VecDeque<Change>,
    entries: VecDeque<Entry>,
    /// The spaces that moved in `entries`, one change's after another's: place in the lot, and what is told.
    moved: VecDeque<(u32, Word)>,
    /// Number of the first of `moved`.
    moved_first: u64,
}

impl Ring {
    /// An empty stream of at most `length` changes, at least one.
    pub(super) fn new(length: usize) -> Self {
        Self { length: length.max(1), ..Self::default() }
    }

    /// Adds what is told of a lot, and its spaces that moved since this was last done.
    pub(super) fn push(&mut self, place: u32, lot: &mut Lot) {
        let moved = &mut self.moved;
        lot.take_moved(|space, word| moved.push_back((space, word)));
        let end = self.moved_first + self.moved.len() as u64;
        self.entries.push_back(Entry { lot: place, told: lot.told(), end });
        while self.earlier.len() + self.entries.len() > self.length {
            self.first += 1;
            if self.earlier.pop_front().is_some() {
                continue;
            }
            let end = self.entries.pop_front().map_or(self.moved_first, |entry| entry.end);
            self.moved.drain(..(end - self.moved_first) as usize);
            self.moved_first = end;
        }
    }

    /// Looks all names up, before the lots change places.
    pub(super) fn name(&mut self, lots: &[Lot]) {
        let named: Vec<Change> = self.read(0, usize::MAX, lots);
        self.earlier = named.into();
        self.moved_first += self.moved.len() as u64;
        self.entries.clear();
        self.moved.clear();
    }

    /// The number the next change will have.
    pub(super) fn next(&self) -> u64 {
        self.first + (self.earlier.len() + self.entries.len()) as u64
    }

    /// At most `most` changes from number `from` on, and the number after the last of them; `None` if some are gone, or not yet.
    pub(super) fn from(&self, from: u64, most: usize, lots: &[Lot]) -> Option<(u64, Vec<Change>)> {
        let skip = usize::try_from(from.checked_sub(self.first)?).ok()?;
        if skip > self.earlier.len() + self.entries.len() {
            return None;
        }
        let changes = self.read(skip, most, lots);
        Some((from + changes.len() as u64, changes))
    }

    fn read(&self, skip: usize, most: usize, lots: &[Lot]) -> Vec<Change> {
        let earlier = self.earlier.iter().skip(skip).cloned();
        let begin = skip.saturating_sub(self.earlier.len());
        let mut start = match begin.checked_sub(1).and_then(|before| self.entries.get(before)) {
            Some(before) => before.end,
            None => self.moved_first,
        };
        let kept = self.entries.iter().skip(begin).map(|entry| {
            let lot = &lots[entry.lot as usize];
            let range = (start - self.moved_first) as usize..(entry.end - self.moved_first) as usize;
            start = entry.end;
            let spaces = self.moved.range(range).filter_map(|(space, word)| lot.status(*space, *word)).collect();
            Change { availability: entry.told.clone().of(lot.id()), spaces, trail: None }
        });
        earlier.chain(kept).take(most).collect()
    }
}
