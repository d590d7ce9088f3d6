//! What moved in a lot between two looks at it: cars, and not sensors that came or went, or a count that was put right.

use crate::domain::availability::Availability;

/// A jump by more than this, and more than a tenth of the capacity, is a correction and no traffic.
const CORRECTION: u32 = 10;

/// A lot as it was seen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    occupied: u32,
    /// Places with a live word: where their number changes, sensors came or went, and not cars.
    known: u32,
    version: u64,
}

/// What moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Nothing.
    Nothing,
    /// So many cars came.
    Came(u32),
    /// So many left.
    Left(u32),
    /// The number was put right, or sensors came or went.
    Corrected,
}

impl Seen {
    /// A lot seen for the first time.
    pub fn new(lot: &Availability) -> Self {
        Self { occupied: lot.occupied, known: lot.occupied.saturating_add(lot.free), version: lot.version }
    }

    /// Looks at the lot again.
    pub fn look(&mut self, lot: &Availability) -> Moved {
        let before = std::mem::replace(self, Self::new(lot));
        if before.version == self.version {
            return Moved::Nothing;
        }
        let by = self.occupied.abs_diff(before.occupied);
        if self.known != before.known || by > CORRECTION.max(lot.capacity / 10) {
            // A place that fell silent while free moves nobody, and nobody may be told from it.
            Moved::Corrected
        } else if by == 0 {
            Moved::Nothing
        } else if self.occupied > before.occupied {
            Moved::Came(by)
        } else {
            Moved::Left(by)
        }
    }
}
