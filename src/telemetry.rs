//! Logs, metrics and spans: set up once, in `main`.

#[cfg(feature = "otlp")]
mod otlp;
mod slow;
pub mod trail;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

pub use self::trail::{Trail, Trails};
use crate::config::{Log, LogFormat, Telemetry};

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log filter cannot be read.
    #[error("log.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Another recorder or subscriber is already there.
    #[error("telemetry is already set up: {0}")]
    Twice(String),
    /// Spans cannot be sent.
    #[error("telemetry.otlp: {0}")]
    Collector(String),
}

/// What sends spans, where a collector is configured; runs as a component of the node.
pub struct Post(#[cfg(feature = "otlp")] Option<otlp::Post>);

impl Post {
    /// Sends spans until `stop`.
    pub async fn run(self, stop: CancellationToken) -> Result<(), std::convert::Infallible> {
        #[cfg(feature = "otlp")]
        if let Some(post) = self.0 {
            return post.run(stop).await;
        }
        stop.cancelled().await;
        Ok(())
    }
}

/// Starts logging to standard error, and spans to the collector. What is never logged, nor told of a span: plates, faces, officers'
/// names, tokens, bodies.
pub fn logs(log: &Log, telemetry: &Telemetry) -> Result<Post, Error> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let house = tracing_subscriber::registry().with(lines.with_filter(filter)).with(slow::Slow);
    let twice = |error: tracing_subscriber::util::TryInitError| Error::Twice(error.to_string());
    #[cfg(feature = "otlp")]
    if !telemetry.otlp.is_empty() {
        let (layer, post) = otlp::open(telemetry)?;
        let ours = tracing_subscriber::filter::Targets::new().with_target("yunpark::trail", tracing::Level::INFO);
        house.with(layer.with_filter(ours)).try_init().map_err(twice)?;
        return Ok(Post(Some(post)));
    }
    #[cfg(not(feature = "otlp"))]
    if !telemetry.otlp.is_empty() {
        return Err(Error::Collector("this build sends no spans; build it with `--features otlp`".to_owned()));
    }
    house.try_init().map_err(twice)?;
    Ok(Post(
        #[cfg(feature = "otlp")]
        None,
    ))
}

/// Puts a span under another, of this program or whoever asked it, where spans are sent.
pub fn adopt(span: &tracing::Span, parent: &trail::Parent) {
    #[cfg(feature = "otlp")]
    otlp::adopt(span, parent);
    #[cfg(not(feature = "otlp"))]
    let _ = (span, parent);
}

/// Where a span stands among those that are sent; `None` if it is not sent.
pub fn place(span: &tracing::Span) -> Option<trail::Parent> {
    #[cfg(feature = "otlp")]
    return otlp::place(span);
    #[cfg(not(feature = "otlp"))]
    {
        let _ = span;
        None
    }
}

/// Installs the metrics recorder; the handle renders them for `/metrics`. Call it once in a process.
pub fn metrics() -> Result<PrometheusHandle, Error> {
    PrometheusBuilder::new()
        .set_buckets(&[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0])
        .map_err(|error| Error::Twice(error.to_string()))?
        .install_recorder()
        .map_err(|error| Error::Twice(error.to_string()))
}
