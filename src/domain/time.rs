//! Instants: UTC, truncated to microseconds, so that every store and every format gives back what it was given.

use chrono::{DateTime, Duration, SubsecRound, Utc};

/// A UTC instant. Always pass instants that come from outside through [`truncate`].
pub type Instant = DateTime<Utc>;

/// Truncates an instant to microseconds, the precision every store keeps.
pub fn truncate(at: Instant) -> Instant {
    at.trunc_subsecs(6)
}

/// Microseconds since the Unix epoch, as the stores keep an instant.
pub fn to_micros(at: Instant) -> i64 {
    at.timestamp_micros()
}

/// The instant of a number of microseconds since the Unix epoch; `None` outside the calendar's range.
pub fn from_micros(micros: i64) -> Option<Instant> {
    DateTime::from_timestamp_micros(micros)
}

/// Reads an RFC 3339 instant, truncated to microseconds.
pub fn parse_rfc3339(text: &str) -> Result<Instant, chrono::ParseError> {
    Ok(truncate(DateTime::parse_from_rfc3339(text)?.with_timezone(&Utc)))
}

/// An instant as RFC 3339 in UTC with as few digits as it needs, e.g. `2026-03-10T01:15:00Z`.
pub fn rfc3339(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// The age of `then` at `now`, never negative: a device's clock that runs ahead makes no age below zero.
pub fn age(now: Instant, then: Instant) -> Duration {
    (now - then).max(Duration::zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_the_store_to_the_microsecond() {
        let at = parse_rfc3339("2026-03-10T09:15:00.123456789+08:00").unwrap();
        assert_eq!(rfc3339(at), "2026-03-10T01:15:00.123456Z");
        assert_eq!(from_micros(to_micros(at)), Some(at));
    }

    #[test]
    fn a_clock_ahead_of_ours_gives_age_zero() {
        let now = parse_rfc3339("2026-03-10T01:00:00Z").unwrap();
        assert_eq!(age(now, now + Duration::seconds(5)), Duration::zero());
    }
}
