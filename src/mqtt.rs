//! The connection to the broker: address, session, backing off, and the connection that signs are told over.
//!
//! Sensors' messages come over a connection of their own (`ingest`), which stops reading when the engine behind it cannot
//! keep up. Signs must hear from us just then, so they are told over this second one ([`Link`]).

pub(crate) mod line;
pub mod password;
mod session;

use std::time::Duration;

use bytes::Bytes;
use rumqttc::{Event, MqttOptions, Packet, QoS, SubscribeFilter, SubscribeReasonCode};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use self::line::{Broker, address};
pub use self::session::{Client, Fault, Session};
use crate::{clock, config};

/// Topics of signs' acknowledgements.
pub const SIGN_ACKS: &str = "yunpark/v1/sign/+/ack";

/// The longest packet MQTT knows. The client takes every one of them: a packet above the client's own limit would end the
/// connection, be sent again, and end it again for ever. Long messages are refused one by one instead; keep the broker's
/// own limit low.
const LONGEST_PACKET: usize = 268_435_460;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Publishes held while the broker is away; a full queue is told to the publisher.
const PUBLISH_QUEUE: usize = 4096;

/// Why there is no connection to speak of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The address is not `host:port`.
    #[error("mqtt.url: {address:?} is neither mqtt://host:port nor mqtts://host:port")]
    Address {
        /// The address as configured.
        address: String,
    },
    /// The certificates that were named are of no use.
    #[error("mqtt: {reason}")]
    Tls {
        /// Which file, and why.
        reason: String,
    },
    /// What may not be published on.
    #[error("{topic:?} is no topic to publish on")]
    Topic {
        /// The topic.
        topic: String,
    },
    /// Too much waits to be published already.
    #[error("too many messages wait to be published")]
    Backlog,
    /// The connection's task has ended.
    #[error("the connection to the broker is closed")]
    Closed,
}

/// How a connection to the broker is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Connected and subscribed.
    pub connected: bool,
    /// What went wrong last, while it has not come right.
    pub fault: Option<String>,
}

/// The options all connections share: a persistent session, so that the broker keeps what comes while we are away.
pub fn options(config: &config::Mqtt, client_id: &str) -> Result<MqttOptions, Error> {
    let (host, port) = address(config)?;
    let mut options = MqttOptions::new(client_id, host, port);
    options.set_clean_session(false).set_keep_alive(KEEP_ALIVE).set_max_packet_size(LONGEST_PACKET, LONGEST_PACKET);
    if !config.username.is_empty() {
        options.set_credentials(config.username.as_str(), config.password.reveal());
    }
    Ok(options)
}

/// A session at the configured broker and who asks in it; `queue` requests may wait to be sent.
pub fn connect(config: &config::Mqtt, options: MqttOptions, queue: usize) -> Result<(Client, Session), Error> {
    Ok(session::session(options, Broker::of(config)?, queue))
}

/// Whether the broker granted every filter of a subscription.
pub fn granted(codes: &[SubscribeReasonCode]) -> bool {
    !codes.contains(&SubscribeReasonCode::Failure)
}

/// Waits that double from 100 ms to 10 s, each shortened by chance so that nodes do not come back all at once.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait.
    pub fn wait(&mut self) -> Duration {
        let full_ms = (100_u64 << self.failures.min(7)).min(10_000);
        self.failures = self.failures.saturating_add(1);
        // Without randomness the wait is the whole one.
        let chance = clock::random_bytes::<1>().map_or(255, |[byte]| u64::from(byte));
        Duration::from_millis(full_ms / 2 + full_ms / 2 * chance / 255)
    }

    /// It works again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Publishes; clones share one connection.
#[derive(Debug, Clone)]
pub struct Publisher {
    client: Client,
}

impl Publisher {
    /// Queues a retained message at QoS 1, without waiting. It may still be lost with the broker: the receiver's
    /// acknowledgement tells, not this.
    pub fn publish_retained(&self, topic: &str, payload: Bytes) -> Result<(), Error> {
        self.client.try_publish(topic, QoS::AtLeastOnce, true, payload)
    }
}

/// The connection that signs are told over; it hands on what comes on its filters.
pub struct Link {
    client: Client,
    events: Session,
    filters: Vec<String>,
    deliver: mpsc::Sender<(String, Bytes)>,
    max_payload_bytes: usize,
    state: watch::Sender<LinkState>,
}

