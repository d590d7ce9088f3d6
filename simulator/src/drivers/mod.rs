//! Drivers who want to be somewhere: they see signs only where they stand, follow them or not, search when they find a lot full,
//! and park where nobody may in the end. What the signs show comes from outside, so that any guidance can be tried on them.
//!
//! Time runs in steps of simulated seconds and never waits; the same seed gives the same drivers whatever the signs show, so that
//! ways of guiding are compared pair by pair.

mod mind;
mod people;
mod report;
mod run;
mod streets;
#[cfg(test)]
mod tests;

pub use mind::Memory;
pub use report::Report;
pub use run::{Guide, Told, World, run};
pub use streets::{Corner, Place, Streets};

/// How many drivers come, and what they are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crowd {
    /// The occupancy that is reached at the peak, share of all places.
    pub peak: f64,
    /// The share who read signs and do what they say.
    pub complies: f64,
    /// The share who let an app guide them, among those.
    pub apps: f64,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { peak: 0.97, complies: 1.0, apps: 0.5 }
    }
}

/// How a day runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// Seconds of the simulation.
    pub length_s: u32,
    /// Seconds from the start in which drivers who are counted arrive: before it the lots fill.
    pub counted_from_s: u32,
}

impl Default for Day {
    fn default() -> Self {
        Self { length_s: 9_000, counted_from_s: 2_400 }
    }
}
