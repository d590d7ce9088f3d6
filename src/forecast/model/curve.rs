//! The newest readings of a lot as a curve through every quarter of an hour: readings may come every minute or every half
//! hour, early or late, and the curve says what stood at an instant between two of them.

use serde::{Deserialize, Serialize};

use crate::domain::{
    calendar::SLOT_MIN,
    time::{Instant, from_micros},
};

/// Slots kept: a day and a half, so that yesterday is whole when it is over.
const KEPT: usize = 144;
/// Seconds of a slot.
pub(super) const SLOT_S: i64 = SLOT_MIN as i64 * 60;
/// Between readings farther apart than this nothing is known.
pub(super) const MAX_GAP_S: i64 = 70 * 60;
/// A reading stands for a slot this far outside a run of readings.
const EDGE_S: i64 = 10 * 60;

/// The curve of occupied shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Curve {
    /// A ring over slots counted from 1970; not a number where nothing is known.
    shares: Vec<f32>,
    /// The newest slot of the ring.
    newest: Option<i64>,
    /// The newest reading: seconds since 1970, and the share.
    last: Option<(i64, f32)>,
}

impl Curve {
    /// A curve without a reading.
    pub(super) fn new() -> Self {
        Self { shares: vec![f32::NAN; KEPT], newest: None, last: None }
    }

    /// The newest reading: seconds since 1970, and the share.
    pub(super) fn last(&self) -> Option<(i64, f32)> {
        self.last
    }

    /// Takes a reading that is newer than the last, and gives the slots it makes known, oldest first.
    pub(super) fn take(&mut self, at_s: i64, share: f32, mut known: impl FnMut(i64, f32)) {
        let before = self.last.replace((at_s, share));
        let mut put = |curve: &mut Self, slot: i64, share: f32| {
            if curve.newest.is_none_or(|newest| slot > newest) {
                curve.put(slot, share);
                known(slot, share);
            }
        };
        let mut from_s = at_s - EDGE_S;
        if let Some((before_s, was)) = before {
            if at_s - before_s <= MAX_GAP_S {
                for slot in slots(before_s, at_s) {
                    let way = (slot * SLOT_S - before_s) as f32 / (at_s - before_s) as f32;
                    put(self, slot, was + (share - was) * way);
                }
                return;
            }
            for slot in slots(before_s, before_s + EDGE_S) {
                put(self, slot, was);
            }
            from_s = from_s.max(before_s + EDGE_S);
        }
        for slot in slots(from_s, at_s) {
            put(self, slot, share);
        }
    }

    fn put(&mut self, slot: i64, share: f32) {
        let first = self.newest.map_or(slot, |newest| (newest + 1).max(slot - KEPT as i64 + 1));
        for passed in first..slot {
            self.shares[place(passed)] = f32::NAN;
        }
        self.shares[place(slot)] = share;
        self.newest = Some(slot);
    }

    /// The memory of its ring, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.shares.capacity() * size_of::<f32>()
    }

    /// Whether a stored curve has the form this version works with.
    pub(super) fn is_sound(&self) -> bool {
        self.shares.len() == KEPT
    }

    /// Every slot that is kept and known, oldest first.
    pub(super) fn kept(&self) -> impl Iterator<Item = (i64, f32)> + '_ {
        let newest = self.newest.unwrap_or(0);
        (newest - KEPT as i64 + 1..=newest).filter_map(|slot| Some((slot, self.slot(slot)?)))
    }

    /// The share of a slot, if it is kept and known.
    pub(super) fn slot(&self, slot: i64) -> Option<f32> {
        let newest = self.newest?;
        if slot > newest || slot <= newest - KEPT as i64 {
            return None;
        }
        Some(self.shares[place(slot)]).filter(|share| !share.is_nan())
    }

    /// The share at an instant not later than the last reading.
    pub(super) fn at(&self, at_s: i64) -> Option<f32> {
        let (last_s, last) = self.last?;
        if at_s == last_s {
            return Some(last);
        }
        let slot = at_s.div_euclid(SLOT_S);
        let from = self.slot(slot)?;
        let (next_s, next) = match self.slot(slot + 1) {
            Some(next) => ((slot + 1) * SLOT_S, next),
            None if last_s >= at_s && last_s - slot * SLOT_S <= SLOT_S => (last_s, last),
            None => return None,
        };
        let length = next_s - slot * SLOT_S;
        if length == 0 {
            return Some(from);
        }
        Some(from + (next - from) * (at_s - slot * SLOT_S) as f32 / length as f32)
    }
}

impl Curve {
    /// The share at an instant; that of the last reading up to a quarter of an hour after it.
    pub(super) fn near(&self, at_s: i64) -> Option<f32> {
        match self.last {
            Some((last_s, last)) if at_s > last_s => (at_s - last_s <= SLOT_S).then_some(last),
            _ => self.at(at_s),
        }
    }
}

/// The instant of a slot.
pub(super) fn instant(slot: i64) -> Option<Instant> {
    from_micros(slot.checked_mul(SLOT_S)?.checked_mul(1_000_000)?)
}

/// The slots after `from_s` up to `to_s`.
fn slots(from_s: i64, to_s: i64) -> std::ops::RangeInclusive<i64> {
    from_s.div_euclid(SLOT_S) + 1..=to_s.div_euclid(SLOT_S)
}

fn place(slot: i64) -> usize {
    slot.rem_euclid(KEPT as i64) as usize
}

/// Whole seconds since 1970.
pub(super) fn seconds(at: Instant) -> i64 {
    at.timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_that_come_early_and_late_give_the_share_at_the_quarter_itself() {
        let mut curve = Curve::new();
        let mut known = Vec::new();
        curve.take(57 * 60, 0.1, |slot, share| known.push((slot, share)));
        curve.take(87 * 60, 0.4, |slot, share| known.push((slot, share)));
        assert_eq!(known.len(), 2);
        assert_eq!(known[0].0, 4);
        assert!((known[0].1 - 0.13).abs() < 1e-6 && (known[1].1 - 0.28).abs() < 1e-6);
        assert!((curve.at(81 * 60).unwrap() - 0.34).abs() < 1e-6);
        assert_eq!(curve.at(57 * 60), None, "before the first slot nothing is kept");
    }

    #[test]
    fn nothing_is_known_inside_a_gap() {
        let mut curve = Curve::new();
        curve.take(0, 0.5, |_, _| ());
        let mut known = Vec::new();
        curve.take(7200, 0.9, |slot, share| known.push((slot, share)));
        assert_eq!(known, [(8, 0.9)], "only the slot at the reading itself");
        assert_eq!(curve.at(3600), None);
    }
}
