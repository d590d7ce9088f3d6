//! `/api/v1/feed-sources` and `/api/v1/webhooks`: how other operators' feeds are, and what subscribers were told or could not be.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::Staff,
    json::{Params, Private, Segment},
};
use crate::{
    domain::{staff::Role, time::rfc3339},
    feeds::sources::SourceState,
    store::webhooks,
};

/// Most messages of one answer, and how many where nothing is asked.
const LIMITS: (u32, u32) = (1000, 100);

/// The sources.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourcesView {
    /// Each by its name.
    pub sources: BTreeMap<String, SourceState>,
}

/// Other operators' feeds: whether each is well, since when, and what is wrong with it.
#[utoipa::path(get, path = "/api/v1/feed-sources", tag = "staff",
    responses((status = 200, body = SourcesView), (status = 401), (status = 403)))]
pub async fn sources(State(services): State<Shared>, staff: Staff) -> Result<Response, Problem> {
    staff.require(Role::may_operate)?;
    Ok(Private(Json(SourcesView { sources: services.sources.states() })).into_response())
}

/// One message to a subscriber.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// Whom it is for.
    pub subscriber: String,
    /// `changes` or `status`.
    pub kind: String,
    /// `waiting`, `sent` or `dead`.
    pub state: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was made.
    pub created_at: String,
    /// When it is tried next, while it waits.
    pub next_at: Option<String>,
    /// When it was sent or given up.
    pub ended_at: Option<String>,
    /// What went wrong last.
    pub reason: Option<String>,
}

/// The messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessagesView {
    /// Newest first.
    pub messages: Vec<MessageView>,
}

/// Which messages are asked for.
#[derive(Debug, Default, Deserialize)]
pub struct MessagesQuery {
    state: Option<String>,
    limit: Option<u32>,
}

/// Messages to subscribers, newest first.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "staff", params(
    ("state" = Option<String>, Query, description = "waiting, sent or dead"), ("limit" = Option<u32>, Query, description = "1 to 1000"),
), responses((status = 200, body = MessagesView), (status = 400), (status = 401), (status = 403), (status = 503)))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(query): Params<MessagesQuery>,
) -> Result<Response, Problem> {
    staff.require(Role::may_operate)?;
    let state = query.state.unwrap_or_default();
    if !["", "waiting", "sent", "dead"].contains(&state.as_str()) {
        return Err(Problem::bad_request("state is waiting, sent or dead").field("state", "not waiting, sent or dead"));
    }
    let limit = query.limit.unwrap_or(LIMITS.1);
    if !(1..=LIMITS.0).contains(&limit) {
        return Err(Problem::bad_request("limit is 1 to 1000").field("limit", "not 1 to 1000"));
    }
    let messages = webhooks::newest(&services.db, &state, limit).await?;
    let messages = messages.into_iter().map(|message| MessageView {
        next_at: (message.state == "waiting").then(|| rfc3339(message.next_at)),
        id: message.id,
        subscriber: message.subscriber,
        kind: message.kind,
        state: message.state,
        tries: message.tries,
        created_at: rfc3339(message.created_at),
        ended_at: message.ended_at.map(rfc3339),
        reason: message.reason,
    });
    Ok(Private(Json(MessagesView { messages: messages.collect() })).into_response())
}

/// Sends a message that ended once more, after all that wait.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/replay", tag = "staff", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 503)))]
pub async fn replay(
    State(services): State<Shared>,
    staff: Staff,
    Segment(id): Segment<String>,
) -> Result<StatusCode, Problem> {
    staff.require(Role::may_operate)?;
    if services.post.replay(&id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("there is no message of this id that has ended"))
    }
}
