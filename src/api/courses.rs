//! `/api/v1/records/{id}/steps`, `/api/v1/appeals`, `/api/v1/reports/due`: records going on, appeals, and what is due by when.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chrono::Duration;
use serde::Deserialize;
use serde_json::json;

use super::{
    Problem, Shared,
    auth::Staff,
    captures::idempotency_key,
    json::{Body, Id, Params, Private},
    records::limit,
};
use crate::{
    domain::staff::Role,
    enforcement::{Advance, AppealStep, NewAppeal, NewPermit},
};

/// How far ahead the list of what is due looks unless told otherwise, days.
const AHEAD_DAYS: u32 = 7;

/// A record's steps, deadlines, and what it may do next.
#[utoipa::path(get, path = "/api/v1/records/{id}/steps", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404)))]
pub async fn steps(State(services): State<Shared>, staff: Staff, Id(id): Id) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let course = services.desk.course(&id).await?.ok_or_else(|| Problem::not_found("no such record"))?;
    Ok(Private(Json(course)).into_response())
}

/// Takes a step: `{"step": "...", "why": "...", ...}` with what the step needs.
#[utoipa::path(post, path = "/api/v1/records/{id}/steps", tag = "staff",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = serde_json::Value, responses((status = 200), (status = 400), (status = 401), (status = 403),
    (status = 404), (status = 409, description = "not from where the record stands"), (status = 422)))]
pub async fn advance(
    State(services): State<Shared>,
    staff: Staff,
    Id(id): Id,
    headers: HeaderMap,
    Body(advance): Body<Advance>,
) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let key = idempotency_key(&headers)?;
    let record = services.desk.advance(&id, advance, key.as_deref(), &staff.person()).await?;
    Ok(Private(Json(record)).into_response())
}

/// The proof of a record: its entries with the way to a signed head; checked by `yunpark ledger check`, or by anybody with
/// SHA-256 and Ed25519.
#[utoipa::path(get, path = "/api/v1/records/{id}/proof", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404)))]
pub async fn proof(State(services): State<Shared>, staff: Staff, Id(id): Id) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let proof = services.desk.record_proof(&id).await?.ok_or_else(|| Problem::not_found("no such record"))?;
    Ok(Private(Json(proof)).into_response())
}

/// The newest signed heads of the ledger, for whoever wants to keep them.
#[utoipa::path(get, path = "/api/v1/ledger/heads", tag = "public", params(("limit" = Option<u32>, Query)),
    responses((status = 200), (status = 400)))]
pub async fn heads(State(services): State<Shared>, Params(asked): Params<Newest>) -> Result<Response, Problem> {
    let heads = services.desk.signed_heads(limit(asked.limit)).await?;
    Ok(Json(json!({"heads": heads})).into_response())
}

/// How many of the newest.
#[derive(Debug, Deserialize)]
pub struct Newest {
    limit: Option<u32>,
}

/// What is asked of the list of what is due.
#[derive(Debug, Deserialize)]
pub struct Ahead {
    days: Option<u32>,
}

/// Records whose nearest deadline has passed or comes within days, the most pressing first.
#[utoipa::path(get, path = "/api/v1/reports/due", tag = "staff",
    params(("days" = Option<u32>, Query, description = "how far ahead, 7 unless told; 0 is what is overdue")),
    responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn due(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Ahead>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let days = asked.days.unwrap_or(AHEAD_DAYS).min(366);
    let due = services.desk.due(services.clock.now() + Duration::days(days.into())).await?;
    let overdue = due.iter().filter(|one| one.is_overdue).count();
    Ok(Private(Json(json!({"overdue": overdue, "due": due}))).into_response())
}

/// The reports there are.
#[utoipa::path(get, path = "/api/v1/reports", tag = "staff", responses((status = 200), (status = 401), (status = 403)))]
pub async fn reports(staff: Staff) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let reports = json!([
        {"id": "due", "url": "/api/v1/reports/due", "zh": "到期与逾期", "en": "What is due and overdue"},
        {"id": "hotspots", "url": "/api/v1/reports/hotspots", "zh": "违停热点", "en": "Hot spots"},
        {"id": "funnel", "url": "/api/v1/reports/funnel", "zh": "从抓拍到结案", "en": "From capture to closed"},
        {"id": "classes", "url": "/api/v1/reports/classes", "zh": "街面等级守序", "en": "How streets of each class keep the rules"},
        {"id": "units", "url": "/api/v1/reports/units", "zh": "单位考评", "en": "What each unit recorded"},
        {"id": "statistics", "url": "/api/v1/statistics", "zh": "统计", "en": "Figures of a period"},
        {"id": "records", "url": "/api/v1/records?format=xlsx", "zh": "案件清单", "en": "Records as a list"},
        {"id": "incidents", "url": "/api/v1/incidents?format=xlsx", "zh": "线索清单", "en": "Incidents as a list"},
    ]);
    Ok(Private(Json(json!({"reports": reports}))).into_response())
}

