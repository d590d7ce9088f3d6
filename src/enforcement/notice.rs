//! The printable notice of a record, in both languages, for 58 and 80 mm paper and A4.

use std::fmt::Write;

use serde_json::json;

use super::{
    Desk, Error, Person,
    lookup::what,
    view::{NearLot, lots_of},
};
use crate::{
    domain::{
        ledger::Kind as Step,
        record::{Kind, Record, Refused, State},
        text::escape_html as escape,
        time::Instant,
    },
    store::{history, incidents, records},
};

/// A count taken this long before a record still tells how it was, minutes.
const COUNT_HOLDS_MIN: i64 = 15;
/// A record this young is told the free places of now, seconds.
const YOUNG_S: i64 = 120;

const STYLE: &str = "@page{margin:4mm}*{box-sizing:border-box}body{font:12px/1.5 sans-serif;color:#000;background:#fff;\
max-width:180mm;margin:0 auto;padding:2mm;overflow-wrap:anywhere}h1{font-size:16px;text-align:center;margin:0 0 2mm}\
h1 small{display:block;font-size:11px;font-weight:normal}table{width:100%;border-collapse:collapse}th{text-align:left;\
font-weight:normal;vertical-align:top;padding-right:2mm;white-space:nowrap}th small,td small{display:block;color:#444}\
td{vertical-align:top;font-weight:bold}.lots li{list-style:none}.lots{padding:0;margin:1mm 0}hr{border:0;border-top:1px \
dashed #000}p{margin:1mm 0}@media (max-width:80mm){body{font-size:11px}th{white-space:normal}}";

impl Desk {
    /// A record's notice as an HTML page that prints by itself. Printing it stands in the ledger.
    pub async fn notice(&self, id: &str, person: &Person) -> Result<Option<String>, Error> {
        let Some(record) = records::find(&self.db, id).await? else { return Ok(None) };
        if record.state == State::Proposed {
            return Err(Refused::NotApproved.into());
        }
        self.audit(Step::NoticePrinted, "record", id, json!({"number": record.number}), vec![], person).await?;
        let lots = self.near_at_the_time(&record).await?;
        Ok(Some(self.page(&record, &lots)?))
    }

    /// The nearest lots with the free places they had when the record was made.
    pub(super) async fn near_at_the_time(&self, record: &Record) -> Result<Vec<NearLot>, Error> {
        if let Some(incident) = &record.incident {
            let kept = incidents::lots_when_ripe(&self.db, incident).await?;
            if let Some(lots) = lots_of(kept.as_deref()) {
                return Ok(lots);
            }
        }
        let place = record.location.or_else(|| record.zone.as_ref().and_then(|zone| self.zone_middle(zone)));
        let Some(place) = place else { return Ok(Vec::new()) };
        let mut lots = self.near(place, record.vehicle_class);
        let is_young = (self.clock.now() - record.at).num_seconds() <= YOUNG_S;
        for lot in &mut lots {
            let from = record.at - chrono::Duration::minutes(COUNT_HOLDS_MIN);
            let until = record.at + chrono::Duration::microseconds(1);
            let then = history::range(&self.db, &lot.id, from, until, 1).await?.pop();
            lot.free = match then {
                Some(point) => Some(point.free),
                None if is_young => lot.free,
                None => None,
            };
        }
        Ok(lots)
    }

