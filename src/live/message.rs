//! The messages of the live socket, as JSON text frames; their shapes are in `docs/integrating.md`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::{
    availability::{Freshness, SpaceStatus},
    ids::{LotId, SpaceId},
    observation::SpaceState,
    time::Instant,
};

/// What the server says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerMessage<'a> {
    /// Every lot in view, first of all.
    Snapshot {
        /// Where to resume.
        cursor: &'a str,
        /// The lots.
        lots: Vec<&'a RawValue>,
    },
    /// Lots that changed.
    Changes {
        /// Where to resume.
        cursor: &'a str,
        /// The lots.
        lots: Vec<&'a RawValue>,
    },
    /// Spaces of a watched lot: all of them, or those that moved.
    Spaces {
        /// The lot.
        lot: &'a LotId,
        /// Its spaces.
        spaces: Vec<SpaceView<'a>>,
        /// Whether only those that moved are told.
        partial: bool,
    },
    /// Nothing changed; the connection lives.
    Heartbeat {
        /// Where to resume.
        cursor: &'a str,
    },
    /// A message of the client could not be carried out; the session goes on.
    Error {
        /// Why.
        detail: &'a str,
    },
}

impl ServerMessage<'_> {
    /// The message as a text frame.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| {
            tracing::error!(error = %error, "a live message could not be written");
            r#"{"type":"error","detail":"internal"}"#.to_owned()
        })
    }
}

/// One space as the socket tells it.
#[derive(Debug, Serialize)]
pub struct SpaceView<'a> {
    id: &'a SpaceId,
    state: SpaceState,
    out_of_service: bool,
    reserved: bool,
    freshness: Freshness,
    observed_at: Option<Instant>,
}

impl<'a> From<&'a SpaceStatus> for SpaceView<'a> {
    fn from(status: &'a SpaceStatus) -> Self {
        Self {
            id: &status.space,
            state: status.state,
            out_of_service: status.out_of_service,
            reserved: status.reserved,
            freshness: status.freshness,
            observed_at: status.observed_at,
        }
    }
}

/// What a client may ask.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum ClientMessage {
    /// Tell the spaces of these lots, and of no others.
    Watch {
        /// The lots.
        lots: Vec<LotId>,
    },
    /// Tell only lots within this box; `null` tells all again.
    View {
        /// West, south, east, north; degrees WGS-84.
        bbox: Option<[f64; 4]>,
    },
}
