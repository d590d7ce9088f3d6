//! `/check`: anybody who holds a document sees whether it is genuine and where it stands; the plate stays hidden.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;

use super::petitions;
use super::{Problem, Shared, json::Params};
use crate::{domain::text::escape_html as escape, enforcement::checking::Checked};

/// What is on the document, and what its holder knows.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    number: String,
    /// The last four characters of the plate.
    #[serde(default)]
    end: String,
    /// The receipt of a statement or a request for review.
    #[serde(default)]
    receipt: String,
}

const UNKNOWN: &str = "no document has this number and this end of the plate";

/// What a document's number and the end of its plate tell.
#[utoipa::path(get, path = "/api/v1/check", tag = "public", params(("number" = String, Query),
    ("end" = String, Query, description = "the last four characters of the plate")),
    responses((status = 200), (status = 400), (status = 404), (status = 429)))]
pub async fn check(State(services): State<Shared>, Params(asked): Params<Asked>) -> Result<Response, Problem> {
    let found = services.desk.check_number(&asked.number, &asked.end).await?;
    let found = found.ok_or_else(|| Problem::not_found(UNKNOWN))?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(found)).into_response())
}

/// The page a document's QR code opens.
#[utoipa::path(get, path = "/check", tag = "public", params(("number" = Option<String>, Query), ("end" = Option<String>, Query), ("receipt" = Option<String>, Query)),
    responses((status = 200), (status = 400), (status = 429)))]
pub async fn page(State(services): State<Shared>, Params(asked): Params<Asked>) -> Result<Response, Problem> {
    let found = if asked.end.trim().is_empty() {
        None
    } else {
        Some(services.desk.check_number(&asked.number, &asked.end).await?)
    };
    let told = match &found {
        None => String::new(),
        Some(None) => "<p role=\"alert\"><b>没有查到。</b>请核对文书编号和号牌后四位。<br><small>Nothing found. Check the number and the \
                       last four characters of the plate.</small></p>"
            .to_owned(),
        Some(Some(checked)) => table(&services, checked) + &petitions::of_holder(checked, &asked.end),
    };
    let followed = petitions::followed(&services, &asked.receipt).await?;
    let number = escape(&asked.number);
    Ok(answer(&number, &(told + &followed)))
}

/// The page with what it tells above its form.
pub(super) fn answer(number: &str, told: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\"><title>文书查验</title><style>\
         :root{{color-scheme:light dark}}body{{font:16px/1.6 -apple-system,'PingFang SC','Segoe UI','Microsoft YaHei','Noto Sans CJK SC',\
         Roboto,sans-serif;max-width:32rem;margin:0 auto;padding:1rem}}h1{{font-size:1.5rem;line-height:1.3}}h1 small{{display:block;\
         font-size:1rem;font-weight:400}}label{{display:block;margin:1rem 0 .2rem}}input,button{{font:inherit;width:100%;\
         padding:.7rem .9rem;box-sizing:border-box;border:1px solid #7c8a85;border-radius:10px}}button{{margin-top:1.2rem;\
         border-color:#0b5d52;background:#0b5d52;color:#fff;font-weight:600}}table{{width:100%;border-collapse:collapse;\
         margin-top:1rem}}th,td{{text-align:left;padding:.4rem;border-bottom:1px solid #8888;vertical-align:top}}\
         small{{opacity:.8}}textarea{{font:inherit;width:100%;min-height:6rem;padding:.7rem .9rem;box-sizing:border-box;\
         border:1px solid #7c8a85;border-radius:10px}}fieldset{{border:0;margin:1rem 0 0;padding:0}}fieldset label{{display:flex;gap:.6rem;\
         align-items:center;margin:.4rem 0;min-height:44px}}fieldset input{{width:auto}}.pictures{{display:grid;gap:.6rem;\
         grid-template-columns:repeat(auto-fit,minmax(140px,1fr));margin-top:1rem}}.pictures img{{width:100%;border-radius:10px}}\
         details{{margin-top:1.2rem;border-top:1px solid #8888;padding-top:.6rem}}summary{{min-height:44px;line-height:44px;\
         font-weight:600;cursor:pointer}}.receipt{{font:700 1.3rem/1.6 ui-monospace,monospace;letter-spacing:.04em}}\
         hr{{border:0;border-top:1px solid #8888;margin:2rem 0 0}}</style></head><body><main>\
         <h1>文书查验 <small>Check a document</small></h1>{told}<form action=\"/check\"><label for=\"number\">文书编号 \
         <small>Number</small></label><input id=\"number\" name=\"number\" value=\"{number}\" required maxlength=\"32\" autocomplete=\"off\">\
         <label for=\"end\">号牌后四位 <small>Last four characters of the plate</small></label><input id=\"end\" name=\"end\" required \
         minlength=\"4\" maxlength=\"4\" autocomplete=\"off\"><button>查验 Check</button></form><hr><form action=\"/check\">\
         <label for=\"receipt\">申辩或复议回执号 <small>Receipt of a statement or review</small></label><input id=\"receipt\" \
         name=\"receipt\" required maxlength=\"20\" autocomplete=\"off\"><button>查进度 Follow</button></form></main></body></html>"
    );
    ([(header::CACHE_CONTROL, "no-store")], Html(text)).into_response()
}

fn table(services: &Shared, checked: &Checked) -> String {
    let zone = services.city.borrow().time_zone;
    let local = |at: crate::domain::time::Instant| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
    let mut rows = Vec::from([
        ("编号 Number", escape(&checked.number)),
        ("文书 Document", format!("{} <small>{}</small>", escape(&checked.kind.zh), escape(&checked.kind.en))),
        ("状态 State", format!("{} <small>{}</small>", escape(&checked.state.zh), escape(&checked.state.en))),
        ("时间 Time", local(checked.at)),
        ("号牌 Plate", escape(&checked.plate)),
    ]);
    if let Some(place) = &checked.place {
        rows.push(("地点 Place", format!("{} <small>{}</small>", escape(&place.zh), escape(&place.en))));
    }
    if let Some(amount) = checked.amount_yuan {
        rows.push(("罚款 Fine", format!("{amount} 元 yuan")));
    }
    if let Some(due) = checked.due_by {
        rows.push(("期限 Until", local(due)));
    }
    let rows = rows
        .into_iter()
        .fold(String::new(), |text, (name, value)| text + &format!("<tr><th>{name}</th><td>{value}</td></tr>"));
    format!(
        "<p role=\"status\"><b>文书真实有效。</b> <small>This document is genuine.</small></p><table>{rows}</table>"
    )
}
