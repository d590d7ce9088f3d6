//! Who comes, when, from where, where to, and for how long: drawn once from the seed, whatever the signs will show.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{Corner, Crowd, Day, Streets};

/// Mean stay, seconds.
const STAY_S: f64 = 3_600.0;
/// The share of drivers who want to be around the market.
const MARKET: f64 = 0.75;
/// Arrivals of the rush that fills the town, against those of the peak: twice as many fill it in the time half of them stay.
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
    // With arrivals at a steady rate the lots hold rate * stay in the long run, and what they hold varies by its root: this is
    // the mean that reaches the peak now and then.
    let most_held = crowd.peak * f64::from(streets.capacity());
    let peak_rate = (most_held - 2.0 * most_held.sqrt()) / STAY_S;
    let mut people = Vec::new();
    let mut now_s = 0.0;
    loop {
        let most = RUSH * peak_rate;
        now_s += -(1.0 - random.random::<f64>()).ln() / most;
        if now_s >= f64::from(day.length_s) {
            return people;
        }
        let keep = random.random::<f64>() < rate(now_s) / RUSH;
        let person = person(streets, crowd, &mut random, now_s as u32);
        if keep {
            people.push(person);
        }
    }
}

/// The rate of arrivals against that of the peak: a rush fills the town to it, and then it holds.
fn rate(now_s: f64) -> f64 {
    if now_s < STAY_S * std::f64::consts::LN_2 { RUSH } else { 1.0 }
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
