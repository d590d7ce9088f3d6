//! From availability to what each panel should show.

pub mod guide;
pub mod hysteresis;
pub mod policy;

pub use guide::{Forecast, Guide};
