//! `POST /api/v1/captures`: a sighting with its pictures, from a camera's token or an officer.

use axum::{
    Json,
    extract::{FromRequestParts, Multipart, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::{Staff, bearer},
    form,
    json::Private,
};
use crate::{
    domain::{
        capture::Source,
        ids::{CameraId, ZoneId},
        lot::VehicleClass,
        staff::Role,
        time::parse_rfc3339,
    },
    enforcement::{NewCapture, Received},
};

/// Most `image` parts.
const MAX_IMAGES: usize = 8;

/// Who may send captures: a camera by its token, or an officer.
pub struct Sender {
    source: Source,
    role: Option<Role>,
}

impl FromRequestParts<Shared> for Sender {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, services: &Shared) -> Result<Self, Problem> {
        if let Some(camera) = bearer(&parts.headers).and_then(|token| services.desk.camera_of_token(token)) {
            // A camera that floods is told so before its pictures are read.
            services.desk.check_pace(&camera)?;
            return Ok(Self { source: Source::Camera(camera), role: None });
        }
        let staff = Staff::from_request_parts(parts, services).await?;
        staff.require(Role::may_enforce)?;
        Ok(Self { source: Source::Staff(staff.0.name.clone()), role: Some(staff.0.role) })
    }
}

/// What is said of a capture beside its pictures.
#[derive(Deserialize, ToSchema)]
struct Meta {
    /// When it was taken, RFC 3339.
    at: String,
    /// The plate as read.
    plate: Option<String>,
    /// `motor` or `non_motor`.
    #[schema(value_type = Option<String>)]
    vehicle_class: Option<VehicleClass>,
    /// Colour of the plate in a word.
    plate_color: Option<String>,
    /// lon/lat WGS-84.
    #[schema(value_type = Option<Vec<f64>>)]
    location: Option<(f64, f64)>,
    /// The camera; a camera's token speaks for that camera only.
    #[schema(value_type = Option<String>)]
    camera: Option<CameraId>,
    /// The zone, where it is known.
    #[schema(value_type = Option<String>)]
    zone: Option<ZoneId>,
    /// What the officer writes.
    note: Option<String>,
}

/// The parts of the form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the form, which is read part by part")]
struct CaptureForm {
    meta: Meta,
    /// 1 to 8 JPEG or PNG files, each a part of its own.
    #[schema(value_type = Vec<String>, format = Binary)]
    image: Vec<u8>,
}

/// The `Idempotency-Key` of a request.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim).filter(|key| (1..=128).contains(&key.len()));
    key.map(|key| Some(key.to_owned()))
        .ok_or_else(|| Problem::bad_request("Idempotency-Key must have 1 to 128 ASCII characters"))
}

/// The `Idempotency-Key` of a request that must have one.
pub(super) fn required_key(headers: &HeaderMap) -> Result<String, Problem> {
    idempotency_key(headers)?.ok_or_else(|| Problem::bad_request("send the header Idempotency-Key"))
}

/// Takes in a capture.
#[utoipa::path(post, path = "/api/v1/captures", tag = "staff", params(("Idempotency-Key" = String, Header)),
    request_body(content = CaptureForm, content_type = "multipart/form-data"),
    responses((status = 201), (status = 200, description = "received before"), (status = 400), (status = 401),
    (status = 403), (status = 409), (status = 413), (status = 422), (status = 429, description = "a camera that floods"),
    (status = 507, description = "no room to keep it; send it again later")))]
pub async fn create(
    State(services): State<Shared>,
    sender: Sender,
    headers: HeaderMap,
    form: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<Response, Problem> {
    let key = required_key(&headers)?;
    let form = form.map_err(|_| Problem::unsupported_media("send multipart/form-data with meta and image parts"))?;
    let (meta, images) = read(form, services.config.enforcement.max_image_bytes).await?;
    let at = parse_rfc3339(&meta.at)
        .map_err(|_| Problem::bad_request("meta.at is no RFC 3339 instant").field("meta.at", "no RFC 3339 instant"))?;
    let new = NewCapture {
        source: sender.source,
        role: sender.role,
        key,
        track: None,
        at,
        plate: meta.plate,
        plate_color: meta.plate_color,
        vehicle_class: meta.vehicle_class.unwrap_or_default(),
        location: meta.location,
        camera: meta.camera,
        zone: meta.zone,
        note: meta.note,
    };
    let received = services.desk.receive(new, images).await?;
    let status = if received.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Private((status, Json(view(&received)))).into_response())
}

fn view(received: &Received) -> serde_json::Value {
    let image = |piece: &crate::store::evidence::Piece| json!({"sha256": piece.sha256, "bytes": piece.bytes, "width": piece.width_px, "height": piece.height_px});
    json!({
        "id": received.id, "duplicate": received.duplicate, "state": received.state, "incident": received.incident,
        "images": received.images.iter().map(image).collect::<Vec<_>>(),
    })
}

/// Reads the form.
async fn read(form: Multipart, max_image_bytes: usize) -> Result<(Meta, Vec<Bytes>), Problem> {
    let (meta, images) = form::read(form, max_image_bytes, MAX_IMAGES).await?;
    if images.is_empty() {
        return Err(Problem::bad_request("at least one image part is needed").field("image", "missing"));
    }
    Ok((meta, images))
}
