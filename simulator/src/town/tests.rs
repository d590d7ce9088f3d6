//! What holds for every town, whatever its seed.

use std::{collections::BTreeSet, sync::LazyLock};

use serde_json::Value;

use super::{
    Device, LotKind, SignLink, Target, Town, TownOptions,
    geometry::{nearest, overlap},
    lon_lat, lots, signs,
};

const SEEDS: [u64; 4] = [1, 2, 7, 4_000_000_007];

fn town(seed: u64) -> Town {
    Town::generate(seed, TownOptions { ntcip_base_port: 16_100 })
}

/// Made once for all tests: a town takes a second without optimisation.
static TOWNS: LazyLock<Vec<(u64, Town)>> = LazyLock::new(|| SEEDS.iter().map(|seed| (*seed, town(*seed))).collect());

fn each_town(check: impl Fn(u64, &Town)) {
    for (seed, town) in TOWNS.iter() {
        check(*seed, town);
    }
}

#[test]
fn the_same_seed_gives_the_same_town_and_another_seed_another() {
    let first = town(1).to_geojson();
    assert_eq!(first, town(1).to_geojson());
    assert_ne!(first, town(2).to_geojson());
}

#[test]
fn every_town_has_its_full_number_of_lots_places_signs_zones_and_cameras() {
    each_town(|seed, town| {
        assert_eq!(town.lots.len(), 60, "seed {seed}");
        assert_eq!(town.capacity(), lots::TOWN_CAPACITY, "seed {seed}");
        assert_eq!((town.signs.len(), town.zones.len(), town.cameras.len()), (24, 20, 12), "seed {seed}");
        let ntcip: Vec<&SignLink> = town.signs.iter().map(|s| &s.link).filter(|l| **l != SignLink::MqttJson).collect();
        let expected: Vec<SignLink> = (0..8).map(|i| SignLink::Ntcip(format!("127.0.0.1:{}", 16_100 + i))).collect();
        assert_eq!(ntcip, expected.iter().collect::<Vec<_>>(), "seed {seed}");
    });
}

#[test]
fn every_lot_has_as_many_spaces_as_places_or_none_and_lies_in_the_county_seat() {
    each_town(|seed, town| {
        for lot in &town.lots {
            let name = &lot.name.zh;
            assert!(lot.capacity >= 5, "seed {seed}: {name}");
            assert!(lot.spaces.is_empty() || lot.spaces.len() == lot.capacity as usize, "seed {seed}: {name}");
            let [lon, lat] = lon_lat(lot.middle());
            assert!(
                (119.54..119.60).contains(&lon) && (28.08..28.14).contains(&lat),
                "seed {seed}: {name} {lon} {lat}"
            );
            let ids: BTreeSet<&str> = lot.spaces.iter().map(|space| space.id.as_str()).collect();
            assert_eq!(ids.len(), lot.spaces.len(), "seed {seed}: {name}");
        }
    });
}

#[test]
fn no_two_lots_and_no_lot_and_zone_share_ground_nor_do_two_bays() {
    each_town(|seed, town| {
        for (i, lot) in town.lots.iter().enumerate() {
            for other in &town.lots[i + 1..] {
                assert!(!overlap(&lot.area, &other.area), "seed {seed}: {} and {}", lot.name.zh, other.name.zh);
            }
            for zone in &town.zones {
                assert!(!overlap(&lot.area, &zone.area), "seed {seed}: {} and {}", lot.name.zh, zone.name.zh);
            }
            for pair in lot.spaces.windows(2) {
                assert!(!overlap(&pair[0].outline, &pair[1].outline), "seed {seed}: {} {}", lot.name.zh, pair[0].id);
            }
            if lot.kind != LotKind::Street {
                for space in &lot.spaces {
                    let inside = space.outline.iter().all(|p| super::geometry::contains(&lot.area, *p));
                    assert!(inside, "seed {seed}: {} {}", lot.name.zh, space.id);
                }
            }
        }
    });
}

#[test]
fn every_street_can_be_reached_from_every_other() {
    each_town(|seed, town| {
        let mut reached: BTreeSet<usize> = BTreeSet::from([0]);
        let mut open = vec![0];
        while let Some(from) = open.pop() {
            for (to, street) in town.streets.iter().enumerate() {
                let a = &town.streets[from].line;
                let b = &street.line;
                let ends = |line: &[super::Point]| [line[0], line[line.len() - 1]];
                let meets = ends(a).iter().any(|end| nearest(b, *end).0 < 1.0)
                    || ends(b).iter().any(|end| nearest(a, *end).0 < 1.0);
                if meets && reached.insert(to) {
                    open.push(to);
                }
            }
        }
        let lost: Vec<&str> = (0..town.streets.len())
            .filter(|i| !reached.contains(i))
            .map(|i| town.streets[i].name.zh.as_str())
            .collect();
        assert!(lost.is_empty(), "seed {seed}: {lost:?}");
    });
}

#[test]
fn labels_of_signs_have_at_most_six_chinese_characters_and_fit_their_panel() {
    each_town(|seed, town| {
        for sign in &town.signs {
            for panel in &sign.panels {
                assert_eq!(usize::from(panel.height_px), panel.lines.len() * 16, "seed {seed}: {}", sign.name.zh);
                for line in &panel.lines {
                    let count = line.label.zh.chars().count();
                    assert!((1..=6).contains(&count), "seed {seed}: {} {}", sign.name.zh, line.label.zh);
                    // Words, an arrow, and a number of four digits.
                    assert!(count * 16 + 16 + 4 * 8 <= usize::from(panel.width_px), "seed {seed}: {}", line.label.zh);
                }
            }
        }
    });
}

