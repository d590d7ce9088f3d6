//! `/feeds/...`: the city's open data, each feed in the format its readers know.

mod answer;
mod cds;
mod editions;
mod guard;
pub mod limits;
mod ngsi_ld;
mod parkapi;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    handler::Handler,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use serde::Deserialize;

use super::{Problem, Shared, pages};
use crate::feeds::{
    QueryFault, Variant,
    catalogue::{Catalogue, catalogue},
    query,
};
use limits::Limiter;

pub use {cds::*, editions::*, ngsi_ld::*, parkapi::*};

/// A reader may keep a feed this long without asking, seconds.
const MAX_AGE_S: u32 = 5;

/// The feeds, with their guard around them.
pub fn routes(services: &Shared) -> Router<Shared> {
    let settings = &services.config.feeds;
    let limiter = Arc::new(Limiter::new(settings.requests_per_minute, settings.burst));
    let guarded = guard::Guard { limiter, behind_proxy: settings.behind_proxy };
    Router::new()
        .route("/feeds/catalogue.json", read(list))
        .route("/feeds/parkapi/v1", read(parkapi_v1_cities))
        .route("/feeds/parkapi/v1/{city}", read(parkapi_v1_city))
        .route("/feeds/parkapi/v3/sources", read(sources))
        .route("/feeds/parkapi/v3/parking-sites", read(parking_sites))
        .route("/feeds/parkapi/v3/parking-sites/{id}", read(parking_site))
        .route("/feeds/parkapi/v3/parking-spots", read(parking_spots))
        .route("/feeds/parkapi/v3/parking-spots/{id}", read(parking_spot))
        .route("/feeds/geojson/{file}", read(geojson_sites))
        .route("/feeds/geojson/parking-spots/{file}", read(geojson_spots))
        .route("/feeds/datex2/v3/parking-table.xml", read(datex2_v3_table))
        .route("/feeds/datex2/v3/parking-status.xml", read(datex2_v3_status))
        .route("/feeds/datex2/v3/vms-table.xml", read(datex2_v3_signs_table))
        .route("/feeds/datex2/v3/vms.xml", read(datex2_v3_signs))
        .route("/feeds/datex2/v2/parking-table.xml", read(datex2_v2_table))
        .route("/feeds/datex2/v2/parking-status.xml", read(datex2_v2_status))
        .route("/feeds/cds/curbs/zones", read(cds_zones))
        .route("/feeds/cds/curbs/policies", read(cds_policies))
        .route("/feeds/cds/events/status", read(cds_status))
        .route("/feeds/cds/events/events", read(cds_events))
        .route("/feeds/cds/metrics/aggregates", read(cds_aggregates))
        .route("/feeds/ngsi-ld/v1/entities", read(ngsi_ld_entities))
        .route("/feeds/ngsi-ld/v1/entities/{id}", read(ngsi_ld_entity))
        .route("/feeds/siri/facility-monitoring.xml", read(siri_fm))
        .layer(middleware::from_fn_with_state(guarded, guard::around))
        .route("/feeds", get(pages::feeds))
}

/// A feed is read, and a page of another site may first ask whether it may.
fn read<H, T>(handler: H) -> MethodRouter<Shared>
where
    H: Handler<T, Shared>,
    T: 'static,
{
    get(handler).options(|| async { StatusCode::NO_CONTENT })
}

/// Every feed in plain words.
#[utoipa::path(get, path = "/feeds/catalogue.json", tag = "feeds", responses((status = 200, body = Catalogue), (status = 429)))]
pub async fn list(State(services): State<Shared>) -> Response {
    let picture = services.press.picture();
    let mut response = Json(catalogue(&picture, &services.config.feeds)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=5"));
    response
}

/// The datum and the language a feed is asked for in.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct VariantQuery {
    crs: Option<String>,
    lang: Option<String>,
}

impl VariantQuery {
    fn read(&self) -> Result<Variant, Problem> {
        Ok(Variant { crs: query::crs(self.crs.as_deref())?, english: query::english(self.lang.as_deref())? })
    }
}

impl From<QueryFault> for Problem {
    fn from(fault: QueryFault) -> Self {
        Self::bad_request(fault.to_string()).field(fault.field, fault.reason)
    }
}

fn no_feed() -> Problem {
    Problem::not_found("there is no such feed; GET /feeds names them")
}
