//! `/api/v1/signs/{id}/override` and `/api/v1/sign-messages`: what people have signs show, with its end and its reason.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::Staff,
    json::{Body, Id, Params, Private, Segment},
};
use crate::{
    domain::{
        ids::{PanelId, SignId},
        sign_order::{Order, OrderMode, Priority},
        staff::Role,
        text::Localized,
        time::{Instant, parse_rfc3339, rfc3339},
    },
    guidance::orders::{Error, NewOrder},
};

/// Most orders in a list.
const MAX_LISTED: u32 = 500;

/// What one sign is to show in place of guidance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The one panel; all when absent.
    #[schema(value_type = Option<String>)]
    panel: Option<PanelId>,
    /// `text`, `full`, `closed`, `fallback` or `blank`.
    #[schema(value_type = String)]
    mode: OrderMode,
    /// With the mode `text`: one text, or `{"zh","en"}`; a line end begins a new line.
    #[schema(value_type = Option<Object>)]
    text: Option<Localized>,
    /// Whether the text is red instead of amber.
    #[serde(default)]
    red: bool,
    /// Until when, RFC 3339.
    ends_at: String,
    /// Why; anyone may read it, so it names nobody.
    reason: String,
}

/// A message for signs, now or later.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The signs by id; all when empty or absent.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    signs: Vec<SignId>,
    /// `emergency` stands above `operator`, and both above guidance.
    #[schema(value_type = String)]
    priority: Priority,
    /// From when on, RFC 3339; now when absent.
    starts_at: Option<String>,
    /// The one panel; all when absent.
    #[schema(value_type = Option<String>)]
    panel: Option<PanelId>,
    /// `text`, `full`, `closed`, `fallback` or `blank`; `text` when absent.
    #[schema(value_type = Option<String>)]
    mode: Option<OrderMode>,
    /// One text, or `{"zh","en"}`.
    #[schema(value_type = Option<Object>)]
    text: Option<Localized>,
    /// Whether the text is red instead of amber.
    #[serde(default)]
    red: bool,
    /// Until when, RFC 3339.
    ends_at: String,
    /// Why; anyone may read it, so it names nobody.
    reason: String,
}

/// Why an order ends early.
#[derive(Debug, Deserialize)]
pub struct Ending {
    panel: Option<String>,
    reason: Option<String>,
}

/// How many orders are asked for.
#[derive(Debug, Deserialize)]
pub struct Listing {
    limit: Option<u32>,
}

/// An order as anyone may know it.
#[derive(Debug, Serialize)]
pub struct OrderView {
    /// Its id.
    pub id: String,
    /// The signs it is for; empty is all.
    pub signs: Vec<SignId>,
    /// The one panel it is for.
    pub panel: Option<PanelId>,
    /// Whose word it is.
    pub priority: Priority,
    /// What it has them show.
    pub mode: OrderMode,
    /// The text, where the mode is text.
    pub text: Option<Localized>,
    /// Why.
    pub reason: String,
    /// From when on.
    pub starts_at: String,
    /// Until when.
    pub ends_at: String,
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> Self {
        Self {
            id: order.id.clone(),
            signs: order.signs.clone(),
            panel: order.panel.clone(),
            priority: order.priority,
            mode: order.mode,
            text: (order.mode == OrderMode::Text).then(|| order.text.clone()),
            reason: order.reason.clone(),
            starts_at: rfc3339(order.starts_at),
            ends_at: rfc3339(order.ends_at),
        }
    }
}

/// An order as the staff know it.
#[derive(Debug, Serialize)]
struct StaffOrderView {
    #[serde(flatten)]
    order: OrderView,
    ordered_by: String,
    ordered_at: String,
    withdrawn_at: Option<String>,
    /// Whether it holds now.
    in_force: bool,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let told = error.to_string();
        match error {
            Error::Store(error) => Self::from(error),
            Error::NotFound(_) => Self::not_found(told),
            Error::Invalid { field, reason } => Self::unprocessable(told).field(field, reason),
            Error::Unfit { .. } => Self::unprocessable(&told).named("does-not-fit").field("text", told),
            Error::TooMany => Self::conflict(told).named("too-many-orders"),
        }
    }
}

fn instant(field: &'static str, text: &str) -> Result<Instant, Problem> {
    let wrong = |_| Problem::unprocessable(format!("{field} must be RFC 3339")).field(field, "not RFC 3339");
    parse_rfc3339(text).map_err(wrong)
}

