//! Events of enforcement: violations that ripened, and what was issued. No plate, no vehicle key and no person stands in them;
//! who needs those looks them up where each look-up is entered in the ledger.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{curbs, device_id, envelope};
use crate::{
    config,
    domain::{
        city::City,
        ids::ZoneId,
        incident::Incident,
        record::{Kind, Record},
        time::Instant,
    },
    feeds::uid,
};

/// One event and when it was.
type Event = (Instant, Value);

/// The events of an hour, newest first.
pub fn events(
    city: &City,
    incidents: &[Incident],
    records: &[Record],
    (from, to): (Instant, Instant),
    at: Instant,
    settings: &config::Feeds,
) -> Vec<u8> {
    let violations = incidents.iter().flat_map(|incident| {
        let start =
            incident.ripe_at.map(|ripe_at| violation(city, incident, "vehicle_violation_start", ripe_at, settings));
        let over = incident.ripe_at.filter(|_| incident.state.public() != "ripe");
        let end = over.map(|_| violation(city, incident, "vehicle_violation_end", incident.last_seen, settings));
        [start, end].into_iter().flatten()
    });
    let issued = records.iter().filter_map(|record| citation(city, record, settings));
    let mut all: Vec<Event> = violations.chain(issued).filter(|(at, _)| (from..to).contains(at)).collect();
    all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1["event_id"].as_str().cmp(&b.1["event_id"].as_str())));
    let events: Vec<Value> = all.into_iter().map(|(_, event)| event).collect();
    envelope(json!({ "events": events }), at, city.time_zone, settings)
}

fn violation(city: &City, incident: &Incident, kind: &str, at: Instant, settings: &config::Feeds) -> Event {
    // The incident is known by its zone: the camera that watches it saw the vehicle.
    let camera = city.cameras.values().find(|camera| camera.zones.contains(&incident.zone));
    let mut event = json!({
        "event_id": uid::uuid(&settings.city, kind, &incident.id),
        "event_type": kind,
        "event_time": at.timestamp_millis(),
        "event_publication_time": at.timestamp_millis(),
        "data_source_type": if camera.is_some() { "camera" } else { "in_person" },
        "data_source_device_id": device_id(camera.map_or("officers", |camera| camera.id.as_str()), settings),
        "enforcement": enforcement(&incident.id, settings),
    });
    if let Some(camera) = camera {
        event["event_location"] = json!({ "type": "Point", "coordinates": [camera.location.x, camera.location.y] });
    }
    in_zone(&mut event, city, Some(&incident.zone), settings);
    (at, event)
}

/// A warning, a correction or a penalty case that was issued. Seizures wait for people and are told by their records alone.
fn citation(city: &City, record: &Record, settings: &config::Feeds) -> Option<Event> {
    let is_warning = match record.kind {
        Kind::Warning | Kind::Correction => true,
        Kind::Penalty => false,
        Kind::Seizure => return None,
    };
    let mut enforcement = enforcement(record.incident.as_deref().unwrap_or(&record.id), settings);
    enforcement["citation_id"] = json!(record.number);
    enforcement["is_warning"] = json!(is_warning);
    enforcement["action_taken"] = json!("citation_registered");
    let mut event = json!({
        "event_id": uid::uuid(&settings.city, "citation_issued", &record.id),
        "event_type": "citation_issued",
        "event_time": record.at.timestamp_millis(),
        "event_publication_time": record.at.timestamp_millis(),
        "data_source_type": "in_person",
        "data_source_device_id": device_id("officers", settings),
        "enforcement": enforcement,
    });
    if let Some((lon, lat)) = record.location {
        event["event_location"] = json!({ "type": "Point", "coordinates": [lon, lat] });
    }
    in_zone(&mut event, city, record.zone.as_ref(), settings);
    Some((record.at, event))
}

fn enforcement(stay: &str, settings: &config::Feeds) -> Value {
    let id: Uuid = uid::uuid(&settings.city, "stay", stay);
    json!({ "enforcement_id": id })
}

fn in_zone(event: &mut Value, city: &City, zone: Option<&ZoneId>, settings: &config::Feeds) {
    if let Some(zone) = zone.and_then(|id| city.zones.get(id)) {
        event["curb_zone_id"] = json!(curbs::zone_id(zone, settings));
        event["enforcement"]["violations"] = json!([{ "violation_code": zone.rule, "violation_name": zone.name.zh }]);
    }
}
