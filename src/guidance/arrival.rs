//! The rule of arrival: what will be left when the driver who reads the sign is there.

use chrono::Duration;
use yunpark_signs::Reason;

use super::flow::Rates;
use crate::domain::{demand::Coming, guidance::Rules};

/// What is ahead of a driver who reads a sign now and arrives at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ahead {
    /// The profile forecast for that instant, where one can be made.
    pub forecast: Option<Expected>,
    /// How fast the lot fills and empties now.
    pub rates: Rates,
    /// Drivers known to be on their way who arrive before that instant.
    pub under_way: Coming,
}

/// A forecast as guidance uses it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Free places.
    pub free: u32,
    /// How likely a space is found, 0 to 1.
    pub chance: f64,
}

/// How old what is known is, beside the way itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// The way from the sign to the lot.
    pub travel: Duration,
    /// The age of the number.
    pub age: Duration,
    /// The longest time between two updates of the sign.
    pub update: Duration,
}

impl Latency {
    /// The time for which the number must hold: the way, the age, and half an update.
    pub fn until_arrival(&self) -> Duration {
        self.travel + self.age + self.update / 2
    }

    /// How many deviations are kept back: more where the number is slow to change.
    fn deviations(&self, rules: &Rules) -> f64 {
        let slow_s = seconds(self.age + self.update / 2);
        rules.margin + (rules.margin_slow - rules.margin) * (slow_s / 60.0).min(1.0)
    }
}

/// What is left of `free` places on arrival, and which part of the rule made it less; never more than `free`.
///
/// * No way: the count.
/// * Near (travel below `rules.near_s`): `free - (come - go) - z * sqrt(come + go)`, where `come` is what arrives by the present
///   rate in the time the number must hold, or the drivers known to be on their way if they are more, and `go` what leaves.
/// * Farther: the profile forecast, and nothing if a space is more likely missed than found. Drivers on their way count there
///   too; those whom counters saw are traffic as usual, so only they count who are more than leave by then.
pub fn left_on_arrival(free: u32, latency: &Latency, ahead: &Ahead, rules: &Rules) -> (u32, Option<Reason>) {
    // Before the entrance the driver has arrived, and latency is a matter of seconds.
    if latency.travel <= Duration::zero() {
        return (free, None);
    }
    let far = latency.travel >= Duration::seconds(rules.near_s.into());
    if let Some(expected) = ahead.forecast.filter(|_| far) {
        let go = ahead.rates.going * seconds(latency.until_arrival());
        let coming = Coming { counted: (ahead.under_way.counted - go).max(0.0), ..ahead.under_way };
        let known = (f64::from(free) - coming.most()).floor().max(0.0) as u32;
        let told = if expected.chance < 0.5 { 0 } else { expected.free };
        return match told.min(known).min(free) {
            left if left == free => (free, None),
            left if left == told => (left, Some(Reason::ForecastOnArrival)),
            left => (left, Some(Reason::UnderWay)),
        };
    }
    let time_s = seconds(latency.until_arrival());
    let (by_rate, go) = (ahead.rates.coming * time_s, ahead.rates.going * time_s);
    let come = by_rate.max(ahead.under_way.most());
    let left = f64::from(free) - (come - go) - latency.deviations(rules) * (come + go).sqrt();
    let left = left.floor().clamp(0.0, f64::from(free)) as u32;
    let reason = if ahead.under_way.most() > by_rate { Reason::UnderWay } else { Reason::FlowOnArrival };
    (left, (left < free).then_some(reason))
}

fn seconds(time: Duration) -> f64 {
    time.num_milliseconds().max(0) as f64 / 1000.0
}

#[cfg(test)]
#[path = "arrival_tests.rs"]
mod tests;
