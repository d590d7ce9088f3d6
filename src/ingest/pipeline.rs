//! From the queue to the engine: take what waits, read it, apply it in one step, and only then acknowledge it.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::{
    Error,
    directory::Directory,
    events::{EventBook, event, native_event},
    health::Teller,
    lag::Lag,
    letters::{Letter, LetterBox},
    mqtt::{Hand, Message, Ticket},
    normalise::{Batch, Refusal, Word, normalise},
    refusals::Refusals,
    upstream::Upstream,
};
use crate::{
    availability::Engine,
    clock::Clock,
    config,
    demand::Roads,
    domain::{
        approach::Sighting, availability::Outcome, city::City, observation::Observation, sensor_event::SensorEvent,
        time::Instant,
    },
    mqtt::Backoff,
    telemetry::{Trail, Trails},
};

/// A batch of fewer messages says that they do not stream in; it is applied without waiting for more.
const STREAMING: usize = 16;

/// Reads, applies and acknowledges messages in the order they came.
///
/// One batch is applied at a time, so that a lane's passages are never overtaken; while the engine works, the next batch is
/// read. What waits then makes the batch, so that batches grow with the load.
pub struct Pipeline {
    queue: mpsc::Receiver<Message>,
    settling: Settling,
    reading: Reading,
    max_batch: usize,
    batch_wait: Duration,
}

/// What reads messages.
struct Reading {
    city: watch::Receiver<Arc<City>>,
    directory: Directory,
    clock: Clock,
    refusals: Refusals,
    letters: LetterBox,
    /// Native messages are kept as events too.
    keeps_native: bool,
    trails: Trails,
}

/// What applies and acknowledges what was read.
pub(super) struct Settling {
    pub(super) hand: Hand,
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    pub(super) health: Teller,
    pub(super) lag: Arc<Lag>,
    pub(super) book: Option<EventBook>,
    pub(super) upstream: Option<Upstream>,
    pub(super) trails: Trails,
}

/// Messages that were read and not yet applied.
#[derive(Default)]
struct Read {
    batch: Batch,
    /// Native messages, to be kept beside what devices said.
    native: Vec<SensorEvent>,
    /// What is followed, by the place of its first observation in the batch.
    followed: Vec<(usize, Trail, Span)>,
    /// Of the messages that were understood, and of refused ones that nobody else acknowledges.
    tickets: Vec<Ticket>,
    messages: usize,
    newest: Option<Instant>,
}

impl Pipeline {
    pub(super) fn new(
        queue: mpsc::Receiver<Message>,
        letters: LetterBox,
        config: &config::Mqtt,
        mut city: watch::Receiver<Arc<City>>,
        settling: Settling,
    ) -> Self {
        let directory = Directory::of(&city.borrow_and_update());
        let clock = settling.clock.clone();
        let reading = Reading {
            city,
            directory,
            clock,
            refusals: Refusals::default(),
            letters,
            keeps_native: false,
            trails: Trails::default(),
        };
        let batch_wait = Duration::from_millis(config.batch_ms);
        Self { queue, settling, reading, max_batch: config.max_batch, batch_wait }
    }

    /// The same, keeping what devices say in a book before it is acknowledged.
    #[must_use]
    pub fn keeping(mut self, book: EventBook) -> Self {
        self.reading.keeps_native = book.keeps_native();
        self.settling.book = Some(book);
        self
    }

    /// The same, counting those who pass approaches.
    #[must_use]
    pub fn counting(mut self, roads: Arc<Roads>) -> Self {
        self.settling.upstream = Some(Upstream::new(roads));
        self
    }

    /// The same, following a share of the messages on their way.
    #[must_use]
    pub fn following(mut self, trails: Trails) -> Self {
        self.reading.trails = trails.clone();
        self.settling.trails = trails;
        self
    }