    fn page(&self, record: &Record, lots: &[NearLot]) -> Result<String, std::fmt::Error> {
        let city = self.city();
        let local = |at: Instant| at.with_timezone(&city.time_zone).format("%Y-%m-%d %H:%M").to_string();
        let (zh, en) = what(record.kind, record.act);
        let mut rows = String::new();
        let mut line = |zh: &str, en: &str, value: &str, second: &str| {
            let second = if second.is_empty() || second == value {
                String::new()
            } else {
                format!("<small>{}</small>", escape(second))
            };
            write!(rows, "<tr><th>{zh}<small>{en}</small></th><td>{}{second}</td></tr>", escape(value))
        };
        line("编号", "Number", &record.number, "")?;
        if let Some(plate) = &record.plate {
            line("号牌", "Plate", plate, "")?;
        }
        line("时间", "Time", &local(record.at), "")?;
        if let Some(zone) = record.zone.as_ref().and_then(|id| city.zones.get(id)) {
            line("地点", "Place", &zone.name.zh, &zone.name.en)?;
        }
        if let Some(cell) = record.grid_cell.as_ref().and_then(|id| city.grid_cells.get(id)) {
            line("网格 / 单位", "Cell / unit", &format!("{} / {}", cell.name.zh, cell.unit.zh), "")?;
        }
        line("事由", "Reason", &record.reason, "")?;
        if let Some(basis) = &record.legal_basis {
            line("依据", "Legal basis", basis, "")?;
        }
        line("状态", "State", state_zh(record), record.state.as_str())?;
        let mut near = String::new();
        for lot in lots {
            let (free_zh, free_en) = match lot.free {
                Some(free) => (format!("空位 {free}"), format!("{free} free")),
                None => ("空位数未知".to_owned(), "free places not known".to_owned()),
            };
            let (name_zh, name_en) = (escape(&lot.name.zh), escape(&lot.name.en));
            let metres = lot.distance_m;
            write!(near, "<li><b>{name_zh}</b> {metres} m · {free_zh}<small> · {name_en}, {free_en}</small></li>")?;
        }
        let near = if near.is_empty() {
            String::new()
        } else {
            format!(
                "<hr><p>当时附近停车场 <small>Car parks near by at that time</small></p><ul class=\"lots\">{near}</ul>"
            )
        };
        let fictional = if city.fictional {
            "<p>演示数据，非真实文书 <small>Demonstration, not a real document</small></p>"
        } else {
            ""
        };
        let (advice_zh, advice_en) = advice(record.kind);
        Ok(format!(
            "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{number}</title><style>{STYLE}</style></head><body>\
             <h1>{city_zh} {zh}通知单<small>{en} notice · {city_en}</small></h1><table>{rows}</table>\
             <p>{advice_zh}<br><small>{advice_en}</small></p>{near}{fictional}</body></html>",
            number = escape(&record.number),
            city_zh = escape(&city.name.zh),
            city_en = escape(&city.name.en),
        ))
    }
}

pub(super) fn state_zh(record: &Record) -> &'static str {
    match record.state {
        State::Issued => "已作出",
        State::Opened => "已立案",
        State::Proposed => "待批准",
        State::Approved => "已批准",
        State::Complied => "已改正",
        State::Lapsed => "已终结",
        State::Escalated => "已转立案",
        State::Revoked => "已撤销",
        State::Noticed => "已告知",
        State::Stated => "已陈述申辩",
        State::Weighed => "已复核",
        State::HearingRequested => "已申请听证",
        State::HearingHeld => "已听证",
        State::Decided => "已决定",
        State::Served => "已送达",
        State::Paid => "已缴款",
        State::Demanded => "已催告",
        State::CourtApplied => "已申请强制执行",
        State::Appealed => "复议或诉讼中",
        State::Closed => "已结案",
        State::Moved => "已拖移",
        State::Informed => "已告知车主",
        State::Collected => "已领回",
        State::Unapproved => "已实施，待补批",
        State::Executed => "已实施",
        State::Extended => "已延长",
        State::MustReturn => "应当返还",
        State::Released => "已解除",
        State::Disposed => "已处理",
    }
}

fn advice(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Warning | Kind::Correction => (
            "请立即驶离并规范停放。如有异议，可向执法人员陈述、申辩。",
            "Please move the vehicle now and park where it is allowed. You may state your case to the officers.",
        ),
        Kind::Penalty => (
            "本单为立案告知，不是处罚决定。您有权陈述、申辩。",
            "This tells you that a case was opened; it is no decision. You may state your case.",
        ),
        Kind::Seizure => (
            "请联系执法单位了解车辆去向和取回办法。您有权陈述、申辩。",
            "Ask the authority where the vehicle is and how to get it back. You may state your case.",
        ),
    }
}
