//! What anyone may read: lots, their spaces, history and forecast, signs, the map.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    Problem, Shared, csv,
    json::{Params, Segment},
    lots::{
        self, Filter, ForecastQuery, ForecastView, HistoryQuery, HistoryView, LotView, LotsQuery, LotsView, SpacesView,
        TypicalQuery, TypicalView,
    },
    map,
    pages::is_known,
    signs,
    signs::{PictureQuery, SignView, SignsView},
    under_way::ExpectedView,
};
use crate::{
    config::Role,
    domain::{city::City, lot::Lot},
};

/// A browser may show a panel's picture this long before it asks again; its address changes with the face.
const PICTURE_CACHE: &str = "public, max-age=5";

pub(super) fn no_lot() -> Problem {
    Problem::not_found("there is no such lot; GET /api/v1/lots names them")
}

pub(super) fn no_sign() -> Problem {
    Problem::not_found("there is no such sign; GET /api/v1/signs names them")
}

/// What signs show is known where they are driven, and on every node of one Redis, for those tell each other.
pub(super) fn driven_here(services: &Shared) -> Result<(), Problem> {
    let is_shared = !services.config.availability.redis_url.reveal().is_empty();
    if is_shared || services.config.node.roles.contains(&Role::Guidance) {
        Ok(())
    } else {
        Err(Problem::unavailable("this node does not drive signs; ask one with the role guidance"))
    }
}

fn lot<'a>(city: &'a City, id: &str) -> Result<&'a Lot, Problem> {
    city.lots.get(id).ok_or_else(no_lot)
}

/// All lots, or those in a box or around a place, with their availability.
#[utoipa::path(get, path = "/api/v1/lots", tag = "public", params(
    ("bbox" = Option<String>, Query, description = "west,south,east,north in degrees"),
    ("near" = Option<String>, Query, description = "lon,lat in degrees; sorts by distance"),
    ("radius_m" = Option<f64>, Query, description = "with near: at most this far, metres"),
    ("arrive_in_s" = Option<u32>, Query, description = "with near: the arrival to tell of, seconds from now; by the way from there when absent"),
), responses((status = 200, body = LotsView), (status = 304, description = "nothing has moved since If-None-Match"), (status = 400)))]
pub async fn lots(
    State(services): State<Shared>,
    headers: HeaderMap,
    Params(query): Params<LotsQuery>,
) -> Result<Response, Problem> {
    let filter = Filter::read(&query)?;
    let (city, board) = (services.city.borrow().clone(), services.board.snapshot());
    let availability = &services.config.availability;
    let now = services.clock.now();
    let mut view = lots::list(&city, &board.lots, &board.cursor, &filter, now, availability);
    lots::tell_arrivals(&mut view.lots, now, filter.arrive_in_s, |lot, at| services.forecaster.at(lot, at));
    lots::tell_trends(&mut view.lots, |lot| services.forecaster.moved(lot));
    let etag = view.etag(city.revision);
    let mut response =
        if is_known(&headers, &etag) { StatusCode::NOT_MODIFIED.into_response() } else { Json(view).into_response() };
    let told = response.headers_mut();
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        told.insert(header::ETAG, etag);
    }
    Ok(response)
}

/// One lot with its availability.
#[utoipa::path(get, path = "/api/v1/lots/{id}", tag = "public", params(("id" = String, Path)),
    responses((status = 200, body = LotView), (status = 404)))]
pub async fn one_lot(State(services): State<Shared>, Segment(id): Segment<String>) -> Result<Json<LotView>, Problem> {
    let (city, board) = (services.city.borrow().clone(), services.board.snapshot());
    let view = lots::one(&city, &board.lots, &id, services.clock.now(), &services.config.availability);
    let mut view = view.ok_or_else(no_lot)?;
    lots::tell_trends(std::slice::from_mut(&mut view), |lot| services.forecaster.moved(lot));
    Ok(Json(view))
}

/// The spaces of a lot, each with its state.
#[utoipa::path(get, path = "/api/v1/lots/{id}/spaces", tag = "public", params(("id" = String, Path)),
    responses((status = 200, body = SpacesView), (status = 404), (status = 503)))]
pub async fn spaces(State(services): State<Shared>, Segment(id): Segment<String>) -> Result<Json<SpacesView>, Problem> {
    let city = services.city.borrow().clone();
    let lot = lot(&city, &id)?;
    let statuses = services.engine.spaces(&lot.id).await.map_err(|error| {
        tracing::warn!(error = %error, "spaces cannot be read");
        Problem::unavailable("spaces cannot be read at the moment")
    })?;
    Ok(Json(SpacesView::of(lot, &statuses.unwrap_or_default())))
}

