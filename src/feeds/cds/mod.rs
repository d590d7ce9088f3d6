//! Curb Data Specification 1.1: curb zones and their policies, the state of sensors, hourly occupancy; and events of
//! enforcement, which are for programs that are signed in. No plate and no person's name stands in any of them.
//!
//! Source: the specification's OpenAPI files, version 1.1.0. Instants are milliseconds since 1970.

pub mod curbs;
pub mod events;
pub mod metrics;

use serde_json::{Value, json};

use super::uid;
use crate::{config, domain::time::Instant};

/// The version of the specification.
pub const VERSION: &str = "1.1.0";
/// The media type of its JSON.
pub const JSON: &str = "application/vnd.cds+json;version=1.1";
/// The media type of its CSV.
pub const CSV: &str = "application/vnd.cds+csv;version=1.1";

/// The envelope of every JSON answer.
pub fn envelope(data: Value, at: Instant, time_zone: chrono_tz::Tz, settings: &config::Feeds) -> Vec<u8> {
    super::parkapi_v1::bytes(&json!({
        "version": VERSION,
        "time_zone": time_zone.name(),
        "last_updated": at.timestamp_millis(),
        "currency": settings.currency,
        "author": settings.publisher,
        "license_url": settings.licence_url,
        "data": data,
    }))
}

/// What a device is, to a reader of curb data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A camera.
    Camera,
    /// A bay sensor.
    InGround,
    /// A counter, or a radar beside the road.
    AboveGround,
}

/// How one device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id in the city; told as a UUID made of it.
    pub id: String,
    /// What it is.
    pub source: Source,
    /// Whether it is heard; `None` if nobody knows.
    pub is_online: Option<bool>,
}

/// The state of the devices.
pub fn status(devices: &[Device], at: Instant, time_zone: chrono_tz::Tz, settings: &config::Feeds) -> Vec<u8> {
    let status: Vec<Value> = devices
        .iter()
        .map(|device| {
            let mut told = json!({
                "data_source_device_id": device_id(&device.id, settings),
                "data_source_type": match device.source {
                    Source::Camera => "camera",
                    Source::InGround => "in_ground",
                    Source::AboveGround => "above_ground",
                },
                "sensor_status_is_commissioned": true,
            });
            if let Some(is_online) = device.is_online {
                told["sensor_status_is_online"] = json!(is_online);
            }
            told
        })
        .collect();
    envelope(json!({ "status": status }), at, time_zone, settings)
}

/// A device's UUID.
pub fn device_id(id: &str, settings: &config::Feeds) -> String {
    uid::uuid(&settings.city, "device", id).to_string()
}
