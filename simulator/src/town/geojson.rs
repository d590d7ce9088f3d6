//! Writes the town as a city file: a GeoJSON collection with the devices and groups beside the features.

use serde_json::{Map, Value, json};

use super::{
    Backdrop, Camera, Cell, Device, Lot, LotKind, Sign, SignLine, SignLink, Space, Street, Target, Town, Words, Zone,
    geometry::Point, relief::lon_lat,
};

/// Decimals of a degree: 7 for bays (1 cm), 6 for the rest (10 cm).
#[derive(Clone, Copy)]
struct Decimals(f64);
const BAY: Decimals = Decimals(1e7);
const COARSE: Decimals = Decimals(1e6);

fn position(p: Point, decimals: Decimals) -> Value {
    let [lon, lat] = lon_lat(p).map(|degrees| (degrees * decimals.0).round() / decimals.0);
    json!([lon, lat])
}

/// A closed ring, counter-clockwise as RFC 7946 asks.
fn ring(points: &[Point], decimals: Decimals) -> Value {
    let doubled: f64 = points.iter().zip(points.iter().cycle().skip(1)).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    let mut out: Vec<Value> = points.iter().map(|p| position(*p, decimals)).collect();
    if doubled < 0.0 {
        out.reverse();
    }
    out.extend(out.first().cloned());
    Value::Array(out)
}

fn polygon(points: &[Point], decimals: Decimals) -> Value {
    json!({"type": "Polygon", "coordinates": [ring(points, decimals)]})
}

fn at(p: Point) -> Value {
    json!({"type": "Point", "coordinates": position(p, COARSE)})
}

fn words(words: &Words) -> Value {
    json!({"zh": words.zh, "en": words.en})
}

fn feature(kind: &str, id: &str, geometry: Value, properties: Value) -> Value {
    let mut all = Map::new();
    all.insert("kind".into(), kind.into());
    all.insert("id".into(), id.into());
    if let Value::Object(properties) = properties {
        all.extend(properties.into_iter().filter(|(_, value)| !value.is_null()));
    }
    json!({"type": "Feature", "properties": all, "geometry": geometry})
}

/// The whole city file.
pub fn write(town: &Town) -> Value {
    let mut features: Vec<Value> = Vec::new();
    features.extend(town.backdrop.iter().map(backdrop));
    features.extend(town.cells.iter().map(cell));
    features.extend(town.streets.iter().map(street));
    features.extend(town.zones.iter().map(zone));
    for lot in &town.lots {
        features.push(lot_feature(lot, town));
        features.extend(lot.spaces.iter().map(|space| space_feature(lot, space)));
    }
    features.extend(town.cameras.iter().map(camera));
    features.extend(town.signs.iter().map(sign));
    let groups: Vec<Value> =
        town.groups.iter().map(|g| json!({"id": g.id, "name": words(&g.name), "lots": g.lots})).collect();
    json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": words(&town.name), "time_zone": "Asia/Shanghai", "fictional": true},
        "groups": groups,
        "sensors": sensors(town),
        "features": features,
    })
}

fn sensors(town: &Town) -> Vec<Value> {
    let mut out = Vec::new();
    for lot in &town.lots {
        out.extend(lot.counter().map(|eui| json!({"id": eui, "codec": "milesight/vs350", "lot": lot.id})));
        for space in &lot.spaces {
            let (id, codec) = match &space.device {
                Device::Native => continue,
                Device::Bosch(eui) => (eui, "bosch/tps110"),
                Device::Nwave(id) => (id, "nwave/nps405"),
            };
            out.push(json!({"id": id, "codec": codec, "lot": lot.id, "space": space.id}));
        }
    }
    out
}

