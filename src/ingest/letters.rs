//! Refused messages on their way to the store: bounded and limited in the pipeline, written by a task beside it.
//!
//! A refused message is acknowledged once its dead letter is stored, or counted as dropped: when too many come at once, when
//! one source sends too many, or when the database does not take it within a moment. So nothing is refused without a trace,
//! and no refusal holds up the messages after it.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Error,
    mqtt::{Hand, Ticket},
    normalise::Refusal,
};
use crate::{
    clock::Clock,
    config,
    domain::{
        dead_letter::DeadLetter,
        time::{Instant, rfc3339},
    },
    store::{self, Db, dead_letters},
};

/// Where refused messages are told, followed by their kind.
pub const NOTICES: &str = "yunpark/v1/dead-letter/";

/// Letters between the pipeline and the store.
const QUEUE: usize = 1024;
/// Letters written in one transaction.
const AT_ONCE: usize = 256;
/// Sources whose letters of this minute are counted.
const SOURCES: usize = 4096;
/// Most characters of a topic that are kept.
const LONGEST_TOPIC: usize = 1024;
/// A burst of so many seconds' worth is let through.
const BURST_S: f64 = 10.0;
/// How long the database may take before letters are dropped and counted.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often old letters are dropped.
const TRIM_EVERY: Duration = Duration::from_secs(60);

/// A refused message.
pub(super) struct Letter {
    kept: DeadLetter,
    ticket: Option<Ticket>,
}

impl Letter {
    pub(super) fn new(
        topic: &str,
        payload: &[u8],
        payload_bytes: usize,
        refusal: &Refusal,
        received_at: Instant,
        ticket: Option<Ticket>,
    ) -> Self {
        let id = Sha256::new().chain_update(topic).chain_update([0]).chain_update(payload).finalize();
        let kept_topic: String = topic.replace('\0', "\u{fffd}").chars().take(LONGEST_TOPIC).collect();
        let is_whole = kept_topic == topic && payload.len() == payload_bytes;
        let kept = DeadLetter {
            id: hex::encode(&id[..12]),
            source: source(&kept_topic),
            topic: kept_topic,
            kind: refusal.kind().to_owned(),
            reason: refusal.to_string().replace('\0', "\u{fffd}"),
            payload: payload.to_vec(),
            payload_bytes: payload_bytes as u64,
            is_whole,
            first_at: received_at,
            received_at,
            seen: 1,
            replayed_at: None,
        };
        Self { kept, ticket }
    }
}

/// The device, space or lot a topic names; else the topic.
fn source(topic: &str) -> String {
    let levels: Vec<&str> = topic.split('/').collect();
    match levels[..] {
        ["application", _, "device", device, ..] | ["v3", _, "devices", device, ..] => device.to_owned(),
        ["yunpark", "v1", "space", lot, space, ..] => format!("{lot}/{space}"),
        ["yunpark", "v1", "lot" | "approach", subject, ..] => subject.to_owned(),
        _ => topic.to_owned(),
    }
}

/// The pipeline's side: takes letters as long as they are not too many.
pub(super) struct LetterBox {
    letters: Option<mpsc::Sender<Letter>>,
    payload_bytes: usize,
    per_source: u32,
    rate: Rate,
    sources: HashMap<u64, u32>,
    hasher: RandomState,
    minute: Option<Instant>,
}

impl LetterBox {
    /// Posts a letter. If it is dropped instead, it is counted, and its ticket comes back to be acknowledged at once.
    pub(super) fn post(&mut self, mut letter: Letter) -> Option<Ticket> {
        let Some(letters) = &self.letters else { return letter.ticket };
        let now = letter.kept.received_at;
        if self.minute.is_none_or(|minute| now - minute >= chrono::Duration::minutes(1)) {
            self.sources.clear();
            self.minute = Some(now);
        }
        let source = self.hasher.hash_one(&letter.kept.source);
        let known = self.sources.len() < SOURCES || self.sources.contains_key(&source);
        let of_source = if known { self.sources.entry(source).or_default() } else { &mut 0 };
        if *of_source >= self.per_source {
            return dropped("source", letter.ticket);
        }
        if !self.rate.admits(now) {
            return dropped("rate", letter.ticket);
        }
        *of_source += 1;
        if letter.kept.payload.len() > self.payload_bytes {
            letter.kept.payload.truncate(self.payload_bytes);
            letter.kept.is_whole = false;
        }
        match letters.try_send(letter) {
            Ok(()) => None,
            Err(full) => dropped("queue", full.into_inner().ticket),
        }
    }
}

