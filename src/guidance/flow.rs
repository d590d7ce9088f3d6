//! How fast a lot fills and empties these minutes: its arrivals and departures, each a rate that fades.

use chrono::Duration;

use crate::domain::{
    approach::{Moved, Seen},
    availability::Availability,
    time::Instant,
};

/// Arrivals and departures fade within this time, seconds.
const MEMORY_S: f64 = 600.0;
/// A lot that was watched for less than this says little: its rates are held as if it had been watched so long, seconds.
const LEAST_WATCHED_S: f64 = 600.0;

/// Rates of one lot, vehicles a second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Coming in.
    pub coming: f64,
    /// Going out.
    pub going: f64,
}

/// What was seen of one lot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flow {
    seen: Seen,
    coming: f64,
    going: f64,
    at: Instant,
    since: Instant,
}

impl Flow {
    /// A lot seen for the first time.
    pub fn new(lot: &Availability, now: Instant) -> Self {
        Self { seen: Seen::new(lot), coming: 0.0, going: 0.0, at: now, since: now }
    }

    /// Looks at the lot again.
    pub fn observe(&mut self, lot: &Availability, now: Instant) {
        let (came, left) = match self.seen.look(lot) {
            Moved::Nothing => return,
            Moved::Came(came) => (came, 0),
            Moved::Left(left) => (0, left),
            Moved::Corrected => (0, 0),
        };
        let fade = fade(now - self.at);
        self.coming = self.coming * fade + f64::from(came);
        self.going = self.going * fade + f64::from(left);
        self.at = self.at.max(now);
    }

    /// The rates at `now`.
    pub fn rates(&self, now: Instant) -> Rates {
        let fade = fade(now - self.at);
        let watched_s = seconds(now - self.since).max(LEAST_WATCHED_S);
        // The sum of a steady rate, faded, over the time watched.
        let weight = MEMORY_S * (1.0 - (-watched_s / MEMORY_S).exp());
        Rates { coming: self.coming * fade / weight, going: self.going * fade / weight }
    }
}

fn seconds(time: Duration) -> f64 {
    time.num_milliseconds().max(0) as f64 / 1000.0
}

fn fade(past: Duration) -> f64 {
    (-seconds(past) / MEMORY_S).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ids::LotId, time::parse_rfc3339};

    fn lot(occupied: u32, version: u64) -> Availability {
        let lot = Availability::unheard(LotId::parse("A").unwrap(), 100);
        Availability { occupied, free: 100 - occupied, unknown: 0, version, ..lot }
    }

    #[test]
    fn two_cars_a_minute_in_and_one_out_are_seen_as_that() {
        let start = parse_rfc3339("2026-03-10T01:00:00Z").unwrap();
        let mut flow = Flow::new(&lot(10, 1), start);
        let (mut occupied, mut version) = (10, 1);
        for second in (0..1800).step_by(10) {
            let now = start + Duration::seconds(second);
            match second % 60 {
                0 | 20 => occupied += 1,
                40 => occupied -= 1,
                _ => {}
            }
            version += 1;
            flow.observe(&lot(occupied.min(100), version), now);
        }
        let rates = flow.rates(start + Duration::seconds(1800));
        assert!((rates.coming * 60.0 - 2.0).abs() < 0.25, "{rates:?}");
        assert!((rates.going * 60.0 - 1.0).abs() < 0.25, "{rates:?}");
    }

    #[test]
    fn a_correction_is_no_traffic_and_quiet_fades() {
        let start = parse_rfc3339("2026-03-10T01:00:00Z").unwrap();
        let mut flow = Flow::new(&lot(10, 1), start);
        flow.observe(&lot(60, 2), start + Duration::seconds(1));
        assert_eq!(flow.rates(start + Duration::seconds(1)), Rates::default());
        let silent = Availability { free: 38, unknown: 2, ..lot(60, 3) };
        flow.observe(&silent, start + Duration::seconds(1));
        flow.observe(&lot(62, 4), start + Duration::seconds(1));
        assert_eq!(flow.rates(start + Duration::seconds(1)), Rates::default(), "sensors came back, not cars");
        flow.observe(&lot(63, 5), start + Duration::seconds(2));
        let then = flow.rates(start + Duration::seconds(2)).coming;
        assert!(then > 0.0 && flow.rates(start + Duration::hours(2)).coming < then / 1000.0);
    }
}
