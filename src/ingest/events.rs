//! What devices said, kept before it is acknowledged: each statement once, and the sensor's health with it.

use std::sync::Arc;

use yunpark_sensors::{Cause, Reading, Uplink};

use super::directory::Binding;
use crate::{
    config::StoreEvents,
    domain::{
        observation::{Observation, SpaceState, Statement},
        sensor_event::{EventId, SelfReport, SensorEvent, Standing, Told, Why},
        time::{Instant, from_micros, to_micros},
    },
    sensor_health::Ward,
    store::{Db, Error, sensor_events},
};

/// Where devices' statements are kept.
pub struct EventBook {
    db: Db,
    ward: Arc<Ward>,
    what: StoreEvents,
    max_future: chrono::Duration,
}

impl EventBook {
    /// A book in this database; a statement further ahead of its receipt than `max_future_ms` is kept, and is not live.
    pub fn new(db: Db, ward: Arc<Ward>, what: StoreEvents, max_future_ms: u64) -> Self {
        let max_future = chrono::Duration::milliseconds(i64::try_from(max_future_ms).unwrap_or(i64::MAX / 1000));
        Self { db, ward, what, max_future }
    }

    /// Whether native messages are kept too.
    pub(super) fn keeps_native(&self) -> bool {
        self.what == StoreEvents::All
    }

    /// Keeps statements, and lets the sensors' health hear them. After an error the same may be kept again.
    pub(super) async fn keep(&self, events: &mut [SensorEvent]) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        for event in events.iter_mut() {
            let ahead = event.received_at.checked_add_signed(self.max_future);
            if event.standing == Standing::Live && ahead.is_some_and(|ahead| event.at > ahead) {
                event.standing = Standing::Future;
            }
        }
        let is_new = if self.what == StoreEvents::None {
            vec![true; events.len()]
        } else {
            sensor_events::store(&self.db, events).await?
        };
        let count = |what: &'static str, count: usize| {
            metrics::counter!("yunpark_sensor_events_total", "what" => what).increment(count as u64);
        };
        count("new", is_new.iter().filter(|new| **new).count());
        count("duplicate", is_new.iter().filter(|new| !**new).count());
        let missed = events.iter().zip(&is_new).filter(|(event, new)| event.missed && **new);
        count("missed_change", missed.count());
        self.ward.hear(events, &is_new);
        Ok(())
    }
}

/// A device's reading as a statement to be kept.
pub(super) fn event(
    source: &'static str,
    uplink: &Uplink,
    device: &Binding,
    index: usize,
    reading: &Reading,
    received_at: Instant,
) -> SensorEvent {
    let whole = |at| from_micros(to_micros(at));
    let told = match reading {
        Reading::Occupancy { occupied, cause } => {
            let why = match cause {
                Cause::Change => Why::Change,
                Cause::Heartbeat => Why::Heartbeat,
                Cause::Startup => Why::Startup,
            };
            Told::Occupancy { occupied: *occupied, why }
        }
        Reading::Health(health) => Told::Health(SelfReport {
            battery_mv: health.battery_mv,
            battery_percent: health.battery_percent.map(f64::from),
            temperature_c: health.temperature_c,
            fault: health.fault.map(str::to_owned),
        }),
        Reading::Restart { cause } => Told::Restart((*cause).to_owned()),
        _ => Told::Other,
    };
    let json = serde_json::to_value(reading).unwrap_or_default();
    SensorEvent {
        id: EventId {
            source,
            device: device.id.as_str().to_owned(),
            session: uplink.session.clone().unwrap_or_default(),
            f_cnt: uplink.f_cnt.into(),
            index: u32::try_from(index).unwrap_or(u32::MAX),
        },
        at: uplink.network_time.and_then(whole).unwrap_or(received_at),
        device_at: None,
        received_at,
        lot: device.lot.clone(),
        space: device.space.clone(),
        kind: json["kind"].as_str().unwrap_or("other").to_owned(),
        reading: json.to_string(),
        told,
        standing: Standing::Live,
        missed: false,
        f_port: uplink.f_port,
        frame: uplink.payload.clone(),
        gateway: None,
    }
}

/// A native message as a statement to be kept: its place is the device, its number or else its instant the frame counter.
pub(super) fn native_event(observation: &Observation, payload: &[u8]) -> SensorEvent {
    let lot = &observation.lot;
    let (device, space, told) = match &observation.statement {
        Statement::Space { space, state } => {
            let told = match state {
                SpaceState::Unknown => Told::Other,
                state => Told::Occupancy { occupied: *state == SpaceState::Occupied, why: Why::Change },
            };
            (format!("{lot}/{space}"), Some(space.clone()), told)
        }
        _ => (lot.to_string(), None, Told::Other),
    };
    let at_us = u64::try_from(to_micros(observation.observed_at)).unwrap_or_default();
    let json = serde_json::to_value(&observation.statement).unwrap_or_default();
    SensorEvent {
        id: EventId {
            source: "native",
            device,
            // A number of a restarted device is told from the same number before by its instant.
            session: observation.seq.map_or_else(|| "at".to_owned(), |_| at_us.to_string()),
            f_cnt: observation.seq.unwrap_or(at_us),
            index: 0,
        },
        at: observation.observed_at,
        device_at: Some(observation.observed_at),
        received_at: observation.received_at,
        lot: lot.clone(),
        space,
        kind: json["kind"].as_str().unwrap_or("other").to_owned(),
        reading: json.to_string(),
        told,
        standing: Standing::Live,
        missed: false,
        f_port: None,
        frame: payload.to_vec(),
        gateway: None,
    }
}
