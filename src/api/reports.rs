//! `/api/v1/reports/hotspots` and `/api/v1/reports/funnel`: where illegal parking gathers and why, and how far things came.

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
    records::csv,
    statistics::{Period, instant},
};
use crate::{
    domain::{
        record::Kind,
        staff::Role,
        time::{Instant, rfc3339},
    },
    enforcement::{
        behind::{Figure, Of},
        csv_cell,
    },
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

/// A period, and how it is told.
#[derive(Debug, Deserialize)]
pub struct Asked {
    from: Option<String>,
    to: Option<String>,
    format: Option<String>,
}

impl Asked {
    fn period(&self, services: &Shared) -> Result<(Instant, Instant), Problem> {
        period(services, &Period { from: self.from.clone(), to: self.to.clone() })
    }

    /// Whether CSV is asked for.
    fn as_csv(&self) -> Result<bool, Problem> {
        super::csv::is_named(self.format.as_deref())
    }
}

/// Lines of cells, the first of them the head.
fn table(name: &'static str, head: &str, rows: impl Iterator<Item = Vec<String>>) -> Response {
    let lines = rows.map(|row| row.iter().map(|text| csv_cell(text)).collect::<Vec<_>>().join(","));
    let text = std::iter::once(head.to_owned())
        .chain(lines)
        .fold(String::from('\u{feff}'), |text, line| text + &line + "\r\n");
    csv(name, text)
}

/// Places by how many stays became an offence there, each by hour beside what was free near by, with what is missing.
#[utoipa::path(get, path = "/api/v1/reports/hotspots", tag = "staff", params(
    ("from" = Option<String>, Query, description = "RFC 3339, or a day of the city's calendar; 30 days back when absent"),
    ("to" = Option<String>, Query, description = "RFC 3339 exclusive, or a day inclusive"),
    ("format" = Option<String>, Query, description = "json or csv"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too long a period")))]
pub async fn hot_spots(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let (from, to) = asked.period(&services)?;
    let spots = services.desk.hot_spots(from, to).await?;
    if asked.as_csv()? {
        let head = "zone,name_zh,name_en,street_class,hour,offences,free_near_by,finding";
        let rows = spots.iter().flat_map(|spot| {
            let finding = serde_json::to_value(spot.finding).unwrap_or_default();
            let finding = finding.as_str().unwrap_or_default().to_owned();
            let busy = spot.hours.iter().enumerate().filter(|(_, hour)| hour.violations > 0);
            busy.map(move |(nth, hour)| {
                vec![
                    spot.zone.to_string(),
                    spot.name.zh.clone(),
                    spot.name.en.clone(),
                    spot.street_class.map(|class| class.to_string()).unwrap_or_default(),
                    nth.to_string(),
                    hour.violations.to_string(),
                    hour.free.map(|free| format!("{free:.1}")).unwrap_or_default(),
                    finding.clone(),
                ]
            })
        });
        return Ok(table("hotspots.csv", head, rows));
    }
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

/// How streets of each class keep the rules: stays of a period, those that left in time, and those that became an offence.
#[utoipa::path(get, path = "/api/v1/reports/classes", tag = "staff", params(
    ("from" = Option<String>, Query, description = "RFC 3339, or a day of the city's calendar; 30 days back when absent"),
    ("to" = Option<String>, Query, description = "RFC 3339 exclusive, or a day inclusive"),
    ("format" = Option<String>, Query, description = "json or csv"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too long a period")))]
pub async fn classes(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let (from, to) = asked.period(&services)?;
    let classes = services.desk.class_scores(from, to).await?;
    if asked.as_csv()? {
        let row = |one: &crate::enforcement::scores::ClassScore| {
            let class = one.class.map(|class| class.to_string()).unwrap_or_default();
            let counts = [one.zones, one.stays, one.in_time, one.offences, one.recorded];
            std::iter::once(class).chain(counts.map(|count| count.to_string())).collect()
        };
        return Ok(table(
            "classes.csv",
            "street_class,zones,stays,left_in_time,offences,recorded",
            classes.iter().map(row),
        ));
    }
    Ok(Private(Json(json!({"from": rfc3339(from), "to": rfc3339(to), "classes": classes}))).into_response())
}

/// What the people of each unit recorded in a period, and how much of it is overdue.
#[utoipa::path(get, path = "/api/v1/reports/units", tag = "staff", params(
    ("from" = Option<String>, Query, description = "RFC 3339, or a day of the city's calendar; 30 days back when absent"),
    ("to" = Option<String>, Query, description = "RFC 3339 exclusive, or a day inclusive"),
    ("format" = Option<String>, Query, description = "json or csv"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too long a period")))]
pub async fn units(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let (from, to) = asked.period(&services)?;
    let units = services.desk.unit_scores(from, to).await?;
    if asked.as_csv()? {
        let row = |one: &crate::enforcement::scores::UnitScore| {
            let counts =
                [one.people, one.warnings, one.corrections, one.penalties, one.seizures, one.records, one.overdue];
            let unit = one.unit.clone().unwrap_or_default();
            std::iter::once(unit).chain(counts.map(|count| count.to_string())).collect()
        };
        let head = "unit,people,warnings,corrections,penalties,seizures,records,overdue";
        return Ok(table("units.csv", head, units.iter().map(row)));
    }
    Ok(Private(Json(json!({"from": rfc3339(from), "to": rfc3339(to), "units": units}))).into_response())
}

/// Which figure of which period.
#[derive(Debug, Deserialize)]
pub struct Which {
    of: Option<Of>,
    from: Option<String>,
    to: Option<String>,
    zone: Option<String>,
    class: Option<u8>,
    hour: Option<u32>,
    unit: Option<String>,
    kind: Option<Kind>,
}

/// What stands behind a figure: how many, and the newest 200 of the stays, captures or records it counts.
#[utoipa::path(get, path = "/api/v1/reports/behind", tag = "staff", params(
    ("of" = String, Query, description = "captures, stays, ripe, reviewed, recorded, in_time, offences, records, overdue, cases, \
        decided, served, closed"),
    ("from" = Option<String>, Query), ("to" = Option<String>, Query), ("zone" = Option<String>, Query),
    ("class" = Option<u8>, Query, description = "the class of the street, 1 to 4"),
    ("hour" = Option<u32>, Query, description = "of the city's day, 0 to 23"),
    ("unit" = Option<String>, Query, description = "of whoever recorded it; empty is of none"),
    ("kind" = Option<String>, Query, description = "warning, correction, penalty, seizure"),
), responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422, description = "too long a period")))]
pub async fn behind(
    State(services): State<Shared>,
    staff: Staff,
    Params(which): Params<Which>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let Which { of, from, to, zone, class, hour, unit, kind } = which;
    let of = of.ok_or_else(|| Problem::bad_request("say of what").field("of", "is missing"))?;
    let period = period(&services, &Period { from, to })?;
    let figure = Figure { zone, class, hour, unit, kind };
    Ok(Private(Json(services.desk.behind(of, &figure, period).await?)).into_response())
}
