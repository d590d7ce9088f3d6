//! A small city for tests: lots of a chosen size, one sign of each protocol, one watched zone with its camera.

use serde_json::{Value, json};

/// Lots `L1..` with `spaces` bays each, counted by their bays; a sign of each protocol guides to `L1`.
pub fn town(lots: usize, spaces: usize, ntcip: &str) -> Value {
    let bays: Vec<String> = (1..=spaces).map(|n| format!("S{n:03}")).collect();
    let mut features: Vec<Value> = (1..=lots)
        .map(|n| {
            json!({
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [119.570 + 0.002 * n as f64, 28.110]},
                "properties": {
                    "kind": "lot", "id": format!("L{n}"), "lot_kind": "car_park",
                    "name": {"zh": format!("停车场{n}"), "en": format!("Car park {n}")},
                    "capacity": spaces, "vehicle_class": "motor", "spaces": bays,
                }
            })
        })
        .collect();
    let panel = json!([{
        "id": "P1", "width_px": 160, "height_px": 16,
        "lines": [{"lot": "L1", "label": {"zh": "城西", "en": "West"}, "arrow": "left", "travel_time_s": 120}]
    }]);
    for (id, link) in [
        ("SIGN-MQTT", json!({"protocol": "mqtt_json"})),
        ("SIGN-NTCIP", json!({"protocol": "ntcip1203", "address": ntcip, "community": "public"})),
    ] {
        features.push(json!({
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [119.571, 28.109]},
            "properties": {
                "kind": "sign", "id": id, "name": {"zh": "诱导屏", "en": "Sign"}, "heading_deg": 90,
                "language": "zh", "link": link, "panels": panel,
            }
        }));
    }
    features.push(json!({
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[
            [119.5700, 28.1080], [119.5710, 28.1080], [119.5710, 28.1085], [119.5700, 28.1085], [119.5700, 28.1080]
        ]]},
        "properties": {
            "kind": "zone", "id": "Z1", "name": {"zh": "凤鸣街人行道", "en": "Fengming Street pavement"},
            "rule": "no_parking", "dwell_s": 300, "street_class": 1,
        }
    }));
    features.push(json!({
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [119.5705, 28.1086]},
        "properties": {
            "kind": "camera", "id": "CAM-1", "name": {"zh": "凤鸣街一号机", "en": "Fengming Street 1"},
            "zones": ["Z1"], "viid_device_id": "33112500001190000001",
        }
    }));
    json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": {"zh": "测试县", "en": "Test County"}, "time_zone": "Asia/Shanghai", "fictional": true},
        "groups": [],
        "sensors": [{"id": "fcd6bd00001a2b3c", "codec": "bosch/tps110", "lot": "L1", "space": "S001"}],
        "features": features,
    })
}
