//! `GET /api/v1/lots/{id}/forecast?at=`: free places on arrival.

use chrono::Duration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{QueryFault, history::instant};
use crate::{
    domain::{ids::LotId, time::Instant},
    forecast::{Forecast, MAX_HORIZON_H, Method},
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
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
    /// Four times in five the truth lies from here ...
    pub low: u32,
    /// ... to here.
    pub high: u32,
    /// `profile`, `day_class` or `persistence`.
    #[schema(value_type = String)]
    pub method: Method,
}

impl ForecastView {
    /// The view of a forecast.
    pub fn of(lot: LotId, at: Instant, made_at: Instant, forecast: Forecast) -> Self {
        let Forecast { free, low, high, method } = forecast;
        Self { lot, at, made_at, free, low, high, method }
    }
}
