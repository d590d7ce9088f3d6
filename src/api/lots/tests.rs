//! What the public is told of lots.

use chrono::Duration;
use geo::{Coord, Distance, Haversine, Point};

use super::*;
use crate::{
    config::Config,
    domain::{
        availability::{Freshness, SpaceStatus},
        city::{example, read},
        ids::SpaceId,
        observation::SpaceState,
        time::parse_rfc3339,
    },
};

struct Scene {
    city: City,
    counts: BTreeMap<LotId, Availability>,
    now: Instant,
    config: config::Availability,
}

/// The example city at 12:00 on a Tuesday: a minute ago L1 had 3 of 4 free.
fn scene() -> Scene {
    let city = read(&example(), &|codec| !codec.starts_with("acme/")).unwrap();
    let now = parse_rfc3339("2026-03-10T04:00:00Z").unwrap();
    let id = LotId::parse("L1").unwrap();
    let counts = Availability {
        free: 3,
        occupied: 1,
        unknown: 0,
        observed_at: Some(now - Duration::minutes(1)),
        version: 7,
        ..Availability::unheard(id.clone(), 4)
    };
    let config = Config::load(None).unwrap().availability;
    Scene { city, counts: [(id, counts)].into(), now, config }
}

impl Scene {
    fn list(&self, bbox: Option<&str>, near: Option<&str>, radius_m: Option<&str>) -> Result<LotsView, QueryFault> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let query = LotsQuery { bbox: own(bbox), near: own(near), radius_m: own(radius_m), arrive_in_s: None };
        let cursor = Cursor("7-0".to_owned());
        Ok(list(&self.city, &self.counts, &cursor, &Filter::read(&query)?, self.now, &self.config))
    }

    fn ids(&self, bbox: Option<&str>, near: Option<&str>, radius_m: Option<&str>) -> Vec<String> {
        self.list(bbox, near, radius_m).unwrap().lots.iter().map(|lot| lot.availability.id.to_string()).collect()
    }
}

#[test]
fn a_lot_is_told_with_all_its_keys() {
    let scene = scene();
    let lot = one(&scene.city, &scene.counts, "L1", scene.now, &scene.config).unwrap();
    let location = lot.location;
    assert_eq!(
        serde_json::to_value(&lot).unwrap(),
        serde_json::json!({
            "id": "L1", "name": {"zh": "城西停车场", "en": "West car park"}, "kind": "car_park", "location": location,
            "vehicle_class": "motor", "uses": {"disabled": 1, "charging": 1}, "opening_hours": "Mo-Su 06:00-23:00",
            "open": true, "tariff": {"zh": "首小时免费,之后每小时2元", "en": "First hour free, then 2 yuan an hour"},
            "max_height_m": 2.2, "entrances": [[119.5701, 28.1142]], "street": "ST1",
            "capacity": 4, "free": 3, "occupied": 1, "unknown": 0, "out_of_service": 0,
            "reserved": 0, "closed": false, "stale_spaces": 0, "dead_spaces": 0, "groups": [], "confidence": 0.0,
            "observed_at": "2026-03-10T03:59:00Z", "quality": "live", "level": "few", "version": 7,
        })
    );
    assert!(one(&scene.city, &scene.counts, "L9", scene.now, &scene.config).is_none());
}

#[test]
fn the_list_names_its_city_and_a_lot_nobody_reported_has_no_data() {
    let list = serde_json::to_value(scene().list(None, None, None).unwrap()).unwrap();
    assert_eq!((&list["cursor"], &list["generated_at"]), (&"7-0".into(), &"2026-03-10T04:00:00Z".into()));
    assert_eq!(list["city"]["name"]["en"], "Example County");
    assert_eq!((&list["city"]["time_zone"], &list["city"]["fictional"]), (&"Asia/Shanghai".into(), &true.into()));
    let unheard = &list["lots"][1];
    assert_eq!(
        (&unheard["id"], &unheard["level"], &unheard["unknown"]),
        (&"L2".into(), &"no_data".into(), &220.into())
    );
    assert!(unheard["observed_at"].is_null() && unheard.get("distance_m").is_none());
}

#[test]
fn a_number_past_the_lots_own_limit_is_stale_and_a_shut_lot_is_closed() {
    let mut scene = scene();
    let level = |scene: &Scene| {
        let lot = one(&scene.city, &scene.counts, "L1", scene.now, &scene.config).unwrap();
        (lot.open, lot.availability.quality, lot.availability.level)
    };
    scene.now += Duration::minutes(10);
    assert_eq!(level(&scene), (true, Quality::Stale, Level::NoData));
    scene.now += Duration::hours(12);
    assert_eq!(level(&scene), (false, Quality::Stale, Level::Closed));
}

#[test]
fn a_box_and_a_circle_choose_and_nearness_orders() {
    let scene = scene();
    assert_eq!(scene.ids(None, None, None), ["L1", "L2"]);
    assert_eq!(scene.ids(Some("119.574,28.115,119.576,28.117"), None, None), ["L2"]);
    assert_eq!(scene.ids(None, Some("119.575,28.116"), None), ["L2", "L1"]);
    assert_eq!(scene.ids(None, Some("119.575,28.116"), Some("100")), ["L2"]);
    assert_eq!(scene.ids(Some("119.569,28.113,119.572,28.115"), Some("119.575,28.116"), Some("100")), [""; 0]);
    let near = scene.list(None, Some("119.575,28.117"), None).unwrap();
    let (here, there) = (Coord { x: 119.575, y: 28.117 }, Coord { x: 119.575, y: 28.116 });
    let metres = Haversine.distance(Point(here), Point(there));
    assert!((near.lots[0].distance_m.unwrap() - metres).abs() < 0.1 && (110.0..112.0).contains(&metres));
}

