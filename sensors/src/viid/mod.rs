//! GA/T 1400 (VIID): what a camera posts and what it is answered, with the variants that cameras in the field send.

mod capture;
mod color;
mod image;
mod loose;
mod notification;
mod request;
mod response;

pub use capture::{ItemError, SubImage, VehicleCapture, parse_motor_vehicles, parse_non_motor_vehicles};
pub use color::Color;
pub use image::{Picture, parse_images};
pub use notification::{Notification, parse_notifications};
pub use request::{Request, device_id};
pub use response::{Response, StatusCode, local_time, response_status, response_status_list, system_time};

use chrono::FixedOffset;

/// A camera's 20-digit id, kept digit for digit: it does not fit in 64 bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(String);

impl DeviceId {
    /// Reads an id of exactly 20 digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 20 && text.bytes().all(|b| b.is_ascii_digit())).then(|| Self(text.to_owned()))
    }
    /// The id's digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for DeviceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a whole body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON: status 7.
    #[error("the body is not JSON")]
    NotJson,
    /// JSON, but not what is posted there: status 8.
    #[error("the body has no {expected}")]
    Missing {
        /// The key or value that is missing.
        expected: &'static str,
    },
}

impl BodyError {
    /// What the camera is answered.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotJson => StatusCode::InvalidJsonFormat,
            Self::Missing { .. } => StatusCode::InvalidJsonContent,
        }
    }
}

/// Times without a zone are Beijing's, all year.
fn beijing() -> FixedOffset {
    // Eight hours are within the range an offset may have, so the other arm is never taken.
    FixedOffset::east_opt(8 * 3600).unwrap_or_else(|| chrono::Offset::fix(&chrono::Utc))
}
