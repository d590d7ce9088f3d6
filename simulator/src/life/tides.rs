//! The tide of each kind of lot: how full it would like to be at an hour, and how long its visitors stay.

use crate::town::Purpose;

/// Visitors stay an eighth of what they would in a real town, so that a short look at the map shows life.
pub const HURRY: f64 = 8.0;

/// Hour of the day and the wished share of places taken.
type Tide = &'static [(f64, f64)];

fn tide(purpose: Purpose) -> Tide {
    match purpose {
        Purpose::Home => &[(0.0, 0.92), (6.0, 0.9), (8.5, 0.5), (16.0, 0.45), (19.0, 0.85), (24.0, 0.92)],
        Purpose::Hospital => {
            &[(0.0, 0.25), (6.5, 0.35), (8.0, 0.9), (10.5, 1.02), (13.0, 0.7), (15.0, 0.95), (19.0, 0.4), (24.0, 0.25)]
        }
        Purpose::Leisure => {
            &[(0.0, 0.08), (6.0, 0.2), (8.0, 0.4), (10.0, 0.6), (13.0, 0.5), (16.0, 0.75), (20.0, 0.85), (24.0, 0.08)]
        }
        Purpose::Market => {
            &[(0.0, 0.05), (4.5, 0.2), (7.0, 0.97), (9.0, 0.85), (12.0, 0.4), (16.5, 0.8), (20.0, 0.1), (24.0, 0.05)]
        }
        Purpose::Office => &[
            (0.0, 0.1),
            (7.0, 0.3),
            (8.5, 0.9),
            (11.5, 0.93),
            (12.7, 0.65),
            (14.5, 0.92),
            (17.5, 0.45),
            (20.0, 0.15),
            (24.0, 0.1),
        ],
        Purpose::RideOn => &[(0.0, 0.2), (6.0, 0.3), (8.0, 0.65), (14.0, 0.75), (19.0, 0.4), (24.0, 0.2)],
        Purpose::School => &[(0.0, 0.1), (7.0, 0.75), (8.2, 0.55), (11.5, 0.6), (16.0, 0.9), (18.0, 0.35), (24.0, 0.1)],
        Purpose::Shopping => {
            &[(0.0, 0.15), (7.0, 0.4), (9.0, 0.65), (12.0, 0.85), (15.0, 0.75), (19.0, 1.0), (21.5, 0.6), (24.0, 0.15)]
        }
    }
}

/// The share of places that would be taken at an hour of the day; slightly above 1 means a queue at the gate.
pub fn wished_share(purpose: Purpose, hour: f64) -> f64 {
    let hour = hour.rem_euclid(24.0);
    tide(purpose)
        .windows(2)
        .find(|pair| pair[0].0 <= hour && hour <= pair[1].0)
        .map_or(0.5, |pair| pair[0].1 + (pair[1].1 - pair[0].1) * (hour - pair[0].0) / (pair[1].0 - pair[0].0))
}

/// Mean stay, seconds of the town's own time.
pub fn mean_stay_s(purpose: Purpose, on_street: bool) -> f64 {
    let minutes = match purpose {
        _ if on_street => 30.0,
        Purpose::Market => 25.0,
        Purpose::Hospital => 60.0,
        Purpose::Shopping => 55.0,
        Purpose::School => 40.0,
        Purpose::Leisure => 70.0,
        Purpose::Office => 80.0,
        Purpose::RideOn | Purpose::Home => 120.0,
    };
    minutes * 60.0 / HURRY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_empty_while_offices_fill() {
        assert!(wished_share(Purpose::Home, 3.0) > 0.9 && wished_share(Purpose::Home, 11.0) < 0.55);
        assert!(wished_share(Purpose::Office, 3.0) < 0.2 && wished_share(Purpose::Office, 10.0) > 0.85);
        assert!((wished_share(Purpose::Shopping, 25.0) - wished_share(Purpose::Shopping, 1.0)).abs() < 1e-9);
    }
}
