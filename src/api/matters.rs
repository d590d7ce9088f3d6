//! `/api/v1/matters`, `/api/v1/grid`, `/api/v1/patrols`: matters of city management, for staff.

use axum::{
    Json,
    extract::{Multipart, State, multipart::MultipartRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::Staff,
    captures::{idempotency_key, required_key},
    form,
    json::{Body, Id, Params, Private},
    month::Month,
};
use crate::{
    domain::{
        ids::GridCellId,
        matter::{Source, State as MatterState},
        staff::Role,
        time::{parse_rfc3339, rfc3339},
    },
    enforcement::csv_cell,
    matters::{Error, Handled, NewReport, NewStep, Reporter, Scores},
    store::matters::Filter,
};

/// Most matters of one answer, and how many where nothing is asked.
const LIMITS: (u32, u32) = (500, 200);
/// By which spreadsheets know UTF-8.
const MARK: &str = "\u{feff}";
/// Most pictures of one step.
const MOST_PICTURES: usize = 4;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let told = error.to_string();
        match error {
            Error::Store(error) => error.into(),
            Error::Desk(error) => error.into(),
            Error::NotFound(_) => Self::not_found(told),
            Error::Invalid { field, reason } => Self::unprocessable(told).field(field, reason),
            Error::Slowed(slowed) => Self::too_many(told).retry_after(slowed.retry_after_s()),
            Error::Refused(refused) => {
                use crate::domain::matter::Refused;
                let problem = if refused.is_about_the_person() {
                    Self::forbidden(told)
                } else if matches!(
                    refused,
                    Refused::NoReason
                        | Refused::NoPicture
                        | Refused::OutOfRange(_)
                        | Refused::UnknownCategory(_)
                        | Refused::WrongSource
                ) {
                    Self::unprocessable(told)
                } else {
                    Self::conflict(told)
                };
                problem.named(refused.word())
            }
            Error::StillIll => Self::conflict(told).named("still-ill"),
            Error::KeyReused => Self::conflict(told).named("key-reused"),
            Error::JudgedBefore => Self::conflict(told).named("judged-before"),
        }
    }
}

/// Which matters are asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    state: Option<String>,
    open: Option<bool>,
    unit: Option<String>,
    assignee: Option<String>,
    cell: Option<String>,
    town: Option<String>,
    category: Option<String>,
    number: Option<String>,
    /// Only those of the units of whoever asks.
    mine: Option<bool>,
    limit: Option<u32>,
}

/// Matters, the most pressing first: first reports of an address before repeated ones, then by their clocks. Each with the steps
/// that whoever asks may take.
#[utoipa::path(get, path = "/api/v1/matters", tag = "staff", params(
    ("state" = Option<String>, Query), ("open" = Option<bool>, Query), ("unit" = Option<String>, Query),
    ("assignee" = Option<String>, Query), ("cell" = Option<String>, Query), ("town" = Option<String>, Query),
    ("category" = Option<String>, Query), ("number" = Option<String>, Query),
    ("mine" = Option<bool>, Query, description = "of the units of whoever asks"), ("limit" = Option<u32>, Query),
), responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_matters)?;
    let state = asked.state.as_deref().filter(|word| !word.is_empty());
    let state = state.map(|word| {
        MatterState::parse(word).ok_or_else(|| Problem::bad_request("there is no such state").field("state", "unknown"))
    });
    let person = staff.person();
    let filter = Filter {
        state: state.transpose()?,
        is_open: asked.open,
        unit: asked.unit,
        assignee: asked.assignee,
        cell: asked.cell,
        town: asked.town,
        category: asked.category,
        due_before: None,
        number: asked.number,
    };
    let limit = asked.limit.unwrap_or(LIMITS.1).clamp(1, LIMITS.0);
    let mut found = services.matters.list(&filter, limit, &person).await?;
    if asked.mine == Some(true) {
        let (_, units) = services.matters.standing(&person);
        found.retain(|one| {
            let is_mine = one.matter.assignee.as_ref().is_none_or(|who| *who == person.name);
            is_mine && one.matter.unit.as_ref().is_some_and(|unit| units.contains(unit))
        });
    }
    Ok(Private(Json(json!({"now": rfc3339(services.clock.now()), "matters": found}))).into_response())
}

/// What pages need to act: kinds of matters, units, what whoever asks commands.
#[utoipa::path(get, path = "/api/v1/matters/kit", tag = "staff",
    responses((status = 200), (status = 401), (status = 403)))]
