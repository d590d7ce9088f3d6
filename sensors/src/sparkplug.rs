//! Sparkplug B: gateways that name their metrics at birth and send numbers under aliases afterwards.
//!
//! Source: the Sparkplug specification 3.0, chapters 4 to 6, and its protobuf definition. A device's metrics are told by
//! name in its birth (NBIRTH, DBIRTH) and may come by alias alone afterwards; whoever has not heard the birth asks for a new
//! one ([`rebirth`]). A value marked historical is of the past. NDEATH and DDEATH say that nobody speaks for the device.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use prost::Message;

use crate::{
    decoder::Decoder,
    reading::{Cause, Health, LaneDirection, Reading},
    uplink::{EnvelopeError, Report, Source, Told, Way},
};

/// Most gateways, devices of one gateway, and metrics of one device that are remembered.
const MOST: usize = 10_000;
/// A gateway is asked for its birth at most this often.
const ASK_AGAIN_S: i64 = 30;

/// The payload of every Sparkplug message, as far as it is read.
#[derive(Clone, PartialEq, Message)]
pub struct Payload {
    /// When it was sent, milliseconds since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// What is measured.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// 0 to 255 and round again, per gateway.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
}

/// One metric.
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// Its name; may be absent after the birth.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// The number it goes by after the birth.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// When it was so, milliseconds since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// Its type, by the specification's numbers.
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// Kept by the gateway and told late.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// There is no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// The value.
    #[prost(oneof = "Value", tags = "10, 11, 12, 13, 14, 15")]
    pub value: Option<Value>,
}

/// A metric's value.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Value {
    /// 8 to 32 bits; signed types in two's complement.
    #[prost(uint32, tag = "10")]
    Int(u32),
    /// 64 bits; signed types in two's complement.
    #[prost(uint64, tag = "11")]
    Long(u64),
    /// A 32-bit number.
    #[prost(float, tag = "12")]
    Float(f32),
    /// A 64-bit number.
    #[prost(double, tag = "13")]
    Double(f64),
    /// Yes or no.
    #[prost(bool, tag = "14")]
    Boolean(bool),
    /// A text.
    #[prost(string, tag = "15")]
    Text(String),
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// NBIRTH, DBIRTH: every metric with its name.
    Birth,
    /// NDATA, DDATA: metrics that changed.
    Data,
    /// NDEATH, DDEATH: nobody speaks for it any more.
    Death,
}

/// Whose message it is: `spBv1.0/<group>/<kind>/<node>[/<device>]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The group.
    pub group: &'a str,
    /// The gateway.
    pub node: &'a str,
    /// The device behind it; `None` for the gateway itself.
    pub device: Option<&'a str>,
}

impl Origin<'_> {
    /// The name the city file binds: the device's, or the gateway's where it speaks of itself.
    pub fn name(&self) -> &str {
        self.device.unwrap_or(self.node)
    }
}

/// Births heard, bounded; every process hears its own.
#[derive(Debug, Default)]
pub struct Births {
    nodes: HashMap<(String, String), Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Names by alias, for each device; the gateway's own under the empty name.
    devices: HashMap<String, Born>,
    asked_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
struct Born {
    session: String,
    names: HashMap<u64, String>,
}

/// What a message comes to.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    /// What devices say; more than one where a gateway's death silences all behind it.
    pub reports: Vec<Report>,
    /// A metric came under an alias nobody has named: the gateway should be born again. Told once in half a minute.
    pub ask_rebirth: bool,
    /// How many metrics were passed over for want of a name.
    pub unnamed: usize,
}

impl Births {
    /// Reads a message; `decoder_of` tells how a bound device's metrics are understood, `None` for one nobody bound.
    pub fn read<'d>(
        &mut self,
        kind: Kind,
        origin: Origin<'_>,
        payload: &[u8],
        now: DateTime<Utc>,
        decoder_of: impl Fn(&str) -> Option<&'d Decoder>,
    ) -> Result<Heard, EnvelopeError> {
        let payload =
            Payload::decode(payload).map_err(|_| EnvelopeError::Format { reason: "not a protobuf payload" })?;
        let key = (origin.group.to_owned(), origin.node.to_owned());
        if !self.nodes.contains_key(&key) && self.nodes.len() >= MOST {
            return Err(EnvelopeError::Format { reason: "too many gateways" });
        }
        let node = self.nodes.entry(key).or_default();
        let device = origin.device.unwrap_or_default();
        match kind {
            Kind::Death => return Ok(node.silence(origin, now)),
            Kind::Birth => node.be_born(device, &payload),
            Kind::Data => {}
        }
        Ok(node.hear(origin, device, &payload, now, decoder_of))
    }
}

impl Node {
    fn be_born(&mut self, device: &str, payload: &Payload) {
        if device.is_empty() {
            // A gateway's birth ends what was before it: each device behind it is born anew.
            self.devices.clear();
            self.asked_at = None;
        }
        if self.devices.len() >= MOST && !self.devices.contains_key(device) {
            return;
        }
        let named = |metric: &Metric| Some((metric.alias?, metric.name.clone()?));
        let names = payload.metrics.iter().filter_map(named).take(MOST).collect();
        let session = payload.timestamp.unwrap_or_default().to_string();
        self.devices.insert(device.to_owned(), Born { session, names });
    }

    /// The device is silent from now on; a gateway silences all that is behind it.
    fn silence(&mut self, origin: Origin<'_>, now: DateTime<Utc>) -> Heard {
        let mut silent: Vec<String> = match origin.device {
            Some(device) => vec![device.to_owned()],
            None => self.devices.keys().filter(|device| !device.is_empty()).cloned().collect(),
        };
        if let Some(device) = origin.device {
            drop(self.devices.remove(device));
        } else {
            silent.push(origin.node.to_owned());
            self.devices.clear();
        }
        silent.sort();
        let health = || Health { fault: Some(OFFLINE.into()), ..Health::default() };
        let report = |device| Report::of_health(Source::Sparkplug, device, Some(now), health());
        Heard { reports: silent.into_iter().map(report).collect(), ..Heard::default() }
    }

