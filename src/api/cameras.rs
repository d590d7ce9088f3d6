//! `/api/v1/cameras`: what came of what each camera sent; and pictures a camera sends apart from what it tells of them.

use axum::{
    Json,
    extract::{State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::json;

use super::{
    Problem, Shared,
    auth::{Staff, bearer},
    json::{Private, Segment},
};
use crate::domain::staff::Role;

/// Cameras, and what came of what each sent to this node since it started.
#[utoipa::path(get, path = "/api/v1/cameras", tag = "staff", responses((status = 200), (status = 401), (status = 403)))]
pub async fn list(State(services): State<Shared>, staff: Staff) -> Result<Response, Problem> {
    staff.require(|role| role.may_operate() || role == Role::Auditor)?;
    Ok(Private(Json(json!({"cameras": services.desk.cameras()}))).into_response())
}

/// A camera sends a picture by a name of its own, for a capture it tells of elsewhere, such as over MQTT.
#[utoipa::path(put, path = "/api/v1/pictures/{name}", tag = "cameras", params(("name" = String, Path)),
    responses((status = 201), (status = 401), (status = 403), (status = 409, description = "the name has another picture"),
    (status = 413), (status = 422), (status = 429)))]
pub async fn picture(
    State(services): State<Shared>,
    Segment(name): Segment<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let camera = bearer(&headers).and_then(|token| services.desk.camera_of_token(token));
    let camera = camera.ok_or_else(|| Problem::unauthenticated("send the camera's token"))?;
    services.desk.check_pace(&camera)?;
    let body = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(error.body_text()),
        _ => Problem::bad_request(error.body_text()),
    })?;
    let sha256 = services.desk.stage_picture(&camera, &name, None, body).await?;
    Ok((StatusCode::CREATED, Json(json!({"name": name, "sha256": sha256}))).into_response())
}