fn lot_feature(lot: &Lot, town: &Town) -> Value {
    let uses: Map<String, Value> = lot.uses.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
    let kind = match lot.kind {
        LotKind::Garage => "garage",
        LotKind::CarPark => "car_park",
        LotKind::Street => "street",
    };
    feature(
        "lot",
        &lot.id,
        polygon(&lot.area, BAY),
        json!({
            "name": words(&lot.name),
            "lot_kind": kind,
            "capacity": lot.capacity,
            "vehicle_class": if lot.non_motor { "non_motor" } else { "motor" },
            "counted_by": if lot.spaces.is_empty() { "counters" } else { "spaces" },
            "uses": if uses.is_empty() { Value::Null } else { Value::Object(uses) },
            "opening_hours": lot.opening_hours,
            "tariff": words(&lot.tariff),
            "max_height_m": lot.max_height_m,
            "entrances": lot.entrances.iter().map(|p| position(*p, COARSE)).collect::<Vec<_>>(),
            "street": town.streets[lot.street].id,
            "grid_cell": town.cells[lot.cell].id,
            "stale_after_s": lot.stale_after_s,
        }),
    )
}

fn space_feature(lot: &Lot, space: &Space) -> Value {
    let uses = if space.uses.is_empty() { Value::Null } else { json!(space.uses) };
    feature("space", &space.id, polygon(&space.outline, BAY), json!({"lot": lot.id, "uses": uses}))
}

fn street(street: &Street) -> Value {
    let line: Vec<Value> = street.line.iter().map(|p| position(*p, COARSE)).collect();
    let geometry = json!({"type": "LineString", "coordinates": line});
    feature("street", street.id, geometry, json!({"name": words(&street.name), "class": street.class}))
}

fn zone(zone: &Zone) -> Value {
    feature(
        "zone",
        &zone.id,
        polygon(&zone.area, BAY),
        json!({
            "name": words(&zone.name),
            "rule": zone.rule,
            "hours": zone.hours,
            "dwell_s": zone.dwell_s,
            "street_class": zone.street_class,
            "vehicle_class": (zone.rule == "non_motor_only").then_some("motor"),
        }),
    )
}

fn cell(cell: &Cell) -> Value {
    feature(
        "grid_cell",
        &cell.id,
        polygon(&cell.area, COARSE),
        json!({"name": words(&cell.name), "unit": words(&cell.unit), "code": cell.code}),
    )
}

fn camera(camera: &Camera) -> Value {
    feature(
        "camera",
        &camera.id,
        at(camera.at),
        json!({
            "name": words(&camera.name),
            "zones": camera.zones,
            "view": polygon(&camera.view, COARSE),
            "viid_device_id": camera.viid_device_id,
        }),
    )
}

fn sign(sign: &Sign) -> Value {
    let link = match &sign.link {
        SignLink::MqttJson => json!({"protocol": "mqtt_json"}),
        SignLink::Ntcip(address) => json!({"protocol": "ntcip1203", "address": address, "community": "public"}),
    };
    let panels: Vec<Value> = sign
        .panels
        .iter()
        .map(|panel| {
            let lines: Vec<Value> = panel.lines.iter().map(sign_line).collect();
            json!({"id": panel.id, "width_px": panel.width_px, "height_px": panel.height_px, "lines": lines})
        })
        .collect();
    feature(
        "sign",
        &sign.id,
        at(sign.at),
        json!({
            "name": words(&sign.name),
            "heading_deg": sign.heading_deg.round(),
            "language": "zh",
            "level": sign.level,
            "link": link,
            "panels": panels,
        }),
    )
}

fn sign_line(line: &SignLine) -> Value {
    let (kind, id) = match &line.target {
        Target::Lot(id) => ("lot", id),
        Target::Group(id) => ("group", id),
    };
    json!({kind: id, "label": words(&line.label), "arrow": line.arrow, "travel_time_s": line.travel_time_s})
}

fn backdrop(backdrop: &Backdrop) -> Value {
    let rings: Vec<Value> = backdrop.areas.iter().map(|area| json!([ring(area, COARSE)])).collect();
    let geometry = json!({"type": "MultiPolygon", "coordinates": rings});
    feature("base", &backdrop.id, geometry, json!({"class": backdrop.class, "name": backdrop.name.as_ref().map(words)}))
}
