//! Who asks: staff by cookie or bearer token. With the cookie, a request that changes something must say `X-Yunpark`.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};

use super::{Problem, Shared};
use crate::{
    domain::staff::{Actor, Role},
    staff::Session,
};

/// Name of the session cookie.
pub const COOKIE: &str = "yunpark_session";
/// The header a page must send with the cookie when it changes something: another site's form cannot.
pub const CSRF_HEADER: &str = "x-yunpark";

/// A person of the staff who is signed in.
#[derive(Debug, Clone)]
pub struct Staff(pub Session);

impl Staff {
    /// Refuses unless the role may.
    pub fn require(&self, may: impl Fn(Role) -> bool) -> Result<(), Problem> {
        if may(self.0.role) { Ok(()) } else { Err(Problem::forbidden("your role may not do this")) }
    }

    /// The person as the ledger names them.
    pub fn actor(&self) -> Actor {
        Actor::Staff { name: self.0.name.clone(), role: self.0.role }
    }
}

/// The bearer token of a request, if it carries one.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The session token of the cookie, if there is one.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

impl FromRequestParts<Shared> for Staff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, services: &Shared) -> Result<Self, Problem> {
        let (token, by_cookie) = match (bearer(&parts.headers), cookie(&parts.headers)) {
            (Some(token), _) => (token, false),
            (None, Some(token)) => (token, true),
            (None, None) => return Err(Problem::unauthenticated("sign in at POST /api/v1/session")),
        };
        let safe = matches!(parts.method, Method::GET | Method::HEAD);
        if by_cookie && !safe && !parts.headers.contains_key(CSRF_HEADER) {
            return Err(Problem::forbidden("send the header X-Yunpark: 1 with the session cookie").named("csrf"));
        }
        match services.staff.who(token).await {
            Ok(Some(session)) => Ok(Self(session)),
            Ok(None) => Err(Problem::unauthenticated("the session has ended; sign in again")),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_from_either_place() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "bearer abc".parse().unwrap());
        headers.insert(header::COOKIE, "theme=dark; yunpark_session=xyz".parse().unwrap());
        assert_eq!(bearer(&headers), Some("abc"));
        assert_eq!(cookie(&headers), Some("xyz"));
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
