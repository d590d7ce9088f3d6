//! The pages, embedded in the binary; without a build of them, one line says how to make it.

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

/// `GET /officer`: the officers' page; it asks for a sign-in itself.
pub async fn officer(headers: HeaderMap) -> Response {
    page("officer.html", &headers)
}

/// `GET /supervisor`: the supervisors' page; it asks for a sign-in itself.
pub async fn supervisor(headers: HeaderMap) -> Response {
    page("supervisor.html", &headers)
}

/// `GET /operator`: the operators' page; it asks for a sign-in itself.
pub async fn operator(headers: HeaderMap) -> Response {
    page("operator.html", &headers)
}

/// `GET /assets/...`: scripts and styles; their names carry a hash, so they are kept for good.
pub async fn asset(Segment(path): Segment<String>, headers: HeaderMap) -> Response {
    match Files::get(&format!("assets/{path}")) {
        Some(file) => serve(&path, &file, "public, max-age=31536000, immutable", &headers),
        None => Problem::not_found("no such file").into_response(),
    }
}

/// A file at the root of the site, such as the icon.
pub fn root_file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let name = path.trim_start_matches('/');
    let page = std::path::Path::new(name).extension().is_some_and(|kind| kind.eq_ignore_ascii_case("html"));
    let plain = !name.is_empty() && !name.contains('/') && !page;
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
    let etag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let same = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()) == Some(etag.as_str());
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = mime_guess::from_path(name).first_or_octet_stream();
        let kind = if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
        ([(header::CONTENT_TYPE, kind)], file.data.clone().into_owned()).into_response()
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