/// A lot's counts over time, as JSON or CSV.
#[utoipa::path(get, path = "/api/v1/lots/{id}/history", tag = "public", params(
    ("id" = String, Path),
    ("from" = Option<String>, Query, description = "RFC 3339; a day before `to` when absent"),
    ("to" = Option<String>, Query, description = "RFC 3339; now when absent"),
    ("step" = Option<String>, Query, description = "seconds, or 1m, 15m, 1h, 1d; by the span when absent"),
    ("format" = Option<String>, Query, description = "json or csv; by Accept when absent"),
), responses((status = 200, body = HistoryView), (status = 400), (status = 404)))]
pub async fn history(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    headers: HeaderMap,
    Params(query): Params<HistoryQuery>,
) -> Result<Response, Problem> {
    let city = services.city.borrow().clone();
    let lot = lot(&city, &id)?;
    let as_csv = csv::is_wanted(query.format.as_deref(), &headers)?;
    let asked = query.read(services.clock.now())?;
    let zone = city.time_zone;
    let slots = services.past.ask(|db| async move { asked.slots(&db, &lot.id, zone).await }).await?;
    let view = HistoryView::of(lot.id.clone(), asked.step_s, &slots);
    Ok(if as_csv { csv::answer("history.csv", view.csv()) } else { Json(view).into_response() })
}

/// Free places expected at a moment.
#[utoipa::path(get, path = "/api/v1/lots/{id}/forecast", tag = "public", params(
    ("id" = String, Path),
    ("at" = Option<String>, Query, description = "RFC 3339; 15 minutes from now when absent"),
), responses((status = 200, body = ForecastView), (status = 400), (status = 404)))]
pub async fn forecast(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    Params(query): Params<ForecastQuery>,
) -> Result<Json<ForecastView>, Problem> {
    let city = services.city.borrow().clone();
    let lot = lot(&city, &id)?;
    let now = services.clock.now();
    let at = query.instant(now)?;
    match services.forecaster.at(&lot.id, at) {
        Some(arrival) => {
            let view = ForecastView::of(lot.id.clone(), at, now, arrival);
            Ok(Json(view.with(ExpectedView::of(&services, &lot.id, at))))
        }
        None => Err(Problem::not_found("the lot has no number to go by at the moment").named("no-forecast")),
    }
}

/// What a day is usually like at a lot, by the quarter of an hour.
#[utoipa::path(get, path = "/api/v1/lots/{id}/typical", tag = "public", params(
    ("id" = String, Path),
    ("date" = Option<String>, Query, description = "a day of the city, 2026-03-10; today when absent"),
), responses((status = 200, body = TypicalView), (status = 400), (status = 404)))]
pub async fn typical(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    Params(query): Params<TypicalQuery>,
) -> Result<Json<TypicalView>, Problem> {
    let city = services.city.borrow().clone();
    let lot = lot(&city, &id)?;
    let usual = services.forecaster.usual_day(&lot.id, query.date()?).ok_or_else(no_lot)?;
    let counts = lots::counts_of(&services.board.snapshot().lots, lot);
    Ok(Json(TypicalView::of(&counts, &usual)))
}

/// Streets, zones and the base map, as GeoJSON.
#[utoipa::path(get, path = "/api/v1/map", tag = "public", responses((status = 200)))]
pub async fn map(State(services): State<Shared>) -> Response {
    let city = services.city.borrow().clone();
    let mut response = Json(map::map(&city, &services.config.map)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/geo+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    response
}

/// Every sign: what it should show, what it has confirmed, how it is.
#[utoipa::path(get, path = "/api/v1/signs", tag = "public", responses((status = 200), (status = 503)))]
pub async fn all_signs(State(services): State<Shared>) -> Result<Json<SignsView>, Problem> {
    driven_here(&services)?;
    let city = services.city.borrow().clone();
    Ok(Json(signs::signs_view(&city, &services.signs, services.clock.now())))
}

/// One sign.
#[utoipa::path(get, path = "/api/v1/signs/{id}", tag = "public", params(("id" = String, Path)),
    responses((status = 200), (status = 404)))]
pub async fn sign(State(services): State<Shared>, Segment(id): Segment<String>) -> Result<Json<SignView>, Problem> {
    driven_here(&services)?;
    let city = services.city.borrow().clone();
    signs::sign_view_of(&city, &services.signs, &id, services.clock.now()).map(Json).ok_or_else(no_sign)
}

/// A panel as it is lit now, by its confirmed face, or as it should be, as PNG.
#[utoipa::path(get, path = "/api/v1/signs/{id}/panels/{panel}.png", tag = "public",
    params(("id" = String, Path), ("panel" = String, Path),
    ("face" = Option<String>, Query, description = "confirmed, desired or fallback"),
    ("page" = Option<u32>, Query, description = "of a face of several pages, from 0"),
    ("style" = Option<String>, Query, description = "lamps, or dots: one pixel for each LED")),
    responses((status = 200, content_type = "image/png"), (status = 404)))]
pub async fn panel(
    State(services): State<Shared>,
    Segment((id, file)): Segment<(String, String)>,
    Params(query): Params<PictureQuery>,
) -> Result<Response, Problem> {
    driven_here(&services)?;
    let panel = file.strip_suffix(".png").ok_or_else(no_sign)?;
    let city = services.city.borrow().clone();
    let png = signs::panel_png(&city, &services.signs, &id, panel, query).ok_or_else(no_sign)?;
    let png = png.map_err(|error| Problem::fault(&error))?;
    Ok(([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, PICTURE_CACHE)], png).into_response())
}
