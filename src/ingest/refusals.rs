//! Refused messages: each is counted, and the first of each kind and source within an hour is logged.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use chrono::Duration;

use super::normalise::Refusal;
use crate::domain::time::Instant;

/// Most kinds and sources remembered, and so most lines logged within an hour.
const REMEMBERED: usize = 1024;
/// Most characters of a topic that are logged.
const LONGEST_TOPIC: usize = 160;

/// What has been logged already, bounded so that made-up topics fill neither the memory nor the log.
#[derive(Debug, Default)]
pub struct Refusals {
    logged: HashSet<u64>,
    since: Option<Instant>,
    hasher: RandomState,
}

impl Refusals {
    /// Counts a refusal; whether it was logged too. Of the payload nothing is told but its length.
    pub fn note(&mut self, refusal: &Refusal, topic: &str, payload_bytes: usize, now: Instant) -> bool {
        let kind = refusal.kind();
        metrics::counter!("yunpark_ingest_refused_total", "kind" => kind).increment(1);
        if self.since.is_none_or(|since| now - since >= Duration::hours(1)) {
            self.logged.clear();
            self.since = Some(now);
        }
        let news = self.logged.len() < REMEMBERED && self.logged.insert(self.hasher.hash_one((kind, topic)));
        if news {
            let topic: String = topic.chars().take(LONGEST_TOPIC).collect();
            tracing::warn!(
                mqtt.topic = ?topic,
                payload.bytes = payload_bytes,
                refusal.kind = kind,
                error = %refusal,
                "a message was refused; more of its kind from this topic are only counted"
            );
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_once_an_hour_for_each_source() {
        let (mut refusals, now) = (Refusals::default(), Instant::UNIX_EPOCH);
        assert!(refusals.note(&Refusal::UnknownLot, "yunpark/v1/lot/X/count", 12, now));
        assert!(!refusals.note(&Refusal::UnknownLot, "yunpark/v1/lot/X/count", 12, now));
        assert!(refusals.note(&Refusal::UnknownLot, "yunpark/v1/lot/Y/count", 12, now));
        assert!(refusals.note(&Refusal::UnknownSpace, "yunpark/v1/lot/X/count", 12, now));
        assert!(refusals.note(&Refusal::UnknownLot, "yunpark/v1/lot/X/count", 12, now + Duration::hours(1)));
    }

    #[test]
    fn made_up_topics_fill_neither_memory_nor_log() {
        let (mut refusals, now) = (Refusals::default(), Instant::UNIX_EPOCH);
        let told = (0..10_000).filter(|n| refusals.note(&Refusal::UnknownDevice, &format!("x/{n}"), 0, now)).count();
        assert_eq!(told, REMEMBERED);
        assert_eq!(refusals.logged.len(), REMEMBERED);
    }
}
