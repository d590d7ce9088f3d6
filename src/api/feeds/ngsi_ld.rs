//! NGSI-LD entities, as a context broker would give them.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::Response,
};
use serde::Deserialize;
use serde_json::Value;

use super::{VariantQuery, editions::tell_once};
use crate::{
    api::{
        Problem, Shared,
        json::{Params, Segment},
    },
    feeds::ngsi_ld::{self, CONTEXT, Kind},
};

/// Entities of one answer unless fewer are asked for, and most that may be.
const LIMITS: (usize, usize) = (100, 1000);

/// The query of entities.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct EntitiesQuery {
    #[serde(rename = "type")]
    kind: Option<String>,
    options: Option<String>,
    limit: Option<usize>,
    offset: Option<usize>,
    crs: Option<String>,
    lang: Option<String>,
}

fn shaped(entity: Value, options: Option<&str>) -> Result<Value, Problem> {
    match options {
        None => Ok(ngsi_ld::normalized(entity)),
        Some("keyValues" | "simplified" | "concise") => Ok(entity),
        Some(_) => Err(Problem::bad_request("options must be keyValues").field("options", "must be keyValues")),
    }
}

/// Where the words of the answer are explained.
fn with_context(mut response: Response) -> Response {
    let link = format!("<{}>; rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\"", CONTEXT[0]);
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().append(axum::http::header::LINK, link);
    }
    response
}

/// NGSI-LD: entities of one type.
#[utoipa::path(get, path = "/feeds/ngsi-ld/v1/entities", tag = "feeds", params(
    ("type" = String, Query, description = "OffStreetParking, OnStreetParking or ParkingSpot"),
    ("options" = Option<String>, Query, description = "keyValues"),
    ("limit" = Option<u32>, Query, description = "1 to 1000"), ("offset" = Option<u32>, Query),
    ("crs" = Option<String>, Query), ("lang" = Option<String>, Query),
), responses((status = 200, content_type = "application/json"), (status = 304), (status = 400), (status = 429)))]
pub async fn ngsi_ld_entities(
    State(services): State<Shared>,
    headers: HeaderMap,
    Params(query): Params<EntitiesQuery>,
) -> Result<Response, Problem> {
    let wrong = || {
        let told = "must be OffStreetParking, OnStreetParking or ParkingSpot";
        Problem::bad_request(format!("type {told}")).field("type", told)
    };
    let kind = query.kind.as_deref().and_then(Kind::parse).ok_or_else(wrong)?;
    let limit = query.limit.unwrap_or(LIMITS.0);
    if !(1..=LIMITS.1).contains(&limit) {
        return Err(Problem::bad_request("limit must be from 1 to 1000").field("limit", "must be from 1 to 1000"));
    }
    let variant = VariantQuery { crs: query.crs, lang: query.lang }.read()?;
    let picture = services.press.picture();
    let all = ngsi_ld::entities(&picture, kind, variant, &services.config.feeds);
    let total = all.len();
    let page = all.into_iter().skip(query.offset.unwrap_or(0)).take(limit);
    let page: Vec<Value> = page.map(|entity| shaped(entity, query.options.as_deref())).collect::<Result<_, _>>()?;
    let body = Value::Array(page).to_string().into_bytes();
    let mut response = tell_once(&services, (body, "application/json"), &picture, &headers);
    response.headers_mut().insert(HeaderName::from_static("ngsild-results-count"), HeaderValue::from(total));
    Ok(with_context(response))
}

/// NGSI-LD: one entity.
#[utoipa::path(get, path = "/feeds/ngsi-ld/v1/entities/{id}", tag = "feeds", params(("id" = String, Path),
    ("options" = Option<String>, Query), ("crs" = Option<String>, Query), ("lang" = Option<String>, Query)),
    responses((status = 200, content_type = "application/json"), (status = 304), (status = 400), (status = 404), (status = 429)))]
pub async fn ngsi_ld_entity(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    headers: HeaderMap,
    Params(query): Params<EntitiesQuery>,
) -> Result<Response, Problem> {
    let variant = VariantQuery { crs: query.crs, lang: query.lang }.read()?;
    let picture = services.press.picture();
    let entity = ngsi_ld::entity(&picture, &id, variant, &services.config.feeds);
    let entity = entity.ok_or_else(|| Problem::not_found("there is no such entity"))?;
    let body = shaped(entity, query.options.as_deref())?.to_string().into_bytes();
    Ok(with_context(tell_once(&services, (body, "application/json"), &picture, &headers)))
}
