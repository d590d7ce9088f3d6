//! `/api/v1/admin/users`: accounts.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::{
    Problem, Shared,
    auth::Staff,
    captures::required_key,
    json::{Body, Private, Segment},
};
use crate::{
    domain::{staff::Role, time::Instant},
    staff::{NewMember, Turn},
    store::staff::Member,
};

/// An account as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    name: String,
    #[schema(value_type = String)]
    role: Role,
    unit: Option<String>,
    second_factor: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Instant>,
}

impl From<Member> for UserView {
    fn from(member: Member) -> Self {
        let Member { name, role, unit, has_second_factor, created_at, disabled_at } = member;
        Self { name, role, unit, second_factor: has_second_factor, created_at, disabled_at }
    }
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    name: String,
    #[schema(value_type = String)]
    role: Role,
    #[serde(default)]
    unit: String,
    password: String,
    reason: String,
}

/// What is to become of an account; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    unit: Option<String>,
    password: Option<String>,
    disabled: Option<bool>,
    reason: String,
}

/// Every account, by name.
#[utoipa::path(get, path = "/api/v1/admin/users", tag = "staff",
    responses((status = 200, body = Vec<UserView>), (status = 401), (status = 403)))]
pub async fn users(State(services): State<Shared>, staff: Staff) -> Result<Response, Problem> {
    staff.require(Role::may_administer)?;
    let users: Vec<UserView> = services.staff.members().await?.into_iter().map(UserView::from).collect();
    Ok(Private(Json(json!({"users": users}))).into_response())
}

/// Adds an account, once for each key.
#[utoipa::path(post, path = "/api/v1/admin/users", tag = "staff", params(("Idempotency-Key" = String, Header)),
    request_body = NewUser, responses((status = 201, body = UserView), (status = 200, description = "added before"),
    (status = 400), (status = 401), (status = 403), (status = 409, description = "the name is taken"), (status = 422)))]
pub async fn add_user(
    State(services): State<Shared>,
    staff: Staff,
    headers: HeaderMap,
    Body(new): Body<NewUser>,
) -> Result<Response, Problem> {
    staff.require(Role::may_administer)?;
    let key = required_key(&headers)?;
    let NewUser { name, role, unit, password, reason } = new;
    let new = NewMember { name, role, unit, password, reason };
    let (member, again) = services.staff.take_on(new, &key, &staff.actor()).await?;
    let status = if again { StatusCode::OK } else { StatusCode::CREATED };
    Ok(Private((status, Json(UserView::from(member)))).into_response())
}

/// Gives an account another role, unit or password, disables it or enables it again; once for each key.
#[utoipa::path(post, path = "/api/v1/admin/users/{name}", tag = "staff",
    params(("name" = String, Path), ("Idempotency-Key" = String, Header)), request_body = UserChange,
    responses((status = 200, body = UserView), (status = 400), (status = 401), (status = 403), (status = 404),
    (status = 409, description = "the last administrator"), (status = 422)))]
pub async fn change_user(
    State(services): State<Shared>,
    staff: Staff,
    Segment(name): Segment<String>,
    headers: HeaderMap,
    Body(change): Body<UserChange>,
) -> Result<Response, Problem> {
    staff.require(Role::may_administer)?;
    let key = required_key(&headers)?;
    let UserChange { role, unit, password, disabled, reason } = change;
    let member =
        services.staff.turn(&name, Turn { role, unit, password, disabled, reason }, &key, &staff.actor()).await?;
    Ok(Private(Json(UserView::from(member))).into_response())
}
