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
    json::{Body, Id, Params, Private},
    records::{Format, csv, limit},
};
use crate::{
    domain::staff::Role,
    enforcement::{IncidentState, Review, view::IncidentView},
};

/// What is asked of the list.
#[derive(Debug, Deserialize)]
pub struct Query {
    state: Option<IncidentState>,
    limit: Option<u32>,
    after: Option<String>,
    format: Option<String>,
}

/// Incidents, newest first.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "staff", params(
    ("state" = Option<String>, Query, description = "open, ripe, reviewed, closed"),
    ("limit" = Option<u32>, Query), ("after" = Option<String>, Query),
    ("format" = Option<String>, Query, description = "json or csv"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too many rows")))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    if Format::read(query.format.as_deref())? == Format::Csv {
        let text = services.desk.export_incidents(query.state, &staff.person()).await?;
        return Ok(csv("incidents.csv", text));
    }
    let limit = limit(query.limit).min(200);
    let (incidents, next) = services.desk.incidents(query.state, query.after.as_deref(), limit).await?;
    Ok(Private(Json(json!({"incidents": incidents, "next": next}))).into_response())
}

/// One incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404)))]
pub async fn one(
    State(services): State<Shared>,
    staff: Staff,
    Id(id): Id,
) -> Result<Private<Json<IncidentView>>, Problem> {
    staff.require(Role::may_read_records)?;
    let found = services.desk.incident(&id).await?;
    found.map(|found| Private(Json(found))).ok_or_else(|| Problem::not_found("no such incident"))
}

/// A person decides, once.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/review", tag = "staff", params(("id" = String, Path)),
    request_body = Review, responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 404),
    (status = 409), (status = 422, description = "say which plate, or why it is rejected")))]
pub async fn review(
    State(services): State<Shared>,
    staff: Staff,
    Id(id): Id,
    Body(review): Body<Review>,
) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let (incident, record) = services.desk.review(&id, review, &staff.person()).await?;
    Ok(Private(Json(json!({"incident": incident, "record": record}))).into_response())
}
