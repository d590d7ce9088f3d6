//! The section `matters`: kinds of matters with their limits, units, command centres, channels, partners, scores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::domain::{
    hours::Hours,
    matter::{
        Catalogue, Category, Flow, Source, Span, Stage, dispatch::Unit, fair::Measure, patrol::Rounds, score::Weights,
    },
};

/// City management.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matters {
    /// What a matter's number begins with.
    pub prefix: String,
    /// Working hours of working days; holidays are those of `enforcement.law.calendar`.
    pub working_hours: Vec<Span>,
    /// Whether what was opened is given to a unit by itself.
    pub dispatches_itself: bool,
    /// A device must be ill so long before a matter is opened, minutes.
    pub ill_after_min: u32,
    /// More devices of a kind that are ill at once are one matter.
    pub many_ill: u32,
    /// A camera that was heard and then is silent for longer is ill, hours.
    pub camera_silent_h: u32,
    /// What reporters said of themselves is forgotten so long after the matter ended, days.
    pub contact_days: u32,
    /// What hashes of addresses are salted with, the same on all nodes; empty makes one at each start.
    pub salt: Secret,
    /// The least that any public figure counts.
    pub k_anonymous: u32,
    /// How the flow runs.
    pub flow: Flow,
    /// How much of the public's reports is taken.
    pub measure: Measure,
    /// What scores are made of.
    pub weights: Weights,
    /// How often cells are walked.
    pub rounds: Rounds,
    /// Units by id.
    pub units: BTreeMap<String, Unit>,
    /// People who command a town's matters, by the nine digits of its code. Supervisors who stand nowhere command the county.
    pub towns: BTreeMap<String, Vec<String>>,
    /// Hotline, WeChat, text messages: who may report in others' names.
    pub gateways: BTreeMap<String, Gateway>,
    /// Other authorities' systems.
    pub partners: BTreeMap<String, Partner>,
    /// Kinds of matters by code.
    pub categories: BTreeMap<String, Category>,
}

/// A system that reports in the names of people who called or wrote.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Its bearer token.
    pub token: Secret,
    /// `hotline`, `wechat`, `sms` or `partner`.
    pub source: Source,
}

/// Another authority's system.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// Where it is told; empty tells it nothing, and it comes to ask.
    #[serde(default)]
    pub url: String,
    /// What messages are signed with.
    pub secret: Secret,
    /// The bearer token it asks with.
    #[serde(default)]
    pub token: Secret,
    /// Which matters: our category's code to theirs. One that is not here is not told.
    pub categories: BTreeMap<String, String>,
    /// Our states to theirs; one that is not here is told by its own word.
    #[serde(default)]
    pub states: BTreeMap<String, String>,
}

impl Matters {
    /// The catalogue the domain goes by.
    pub fn catalogue(&self) -> Catalogue {
        Catalogue { categories: self.categories.clone(), flow: self.flow.clone() }
    }

    /// What types cannot say: one key and the reason it is wrong.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        let is_word = |text: &str| {
            (1..=32).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        };
        if !(1..=8).contains(&self.prefix.len()) || !self.prefix.bytes().all(|b| b.is_ascii_uppercase()) {
            return Some(("matters.prefix", "must have 1 to 8 capital letters".to_owned()));
        }
        if self.k_anonymous < 3 {
            return Some(("matters.k_anonymous", "must be at least 3".to_owned()));
        }
        let weights = [
            self.weights.on_time,
            self.weights.verified_first_time,
            self.weights.not_reopened,
            self.weights.satisfaction,
        ];
        if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) || weights.iter().sum::<f64>() <= 0.0 {
            return Some(("matters.weights", "must not be negative, and not all zero".to_owned()));
        }
        for stage in [Stage::Open, Stage::Dispatch, Stage::FeedBack, Stage::Verify, Stage::Evaluate] {
            if !self.flow.limits.contains_key(&stage) {
                return Some(("matters.flow.limits", format!("{} is missing", stage.as_str())));
            }
        }
        for (code, category) in &self.categories {
            if !is_word(code) {
                return Some(("matters.categories", format!("{code:?} must be 1 to 32 of A-Z a-z 0-9 _ -")));
            }
            if category.sources.is_empty() {
                return Some(("matters.categories", format!("{code}: somebody must be able to say it")));
            }
        }
        for (id, unit) in &self.units {
            if id.trim().is_empty() || unit.duties.is_empty() {
                return Some(("matters.units", format!("{id:?} must have a name and duties")));
            }
            if let Some(shift) = unit.shifts.iter().find(|shift| Hours::parse(&shift.hours).is_err()) {
                return Some(("matters.units", format!("{id}: {:?} are no hours", shift.hours)));
            }
        }
        let is_town = |code: &str| code.len() == 9 && code.bytes().all(|b| b.is_ascii_digit());
        if let Some(code) = self.towns.keys().find(|code| !is_town(code)) {
            return Some(("matters.towns", format!("{code:?} must be the nine digits of a town")));
        }
        for (name, gateway) in &self.gateways {
            if gateway.token.reveal().len() < 16 {
                return Some(("matters.gateways", format!("{name}: token must have at least 16 characters")));
            }
            if gateway.source.is_device() {
                return Some(("matters.gateways", format!("{name}: source must be hotline, wechat, sms or partner")));
            }
        }
        for (name, partner) in &self.partners {
            let is_site = ["http://", "https://"].iter().any(|scheme| partner.url.starts_with(scheme));
            if !is_word(name) || (!partner.url.is_empty() && !is_site) {
                return Some((
                    "matters.partners",
                    format!("{name:?} needs a plain name, and a url of http:// or https://"),
                ));
            }
            if partner.secret.reveal().len() < 16 {
                return Some(("matters.partners", format!("{name}: secret must have at least 16 characters")));
            }
            if let Some(code) = partner.categories.keys().find(|code| !self.categories.contains_key(*code)) {
                return Some(("matters.partners", format!("{name}: there is no category {code:?}")));
            }
        }
        None
    }
}
