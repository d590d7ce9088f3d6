//! The sensors' connection to the broker: it takes messages off the wire into a bounded queue, sends acknowledgements in
//! bulk, and does nothing else.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::QoS;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::{
    Error,
    health::Teller,
    lag::Lag,
    wire::{self, Hello, KEEP_ALIVE_S, Packet, Publish, Version},
};
use crate::{
    clock::Clock,
    config::{self, MqttVersion},
    domain::time::Instant,
    mqtt::{
        Backoff,
        line::{Broker, Stream, told},
    },
};

/// What sensors publish on, and the nodes of a group may split between them.
pub const FILTERS: &[&str] = &[
    "yunpark/v1/space/+/+/state",
    "yunpark/v1/lot/+/count",
    "application/+/device/+/event/up",
    "application/+/device/+/event/join",
    "application/+/device/+/event/status",
    "application/+/device/+/event/log",
    "v3/+/devices/+/up",
    "v3/+/devices/+/join",
    "axis/+/event/#",
    "milesight/+/event",
    "hikvision/+/alert",
];

/// What every node takes in full even in a group: here the order of one sender's messages carries meaning (passages without
/// numbers, a Sparkplug birth before its data), and a group would let a later one overtake an earlier one. What a second
/// node takes as well is a duplicate, and changes nothing.
pub const UNSHARED: &[&str] = &[
    "yunpark/v1/lot/+/passage",
    "yunpark/v1/approach/+/passage",
    "spBv1.0/+/NBIRTH/+",
    "spBv1.0/+/NDATA/+",
    "spBv1.0/+/NDEATH/+",
    "spBv1.0/+/DBIRTH/+/+",
    "spBv1.0/+/DDATA/+/+",
    "spBv1.0/+/DDEATH/+/+",
];

/// What the broker tells of itself. Brokers that tell nothing, or not to us, are just as welcome.
const BROKER_TOPICS: &[&str] = &[
    "$SYS/broker/publish/messages/dropped",
    "$SYS/broker/store/messages/count",
    "$SYS/broker/clients/connected",
    "$SYS/broker/clients/disconnected",
];

/// A broker that ended the connection so often when it was asked of itself (the embedded one does) is not asked again.
const MOST_HUNG_UP: u8 = 2;

/// Ids of the door's own requests.
const SENSORS: u16 = 1;
const BROKER: u16 = 2;
const UNGROUPED: u16 = 3;

/// A session has at most 65,535 messages unacknowledged, so that many acknowledgements and a few notices always find room
/// and nobody ever waits for it. The room is taken only when it is used.
const REQUESTS: usize = 65_535 + 64;
/// Most requests answered before the socket is written to.
const AT_ONCE: usize = 1024;
/// How much is read from the socket at once, bytes.
const READ: usize = 64 * 1024;
/// With so many messages in hand the pipeline has enough to do, and reading at once would only cost: the broker writes each
/// message by itself, and each would wake the door.
const PLENTY: u64 = 64;
/// How long the door then lets messages gather in the socket before it reads them together.
const GATHER: Duration = Duration::from_millis(1);
/// How long connecting, and writing, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which message of which connection is to be acknowledged. A packet id may mean another message on the next connection,
/// where the broker sends this one again; applying it twice changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    connection: u64,
    packet: u16,
}

/// A message as it was taken off the wire.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: Bytes,
    /// An oversized message's is cut to what a dead letter keeps.
    pub(super) payload: Bytes,
    pub(super) received_at: Instant,
    /// The payload's length if it is above the limit.
    pub(super) oversized: Option<usize>,
    /// None at QoS 0.
    pub(super) ticket: Option<Ticket>,
}

/// What the door sends for those behind it.
enum Request {
    Acknowledge { connection: u64, packets: Vec<u16> },
    Notice { topic: String, payload: Bytes },
}

/// The way to acknowledge messages; the door closes when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Hand {
    requests: mpsc::Sender<Request>,
}

impl Hand {
    /// Acknowledges messages, those whose connection still stands.
    pub(super) fn acknowledge(&self, tickets: impl IntoIterator<Item = Ticket>) {
        let mut tickets = tickets.into_iter().peekable();
        while let Some(first) = tickets.next() {
            let mut packets = Vec::with_capacity(1 + tickets.size_hint().0);
            packets.push(first.packet);
            while let Some(next) = tickets.next_if(|next| next.connection == first.connection) {
                packets.push(next.packet);
            }
            if self.requests.try_send(Request::Acknowledge { connection: first.connection, packets }).is_err() {
                metrics::counter!("yunpark_ingest_unacknowledged_total").increment(1);
            }
        }
    }

