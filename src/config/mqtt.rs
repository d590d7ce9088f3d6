//! The settings of the MQTT door and of the dead letters behind it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Secret, is_address};

/// The MQTT door.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mqtt {
    /// `mqtt://host:port`, or `mqtts://host:port` for TLS; empty starts the embedded broker.
    pub url: String,
    /// `host:port` the embedded broker listens on.
    pub embedded_listen: String,
    /// Client id of this node's persistent session.
    pub client_id: String,
    /// Sign-in name at the broker.
    pub username: String,
    /// Password at the broker.
    pub password: Secret,
    /// PEM file of the authorities the broker's certificate is checked by; empty takes those of the system.
    pub ca: PathBuf,
    /// PEM files of the certificate, with its chain, and the key by which the broker knows this node; both may be empty.
    pub client_cert: PathBuf,
    /// See [`Mqtt::client_cert`].
    pub client_key: PathBuf,
    /// Which MQTT the sensors' connection speaks.
    pub protocol: MqttVersion,
    /// Name of the group of nodes that split the sensors' messages; empty takes them all.
    pub shared_group: String,
    /// How long the broker keeps the session of a node that is away, seconds (MQTT 5; before it, the broker decides).
    pub session_expiry_s: u32,
    /// Largest message taken in, bytes.
    pub max_packet_bytes: usize,
    /// Most observations applied in one step.
    pub max_batch: usize,
    /// How long a batch waits for more messages while they stream in, milliseconds; a lone message never waits.
    pub batch_ms: u64,
    /// Most messages held between the socket and the engine, and the window MQTT 5 is told.
    pub queue: usize,
    /// What is kept of refused messages.
    pub dead_letters: DeadLetters,
}

/// Which MQTT the sensors' connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MqttVersion {
    /// MQTT 5, and 3.1.1 with a broker that knows no other.
    #[serde(rename = "auto")]
    Auto,
    /// MQTT 3.1.1.
    #[serde(rename = "3.1.1")]
    V311,
    /// MQTT 5.
    #[serde(rename = "5")]
    V5,
}

/// What is kept of refused messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetters {
    /// Most rows; the oldest go first. 0 keeps none.
    pub rows: u32,
    /// Most rows of one source (a device, a space, a lot).
    pub rows_per_source: u32,
    /// Days a row is kept.
    pub days: u32,
    /// Most bytes of a payload that are kept; a longer one is cut and cannot be replayed.
    pub payload_bytes: usize,
    /// Most rows written in a second, and most notices published; what is above is counted only.
    pub rate_per_s: u32,
}

impl Mqtt {
    /// Whether the broker is spoken to over TLS.
    pub fn is_tls(&self) -> bool {
        self.url.starts_with("mqtts://")
    }

    /// The files of this node's own certificate and key, if it has them.
    pub fn own(&self) -> Option<(&Path, &Path)> {
        (!self.client_cert.as_os_str().is_empty()).then_some((&self.client_cert, &self.client_key))
    }

    /// What types cannot say: key, whether it holds, and the reason if not.
    pub(super) fn rules(&self) -> [(&'static str, bool, &'static str); 11] {
        let group = &self.shared_group;
        let is_given = |path: &Path| !path.as_os_str().is_empty();
        let fits = |path: &Path| self.is_tls() || !is_given(path);
        [
            (
                "mqtt.url",
                self.url.is_empty() || is_mqtt_url(&self.url),
                "must be empty, mqtt://host:port or mqtts://host:port",
            ),
            ("mqtt.ca", fits(&self.ca), "goes with mqtts://host:port in mqtt.url"),
            ("mqtt.client_cert", fits(&self.client_cert), "goes with mqtts://host:port in mqtt.url"),
            (
                "mqtt.client_key",
                is_given(&self.client_key) == is_given(&self.client_cert),
                "goes with mqtt.client_cert",
            ),
            ("mqtt.embedded_listen", is_address(&self.embedded_listen), "must be host:port"),
            ("mqtt.client_id", !self.client_id.is_empty(), "must not be empty: it names the persistent session"),
            ("mqtt.shared_group", !group.contains(['/', '+', '#']), "is one level of a topic: no / + #"),
            ("mqtt.max_batch", self.max_batch > 0, "must be at least 1"),
            ("mqtt.batch_ms", self.batch_ms <= 1000, "must be at most 1000"),
            ("mqtt.queue", self.queue > 0, "must be at least 1"),
            ("mqtt.dead_letters.rows_per_source", self.dead_letters.rows_per_source > 0, "must be at least 1"),
        ]
    }
}

fn is_mqtt_url(text: &str) -> bool {
    text.strip_prefix("mqtt://").or_else(|| text.strip_prefix("mqtts://")).is_some_and(|rest| {
        let rest = rest.trim_end_matches('/');
        is_address(rest) || !rest.is_empty() && !rest.contains([':', '@', '/'])
    })
}
