//! What lies below the lots on a map: the river, ponds, parks, hills and rows of houses.

use rand::{RngExt, rngs::StdRng};

use super::{
    Backdrop, Street, Words,
    geometry::{Point, along, band, length, point, rectangle},
    ground::Ground,
    plan,
    relief::Relief,
};

/// Chinese and English name, then place on the plan and radii, metres.
type Place = (&'static str, &'static str, (f64, f64, f64, f64));

const PARKS: [Place; 3] = [
    ("听溪公园", "Tingxi Park", (-1010.0, 330.0, 105.0, 120.0)),
    ("白鹭公园", "Bailu Park", (570.0, -900.0, 120.0, 105.0)),
    ("云麓花园", "Yunlu Gardens", (590.0, 1270.0, 100.0, 85.0)),
];
const PONDS: [Place; 1] = [("白鹭湖", "Bailu Lake", (585.0, -915.0, 62.0, 42.0))];
/// Ridges of the valley's two flanks: they run out of the map on both sides.
const HILLS: [Place; 10] = [
    ("岭头山", "Lingtou Hill", (-2650.0, 1900.0, 900.0, 430.0)),
    ("云麓山", "Yunlu Hill", (-1350.0, 2120.0, 820.0, 420.0)),
    ("松涛岭", "Songtao Ridge", (80.0, 2200.0, 900.0, 420.0)),
    ("望岭", "Wangling Ridge", (1450.0, 2150.0, 880.0, 420.0)),
    ("东麦山", "Dongmai Hill", (2600.0, 1500.0, 620.0, 720.0)),
    ("滩口山", "Tankou Hill", (2650.0, -1500.0, 560.0, 760.0)),
    ("竹海岭", "Zhuhai Ridge", (1750.0, -2450.0, 800.0, 420.0)),
    ("山后尖", "Shanhou Peak", (-650.0, -2750.0, 980.0, 400.0)),
    ("九杉岭", "Jiushan Ridge", (-2050.0, -2250.0, 620.0, 480.0)),
    ("翠微山", "Cuiwei Hill", (-2550.0, -1150.0, 560.0, 700.0)),
];

fn blob((x, y, across, up): (f64, f64, f64, f64), relief: &Relief) -> Vec<Point> {
    let spurs = f64::from((across / 90.0) as u32).max(3.0);
    (0..72)
        .map(|i| {
            let angle = f64::from(i) / 72.0 * std::f64::consts::TAU;
            let rough = 1.0
                + 0.10 * (3.0 * angle + x).sin()
                + 0.06 * (5.0 * angle + y).cos()
                + 0.045 * (spurs * angle + x + y).sin();
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
    let mut out = Vec::new();
    for (places, class, word) in
        [(&HILLS[..], "green", "hill"), (&PARKS[..], "green", "park"), (&PONDS[..], "water", "pond")]
    {
        for (index, (zh, en, shape)) in places.iter().enumerate() {
            let area = blob(*shape, relief);
            ground.take(area.clone());
            let name = Some(Words::new(*zh, *en));
            out.push(Backdrop { id: format!("{word}-{}", index + 1), name, class, areas: vec![area] });
        }
    }
    out.push(Backdrop {
        id: "river".into(),
        name: Some(Words::new("云溪", "Yunxi River")),
        class: "water",
        areas: vec![bed],
    });
    out
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
        // Behind the first row of houses, further rows fill the courts.
        let first_m = if lane { 2.0 } else { 6.5 };
        for (pass, behind_m) in [first_m, 40.0, 72.0, 104.0].into_iter().enumerate() {
            let setback = street.half_width_m() + behind_m;
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
                    let bare = if country { 0.8 } else { 0.08 + 0.06 * pass as f64 };
                    let built = !rng.random_bool(bare);
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
            out.push(Backdrop { id: format!("houses-{}", street.id), name: None, class: "building", areas });
        }
    }
    out
}
