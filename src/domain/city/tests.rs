//! What a city file may say, and how each fault of it is told.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::{
    lot::{CountedBy, SpaceUse},
    sign::SignLink,
};

/// The text of the example in `docs/city-file.md`.
pub(crate) fn example() -> String {
    let page = include_str!("../../../docs/city-file.md");
    let start = page.find("```json\n").unwrap() + "```json\n".len();
    let end = start + page[start..].find("```").unwrap();
    page[start..end].to_owned()
}

fn file() -> Value {
    serde_json::from_str(&example()).unwrap()
}

fn known_codec(codec: &str) -> bool {
    ["bosch/tps110", "nwave/nps405"].contains(&codec)
}

fn faults_of(file: &Value) -> Vec<(String, String)> {
    match read(&file.to_string(), &known_codec) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| (fault.feature, fault.key)).collect(),
    }
}

/// The index of a feature of the example.
fn place(file: &Value, kind: &str, id: &str) -> usize {
    let features = file["features"].as_array().unwrap();
    features.iter().position(|f| f["properties"]["kind"] == kind && f["properties"]["id"] == id).unwrap()
}

#[test]
fn the_example_is_read_whole() {
    let city = read(&example(), &known_codec).unwrap();
    assert_eq!((city.lots.len(), city.signs.len(), city.zones.len(), city.cameras.len()), (2, 1, 1, 1));
    assert_eq!((city.streets.len(), city.grid_cells.len(), city.groups.len(), city.base_map.len()), (1, 1, 1, 1));
    let lot = &city.lots["L1"];
    assert_eq!((lot.capacity, lot.spaces.len(), lot.counted_by), (4, 3, CountedBy::Spaces));
    assert_eq!(lot.uses, [(SpaceUse::Disabled, 1), (SpaceUse::Charging, 1)].into());
    assert!(lot.spaces[0].location.is_some(), "a space feature gives a bare id its place");
    assert_eq!(city.lots["L2"].counted_by, CountedBy::Counters);
    assert_eq!(city.sensors["fcd6bd00001a2b3d"].space.as_ref().unwrap().as_str(), "S002");
    let approach = &city.approaches["AP1"];
    let legs: Vec<(&str, u32, f64)> =
        approach.leads_to.iter().map(|leg| (leg.lot.as_str(), leg.travel_time_s, leg.share)).collect();
    assert_eq!(legs, [("L1", 60, 0.1), ("L2", 150, 0.0)]);
    let counter = &city.sensors["0004a30b001c1b05"];
    assert_eq!(
        (counter.approach.as_ref().map(crate::domain::ids::ApproachId::as_str), &counter.lot),
        (Some("AP1"), &None)
    );
    assert!(matches!(&city.signs["SG1"].link, SignLink::Ntcip1203 { community, .. } if community == "public"));
}

#[test]
fn a_city_comes_back_whole_from_its_documents_in_any_order() {
    let text = example();
    let city = read(&text, &known_codec).unwrap();
    let mut documents = documents(&text).unwrap();
    let ids: Vec<String> = documents.iter().map(|d| format!("{} {}", d.kind, d.id)).collect();
    assert!(ids.contains(&"space L1/S001".to_owned()) && ids.contains(&"city city".to_owned()), "{ids:?}");
    documents.reverse();
    let again = read_documents(&documents, &known_codec).unwrap();
    assert_eq!(format!("{city:?}"), format!("{again:?}"));
}

#[test]
fn a_stored_document_that_no_longer_reads_is_named() {
    let mut documents = documents(&example()).unwrap();
    let lot = documents.iter_mut().find(|d| d.kind == "lot").unwrap();
    lot.json = lot.json.replace("\"capacity\":4", "\"capacity\":0");
    let faults = read_documents(&documents, &known_codec).unwrap_err();
    assert_eq!(faults[0].to_string().split(": must").next().unwrap(), "lot L1: properties.capacity");
}

