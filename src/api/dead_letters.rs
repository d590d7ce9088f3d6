//! `GET /api/v1/dead-letters`: messages of sensors that were refused, with the reasons.

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
    json::{Params, Private},
    statistics::instant,
};
use crate::{
    domain::staff::Role,
    store::dead_letters::{self, Which},
};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

/// Which are asked for.
#[derive(Deserialize)]
pub struct Asked {
    kind: Option<String>,
    since: Option<String>,
    limit: Option<u32>,
}

/// Messages that were refused, newest first; with how many are kept in all, and how many of them wait for a replay.
#[utoipa::path(get, path = "/api/v1/dead-letters", tag = "staff", params(
    ("kind" = Option<String>, Query, description = "only of this kind, such as unknown_device"),
    ("since" = Option<String>, Query, description = "only those refused since: RFC 3339, or a day of the city's calendar"),
    ("limit" = Option<u32>, Query, description = "at most so many, 1 to 1000; 100 by default"),
), responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    staff.require(Role::may_see_dead_letters)?;
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request("limit is from 1 to 1000").field("limit", "out of range"));
    }
    let since = instant(&services, "since", asked.since.as_deref(), false)?;
    let which = Which { kind: asked.kind.filter(|kind| !kind.is_empty()), since, limit };
    let letters = dead_letters::list(&services.db, &which).await?;
    let (kept, waiting) = dead_letters::count(&services.db).await?;
    Ok(Private(Json(json!({"kept": kept, "waiting": waiting, "dead_letters": letters}))).into_response())
}
