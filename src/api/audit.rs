//! `/api/v1/audit`: who looked at what, for the auditor.

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
    records::limit,
};
use crate::domain::staff::Role;

/// What is asked of the log.
#[derive(Debug, Deserialize)]
pub struct Asked {
    person: Option<String>,
    #[serde(default)]
    alarms: bool,
    before: Option<u64>,
    limit: Option<u32>,
}

/// Accesses to personal data and alarms about them, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "staff", params(
    ("person" = Option<String>, Query, description = "by one person only"),
    ("alarms" = Option<bool>, Query, description = "alarms only"),
    ("before" = Option<u64>, Query, description = "before this entry of the ledger"),
    ("limit" = Option<u32>, Query)),
    responses((status = 200), (status = 400), (status = 401), (status = 403, description = "for auditors")))]
pub async fn log(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    staff.require(|role| role == Role::Auditor)?;
    let limit = limit(asked.limit);
    let accesses = services.desk.accesses(asked.alarms, asked.person.as_deref(), asked.before, limit).await?;
    let next = accesses.last().filter(|_| accesses.len() == limit as usize).map(|last| last.seq);
    Ok(Private(Json(json!({"accesses": accesses, "next": next}))).into_response())
}
