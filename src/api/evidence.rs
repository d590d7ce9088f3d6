//! `GET /api/v1/evidence/{sha256}`: a picture as it came in; who looked stands in the ledger.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::{Problem, Shared, auth::Staff, json::Segment};
use crate::domain::{ledger::Digest, staff::Role};

/// A picture's bytes.
#[utoipa::path(get, path = "/api/v1/evidence/{sha256}", tag = "staff", params(("sha256" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404)))]
pub async fn image(
    State(services): State<Shared>,
    staff: Staff,
    Segment(sha256): Segment<String>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let none = || Problem::not_found("no such picture");
    let sha256 = Digest::parse(&sha256).map_err(|_| none())?;
    let (bytes, media_type) = services.desk.show_evidence(sha256, &staff.person()).await?.ok_or_else(none)?;
    let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "private, no-store".to_owned())];
    Ok((headers, bytes).into_response())
}

/// A small picture of it, as JPEG.
#[utoipa::path(get, path = "/api/v1/evidence/{sha256}/thumbnail", tag = "staff", params(("sha256" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404)))]
pub async fn thumbnail(
    State(services): State<Shared>,
    staff: Staff,
    Segment(sha256): Segment<String>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let digest = Digest::parse(&sha256).map_err(|_| Problem::not_found("no such picture"))?;
    let bytes = services.desk.show_thumbnail(digest, &staff.person()).await?;
    let bytes = bytes.ok_or_else(|| Problem::not_found("no such picture"))?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-store")], bytes).into_response())
}
