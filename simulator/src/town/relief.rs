//! The lie of the land: bends the drawn plan a little differently for every seed, and turns metres into degrees.

use rand::{RngExt, rngs::StdRng};

use super::geometry::{Point, point};

const ORIGIN_LON: f64 = 119.57;
const ORIGIN_LAT: f64 = 28.11;
const METRES_PER_DEGREE_LAT: f64 = 110_850.0;
const METRES_PER_DEGREE_LON: f64 = 98_280.0;

/// A smooth bending of the plane; it keeps what touches touching.
#[derive(Debug, Clone)]
pub struct Relief {
    turn: f64,
    waves: Vec<Wave>,
}

#[derive(Debug, Clone)]
struct Wave {
    push: Point,
    frequency: Point,
    phase: f64,
}

impl Relief {
    /// Bends chosen by the generator's randomness.
    pub fn new(rng: &mut StdRng) -> Self {
        let turn = rng.random_range(-7.0_f64..7.0).to_radians();
        let waves = (0..5)
            .map(|i| {
                let wavelength = rng.random_range(1100.0..2600.0);
                let angle: f64 = rng.random_range(0.0..std::f64::consts::TAU);
                let height = rng.random_range(10.0..24.0) + f64::from(i) * 3.0;
                let frequency = point(angle.cos(), angle.sin()) * (std::f64::consts::TAU / wavelength);
                Wave {
                    push: point(-angle.sin(), angle.cos()) * height,
                    frequency,
                    phase: rng.random_range(0.0..std::f64::consts::TAU),
                }
            })
            .collect();
        Self { turn, waves }
    }

    /// Where a place of the plan lies in the town.
    pub fn place(&self, plan: Point) -> Point {
        let bent = self.waves.iter().fold(plan, |p, wave| {
            let angle = plan.x * wave.frequency.x + plan.y * wave.frequency.y + wave.phase;
            p + wave.push * angle.sin()
        });
        let (sin, cos) = self.turn.sin_cos();
        point(bent.x * cos - bent.y * sin, bent.x * sin + bent.y * cos)
    }

    /// A whole line or polygon of the plan.
    pub fn place_all(&self, plan: &[Point]) -> Vec<Point> {
        plan.iter().map(|p| self.place(*p)).collect()
    }
}

/// WGS-84 longitude and latitude of a place, degrees.
pub fn lon_lat(p: Point) -> [f64; 2] {
    [ORIGIN_LON + p.x / METRES_PER_DEGREE_LON, ORIGIN_LAT + p.y / METRES_PER_DEGREE_LAT]
}
