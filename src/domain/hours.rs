//! Opening hours in OpenStreetMap syntax: whether a place is open at an instant, in the city's own time zone.

use chrono_tz::Tz;
use opening_hours::OpeningHours;

use super::time::Instant;

/// Longest text taken as opening hours, bytes.
pub const MAX_HOURS_BYTES: usize = 500;

/// Hours that were read and understood. Public holidays (`PH`) and school holidays (`SH`) match no day: the city file has
/// no calendar of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours(OpeningHours);

/// Why a text is not opening hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not opening hours in OpenStreetMap syntax: {0}")]
pub struct InvalidHours(String);

impl Hours {
    /// Reads hours such as `Mo-Fr 07:00-22:00; Sa,Su 08:00-20:00`.
    pub fn parse(text: &str) -> Result<Self, InvalidHours> {
        if text.len() > MAX_HOURS_BYTES {
            return Err(InvalidHours(format!("longer than {MAX_HOURS_BYTES} bytes")));
        }
        match text.parse() {
            Ok(hours) => Ok(Self(hours)),
            Err(error) => Err(InvalidHours(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))),
        }
    }

    /// Whether it is open at `now` on the clocks of `zone`; hours marked unknown are not open.
    pub fn is_open(&self, zone: Tz, now: Instant) -> bool {
        self.0.is_open(now.with_timezone(&zone).naive_local())
    }
}

/// Whether a place with these hours is open at `now` on the clocks of `zone`; no hours means always. Hours that cannot be
/// read count as closed: an import refuses them, and nobody is to be sent to a place that may be shut.
pub fn is_open(hours: Option<&str>, zone: Tz, now: Instant) -> bool {
    match hours {
        None | Some("24/7") => true,
        Some(text) => Hours::parse(text).is_ok_and(|hours| hours.is_open(zone, now)),
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Asia::Shanghai, Europe::Berlin};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::parse_rfc3339;

    #[test]
    fn a_garage_opens_and_shuts_by_the_clocks_of_its_own_city() {
        let at = |text| parse_rfc3339(text).unwrap();
        let hours = Some("Mo-Fr 07:00-22:00");
        // 2026-03-10 is a Tuesday; 07:00 in Shanghai is 23:00 UTC of the day before.
        assert!(!is_open(hours, Shanghai, at("2026-03-09T22:59:59Z")));
        assert!(is_open(hours, Shanghai, at("2026-03-09T23:00:00Z")));
        assert!(is_open(hours, Shanghai, at("2026-03-10T13:59:59Z")));
        assert!(!is_open(hours, Shanghai, at("2026-03-10T14:00:00Z")));
        assert!(!is_open(hours, Shanghai, at("2026-03-14T04:00:00Z")), "Saturday");
    }

    #[test]
    fn hours_follow_daylight_saving_time_where_a_city_keeps_it() {
        let eight = parse_rfc3339("2026-07-01T06:30:00Z").unwrap();
        assert!(is_open(Some("08:00-09:00"), Berlin, eight));
        assert!(!is_open(Some("08:00-09:00"), Berlin, eight + chrono::Duration::days(184)));
    }

    #[test]
    fn a_night_row_stays_open_over_midnight() {
        let at = |text| parse_rfc3339(text).unwrap();
        assert!(is_open(Some("20:00-07:00"), Shanghai, at("2026-03-10T18:00:00Z")), "02:00");
        assert!(!is_open(Some("20:00-07:00"), Shanghai, at("2026-03-10T04:00:00Z")), "12:00");
    }

    #[test]
    fn no_hours_means_always_and_unreadable_hours_mean_closed() {
        let now = parse_rfc3339("2026-03-10T04:00:00Z").unwrap();
        assert!(is_open(None, Shanghai, now) && is_open(Some("24/7"), Shanghai, now));
        assert!(!is_open(Some("whenever"), Shanghai, now));
        assert!(Hours::parse(&"Mo ".repeat(200)).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_written_as_hours_is_read_or_refused_in_one_line(text in "[A-Za-z0-9:;,+ /-]{0,40}", days in 0i64..40_000) {
            let now = Instant::UNIX_EPOCH + chrono::Duration::days(days);
            match Hours::parse(&text) {
                Ok(hours) => { hours.is_open(Shanghai, now); }
                Err(error) => prop_assert!(!error.to_string().contains('\n')),
            }
        }
    }
}
