//! Who comes, when, from where, where to, and for how long: drawn once from the seed, whatever the signs will show.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{Corner, Crowd, Day, Streets};

/// Mean stay, seconds.
const STAY_S: f64 = 3_600.0;
/// The share of drivers who want to be around the market.
const MARKET: f64 = 0.75;
/// Arrivals of the rush that fills the town, against those that hold it at its height.
const RUSH: f64 = 2.0;
/// Stays are at least this long, seconds.
const SHORTEST_S: f64 = 900.0;

/// One driver.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Person {
    pub(super) enters_s: u32,
    pub(super) from: Corner,
    pub(super) to: Corner,
    pub(super) stay_s: u32,
    pub(super) complies: bool,
    pub(super) has_app: bool,
    /// What each lot is worth to this driver beside way and walk, seconds.
    pub(super) taste_s: Vec<f64>,
}

/// Everybody of a day, in the order they come.
pub(super) fn crowd(streets: &Streets, crowd: &Crowd, day: Day, seed: u64) -> Vec<Person> {
    let mut random = StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let rates = rates(crowd.peak * f64::from(streets.capacity()), day.length_s);
    let most = rates.iter().copied().fold(0.0, f64::max);
    let mut people = Vec::new();
    let mut now_s = 0.0;
    loop {
        now_s += -(1.0 - random.random::<f64>()).ln() / most;
        if now_s >= f64::from(day.length_s) {
            return people;
        }
        let keep = random.random::<f64>() * most < rates[now_s as usize / 60];
        let person = person(streets, crowd, &mut random, now_s as u32);
        if keep {
            people.push(person);
        }
    }
}

/// Arrivals a second in each minute: a rush until the town holds what it does at its height, then what replaces those who leave.
fn rates(most_held: f64, length_s: u32) -> Vec<f64> {
    // What the lots hold varies by about its root: this is the mean that reaches the peak once in an afternoon.
    let height = most_held - 0.75 * most_held.sqrt();
    let minutes = length_s.div_ceil(60) as usize;
    let stays = |minutes_ago: usize| {
        let past_s = 60.0 * minutes_ago as f64 + 30.0;
        ((SHORTEST_S - past_s) / (STAY_S - SHORTEST_S)).exp().min(1.0)
    };
    let mut rates: Vec<f64> = Vec::with_capacity(minutes);
    for minute in 0..minutes {
        let standing: f64 = rates.iter().enumerate().map(|(then, rate)| 60.0 * rate * stays(minute - then)).sum();
        rates.push(((height - standing) / 60.0 / stays(0)).clamp(0.0, RUSH * height / STAY_S));
    }
    rates
}

fn person(streets: &Streets, crowd: &Crowd, random: &mut StdRng, enters_s: u32) -> Person {
    let last = streets.size - 1;
    let along = random.random_range(0..streets.size);
    let from = match random.random_range(0..4) {
        0 => Corner { x: 0, y: along },
        1 => Corner { x: last, y: along },
        2 => Corner { x: along, y: 0 },
        _ => Corner { x: along, y: last },
    };
    // Three in four want to be around the market, the others anywhere in the middle.
    let around = |centre: i32, random: &mut StdRng| centre + random.random_range(0..3) + random.random_range(0..3) - 2;
    let middle = |random: &mut StdRng| i32::midpoint(random.random_range(1..last), random.random_range(1..last));
    let to = if random.random::<f64>() < MARKET {
        Corner { x: around(5, random), y: around(4, random) }
    } else {
        Corner { x: middle(random), y: middle(random) }
    };
    let stay_s = (SHORTEST_S - (1.0 - random.random::<f64>()).ln() * (STAY_S - SHORTEST_S)) as u32;
    let complies = random.random::<f64>() < crowd.complies;
    let has_app = random.random::<f64>() < crowd.apps;
    let taste_s = streets.lots.iter().map(|_| gumbel(random, 30.0)).collect();
    Person { enters_s, from, to, stay_s, complies, has_app: has_app && complies, taste_s }
}

fn gumbel(random: &mut StdRng, scale: f64) -> f64 {
    let uniform: f64 = random.random::<f64>().clamp(1e-9, 1.0 - 1e-9);
    -scale * (-uniform.ln()).ln()
}