pub async fn kit(State(services): State<Shared>, staff: Staff) -> Result<Response, Problem> {
    staff.require(Role::may_read_matters)?;
    let matters = &services.matters;
    let (command, units) = matters.standing(&staff.person());
    let city = services.city.borrow().clone();
    let cells = city.grid_cells.values().map(|cell| {
        let area = geojson::Geometry::from(&cell.area);
        json!({"id": cell.id, "name": cell.name, "unit": cell.unit, "code": cell.code, "area": area})
    });
    Ok(Private(Json(json!({
        "now": rfc3339(services.clock.now()),
        "name": staff.0.name,
        "role": staff.0.role,
        "command": command,
        "my_units": units,
        "kinds": matters.catalogue().categories.iter().map(|(code, one)| json!({
            "code": code, "class": one.class, "name": one.name, "sources": one.sources, "handle": one.handle,
            "opened_when": one.opened_when, "closed_when": one.closed_when, "needs_picture": one.needs_picture,
        })).collect::<Vec<_>>(),
        "flow": matters.catalogue().flow,
        "units": matters.units().into_iter().map(|(id, name)| json!({"id": id, "name": name})).collect::<Vec<_>>(),
        "cells": cells.collect::<Vec<_>>(),
    })))
    .into_response())
}

/// A matter with what was said of it, and what happened.
#[utoipa::path(get, path = "/api/v1/matters/{id}", tag = "staff", params(("id" = String, Path)),
    responses((status = 200), (status = 401), (status = 403), (status = 404)))]
pub async fn one(State(services): State<Shared>, staff: Staff, Id(id): Id) -> Result<Response, Problem> {
    staff.require(Role::may_read_matters)?;
    Ok(Private(Json(services.matters.whole(&id, &staff.person()).await?)).into_response())
}

/// What somebody of the staff says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The code of its category.
    category: String,
    /// lon/lat WGS-84.
    #[schema(value_type = Option<Vec<f64>>)]
    #[serde(default)]
    location: Option<(f64, f64)>,
    /// The cell, where no place is known.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    cell: Option<GridCellId>,
    /// Where, in words.
    #[serde(default)]
    place: String,
    /// What.
    #[serde(default)]
    what: String,
}

/// The form of a report.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the form, which is read part by part")]
pub struct SaidForm {
    meta: Said,
    /// Up to three JPEG or PNG files.
    #[schema(value_type = Vec<String>, format = Binary)]
    image: Vec<u8>,
}

/// Says a matter: a new one, or one more voice for a known one.
#[utoipa::path(post, path = "/api/v1/matters", tag = "staff", params(("Idempotency-Key" = String, Header)),
    request_body(content = SaidForm, content_type = "multipart/form-data"),
    responses((status = 201), (status = 200, description = "received before"), (status = 400), (status = 401), (status = 403),
    (status = 409), (status = 413), (status = 422)))]
pub async fn say(
    State(services): State<Shared>,
    staff: Staff,
    headers: HeaderMap,
    given: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    staff.require(Role::may_act_on_matters)?;
    let key = required_key(&headers)?;
    let (said, images): (Said, _) =
        form::given(given, services.config.enforcement.max_image_bytes, MOST_PICTURES).await?;
    let new = NewReport {
        reporter: Reporter::Staff(staff.person()),
        source: Source::Officer,
        key,
        category: said.category,
        location: said.location,
        cell: said.cell,
        place: said.place,
        what: said.what,
        contact: None,
        subject: None,
    };
    let collected = services.matters.collect(new, images).await?;
    let status = if collected.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    let told = json!({
        "id": collected.matter.id, "number": collected.matter.number, "receipt": collected.receipt,
        "state": collected.matter.state, "merged": collected.merged, "duplicate": collected.duplicate,
    });
    Ok(Private((status, Json(told))).into_response())
}

/// Takes a step: `{"step": "...", "why": "...", ...}` with what the step needs.
#[utoipa::path(post, path = "/api/v1/matters/{id}/steps", tag = "staff",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = serde_json::Value,
    responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 404),
    (status = 409, description = "not from where the matter stands"), (status = 422)))]
pub async fn advance(
    State(services): State<Shared>,
    staff: Staff,
    Id(id): Id,
    headers: HeaderMap,
    Body(step): Body<NewStep>,
) -> Result<Response, Problem> {
    staff.require(Role::may_act_on_matters)?;
    let key = idempotency_key(&headers)?;
    services.matters.advance(&id, step, key.as_deref(), &staff.person()).await?;
    Ok(Private(Json(services.matters.whole(&id, &staff.person()).await?)).into_response())
}

/// What was done in the street.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// What was done.
    note: String,
    /// When, RFC 3339, by the officer's device.
    #[serde(default)]
    at: Option<String>,
}

/// The form of what was done.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the form, which is read part by part")]
pub struct DoneForm {
    meta: Done,
    /// Up to four JPEG or PNG files.
    #[schema(value_type = Vec<String>, format = Binary)]
    image: Vec<u8>,
}

/// Puts a matter right and feeds back at once, as a phone sends it that had no network.
#[utoipa::path(post, path = "/api/v1/matters/{id}/handled", tag = "staff",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    request_body(content = DoneForm, content_type = "multipart/form-data"),
    responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 413),
    (status = 422)))]
