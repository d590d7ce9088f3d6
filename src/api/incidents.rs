//! `/api/v1/incidents`: listed, looked at, decided.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::Staff,
    json::{Body, Id, Params, Private},
    records::{Format, csv, limit, xlsx},
};
use crate::{
    domain::staff::Role,
    enforcement::{IncidentState, Review, ReviewOf, view::IncidentView},
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
    ("format" = Option<String>, Query, description = "json, csv or xlsx"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too many rows")))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    match Format::read(query.format.as_deref())? {
        Format::Json => {}
        Format::Csv => {
            let table = services.desk.export_incidents(query.state, &staff.person()).await?;
            return Ok(csv("incidents.csv", table.csv()));
        }
        Format::Xlsx => {
            let table = services.desk.export_incidents(query.state, &staff.person()).await?;
            return Ok(xlsx("incidents.xlsx", table.workbook("incidents")));
        }
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

/// Takes an incident to look at, for a while; nobody else decides about it meanwhile.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/claim", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404), (status = 409, description = "somebody has it")))]
pub async fn claim(State(services): State<Shared>, staff: Staff, Id(id): Id) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    Ok(Private(Json(services.desk.claim(&id, &staff.person()).await?)).into_response())
}

/// Gives an incident back.
#[utoipa::path(delete, path = "/api/v1/incidents/{id}/claim", tag = "staff", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404, description = "was not theirs")))]
pub async fn release_claim(State(services): State<Shared>, staff: Staff, Id(id): Id) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    if services.desk.release_claim(&id, &staff.person()).await? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(Problem::not_found("this incident was not yours"))
    }
}

/// Several decisions.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Reviews {
    reviews: Vec<ReviewOf>,
}

/// Decides about several incidents, each by itself; one answer for each, in order.
#[utoipa::path(post, path = "/api/v1/incidents/reviews", tag = "staff", request_body = Reviews,
    responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422)))]
pub async fn review_many(
    State(services): State<Shared>,
    staff: Staff,
    Body(reviews): Body<Reviews>,
) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let came = services.desk.review_many(reviews.reviews, &staff.person()).await?;
    let answers: Vec<_> = came
        .into_iter()
        .map(|(incident, came)| match came {
            Ok(record) => json!({"incident": incident, "ok": true, "record": record}),
            Err(error) => {
                json!({"incident": incident, "ok": false, "reason": error.word(), "detail": error.to_string()})
            }
        })
        .collect();
    Ok(Private(Json(json!({"answers": answers}))).into_response())
}

/// The manifest of an incident a person decided of: its captures, each picture by its hash, and the ledger's entries that cover them.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/manifest", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404, description = "none, or not decided yet")))]
pub async fn manifest(State(services): State<Shared>, staff: Staff, Id(id): Id) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let kept = services.desk.manifest(&id).await?.ok_or_else(|| Problem::not_found("no such manifest"))?;
    Ok(Private(([(header::CONTENT_TYPE, "application/json")], kept)).into_response())
}
