//! Faces of guidance signs, how they are drawn, and how they are written to a sign.

pub mod face;
pub mod layout;
pub mod mqtt_json;
pub mod ntcip;
pub mod render;

pub use face::{Arrow, Face, Line, LineState, Mode, Reason};
pub use layout::{FitError, Layout, Size, fit};