pub async fn handled(
    State(services): State<Shared>,
    staff: Staff,
    Id(id): Id,
    headers: HeaderMap,
    given: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    staff.require(Role::may_act_on_matters)?;
    let key = required_key(&headers)?;
    let (done, images): (Done, _) =
        form::given(given, services.config.enforcement.max_image_bytes, MOST_PICTURES).await?;
    let at = done.at.as_deref().map(parse_rfc3339).transpose();
    let at =
        at.map_err(|_| Problem::bad_request("meta.at is no RFC 3339 instant").field("meta.at", "no RFC 3339 instant"))?;
    let new = Handled { note: done.note, at };
    services.matters.handled(&id, new, images, &key, &staff.person()).await?;
    Ok(Private(Json(services.matters.whole(&id, &staff.person()).await?)).into_response())
}

/// Scores of a month by cell, unit, person, channel and street class, with the formula; as CSV with `format=csv`.
#[utoipa::path(get, path = "/api/v1/matters/scores", tag = "staff",
    params(("month" = Option<String>, Query, description = "2026-03; this month unless told"), ("format" = Option<String>, Query)),
    responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 422)))]
pub async fn scores(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Month>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_scores)?;
    let (first, as_csv) = (asked.first(&services)?, asked.as_csv()?);
    let scores = services.matters.scores(first).await?;
    if as_csv {
        let name = format!("attachment; filename=\"scores-{}.csv\"", scores.month);
        let headers =
            [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
        return Ok(Private((headers, csv_of(&scores))).into_response());
    }
    Ok(Private(Json(scores)).into_response())
}

fn csv_of(scores: &Scores) -> String {
    let mut text = String::from(MARK);
    text.push_str(
        "of,id,name,closed,on_time,verified_first_time,reopened,judged,judged_sum,on_time_rate,first_time_rate,\
         not_reopened_rate,satisfaction_rate,score\r\n",
    );
    let groups = [
        ("cell", &scores.cells),
        ("unit", &scores.units),
        ("person", &scores.people),
        ("source", &scores.sources),
        ("street_class", &scores.street_classes),
    ];
    let rate = |rate: Option<f64>| rate.map(|rate| format!("{rate:.4}")).unwrap_or_default();
    for (of, lines) in groups {
        for line in lines {
            let (counted, rates) = (&line.counted, &line.rates);
            let row = [
                of.to_owned(),
                csv_cell(&line.id),
                csv_cell(&line.name.zh),
                counted.closed.to_string(),
                counted.on_time.to_string(),
                counted.verified_first_time.to_string(),
                counted.reopened.to_string(),
                counted.judged.to_string(),
                counted.judged_sum.to_string(),
                rate(rates.on_time),
                rate(rates.verified_first_time),
                rate(rates.not_reopened),
                rate(rates.satisfaction),
                rates.score.map(|score| score.to_string()).unwrap_or_default(),
            ];
            text.push_str(&row.join(","));
            text.push_str("\r\n");
        }
    }
    text
}

/// How much of the town the management cells cover: square kilometres, gaps, overlaps, and what lies outside.
#[utoipa::path(get, path = "/api/v1/grid/coverage", tag = "staff",
    responses((status = 200), (status = 401), (status = 403)))]
pub async fn coverage(State(services): State<Shared>, staff: Staff) -> Result<Response, Problem> {
    staff.require(Role::may_read_matters)?;
    // Shapes are cut away from the tasks that answer requests.
    let matters = services.matters.clone();
    let coverage = tokio::task::spawn_blocking(move || matters.coverage()).await;
    let coverage = coverage.map_err(|_| Problem::internal("the fault is logged; try again later"))?;
    Ok(Private(Json(coverage)).into_response())
}

/// Cells by how due a patrol is, the most due first.
#[utoipa::path(get, path = "/api/v1/patrols", tag = "staff", responses((status = 200), (status = 401), (status = 403)))]
pub async fn patrols(State(services): State<Shared>, staff: Staff) -> Result<Response, Problem> {
    staff.require(Role::may_read_matters)?;
    let cells = services.matters.patrol_plan().await?;
    let rounds = &services.config.matters.rounds;
    Ok(Private(Json(json!({"now": rfc3339(services.clock.now()), "rounds": rounds, "cells": cells}))).into_response())
}

/// Notes that whoever asks walked a cell.
#[utoipa::path(post, path = "/api/v1/patrols/{id}", tag = "staff", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404)))]
pub async fn patrolled(State(services): State<Shared>, staff: Staff, Id(id): Id) -> Result<StatusCode, Problem> {
    staff.require(Role::may_act_on_matters)?;
    let cell = GridCellId::parse(&id).map_err(|_| Problem::not_found("no such cell"))?;
    services.matters.note_patrol(&cell, &staff.person()).await?;
    Ok(StatusCode::NO_CONTENT)
}
