//! Who passed an approach of late: vehicles by slots of ten seconds, each statement counted once, and how the counter is.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{LONGEST_S, Sighting, State};
use crate::domain::{
    availability::Outcome,
    observation::{Direction, Statement},
    order::{Mark, Stamp},
    time::{Instant, to_micros},
};

/// Length of a slot, seconds.
const SLOT_S: i64 = 10;
/// Slots that can still count: the longest way at half its usual speed, and a little of the learning's past.
const SLOTS: i64 = (LONGEST_S as i64 * 3 / 2 + 300) / SLOT_S;
/// Most vehicles of a slot: more pass no road in ten seconds, and what comes beyond is not counted.
const MOST_A_SLOT: u32 = 50;
/// Most lanes of an approach; a counter that invents more is not counted.
const MOST_LANES: usize = 32;
/// Words that were due and did not come, by the usual pace, before the counter counts as silent; and the least time, seconds.
const SILENT_WORDS: f64 = 12.0;
const SILENT_S: f64 = 60.0;
/// The pace fades within this time, seconds.
const PACE_S: f64 = 1800.0;
/// A word so much older than its receipt shows a clock that is off, seconds.
const CLOCK_OFF_S: i64 = 120;

/// What is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A statement further ahead of its receipt, milliseconds.
    pub max_future_ms: u64,
    /// A sequence number that fell back is a restarted device if its time is this much later, seconds.
    pub seq_reset_after_s: u32,
    /// A total, or a passage, of more vehicles at once.
    pub max_delta: u32,
}

/// A lane, or the running total of one direction of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Lane {
    name: String,
    total_of: Option<Direction>,
    mark: Mark,
    total: Option<u64>,
}

/// What the counters of one approach have said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Passed {
    lanes: Vec<Lane>,
    /// Vehicles towards the lots, by the number of the slot since 1970, in its order.
    slots: VecDeque<(i64, u32)>,
    /// Words a second.
    pace: f64,
    /// When the last word was received, microseconds; 0 before the first.
    heard_us: i64,
    /// How much older than its receipt it was, microseconds; less than nothing is ahead.
    behind_us: i64,
}

impl Passed {
    /// Hears a counter. What was heard before, or is older than what was heard of its lane, changes nothing.
    pub fn hear(&mut self, sighting: &Sighting, limits: Limits) -> Outcome {
        let (at_us, received_us) = (to_micros(sighting.observed_at), to_micros(sighting.received_at));
        let ahead_us = i64::try_from(limits.max_future_ms).unwrap_or(i64::MAX).saturating_mul(1000);
        if at_us > received_us.saturating_add(ahead_us) {
            self.note(at_us, received_us);
            return Outcome::Future;
        }
        if at_us <= 0 {
            return Outcome::Late;
        }
        let (lane, total_of, direction) = match &sighting.statement {
            Statement::Passage { lane, direction, .. } => (lane, None, *direction),
            Statement::Total { lane, direction, .. } | Statement::Baseline { lane, direction, .. } => {
                (lane, Some(*direction), *direction)
            }
            _ => return Outcome::NotCounted,
        };
        let Some(known) = self.lane(lane, total_of) else { return Outcome::NotCounted };
        let before_us = known.mark.at_us;
        let stamp = Stamp { at_us, session: sighting.session.as_deref().unwrap_or(""), seq: sighting.seq };
        if !known.mark.admit(stamp, i64::from(limits.seq_reset_after_s) * 1_000_000) {
            return Outcome::Late;
        }
        let (count, since_us) = match sighting.statement {
            Statement::Passage { count, .. } => (Some(u64::from(count)), at_us),
            Statement::Total { value, width_bits, .. } => {
                let mask = u64::MAX >> (64 - u32::from(width_bits.clamp(1, 64)));
                let value = value & mask;
                (known.total.replace(value).map(|last| value.wrapping_sub(last) & mask), before_us)
            }
            Statement::Baseline { value, .. } => {
                known.total = value;
                (None, at_us)
            }
            _ => (None, at_us),
        };
        self.note(at_us, received_us);
        match count {
            Some(count) if count > u64::from(limits.max_delta) => Outcome::Quarantined,
            Some(count) if count > 0 && direction == Direction::In => self.count(count, since_us, at_us),
            _ => Outcome::Confirmed,
        }
    }