/// Each row spoils the example in one way: where, what stands there instead (`null` takes it away), and the one fault told.
#[test]
fn each_mistake_is_told_once_with_its_feature_and_key() {
    let crossed = json!([[[119.0, 28.0], [119.1, 28.1], [119.1, 28.0], [119.0, 28.1], [119.0, 28.0]]]);
    let open = json!([[[119.0, 28.0], [119.1, 28.0], [119.1, 28.1], [119.0, 28.1]]]);
    let line = json!([[[119.0, 28.0], [119.1, 28.0], [119.0, 28.0]]]);
    let spaces = json!(["S001", "S002", "S003", "S004", "S005"]);
    let table: Vec<(&str, Value, &str, &str)> = vec![
        ("/type", json!("Topology"), "(file)", "type"),
        ("/crs", json!("EPSG:4326"), "(file)", "crs"),
        ("/yunpark", Value::Null, "(file)", "yunpark"),
        ("/yunpark/version", json!(2), "(file)", "yunpark.version"),
        ("/yunpark/time_zone", json!("Asia/Lishui"), "(file)", "yunpark.time_zone"),
        ("/yunpark/name", json!({"en": "x"}), "(file)", "yunpark.name.zh"),
        ("/groups/0/lots/1", json!("L9"), "groups[0]", "lots[1]"),
        ("/groups/0/lots", json!([]), "groups[0]", "lots"),
        ("/sensors/0/codec", json!("acme/none"), "sensors[0]", "codec"),
        ("/sensors/0/space", json!("S999"), "sensors[0]", "space"),
        ("/sensors/0/space", json!("S002"), "sensors[1]", "space"),
        ("/sensors/0/lot", json!("L2"), "sensors[0]", "space"),
        ("/sensors/1/space", json!("S002"), "sensors[1]", "space"),
        ("/sensors/1/id", json!("FCD6BD00001A2B3C"), "sensors[1]", "id"),
        ("/sensors/2", json!({"id": "gate", "codec": "nwave/nps405", "lot": "L9"}), "sensors[2]", "lot"),
        ("/sensors/2", json!({"id": "gate", "codec": "nwave/nps405"}), "sensors[2]", "lot"),
        ("/sensors/2/model", json!("x"), "sensors[2]", "model"),
        ("/sensors/2/heartbeat_s", json!(0), "sensors[2]", "heartbeat_s"),
        ("/sensors/2/direction", json!("in"), "sensors[2]", "direction"),
        ("/sensors/2/threshold_mm", json!(0), "sensors[2]", "threshold_mm"),
        ("/sensors/2/hysteresis_mm", json!(10), "sensors[2]", "hysteresis_mm"),
        ("/sensors/3/threshold_mm", json!(500), "sensors[3]", "threshold_mm"),
        ("/sensors/3/direction", json!("in"), "sensors[3]", "direction"),
        ("/sensors/3/lanes", json!({}), "sensors[3]", "lanes"),
        ("/sensors/3/lanes", json!({"1": "up"}), "sensors[3]", "lanes"),
        ("/sensors/3/counts", json!("all"), "sensors[3]", "counts"),
        ("/sensors/4/approach", json!("AP9"), "sensors[4]", "approach"),
        ("/sensors/4/lot", json!("L1"), "sensors[4]", "approach"),
        ("/sensors/4/threshold_mm", json!(9), "sensors[4]", "threshold_mm"),
        ("/codecs/0/heartbeat_s", json!(0), "codecs[0]", "heartbeat_s"),
        ("lot L2/type", json!("feature"), "lot L2", "type"),
        ("base river/properties/kind", json!("parking"), "feature #9", "properties.kind"),
        ("base river/properties/id", json!("-x"), "feature #9", "properties.id"),
        ("lot L2/properties/name", Value::Null, "lot L2", "properties.name"),
        ("lot L2/properties/capacity", json!("220"), "lot L2", "properties.capacity"),
        ("lot L2/properties/capacity", json!(0), "lot L2", "properties.capacity"),
        ("lot L2/properties/capacity", json!(12.5), "lot L2", "properties.capacity"),
        ("lot L2/properties/colour", json!("red"), "lot L2", "properties.colour"),
        ("lot L2/properties/lot_kind", json!("tower"), "lot L2", "properties.lot_kind"),
        ("lot L2/properties/counted_by", json!("spaces"), "lot L2", "properties.counted_by"),
        ("lot L2/properties/opening_hours", json!("sometimes"), "lot L2", "properties.opening_hours"),
        ("lot L2/properties/uses/disabled", json!(221), "lot L2", "properties.uses.disabled"),
        ("lot L2/properties/uses/royal", json!(1), "lot L2", "properties.uses.royal"),
        ("lot L1/properties/spaces", spaces, "lot L1", "properties.capacity"),
        ("lot L1/properties/spaces", json!(["S001", "S002", "S003", "S001"]), "lot L1", "properties.spaces[3]"),
        ("lot L1/properties/street", json!("ST9"), "lot L1", "properties.street"),
        ("lot L1/properties/grid_cell", json!("GC9"), "lot L1", "properties.grid_cell"),
        ("lot L1/properties/entrances/0", json!([28.1, 119.5]), "lot L1", "properties.entrances[0]"),
        ("lot L1/geometry/coordinates", crossed, "lot L1", "geometry.coordinates"),
        ("lot L1/geometry/coordinates", open, "lot L1", "geometry.coordinates"),
        ("lot L1/geometry/coordinates", line, "lot L1", "geometry.coordinates"),
        ("lot L2/geometry/coordinates", json!([28.116, 119.575]), "lot L2", "geometry.coordinates"),
        ("lot L2/geometry/coordinates", json!([719.0, 28.0]), "lot L2", "geometry.coordinates"),
        ("lot L2/geometry", Value::Null, "lot L2", "geometry"),
        ("street ST1/geometry/type", json!("Polygon"), "street ST1", "geometry.type"),
        ("space S001/properties/lot", json!("L9"), "space L9/S001", "properties.lot"),
        ("zone Z1/properties/dwell_s", Value::Null, "zone Z1", "properties.dwell_s"),
        ("zone Z1/properties/street_class", json!(5), "zone Z1", "properties.street_class"),
        ("street ST1/properties/class", json!(0), "street ST1", "properties.class"),
        ("zone Z1/properties/hours", json!("25:99"), "zone Z1", "properties.hours"),
        ("sign SG1/properties/heading_deg", json!(361), "sign SG1", "properties.heading_deg"),
        ("sign SG1/properties/link/address", json!("sign.example"), "sign SG1", "properties.link.address"),
        ("sign SG1/properties/link/address", json!("a b:161"), "sign SG1", "properties.link.address"),
        ("sign SG1/properties/link/protocol", json!("telepathy"), "sign SG1", "properties.link.protocol"),
        ("sign SG1/properties/panels/0/lines/0/lot", json!("L9"), "sign SG1", "properties.panels[0].lines[0].lot"),
        ("sign SG1/properties/panels/0/lines/1/group", json!("G9"), "sign SG1", "properties.panels[0].lines[1].group"),
        ("sign SG1/properties/panels/0/lines/0/group", json!("G1"), "sign SG1", "properties.panels[0].lines[0]"),
        ("camera CAM1/properties/zones/0", json!("Z9"), "camera CAM1", "properties.zones[0]"),
        ("camera CAM1/properties/viid_device_id", json!("123"), "camera CAM1", "properties.viid_device_id"),
        ("camera CAM1/properties/view/type", json!("Point"), "camera CAM1", "properties.view.type"),
        ("approach AP1/properties/name", Value::Null, "approach AP1", "properties.name"),
        ("approach AP1/properties/leads_to", json!([]), "approach AP1", "properties.leads_to"),
        ("approach AP1/properties/leads_to/0/lot", json!("L9"), "approach AP1", "properties.leads_to[0].lot"),
        ("approach AP1/properties/leads_to/1/lot", json!("L1"), "approach AP1", "properties.leads_to[1].lot"),
        (
            "approach AP1/properties/leads_to/0/travel_time_s",
            json!(9),
            "approach AP1",
            "properties.leads_to[0].travel_time_s",
        ),
        (
            "approach AP1/properties/leads_to/0/travel_time_s",
            json!(1801),
            "approach AP1",
            "properties.leads_to[0].travel_time_s",
        ),
        ("approach AP1/properties/leads_to/0/share", json!(1.2), "approach AP1", "properties.leads_to[0].share"),
        ("approach AP1/properties/leads_to/1/share", json!(0.95), "approach AP1", "properties.leads_to"),
        ("approach AP1/properties/leads_to/1/way", json!(1), "approach AP1", "properties.leads_to[1].way"),
        ("approach AP1/geometry/type", json!("Polygon"), "approach AP1", "geometry.type"),
        ("base river/properties/class", json!("lava"), "base river", "properties.class"),
    ];
    for (at, value, feature, key) in table {
        let mut file = file();
        set(&mut file, at, value.clone());
        assert_eq!(faults_of(&file), [(feature.to_owned(), key.to_owned())], "{at} = {value}");
    }
}

