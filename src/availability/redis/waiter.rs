//! Waiting for the next change: blocking reads on connections of their own, which go on when another one came first.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, RedisError, aio::MultiplexedConnection, cmd,
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, select_all},
};

use super::{
    line::Line,
    link::{CONNECT, LONGEST_BLOCK},
};

/// How much longer than its block a blocking read may take before its connection is given up.
const GRACE: Duration = Duration::from_secs(5);
/// Pause after a blocking read that failed on a cluster, whose client mends itself meanwhile.
const PAUSE: Duration = Duration::from_millis(100);
/// Most redirections one blocking read follows.
const REDIRECTIONS: usize = 3;

/// One who waits. Each of its reads is about streams that one server holds; a read that is still blocked when another came
/// first is kept for the next wait, and so is its connection.
#[derive(Default)]
pub(super) struct Waiter {
    reads: Vec<Read>,
}

#[derive(Default)]
struct Read {
    connection: Option<MultiplexedConnection>,
    blocked: Option<(Vec<String>, BoxFuture<'static, Turn>)>,
}

/// How a read ended, and its connection if that is still good.
type Turn = Result<MultiplexedConnection, RedisError>;

/// Where the streams of a cluster are, as far as it has said.
pub(super) struct Homes {
    seeds: Vec<ConnectionInfo>,
    known: Mutex<HashMap<String, ConnectionInfo>>,
}

impl Homes {
    /// Nothing known but the cluster's own seeds.
    pub(super) fn new(seeds: Vec<ConnectionInfo>) -> Self {
        Self { seeds, known: Mutex::new(HashMap::new()) }
    }

    /// Servers to ask for a stream, the likeliest first.
    fn of(&self, stream: &str) -> Vec<ConnectionInfo> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned();
        known.into_iter().chain(self.seeds.iter().cloned()).collect()
    }

    /// Notes what a redirection says; the address as a way to get there.
    fn learn(&self, stream: &str, address: &str) -> Option<ConnectionInfo> {
        let (host, port) = address.rsplit_once(':')?;
        let (host, port) = (host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?);
        let seed = self.seeds.first()?.clone();
        let address = match seed.addr().clone() {
            // The same authorities are asked of every member.
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        let home = seed.set_addr(address);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(stream.to_owned(), home.clone());
        Some(home)
    }

    fn forget(&self, stream: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(stream);
    }
}

impl Waiter {
    /// Waits on one server that holds all streams.
    pub(super) async fn wait_on_one(
        &mut self,
        line: &Line,
        streams: &[&str],
        after: &[&str],
        at_most: Duration,
    ) -> Result<(), RedisError> {
        self.reads.resize_with(1, Read::default);
        let read = &mut self.reads[0];
        read.let_go_if_past(after);
        if read.blocked.is_none() {
            let connection = match read.connection.take() {
                Some(connection) => connection,
                None => dial(&line.server().await?).await?,
            };
            read.blocked = Some((owned(after), block(connection, xread(streams, after)).boxed()));
        }
        self.first(at_most).await.unwrap_or(Ok(()))
    }

    /// Waits on a cluster: one read a stream, since each may be on another server. A read that fails only ends the wait;
    /// what looks at the streams next will say what is wrong.
    pub(super) async fn wait_on_each(
        &mut self,
        homes: &Arc<Homes>,
        streams: &[&str],
        after: &[&str],
        at_most: Duration,
    ) {
        self.reads.resize_with(streams.len(), Read::default);
        for (read, (stream, after)) in self.reads.iter_mut().zip(streams.iter().zip(after)) {
            read.let_go_if_past(&[after]);
            if read.blocked.is_none() {
                let command = xread(&[stream], &[after]);
                let (homes, stream, connection) = (homes.clone(), (*stream).to_owned(), read.connection.take());
                let blocked = async move { block_at_home(&homes, &stream, connection, command).await };
                read.blocked = Some((owned(&[after]), blocked.boxed()));
            }
        }
        if let Some(Err(error)) = self.first(at_most).await {
            tracing::debug!(%error, "a wait for changes was cut short");
            tokio::time::sleep(PAUSE.min(at_most)).await;
        }
    }

    /// Waits until the first read ends; `None` if the time is over before.
    async fn first(&mut self, at_most: Duration) -> Option<Result<(), RedisError>> {
        let blocked: Vec<_> =
            self.reads.iter_mut().filter_map(|read| read.blocked.as_mut()).map(|(_, blocked)| blocked).collect();
        // Dropped reads would lose their connections; these are only lent.
        let (turn, number, _) = tokio::time::timeout(at_most, select_all(blocked)).await.ok()?;
        let read = &mut self.reads[number];
        read.blocked = None;
        Some(turn.map(|connection| read.connection = Some(connection)))
    }
}

impl Read {
    /// Gives up a read that waits for entries beyond the ones now asked for: it would sleep through them.
    fn let_go_if_past(&mut self, after: &[&str]) {
        let place = |id: &str| {
            let (ms, number) = id.split_once('-')?;
            Some((ms.parse::<u64>().ok()?, number.parse::<u64>().ok()?))
        };
        let is_past = |(waits, _): &(Vec<String>, _)| {
            waits.len() != after.len() || waits.iter().zip(after).any(|(waits, asked)| place(waits) > place(asked))
        };
        if self.blocked.as_ref().is_some_and(is_past) {
            *self = Self::default();
        }
    }
}

fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn xread(streams: &[&str], after: &[&str]) -> Cmd {
    let mut command = cmd("XREAD");
    command.arg("COUNT").arg(1).arg("BLOCK").arg(LONGEST_BLOCK.as_millis() as u64).arg("STREAMS");
    command.arg(streams).arg(after);
    command
}

async fn dial(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(Some(LONGEST_BLOCK + GRACE));
    client.get_multiplexed_async_connection_with_config(&config).await
}

async fn block(mut connection: MultiplexedConnection, command: Cmd) -> Turn {
    connection.send_packed_command(&command).await?.extract_error()?;
    Ok(connection)
}

/// Reads where the cluster says the stream is.
async fn block_at_home(homes: &Homes, stream: &str, mut kept: Option<MultiplexedConnection>, command: Cmd) -> Turn {
    let mut last = None;
    let mut ways = homes.of(stream).into_iter();
    let mut redirected = None;
    for _ in 0..REDIRECTIONS + ways.len() {
        let connection = match (kept.take(), redirected.take().or_else(|| ways.next())) {
            (Some(connection), _) => Ok(connection),
            (None, Some(way)) => dial(&Client::open(way)?).await,
            (None, None) => break,
        };
        let turn = match connection {
            Ok(connection) => block(connection, command.clone()).await,
            Err(error) => Err(error),
        };
        let error = match turn {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        if let Some((address, _)) = error.redirect_node() {
            redirected = homes.learn(stream, address);
        } else {
            homes.forget(stream);
        }
        last = Some(error);
    }
    Err(last.unwrap_or_else(|| RedisError::from((::redis::ErrorKind::Client, "no way to a stream"))))
}
