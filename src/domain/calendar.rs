//! The calendar by which days are alike: weekdays on the city's own clocks, public holidays, and weekend days that are worked.

use std::collections::BTreeSet;

use chrono::{Datelike, FixedOffset, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;

use super::time::Instant;

/// Minutes of a slot of a day; every time zone in use is off UTC by a multiple of it.
pub const SLOT_MIN: u32 = 15;
/// Slots of a day.
pub const SLOTS_A_DAY: usize = (24 * 60 / SLOT_MIN) as usize;

/// Kinds of days that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DayKind {
    /// Monday to Friday, and a weekend day that is worked.
    Working,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
    /// A public holiday, whatever weekday it falls on.
    Holiday,
}

impl DayKind {
    /// How many kinds there are.
    pub const COUNT: usize = 4;
}

/// A day as the calendar sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Monday is 0; `None` on a holiday or a worked weekend day, which say nothing of their weekday.
    pub weekday: Option<u8>,
    /// What it is like.
    pub kind: DayKind,
}

/// A slot of a day of some kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The day.
    pub day: Day,
    /// The slot, from 0 at local midnight.
    pub slot: u8,
}

/// An instant between two slots: `share` of the way from the first to the second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// The slot that began last, and the next one.
    pub cells: [Cell; 2],
    /// How far it is from the first to the second, 0 to 1.
    pub share: f32,
    /// Hour of the local day.
    pub hour: u8,
}

/// The calendar of a city.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
    holidays: BTreeSet<NaiveDate>,
    worked: BTreeSet<NaiveDate>,
}

impl Calendar {
    /// A calendar on the clocks of `zone`. `worked` are weekend days that are working days in a holiday's stead; a day that
    /// is both is a holiday.
    pub fn new(zone: Tz, holidays: BTreeSet<NaiveDate>, worked: BTreeSet<NaiveDate>) -> Self {
        Self { zone, holidays, worked }
    }

    /// A calendar of weekdays only.
    pub fn plain(zone: Tz) -> Self {
        Self::new(zone, BTreeSet::new(), BTreeSet::new())
    }

    /// The zone whose clocks it goes by.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The day a local date is.
    pub fn day(&self, date: NaiveDate) -> Day {
        let weekday = date.weekday().num_days_from_monday() as u8;
        if self.holidays.contains(&date) {
            return Day { weekday: None, kind: DayKind::Holiday };
        }
        if self.worked.contains(&date) {
            return Day { weekday: None, kind: DayKind::Working };
        }
        let kind = match weekday {
            5 => DayKind::Saturday,
            6 => DayKind::Sunday,
            _ => DayKind::Working,
        };
        Day { weekday: Some(weekday), kind }
    }

    /// The local date of an instant.
    pub fn date(&self, at: Instant) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// The slots an instant lies between.
    pub fn moment(&self, at: Instant) -> Moment {
        self.moment_of(at.with_timezone(&self.zone).naive_local())
    }

    /// The same for many instants between two: one look at the zone serves them all, unless clocks change in between.
    pub fn between(&self, from: Instant, to: Instant) -> Between<'_> {
        let offset = |at: Instant| self.zone.offset_from_utc_datetime(&at.naive_utc()).fix();
        let first = offset(from);
        Between { calendar: self, offset: (first == offset(to)).then_some(first) }
    }

    fn moment_of(&self, local: NaiveDateTime) -> Moment {
        let second = local.num_seconds_from_midnight();
        let (slot, past) = (second / (SLOT_MIN * 60), second % (SLOT_MIN * 60));
        let date = local.date();
        let day = self.day(date);
        let first = Cell { day, slot: slot as u8 };
        let second_cell = if slot as usize + 1 < SLOTS_A_DAY {
            Cell { day, slot: slot as u8 + 1 }
        } else {
            Cell { day: date.checked_add_signed(TimeDelta::days(1)).map_or(day, |next| self.day(next)), slot: 0 }
        };
        Moment { cells: [first, second_cell], share: past as f32 / (SLOT_MIN * 60) as f32, hour: (second / 3600) as u8 }
    }
}

/// The calendar between two instants.
#[derive(Debug, Clone, Copy)]
pub struct Between<'a> {
    calendar: &'a Calendar,
    /// What local clocks are ahead of UTC by, where that does not change.
    offset: Option<FixedOffset>,
}

impl Between<'_> {
    /// The slots an instant between the two lies between.
    pub fn moment(&self, at: Instant) -> Moment {
        match self.offset {
            Some(offset) => self.calendar.moment_of(at.naive_utc() + offset),
            None => self.calendar.moment(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Asia::Shanghai;

    use super::*;
    use crate::domain::time::parse_rfc3339;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_holiday_and_a_worked_sunday_say_nothing_of_their_weekday() {
        let calendar = Calendar::new(Shanghai, [date("2026-10-01")].into(), [date("2026-10-10")].into());
        assert_eq!(calendar.day(date("2026-10-01")), Day { weekday: None, kind: DayKind::Holiday });
        assert_eq!(calendar.day(date("2026-10-10")), Day { weekday: None, kind: DayKind::Working });
        assert_eq!(calendar.day(date("2026-10-11")), Day { weekday: Some(6), kind: DayKind::Sunday });
    }

    #[test]
    fn the_last_slot_of_a_day_leads_into_the_next_day() {
        let calendar = Calendar::plain(Shanghai);
        let friday = parse_rfc3339("2026-03-13T15:57:30Z").unwrap();
        let moment = calendar.moment(friday);
        assert_eq!((moment.cells[0].slot, moment.cells[0].day.weekday), (95, Some(4)));
        assert_eq!((moment.cells[1].slot, moment.cells[1].day.kind), (0, DayKind::Saturday));
        assert!((moment.share - 0.83333).abs() < 1e-4);
        assert_eq!(moment.hour, 23);
    }

    #[test]
    fn a_look_at_the_zone_serves_a_span_also_where_clocks_change() {
        let calendar = Calendar::plain(chrono_tz::Europe::Berlin);
        let start = parse_rfc3339("2026-03-28T00:00:00Z").unwrap();
        for quarter in 0..400 {
            let at = start + TimeDelta::minutes(15 * quarter);
            let between = calendar.between(at - TimeDelta::minutes(45), at + TimeDelta::hours(2));
            for minutes in [-45, -15, 0, 15, 120] {
                let at = at + TimeDelta::minutes(minutes);
                assert_eq!(between.moment(at), calendar.moment(at), "{at}");
            }
        }
    }
}
