//! `GET /api/v1/approaches`: how each counter upstream of lots is, who passed it of late, and which way they turn.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Problem, Shared, auth::Staff, json::Private};
use crate::{
    demand::Road,
    domain::{
        approach,
        ids::{ApproachId, LotId},
        staff::Role,
        text::Localized,
        time::Instant,
    },
};

/// The approaches of the city.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApproachesView {
    /// The instant they were judged at.
    #[schema(value_type = String, format = DateTime)]
    generated_at: Instant,
    /// By id.
    approaches: Vec<ApproachView>,
}

/// One approach.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApproachView {
    /// Its id.
    #[schema(value_type = String)]
    id: ApproachId,
    /// Its name.
    #[schema(value_type = Object)]
    name: Localized,
    /// `live`, `silent` (it says nothing for much longer than is usual), `clock_off`, `unheard`.
    #[schema(value_type = String)]
    state: approach::State,
    /// When it was last heard; null if never.
    #[schema(value_type = Option<String>, format = DateTime)]
    heard_at: Option<Instant>,
    /// How much older its last word was by its own clock, milliseconds; less than nothing is ahead.
    behind_ms: Option<i64>,
    /// Vehicles of the last ten minutes.
    passed: u32,
    /// The lots it leads to.
    leads_to: Vec<LegView>,
}

/// A lot downstream.
#[derive(Debug, Serialize, ToSchema)]
pub struct LegView {
    /// The lot.
    #[schema(value_type = String)]
    lot: LotId,
    /// The driving time, seconds.
    travel_time_s: u32,
    /// The share of those who pass that is expected to turn in.
    share: f64,
    /// The share the city file gave.
    given: f64,
    /// For how long the lot was watched, hours.
    learned_h: f64,
}

impl ApproachView {
    fn of(road: Road) -> Self {
        let legs = road.approach.leads_to.iter().zip(&road.shares);
        let leads_to = legs.map(|(leg, (share, steps))| LegView {
            lot: leg.lot.clone(),
            travel_time_s: leg.travel_time_s,
            share: (share * 1000.0).round() / 1000.0,
            given: leg.share,
            learned_h: (f64::from(*steps) * approach::BIN_S as f64 / 360.0).round() / 10.0,
        });
        Self {
            leads_to: leads_to.collect(),
            state: road.state,
            heard_at: road.heard.map(|(at, _)| at),
            behind_ms: road.heard.map(|(_, behind_ms)| behind_ms),
            passed: road.passed,
            id: road.approach.id,
            name: road.approach.name,
        }
    }
}

/// How each counter upstream of lots is, for operators.
#[utoipa::path(get, path = "/api/v1/approaches", tag = "staff",
    responses((status = 200, body = ApproachesView), (status = 401), (status = 403)))]
pub async fn list(State(services): State<Shared>, staff: Staff) -> Result<Private<Json<ApproachesView>>, Problem> {
    staff.require(Role::may_operate)?;
    let approaches = services.roads.told().into_iter().map(ApproachView::of).collect();
    Ok(Private(Json(ApproachesView { generated_at: services.clock.now(), approaches })))
}
