//! Lays the lots on free ground along the streets, and their bays in rows inside them.

use rand::{RngExt, rngs::StdRng};

use super::{
    Cell, Device, Lot, LotKind, Purpose, Space, Street, Words,
    geometry::{Point, along, band, contains, length, middle, nearest, point, rectangle},
    ground::Ground,
    landmarks::{LANDMARKS, Landmark, NON_MOTOR_ROWS, ROWS},
    relief::Relief,
};

/// Places in the whole town.
pub const TOWN_CAPACITY: u32 = 3_000;
const BAY_WIDTH_M: f64 = 2.5;
const BAY_DEPTH_M: f64 = 5.3;
const AISLE_M: f64 = 6.0;
const MODULE_M: f64 = 2.0 * BAY_DEPTH_M + AISLE_M;
const BORDER_M: f64 = 2.0;
const ROW_BAY_LENGTH_M: f64 = 6.0;
const ROW_BAY_WIDTH_M: f64 = 2.2;
const PAVEMENT_M: f64 = 5.5;

/// All lots, `TOWN_CAPACITY` places together.
pub fn lay_out(streets: &[Street], cells: &[Cell], relief: &Relief, ground: &mut Ground, rng: &mut StdRng) -> Vec<Lot> {
    let mut lots = Vec::new();
    for row in ROWS {
        lots.extend(bay_row(streets, row, ground));
    }
    for row in NON_MOTOR_ROWS {
        lots.extend(non_motor_row(streets, row, ground));
    }
    let on_street: u32 = lots.iter().map(|lot| lot.capacity).sum();
    let mut sizes = shares(TOWN_CAPACITY.saturating_sub(on_street), rng);
    for (landmark, size) in LANDMARKS.iter().zip(&mut sizes) {
        if let Some(lot) = off_street(streets, landmark, *size, relief, ground) {
            lots.push(lot);
        }
    }
    fill_up(&mut lots);
    lots.sort_by_key(|lot| lot.kind as u8 + u8::from(lot.non_motor));
    for (index, lot) in lots.iter_mut().enumerate() {
        lot.id = format!("L{:02}", index + 1);
        let here = lot.middle();
        lot.cell =
            cells.iter().position(|cell| contains(&cell.area, here)).unwrap_or_else(|| nearest_cell(cells, here));
    }
    lots
}

fn nearest_cell(cells: &[Cell], here: Point) -> usize {
    let distance = |cell: &Cell| (middle(&cell.area) - here).length();
    (0..cells.len()).min_by(|a, b| distance(&cells[*a]).total_cmp(&distance(&cells[*b]))).unwrap_or(0)
}

/// Divides `total` places among the landmarks by their size, a little differently for every seed.
fn shares(total: u32, rng: &mut StdRng) -> Vec<u32> {
    let weights: Vec<f64> = LANDMARKS.iter().map(|l| f64::from(l.size) * rng.random_range(0.9..1.1)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum * f64::from(total)).round() as u32).collect()
}

/// Rounding leaves a few places over or short: the largest counted garages take them.
fn fill_up(lots: &mut [Lot]) {
    let Some(largest) =
        (0..lots.len()).filter(|i| lots[*i].spaces.is_empty() && !lots[*i].non_motor).max_by_key(|i| lots[*i].capacity)
    else {
        return;
    };
    let others: u32 = lots.iter().map(|lot| lot.capacity).sum::<u32>() - lots[largest].capacity;
    lots[largest].capacity = TOWN_CAPACITY.saturating_sub(others);
}

fn named<'a>(streets: &'a [Street], id: &str) -> Option<(usize, &'a Street)> {
    streets.iter().enumerate().find(|(_, street)| street.id == id)
}

/// Distances along a line, those nearest to `wish` first.
pub fn stations(from: f64, to: f64, wish: f64, step: f64) -> Vec<f64> {
    let mut all: Vec<f64> = {
        let count = ((to - from) / step).floor().max(-1.0) as i32 + 1;
        (0..count).map(|i| from + f64::from(i) * step).collect()
    };
    all.sort_by(|a, b| (a - wish).abs().total_cmp(&(b - wish).abs()));
    all
}

/// A band beside a street, clear of junctions and everything taken.
pub fn free_band(
    streets: &[Street],
    index: usize,
    wish: f64,
    side: f64,
    long: f64,
    offsets: (f64, f64),
    ground: &Ground,
) -> Option<(f64, Vec<Point>)> {
    let street = &streets[index];
    let total = length(&street.line);
    let (near, far) = (street.half_width_m() + offsets.0, street.half_width_m() + offsets.1);
    stations(12.0, total - long - 12.0, wish * total - long / 2.0, 6.0).into_iter().find_map(|s| {
        let area = band(&street.line, s, s + long, near * side, far * side);
        ground.is_free(&area, 4.0, Some(index)).then_some((s, area))
    })
}

