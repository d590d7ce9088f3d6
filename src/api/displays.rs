//! `/api/v1/signs/{id}/page` and `/shown`: signs that are screens with a browser, which ask for their face themselves.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::bearer,
    json::{Body, Segment},
    pages,
    public::{driven_here, no_sign},
};
use crate::{
    domain::{ids::PanelId, ledger::Digest, sign::SignLink},
    signboard::Shown,
};

/// What a display says it shows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShownBody {
    /// The panel.
    #[schema(value_type = String)]
    panel: PanelId,
    /// The version of the face on its screen.
    version: u64,
}

/// The page of a sign that is a screen: black, in crisp dots; it renews itself and falls back when it hears nothing.
#[utoipa::path(get, path = "/api/v1/signs/{id}/page", tag = "public", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/html"), (status = 404)))]
pub async fn page(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if services.city.borrow().signs.contains_key(id.as_str()) { Ok(pages::display(&headers)) } else { Err(no_sign()) }
}

/// What the page says it shows: the confirmation of a sign's driver that waits for it. The screen says that it is the screen
/// with the secret of the city file (`Authorization: Bearer`).
#[utoipa::path(post, path = "/api/v1/signs/{id}/shown", tag = "public", params(("id" = String, Path)),
    request_body = ShownBody, responses((status = 204), (status = 400), (status = 401), (status = 404), (status = 409), (status = 503)))]
pub async fn shown(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    headers: HeaderMap,
    Body(body): Body<ShownBody>,
) -> Result<StatusCode, Problem> {
    driven_here(&services)?;
    let city = services.city.borrow().clone();
    let sign = city.signs.get(id.as_str()).ok_or_else(no_sign)?;
    let SignLink::HttpPull { token } = &sign.link else {
        return Err(Problem::conflict("the sign is no screen; its driver confirms what it shows").named("not-a-screen"));
    };
    if !bearer(&headers).is_some_and(|given| is_same(given, token.reveal())) {
        return Err(Problem::unauthenticated(
            "the screen's secret is missing or wrong: open the page with it after a #",
        ));
    }
    if !sign.panels.iter().any(|panel| panel.id == body.panel) {
        return Err(no_sign());
    }
    // Only the face that is wanted can be confirmed: an old screen confirms nothing else.
    let wanted = services.signs.status(&sign.id).desired.get(&body.panel).map(|face| face.version);
    if wanted != Some(body.version) {
        return Err(Problem::conflict("another version is wanted by now").named("not-wanted"));
    }
    services.signs.hear_shown(&sign.id, &body.panel, Shown { version: body.version, at: services.clock.now() });
    Ok(StatusCode::NO_CONTENT)
}

/// Whether two secrets are the same, told in the same time whether they are or not.
fn is_same(given: &str, expected: &str) -> bool {
    Digest::of(given.as_bytes()).as_bytes().ct_eq(Digest::of(expected.as_bytes()).as_bytes()).into()
}
