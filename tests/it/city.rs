//! The city file from outside: its page, its schema and the import agree, and an import changes all or nothing.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use yunpark::domain::city::read;
use yunpark_sensors::Decoder;
use yunpark_simulator::town::{Town, TownOptions};

fn example() -> Value {
    let page = include_str!("../../docs/city-file.md");
    let (_, rest) = page.split_once("```json\n").unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

fn schema() -> jsonschema::Validator {
    let schema = serde_json::from_str(include_str!("../../docs/city-file.schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn known_codec(codec: &str) -> bool {
    codec.parse::<Decoder>().is_ok()
}

#[test]
fn the_page_the_schema_and_the_reader_agree_on_what_is_well() {
    let schema = schema();
    let town: Value = serde_json::from_str(&Town::generate(1, TownOptions::default()).to_geojson()).unwrap();
    for (name, file) in [("the page's example", example()), ("the simulated town", town)] {
        let faults: Vec<String> = schema.iter_errors(&file).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{name}: {}", faults[0]);
        if let Err(faults) = read(&file.to_string(), &known_codec) {
            panic!("{name}: {}", faults[0]);
        }
    }
}

#[test]
fn the_schema_and_the_reader_agree_on_what_is_broken() {
    let schema = schema();
    let table = [
        ("/type", json!("Topology")),
        ("/yunpark/version", json!(2)),
        ("/yunpark/name", json!({"en": "x"})),
        ("/groups/0/lots", json!([])),
        ("/sensors/2/lot", json!("L/2")),
        ("/sensors/0/heartbeat_s", json!(0)),
        ("/sensors/0/threshold_mm", json!("near")),
        ("/sensors/3/lanes", json!({"1": "up"})),
        ("/sensors/3/counts", json!("all")),
        ("/sensors/4/lot", json!("L1")),
        ("/sensors/4/approach", json!("")),
        ("/features/9/properties/leads_to", json!([])),
        ("/features/9/properties/leads_to/0/travel_time_s", json!(5)),
        ("/features/9/properties/leads_to/0/share", json!(2)),
        ("/codecs/0/id", json!("acme")),
        ("/codecs/0/fields/0/meaning", json!("full")),
        ("/codecs/0/fields/0/byte", json!(-1)),
        ("/codecs/0/fields/0/endian", json!("middle")),
        ("/features/0/type", json!("feature")),
        ("/features/0/properties/id", json!("")),
        ("/features/0/properties/kind", json!("parking")),
        ("/features/0/properties/capacity", json!("4")),
        ("/features/2/properties/uses", json!({"royal": 1})),
        ("/features/0/properties/entrances/0", json!([28.1142, 119.5701])),
        ("/features/0/properties/spaces/2", json!({"location": [119.5, 28.1]})),
        ("/features/1/properties", json!({"kind": "space", "id": "S001"})),
        ("/features/2/geometry", json!({"type": "LineString", "coordinates": [[119.0, 28.0], [119.1, 28.0]]})),
        ("/features/2/geometry/coordinates", json!([28.116, 119.575])),
        ("/features/3/properties/class", json!(5)),
        ("/features/4/properties/unit", json!(7)),
        ("/features/5/properties/rule", json!("maybe")),
        ("/features/5/properties/dwell_s", json!(-1)),
        ("/features/6/properties/heading_deg", json!(361)),
        ("/features/6/properties/link", json!({"protocol": "ntcip1203"})),
        ("/features/6/properties/panels/0/lines/0", json!({"label": "x"})),
        ("/features/7/properties/viid_device_id", json!("123")),
        ("/features/8/properties/class", json!("lava")),
    ];
    for (at, value) in table {
        let mut file = example();
        let (parent, last) = at.rsplit_once('/').unwrap();
        match file.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[last.parse::<usize>().unwrap()] = value.clone(),
            object => object[last] = value.clone(),
        }
        assert!(!schema.is_valid(&file), "the schema takes {at} = {value}");
        assert!(read(&file.to_string(), &known_codec).is_err(), "the reader takes {at} = {value}");
    }
    for at in [
        "",
        "/yunpark",
        "/groups/0",
        "/codecs/0",
        "/codecs/0/fields/0",
        "/sensors/0",
        "/features/0",
        "/features/0/geometry",
        "/features/0/properties",
    ] {
        let mut file = example();
        file.pointer_mut(at).unwrap()["colour"] = json!("red");
        assert!(!schema.is_valid(&file), "the schema takes an unknown key in {at:?}");
        assert!(read(&file.to_string(), &known_codec).is_err(), "the reader takes an unknown key in {at:?}");
    }
}

fn import(folder: &Path, file: &Value, more: &[&str]) -> Output {
    let config = folder.join("yunpark.toml");
    fs::write(&config, format!("[store]\nurl = \"sqlite://{}\"\n", folder.join("yunpark.db").display())).unwrap();
    let city = folder.join("city.geojson");
    fs::write(&city, file.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_yunpark"));
    command.args(["import", "--config"]).arg(config).arg(city).args(more).output().unwrap()
}

#[test]
fn an_import_tells_every_fault_and_changes_nothing_and_retires_what_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let said = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    let dry = import(folder.path(), &example(), &["--dry-run"]);
    assert!(dry.status.success(), "{}", String::from_utf8_lossy(&dry.stderr));
    assert!(said(&dry).contains("1 approach"), "{}", said(&dry));
    let first = import(folder.path(), &example(), &[]);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert!(said(&first).contains("18 added, 0 changed, 0 unchanged, 0 retired; revision 1"), "{}", said(&first));

    let mut broken = example();
    broken["features"][0]["properties"]["capacity"] = json!(1);
    broken["features"][5]["properties"]["hours"] = json!("sometimes");
    let refused = import(folder.path(), &broken, &[]);
    let complaint = String::from_utf8(refused.stderr.clone()).unwrap();
    assert!(!refused.status.success());
    for told in ["lot L1: properties.capacity: ", "zone Z1: properties.hours: "] {
        assert!(complaint.contains(told), "{told} in {complaint}");
    }
    let again = import(folder.path(), &example(), &[]);
    assert!(said(&again).contains("0 added, 0 changed, 18 unchanged, 0 retired; revision 1"), "{}", said(&again));

    let mut less = example();
    less["features"].as_array_mut().unwrap().remove(8);
    less["features"][3]["properties"]["class"] = json!(2);
    let third = import(folder.path(), &less, &[]);
    assert!(said(&third).contains("0 added, 1 changed, 16 unchanged, 1 retired; revision 2"), "{}", said(&third));
}

#[test]
fn a_sign_may_hang_on_any_of_the_links_and_a_wrong_one_is_named() {
    let schema = schema();
    let registers = json!({"numbers": [0]});
    let user = json!({"user": "guide", "auth_password": "authentic"});
    let links = |link: &Value| {
        let mut file = example();
        *file.pointer_mut("/features/6/properties/link").unwrap() = link.clone();
        (schema.is_valid(&file), read(&file.to_string(), &known_codec))
    };
    for link in [
        json!({"protocol": "http_pull", "token": "screen-G1-3f9a7c52"}),
        json!({"protocol": "ntcip1203", "address": "10.0.0.1:161", "snmp": "v2c"}),
        json!({"protocol": "ntcip1203", "address": "10.0.0.1:161", "snmp": user}),
        json!({"protocol": "onbon", "address": "10.0.0.1:5005", "run_mode": 2}),
        json!({"protocol": "xunpeng", "device": "/dev/ttyS1"}),
        json!({"protocol": "modbus", "address": "10.0.0.1:502", "registers": registers}),
    ] {
        let (fits, city) = links(&link);
        assert!(fits, "the schema refuses {link}");
        let faults = city.err().map(|faults| format!("{faults:?}")).unwrap_or_default();
        // The example's sign has more lines than these have places for.
        let is_short = ["xunpeng", "modbus"].contains(&link["protocol"].as_str().unwrap());
        assert_eq!(!faults.is_empty(), is_short, "{link}: {faults}");
    }
    for link in [
        json!({"protocol": "smoke"}),
        json!({"protocol": "http_pull"}),
        json!({"protocol": "http_pull", "token": "short"}),
        json!({"protocol": "http_pull", "token": "spaces do not stand in an address"}),
        json!({"protocol": "onbon"}),
        json!({"protocol": "xunpeng", "device": "/dev/ttyS1", "address": "10.0.0.1:4196"}),
        json!({"protocol": "modbus", "device": "/etc/passwd", "registers": registers}),
        json!({"protocol": "modbus", "address": "10.0.0.1:502", "unit": 248, "registers": registers}),
        json!({"protocol": "ntcip1203", "address": "10.0.0.1:161", "snmp": {"user": "guide", "auth_password": "short"}}),
    ] {
        let (fits, city) = links(&link);
        assert!(!fits, "the schema takes {link}");
        assert!(city.is_err(), "the reader takes {link}");
    }
}
