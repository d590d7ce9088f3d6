//! Statutory terms: days of work or of the calendar, months, hours; counted on the city's clocks with a table of holidays.
//!
//! The day on which a term begins is not counted. A term of a person's right that would end on a day off ends on the next day of
//! work (`rolls`); a term that binds an authority's hold on somebody's goods does not.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, Duration, Months, NaiveDate, NaiveTime, TimeZone, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::time::Instant;

/// What a term is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Days of work.
    Working,
    /// Days of the calendar.
    Calendar,
    /// Months.
    Months,
    /// Hours, to the second.
    Hours,
}

/// One statutory term.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: Unit,
    /// Whether an end on a day off moves to the next day of work.
    #[serde(default)]
    pub rolls: bool,
    /// The article that sets it.
    pub basis: String,
}

/// When a term ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Deadline {
    /// The first instant after it: the midnight that ends its last day, or the hour itself.
    pub by: Instant,
    /// Its last day, on the city's clocks.
    pub day: NaiveDate,
    /// Whether the table of holidays reaches that far; else weekends alone were counted.
    pub is_certain: bool,
}

/// Holidays, and weekend days that are worked instead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calendar {
    /// Days off beside weekends.
    pub holidays: BTreeSet<NaiveDate>,
    /// Weekend days that are worked.
    pub workdays: BTreeSet<NaiveDate>,
}

impl Calendar {
    /// Whether a day is worked.
    pub fn is_workday(&self, day: NaiveDate) -> bool {
        let is_weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        self.workdays.contains(&day) || !(is_weekend || self.holidays.contains(&day))
    }

    /// Whether the table says something of this day's year.
    fn reaches(&self, day: NaiveDate) -> bool {
        self.holidays.iter().next_back().is_some_and(|last| day.year() <= last.year())
    }

    /// When a term ends that begins at `from`; `None` beyond the calendar's range.
    pub fn end(&self, term: &Term, from: Instant, zone: Tz) -> Option<Deadline> {
        if term.unit == Unit::Hours {
            let by = from.checked_add_signed(Duration::hours(term.count.into()))?;
            return Some(Deadline { by, day: by.with_timezone(&zone).date_naive(), is_certain: true });
        }
        let first = from.with_timezone(&zone).date_naive();
        let mut day = match term.unit {
            Unit::Calendar => first.checked_add_days(Days::new(term.count.into()))?,
            Unit::Months => first.checked_add_months(Months::new(term.count))?,
            Unit::Working => self.nth_workday(first, term.count)?,
            Unit::Hours => first,
        };
        while term.rolls && !self.is_workday(day) {
            day = day.succ_opt()?;
        }
        let midnight = day.succ_opt()?.and_time(NaiveTime::MIN);
        // Where clocks jump over midnight, the day ends when the next one begins.
        let by = zone
            .from_local_datetime(&midnight)
            .earliest()
            .or_else(|| zone.from_local_datetime(&(midnight + Duration::hours(1))).earliest())?;
        Some(Deadline { by: by.to_utc(), day, is_certain: self.reaches(day) })
    }

    fn nth_workday(&self, first: NaiveDate, count: u32) -> Option<NaiveDate> {
        let mut day = first;
        for _ in 0..count.min(10_000) {
            day = day.succ_opt()?;
            while !self.is_workday(day) {
                day = day.succ_opt()?;
            }
        }
        Some(day)
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Asia::Shanghai;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::parse_rfc3339;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Spring Festival and the days worked for it in 2026, and the first days of May.
    fn calendar() -> Calendar {
        let days = |from: &str, count: u64| {
            let from = day(from);
            (0..count).map(move |n| from + Days::new(n)).collect::<Vec<_>>()
        };
        Calendar {
            holidays: days("2026-02-15", 9)
                .into_iter()
                .chain(days("2026-05-01", 5))
                .chain(days("2026-10-01", 7))
                .collect(),
            workdays: ["2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"].map(day).into(),
        }
    }

    fn term(count: u32, unit: Unit, rolls: bool) -> Term {
        Term { count, unit, rolls, basis: String::new() }
    }

    #[test]
    fn terms_end_where_a_clerk_with_the_printed_calendar_says() {
        for (from, count, unit, rolls, last, why) in [
            ("2026-03-10", 7, Unit::Working, false, "2026-03-19", "over one weekend"),
            ("2026-02-12", 2, Unit::Working, false, "2026-02-14", "a Saturday that is worked"),
            ("2026-02-13", 2, Unit::Working, false, "2026-02-24", "over Spring Festival"),
            ("2026-02-25", 3, Unit::Working, false, "2026-02-28", "the other Saturday that is worked"),
            ("2026-04-29", 5, Unit::Working, false, "2026-05-09", "over the May holidays to a Saturday that is worked"),
            ("2026-03-10", 15, Unit::Calendar, true, "2026-03-25", "a Wednesday"),
            ("2026-02-05", 15, Unit::Calendar, true, "2026-02-24", "ends inside Spring Festival, and moves behind it"),
            ("2026-02-05", 15, Unit::Calendar, false, "2026-02-20", "a term that binds the authority does not move"),
            ("2026-01-30", 30, Unit::Calendar, false, "2026-03-01", "over the end of a short February"),
            ("2028-01-30", 30, Unit::Calendar, false, "2028-02-29", "a leap day"),
            ("2026-08-31", 6, Unit::Months, false, "2027-02-28", "six months from a day February does not have"),
            ("2027-08-31", 6, Unit::Months, false, "2028-02-29", "the same in a leap year"),
            ("2026-03-31", 6, Unit::Months, true, "2026-09-30", "a month without a thirty-first"),
            ("2026-04-01", 6, Unit::Months, true, "2026-10-08", "ends in the National Day week"),
        ] {
            let at = parse_rfc3339(&format!("{from}T09:30:00+08:00")).unwrap();
            let end = calendar().end(&term(count, unit, rolls), at, Shanghai).unwrap();
            let last = day(last);
            assert_eq!(end.day, last, "{why}");
            assert_eq!(
                end.by,
                parse_rfc3339(&format!("{}T00:00:00+08:00", last.succ_opt().unwrap())).unwrap(),
                "{why}"
            );
        }
    }

    #[test]
    fn twenty_four_hours_are_hours() {
        let at = parse_rfc3339("2026-02-15T23:59:59+08:00").unwrap();
        let end = calendar().end(&term(24, Unit::Hours, false), at, Shanghai).unwrap();
        assert_eq!(end.by - at, Duration::hours(24));
    }

    #[test]
    fn beyond_the_table_an_end_is_told_as_uncertain() {
        let at = |text| parse_rfc3339(text).unwrap();
        let end = |from| calendar().end(&term(5, Unit::Working, false), at(from), Shanghai).unwrap();
        assert!(end("2026-11-02T00:00:00Z").is_certain && !end("2027-03-02T00:00:00Z").is_certain);
        assert!(
            !Calendar::default()
                .end(&term(1, Unit::Calendar, true), at("2026-03-10T00:00:00Z"), Shanghai)
                .unwrap()
                .is_certain
        );
    }

    proptest! {
        #[test]
        fn a_working_term_has_just_so_many_days_of_work(start in 0_u64..700, count in 1_u32..60) {
            let first = day("2026-01-01") + Days::new(start);
            let last = calendar().nth_workday(first, count).unwrap();
            let worked = first.iter_days().skip(1).take_while(|each| *each <= last).filter(|each| calendar().is_workday(*each));
            prop_assert_eq!(worked.count(), count as usize);
            prop_assert!(calendar().is_workday(last));
        }
    }
}
