//! A city that publishes over the real doors, and emulators of its signs.

pub mod broker;
pub mod cli;
pub mod drivers;
pub mod life;
pub mod load;
pub mod sign;
pub mod town;
