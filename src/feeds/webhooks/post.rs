//! The post: writes news into the store for each subscriber, and delivers it in order, each subscriber for itself.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{News, news::messages, sign};
use crate::{
    clock::{Clock, new_id},
    config::Subscriber,
    domain::time::Instant,
    feeds::{Press, sources::Sources, sources::fetch::Fetcher},
    signboard::SignBoard,
    store::{self, Db, webhooks::Message},
};

/// News is gathered this long before it is written.
const GATHER: Duration = Duration::from_secs(1);
/// Longest wait for a subscriber's answer, milliseconds.
const TIMEOUT_MS: u64 = 15_000;
/// A message is given up after so many tries: about a day and a half.
const MAX_TRIES: u32 = 18;
/// Most messages that wait for one subscriber; the oldest are given up.
const MAX_WAITING: u32 = 1000;
/// First pause before a message is tried again, and the longest, seconds.
const PAUSES_S: (u64, u64) = (2, 4 * 3600);
/// Messages that ended are kept this long.
const KEPT: chrono::Duration = chrono::Duration::days(14);
/// How often a subscriber is looked after where nobody rings.
const LOOK: Duration = Duration::from_secs(5);

/// The pause after a number of tries.
pub fn pause(tries: u32) -> Duration {
    let (first, longest) = PAUSES_S;
    Duration::from_secs(first.saturating_mul(1 << tries.saturating_sub(1).min(20)).min(longest))
}

/// The post.
pub struct Post {
    subscribers: BTreeMap<String, Subscriber>,
    press: Arc<Press>,
    signs: Arc<SignBoard>,
    sources: Arc<Sources>,
    db: Db,
    fetcher: Fetcher,
    clock: Clock,
    bell: Notify,
}

impl Post {
    /// A post for the configured subscribers.
    pub fn new(
        subscribers: BTreeMap<String, Subscriber>,
        (press, signs, sources): (Arc<Press>, Arc<SignBoard>, Arc<Sources>),
        (db, fetcher): (Db, Fetcher),
        clock: Clock,
    ) -> Self {
        Self { subscribers, press, signs, sources, db, fetcher, clock, bell: Notify::new() }
    }

