//! Roadside signs as the city file describes them: panels, what each guides to, and how the sign is reached.

use geo::Coord;
use serde::{Deserialize, Serialize};

pub use super::sign_link::SignLink;
use super::{
    guidance::{RulesChange, SignLevel},
    ids::{GroupId, LotId, PanelId, SignId},
    text::{Language, Localized},
};

/// An arrow beside a number, as seen by the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrow {
    /// Turn left.
    Left,
    /// Straight on.
    Ahead,
    /// Turn right.
    Right,
    /// Turn back.
    UTurn,
}

/// What a panel's number is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One lot.
    Lot(LotId),
    /// The sum of a named group of lots.
    Group(GroupId),
    /// The first of these that has room.
    Nearest(Vec<Choice>),
}

/// One of the lots a line may send drivers to, in the order they are to be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The lot.
    pub lot: LotId,
    /// Which way to drive to it; the line's own arrow when absent.
    pub arrow: Option<Arrow>,
    /// Driving time to it, seconds; the line's own when absent.
    pub travel_time_s: Option<u32>,
}

/// A named set of lots that a panel may guide to as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotGroup {
    /// Unique in the city.
    pub id: GroupId,
    /// Its name.
    pub name: Localized,
    /// Its lots.
    pub lots: Vec<LotId>,
}

/// One line of a panel: a name, an arrow, and the number of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuidanceLine {
    /// What it counts.
    pub target: Target,
    /// The words on the sign; the target's name when absent.
    pub label: Option<Localized>,
    /// Which way to drive.
    pub arrow: Option<Arrow>,
    /// Driving time to the target, seconds.
    pub travel_time_s: u32,
}

/// One independent display area of a sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Unique within the sign.
    pub id: PanelId,
    /// Width, pixels.
    pub width_px: u16,
    /// Height, pixels.
    pub height_px: u16,
    /// Its lines, from top to bottom.
    pub lines: Vec<GuidanceLine>,
    /// What it sets otherwise than the configured rules.
    pub rules: RulesChange,
}

/// What a sign's LEDs can light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leds {
    /// Every colour.
    #[default]
    Rgb,
    /// Red, green, and both together.
    RedGreen,
    /// Amber alone.
    Amber,
}

/// From a time of day on, how bright a sign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrightnessStep {
    /// Minutes after midnight on the city's clocks.
    pub from_min: u16,
    /// Percent of its brightest.
    pub percent: u8,
}

/// How a sign behaves, whatever it is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manner {
    /// Where it stands on a driver's way.
    pub level: SignLevel,
    /// What its LEDs can light.
    pub leds: Leds,
    /// A panel keeps what it shows at least this long, milliseconds; as configured when absent.
    pub min_dwell_ms: Option<u32>,
    /// It is told something new at most once in this time, milliseconds; as configured when absent.
    pub min_interval_ms: Option<u32>,
    /// How bright it is by the clock, in order of time; by the sun when empty.
    pub brightness: Vec<BrightnessStep>,
}

/// A roadside LED sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Sign {
    /// Unique in the city.
    pub id: SignId,
    /// Its name.
    pub name: Localized,
    /// Where it stands, lon/lat WGS-84.
    pub location: Coord,
    /// Which way the driver who reads it is heading, degrees clockwise from north.
    pub heading_deg: f64,
    /// Language of its words.
    pub language: Language,
    /// Its panels.
    pub panels: Vec<Panel>,
    /// How it is reached.
    pub link: SignLink,
    /// How it behaves.
    pub manner: Manner,
}
