//! Who speaks at the broker, for what, and therefore on which topics.

use std::{fmt, str::FromStr};

use super::{
    city::City,
    ids::{ApproachId, CameraId, InvalidId, LotId, SensorId, SignId, SpaceId},
};

/// Which way messages go, from the broker's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// It may publish.
    Write,
    /// It may hear.
    Read,
    /// Both.
    ReadWrite,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::ReadWrite => "readwrite",
        })
    }
}

/// What a device, or a server of devices, speaks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Voice {
    /// A lot with its bays, lanes and counts.
    Lot(LotId),
    /// One bay of a lot.
    Space(LotId, SpaceId),
    /// The counters of an approach.
    Approach(ApproachId),
    /// A sign's controller.
    Sign(SignId),
    /// A camera.
    Camera(CameraId),
    /// A gateway that tells how it is.
    Gateway(SensorId),
    /// A ChirpStack server, all applications.
    ChirpStack,
    /// The Things Stack, all applications.
    TheThingsStack,
    /// A group of Sparkplug nodes.
    Sparkplug(SensorId),
    /// A camera by its maker's own topics.
    Maker(Maker, SensorId),
}

/// Makers whose cameras have topics of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Maker {
    /// `axis/<camera>/event/...`
    Axis,
    /// `milesight/<camera>/event`
    Milesight,
    /// `hikvision/<camera>/alert`
    Hikvision,
}

/// Why a text says of nothing what it may speak for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoVoice {
    /// No such word.
    #[error(
        "{0:?} is none of lot:ID, space:LOT/SPACE, approach:ID, sign:ID, camera:ID, gateway:ID, chirpstack, the_things_stack, sparkplug:GROUP, axis:ID, milesight:ID, hikvision:ID"
    )]
    Word(String),
    /// The id is none.
    #[error("{0:?}: {1}")]
    Id(String, InvalidId),
}

impl FromStr for Voice {
    type Err = NoVoice;

    fn from_str(text: &str) -> Result<Self, NoVoice> {
        let wrong = |error| NoVoice::Id(text.to_owned(), error);
        let no_word = || NoVoice::Word(text.to_owned());
        let of_maker = |maker, id: &str| Ok(Self::Maker(maker, SensorId::parse(id).map_err(wrong)?));
        match text.split_once(':') {
            None if text == "chirpstack" => Ok(Self::ChirpStack),
            None if text == "the_things_stack" => Ok(Self::TheThingsStack),
            Some(("lot", id)) => Ok(Self::Lot(LotId::parse(id).map_err(wrong)?)),
            Some(("space", both)) => {
                let (lot, space) = both.split_once('/').ok_or_else(no_word)?;
                Ok(Self::Space(LotId::parse(lot).map_err(wrong)?, SpaceId::parse(space).map_err(wrong)?))
            }
            Some(("approach", id)) => Ok(Self::Approach(ApproachId::parse(id).map_err(wrong)?)),
            Some(("sign", id)) => Ok(Self::Sign(SignId::parse(id).map_err(wrong)?)),
            Some(("camera", id)) => Ok(Self::Camera(CameraId::parse(id).map_err(wrong)?)),
            Some(("gateway", id)) => Ok(Self::Gateway(SensorId::parse(id).map_err(wrong)?)),
            Some(("sparkplug", id)) => Ok(Self::Sparkplug(SensorId::parse(id).map_err(wrong)?)),
            Some(("axis", id)) => of_maker(Maker::Axis, id),
            Some(("milesight", id)) => of_maker(Maker::Milesight, id),
            Some(("hikvision", id)) => of_maker(Maker::Hikvision, id),
            _ => Err(no_word()),
        }
    }
}

impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lot(id) => write!(f, "lot:{id}"),
            Self::Space(lot, space) => write!(f, "space:{lot}/{space}"),
            Self::Approach(id) => write!(f, "approach:{id}"),
            Self::Sign(id) => write!(f, "sign:{id}"),
            Self::Camera(id) => write!(f, "camera:{id}"),
            Self::Gateway(id) => write!(f, "gateway:{id}"),
            Self::ChirpStack => f.write_str("chirpstack"),
            Self::TheThingsStack => f.write_str("the_things_stack"),
            Self::Sparkplug(id) => write!(f, "sparkplug:{id}"),
            Self::Maker(Maker::Axis, id) => write!(f, "axis:{id}"),
            Self::Maker(Maker::Milesight, id) => write!(f, "milesight:{id}"),
            Self::Maker(Maker::Hikvision, id) => write!(f, "hikvision:{id}"),
        }
    }
}