    /// Writes and delivers until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), Infallible> {
        let deliver = join_all(self.subscribers.iter().map(|(name, subscriber)| self.deliver(name, subscriber)));
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.gather() => {}
            _ = deliver => stop.cancelled().await,
        }
        Ok(())
    }

    /// Lets a message be sent once more; `false` if there is none such that ended.
    pub async fn replay(&self, id: &str) -> Result<bool, store::Error> {
        let replayed = store::webhooks::replay(&self.db, id, self.clock.now()).await?;
        self.bell.notify_waiters();
        Ok(replayed)
    }

    async fn gather(&self) {
        if self.subscribers.is_empty() {
            return std::future::pending().await;
        }
        let mut news = News::default();
        // What could not be written is written with what comes next, for the newest word of a lot stands for all before.
        let mut owed: BTreeMap<&str, Vec<(&'static str, String)>> = BTreeMap::new();
        let mut forgotten_at: Option<Instant> = None;
        loop {
            tokio::time::sleep(GATHER).await;
            let picture = self.press.picture();
            let sources = self.sources.states().into_iter().map(|(name, state)| (name, state.ill)).collect();
            let issue = news.issue(&picture, &self.signs, &sources);
            for (name, subscriber) in &self.subscribers {
                let mut letters = owed.remove(name.as_str()).unwrap_or_default();
                letters.extend(messages(&issue, &picture, &self.press.settings().city, subscriber));
                let mut left = Vec::new();
                for (kind, body) in letters {
                    if let Err(error) = self.write(name, kind, &body).await {
                        tracing::warn!(%error, subscriber = name, "a message to a subscriber cannot be written yet");
                        left.push((kind, body));
                    }
                }
                // The store has been away for long: the oldest are dropped and counted.
                let over = left.len().saturating_sub(MAX_WAITING as usize);
                metrics::counter!("yunpark_webhook_dropped_total").increment(over as u64);
                left.drain(..over);
                if !left.is_empty() {
                    owed.insert(name, left);
                }
            }
            self.bell.notify_waiters();
            let now = self.clock.now();
            if forgotten_at.is_none_or(|at| now - at > chrono::Duration::hours(1)) {
                forgotten_at = Some(now);
                if let Err(error) = store::webhooks::forget(&self.db, now - KEPT).await {
                    tracing::warn!(%error, "old messages to subscribers cannot be forgotten yet");
                }
            }
        }
    }

    async fn write(&self, subscriber: &str, kind: &str, body: &str) -> Result<(), store::Error> {
        let now = self.clock.now();
        let message = Message {
            id: format!("msg_{}", new_id()),
            subscriber: subscriber.to_owned(),
            kind: kind.to_owned(),
            body: body.to_owned(),
            state: "waiting".to_owned(),
            tries: 0,
            next_at: now,
            created_at: now,
            ended_at: None,
            reason: None,
        };
        let given_up = store::webhooks::add(&self.db, &message, MAX_WAITING).await?;
        if given_up > 0 {
            metrics::counter!("yunpark_webhook_given_up_total").increment(given_up);
        }
        Ok(())
    }

    /// Delivers to one subscriber for good: the oldest first, and none before it is through or given up.
    async fn deliver(&self, name: &str, subscriber: &Subscriber) {
        loop {
            let rung = self.bell.notified();
            match store::webhooks::next(&self.db, name).await {
                Ok(Some(message)) => {
                    let wait = (message.next_at - self.clock.now()).to_std().unwrap_or_default();
                    if wait.is_zero() {
                        self.send(subscriber, message).await;
                    } else {
                        tokio::time::sleep(wait.min(LOOK)).await;
                    }
                }
                Ok(None) => {
                    let _ = tokio::time::timeout(LOOK, rung).await;
                }
                Err(error) => {
                    tracing::warn!(%error, subscriber = name, "messages to a subscriber cannot be read yet");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    async fn send(&self, subscriber: &Subscriber, mut message: Message) {
        let signed = sign(subscriber.secret.reveal(), &message.id, self.clock.now().timestamp(), &message.body);
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", signed.id.as_str()),
            ("webhook-timestamp", signed.timestamp.as_str()),
            ("webhook-signature", signed.signature.as_str()),
        ];
        let answered = self.fetcher.post(&subscriber.url, &headers, message.body.clone(), TIMEOUT_MS).await;
        let now = self.clock.now();
        message.tries += 1;
        let is_gone = matches!(answered, Ok(410));
        let reason = match answered {
            Ok(status) if (200..300).contains(&status) => None,
            Ok(status) => Some(format!("it answers with status {status}")),
            Err(ill) => Some(ill.to_string()),
        };
        let outcome = match &reason {
            None => "sent",
            Some(_) if is_gone || message.tries >= MAX_TRIES => "dead",
            Some(_) => "waiting",
        };
        metrics::counter!("yunpark_webhook_tries_total", "outcome" => outcome).increment(1);
        outcome.clone_into(&mut message.state);
        message.reason = reason;
        message.next_at = now + chrono::Duration::from_std(pause(message.tries)).unwrap_or_default();
        message.ended_at = (outcome != "waiting").then_some(now);
        if outcome == "dead" {
            tracing::warn!(subscriber = message.subscriber, message.id = message.id, "a message was given up");
        }
        if let Err(error) = store::webhooks::note(&self.db, &message).await {
            // It is sent once more then; its id tells the subscriber so.
            tracing::warn!(%error, "what became of a message cannot be written yet");
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_below_two_days() {
        assert_eq!([1, 2, 3].map(|tries| pause(tries).as_secs()), [2, 4, 8]);
        let all: Vec<u64> = (1..MAX_TRIES).map(|tries| pause(tries).as_secs()).collect();
        assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
        let hours = all.iter().sum::<u64>() / 3600;
        assert!((10..48).contains(&hours), "{hours} hours in all");
    }
}
