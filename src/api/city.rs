//! `/api/v1/city`: a city file is checked against what stands, and exactly that file is brought into force.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Problem, Shared,
    auth::Staff,
    json::{Params, Private},
};
use crate::{
    cityimport::{self, Error, Import},
    domain::{ledger::Digest, staff::Role},
};

/// Longest reason, characters.
const MOST_REASON: usize = 500;

/// Which file is confirmed, compared with what, and why.
#[derive(Debug, Deserialize)]
pub struct Confirmed {
    sha256: Option<String>,
    revision: Option<u64>,
    reason: Option<String>,
}

fn text(body: &Bytes) -> Result<&str, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let line = body[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
        Problem::unprocessable(format!("the file is not UTF-8 (line {line})")).field("file", "save it as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// What a city file would add, change and remove, and what is wrong with it; nothing is changed.
#[utoipa::path(post, path = "/api/v1/city/checks", tag = "staff",
    request_body(content = String, content_type = "application/geo+json"),
    responses((status = 200), (status = 401), (status = 403), (status = 413), (status = 422)))]
pub async fn check(State(services): State<Shared>, staff: Staff, body: Bytes) -> Result<Response, Problem> {
    staff.require(Role::may_import_city)?;
    match cityimport::compared(&services.db, text(&body)?, &services.config.guidance).await {
        Ok(report) => Ok(Private(Json(report)).into_response()),
        Err(Error::Store(error)) => Err(error.into()),
        Err(error) => Err(Problem::fault(&error)),
    }
}

/// Brings a city file into force: the one that was checked, by its SHA-256, against the city it was compared with.
#[utoipa::path(post, path = "/api/v1/city", tag = "staff", params(
    ("sha256" = String, Query, description = "of the file that was checked"),
    ("revision" = u64, Query, description = "the one it was compared with"),
    ("reason" = String, Query),
), request_body(content = String, content_type = "application/geo+json"),
    responses((status = 200), (status = 400), (status = 401), (status = 403),
    (status = 409, description = "another file, or another city came into force since"), (status = 413),
    (status = 422, description = "the file has faults")))]
pub async fn import(
    State(services): State<Shared>,
    staff: Staff,
    Params(confirmed): Params<Confirmed>,
    body: Bytes,
) -> Result<Response, Problem> {
    staff.require(Role::may_import_city)?;
    let reason = confirmed.reason.as_deref().unwrap_or_default().trim();
    if reason.is_empty() || reason.chars().count() > MOST_REASON || reason.chars().any(char::is_control) {
        let told = format!("a reason has 1 to {MOST_REASON} characters");
        return Err(Problem::unprocessable(&told).field("reason", told));
    }
    let text = text(&body)?;
    if Some(Digest::of(text.as_bytes()).to_string()) != confirmed.sha256 {
        let told = "this is not the file that was checked; check it again";
        return Err(Problem::conflict(told).named("other-file").field("file", told));
    }
    let import = Import {
        actor: staff.actor(),
        reason: Some(reason),
        compared_with: Some(confirmed.revision.unwrap_or_default()),
        now: services.clock.now(),
    };
    match cityimport::apply(&services.db, text, &services.config.guidance, import).await {
        Ok(saved) => Ok(Private(Json(json!({
            "revision": saved.revision, "added": saved.added, "changed": saved.changed, "removed": saved.retired,
            "unchanged": saved.unchanged,
        })))
        .into_response()),
        Err(Error::Store(error)) => Err(error.into()),
        Err(error @ Error::Died) => Err(Problem::fault(&error)),
        Err(error @ Error::Stale { .. }) => Err(Problem::conflict(error.to_string()).named("stale")),
        Err(error @ Error::Faults(_)) => {
            let told = error.to_string();
            Err(Problem::unprocessable(&told).named("city-faults").field("file", told))
        }
    }
}
