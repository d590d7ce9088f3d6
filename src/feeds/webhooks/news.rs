//! What is news to a subscriber: lots whose numbers or judgement differ from what was last said, and how the city's signs and sources
//! are.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    config::Subscriber,
    domain::{
        ids::{LotId, SignId},
        time::rfc3339,
    },
    feeds::picture::{Judged, Opening, Picture, Site},
    signboard::{HealthState, SignBoard},
};

/// What was last said of everything.
#[derive(Debug, Default)]
pub struct News {
    lots: BTreeMap<LotId, Judged>,
    status: Option<BTreeMap<String, String>>,
}

/// What there is to say now.
#[derive(Debug, Default, PartialEq)]
pub struct Issue {
    /// Lots that changed, as they are told.
    pub changes: BTreeMap<LotId, Value>,
    /// How signs and sources are, if that changed.
    pub status: Option<Value>,
}

impl News {
    /// What differs from what was last said; everything the first time.
    pub fn issue(&mut self, picture: &Picture, signs: &SignBoard, sources: &BTreeMap<String, bool>) -> Issue {
        let mut issue = Issue::default();
        for site in picture.sites() {
            // The age alone is no news.
            let same = |before: &Judged| {
                before.counts.version == site.judged.counts.version
                    && (before.quality, before.level, before.opening)
                        == (site.judged.quality, site.judged.level, site.judged.opening)
            };
            if !self.lots.get(&site.lot.id).is_some_and(same) {
                self.lots.insert(site.lot.id.clone(), site.judged.clone());
                issue.changes.insert(site.lot.id.clone(), told(site));
            }
        }
        self.lots.retain(|lot, _| picture.city.lots.contains_key(lot));
        let status = status(picture.city.signs.keys(), signs, sources);
        if self.status.as_ref() != Some(&status) {
            issue.status = Some(json!(status));
            self.status = Some(status);
        }
        issue
    }
}

fn told(site: Site<'_>) -> Value {
    let counts = &site.judged.counts;
    let mut lot = json!({
        "id": site.lot.id,
        "version": counts.version,
        "capacity": counts.capacity,
        "quality": site.judged.quality,
        "level": site.judged.level,
        "open": site.judged.opening == Opening::Open,
    });
    if let Some(counts) = site.live() {
        lot["free"] = json!(counts.free);
        lot["occupied"] = json!(counts.occupied);
        lot["unknown"] = json!(counts.unknown);
        lot["out_of_service"] = json!(counts.out_of_service);
    }
    if let Some(at) = counts.observed_at {
        lot["observed_at"] = json!(rfc3339(at));
    }
    lot
}

fn status<'a>(
    ids: impl Iterator<Item = &'a SignId>,
    signs: &SignBoard,
    sources: &BTreeMap<String, bool>,
) -> BTreeMap<String, String> {
    let word = |state: HealthState| match state {
        HealthState::Ok => "ok",
        HealthState::Failing => "failing",
        HealthState::Unreachable => "unreachable",
        HealthState::Unknown => "unknown",
    };
    let of_signs = ids.map(|id| {
        let state = signs.status(id).health.map_or(HealthState::Unknown, |health| health.state);
        (format!("sign {id}"), word(state).to_owned())
    });
    let of_sources =
        sources.iter().map(|(name, ill)| (format!("source {name}"), if *ill { "ill" } else { "well" }.to_owned()));
    of_signs.chain(of_sources).collect()
}

/// The messages of an issue for a subscriber: kind and body.
pub fn messages(issue: &Issue, picture: &Picture, city: &str, subscriber: &Subscriber) -> Vec<(&'static str, String)> {
    let wanted = |lot: &LotId| subscriber.lots.is_empty() || subscriber.lots.contains(lot);
    let lots: Vec<&Value> = issue.changes.iter().filter(|(lot, _)| wanted(lot)).map(|(_, told)| told).collect();
    let envelope = |kind: &str, data: Value| {
        let mut body =
            json!({ "type": kind, "city": city, "timestamp": rfc3339(picture.at), "cursor": picture.cursor });
        body["data"] = data;
        body.to_string()
    };
    let changes = (!lots.is_empty()).then(|| ("changes", envelope("changes", json!({ "lots": lots }))));
    let status = issue.status.as_ref().map(|status| ("status", envelope("status", status.clone())));
    changes.into_iter().chain(status).collect()
}
