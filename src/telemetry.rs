//! Logs and metrics: set up once, in `main`.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log filter cannot be read.
    #[error("log.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Another recorder or subscriber is already there.
    #[error("telemetry is already set up: {0}")]
    Twice(String),
}

/// Starts logging to standard error. What is never logged: plates, faces, officers' names, tokens, bodies.
pub fn logs(config: &Log) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => logs.with_target(false).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    }
    .map_err(|error| Error::Twice(error.to_string()))
}

/// Installs the metrics recorder; the handle renders them for `/metrics`. Call it once in a process.
pub fn metrics() -> Result<PrometheusHandle, Error> {
    PrometheusBuilder::new()
        .set_buckets(&[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0])
        .map_err(|error| Error::Twice(error.to_string()))?
        .install_recorder()
        .map_err(|error| Error::Twice(error.to_string()))
}
