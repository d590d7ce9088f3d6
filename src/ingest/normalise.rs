//! One message to the observations it makes, or the reason it makes none. Pure: the city and the time are arguments.

mod report;

use chrono::{DateTime, Utc};
use yunpark_sensors::{
    DecodeError, EnvelopeError, EventId, Health, Join, Reading, Report, Topic, TopicError, Uplink, Way, axis,
    chirpstack, hikvision, milesight_camera,
    native::{self, Counted, NativeError, State},
    sparkplug, the_things_stack,
};

use super::directory::Directory;
use crate::domain::{
    approach::Sighting,
    ids::{LotId, SensorId, SpaceId},
    observation::{Direction, Observation, SpaceState, Statement},
    time::{Instant, from_micros, to_micros},
};

/// What a batch of messages makes.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is stated of lots and spaces, in the order it came.
    pub observations: Vec<Observation>,
    /// What is stated of approaches, in the order it came.
    pub sightings: Vec<Sighting>,
    /// What sensors say of themselves.
    pub words: Vec<SensorWord>,
    /// Everything bound devices said, for the record.
    pub events: Vec<DeviceEvent>,
    /// What is to be published in answer: topic and payload.
    pub notices: Vec<(String, Vec<u8>)>,
}

/// One reading of a bound device, with its identity and its times.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceEvent {
    /// The same for the same event, however often it is delivered.
    pub id: EventId,
    /// The device.
    pub sensor: SensorId,
    /// The lot it is bound to; `None` if that is an approach.
    pub lot: Option<LotId>,
    /// The space it watches, if it watches one.
    pub space: Option<SpaceId>,
    /// What it said.
    pub reading: Reading,
    /// Told late out of the device's memory; moves no state.
    pub is_historical: bool,
    /// The device's own instant, as far as it tells one; advisory.
    pub device_time: Option<Instant>,
    /// When its network received it.
    pub network_time: Option<Instant>,
    /// When we did.
    pub received_at: Instant,
    /// The gateways that heard it, and its frame.
    pub way: Way,
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
    Restart(yunpark_sensors::Word),
    /// It joined its network: a new session, if the message names it.
    Joined(Option<String>),
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
    /// The approach is not in the city.
    #[error("the approach is not in the city")]
    UnknownApproach,
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
    /// A count of both ways together, of a device whose `direction` the city does not say.
    #[error("the device counts both ways together, and the city file does not say its `direction`")]
    Undirected,
    /// A distance, of a sensor whose `threshold_mm` the city does not say.
    #[error("the device tells a distance, and the city file does not say its `threshold_mm`")]
    NoThreshold,
    /// A gateway's metric under an alias whose birth was not heard; the birth is asked for.
    #[error("the gateway's metrics have no names yet; it is asked for them")]
    UnknownAlias,
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
            Self::UnknownApproach => "unknown_approach",
            Self::UnknownSpace => "unknown_space",
            Self::UnknownDevice => "unknown_device",
            Self::UnknownCodec => "unknown_codec",
            Self::Misbound { .. } => "misbound_device",
            Self::Undirected => "undirected_counter",
            Self::NoThreshold => "no_threshold",
            Self::UnknownAlias => "unknown_alias",
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
        Topic::ApproachPassage { approach } => {
            let approach = city.approach(approach).ok_or(Refusal::UnknownApproach)?;
            let told = native::passage(payload)?;
            let direction = if told.inward { Direction::In } else { Direction::Out };
            batch.sightings.push(Sighting {
                approach: approach.clone(),
                statement: Statement::Passage { direction, count: told.count, lane: told.lane },
                observed_at: whole(told.at),
                received_at,
                session: None,
                seq: told.seq,
            });
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
        Topic::ChirpStackUp { .. } => uplink(chirpstack::parse(payload)?, None, city, received_at, batch)?,
        Topic::TheThingsStackUp { device } => {
            uplink(the_things_stack::parse(payload)?, Some(device), city, received_at, batch)?;
        }
        Topic::ChirpStackJoin { dev_eui } => {
            joined(chirpstack::join(dev_eui, payload)?, None, city, received_at, batch)?;
        }
        Topic::TheThingsStackJoin { device } => {
            joined(the_things_stack::join(payload)?, Some(device), city, received_at, batch)?;
        }
        Topic::ChirpStackStatus { dev_eui } => {
            reported(chirpstack::status(dev_eui, payload)?, city, received_at, batch)?;
        }
        Topic::ChirpStackLog { dev_eui } => reported(chirpstack::log(dev_eui, payload)?, city, received_at, batch)?,
        Topic::Sparkplug { kind, origin } => gateway(kind, origin, payload, city, received_at, batch)?,
        Topic::Axis { serial } => reported(Some(axis::parse(serial, payload)?), city, received_at, batch)?,
        Topic::MilesightCamera => {
            reported(Some(milesight_camera::parse(payload)?), city, received_at, batch)?;
        }
        Topic::Hikvision => reported(hikvision::parse(payload)?, city, received_at, batch)?,
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

/// A report of a bound device.
fn reported(report: Option<Report>, city: &Directory, received_at: Instant, batch: &mut Batch) -> Result<(), Refusal> {
    let Some(report) = report else { return Ok(()) };
    let device = city.sensor(&report.device_id).ok_or(Refusal::UnknownDevice)?;
    report::take(report, device, received_at, batch)
}

/// A device's frame. The Things Stack names a device twice, by EUI and by name; the city may bind either.
fn uplink(
    uplink: Uplink,
    name: Option<&str>,
    city: &Directory,
    received_at: Instant,
    batch: &mut Batch,
) -> Result<(), Refusal> {
    let named = || name.and_then(|name| city.sensor(name));
    let device = city.sensor(&uplink.device_id).or_else(named).ok_or(Refusal::UnknownDevice)?;
    let decoder = device.decoder.as_ref().ok_or(Refusal::UnknownCodec)?;
    report::take(uplink.report(decoder)?, device, received_at, batch)
}

/// A new session begins; what it says is heard in its frames.
fn joined(
    join: Join,
    name: Option<&str>,
    city: &Directory,
    received_at: Instant,
    batch: &mut Batch,
) -> Result<(), Refusal> {
    let named = || name.and_then(|name| city.sensor(name));
    let device = city.sensor(&join.device_id).or_else(named).ok_or(Refusal::UnknownDevice)?;
    let at = join.network_time.map_or(received_at, whole);
    batch.words.push(SensorWord { sensor: device.id.clone(), at, word: Word::Joined(join.session) });
    Ok(())
}

/// A gateway's message: what its devices say, and perhaps the wish to hear its names again.
fn gateway(
    kind: sparkplug::Kind,
    origin: sparkplug::Origin<'_>,
    payload: &[u8],
    city: &Directory,
    received_at: Instant,
    batch: &mut Batch,
) -> Result<(), Refusal> {
    let decoder_of = |device: &str| city.sensor(device).and_then(|device| device.decoder.as_ref());
    let heard = city.births(|births| births.read(kind, origin, payload, received_at, decoder_of))?;
    if heard.ask_rebirth {
        batch.notices.push(sparkplug::rebirth(origin.group, origin.node, received_at));
    }
    if heard.unnamed > 0 && heard.reports.is_empty() {
        return Err(Refusal::UnknownAlias);
    }
    // Gateways speak for devices nobody bound, and of themselves.
    for report in heard.reports.into_iter().filter(|report| city.sensor(&report.device_id).is_some()) {
        reported(Some(report), city, received_at, batch)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
