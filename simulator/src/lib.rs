//! A city that publishes over the real doors, and emulators of its signs.

pub mod cli;
pub mod town;
