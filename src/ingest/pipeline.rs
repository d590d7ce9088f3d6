//! From the queue to the engine: take what waits, read it, apply it in one step, and only then acknowledge it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Error,
    directory::Directory,
    events::{EventBook, native_event},
    health::Teller,
    mqtt::{Hand, Message},
    normalise::{Batch, Refusal, Word, normalise},
    refusals::Refusals,
};
use crate::{
    availability::Engine,
    clock::Clock,
    domain::{availability::Outcome, city::City, observation::Observation, sensor_event::SensorEvent},
    mqtt::Backoff,
};

/// Reads, applies and acknowledges messages in the order they came.
pub struct Pipeline {
    hand: Hand,
    max_batch: usize,
    city: watch::Receiver<Arc<City>>,
    directory: Directory,
    engine: Engine,
    clock: Clock,
    health: Teller,
    refusals: Refusals,
    book: Option<EventBook>,
}

impl Pipeline {
    pub(super) fn new(
        hand: Hand,
        max_batch: usize,
        mut city: watch::Receiver<Arc<City>>,
        engine: Engine,
        clock: Clock,
        health: Teller,
    ) -> Self {
        let directory = Directory::of(&city.borrow_and_update());
        Self { hand, max_batch, city, directory, engine, clock, health, refusals: Refusals::default(), book: None }
    }

    /// The same, keeping what devices say in a book before it is acknowledged.
    #[must_use]
    pub fn keeping(self, book: EventBook) -> Self {
        Self { book: Some(book), ..self }
    }

    /// Runs until `stop`, then finishes what was taken off the wire before it.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let mut messages = Vec::with_capacity(self.max_batch);
        loop {
            let taken = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                taken = self.hand.queue.recv_many(&mut messages, self.max_batch) => taken,
            };
            if taken == 0 || !self.settle(&mut messages, &stop).await {
                break;
            }
        }
        self.hand.queue.close();
        while self.hand.queue.recv_many(&mut messages, self.max_batch).await > 0 {
            if !self.settle(&mut messages, &stop).await {
                break;
            }
        }
        self.hand.goodbye();
        Ok(())
    }

    /// Applies and acknowledges a batch; `false` if the system stopped before the engine would take it.
    async fn settle(&mut self, messages: &mut Vec<Message>, stop: &CancellationToken) -> bool {
        let mut batch = self.read(messages);
        let mut events = std::mem::take(&mut batch.events);
        let (applied, kept) = tokio::join!(self.apply(&batch.observations, stop), self.keep(&mut events, stop));
        if !applied || !kept {
            return false;
        }
        count_words(&batch);
        for message in messages.drain(..) {
            self.hand.acknowledge(&message);
        }
        true
    }

    /// Reads the messages; a refused one is counted, and the next is not affected.
    fn read(&mut self, messages: &[Message]) -> Batch {
        // A city imported meanwhile counts from the next batch on. A feed that has ended leaves the last city in force.
        if self.city.has_changed().unwrap_or(false) {
            self.directory = Directory::of(&self.city.borrow_and_update());
        }
        let mut batch = Batch { observations: Vec::with_capacity(messages.len()), ..Batch::default() };
        let keeps_native = self.book.as_ref().is_some_and(EventBook::keeps_native);
        for message in messages {
            let (topic, payload) = (&message.publish.topic, &message.publish.payload);
            let before = (batch.observations.len(), batch.events.len());
            let read = match message.oversized {
                Some(bytes) => Err(Refusal::Oversized { bytes }),
                None => normalise(topic, payload, &self.directory, message.received_at, &mut batch),
            };
            if keeps_native && batch.events.len() == before.1 {
                let native = batch.observations[before.0..].iter().map(|stated| native_event(stated, payload));
                batch.events.extend(native);
            }
            if let Err(refusal) = read {
                let bytes = message.oversized.unwrap_or(payload.len());
                self.refusals.note(&refusal, topic, bytes, self.clock.now());
            }
        }
        metrics::counter!("yunpark_ingest_messages_total").increment(messages.len() as u64);
        batch
    }

    /// Applies observations, again and again while the engine cannot; `false` if the system stops first.
    async fn apply(&self, observations: &[Observation], stop: &CancellationToken) -> bool {
        if observations.is_empty() {
            return true;
        }
        let mut backoff = Backoff::default();
        loop {
            match self.engine.apply(observations).await {
                Ok(outcomes) => {
                    self.health.applied();
                    count_outcomes(&outcomes);
                    return true;
                }
                Err(error) => {
                    metrics::counter!("yunpark_ingest_apply_failures_total").increment(1);
                    self.health.not_applied(&error.to_string());
                    // At a stop the engine has had one more chance; the broker keeps the messages.
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return false,
                        () = tokio::time::sleep(backoff.wait()) => {}
                    }
                }
            }
        }
    }

    /// Keeps what devices said, again and again while the database cannot; `false` if the system stops first.
    async fn keep(&self, events: &mut [SensorEvent], stop: &CancellationToken) -> bool {
        let Some(book) = &self.book else { return true };
        let mut backoff = Backoff::default();
        loop {
            match book.keep(events).await {
                Ok(()) => return true,
                Err(error) => {
                    metrics::counter!("yunpark_ingest_keep_failures_total").increment(1);
                    self.health.not_applied(&error.to_string());
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return false,
                        () = tokio::time::sleep(backoff.wait()) => {}
                    }
                }
            }
        }
    }
}

fn count_outcomes(outcomes: &[Outcome]) {
    for outcome in [
        Outcome::Changed,
        Outcome::Confirmed,
        Outcome::Late,
        Outcome::UnknownLot,
        Outcome::UnknownSpace,
        Outcome::Future,
        Outcome::NotCounted,
    ] {
        let count = outcomes.iter().filter(|&&other| other == outcome).count();
        if count > 0 {
            metrics::counter!("yunpark_observations_total", "outcome" => word(outcome)).increment(count as u64);
        }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Changed => "changed",
        Outcome::Confirmed => "confirmed",
        Outcome::Late => "late",
        Outcome::UnknownLot => "unknown_lot",
        Outcome::UnknownSpace => "unknown_space",
        Outcome::Future => "future",
        Outcome::NotCounted => "not_counted",
    }
}

fn count_words(batch: &Batch) {
    for word in &batch.words {
        let kind = match word.word {
            Word::Health(_) => "health",
            Word::Restart(_) => "restart",
        };
        metrics::counter!("yunpark_sensor_words_total", "kind" => kind).increment(1);
    }
}
