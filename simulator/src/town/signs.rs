//! Groups of lots, and the signs of three levels that guide to them: area, street, entrance.

use super::{
    Group, Lot, LotKind, Panel, Sign, SignLine, SignLink, Street, Target, TownOptions, Words,
    geometry::{Point, along, length, nearest, point},
    relief::Relief,
};

/// Signs that speak NTCIP 1203.
pub const NTCIP_SIGNS: u16 = 8;
const ROW_PX: u16 = 16;

/// Street, how far along it, and whether its reader drives along the line (1) or against it (-1).
type Post = (&'static str, f64, f64);

const AREA_POSTS: &[Post] = &[
    ("lingxi", 0.30, -1.0),
    ("tankou", 0.35, -1.0),
    ("shanhou", 0.40, -1.0),
    ("titian", 0.05, 1.0),
    ("titian", 0.95, -1.0),
    ("fengming", 0.05, 1.0),
];
const STREET_POSTS: &[Post] = &[
    ("titian", 0.27, 1.0),
    ("titian", 0.74, -1.0),
    ("fengming", 0.17, 1.0),
    ("fengming", 0.62, -1.0),
    ("xianqian", 0.10, 1.0),
    ("xinyuan", 0.20, 1.0),
    ("xinyuan", 0.84, -1.0),
    ("xinghu", 0.10, 1.0),
    ("jiushan", 0.12, 1.0),
    ("xuefu", 0.92, -1.0),
];
const ENTRANCE_SIGNS: usize = 8;

/// Where drivers think the districts are.
const DISTRICTS: [(&str, &str, &str, f64, f64); 6] = [
    ("old-town", "老城区", "Old Town", -100.0, 250.0),
    ("north", "城北片区", "North District", 100.0, 950.0),
    ("east", "城东片区", "East District", 1050.0, 400.0),
    ("west", "城西片区", "West District", -1250.0, 300.0),
    ("new-town", "新城中心", "New Town Centre", 450.0, -750.0),
    ("south", "城南片区", "South District", -600.0, -1150.0),
];

/// Every motor lot belongs to its nearest district.
pub fn groups(lots: &[Lot], relief: &Relief) -> Vec<Group> {
    let mut groups: Vec<Group> = DISTRICTS
        .iter()
        .map(|&(id, zh, en, x, y)| Group {
            id,
            name: Words::new(zh, en),
            lots: vec![],
            middle: relief.place(point(x, y)),
        })
        .collect();
    for lot in lots.iter().filter(|lot| !lot.non_motor) {
        let here = lot.middle();
        let distance = |group: &Group| (group.middle - here).length();
        if let Some(group) = groups.iter_mut().min_by(|a, b| distance(a).total_cmp(&distance(b))) {
            group.lots.push(lot.id.clone());
        }
    }
    groups.retain(|group| !group.lots.is_empty());
    groups
}

/// The arrow to a place for a reader at `at` who heads `heading_deg`.
pub fn arrow(at: Point, heading_deg: f64, to: Point) -> &'static str {
    let turn = ((to - at).bearing_deg() - heading_deg + 540.0).rem_euclid(360.0) - 180.0;
    match turn {
        t if t.abs() <= 40.0 => "ahead",
        t if t.abs() > 140.0 => "u_turn",
        t if t < 0.0 => "left",
        _ => "right",
    }
}

/// Driving time over about `distance_m` as the crow flies: streets are a third longer, 25 km/h, a wait at a junction.
fn travel_time_s(distance_m: f64) -> u32 {
    (distance_m * 1.35 / 7.0 + 12.0).round() as u32
}

struct Stand {
    at: Point,
    heading_deg: f64,
    street: usize,
}

fn stand(streets: &[Street], street: usize, s: f64, way: f64) -> Stand {
    let (p, direction) = along(&streets[street].line, s);
    let driving = direction * way;
    // Traffic keeps right, and so does the post.
    let at = p - driving.left() * (streets[street].half_width_m() + 1.5);
    Stand { at, heading_deg: driving.bearing_deg(), street }
}

fn posts(streets: &[Street], posts: &[Post]) -> Vec<Stand> {
    posts
        .iter()
        .filter_map(|&(id, part, way)| {
            let street = streets.iter().position(|street| street.id == id)?;
            Some(stand(streets, street, part * length(&streets[street].line), way))
        })
        .collect()
}

