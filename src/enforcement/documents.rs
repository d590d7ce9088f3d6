//! Documents to be printed: HTML with exact print rules for A4, 80 mm and 58 mm paper, from templates an authority may change
//! without losing what the law wants on them. Every document printed is kept by its hash.

use std::{collections::BTreeMap, fmt::Write};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{Desk, Error, Person, lookup::what, view::NearLot};
use crate::{
    domain::{
        course::{Outcome, Procedure},
        ledger::{Digest, Kind as Step, NewEntry},
        qr,
        record::{Kind, Record, Refused},
        text::escape_html as escape,
        time::Instant,
    },
    store::{
        evidence::{self, Piece},
        ledger, records,
    },
};

/// A document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// 责令改正通知书（警告）
    Warning,
    /// 违法停车告知单
    ParkingNotice,
    /// 行政处罚决定书
    Decision,
    /// 现场笔录
    SiteRecord,
    /// 扣押（扣留）决定书, with its inventory
    Seizure,
    /// 解除决定书
    Release,
    /// 送达回证
    Receipt,
}

/// What it is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Paper {
    /// A4.
    #[default]
    #[serde(rename = "a4")]
    A4,
    /// A slip of 80 mm.
    #[serde(rename = "80mm")]
    Mm80,
    /// A slip of 58 mm.
    #[serde(rename = "58mm")]
    Mm58,
}

impl Document {
    /// Every document.
    pub const ALL: [Self; 7] = [
        Self::Warning,
        Self::ParkingNotice,
        Self::Decision,
        Self::SiteRecord,
        Self::Seizure,
        Self::Release,
        Self::Receipt,
    ];

