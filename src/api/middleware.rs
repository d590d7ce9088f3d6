//! What every request passes, in order: counted, given safe headers, compressed, guarded against panics, timed.

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};
use tracing::Instrument as _;

use super::{Problem, Shared};
use crate::{
    config::BaseMap,
    telemetry::{
        self, Trail,
        trail::{Parent, is_id, new_id},
    },
};

/// Pages load nothing from elsewhere but the tiles of the configured base map; the map's worker and its blobs are our own.
fn content_security_policy(map: &BaseMap) -> HeaderValue {
    let site = map.site().map(|site| format!(" {site}")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; img-src 'self' blob: data:{site}; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
         connect-src 'self'{site}; frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
    );
    // The configuration was checked: a site is a plain name.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'self'"))
}

/// Lays the layers around the routes; the last one named is the first a request meets.
pub fn around(router: Router<Shared>, services: &Shared) -> Router<Shared> {
    router
        .layer(middleware::from_fn_with_state(services.clone(), within_time))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            tracing::error!("a request handler panicked");
            Problem::internal("the fault is logged; try again later").into_response()
        }))
        .layer(CompressionLayer::new().br(true).gzip(true))
        .layer(middleware::from_fn_with_state(
            (content_security_policy(&services.config.map), services.config.http.is_secure()),
            safe_headers,
        ))
        .layer(middleware::from_fn(counted))
        .layer(middleware::from_fn_with_state(services.clone(), followed))
}

/// Routes that take no body above so many bytes: one that says so is refused before it is sent, one that does not when it has come so far.
pub fn no_larger_than(bytes: usize, router: Router<Shared>) -> Router<Shared> {
    router.layer(DefaultBodyLimit::max(bytes)).layer(middleware::from_fn_with_state(bytes, announced))
}

async fn announced(State(most): State<usize>, request: Request, next: Next) -> Response {
    let said =
        request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|said| said > most as u64) {
        return Problem::too_large(format!("at most {most} bytes are taken here")).into_response();
    }
    next.run(request).await
}

/// Ends a request that takes too long. A live socket's request ends with its upgrade, so it is not touched.
async fn within_time(State(services): State<Shared>, request: Request, next: Next) -> Response {
    let limit = Duration::from_secs(services.config.http.request_timeout_s);
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout("try again, or send less at once").into_response(),
    }
}

async fn safe_headers(
    State((policy, is_secure)): State<(HeaderValue, bool)>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), "geolocation=(self), camera=(self)"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    if is_secure {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// A method as a label: a stranger's made-up words must not become series without end.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Counts by route, never by path: a path may carry a plate.
async fn counted(matched: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let route = matched.map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = known(request.method());
    let started = tokio::time::Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("yunpark_http_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("yunpark_http_seconds", "route" => route).record(started.elapsed().as_secs_f64());
    response
}

/// Gives a request an id, the sender's own where that is one, which stands in what is logged meanwhile and in the answer.
async fn followed(
    State(services): State<Shared>,
    matched: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let asked = Asked::of(request.headers());
    let id = asked.id();
    let span = if services.signs.trails().draw() {
        let (route, method) = (matched.as_ref().map_or("none", MatchedPath::as_str), known(request.method()));
        let span = tracing::info_span!(
            target: "yunpark::trail", parent: None, "http.request",
            request.id = %id, http.request.method = method, http.route = route,
            http.response.status_code = tracing::field::Empty,
        );
        if let Some(parent) = &asked.parent {
            telemetry::adopt(&span, parent);
        }
        request.extensions_mut().insert(Trail::of(&id, &span));
        span
    } else {
        tracing::info_span!(target: "yunpark::http", parent: None, "http.request", request.id = %id)
    };
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    span.in_scope(|| tracing::debug!(target: "yunpark::trail", status, "a request was answered"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a request says of whence it comes.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// Its own id.
    given: Option<String>,
    /// What it lies under, by its `traceparent`.
    parent: Option<Parent>,
}

impl Asked {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let given = text(REQUEST_ID).filter(|id| is_id(id));
        let parent = text(HeaderName::from_static("traceparent")).and_then(Parent::parse);
        Self { given: given.map(str::to_owned), parent }
    }

    fn id(&self) -> String {
        let traced = || self.parent.as_ref().map(|parent| parent.trace.clone());
        self.given.clone().or_else(traced).unwrap_or_else(new_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn an_id_is_taken_where_it_is_one_and_made_where_it_is_none() {
        let asked = |pairs: &[(&'static str, &'static str)]| {
            Asked::of(
                &pairs
                    .iter()
                    .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                    .collect(),
            )
        };
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let told = asked(&[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]);
        assert_eq!(told.parent, Some(Parent { trace: trace.to_owned(), span: span.to_owned() }));
        assert_eq!(told.id(), trace);
        let given = asked(&[("x-request-id", "7f1c0c1e-0000-4000-8000-0123456789ab"), ("traceparent", "nonsense")]);
        assert_eq!((given.id().as_str(), given.parent.is_none()), ("7f1c0c1e-0000-4000-8000-0123456789ab", true));
        for id in ["short", "wang li and a long name", "ZHE-K12345-ZHE-K12345"] {
            assert_eq!(asked(&[("x-request-id", id)]).given, None, "{id}");
        }
    }

    #[test]
    fn the_pages_may_ask_this_site_and_that_of_the_configured_tiles() {
        let mut map = Config::load(None).unwrap().map;
        let own = content_security_policy(&map);
        assert!(own.to_str().unwrap().contains("connect-src 'self';") && !own.to_str().unwrap().contains("http"));
        map.url = "https://tiles.example/vec/{z}/{x}/{y}.png".to_owned();
        let policy = content_security_policy(&map);
        let policy = policy.to_str().unwrap();
        assert!(
            policy.contains("data: https://tiles.example;")
                && policy.contains("connect-src 'self' https://tiles.example;")
        );
        assert!(!policy.contains("default-src 'self' https"), "{policy}");
    }
}
