//! The one error of the HTTP door: `application/problem+json` (RFC 9457) with a stable `type`.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// Where the stable names of problems live.
pub const TYPE_BASE: &str = "https://yunpark.dev/problems/";

/// When to try again what there was no room for, seconds.
const FULL_RETRY_S: u32 = 60;

/// What went wrong, as a caller can act on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(skip)]
    status: StatusCode,
    #[serde(skip)]
    slug: &'static str,
    title: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldFault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// The field's name or path.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $status:ident, $slug:literal, $title:literal;)*) => {
        impl Problem {
            $($(#[$doc])*
            pub fn $name(detail: impl Into<String>) -> Self {
                Self {
                    status: StatusCode::$status,
                    slug: $slug,
                    title: $title,
                    detail: detail.into(),
                    fields: Vec::new(),
                    retry_after_s: None,
                }
            })*
        }
    };
}

kinds! {
    /// 400: the request cannot be read.
    bad_request: BAD_REQUEST, "bad-request", "The request cannot be read";
    /// 401: nobody is signed in, or the credential is wrong.
    unauthenticated: UNAUTHORIZED, "unauthenticated", "Sign in first";
    /// 403: the one who is signed in may not.
    forbidden: FORBIDDEN, "forbidden", "Not allowed";
    /// 404: there is no such thing.
    not_found: NOT_FOUND, "not-found", "Not found";
    /// 405: the path is right and the method is not.
    method_not_allowed: METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed";
    /// 406: it is not made in the form that is asked for.
    not_acceptable: NOT_ACCEPTABLE, "not-acceptable", "Not made in this form";
    /// 408: the request took too long.
    timeout: REQUEST_TIMEOUT, "timeout", "The request took too long";
    /// 409: it contradicts what is already there.
    conflict: CONFLICT, "conflict", "In conflict with what is there";
    /// 413: the body is larger than the limit.
    too_large: PAYLOAD_TOO_LARGE, "too-large", "The body is too large";
    /// 415: the media type is not taken.
    unsupported_media: UNSUPPORTED_MEDIA_TYPE, "unsupported-media", "Media type not taken";
    /// 422: the request can be read and cannot be done as it stands.
    unprocessable: UNPROCESSABLE_ENTITY, "unprocessable", "The request cannot be carried out";
    /// 429: too many requests.
    too_many: TOO_MANY_REQUESTS, "too-many-requests", "Too many requests";
    /// 500: our fault; details are in the log, not here.
    internal: INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side";
    /// 503: a dependency is not there at the moment.
    unavailable: SERVICE_UNAVAILABLE, "unavailable", "Not available at the moment";
    /// 507: there is no room to keep it.
    full: INSUFFICIENT_STORAGE, "storage-full", "No room to keep it";
}

impl Problem {
    /// Names a wrong field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, reason: impl Into<String>) -> Self {
        self.fields.push(FieldFault { field: field.into(), reason: reason.into() });
        self
    }

    /// Gives the problem a narrower stable name than its kind's.
    #[must_use]
    pub fn named(mut self, slug: &'static str) -> Self {
        self.slug = slug;
        self
    }

    /// Says when to try again, in the body and in `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// What is wrong with this very request.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A text the database cannot keep.
    pub(super) fn bad_text() -> Self {
        Self::bad_request("a text holds a character that cannot be kept").named("bad-text")
    }

    /// A fault of ours: logged here in full, told to the caller without its inside.
    pub fn fault(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %error, "a request failed on our side");
        Self::internal("the fault is logged; try again later")
    }
}

impl From<crate::store::Error> for Problem {
    /// A database that is away is told as such; anything else is our fault.
    fn from(error: crate::store::Error) -> Self {
        if error.is_full() {
            metrics::counter!("yunpark_storage_full_total").increment(1);
            tracing::error!(error = %error, "there is no room to keep it");
            Self::full(
                "the disk of this system is full; nothing was kept. Send it again later with the same Idempotency-Key; \
                 whoever runs the system must make room",
            )
            .retry_after(FULL_RETRY_S)
        } else if error.is_unavailable() {
            tracing::warn!(error = %error, "the database does not answer");
            Self::unavailable("the database does not answer; try again in a moment")
        } else if error.is_bad_text() {
            Self::bad_text()
        } else {
            Self::fault(&error)
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    status: u16,
    #[serde(flatten)]
    problem: &'a Problem,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body { r#type: format!("{TYPE_BASE}{}", self.slug), status: self.status.as_u16(), problem: &self };
        let mut response = (self.status, Json(&body)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_carries_its_stable_type_status_and_fields() {
        let problem = Problem::bad_request("no plate was given").field("plate", "missing");
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