/// Sets the value at a path that starts at the file (`/type`) or at a feature (`lot L1/type`).
fn set(file: &mut Value, at: &str, value: Value) {
    let (target, path) = at.split_once('/').unwrap();
    let mut spot = match target.split_once(' ') {
        Some((kind, id)) => {
            let index = place(file, kind, id);
            &mut file["features"][index]
        }
        None => file,
    };
    let (parents, last) = path.rsplit_once('/').map_or(("", path), |(parents, last)| (parents, last));
    for step in parents.split('/').filter(|step| !step.is_empty()) {
        spot = match step.parse::<usize>() {
            Ok(index) if spot.is_array() => &mut spot[index],
            _ => &mut spot[step],
        };
    }
    match last.parse::<usize>() {
        Ok(index) if spot.is_array() => spot[index] = value,
        _ if value.is_null() => drop(spot.as_object_mut().unwrap().remove(last)),
        _ => spot[last] = value,
    }
}

#[test]
fn no_more_approaches_lead_to_a_lot_than_can_be_learned_of() {
    let mut file = file();
    let approach = file["features"][place(&file, "approach", "AP1")].clone();
    for nth in 2..=17 {
        let mut more = approach.clone();
        more["properties"]["id"] = json!(format!("AP{nth}"));
        more["properties"]["leads_to"].as_array_mut().unwrap().truncate(1);
        file["features"].as_array_mut().unwrap().push(more);
    }
    assert_eq!(faults_of(&file), [("approach AP17".to_owned(), "properties.leads_to".to_owned())]);
}

