//! `/api/v1/session`: sign in, who am I, sign out.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::{COOKIE, Staff, bearer, cookie},
    json::{Body, Private},
};
use crate::{
    domain::{staff::Role, time::Instant},
    staff::Refused,
};

/// A name and its password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    name: String,
    password: String,
    /// The one-time code, for an account with a second factor.
    #[serde(default)]
    code: Option<String>,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    name: String,
    #[schema(value_type = String)]
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
    /// For programs, as `Authorization: Bearer`; told only at sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wrong => Self::unauthenticated("name or password is wrong"),
            Refused::Code => Self::unauthenticated(refused.to_string()).named("code-needed"),
            Refused::Throttled => Self::too_many("too many failed sign-ins; wait a quarter of an hour"),
            Refused::Several(ref all) => {
                let fields = all.iter().map(|one| match one {
                    Refused::Name | Refused::Taken => ("name", one.to_string()),
                    Refused::Password => ("password", one.to_string()),
                    Refused::Unit => ("unit", one.to_string()),
                    other => ("reason", other.to_string()),
                });
                fields.fold(Self::unprocessable(refused.to_string()), |problem, (name, why)| problem.field(name, why))
            }
            Refused::Name => Self::unprocessable(refused.to_string()).field("name", refused.to_string()),
            Refused::Password => Self::unprocessable(refused.to_string()).field("password", refused.to_string()),
            Refused::Unit => Self::unprocessable(refused.to_string()).field("unit", refused.to_string()),
            Refused::Reason => Self::unprocessable(refused.to_string()).field("reason", refused.to_string()),
            Refused::Taken => Self::conflict(refused.to_string()).named("taken").field("name", refused.to_string()),
            Refused::LastAdmin => Self::conflict(refused.to_string()).named("last-admin"),
            Refused::KeyReused => Self::conflict(refused.to_string()).named("key-reused"),
            Refused::Nobody => Self::not_found(refused.to_string()),
            Refused::Store(error) => error.into(),
            Refused::Hash(_) => Self::fault(&refused),
        }
    }
}

/// Signs in; the cookie serves pages, the token programs.
#[utoipa::path(post, path = "/api/v1/session", tag = "staff", request_body = Credentials,
    responses((status = 200, body = SessionView), (status = 401), (status = 429)))]
pub async fn sign_in(State(services): State<Shared>, Body(wanted): Body<Credentials>) -> Result<Response, Problem> {
    let signed_in = services.staff.sign_in_with(&wanted.name, &wanted.password, wanted.code.as_deref()).await?;
    let max_age = (signed_in.expires_at - services.clock.now()).num_seconds().max(0);
    let secure = if services.config.http.is_secure() { "; Secure" } else { "" };
    let set = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age}{secure}", signed_in.token);
    let view = SessionView {
        name: signed_in.name,
        role: signed_in.role,
        expires_at: signed_in.expires_at,
        token: Some(signed_in.token),
    };
    let mut response = Json(view).into_response();
    let value = HeaderValue::from_str(&set).map_err(|error| Problem::fault(&error))?;
    response.headers_mut().insert(header::SET_COOKIE, value);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "staff", responses((status = 200, body = SessionView), (status = 401)))]
pub async fn who(Staff(session): Staff) -> Private<Json<SessionView>> {
    let view = SessionView { name: session.name, role: session.role, expires_at: session.expires_at, token: None };
    Private(Json(view))
}

/// Signs out: the token is worth nothing afterwards.
#[utoipa::path(delete, path = "/api/v1/session", tag = "staff", responses((status = 204), (status = 401)))]
pub async fn sign_out(State(services): State<Shared>, _staff: Staff, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(token) = bearer(&headers).or_else(|| cookie(&headers)) {
        services.staff.sign_out(token).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let gone = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    let value = HeaderValue::from_str(&gone).map_err(|error| Problem::fault(&error))?;
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(response)
}
