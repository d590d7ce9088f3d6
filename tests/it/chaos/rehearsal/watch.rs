//! Who looks on all the time: what the node says of its health, whether its counts keep the laws, and how old the numbers on the
//! signs are.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::DateTime;
use reqwest::Client;
use serde_json::Value;
use tokio::{runtime::Handle, time::sleep};
use tokio_util::sync::CancellationToken;
use yunpark_simulator::sign::{Handle as Ntcip, MqttHandle};

use super::sensors::{GATES, Sensors, wall};

/// The signs: one that MQTT tells of the fast gate, one that NTCIP tells of the slow one.
pub const SIGNS: [&str; 2] = ["SIGN-MQTT", "SIGN-NTCIP"];
/// How long a number of each gate is promised to be good, seconds. NTCIP counts whole minutes, of which one must be left.
pub const GOOD_S: [u64; 2] = [12, 100];
/// What taking a look may take.
const LEEWAY: Duration = Duration::from_secs(2);

/// What the node said of itself at a moment; `None` is no answer.
#[derive(Debug, Clone)]
pub struct Look {
    at: Instant,
    /// The dependencies it names as ill; empty when it is ready.
    pub ill: Option<Vec<String>>,
    /// The signs it names as ill.
    pub ill_signs: Vec<String>,
}

#[derive(Default)]
struct Seen {
    looks: Vec<Look>,
    versions: BTreeMap<String, u64>,
    broken_laws: Vec<String>,
    too_old: Vec<String>,
    /// By how much the node's clock is known to be off.
    off: Duration,
    oldest: [Duration; 2],
}

/// The watch.
#[derive(Clone)]
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    sensors: Sensors,
    mqtt: MqttHandle,
    ntcip: Ntcip,
}

impl Watch {
    /// Looks at the node behind `port` and at its signs until `stop`.
    pub fn start(
        on: &Handle,
        port: u16,
        sensors: Sensors,
        (mqtt, ntcip): (MqttHandle, Ntcip),
        stop: CancellationToken,
    ) -> Self {
        let watch = Self { seen: Arc::default(), sensors, mqtt, ntcip };
        let (of_health, of_counts, of_signs) = (watch.clone(), watch.clone(), watch.clone());
        on.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = of_health.follow_health(port) => {}
                () = of_counts.follow_counts(port) => {}
                () = of_signs.follow_signs() => {}
            }
        });
        watch
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow_health(self, port: u16) {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(4)).build().unwrap();
        loop {
            let at = Instant::now();
            let ready = ask(&client, port, "/readyz").await;
            let ill = ready.map(|ready| {
                let parts = ready["dependencies"].as_array().cloned().unwrap_or_default();
                let ill = parts.iter().filter(|part| part["ok"] != true);
                ill.map(|part| part["name"].as_str().unwrap_or_default().to_owned()).collect()
            });
            let mut ill_signs = Vec::new();
            if ill.is_some()
                && let Some(told) = ask(&client, port, "/api/v1/signs").await
            {
                for sign in told["signs"].as_array().into_iter().flatten() {
                    let state = sign["health"]["state"].as_str().unwrap_or_default();
                    if state != "ok" {
                        ill_signs.push(sign["id"].as_str().unwrap_or_default().to_owned());
                    }
                }
            }
            self.seen().looks.push(Look { at, ill, ill_signs });
            sleep(Duration::from_millis(250)).await;
        }
    }

    async fn follow_counts(self, port: u16) {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(4)).build().unwrap();
        loop {
            let asked = wall();
            if let Some(told) = ask(&client, port, "/api/v1/lots").await {
                let mut seen = self.seen();
                for lot in told["lots"].as_array().into_iter().flatten() {
                    seen.judge(lot, asked);
                }
            }
            sleep(Duration::from_millis(300)).await;
        }
    }

    async fn follow_signs(self) {
        loop {
            for gate in 0..GATES.len() {
                let Some(free) = self.shown(gate) else { continue };
                let age = self.sensors.age(gate, free);
                let mut seen = self.seen();
                let longest = Duration::from_secs(GOOD_S[gate]) + LEEWAY + seen.off;
                seen.oldest[gate] = seen.oldest[gate].max(age.unwrap_or_default());
                if age.is_none_or(|age| age > longest) {
                    let age = age.map_or("never was true".to_owned(), |age| format!("was true {age:.1?} ago"));
                    seen.too_old.push(format!("{} shows {free}, which {age}", SIGNS[gate]));
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The number a sign shows, read from the sign itself; `None` when it shows none.
    pub fn shown(&self, gate: usize) -> Option<u64> {
        let lines = match gate {
            0 => self.mqtt.shown().remove("P1").unwrap_or_default(),
            _ => self.ntcip.shown().into_iter().flatten().collect(),
        };
        let digits =
            |line: &String| line.rsplit(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty())?.parse().ok();
        lines.iter().find_map(digits)
    }

    /// The looks since a moment.
    pub fn looks_since(&self, moment: Instant) -> Vec<Look> {
        self.seen().looks.iter().filter(|look| look.at >= moment).cloned().collect()
    }

    /// The newest look, if it was begun after a moment.
    pub fn newest_since(&self, moment: Instant) -> Option<Look> {
        self.seen().looks.last().filter(|look| look.at >= moment).cloned()
    }

    /// Knows that the node's clock is off by so much, ahead or behind.
    pub fn expect_clock_off(&self, by: Duration) {
        self.seen().off = by;
    }

    /// How laws were broken, how numbers were too old, and the oldest numbers seen on each sign, since the last time.
    pub fn take(&self) -> (Vec<String>, Vec<String>, [Duration; 2]) {
        let mut seen = self.seen();
        seen.looks.clear();
        (std::mem::take(&mut seen.broken_laws), std::mem::take(&mut seen.too_old), std::mem::take(&mut seen.oldest))
    }
}

impl Seen {
    /// The laws of one lot as the node tells it.
    fn judge(&mut self, lot: &Value, asked: DateTime<chrono::Utc>) {
        let id = lot["id"].as_str().unwrap_or_default();
        let count = |key: &str| lot[key].as_u64();
        let parts = ["free", "occupied", "unknown", "out_of_service"].map(count);
        let sum = parts.iter().try_fold(0, |sum, part| part.map(|part| sum + part));
        if sum.is_none() || sum != count("capacity") {
            self.broken_laws.push(format!("the counts of {id} do not add up: {parts:?} of {}", lot["capacity"]));
        }
        let version = count("version").unwrap_or(0);
        let before = self.versions.insert(id.to_owned(), version).unwrap_or(0);
        if version < before {
            self.broken_laws.push(format!("{id} was told at version {version} after {before}"));
        }
        let Some(gate) = GATES.iter().position(|gate| *gate == id) else { return };
        let observed_at = lot["observed_at"].as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
        let limit = Duration::from_secs(GOOD_S[gate]) + LEEWAY + self.off;
        let age = observed_at.and_then(|at| (asked - at.to_utc()).to_std().ok()).unwrap_or_default();
        if lot["quality"] == "live" && age > limit {
            self.too_old.push(format!("the API calls {id} live, of which it heard {age:.1?} ago"));
        }
    }
}

async fn ask(client: &Client, port: u16, path: &str) -> Option<Value> {
    client.get(format!("http://127.0.0.1:{port}{path}")).send().await.ok()?.json().await.ok()
}
