//! What every reader of a feed passes: a page of any site may read it, and nobody may ask without end.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::limits::{Limiter, reader};
use crate::api::Problem;

/// What the guard knows.
#[derive(Clone)]
pub struct Guard {
    /// The readers' buckets.
    pub limiter: Arc<Limiter>,
    /// Whether a proxy of ours stands in front.
    pub behind_proxy: bool,
}

/// Counts the request against its reader's limit, and lets scripts of other sites read the answer.
pub async fn around(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    let reader = reader(request.headers(), peer, guard.behind_proxy);
    let mut response = match guard.limiter.take(reader, tokio::time::Instant::now()) {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            metrics::counter!("yunpark_feeds_refused_total").increment(1);
            let mut response = Problem::too_many("ask less often, or with If-None-Match").into_response();
            let wait_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s.max(1)));
            response
        }
    };
    open_to_all(response.headers_mut());
    response
}

fn open_to_all(headers: &mut HeaderMap) {
    let always: [(HeaderName, &'static str); 6] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, if-none-match, if-modified-since"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "etag, last-modified, link, retry-after, yunpark-cursor"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
