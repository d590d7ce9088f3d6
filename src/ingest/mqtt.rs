//! The sensors' connection to the broker: it takes messages off the wire into a bounded queue, and does nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use rumqttc::{AsyncClient, Event, EventLoop, Packet, Publish, QoS, SubscribeFilter};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Error, health::Teller};
use crate::{
    clock::Clock,
    config,
    domain::time::Instant,
    mqtt::{Backoff, connect, drain, granted, options},
};

/// What sensors publish on.
pub const FILTERS: &[&str] = &[
    "yunpark/v1/space/+/+/state",
    "yunpark/v1/lot/+/passage",
    "yunpark/v1/lot/+/count",
    "application/+/device/+/event/up",
    "application/+/device/+/event/join",
    "application/+/device/+/event/status",
    "application/+/device/+/event/log",
    "v3/+/devices/+/up",
    "v3/+/devices/+/join",
    "spBv1.0/+/NBIRTH/+",
    "spBv1.0/+/NDATA/+",
    "spBv1.0/+/NDEATH/+",
    "spBv1.0/+/DBIRTH/+/+",
    "spBv1.0/+/DDATA/+/+",
    "spBv1.0/+/DDEATH/+/+",
    "axis/+/event/#",
    "milesight/+/event",
];

/// A session has at most 65,535 messages unacknowledged, so that many acknowledgements and a few requests always find room
/// and nobody ever waits for it. The room is taken only when it is used.
const REQUESTS: usize = 65_535 + 64;

/// A message as it was taken off the wire.
#[derive(Debug)]
pub(super) struct Message {
    /// Topic, payload and packet id; the payload of an oversized message is already let go.
    pub(super) publish: Publish,
    pub(super) received_at: Instant,
    /// The payload's length if it is above the limit.
    pub(super) oversized: Option<usize>,
    /// The connection it came over.
    connection: u64,
}

/// The pipeline's side of the connection: messages to take and to acknowledge.
pub(super) struct Hand {
    pub(super) queue: mpsc::Receiver<Message>,
    client: AsyncClient,
    connection: Arc<AtomicU64>,
    /// Dropped, and so cancelled, when the pipeline is done: then the door may close.
    _done: tokio_util::sync::DropGuard,
}

impl Hand {
    /// Acknowledges a message, if the connection it came over still stands. A packet id may mean another message on the
    /// next connection, where the broker sends this one again; applying it twice changes nothing.
    pub(super) fn acknowledge(&self, message: &Message) {
        if message.connection == self.connection.load(Ordering::Acquire)
            && self.client.try_ack(&message.publish).is_err()
        {
            metrics::counter!("yunpark_ingest_unacknowledged_total").increment(1);
        }
    }

    /// Publishes at QoS 0, if there is room and a connection.
    pub(super) fn notice(&self, topic: String, payload: Bytes) {
        // Who does not hear it is asked again.
        let _ = self.client.try_publish(topic, QoS::AtMostOnce, false, payload);
    }

    /// Says goodbye behind the last acknowledgement.
    pub(super) fn goodbye(&self) {
        // If it finds no room the door closes without it, and the broker notices by itself.
        let _ = self.client.try_disconnect();
    }
}

/// The sensors' connection to the broker.
///
/// It polls the connection and hands messages on, nothing more. When the queue is full it stops polling, so that TCP holds
/// the broker back; messages at QoS 1 stay in the broker's session. If that lasts longer than the keep-alive the broker
/// ends the connection, and sends again what was not acknowledged on the next one.
pub struct Door {
    client: AsyncClient,
    events: EventLoop,
    queue: mpsc::Sender<Message>,
    connection: Arc<AtomicU64>,
    done: CancellationToken,
    max_payload_bytes: usize,
    clock: Clock,
    health: Teller,
}

impl Door {
    pub(super) fn new(config: &config::Mqtt, clock: Clock, health: Teller) -> Result<(Self, Hand), Error> {
        let mut options = options(config, &config.client_id)?;
        options.set_manual_acks(true);
        let (client, events) = connect(options, REQUESTS);
        let (sender, queue) = mpsc::channel(config.queue);
        let (connection, done) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
        let hand =
            Hand { queue, client: client.clone(), connection: connection.clone(), _done: done.clone().drop_guard() };
        let max_payload_bytes = config.max_packet_bytes;
        Ok((Self { client, events, queue: sender, connection, done, max_payload_bytes, clock, health }, hand))
    }

    /// Keeps the connection until `stop` and until the pipeline has acknowledged what it had in hand.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let mut backoff = Backoff::default();
        while !self.done.is_cancelled() {
            let event = tokio::select! {
                biased;
                () = self.done.cancelled() => break,
                event = self.events.poll() => event,
            };
            match event {
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    // After `stop` nothing more is taken; the broker keeps it for the next start.
                    if !stop.is_cancelled() {
                        self.hand_on(publish, &stop).await;
                    }
                }
                Ok(Event::Incoming(packet)) => self.take(&packet, &mut backoff),
                Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => return Ok(()),
                Ok(Event::Outgoing(_)) => {}
                Err(error) => {
                    self.health.disconnected(&error.to_string());
                    // Acknowledgements of what came over the dead connection, and messages of it that were read and not
                    // handed on, must not count for the next: there a packet id may mean another message.
                    self.connection.fetch_add(1, Ordering::AcqRel);
                    self.events.state.events.clear();
                    tokio::select! {
                        () = self.done.cancelled() => {}
                        () = tokio::time::sleep(backoff.wait()) => {}
                    }
                }
            }
        }
        // Nobody takes messages any more: what is left is to flush the last acknowledgements.
        drain(&mut self.events).await;
        Ok(())
    }

    async fn hand_on(&mut self, mut publish: Publish, stop: &CancellationToken) {
        let bytes = publish.payload.len();
        let oversized = (bytes > self.max_payload_bytes).then_some(bytes);
        if oversized.is_some() {
            publish.payload = Bytes::new();
        }
        let connection = self.connection.load(Ordering::Acquire);
        let message = Message { publish, received_at: self.clock.now(), oversized, connection };
        tokio::select! {
            // The pipeline is gone only when the system is stopping; the message stays unacknowledged.
            _ = self.queue.send(message) => {}
            () = stop.cancelled() => {}
        }
    }

    fn take(&mut self, packet: &Packet, backoff: &mut Backoff) {
        match packet {
            Packet::ConnAck(ack) => {
                backoff.reset();
                self.connection.fetch_add(1, Ordering::AcqRel);
                tracing::info!(mqtt.session_present = ack.session_present, "connected to the broker");
                // The broker may have lost the session, so the subscriptions are made again each time.
                let filters = FILTERS.iter().map(|&filter| SubscribeFilter::new(filter.to_owned(), QoS::AtLeastOnce));
                if self.client.try_subscribe_many(filters).is_err() {
                    self.health.disconnected("the subscription found no room in the queue");
                }
            }
            Packet::SubAck(ack) if granted(&ack.return_codes) => self.health.connected(),
            Packet::SubAck(_) => self.health.disconnected("the broker refused a subscription"),
            _ => {}
        }
    }
}
