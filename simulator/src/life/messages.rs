//! What sensors say, as they say it: native JSON, ChirpStack v4 and The Things Stack v3 uplinks.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use crate::{
    broker::Message,
    town::{Device, Space},
};

/// ChirpStack application of the Bosch bays.
pub const CHIRPSTACK_APPLICATION: &str = "ca739e26-7b67-4f14-b69e-d568c22a5a75";
/// The Things Stack application and tenant of the Nwave bays.
pub const THINGS_STACK_APPLICATION: &str = "town-bays@yunxi";

/// When this run began: sequence numbers and LoRaWAN sessions of a later run are newer.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    unix_ms: u64,
}

impl Start {
    /// A run that begins now.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { unix_ms: u64::try_from(now.timestamp_millis()).unwrap_or(0) }
    }

    /// The sequence number of the `n`th message of a sensor: milliseconds since 1970 at the start, counted on.
    pub fn seq(self, n: u64) -> u64 {
        self.unix_ms + n
    }
}

/// Whose words they are.
#[derive(Debug, Clone)]
pub struct Sensor {
    lot: String,
    space: String,
    device: Device,
    gateway: String,
}

impl Sensor {
    /// The sensor of a space, heard by the gateway of this EUI.
    pub fn new(lot: &str, space: &Space, gateway: &str) -> Self {
        let (lot, gateway) = (lot.to_owned(), gateway.to_owned());
        Self { lot, space: space.id.clone(), device: space.device.clone(), gateway }
    }
}

