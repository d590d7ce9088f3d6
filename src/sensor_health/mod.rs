//! How the sensors are: what this node hears of them, merged with what other nodes heard, kept in the database.

mod gateways;
mod ward;

pub use gateways::{GATEWAY_FILTER, Gatekeeper};
pub use ward::{SensorState, Ward};
