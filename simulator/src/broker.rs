//! The connection to the MQTT broker: polls in its own task, comes back by itself, counts what is acknowledged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use rumqttc::{AsyncClient, ConnectReturnCode, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Requests that wait between the town and the connection.
const QUEUE: usize = 1_000;
const INFLIGHT: u16 = 500;
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// A connection that is kept up until its token stops.
#[derive(Debug)]
pub struct Broker {
    client: AsyncClient,
    acked: Arc<AtomicU64>,
    connection: watch::Receiver<Connection>,
}

/// How the connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connection {
    /// Whether the broker answers now.
    pub up: bool,
    /// How often it has come up.
    pub times: u64,
}

impl Broker {
    /// Connects to `mqtt://[user:password@]host[:port]` with a persistent session.
    pub fn connect(url: &str, client_id: &str, stop: CancellationToken) -> anyhow::Result<Self> {
        let options = options(url, client_id)?;
        let (client, mut event_loop) = AsyncClient::new(options, QUEUE);
        event_loop.network_options.set_tcp_nodelay(true);
        event_loop.network_options.set_connection_timeout(5);
        let acked = Arc::new(AtomicU64::new(0));
        let (state, connection) = watch::channel(Connection::default());
        tokio::spawn(poll(event_loop, state, Arc::clone(&acked), stop));
        Ok(Self { client, acked, connection })
    }

    /// How the connection stands now.
    pub fn connection(&self) -> Connection {
        *self.connection.borrow()
    }

    /// Waits until the broker answers.
    pub async fn connected(&self) {
        let mut connection = self.connection.clone();
        // An error means the poll task has stopped: nobody waits for long after that.
        let _ = connection.wait_for(|state| state.up).await;
    }

    /// Messages the broker has acknowledged.
    pub fn acked(&self) -> u64 {
        self.acked.load(Ordering::Relaxed)
    }

    /// Hands over a message without waiting; `false` when the queue is full.
    pub fn offer(&self, message: &Message) -> bool {
        self.try_publish(message, false)
    }

    /// The same for a message the broker is to retain.
    pub fn offer_retained(&self, message: &Message) -> bool {
        self.try_publish(message, true)
    }

    fn try_publish(&self, message: &Message, retain: bool) -> bool {
        self.client.try_publish(message.topic.clone(), QoS::AtLeastOnce, retain, message.payload.clone()).is_ok()
    }

    /// Hands over a message, waiting for room in the queue.
    pub async fn publish(&self, message: Message) -> anyhow::Result<()> {
        self.client
            .publish(message.topic, QoS::AtLeastOnce, false, message.payload)
            .await
            .context("broker queue closed")
    }
}

/// A topic and what is published there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The topic.
    pub topic: String,
    /// JSON text.
    pub payload: String,
}

async fn poll(
    mut event_loop: EventLoop,
    state: watch::Sender<Connection>,
    acked: Arc<AtomicU64>,
    stop: CancellationToken,
) {
    let mut retry = FIRST_RETRY;
    loop {
        let event = tokio::select! {
            () = stop.cancelled() => return,
            event = event_loop.poll() => event,
        };
        match event {
            Ok(Event::Incoming(Packet::ConnAck(ack))) if ack.code == ConnectReturnCode::Success => {
                retry = FIRST_RETRY;
                state.send_modify(|connection| {
                    connection.up = true;
                    connection.times += 1;
                });
            }
            Ok(Event::Incoming(Packet::PubAck(_))) => {
                acked.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(error) => {
                if state.borrow().up || retry == FIRST_RETRY {
                    tracing::warn!(%error, "the broker does not answer; trying again");
                }
                state.send_modify(|connection| connection.up = false);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(retry) => {}
                }
                retry = (retry * 2).min(LAST_RETRY);
            }
        }
    }
}

fn options(url: &str, client_id: &str) -> anyhow::Result<MqttOptions> {
    let rest = url.strip_prefix("mqtt://").or_else(|| url.strip_prefix("tcp://")).unwrap_or(url);
    let rest = rest.trim_end_matches('/');
    let (credentials, address) = rest.rsplit_once('@').map_or((None, rest), |(user, address)| (Some(user), address));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().with_context(|| format!("`{port}` is not a port in {address}"))?),
        None => (address, 1883),
    };
    anyhow::ensure!(!host.is_empty() && !host.contains('/'), "`{address}` is not host:port of a broker");
    let mut options = MqttOptions::new(client_id, host, port);
    options.set_keep_alive(Duration::from_secs(20)).set_clean_session(false).set_inflight(INFLIGHT);
    if let Some((user, password)) = credentials.map(|text| text.split_once(':').unwrap_or((text, ""))) {
        options.set_credentials(user, password);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_named_by_host_port_and_perhaps_a_user() {
        let plain = options("mqtt://127.0.0.1:2883", "a").unwrap();
        assert_eq!(plain.broker_address(), ("127.0.0.1".to_owned(), 2883));
        let named = options("mqtt://town:secret@broker", "a").unwrap();
        assert_eq!(named.broker_address(), ("broker".to_owned(), 1883));
        assert!(named.credentials().is_some());
        assert!(options("mqtt://broker:port", "a").is_err());
        assert!(options("http://broker", "a").is_err());
    }
}
