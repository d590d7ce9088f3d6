//! Device codecs: a frame's port and bytes to readings, one file per device.

mod bosch_tps110;
mod cayenne_lpp;
mod frame;
mod libelium_parking_v2;
mod lpp;
mod milesight;
mod nwave_ncc405;
mod nwave_nps310sm;
mod nwave_nps405;
mod parametric_pmx_tcr;
mod pni_placepod;
mod tekzitel_tekzipark;
#[cfg(test)]
mod vectors;

use std::{fmt, str::FromStr};

use crate::reading::{LaneDirection, Reading};
use milesight::Model;

/// A device's frame layout, named `vendor/model` in the city file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Bosch TPS110 bay sensor.
    BoschTps110,
    /// Any device in plain Cayenne LPP.
    CayenneLpp,
    /// Libelium Smart Parking v2 bay sensor.
    LibeliumParkingV2,
    /// Milesight EM310-UDL distance sensor.
    MilesightEm310Udl,
    /// Milesight EM400-UDL distance sensor.
    MilesightEm400Udl,
    /// Milesight EM410-RDL distance sensor.
    MilesightEm410Rdl,
    /// Milesight EM500-UDL distance sensor.
    MilesightEm500Udl,
    /// Milesight VS133 line counter.
    MilesightVs133,
    /// Milesight VS135 line counter.
    MilesightVs135,
    /// Milesight VS340 place sensor.
    MilesightVs340,
    /// Milesight VS350 passage counter.
    MilesightVs350,
    /// Milesight VS360 passage counter.
    MilesightVs360,
    /// Nwave NCC405 vehicle counter.
    NwaveNcc405,
    /// Nwave NPS310SM bay sensor.
    NwaveNps310sm,
    /// Nwave NPS405 bay sensor.
    NwaveNps405,
    /// Parametric PMX-TCR traffic radar.
    ParametricPmxTcr,
    /// PNI PlacePod bay sensor and counter.
    PniPlacepod,
    /// Tekzitel TEKZIPARK bay sensor.
    TekzitelTekzipark,
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
    /// The frame is too long or too short, whatever its port.
    #[error("the frame takes {expected} bytes, not {found}")]
    FrameLength {
        /// The lengths the layout knows, in words.
        expected: &'static str,
        /// The frame's length, bytes.
        found: usize,
    },
    /// The frame has no bytes.
    #[error("the frame is empty")]
    Empty,
    /// A value is cut short.
    #[error("byte {at}: {wanted} bytes are wanted, and {left} are left")]
    Truncated {
        /// Where the value begins, counted from 0.
        at: usize,
        /// Its length, bytes.
        wanted: usize,
        /// What is left of the frame, bytes.
        left: usize,
    },
    /// A value of a type that the format does not have, so that its length is not known either.
    #[error("byte {at}: channel {channel:#04x} with type {kind:#04x} is not known")]
    UnknownType {
        /// Where it begins, counted from 0.
        at: usize,
        /// Its channel.
        channel: u8,
        /// Its type.
        kind: u8,
    },
    /// A value outside its layout.
    #[error("{what} is not in the layout")]
    Value {
        /// What it is.
        what: &'static str,
    },
}

/// Seconds in a day.
const DAY_S: u32 = 86_400;

impl Codec {
    /// Every codec there is.
    pub const ALL: [Self; 18] = [
        Self::BoschTps110,
        Self::CayenneLpp,
        Self::LibeliumParkingV2,
        Self::MilesightEm310Udl,
        Self::MilesightEm400Udl,
        Self::MilesightEm410Rdl,
        Self::MilesightEm500Udl,
        Self::MilesightVs133,
        Self::MilesightVs135,
        Self::MilesightVs340,
        Self::MilesightVs350,
        Self::MilesightVs360,
        Self::NwaveNcc405,
        Self::NwaveNps310sm,
        Self::NwaveNps405,
        Self::ParametricPmxTcr,
        Self::PniPlacepod,
        Self::TekzitelTekzipark,
    ];