    /// Runs until `stop`, then finishes what was taken off the wire before it.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let mut messages = Vec::with_capacity(self.max_batch);
        let (mut next, mut before) = (Read::default(), 0);
        loop {
            if next.messages == 0 {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    taken = self.queue.recv_many(&mut messages, self.max_batch) => if taken == 0 { break },
                }
                self.reading.read(&mut messages, &mut next);
            }
            if before >= STREAMING {
                self.fill(&mut messages, &mut next, &stop).await;
            }
            let batch = std::mem::take(&mut next);
            before = batch.messages;
            if !self.apply(batch, &mut messages, &mut next, &stop).await {
                return Ok(());
            }
        }
        self.queue.close();
        loop {
            if next.messages == 0 && self.queue.recv_many(&mut messages, self.max_batch).await == 0 {
                return Ok(());
            }
            self.reading.read(&mut messages, &mut next);
            if !self.settling.settle(std::mem::take(&mut next), &stop).await {
                return Ok(());
            }
        }
    }

    /// Waits a little for the rest of a batch, while messages stream in.
    async fn fill(&mut self, messages: &mut Vec<Message>, next: &mut Read, stop: &CancellationToken) {
        let over = tokio::time::sleep(self.batch_wait);
        tokio::pin!(over);
        while next.messages < self.max_batch {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                taken = self.queue.recv_many(messages, self.max_batch - next.messages) => if taken == 0 { return },
                () = &mut over => return,
            }
            self.reading.read(messages, next);
        }
    }

    /// Applies a batch, and reads the next one meanwhile; `false` if the system stopped before the engine would take it.
    async fn apply(
        &mut self,
        batch: Read,
        messages: &mut Vec<Message>,
        next: &mut Read,
        stop: &CancellationToken,
    ) -> bool {
        let queued = self.queue.len();
        let settled = self.settling.settle(batch, stop);
        tokio::pin!(settled);
        self.settling.lag.queued(queued);
        loop {
            let room = self.max_batch.saturating_sub(next.messages);
            tokio::select! {
                biased;
                applied = &mut settled => return applied,
                taken = self.queue.recv_many(messages, room), if room > 0 => {
                    if taken == 0 {
                        return settled.await;
                    }
                    self.reading.read(messages, next);
                }
            }
        }
    }
}

impl Reading {
    /// Reads the messages; a refused one is kept as a dead letter, and the next is not affected.
    fn read(&mut self, messages: &mut Vec<Message>, read: &mut Read) {
        // A city imported meanwhile counts from now on. A feed that has ended leaves the last city in force.
        if self.city.has_changed().unwrap_or(false) {
            self.directory = Directory::of(&self.city.borrow_and_update());
        }
        read.messages += messages.len();
        read.newest = messages.last().map(|message| message.received_at).or(read.newest);
        read.tickets.reserve(messages.len());
        for message in messages.drain(..) {
            // A topic that is no text is in no grammar.
            let topic = std::str::from_utf8(&message.topic).unwrap_or_default();
            let before = (read.batch.observations.len(), read.batch.events.len());
            let trail = self.trails.message();
            let made = match message.oversized {
                Some(bytes) => Err(Refusal::Oversized { bytes }),
                None => normalise(topic, &message.payload, &self.directory, message.received_at, &mut read.batch),
            };
            if self.keeps_native && read.batch.events.len() == before.1 {
                let stated = &read.batch.observations[before.0..];
                read.native.extend(stated.iter().map(|stated| native_event(stated, &message.payload)));
            }
            if let Some((trail, span)) = trail
                && let Some(first) = read.batch.observations.get(before.0)
            {
                tracing::debug!(target: "yunpark::trail", { request.id = trail.id(), lot.id = %first.lot }, "a message was read");
                read.followed.push((before.0, trail, span));
            }
            match made {
                Ok(()) => read.tickets.extend(message.ticket),
                Err(refusal) => read.tickets.extend(self.refuse(&refusal, message)),
            }
        }
    }

    /// Counts a refusal and keeps the message as a dead letter; the ticket comes back if nobody will acknowledge it.
    fn refuse(&mut self, refusal: &Refusal, message: Message) -> Option<Ticket> {
        let topic = String::from_utf8_lossy(&message.topic);
        let bytes = message.oversized.unwrap_or(message.payload.len());
        self.refusals.note(refusal, &topic, bytes, self.clock.now());
        let letter = Letter::new(&topic, &message.payload, bytes, refusal, message.received_at, message.ticket);
        self.letters.post(letter)
    }
}

