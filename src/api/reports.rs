//! `/api/v1/reports/hotspots` and `/api/v1/reports/funnel`: where illegal parking gathers and why, and how far things came.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    Problem, Shared,
    auth::Staff,
    json::{Params, Private},
    statistics::{Period, instant},
};
use crate::domain::{
    staff::Role,
    time::{Instant, rfc3339},
};

/// How far back a report looks unless told otherwise, days.
const BACK_DAYS: i64 = 30;
/// The longest period of one report, days.
const MOST_DAYS: i64 = 400;

fn period(services: &Shared, asked: &Period) -> Result<(Instant, Instant), Problem> {
    let to = instant(services, "to", asked.to.as_deref(), true)?;
    let to = to.unwrap_or_else(|| services.clock.now() + chrono::Duration::seconds(1));
    let from = instant(services, "from", asked.from.as_deref(), false)?;
    let from = from.unwrap_or_else(|| to - chrono::Duration::days(BACK_DAYS));
    if to - from > chrono::Duration::days(MOST_DAYS) {
        let reason = format!("a report covers at most {MOST_DAYS} days");
        return Err(Problem::unprocessable(&reason).field("from", reason));
    }
    Ok((from, to))
}

/// Places by how many stays became an offence there, each by hour beside what was free near by, with what is missing.
#[utoipa::path(get, path = "/api/v1/reports/hotspots", tag = "staff", params(
    ("from" = Option<String>, Query, description = "RFC 3339, or a day of the city's calendar; 30 days back when absent"),
    ("to" = Option<String>, Query, description = "RFC 3339 exclusive, or a day inclusive"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too long a period")))]
pub async fn hot_spots(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Period>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let (from, to) = period(&services, &asked)?;
    let spots = services.desk.hot_spots(from, to).await?;
    Ok(Private(Json(json!({"from": rfc3339(from), "to": rfc3339(to), "hotspots": spots}))).into_response())
}

/// How many captures, stays and cases of a period came how far.
#[utoipa::path(get, path = "/api/v1/reports/funnel", tag = "staff", params(
    ("from" = Option<String>, Query, description = "RFC 3339, or a day of the city's calendar; 30 days back when absent"),
    ("to" = Option<String>, Query, description = "RFC 3339 exclusive, or a day inclusive"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too long a period")))]
pub async fn funnel(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Period>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let (from, to) = period(&services, &asked)?;
    let funnel = services.desk.funnel(from, to).await?;
    Ok(Private(Json(json!({"from": rfc3339(from), "to": rfc3339(to), "funnel": funnel}))).into_response())
}
