//! Identifiers as types, so that a lot's id is never passed where a sign's belongs.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to 64 of A-Z a-z 0-9 . _ : - and starts with a letter or digit")]
pub struct InvalidId;

fn is_valid(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads an identifier: 1 to 64 of `A-Z a-z 0-9 . _ : -`, starting with a letter or digit, so that it is
            /// safe as an MQTT topic level, a URL segment and a Redis key part.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                if is_valid(text) { Ok(Self(text.into())) } else { Err(InvalidId) }
            }
            /// The identifier's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }
        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(/// A lot.
    LotId);
id!(/// A space, unique within its lot.
    SpaceId);
id!(/// A counted stretch of road on the way to lots.
    ApproachId);
id!(/// A sensor: a device's EUI or name.
    SensorId);
id!(/// A roadside sign.
    SignId);
id!(/// A panel, unique within its sign.
    PanelId);
id!(/// A group of lots a panel may guide to.
    GroupId);
id!(/// A zone with parking rules.
    ZoneId);
id!(/// A street.
    StreetId);
id!(/// A management cell.
    GridCellId);
id!(/// A camera.
    CameraId);
id!(/// A feature of the base map.
    BaseId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_safe_in_topics_urls_and_keys() {
        for good in ["L1", "fcd6bd00001a2b3c", "33010299011190000253", "bay-A_1.2:3"] {
            assert!(LotId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", "a/b", "a+b", "a#b", "a b", "a{b}", "云和", &"x".repeat(65)] {
            assert!(LotId::parse(bad).is_err(), "{bad}");
        }
    }
}
