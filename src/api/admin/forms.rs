//! `/api/v1/admin/documents`: the templates in force.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::super::{Problem, Shared, auth::Staff, json::Private};
use crate::domain::staff::Role;

/// Every document's template in force: whence, its hash, its text, the fields the law wants on it. It is changed as the setting
/// it names.
#[utoipa::path(get, path = "/api/v1/admin/documents", tag = "staff", responses((status = 200), (status = 401), (status = 403)))]
pub async fn forms(State(services): State<Shared>, staff: Staff) -> Result<Response, Problem> {
    staff.require(Role::may_administer)?;
    Ok(Private(Json(json!({"documents": services.desk.forms()}))).into_response())
}
