//! `GET /api/v1/live/events`: what the socket tells, as server-sent events, for whom a socket cannot reach.

use std::convert::Infallible;

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event, Sse},
};
use futures_util::{
    Stream, StreamExt,
    stream::{self, poll_fn},
};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{Out, Resume, Talk, converse};
use crate::api::{Problem, Shared, json::Params};

/// Where a listener left off, and what it wants to hear; it cannot say so later.
#[derive(Debug, Deserialize)]
pub struct Listen {
    cursor: Option<String>,
    bbox: Option<String>,
    watch: Option<String>,
}

/// The messages of the live socket, one an event, each with its cursor as id.
#[utoipa::path(get, path = "/api/v1/live/events", tag = "public", params(
    ("cursor" = Option<String>, Query, description = "resumes after it; the header Last-Event-ID goes before"),
    ("bbox" = Option<String>, Query, description = "west,south,east,north in degrees: only lots within"),
    ("watch" = Option<String>, Query, description = "ids of lots, by commas: their spaces are told too"),
), responses((status = 200, content_type = "text/event-stream"), (status = 400), (status = 503)))]
pub async fn listen(
    State(services): State<Shared>,
    headers: HeaderMap,
    Params(listen): Params<Listen>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let seat = services.hub.seat().map_err(|full| Problem::unavailable(full.to_string()))?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let resume = Resume { cursor: last.or_else(|| listen.cursor.clone()) };
    let (out, mut events) = mpsc::channel(1);
    let mut talk = Talk::new(services, Out::Events(out));
    let frames = talk.services.hub.join().frames;
    for wish in listen.wishes()? {
        talk.session.hear(&wish).map_err(|fault| Problem::bad_request(fault.to_string()))?;
    }
    let watches = listen.watch.is_some();
    let telling = async move {
        let _seat = seat;
        if !watches || talk.all_spaces(super::Said::Nothing).await.is_some() {
            converse(talk, frames, resume).await;
        }
    };
    // One task does both: it tells when it is asked for the next event. When the telling ends, so does the channel.
    let telling = stream::once(telling).filter_map(|()| async { None });
    Ok(Sse::new(stream::select(
        Box::pin(telling),
        poll_fn(move |context| events.poll_recv(context).map(|event| event.map(Ok))),
    )))
}

impl Listen {
    /// The wishes as a client of the socket would send them.
    fn wishes(&self) -> Result<Vec<String>, Problem> {
        let mut wishes = Vec::new();
        if let Some(bbox) = &self.bbox {
            let sides: Result<Vec<f64>, _> = bbox.split(',').map(|side| side.trim().parse::<f64>()).collect();
            let sides = sides.map_err(|_| Problem::bad_request("bbox must be west,south,east,north in degrees"))?;
            wishes.push(serde_json::json!({"type": "view", "bbox": sides}).to_string());
        }
        if let Some(watch) = &self.watch {
            let lots: Vec<&str> = watch.split(',').map(str::trim).filter(|lot| !lot.is_empty()).collect();
            wishes.push(serde_json::json!({"type": "watch", "lots": lots}).to_string());
        }
        Ok(wishes)
    }
}
