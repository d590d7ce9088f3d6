//! A city with lots in every state there is, and its picture.

use std::{collections::BTreeMap, sync::Arc};

use chrono::Duration;
use serde_json::{Value, json};
use yunpark::{
    availability::{Engine, Limits, LotLayout},
    config::{Config, Feeds},
    domain::{
        action::Action,
        city::{City, read},
        ids::{LotId, PanelId, SignId, SpaceId},
        observation::{Observation, SpaceState, Statement},
        time::{Instant, parse_rfc3339},
    },
    feeds::{Openings, Picture, judge},
    signboard::{HealthState, SignBoard},
};
use yunpark_signs::{Colour, Face, Line, LineState, Mode};

/// Noon in the city.
pub fn now() -> Instant {
    parse_rfc3339("2026-03-10T04:00:00Z").unwrap()
}

/// The settings of the feeds as they come.
pub fn settings() -> Feeds {
    Config::load(None).unwrap().feeds
}

fn lot(id: &str, kind: &str, capacity: u32, more: Value) -> Value {
    let mut properties = json!({
        "kind": "lot", "id": id, "lot_kind": kind, "capacity": capacity, "vehicle_class": "motor",
        "name": {"zh": format!("停车场 <{id}> & 北"), "en": format!("Car park <{id}> & \"North\"")},
    });
    properties.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let place = 119.570 + f64::from(capacity) / 10_000.0;
    json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [place, 28.110]}, "properties": properties})
}

/// The city file.
pub fn city_file() -> Value {
    let street = json!({
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [[119.570, 28.108], [119.574, 28.108]]},
        "properties": {"kind": "street", "id": "ST1", "name": {"zh": "凤鸣街", "en": "Fengming Street"}, "class": 1},
    });
    let row = json!({
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[
            [119.5700, 28.1090], [119.5710, 28.1090], [119.5710, 28.1091], [119.5700, 28.1091], [119.5700, 28.1090],
        ]]},
        "properties": {
            "kind": "lot", "id": "ROW", "lot_kind": "street", "capacity": 4, "vehicle_class": "motor", "street": "ST1",
            "name": {"zh": "凤鸣街泊位", "en": "Fengming Street bays"},
            "tariff": {"zh": "每小时 5 元", "en": "5 yuan an hour"},
            "spaces": ["S1", "S2", "S3", "S4"],
        },
    });
    let bays = (1..=4).map(|n| {
        json!({
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [119.5700 + 0.0002 * f64::from(n), 28.10905]},
            "properties": {"kind": "space", "id": format!("S{n}"), "lot": "ROW",
                "uses": if n == 1 { json!(["disabled"]) } else { json!([]) }},
        })
    });
    let zone = json!({
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[
            [119.5700, 28.1080], [119.5710, 28.1080], [119.5710, 28.1085], [119.5700, 28.1085], [119.5700, 28.1080],
        ]]},
        "properties": {"kind": "zone", "id": "Z1", "name": {"zh": "人行道", "en": "Pavement"}, "rule": "time_limited",
            "dwell_s": 300, "street_class": 1, "hours": "Mo-Fr 08:00-18:00"},
    });
    let panels =
        json!([{"id": "P1", "width_px": 160, "height_px": 32, "lines": [{"lot": "FULL", "travel_time_s": 60}]}]);
    let sign = |id: &str| {
        json!({
            "type": "Feature", "geometry": {"type": "Point", "coordinates": [119.571, 28.109]},
            "properties": {"kind": "sign", "id": id, "name": {"zh": "诱导屏", "en": "Sign"}, "heading_deg": 90,
                "language": "zh", "link": {"protocol": "mqtt_json"}, "panels": panels},
        })
    };
    let mut features = vec![
        street,
        row,
        lot("FULL", "garage", 50, json!({"max_height_m": 1.9, "uses": {"disabled": 2, "charging": 4}})),
        lot("FEW", "car_park", 100, json!({"street": "ST1"})),
        lot("SHUT", "garage", 60, json!({})),
        lot("NIGHT", "car_park", 70, json!({"opening_hours": "Mo-Su 20:00-06:00"})),
        lot("OLD", "car_park", 80, json!({"stale_after_s": 600})),
        lot("MUTE", "garage", 90, json!({})),
        lot("BIKES", "car_park", 30, json!({"vehicle_class": "non_motor"})),
        zone,
        sign("SG-OK"),
        sign("SG-WRONG"),
        sign("SG-GONE"),
        sign("SG-DARK"),
        sign("SG-NEW"),
    ];
    features.extend(bays);
    json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": {"zh": "测试县", "en": "Test County"}, "time_zone": "Asia/Shanghai", "fictional": true},
        "groups": [],
        "sensors": [{"id": "fcd6bd00001a2b3c", "codec": "bosch/tps110", "lot": "ROW", "space": "S1"}],
        "features": features,
    })
}