impl Settling {
    /// Applies and acknowledges a batch; `false` if the system stopped before the engine would take it.
    async fn settle(&self, mut read: Read, stop: &CancellationToken) -> bool {
        for (topic, payload) in read.batch.notices.drain(..) {
            self.hand.notice(topic, payload.into());
        }
        let mut events = std::mem::take(&mut read.native);
        if self.book.is_some() {
            events.extend(read.batch.events.iter().map(event));
        }
        let stated = &read.batch.observations;
        let followed = std::mem::take(&mut read.followed);
        let steps: Vec<(&Observation, usize, &Trail, Span)> = (followed.iter())
            .filter_map(|(place, trail, _)| {
                let first = stated.get(*place)?;
                self.trails.moves(&first.lot, trail);
                Some((first, *place, trail, trail.applying(&first.lot)))
            })
            .collect();
        let told: Vec<(usize, String)> = followed.iter().map(|(place, trail, _)| (*place, trail.to_string())).collect();
        let seen = self.see(&read.batch.sightings);
        let (outcomes, kept, ()) = tokio::join!(self.apply(stated, &told, stop), self.keep(&mut events, stop), seen);
        let Some(outcomes) = outcomes.filter(|_| kept) else { return false };
        for (first, place, trail, span) in steps {
            let outcome = outcomes.get(place).copied();
            if outcome != Some(Outcome::Changed) {
                self.trails.rests(&first.lot, trail);
            }
            let outcome = outcome.map_or("none", word);
            span.in_scope(|| tracing::debug!(target: "yunpark::trail", outcome, "an observation was applied"));
        }
        self.tell(&read, &outcomes);
        self.hand.acknowledge(read.tickets);
        if let Some(newest) = read.newest {
            self.lag.applied(newest, self.clock.now());
        }
        true
    }

    /// What is told of a batch once it is applied, before it is acknowledged: metrics, and whatever else wants to know of
    /// observations, their outcomes and what sensors say of themselves. It must not wait.
    fn tell(&self, read: &Read, outcomes: &[Outcome]) {
        metrics::counter!("yunpark_ingest_messages_total").increment(read.messages as u64);
        count_outcomes(outcomes);
        count_words(&read.batch);
        if let Some(book) = &self.book {
            let doubted = read.batch.observations.iter().zip(outcomes);
            doubted.filter(|(_, outcome)| **outcome == Outcome::Quarantined).for_each(|(stated, _)| book.doubt(stated));
        }
    }

    /// Counts those who passed approaches.
    async fn see(&self, sightings: &[Sighting]) {
        if let Some(upstream) = &self.upstream {
            upstream.see(sightings, self.clock.now()).await;
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

    /// Applies observations, again and again while the engine cannot; `None` if the system stops first.
    async fn apply(
        &self,
        observations: &[Observation],
        followed: &[(usize, String)],
        stop: &CancellationToken,
    ) -> Option<Vec<Outcome>> {
        if observations.is_empty() {
            return Some(Vec::new());
        }
        let mut backoff = Backoff::default();
        loop {
            match self.engine.apply_followed(observations, followed).await {
                Ok(outcomes) => {
                    self.health.applied();
                    return Some(outcomes);
                }
                Err(error) => {
                    metrics::counter!("yunpark_ingest_apply_failures_total").increment(1);
                    self.health.not_applied(&error.to_string());
                    // At a stop the engine has had one more chance; the broker keeps the messages.
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return None,
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
        Outcome::Quarantined,
    ] {
        let count = outcomes.iter().filter(|&&other| other == outcome).count();
        if count > 0 {
            metrics::counter!("yunpark_observations_total", "outcome" => word(outcome)).increment(count as u64);
        }
    }
}

pub(super) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Changed => "changed",
        Outcome::Confirmed => "confirmed",
        Outcome::Late => "late",
        Outcome::UnknownLot => "unknown_lot",
        Outcome::UnknownSpace => "unknown_space",
        Outcome::Future => "future",
        Outcome::NotCounted => "not_counted",
        Outcome::Quarantined => "quarantined",
    }
}

fn count_words(batch: &Batch) {
    for word in &batch.words {
        let kind = match word.word {
            Word::Health(_) => "health",
            Word::Restart(_) => "restart",
            Word::Joined(_) => "join",
        };
        metrics::counter!("yunpark_sensor_words_total", "kind" => kind).increment(1);
    }
}
