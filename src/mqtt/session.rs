//! A session at the broker, MQTT 3.1.1: what is asked of it through a [`Client`], what happens in it from [`Session::poll`].
//!
//! Which packet answers which is rumqttc's pure state machine; here is only the loop around it. Its own loop does not speak TLS
//! but with a certificate checker that is no longer kept, and takes no stream of ours.

use std::{collections::VecDeque, time::Duration};

use bytes::{Bytes, BytesMut};
use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, Event, MqttOptions, MqttState, Packet, PingReq, PubAck, Publish, QoS, Request,
    StateError, Subscribe, SubscribeFilter, mqttbytes,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Error, LONGEST_PACKET,
    line::{Broker, Stream, told},
};

/// How long connecting, and writing, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much is read from the socket at once, bytes.
const READ: usize = 16 * 1024;

/// Why a session's connection ended, or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The network, or TLS on it.
    #[error("{}", told(.0))]
    Io(#[from] std::io::Error),
    /// The broker does not let us in.
    #[error("the broker refused the connection: {0:?}")]
    Refused(ConnectReturnCode),
    /// What came, or was to be sent, is against the protocol.
    #[error("{0}")]
    Protocol(#[from] StateError),
    /// It does not answer, or does not read.
    #[error("the broker does not answer")]
    Silent,
    /// It closed the connection.
    #[error("the broker closed the connection")]
    Closed,
    /// Nobody is left who might ask for something.
    #[error("the connection is no longer wanted")]
    Unwanted,
}

impl From<mqttbytes::Error> for Fault {
    fn from(error: mqttbytes::Error) -> Self {
        Self::Protocol(StateError::Deserialization(error))
    }
}

/// Asks for things in a session, without waiting; clones share it.
#[derive(Debug, Clone)]
pub struct Client {
    requests: mpsc::Sender<Request>,
}

impl Client {
    /// Publishes.
    pub fn try_publish(
        &self,
        topic: impl Into<String>,
        qos: QoS,
        retain: bool,
        payload: impl Into<Bytes>,
    ) -> Result<(), Error> {
        let topic = topic.into();
        if !rumqttc::valid_topic(&topic) {
            return Err(Error::Topic { topic });
        }
        let mut publish = Publish::from_bytes(topic, qos, payload.into());
        publish.retain = retain;
        self.ask(Request::Publish(publish))
    }

    /// Subscribes to one filter.
    pub fn try_subscribe(&self, filter: impl Into<String>, qos: QoS) -> Result<(), Error> {
        self.ask(Request::Subscribe(Subscribe::new(filter, qos)))
    }

    /// Subscribes to several filters at once.
    pub fn try_subscribe_many(&self, filters: impl IntoIterator<Item = SubscribeFilter>) -> Result<(), Error> {
        self.ask(Request::Subscribe(Subscribe::new_many(filters)))
    }

    /// Acknowledges a message, where the options say that this is done by hand; waits for room.
    pub async fn ack(&self, publish: &Publish) -> Result<(), Error> {
        match publish.qos {
            QoS::AtMostOnce => Ok(()),
            _ => self.requests.send(Request::PubAck(PubAck::new(publish.pkid))).await.map_err(|_| Error::Closed),
        }
    }

    /// Says goodbye, after what was asked before.
    pub fn try_disconnect(&self) -> Result<(), Error> {
        self.ask(Request::Disconnect(rumqttc::Disconnect))
    }

    fn ask(&self, request: Request) -> Result<(), Error> {
        self.requests.try_send(request).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::Backlog,
            mpsc::error::TrySendError::Closed(_) => Error::Closed,
        })
    }
}

/// A connection that stands.
struct Open {
    stream: Box<dyn Stream>,
    incoming: BytesMut,
    outgoing: BytesMut,
    next_ping: Instant,
}

impl Open {
    fn write(&mut self, packet: &Packet) -> Result<(), Fault> {
        packet.write(&mut self.outgoing, LONGEST_PACKET)?;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        let written = async {
            self.stream.write_all_buf(&mut self.outgoing).await?;
            self.stream.flush().await
        };
        Ok(tokio::time::timeout(PATIENCE, written).await.map_err(|_| Fault::Silent)??)
    }

