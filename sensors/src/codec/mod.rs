//! Device codecs: a frame's port and bytes to readings, one file per device.

mod bosch_tps110;
mod nwave_nps405;
#[cfg(test)]
mod vectors;

use std::{fmt, str::FromStr};

use crate::reading::Reading;

/// A device's frame layout, named `vendor/model` in the city file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Bosch TPS110 bay sensor.
    BoschTps110,
    /// Nwave NPS405 bay sensor.
    NwaveNps405,
}

/// A codec's name that nobody here knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown codec {name:?}; known: {}", known())]
pub struct UnknownCodec {
    /// The name as it was given.
    pub name: String,
}

/// Why a frame cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The layout depends on the port, and the frame has none.
    #[error("the frame has no port, and its layout depends on the port")]
    NoPort,
    /// The device has no such port.
    #[error("port {port} is not one of this device")]
    UnknownPort {
        /// The frame's port.
        port: u8,
    },
    /// The frame is too long or too short for its port.
    #[error("port {port} takes {expected} bytes, not {found}")]
    Length {
        /// The frame's port.
        port: u8,
        /// The lengths the layout knows, in words.
        expected: &'static str,
        /// The frame's length, bytes.
        found: usize,
    },
}

impl Codec {
    /// Every codec there is.
    pub const ALL: [Self; 2] = [Self::BoschTps110, Self::NwaveNps405];

    /// The codec's `vendor/model`.
    pub fn name(self) -> &'static str {
        match self {
            Self::BoschTps110 => "bosch/tps110",
            Self::NwaveNps405 => "nwave/nps405",
        }
    }

    /// Reads a frame. No readings means that the frame says nothing of the lot, the device's health or its counters.
    pub fn decode(self, f_port: Option<u8>, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
        let port = f_port.ok_or(DecodeError::NoPort)?;
        match self {
            Self::BoschTps110 => bosch_tps110::decode(port, payload),
            Self::NwaveNps405 => nwave_nps405::decode(port, payload),
        }
    }
}

impl FromStr for Codec {
    type Err = UnknownCodec;
    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        Self::ALL.into_iter().find(|codec| codec.name() == name).ok_or_else(|| UnknownCodec { name: name.to_owned() })
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn known() -> String {
    Codec::ALL.map(Codec::name).join(", ")
}

/// The error of a frame whose length its port does not know.
fn wrong_length(port: u8, expected: &'static str, payload: &[u8]) -> DecodeError {
    DecodeError::Length { port, expected, found: payload.len() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_codec_is_found_by_vendor_and_model() {
        for codec in Codec::ALL {
            assert_eq!(codec.to_string().parse(), Ok(codec));
        }
        let unknown = "acme/bay".parse::<Codec>().unwrap_err();
        assert_eq!(unknown.to_string(), "unknown codec \"acme/bay\"; known: bosch/tps110, nwave/nps405");
    }

    #[test]
    fn a_frame_without_a_port_is_refused() {
        assert_eq!(Codec::BoschTps110.decode(None, &[1]), Err(DecodeError::NoPort));
    }

    proptest! {
        #[test]
        fn no_bytes_on_any_port_make_a_codec_panic(port: Option<u8>, frame in prop::collection::vec(any::<u8>(), 0..300)) {
            for codec in Codec::ALL {
                let _ = codec.decode(port, &frame);
            }
        }

        #[test]
        fn a_frame_states_at_most_one_occupancy(port in 0_u8..12, frame in prop::collection::vec(any::<u8>(), 0..20)) {
            for codec in Codec::ALL {
                let readings = codec.decode(Some(port), &frame).unwrap_or_default();
                let states = readings.iter().filter(|r| matches!(r, Reading::Occupancy { .. })).count();
                prop_assert!(states <= 1, "{codec}: {readings:?}");
            }
        }
    }
}
