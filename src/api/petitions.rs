//! `/check` and `/api/v1/check/...`: the holder of a document sees what it rests on, states their case or asks for a review, and
//! follows that by receipt; `/api/v1/petitions` is the desk that answers.

use std::fmt::Write;

use axum::{
    Json,
    extract::{Multipart, State, multipart::MultipartRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::Staff,
    check,
    citizens::Address,
    form,
    json::{Body, Id, Params, Private, Segment},
    records::limit,
};
use crate::{
    domain::{staff::Role, text::escape_html as escape},
    enforcement::{
        checking::Checked,
        petitions::{MOST_PICTURES, NewPetition, Petitioned},
    },
};

const UNKNOWN: &str = "no document has this number and this end of the plate";
/// Longest field of the form that is no picture, bytes.
const MAX_FIELD: usize = 16 * 1024;

/// Which document's picture is asked for.
#[derive(Debug, Deserialize)]
pub struct Holder {
    #[serde(default)]
    number: String,
    #[serde(default)]
    end: String,
}

/// A picture a document rests on, for whoever holds the document; `nth` counts from 0.
#[utoipa::path(get, path = "/api/v1/check/pictures/{nth}", tag = "public", params(("nth" = u32, Path), ("number" = String, Query),
    ("end" = String, Query)), responses((status = 200), (status = 400), (status = 404), (status = 429)))]
pub async fn picture(
    State(services): State<Shared>,
    _address: Address,
    Segment(nth): Segment<usize>,
    Params(holder): Params<Holder>,
) -> Result<Response, Problem> {
    let found = services.desk.holders_picture(&holder.number, &holder.end, nth).await?;
    let (bytes, media_type) = found.ok_or_else(|| Problem::not_found(UNKNOWN))?;
    let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "private, no-store".to_owned())];
    Ok((headers, bytes).into_response())
}

/// The form of a statement or a request for review.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the form, which is read part by part")]
pub struct PetitionForm {
    /// The document's number.
    number: String,
    /// The last four characters of the plate.
    end: String,
    /// `statement` or `review`.
    kind: String,
    /// What it says.
    what: String,
    /// How the party can be reached.
    contact: Option<String>,
    /// Up to three JPEG or PNG files.
    #[schema(value_type = Vec<String>, format = Binary)]
    image: Vec<u8>,
}

/// Takes in a statement or a request for review from whoever holds the document.
#[utoipa::path(post, path = "/api/v1/check/petitions", tag = "public",
    request_body(content = PetitionForm, content_type = "multipart/form-data"),
    responses((status = 201), (status = 400), (status = 404), (status = 409, description = "the law does not take it now"),
    (status = 413), (status = 422), (status = 429)))]
pub async fn send(
    State(services): State<Shared>,
    _address: Address,
    given: Result<Multipart, MultipartRejection>,
) -> Result<Response, Problem> {
    let petitioned = taken(&services, given).await?;
    Ok(Private((StatusCode::CREATED, Json(petitioned))).into_response())
}

/// The same from the page's own form, answered as a page.
pub async fn send_form(
    State(services): State<Shared>,
    _address: Address,
    given: Result<Multipart, MultipartRejection>,
) -> Response {
    let told = match taken(&services, given).await {
        Ok(petitioned) => received(&petitioned),
        Err(problem) => {
            let status = problem.status();
            let told = format!(
                "<p role=\"alert\"><b>未能提交。</b>{}<br><small>Not taken: {}</small></p>",
                why_zh(status),
                escape(problem.detail())
            );
            return (status, check::answer("", &told)).into_response();
        }
    };
    check::answer("", &told)
}

fn why_zh(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "请核对文书编号和号牌后四位。",
        409 => "依法现在不能受理，例如期限已过或已有同类申请。",
        413 => "图片太大。",
        429 => "尝试次数过多，请稍后再试。",
        _ => "请检查填写的内容。",
    }
}

async fn taken(services: &Shared, given: Result<Multipart, MultipartRejection>) -> Result<Petitioned, Problem> {
    let given = given.map_err(|_| Problem::unsupported_media("send multipart/form-data"))?;
    let (new, images) = read(given, services.config.enforcement.max_image_bytes).await?;
    let petitioned = services.desk.petition(new, images).await?;
    petitioned.ok_or_else(|| Problem::not_found(UNKNOWN))
}

async fn read(mut given: Multipart, max_image_bytes: usize) -> Result<(NewPetition, Vec<Bytes>), Problem> {
    let (mut new, mut images) = (NewPetition::default(), Vec::new());
    while let Some(field) = given.next_field().await.map_err(form::broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        let most = if name == "image" { max_image_bytes } else { MAX_FIELD };
        let bytes = form::part(field, most, &escape(&name)).await?;
        if name == "image" {
            // A form without a file sends an empty one.
            if !bytes.is_empty() {
                images.push(bytes);
            }
            if images.len() > MOST_PICTURES {
                return Err(Problem::bad_request("send at most 3 image parts"));
            }
            continue;
        }
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| Problem::bad_request("a part is not UTF-8"))?;
        match name.as_str() {
            "number" => new.number = text,
            "end" => new.end = text,
            "kind" => new.kind = text,
            "what" => new.what = text.replace("\r\n", "\n"),
            "contact" => new.contact = text,
            _ => return Err(Problem::bad_request("send number, end, kind, what, contact and image parts only")),
        }
    }
    Ok((new, images))
}

/// Where a statement or a review stands, by its receipt.
#[utoipa::path(get, path = "/api/v1/check/petitions/{receipt}", tag = "public", params(("receipt" = String, Path)),
    responses((status = 200), (status = 404), (status = 429)))]
