//! `/NotificationInfo/...`: Dahua cameras push ITSAPI messages, JSON with pictures in base64.

use axum::{
    extract::{
        Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use yunpark_sensors::itsapi::{TollgateError, keep_alive, parse, reply};

use super::{
    Shared,
    isapi::{Asked, challenged, prove},
    json::Refusal,
};
use crate::{
    domain::ids::CameraId,
    enforcement::{Error, devices::Proved},
};

fn answer(services: &Shared, status: StatusCode, result: Result<(), &str>) -> Response {
    let zone = services.city.borrow().time_zone;
    let at = services.clock.now().with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
    (status, [(header::CONTENT_TYPE, "application/json;charset=UTF-8")], reply(result, &at)).into_response()
}

fn refused(services: &Shared, error: &Error) -> Response {
    let status = match error {
        Error::Store(_) | Error::Decoding | Error::Writing(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Slowed { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::UnknownCamera | Error::ForeignDevice => StatusCode::FORBIDDEN,
        Error::KeyReused => StatusCode::CONFLICT,
        Error::PictureTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    if matches!(error, Error::Store(_)) {
        tracing::error!(error = %error, "what a camera pushed could not be kept");
    }
    answer(services, status, Err(error.word()))
}

/// The camera and its message, or the answer to one who proved nothing, floods, or was cut off.
fn pushed(
    services: &Shared,
    method: &Method,
    uri: &Uri,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(CameraId, Bytes), Refusal> {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let camera = match prove(services, headers, &asked, method, uri) {
        Ok(Proved::Camera(camera)) => camera,
        Ok(Proved::Challenge(challenge)) => {
            let unproved = answer(services, StatusCode::UNAUTHORIZED, Err("unauthorized"));
            return Err(Refusal::from(challenged(unproved, &challenge)));
        }
        Err(error) => return Err(Refusal::from(refused(services, &error))),
    };
    services.desk.check_pace(&camera).map_err(|error| Refusal::from(refused(services, &error)))?;
    match body {
        Ok(body) => Ok((camera, body)),
        Err(error) => Err(Refusal::from(wrong(services, &camera, error.status(), "torn-body"))),
    }
}

fn wrong(services: &Shared, camera: &CameraId, status: StatusCode, word: &'static str) -> Response {
    services.desk.count_refused(camera, Error::Invalid { field: "body", reason: word.to_owned() });
    answer(services, status, Err(word))
}

/// A camera pushes a vehicle it saw.
#[utoipa::path(post, path = "/NotificationInfo/TollgateInfo", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "answer the challenge"), (status = 403),
    (status = 413), (status = 422), (status = 429), (status = 503)))]
pub async fn tollgate(
    State(services): State<Shared>,
    method: Method,
    uri: Uri,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let (camera, body) = pushed(&services, &method, &uri, asked, &headers, body)?;
    let info = match parse(&body) {
        Ok(info) => info,
        Err(TollgateError::NotJson) => return Ok(wrong(&services, &camera, StatusCode::BAD_REQUEST, "not-json")),
        Err(_) => return Ok(wrong(&services, &camera, StatusCode::UNPROCESSABLE_ENTITY, "not-a-sighting")),
    };
    match services.desk.itsapi_event(&camera, info).await {
        Ok(()) => Ok(answer(&services, StatusCode::OK, Ok(()))),
        Err(error) => Ok(refused(&services, &error)),
    }
}

/// A camera says it is alive.
#[utoipa::path(post, path = "/NotificationInfo/KeepAlive", tag = "cameras",
    responses((status = 200), (status = 400), (status = 401, description = "answer the challenge"), (status = 403)))]
pub async fn alive(
    State(services): State<Shared>,
    method: Method,
    uri: Uri,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let (camera, body) = pushed(&services, &method, &uri, asked, &headers, body)?;
    match keep_alive(&body) {
        Ok(_) => Ok(answer(&services, StatusCode::OK, Ok(()))),
        Err(_) => Ok(wrong(&services, &camera, StatusCode::BAD_REQUEST, "not-a-keep-alive")),
    }
}
