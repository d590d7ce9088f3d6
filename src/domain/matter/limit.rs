//! Time limits of the flow, in working time or the calendar's, and the clock that counts them across nights, weekends, holidays.

use std::{fmt, str::FromStr};

use chrono::{Datelike, Days, Duration, NaiveDate, NaiveTime, TimeZone};
use serde::{Deserialize, Serialize};

use crate::domain::{
    calendar::{Calendar, DayKind},
    time::Instant,
};

/// How far ahead a clock looks for working time, days.
const REACH_DAYS: u32 = 3_700;

/// What a limit is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Minutes of working time 工作时.
    WorkingMinutes,
    /// Working days 工作日: the day it begins is not counted, and the last ends when work does.
    WorkingDays,
    /// Minutes by the clock, day and night.
    Minutes,
}

/// A time limit, written `30wm`, `4wh`, `2wd` in working time, or `30m`, `24h`, `7d` by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Limit {
    /// How many.
    pub count: u32,
    /// Of what.
    pub counts: Counts,
}

/// Why a text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time limit is a number with wm, wh, wd (working time) or m, h, d (by the clock), such as 4wh")]
pub struct InvalidLimit;

impl FromStr for Limit {
    type Err = InvalidLimit;

    fn from_str(text: &str) -> Result<Self, InvalidLimit> {
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or(InvalidLimit)?;
        let count: u32 = text[..end].parse().map_err(|_| InvalidLimit)?;
        let (counts, times) = match &text[end..] {
            "wm" => (Counts::WorkingMinutes, 1),
            "wh" => (Counts::WorkingMinutes, 60),
            "wd" => (Counts::WorkingDays, 1),
            "m" => (Counts::Minutes, 1),
            "h" => (Counts::Minutes, 60),
            "d" => (Counts::Minutes, 24 * 60),
            _ => return Err(InvalidLimit),
        };
        let count = count.checked_mul(times).filter(|count| (1..=1_000_000).contains(count)).ok_or(InvalidLimit)?;
        Ok(Self { count, counts })
    }
}

impl TryFrom<String> for Limit {
    type Error = InvalidLimit;
    fn try_from(text: String) -> Result<Self, InvalidLimit> {
        text.parse()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, .. } = self;
        match self.counts {
            Counts::WorkingDays => write!(f, "{count}wd"),
            Counts::WorkingMinutes if count % 60 == 0 => write!(f, "{}wh", count / 60),
            Counts::WorkingMinutes => write!(f, "{count}wm"),
            Counts::Minutes if count % (24 * 60) == 0 => write!(f, "{}d", count / (24 * 60)),
            Counts::Minutes if count % 60 == 0 => write!(f, "{}h", count / 60),
            Counts::Minutes => write!(f, "{count}m"),
        }
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> Self {
        limit.to_string()
    }
}

/// A span of a working day, minutes after local midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    /// From.
    pub from_min: u32,
    /// Until.
    pub to_min: u32,
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no span of a day such as 08:30-12:00");
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let (hour, minute) = (hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?);
            (hour * 60 + minute <= 24 * 60 && minute < 60).then_some(hour * 60 + minute)
        };
        let (from, to) = text.split_once('-').ok_or_else(wrong)?;
        let (from_min, to_min) = (minute(from).ok_or_else(wrong)?, minute(to).ok_or_else(wrong)?);
        if from_min < to_min { Ok(Self { from_min, to_min }) } else { Err(wrong()) }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        format!("{}-{}", clock(span.from_min), clock(span.to_min))
    }
}

/// The clock of a city's offices: which days are worked, and from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkClock {
    calendar: Calendar,
    spans: Vec<Span>,
}

impl WorkClock {
    /// A clock; spans are put in order. Without any span the whole day is worked.
    pub fn new(calendar: Calendar, mut spans: Vec<Span>) -> Self {
        spans.sort_by_key(|span| span.from_min);
        if spans.is_empty() {
            spans.push(Span { from_min: 0, to_min: 24 * 60 });
        }
        Self { calendar, spans }
    }

    /// The calendar it goes by.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// When a limit that begins at `from` is over; `None` beyond the calendar's range.
    pub fn end(&self, from: Instant, limit: Limit) -> Option<Instant> {
        match limit.counts {
            Counts::Minutes => from.checked_add_signed(Duration::minutes(limit.count.into())),
            Counts::WorkingMinutes => self.after(from, Duration::minutes(limit.count.into())),
            Counts::WorkingDays => {
                let mut days = self.days(self.calendar.date(from).succ_opt()?);
                let last = days.nth(limit.count.saturating_sub(1) as usize)?;
                self.span(last, *self.spans.last()?).map(|(_, to)| to)
            }
        }
    }

    /// The instant at which so much working time has passed.
    pub fn after(&self, from: Instant, worked: Duration) -> Option<Instant> {
        let mut left = worked;
        for day in self.days(self.calendar.date(from)) {
            for span in &self.spans {
                let Some((begin, end)) = self.span(day, *span) else { continue };
                let begin = begin.max(from);
                if begin >= end {
                    continue;
                }
                if left <= end - begin {
                    return Some(begin + left);
                }
                left -= end - begin;
            }
        }
        None
    }

    /// The working time between two instants; zero if the second is not later.
    pub fn worked(&self, from: Instant, to: Instant) -> Duration {
        let mut sum = Duration::zero();
        for day in self.days(self.calendar.date(from)) {
            if self.span(day, self.spans[0]).is_none_or(|(begin, _)| begin >= to) {
                break;
            }
            for span in &self.spans {
                let Some((begin, end)) = self.span(day, *span) else { continue };
                sum += (end.min(to) - begin.max(from)).max(Duration::zero());
            }
        }
        sum
    }

