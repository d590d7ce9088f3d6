//! Sensor and camera formats, decoded to readings and captures: no I/O.
//!
//! A message arrives as a topic and bytes. [`Topic::parse`] tells which format it is in; [`native`], [`chirpstack`],
//! [`the_things_stack`], [`sparkplug`], [`axis`], [`milesight_camera`] and [`hikvision`] open the envelope; a [`Decoder`]
//! turns a device's frame into [`Reading`]s. Cameras that speak GA/T 1400 are read by [`viid`], those that push
//! [`isapi`] or [`itsapi`] by those, their bodies taken apart by [`multipart`]. Nothing here panics, whatever the bytes are.

pub mod axis;
pub mod chirpstack;
pub mod codec;
pub mod declared;
mod decoder;
pub mod exif;
pub mod hikvision;
pub mod isapi;
pub mod itsapi;
pub mod milesight_camera;
pub mod multipart;
pub mod native;
pub mod reading;
pub mod sparkplug;
pub mod the_things_stack;
pub mod topic;
mod uplink;
pub mod viid;

pub use codec::{Codec, DecodeError, UnknownCodec};
pub use decoder::Decoder;
pub use reading::{Cause, Health, Historical, LaneDirection, Reading, Word};
pub use topic::{Topic, TopicError};
pub use uplink::{EnvelopeError, EventId, Join, Report, Source, Told, Uplink, Way};
