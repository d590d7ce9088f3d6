//! The connections to Redis, be it one server or a cluster: one in order for writes, one for reads, and those that wait.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError, TlsCertificates, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
    cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr},
    cmd,
};

use super::{
    super::contract::Error,
    line::Line,
    waiter::{Homes, Waiter},
    wire,
};
use crate::{config, tls};

/// Longest wait for a connection, and for an answer to whoever writes and whoever only looks.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(10);
const ANSWER_TO_READERS: Duration = Duration::from_secs(3);
/// Longest wait in one blocking read; a longer wait is made of several.
pub(super) const LONGEST_BLOCK: Duration = Duration::from_secs(5);
/// Idle waiters kept for the next who waits.
const IDLE_WAITERS: usize = 4;
/// How often the cluster's client tries a command again, and the shortest and longest pause before it does, milliseconds.
const CLUSTER_RETRIES: (u32, u64, u64) = (5, 20, 1000);

/// Which connection a command takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lane {
    /// What moves the state: one connection, in order.
    Write,
    /// What only looks.
    Read,
}

/// Connections that mend themselves.
pub(super) struct Link {
    lines: Lines,
    waiters: Mutex<Vec<Waiter>>,
}

enum Lines {
    /// One server, or a pair of which one takes writes.
    Alone { writer: Box<Line>, reader: Box<Line> },
    /// A cluster: commands go to the server that holds their keys.
    Cluster { writer: ClusterConnection, reader: ClusterConnection, homes: Arc<Homes> },
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.write_str("Link")
    }
}

impl Link {
    /// Connects to the first of the addresses that answers, and asks it whether it belongs to a cluster.
    pub(super) async fn open(config: &config::Availability) -> Result<Self, Error> {
        let wrong = |error: RedisError| Error::Setting(format!("availability.redis_url: {error}"));
        let certificates = certificates(config)?;
        let clients: Arc<[Client]> = clients(config)?.into();
        let seeds: Vec<ConnectionInfo> = clients.iter().map(|client| client.get_connection_info().clone()).collect();
        let lines = if is_cluster(&clients).await? {
            if seeds.iter().any(|seed| seed.redis_settings().db() != 0) {
                return Err(Error::Setting("availability.redis_url: a cluster has no database but 0".to_owned()));
            }
            let connect = async |answer| {
                cluster(&seeds, certificates.as_ref(), answer).map_err(wrong)?.get_async_connection().await.map_err(of)
            };
            Lines::Cluster {
                writer: connect(ANSWER).await?,
                reader: connect(ANSWER_TO_READERS).await?,
                homes: Arc::new(Homes::new(seeds.clone())),
            }
        } else {
            Lines::Alone {
                writer: Box::new(Line::open(clients.clone(), ANSWER).await.map_err(of)?),
                reader: Box::new(Line::open(clients, ANSWER_TO_READERS).await.map_err(of)?),
            }
        };
        Ok(Self { lines, waiters: Mutex::new(Vec::new()) })
    }

    /// Sends one command to the server that holds its keys, and waits for its answer.
    pub(super) async fn send(&self, lane: Lane, command: &Cmd) -> Result<Value, RedisError> {
        match (&self.lines, lane) {
            (Lines::Alone { writer, .. }, Lane::Write) => writer.send(command).await,
            (Lines::Alone { reader, .. }, Lane::Read) => reader.send(command).await,
            (Lines::Cluster { writer, .. }, Lane::Write) => on_cluster(writer, command).await,
            (Lines::Cluster { reader, .. }, Lane::Read) => on_cluster(reader, command).await,
        }
    }

    /// What the server that holds a key says of itself.
    pub(super) async fn server_of(&self, key: &str) -> Result<ServerWord, RedisError> {
        let asked = match &self.lines {
            Lines::Alone { reader, .. } => reader.send(&cmd("INFO")).await?,
            Lines::Cluster { reader, .. } => {
                let slot = on_cluster(reader, cmd("CLUSTER").arg("KEYSLOT").arg(key)).await?;
                let Value::Int(slot) = slot else { return Err(RedisError::from((ErrorKind::Client, "no slot"))) };
                let route = Route::new(slot as u16, SlotAddr::Master);
                let routing = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(route));
                reader.clone().route_command(cmd("INFO"), routing).await?
            }
        };
        ServerWord::read(asked)
    }

    /// Waits until some stream has an entry after its place, or the time is over. It may end sooner: whoever waits looks
    /// for himself what there is. Whoever gives up waiting drops the connections with the wait.
    pub(super) async fn wait_for_entry(
        &self,
        streams: &[&str],
        after: &[&str],
        at_most: Duration,
    ) -> Result<(), RedisError> {
        let idle = self.waiters().pop();
        let mut waiter = idle.unwrap_or_default();
        match &self.lines {
            Lines::Alone { reader, .. } => waiter.wait_on_one(reader, streams, after, at_most).await?,
            Lines::Cluster { homes, .. } => waiter.wait_on_each(homes, streams, after, at_most).await,
        }
        let mut waiters = self.waiters();
        if waiters.len() < IDLE_WAITERS {
            waiters.push(waiter);
        }
        Ok(())
    }

    fn waiters(&self) -> std::sync::MutexGuard<'_, Vec<Waiter>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerWord {
    /// The name of this life of its process.
    pub(super) run_id: String,
    /// Whether it takes writes.
    pub(super) is_master: bool,
    /// Whether it belongs to a cluster.
    is_cluster: bool,
}

