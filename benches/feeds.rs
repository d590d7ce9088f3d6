//! What writing every feed of a city of a thousand lots costs when something changes once a second, beside the cost of serialising
//! the same lots as JSON once.
//!
//! `./run bench feeds`, or `cargo bench --bench feeds -- SECONDS`. Everything is in memory; each measurement ends after the given
//! seconds (5 by default).

use std::{
    collections::BTreeMap,
    hint::black_box,
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::DateTime;
use serde_json::{Value, json};
use yunpark::{
    config::Config,
    domain::{
        availability::{Availability, Cursor},
        city::{City, read},
        ids::LotId,
    },
    feeds::{Feed, Openings, Picture, SitesQuery, Variant, judge, ngsi_ld, parkapi_v3},
    signboard::SignBoard,
};

const LOTS: u32 = 1000;

type Failure = Box<dyn std::error::Error>;

/// A city of a thousand lots, every fourth with opening hours, and fifty signs.
fn city() -> Result<City, Failure> {
    let kinds = ["garage", "car_park", "street"];
    let mut features: Vec<Value> = (0..LOTS)
        .map(|n| {
            let mut lot = json!({"type": "Feature",
                "geometry": {"type": "Point", "coordinates": [119.4 + 0.0003 * f64::from(n), 28.0 + 0.0001 * f64::from(n % 97)]},
                "properties": {"kind": "lot", "id": format!("L{n:04}"), "lot_kind": kinds[n as usize % 3],
                    "name": {"zh": format!("停车场{n}"), "en": format!("Car park {n}")}, "capacity": 50 + n % 400,
                    "vehicle_class": "motor", "uses": {"disabled": 2, "charging": 6}}});
            if n % 4 == 0 {
                lot["properties"]["opening_hours"] = json!("Mo-Fr 06:00-23:00; Sa,Su 08:00-22:00");
            }
            lot
        })
        .collect();
    features.extend((0..50).map(|n| {
        json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.5, 28.0]}, "properties": {
            "kind": "sign", "id": format!("SG{n}"), "name": "诱导屏", "heading_deg": 90, "language": "zh",
            "link": {"protocol": "mqtt_json"},
            "panels": [{"id": "P1", "width_px": 160, "height_px": 16, "lines": [{"lot": format!("L{n:04}"), "travel_time_s": 60}]}]}})
    }));
    let file = json!({"type": "FeatureCollection", "groups": [], "sensors": [], "features": features,
        "yunpark": {"version": 1, "name": "大城", "time_zone": "Asia/Shanghai", "fictional": true}});
    read(&file.to_string(), &|_| true)
        .map_err(|faults| format!("{} faults, such as {}", faults.len(), faults[0]).into())
}

/// Runs a task again and again for a while: how long one took on average, and how many bytes it gave.
fn average(span: Duration, mut task: impl FnMut(u32) -> usize) -> (Duration, usize) {
    let (start, mut rounds, mut bytes) = (Instant::now(), 0_u32, 0);
    while rounds == 0 || start.elapsed() < span {
        bytes = task(rounds);
        rounds += 1;
    }
    (start.elapsed() / rounds, bytes)
}

fn main() -> Result<(), Failure> {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(5);
    let span = Duration::from_secs(seconds).max(Duration::from_secs(1)) / 4;
    let settings = Config::load(None)?.feeds;
    let (city, signs) = (Arc::new(city()?), SignBoard::default());
    let openings = Openings::of(&city);
    let now = DateTime::from_timestamp(1_773_115_200, 0).ok_or("no such instant")?;
    let mut counts: BTreeMap<LotId, Availability> = city
        .lots
        .values()
        .map(|lot| {
            let free = lot.capacity / 3;
            let told = Availability {
                free,
                occupied: lot.capacity - free,
                unknown: 0,
                observed_at: Some(now),
                version: 1,
                ..Availability::unheard(lot.id.clone(), lot.capacity)
            };
            (lot.id.clone(), told)
        })
        .collect();
    let picture = |counts: &BTreeMap<LotId, Availability>, round: u32| Picture {
        city: city.clone(),
        static_at: now,
        cursor: Cursor(round.to_string()),
        at: now,
        lots: judge(&openings, counts, now, chrono::Duration::seconds(900)),
        spaces: Arc::default(),
    };
    let asked = SitesQuery::default().read(&settings.city)?;
    let out = &mut std::io::stdout();
    let one = picture(&counts, 0);
    writeln!(out, "{LOTS} lots, {} signs; one core", city.signs.len())?;
    for feed in Feed::ALL {
        let (took, bytes) =
            average(span / 8, |_| black_box(feed.write(&one, Variant::default(), &settings, &signs)).len());
        writeln!(out, "  {:<18} {:>8.2} ms {:>9} bytes", format!("{feed:?}"), took.as_secs_f64() * 1e3, bytes)?;
    }
    let every = |counts: &mut BTreeMap<LotId, Availability>, round: u32| {
        // One car comes or goes.
        if let Some(lot) = counts.values_mut().nth(round as usize % LOTS as usize) {
            let free = if round.is_multiple_of(2) { lot.free - 1 } else { lot.free + 1 };
            (lot.free, lot.occupied, lot.version) = (free, lot.capacity - free, lot.version + 1);
        }
        let picture = picture(counts, round);
        let written: usize = Feed::ALL
            .iter()
            .map(|feed| black_box(feed.write(&picture, Variant::default(), &settings, &signs)).len())
            .sum();
        let page = parkapi_v3::sites(&picture, &asked, Variant::default(), &settings);
        let kinds = [ngsi_ld::Kind::OffStreet, ngsi_ld::Kind::OnStreet];
        let entities: usize = kinds
            .iter()
            .map(|kind| {
                serde_json::to_vec(&ngsi_ld::entities(&picture, *kind, Variant::default(), &settings))
                    .map_or(0, |all| all.len())
            })
            .sum();
        written + entities + serde_json::to_vec(&page.items).map_or(0, |all| all.len())
    };
    let (all, bytes) = average(span * 2, |round| black_box(every(&mut counts, round)));
    let items = parkapi_v3::sites(&one, &asked, Variant::default(), &settings).items;
    let (once, json_bytes) = average(span, |_| serde_json::to_vec(black_box(&items)).map_or(0, |all| all.len()));
    writeln!(
        out,
        "every feed after one change: {:.1} ms, {bytes} bytes; at one change a second {:.2} % of one core",
        all.as_secs_f64() * 1e3,
        all.as_secs_f64() * 1e2
    )?;
    writeln!(
        out,
        "the same lots serialised as JSON once: {:.2} ms, {json_bytes} bytes; every feed costs {:.1} times that, {:.1} times for each byte",
        once.as_secs_f64() * 1e3,
        all.as_secs_f64() / once.as_secs_f64(),
        all.as_secs_f64() / once.as_secs_f64() * json_bytes as f64 / bytes as f64
    )?;
    Ok(())
}