/// Has one sign show something in place of guidance.
#[utoipa::path(post, path = "/api/v1/signs/{id}/override", tag = "staff", params(("id" = String, Path)),
    request_body = Override,
    responses((status = 201), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub async fn begin_override(
    State(services): State<Shared>,
    staff: Staff,
    Segment(sign): Segment<String>,
    Body(body): Body<Override>,
) -> Result<Response, Problem> {
    staff.require(Role::may_order_signs)?;
    let ends_at = instant("ends_at", &body.ends_at)?;
    let Override { panel, mode, text, red, reason, .. } = body;
    let signs = vec![sign_id(&sign)?];
    let priority = Priority::Operator;
    let new = NewOrder { signs, panel, priority, mode, text, is_red: red, reason, starts_at: None, ends_at };
    created(&services, new, &staff).await
}

/// Gives a sign back to guidance.
#[utoipa::path(delete, path = "/api/v1/signs/{id}/override", tag = "staff", params(("id" = String, Path),
    ("panel" = Option<String>, Query, description = "only the override of this panel"),
    ("reason" = String, Query, description = "why; stands in the ledger")),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 422)))]
pub async fn end_override(
    State(services): State<Shared>,
    staff: Staff,
    Segment(sign): Segment<String>,
    Params(ending): Params<Ending>,
) -> Result<StatusCode, Problem> {
    staff.require(Role::may_order_signs)?;
    let panel = ending.panel.as_deref().map(PanelId::parse).transpose();
    let panel = panel.map_err(|_| Problem::not_found("there is no such panel"))?;
    let reason = ending.reason.unwrap_or_default();
    services.orders.end_override(&sign_id(&sign)?, panel.as_ref(), &reason, &staff.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has signs show a message, now or later, by its priority.
#[utoipa::path(post, path = "/api/v1/sign-messages", tag = "staff", request_body = Message,
    responses((status = 201), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 422)))]
pub async fn schedule(
    State(services): State<Shared>,
    staff: Staff,
    Body(body): Body<Message>,
) -> Result<Response, Problem> {
    staff.require(Role::may_order_signs)?;
    let starts_at = body.starts_at.as_deref().map(|text| instant("starts_at", text)).transpose()?;
    let Message { signs, panel, priority, mode, text, red, ends_at, reason, .. } = body;
    let new = NewOrder {
        signs,
        panel,
        priority,
        mode: mode.unwrap_or(OrderMode::Text),
        text,
        is_red: red,
        reason,
        starts_at,
        ends_at: instant("ends_at", &ends_at)?,
    };
    created(&services, new, &staff).await
}

/// Every order to signs, newest first: messages and overrides, running, waiting and past.
#[utoipa::path(get, path = "/api/v1/sign-messages", tag = "staff", params(("limit" = Option<u32>, Query)),
    responses((status = 200), (status = 401), (status = 403)))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(listing): Params<Listing>,
) -> Result<Response, Problem> {
    staff.require(Role::may_order_signs)?;
    let now = services.clock.now();
    let orders = services.orders.newest(listing.limit.unwrap_or(100).clamp(1, MAX_LISTED)).await?;
    let views: Vec<StaffOrderView> = orders.iter().map(|order| staff_view(order, now)).collect();
    Ok(Private(Json(json!({ "orders": views }))).into_response())
}

/// Withdraws an order before its end.
#[utoipa::path(delete, path = "/api/v1/sign-messages/{id}", tag = "staff", params(("id" = String, Path),
    ("reason" = String, Query, description = "why; stands in the ledger")),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 422)))]
pub async fn withdraw(
    State(services): State<Shared>,
    staff: Staff,
    Id(id): Id,
    Params(ending): Params<Ending>,
) -> Result<StatusCode, Problem> {
    staff.require(Role::may_order_signs)?;
    services.orders.withdraw(&id, &ending.reason.unwrap_or_default(), &staff.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn sign_id(text: &str) -> Result<SignId, Problem> {
    SignId::parse(text).map_err(|_| Problem::not_found("there is no such sign; GET /api/v1/signs names them"))
}

async fn created(services: &Shared, new: NewOrder, staff: &Staff) -> Result<Response, Problem> {
    let order = services.orders.order(new, &staff.actor()).await?;
    let view = staff_view(&order, services.clock.now());
    Ok(Private((StatusCode::CREATED, Json(view))).into_response())
}

fn staff_view(order: &Order, now: Instant) -> StaffOrderView {
    StaffOrderView {
        order: order.into(),
        ordered_by: order.ordered_by.clone(),
        ordered_at: rfc3339(order.ordered_at),
        withdrawn_at: order.withdrawn_at.map(rfc3339),
        in_force: order.holds(now),
    }
}
