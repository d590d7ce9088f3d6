//! Typed configuration: the commented default file is the first layer, the operator's file the second, the environment the last.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use serde::{Deserialize, Serialize};

mod availability;
mod camera;
mod demand;
mod enforcement;
mod feeds;
mod forecast;
mod guidance;
mod ingest;
mod law;
mod map;
mod matters;
mod mqtt;
mod rules;
mod secret;
mod store;
mod telemetry;

use crate::domain::lease::Terms;

pub use crate::domain::guidance::Policy;
pub use availability::Availability;
pub use camera::CameraCredential;
pub use demand::Demand;
pub use enforcement::Enforcement;
pub use feeds::{Feeds, Source, SourceKind, Subscriber};
pub use forecast::Forecast;
pub use guidance::{Brightness, Colours, Guidance, LanguageWords, Words};
pub use ingest::{AlertStream, Ingest, StoreEvents};
pub use law::{Basis, Documents, Fines, FirstOffence, FirstOffencePolicy, Grant, Law, LegalBases, LookUps, Retention};
pub use map::{BaseMap, Datum, TileKind, TileSchema};
pub use matters::{Gateway, Matters, Partner};
pub use mqtt::{DeadLetters, Mqtt, MqttVersion};
pub use rules::{ClassRule, Rules};
pub use secret::Secret;
pub use store::Store;
pub use telemetry::{Log, LogFormat, Telemetry};

/// The commented default file: the first layer, and what `yunpark config print` prints.
pub const DEFAULT: &str = include_str!("default.toml");

/// A wrong configuration, told in one line that names the key and the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}: {key}: {reason}")]
pub struct Error {
    /// The dotted key, or `(file)` when the file itself cannot be read.
    pub key: String,
    /// The file or environment the value came from.
    pub source_name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A part of the system that a node may play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes in sensors' messages.
    Ingest,
    /// Drives signs.
    Guidance,
    /// Takes in captures and keeps the ledger.
    Enforcement,
    /// Serves pages, the API and the live socket.
    Web,
}

/// The whole configuration; each field is a section of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What this node does.
    pub node: Node,
    /// The HTTP door.
    pub http: Http,
    /// The MQTT door.
    pub mqtt: Mqtt,
    /// The SQL database.
    pub store: Store,
    /// Where availability is computed.
    pub availability: Availability,
    /// What signs are told.
    pub guidance: Guidance,
    /// How signs are driven.
    pub display: Display,
    /// What the forecast goes by.
    pub forecast: Forecast,
    /// What drivers under way may tell.
    pub demand: Demand,
    /// What is kept of the past, and how long.
    pub history: History,
    /// What is kept of what devices say.
    pub ingest: Ingest,
    /// Where a sensor's illness begins.
    pub sensors: Sensors,
    /// Captures, incidents, records.
    pub enforcement: Enforcement,
    /// City management: kinds of matters, units, limits.
    pub matters: Matters,
    /// Open data, out and in.
    pub feeds: Feeds,
    /// What is drawn under the lots.
    pub map: BaseMap,
    /// Sign-in of staff.
    pub session: Session,
    /// Logs.
    pub log: Log,
    /// What is followed on its way.
    pub telemetry: Telemetry,
}

/// What this node does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The parts it plays.
    pub roles: Vec<Role>,
    /// How long each stage of a stop may take, seconds.
    pub stop_grace_s: u64,
}

/// The HTTP door.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// `host:port` to listen on.
    pub listen: String,
    /// Largest body of a request that carries images, bytes.
    pub max_upload_bytes: usize,
    /// Largest body of any other request, bytes.
    pub max_body_bytes: usize,
    /// Longest a request may take, seconds.
    pub request_timeout_s: u64,
    /// Longest the head of a request, or a TLS handshake, may take, seconds.
    pub header_timeout_s: u64,
    /// Most connections that speak HTTP at once; live sockets are counted by themselves.
    pub max_connections: usize,
    /// PEM files of the certificate with its chain, and of its key; both empty means no TLS.
    pub tls_cert: PathBuf,
    /// See [`Http::tls_cert`].
    pub tls_key: PathBuf,
    /// Most live sockets at once.
    pub max_live_sessions: usize,
    /// Changed lots are gathered this long before they are sent, milliseconds.
    pub live_tick_ms: u64,
    /// Whether cookies are marked `Secure`; needs HTTPS in front.
    pub secure_cookies: bool,
}

impl Http {
    /// The files of certificate and key, if the door speaks TLS.
    pub fn tls(&self) -> Option<(&Path, &Path)> {
        (!self.tls_cert.as_os_str().is_empty()).then_some((&self.tls_cert, &self.tls_key))
    }