fn dropped(why: &'static str, ticket: Option<Ticket>) -> Option<Ticket> {
    metrics::counter!("yunpark_dead_letters_dropped_total", "why" => why).increment(1);
    ticket
}

/// So many a second, with a burst.
struct Rate {
    per_s: f64,
    left: f64,
    at: Option<Instant>,
}

impl Rate {
    fn new(per_s: u32) -> Self {
        Self { per_s: per_s.into(), left: f64::from(per_s) * BURST_S, at: None }
    }

    fn admits(&mut self, now: Instant) -> bool {
        let since = self.at.map_or(0, |at| (now - at).num_milliseconds().max(0));
        self.at = Some(now);
        self.left = (self.left + since as f64 / 1000.0 * self.per_s).min(self.per_s * BURST_S);
        let admits = self.left >= 1.0;
        if admits {
            self.left -= 1.0;
        }
        admits
    }
}

/// Writes letters to the store, tells of them on [`NOTICES`], and acknowledges their messages.
pub struct Letters {
    posted: mpsc::Receiver<Letter>,
    hand: Hand,
    db: Option<Db>,
    config: config::DeadLetters,
    clock: Clock,
    notices: Rate,
}

/// Both ends. Without a database, or with room for no row, letters are counted by their refusal only.
pub(super) fn channel(config: &config::DeadLetters, db: Option<Db>, hand: Hand, clock: Clock) -> (LetterBox, Letters) {
    let (sender, letters) = mpsc::channel(QUEUE);
    let kept = db.is_some() && config.rows > 0;
    let post = LetterBox {
        letters: kept.then_some(sender),
        payload_bytes: config.payload_bytes,
        per_source: config.rows_per_source,
        rate: Rate::new(config.rate_per_s),
        sources: HashMap::new(),
        hasher: RandomState::new(),
        minute: None,
    };
    let notices = Rate::new(config.rate_per_s);
    (post, Letters { posted: letters, hand, db, config: config.clone(), clock, notices })
}

impl Letters {
    /// Runs until the pipeline is done and everything it posted is written; `stop` only ends the waiting.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let Some(db) = self.db.take().filter(|_| self.config.rows > 0) else {
            let Self { hand, .. } = self;
            // The door closes when the last hand is let go, and this one has nothing to do.
            std::mem::drop(hand);
            stop.cancelled().await;
            return Ok(());
        };
        let mut letters = Vec::new();
        let mut trim = tokio::time::interval(TRIM_EVERY);
        loop {
            tokio::select! {
                biased;
                taken = self.posted.recv_many(&mut letters, AT_ONCE) => {
                    if taken == 0 {
                        return Ok(());
                    }
                    self.settle(&db, &mut letters).await;
                }
                _ = trim.tick() => {
                    if let Err(error) = self.trim(&db).await {
                        tracing::warn!(error = %error, "old dead letters cannot be dropped now");
                    }
                }
            }
        }
    }

    async fn settle(&mut self, db: &Db, letters: &mut Vec<Letter>) {
        let stored = tokio::time::timeout(PATIENCE, store(db, letters, self.config.rows_per_source)).await;
        let fault = match stored {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the database takes too long".to_owned()),
        };
        if let Some(fault) = fault {
            metrics::counter!("yunpark_dead_letters_dropped_total", "why" => "store").increment(letters.len() as u64);
            tracing::error!(error = fault, letters = letters.len(), "refused messages could not be kept");
        } else {
            metrics::counter!("yunpark_dead_letters_total").increment(letters.len() as u64);
            for letter in letters.iter() {
                self.tell(&letter.kept);
            }
        }
        self.hand.acknowledge(letters.drain(..).filter_map(|letter| letter.ticket));
    }

    /// Tells of a letter, without its payload, which the store holds.
    fn tell(&mut self, letter: &DeadLetter) {
        if !self.notices.admits(letter.received_at) {
            return;
        }
        let notice = json!({
            "id": letter.id, "kind": letter.kind, "reason": letter.reason, "topic": letter.topic, "source": letter.source,
            "received_at": rfc3339(letter.received_at), "payload_bytes": letter.payload_bytes,
        });
        self.hand.notice(format!("{NOTICES}{}", letter.kind), Bytes::from(notice.to_string()));
    }

    async fn trim(&self, db: &Db) -> Result<(), store::Error> {
        let oldest = self.clock.now() - chrono::Duration::days(self.config.days.into());
        let mut tx = db.begin_write().await?;
        dead_letters::trim(&mut tx, self.config.rows, oldest).await?;
        tx.commit().await
    }
}

