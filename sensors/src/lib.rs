//! Sensor and camera formats, decoded to readings and captures: no I/O.
//!
//! A message arrives as a topic and bytes. [`Topic::parse`] tells which format it is in; [`native`], [`chirpstack`] and
//! [`the_things_stack`] open the envelope; a [`Codec`] turns a device's frame into [`Reading`]s. Cameras that speak
//! GA/T 1400 are read by [`viid`]. Nothing here panics, whatever the bytes are.

pub mod chirpstack;
pub mod codec;
pub mod native;
pub mod reading;
pub mod the_things_stack;
pub mod topic;
mod uplink;
pub mod viid;

pub use codec::{Codec, DecodeError, UnknownCodec};
pub use reading::{Cause, Health, LaneDirection, Reading};
pub use topic::{Topic, TopicError};
pub use uplink::{EnvelopeError, Uplink};