    /// What is left at `now` of a limit that ends at `by`, in what it is counted in.
    pub fn left(&self, now: Instant, by: Instant, counts: Counts) -> Duration {
        match counts {
            Counts::Minutes => (by - now).max(Duration::zero()),
            Counts::WorkingMinutes | Counts::WorkingDays => self.worked(now, by),
        }
    }

    /// When what is left is over, counted from `now`.
    pub fn resumed(&self, now: Instant, left: Duration, counts: Counts) -> Option<Instant> {
        match counts {
            Counts::Minutes => now.checked_add_signed(left),
            Counts::WorkingMinutes | Counts::WorkingDays => self.after(now, left),
        }
    }

    /// Days that are worked, from a day on.
    fn days(&self, from: NaiveDate) -> impl Iterator<Item = NaiveDate> + '_ {
        let all = (0..u64::from(REACH_DAYS)).map_while(move |n| from.checked_add_days(Days::new(n)));
        all.filter(|day| self.calendar.day(*day).kind == DayKind::Working && day.year() < 9_999)
    }

    fn span(&self, day: NaiveDate, span: Span) -> Option<(Instant, Instant)> {
        let at = |minute: u32| {
            let midnight = day.and_time(NaiveTime::MIN);
            let local = midnight.checked_add_signed(Duration::minutes(minute.into()))?;
            let zone = self.calendar.zone();
            // Where clocks jump over a minute, it is the one an hour later.
            let resolved = zone.from_local_datetime(&local).earliest();
            let resolved = resolved.or_else(|| zone.from_local_datetime(&(local + Duration::hours(1))).earliest())?;
            Some(resolved.to_utc())
        };
        Some((at(span.from_min)?, at(span.to_min)?))
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Asia::Shanghai;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::parse_rfc3339;

    fn clock() -> WorkClock {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        // The National Day week of 2026 and a Saturday worked for it.
        let holidays = (1..=7).map(|n| day(&format!("2026-10-{n:02}"))).collect();
        let calendar = Calendar::new(Shanghai, holidays, [day("2026-10-10")].into());
        let span = |text: &str| Span::try_from(text.to_owned()).unwrap();
        WorkClock::new(calendar, vec![span("14:00-17:30"), span("08:30-12:00")])
    }

    fn local(text: &str) -> Instant {
        parse_rfc3339(&format!("{text}:00+08:00")).unwrap()
    }

    #[test]
    fn limits_are_counted_across_lunch_nights_weekends_and_holidays() {
        for (from, limit, to) in [
            // Within a morning, over lunch, over the night.
            ("2026-03-10T09:00", "2wh", "2026-03-10T11:00"),
            ("2026-03-10T11:00", "2wh", "2026-03-10T15:00"),
            ("2026-03-10T16:30", "2wh", "2026-03-11T09:30"),
            // Said at night, on a Saturday: work begins on Monday.
            ("2026-03-10T22:10", "30wm", "2026-03-11T09:00"),
            ("2026-03-14T10:00", "4wh", "2026-03-16T14:30"),
            // Friday afternoon into Monday.
            ("2026-03-13T17:00", "1wh", "2026-03-16T09:00"),
            // Over the National Day week; the Saturday after is worked.
            ("2026-09-30T17:00", "1wh", "2026-10-08T09:00"),
            ("2026-10-09T17:00", "1wh", "2026-10-10T09:00"),
            // Working days: the first is not counted, the last ends when work ends.
            ("2026-03-10T09:00", "1wd", "2026-03-11T17:30"),
            ("2026-03-13T09:00", "2wd", "2026-03-17T17:30"),
            ("2026-09-30T09:00", "2wd", "2026-10-09T17:30"),
            ("2026-10-03T09:00", "1wd", "2026-10-08T17:30"),
            // By the clock nothing stands still.
            ("2026-10-03T23:30", "1h", "2026-10-04T00:30"),
            ("2026-10-03T23:30", "7d", "2026-10-10T23:30"),
        ] {
            let limit: Limit = limit.parse().unwrap();
            assert_eq!(clock().end(local(from), limit), Some(local(to)), "{from} + {limit}");
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_and_what_is_one_is_written_as_it_was_read() {
        for text in ["30wm", "4wh", "2wd", "30m", "24h", "7d"] {
            let written = text.parse::<Limit>().unwrap().to_string();
            assert_eq!(written.parse::<Limit>(), text.parse(), "{text}");
        }
        for text in ["", "4", "wh", "0wh", "4 wh", "-1h", "4x", "99999999h"] {
            assert_eq!(text.parse::<Limit>(), Err(InvalidLimit), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_worked_until_the_end_is_the_limit(offset_min in 0_i64..40_000, count in 1_u32..5_000) {
            let from = local("2026-09-20T00:00") + Duration::minutes(offset_min);
            let end = clock().end(from, Limit { count, counts: Counts::WorkingMinutes }).unwrap();
            prop_assert_eq!(clock().worked(from, end), Duration::minutes(count.into()));
        }

        #[test]
        fn time_that_stood_still_is_given_back(offset_min in 0_i64..40_000, still_min in 0_i64..20_000, count in 60_u32..3_000) {
            let clock = clock();
            let from = local("2026-09-20T00:00") + Duration::minutes(offset_min);
            let by = clock.end(from, Limit { count, counts: Counts::WorkingMinutes }).unwrap();
            let left = clock.left(from, by, Counts::WorkingMinutes);
            let again = from + Duration::minutes(still_min);
            let by = clock.resumed(again, left, Counts::WorkingMinutes).unwrap();
            prop_assert_eq!(clock.worked(again, by), Duration::minutes(count.into()));
        }
    }
}
