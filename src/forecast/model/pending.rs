//! A forecast set aside until its instant comes.

use serde::{Deserialize, Serialize};

use super::{chance::SIGNS, features::FEATURES};

/// A forecast of one anchor, in occupied shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) anchor: u8,
    /// When it can be judged, seconds since 1970.
    pub(super) to_s: i64,
    /// The part of the day it falls in.
    pub(super) part: u8,
    pub(super) capacity: u32,
    /// The number that stays.
    pub(super) still: f32,
    /// What was told.
    pub(super) told: f32,
    /// The other methods, where something was usual.
    pub(super) regression: Option<Regressed>,
    /// What told the chance of a full lot.
    pub(super) signs: [f32; SIGNS],
}

/// What the methods that know what is usual said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Regressed {
    /// The number moved as usual.
    pub(super) moved: f32,
    /// The regression.
    pub(super) all: f32,
    /// What is usual then.
    pub(super) usual: f32,
    /// The features.
    pub(super) x: [f32; FEATURES],
}
