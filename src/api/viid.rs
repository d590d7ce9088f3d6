//! `/VIID/...`: cameras that speak GA/T 1400.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    Extension,
    extract::{ConnectInfo, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use yunpark_sensors::viid::{
    BodyError, DeviceId, ItemError, Request, Response as Answer, StatusCode as Code, VehicleCapture, device_id,
    parse_images, parse_motor_vehicles, parse_non_motor_vehicles, parse_notifications, response_status,
    response_status_list, system_time,
};

use super::{Shared, json::Refusal};
use crate::enforcement::viid::{Registering, status_of};

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

/// A body as it may fail to come: too large, or cut off.
type Body = Result<Bytes, BytesRejection>;

/// A body, or the answer to one that did not come whole.
fn whole(services: &Shared, body: Body, path: &str) -> Result<Bytes, Refusal> {
    body.map_err(|refused| {
        metrics::counter!("yunpark_viid_torn_total").increment(1);
        Refusal::from(single(services, refused.status(), "", Code::InvalidJsonFormat, path))
    })
}

/// A camera registers: it is challenged first.
#[utoipa::path(post, path = "/VIID/System/Register", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "answer the challenge")))]
pub async fn register(
    State(services): State<Shared>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let path = uri.path();
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let body = whole(&services, body, path)?;
    if body.is_empty() && authorization.is_none() {
        // Many clients keep their body back until they are challenged.
        return Ok(match services.desk.viid_challenge() {
            Ok(challenge) => challenged(&services, "", &challenge, path),
            Err(error) => single(&services, StatusCode::SERVICE_UNAVAILABLE, "", status_of(&error), path),
        });
    }
    let device = match device_id(Request::Register, &body) {
        Ok(device) => device,
        Err(error) => return Ok(wrong_body(&services, &error, path)),
    };
    match services.desk.viid_register(&device, authorization, "POST", path, address(&peer)) {
        Ok(Registering::Registered) => Ok(single(&services, StatusCode::OK, device.as_str(), Code::Ok, path)),
        Ok(Registering::Challenge(challenge)) => Ok(challenged(&services, device.as_str(), &challenge, path)),
        Err(error) => {
            tracing::error!(error = %error, "a camera could not be challenged");
            Ok(single(&services, StatusCode::SERVICE_UNAVAILABLE, device.as_str(), status_of(&error), path))
        }
    }
}

fn challenged(services: &Shared, id: &str, challenge: &str, path: &str) -> Response {
    let mut response = single(services, StatusCode::UNAUTHORIZED, id, Code::InvalidOperation, path);
    if let Ok(challenge) = HeaderValue::from_str(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// A camera says it is alive.
#[utoipa::path(post, path = "/VIID/System/Keepalive", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "register first")))]
pub async fn keepalive(State(services): State<Shared>, peer: Peer, uri: Uri, body: Body) -> Result<Response, Refusal> {
    let device = match device_id(Request::Keepalive, &whole(&services, body, uri.path())?) {
        Ok(device) => device,
        Err(error) => return Ok(wrong_body(&services, &error, uri.path())),
    };
    let known = services.desk.viid().is_registered(&device, address(&peer), services.clock.now());
    Ok(told(&services, known, &device, uri.path()))
}

/// A camera leaves.
#[utoipa::path(post, path = "/VIID/System/UnRegister", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "was not registered")))]
pub async fn unregister(State(services): State<Shared>, peer: Peer, uri: Uri, body: Body) -> Result<Response, Refusal> {
    let device = match device_id(Request::UnRegister, &whole(&services, body, uri.path())?) {
        Ok(device) => device,
        Err(error) => return Ok(wrong_body(&services, &error, uri.path())),
    };
    let known = services.desk.viid().unregister(&device, address(&peer), services.clock.now());
    Ok(told(&services, known, &device, uri.path()))
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

/// Who posts, if it is registered, and the body it posts; or the answer to one who is not, or whose body did not come whole.
fn posted(
    services: &Shared,
    peer: &Peer,
    headers: &HeaderMap,
    body: Body,
    path: &str,
) -> Result<(DeviceId, Bytes), Refusal> {
    let now = services.clock.now();
    let sender = identified(headers).filter(|device| services.desk.viid().is_registered(device, address(peer), now));
    let Some(sender) = sender else {
        return Err(Refusal::from(single(services, StatusCode::UNAUTHORIZED, "", Code::InvalidOperation, path)));
    };
    Ok((sender, whole(services, body, path)?))
}

/// The answers to a list, one for each entry.
fn listed(services: &Shared, answers: &[Answer], path: &str) -> Response {
    answer(StatusCode::OK, response_status_list(answers, path, services.clock.now()))
}

type Vehicles = Result<Vec<Result<VehicleCapture, ItemError>>, BodyError>;

async fn vehicles(services: Shared, sender: DeviceId, entries: Vehicles, path: &str) -> Response {
    match entries {
        Ok(entries) => listed(&services, &services.desk.viid_vehicles(&sender, entries).await, path),
        Err(error) => wrong_body(&services, &error, path),
    }
}

/// A registered camera posts motor vehicles it saw; each is answered for itself.
#[utoipa::path(post, path = "/VIID/MotorVehicles", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "register first"), (status = 413)))]
pub async fn motor_vehicles(
    State(services): State<Shared>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (sender, body) = posted(&services, &peer, &headers, body, uri.path())?;
    Ok(vehicles(services, sender, parse_motor_vehicles(&body), uri.path()).await)
}

/// A registered camera posts non-motor vehicles it saw; each is answered for itself.
#[utoipa::path(post, path = "/VIID/NonMotorVehicles", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "register first"), (status = 413)))]
pub async fn non_motor_vehicles(
    State(services): State<Shared>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (sender, body) = posted(&services, &peer, &headers, body, uri.path())?;
    Ok(vehicles(services, sender, parse_non_motor_vehicles(&body), uri.path()).await)
}

/// A registered camera posts pictures apart from the vehicles they show; each is answered for itself.
#[utoipa::path(post, path = "/VIID/Images", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "register first"), (status = 413)))]
pub async fn images(
    State(services): State<Shared>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (sender, body) = posted(&services, &peer, &headers, body, uri.path())?;
    match parse_images(&body) {
        Ok(pictures) => Ok(listed(&services, &services.desk.viid_pictures(&sender, pictures).await, uri.path())),
        Err(error) => Ok(wrong_body(&services, &error, uri.path())),
    }
}

/// A registered platform or camera notifies of a subscription; each notification is answered for itself.
#[utoipa::path(post, path = "/VIID/SubscribeNotifications", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "register first"), (status = 413)))]
pub async fn notifications(
    State(services): State<Shared>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (sender, body) = posted(&services, &peer, &headers, body, uri.path())?;
    match parse_notifications(&body) {
        Ok(told) => Ok(listed(&services, &services.desk.viid_notifications(&sender, told).await, uri.path())),
        Err(error) => Ok(wrong_body(&services, &error, uri.path())),
    }
}

/// What is not kept here, such as faces: told in the protocol's own form, so that a camera does not send it for ever.
pub async fn not_kept(State(services): State<Shared>, uri: Uri) -> Response {
    metrics::counter!("yunpark_viid_not_kept_total").increment(1);
    single(&services, StatusCode::OK, "", Code::InvalidOperation, uri.path())
}
