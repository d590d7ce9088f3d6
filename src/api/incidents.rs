//! `/api/v1/incidents`: listed, looked at, decided.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Problem, Shared,
    auth::Staff,
    json::{Body, Params, Segment},
    records::limit,
};
use crate::{
    domain::staff::Role,
    enforcement::{Decision, IncidentState, view::IncidentView},
};

/// What is asked of the list.
#[derive(Debug, Deserialize)]
pub struct Query {
    state: Option<IncidentState>,
    limit: Option<u32>,
    after: Option<String>,
}

/// What a person decides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    decision: Decision,
    reason: Option<String>,
    note: Option<String>,
}

/// Incidents, newest first.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "staff", params(
    ("state" = Option<String>, Query, description = "open, ripe, reviewed, closed"),
    ("limit" = Option<u32>, Query), ("after" = Option<String>, Query),
), responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let limit = limit(query.limit).min(200);
    let (incidents, next) = services.desk.incidents(query.state, query.after.as_deref(), limit).await?;
    Ok(Json(json!({"incidents": incidents, "next": next})).into_response())
}

/// One incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404)))]
pub async fn one(
    State(services): State<Shared>,
    staff: Staff,
    Segment(id): Segment<String>,
) -> Result<Json<IncidentView>, Problem> {
    staff.require(Role::may_read_records)?;
    let found = services.desk.incident(&id).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("no such incident"))
}

/// A person decides, once.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/review", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub async fn review(
    State(services): State<Shared>,
    staff: Staff,
    Segment(id): Segment<String>,
    Body(review): Body<Review>,
) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let (reason, note) = (review.reason.as_deref(), review.note.as_deref());
    let (incident, record) = services.desk.review(&id, review.decision, reason, note, &staff.person()).await?;
    Ok(Json(json!({"incident": incident, "record": record})).into_response())
}
