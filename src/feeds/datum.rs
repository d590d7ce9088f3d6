//! WGS-84, in which everything is kept, and GCJ-02, which maps in China want; converted at the edge only.
//!
//! The shift is the public approximation that map makers' own tools agree with to centimetres; outside China's box it is none.

use geo::Coord;

/// The datum coordinates are told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Crs {
    /// WGS-84.
    #[default]
    Wgs84,
    /// GCJ-02.
    Gcj02,
}

impl Crs {
    /// Reads the word of a query.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "wgs84" => Some(Self::Wgs84),
            "gcj02" => Some(Self::Gcj02),
            _ => None,
        }
    }

    /// A WGS-84 place in this datum.
    pub fn of(self, place: Coord) -> Coord {
        match self {
            Self::Wgs84 => place,
            Self::Gcj02 => to_gcj02(place),
        }
    }
}

/// Semi-major axis of the Krasovsky 1940 ellipsoid, metres.
const AXIS_M: f64 = 6_378_245.0;
/// Its first eccentricity squared.
const ECCENTRICITY_2: f64 = 0.006_693_421_622_965_943;

/// Whether the shift applies.
fn is_in_china(place: Coord) -> bool {
    (72.004..=137.8347).contains(&place.x) && (0.8293..=55.8271).contains(&place.y)
}

/// A WGS-84 place in GCJ-02, degrees; the same place outside China.
pub fn to_gcj02(place: Coord) -> Coord {
    if !is_in_china(place) {
        return place;
    }
    let (x, y) = (place.x - 105.0, place.y - 35.0);
    let wave = |of: f64, scale: f64, parts: [(f64, f64); 2]| {
        let sum: f64 = parts.iter().map(|(weight, per)| weight * (of * std::f64::consts::PI / per).sin()).sum();
        sum * scale / 3.0
    };
    // The finest wave is the same for both.
    let fine =
        (20.0 * (6.0 * x * std::f64::consts::PI).sin() + 20.0 * (2.0 * x * std::f64::consts::PI).sin()) * 2.0 / 3.0;
    let root = x.abs().sqrt();
    let north_m = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * root
        + fine
        + wave(y, 2.0, [(20.0, 1.0), (40.0, 3.0)])
        + wave(y, 2.0, [(160.0, 12.0), (320.0, 30.0)]);
    let east_m = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * root
        + fine
        + wave(x, 2.0, [(20.0, 1.0), (40.0, 3.0)])
        + wave(x, 2.0, [(150.0, 12.0), (300.0, 30.0)]);
    let latitude = place.y.to_radians();
    let magic = 1.0 - ECCENTRICITY_2 * latitude.sin() * latitude.sin();
    let north = (north_m * 180.0) / ((AXIS_M * (1.0 - ECCENTRICITY_2)) / (magic * magic.sqrt()) * std::f64::consts::PI);
    let east = (east_m * 180.0) / (AXIS_M / magic.sqrt() * latitude.cos() * std::f64::consts::PI);
    Coord { x: place.x + east, y: place.y + north }
}

/// The WGS-84 place of a GCJ-02 one, degrees: by approaching it, to far below a millimetre.
pub fn from_gcj02(place: Coord) -> Coord {
    let mut guess = place;
    for _ in 0..12 {
        let there = to_gcj02(guess);
        guess = Coord { x: guess.x + place.x - there.x, y: guess.y + place.y - there.y };
    }
    guess
}

/// Degrees as they are told: seven places after the point, about a centimetre.
pub fn degrees(value: f64) -> f64 {
    (value * 1e7).round() / 1e7
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_known_place_lands_where_two_other_tools_put_it() {
        let shifted = to_gcj02(Coord { x: 120.1551, y: 30.2741 });
        assert!((shifted.x - 120.159_794_479).abs() < 1e-7, "{shifted:?}");
        assert!((shifted.y - 30.271_771_223).abs() < 1e-7, "{shifted:?}");
        let back = from_gcj02(shifted);
        assert!((back.x - 120.1551).abs() < 1e-9 && (back.y - 30.2741).abs() < 1e-9, "{back:?}");
    }

    #[test]
    fn outside_china_nothing_is_shifted() {
        let karlsruhe = Coord { x: 8.4037, y: 49.0069 };
        assert_eq!(to_gcj02(karlsruhe), karlsruhe);
        assert_eq!(from_gcj02(karlsruhe), karlsruhe);
    }

    proptest! {
        #[test]
        fn a_place_in_china_comes_back(x in 74.0..135.0_f64, y in 4.0..53.0_f64) {
            let back = from_gcj02(to_gcj02(Coord { x, y }));
            prop_assert!((back.x - x).abs() < 1e-9 && (back.y - y).abs() < 1e-9);
        }
    }
}
