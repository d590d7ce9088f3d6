//! What lies below the lots on a map: the river, ponds, parks, hills and rows of houses.

use rand::{RngExt, rngs::StdRng};

use super::{
    Backdrop, Street,
    geometry::{Point, along, band, length, point, rectangle},
    ground::Ground,
    plan,
    relief::Relief,
};

/// Parks: place on the plan and radii, metres.
const PARKS: [(f64, f64, f64, f64); 3] =
    [(-1010.0, 330.0, 105.0, 120.0), (570.0, -900.0, 120.0, 105.0), (590.0, 1270.0, 100.0, 85.0)];
const PONDS: [(f64, f64, f64, f64); 1] = [(585.0, -915.0, 62.0, 42.0)];
const HILLS: [(f64, f64, f64, f64); 9] = [
    (-2450.0, 1650.0, 620.0, 340.0),
    (-1000.0, 1980.0, 700.0, 330.0),
    (500.0, 2080.0, 650.0, 360.0),
    (1950.0, 1700.0, 560.0, 420.0),
    (2480.0, 900.0, 420.0, 330.0),
    (2400.0, -1300.0, 480.0, 560.0),
    (1500.0, -2350.0, 620.0, 300.0),
    (-900.0, -2480.0, 800.0, 280.0),
    (-2420.0, -1150.0, 520.0, 650.0),
];

fn blob((x, y, across, up): (f64, f64, f64, f64), relief: &Relief) -> Vec<Point> {
    (0..28)
        .map(|i| {
            let angle = f64::from(i) / 28.0 * std::f64::consts::TAU;
            let rough = 1.0 + 0.12 * (3.0 * angle + x).sin() + 0.07 * (5.0 * angle + y).cos();
            relief.place(point(x + across * rough * angle.cos(), y + up * rough * angle.sin()))
        })
        .collect()
}

/// Water and green; nothing is built on water or in parks afterwards.
pub fn nature(relief: &Relief, ground: &mut Ground) -> Vec<Backdrop> {
    let river = plan::river();
    let bed = relief.place_all(&band(&river, 0.0, length(&river), plan::RIVER_HALF_M, -plan::RIVER_HALF_M));
    for s in stations(length(&river)) {
        let edge = plan::RIVER_HALF_M + 4.0;
        ground.take(relief.place_all(&band(&river, s, s + 60.0, edge, -edge)));
    }
    let parks: Vec<_> = PARKS.into_iter().map(|park| blob(park, relief)).collect();
    let ponds: Vec<_> = PONDS.into_iter().map(|pond| blob(pond, relief)).collect();
    let hills: Vec<_> = HILLS.into_iter().map(|hill| blob(hill, relief)).collect();
    for area in parks.iter().chain(&hills) {
        ground.take(area.clone());
    }
    vec![
        Backdrop { id: "hills".into(), class: "green", areas: hills },
        Backdrop { id: "parks".into(), class: "green", areas: parks },
        Backdrop { id: "river".into(), class: "water", areas: vec![bed] },
        Backdrop { id: "ponds".into(), class: "water", areas: ponds },
    ]
}

fn stations(total: f64) -> impl Iterator<Item = f64> {
    (0..(total / 60.0) as u32).map(|i| f64::from(i) * 60.0)
}

/// Houses along every street, as dense as the street's class and place allow; one feature for each street.
pub fn buildings(streets: &[Street], ground: &mut Ground, rng: &mut StdRng) -> Vec<Backdrop> {
    let mut out = Vec::new();
    for street in streets {
        let country = street.id.starts_with("huancui") || street.name.zh.ends_with("公路");
        let lane = street.class == 4;
        let mut areas = Vec::new();
        let total = length(&street.line);
        // The second pass fills the courts behind the first row of houses.
        for (pass, setback) in
            [(0, street.half_width_m() + if lane { 2.0 } else { 6.5 }), (1, street.half_width_m() + 40.0)]
        {
            for side in [1.0, -1.0] {
                let mut s = 12.0;
                while s < total - 12.0 {
                    let (width, depth): (f64, f64) = if lane || (street.class == 3 && rng.random_bool(0.3)) {
                        (rng.random_range(9.0..20.0), rng.random_range(9.0..15.0))
                    } else {
                        (rng.random_range(18.0..46.0), rng.random_range(12.0..20.0))
                    };
                    let gap = if lane { rng.random_range(1.0..5.0) } else { rng.random_range(5.0..16.0) };
                    let (p, direction) = along(&street.line, s + width / 2.0);
                    let inward = direction.left() * side;
                    let built = !rng.random_bool(if country { 0.8 } else { 0.1 });
                    let area = rectangle(p + inward * (setback + rng.random_range(0.0..2.5)), inward, width, depth);
                    if built && (pass == 0 || !country) && ground.is_free(&area, 2.0, None) {
                        // A house keeps a little ground around itself.
                        ground.take(rectangle(p + inward * (setback - 1.0), inward, width + 3.0, depth + 5.0));
                        areas.push(area);
                    }
                    s += width + gap;
                }
            }
        }
        if !areas.is_empty() {
            out.push(Backdrop { id: format!("houses-{}", street.id), class: "building", areas });
        }
    }
    out
}
