//! ParkAPI v3: sources, parking sites and parking spots, a page at a time.

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use serde::Serialize;
use serde_json::json;

use super::{VariantQuery, editions::tell_once};
use crate::{
    api::{
        Problem, Shared,
        json::{Params, Segment},
    },
    feeds::{
        SitesQuery, Variant,
        parkapi_v1::bytes,
        parkapi_v3::{self, Item},
        query,
        query::Page,
        uid,
    },
};

const JSON: &str = "application/json";

/// A page with the address of the next one: the same query with another start.
#[derive(Serialize)]
struct Paged<'a> {
    items: Vec<Item<'a>>,
    total_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_start: Option<String>,
}

fn paged(page: Page<Item<'_>>, path: &str, asked: Option<&str>) -> Vec<u8> {
    let next_path = page.next.as_ref().map(|start| {
        let others =
            asked.unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("start="));
        let mut pairs: Vec<String> = others.map(str::to_owned).collect();
        pairs.push(format!("start={}", crate::feeds::navigate::encoded_exactly(start)));
        format!("{path}?{}", pairs.join("&"))
    });
    bytes(&Paged { items: page.items, total_count: page.total, next_path, next_start: page.next })
}

fn variant(asked: &SitesQuery) -> Result<Variant, Problem> {
    Ok(Variant { crs: query::crs(asked.crs.as_deref())?, english: query::english(asked.lang.as_deref())? })
}

/// ParkAPI v3: the sources, of which this city is the one.
#[utoipa::path(get, path = "/feeds/parkapi/v3/sources", tag = "feeds", params(("lang" = Option<String>, Query)),
    responses((status = 200, content_type = "application/json"), (status = 304), (status = 429)))]
pub async fn sources(
    State(services): State<Shared>,
    headers: HeaderMap,
    Params(query): Params<VariantQuery>,
) -> Result<Response, Problem> {
    let picture = services.press.picture();
    let source = parkapi_v3::source(&picture, query.read()?, &services.config.feeds);
    Ok(tell_once(&services, (bytes(&json!({ "items": [source], "total_count": 1 })), JSON), &picture, &headers))
}

/// ParkAPI v3: the lots, filtered and a page at a time; what is older than its limit has no `realtime_*` field.
#[utoipa::path(get, path = "/feeds/parkapi/v3/parking-sites", tag = "feeds", params(
    ("source_uid" = Option<String>, Query), ("source_uids" = Option<String>, Query), ("name" = Option<String>, Query, description = "a part of it"),
    ("purpose" = Option<String>, Query, description = "CAR or BIKE"), ("type" = Option<String>, Query), ("not_type" = Option<String>, Query),
    ("lat" = Option<f64>, Query), ("lon" = Option<f64>, Query), ("radius" = Option<f64>, Query, description = "metres"),
    ("bbox" = Option<String>, Query, description = "west,south,east,north"),
    ("lat_min" = Option<f64>, Query), ("lat_max" = Option<f64>, Query), ("lon_min" = Option<f64>, Query), ("lon_max" = Option<f64>, Query),
    ("limit" = Option<u32>, Query, description = "1 to 1000"), ("start" = Option<String>, Query, description = "next_start of the page before"),
    ("crs" = Option<String>, Query), ("lang" = Option<String>, Query),
), responses((status = 200, content_type = "application/json"), (status = 304), (status = 400), (status = 429)))]
pub async fn parking_sites(
    State(services): State<Shared>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Params(query): Params<SitesQuery>,
) -> Result<Response, Problem> {
    let settings = &services.config.feeds;
    let (asked, variant) = (query.read(&settings.city)?, variant(&query)?);
    let picture = services.press.picture();
    let page = parkapi_v3::sites(&picture, &asked, variant, settings);
    let body = paged(page, "/feeds/parkapi/v3/parking-sites", raw.as_deref());
    Ok(tell_once(&services, (body, JSON), &picture, &headers))
}

/// ParkAPI v3: one lot.
#[utoipa::path(get, path = "/feeds/parkapi/v3/parking-sites/{id}", tag = "feeds", params(("id" = String, Path),
    ("crs" = Option<String>, Query), ("lang" = Option<String>, Query)),
    responses((status = 200, content_type = "application/json"), (status = 304), (status = 400), (status = 404), (status = 429)))]
pub async fn parking_site(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    headers: HeaderMap,
    Params(query): Params<VariantQuery>,
) -> Result<Response, Problem> {
    let (picture, variant) = (services.press.picture(), query.read()?);
    let site = picture.site(&id).ok_or_else(|| Problem::not_found("there is no such parking site"))?;
    let body = bytes(&parkapi_v3::site(site, &picture, variant, &services.config.feeds));
    Ok(tell_once(&services, (body, JSON), &picture, &headers))
}

/// ParkAPI v3: the single bays that have a place of their own, filtered and a page at a time.
#[utoipa::path(get, path = "/feeds/parkapi/v3/parking-spots", tag = "feeds", params(
    ("name" = Option<String>, Query), ("purpose" = Option<String>, Query), ("type" = Option<String>, Query), ("not_type" = Option<String>, Query),
    ("lat" = Option<f64>, Query), ("lon" = Option<f64>, Query), ("radius" = Option<f64>, Query, description = "metres"),
    ("bbox" = Option<String>, Query, description = "west,south,east,north"),
    ("lat_min" = Option<f64>, Query), ("lat_max" = Option<f64>, Query), ("lon_min" = Option<f64>, Query), ("lon_max" = Option<f64>, Query),
    ("limit" = Option<u32>, Query), ("start" = Option<String>, Query), ("crs" = Option<String>, Query), ("lang" = Option<String>, Query),
), responses((status = 200, content_type = "application/json"), (status = 304), (status = 400), (status = 429)))]
pub async fn parking_spots(
    State(services): State<Shared>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Params(query): Params<SitesQuery>,
) -> Result<Response, Problem> {
    let settings = &services.config.feeds;
    let (asked, variant) = (query.read(&settings.city)?, variant(&query)?);
    let picture = services.press.picture();
    let page = parkapi_v3::spots(&picture, &asked, variant, settings);
    let body = paged(page, "/feeds/parkapi/v3/parking-spots", raw.as_deref());
    Ok(tell_once(&services, (body, JSON), &picture, &headers))
}

/// ParkAPI v3: one bay.
#[utoipa::path(get, path = "/feeds/parkapi/v3/parking-spots/{id}", tag = "feeds", params(("id" = String, Path),
    ("crs" = Option<String>, Query), ("lang" = Option<String>, Query)),
    responses((status = 200, content_type = "application/json"), (status = 304), (status = 400), (status = 404), (status = 429)))]
pub async fn parking_spot(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    headers: HeaderMap,
    Params(query): Params<VariantQuery>,
) -> Result<Response, Problem> {
    let (picture, variant) = (services.press.picture(), query.read()?);
    let no_spot = || Problem::not_found("there is no such parking spot with a place of its own");
    let (lot, space) = uid::space(&picture.city, &id).ok_or_else(no_spot)?;
    let found = picture.spots().find(|spot| spot.lot.id == lot.id && spot.space.id == space.id).ok_or_else(no_spot)?;
    let body = bytes(&parkapi_v3::spot(found, &picture, variant, &services.config.feeds));
    Ok(tell_once(&services, (body, JSON), &picture, &headers))
}