#[test]
fn every_arrow_points_to_its_target_from_where_its_reader_drives() {
    assert_eq!(signs::arrow(super::geometry::point(0.0, 0.0), 90.0, super::geometry::point(100.0, 5.0)), "ahead");
    assert_eq!(signs::arrow(super::geometry::point(0.0, 0.0), 0.0, super::geometry::point(-100.0, 0.0)), "left");
    assert_eq!(signs::arrow(super::geometry::point(0.0, 0.0), 350.0, super::geometry::point(100.0, 0.0)), "right");
    assert_eq!(signs::arrow(super::geometry::point(0.0, 0.0), 180.0, super::geometry::point(0.0, 100.0)), "u_turn");
    each_town(|seed, town| {
        for sign in &town.signs {
            for line in sign.panels.iter().flat_map(|panel| &panel.lines) {
                let to = match &line.target {
                    Target::Lot(id) => town.lots.iter().find(|lot| lot.id == *id).unwrap().middle(),
                    Target::Group(id) => town.groups.iter().find(|group| group.id == id).unwrap().middle,
                };
                assert_eq!(line.arrow, signs::arrow(sign.at, sign.heading_deg, to), "seed {seed}: {}", sign.name.zh);
            }
            let turned_back = sign.panels.iter().flat_map(|panel| &panel.lines).all(|line| line.arrow == "u_turn");
            assert!(!turned_back, "seed {seed}: {} only sends drivers back", sign.name.zh);
        }
    });
}

#[test]
fn nothing_in_the_city_file_refers_to_what_is_not_there() {
    each_town(|seed, town| {
        let city: Value = serde_json::from_str(&town.to_geojson()).unwrap();
        let features = city["features"].as_array().unwrap();
        let of_kind = |kind: &str| -> Vec<&Value> {
            features.iter().map(|f| &f["properties"]).filter(|properties| properties["kind"] == kind).collect()
        };
        let ids = |kind: &str| -> BTreeSet<String> {
            let all: Vec<String> = of_kind(kind).iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect();
            let unique: BTreeSet<String> = all.iter().cloned().collect();
            assert_eq!(unique.len(), all.len(), "seed {seed}: {kind} ids repeat");
            unique
        };
        let (lots, streets, cells, zones) = (ids("lot"), ids("street"), ids("grid_cell"), ids("zone"));
        ids("sign");
        ids("base");
        let known = |set: &BTreeSet<String>, value: &Value| set.contains(value.as_str().unwrap());
        for lot in of_kind("lot") {
            assert!(known(&streets, &lot["street"]) && known(&cells, &lot["grid_cell"]), "seed {seed}: {lot}");
        }
        let spaces: BTreeSet<(String, String)> = of_kind("space")
            .iter()
            .map(|s| (s["lot"].as_str().unwrap().to_owned(), s["id"].as_str().unwrap().to_owned()))
            .collect();
        assert!(spaces.iter().all(|(lot, _)| lots.contains(lot)));
        let sensors = city["sensors"].as_array().unwrap();
        for sensor in sensors.iter().filter(|sensor| sensor["codec"] != "milesight/vs350") {
            let space = (sensor["lot"].as_str().unwrap().to_owned(), sensor["space"].as_str().unwrap().to_owned());
            assert!(spaces.contains(&space), "seed {seed}: {sensor}");
        }
        let devices: BTreeSet<&str> = sensors.iter().map(|sensor| sensor["id"].as_str().unwrap()).collect();
        assert_eq!(devices.len(), sensors.len(), "seed {seed}: device ids repeat");
        let groups: BTreeSet<String> =
            city["groups"].as_array().unwrap().iter().map(|g| g["id"].as_str().unwrap().to_owned()).collect();
        assert!(
            city["groups"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|g| g["lots"].as_array().unwrap())
                .all(|l| known(&lots, l))
        );
        for line in of_kind("sign")
            .iter()
            .flat_map(|s| s["panels"].as_array().unwrap())
            .flat_map(|p| p["lines"].as_array().unwrap())
        {
            let there = line.get("lot").map_or_else(|| known(&groups, &line["group"]), |lot| known(&lots, lot));
            assert!(there, "seed {seed}: {line}");
        }
        for camera in of_kind("camera") {
            assert!(
                camera["zones"].as_array().unwrap().iter().all(|zone| known(&zones, zone)),
                "seed {seed}: {camera}"
            );
            assert_eq!(camera["viid_device_id"].as_str().unwrap().len(), 20, "seed {seed}: {camera}");
        }
        assert_eq!(city["yunpark"]["fictional"], true);
    });
}

#[test]
fn the_city_file_stays_below_three_megabytes() {
    each_town(|seed, town| assert!(town.to_geojson().len() < 3_000_000, "seed {seed}"));
}

#[test]
fn three_in_ten_bays_speak_through_chirpstack_and_one_in_ten_through_the_things_stack() {
    each_town(|seed, town| {
        let devices: Vec<&Device> = town.lots.iter().flat_map(|lot| &lot.spaces).map(|space| &space.device).collect();
        let share = |wanted: fn(&Device) -> bool| {
            devices.iter().filter(|device| wanted(device)).count() as f64 / devices.len() as f64
        };
        assert!((0.25..0.35).contains(&share(|d| matches!(d, Device::Bosch(_)))), "seed {seed}");
        assert!((0.07..0.13).contains(&share(|d| matches!(d, Device::Nwave(_)))), "seed {seed}");
    });
}