impl Link {
    /// A connection with the session `<mqtt.client_id>-signs`. What comes on `filters` is given to `deliver` as topic and
    /// payload; what finds it full is dropped and counted.
    pub fn new(
        config: &config::Mqtt,
        filters: &[&str],
        deliver: mpsc::Sender<(String, Bytes)>,
    ) -> Result<(Self, Publisher, watch::Receiver<LinkState>), Error> {
        Self::named("signs", config, filters, deliver)
    }

    /// The same with the session `<mqtt.client_id>-<name>`.
    pub fn named(
        name: &str,
        config: &config::Mqtt,
        filters: &[&str],
        deliver: mpsc::Sender<(String, Bytes)>,
    ) -> Result<(Self, Publisher, watch::Receiver<LinkState>), Error> {
        let (client, events) =
            connect(config, options(config, &format!("{}-{name}", config.client_id))?, PUBLISH_QUEUE)?;
        let (state, watched) = watch::channel(LinkState::default());
        let publisher = Publisher { client: client.clone() };
        let filters = filters.iter().map(|&filter| filter.to_owned()).collect();
        let link = Self { client, events, filters, deliver, max_payload_bytes: config.max_packet_bytes, state };
        Ok((link, publisher, watched))
    }

    /// Keeps the connection until `stop`, then publishes what is queued and says goodbye.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let mut backoff = Backoff::default();
        loop {
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                event = self.events.poll() => event,
            };
            match event {
                Ok(Event::Incoming(packet)) => self.take(packet, &mut backoff),
                Ok(Event::Outgoing(_)) => {}
                Err(error) => {
                    self.fail(error.to_string());
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(backoff.wait()) => {}
                    }
                }
            }
        }
        if self.state.borrow().connected && self.client.try_disconnect().is_ok() {
            drain(&mut self.events).await;
        }
        Ok(())
    }

    fn take(&mut self, packet: Packet, backoff: &mut Backoff) {
        match packet {
            Packet::ConnAck(_) => {
                backoff.reset();
                self.subscribe();
            }
            Packet::SubAck(ack) if granted(&ack.return_codes) => {
                self.state.send_replace(LinkState { connected: true, fault: None });
            }
            Packet::SubAck(_) => self.fail("the broker refused a subscription".to_owned()),
            Packet::Publish(publish) => self.hand_on(publish.topic, publish.payload),
            _ => {}
        }
    }

    fn subscribe(&self) {
        let filters = self.filters.iter().map(|f| SubscribeFilter::new(f.clone(), QoS::AtLeastOnce));
        if self.client.try_subscribe_many(filters).is_err() {
            self.fail("the subscription found no room in the queue".to_owned());
        }
    }

    fn hand_on(&self, topic: String, payload: Bytes) {
        if payload.len() > self.max_payload_bytes || self.deliver.try_send((topic, payload)).is_err() {
            metrics::counter!("yunpark_mqtt_dropped_total").increment(1);
        }
    }

    fn fail(&self, fault: String) {
        let state = LinkState { connected: false, fault: Some(fault) };
        self.state.send_if_modified(|current| {
            let news = *current != state;
            if news {
                tracing::warn!(error = state.fault, "the signs' connection to the broker is ill");
                *current = state;
            }
            news
        });
    }
}

/// Polls until the goodbye is sent, the connection fails, or a second has passed.
pub async fn drain(events: &mut Session) {
    let goodbye = async {
        while let Ok(event) = events.poll().await {
            if matches!(event, Event::Outgoing(rumqttc::Outgoing::Disconnect)) {
                break;
            }
        }
    };
    // The broker keeps what is not acknowledged, so there is nothing to save after that.
    let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> config::Mqtt {
        config::Mqtt { url: url.to_owned(), ..config::Config::load(None).unwrap().mqtt }
    }

    #[test]
    fn waits_grow_to_ten_seconds_and_start_again_after_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..20).map(|_| backoff.wait()).collect();
        assert!(waits[0] <= Duration::from_millis(100));
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(10)));
        assert!(waits[19] >= Duration::from_secs(5));
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_millis(100));
    }

    #[tokio::test]
    async fn a_publisher_never_waits_and_tells_when_too_much_is_queued() {
        let (deliver, _acks) = mpsc::channel(1);
        let (_link, publisher, state) = Link::new(&config("mqtt://127.0.0.1:1"), &[SIGN_ACKS], deliver).unwrap();
        let mut published = 0;
        let error = loop {
            match publisher.publish_retained("yunpark/v1/sign/V1/panel/P1/set", Bytes::from_static(b"{}")) {
                Ok(()) => published += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((published, error), (PUBLISH_QUEUE, Error::Backlog));
        assert!(!state.borrow().connected);
    }
}
