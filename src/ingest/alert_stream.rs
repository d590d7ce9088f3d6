//! Cameras that do not speak MQTT: the node reads the HTTP alert stream of each, as Hikvision's ISAPI has it, and hands its
//! events to the pipeline as if they had come in from the broker.
//!
//! A stream knows no acknowledgement. What a camera says while nobody reads is lost, which a running total makes up for with
//! its next event and a count of a period does not. Every node with the role may read the same camera: the same event counts
//! once.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use digest_auth::{AuthContext, HttpMethod};
use futures_util::future::join_all;
use reqwest::{Client, Response, StatusCode, header};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use yunpark_sensors::hikvision::Parts;

use super::mqtt::Message;
use crate::{clock::Clock, config, mqtt::Backoff};

/// Where a camera tells its events.
const PATH: &str = "/ISAPI/Event/notification/alertStream";
/// How long connecting, and an answer's head, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A camera says at least that nothing happens, every few seconds; one that is silent for longer is asked anew.
const SILENCE: Duration = Duration::from_secs(60);
/// Longest boundary of a multipart body, by its standard.
const LONGEST_BOUNDARY: usize = 70;

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("it was not answered in time")]
    Late,
    #[error("the camera answered {0}")]
    Status(StatusCode),
    #[error("the camera's challenge cannot be read: {0}")]
    Challenge(String),
    #[error("the camera's answer is no multipart stream")]
    NoStream,
    #[error("the camera ended the stream")]
    Ended,
}

/// The alert streams of all configured cameras.
pub struct AlertStreams {
    cameras: Vec<Camera>,
}

struct Camera {
    name: String,
    at: config::AlertStream,
    client: Client,
    queue: mpsc::Sender<Message>,
    clock: Clock,
}

impl AlertStreams {
    /// Streams that hand their events to `queue`; an error if the HTTP client cannot be had.
    pub(super) fn new(
        config: &config::Ingest,
        queue: &mpsc::Sender<Message>,
        clock: &Clock,
    ) -> Result<Self, super::Error> {
        // A camera sends nobody elsewhere.
        let builder = Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = builder.connect_timeout(PATIENCE).read_timeout(SILENCE).build();
        let client = client.map_err(|error| super::Error::Http(error.to_string()))?;
        let camera = |(name, at): (&String, &config::AlertStream)| Camera {
            name: name.clone(),
            at: at.clone(),
            client: client.clone(),
            queue: queue.clone(),
            clock: clock.clone(),
        };
        Ok(Self { cameras: config.alert_streams.iter().map(camera).collect() })
    }

    /// Reads all streams until `stop`; a camera that is away is asked again with growing pauses.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        join_all(self.cameras.iter().map(|camera| camera.follow(&stop))).await;
        stop.cancelled().await;
        Ok(())
    }
}

impl Camera {
    async fn follow(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        let mut is_told = false;
        let gauge = metrics::gauge!("yunpark_alert_stream_connected", "camera" => self.name.clone());
        gauge.set(0.0);
        loop {
            let mut was_heard = false;
            let ended = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                ended = self.listen(&gauge, &mut was_heard) => ended,
            };
            gauge.set(0.0);
            if was_heard {
                (is_told, backoff) = (false, Backoff::default());
            }
            // Once for each spell of silence.
            if !std::mem::replace(&mut is_told, true) {
                tracing::warn!(camera = %self.name, error = %ended, "a camera's alert stream cannot be read");
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(backoff.wait()) => {}
            }
        }
    }

    /// Reads one stream to its end, which it tells.
    async fn listen(&self, gauge: &metrics::Gauge, was_heard: &mut bool) -> Fault {
        let opened = self.open().await;
        let (mut response, boundary) = match opened {
            Ok(opened) => opened,
            Err(fault) => return fault,
        };
        gauge.set(1.0);
        tracing::info!(camera = %self.name, "a camera's alert stream is read");
        let mut parts = Parts::new(&boundary);
        loop {
            match response.chunk().await {
                Ok(Some(bytes)) => {
                    for body in parts.push(&bytes) {
                        *was_heard = true;
                        self.hand_over(body).await;
                    }
                }
                Ok(None) => return Fault::Ended,
                Err(error) => return error.without_url().into(),
            }
        }
    }

    /// To the pipeline; while its queue is full the stream is not read.
    async fn hand_over(&self, body: Vec<u8>) {
        let message = Message {
            topic: Bytes::from(format!("hikvision/{}/alert", self.name)),
            payload: body.into(),
            received_at: self.clock.now(),
            oversized: None,
            ticket: None,
        };
        if self.queue.send(message).await.is_err() {
            metrics::counter!("yunpark_alert_stream_lost_total").increment(1);
        }
    }

    /// Opens the stream, proving who asks if the camera wants to know, and reads the boundary of its parts.
    async fn open(&self) -> Result<(Response, String), Fault> {
        let mut response = self.ask(None).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let authorization = self.prove(&response)?;
            response = self.ask(Some(authorization)).await?;
        }
        if response.status() != StatusCode::OK {
            return Err(Fault::Status(response.status()));
        }
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let boundary = kind.and_then(boundary).ok_or(Fault::NoStream)?;
        Ok((response, boundary))
    }

    async fn ask(&self, authorization: Option<String>) -> Result<Response, Fault> {
        let mut request = self.client.get(format!("{}{PATH}", self.at.url.trim_end_matches('/')));
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let answered = tokio::time::timeout(PATIENCE, request.send()).await.map_err(|_| Fault::Late)?;
        answered.map_err(|error| error.without_url().into())
    }

    /// HTTP Digest; a camera's password is never sent as it stands.
    fn prove(&self, challenged: &Response) -> Result<String, Fault> {
        let challenges = challenged.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let challenge = challenges
            .filter_map(|challenge| challenge.to_str().ok())
            .find(|challenge| challenge.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("digest")));
        let challenge = challenge.ok_or_else(|| Fault::Challenge("it wants no HTTP Digest".to_owned()))?;
        let unread = |error: digest_auth::Error| Fault::Challenge(error.to_string());
        let password = self.at.password.reveal();
        let context = AuthContext::new_with_method(&self.at.user, password, PATH, None::<&[u8]>, HttpMethod::GET);
        let mut prompt = digest_auth::parse(challenge).map_err(unread)?;
        Ok(prompt.respond(&context).map_err(unread)?.to_header_string())
    }
}

/// The boundary that a multipart content type names.
fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    let named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let (_, boundary) = named.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let boundary = boundary.trim().trim_matches('"');
    // Some cameras count the dashes of the delimiter among the name.
    let boundary = boundary.strip_prefix("--").unwrap_or(boundary);
    (1..=LONGEST_BOUNDARY).contains(&boundary.len()).then(|| boundary.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_is_read_as_cameras_write_it() {
        for kind in [
            "multipart/mixed; boundary=boundary",
            "multipart/mixed;boundary=\"boundary\"",
            "Multipart/x-mixed-replace; charset=utf-8; BOUNDARY=--boundary",
        ] {
            assert_eq!(boundary(kind).as_deref(), Some("boundary"), "{kind}");
        }
        for kind in ["text/html; boundary=x", "multipart/mixed", "multipart/mixed; boundary="] {
            assert_eq!(boundary(kind), None, "{kind}");
        }
    }
}
