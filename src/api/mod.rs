//! The HTTP door: the router reads as a site map; one file per resource.

mod admin;
mod approaches;
mod audit;
pub mod auth;
mod cameras;
mod captures;
mod check;
mod citizens;
mod city;
mod counters;
mod courses;
mod csv;
mod dead_letters;
mod displays;
pub mod door;
mod evidence;
mod feeds;
mod field;
mod form;
pub mod health;
mod incidents;
mod isapi;
mod itsapi;
pub mod json;
mod lite;
pub mod live;
pub mod lots;
pub mod map;
pub mod matters;
mod middleware;
mod month;
mod openapi;
mod pages;
mod petitions;
mod plates;
mod poster;
pub mod problem;
mod public;
mod records;
mod reports;
mod seizures;
mod sensors;
mod session;
mod sign_orders;
pub mod signs;
mod state;
mod statistics;
mod subscribers;
mod transitions;
mod under_way;
mod viid;

use axum::{
    Router,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
    routing::{any, delete, get, post, put},
};

use tower_http::services::ServeFile;

use crate::config::Role;

pub use problem::Problem;
pub use state::{HealthCheck, Services, Shared};

/// Requests of one address a minute at the public's doors, and at once.
const DOOR_PER_MINUTE: u32 = 60;
const DOOR_BURST: u32 = 30;

/// The HTTP door of this node: what its roles serve, and always the operators' paths.
pub fn router(services: Shared) -> Router {
    let limits = &services.config.http;
    let plays = |role: Role| services.config.node.roles.contains(&role);
    let mut routes = operators();
    if plays(Role::Web) {
        routes = routes.merge(base_map(&services)).merge(pages_and_public()).merge(feeds::routes(&services));
    }
    if plays(Role::Enforcement) {
        routes = routes.merge(staff()).merge(cameras());
    }
    routes = middleware::no_larger_than(limits.max_body_bytes, routes);
    if plays(Role::Enforcement) {
        routes = routes.merge(middleware::no_larger_than(limits.max_upload_bytes, uploads()));
    }
    let routes = routes
        .fallback(elsewhere)
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed("see /api/v1/openapi.json") });
    middleware::around(routes, &services).with_state(services)
}

/// How often one address may knock at the public's doors that write: a person's pace, with room for a family behind one address.
pub fn doorman() -> feeds::limits::Limiter {
    feeds::limits::Limiter::new(DOOR_PER_MINUTE, DOOR_BURST)
}

fn operators() -> Router<Shared> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/approaches", get(approaches::list))
        .route("/api/v1/counters", get(counters::list))
        .route("/api/v1/dead-letters", get(dead_letters::list))
        .route("/api/v1/feed-sources", get(subscribers::sources))
        .route("/api/v1/webhooks", get(subscribers::list))
        .route("/api/v1/webhooks/{id}/replay", post(subscribers::replay))
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/sensors", get(sensors::list))
        .route("/api/v1/sensors/{id}", get(sensors::one))
        .route("/api/v1/lots/{id}/spaces/{space}/transitions", get(transitions::list))
}

fn pages_and_public() -> Router<Shared> {
    Router::new()
        .route("/", get(pages::map))
        .route("/lite", get(lite::list))
        .route("/lots/{id}", get(poster::lot))
        .route("/lots/{id}/poster", get(poster::poster))
        .route("/signs", get(pages::signs))
        .route("/officer", get(pages::officer))
        .route("/supervisor", get(pages::supervisor))
        .route("/operator", get(pages::operator))
        .route("/admin", get(pages::admin))
        .route("/report", get(pages::report))
        .route("/report/{receipt}", get(pages::report))
        .route("/matters", get(pages::matters))
        .route("/assets/{*path}", get(pages::asset))
        .route("/api/v1/lots", get(public::lots))
        .route("/api/v1/lots/{id}", get(public::one_lot))
        .route("/api/v1/lots/{id}/spaces", get(public::spaces))
        .route("/api/v1/lots/{id}/history", get(public::history))
        .route("/api/v1/lots/{id}/forecast", get(public::forecast))
        .route("/api/v1/lots/{id}/typical", get(public::typical))
        .route("/api/v1/lots/{id}/underway", get(under_way::count).post(under_way::tell))
        .route("/api/v1/lots/{id}/reservations", post(under_way::reserve))
        .route("/api/v1/underway/{id}", delete(under_way::withdraw))
        .route("/api/v1/map", get(public::map))
        .route("/api/v1/signs", get(public::all_signs))
        .route("/api/v1/signs/{id}", get(public::sign))
        .route("/api/v1/signs/{id}/panels/{panel}", get(public::panel))
        .route("/api/v1/signs/{id}/page", get(displays::page))
        .route("/api/v1/signs/{id}/shown", post(displays::shown))
        .route("/api/v1/live", get(live::open))
        .route("/api/v1/live/events", get(live::events::listen))
}