/// What is asked of the list of appeals.
#[derive(Debug, Deserialize)]
pub struct Asked {
    record: Option<String>,
    limit: Option<u32>,
}

/// Appeals, newest first; or those against one record.
#[utoipa::path(get, path = "/api/v1/appeals", tag = "staff",
    params(("record" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn appeals(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let appeals = services.desk.appeals(asked.record.as_deref(), limit(asked.limit)).await?;
    Ok(Private(Json(json!({"appeals": appeals}))).into_response())
}

/// Enters an appeal that was handed in.
#[utoipa::path(post, path = "/api/v1/appeals", tag = "staff", request_body = NewAppeal,
    responses((status = 201), (status = 400), (status = 401), (status = 403), (status = 404),
    (status = 409, description = "too late, not in this order, or there is one"), (status = 422)))]
pub async fn file_appeal(
    State(services): State<Shared>,
    staff: Staff,
    Body(new): Body<NewAppeal>,
) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let appeal = services.desk.file_appeal(new, &staff.person()).await?;
    Ok(Private((StatusCode::CREATED, Json(appeal))).into_response())
}

/// An appeal.
#[utoipa::path(get, path = "/api/v1/appeals/{id}", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404)))]
pub async fn appeal(State(services): State<Shared>, staff: Staff, Id(id): Id) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let appeal = services.desk.appeal(&id).await?.ok_or_else(|| Problem::not_found("no such appeal"))?;
    Ok(Private(Json(appeal)).into_response())
}

/// Takes a step of an appeal.
#[utoipa::path(post, path = "/api/v1/appeals/{id}/steps", tag = "staff", params(("id" = String, Path)),
    request_body = AppealStep, responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 404),
    (status = 409), (status = 422)))]
pub async fn advance_appeal(
    State(services): State<Shared>,
    staff: Staff,
    Id(id): Id,
    Body(step): Body<AppealStep>,
) -> Result<Response, Problem> {
    staff.require(Role::may_approve)?;
    let appeal = services.desk.advance_appeal(&id, step, &staff.person()).await?;
    Ok(Private(Json(appeal)).into_response())
}

/// Whose permits are asked for.
#[derive(Debug, Deserialize)]
pub struct Whose {
    plate: Option<String>,
    limit: Option<u32>,
    over: Option<bool>,
}

/// Why a permit is ended.
#[derive(Debug, Deserialize)]
pub struct Why {
    reason: Option<String>,
}

/// Permits that run, those that end first first.
#[utoipa::path(get, path = "/api/v1/permits", tag = "staff",
    params(("plate" = Option<String>, Query), ("limit" = Option<u32>, Query),
    ("over" = Option<bool>, Query, description = "those that are over or were ended instead")),
    responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn permits(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Whose>,
) -> Result<Response, Problem> {
    staff.require(Role::may_see_permits)?;
    let permits = if asked.over == Some(true) {
        services.desk.permits_over(limit(asked.limit)).await?
    } else {
        services.desk.permits(asked.plate.as_deref(), limit(asked.limit)).await?
    };
    Ok(Private(Json(json!({"permits": permits}))).into_response())
}

/// Grants a permit.
#[utoipa::path(post, path = "/api/v1/permits", tag = "staff", params(("Idempotency-Key" = Option<String>, Header)),
    request_body = NewPermit, responses((status = 201), (status = 200, description = "granted before"), (status = 400),
    (status = 401), (status = 403), (status = 409), (status = 422)))]
pub async fn grant_permit(
    State(services): State<Shared>,
    staff: Staff,
    headers: HeaderMap,
    Body(new): Body<NewPermit>,
) -> Result<Response, Problem> {
    staff.require(Role::may_grant_permits)?;
    let key = idempotency_key(&headers)?;
    let (permit, again) = services.desk.grant_permit(new, key.as_deref(), &staff.person()).await?;
    let status = if again { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Private((status, Json(permit))).into_response())
}

/// Ends a permit before its time.
#[utoipa::path(delete, path = "/api/v1/permits/{id}", tag = "staff",
    params(("id" = String, Path), ("reason" = Option<String>, Query)),
    responses((status = 204), (status = 401), (status = 403), (status = 404)))]
pub async fn end_permit(
    State(services): State<Shared>,
    staff: Staff,
    Id(id): Id,
    Params(Why { reason }): Params<Why>,
) -> Result<Response, Problem> {
    staff.require(Role::may_grant_permits)?;
    if services.desk.end_permit(&id, reason.as_deref(), &staff.person()).await? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(Problem::not_found("no such permit runs"))
    }
}
