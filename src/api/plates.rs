//! `/api/v1/plates`: history and search, for a stated purpose, audited before the answer.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Problem, Shared,
    auth::Staff,
    json::{Params, Segment},
    records::{Format, csv},
};
use crate::{domain::staff::Role, enforcement::Purpose};

/// Why a history is asked for.
#[derive(Deserialize)]
pub struct Asked {
    purpose: Option<String>,
    format: Option<String>,
}

/// What is searched for, and why.
#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
    purpose: Option<String>,
}

/// A plate's full history.
#[utoipa::path(get, path = "/api/v1/plates/{plate}/history", tag = "staff", params(("plate" = String, Path),
    ("purpose" = String, Query, description = "why; stands in the ledger"),
    ("format" = Option<String>, Query, description = "json; or csv, for supervisors and auditors")),
    responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 404)))]
pub async fn history(
    State(services): State<Shared>,
    staff: Staff,
    Segment(plate): Segment<String>,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    staff.require(Role::may_look_up_plates)?;
    let purpose = Purpose::read(asked.purpose.as_deref())?;
    if Format::read(asked.format.as_deref())? == Format::Csv {
        staff.require(Role::may_export_plates)?;
        let history = services.desk.export_plate(&plate, &purpose, &staff.person()).await?;
        return Ok(csv("plate.csv", history.csv()));
    }
    let history = services.desk.plate_history(&plate, &purpose, &staff.person()).await?;
    if history.entries.is_empty() {
        let unknown = Problem::not_found("nothing is kept of this plate; the look-up stands in the ledger");
        return Err(unknown.named("unknown-plate"));
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(history)).into_response())
}

/// Plates like the one asked.
#[utoipa::path(get, path = "/api/v1/plates", tag = "staff", params(
    ("q" = String, Query, description = "a plate or part of one; ? for any one character"),
    ("purpose" = String, Query, description = "why; stands in the ledger")),
    responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn search(
    State(services): State<Shared>,
    staff: Staff,
    Params(search): Params<Search>,
) -> Result<Response, Problem> {
    staff.require(Role::may_look_up_plates)?;
    let purpose = Purpose::read(search.purpose.as_deref())?;
    let plates = services.desk.search_plates(&search.q, &purpose, &staff.person()).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(json!({"plates": plates}))).into_response())
}
