//! How a sensor is: what is remembered of what it said, and what that shows. Pure: `now` is an argument.

mod diagnosis;
mod memory;

pub use diagnosis::{
    Illness, Limits, Neighbours, Profile, Severity, diagnose, is_trustworthy, learning_moves, silent_after,
};
pub use memory::{Memory, Move, Tally};

#[cfg(test)]
mod tests;
