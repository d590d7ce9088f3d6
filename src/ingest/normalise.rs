//! One message to the observations it makes, or the reason it makes none. Pure: the city and the time are arguments.

use chrono::{DateTime, Utc};
use yunpark_sensors::{
    Codec, DecodeError, EnvelopeError, Health, LaneDirection, Reading, Topic, TopicError, Uplink, chirpstack,
    native::{self, Counted, NativeError, State},
    the_things_stack,
};

use super::{
    directory::{Binding, Directory},
    events::event,
};
use crate::domain::{
    ids::{LotId, SensorId},
    observation::{Direction, Observation, SpaceState, Statement},
    sensor_event::SensorEvent,
    time::{Instant, from_micros, to_micros},
};

/// What a batch of messages makes.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is stated of lots and spaces, in the order it came.
    pub observations: Vec<Observation>,
    /// What sensors say of themselves.
    pub words: Vec<SensorWord>,
    /// What devices said, to be kept: every reading, once.
    pub events: Vec<SensorEvent>,
}

/// What a sensor says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorWord {
    /// The sensor.
    pub sensor: SensorId,
    /// When.
    pub at: Instant,
    /// What.
    pub word: Word,
}

/// What a sensor may say of itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// How it is.
    Health(Health),
    /// It started again, and why.
    Restart(&'static str),
}

/// Why a message makes no observation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The topic is not in the grammar.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// Longer than `mqtt.max_packet_bytes`.
    #[error("{bytes} bytes are too long")]
    Oversized {
        /// The payload's length.
        bytes: usize,
    },
    /// A native payload that cannot be read.
    #[error(transparent)]
    Native(#[from] NativeError),
    /// A network server's envelope that cannot be opened.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A device's frame that cannot be decoded.
    #[error(transparent)]
    Frame(#[from] DecodeError),
    /// The lot is not in the city.
    #[error("the lot is not in the city")]
    UnknownLot,
    /// The space is not in the lot.
    #[error("the space is not in the lot")]
    UnknownSpace,
    /// The city binds no sensor of this id.
    #[error("the city binds no such device")]
    UnknownDevice,
    /// The city names a codec that this version does not have.
    #[error("the device's codec is unknown")]
    UnknownCodec,
    /// A sensor bound to a lot tells of a space, or the other way round.
    #[error("the device is bound to a {bound}, and its frame is about a {about}")]
    Misbound {
        /// What the city binds it to.
        bound: &'static str,
        /// What the frame is about.
        about: &'static str,
    },
    /// A reading that cannot be counted from one message alone.
    #[error("a {reading} is not counted yet")]
    NotYetCounted {
        /// The kind of reading.
        reading: &'static str,
    },
}

impl Refusal {
    /// The refusal's kind, as metrics label it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Topic(_) => "topic_out_of_grammar",
            Self::Oversized { .. } => "oversized",
            Self::Native(_) | Self::Envelope(_) => "malformed_payload",
            Self::Frame(_) => "undecodable_frame",
            Self::UnknownLot => "unknown_lot",
            Self::UnknownSpace => "unknown_space",
            Self::UnknownDevice => "unknown_device",
            Self::UnknownCodec => "unknown_codec",
            Self::Misbound { .. } => "misbound_device",
            Self::NotYetCounted { .. } => "not_yet_counted",
        }
    }
}

/// Adds what one message makes to `batch`; a refused message adds nothing.
pub fn normalise(
    topic: &str,
    payload: &[u8],
    city: &Directory,
    received_at: Instant,
    batch: &mut Batch,
) -> Result<(), Refusal> {
    let lot_of = |name| city.lot(name).ok_or(Refusal::UnknownLot);
    match Topic::parse(topic)? {
        Topic::SpaceState { lot, space } => {
            let (lot, spaces) = lot_of(lot)?;
            let space = spaces.get(space).ok_or(Refusal::UnknownSpace)?;
            let told = native::space_state(payload)?;
            let state = match told.state {
                State::Occupied => SpaceState::Occupied,
                State::Free => SpaceState::Free,
                State::Unknown => SpaceState::Unknown,
            };
            let statement = Statement::Space { space: space.clone(), state };
            batch.observations.push(observation(lot, statement, told.at, received_at, told.seq));
        }
        Topic::Passage { lot } => {
            let (lot, _) = lot_of(lot)?;
            let told = native::passage(payload)?;
            let direction = if told.inward { Direction::In } else { Direction::Out };
            let statement = Statement::Passage { direction, count: told.count, lane: told.lane };
            batch.observations.push(observation(lot, statement, told.at, received_at, told.seq));
        }
        Topic::Count { lot } => {
            let (lot, _) = lot_of(lot)?;
            let told = native::count(payload)?;
            let statement = match told.counted {
                Counted::Occupied(count) => Statement::Occupied { count },
                Counted::Free(count) => Statement::Free { count },
            };
            batch.observations.push(observation(lot, statement, told.at, received_at, told.seq));
        }
        Topic::ChirpStackUp { .. } => uplink("chirpstack", chirpstack::parse(payload)?, city, received_at, batch)?,
        Topic::TheThingsStackUp { .. } => {
            uplink("the_things_stack", the_things_stack::parse(payload)?, city, received_at, batch)?;
        }
        // Signs answer over the signs' own connection.
        Topic::SignAck { .. } => return Err(Refusal::Topic(TopicError::Unknown)),
    }
    Ok(())
}

