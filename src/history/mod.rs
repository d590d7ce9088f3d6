//! What is kept of the past: the moves of spaces, the roll-up of the counts by the minute, and what is forgotten when.

mod keeper;
mod mover;

pub use keeper::{Keeper, Kept, Word, kept};
pub use mover::Mover;
