//! `/api/v1/citizen`, `/api/v1/gateway`, `/api/v1/partner`: what the public says and follows, in person or through a hotline; and
//! what partners come to ask.

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{ConnectInfo, FromRequestParts, Multipart, State, multipart::MultipartRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::{Staff, bearer},
    captures::required_key,
    feeds::limits::reader,
    form,
    json::{Body, Id, Params, Private},
    month::Month,
};
use crate::{
    domain::{matter::Source, staff::Role, time::rfc3339},
    matters::{Collected, NewReport, Reporter},
};

/// Most pictures of one report.
const MOST_PICTURES: usize = 3;
/// Most messages a partner is given at once, and how many where nothing is asked.
const PULLED: (u32, u32) = (500, 100);

/// Where a request comes from; one that comes too often is refused before its body is read.
#[derive(Debug)]
pub struct Address(String);

impl FromRequestParts<Shared> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, services: &Shared) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let address = reader(&parts.headers, peer, services.config.feeds.behind_proxy);
        match services.doorman.take(address, tokio::time::Instant::now()) {
            Ok(()) => Ok(Self(address.to_string())),
            Err(wait) => {
                metrics::counter!("yunpark_matter_reports_slowed_total").increment(1);
                let seconds = u32::try_from(wait.as_secs()).unwrap_or(60).max(1);
                Err(Problem::too_many("this address asks very often; wait a moment").retry_after(seconds))
            }
        }
    }
}

/// What the public says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The code of its category, of those at `/api/v1/citizen/kinds`.
    category: String,
    /// lon/lat WGS-84.
    #[schema(value_type = Option<Vec<f64>>)]
    #[serde(default)]
    location: Option<(f64, f64)>,
    /// Where, in words.
    #[serde(default)]
    place: String,
    /// What.
    #[serde(default)]
    what: String,
    /// A telephone, if the reporter wants to be asked; forgotten when the matter has ended.
    #[serde(default)]
    contact: Option<String>,
}

/// The form of a report.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the form, which is read part by part")]
pub struct SaidForm {
    meta: Said,
    /// Up to three JPEG or PNG files.
    #[schema(value_type = Vec<String>, format = Binary)]
    image: Vec<u8>,
}

impl Said {
    fn report(self, reporter: Reporter, source: Source, key: String) -> NewReport {
        NewReport {
            reporter,
            source,
            key,
            category: self.category,
            location: self.location,
            cell: None,
            place: self.place,
            what: self.what,
            contact: self.contact,
            subject: None,
        }
    }
}

fn told(collected: &Collected) -> Response {
    let status = if collected.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    let told = json!({
        "receipt": collected.receipt, "number": collected.matter.number, "state": collected.matter.state,
        "merged": collected.merged, "duplicate": collected.duplicate,
    });
    Private((status, Json(told))).into_response()
}

/// Kinds of matters that anybody may say, and how big pictures may be.
#[utoipa::path(get, path = "/api/v1/citizen/kinds", tag = "public", responses((status = 200)))]
pub async fn kinds(State(services): State<Shared>) -> Json<Value> {
    let limit = services.config.enforcement.max_image_bytes;
    Json(json!({
        "kinds": services.matters.kinds(Source::Citizen), "most_pictures": MOST_PICTURES, "max_image_bytes": limit,
        "contact_days": services.config.matters.contact_days,
    }))
}

/// Says a matter without an account. The receipt follows it; whoever sent much today waits behind those who sent little.
#[utoipa::path(post, path = "/api/v1/citizen/reports", tag = "public", params(("Idempotency-Key" = String, Header)),
    request_body(content = SaidForm, content_type = "multipart/form-data"),
    responses((status = 201), (status = 200, description = "received before"), (status = 400), (status = 409), (status = 413),
    (status = 422), (status = 429)))]
pub async fn say(
    State(services): State<Shared>,
    Address(address): Address,
    headers: HeaderMap,
    given: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let key = required_key(&headers)?;
    let (said, images): (Said, _) =
        form::given(given, services.config.enforcement.max_image_bytes, MOST_PICTURES).await?;
    let new = said.report(Reporter::Public { address }, Source::Citizen, key);
    Ok(told(&services.matters.collect(new, images).await?))
}

/// What came of a report, for whoever holds its receipt.
#[utoipa::path(get, path = "/api/v1/citizen/reports/{receipt}", tag = "public", params(("receipt" = String, Path)),
    responses((status = 200), (status = 404), (status = 429)))]
pub async fn follow(State(services): State<Shared>, _address: Address, Id(receipt): Id) -> Result<Response, Problem> {
    let followed = services.matters.follow(&receipt).await?;
    let followed = followed.ok_or_else(|| Problem::not_found("there is no such receipt"))?;
    Ok(Private(Json(json!({"now": rfc3339(services.clock.now()), "report": followed}))).into_response())
}

/// How content a reporter is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// 1 to 5.
    content: u8,
}

/// Says how content a reporter is with how it was put right, once.
#[utoipa::path(post, path = "/api/v1/citizen/reports/{receipt}/judgement", tag = "public", params(("receipt" = String, Path)),
    request_body = Judgement,
    responses((status = 204), (status = 400), (status = 404), (status = 409), (status = 422), (status = 429)))]