async fn store(db: &Db, letters: &[Letter], rows_per_source: u32) -> Result<(), store::Error> {
    let mut tx = db.begin_write().await?;
    let mut sources: Vec<&str> = letters.iter().map(|letter| letter.kept.source.as_str()).collect();
    for letter in letters {
        dead_letters::put(&mut tx, &letter.kept).await?;
    }
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        dead_letters::trim_source(&mut tx, source, rows_per_source).await?;
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(topic: &str, payload: &[u8], at_s: i64) -> Letter {
        let at = Instant::UNIX_EPOCH + chrono::Duration::seconds(at_s);
        Letter::new(topic, payload, payload.len(), &Refusal::UnknownDevice, at, None)
    }

    #[test]
    fn a_letter_names_its_device_and_is_known_by_its_content() {
        let up = "application/a/device/70b3/event/up";
        let kept = letter(up, b"{}", 0).kept;
        assert_eq!((kept.source.as_str(), kept.kind.as_str(), kept.is_whole), ("70b3", "unknown_device", true));
        assert_eq!(kept.id, letter(up, b"{}", 9).kept.id);
        assert_ne!(kept.id, letter(up, b"{ }", 0).kept.id);
        assert_eq!(source("v3/a@t/devices/bay-7/up"), "bay-7");
        assert_eq!(source("yunpark/v1/space/L1/S1/state"), "L1/S1");
        assert_eq!(source("yunpark/v1/lot/L1/count"), "L1");
        assert_eq!(source("else/where"), "else/where");
        let long = "x".repeat(LONGEST_TOPIC + 1);
        assert!(!letter(&long, b"", 0).kept.is_whole, "a topic that was cut cannot be published on again");
    }

    #[tokio::test]
    async fn neither_one_source_nor_all_together_post_too_much() {
        let settings = config::DeadLetters { rows: 10, rows_per_source: 3, days: 1, payload_bytes: 4, rate_per_s: 2 };
        let (sender, mut posted) = mpsc::channel(QUEUE);
        let mut post = LetterBox {
            letters: Some(sender),
            payload_bytes: settings.payload_bytes,
            per_source: settings.rows_per_source,
            rate: Rate::new(settings.rate_per_s),
            sources: HashMap::new(),
            hasher: RandomState::new(),
            minute: None,
        };
        for n in 0..10 {
            post.post(letter("yunpark/v1/lot/L1/count", format!("{n}").as_bytes(), 0));
        }
        assert_eq!(posted.len(), 3, "one source has its share");
        for n in 0..100 {
            post.post(letter(&format!("yunpark/v1/lot/M{n}/count"), b"{}", 0));
        }
        assert_eq!(posted.len(), 20, "a burst is bounded");
        post.post(letter("yunpark/v1/lot/N/count", b"12345", 1));
        assert_eq!(posted.len(), 21, "a second later there is room again");
        let mut last = None;
        while let Ok(letter) = posted.try_recv() {
            last = Some(letter.kept);
        }
        let last = last.unwrap();
        assert_eq!((last.payload.as_slice(), last.payload_bytes, last.is_whole), (&b"1234"[..], 5, false));
    }
}