    fn hear<'d>(
        &mut self,
        origin: Origin<'_>,
        device: &str,
        payload: &Payload,
        now: DateTime<Utc>,
        decoder_of: impl Fn(&str) -> Option<&'d Decoder>,
    ) -> Heard {
        let mut heard = Heard::default();
        let sent_at = payload.timestamp.and_then(instant);
        let decoder = decoder_of(origin.name());
        let born = self.devices.get(device);
        let mut told = Vec::new();
        for metric in &payload.metrics {
            let named = metric.name.as_deref();
            let name = named.or_else(|| born?.names.get(&metric.alias?).map(String::as_str));
            let Some(name) = name else {
                heard.unnamed += 1;
                continue;
            };
            let Some(decoder) = decoder else { continue };
            let Some(number) = number(metric) else { continue };
            let readings = match decoder {
                Decoder::Declared(layout) => layout.metric(name, number).and_then(Result::ok).unwrap_or_default(),
                _ => plain(name, number, metric).into_iter().collect(),
            };
            let at = metric.timestamp.and_then(instant).or(sent_at);
            let is_historical = metric.is_historical.unwrap_or_default();
            told.extend(readings.into_iter().map(|reading| Told { reading, device_time: at, is_historical }));
        }
        if heard.unnamed > 0 && self.asked_at.is_none_or(|at| now - at >= Duration::seconds(ASK_AGAIN_S)) {
            self.asked_at = Some(now);
            heard.ask_rebirth = true;
        }
        if decoder.is_some() && (heard.unnamed == 0 || !told.is_empty()) {
            heard.reports.push(Report {
                source: Source::Sparkplug,
                device_id: origin.name().to_owned(),
                session: born.map(|born| born.session.clone()),
                // The sequence number goes round at 256 and is the whole gateway's: the instant tells events apart.
                f_cnt: payload.timestamp.unwrap_or_default(),
                is_numbered: false,
                network_time: sent_at,
                way: Way::default(),
                told,
            });
        }
        heard
    }
}

/// The fault of a device nobody speaks for.
pub const OFFLINE: &str = "offline";

fn instant(unix_ms: u64) -> Option<DateTime<Utc>> {
    i64::try_from(unix_ms).ok().and_then(DateTime::from_timestamp_millis)
}

/// A metric's value as a number; texts and absent values are none.
fn number(metric: &Metric) -> Option<f64> {
    if metric.is_null.unwrap_or_default() {
        return None;
    }
    Some(match (metric.value.as_ref()?, metric.datatype) {
        // Int8 and Int16 are written as 32 bits, some gateways without extending the sign.
        (Value::Int(value), Some(1)) => f64::from(*value as i8),
        (Value::Int(value), Some(2)) => f64::from(*value as i16),
        (Value::Int(value), Some(3)) => f64::from(value.cast_signed()),
        (Value::Int(value), _) => f64::from(*value),
        (Value::Long(value), Some(4)) => value.cast_signed() as f64,
        (Value::Long(value), _) => *value as f64,
        (Value::Float(value), _) => f64::from(*value),
        (Value::Double(value), _) => *value,
        (Value::Boolean(value), _) => f64::from(u8::from(*value)),
        (Value::Text(_), _) => return None,
    })
}

/// A metric in its plain meaning, by the last part of its name; `None` for one of no meaning here.
fn plain(name: &str, number: f64, metric: &Metric) -> Option<Reading> {
    let last = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let width_bits = if matches!(metric.value, Some(Value::Long(_))) { 64 } else { 32 };
    let count = || u32::try_from(number as i64).ok().filter(|_| number >= 0.0);
    let total = |direction| {
        let value = count().map(u64::from).or_else(|| (number >= 0.0).then_some(number as u64))?;
        Some(Reading::CounterTotal { direction, lane: None, value, width_bits })
    };
    let is_boolean = matches!(metric.value, Some(Value::Boolean(_)));
    match last.as_str() {
        "occupied" | "presence" if is_boolean => {
            Some(Reading::Occupancy { occupied: number != 0.0, cause: Cause::Change })
        }
        "occupied" | "occupiedspaces" => count().map(|count| Reading::LotOccupied { count }),
        "free" | "available" | "freespaces" => count().map(|count| Reading::LotFree { count }),
        "entrytotal" | "intotal" | "entrancetotal" => total(LaneDirection::In),
        "exittotal" | "outtotal" => total(LaneDirection::Out),
        "battery" | "batterypercent" => {
            Some(Reading::Health(Health { battery_percent: Some(number.clamp(0.0, 100.0) as u8), ..Health::default() }))
        }
        "temperature" => Some(Reading::Health(Health { temperature_c: Some(number), ..Health::default() })),
        _ => None,
    }
}

/// The command that makes a gateway tell its metrics by name again: topic and payload.
pub fn rebirth(group: &str, node: &str, now: DateTime<Utc>) -> (String, Vec<u8>) {
    let metric = Metric {
        name: Some("Node Control/Rebirth".to_owned()),
        datatype: Some(11),
        value: Some(Value::Boolean(true)),
        ..Metric::default()
    };
    let timestamp = Some(now.timestamp_millis().unsigned_abs());
    let payload = Payload { timestamp, metrics: vec![metric], seq: None };
    (format!("spBv1.0/{group}/NCMD/{node}"), payload.encode_to_vec())
}

#[cfg(test)]
mod tests;
