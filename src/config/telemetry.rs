//! The settings of what a node tells of itself.

use serde::{Deserialize, Serialize};

/// Logs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// What is logged, as `level` or `target=level,...`.
    pub filter: String,
    /// `text` for people, `json` for machines.
    pub format: LogFormat,
}

/// What is followed on its way through a node, and where that is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// `http://host:port` of an OpenTelemetry collector, OTLP over HTTP; empty tells nobody.
    pub otlp: String,
    /// Share of messages and requests that are followed, 0 to 1.
    pub sample: f64,
    /// Most that are begun to be followed in a second.
    pub max_per_s: u32,
    /// Most spans held while the collector is slow or away.
    pub queue: usize,
}

impl Telemetry {
    /// What types cannot say: key, whether it holds, and the reason if not.
    pub(super) fn rules(&self) -> [(&'static str, bool, &'static str); 3] {
        let is_address = |scheme: &str| self.otlp.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty());
        let is_told = self.otlp.is_empty() || is_address("http://") || is_address("https://");
        [
            ("telemetry.otlp", is_told, "must be empty, http://host:port or https://host:port"),
            ("telemetry.sample", (0.0..=1.0).contains(&self.sample), "must be from 0 to 1"),
            ("telemetry.queue", self.queue > 0, "must be at least 1"),
        ]
    }
}

/// Shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
