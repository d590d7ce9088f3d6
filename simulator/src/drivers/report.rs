//! What a day came to.

/// Means over the drivers who are counted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Report {
    /// Drivers counted.
    pub drivers: u32,
    /// From the first full lot met to the place found, seconds; 0 for those who met none.
    pub search_s: f64,
    /// Driven after the first full lot met, metres.
    pub cruise_m: f64,
    /// The share who met a full lot.
    pub met_full: f64,
    /// From the edge of the town to the destination on foot, seconds.
    pub door_to_door_s: f64,
    /// The share who parked where nobody may.
    pub illegal: f64,
    /// How often the lines of a sign changed between FULL and open, the mean over the signs.
    pub flips: f64,
    /// The greatest occupancy of all lots together.
    pub peak: f64,
}
