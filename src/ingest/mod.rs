//! The sensors' door: MQTT messages become observations, and a message is acknowledged only when its effect is stored.
//!
//! [`Door`] keeps the connection and does nothing else; [`Pipeline`] reads, applies, then acknowledges; [`Letters`] keeps what
//! is refused. Between them stand bounded queues: when the pipeline's is full the door stops reading, and the broker keeps
//! the rest.

mod alert_stream;
mod directory;
mod events;
mod health;
mod lag;
mod letters;
mod mqtt;
mod normalise;
mod pipeline;
mod refusals;
mod upstream;
mod wire;

pub use alert_stream::AlertStreams;
pub use directory::{Directory, layout};
pub use events::EventBook;
pub use health::Health;
pub use lag::Lag;
pub use letters::{Letters, NOTICES};
pub use mqtt::{Door, FILTERS, UNSHARED};
pub use normalise::{Batch, DeviceEvent, Refusal, SensorWord, Word, normalise};
pub use pipeline::Pipeline;
pub use refusals::Refusals;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::{availability, clock::Clock, config, domain::city::City, store::Db, telemetry::Trails};

/// Why the door cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The broker's address or the like.
    #[error(transparent)]
    Mqtt(#[from] crate::mqtt::Error),
    /// The HTTP client that reads cameras.
    #[error("no HTTP client can be had: {0}")]
    Http(String),
}

/// The door and what stands behind it. The first three must run, and all stop with the doors.
pub struct Ingest {
    /// The connection.
    pub door: Door,
    /// What reads and applies.
    pub pipeline: Pipeline,
    /// What keeps refused messages.
    pub letters: Letters,
    /// Whether it is well.
    pub health: watch::Receiver<Health>,
    /// How far it is behind.
    pub lag: Arc<Lag>,
    /// Where other doors than the broker's hand over messages.
    other_doors: (mpsc::Sender<mqtt::Message>, Clock),
}

impl Ingest {
    /// The door for cameras that are read over HTTP.
    pub fn alert_streams(&self, config: &config::Ingest) -> Result<AlertStreams, Error> {
        let (queue, clock) = &self.other_doors;
        AlertStreams::new(config, queue, clock)
    }
}

/// The door of this configuration; without a database refused messages are only counted.
pub fn open(
    config: &config::Mqtt,
    city: watch::Receiver<Arc<City>>,
    engine: availability::Engine,
    db: Option<Db>,
    clock: Clock,
) -> Result<Ingest, Error> {
    let (teller, health) = health::channel();
    let lag = Arc::new(Lag::default());
    let (door, messages, hand) = Door::new(config, clock.clone(), teller.clone(), lag.clone())?;
    let other_doors = (door.queue(), clock.clone());
    let (post, letters) = letters::channel(&config.dead_letters, db, hand.clone(), clock.clone());
    let settling = pipeline::Settling {
        hand,
        engine,
        clock,
        health: teller,
        lag: lag.clone(),
        book: None,
        upstream: None,
        trails: Trails::default(),
    };
    let pipeline = Pipeline::new(messages, post, config, city, settling);
    Ok(Ingest { door, pipeline, letters, health, lag, other_doors })
}
