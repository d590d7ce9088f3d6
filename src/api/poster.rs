//! `/lots/{id}`, the page of a lot, and `/lots/{id}/poster`, a sheet of paper whose QR code leads to it.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::{Problem, Shared, json::Segment, pages, public::no_lot};
use crate::domain::{city::City, lot::Lot, qr, text::escape_html as escape};

const STYLE: &str = "@page{size:A4;margin:0}*{box-sizing:border-box}html{-webkit-print-color-adjust:exact;\
print-color-adjust:exact}body{margin:0;background:#dfe5e2;color:#14211d;font:16px/1.45 -apple-system,'PingFang SC',\
'HarmonyOS Sans SC','Segoe UI','Microsoft YaHei','Noto Sans SC','Noto Sans CJK SC',Roboto,sans-serif}\
.tools{display:flex;gap:20px;justify-content:center;align-items:center;padding:14px;font-size:15px}.tools a{color:#0b57d0}\
.sheet{width:210mm;max-width:100%;min-height:297mm;margin:0 auto 24px;background:#fff;display:flex;flex-direction:column;\
box-shadow:0 4px 24px rgba(0,0,0,.16)}.head{background:#0b5d52;color:#fff;padding:16mm 16mm 12mm;display:flex;gap:9mm;\
align-items:center}.head .p{flex:none;width:30mm;height:30mm;border-radius:6mm;background:#fff;color:#0b5d52;font-size:24mm;\
line-height:30mm;font-weight:700;text-align:center}.head strong{display:block;font-size:13mm;line-height:1.15}\
.head span{font-size:6.4mm}.body{flex:1;display:flex;flex-direction:column;align-items:center;justify-content:space-evenly;\
padding:8mm 14mm;text-align:center}h1{margin:0;font-size:18mm;line-height:1.15;overflow-wrap:anywhere}\
h1 span{display:block;font-size:8mm;font-weight:400;color:#4a5a55;margin-top:2mm}.qr{width:104mm;max-width:86%;padding:2mm;\
border:1.2mm solid #0b5d52;border-radius:5mm}.qr svg{display:block;width:100%}.scan{margin:0;font-size:8.4mm;font-weight:700}\
.scan span{display:block;font-size:5.4mm;font-weight:400;color:#4a5a55}.facts{margin:0;font-size:5.2mm;color:#33423d}\
.foot{padding:6mm 14mm 8mm;border-top:.3mm solid #d5ddda;text-align:center;font-size:4.2mm;color:#4a5a55;\
overflow-wrap:anywhere}@media print{.tools{display:none}body{background:#fff}.sheet{box-shadow:none;margin:0;width:210mm;\
height:297mm}}@media screen and (max-width:820px){.head{padding:24px 20px;gap:16px}.head .p{width:64px;height:64px;line-height:64px;\
font-size:48px;border-radius:14px}.head strong{font-size:26px}.head span{font-size:15px}h1{font-size:34px}h1 span{font-size:19px}\
.scan{font-size:20px}.scan span{font-size:15px}.facts{font-size:15px}.foot{font-size:13px}.sheet{min-height:0}.body{gap:20px}}";

/// `GET /lots/{id}`: the page of a lot. Of a lot that is not there the page itself says so.
pub async fn lot(State(services): State<Shared>, Segment(id): Segment<String>, headers: HeaderMap) -> Response {
    let mut response = pages::lot(&headers);
    let is_there = services.city.borrow().lots.contains_key(id.as_str());
    if !is_there && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

/// `GET /lots/{id}/poster`: a sheet to print and hang up beside the lot.
pub async fn poster(
    State(services): State<Shared>,
    Segment(id): Segment<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let city = services.city.borrow().clone();
    let lot = city.lots.get(id.as_str()).ok_or_else(no_lot)?;
    let address = format!("{}/lots/{}", site(&services, &headers), lot.id);
    Ok(([(header::CACHE_CONTROL, "no-cache")], Html(sheet(&city, lot, &address))).into_response())
}

/// The address of this site as the world reaches it: as configured, else as it was asked at.
fn site(services: &Shared, headers: &HeaderMap) -> String {
    let configured = services.config.feeds.address("");
    if !configured.is_empty() {
        return configured;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("{}://{host}", if services.config.http.is_secure() { "https" } else { "http" })
}

fn sheet(city: &City, lot: &Lot, address: &str) -> String {
    let (zh, en) = (escape(&lot.name.zh), escape(&lot.name.en));
    let english = if zh == en { String::new() } else { format!("<span lang=\"en\">{en}</span>") };
    let city_name = escape(&city.name.zh);
    let city_english =
        if city.name.zh == city.name.en { String::new() } else { format!(" · {}", escape(&city.name.en)) };
    let hours = match lot.opening_hours.as_deref() {
        None | Some("24/7") => "24 小时 24 hours".to_owned(),
        Some(hours) => escape(hours),
    };
    let mut facts = vec![format!("{} 个车位 places", lot.capacity), hours];
    facts.extend(lot.max_height_m.map(|metres| format!("限高 {metres} m max. height")));
    let mut lines = vec![facts.join(" · ")];
    if let Some(tariff) = &lot.tariff {
        lines.push(escape(&tariff.zh));
        if tariff.en != tariff.zh {
            lines.push(format!("<span lang=\"en\">{}</span>", escape(&tariff.en)));
        }
    }
    let fictional = if city.fictional { "<br>示意数据，均为虚构 Fictional demo" } else { "" };
    format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{zh} · 海报 Poster</title><style>{STYLE}</style></head><body>\
         <nav class=\"tools\" aria-label=\"海报\"><a href=\"/lots/{id}\">← {zh}</a><span>打印：Ctrl+P <span lang=\"en\">to \
         print</span></span></nav><main class=\"sheet\"><div class=\"head\"><span class=\"p\" aria-hidden=\"true\">P</span>\
         <div><strong>实时空位</strong><span lang=\"en\">Live free spaces</span></div></div><div class=\"body\">\
         <h1>{zh}{english}</h1><div class=\"qr\">{code}</div><p class=\"scan\">扫一扫，看现在有没有空位\
         <span lang=\"en\">Scan: is there a space right now?</span></p><p class=\"facts\">{facts}</p></div>\
         <footer class=\"foot\">{city_name}{city_english}<br>{address}{fictional}</footer></main></body></html>",
        id = lot.id,
        code = qr::svg(address),
        facts = lines.join("<br>"),
        address = escape(address),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::city::{example, read};

    #[test]
    fn the_poster_names_its_lot_in_both_languages_and_leads_to_its_page() {
        let city = read(&example(), &|codec| !codec.starts_with("acme/")).unwrap();
        let mut lot = city.lots.get("L1").unwrap().clone();
        lot.name.en = "West <b>car park".to_owned();
        let sheet = sheet(&city, &lot, "https://parking.example/lots/L1");
        assert!(sheet.contains("城西停车场") && sheet.contains("West &lt;b&gt;car park"), "{sheet}");
        assert!(sheet.contains("aria-label=\"https://parking.example/lots/L1\"") && sheet.contains("4 个车位"));
        assert!(!sheet.contains("<script"));
    }
}
