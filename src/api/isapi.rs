//! `/ISAPI/Event/notification/alert`: Hikvision cameras push number-plate events, XML with JPEGs in a multipart body.

use axum::{
    extract::{
        Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Deserialize;
use yunpark_sensors::{
    isapi::{Alert, AnprEvent, Status, parse, response_status},
    multipart::{boundary, parts},
};

use super::Shared;
use crate::{
    domain::ids::CameraId,
    enforcement::{Error, devices::Proved},
};

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// The camera's token, for firmwares that can send it nowhere else.
    #[serde(default)]
    pub token: Option<String>,
}

/// The camera that pushes, or the challenge it must answer.
pub(super) fn prove(
    services: &Shared,
    headers: &HeaderMap,
    asked: &Asked,
    method: &Method,
    uri: &Uri,
) -> Result<Proved, Error> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let path = uri.path_and_query().map_or_else(|| uri.path(), |whole| whole.as_str());
    match services.desk.prove_camera(authorization, asked.token.as_deref(), method.as_str(), path)? {
        // A digest may name the path without what follows it.
        Proved::Challenge(_) if path != uri.path() && authorization.is_some() => {
            services.desk.prove_camera(authorization, asked.token.as_deref(), method.as_str(), uri.path())
        }
        proved => Ok(proved),
    }
}

/// A `401` with both ways a camera may answer it.
pub(super) fn challenged(mut response: Response, challenge: &str) -> Response {
    for value in [challenge, "Basic realm=\"yunpark\""] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().append(header::WWW_AUTHENTICATE, value);
        }
    }
    response
}

fn answer(status: StatusCode, uri: &Uri, code: Status, sub: &str) -> Response {
    let body = response_status(uri.path(), code, sub);
    (status, [(header::CONTENT_TYPE, "application/xml; charset=UTF-8")], body).into_response()
}

fn refused(error: &Error, uri: &Uri) -> Response {
    let (status, code) = match error {
        Error::Store(_) | Error::Decoding | Error::Writing(_) => (StatusCode::SERVICE_UNAVAILABLE, Status::DeviceBusy),
        Error::Slowed { .. } => (StatusCode::TOO_MANY_REQUESTS, Status::DeviceBusy),
        Error::UnknownCamera | Error::ForeignDevice => (StatusCode::FORBIDDEN, Status::InvalidOperation),
        Error::KeyReused => (StatusCode::CONFLICT, Status::InvalidOperation),
        Error::PictureTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, Status::InvalidXmlContent),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, Status::InvalidXmlContent),
    };
    if matches!(error, Error::Store(_)) {
        tracing::error!(error = %error, "what a camera pushed could not be kept");
    }
    let mut response = answer(status, uri, code, error.word());
    if let Error::Slowed { retry_after_s } = error {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    }
    response
}

/// A camera pushes an event.
#[utoipa::path(post, path = "/ISAPI/Event/notification/alert", tag = "cameras",
    params(("token" = Option<String>, Query, description = "for firmwares that can prove themselves in no other way")),
    responses((status = 200), (status = 400), (status = 401, description = "answer the challenge"), (status = 403),
    (status = 409), (status = 413), (status = 422), (status = 429), (status = 503)))]
pub async fn alert(
    State(services): State<Shared>,
    method: Method,
    uri: Uri,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let camera = match prove(&services, &headers, &asked, &method, &uri) {
        Ok(Proved::Camera(camera)) => camera,
        Ok(Proved::Challenge(challenge)) => {
            let unproved = answer(StatusCode::UNAUTHORIZED, &uri, Status::InvalidOperation, "unauthorized");
            return challenged(unproved, &challenge);
        }
        Err(error) => return refused(&error, &uri),
    };
    if let Err(error) = services.desk.check_pace(&camera) {
        return refused(&error, &uri);
    }
    let faulty = |sub: &'static str, status, code| {
        services.desk.count_refused(&camera, Error::Invalid { field: "body", reason: sub.to_owned() });
        answer(status, &uri, code, sub)
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => return faulty("tornBody", error.status(), Status::InvalidXmlFormat),
    };
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut events = Vec::new();
    let mut pictures = Vec::new();
    if let Some(boundary) = boundary(media_type) {
        let Ok(parts) = parts(&body, boundary) else {
            return faulty("tornBody", StatusCode::BAD_REQUEST, Status::InvalidXmlFormat);
        };
        for part in parts {
            if part.is_picture() {
                let name = if part.file_name.is_empty() { part.name } else { part.file_name };
                pictures.push((name.to_owned(), body.slice_ref(part.body)));
            } else if part.is_xml() {
                events.push(parse(part.body));
            } else if part.media_type.starts_with("image/") {
                // Told to be a picture and none: the desk says so by name.
                pictures.push((part.file_name.to_owned(), body.slice_ref(part.body)));
            }
        }
    } else {
        events.push(parse(&body));
    }
    match events.into_iter().next() {
        None => faulty("noEvent", StatusCode::BAD_REQUEST, Status::InvalidXmlContent),
        Some(Err(error)) => faulty(
            if error.status() == Status::InvalidXmlFormat { "badXmlFormat" } else { "badXmlContent" },
            StatusCode::BAD_REQUEST,
            error.status(),
        ),
        Some(Ok(Alert::Other(_))) => answer(StatusCode::OK, &uri, Status::Ok, "ok"),
        Some(Ok(Alert::Anpr(event))) => taken_in(&services, &camera, *event, pictures, &uri).await,
    }
}

async fn taken_in(
    services: &Shared,
    camera: &CameraId,
    event: AnprEvent,
    pictures: Vec<(String, Bytes)>,
    uri: &Uri,
) -> Response {
    match services.desk.isapi_event(camera, event, pictures).await {
        Ok(()) => answer(StatusCode::OK, uri, Status::Ok, "ok"),
        Err(error) => refused(&error, uri),
    }
}