impl Voice {
    /// Whether the city has what is spoken for. What stands in no city file, a network server or a gateway, always is.
    pub fn is_of(&self, city: &City) -> bool {
        match self {
            Self::Lot(lot) => city.lots.contains_key(lot),
            Self::Space(lot, space) => {
                city.lots.get(lot).is_some_and(|lot| lot.spaces.iter().any(|known| known.id == *space))
            }
            Self::Approach(approach) => city.approaches.contains_key(approach),
            Self::Sign(sign) => city.signs.contains_key(sign),
            Self::Camera(camera) => city.cameras.contains_key(camera),
            _ => true,
        }
    }

    /// The topics it may use, and how.
    pub fn topics(&self) -> Vec<(Right, String)> {
        use Right::{Read, ReadWrite, Write};
        match self {
            Self::Lot(lot) => vec![
                (Write, format!("yunpark/v1/space/{lot}/+/state")),
                (Write, format!("yunpark/v1/lot/{lot}/passage")),
                (Write, format!("yunpark/v1/lot/{lot}/count")),
            ],
            Self::Space(lot, space) => vec![(Write, format!("yunpark/v1/space/{lot}/{space}/state"))],
            Self::Approach(approach) => vec![(Write, format!("yunpark/v1/approach/{approach}/passage"))],
            Self::Sign(sign) => vec![
                (Read, format!("yunpark/v1/sign/{sign}/panel/+/set")),
                (Write, format!("yunpark/v1/sign/{sign}/ack")),
            ],
            Self::Camera(camera) => vec![
                (Write, format!("yunpark/v1/camera/{camera}/capture")),
                (Read, format!("yunpark/v1/camera/{camera}/answer")),
            ],
            Self::Gateway(gateway) => vec![(Write, format!("yunpark/v1/gateway/{gateway}/status"))],
            Self::ChirpStack => vec![(ReadWrite, "application/#".to_owned())],
            Self::TheThingsStack => vec![(ReadWrite, "v3/#".to_owned())],
            Self::Sparkplug(group) => vec![(ReadWrite, format!("spBv1.0/{group}/#"))],
            Self::Maker(Maker::Axis, camera) => vec![(Write, format!("axis/{camera}/event/#"))],
            Self::Maker(Maker::Milesight, camera) => vec![(Write, format!("milesight/{camera}/event"))],
            Self::Maker(Maker::Hikvision, camera) => vec![(Write, format!("hikvision/{camera}/alert"))],
        }
    }
}

/// What the node itself hears and says.
pub const NODE: &[(Right, &str)] = &[
    (Right::ReadWrite, "yunpark/#"),
    (Right::Read, "application/+/device/+/event/+"),
    (Right::Read, "v3/+/devices/#"),
    (Right::Read, "spBv1.0/#"),
    (Right::Read, "axis/+/event/#"),
    (Right::Read, "milesight/+/event"),
    (Right::Read, "hikvision/+/alert"),
    (Right::Read, "$SYS/#"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_speaks_for_is_written_as_it_is_read() {
        for word in [
            "lot:L1",
            "space:L1/S001",
            "approach:A1",
            "sign:SIGN-1",
            "camera:CAM-1",
            "gateway:a84041",
            "chirpstack",
            "the_things_stack",
            "sparkplug:county",
            "axis:A1",
            "milesight:M1",
            "hikvision:H1",
        ] {
            assert_eq!(word.parse::<Voice>().unwrap().to_string(), word);
        }
    }

    #[test]
    fn nothing_that_would_widen_a_topic_is_an_id() {
        for word in
            ["lot:+", "lot:#", "lot:L1/#", "space:L1", "space:L1/+", "sign:", "lot:L1\ntopic write #", "all", "x:y"]
        {
            assert!(word.parse::<Voice>().is_err(), "{word:?}");
        }
    }
}