/// East, south, west or north part of a street, in both languages.
fn part_of(street: &Street, at: Point) -> (&'static str, &'static str) {
    let [.., last] = street.line.as_slice() else { return ("", "") };
    let span = *last - street.line[0];
    let centre = middle(&street.line);
    if span.x.abs() > span.y.abs() {
        if at.x > centre.x { ("东段", "east") } else { ("西段", "west") }
    } else if at.y > centre.y {
        ("北段", "north")
    } else {
        ("南段", "south")
    }
}

fn bay_row(
    streets: &[Street],
    &(id, wish, side, count, purpose): &(&str, f64, f64, u32, Purpose),
    ground: &mut Ground,
) -> Option<Lot> {
    let (index, street) = named(streets, id)?;
    let (count, start, area) = (6..=count).rev().step_by(4).find_map(|count| {
        let long = f64::from(count) * ROW_BAY_LENGTH_M;
        free_band(streets, index, wish, side, long, (0.3, 0.3 + ROW_BAY_WIDTH_M + 0.2), ground)
            .map(|(s, area)| (count, s, area))
    })?;
    let near = street.half_width_m() + 0.4;
    let spaces: Vec<Space> = (0..count)
        .map(|i| {
            let s = start + f64::from(i) * ROW_BAY_LENGTH_M;
            let outline =
                band(&street.line, s + 0.25, s + ROW_BAY_LENGTH_M - 0.25, near * side, (near + ROW_BAY_WIDTH_M) * side);
            space(i + 1, outline, if i == 0 && count > 14 { vec!["loading"] } else { vec![] })
        })
        .collect();
    let (part_zh, part_en) = part_of(street, middle(&area));
    ground.take(area.clone());
    let free = street.class >= 4;
    Some(Lot {
        id: String::new(),
        name: Words::new(format!("{}{part_zh}泊位", street.name.zh), format!("{}, {part_en} bays", street.name.en)),
        label: Words::new(format!("{}{part_zh}", street.name.zh), format!("{} {part_en}", street.name.en)),
        kind: LotKind::Street,
        purpose,
        non_motor: false,
        capacity: count,
        spaces,
        uses: vec![],
        opening_hours: (id == "chayan").then_some("06:00-23:00"),
        tariff: if free {
            Words::new("免费", "Free of charge")
        } else {
            Words::new(
                "首30分钟免费，之后每小时3元，22:00至次日7:30免费",
                "First 30 min free, then 3 yuan an hour; free 22:00-07:30",
            )
        },
        max_height_m: None,
        entrances: vec![along(&street.line, start).0],
        street: index,
        cell: 0,
        stale_after_s: None,
        area,
    })
}

fn non_motor_row(
    streets: &[Street],
    &(id, wish, side, count): &(&str, f64, f64, u32),
    ground: &mut Ground,
) -> Option<Lot> {
    let (index, street) = named(streets, id)?;
    let long = f64::from(count) * 0.8;
    let (start, area) = free_band(streets, index, wish, side, long, (0.4, 2.4), ground)?;
    ground.take(area.clone());
    Some(Lot {
        id: String::new(),
        name: Words::new(format!("{}非机动车停放点", street.name.zh), format!("{} e-bike parking", street.name.en)),
        label: Words::new("非机动车", "E-bikes"),
        kind: LotKind::Street,
        purpose: Purpose::Shopping,
        non_motor: true,
        capacity: count,
        spaces: vec![],
        uses: vec![("charging", count / 6)],
        opening_hours: None,
        tariff: Words::new("免费", "Free of charge"),
        max_height_m: None,
        entrances: vec![along(&street.line, start + long / 2.0).0],
        street: index,
        cell: 0,
        stale_after_s: None,
        area,
    })
}

/// Where an off-street lot can stand: street, front's middle, direction away from the street.
struct Site {
    street: usize,
    gate: Point,
    front: Point,
    inward: Point,
    area: Vec<Point>,
}

fn site(streets: &[Street], wish: Point, width: f64, depth: f64, ground: &Ground) -> Option<Site> {
    let mut fronts: Vec<(f64, usize, f64, f64)> = Vec::new();
    for (index, street) in streets.iter().enumerate() {
        if nearest(&street.line, wish).0 > 420.0 {
            continue;
        }
        let total = length(&street.line);
        for s in stations(20.0, total - 20.0, 0.0, 9.0) {
            let (p, direction) = along(&street.line, s);
            for side in [1.0, -1.0] {
                let reach = street.half_width_m() + PAVEMENT_M + depth / 2.0;
                fronts.push(((p + direction.left() * (side * reach) - wish).length(), index, s, side));
            }
        }
    }
    fronts.sort_by(|a, b| a.0.total_cmp(&b.0));
    fronts.into_iter().take_while(|front| front.0 < 480.0).find_map(|(_, index, s, side)| {
        let street = &streets[index];
        let (p, direction) = along(&street.line, s);
        let inward = direction.left() * side;
        let front = p + inward * (street.half_width_m() + PAVEMENT_M);
        let area = rectangle(front, inward, width, depth);
        ground.is_free(&area, 3.0, None).then(|| Site {
            street: index,
            gate: p + inward * street.half_width_m(),
            front,
            inward,
            area,
        })
    })
}