/// The tiles of a base map that is a file of this node, by ranges of it.
fn base_map(services: &Shared) -> Router<Shared> {
    match services.config.map.pmtiles.as_str() {
        "" => Router::new(),
        file => Router::new().route_service(map::TILES_PATH, ServeFile::new(file)),
    }
}

fn staff() -> Router<Shared> {
    Router::new()
        .route("/api/v1/check", get(check::check))
        .route("/api/v1/check/pictures/{nth}", get(petitions::picture))
        .route("/api/v1/check/petitions/{receipt}", get(petitions::follow))
        .route("/api/v1/petitions", get(petitions::list))
        .route("/api/v1/petitions/{receipt}/answer", post(petitions::answer))
        .route("/api/v1/session", post(session::sign_in).get(session::who).delete(session::sign_out))
        .route("/api/v1/cameras", get(cameras::list))
        .route("/api/v1/field", get(field::kit))
        .route("/api/v1/incidents", get(incidents::list))
        .route("/api/v1/incidents/{id}", get(incidents::one))
        .route("/api/v1/incidents/{id}/manifest", get(incidents::manifest))
        .route("/api/v1/incidents/reviews", post(incidents::review_many))
        .route("/api/v1/incidents/{id}/review", post(incidents::review))
        .route("/api/v1/incidents/{id}/claim", post(incidents::claim).delete(incidents::release_claim))
        .route("/api/v1/audit", get(audit::log))
        .route("/api/v1/admin/users", get(admin::users).post(admin::add_user))
        .route("/api/v1/admin/users/{name}", post(admin::change_user))
        .route("/api/v1/admin/settings", get(admin::settings))
        .route("/api/v1/admin/settings/{name}", get(admin::setting).post(admin::set))
        .route("/api/v1/admin/documents", get(admin::forms))
        .route("/api/v1/admin/history", get(admin::history))
        .route("/api/v1/records", get(records::list).post(records::create))
        .route("/api/v1/records/{id}", get(records::one))
        .route("/api/v1/records/{id}/notice", get(records::notice))
        .route("/api/v1/records/{id}/documents/{document}", get(records::document))
        .route("/api/v1/records/{id}/steps", get(courses::steps).post(courses::advance))
        .route("/api/v1/records/{id}/proof", get(courses::proof))
        .route("/api/v1/ledger/heads", get(courses::heads))
        .route("/api/v1/appeals", get(courses::appeals).post(courses::file_appeal))
        .route("/api/v1/appeals/{id}", get(courses::appeal))
        .route("/api/v1/appeals/{id}/steps", post(courses::advance_appeal))
        .route("/api/v1/matters", get(matters::list))
        .route("/api/v1/matters/kit", get(matters::kit))
        .route("/api/v1/matters/scores", get(matters::scores))
        .route("/api/v1/matters/{id}", get(matters::one))
        .route("/api/v1/matters/{id}/steps", post(matters::advance))
        .route("/api/v1/grid/coverage", get(matters::coverage))
        .route("/api/v1/patrols", get(matters::patrols))
        .route("/api/v1/patrols/{id}", post(matters::patrolled))
        .route("/api/v1/partners", get(citizens::deliveries))
        .route("/api/v1/partners/messages/{id}/replay", post(citizens::replay))
        .route("/api/v1/partner/matters", get(citizens::pull))
        .route("/api/v1/gateway/reports", post(citizens::relay))
        .route("/api/v1/citizen/kinds", get(citizens::kinds))
        .route("/api/v1/citizen/reports/{receipt}", get(citizens::follow))
        .route("/api/v1/citizen/reports/{receipt}/judgement", post(citizens::judge))
        .route("/api/v1/open/city-management", get(citizens::open_figures))
        .route("/api/v1/permits", get(courses::permits).post(courses::grant_permit))
        .route("/api/v1/permits/{id}", delete(courses::end_permit))
        .route("/api/v1/reports", get(courses::reports))
        .route("/api/v1/reports/due", get(courses::due))
        .route("/api/v1/reports/funnel", get(reports::funnel))
        .route("/api/v1/reports/hotspots", get(reports::hot_spots))
        .route("/api/v1/reports/classes", get(reports::classes))
        .route("/api/v1/reports/units", get(reports::units))
        .route("/api/v1/reports/behind", get(reports::behind))
        .route("/api/v1/corrections", get(records::corrections).post(records::create_correction))
        .route("/api/v1/corrections/bulk", post(records::create_corrections))
        .route("/api/v1/seizures", get(seizures::list).post(seizures::propose))
        .route("/api/v1/seizures/{id}/approve", post(seizures::approve))
        .route("/api/v1/plates", get(plates::search))
        .route("/api/v1/plates/{plate}/history", get(plates::history))
        .route("/api/v1/evidence/{sha256}", get(evidence::image))
        .route("/api/v1/evidence/{sha256}/thumbnail", get(evidence::thumbnail))
        .route("/api/v1/statistics", get(statistics::period))
        .route("/api/v1/lots/{id}/actions", post(lots::actions::act))
        .route("/api/v1/signs/{id}/override", post(sign_orders::begin_override).delete(sign_orders::end_override))
        .route("/api/v1/sign-messages", post(sign_orders::schedule).get(sign_orders::list))
        .route("/api/v1/sign-messages/{id}", delete(sign_orders::withdraw))
}

