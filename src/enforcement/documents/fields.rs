//! What a document tells: texts by name, the nearest lots, what was taken, and where to check it. An empty text is a place to write.

use std::collections::BTreeMap;

#[cfg(feature = "pdf")]
use chrono::NaiveDate;

use super::Document;
use crate::{
    domain::{
        course::{Item, Outcome, Procedure},
        record::{Kind, Record},
        time::Instant,
    },
    enforcement::{Desk, lookup::what, view::NearLot},
};

/// What a document tells.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// Texts by name, as they are.
    pub(super) texts: BTreeMap<&'static str, String>,
    /// The nearest lots with what they had free: name, distance, places.
    pub(super) near: Vec<[String; 3]>,
    /// What was taken.
    pub(super) inventory: Vec<Item>,
    /// The address its QR code opens.
    pub(super) check_url: String,
    /// Whether the city is made up.
    pub(super) fictional: bool,
    /// The day it is made, by the city's calendar.
    #[cfg(feature = "pdf")]
    pub(super) made: NaiveDate,
}

/// The decision by its own name.
fn decision_title(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Penalty) | None => "行政处罚决定书",
        Some(Outcome::NoPenalty | Outcome::NotEstablished) => "不予行政处罚决定书",
        Some(Outcome::Transferred) => "案件移送决定书",
    }
}

/// What was decided, in words.
fn amount(outcome: Option<Outcome>, yuan: Option<u32>) -> String {
    match (outcome, yuan) {
        (Some(Outcome::Penalty) | None, Some(0)) => "警告".to_owned(),
        (Some(Outcome::Penalty) | None, Some(yuan)) => format!("罚款人民币 {yuan} 元"),
        (Some(Outcome::NoPenalty), _) => "不予行政处罚".to_owned(),
        (Some(Outcome::NotEstablished), _) => "违法事实不成立，不予行政处罚".to_owned(),
        (Some(Outcome::Transferred), _) => "移送有关机关处理".to_owned(),
        (_, None) => String::new(),
    }
}

/// How and by when a decision is carried out.
fn performance(outcome: Option<Outcome>, yuan: Option<u32>, bank: &str) -> String {
    let bank = if bank.is_empty() { super::page::BLANK } else { bank };
    match (outcome, yuan) {
        (Some(Outcome::Penalty) | None, Some(1..)) => format!(
            "自收到本决定书之日起十五日内到{bank}缴纳罚款；逾期不缴纳的，每日按罚款数额的百分之三加处罚款，加处罚款的数额不超过罚款的数额。"
        ),
        (Some(Outcome::Penalty) | None, _) => "本决定自送达之日起生效，无需缴纳罚款。".to_owned(),
        _ => "无需缴纳罚款。".to_owned(),
    }
}

fn served_how(word: Option<&str>) -> &'static str {
    match word {
        Some("direct") => "直接送达",
        Some("mail") => "邮寄送达",
        Some("electronic") => "电子送达（经受送达人确认同意）",
        Some("left") => "留置送达",
        Some("public") => "公告送达",
        _ => "",
    }
}

const REVIEW_FIRST: &str =
    "本决定系当场作出，应当先申请行政复议，对复议决定不服的再提起行政诉讼（行政复议法第二十三条）。";

