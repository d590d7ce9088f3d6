//! From availability to what each panel should show.

pub mod arrival;
pub mod brightness;
pub mod check;
pub mod flow;
pub mod guide;
pub mod hysteresis;
mod line;
pub mod orders;
pub mod panel;
pub mod policy;
mod spoken;
mod trust;

pub use guide::{Forecast, Guide, UnderWay};
pub use orders::{OrderDesk, OrderFeed};

#[cfg(test)]
mod rules_tests;
