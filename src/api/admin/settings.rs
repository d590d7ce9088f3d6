//! `/api/v1/admin/settings`: what holds at run time, field by field, and every version of it.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::super::{
    Problem, Shared,
    auth::Staff,
    captures::required_key,
    json::{Body, Private, Segment},
};
use crate::{
    domain::{
        setting::{TEMPLATE, Wrong},
        staff::Role,
    },
    enforcement::{documents::Document, forms},
    settings::{To, Wish},
};

/// How many versions are told.
const VERSIONS: u32 = 200;

/// What is to hold. Exactly one of `value`, `restore` and `configured` says what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSetting {
    /// The fields.
    #[schema(value_type = Option<Object>)]
    value: Option<Value>,
    /// The version to go back to.
    restore: Option<u64>,
    /// Go back to the configuration.
    #[serde(default)]
    configured: bool,
    /// The version that was looked at; 0 where it was never set.
    based_on: u64,
    /// Why.
    reason: String,
}

/// Every setting but the templates, with its fields, what holds and what the configuration says.
#[utoipa::path(get, path = "/api/v1/admin/settings", tag = "staff", responses((status = 200), (status = 401), (status = 403)))]
pub async fn settings(State(services): State<Shared>, staff: Staff) -> Result<Response, Problem> {
    staff.require(Role::may_administer)?;
    Ok(Private(Json(json!({"settings": services.settings.all().await?}))).into_response())
}

/// One setting, and every version of it, newest first.
#[utoipa::path(get, path = "/api/v1/admin/settings/{name}", tag = "staff", params(("name" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404)))]
pub async fn setting(
    State(services): State<Shared>,
    staff: Staff,
    Segment(name): Segment<String>,
) -> Result<Response, Problem> {
    staff.require(Role::may_administer)?;
    let setting = services.settings.one(&name).await?.ok_or_else(|| Problem::not_found("no such setting"))?;
    let versions = services.settings.history(&name, VERSIONS).await?;
    Ok(Private(Json(json!({"setting": setting, "versions": versions}))).into_response())
}

/// Sets it, goes back to an earlier version, or gives the configuration its say again; once for each key. It holds at once, on
/// every node within moments.
#[utoipa::path(post, path = "/api/v1/admin/settings/{name}", tag = "staff",
    params(("name" = String, Path), ("Idempotency-Key" = String, Header)), request_body = NewSetting,
    responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 404),
    (status = 409, description = "somebody else changed it"), (status = 422, description = "which fields are wrong, and why")))]
pub async fn set(
    State(services): State<Shared>,
    staff: Staff,
    Segment(name): Segment<String>,
    headers: HeaderMap,
    Body(new): Body<NewSetting>,
) -> Result<Response, Problem> {
    staff.require(Role::may_administer)?;
    let key = required_key(&headers)?;
    let to = match (new.value, new.restore, new.configured) {
        (Some(value), None, false) => To::Value(value),
        (None, Some(version), false) => To::Version(version),
        (None, None, true) => To::Configured,
        _ => return Err(Problem::bad_request("say one of value, restore and configured")),
    };
    let document = match name.strip_prefix(TEMPLATE) {
        Some(word) => Some(Document::parse(word).ok_or_else(|| Problem::not_found("no such document"))?),
        None => None,
    };
    let unfit = |value: &Map<String, Value>| {
        let html = value.get("html").and_then(Value::as_str).unwrap_or_default();
        let reason = forms::fault(document?, html)?;
        Some(Wrong { field: "html".to_owned(), reason })
    };
    let wish = Wish { to, based_on: new.based_on, reason: new.reason };
    let setting = services.settings.set(&name, &wish, &key, &staff.actor(), unfit).await?;
    Ok(Private(Json(json!({"setting": setting}))).into_response())
}