#[test]
fn every_fault_is_told_and_not_the_first_alone() {
    let mut file = file();
    set(&mut file, "lot L2/properties/capacity", json!(-1));
    set(&mut file, "lot L2/properties/name", Value::Null);
    set(&mut file, "zone Z1/properties/rule", json!("maybe"));
    set(&mut file, "/sensors/0/codec", json!("acme/none"));
    assert_eq!(faults_of(&file).len(), 4);
}

#[test]
fn two_things_of_one_kind_may_not_share_an_id() {
    let mut file = file();
    let twin = file["features"][place(&file, "street", "ST1")].clone();
    file["features"].as_array_mut().unwrap().push(twin);
    assert_eq!(faults_of(&file), [("street ST1".to_owned(), "properties.id".to_owned())]);
}

#[test]
fn in_a_city_where_both_orders_are_possible_the_odd_one_out_is_told() {
    let swapped = |index: usize| {
        let mut file = file();
        for (i, feature) in file["features"].as_array_mut().unwrap().iter_mut().enumerate() {
            feature["geometry"] =
                json!({"type": "Point", "coordinates": if i == index { [50.1, 8.6] } else { [8.6, 50.1] }});
        }
        file["features"].as_array_mut().unwrap().retain(|f| f["properties"]["kind"] == "lot");
        file["sensors"].as_array_mut().unwrap().retain(|sensor| sensor["approach"].is_null());
        file["features"][0]["properties"]["street"] = Value::Null;
        file["features"][0]["properties"]["grid_cell"] = Value::Null;
        let third = file["features"][1].clone();
        file["features"].as_array_mut().unwrap().push(third);
        file["features"][2]["properties"]["id"] = json!("L3");
        file
    };
    assert_eq!(faults_of(&swapped(99)), []);
    assert_eq!(faults_of(&swapped(0)), [("lot L1".to_owned(), "geometry.coordinates".to_owned())]);
}

