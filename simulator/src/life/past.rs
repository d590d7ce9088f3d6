//! The town's last two weeks, as its tides made them: a demonstration that has just begun has a yesterday too.

use chrono::{DateTime, Datelike, Duration, Utc, Weekday};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::{FIRST_HOUR, tides::wished_share};
use crate::town::{Purpose, Town};

/// How far back it goes.
pub const DAYS: i64 = 15;
/// A count is told of each lot so often.
pub const EVERY: Duration = Duration::minutes(30);
/// The town's clocks against UTC, hours.
const ZONE_H: i64 = 8;

/// A lot's count at an instant of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The lot.
    pub lot: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Places taken.
    pub taken: u32,
    /// All of them.
    pub capacity: u32,
}

/// The counts of all lots up to the moment at which the town wakes, by the order of time. The town wakes at [`FIRST_HOUR`]
/// whatever the hour is, so its past is told by its own clock.
pub fn counts(town: &Town, seed: u64, until: DateTime<Utc>) -> Vec<Count> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x9A57);
    let mut moods = vec![0.0; town.lots.len()];
    let steps = (DAYS * 24 * 60) / EVERY.num_minutes();
    let mut counts = Vec::new();
    for back in (1..=steps).rev() {
        let at = until - EVERY * i32::try_from(back).unwrap_or(i32::MAX);
        let hour = FIRST_HOUR - (back * EVERY.num_minutes()) as f64 / 60.0;
        let weekday = (at + Duration::hours(ZONE_H)).weekday();
        for (lot, mood) in town.lots.iter().zip(&mut moods) {
            *mood = wander(&mut rng, *mood);
            let share = (wished_share(lot.purpose, hour) * on(lot.purpose, weekday) + *mood).clamp(0.0, 1.0);
            let taken = (share * f64::from(lot.capacity)).round() as u32;
            counts.push(Count { lot: lot.id.clone(), at, taken, capacity: lot.capacity });
        }
    }
    counts
}

/// Days differ from each other, and a lot that was fuller than usual stays so for some hours.
fn wander(rng: &mut impl Rng, mood: f64) -> f64 {
    mood * 0.94 + rng.random_range(-0.025..0.025)
}

/// How much of a lot's tide comes on a weekday.
fn on(purpose: Purpose, weekday: Weekday) -> f64 {
    let weekend = matches!(weekday, Weekday::Sat | Weekday::Sun);
    match purpose {
        Purpose::Office | Purpose::School if weekend => 0.35,
        Purpose::Hospital if weekend => 0.7,
        Purpose::Home | Purpose::Leisure | Purpose::Market if weekend => 1.12,
        Purpose::Leisure => 0.8,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::town::TownOptions;

    #[test]
    fn the_past_leads_up_to_now_and_a_school_is_quiet_on_sunday() {
        let town = Town::generate(1, TownOptions { ntcip_base_port: 16_101 });
        let until = DateTime::from_timestamp(1_773_104_400, 0).unwrap();
        let counts = counts(&town, 1, until);
        assert_eq!(counts.len(), town.lots.len() * 48 * DAYS as usize);
        assert!(counts.iter().all(|count| count.taken <= count.capacity && count.at < until));
        assert_eq!(counts.last().unwrap().at, until - EVERY);
        let school = town.lots.iter().find(|lot| lot.purpose == Purpose::School).unwrap();
        let taken_on = |weekday: Weekday| -> f64 {
            let day =
                counts.iter().filter(|c| c.lot == school.id && (c.at + Duration::hours(ZONE_H)).weekday() == weekday);
            let taken: Vec<f64> = day.map(|count| f64::from(count.taken)).collect();
            taken.iter().sum::<f64>() / taken.len() as f64
        };
        assert!(taken_on(Weekday::Sun) < 0.7 * taken_on(Weekday::Tue));
    }
}