    /// Publishes at QoS 0, if there is room and a connection.
    pub(super) fn notice(&self, topic: String, payload: Bytes) {
        // A notice that finds no room tells nothing that the store does not hold.
        let _ = self.requests.try_send(Request::Notice { topic, payload });
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{}", told(.0))]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Wire(#[from] wire::Error),
    #[error("{0}")]
    Ended(String),
}

/// A connection that stands.
struct Line {
    stream: Box<dyn Stream>,
    version: Version,
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl Line {
    async fn flush(&mut self) -> Result<(), Fault> {
        let written = async {
            self.stream.write_all(&self.outgoing).await?;
            self.stream.flush().await
        };
        let written = tokio::time::timeout(PATIENCE, written).await;
        self.outgoing.clear();
        Ok(written.map_err(|_| Fault::Ended("the broker does not read".to_owned()))??)
    }

    /// Waits for bytes, and leaves them in the socket until `moment`.
    async fn fill_after(&mut self, moment: tokio::time::Instant) -> Result<(), Fault> {
        if moment > tokio::time::Instant::now() {
            tokio::time::sleep_until(moment).await;
        }
        self.fill().await
    }

    /// Waits for bytes.
    async fn fill(&mut self) -> Result<(), Fault> {
        self.incoming.reserve(READ);
        match self.stream.read_buf(&mut self.incoming).await? {
            0 => Err(Fault::Ended("the broker closed the connection".to_owned())),
            _ => Ok(()),
        }
    }

    fn next(&mut self) -> Result<Option<Packet>, Fault> {
        Ok(wire::read(&mut self.incoming, self.version)?)
    }
}

/// The sensors' connection to the broker.
///
/// It hands messages on and sends acknowledgements, nothing more. When the queue is full it stops reading, so that TCP holds
/// the broker back; messages at QoS 1 stay in the broker's session. With MQTT 5 the broker knows the queue's length as the
/// window, and sends no more than that unacknowledged.
pub struct Door {
    broker: Broker,
    hello: Hello,
    versions: Vec<Version>,
    group: String,
    queue: mpsc::Sender<Message>,
    requests: mpsc::Receiver<Request>,
    /// Counts connections, so that an old one's acknowledgements are not sent over a new one.
    connection: u64,
    /// The broker was asked to tell of itself, and has not answered.
    is_asked: AtomicBool,
    /// How often in a row it ended the connection instead.
    hung_up: AtomicU8,
    max_payload_bytes: usize,
    kept_bytes: usize,
    clock: Clock,
    health: Teller,
    lag: Arc<Lag>,
}

impl Door {
    /// Where messages go that come in by another door.
    pub(super) fn queue(&self) -> mpsc::Sender<Message> {
        self.queue.clone()
    }

    pub(super) fn new(
        config: &config::Mqtt,
        clock: Clock,
        health: Teller,
        lag: Arc<Lag>,
    ) -> Result<(Self, mpsc::Receiver<Message>, Hand), Error> {
        let (sender, messages) = mpsc::channel(config.queue);
        let (asker, requests) = mpsc::channel(REQUESTS);
        let login =
            (!config.username.is_empty()).then(|| (config.username.clone(), config.password.reveal().to_owned()));
        let door = Self {
            broker: Broker::of(config)?,
            hello: Hello {
                client_id: config.client_id.clone(),
                login,
                session_expiry_s: config.session_expiry_s,
                window: u16::try_from(config.queue).unwrap_or(u16::MAX),
            },
            versions: match config.protocol {
                MqttVersion::Auto => vec![Version::V5, Version::V311],
                MqttVersion::V311 => vec![Version::V311],
                MqttVersion::V5 => vec![Version::V5],
            },
            group: config.shared_group.clone(),
            queue: sender,
            requests,
            connection: 0,
            is_asked: AtomicBool::new(false),
            hung_up: AtomicU8::new(0),
            max_payload_bytes: config.max_packet_bytes,
            kept_bytes: config.dead_letters.payload_bytes,
            clock,
            health,
            lag,
        };
        Ok((door, messages, Hand { requests: asker }))
    }

