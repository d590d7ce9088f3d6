//! Which way a lot's free places go.

use serde::Serialize;

use super::LotView;
use crate::domain::{availability::Level, ids::LotId};

/// Where free places went in the last quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// There are more.
    Rising,
    /// There are fewer.
    Falling,
    /// About as many.
    Steady,
}

/// So many places at least, and this share of the capacity, are a movement.
const LEAST: i64 = 2;
const LEAST_SHARE: f64 = 0.03;

impl Trend {
    /// Of a lot with so many places that has so many more free ones.
    fn of(moved: i64, capacity: u32) -> Self {
        let least = LEAST.max((f64::from(capacity) * LEAST_SHARE).ceil() as i64);
        match moved {
            moved if moved >= least => Self::Rising,
            moved if moved <= -least => Self::Falling,
            _ => Self::Steady,
        }
    }
}

/// Tells which way the lots go whose number is shown.
pub fn tell_trends(lots: &mut [LotView], moved: impl Fn(&LotId) -> Option<i64>) {
    for lot in lots {
        let told = &lot.availability;
        if matches!(told.level, Level::Free | Level::Few | Level::Full) {
            lot.trend = moved(&told.id).map(|moved| Trend::of(moved, told.capacity));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_movement_is_told_from_two_places_and_three_in_a_hundred_on() {
        assert_eq!([1, 2, -2].map(|moved| Trend::of(moved, 10)), [Trend::Steady, Trend::Rising, Trend::Falling]);
        assert_eq!([8, 9, -9].map(|moved| Trend::of(moved, 300)), [Trend::Steady, Trend::Rising, Trend::Falling]);
    }
}
