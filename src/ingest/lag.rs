//! How far the door is behind, and what the broker tells of its own queues: for metrics, readiness and an alarm.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use chrono::Duration;

use crate::domain::time::{Instant, rfc3339, to_micros};

/// How long an alarm stands after the broker dropped something last.
const ALARM_STANDS: Duration = Duration::minutes(10);

/// How far the door is behind; shared by the door, the pipeline and readiness.
#[derive(Debug, Default)]
pub struct Lag {
    /// Age of the newest message acknowledged last, microseconds.
    age_us: AtomicI64,
    /// Messages between the socket and the engine.
    queued: AtomicU64,
    /// Messages taken and not yet acknowledged.
    in_hand: AtomicU64,
    broker: Mutex<Broker>,
}

/// What the broker said last.
#[derive(Debug, Default)]
struct Broker {
    dropped: Option<u64>,
    alarm: Option<Alarm>,
}

/// Messages the broker dropped.
#[derive(Debug, Clone, Copy)]
struct Alarm {
    since: Instant,
    last: Instant,
    messages: u64,
}

impl Lag {
    /// A new connection: the broker sends again whatever was in hand.
    pub(super) fn connected(&self) {
        self.in_hand.store(0, Relaxed);
    }

    pub(super) fn taken(&self, messages: usize) {
        self.in_hand.fetch_add(messages as u64, Relaxed);
        metrics::gauge!("yunpark_ingest_in_hand").set(self.in_hand.load(Relaxed) as f64);
    }

    pub(super) fn acknowledged(&self, messages: usize) {
        let fewer = |before: u64| Some(before.saturating_sub(messages as u64));
        // The closure always gives a value.
        let _ = self.in_hand.fetch_update(Relaxed, Relaxed, fewer);
        metrics::gauge!("yunpark_ingest_in_hand").set(self.in_hand.load(Relaxed) as f64);
    }

    /// Messages taken and not yet acknowledged.
    pub(super) fn in_hand(&self) -> u64 {
        self.in_hand.load(Relaxed)
    }

    /// How many messages wait behind the batch that is being applied.
    pub(super) fn queued(&self, messages: usize) {
        self.queued.store(messages as u64, Relaxed);
        metrics::gauge!("yunpark_ingest_queued").set(messages as f64);
    }

    /// A batch took effect: when its newest message came.
    pub(super) fn applied(&self, newest: Instant, now: Instant) {
        let age_us = (to_micros(now) - to_micros(newest)).max(0);
        self.age_us.store(age_us, Relaxed);
        metrics::gauge!("yunpark_ingest_lag_seconds").set(age_us as f64 / 1e6);
    }

    /// The broker tells of itself.
    pub(super) fn broker_says(&self, topic: &[u8], payload: &[u8], now: Instant) {
        let Some(value) = std::str::from_utf8(payload).ok().and_then(|text| text.trim().parse::<u64>().ok()) else {
            return;
        };
        match topic {
            b"$SYS/broker/publish/messages/dropped" => self.dropped(value, now),
            b"$SYS/broker/store/messages/count" => {
                metrics::gauge!("yunpark_broker_messages_stored").set(value as f64);
            }
            b"$SYS/broker/clients/connected" => {
                metrics::gauge!("yunpark_broker_clients_connected").set(value as f64);
            }
            b"$SYS/broker/clients/disconnected" => {
                metrics::gauge!("yunpark_broker_clients_disconnected").set(value as f64);
            }
            _ => {}
        }
    }

    fn dropped(&self, total: u64, now: Instant) {
        let mut broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
        // What was dropped before we listened is not news; a broker that counts from less has started again.
        let before = broker.dropped.replace(total).unwrap_or(total);
        let new = if total < before { total } else { total - before };
        if new == 0 {
            return;
        }
        let since = broker.alarm.filter(|alarm| now - alarm.last <= ALARM_STANDS);
        let (since, messages) = since.map_or((now, 0), |alarm| (alarm.since, alarm.messages));
        broker.alarm = Some(Alarm { since, last: now, messages: messages + new });
        metrics::counter!("yunpark_broker_dropped_total").increment(new);
        tracing::warn!(
            broker.dropped = new,
            "the broker dropped messages, also acknowledged ones: raise its queue limits, or add a node to the group"
        );
    }

    /// One line for readiness.
    pub fn told(&self, now: Instant) -> String {
        let (age_us, queued, in_hand) =
            (self.age_us.load(Relaxed), self.queued.load(Relaxed), self.in_hand.load(Relaxed));
        let line = format!(
            "{queued} messages queued, {in_hand} unacknowledged, the last took {}.{:03} ms",
            age_us / 1000,
            age_us % 1000
        );
        let alarm = self.broker.lock().unwrap_or_else(PoisonError::into_inner).alarm;
        match alarm.filter(|alarm| now - alarm.last <= ALARM_STANDS) {
            Some(Alarm { since, messages, .. }) => {
                format!("{line}; ALARM: the broker dropped {messages} messages since {}", rfc3339(since))
            }
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DROPPED: &[u8] = b"$SYS/broker/publish/messages/dropped";

    #[test]
    fn drops_of_before_are_no_news_and_new_ones_are_an_alarm_for_a_while() {
        let (lag, now) = (Lag::default(), Instant::UNIX_EPOCH);
        lag.broker_says(DROPPED, b"7", now);
        assert!(!lag.told(now).contains("ALARM"));
        lag.broker_says(DROPPED, b"10", now);
        lag.broker_says(DROPPED, b"12", now + Duration::minutes(1));
        let told = lag.told(now + Duration::minutes(2));
        assert!(told.contains("dropped 5 messages since 1970-01-01T00:00:00"), "{told}");
        assert!(!lag.told(now + Duration::minutes(12)).contains("ALARM"));
        // The broker started again and counts from zero.
        lag.broker_says(DROPPED, b"2", now + Duration::minutes(20));
        assert!(lag.told(now + Duration::minutes(20)).contains("dropped 2 messages"));
        lag.broker_says(DROPPED, b"many", now);
    }

    #[test]
    fn what_is_in_hand_is_counted_for_this_connection_only() {
        let lag = Lag::default();
        lag.taken(3);
        lag.acknowledged(1);
        lag.queued(2);
        lag.applied(Instant::UNIX_EPOCH, Instant::UNIX_EPOCH + Duration::microseconds(1500));
        assert_eq!(lag.told(Instant::UNIX_EPOCH), "2 messages queued, 2 unacknowledged, the last took 1.500 ms");
        lag.connected();
        lag.acknowledged(2);
        assert!(lag.told(Instant::UNIX_EPOCH).contains(" 0 unacknowledged"));
    }
}
