//! A browser with the map open: it holds the live socket, and where it is cut off it resumes by its cursor.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::{runtime::Handle, time::timeout};
use tokio_tungstenite::{connect_async, tungstenite::Message};
use tokio_util::sync::CancellationToken;

use super::sensors::Counts;

/// A socket that says nothing for longer is dead: it beats every ten seconds.
const SILENCE: Duration = Duration::from_secs(15);

/// What the listener knows.
#[derive(Default)]
struct Known {
    lots: BTreeMap<String, (u64, Counts)>,
    cursor: Option<String>,
    resumed: u64,
    anew: u64,
    faults: Vec<String>,
}

/// The listener.
#[derive(Clone, Default)]
pub struct Listener(Arc<Mutex<Known>>);

/// The counts a lot is told with.
pub fn counts(lot: &Value) -> Counts {
    ["free", "occupied", "unknown"].map(|key| lot[key].as_u64().unwrap_or(u64::MAX))
}

impl Listener {
    /// One that listens at `port` until `stop`.
    pub fn start(on: &Handle, port: u16, stop: CancellationToken) -> Self {
        let listener = Self::default();
        let listening = listener.clone();
        on.spawn(async move {
            tokio::select! { () = stop.cancelled() => {}, () = listening.listen(port) => {} }
        });
        listener
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn listen(&self, port: u16) {
        loop {
            let cursor = self.known().cursor.clone();
            let query = cursor.map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
            let url = format!("ws://127.0.0.1:{port}/api/v1/live{query}");
            if let Ok(Ok((mut socket, _))) = timeout(Duration::from_secs(5), connect_async(url)).await {
                let mut is_first = !query.is_empty();
                while let Ok(Some(Ok(message))) = timeout(SILENCE, socket.next()).await {
                    let Message::Text(text) = message else { continue };
                    self.known().hear(&text, std::mem::take(&mut is_first));
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// What it shows of each lot.
    pub fn shows(&self) -> BTreeMap<String, (u64, Counts)> {
        self.known().lots.clone()
    }

    /// How often it was caught up by its cursor, and how often it was told everything anew.
    pub fn came_back(&self) -> (u64, u64) {
        let known = self.known();
        (known.resumed, known.anew)
    }

    /// What was told against the rules, since the last time.
    pub fn take_faults(&self) -> Vec<String> {
        std::mem::take(&mut self.known().faults)
    }
}

impl Known {
    fn hear(&mut self, text: &str, is_first: bool) {
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return self.faults.push(format!("no JSON: {text}"));
        };
        if is_first {
            let is_snapshot = message["type"] == "snapshot";
            (self.resumed, self.anew) = (self.resumed + u64::from(!is_snapshot), self.anew + u64::from(is_snapshot));
        }
        for lot in message["lots"].as_array().into_iter().flatten() {
            let (id, version, counts) = (lot["id"].as_str().unwrap_or_default(), lot["version"].as_u64(), counts(lot));
            let sum = counts.iter().sum::<u64>() + lot["out_of_service"].as_u64().unwrap_or(0);
            let before = self.lots.insert(id.to_owned(), (version.unwrap_or(0), counts)).unwrap_or_default();
            if Some(sum) != lot["capacity"].as_u64() {
                self.faults.push(format!("the socket's counts do not add up: {lot}"));
            }
            if version.is_none_or(|version| version < before.0) {
                self.faults.push(format!("the socket told {id} at version {version:?} after {}", before.0));
            }
        }
        if let Some(cursor) = message["cursor"].as_str() {
            self.cursor = Some(cursor.to_owned());
        }
    }
}
