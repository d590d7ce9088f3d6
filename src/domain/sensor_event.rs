//! One statement of a device, with what tells it apart from every other, whatever network carried it.

use serde::{Deserialize, Serialize};

use super::{
    ids::{LotId, SpaceId},
    time::Instant,
};

/// What tells a statement apart: delivered twice, it is one; after a rejoin, the same frame counter is another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId {
    /// Who carried it: `chirpstack`, `the_things_stack`, `native` and the like.
    pub source: &'static str,
    /// The device: EUI or name.
    pub device: String,
    /// The device's session, new on every join; empty where the network names none.
    pub session: String,
    /// The frame counter.
    pub f_cnt: u64,
    /// The statement's place in its frame.
    pub index: u32,
}

/// Whether a statement may move the live state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It tells how things are.
    Live,
    /// It tells how things were, from the device's own memory: kept, never live.
    Historical,
    /// It claims a time too far ahead: kept, never live.
    Future,
}

impl Standing {
    /// Its word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Historical => "historical",
            Self::Future => "future",
        }
    }
}

/// Why a device states whether its space is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It changed.
    Change,
    /// It is time to say so again.
    Heartbeat,
    /// The device has started.
    Startup,
}

/// What a device states, as far as its health is concerned.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Whether its space is taken.
    Occupancy {
        /// Taken.
        occupied: bool,
        /// Why it says so.
        why: Why,
    },
    /// How it is itself.
    Health(SelfReport),
    /// It started again, and why.
    Restart(String),
    /// Anything else: counts, distances.
    Other,
}

/// How a device says it is; what it does not say is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfReport {
    /// Its battery, millivolts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_mv: Option<u32>,
    /// Its battery, percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_percent: Option<f64>,
    /// Its temperature, degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<f64>,
    /// What ails it, in its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// One statement of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorEvent {
    /// What tells it apart.
    pub id: EventId,
    /// When, by the network's clock where it told one, else when we received it. Of a historical one, by the device's.
    pub at: Instant,
    /// When, by the device's own clock, where it told.
    pub device_at: Option<Instant>,
    /// When we received it.
    pub received_at: Instant,
    /// The lot it is about; `None` for a counter of an approach.
    pub lot: Option<LotId>,
    /// The space it is about, if one.
    pub space: Option<SpaceId>,
    /// The kind of reading.
    pub kind: String,
    /// The whole reading, JSON.
    pub reading: String,
    /// What it says, as far as the device's health is concerned.
    pub told: Told,
    /// Whether it may move the live state.
    pub standing: Standing,
    /// It shows that a change of the space was never heard.
    pub missed: bool,
    /// The frame's port.
    pub f_port: Option<u8>,
    /// The frame.
    pub frame: Vec<u8>,
    /// The gateways that heard it, where the network told.
    pub gateways: Vec<String>,
}

impl SensorEvent {
    /// Whether a live statement says that the space is taken or free.
    pub fn occupied(&self) -> Option<bool> {
        match self.told {
            Told::Occupancy { occupied, .. } => Some(occupied),
            _ => None,
        }
    }

    /// Whether it repeats a state rather than telling a change, so that a different state before it was a missed change.
    pub fn is_reassertion(&self) -> bool {
        self.standing == Standing::Live
            && matches!(self.told, Told::Occupancy { why: Why::Heartbeat | Why::Startup, .. })
    }
}
