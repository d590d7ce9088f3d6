//! `/api/v1/seizures`: tows, detentions and seizures, proposed by one person and approved by another.

use axum::{Json, extract::State, http::HeaderMap, response::Response};

use super::{
    Problem, Shared,
    auth::Staff,
    captures::idempotency_key,
    json::{Body, Id, Params, Private},
    records::{Query, created, listed},
};
use crate::{
    domain::{record::Kind, staff::Role},
    enforcement::{NewSeizure, view::RecordView},
};

/// Seizures, newest first.
#[utoipa::path(get, path = "/api/v1/seizures", tag = "staff", params(
    ("from" = Option<String>, Query, description = "RFC 3339, or a day of the city's calendar"),
    ("to" = Option<String>, Query, description = "RFC 3339 exclusive, or a day inclusive"),
    ("limit" = Option<u32>, Query), ("after" = Option<String>, Query),
    ("format" = Option<String>, Query, description = "json or csv"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too many rows")))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    listed(services, staff, query.of_kind(Kind::Seizure)).await
}

/// Proposes a tow, a detention or a seizure.
#[utoipa::path(post, path = "/api/v1/seizures", tag = "staff", request_body = NewSeizure,
    params(("Idempotency-Key" = Option<String>, Header)), responses((status = 201),
    (status = 200, description = "proposed before"), (status = 400), (status = 401), (status = 403), (status = 409),
    (status = 422, description = "no legal basis of its own")))]
pub async fn propose(
    State(services): State<Shared>,
    staff: Staff,
    headers: HeaderMap,
    Body(new): Body<NewSeizure>,
) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let key = idempotency_key(&headers)?;
    Ok(created(services.desk.propose_seizure(new, key.as_deref(), &staff.person()).await?))
}

/// Approves a seizure somebody else proposed.
#[utoipa::path(post, path = "/api/v1/seizures/{id}/approve", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub async fn approve(
    State(services): State<Shared>,
    staff: Staff,
    Id(id): Id,
) -> Result<Private<Json<RecordView>>, Problem> {
    staff.require(Role::may_approve)?;
    Ok(Private(Json(services.desk.approve_seizure(&id, &staff.person()).await?)))
}