#[test]
fn a_huge_or_deep_file_is_refused_calmly() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read(&deep, &known_codec).unwrap_err()[0].key, "(all)");
    assert!(read("", &known_codec).is_err());
    let mut file = file();
    let ring: Vec<Value> = (0..30_000).map(|i| json!([119.0 + f64::from(i) / 1e6, 28.0])).collect();
    set(&mut file, "lot L1/geometry/coordinates", json!([ring]));
    assert_eq!(faults_of(&file), [("lot L1".to_owned(), "geometry.coordinates".to_owned())]);
}

#[test]
fn a_polygon_may_have_a_hole_inside_and_none_outside() {
    let outer = json!([[119.0, 28.0], [119.1, 28.0], [119.1, 28.1], [119.0, 28.1], [119.0, 28.0]]);
    let square = |at: f64| json!([[at, 28.02], [at + 0.02, 28.02], [at + 0.02, 28.04], [at, 28.04], [at, 28.02]]);
    for (hole, faults) in [(square(119.02), 0), (square(119.2), 1)] {
        let mut file = file();
        set(&mut file, "lot L1/geometry/coordinates", json!([outer, hole]));
        assert_eq!(faults_of(&file).len(), faults, "{hole}");
    }
}

proptest! {
    #[test]
    fn no_mutation_of_a_file_makes_the_reader_panic(cut in any::<prop::sample::Index>(), junk in "[\\[\\]{}\",:0-9a-zé\\-]{0,6}", drop in 0usize..8) {
        let text = example();
        let mut at = cut.index(text.len());
        while !text.is_char_boundary(at) { at -= 1; }
        let rest: String = text[at..].chars().skip(drop).collect();
        let mutated = format!("{}{junk}{rest}", &text[..at]);
        if let Err(faults) = read(&mutated, &known_codec) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.iter().all(|fault| !fault.to_string().contains('\n')));
        }
    }

    #[test]
    fn no_value_anywhere_makes_the_reader_panic(pick in any::<prop::sample::Index>(), with in 0usize..8) {
        let values = [json!(null), json!(-1), json!(1e300), json!(""), json!("\u{0}\n"), json!([]), json!({}), json!([[[[0]]]])];
        let mut file = file();
        let mut paths = Vec::new();
        walk(&file, String::new(), &mut paths);
        *file.pointer_mut(&paths[pick.index(paths.len())]).unwrap() = values[with].clone();
        let read_whole = read(&file.to_string(), &known_codec);
        let documents = documents(&file.to_string()).unwrap();
        let from_documents = read_documents(&documents, &known_codec);
        if let Ok(city) = read_whole {
            prop_assert_eq!(format!("{:?}", city), format!("{:?}", from_documents.unwrap()));
        }
    }
}

/// The JSON pointers of every value below.
fn walk(value: &Value, at: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, below)| walk(below, format!("{at}/{key}"), paths)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, below)| walk(below, format!("{at}/{index}"), paths));
        }
        _ => {}
    }
    paths.push(at);
}
