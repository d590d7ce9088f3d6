//! The settings of where availability is computed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// Where availability is computed, and how long a number lives.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Availability {
    /// `redis://host:port/db`, or `rediss://` for TLS; empty means the in-process engine.
    pub redis_url: Secret,
    /// PEM file of the authorities that Redis's certificates are checked by; empty takes those of the system.
    pub redis_ca: PathBuf,
    /// Prefix of all keys in Redis.
    pub key_prefix: String,
    /// Number of hash tags the lots are spread over; fixed for the life of a deployment.
    pub partitions: u16,
    /// Changes kept per partition for readers that resume.
    pub stream_length: usize,
    /// File in which the in-process engine keeps what it was told; empty keeps nothing over a restart.
    pub journal: String,
    /// A lot silent for longer is stale, seconds.
    pub stale_after_s: u32,
    /// An observation further in the future is refused, milliseconds.
    pub max_future_ms: u64,
    /// What the engine knows of each lot is kept in the store this often, seconds.
    pub keep_every_s: u32,
    /// A sequence number that fell back counts as a restarted device if it is this much later, seconds.
    pub seq_reset_after_s: u32,
    /// A running total that moved by more at once is quarantined, vehicles.
    pub max_counter_delta: u32,
    /// A space silent for longer counts as unknown, seconds, where its sensor's heartbeat is not known; 0 means never.
    pub space_stale_after_s: u32,
    /// The last word of a space silent for longer is forgotten, seconds; 0 means never.
    pub space_dead_after_s: u32,
    /// A space's counted state moves at most once in this time, milliseconds; 0 means at once.
    pub debounce_ms: u64,
}