pub async fn follow(State(services): State<Shared>, _address: Address, Id(receipt): Id) -> Result<Response, Problem> {
    let found = services.desk.follow_petition(&receipt).await?;
    let found = found.ok_or_else(|| Problem::not_found("there is no such receipt"))?;
    Ok(Private(Json(found)).into_response())
}

/// Which are asked for.
#[derive(Debug, Deserialize)]
pub struct Asked {
    state: Option<String>,
    limit: Option<u32>,
}

/// Statements and requests for review that came in online, newest first.
#[utoipa::path(get, path = "/api/v1/petitions", tag = "staff", params(("state" = Option<String>, Query),
    ("limit" = Option<u32>, Query)), responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let found = services.desk.petitions(asked.state.as_deref().unwrap_or_default(), limit(asked.limit)).await?;
    Ok(Private(Json(json!({"petitions": found}))).into_response())
}

/// An answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What it says.
    answer: String,
}

/// Answers a statement; the party sees it by receipt.
#[utoipa::path(post, path = "/api/v1/petitions/{receipt}/answer", tag = "staff", params(("receipt" = String, Path)),
    request_body = Answer, responses((status = 200), (status = 400), (status = 401), (status = 403), (status = 404), (status = 422)))]
pub async fn answer(
    State(services): State<Shared>,
    staff: Staff,
    Id(receipt): Id,
    _headers: HeaderMap,
    Body(answer): Body<Answer>,
) -> Result<Response, Problem> {
    staff.require(Role::may_approve)?;
    let answered = services.desk.answer_petition(&receipt, &answer.answer, &staff.person()).await?;
    Ok(Private(Json(answered)).into_response())
}

/// What the page shows the holder beside the table: the pictures, and the form to state a case or ask for a review.
pub(super) fn of_holder(checked: &Checked, end: &str) -> String {
    let (number, end) = (escape(&checked.number), escape(end.trim()));
    let mut shown = String::new();
    for nth in 0..checked.pictures {
        let address = format!("/api/v1/check/pictures/{nth}?number={number}&amp;end={}", escape_query(&end));
        let picture = nth + 1;
        let _ = write!(
            shown,
            "<a href=\"{address}\"><img src=\"{address}\" alt=\"证据 Evidence {picture}\" loading=\"lazy\"></a>"
        );
    }
    let pictures = if shown.is_empty() {
        String::new()
    } else {
        format!("<h2>证据 <small>Evidence</small></h2><div class=\"pictures\">{shown}</div>")
    };
    format!(
        "{pictures}<details><summary>陈述申辩或申请复议 <small>State your case, ask for a review</small></summary>\
         <form action=\"/check\" method=\"post\" enctype=\"multipart/form-data\"><input type=\"hidden\" name=\"number\" value=\"{number}\">\
         <input type=\"hidden\" name=\"end\" value=\"{end}\"><fieldset><label><input type=\"radio\" name=\"kind\" value=\"statement\" checked>\
         陈述申辩 <small>Statement</small></label><label><input type=\"radio\" name=\"kind\" value=\"review\">申请行政复议 <small>Request \
         for review</small></label></fieldset><label for=\"what\">事实与理由 <small>What happened, and why</small></label>\
         <textarea id=\"what\" name=\"what\" required maxlength=\"2000\"></textarea><label for=\"contact\">联系电话（可不填） \
         <small>Telephone, optional</small></label><input id=\"contact\" name=\"contact\" type=\"tel\" maxlength=\"64\">\
         <label for=\"image\">附件图片，最多 3 张 <small>Up to 3 pictures</small></label><input id=\"image\" name=\"image\" type=\"file\" \
         accept=\"image/jpeg,image/png\" multiple><button>提交 Send</button></form></details>"
    )
}

fn received(petitioned: &Petitioned) -> String {
    format!(
        "<p role=\"status\"><b>已收到。</b>请记下回执号，凭它查进度。<br><small>Received. Keep the receipt to follow it.</small></p>\
         <p class=\"receipt\">{}</p>",
        escape(&petitioned.receipt)
    )
}

/// What the page tells of a receipt that was typed; nothing where none was.
pub(super) async fn followed(services: &Shared, receipt: &str) -> Result<String, Problem> {
    if receipt.trim().is_empty() {
        return Ok(String::new());
    }
    let Some(found) = services.desk.follow_petition(receipt).await? else {
        return Ok(
            "<p role=\"alert\"><b>没有这个回执号。</b><br><small>There is no such receipt.</small></p>".to_owned()
        );
    };
    let zone = services.city.borrow().time_zone;
    let local = |at: crate::domain::time::Instant| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
    let (kind, kind_en) =
        if found.kind == "review" { ("行政复议", "Review") } else { ("陈述申辩", "Statement") };
    let state = match found.state.as_str() {
        "answered" => "已答复",
        "filed" => "已提交",
        "accepted" => "已受理",
        "rejected" => "不予受理",
        "decided" => "已决定",
        "withdrawn" => "已撤回",
        _ => "已收到",
    };
    let mut rows = vec![
        ("回执 Receipt", escape(&found.receipt)),
        ("文书 Document", escape(&found.number)),
        ("种类 Kind", format!("{kind} <small>{kind_en}</small>")),
        ("状态 State", format!("{state} <small>{}</small>", escape(&found.state))),
        ("时间 Time", local(found.at)),
    ];
    if let Some(answer) = &found.answer {
        rows.push(("答复 Answer", escape(answer)));
    }
    let mut table = "<table>".to_owned();
    for (name, value) in rows {
        let _ = write!(table, "<tr><th>{name}</th><td>{value}</td></tr>");
    }
    Ok(table + "</table>")
}

/// A text as it may stand in the query of an address; plates' ends are letters, digits and a few Chinese characters.
fn escape_query(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