/// GA/T 1400, and what cameras say without pictures.
fn cameras() -> Router<Shared> {
    Router::new()
        .route("/VIID/System/Register", post(viid::register))
        .route("/VIID/System/UnRegister", post(viid::unregister))
        .route("/VIID/System/Keepalive", post(viid::keepalive))
        .route("/VIID/System/Time", get(viid::time))
        .route("/NotificationInfo/KeepAlive", post(itsapi::alive))
}

/// What carries pictures, and so a larger body.
fn uploads() -> Router<Shared> {
    Router::new()
        .route("/api/v1/captures", post(captures::create))
        .route("/api/v1/city", post(city::import))
        .route("/api/v1/city/checks", post(city::check))
        .route("/check", get(check::page).post(petitions::send_form))
        .route("/api/v1/check/petitions", post(petitions::send))
        .route("/api/v1/citizen/reports", post(citizens::say))
        .route("/api/v1/matters", post(matters::say))
        .route("/api/v1/matters/{id}/handled", post(matters::handled))
        .route("/api/v1/pictures/{name}", put(cameras::picture))
        .route("/VIID/MotorVehicles", post(viid::motor_vehicles))
        .route("/VIID/NonMotorVehicles", post(viid::non_motor_vehicles))
        .route("/VIID/Images", post(viid::images))
        .route("/VIID/SubscribeNotifications", post(viid::notifications))
        .route("/VIID/{*other}", any(viid::not_kept))
        .route("/ISAPI/Event/notification/alert", post(isapi::alert))
        .route("/NotificationInfo/TollgateInfo", post(itsapi::tollgate))
}

/// What is on no route: a file of the pages' root, or nothing.
async fn elsewhere(uri: Uri, headers: HeaderMap) -> Response {
    pages::root_file(uri.path(), &headers).unwrap_or_else(|| Problem::not_found("no such path").into_response())
}