    /// The codec's `vendor/model`.
    pub fn name(self) -> &'static str {
        match self {
            Self::BoschTps110 => "bosch/tps110",
            Self::CayenneLpp => "cayenne/lpp",
            Self::LibeliumParkingV2 => "libelium/smart-parking-v2",
            Self::MilesightEm310Udl => "milesight/em310-udl",
            Self::MilesightEm400Udl => "milesight/em400-udl",
            Self::MilesightEm410Rdl => "milesight/em410-rdl",
            Self::MilesightEm500Udl => "milesight/em500-udl",
            Self::MilesightVs133 => "milesight/vs133",
            Self::MilesightVs135 => "milesight/vs135",
            Self::MilesightVs340 => "milesight/vs340",
            Self::MilesightVs350 => "milesight/vs350",
            Self::MilesightVs360 => "milesight/vs360",
            Self::NwaveNcc405 => "nwave/ncc405",
            Self::NwaveNps310sm => "nwave/nps310sm",
            Self::NwaveNps405 => "nwave/nps405",
            Self::ParametricPmxTcr => "parametric/pmx-tcr",
            Self::PniPlacepod => "pni/placepod",
            Self::TekzitelTekzipark => "tekzitel/tekzipark",
        }
    }

    /// Reads a frame. No readings means that the frame says nothing of the lot, the device's health or its counters.
    ///
    /// `f_port` may be absent where the layout does not depend on it: Cayenne LPP, Libelium, Milesight and PNI.
    pub fn decode(self, f_port: Option<u8>, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
        let port = f_port.ok_or(DecodeError::NoPort);
        match self {
            Self::BoschTps110 => bosch_tps110::decode(port?, payload),
            Self::CayenneLpp => cayenne_lpp::decode(payload),
            Self::LibeliumParkingV2 => libelium_parking_v2::decode(payload),
            Self::MilesightEm310Udl | Self::MilesightEm500Udl => milesight::decode(Model::DistanceOn3, payload),
            Self::MilesightEm400Udl | Self::MilesightEm410Rdl => milesight::decode(Model::DistanceOn4, payload),
            Self::MilesightVs133 | Self::MilesightVs135 => milesight::decode(Model::Lines, payload),
            Self::MilesightVs340 => milesight::decode(Model::Place, payload),
            Self::MilesightVs350 | Self::MilesightVs360 => milesight::decode(Model::Passage, payload),
            Self::NwaveNcc405 => nwave_ncc405::decode(port?, payload),
            Self::NwaveNps310sm => nwave_nps310sm::decode(port?, payload),
            Self::NwaveNps405 => nwave_nps405::decode(port?, payload),
            Self::ParametricPmxTcr => parametric_pmx_tcr::decode(port?, payload),
            Self::PniPlacepod => pni_placepod::decode(payload),
            Self::TekzitelTekzipark => tekzitel_tekzipark::decode(port?, payload),
        }
    }

    /// How often the device speaks at least, in seconds, where its vendor fixes it; all others are set up by their owner.
    pub fn heartbeat_s(self) -> Option<u32> {
        match self {
            Self::BoschTps110 => Some(DAY_S),
            _ => None,
        }
    }

    /// The running totals the device keeps: each lane with the directions it is told in. Empty for devices without any.
    pub fn totals(self) -> &'static [(Option<&'static str>, LaneDirection)] {
        use LaneDirection::{Both, In, Out};
        match self {
            Self::NwaveNcc405 | Self::PniPlacepod => &[(None, Both)],
            Self::MilesightVs350 | Self::MilesightVs360 => &[(None, In), (None, Out)],
            Self::MilesightVs133 | Self::MilesightVs135 => &[
                (Some("1"), In),
                (Some("1"), Out),
                (Some("2"), In),
                (Some("2"), Out),
                (Some("3"), In),
                (Some("3"), Out),
                (Some("4"), In),
                (Some("4"), Out),
            ],
            _ => &[],
        }
    }

    /// Whether the device's totals begin at zero when it starts again; else they go on where they were, or nobody knows.
    pub fn restarts_from_zero(self) -> bool {
        matches!(self, Self::NwaveNcc405 | Self::PniPlacepod)
    }

    /// Whether a lane repeats vehicles that another lane of the same device counts already, so that it counts only where
    /// the city file names it.
    pub fn is_breakdown(self, lane: Option<&str>) -> bool {
        self == Self::ParametricPmxTcr && lane.is_some()
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
        assert!(unknown.to_string().starts_with("unknown codec \"acme/bay\"; known: bosch/tps110, cayenne/lpp, "));
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
        fn what_stands_behind_a_frame_is_never_read(
            port in prop::option::of(0_u8..20),
            frame in prop::collection::vec(any::<u8>(), 0..40),
            behind in prop::collection::vec(any::<u8>(), 1..20),
        ) {
            let whole = [frame.as_slice(), &behind].concat();
            for codec in Codec::ALL {
                prop_assert_eq!(codec.decode(port, &whole[..frame.len()]), codec.decode(port, &frame), "{}", codec);
            }
        }

        #[test]
        fn a_bay_sensor_of_a_fixed_layout_states_at_most_one_occupancy(
            port in 0_u8..12,
            frame in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            for codec in [Codec::BoschTps110, Codec::NwaveNps405, Codec::NwaveNps310sm, Codec::TekzitelTekzipark] {
                let readings = codec.decode(Some(port), &frame).unwrap_or_default();
                let states = readings.iter().filter(|r| matches!(r, Reading::Occupancy { .. })).count();
                prop_assert!(states <= 1, "{codec}: {readings:?}");
            }
        }
    }
}