#[test]
fn a_query_that_cannot_be_read_names_its_parameter() {
    let scene = scene();
    let field = |bbox, near, radius_m| scene.list(bbox, near, radius_m).unwrap_err().field;
    for bbox in ["1,2,3", "a,b,c,d", "120,28,119,29", "119,29,120,28", "0,0,NaN,1", "0,0,200,1", "", "1,2,3,4,5"] {
        assert_eq!(field(Some(bbox), None, None), "bbox", "{bbox}");
    }
    for near in ["119.5", "28.1,119.5", "x,y", "inf,0"] {
        assert_eq!(field(None, Some(near), None), "near", "{near}");
    }
    for radius_m in ["-1", "NaN", "far", "1e9"] {
        assert_eq!(field(None, Some("119.5,28.1"), Some(radius_m)), "radius_m", "{radius_m}");
    }
    assert_eq!(field(None, None, Some("100")), "radius_m", "a circle needs its middle");
    let problem = crate::api::Problem::from(QueryFault::new("bbox", "must be read"));
    assert_eq!(problem.status().as_u16(), 400);
}

#[test]
fn each_bay_is_told_and_one_without_word_is_unknown() {
    let scene = scene();
    let moved = SpaceStatus {
        space: SpaceId::parse("S001").unwrap(),
        state: SpaceState::Occupied,
        out_of_service: false,
        reserved: false,
        freshness: Freshness::Live,
        observed_at: Some(scene.now),
    };
    let spaces = serde_json::to_value(SpacesView::of(&scene.city.lots["L1"], &[moved])).unwrap();
    assert_eq!(
        spaces["spaces"][0],
        serde_json::json!({
            "id": "S001", "state": "occupied", "out_of_service": false, "reserved": false, "freshness": "live", "observed_at": "2026-03-10T04:00:00Z",
            "location": [119.5702, 28.1143], "outline": null, "uses": ["charging"],
        })
    );
    assert_eq!((&spaces["lot"], &spaces["spaces"][1]["state"]), (&"L1".into(), &"unknown".into()));
}

#[test]
fn the_history_is_a_day_of_minutes_unless_asked_otherwise() {
    let now = parse_rfc3339("2026-03-10T04:00:00Z").unwrap();
    let ask = |from: Option<&str>, to: Option<&str>, step: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let query = HistoryQuery { from: own(from), to: own(to), step: own(step), format: None };
        query.read(now).map(|asked| (asked.from, asked.to, asked.step_s)).map_err(|fault| fault.field)
    };
    let before = |hours| now - Duration::hours(hours);
    assert_eq!(ask(None, None, None), Ok((before(24), now, 60)));
    assert_eq!(ask(Some("2026-03-10T11:00:00 08:00"), None, None), Ok((before(1), now, 60)), "an unescaped plus");
    for (from, step_s) in [
        ("2026-03-01T00:00:00Z", 900),
        ("2026-01-01T00:00:00Z", 3600),
        ("2025-01-01T00:00:00Z", 3600),
        ("2020-01-01T00:00:00Z", 86_400),
    ] {
        assert_eq!(ask(Some(from), None, None).unwrap().2, step_s, "{from}");
    }
    for (step, step_s) in [("60", 60), ("1m", 60), ("15m", 900), ("1h", 3600), ("1d", 86_400), ("7d", 604_800)] {
        assert_eq!(ask(None, None, Some(step)).unwrap().2, step_s, "{step}");
    }
    for (from, to, step, field) in [
        (Some("yesterday"), None, None, "from"),
        (None, Some("2026-13-01T00:00:00Z"), None, "to"),
        (Some("2026-03-10T04:00:00Z"), None, None, "from"),
        (Some("1990-01-01T00:00:00Z"), None, None, "from"),
        (Some("2026-01-01T00:00:00Z"), None, Some("1m"), "step"),
        (None, None, Some(""), "step"),
        (None, None, Some("m"), "step"),
        (None, None, Some("30"), "step"),
        (None, None, Some("90"), "step"),
        (None, None, Some("-60"), "step"),
        (None, None, Some("36h"), "step"),
        (None, None, Some("99999999999999999999d"), "step"),
        (None, None, Some("1w"), "step"),
    ] {
        assert_eq!(ask(from, to, step), Err(field), "{from:?} {to:?} {step:?}");
    }
}

#[test]
fn a_forecast_is_for_an_instant_ahead_within_a_day() {
    let now = parse_rfc3339("2026-03-10T04:00:00Z").unwrap();
    let asked =
        |at: Option<&str>| ForecastQuery { at: at.map(str::to_owned) }.instant(now).map_err(|fault| fault.field);
    assert_eq!(asked(None), Ok(now + Duration::minutes(15)));
    assert_eq!(asked(Some("2026-03-10T13:00:00+08:00")), Ok(now + Duration::hours(1)));
    for wrong in ["soon", "2026-03-10T03:00:00Z", "2026-03-12T03:00:00Z"] {
        assert_eq!(asked(Some(wrong)), Err("at"), "{wrong}");
    }
}