fn line(stand: &Stand, target: Target, label: &Words, to: Point) -> SignLine {
    SignLine {
        target,
        label: label.clone(),
        arrow: arrow(stand.at, stand.heading_deg, to),
        travel_time_s: travel_time_s((to - stand.at).length()),
    }
}

/// The three nearest targets that need no turning back, from the nearest to the farthest.
fn best(mut lines: Vec<(f64, SignLine)>, count: usize) -> Vec<SignLine> {
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (on_the_way, behind): (Vec<_>, Vec<_>) = lines.into_iter().partition(|(_, line)| line.arrow != "u_turn");
    on_the_way.into_iter().chain(behind).map(|(_, line)| line).take(count).collect()
}

/// All signs, numbered from the outer ones inwards; every third speaks NTCIP.
pub fn erect(streets: &[Street], lots: &[Lot], groups: &[Group], options: TownOptions) -> Vec<Sign> {
    let mut signs = Vec::new();
    for stand in posts(streets, AREA_POSTS) {
        let lines = groups
            .iter()
            .map(|group| {
                let distance = (group.middle - stand.at).length();
                (distance, line(&stand, Target::Group(group.id.to_owned()), &group.name, group.middle))
            })
            .collect();
        let sign = sign(streets, &stand, ("片区诱导屏", "area sign"), best(lines, 3));
        signs.push(Sign { level: "area", ..sign });
    }
    for stand in posts(streets, STREET_POSTS) {
        let lines = lots
            .iter()
            .filter(|lot| !lot.non_motor && lot.capacity >= 16)
            .map(|lot| {
                let distance = (lot.middle() - stand.at).length();
                // A garage is worth a few more metres than a row of bays.
                let wish = distance + if lot.kind == LotKind::Street { 150.0 } else { 0.0 };
                (wish, line(&stand, Target::Lot(lot.id.clone()), &lot.label, lot.middle()))
            })
            .collect();
        signs.push(sign(streets, &stand, ("路段诱导屏", "street sign"), best(lines, 3)));
    }
    let mut large: Vec<&Lot> = lots.iter().filter(|lot| lot.kind != LotKind::Street).collect();
    large.sort_by_key(|lot| std::cmp::Reverse(lot.capacity));
    for lot in large.into_iter().take(ENTRANCE_SIGNS) {
        let gate = lot.entrances.first().copied().unwrap_or_else(|| lot.middle());
        let (_, s) = nearest(&streets[lot.street].line, gate);
        let ends = [(s - 12.0, 1.0), (s + 12.0, -1.0)];
        let stands = ends.map(|(s, way)| stand(streets, lot.street, s, way));
        // Drivers turn right into the lot where they can: the post on the lot's own side.
        let nearer = |stand: &&Stand| ((stand.at - lot.middle()).length() * 10.0) as i64;
        let Some(stand) = stands.iter().min_by_key(nearer) else { continue };
        let lines = vec![line(stand, Target::Lot(lot.id.clone()), &lot.label, lot.middle())];
        let mut sign = sign(streets, stand, ("", ""), lines);
        sign.level = "entrance";
        sign.name = Words::new(format!("{}入口屏", lot.name.zh), format!("{}, entrance sign", lot.name.en));
        signs.push(sign);
    }
    let mut ntcip = 0;
    for (index, sign) in signs.iter_mut().enumerate() {
        sign.id = format!("D{:02}", index + 1);
        if index % 3 == 2 && ntcip < NTCIP_SIGNS {
            sign.link = SignLink::Ntcip(format!("127.0.0.1:{}", options.ntcip_base_port + ntcip));
            ntcip += 1;
        }
    }
    signs
}

fn sign(streets: &[Street], stand: &Stand, kind: (&str, &str), lines: Vec<SignLine>) -> Sign {
    let street = &streets[stand.street];
    let bound = match ((stand.heading_deg + 45.0) / 90.0) as u32 % 4 {
        0 => ("北向", "northbound"),
        1 => ("东向", "eastbound"),
        2 => ("南向", "southbound"),
        _ => ("西向", "westbound"),
    };
    Sign {
        id: String::new(),
        name: Words::new(
            format!("{}{}{}", street.name.zh, bound.0, kind.0),
            format!("{} {} {}", street.name.en, bound.1, kind.1),
        ),
        at: stand.at,
        heading_deg: stand.heading_deg,
        level: "street",
        link: SignLink::MqttJson,
        panels: vec![Panel { id: "P1".to_owned(), width_px: 160, height_px: ROW_PX * lines.len() as u16, lines }],
    }
}
