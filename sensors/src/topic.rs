//! The grammar of the MQTT topics that come in.

use crate::sparkplug::{Kind, Origin};

/// A topic, taken apart; its levels are not yet checked to be known lots, spaces or devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic<'a> {
    /// `yunpark/v1/space/<lot>/<space>/state`
    SpaceState {
        /// The lot.
        lot: &'a str,
        /// The space in it.
        space: &'a str,
    },
    /// `yunpark/v1/lot/<lot>/passage`
    Passage {
        /// The lot.
        lot: &'a str,
    },
    /// `yunpark/v1/approach/<approach>/passage`
    ApproachPassage {
        /// The approach.
        approach: &'a str,
    },
    /// `yunpark/v1/lot/<lot>/count`
    Count {
        /// The lot.
        lot: &'a str,
    },
    /// `yunpark/v1/sign/<sign>/ack`
    SignAck {
        /// The sign.
        sign: &'a str,
    },
    /// `application/<id>/device/<devEui>/event/up`, of ChirpStack 4.
    ChirpStackUp {
        /// The device's EUI.
        dev_eui: &'a str,
    },
    /// `application/<id>/device/<devEui>/event/join`, of ChirpStack 4.
    ChirpStackJoin {
        /// The device's EUI.
        dev_eui: &'a str,
    },
    /// `application/<id>/device/<devEui>/event/status`, of ChirpStack 4.
    ChirpStackStatus {
        /// The device's EUI.
        dev_eui: &'a str,
    },
    /// `application/<id>/device/<devEui>/event/log`, of ChirpStack 4.
    ChirpStackLog {
        /// The device's EUI.
        dev_eui: &'a str,
    },
    /// `v3/<application>@<tenant>/devices/<device>/join`, of The Things Stack 3.
    TheThingsStackJoin {
        /// The device's name in its application.
        device: &'a str,
    },
    /// `spBv1.0/<group>/<NBIRTH|NDATA|NDEATH>/<node>` and `spBv1.0/<group>/<DBIRTH|DDATA|DDEATH>/<node>/<device>`, of
    /// Sparkplug B.
    Sparkplug {
        /// What the message is.
        kind: Kind,
        /// Whose it is.
        origin: Origin<'a>,
    },
    /// `axis/<serial>/event/…`, of an Axis camera whose topic prefix is `axis/<serial>`.
    Axis {
        /// The camera's serial number.
        serial: &'a str,
    },
    /// `milesight/<serial>/event`, of a Milesight camera that is set to publish there.
    MilesightCamera,
    /// `hikvision/<camera>/alert`: an event of a Hikvision camera's alert stream, read by the node itself or passed on by
    /// somebody who reads it.
    Hikvision,
    /// `v3/<application>@<tenant>/devices/<device>/up`, of The Things Stack 3; its open-source edition has no tenant.
    TheThingsStackUp {
        /// The device's name in its application.
        device: &'a str,
    },
}

/// Why a topic is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// A level that should name something is empty.
    #[error("the topic has an empty level")]
    EmptyLevel,
    /// Neither ours nor a network server's.
    #[error("the topic is not in the grammar")]
    Unknown,
}

impl<'a> Topic<'a> {
    /// Takes a topic apart, without allocating.
    pub fn parse(topic: &'a str) -> Result<Self, TopicError> {
        // The longest topic has seven levels; an eighth place shows that there are more.
        let mut levels = [""; 8];
        let mut count = 0;
        for level in topic.split('/').take(levels.len()) {
            if level.is_empty() {
                return Err(TopicError::EmptyLevel);
            }
            levels[count] = level;
            count += 1;
        }
        match levels[..count] {
            ["yunpark", "v1", "space", lot, space, "state"] => Ok(Self::SpaceState { lot, space }),
            ["yunpark", "v1", "lot", lot, "passage"] => Ok(Self::Passage { lot }),
            ["yunpark", "v1", "approach", approach, "passage"] => Ok(Self::ApproachPassage { approach }),
            ["yunpark", "v1", "lot", lot, "count"] => Ok(Self::Count { lot }),
            ["yunpark", "v1", "sign", sign, "ack"] => Ok(Self::SignAck { sign }),
            ["application", _, "device", dev_eui, "event", "up"] => Ok(Self::ChirpStackUp { dev_eui }),
            ["v3", _, "devices", device, "up"] => Ok(Self::TheThingsStackUp { device }),
            ["application", _, "device", dev_eui, "event", "join"] => Ok(Self::ChirpStackJoin { dev_eui }),
            ["application", _, "device", dev_eui, "event", "status"] => Ok(Self::ChirpStackStatus { dev_eui }),
            ["application", _, "device", dev_eui, "event", "log"] => Ok(Self::ChirpStackLog { dev_eui }),
            ["v3", _, "devices", device, "join"] => Ok(Self::TheThingsStackJoin { device }),
            ["spBv1.0", group, kind, node] => {
                let kind = sparkplug(kind, b'N').ok_or(TopicError::Unknown)?;
                Ok(Self::Sparkplug { kind, origin: Origin { group, node, device: None } })
            }
            ["spBv1.0", group, kind, node, device] => {
                let kind = sparkplug(kind, b'D').ok_or(TopicError::Unknown)?;
                Ok(Self::Sparkplug { kind, origin: Origin { group, node, device: Some(device) } })
            }
            ["axis", serial, "event", ..] => Ok(Self::Axis { serial }),
            ["milesight", _, "event"] => Ok(Self::MilesightCamera),
            ["hikvision", _, "alert"] => Ok(Self::Hikvision),
            _ => Err(TopicError::Unknown),
        }
    }
}