    /// Whether browsers reach this door over HTTPS, here or through a proxy in front.
    pub fn is_secure(&self) -> bool {
        self.secure_cookies || self.tls().is_some()
    }
}

/// How signs are driven.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// A sign that hears nothing for this long falls back by itself, seconds; rounded up to minutes for NTCIP.
    pub dead_man_s: u32,
    /// A sign that takes longer to be told is told of, milliseconds; 0 is never.
    pub slow_ms: u64,
    /// A face is confirmed again this often, seconds.
    pub verify_every_s: u32,
    /// Longest wait for one answer of a sign, milliseconds.
    pub timeout_ms: u64,
    /// Longest pause between tries of a sign that does not answer, seconds.
    pub max_backoff_s: u32,
    /// How long a node that falls silent keeps its signs from the others, seconds; with Redis only.
    pub lease_s: u32,
}

/// What is kept of the past, and how long; 0 days keeps it for good.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Each lot's counts by the minute, days.
    pub minutes_days: u32,
    /// Their roll-up by the quarter of an hour, days.
    pub quarters_days: u32,
    /// Their roll-up by the hour, days.
    pub hours_days: u32,
    /// Moves of spaces from one state to another, days.
    pub transitions_days: u32,
    /// On PostgreSQL, minutes and moves go by whole months alone.
    pub whole_months: bool,
    /// Most moves held while the database is away.
    pub queue: usize,
}

/// Where a sensor's illness begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensors {
    /// A sensor is silent after so many of its heartbeats.
    pub heartbeats: f64,
    /// A space is stuck after so many times its longest known stay, while its neighbours move.
    pub stuck_stays: f64,
    /// ... and not before this, seconds.
    pub stuck_after_s: u32,
    /// A space flaps at more than so many moves within the window.
    pub flapping_moves: usize,
    /// The window, seconds.
    pub flapping_window_s: u32,
    /// A battery is low below this, millivolts.
    pub battery_low_mv: u32,
    /// A battery is low below this, percent.
    pub battery_low_percent: f64,
    /// A clock is wrong from this on, seconds.
    pub clock_skew_s: u32,
}

/// Sign-in of staff.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// A sign-in lasts this long, hours: one shift.
    pub hours: u32,
    /// Failed sign-ins of one name within a quarter of an hour before it must wait.
    pub max_failures: u32,
}

