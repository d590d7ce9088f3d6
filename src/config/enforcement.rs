//! The settings of captures, incidents and records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CameraCredential, Documents, Grant, Law, LegalBases, LookUps, Retention, Secret};

/// Captures, incidents, records.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enforcement {
    /// Two captures of a vehicle further apart belong to two stays, seconds.
    pub gap_s: u32,
    /// Pictures of one stay must be at least this far apart, seconds.
    pub min_picture_gap_s: u32,
    /// A capture may be this old when it arrives before it is set aside, seconds.
    pub max_clock_skew_s: u32,
    /// A capture may be from this far ahead of our clock before it is set aside, seconds.
    pub max_future_s: u32,
    /// What an officer recorded with no network may be this old when it arrives, seconds.
    pub max_late_s: u32,
    /// Smallest picture taken as evidence, pixels.
    pub min_width_px: u32,
    /// Smallest picture taken as evidence, pixels.
    pub min_height_px: u32,
    /// Largest picture decoded, pixels in all.
    pub max_pixels: u64,
    /// Largest picture taken in, bytes.
    pub max_image_bytes: usize,
    /// Legal bases each act may be founded on; an act with none is refused.
    pub legal_bases: LegalBases,
    /// Terms, holidays, amounts.
    pub law: Law,
    /// What stands on documents.
    pub documents: Documents,
    /// Which look-ups are odd.
    pub lookups: LookUps,
    /// How long pictures are kept that came to nothing.
    pub retention: Retention,
    /// What other authorities are given of records.
    pub shares: BTreeMap<String, Grant>,
    /// Captures of motor vehicles without a plate this near to each other are of one, metres.
    pub unplated_m: u32,
    /// How long a person who took an incident to look at has it alone, seconds.
    pub claim_s: u32,
    /// Realm of the GA/T 1400 HTTP Digest sign-in.
    pub viid_realm: String,
    /// 20-digit id of this server in GA/T 1400.
    pub viid_server_id: String,
    /// A registered camera that is silent for longer must register again, seconds.
    pub viid_keepalive_s: u32,
    /// Passwords of GA/T 1400 platforms, which may speak for every camera of the city, by their 20-digit ids.
    pub viid_platforms: BTreeMap<String, Secret>,
    /// Captures one camera may send a minute, and at once; 0 is without a limit.
    pub max_captures_per_minute: u32,
    /// How long a picture waits for its vehicle, and a vehicle for its pictures, hours.
    pub parts_hours: u32,
    /// Where the ledger's signed heads are published, one file a day.
    pub heads_dir: String,
    /// The file of the key they are signed with; made at the first start.
    pub signing_key: String,
    /// Credentials of cameras, by camera id.
    pub cameras: BTreeMap<String, CameraCredential>,
}