fn off_street(streets: &[Street], landmark: &Landmark, size: u32, relief: &Relief, ground: &mut Ground) -> Option<Lot> {
    let wish = relief.place(point(landmark.near.0, landmark.near.1));
    // Fewest rows that keep the front shorter than twice the depth; other shapes where that finds no ground.
    let per_row = |modules: u32| size.div_ceil(2 * modules);
    let width = |modules: u32| f64::from(per_row(modules)) * BAY_WIDTH_M + AISLE_M + 2.0 * BORDER_M;
    let depth = |modules: u32| f64::from(modules) * MODULE_M + 2.0 * BORDER_M;
    let fitting = (1..=6).find(|m| width(*m) < 1.9 * depth(*m)).unwrap_or(3);
    let (modules, site) = [fitting, fitting + 1, fitting.saturating_sub(1).max(1)]
        .into_iter()
        .find_map(|m| site(streets, wish, width(m), depth(m), ground).map(|site| (m, site)))?;
    let spaces = if landmark.counters { vec![] } else { rows_of_bays(&site, size, modules, landmark) };
    ground.take(site.area.clone());
    let garage = landmark.kind == LotKind::Garage;
    let (opening_hours, tariff) = terms(landmark);
    Some(Lot {
        id: String::new(),
        name: Words::new(landmark.words.0, landmark.words.1),
        label: Words::new(landmark.words.2, landmark.words.1),
        kind: landmark.kind,
        purpose: landmark.purpose,
        non_motor: false,
        capacity: size,
        spaces,
        uses: if landmark.counters { vec![("disabled", 2 + size / 50), ("charging", size / 8)] } else { vec![] },
        opening_hours,
        tariff,
        max_height_m: garage.then_some(if landmark.purpose == Purpose::Home { 2.1 } else { 2.2 }),
        entrances: vec![site.gate],
        street: site.street,
        cell: 0,
        stale_after_s: (landmark.words.2 == "老码头停车场").then_some(120),
        area: site.area,
    })
}

fn rows_of_bays(site: &Site, size: u32, modules: u32, landmark: &Landmark) -> Vec<Space> {
    let per_row = size.div_ceil(2 * modules);
    let side = site.inward.left();
    (0..size)
        .map(|i| {
            let (row, column) = (i / per_row, i % per_row);
            let deep = BORDER_M + f64::from(row / 2) * MODULE_M + f64::from(row % 2) * (BAY_DEPTH_M + AISLE_M);
            let across = (f64::from(column) - (f64::from(per_row) - 1.0) / 2.0) * BAY_WIDTH_M;
            let outline =
                rectangle(site.front + site.inward * deep + side * across, site.inward, BAY_WIDTH_M - 0.2, BAY_DEPTH_M);
            let charging = landmark.kind == LotKind::Garage || landmark.purpose == Purpose::Leisure;
            let uses = match i {
                0 | 1 => vec!["disabled"],
                2 if landmark.purpose == Purpose::Shopping => vec!["family"],
                _ if charging && row == 1 && column < per_row / 3 => vec!["charging"],
                _ => vec![],
            };
            space(i + 1, outline, uses)
        })
        .collect()
}

fn space(number: u32, outline: Vec<Point>, uses: Vec<&'static str>) -> Space {
    Space { id: format!("S{number:03}"), outline, uses, device: Device::Native }
}

fn terms(landmark: &Landmark) -> (Option<&'static str>, Words) {
    let hours = match (landmark.purpose, landmark.words.2) {
        (Purpose::Market, "南门菜场") => Some("05:00-12:30,14:00-19:30"),
        (Purpose::Market, _) => Some("05:00-20:00"),
        (Purpose::Office, "政务中心") => Some("07:30-21:00"),
        (_, "文化馆车库" | "图书馆") => Some("08:00-21:30"),
        (Purpose::RideOn, "客运站") => Some("05:30-23:00"),
        _ => None,
    };
    let tariff = match landmark.purpose {
        Purpose::RideOn => Words::new("换乘免费，其余每日5元", "Free with a bus ride, else 5 yuan a day"),
        Purpose::Hospital => Words::new(
            "首1小时免费，之后每小时2元，每日封顶15元",
            "First hour free, then 2 yuan an hour, 15 yuan a day at most",
        ),
        Purpose::Home => Words::new("每小时2元，夜间5元", "2 yuan an hour, 5 yuan a night"),
        Purpose::Market => Words::new("首40分钟免费，之后每小时3元", "First 40 min free, then 3 yuan an hour"),
        Purpose::Office | Purpose::School => {
            Words::new("首2小时免费，之后每小时2元", "First 2 hours free, then 2 yuan an hour")
        }
        Purpose::Leisure => Words::new("每次5元", "5 yuan a visit"),
        Purpose::Shopping => Words::new(
            "首30分钟免费，之后每小时4元，每日封顶30元",
            "First 30 min free, then 4 yuan an hour, 30 yuan a day at most",
        ),
    };
    (hours, tariff)
}
