//! The manifest of an incident: each picture by its hash, when and by which device it was taken, and the ledger's entry that covers it.

use serde::{Deserialize, Serialize};

use super::{ids::ZoneId, ledger::Digest, time::Instant};

/// What kind of manifest it is; a later kind cannot be mistaken for this one.
pub const FORMAT: &str = "yunpark-incident-1";

/// All that an incident rests on, as it stood when a person decided of it. It holds no plate and nobody's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The incident.
    pub incident: String,
    /// Where.
    pub zone: ZoneId,
    /// When it was made.
    pub at: Instant,
    /// Its captures, by time.
    pub captures: Vec<Covered>,
}

/// A capture and the entry that covers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covered {
    /// The capture.
    pub capture: String,
    /// The camera's id; none for a person.
    pub camera: Option<String>,
    /// When it was taken, by the device's word.
    pub at: Instant,
    /// When it reached us.
    pub received_at: Instant,
    /// Its entry in the ledger.
    pub entry: u64,
    /// That entry's hash.
    pub entry_hash: Digest,
    /// Its pictures, in order.
    pub pictures: Vec<Picture>,
}

/// A picture as it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// The hash of its bytes.
    pub sha256: Digest,
    /// Its length.
    pub bytes: u32,
    /// Its width in pixels.
    pub width_px: u32,
    /// Its height in pixels.
    pub height_px: u32,
    /// `image/jpeg` or `image/png`.
    pub media_type: String,
}
