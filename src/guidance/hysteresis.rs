//! When a line turns nearly full or full and when it leaves that: four thresholds in two bands, so that it does not flap.

use crate::domain::guidance::Rules;

/// How full a target is, by the thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Fullness {
    /// There is room.
    #[default]
    Free,
    /// Nearly full.
    AlmostFull,
    /// Full.
    Full,
}

/// One band, in free places: entered when `free <= enter`, left when `free > exit`.
///
/// * `enter = max(free, floor(share * capacity))`
/// * `exit = max(enter + 1, floor(exit_share * capacity))`, but below the capacity where there is room for it
///
/// For `enter < free <= exit` a line stays what it was. The band holds at least one count, so a lot in which one car comes and
/// goes never flaps. A lot no larger than its band leaves it when it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// Greatest count at which it is entered.
    pub enter: u32,
    /// Greatest count at which it is kept.
    pub exit: u32,
}

/// The thresholds of a line: rising and falling, for full and for nearly full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Of full.
    pub full: Band,
    /// Of nearly full; it reaches at least as far as full.
    pub almost_full: Band,
}

impl Band {
    fn of(capacity: u32, share: f64, exit_share: f64, free: u32) -> Self {
        let part = |share: f64| (share * f64::from(capacity)).floor() as u32;
        let enter = free.max(part(share));
        let exit = part(exit_share).max(enter.saturating_add(1));
        // An empty lot is never full for ever: the band ends below the capacity where there is room for it.
        Self { enter, exit: exit.min(capacity.saturating_sub(1)).max(enter) }
    }

    /// Whether the band holds, given whether it did.
    pub fn holds(self, free: u32, did: bool) -> bool {
        free <= self.enter || (did && free <= self.exit)
    }
}

impl Thresholds {
    /// The thresholds of a capacity.
    pub fn of(capacity: u32, rules: &Rules) -> Self {
        let full = Band::of(capacity, rules.full_share, rules.full_exit_share, rules.full_free);
        let almost = Band::of(capacity, rules.almost_full_share, rules.almost_full_exit_share, rules.almost_full_free);
        let almost_full = Band { enter: almost.enter.max(full.enter), exit: almost.exit.max(full.exit) };
        Self { full, almost_full }
    }

    /// How full a target is with so many free places, given how full it was.
    pub fn judge(self, free: u32, was: Fullness) -> Fullness {
        if self.full.holds(free, was == Fullness::Full) {
            Fullness::Full
        } else if self.almost_full.holds(free, was != Fullness::Free) {
            Fullness::AlmostFull
        } else {
            Fullness::Free
        }
    }

    /// Whether hysteresis alone makes it as full as it is: the bare count would be told as less full.
    pub fn is_kept(self, free: u32, is: Fullness) -> bool {
        self.judge(free, Fullness::Free) < is
    }
}

#[cfg(test)]
#[path = "hysteresis_tests.rs"]
mod tests;