    /// Keeps the connection until everyone behind it has acknowledged what it had in hand; after `stop` it takes nothing more.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let mut backoff = Backoff::default();
        loop {
            self.connection += 1;
            self.lag.connected();
            let fault = match self.connect().await {
                Ok(line) => match self.serve(line, &stop, &mut backoff).await {
                    Ok(()) => return Ok(()),
                    Err(fault) => fault,
                },
                Err(fault) => fault,
            };
            if std::mem::take(self.is_asked.get_mut()) {
                *self.hung_up.get_mut() += 1;
            }
            self.health.disconnected(&fault.to_string());
            let wait = tokio::time::sleep(backoff.wait());
            tokio::pin!(wait);
            loop {
                tokio::select! {
                    () = &mut wait => break,
                    // What was asked of the dead connection is void: the broker sends those messages again.
                    request = self.requests.recv() => if request.is_none() {
                        return Ok(());
                    },
                }
            }
        }
    }

    /// Connects in the first version the broker speaks.
    async fn connect(&mut self) -> Result<Line, Fault> {
        let mut fault = Fault::Wire(wire::Error::Version);
        for &version in &self.versions {
            let asked = tokio::time::timeout(PATIENCE, ask(&self.broker, &self.hello, version)).await;
            fault = match asked {
                Ok(Ok(line)) => return Ok(line),
                // A broker that knows no such version may also just hang up.
                Ok(Err(fault @ (Fault::Wire(wire::Error::Version | wire::Error::Malformed(_)) | Fault::Ended(_)))) => {
                    fault
                }
                Ok(Err(fault)) => return Err(fault),
                Err(_) => return Err(Fault::Ended("the broker does not answer".to_owned())),
            };
        }
        Err(fault)
    }

    /// Serves a connection until it ends in a fault, or nobody is left to acknowledge anything.
    async fn serve(&mut self, mut line: Line, stop: &CancellationToken, backoff: &mut Backoff) -> Result<(), Fault> {
        self.subscribe(&mut line).await?;
        let mut waiting = VecDeque::new();
        let mut requests = Vec::new();
        let mut alive = tokio::time::interval(Duration::from_secs(u64::from(KEEP_ALIVE_S) / 2));
        let mut unanswered = 0;
        let mut next_read = tokio::time::Instant::now();
        // What came with the acknowledgement of the connection.
        self.take(&mut line, &mut waiting, stop, backoff, &mut unanswered)?;
        loop {
            tokio::select! {
                biased;
                asked = self.requests.recv_many(&mut requests, AT_ONCE) => {
                    if asked == 0 {
                        wire::goodbye(&mut line.outgoing);
                        // The broker keeps what is not acknowledged, so there is nothing to save after that.
                        let _ = line.flush().await;
                        let _ = line.stream.shutdown().await;
                        return Ok(());
                    }
                    self.answer(&mut line, &mut requests)?;
                    line.flush().await?;
                }
                _ = alive.tick() => {
                    // While nothing is read no answer can be seen either.
                    if !waiting.is_empty() {
                        unanswered = 0;
                    } else if unanswered >= 2 {
                        return Err(Fault::Ended("the broker gives no sign of life".to_owned()));
                    }
                    unanswered += 1;
                    wire::ping(&mut line.outgoing);
                    line.flush().await?;
                }
                permit = self.queue.reserve(), if !waiting.is_empty() => match (permit, waiting.pop_front()) {
                    (Ok(permit), Some(message)) => {
                        permit.send(message);
                        hand_on(&self.queue, &mut waiting);
                    }
                    // The pipeline takes nothing more; the broker keeps these for the next start.
                    _ => waiting.clear(),
                },
                filled = line.fill_after(next_read), if waiting.is_empty() => {
                    filled?;
                    self.take(&mut line, &mut waiting, stop, backoff, &mut unanswered)?;
                    hand_on(&self.queue, &mut waiting);
                    if self.lag.in_hand() >= PLENTY {
                        next_read = tokio::time::Instant::now() + GATHER;
                    }
                }
            }
        }
    }

    /// The broker may have lost the session, so the subscriptions are made again each time.
    async fn subscribe(&mut self, line: &mut Line) -> Result<(), Fault> {
        let plain = |filters: &[&str]| filters.iter().map(|&filter| filter.to_owned()).collect::<Vec<_>>();
        let mut filters = plain(UNSHARED);
        if self.group.is_empty() {
            filters.extend(plain(FILTERS));
        } else {
            // A session of before the group would take everything beside its share.
            wire::unsubscribe(line.version, UNGROUPED, FILTERS, &mut line.outgoing)?;
            filters.extend(FILTERS.iter().map(|filter| format!("$share/{}/{filter}", self.group)));
        }
        wire::subscribe(line.version, SENSORS, &filters, QoS::AtLeastOnce, &mut line.outgoing)?;
        if *self.hung_up.get_mut() < MOST_HUNG_UP {
            wire::subscribe(line.version, BROKER, &plain(BROKER_TOPICS), QoS::AtMostOnce, &mut line.outgoing)?;
            *self.is_asked.get_mut() = true;
        }
        line.flush().await
    }

