//! The pages, embedded in the binary, packed once by their build; without a build of them, one line says how to make it.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{Problem, json::Segment};

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>Yunpark</title>\
<p>页面尚未构建：请安装 Node.js 20.19 或更新版本，运行 <code>./run web</code>，然后重新构建程序。</p>\
<p lang=\"en\">The pages are not built: install Node.js 20.19 or newer, run <code>./run web</code>, and build the program again.</p></html>";

/// `GET /`: the live map.
pub async fn map(headers: HeaderMap) -> Response {
    page("index.html", &headers)
}

/// `GET /signs`: every sign as it shows now.
pub async fn signs(headers: HeaderMap) -> Response {
    page("signs.html", &headers)
}

/// `GET /feeds`: the open data in plain words.
pub async fn feeds(headers: HeaderMap) -> Response {
    page("feeds.html", &headers)
}

/// `GET /api/v1/signs/{id}/page`: the screen of a sign; it reads from its address which.
pub fn display(headers: &HeaderMap) -> Response {
    page("display.html", headers)
}

/// The page of a lot; it reads from its address which.
pub fn lot(headers: &HeaderMap) -> Response {
    page("lot.html", headers)
}

/// `GET /officer`: the officers' page; it asks for a sign-in itself.
pub async fn officer(headers: HeaderMap) -> Response {
    page("officer.html", &headers)
}

/// `GET /supervisor`: the supervisors' page; it asks for a sign-in itself.
pub async fn supervisor(headers: HeaderMap) -> Response {
    page("supervisor.html", &headers)
}

/// `GET /report`: anybody says what is wrong in the street, and follows it by receipt.
pub async fn report(headers: HeaderMap) -> Response {
    page("report.html", &headers)
}

/// `GET /matters`: the desk of city management; it asks for a sign-in itself.
pub async fn matters(headers: HeaderMap) -> Response {
    page("matters.html", &headers)
}

/// `GET /operator`: the operators' page; it asks for a sign-in itself.
pub async fn operator(headers: HeaderMap) -> Response {
    page("operator.html", &headers)
}

/// `GET /admin`: the administrators' page; it asks for a sign-in itself.
pub async fn admin(headers: HeaderMap) -> Response {
    page("admin.html", &headers)
}

/// `GET /assets/...`: scripts and styles; their names carry a hash, so they are kept for good.
pub async fn asset(Segment(path): Segment<String>, headers: HeaderMap) -> Response {
    match Files::get(&format!("assets/{path}")) {
        Some(file) => serve(&format!("assets/{path}"), &file, "public, max-age=31536000, immutable", &headers),
        None => Problem::not_found("no such file").into_response(),
    }
}

/// A file at the root of the site, such as the icon.
pub fn root_file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let name = path.trim_start_matches('/');
    let kind = std::path::Path::new(name).extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    let other = ["html", "br", "gz"].iter().any(|other| kind.eq_ignore_ascii_case(other));
    let plain = !name.is_empty() && !name.contains('/') && !other;
    let file = plain.then(|| Files::get(name)).flatten()?;
    Some(serve(name, &file, "public, max-age=3600", headers))
}

fn page(name: &str, headers: &HeaderMap) -> Response {
    match Files::get(name) {
        Some(file) => serve(name, &file, "no-cache", headers),
        None => (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT).into_response(),
    }
}

fn serve(name: &str, file: &EmbeddedFile, cache: &'static str, headers: &HeaderMap) -> Response {
    let packed = packed(name, headers);
    let sent = packed.as_ref().map_or(file, |(_, packed)| packed);
    let etag = format!("\"{}\"", hex::encode(&sent.metadata.sha256_hash()[..16]));
    let mut response = if is_known(headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = mime_guess::from_path(name).first_or_octet_stream();
        let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
        ([(header::CONTENT_TYPE, kind)], sent.data.clone().into_owned()).into_response()
    };
    let told = response.headers_mut();
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    told.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some((coding, _)) = packed {
        told.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        told.insert(header::ETAG, etag);
    }
    response
}

/// The file as its build has packed it, in the closest packing the caller takes; what stayed as large as it was has none.
fn packed(name: &str, headers: &HeaderMap) -> Option<(&'static str, EmbeddedFile)> {
    let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(coding, _)| takes(accepted, coding))
        .find_map(|(coding, ending)| Some((coding, Files::get(&format!("{name}.{ending}"))?)))
}

/// Whether a list of codings, each with its weight, takes this one; a weight of zero refuses it.
fn takes(accepted: &str, coding: &str) -> bool {
    accepted.split(',').any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse::<f32>().ok());
        named && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// Whether the caller already holds what has this tag (`If-None-Match`); weak tags are compared without their mark.
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let held = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    held.is_some_and(|held| held.split(',').any(|tag| tag.trim() == "*" || bare(tag) == bare(etag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packing_is_sent_to_whoever_takes_it() {
        assert!(takes("gzip, deflate, br", "br") && takes("gzip;q=1.0, br;q=0.5", "br"));
        assert!(!takes("gzip", "br") && !takes("br;q=0, gzip", "br") && !takes("", "gzip"));
    }

    #[test]
    fn a_tag_is_known_by_itself_in_a_list_weak_or_not() {
        let headers = |held: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(held).unwrap());
            headers
        };
        for held in ["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"] {
            assert!(is_known(&headers(held), "\"a\"") && is_known(&headers(held), "W/\"a\""), "{held}");
        }
        assert!(!is_known(&headers("\"ab\""), "\"a\"") && !is_known(&HeaderMap::new(), "\"a\""));
    }
}
