//! A document as a page of HTML that prints by itself, on A4 and on slips.

use std::{collections::BTreeMap, fmt::Write};

use super::{Document, Paper, fields::Told};
use crate::domain::{course::Item, qr, text::escape_html as escape};

/// A place to write by hand.
pub(super) const BLANK: &str = "＿＿＿＿＿＿";

/// Texts that are written by hand where the record does not know them; the others are left out.
const WRITTEN: &[&str] = &[
    "authority",
    "address",
    "phone",
    "bank",
    "review_authority",
    "court",
    "party_name",
    "party_address",
    "plate",
    "place",
    "second_officer",
    "until",
    "custody",
    "witness",
    "served_place",
];

/// How the page is cut, by paper.
fn style(paper: Paper) -> &'static str {
    match paper {
        Paper::A4 => {
            "@page{size:210mm 297mm;margin:25mm 24mm 22mm 26mm}body{font:16px/1.9 'FangSong','Noto Serif CJK SC',serif;\
             max-width:160mm}h1{font-size:24px}.qr svg{width:30mm;height:30mm}"
        }
        Paper::Mm80 => {
            "@page{size:80mm 297mm;margin:3mm}body{font:12px/1.5 'Noto Sans CJK SC',sans-serif;width:74mm}h1{font-size:15px}\
             .qr svg{width:28mm;height:28mm}"
        }
        Paper::Mm58 => {
            "@page{size:58mm 297mm;margin:2mm}body{font:11px/1.45 'Noto Sans CJK SC',sans-serif;width:54mm}h1{font-size:13px}\
             .qr svg{width:26mm;height:26mm}th{white-space:normal}"
        }
    }
}

const STYLE: &str = "*{box-sizing:border-box}body{color:#000;background:#fff;margin:0 auto;overflow-wrap:anywhere}\
h1{text-align:center;font-weight:bold;margin:0 0 2mm;line-height:1.4}h1 small{display:block;font-size:11px;font-weight:normal}\
h2{font-size:inherit;margin:2mm 0 1mm}.number{text-align:right}table{width:100%;border-collapse:collapse}\
th,td{border:1px solid #000;padding:.5mm 1mm;text-align:left;vertical-align:top;font-weight:normal}th{white-space:nowrap}\
.sign{text-align:right;break-inside:avoid}.qr{text-align:center;break-inside:avoid}p{margin:1.5mm 0;orphans:3;widows:3}\
small{font-size:.75em}ul{list-style:none;padding:0;margin:1mm 0}";

/// A template with its fields filled in. A field nobody knows, or one the law wants and the template lacks, is a fault.
fn filled(template: &str, fields: &BTreeMap<&'static str, String>, required: &[&str]) -> Result<String, String> {
    let (mut text, mut rest, mut used) = (String::with_capacity(template.len() * 2), template, Vec::new());
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or("a field is not closed")?;
        let name = name.trim();
        text.push_str(before);
        text.push_str(fields.get(name).ok_or_else(|| format!("there is no field {name}"))?);
        used.push(name);
        rest = after;
    }
    text.push_str(rest);
    match required.iter().find(|name| !used.contains(*name)) {
        Some(missing) => Err(format!("the law wants {missing} on it")),
        None => Ok(text),
    }
}

/// A QR code with its sentence.
fn qr(text: &str) -> String {
    let code = qr::svg(text);
    if code.is_empty() {
        code
    } else {
        format!("<div class=\"qr\">{code}<br><small>扫码查验 Scan to check</small></div>")
    }
}

fn inventory(items: &[Item]) -> String {
    let mut rows = String::from("<table><tr><th>名称</th><th>数量</th><th>特征</th></tr>");
    for item in items {
        let (name, note) = (escape(&item.name), escape(&item.note));
        let _ = write!(rows, "<tr><td>{name}</td><td>{}</td><td>{note}</td></tr>", item.quantity);
    }
    rows + "</table>"
}

fn near(lots: &[[String; 3]]) -> String {
    if lots.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for [name, distance, free] in lots {
        let _ = write!(rows, "<li>{} {distance} · {free}</li>", escape(name));
    }
    format!("<p>当时附近停车场 <small>Car parks near by</small></p><ul>{rows}</ul>")
}

/// The page of a document, from a template.
pub(super) fn page(document: Document, template: &str, paper: Paper, told: &Told) -> Result<String, String> {
    let mut fields: BTreeMap<&'static str, String> = BTreeMap::new();
    for (name, text) in &told.texts {
        let text = if text.is_empty() && WRITTEN.contains(name) { BLANK } else { text };
        fields.insert(name, escape(text));
    }
    fields.insert("near", near(&told.near));
    fields.insert("inventory", inventory(&told.inventory));
    fields.insert("qr", qr(&told.check_url));
    let body = filled(template, &fields, document.required())?;
    let fictional = if told.fictional {
        "<p><small>演示数据，非真实文书 Demonstration, not a real document</small></p>"
    } else {
        ""
    };
    Ok(format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{}</title><style>{STYLE}{}</style></head><body>{body}{fictional}</body></html>",
        fields["number"],
        style(paper),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(document: Document) -> &'static str {
        document.own_template()
    }

    #[test]
    fn every_own_template_has_all_that_the_law_wants_and_a_changed_one_may_not_lose_it() {
        let names: Vec<&'static str> = Document::ALL.iter().flat_map(|document| document.required()).copied().collect();
        let more = [
            "note",
            "near",
            "qr",
            "statement",
            "phone",
            "second_officer",
            "officer",
            "plate",
            "decision_title",
            "witness",
            "party_name",
            "party_address",
            "served_place",
            "custody",
        ];
        let fields: BTreeMap<&'static str, String> =
            names.into_iter().chain(more).map(|name| (name, format!("[{name}]"))).collect();
        for document in Document::ALL {
            assert_eq!(Document::parse(document.name()), Some(document));
            let page = filled(own(document), &fields, document.required()).unwrap();
            assert!(document.required().iter().all(|name| page.contains(&format!("[{name}]"))), "{page}");
            let lost = own(document).replace("{{number}}", "").replace("{{authority}}", "");
            assert!(filled(&lost, &fields, document.required()).is_err());
        }
        assert_eq!(filled("{{nobody}}", &fields, &[]).unwrap_err(), "there is no field nobody");
        assert!(filled("{{number", &fields, &[]).is_err());
    }

    #[test]
    fn a_qr_code_is_drawn_with_its_quiet_zone() {
        let drawn = qr("http://parking.example/check?number=W-20260310-000001");
        assert!(drawn.starts_with("<div class=\"qr\"><svg viewBox=\"0 0 ") && drawn.contains("M4 4h1v1h-1z"));
        assert!(!qr("<script>").contains("<script>"));
    }
}