pub async fn judge(
    State(services): State<Shared>,
    _address: Address,
    Id(receipt): Id,
    Body(judgement): Body<Judgement>,
) -> Result<StatusCode, Problem> {
    services.matters.judge(&receipt.to_ascii_uppercase(), judgement.content).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says a matter in a caller's name: the hotline, WeChat, text messages, by their tokens.
#[utoipa::path(post, path = "/api/v1/gateway/reports", tag = "devices", params(("Idempotency-Key" = String, Header)),
    request_body = Said,
    responses((status = 201), (status = 200, description = "received before"), (status = 400), (status = 401), (status = 409),
    (status = 422)))]
pub async fn relay(
    State(services): State<Shared>,
    headers: HeaderMap,
    Body(said): Body<Said>,
) -> Result<Response, Problem> {
    let gateway = bearer(&headers).and_then(|token| services.matters.gateway_of_token(token));
    let (name, source) = gateway.ok_or_else(|| Problem::unauthenticated("send the gateway's token"))?;
    let key = required_key(&headers)?;
    let new = said.report(Reporter::Gateway { name }, source, key);
    Ok(told(&services.matters.collect(new, Vec::new()).await?))
}

/// From where on a partner asks.
#[derive(Debug, Deserialize)]
pub struct After {
    after: Option<u64>,
    limit: Option<u32>,
}

/// What a partner was and is to be told, in order, by its token: `?after=` the ordinal it has.
#[utoipa::path(get, path = "/api/v1/partner/matters", tag = "devices",
    params(("after" = Option<u64>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200), (status = 400), (status = 401)))]
pub async fn pull(
    State(services): State<Shared>,
    headers: HeaderMap,
    Params(asked): Params<After>,
) -> Result<Response, Problem> {
    let partner = bearer(&headers).and_then(|token| services.matters.partner_of_token(token));
    let partner = partner.ok_or_else(|| Problem::unauthenticated("send the partner's token"))?;
    let limit = asked.limit.unwrap_or(PULLED.1).clamp(1, PULLED.0);
    let messages = services.matters.pulled(&partner, asked.after.unwrap_or(0), limit).await?;
    let next = messages.last().map_or(asked.after.unwrap_or(0), |message| message.ordinal);
    let items = messages.into_iter().map(|message| {
        let body: Value = serde_json::from_str(&message.body).unwrap_or_default();
        json!({"ordinal": message.ordinal, "message": body})
    });
    Ok(Private(Json(json!({"items": items.collect::<Vec<_>>(), "next": next}))).into_response())
}

/// Whose deliveries are asked for.
#[derive(Debug, Deserialize)]
pub struct Whose {
    partner: Option<String>,
    limit: Option<u32>,
}

/// What partners are told: the newest messages, and the log of every try.
#[utoipa::path(get, path = "/api/v1/partners", tag = "staff",
    params(("partner" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn deliveries(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Whose>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_scores)?;
    let limit = asked.limit.unwrap_or(PULLED.1).clamp(1, PULLED.0);
    let (messages, tries) = services.matters.deliveries(asked.partner.as_deref().unwrap_or_default(), limit).await?;
    let messages = messages.into_iter().map(|message| {
        json!({
            "id": message.id, "partner": message.partner, "ordinal": message.ordinal, "matter": message.matter,
            "state": message.state, "tries": message.tries, "reason": message.reason,
            "created_at": rfc3339(message.created_at), "sent_at": message.sent_at.map(rfc3339),
            "next_at": (message.state == "waiting").then(|| rfc3339(message.next_at)),
        })
    });
    let tries = tries.into_iter().map(|one| {
        json!({"partner": one.partner, "message": one.message, "at": rfc3339(one.at), "outcome": one.outcome, "detail": one.detail})
    });
    let partners: Vec<&String> = services.config.matters.partners.keys().collect();
    Ok(Private(Json(json!({
        "partners": partners, "messages": messages.collect::<Vec<_>>(), "tries": tries.collect::<Vec<_>>(),
    })))
    .into_response())
}

/// Sends a message that was acknowledged once more, after all that wait.
#[utoipa::path(post, path = "/api/v1/partners/messages/{id}/replay", tag = "staff", params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404)))]
pub async fn replay(State(services): State<Shared>, staff: Staff, Id(id): Id) -> Result<StatusCode, Problem> {
    staff.require(Role::may_approve)?;
    if services.matters.replay(&id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("there is no message of this id that was acknowledged"))
    }
}

/// Figures of a month for everybody: matters by kind and records by kind and cell, in sums that point at nobody.
#[utoipa::path(get, path = "/api/v1/open/city-management", tag = "public",
    params(("month" = Option<String>, Query, description = "2026-03; this month unless told"), ("format" = Option<String>, Query)),
    responses((status = 200), (status = 400), (status = 422)))]
pub async fn open_figures(State(services): State<Shared>, Params(asked): Params<Month>) -> Result<Response, Problem> {
    let (first, as_csv) = (asked.first(&services)?, asked.as_csv()?);
    let figures = services.matters.open_figures(first).await?;
    let cached = (header::CACHE_CONTROL, "public, max-age=300");
    if as_csv {
        let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), cached];
        return Ok((headers, figures.csv()).into_response());
    }
    Ok(([cached], Json(figures)).into_response())
}