    /// Counts vehicles: a total's are spread evenly over the time since the one before.
    fn count(&mut self, count: u64, since_us: i64, at_us: i64) -> Outcome {
        let last = slot(at_us);
        let first = slot(since_us).clamp(last - SLOTS, last);
        let slots = u64::try_from(last - first).unwrap_or(0).max(1);
        let mut whole = true;
        for nth in 0..slots {
            let share = count * (nth + 1) / slots - count * nth / slots;
            let at = last - i64::try_from(slots - 1 - nth).unwrap_or(0);
            whole &= self.put(at, u32::try_from(share).unwrap_or(u32::MAX));
        }
        let newest = self.slots.back().map_or(last, |(slot, _)| *slot);
        while self.slots.front().is_some_and(|(slot, _)| *slot <= newest - SLOTS) {
            self.slots.pop_front();
        }
        if whole { Outcome::Changed } else { Outcome::Quarantined }
    }

    /// Whether all found room in their slot.
    fn put(&mut self, at: i64, count: u32) -> bool {
        if count == 0 {
            return true;
        }
        let place = self.slots.partition_point(|(slot, _)| *slot < at);
        if self.slots.get(place).is_none_or(|(slot, _)| *slot != at) {
            self.slots.insert(place, (at, 0));
        }
        let known = &mut self.slots[place].1;
        let room = MOST_A_SLOT - *known;
        *known += count.min(room);
        count <= room
    }

    fn lane(&mut self, lane: &str, total_of: Option<Direction>) -> Option<&mut Lane> {
        let place = self.lanes.iter().position(|known| known.name == lane && known.total_of == total_of);
        let place = match place {
            Some(place) => place,
            None if self.lanes.len() >= MOST_LANES => return None,
            None => {
                self.lanes.push(Lane { name: lane.to_owned(), total_of, ..Lane::default() });
                self.lanes.len() - 1
            }
        };
        self.lanes.get_mut(place)
    }

    /// Notes that the counter spoke.
    fn note(&mut self, at_us: i64, received_us: i64) {
        let gap_s = (received_us - self.heard_us).max(0) as f64 / 1e6;
        let fade = if self.heard_us == 0 { 0.0 } else { (-gap_s / PACE_S).exp() };
        self.pace = self.pace * fade + 1.0 / PACE_S;
        self.heard_us = self.heard_us.max(received_us);
        self.behind_us = received_us - at_us;
    }

    /// How the counter is.
    pub fn state(&self, now: Instant) -> State {
        let gap_s = (to_micros(now) - self.heard_us).max(0) as f64 / 1e6;
        if self.heard_us == 0 {
            State::Unheard
        } else if gap_s > SILENT_S && gap_s * self.pace > SILENT_WORDS {
            State::Silent
        } else if self.behind_us > CLOCK_OFF_S * 1_000_000 || self.behind_us < -CLOCK_OFF_S * 1_000_000 / 2 {
            State::ClockOff
        } else {
            State::Live
        }
    }

    /// When the last word was received, and how much older it was by the device's clock, milliseconds.
    pub fn heard(&self) -> Option<(Instant, i64)> {
        let at = crate::domain::time::from_micros(self.heard_us).filter(|_| self.heard_us > 0)?;
        Some((at, self.behind_us / 1000))
    }

    /// Vehicles that passed since an instant.
    pub fn since(&self, since: Instant) -> u32 {
        let first = slot(to_micros(since));
        self.slots.iter().filter(|(slot, _)| *slot >= first).map(|(_, count)| count).sum()
    }

    /// Of all who passed, how many have their arrival after `from` and until `until` if all of them go to a place so many seconds
    /// away: each arrives some time between half and one and a half of that time, every moment of it as likely.
    pub fn arriving(&self, travel_time_s: u32, from: Instant, until: Instant) -> f64 {
        let (from_s, until_s) = (to_micros(from) as f64 / 1e6, to_micros(until) as f64 / 1e6);
        let travel_s = f64::from(travel_time_s.max(1));
        let there = |age_s: f64| ((age_s - travel_s / 2.0) / travel_s).clamp(0.0, 1.0);
        let of_slot = |(slot, count): &(i64, u32)| {
            let passed_s = (slot * SLOT_S) as f64 + SLOT_S as f64 / 2.0;
            f64::from(*count) * (there(until_s - passed_s) - there(from_s - passed_s)).max(0.0)
        };
        self.slots.iter().map(of_slot).sum()
    }

    /// Forgets lanes nobody spoke of since an instant, so that counters that were replaced make room.
    pub fn forget(&mut self, before: Instant) {
        let before_us = to_micros(before);
        self.lanes.retain(|lane| lane.mark.at_us >= before_us);
    }

    /// All vehicles that are kept, for those who check.
    #[cfg(test)]
    pub(super) fn kept(&self) -> std::collections::BTreeMap<i64, u32> {
        self.slots.iter().copied().collect()
    }
}

fn slot(at_us: i64) -> i64 {
    at_us.div_euclid(SLOT_S * 1_000_000)
}