impl ServerWord {
    /// Asks over a connection.
    pub(super) async fn ask(connection: &mut MultiplexedConnection) -> Result<Self, RedisError> {
        Self::read(connection.send_packed_command(&cmd("INFO")).await?.extract_error()?)
    }

    fn read(answer: Value) -> Result<Self, RedisError> {
        let text = wire::text(answer).map_err(|_| RedisError::from((ErrorKind::Client, "INFO gives no text")))?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(str::trim)
        };
        let run_id = field("run_id").unwrap_or_default().to_owned();
        Ok(Self {
            run_id,
            is_master: field("role") != Some("slave"),
            is_cluster: field("cluster_enabled") == Some("1"),
        })
    }
}

/// Whether the first server that answers belongs to a cluster.
async fn is_cluster(seeds: &[Client]) -> Result<bool, Error> {
    let mut last = Error::Setting("availability.redis_url names no address".to_owned());
    for seed in seeds {
        let config = ::redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER_TO_READERS));
        let asked = async {
            let mut connection = seed.get_multiplexed_async_connection_with_config(&config).await?;
            ServerWord::ask(&mut connection).await
        };
        match asked.await {
            Ok(word) => return Ok(word.is_cluster),
            Err(error) => last = of(error),
        }
    }
    Err(last)
}

/// What servers' certificates are checked by, where that is not what the system trusts.
fn certificates(config: &config::Availability) -> Result<Option<TlsCertificates>, Error> {
    if config.redis_ca.as_os_str().is_empty() {
        return Ok(None);
    }
    let root = tls::authorities(&config.redis_ca);
    let root = root.map_err(|reason| Error::Setting(format!("availability.redis_ca: {reason}")))?;
    Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(root) }))
}

/// Whoever dials each of the addresses of a configuration.
pub fn clients(config: &config::Availability) -> Result<Vec<Client>, Error> {
    let certificates = certificates(config)?;
    let urls = config.redis_url.reveal().split(',').map(str::trim).filter(|url| !url.is_empty());
    let client = |url: &str| {
        let address = url.into_connection_info()?;
        match &certificates {
            Some(certificates) if matches!(address.addr(), ConnectionAddr::TcpTls { .. }) => {
                Client::build_with_tls(address, certificates.clone())
            }
            _ => Client::open(address),
        }
    };
    let wrong = |error: RedisError| Error::Setting(format!("availability.redis_url: {error}"));
    urls.map(|url| client(url).map_err(wrong)).collect()
}

fn cluster(
    seeds: &[ConnectionInfo],
    certificates: Option<&TlsCertificates>,
    answer: Duration,
) -> Result<ClusterClient, RedisError> {
    let (retries, shortest_ms, longest_ms) = CLUSTER_RETRIES;
    let builder = ClusterClientBuilder::new(seeds.iter().cloned());
    let is_tls = seeds.iter().any(|seed| matches!(seed.addr(), ConnectionAddr::TcpTls { .. }));
    let builder = match certificates {
        Some(certificates) if is_tls => builder.certs(certificates.clone()),
        _ => builder,
    };
    builder
        .connection_timeout(CONNECT)
        .response_timeout(answer)
        .overall_response_timeout(Some(answer))
        .retries(retries)
        .min_retry_wait(shortest_ms)
        .max_retry_wait(longest_ms)
        .build()
}

async fn on_cluster(connection: &ClusterConnection, command: &Cmd) -> Result<Value, RedisError> {
    connection.clone().req_packed_command(command).await?.extract_error()
}

/// Our word for an error of Redis.
pub(super) fn of(error: RedisError) -> Error {
    // A server that loads its file, has lost its master, or belongs to a cluster that is not whole, may do so later.
    let is_away = ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "READONLY"].map(Some).contains(&error.code())
        || error.is_io_error()
        || error.is_connection_dropped()
        || error.is_timeout()
        || error.is_connection_refusal()
        || error.is_cluster_error();
    if is_away {
        Error::Unreachable(tls::advised(&error, "availability.redis_ca"))
    } else {
        Error::Refused(error.to_string())
    }
}
