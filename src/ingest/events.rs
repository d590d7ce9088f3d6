//! What devices said, kept before it is acknowledged: each statement once, and the sensor's health with it.

use std::sync::Arc;

use yunpark_sensors::{Cause, Reading};

use super::normalise::DeviceEvent;
use crate::{
    config::StoreEvents,
    domain::{
        observation::{Observation, SpaceState, Statement},
        sensor_event::{EventId, SelfReport, SensorEvent, Standing, Told, Why},
        time::to_micros,
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

    /// Notes that a sensor counted what cannot be true; a lane is named after its device.
    pub(super) fn doubt(&self, stated: &Observation) {
        if let Statement::Total { lane, .. } = &stated.statement {
            self.ward.distrust(lane.split('/').next().unwrap_or(lane), stated.received_at);
        }
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
pub(super) fn event(said: &DeviceEvent) -> SensorEvent {
    let told = match &said.reading {
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
            fault: health.fault.as_deref().map(str::to_owned),
        }),
        Reading::Restart { cause } => Told::Restart(cause.to_string()),
        _ => Told::Other,
    };
    let (network, device) = (said.network_time, said.device_time);
    let at = if said.is_historical { device.or(network) } else { network };
    let json = serde_json::to_value(&said.reading).unwrap_or_default();
    SensorEvent {
        id: EventId {
            source: said.id.source.name(),
            device: said.sensor.as_str().to_owned(),
            session: said.id.session.clone().unwrap_or_default(),
            f_cnt: said.id.f_cnt,
            index: said.id.index,
        },
        at: at.unwrap_or(said.received_at),
        device_at: device,
        received_at: said.received_at,
        lot: said.lot.clone(),
        space: said.space.clone(),
        kind: json["kind"].as_str().unwrap_or("other").to_owned(),
        reading: json.to_string(),
        told,
        standing: if said.is_historical { Standing::Historical } else { Standing::Live },
        missed: false,
        f_port: said.way.f_port,
        frame: said.way.frame.clone(),
        gateways: said.way.gateways.clone(),
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
        lot: Some(lot.clone()),
        space,
        kind: json["kind"].as_str().unwrap_or("other").to_owned(),
        reading: json.to_string(),
        told,
        standing: Standing::Live,
        missed: false,
        f_port: None,
        frame: payload.to_vec(),
        gateways: Vec::new(),
    }
}
