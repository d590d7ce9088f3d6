//! Stretches with parking rules along the streets, and the cameras that watch them.

use super::{
    Camera, Street, Words, Zone,
    geometry::{Point, along, length, middle},
    ground::Ground,
    lots::free_band,
};

/// Street, how far along it, side, metres long, rule, hours, dwell in seconds.
type Mark = (&'static str, f64, f64, f64, &'static str, Option<&'static str>, u32);

const MARKS: &[Mark] = &[
    ("fengming", 0.25, 1.0, 90.0, "no_parking", None, 30),
    ("fengming", 0.60, -1.0, 80.0, "no_parking", None, 30),
    ("fengming", 0.83, -1.0, 110.0, "no_parking", None, 30),
    ("titian", 0.30, 1.0, 120.0, "no_parking", None, 30),
    ("titian", 0.58, -1.0, 90.0, "no_parking", None, 30),
    ("xinyuan", 0.40, -1.0, 130.0, "no_parking", None, 40),
    ("xianqian", 0.40, -1.0, 70.0, "no_parking", None, 20),
    ("xinghu", 0.50, 1.0, 110.0, "no_parking", None, 40),
    ("xuefu", 0.30, 1.0, 80.0, "no_parking", Some("06:30-08:30,15:30-18:00"), 20),
    ("xuegong", 0.60, 1.0, 50.0, "non_motor_only", None, 40),
    ("chayan", 0.50, -1.0, 60.0, "time_limited", None, 60),
    ("dongmen", 0.30, -1.0, 60.0, "time_limited", Some("07:00-22:00"), 60),
    ("ximen", 0.70, 1.0, 50.0, "no_parking", None, 30),
    ("hehua", 0.50, -1.0, 110.0, "time_limited", None, 60),
    ("jiushan", 0.35, 1.0, 120.0, "no_parking", None, 40),
    ("zhuyi", 0.35, -1.0, 70.0, "non_motor_only", None, 40),
    ("xibei", 0.48, -1.0, 150.0, "no_parking", None, 40),
    ("xinan", 0.60, 1.0, 150.0, "no_parking", None, 40),
    ("yunlu", 0.70, -1.0, 110.0, "time_limited", None, 60),
    ("shuiyun", 0.65, 1.0, 90.0, "no_parking", None, 40),
];

const CAMERAS: usize = 12;

/// Marks the zones; their ground is taken.
pub fn mark(streets: &[Street], ground: &mut Ground) -> Vec<Zone> {
    let mut zones: Vec<Zone> = Vec::new();
    for &(id, wish, side, long, rule, hours, dwell_s) in MARKS {
        let Some(index) = streets.iter().position(|street| street.id == id) else { continue };
        let street = &streets[index];
        let Some(area) = [1.0, 0.7, 0.45, 0.25].into_iter().find_map(|part| {
            free_band(streets, index, wish, side, long * part, (0.3, 4.8), ground).map(|(_, area)| area)
        }) else {
            continue;
        };
        ground.take(area.clone());
        let (zh, en) = match rule {
            "time_limited" => ("限时停车段", "time-limited stretch"),
            "non_motor_only" => ("非机动车停放区", "non-motor area"),
            _ => ("人行道禁停段", "no-parking pavement"),
        };
        let number = zones.len() + 1;
        let nth = zones.iter().filter(|zone| zone.name.zh.starts_with(&street.name.zh)).count();
        let suffix = if nth == 0 { String::new() } else { format!(" {}", nth + 1) };
        zones.push(Zone {
            id: format!("Z{number:02}"),
            name: Words::new(format!("{}{zh}{suffix}", street.name.zh), format!("{} {en}{suffix}", street.name.en)),
            rule,
            hours,
            dwell_s,
            street_class: street.class,
            area,
        });
    }
    zones
}

/// Puts a camera at each of the first twelve zones; it also watches the next zone within sight.
pub fn watch(zones: &[Zone]) -> Vec<Camera> {
    zones
        .iter()
        .take(CAMERAS)
        .enumerate()
        .map(|(index, zone)| {
            let half = zone.area.len() / 2;
            let kerb = &zone.area[..half];
            let (start, direction) = along(kerb, 0.0);
            let outward = (zone.area[zone.area.len() - 1] - zone.area[0]).unit();
            let at = start - direction * 6.0 + outward * 3.0;
            let reach = direction * (length(kerb) + 10.0);
            let view: Vec<Point> = vec![at, at + reach - outward * 9.0, at + reach + outward * 9.0];
            let mut watched = vec![zone.id.clone()];
            let others = zones.iter().filter(|other| other.id != zone.id);
            watched.extend(
                others
                    .filter(|other| (middle(&other.area) - at).length() < 160.0)
                    .take(1)
                    .map(|other| other.id.clone()),
            );
            Camera {
                id: format!("C{:02}", index + 1),
                name: Words::new(format!("{}摄像机", zone.name.zh), format!("Camera, {}", zone.name.en)),
                at,
                view,
                zones: watched,
                viid_device_id: format!("33990000011190{:06}", index + 1),
            }
        })
        .collect()
}