    /// Reads what is whole.
    fn take(
        &self,
        line: &mut Line,
        waiting: &mut VecDeque<Message>,
        stop: &CancellationToken,
        backoff: &mut Backoff,
        unanswered: &mut u8,
    ) -> Result<(), Fault> {
        let received_at = self.clock.now();
        let mut taken = 0;
        while let Some(packet) = line.next()? {
            match packet {
                // After `stop` nothing more is taken; the broker keeps it for the next start.
                Packet::Publish(_) if stop.is_cancelled() => {}
                Packet::Publish(publish) if publish.topic.starts_with(b"$SYS/") => {
                    self.lag.broker_says(&publish.topic, &publish.payload, received_at);
                }
                Packet::Publish(publish) => {
                    taken += usize::from(publish.packet.is_some());
                    waiting.push_back(self.message(publish, received_at));
                }
                Packet::Subscribed { id: SENSORS, codes } if wire::granted(&codes) => {
                    backoff.reset();
                    self.health.connected();
                }
                Packet::Subscribed { id: SENSORS, .. } => self.health.disconnected("the broker refused a subscription"),
                Packet::Subscribed { codes, .. } => {
                    self.is_asked.store(false, Ordering::Relaxed);
                    self.hung_up.store(0, Ordering::Relaxed);
                    if !wire::granted(&codes) {
                        tracing::info!("the broker does not tell of its queues; what it drops cannot be seen here");
                    }
                }
                Packet::Pong => *unanswered = 0,
                Packet::Goodbye(reason) => return Err(Fault::Ended(reason)),
                Packet::Connected { .. } | Packet::Other => {}
            }
        }
        self.lag.taken(taken);
        Ok(())
    }

    fn message(&self, publish: Publish, received_at: Instant) -> Message {
        let bytes = publish.payload.len();
        let oversized = (bytes > self.max_payload_bytes).then_some(bytes);
        let payload = match oversized {
            // A copy, so that the long message itself is let go.
            Some(_) => Bytes::copy_from_slice(&publish.payload[..bytes.min(self.kept_bytes)]),
            None => publish.payload,
        };
        let ticket = publish.packet.map(|packet| Ticket { connection: self.connection, packet });
        Message { topic: publish.topic, payload, received_at, oversized, ticket }
    }

    fn answer(&self, line: &mut Line, requests: &mut Vec<Request>) -> Result<(), Fault> {
        for request in requests.drain(..) {
            match request {
                Request::Acknowledge { connection, packets } if connection == self.connection => {
                    self.lag.acknowledged(packets.len());
                    wire::acknowledge(&packets, &mut line.outgoing);
                }
                Request::Acknowledge { .. } => {}
                Request::Notice { topic, payload } => {
                    wire::notice(line.version, &topic, payload, &mut line.outgoing)?;
                }
            }
        }
        Ok(())
    }
}

/// Hands on what finds room at once.
fn hand_on(queue: &mpsc::Sender<Message>, waiting: &mut VecDeque<Message>) {
    while let Some(message) = waiting.pop_front() {
        if let Err(refused) = queue.try_send(message) {
            // Full; if it is closed instead, waiting for room finds out.
            waiting.push_front(refused.into_inner());
            return;
        }
    }
}

/// Asks a broker for a connection.
async fn ask(broker: &Broker, hello: &Hello, version: Version) -> Result<Line, Fault> {
    let stream = broker.dial().await?;
    let mut line =
        Line { stream, version, incoming: BytesMut::with_capacity(READ), outgoing: BytesMut::with_capacity(READ) };
    hello.write(version, &mut line.outgoing)?;
    line.flush().await?;
    loop {
        match line.next()? {
            Some(Packet::Connected { session_present }) => {
                tracing::info!(mqtt.session_present = session_present, mqtt.version = ?version, "connected to the broker");
                return Ok(line);
            }
            Some(_) => return Err(Fault::Wire(wire::Error::Malformed("something before its answer".to_owned()))),
            None => line.fill().await?,
        }
    }
}