    /// Its name: of its template's file and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::ParkingNotice => "parking_notice",
            Self::Decision => "decision",
            Self::SiteRecord => "site_record",
            Self::Seizure => "seizure",
            Self::Release => "release",
            Self::Receipt => "receipt",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|document| document.name() == name)
    }

    pub(super) fn own_template(self) -> &'static str {
        match self {
            Self::Warning => include_str!("templates/warning.html"),
            Self::ParkingNotice => include_str!("templates/parking_notice.html"),
            Self::Decision => include_str!("templates/decision.html"),
            Self::SiteRecord => include_str!("templates/site_record.html"),
            Self::Seizure => include_str!("templates/seizure.html"),
            Self::Release => include_str!("templates/release.html"),
            Self::Receipt => include_str!("templates/receipt.html"),
        }
    }

    /// What must stand on it, whatever else a template says: 行政处罚法 59, 行政强制法 18 and 24.
    pub(super) fn required(self) -> &'static [&'static str] {
        match self {
            Self::Warning => &["authority", "number", "plate", "place", "reason", "date", "review_authority", "court"],
            Self::ParkingNotice => &["authority", "number", "plate", "time", "place", "reason", "address", "phone"],
            Self::Decision => &[
                "authority",
                "number",
                "plate",
                "time",
                "place",
                "reason",
                "evidence_count",
                "articles",
                "amount",
                "bank",
                "review_authority",
                "court",
                "review_first",
                "decided",
            ],
            Self::SiteRecord => {
                &["authority", "time", "place", "act", "legal_basis", "reason", "witness", "officer", "second_officer"]
            }
            Self::Seizure => &[
                "authority",
                "number",
                "plate",
                "reason",
                "legal_basis",
                "taken",
                "until",
                "custody",
                "inventory",
                "review_authority",
                "court",
                "date",
            ],
            Self::Release => &["authority", "number", "taken", "released", "inventory", "date"],
            Self::Receipt => &["authority", "number", "served_how", "served", "officer"],
        }
    }
}

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
pub(super) fn filled(
    template: &str,
    fields: &BTreeMap<&'static str, String>,
    required: &[&str],
) -> Result<String, String> {
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

fn inventory(record: &Record) -> String {
    let mut rows = String::from("<table><tr><th>名称</th><th>数量</th><th>特征</th></tr>");
    for item in &record.course.inventory {
        let (name, note) = (escape(&item.name), escape(&item.note));
        let _ = write!(rows, "<tr><td>{name}</td><td>{}</td><td>{note}</td></tr>", item.quantity);
    }
    rows + "</table>"
}

/// Whether a record has come to where a document of it exists.
fn check_document(record: &Record, document: Document) -> Result<(), Error> {
    let has = |step: &str| record.course.at.contains_key(step);
    let fits = match document {
        Document::Warning => matches!(record.kind, Kind::Warning | Kind::Correction),
        Document::ParkingNotice => record.kind == Kind::Penalty,
        Document::Decision => record.kind == Kind::Penalty && (has("decide") || has("decide_on_spot")),
        Document::SiteRecord => record.kind == Kind::Seizure && (has("taken") || has("move")),
        Document::Seizure => record.kind == Kind::Seizure && has("taken"),
        Document::Release => record.kind == Kind::Seizure && has("release"),
        Document::Receipt => has("serve"),
    };
    if fits { Ok(()) } else { Err(Refused::NoSuchDocument.into()) }
}

impl Desk {
    /// A document of a record as an HTML page that prints by itself. It is kept by its hash, and printing it stands in the ledger.
    /// `None` where there is no such record.
    pub async fn document(
        &self,
        id: &str,
        document: Document,
        paper: Paper,
        base: &str,
        person: &Person,
    ) -> Result<Option<String>, Error> {
        let Some(record) = records::find(&self.db, id).await? else { return Ok(None) };
        check_document(&record, document)?;
        let near = match document {
            Document::Warning | Document::ParkingNotice => self.near_at_the_time(&record).await?,
            _ => Vec::new(),
        };
        let page = self.printed(&record, document, paper, base, &near)?;
        let bytes = Bytes::from(page.clone());
        let piece = Piece {
            sha256: self.evidence.put(bytes.clone()).await?,
            bytes: bytes.len() as u32,
            width_px: 0,
            height_px: 0,
            media_type: "text/html; charset=utf-8".to_owned(),
            taken_at: None,
        };
        self.enter_printed(&record, document, &piece, person).await?;
        Ok(Some(page))
    }

    async fn enter_printed(
        &self,
        record: &Record,
        document: Document,
        piece: &Piece,
        person: &Person,
    ) -> Result<Digest, Error> {
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        evidence::note(&mut tx, piece, now).await?;
        let entry = NewEntry {
            actor: person.actor(),
            kind: Step::NoticePrinted,
            subject_type: "document",
            subject_id: record.id.clone(),
            payload: json!({"number": record.number, "document": document.name()}),
            evidence: vec![piece.sha256],
        };
        ledger::append(&mut tx, entry, now).await?;
        tx.commit().await?;
        Ok(piece.sha256)
    }

    fn printed(
        &self,
        record: &Record,
        document: Document,
        paper: Paper,
        base: &str,
        near: &[NearLot],
    ) -> Result<String, Error> {
        let (template, _) = self.template(document);
        let body = filled(&template, &self.fields(record, base, near), document.required())
            .map_err(|reason| Error::Template { document: document.name(), reason })?;
        let fictional = if self.city().fictional {
            "<p><small>演示数据，非真实文书 Demonstration, not a real document</small></p>"
        } else {
            ""
        };
        Ok(format!(
            "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{}</title><style>{STYLE}{}</style></head><body>{body}{fictional}</body></html>",
            escape(&record.number),
            style(paper),
        ))
    }

    fn fields(&self, record: &Record, base: &str, near: &[NearLot]) -> BTreeMap<&'static str, String> {
        let (city, told) = (self.city(), &self.config.documents);
        let clock = |at: Instant| at.with_timezone(&city.time_zone).format("%Y年%-m月%-d日 %H:%M").to_string();
        let date = |at: Instant| at.with_timezone(&city.time_zone).format("%Y年%-m月%-d日").to_string();
        let step = |name: &str, how: &dyn Fn(Instant) -> String| {
            record.course.at.get(name).copied().map(how).unwrap_or_default()
        };
        let course = &record.course;
        let place = record.zone.as_ref().and_then(|id| city.zones.get(id)).map(|zone| zone.name.zh.clone());
        let place = place.or_else(|| record.location.map(|(lon, lat)| format!("东经 {lon:.5} 北纬 {lat:.5}")));
        let or_blank = |text: Option<&str>| escape(text.filter(|text| !text.is_empty()).unwrap_or("＿＿＿＿＿＿"));
        let until = self
            .dues_of(record)
            .into_iter()
            .find(|due| due.what == "hold")
            .map(|due| due.day.format("%Y年%-m月%-d日").to_string());
        let review_first = if course.procedure == Some(Procedure::Simple) {
            "本决定系当场作出，应当先申请行政复议，对复议决定不服的再提起行政诉讼（行政复议法第二十三条）。"
        } else {
            ""
        };
        let amount = match (course.outcome, course.amount_yuan) {
            (Some(Outcome::Penalty) | None, Some(0)) => "警告".to_owned(),
            (Some(Outcome::Penalty) | None, Some(yuan)) => format!("罚款人民币 {yuan} 元"),
            (Some(Outcome::NoPenalty), _) => "不予行政处罚".to_owned(),
            (Some(Outcome::NotEstablished), _) => "违法事实不成立，不予行政处罚".to_owned(),
            (Some(Outcome::Transferred), _) => "移送有关机关处理".to_owned(),
            (_, None) => String::new(),
        };
        let served_how = match course.served_how.as_deref() {
            Some("direct") => "直接送达",
            Some("mail") => "邮寄送达",
            Some("electronic") => "电子送达（经受送达人确认同意）",
            Some("left") => "留置送达",
            Some("public") => "公告送达",
            _ => "",
        };
        let mut lots = String::new();
        for lot in near {
            let free = lot.free.map_or("空位数未知".to_owned(), |free| format!("空位 {free}"));
            let _ = write!(lots, "<li>{} {} m · {free}</li>", escape(&lot.name.zh), lot.distance_m);
        }
        let near = if lots.is_empty() {
            lots
        } else {
            format!("<p>当时附近停车场 <small>Car parks near by</small></p><ul>{lots}</ul>")
        };
        let statement =
            course.statement.as_deref().map(|said| format!("当事人陈述申辩：{}，本机关已复核。", escape(said)));
        BTreeMap::from([
            ("authority", or_blank(Some(&told.authority))),
            ("address", or_blank(Some(&told.address))),
            ("phone", or_blank(Some(&told.phone))),
            ("bank", or_blank(Some(&told.bank))),
            ("review_authority", or_blank(Some(&told.review_authority))),
            ("court", or_blank(Some(&told.court))),
            ("number", escape(&record.number)),
            ("plate", or_blank(record.plate.as_deref())),
            ("date", date(self.clock.now())),
            ("time", clock(record.at)),
            ("place", or_blank(place.as_deref())),
            ("reason", escape(&record.reason)),
            ("note", escape(record.note.as_deref().unwrap_or_default())),
            ("officer", escape(course.taken_by.as_deref().unwrap_or(&record.officer))),
            ("second_officer", or_blank(course.second_officer.as_deref())),
            ("evidence_count", record.evidence.len().to_string()),
            ("statement", statement.unwrap_or_default()),
            ("articles", escape(course.articles.as_deref().unwrap_or_default())),
            ("amount", amount),
            ("review_first", review_first.to_owned()),
            ("decided", step("decide", &date) + &step("decide_on_spot", &date)),
            ("act", what(record.kind, record.act).0.to_owned()),
            ("legal_basis", escape(record.legal_basis.as_deref().unwrap_or_default())),
            ("taken", step("taken", &clock)),
            ("until", until.unwrap_or_else(|| "＿＿＿＿＿＿".to_owned())),
            ("released", step("release", &clock)),
            ("custody", or_blank(course.custody.as_deref())),
            ("witness", or_blank(course.witness.as_deref())),
            ("inventory", inventory(record)),
            ("served_how", served_how.to_owned()),
            ("served", step("serve", &clock)),
            ("near", near),
            ("qr", qr(&format!("{}/check?number={}", base.trim_end_matches('/'), record.number))),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_own_template_has_all_that_the_law_wants_and_a_changed_one_may_not_lose_it() {
        let names: Vec<&'static str> = Document::ALL.iter().flat_map(|document| document.required()).copied().collect();
        let more = ["note", "near", "qr", "statement", "phone", "second_officer", "officer", "plate"];
        let fields: BTreeMap<&'static str, String> =
            names.into_iter().chain(more).map(|name| (name, format!("[{name}]"))).collect();
        for document in Document::ALL {
            assert_eq!(Document::parse(document.name()), Some(document));
            let page = filled(document.own_template(), &fields, document.required()).unwrap();
            assert!(document.required().iter().all(|name| page.contains(&format!("[{name}]"))), "{page}");
            let lost = document.own_template().replace("{{number}}", "").replace("{{authority}}", "");
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
