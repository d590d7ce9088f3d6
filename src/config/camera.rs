//! What a camera proves itself with.

use serde::{Deserialize, Serialize};

use super::Secret;

/// What a camera proves itself with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CameraCredential {
    /// Bearer token for `POST /api/v1/captures`.
    pub token: Secret,
    /// Password of its HTTP Digest or Basic sign-in: of its GA/T 1400 device id, or of its own id at the doors it pushes to.
    pub viid_password: Secret,
    /// What it calls itself in what it pushes: a MAC address or a device id. Empty takes whatever it says.
    pub device_id: String,
}
