//! `/api/v1/lots/{id}/underway` and `/reservations`: drivers who say that they are coming, and apps that ask for a place.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Extension, Json,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    json::{Body, Segment},
    lots::ForecastView,
};
use crate::{
    demand::{Error, Told},
    domain::{demand, ids::LotId, time::Instant},
};

type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

/// A driver who is coming.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Coming {
    /// Seconds till the driver is there.
    eta_s: u32,
}

/// What was taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComingView {
    /// Takes it back: `DELETE /api/v1/underway/{id}`. Nobody else is told it.
    id: String,
    /// The lot.
    #[schema(value_type = String)]
    lot: LotId,
    /// `intent` or `reservation`.
    kind: &'static str,
    /// When the driver is expected.
    #[schema(value_type = String, format = DateTime)]
    arrives_at: Instant,
    /// From then on it counts no more.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Instant,
    /// What is expected on arrival; absent where nothing can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<ForecastView>,
}

/// Drivers under way to a lot.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnderWayView {
    /// The lot.
    #[schema(value_type = String)]
    lot: LotId,
    /// Those who navigate there.
    intents: u32,
    /// Places asked for by apps.
    reservations: u32,
    /// Vehicles expected of those who passed counters upstream; absent where no counted road leads to the lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<f64>,
    /// The places that guidance counts as taken by them: the greater of what was said and what was counted.
    places: u32,
}

/// Drivers known to be on their way who are there before an instant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ExpectedView {
    /// Places that those take who said so.
    said: u32,
    /// Vehicles expected of those who passed counters upstream.
    counted: f64,
    /// The places that guidance counts as taken by them: the greater of the two.
    places: u32,
}

impl ExpectedView {
    /// Those to a lot before an instant; `None` where nobody is known to come.
    pub(super) fn of(services: &Shared, lot: &LotId, before: Instant) -> Option<Self> {
        let coming =
            demand::Coming { said: services.demand.places(lot, before), counted: services.roads.expected(lot, before) };
        let view = Self { said: coming.said, counted: tenths(coming.counted), places: coming.most().ceil() as u32 };
        (coming != demand::Coming::default()).then_some(view)
    }
}

fn tenths(vehicles: f64) -> f64 {
    (vehicles * 10.0).round() / 10.0
}

/// Tells that a driver is on the way to a lot: anonymous, and over by itself.
#[utoipa::path(post, path = "/api/v1/lots/{id}/underway", tag = "public", params(("id" = String, Path)),
    request_body = Coming, responses((status = 201, body = ComingView), (status = 404), (status = 422), (status = 429)))]
pub async fn tell(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    peer: Peer,
    headers: HeaderMap,
    Body(coming): Body<Coming>,
) -> Result<Response, Problem> {
    let lot = lot(&id)?;
    let peer = address(&services, &peer, &headers);
    let told = services.demand.tell(&lot, coming.eta_s, peer).await.map_err(problem)?;
    Ok((StatusCode::CREATED, Json(view(&services, told))).into_response())
}

/// Asks for a place on behalf of an app's user. Counted whole; no place is kept shut.
#[utoipa::path(post, path = "/api/v1/lots/{id}/reservations", tag = "apps", params(("id" = String, Path)),
    request_body = Coming,
    responses((status = 201, body = ComingView), (status = 401), (status = 404), (status = 409), (status = 422)))]
pub async fn reserve(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    headers: HeaderMap,
    Body(coming): Body<Coming>,
) -> Result<Response, Problem> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let app = token.and_then(|token| services.demand.app(token));
    let app = app.ok_or_else(|| Problem::unauthenticated("send the app's token as Authorization: Bearer"))?;
    let lot = lot(&id)?;
    let told = services.demand.reserve(app, &lot, coming.eta_s).await.map_err(problem)?;
    Ok((StatusCode::CREATED, Json(view(&services, told))).into_response())
}

/// Takes back what was told: the driver has parked, or goes elsewhere.
#[utoipa::path(delete, path = "/api/v1/underway/{id}", tag = "public", params(("id" = String, Path)),
    responses((status = 204), (status = 404)))]
pub async fn withdraw(State(services): State<Shared>, Segment(id): Segment<String>) -> Result<StatusCode, Problem> {
    if services.demand.withdraw(&id).await.map_err(problem)? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("nothing of this id is under way"))
    }
}

/// How many drivers are under way to a lot.
#[utoipa::path(get, path = "/api/v1/lots/{id}/underway", tag = "public", params(("id" = String, Path)),
    responses((status = 200, body = UnderWayView), (status = 404)))]
pub async fn count(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
) -> Result<Json<UnderWayView>, Problem> {
    let lot = lot(&id)?;
    if !services.city.borrow().lots.contains_key(&lot) {
        return Err(problem(Error::NoLot));
    }
    let counted = services.demand.counted(&lot, Instant::MAX_UTC);
    let coming = demand::Coming {
        said: services.demand.places(&lot, Instant::MAX_UTC),
        counted: services.roads.expected(&lot, Instant::MAX_UTC),
    };
    let is_counted = services.roads.leads_to(&lot);
    Ok(Json(UnderWayView {
        lot,
        intents: counted.intents,
        reservations: counted.reservations,
        counted: is_counted.then_some(tenths(coming.counted)),
        places: coming.most().ceil() as u32,
    }))
}

fn view(services: &Shared, told: Told) -> ComingView {
    let demand = told.demand;
    let arrival = services.forecaster.at(&demand.lot, demand.arrives_at);
    let made_at = services.clock.now();
    let of = |arrival| {
        let view = ForecastView::of(demand.lot.clone(), demand.arrives_at, made_at, arrival);
        view.with(ExpectedView::of(services, &demand.lot, demand.arrives_at))
    };
    let forecast = arrival.map(of);
    ComingView {
        id: told.id,
        kind: demand.kind.as_str(),
        arrives_at: demand.arrives_at,
        ends_at: demand.ends_at,
        forecast,
        lot: demand.lot,
    }
}

fn lot(id: &str) -> Result<LotId, Problem> {
    LotId::parse(id).map_err(|_| problem(Error::NoLot))
}

/// The caller's address: the proxy's word where one is configured, the last of several.
fn address(services: &Shared, peer: &Peer, headers: &HeaderMap) -> IpAddr {
    let name = services.config.demand.address_header.as_str();
    let told = (!name.is_empty()).then(|| headers.get_all(name).iter().next_back()?.to_str().ok()).flatten();
    let told = told.and_then(|value| value.rsplit(',').next()?.trim().parse().ok());
    let peer = || peer.as_ref().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(ConnectInfo(peer))| peer.ip());
    told.unwrap_or_else(peer)
}

fn problem(error: Error) -> Problem {
    match error {
        Error::Store(error) => error.into(),
        Error::NoLot => Problem::not_found("there is no such lot; GET /api/v1/lots names them"),
        Error::TooFar(_) => Problem::unprocessable("the arrival lies too far ahead").field("eta_s", error.to_string()),
        Error::TooOften(_) => Problem::too_many(error.to_string()),
        Error::Held(_) => Problem::conflict(error.to_string()).named("enough-held"),
        Error::NoId(error) => Problem::fault(&error),
    }
}
