//! How a device's words are read: by a codec of this crate, by a layout its city file declares, or as they stand.

use std::{str::FromStr, sync::Arc};

use crate::{
    codec::{Codec, DecodeError, UnknownCodec},
    declared::Layout,
    reading::Reading,
};

/// Formats that tell readings in plain words, so that no frame is left to decode.
const PLAIN: [&str; 4] = ["axis/object-analytics", "hikvision/isapi-counting", "milesight/vs121-p", "sparkplug/b"];

/// How a device's words are read.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoder {
    /// A codec of this crate.
    Codec(Codec),
    /// A layout the city file declares.
    Declared(Arc<Layout>),
    /// The device's messages are in plain words.
    Plain(&'static str),
}

impl Decoder {
    /// Reads a frame.
    pub fn decode(&self, f_port: Option<u8>, payload: &[u8]) -> Result<Vec<Reading>, DecodeError> {
        match self {
            Self::Codec(codec) => codec.decode(f_port, payload),
            Self::Declared(layout) => layout.decode(f_port, payload),
            Self::Plain(_) => Err(DecodeError::Value { what: "a frame of a device that speaks in plain words" }),
        }
    }

    /// How often the device speaks at least, seconds, where that is fixed.
    pub fn heartbeat_s(&self) -> Option<u32> {
        match self {
            Self::Codec(codec) => codec.heartbeat_s(),
            Self::Declared(layout) => layout.heartbeat_s,
            Self::Plain(_) => None,
        }
    }

    /// The codec of this crate, if it is one.
    pub fn codec(&self) -> Option<Codec> {
        match self {
            Self::Codec(codec) => Some(*codec),
            _ => None,
        }
    }
}

impl FromStr for Decoder {
    type Err = UnknownCodec;
    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        match PLAIN.iter().find(|plain| **plain == name) {
            Some(plain) => Ok(Self::Plain(plain)),
            None => name.parse().map(Self::Codec),
        }
    }
}
