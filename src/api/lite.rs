//! `GET /lite`: the list of lots as plain HTML, for a browser without scripts, an old one, or a very poor network.

use std::fmt::Write;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;

use super::{Shared, json::Params, lots::counts_of};
use crate::domain::{
    availability::{Level, Quality},
    city::City,
    hours::is_open,
    lot::Lot,
    text::{Language, escape_html as escape},
    time::Instant,
};

const STYLE: &str = "body{margin:0 auto;max-width:44rem;padding:0 12px 24px;font:16px/1.5 -apple-system,'PingFang SC',\
'Microsoft YaHei','Noto Sans CJK SC',Roboto,sans-serif;color:#14211d;background:#fff}h1{font-size:22px}\
table{width:100%;border-collapse:collapse}th,td{padding:8px 6px;border-bottom:1px solid #d5ddda;text-align:left;\
vertical-align:top}th.n,td.n{text-align:right;white-space:nowrap}b{font-size:20px}small{color:#4a5a55}\
a{color:#0b57d0}@media(prefers-color-scheme:dark){body{color:#e6eeeb;background:#0f1715}small{color:#a9b8b2}\
th,td{border-color:#2b3733}a{color:#8ab8ff}}";

/// The query of the page.
#[derive(Debug, Deserialize)]
pub struct LiteQuery {
    lang: Option<String>,
    /// Present where the reader wants the page to renew itself.
    auto: Option<String>,
}

/// What was asked for, else what the browser prefers; Chinese first.
fn language(asked: Option<&str>, headers: &HeaderMap) -> Language {
    let prefers = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let is_english = asked.or(prefers).is_some_and(|lang| lang.to_ascii_lowercase().starts_with("en"));
    if is_english { Language::En } else { Language::Zh }
}

fn pick(language: Language, zh: &'static str, en: &'static str) -> &'static str {
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

/// The list of lots, made on the server.
pub async fn list(State(services): State<Shared>, headers: HeaderMap, Params(query): Params<LiteQuery>) -> Response {
    let lang = language(query.lang.as_deref(), &headers);
    let (city, board) = (services.city.borrow().clone(), services.board.snapshot());
    let now = services.clock.now();
    let mut rows = String::new();
    for lot in city.lots.values() {
        let counts = counts_of(&board.lots, lot);
        let limit_s = lot.stale_after_s.unwrap_or(services.config.availability.stale_after_s);
        let quality = counts.quality(now, chrono::Duration::seconds(limit_s.into()));
        let level = counts.level(quality, is_open(lot.opening_hours.as_deref(), city.time_zone, now));
        row(
            &mut rows,
            lang,
            lot,
            Told { free: counts.free, capacity: counts.capacity, level, quality, at: counts.observed_at },
            now,
        );
    }
    (
        [(header::CACHE_CONTROL, "public, max-age=15"), (header::VARY, "accept-language")],
        Html(page(lang, &city, now, query.auto.is_some(), &rows)),
    )
        .into_response()
}

/// What is told of a lot.
struct Told {
    free: u32,
    capacity: u32,
    level: Level,
    quality: Quality,
    at: Option<Instant>,
}

fn page(lang: Language, city: &City, now: Instant, renews: bool, rows: &str) -> String {
    let (code, same, other) = (pick(lang, "zh-CN", "en"), pick(lang, "zh", "en"), pick(lang, "en", "zh"));
    // A page that renews itself takes a slow reader's place away: only whoever wants it has it.
    let refresh = if renews { "<meta http-equiv=\"refresh\" content=\"60\">" } else { "" };
    let (kept, turned) = if renews { ("&amp;auto=1", "") } else { ("", "&amp;auto=1") };
    let clock = now.with_timezone(&city.time_zone).format("%H:%M:%S");
    let name = escape(city.name.get(lang));
    let title = pick(lang, "停车空位", "parking");
    let fictional = if city.fictional {
        pick(lang, "<p>示意数据：均为虚构。</p>", "<p>Fictional demo data.</p>")
    } else {
        ""
    };
    format!(
        "<!doctype html><html lang=\"{code}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\">{refresh}<title>{name} {title}</title>\
         <style>{STYLE}</style></head><body><main><h1>{name} {title}</h1><p><small>{clock}</small> <a href=\"?lang={same}{kept}\">{}</a> \
         · <a href=\"?lang={same}{turned}\">{}</a> · <a href=\"?lang={other}{kept}\" lang=\"{}\">{}</a> · <a href=\"/\">{}</a></p>{fictional}<table><thead><tr><th scope=\"col\">{}</th>\
         <th scope=\"col\" class=\"n\">{}</th></tr></thead><tbody>{rows}</tbody></table></main></body></html>",
        pick(lang, "刷新", "Refresh"),
        if renews {
            pick(lang, "停止自动刷新", "Stop renewing")
        } else {
            pick(lang, "每分钟自动刷新", "Renew every minute")
        },
        pick(lang, "en", "zh-CN"),
        pick(lang, "English", "中文"),
        pick(lang, "地图", "Map"),
        pick(lang, "停车场", "Place"),
        pick(lang, "空位", "Free"),
    )
}

fn row(rows: &mut String, lang: Language, lot: &Lot, told: Told, now: Instant) {
    let Told { free, capacity, level, quality, at } = told;
    let (sign, word) = match level {
        Level::Free => ("✓", pick(lang, "充足", "Plenty")),
        Level::Few => ("!", pick(lang, "紧张", "Few left")),
        Level::Full => ("✕", pick(lang, "已满", "Full")),
        Level::Closed => ("■", pick(lang, "关闭", "Closed")),
        Level::NoData => ("–", pick(lang, "暂无数据", "No data")),
    };
    let number = match level {
        Level::Free | Level::Few | Level::Full => free.to_string(),
        Level::Closed | Level::NoData => "–".to_owned(),
    };
    let minutes = at.map(|at| (now - at).num_minutes().max(0));
    let age = match (minutes, quality) {
        (None, _) => pick(lang, "尚无数据", "nothing heard yet").to_owned(),
        (Some(0), Quality::Live) => pick(lang, "刚刚更新", "counted just now").to_owned(),
        (Some(minutes), _) if lang == Language::Zh => format!("{minutes} 分钟前的数"),
        (Some(minutes), _) => format!("counted {minutes} min ago"),
    };
    let facts = [lot.tariff.as_ref().map(|tariff| escape(tariff.get(lang))), lot.opening_hours.as_deref().map(escape)];
    let facts = facts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let (lon, lat) = (lot.location.x, lot.location.y);
    // Writing into a text cannot fail.
    let _ = write!(
        rows,
        "<tr><td>{} <small><br>{facts}</small><br><a href=\"geo:{lat:.6},{lon:.6}\">{}</a></td>\
         <td class=\"n\"><b>{number}</b> / {capacity}<br>{sign} {word}<br><small>{age}</small></td></tr>",
        escape(lot.name.get(lang)),
        pick(lang, "导航", "Navigate"),
    );
}
