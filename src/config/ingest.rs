//! The section `ingest`: what is kept of what devices say, and cameras that are listened to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Secret;

/// What is kept of what devices say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// Whose statements are stored before they are acknowledged.
    pub store_events: StoreEvents,
    /// How long they are kept, days; 0 keeps them for good.
    pub events_days: u32,
    /// Cameras whose HTTP alert stream is read, by a name of their own.
    pub alert_streams: BTreeMap<String, AlertStream>,
}

/// A camera with an HTTP alert stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertStream {
    /// `http://host[:port]`.
    pub url: String,
    /// Who reads it, by HTTP Digest.
    pub user: String,
    /// The user's password.
    pub password: Secret,
}

/// Whose statements are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreEvents {
    /// Nobody's.
    None,
    /// Those of devices bound in the city file.
    Devices,
    /// Those, and native messages.
    All,
}
