//! How the parts of a sign are, where it tells of them.

use serde::{Deserialize, Serialize};

use crate::domain::time::Instant;

/// How the parts of a sign are, where it tells of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its faults, as it numbers them.
    pub fault_bits: i32,
    /// Its faults in words; what is kept of them is the bits.
    #[serde(skip)]
    pub faults: Vec<&'static str>,
    /// Whether a door of it is open.
    pub door_open: Option<bool>,
    /// The pixels that fail.
    pub failed_pixels: Option<FailedPixels>,
    /// Lowest and highest temperature in the control cabinet, degrees Celsius.
    pub cabinet_c: Option<[i16; 2]>,
    /// Lowest and highest temperature of the air around.
    pub ambient_c: Option<[i16; 2]>,
    /// Lowest and highest temperature in the housing.
    pub housing_c: Option<[i16; 2]>,
    /// When that was read.
    pub examined_at: Instant,
}

impl Device {
    /// The highest temperature it tells of its own parts, degrees Celsius.
    pub(super) fn hottest_c(&self) -> Option<i16> {
        [self.cabinet_c, self.housing_c].into_iter().flatten().map(|[_, highest]| highest).max()
    }
}

/// The pixels of a sign that fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedPixels {
    /// How many.
    pub count: u32,
    /// Where the first of them are, from the left and from the top, counted from 1.
    pub places: Vec<(u16, u16)>,
}