fn observation(
    lot: &LotId,
    statement: Statement,
    at: DateTime<Utc>,
    received_at: Instant,
    seq: Option<u64>,
) -> Observation {
    Observation { lot: lot.clone(), statement, observed_at: whole(at), received_at, session: None, seq }
}

/// To the microsecond, as the stores keep it; a leap second becomes the second after it.
fn whole(at: DateTime<Utc>) -> Instant {
    from_micros(to_micros(at)).unwrap_or(at)
}

/// Adds what a device's frame says to `batch`, all of it or nothing.
fn uplink(
    source: &'static str,
    uplink: Uplink,
    city: &Directory,
    received_at: Instant,
    batch: &mut Batch,
) -> Result<(), Refusal> {
    let device = city.sensor(&uplink.device_id).ok_or(Refusal::UnknownDevice)?;
    let codec = device.codec.ok_or(Refusal::UnknownCodec)?;
    if uplink.f_port.is_none() && uplink.payload.is_empty() {
        // The device spoke to its network alone.
        return Ok(());
    }
    let before = (batch.observations.len(), batch.words.len(), batch.events.len());
    let added = readings(source, codec, &uplink, device, received_at, batch);
    if added.is_err() {
        batch.observations.truncate(before.0);
        batch.words.truncate(before.1);
        batch.events.truncate(before.2);
    }
    added
}

fn readings(
    source: &'static str,
    codec: Codec,
    uplink: &Uplink,
    device: &Binding,
    received_at: Instant,
    batch: &mut Batch,
) -> Result<(), Refusal> {
    let at = uplink.network_time.map_or(received_at, whole);
    for (index, reading) in codec.decode(uplink.f_port, &uplink.payload)?.into_iter().enumerate() {
        batch.events.push(event(source, uplink, device, index, &reading, received_at));
        let word = |word| SensorWord { sensor: device.id.clone(), at, word };
        let statement = match reading {
            Reading::Occupancy { occupied, .. } => {
                let space = device.space.as_ref().ok_or(Refusal::Misbound { bound: "lot", about: "space" })?;
                let state = if occupied { SpaceState::Occupied } else { SpaceState::Free };
                Statement::Space { space: space.clone(), state }
            }
            Reading::CounterDelta { direction, count, lane } => passed(direction, count, lane.as_deref(), device)?,
            Reading::CounterTotal { .. } => return Err(Refusal::NotYetCounted { reading: "counter total" }),
            Reading::CounterReset => return Err(Refusal::NotYetCounted { reading: "counter reset" }),
            Reading::Distance { .. } => return Err(Refusal::NotYetCounted { reading: "distance" }),
            Reading::Health(health) => {
                batch.words.push(word(Word::Health(health)));
                continue;
            }
            Reading::Restart { cause } => {
                batch.words.push(word(Word::Restart(cause)));
                continue;
            }
        };
        let stated = observation(&device.lot, statement, at, received_at, Some(u64::from(uplink.f_cnt)));
        batch.observations.push(Observation { session: uplink.session.clone(), ..stated });
    }
    Ok(())
}

/// A counter's delta as a passage. The lane is named after the device, so that the frame counters of two devices at one
/// lot are never compared with each other.
fn passed(direction: LaneDirection, count: u32, lane: Option<&str>, device: &Binding) -> Result<Statement, Refusal> {
    if device.space.is_some() {
        return Err(Refusal::Misbound { bound: "space", about: "lot" });
    }
    let direction = match direction {
        LaneDirection::In => Direction::In,
        LaneDirection::Out => Direction::Out,
        LaneDirection::Both => return Err(Refusal::NotYetCounted { reading: "count of both ways together" }),
    };
    let lane = lane.map_or_else(|| device.id.as_str().to_owned(), |lane| format!("{}/{lane}", device.id));
    Ok(Statement::Passage { direction, count, lane })
}

#[cfg(test)]
mod tests;
