//! `/VIID/...`: cameras that speak GA/T 1400.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Extension,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use yunpark_sensors::viid::{
    BodyError, DeviceId, Request, Response as Answer, StatusCode as Code, device_id, parse_motor_vehicles,
    response_status, response_status_list, system_time,
};

use super::{Problem, Shared};
use crate::enforcement::viid::Registering;

type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

fn address(peer: &Peer) -> IpAddr {
    peer.as_ref().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(ConnectInfo(peer))| peer.ip())
}

fn answer(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json;charset=UTF-8")], body).into_response()
}

/// An answer about one device.
fn single(services: &Shared, status: StatusCode, id: &str, code: Code, path: &str) -> Response {
    let told = Answer { id: id.to_owned(), status: code };
    answer(status, response_status(&told, path, services.clock.now()))
}

fn wrong_body(services: &Shared, error: &BodyError, path: &str) -> Response {
    single(services, StatusCode::BAD_REQUEST, "", error.status(), path)
}

/// The device a request says it comes from.
fn identified(headers: &HeaderMap) -> Option<DeviceId> {
    headers.get("user-identify").and_then(|value| value.to_str().ok()).and_then(|text| DeviceId::parse(text.trim()))
}

/// A camera registers: it is challenged first.
#[utoipa::path(post, path = "/VIID/System/Register", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "answer the challenge")))]
pub async fn register(
    State(services): State<Shared>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let path = uri.path();
    let device = match device_id(Request::Register, &body) {
        Ok(device) => device,
        Err(error) => return Ok(wrong_body(&services, &error, path)),
    };
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match services.desk.viid_register(&device, authorization, "POST", path, address(&peer))? {
        Registering::Registered => Ok(single(&services, StatusCode::OK, device.as_str(), Code::Ok, path)),
        Registering::Challenge(challenge) => {
            let id = device.as_str();
            let mut response = single(&services, StatusCode::UNAUTHORIZED, id, Code::InvalidOperation, path);
            let challenge = HeaderValue::from_str(&challenge).map_err(|error| Problem::fault(&error))?;
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            Ok(response)
        }
    }
}

/// A camera says it is alive.
#[utoipa::path(post, path = "/VIID/System/Keepalive", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "register first")))]
pub async fn keepalive(State(services): State<Shared>, peer: Peer, uri: Uri, body: Bytes) -> Response {
    let device = match device_id(Request::Keepalive, &body) {
        Ok(device) => device,
        Err(error) => return wrong_body(&services, &error, uri.path()),
    };
    let known = services.desk.viid().is_registered(&device, address(&peer), services.clock.now());
    told(&services, known, &device, uri.path())
}

/// A camera leaves.
#[utoipa::path(post, path = "/VIID/System/UnRegister", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "was not registered")))]
pub async fn unregister(State(services): State<Shared>, peer: Peer, uri: Uri, body: Bytes) -> Response {
    let device = match device_id(Request::UnRegister, &body) {
        Ok(device) => device,
        Err(error) => return wrong_body(&services, &error, uri.path()),
    };
    let known = services.desk.viid().unregister(&device, address(&peer), services.clock.now());
    told(&services, known, &device, uri.path())
}

fn told(services: &Shared, known: bool, device: &DeviceId, path: &str) -> Response {
    let (status, code) =
        if known { (StatusCode::OK, Code::Ok) } else { (StatusCode::UNAUTHORIZED, Code::InvalidOperation) };
    single(services, status, device.as_str(), code, path)
}

/// Our time.
#[utoipa::path(get, path = "/VIID/System/Time", tag = "cameras", responses((status = 200)))]
pub async fn time(State(services): State<Shared>) -> Response {
    answer(StatusCode::OK, system_time(&services.config.enforcement.viid_server_id, services.clock.now()))
}

/// A registered camera posts vehicles it saw; each is answered for itself.
#[utoipa::path(post, path = "/VIID/MotorVehicles", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "register first")))]
pub async fn motor_vehicles(
    State(services): State<Shared>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let (path, now) = (uri.path(), services.clock.now());
    let sender = identified(&headers).filter(|device| services.desk.viid().is_registered(device, address(&peer), now));
    let Some(sender) = sender else {
        return Ok(single(&services, StatusCode::UNAUTHORIZED, "", Code::InvalidOperation, path));
    };
    let entries = match parse_motor_vehicles(&body) {
        Ok(entries) => entries,
        Err(error) => return Ok(wrong_body(&services, &error, path)),
    };
    let answers = services.desk.viid_vehicles(&sender, entries).await?;
    Ok(answer(StatusCode::OK, response_status_list(&answers, path, services.clock.now())))
}
