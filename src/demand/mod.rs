//! Demand under way: drivers who navigate to a lot, and apps that ask for a place, are counted until they are there.

mod desk;
mod guests;

pub use desk::{DemandDesk, Error, Told};
