//! `GET /api/v1/statistics`: what was recorded in a period.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use serde::Deserialize;

use super::{
    Problem, Shared,
    auth::Staff,
    json::{Params, Private},
};
use crate::domain::{
    staff::Role,
    time::{Instant, parse_rfc3339},
};

/// A period.
#[derive(Debug, Deserialize)]
pub struct Period {
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

/// An instant of a query: RFC 3339, or a day of the city's calendar; as an end, the day counts in full.
pub(super) fn instant(
    services: &Shared,
    field: &'static str,
    text: Option<&str>,
    is_end: bool,
) -> Result<Option<Instant>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    // An unescaped plus sign arrives as a space.
    if let Ok(at) = parse_rfc3339(&text.replace(' ', "+")) {
        return Ok(Some(at));
    }
    let wrong =
        || Problem::bad_request(format!("{field} is neither an RFC 3339 instant nor a day")).field(field, "no instant");
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong())?;
    let day = if is_end { day.succ_opt().ok_or_else(wrong)? } else { day };
    let zone = services.city.borrow().time_zone;
    let midnight = day.and_time(chrono::NaiveTime::MIN).and_local_timezone(zone).earliest().ok_or_else(wrong)?;
    Ok(Some(midnight.to_utc()))
}

/// What was recorded in a period.
#[utoipa::path(get, path = "/api/v1/statistics", tag = "staff", params(
    ("from" = Option<String>, Query, description = "RFC 3339, or a day of the city's calendar"),
    ("to" = Option<String>, Query, description = "RFC 3339 exclusive, or a day inclusive"),
), responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn period(
    State(services): State<Shared>,
    staff: Staff,
    Params(period): Params<Period>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let from = instant(&services, "from", period.from.as_deref(), false)?;
    let to = instant(&services, "to", period.to.as_deref(), true)?;
    Ok(Private(Json(services.desk.statistics(from, to).await?)).into_response())
}
