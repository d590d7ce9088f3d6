//! `GET /api/v1/lots/{id}/forecast?at=`: free places on arrival.

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{super::under_way::ExpectedView, LotView, QueryFault, history::instant};
use crate::{
    domain::{ids::LotId, time::Instant},
    forecast::{Arrival, MAX_HORIZON_H, Method},
};

/// The query of the forecast, as it was written.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ForecastQuery {
    /// RFC 3339; 15 minutes from now when absent.
    pub at: Option<String>,
}

impl ForecastQuery {
    /// The instant asked for.
    pub fn instant(&self, now: Instant) -> Result<Instant, QueryFault> {
        let Some(text) = &self.at else { return Ok(now + Duration::minutes(15)) };
        let at = instant("at", text)?;
        if at < now - Duration::minutes(1) {
            return Err(QueryFault::new("at", "lies in the past; see the history"));
        }
        if at > now + Duration::hours(MAX_HORIZON_H) {
            return Err(QueryFault::new("at", "must be at most 24 hours ahead"));
        }
        Ok(at)
    }
}

/// The answer to `GET /api/v1/lots/{id}/forecast`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ForecastView {
    /// The lot.
    #[schema(value_type = String)]
    pub lot: LotId,
    /// The instant it is about.
    #[schema(value_type = String, format = DateTime)]
    pub at: Instant,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Instant,
    /// Free places expected.
    pub free: u32,
    /// Nine times in ten the truth lies from here ...
    pub low: u32,
    /// ... to here.
    pub high: u32,
    /// How likely a space is found, 0 to 1: that more places are free than those at which the lot counts as full.
    pub chance: f64,
    /// `regression`, `usual_change`, `persistence`, or `closed`: the lot is shut at that time.
    #[schema(value_type = String)]
    pub method: &'static str,
    /// What it rests on; absent where the lot is shut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<WhyView>,
    /// Drivers known to be on their way who are there before that instant; signs take them from their number. Absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub under_way: Option<ExpectedView>,
}

/// What a forecast rests on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WhyView {
    /// When the number it goes by was true.
    #[schema(value_type = String, format = DateTime)]
    pub read_at: Instant,
    /// Free places that are usual now, and then; absent where nothing like it was seen.
    pub usual_now: Option<u32>,
    /// Free places that are usual then.
    pub usual_then: Option<u32>,
    /// Days of that weekday the usual number rests on.
    pub days: u32,
    /// Mean error of late, places: of a number that stays.
    pub error_persistence: f64,
    /// Of a number moved as usual.
    pub error_usual_change: f64,
    /// Of the regression.
    pub error_regression: f64,
    /// The lot counts as full at so many free places.
    pub full_at: u32,
}

impl ForecastView {
    /// The view of what is to be said of an arrival.
    pub fn of(lot: LotId, at: Instant, made_at: Instant, arrival: Arrival) -> Self {
        let Arrival::Expected { forecast, read_at } = arrival else {
            return Self {
                lot,
                at,
                made_at,
                free: 0,
                low: 0,
                high: 0,
                chance: 0.0,
                method: "closed",
                why: None,
                under_way: None,
            };
        };
        let why = forecast.why;
        let [error_persistence, error_usual_change, error_regression] = why.errors.map(rounded);
        Self {
            lot,
            at,
            made_at,
            free: forecast.free,
            low: forecast.low,
            high: forecast.high,
            chance: (forecast.chance * 1000.0).round() / 1000.0,
            method: match forecast.method {
                Method::Persistence => "persistence",
                Method::UsualChange => "usual_change",
                Method::Regression => "regression",
            },
            why: Some(WhyView {
                read_at,
                usual_now: why.usual_now,
                usual_then: why.usual_then,
                days: why.days,
                error_persistence,
                error_usual_change,
                error_regression,
                full_at: why.full_at,
            }),
            under_way: None,
        }
    }

    /// The same, with who is on the way.
    #[must_use]
    pub fn with(self, under_way: Option<ExpectedView>) -> Self {
        Self { under_way, ..self }
    }
}

fn rounded(places: f64) -> f64 {
    (places * 100.0).round() / 100.0
}

/// What is expected of an arrival by road.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ArrivalView {
    /// Seconds on the road, by the distance.
    pub travel_s: u32,
    /// Free places expected.
    pub free: u32,
    /// How likely a space is found, 0 to 1.
    pub chance: f64,
}

/// Of so many lots around a place the arrival is told.
const ARRIVALS: usize = 100;
/// A way by road against the bird's, what a car drives in a second, and what it takes to set out.
const DETOUR: f64 = 1.35;
const ROAD_M_S: f64 = 7.0;
const START_S: f64 = 60.0;

/// Tells the arrivals at lots that are listed by their distance, nearest first: after so many seconds, or by the way.
pub fn tell_arrivals(
    lots: &mut [LotView],
    now: Instant,
    arrive_in_s: Option<u32>,
    ask: impl Fn(&LotId, Instant) -> Option<Arrival>,
) {
    for lot in lots.iter_mut().take(ARRIVALS) {
        let Some(distance_m) = lot.distance_m else { continue };
        let by_road_s = (START_S + distance_m * DETOUR / ROAD_M_S).round().min(86_000.0) as u32;
        let travel_s = arrive_in_s.unwrap_or(by_road_s);
        let Some(arrival) = ask(&lot.availability.id, now + Duration::seconds(travel_s.into())) else { continue };
        let (free, chance) = match arrival {
            Arrival::Expected { forecast, .. } => (forecast.free, (forecast.chance * 1000.0).round() / 1000.0),
            Arrival::Closed => (0, 0.0),
        };
        lot.arrival = Some(ArrivalView { travel_s, free, chance });
    }
}