impl Config {
    /// Reads the layers: defaults, the file if any, the environment (`YUNPARK_SECTION__KEY`).
    ///
    /// Relative paths of a file are relative to the file, so that `serve` and `import` mean the same database from any
    /// folder.
    pub fn load(file: Option<&Path>) -> Result<Self, Error> {
        let mut config = Self::layered(Self::layers(file)?)?;
        if let Some(folder) = file.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty()) {
            config.stand_in(folder);
        }
        Ok(config)
    }

    /// Makes relative paths stand in a folder.
    fn stand_in(&mut self, folder: &Path) {
        let inside = |path: &str| folder.join(path).display().to_string();
        if let Some(path) = self.store.url.reveal().strip_prefix("sqlite://")
            && !path.starts_with(['/', ':'])
        {
            self.store.url = format!("sqlite://{}", inside(path)).as_str().into();
        }
        if !self.store.evidence_dir.starts_with("s3://") {
            self.store.evidence_dir = inside(&self.store.evidence_dir);
        }
        if !self.enforcement.documents.templates_dir.is_empty() {
            self.enforcement.documents.templates_dir = inside(&self.enforcement.documents.templates_dir);
        }
        if !self.map.pmtiles.is_empty() {
            self.map.pmtiles = inside(&self.map.pmtiles);
        }
        self.enforcement.heads_dir = inside(&self.enforcement.heads_dir);
        self.enforcement.signing_key = inside(&self.enforcement.signing_key);
        if !self.availability.journal.is_empty() {
            self.availability.journal = inside(&self.availability.journal);
        }
        let files = [&mut self.mqtt.ca, &mut self.mqtt.client_cert, &mut self.mqtt.client_key];
        for file in files.into_iter().chain([&mut self.availability.redis_ca, &mut self.store.ca]) {
            if !file.as_os_str().is_empty() {
                *file = folder.join(&*file);
            }
        }
    }

    /// The layers, not yet read into fields, so that the demo may lay its own on top.
    pub fn layers(file: Option<&Path>) -> Result<Figment, Error> {
        let mut layers = Figment::new().merge(Toml::string(DEFAULT));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(Error {
                    key: "(file)".to_owned(),
                    source_name: file.display().to_string(),
                    reason: "no such file".to_owned(),
                });
            }
            layers = layers.merge(Toml::file_exact(file));
        }
        // Only names with a section are keys; other variables of this prefix are none of ours.
        let environment = Env::prefixed("YUNPARK_").filter(|key| key.as_str().contains("__")).split("__");
        Ok(layers.merge(environment))
    }

    /// Reads layers into fields and checks what types cannot say.
    pub fn layered(layers: Figment) -> Result<Self, Error> {
        let config: Self = layers.extract().map_err(|error| describe(&error))?;
        config.check().map_err(|(key, reason)| Error {
            source_name: source_of(&layers, key),
            key: key.to_owned(),
            reason,
        })?;
        Ok(config)
    }

    /// What types cannot say: one key and the reason it is wrong.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let url = self.store.url.reveal();
        let redis = self.availability.redis_url.reveal();
        let lease = Terms::of(Duration::from_secs(self.display.lease_s.into()));
        let rules: [(&'static str, bool, &str); 21] = [
            ("node.roles", !self.node.roles.is_empty(), "name at least one role"),
            ("http.listen", is_address(&self.http.listen), "must be host:port"),
            ("http.live_tick_ms", self.http.live_tick_ms > 0, "must be at least 1"),
            ("http.request_timeout_s", self.http.request_timeout_s > 0, "must be at least 1"),
            ("http.max_body_bytes", self.http.max_body_bytes > 0, "must be at least 1"),
            ("http.header_timeout_s", self.http.header_timeout_s > 0, "must be at least 1"),
            ("http.max_connections", self.http.max_connections > 0, "must be at least 1"),
            (
                "http.tls_key",
                self.http.tls_key.as_os_str().is_empty() == self.http.tls().is_none(),
                "goes with http.tls_cert",
            ),
            ("store.url", is_sql_url(url), "must start with sqlite:// or postgres://"),
            ("store.max_connections", self.store.max_connections > 0, "must be at least 1"),
            ("store.statement_timeout_s", self.store.statement_timeout_s > 0, "must be at least 1"),
            (
                "availability.redis_url",
                redis.is_empty() || is_redis_url(redis),
                "must be empty, redis://host:port/db or rediss://host:port/db",
            ),
            (
                "availability.redis_ca",
                self.availability.redis_ca.as_os_str().is_empty() || redis.starts_with("rediss://"),
                "goes with rediss://host:port/db in availability.redis_url",
            ),
            ("store.ca", self.store.ca.as_os_str().is_empty() || !url.starts_with("sqlite:"), "goes with postgres://"),
            ("availability.partitions", self.availability.partitions > 0, "must be at least 1"),
            ("availability.stream_length", self.availability.stream_length > 0, "must be at least 1"),
            (
                "display.lease_s",
                redis.is_empty() || lease.longest_write() > Duration::from_millis(self.display.timeout_ms),
                "must be longer: 11/16 of it must be more than display.timeout_ms",
            ),
            ("sensors.heartbeats", self.sensors.heartbeats >= 1.0, "must be at least 1"),
            ("sensors.stuck_stays", self.sensors.stuck_stays >= 1.0, "must be at least 1"),
            ("history.queue", self.history.queue > 0, "must be at least 1"),
            ("log.filter", is_log_filter(&self.log.filter), "must be a level, or target=level pairs"),
        ];
        if let Some((key, _, reason)) =
            rules.into_iter().chain(self.mqtt.rules()).chain(self.telemetry.rules()).find(|(_, holds, _)| !holds)
        {
            return Err((key, reason.to_owned()));
        }
        if let Some((key, reason)) = self.feeds.fault() {
            return Err((key, reason));
        }
        if let Some((key, reason)) = self.guidance.fault() {
            return Err((key, reason.to_owned()));
        }
        let fault = self.forecast.fault().or_else(|| self.demand.fault()).or_else(|| self.map.fault());
        if let Some(fault) = fault.or_else(|| self.matters.fault()) {
            return Err(fault);
        }
        for camera in self.enforcement.cameras.keys() {
            if crate::domain::ids::CameraId::parse(camera).is_err() {
                return Err(("enforcement.cameras", format!("{camera:?} is no camera's id")));
            }
        }
        for (name, stream) in &self.ingest.alert_streams {
            if crate::domain::ids::SensorId::parse(name).is_err() || !stream.url.starts_with("http://") {
                return Err(("ingest.alert_streams", format!("{name:?} needs a plain name, and a url of http://host")));
            }
        }
        let tokens: Vec<&str> =
            self.enforcement.cameras.values().map(|c| c.token.reveal()).filter(|token| !token.is_empty()).collect();
        let distinct: std::collections::BTreeSet<&str> = tokens.iter().copied().collect();
        if distinct.len() < tokens.len() {
            return Err(("enforcement.cameras", "two cameras must not share a token".to_owned()));
        }
        Ok(())
    }
}

