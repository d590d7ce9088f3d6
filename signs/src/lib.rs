//! Faces of guidance signs, how they are drawn, and how they are written to a sign.

mod arrow;
pub mod digits;
pub mod face;
pub mod font;
pub mod layout;
pub mod mqtt_json;
pub mod ntcip;
pub mod onbon;
pub mod render;
pub mod xunpeng;

pub use face::{Arrow, Colour, Face, Line, LineState, Mode, PAGE_MS, Reason, Rule, Source};
pub use layout::{FitError, Layout, Size, fit, pages};
