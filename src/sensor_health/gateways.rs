//! Gateways: each says on a retained topic that it is there, and its last will says when it is not.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Ward;
use crate::{
    clock::Clock,
    domain::{ids::SensorId, time::parse_rfc3339},
    store::sensor_health::Gateway,
};

/// What gateways and bridges publish on: `{"state":"online"|"offline","at":"<RFC 3339>"}`, retained; `at` may be absent,
/// since a last will is written long before it is needed.
pub const GATEWAY_FILTER: &str = "yunpark/v1/gateway/+/status";
/// Pause before a database that failed is asked again.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct Status {
    state: State,
    at: Option<String>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum State {
    Online,
    Offline,
}

/// Hands on what gateways say.
pub struct Gatekeeper {
    ward: Arc<Ward>,
    clock: Clock,
    said: mpsc::Receiver<(String, Bytes)>,
}

impl Gatekeeper {
    /// Takes what comes on [`GATEWAY_FILTER`].
    pub fn new(ward: Arc<Ward>, clock: Clock, said: mpsc::Receiver<(String, Bytes)>) -> Self {
        Self { ward, clock, said }
    }

    /// Until `stop`; what cannot be read is counted and passed over.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            let said = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                said = self.said.recv() => said,
            };
            let Some((topic, payload)) = said else {
                stop.cancelled().await;
                return Ok(());
            };
            // An empty payload only clears what the broker retained.
            let Some(gateway) = self.read(&topic, &payload) else {
                metrics::counter!("yunpark_gateway_words_refused_total").increment(u64::from(!payload.is_empty()));
                continue;
            };
            while let Err(error) = self.ward.note_gateway(gateway.clone()).await {
                tracing::warn!(%error, gateway.id = %gateway.id, "a gateway's state cannot be kept yet");
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
    }

    fn read(&self, topic: &str, payload: &[u8]) -> Option<Gateway> {
        let id = topic.strip_prefix("yunpark/v1/gateway/")?.strip_suffix("/status")?;
        let id = SensorId::parse(id).ok()?.to_string();
        let status: Status = serde_json::from_slice(payload).ok()?;
        let now = self.clock.now();
        let told = status.at.map(|at| parse_rfc3339(&at)).transpose().ok()?;
        // Being offline is known from when we hear it: the will's own time is that of the connection it outlived.
        let at = told.filter(|_| status.state == State::Online).map_or(now, |at| at.min(now));
        Some(Gateway { id, is_online: status.state == State::Online, at })
    }
}
