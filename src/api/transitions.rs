//! `GET /api/v1/lots/{id}/spaces/{space}/transitions`: when a space moved from one state to another.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::Staff,
    csv,
    json::{Params, Private, Segment},
    lots::{self, QueryFault},
    records::limit,
};
use crate::{
    domain::{
        ids::{LotId, SpaceId},
        observation::SpaceState,
        staff::Role,
        time::{Instant, from_micros, rfc3339, to_micros},
    },
    store::transitions::{self, Transition},
};

/// Most moves of one CSV file.
const MAX_ROWS: u32 = 50_000;

/// What is asked of the list.
#[derive(Debug, Deserialize)]
pub struct Query {
    from: Option<String>,
    to: Option<String>,
    limit: Option<u32>,
    after: Option<String>,
    format: Option<String>,
}

/// The moves of a space.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransitionsView {
    /// The lot.
    #[schema(value_type = String)]
    lot: LotId,
    /// The space.
    #[schema(value_type = String)]
    space: SpaceId,
    /// Oldest first.
    transitions: Vec<TransitionView>,
    /// To be given as `after` for the next page; null on the last.
    next: Option<String>,
}

/// One move.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransitionView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// Into which state: `free`, `occupied`, `unknown`.
    #[schema(value_type = String)]
    state: SpaceState,
    /// Out of which; null for the first that is known.
    #[schema(value_type = Option<String>)]
    previous: Option<SpaceState>,
    /// How long it had been in that, seconds.
    previous_s: Option<f64>,
}

impl TransitionView {
    fn of(one: &Transition) -> Self {
        let seconds = |lasted: Duration| lasted.as_seconds_f64();
        Self { at: one.at, state: one.state, previous: one.previous, previous_s: one.lasted.map(seconds) }
    }
}

fn mark(one: &Transition) -> String {
    format!("{}-{}", to_micros(one.at), transitions::word(one.state))
}

fn read_mark(text: &str) -> Option<(Instant, SpaceState)> {
    let (at_us, state) = text.split_once('-')?;
    Some((from_micros(at_us.parse().ok()?)?, transitions::read(state).ok()?))
}

/// The moves of a space from one state to another, for operators.
#[utoipa::path(get, path = "/api/v1/lots/{id}/spaces/{space}/transitions", tag = "staff", params(
    ("id" = String, Path), ("space" = String, Path),
    ("from" = Option<String>, Query, description = "RFC 3339; a day before `to` when absent"),
    ("to" = Option<String>, Query, description = "RFC 3339; now when absent"),
    ("limit" = Option<u32>, Query), ("after" = Option<String>, Query),
    ("format" = Option<String>, Query, description = "json or csv; by Accept when absent"),
), responses((status = 200, body = TransitionsView), (status = 400), (status = 401), (status = 403), (status = 404)))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Segment((lot, space)): Segment<(String, String)>,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    staff.require(Role::may_operate)?;
    let city = services.city.borrow().clone();
    let lot = city.lots.get(lot.as_str()).ok_or_else(|| Problem::not_found("there is no such lot"))?;
    let space = lot.spaces.iter().find(|one| one.id.as_str() == space);
    let space = &space.ok_or_else(|| Problem::not_found("the lot has no such space"))?.id;
    let to = query.to.as_deref().map_or(Ok(services.clock.now()), |text| lots::instant("to", text))?;
    let day_before = to.checked_sub_signed(Duration::days(1)).unwrap_or(to);
    let from = query.from.as_deref().map_or(Ok(day_before), |text| lots::instant("from", text))?;
    if from >= to {
        return Err(QueryFault::new("from", "must be before to").into());
    }
    let after = query
        .after
        .as_deref()
        .map(|text| read_mark(text).ok_or_else(|| QueryFault::new("after", "must be the `next` of the page before")));
    let after = after.transpose()?;
    let as_csv = csv::is_wanted(query.format.as_deref(), &headers)?;
    let limit = if as_csv { MAX_ROWS } else { limit(query.limit) };
    let after = after.as_ref();
    let question = |db| async move { transitions::range(&db, &lot.id, space, (from, to), after, limit).await };
    let found = services.past.ask(question).await?;
    let next = (found.len() == limit as usize).then(|| found.last().map(mark)).flatten();
    if as_csv {
        if next.is_some() {
            let told = "the span has more moves than one file holds; ask for less";
            return Err(Problem::unprocessable(told).named("too-many-rows").field("from", told));
        }
        return Ok(Private(csv::answer("transitions.csv", table(&found))).into_response());
    }
    let transitions = found.iter().map(TransitionView::of).collect();
    let view = TransitionsView { lot: lot.id.clone(), space: space.clone(), transitions, next };
    Ok(Private(Json(view)).into_response())
}

fn table(found: &[Transition]) -> String {
    use std::fmt::Write;
    let mut text = "at,state,previous,previous_s\r\n".to_owned();
    for one in found {
        let previous = one.previous.map(transitions::word).unwrap_or_default();
        let lasted = one.lasted.map(|lasted| lasted.as_seconds_f64().to_string()).unwrap_or_default();
        // Writing to a text does not fail.
        let _ = write!(text, "{},{},{previous},{lasted}\r\n", rfc3339(one.at), transitions::word(one.state));
    }
    text
}