/// `host:port`, where the host is a name or an address.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn is_sql_url(text: &str) -> bool {
    ["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme))
}

fn is_redis_url(text: &str) -> bool {
    ["redis://", "rediss://", "redis+unix://"]
        .iter()
        .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme))
}

fn is_log_filter(text: &str) -> bool {
    tracing_subscriber::EnvFilter::try_new(text).is_ok()
}

/// One line from the first fault of a layer.
fn describe(error: &figment::Error) -> Error {
    let first = error.clone().into_iter().next().unwrap_or_else(|| error.clone());
    let mut key = first.path.join(".");
    if let figment::error::Kind::UnknownField(field, _) = &first.kind
        && !key.ends_with(field.as_str())
    {
        key = if key.is_empty() { field.clone() } else { format!("{key}.{field}") };
    }
    let source_name = first.metadata.as_ref().map_or_else(|| "configuration".to_owned(), name_of);
    Error { key: if key.is_empty() { "(file)".to_owned() } else { key }, source_name, reason: first.kind.to_string() }
}

fn source_of(layers: &Figment, key: &str) -> String {
    layers.find_metadata(key).map_or_else(|| "defaults".to_owned(), name_of)
}

fn name_of(metadata: &figment::Metadata) -> String {
    match &metadata.source {
        Some(figment::Source::File(path)) => path.display().to_string(),
        Some(other) => other.to_string(),
        None if metadata.name.contains("environment") => "environment".to_owned(),
        None => "defaults".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(toml: &str) -> Result<Config, Error> {
        Config::layered(Figment::new().merge(Toml::string(DEFAULT)).merge(Toml::string(toml)))
    }

    #[test]
    fn the_default_file_is_a_whole_configuration() {
        let config = with("").unwrap();
        assert_eq!(config.node.roles.len(), 4);
        assert!(config.availability.redis_url.is_empty());
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        assert_eq!(with("[http]\nmax_body_bytes = \"big\"").unwrap_err().key, "http.max_body_bytes");
        assert_eq!(with("[http]\nlisten_on = \"x\"").unwrap_err().key, "http.listen_on");
        for (toml, key) in [
            ("[store]\nurl = \"mysql://x\"", "store.url"),
            ("[http]\nlisten = \"nonsense\"", "http.listen"),
            ("[http]\nlive_tick_ms = 0", "http.live_tick_ms"),
            ("[mqtt]\nclient_id = \"\"", "mqtt.client_id"),
            ("[mqtt]\nqueue = 0", "mqtt.queue"),
            ("[mqtt]\nurl = \"mqtt://a:b@h\"", "mqtt.url"),
            ("[mqtt]\nurl = \"mqtt://h\"\nca = \"ca.pem\"", "mqtt.ca"),
            ("[mqtt]\nurl = \"mqtts://h\"\nclient_cert = \"c.pem\"", "mqtt.client_key"),
            ("[availability]\nredis_url = \"redis://h\"\nredis_ca = \"ca.pem\"", "availability.redis_ca"),
            ("[store]\nca = \"ca.pem\"", "store.ca"),
            ("[availability]\nstream_length = 0", "availability.stream_length"),
            ("[availability]\nredis_url = \"redis://h\"\n[display]\nlease_s = 7", "display.lease_s"),
            ("[log]\nfilter = \"a=b=c\"", "log.filter"),
            ("[telemetry]\notlp = \"collector:4318\"", "telemetry.otlp"),
            ("[telemetry]\nsample = 1.5", "telemetry.sample"),
            ("[enforcement.cameras]\nC1 = { token = \"x\" }\nC2 = { token = \"x\" }", "enforcement.cameras"),
        ] {
            assert_eq!(with(toml).unwrap_err().key, key, "{toml}");
        }
    }

    #[test]
    fn relative_paths_of_a_file_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("yunpark.toml");
        std::fs::write(&file, "[store]\nurl = \"sqlite://here.db\"\nevidence_dir = \"/elsewhere\"").unwrap();
        let config = Config::load(Some(&file)).unwrap();
        assert_eq!(config.store.url.reveal(), format!("sqlite://{}/here.db", folder.path().display()));
        assert_eq!(config.store.evidence_dir, "/elsewhere");
        assert_eq!(config.availability.journal, format!("{}/availability.journal", folder.path().display()));
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let config = with("[mqtt]\npassword = \"hunter2\"").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(!serde_json::to_string(&config).unwrap().contains("hunter2"));
    }
}