impl Desk {
    /// What a document of a record tells.
    pub(super) fn told(&self, record: &Record, base: &str, near: &[NearLot]) -> Told {
        let (city, own) = (self.city(), &self.config.documents);
        let local = |at: Instant| at.with_timezone(&city.time_zone);
        let clock = |at: Instant| local(at).format("%Y年%-m月%-d日 %H:%M").to_string();
        let date = |at: Instant| local(at).format("%Y年%-m月%-d日").to_string();
        let course = &record.course;
        let step = |names: &[&str]| names.iter().find_map(|name| course.at.get(*name).copied());
        let place = record.zone.as_ref().and_then(|id| city.zones.get(id)).map(|zone| zone.name.zh.clone());
        let place = place.or_else(|| record.location.map(|(lon, lat)| format!("东经 {lon:.5} 北纬 {lat:.5}")));
        let until = self.dues_of(record).into_iter().find(|due| due.what == "hold");
        let is_simple = course.procedure == Some(Procedure::Simple);
        let act = what(record.kind, record.act).0;
        let served_document = match record.kind {
            Kind::Penalty => decision_title(course.outcome).to_owned(),
            Kind::Seizure => format!("{act}决定书"),
            Kind::Warning | Kind::Correction => "责令改正通知书".to_owned(),
        };
        let statement = course.statement.as_deref().map(|said| format!("当事人陈述申辩：{said}，本机关已复核。"));
        let party = course.party.as_ref();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let texts = BTreeMap::from([
            ("authority", own.authority.clone()),
            ("address", own.address.clone()),
            ("phone", own.phone.clone()),
            ("bank", own.bank.clone()),
            ("review_authority", own.review_authority.clone()),
            ("court", own.court.clone()),
            ("number", record.number.clone()),
            ("party_name", text(party.map(|party| party.name.as_str()))),
            ("party_address", text(party.map(|party| party.address.as_str()))),
            ("plate", text(record.plate.as_deref())),
            ("date", date(self.clock.now())),
            ("time", clock(record.at)),
            ("place", text(place.as_deref())),
            ("reason", record.reason.clone()),
            ("note", text(record.note.as_deref())),
            ("officer", course.taken_by.clone().unwrap_or_else(|| record.officer.clone())),
            ("second_officer", text(course.second_officer.as_deref())),
            ("evidence_count", record.evidence.len().to_string()),
            ("statement", statement.unwrap_or_default()),
            ("articles", text(course.articles.as_deref())),
            ("decision_title", decision_title(course.outcome).to_owned()),
            ("amount", amount(course.outcome, course.amount_yuan)),
            ("performance", performance(course.outcome, course.amount_yuan, &own.bank)),
            ("review_first", if is_simple { REVIEW_FIRST.to_owned() } else { String::new() }),
            ("decided", step(&["decide", "decide_on_spot"]).map(date).unwrap_or_default()),
            ("act", act.to_owned()),
            ("legal_basis", text(record.legal_basis.as_deref())),
            ("taken", step(&["taken", "move"]).map(clock).unwrap_or_default()),
            ("until", until.map(|due| due.day.format("%Y年%-m月%-d日").to_string()).unwrap_or_default()),
            ("released", step(&["release"]).map(clock).unwrap_or_default()),
            ("custody", text(course.custody.as_deref())),
            ("witness", text(course.witness.as_deref())),
            ("served_document", served_document),
            ("served_how", served_how(course.served_how.as_deref()).to_owned()),
            ("served", step(&["serve"]).map(clock).unwrap_or_default()),
            // Where somebody was found is written by whoever found them.
            ("served_place", String::new()),
        ]);
        let near = near.iter().map(|lot| {
            let free = lot.free.map_or("空位数未知".to_owned(), |free| format!("空位 {free}"));
            [lot.name.zh.clone(), format!("{} m", lot.distance_m), free]
        });
        Told {
            texts,
            near: near.collect(),
            inventory: course.inventory.clone(),
            check_url: format!("{}/check?number={}", base.trim_end_matches('/'), record.number),
            fictional: city.fictional,
            #[cfg(feature = "pdf")]
            made: local(self.clock.now()).date_naive(),
        }
    }
}

impl Document {
    /// What must stand on it, whatever else a template says: 行政处罚法 59, 行政强制法 18 and 24.
    pub(in crate::enforcement) fn required(self) -> &'static [&'static str] {
        match self {
            Self::Warning => &["authority", "number", "plate", "place", "reason", "date", "review_authority", "court"],
            Self::ParkingNotice => &["authority", "number", "plate", "time", "place", "reason", "address", "phone"],
            Self::Decision => &[
                "authority",
                "number",
                "party_name",
                "party_address",
                "plate",
                "time",
                "place",
                "reason",
                "evidence_count",
                "articles",
                "amount",
                "performance",
                "review_authority",
                "court",
                "review_first",
                "decided",
            ],
            Self::SiteRecord => {
                &["authority", "taken", "place", "act", "legal_basis", "reason", "witness", "officer", "second_officer"]
            }
            Self::Seizure => &[
                "authority",
                "number",
                "party_name",
                "party_address",
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
            Self::Receipt => &["authority", "number", "served_document", "served_how", "served", "officer"],
        }
    }
}