/// The city.
pub fn city() -> Arc<City> {
    Arc::new(read(&city_file().to_string(), &|_| true).unwrap_or_else(|faults| panic!("{faults:?}")))
}

fn at(lot: &str, statement: Statement, observed_at: Instant) -> Observation {
    let lot = LotId::parse(lot).unwrap();
    Observation { lot, statement, observed_at, received_at: now(), session: None, seq: None }
}

fn bay(space: &str, state: SpaceState) -> Observation {
    at("ROW", Statement::Space { space: SpaceId::parse(space).unwrap(), state }, now() - Duration::seconds(30))
}

/// The picture of a city after what its sensors said.
pub async fn picture_of(city: Arc<City>, said: &[Observation], closed: &[&str], spaces_of: &[&str]) -> Picture {
    let engine = Engine::memory(None, Limits::default()).unwrap();
    let layouts: Vec<LotLayout> = city.lots.values().map(LotLayout::of).collect();
    engine.configure(&layouts, now()).await.unwrap();
    engine.apply(said).await.unwrap();
    for lot in closed {
        let lot = LotId::parse(lot).unwrap();
        engine.act(&Action::Close { lot, closed: true }, now()).await.unwrap();
    }
    let mut spaces = BTreeMap::new();
    for lot in spaces_of {
        let lot = LotId::parse(lot).unwrap();
        let known = engine.spaces(&lot).await.unwrap().unwrap();
        spaces.insert(lot, Arc::new(known.into_iter().map(|status| (status.space.clone(), status)).collect()));
    }
    let snapshot = engine.lots().await.unwrap();
    let counts = snapshot.lots.into_iter().map(|lot| (lot.lot.clone(), lot)).collect();
    let lots = judge(&Openings::of(&city), &counts, now(), Duration::seconds(900));
    Picture {
        city,
        static_at: parse_rfc3339("2026-03-01T00:00:00Z").unwrap(),
        cursor: snapshot.cursor,
        at: now(),
        lots,
        spaces: Arc::new(spaces),
    }
}

/// The city with lots full, nearly full, open, closed, out of hours, stale and unheard.
pub async fn picture() -> Picture {
    let recent = now() - Duration::seconds(20);
    let said = [
        at("FULL", Statement::Free { count: 0 }, recent),
        at("FEW", Statement::Free { count: 8 }, recent),
        at("SHUT", Statement::Free { count: 33 }, recent),
        at("NIGHT", Statement::Free { count: 44 }, recent),
        at("OLD", Statement::Free { count: 55 }, now() - Duration::seconds(700)),
        at("BIKES", Statement::Free { count: 12 }, recent),
        bay("S1", SpaceState::Free),
        bay("S2", SpaceState::Occupied),
        bay("S3", SpaceState::Free),
    ];
    picture_of(city(), &said, &["SHUT"], &["ROW"]).await
}

/// Signs that are well, wrong, gone, dark, and that nobody has asked yet.
pub fn signs() -> SignBoard {
    let board = SignBoard::default();
    let panel = PanelId::parse("P1").unwrap();
    let line = |text: &str, state, colour| Line {
        label: "城西 <北>".into(),
        text: text.into(),
        state,
        colour,
        ..Line::default()
    };
    let face = Face {
        mode: Mode::Normal,
        lines: vec![line("42", LineState::Free, Colour::Green), line("满", LineState::Full, Colour::Red)],
        ..Face::blank(7)
    };
    for (id, health) in [
        ("SG-OK", HealthState::Ok),
        ("SG-WRONG", HealthState::Failing),
        ("SG-GONE", HealthState::Unreachable),
        ("SG-DARK", HealthState::Ok),
    ] {
        let id = SignId::parse(id).unwrap();
        board.report(&id, health, Some("a \u{1} detail".to_owned()), now() - Duration::seconds(100));
        let shown = if id.as_str() == "SG-DARK" { Face::blank(3) } else { face.clone() };
        if id.as_str() != "SG-GONE" {
            board.confirm(&id, [(&panel, &Arc::new(shown))], now() - Duration::seconds(5));
        }
    }
    let wrong = SignId::parse("SG-WRONG").unwrap();
    board.desire(&wrong, &panel, Face::blank(9), Some("line 1 is <too> wide".to_owned()));
    board
}
