//! How a feed is answered: its name and date, so that a reader who has it need not be sent it again.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use chrono::{DateTime, Utc};

use crate::{api::pages, domain::time::Instant, feeds::Edition};

/// Where a feed's numbers stand in the stream of changes.
pub const CURSOR: HeaderName = HeaderName::from_static("yunpark-cursor");

/// What a feed is answered with.
pub struct Told<'a> {
    /// The feed.
    pub edition: &'a Edition,
    /// Its media type.
    pub media_type: &'static str,
    /// How long a reader may keep it unasked, seconds.
    pub max_age_s: u32,
    /// The address of its licence.
    pub licence: &'a str,
}

impl Told<'_> {
    /// The answer: the feed, or that it is still the same.
    pub fn answer(&self, asked: &HeaderMap) -> Response {
        let mut response = if is_known(self.edition, asked) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            let mut response = Response::new(Body::from(self.edition.body.clone()));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
            response
        };
        let headers = response.headers_mut();
        let values = [
            (header::ETAG, self.edition.etag.clone()),
            (header::LAST_MODIFIED, http_date(self.edition.last_modified)),
            (header::CACHE_CONTROL, format!("public, max-age={}", self.max_age_s)),
            (header::LINK, format!("<{}>; rel=\"license\"", self.licence)),
            (CURSOR, self.edition.cursor.to_string()),
        ];
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// Whether the reader says that it has this very feed. A name outweighs a date.
fn is_known(edition: &Edition, asked: &HeaderMap) -> bool {
    if asked.contains_key(header::IF_NONE_MATCH) {
        return pages::is_known(asked, &edition.etag);
    }
    let since =
        asked.get(header::IF_MODIFIED_SINCE).and_then(|since| DateTime::parse_from_rfc2822(since.to_str().ok()?).ok());
    since.is_some_and(|since| edition.last_modified <= since.with_timezone(&Utc))
}

fn http_date(at: Instant) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{availability::Cursor, time::parse_rfc3339};

    fn told(asked: &[(HeaderName, &str)]) -> (u16, HeaderMap) {
        let edition = Edition {
            body: bytes::Bytes::from_static(b"{}"),
            etag: "W/\"abc\"".to_owned(),
            last_modified: parse_rfc3339("2026-03-10T01:15:00Z").unwrap(),
            cursor: Cursor("c-7".to_owned()),
        };
        let asked = asked.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let told =
            Told { edition: &edition, media_type: "application/json", max_age_s: 5, licence: "https://l.example/" };
        let response = told.answer(&asked);
        (response.status().as_u16(), response.headers().clone())
    }

    #[test]
    fn a_reader_who_has_it_is_told_so() {
        let (none, since) = (header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE);
        for (asked, status) in [
            (vec![], 200),
            (vec![(none.clone(), "W/\"abc\"")], 304),
            (vec![(none.clone(), "\"x\", \"abc\"")], 304),
            (vec![(none.clone(), "*")], 304),
            (vec![(none.clone(), "\"x\"")], 200),
            (vec![(since.clone(), "Tue, 10 Mar 2026 01:15:00 GMT")], 304),
            (vec![(since.clone(), "Tue, 10 Mar 2026 01:14:59 GMT")], 200),
            (vec![(since.clone(), "yesterday")], 200),
            (vec![(none, "\"x\""), (since, "Tue, 10 Mar 2026 01:15:00 GMT")], 200),
        ] {
            assert_eq!(told(&asked).0, status, "{asked:?}");
        }
    }

    #[test]
    fn it_carries_its_name_date_licence_and_cursor() {
        let (_, headers) = told(&[]);
        assert_eq!(headers[header::LAST_MODIFIED], "Tue, 10 Mar 2026 01:15:00 GMT");
        assert_eq!(headers[header::LINK], "<https://l.example/>; rel=\"license\"");
        assert_eq!(headers[CURSOR], "c-7");
    }
}
