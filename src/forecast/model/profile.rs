//! How a lot usually is: the occupied share by weekday and quarter of an hour, and by the kind of day until a weekday was seen.

use serde::{Deserialize, Serialize};

use crate::domain::calendar::{Cell, DayKind, Moment, SLOTS_A_DAY};

/// Weight of the newest day of a weekday, and of a kind of day.
const WEEKDAY_WEIGHT: f32 = 0.4;
const KIND_WEIGHT: f32 = 0.3;
/// Slots this far from one that was never seen still stand for it.
const NEIGHBOURS: i32 = 2;

/// The profile of a lot; shares are not numbers where nothing was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Profile {
    weekdays: Vec<f32>,
    /// Days that each slot of a weekday was seen, up to 255.
    days: Vec<u8>,
    kinds: Vec<f32>,
}

/// What is usual at a moment, occupied shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usual {
    /// Of this weekday, leaning on its kind of day while few were seen.
    pub(super) share: f32,
    /// Of its kind of day; that of the weekday where the kind was never seen.
    pub(super) kind_share: f32,
    /// Days this rests on.
    pub(super) days: u8,
}

impl Profile {
    /// A profile that has seen nothing.
    pub(super) fn new() -> Self {
        Self {
            weekdays: vec![f32::NAN; 7 * SLOTS_A_DAY],
            days: vec![0; 7 * SLOTS_A_DAY],
            kinds: vec![f32::NAN; DayKind::COUNT * SLOTS_A_DAY],
        }
    }

    /// The memory of its tables, bytes.
    pub(super) fn bytes(&self) -> usize {
        (self.weekdays.capacity() + self.kinds.capacity()) * size_of::<f32>() + self.days.capacity()
    }

    /// Whether a stored profile has the form this version works with.
    pub(super) fn is_sound(&self) -> bool {
        let (weekdays, kinds) = (7 * SLOTS_A_DAY, DayKind::COUNT * SLOTS_A_DAY);
        self.weekdays.len() == weekdays && self.days.len() == weekdays && self.kinds.len() == kinds
    }

    /// Learns the share of a slot.
    pub(super) fn learn(&mut self, cell: Cell, share: f32) {
        let kind = &mut self.kinds[of_kind(cell.day.kind, cell.slot)];
        *kind = if kind.is_nan() { share } else { *kind + KIND_WEIGHT * (share - *kind) };
        if let Some(weekday) = cell.day.weekday {
            let place = usize::from(weekday) * SLOTS_A_DAY + usize::from(cell.slot);
            let old = &mut self.weekdays[place];
            *old = if old.is_nan() { share } else { *old + WEEKDAY_WEIGHT * (share - *old) };
            self.days[place] = self.days[place].saturating_add(1);
        }
    }

    /// What is usual at a moment; `None` if nothing like it was seen.
    #[inline]
    pub(super) fn usual(&self, moment: &Moment) -> Option<Usual> {
        let [first, second] = moment.cells;
        match (self.seen(first), self.seen(second)) {
            (Some(a), Some(b)) => Some(Usual {
                share: a.share + (b.share - a.share) * moment.share,
                kind_share: a.kind_share + (b.kind_share - a.kind_share) * moment.share,
                days: a.days,
            }),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => self.near(first),
        }
    }

    fn near(&self, cell: Cell) -> Option<Usual> {
        (1..=NEIGHBOURS).flat_map(|step| [-step, step]).find_map(|step| {
            let slot = i32::from(cell.slot) + step;
            let slot = u8::try_from(slot).ok().filter(|slot| usize::from(*slot) < SLOTS_A_DAY)?;
            self.seen(Cell { slot, ..cell })
        })
    }

    #[inline]
    fn seen(&self, cell: Cell) -> Option<Usual> {
        let kind = self.kind_share(cell);
        let Some(weekday) = cell.day.weekday else {
            return kind.map(|share| Usual { share, kind_share: share, days: 0 });
        };
        let place = usize::from(weekday) * SLOTS_A_DAY + usize::from(cell.slot);
        let own = self.weekdays[place];
        if own.is_nan() {
            return kind.map(|share| Usual { share, kind_share: share, days: 0 });
        }
        let days = self.days[place];
        let kind_share = kind.unwrap_or(own);
        let trust = f32::from(days) / (f32::from(days) + 1.0);
        Some(Usual { share: trust * own + (1.0 - trust) * kind_share, kind_share, days })
    }

    /// A holiday that is the first of its kind is like a Sunday.
    #[inline]
    fn kind_share(&self, cell: Cell) -> Option<f32> {
        let share = self.kinds[of_kind(cell.day.kind, cell.slot)];
        if !share.is_nan() {
            return Some(share);
        }
        let sunday = self.kinds[of_kind(DayKind::Sunday, cell.slot)];
        (cell.day.kind == DayKind::Holiday && !sunday.is_nan()).then_some(sunday)
    }
}

fn of_kind(kind: DayKind, slot: u8) -> usize {
    kind as usize * SLOTS_A_DAY + usize::from(slot)
}
