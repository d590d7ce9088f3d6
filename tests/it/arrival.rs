//! What a sign far from a lot tells on a Saturday on which the lot fills.

use std::collections::BTreeMap;

use chrono::Duration;
use serde_json::json;
use yunpark::{
    config::Config,
    domain::{
        availability::Availability,
        calendar::Calendar,
        city::{self, City},
        demand::Coming,
        ids::LotId,
        time::{Instant, parse_rfc3339},
    },
    forecast::{LotModel, Reading, Shared},
    guidance::{
        arrival::{Ahead, Expected},
        flow::{Flows, Sent},
        panel::PanelState,
        policy::{Situation, compose, min_dwell},
    },
};
use yunpark_signs::{LineState, Reason, Rule};

const CAPACITY: u32 = 200;
const TRAVEL_S: u32 = 720;

/// A lot and a sign at twelve minutes' travel from it.
fn town() -> City {
    let file = json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": "T", "time_zone": "Asia/Shanghai", "fictional": true},
        "groups": [], "sensors": [],
        "features": [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.5, 28.1]}, "properties":
                {"kind": "lot", "id": "L1", "name": "A", "lot_kind": "garage", "capacity": CAPACITY}},
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.6, 28.1]}, "properties": {
                "kind": "sign", "id": "G1", "name": "S", "heading_deg": 0, "link": {"protocol": "mqtt_json"},
                "panels": [{"id": "P1", "width_px": 160, "height_px": 32,
                    "lines": [{"lot": "L1", "travel_time_s": TRAVEL_S}]}]
            }}
        ]
    });
    city::read(&file.to_string(), &|_| true).unwrap()
}

/// Cars in the lot at a minute of a day: Saturdays fill from nine till noon and empty from three; other days stay half empty. The
/// last few cars come and go.
fn cars(day: i64, minute: i64, more: f64) -> u32 {
    let is_saturday = day % 7 == 5;
    let peak = if is_saturday { 1.02 * more } else { 0.6 };
    let up = ((minute - 540) as f64 / 180.0).clamp(0.0, 1.0);
    let down = ((minute - 900) as f64 / 240.0).clamp(0.0, 1.0);
    let wobble = ((day * 31 + minute * 17) % 5 - 2) as f64;
    let share = 0.15 + (peak - 0.15) * up * (1.0 - down);
    (share * f64::from(CAPACITY) + wobble).clamp(0.0, f64::from(CAPACITY)) as u32
}

fn counts(lot: &LotId, occupied: u32, version: u64, now: Instant) -> BTreeMap<LotId, Availability> {
    let counts = Availability {
        free: CAPACITY - occupied,
        occupied,
        unknown: 0,
        observed_at: Some(now),
        version,
        ..Availability::unheard(lot.clone(), CAPACITY)
    };
    [(lot.clone(), counts)].into()
}

#[test]
fn a_sign_twelve_minutes_away_says_full_before_the_lot_is_and_never_flaps() {
    let (city, config) = (town(), Config::load(None).unwrap());
    let calendar = Calendar::plain(city.time_zone);
    let lot = LotId::parse("L1").unwrap();
    let sign = city.signs.values().next().unwrap();
    // Monday, 2 March 2026, at midnight in Shanghai.
    let monday = parse_rfc3339("2026-03-01T16:00:00Z").unwrap();
    let (mut model, mut shared) = (LotModel::new(), Shared::default());
    let learn = |model: &mut LotModel, shared: &mut Shared, at: Instant, occupied: u32| {
        model.learn(Reading { at, free: CAPACITY - occupied, capacity: CAPACITY }, &calendar, shared);
    };
    for minute in 0..33 * 1440 {
        let at = monday + Duration::minutes(minute);
        learn(&mut model, &mut shared, at, cars(minute / 1440, minute % 1440, 1.0));
    }
    // The Saturday that counts fills faster than the ones before.
    let day = 33;
    assert_eq!(day % 7, 5);
    let mut state = PanelState::default();
    let mut flows = Flows::default();
    let (mut told, mut version) = (Vec::new(), 0);
    let mut full_at = None;
    for second in (0..86_400).step_by(10) {
        let now = monday + Duration::days(day) + Duration::seconds(second);
        let occupied = cars(day, second / 60, 1.04);
        version += 1;
        let lots = counts(&lot, occupied, version, now);
        if second % 60 == 0 {
            learn(&mut model, &mut shared, now, occupied);
        }
        if occupied >= CAPACITY {
            full_at.get_or_insert(second);
        }
        flows.observe(&lots, now);
        let rates = flows.rates(&lot, now);
        let ahead = |_: &LotId, at: Instant| {
            let reading = Reading { at: now, free: CAPACITY - occupied, capacity: CAPACITY };
            let forecast = model.forecast(reading, at, &calendar, &shared);
            let forecast = forecast.map(|forecast| Expected { free: forecast.free, chance: forecast.chance });
            Ahead { forecast, rates, under_way: Coming::default() }
        };
        let situation = Situation {
            city: &city,
            lots: &lots,
            now,
            rules: &config.guidance,
            stale_after: Duration::seconds(900),
            answer: Duration::seconds(5),
            is_open: &|_| true,
            ahead: &ahead,
            age: &|lot| flows.age(lot, now),
            orders: &[],
        };
        let composed = compose(sign, &sign.panels[0], &situation, &mut state);
        let mut sent = Sent::default();
        sent.add(&city, &sign.panels[0], &composed.face);
        flows.send(sent);
        let dwell = min_dwell(sign, &config.guidance);
        if let Some(face) = state.advance(composed.face, &composed.lost, now, dwell, || version) {
            let line = &face.lines[0];
            assert!(line.offset <= 0 && line.rule == Some(Rule::Arrival));
            told.push((second, line.state, line.reason));
        }
    }
    let full_at = full_at.expect("the lot fills");
    let is_full = |state: LineState| state == LineState::Full;
    let turns: Vec<_> =
        told.windows(2).filter(|pair| is_full(pair[0].1) != is_full(pair[1].1)).map(|pair| pair[1]).collect();
    println!("the lot is full at {} min; FULL turns at {turns:?}", full_at / 60);
    assert_eq!(turns.len(), 2, "once to FULL and once back: {turns:?}");
    let (said, _, reason) = turns[0];
    assert!(said + 300 < full_at && said + 2 * i64::from(TRAVEL_S) > full_at, "{said} for {full_at}");
    assert_eq!(reason, Some(Reason::ForecastOnArrival));
    assert!(turns[1].0 > 900 * 60 - i64::from(TRAVEL_S), "it opens again when cars leave, or just before: {turns:?}");
}
