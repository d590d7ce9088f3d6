//! Spans to an OpenTelemetry collector: OTLP over HTTP, protobuf. A collector that is away costs its spans and a line in the log.
//!
//! The library's exporter batches on a thread of its own, from a bounded queue. What it sends goes through [`Sender`], so that
//! the connection is made here, where the lifecycle knows of it and TLS is ours.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use opentelemetry::{
    KeyValue,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _},
};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{mpsc, oneshot},
};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::sync::CancellationToken;
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::registry::LookupSpan;

use super::{Error, trail::Parent};
use crate::{config::Telemetry, tls::Trust};

/// Most spans in one request.
const BATCH: usize = 512;
/// How long spans gather.
const GATHER: Duration = Duration::from_secs(2);
/// Longest wait for the collector.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer that is read, bytes.
const ANSWER: usize = 64 * 1024;

type Asked = (Request<Bytes>, oneshot::Sender<Result<Response<Bytes>, String>>);

/// Hands requests to the component that sends them.
#[derive(Debug)]
struct Sender(mpsc::Sender<Asked>);

impl HttpClient for Sender {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let (answer, told) = oneshot::channel();
            self.0.try_send((request, answer)).map_err(|_| "nobody sends spans any more")?;
            Ok(told.await.map_err(|_| "nobody sends spans any more")??)
        })
    }
}

/// What sends spans; runs as a component of the node.
pub struct Post {
    provider: SdkTracerProvider,
    asked: mpsc::Receiver<Asked>,
    trust: Trust,
    is_ill: bool,
}

/// The layer that makes spans of ours the collector's, and what sends them.
pub(super) fn open<S>(
    config: &Telemetry,
) -> Result<(OpenTelemetryLayer<S, opentelemetry_sdk::trace::SdkTracer>, Post), Error>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let (sender, asked) = mpsc::channel(1);
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(Sender(sender))
        .with_endpoint(format!("{}/v1/traces", config.otlp.trim_end_matches('/')))
        .with_timeout(PATIENCE)
        .build()
        .map_err(|error| Error::Collector(error.to_string()))?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(config.queue.max(1))
        .with_max_export_batch_size(BATCH.min(config.queue.max(1)))
        .with_scheduled_delay(GATHER)
        .build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "yunpark"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build();
    let provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(processor).build();
    let layer = tracing_opentelemetry::layer()
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_tracer(provider.tracer("yunpark"));
    Ok((layer, Post { provider, asked, trust: Trust::default(), is_ill: false }))
}

/// See [`super::adopt`].
pub(super) fn adopt(span: &tracing::Span, parent: &Parent) {
    let (Ok(trace), Ok(parent)) = (TraceId::from_hex(&parent.trace), SpanId::from_hex(&parent.span)) else { return };
    let context = SpanContext::new(trace, parent, TraceFlags::SAMPLED, true, TraceState::NONE);
    // A span that is not recorded has no place in a trace.
    let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(context));
}

/// See [`super::place`].
pub(super) fn place(span: &tracing::Span) -> Option<Parent> {
    let context = span.context();
    let known = context.span().span_context().clone();
    known.is_valid().then(|| Parent { trace: known.trace_id().to_string(), span: known.span_id().to_string() })
}

impl Post {
    /// Sends until `stop`, and then what is left.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), std::convert::Infallible> {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                asked = self.asked.recv() => match asked {
                    Some(asked) => self.answer(asked).await,
                    None => return Ok(()),
                },
            }
        }
        let provider = self.provider.clone();
        // It waits for what is still sent below, so it may not hold up this task.
        let (done, over) = oneshot::channel();
        std::thread::spawn(move || {
            let _ = provider.shutdown_with_timeout(PATIENCE);
            let _ = done.send(());
        });
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                _ = &mut over => return Ok(()),
                asked = self.asked.recv() => match asked {
                    Some(asked) => self.answer(asked).await,
                    None => return Ok(()),
                },
            }
        }
    }

    async fn answer(&mut self, (request, told): Asked) {
        let sent = tokio::time::timeout(PATIENCE, self.send(request)).await;
        let sent = sent.unwrap_or_else(|_| Err("it does not answer".to_owned()));
        let fault = match &sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers with status {}", answer.status().as_u16())),
            Err(reason) => Some(reason.clone()),
        };
        if let Some(fault) = &fault {
            metrics::counter!("yunpark_traces_failed_total").increment(1);
            if !self.is_ill {
                tracing::warn!(error = fault, "the collector takes no spans; they are dropped until it does");
            }
        } else if self.is_ill {
            tracing::info!("the collector takes spans again");
        }
        self.is_ill = fault.is_some();
        // An exporter that has given up waiting needs no answer.
        let _ = told.send(sent);
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let tell = |error: &dyn std::fmt::Display| error.to_string();
        let is_tls = request.uri().scheme_str() == Some("https");
        let host = request.uri().host().ok_or("its address names no host")?.trim_matches(['[', ']']).to_owned();
        let port = request.uri().port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| tell(&error))?;
        if !is_tls {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(host).map_err(|error| tell(&error))?;
        let stream = self.trust.connector()?.connect(name, stream).await.map_err(|error| tell(&error))?;
        exchange(stream, request).await
    }
}

/// One request on a connection of its own.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, String> {
    let tell = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(tell)?;
    let (mut parts, body) = request.into_parts();
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = authority.as_str().parse()
    {
        parts.headers.insert(http::header::HOST, host);
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    parts.uri = path.parse().map_err(|_| "its address does not read")?;
    let asked = async {
        let answer = sender.send_request(http::Request::from_parts(parts, Full::new(body))).await.map_err(tell)?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER).collect().await.map_err(|error| error.to_string())?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    tokio::pin!(asked, connection);
    tokio::select! {
        biased;
        answer = &mut asked => answer,
        ended = &mut connection => match ended {
            // What came before the end may still be read.
            Ok(()) => asked.await,
            Err(error) => Err(error.to_string()),
        },
    }
}