/// What a Sparkplug message is, if it is of a gateway (`N`) or a device (`D`) as its topic's length says.
fn sparkplug(kind: &str, whose: u8) -> Option<Kind> {
    let (first, rest) = kind.as_bytes().split_first()?;
    match rest {
        _ if *first != whose => None,
        b"BIRTH" => Some(Kind::Birth),
        b"DATA" => Some(Kind::Data),
        b"DEATH" => Some(Kind::Death),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_topic_of_the_grammar_is_taken_apart() {
        for (topic, parsed) in [
            ("yunpark/v1/space/L1/S001/state", Topic::SpaceState { lot: "L1", space: "S001" }),
            ("yunpark/v1/lot/L1/passage", Topic::Passage { lot: "L1" }),
            ("yunpark/v1/lot/L1/count", Topic::Count { lot: "L1" }),
            ("yunpark/v1/approach/A1/passage", Topic::ApproachPassage { approach: "A1" }),
            ("yunpark/v1/sign/V1/ack", Topic::SignAck { sign: "V1" }),
            (
                "application/ca739e26/device/fcd6bd00001a2b3c/event/up",
                Topic::ChirpStackUp { dev_eui: "fcd6bd00001a2b3c" },
            ),
            ("application/1/device/2/event/join", Topic::ChirpStackJoin { dev_eui: "2" }),
            (
                "spBv1.0/g/DBIRTH/n/d",
                Topic::Sparkplug { kind: Kind::Birth, origin: Origin { group: "g", node: "n", device: Some("d") } },
            ),
            (
                "spBv1.0/g/NDEATH/n",
                Topic::Sparkplug { kind: Kind::Death, origin: Origin { group: "g", node: "n", device: None } },
            ),
            (
                "axis/B8A44F941234/event/tns:axis/CameraApplicationPlatform/ObjectAnalytics/Device1Scenario2",
                Topic::Axis { serial: "B8A44F941234" },
            ),
            ("milesight/369362028335/event", Topic::MilesightCamera),
            ("v3/city-parking@ttn/devices/bay-a-017/up", Topic::TheThingsStackUp { device: "bay-a-017" }),
            ("v3/city-parking/devices/bay-a-017/up", Topic::TheThingsStackUp { device: "bay-a-017" }),
        ] {
            assert_eq!(Topic::parse(topic), Ok(parsed));
        }
    }

    #[test]
    fn a_topic_out_of_the_grammar_is_refused() {
        for topic in [
            "yunpark/v2/lot/L1/count",
            "yunpark/v1/lot/L1/count/more/and/more/levels",
            "yunpark/v1/space/L1/state",
            "yunpark/v1/approach/A1/count",
            "application/1/device/2/event/ack",
            "spBv1.0/g/DDATA/n",
            "spBv1.0/g/NDATA/n/d",
            "spBv1.0/g/NCMD/n",
            "weather",
        ] {
            assert_eq!(Topic::parse(topic), Err(TopicError::Unknown), "{topic}");
        }
        for topic in ["", "/", "yunpark/v1/lot//count", "yunpark/v1/space/L1/S001/state/"] {
            assert_eq!(Topic::parse(topic), Err(TopicError::EmptyLevel), "{topic:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart_or_refused(topic in "\\PC{0,80}") {
            let _ = Topic::parse(&topic);
        }
    }
}