    /// The next packet that is whole.
    fn next(&mut self) -> Result<Option<Packet>, Fault> {
        match Packet::read(&mut self.incoming, LONGEST_PACKET) {
            Ok(packet) => Ok(Some(packet)),
            Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn fill(&mut self) -> Result<(), Fault> {
        self.incoming.reserve(READ);
        match self.stream.read_buf(&mut self.incoming).await? {
            0 => Err(Fault::Closed),
            _ => Ok(()),
        }
    }
}

/// A session that outlives its connections: what was not acknowledged is sent again over the next one.
pub struct Session {
    options: MqttOptions,
    broker: Broker,
    state: MqttState,
    requests: mpsc::Receiver<Request>,
    /// Of the connection before.
    pending: VecDeque<Request>,
    open: Option<Open>,
}

/// A session and who asks in it; `queue` requests may wait to be sent. The options give the client's id, login, kind of session,
/// window and keep-alive; where the broker is says `broker`.
pub(super) fn session(options: MqttOptions, broker: Broker, queue: usize) -> (Client, Session) {
    let (asker, requests) = mpsc::channel(queue);
    let state = MqttState::new(options.inflight(), options.manual_acks());
    let session = Session { options, broker, state, requests, pending: VecDeque::new(), open: None };
    (Client { requests: asker }, session)
}

impl Session {
    /// What happens next; connects where there is no connection. After an error the next call begins a new connection. A call
    /// that is given up loses nothing of a connection that stands.
    pub async fn poll(&mut self) -> Result<Event, Fault> {
        if self.open.is_none() {
            let begun = tokio::time::timeout(PATIENCE, begin(&self.broker, &self.options)).await;
            let (open, ack) = begun.map_err(|_| Fault::Silent)??;
            if !ack.session_present {
                self.start_over();
            }
            self.open = Some(open);
            return Ok(Event::Incoming(Packet::ConnAck(ack)));
        }
        let event = self.turn().await;
        if event.is_err() {
            self.hang_up();
        }
        event
    }

    async fn turn(&mut self) -> Result<Event, Fault> {
        let Self { options, state, requests, pending, open, .. } = self;
        let Some(open) = open else { return Err(Fault::Closed) };
        loop {
            while let Some(packet) = open.next()? {
                if let Some(answer) = state.handle_incoming_packet(packet)? {
                    open.write(&answer)?;
                }
            }
            if !open.outgoing.is_empty() {
                open.flush().await?;
            }
            if let Some(event) = state.events.pop_front() {
                return Ok(event);
            }
            let has_room = state.inflight() < options.inflight() && state.collision.is_none();
            let next_ping = open.next_ping;
            let request = tokio::select! {
                filled = open.fill() => {
                    filled?;
                    continue;
                }
                request = next(pending, requests), if has_room => request.ok_or(Fault::Unwanted)?,
                () = sleep_until(next_ping) => {
                    open.next_ping = Instant::now() + options.keep_alive();
                    Request::PingReq(PingReq)
                }
            };
            if let Some(packet) = state.handle_outgoing_packet(request)? {
                open.write(&packet)?;
            }
        }
    }

    /// Keeps what the connection left behind for the next one. Acknowledgements of its messages are void: the broker sends those
    /// again.
    fn hang_up(&mut self) {
        self.open = None;
        self.pending.extend(self.state.clean());
        while let Ok(request) = self.requests.try_recv() {
            if matches!(request, Request::PubAck(_)) {
                continue;
            }
            if self.pending.len() < 2 * self.requests.max_capacity() {
                self.pending.push_back(request);
            } else {
                metrics::counter!("yunpark_mqtt_dropped_total").increment(1);
            }
        }
    }

    /// The broker knows nothing of the session before: what it may not have had is sent as new.
    fn start_over(&mut self) {
        self.state.collision_ping_count = 0;
        self.pending.extend(self.state.collision.take().map(Request::Publish));
        self.pending.retain(|request| matches!(request, Request::Publish(_) | Request::Subscribe(_)));
        for request in &mut self.pending {
            if let Request::Publish(publish) = request {
                publish.pkid = 0;
            }
        }
    }
}

/// What waits longest; `None` if nobody is left who might ask.
async fn next(pending: &mut VecDeque<Request>, requests: &mut mpsc::Receiver<Request>) -> Option<Request> {
    match pending.pop_front() {
        Some(request) => Some(request),
        None => requests.recv().await,
    }
}

async fn begin(broker: &Broker, options: &MqttOptions) -> Result<(Open, ConnAck), Fault> {
    let mut open = Open {
        stream: broker.dial().await?,
        incoming: BytesMut::with_capacity(READ),
        outgoing: BytesMut::with_capacity(READ),
        next_ping: Instant::now() + options.keep_alive(),
    };
    let mut connect = Connect::new(options.client_id());
    connect.keep_alive = u16::try_from(options.keep_alive().as_secs()).unwrap_or(u16::MAX);
    connect.clean_session = options.clean_session();
    connect.login = options.credentials();
    open.write(&Packet::Connect(connect))?;
    open.flush().await?;
    loop {
        match open.next()? {
            Some(Packet::ConnAck(ack)) if ack.code == ConnectReturnCode::Success => return Ok((open, ack)),
            Some(Packet::ConnAck(ack)) => return Err(Fault::Refused(ack.code)),
            Some(_) => return Err(Fault::Protocol(StateError::WrongPacket)),
            None => open.fill().await?,
        }
    }
}
