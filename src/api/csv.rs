//! Answers as CSV (RFC 4180): who wants one, and how it is given.

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use super::Problem;

/// Whether CSV is asked for: by `format`, or by `Accept` where the query says nothing.
pub(super) fn is_wanted(format: Option<&str>, headers: &HeaderMap) -> Result<bool, Problem> {
    if format.is_none() { Ok(accepts(headers)) } else { is_named(format) }
}

/// Whether CSV is asked for by `format`.
pub(super) fn is_named(format: Option<&str>) -> Result<bool, Problem> {
    match format {
        None | Some("json") => Ok(false),
        Some("csv") => Ok(true),
        Some(_) => Err(Problem::bad_request("format is json or csv").field("format", "not json or csv")),
    }
}

/// Whether `Accept` names CSV and does not name JSON before it.
fn accepts(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = ranges.flat_map(|line| line.split(',')).filter_map(|range| range.split(';').next()).map(str::trim);
    kinds.find(|kind| ["text/csv", "application/json", "*/*"].contains(kind)) == Some("text/csv")
}

/// A CSV file to be saved.
pub(super) fn answer(name: &'static str, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_given_to_who_asks_for_it() {
        let accept = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, value.parse().unwrap());
            headers
        };
        assert!(is_wanted(Some("csv"), &HeaderMap::new()).unwrap());
        assert!(is_wanted(None, &accept("text/csv, */*;q=0.1")).unwrap());
        assert!(!is_wanted(None, &accept("application/json, text/csv")).unwrap());
        assert!(!is_wanted(None, &accept("*/*")).unwrap());
        assert!(!is_wanted(Some("json"), &accept("text/csv")).unwrap());
        assert!(is_wanted(Some("xml"), &HeaderMap::new()).is_err());
    }
}