fn rfc3339(now: DateTime<Utc>) -> String {
    now.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// One native state of a space.
pub fn native(lot: &str, space: &str, occupied: bool, seq: u64, at: DateTime<Utc>) -> Message {
    let state = if occupied { "occupied" } else { "free" };
    Message {
        topic: format!("yunpark/v1/space/{lot}/{space}/state"),
        payload: json!({"state": state, "at": rfc3339(at), "seq": seq}).to_string(),
    }
}

/// Voltage at which an Nwave sensor falls silent, millivolts.
pub const EMPTY_MV: u32 = 2_500;

/// What a bay's sensor has to say.
#[derive(Debug, Clone, Copy)]
pub struct BayWord {
    /// Whether it sees a vehicle.
    pub occupied: bool,
    /// It speaks because it is time to, not because something changed.
    pub is_heartbeat: bool,
    /// Its battery, millivolts; 2500 to 3520 can be told.
    pub battery_mv: u32,
    /// How far its clock is ahead.
    pub skew: chrono::Duration,
}

/// A bay's word as its device encodes it; `n` counts the device's messages of this run from 0.
pub fn bay(sensor: &Sensor, word: &BayWord, n: u64, start: Start, now: DateTime<Utc>) -> Message {
    match &sensor.device {
        Device::Native => native(&sensor.lot, &sensor.space, word.occupied, start.seq(n), now + word.skew),
        Device::Bosch(eui) => {
            let (port, frame) = bosch(word);
            chirpstack((eui, &sensor.gateway), port, &frame, n, start, now)
        }
        Device::Nwave(id) => {
            let (port, frame) = nwave(word);
            things_stack((id, &sensor.gateway), port, &frame, n, start, now)
        }
    }
}

/// The TPS110's status on port 1, its heartbeat with a temperature on port 2; bit 0 is the state.
fn bosch(word: &BayWord) -> (u8, Vec<u8>) {
    let state = u8::from(word.occupied);
    if word.is_heartbeat { (2, vec![state, 18]) } else { (1, vec![state]) }
}

/// The NPS405's status on port 1 (bits 7 to 1: how long the state before lasted, here overflowed), its heartbeat with
/// battery and temperature on port 2; bit 0 is the state.
fn nwave(word: &BayWord) -> (u8, Vec<u8>) {
    let state = u8::from(word.occupied);
    if word.is_heartbeat {
        let battery = u8::try_from(word.battery_mv.saturating_sub(EMPTY_MV) / 4).unwrap_or(u8::MAX);
        (2, vec![state, battery, 16])
    } else {
        (1, vec![0xFE | state])
    }
}

/// An uplink of a device through a gateway, in ChirpStack's envelope.
fn chirpstack(
    (eui, gateway): (&str, &str),
    port: u8,
    frame: &[u8],
    n: u64,
    start: Start,
    now: DateTime<Utc>,
) -> Message {
    // A new session for each run: devices join again, so their frame counters begin at 0.
    let session = start.unix_ms as u32;
    let tail = eui.get(4..).unwrap_or(eui);
    let payload = json!({
        "deduplicationId": format!("{:08x}-{:04x}-4{:03x}-8000-{tail}", start.unix_ms >> 16, start.unix_ms & 0xffff, n & 0xfff),
        "time": rfc3339(now),
        "deviceInfo": {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
            "tenantName": "Yunxi",
            "applicationId": CHIRPSTACK_APPLICATION,
            "applicationName": "bays",
            "deviceProfileId": "605d08d4-65f5-4d2c-8a5a-3d2457662f79",
            "deviceProfileName": "bosch-tps110",
            "deviceName": eui,
            "devEui": eui,
            "deviceClassEnabled": "CLASS_A",
            "tags": {},
        },
        "devAddr": format!("{session:08x}"),
        "adr": true,
        "dr": 5,
        "fCnt": n,
        "fPort": port,
        "confirmed": true,
        "data": BASE64.encode(frame),
        "rxInfo": [{
            "gatewayId": gateway,
            "uplinkId": (start.unix_ms.wrapping_add(n)) as u32,
            "gwTime": rfc3339(now),
            "rssi": -92,
            "snr": 7.5,
            "channel": 2,
            "rfChain": 1,
            "crcStatus": "CRC_OK",
        }],
        "txInfo": {
            "frequency": 470_300_000,
            "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 7, "codeRate": "CR_4_5"}},
        },
        "regionConfigId": "cn470_10",
    });
    Message {
        topic: format!("application/{CHIRPSTACK_APPLICATION}/device/{eui}/event/up"),
        payload: payload.to_string(),
    }
}

/// An uplink of a device through a gateway, in The Things Stack's envelope.
fn things_stack(
    (id, gateway): (&str, &str),
    port: u8,
    frame: &[u8],
    n: u64,
    start: Start,
    now: DateTime<Utc>,
) -> Message {
    let mut uplink = json!({
        "session_key_id": BASE64.encode(start.unix_ms.to_be_bytes()),
        "f_port": port,
        "f_cnt": n,
        "frm_payload": BASE64.encode(frame),
        "rx_metadata": [{
            "gateway_ids": {"gateway_id": format!("eui-{gateway}"), "eui": gateway.to_uppercase()},
            "time": rfc3339(now),
            "rssi": -101,
            "snr": 6.2,
            "received_at": rfc3339(now),
        }],
        "settings": {
            "data_rate": {"lora": {"bandwidth": 125_000, "spreading_factor": 9, "coding_rate": "4/5"}},
            "frequency": "470300000",
        },
        "received_at": rfc3339(now),
        "consumed_airtime": "0.144384s",
        "version_ids": {"brand_id": "nwave", "model_id": "nps405sm", "band_id": "CN_470_510"},
    });
    // The Things Stack leaves out what is 0.
    if n == 0
        && let Some(fields) = uplink.as_object_mut()
    {
        fields.remove("f_cnt");
    }
    let (application, _) = THINGS_STACK_APPLICATION.split_once('@').unwrap_or((THINGS_STACK_APPLICATION, ""));
    let payload = json!({
        "end_device_ids": {
            "device_id": id,
            "application_ids": {"application_id": application},
            "dev_addr": format!("{:08X}", start.unix_ms as u32),
        },
        "received_at": rfc3339(now),
        "uplink_message": uplink,
    });
    Message { topic: format!("v3/{THINGS_STACK_APPLICATION}/devices/{id}/up"), payload: payload.to_string() }
}

/// What a gate's passage counter has counted since its start, in and out, 16 bits each: the device and its gateway; `n` counts its messages of this run.
pub fn totals(device: (&str, &str), entered: u32, left: u32, n: u64, start: Start, now: DateTime<Utc>) -> Message {
    let mut frame = vec![0x04, 0xCC];
    for total in [entered, left] {
        // It goes round at 65,536.
        frame.extend((total as u16).to_le_bytes());
    }
    chirpstack(device, 85, &frame, n, start, now)
}

/// Whether a gateway is there; to be retained, as its last will would be.
pub fn gateway(eui: &str, is_online: bool, now: DateTime<Utc>) -> Message {
    let state = if is_online { "online" } else { "offline" };
    Message {
        topic: format!("yunpark/v1/gateway/{eui}/status"),
        payload: json!({"state": state, "at": rfc3339(now)}).to_string(),
    }
}

/// Vehicles through a lot's gate.
pub fn passage(lot: &str, direction: &str, count: u32, seq: u64, now: DateTime<Utc>) -> Message {
    let payload = json!({"direction": direction, "count": count, "at": rfc3339(now), "seq": seq, "lane": "gate-1"});
    Message { topic: format!("yunpark/v1/lot/{lot}/passage"), payload: payload.to_string() }
}

/// How many places of a lot are taken.
pub fn count(lot: &str, occupied: u32, now: DateTime<Utc>) -> Message {
    let payload = json!({"occupied": occupied, "at": rfc3339(now)});
    Message { topic: format!("yunpark/v1/lot/{lot}/count"), payload: payload.to_string() }
}
