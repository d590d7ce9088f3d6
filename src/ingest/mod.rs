//! The sensors' door: MQTT messages become observations, and a message is acknowledged only when its effect is stored.
//!
//! [`Door`] keeps the connection and does nothing else; [`Pipeline`] reads, applies, then acknowledges. Between them stands
//! a bounded queue: when it is full the door stops reading, and the broker keeps the rest.

mod directory;
mod events;
mod health;
mod mqtt;
mod normalise;
mod pipeline;
mod refusals;

pub use directory::Directory;
pub use events::EventBook;
pub use health::Health;
pub use mqtt::{Door, FILTERS};
pub use normalise::{Batch, Refusal, SensorWord, Word, normalise};
pub use pipeline::Pipeline;
pub use refusals::Refusals;

use std::sync::Arc;

use tokio::sync::watch;

use crate::{availability, clock::Clock, config, domain::city::City};

/// Why the door cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The broker's address or the like.
    #[error(transparent)]
    Mqtt(#[from] crate::mqtt::Error),
}

/// The door and what stands behind it; both must run, and both stop with the doors.
pub fn open(
    config: &config::Mqtt,
    city: watch::Receiver<Arc<City>>,
    engine: availability::Engine,
    clock: Clock,
) -> Result<(Door, Pipeline, watch::Receiver<Health>), Error> {
    let (health, watched) = health::channel();
    let (door, hand) = Door::new(config, clock.clone(), health.clone())?;
    Ok((door, Pipeline::new(hand, config.max_batch, city, engine, clock, health), watched))
}
