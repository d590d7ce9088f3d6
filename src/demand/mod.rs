//! Demand under way: drivers who navigate to a lot, apps that ask for a place, and who passed a counter upstream, are counted
//! until they are there.

mod desk;
mod guests;
mod roads;

pub use desk::{DemandDesk, Error, Told};
pub use roads::{Road, Roads, Turn};
