//! Kinds of matters 事件与部件, as data: who may say them, who puts them right, and how long each step may take on which street.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Stage, limit::Limit};
use crate::domain::text::Localized;

/// What a matter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Something that happens 事件.
    Event,
    /// A thing of the street that is broken 部件.
    Component,
}

/// How a matter came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An officer saw it.
    Officer,
    /// A camera.
    Camera,
    /// A sensor, or what watches over sensors.
    Sensor,
    /// A sign, or what drives it.
    Sign,
    /// A citizen, by the public page.
    Citizen,
    /// The hotline.
    Hotline,
    /// WeChat.
    Wechat,
    /// A text message.
    Sms,
    /// A partner's system.
    Partner,
}

impl Source {
    /// The word in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Officer => "officer",
            Self::Camera => "camera",
            Self::Sensor => "sensor",
            Self::Sign => "sign",
            Self::Citizen => "citizen",
            Self::Hotline => "hotline",
            Self::Wechat => "wechat",
            Self::Sms => "sms",
            Self::Partner => "partner",
        }
    }
    /// Reads a word.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Officer,
            Self::Camera,
            Self::Sensor,
            Self::Sign,
            Self::Citizen,
            Self::Hotline,
            Self::Wechat,
            Self::Sms,
            Self::Partner,
        ]
        .into_iter()
        .find(|source| source.as_str() == word)
    }
    /// Whether a device says it by itself.
    pub fn is_device(self) -> bool {
        matches!(self, Self::Camera | Self::Sensor | Self::Sign)
    }
    /// Whether somebody outside the house waits for an answer.
    pub fn is_public(self) -> bool {
        matches!(self, Self::Citizen | Self::Hotline | Self::Wechat | Self::Sms)
    }
}

/// Limits by the class of the street, 1 strict to 4 basic; one limit stands for all four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ByClass {
    /// The same on every street.
    Same(Limit),
    /// For classes 1 to 4.
    Each([Limit; 4]),
}

impl ByClass {
    /// The limit on a street of this class; a class that is none counts as 4.
    pub fn of(&self, street_class: u8) -> Limit {
        match self {
            Self::Same(limit) => *limit,
            Self::Each(limits) => limits[usize::from(street_class.clamp(1, 4) - 1)],
        }
    }
}

/// When two reports are of one matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SameMatter {
    /// Not further apart, metres.
    pub within_m: u32,
    /// Not longer apart, hours; a matter that is still open counts as long as this after it was last reported.
    pub within_h: u32,
}

/// A kind of matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// An event, or a component.
    pub class: Class,
    /// Its name.
    pub name: Localized,
    /// When a matter of it is opened 立案条件.
    pub opened_when: Localized,
    /// When it may be closed 结案条件.
    pub closed_when: Localized,
    /// Who may say it.
    pub sources: Vec<Source>,
    /// How long it may take to put it right.
    pub handle: ByClass,
    /// Other steps' limits, where they are not the flow's own.
    #[serde(default)]
    pub limits: BTreeMap<Stage, ByClass>,
    /// When two reports are of one matter.
    pub same: SameMatter,
    /// Whether a picture must show that it was put right.
    #[serde(default)]
    pub needs_picture: bool,
    /// Whether the town commands it first; else the county does.
    #[serde(default = "yes")]
    pub town_first: bool,
    /// Whether it is opened by itself, as what devices say of themselves is.
    #[serde(default)]
    pub opens_itself: bool,
}

fn yes() -> bool {
    true
}

/// How the flow runs, whatever a matter is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Each step's limit, unless the category has its own; handling always has.
    pub limits: BTreeMap<Stage, ByClass>,
    /// A level that is over its time hands the matter up; the next has so long.
    pub escalation: Limit,
    /// How often units may hand a matter back.
    pub most_returns: u32,
    /// How often a limit may be made longer.
    pub most_delays: u32,
    /// A closed matter may be taken up again within.
    pub reopened_within: Limit,
}

/// Every kind of matter with the flow they run in.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// By code.
    pub categories: BTreeMap<String, Category>,
    /// What holds for all.
    pub flow: Flow,
}

impl Catalogue {
    /// The limit of a step of a category on a street.
    pub fn limit(&self, category: &Category, stage: Stage, street_class: u8) -> Option<Limit> {
        let own = if stage == Stage::Handle { Some(&category.handle) } else { category.limits.get(&stage) };
        own.or_else(|| self.flow.limits.get(&stage)).map(|limits| limits.of(street_class))
    }
}
