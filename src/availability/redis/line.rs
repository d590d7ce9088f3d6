//! One connection to a server that stands alone, dialled again when it is gone: each try after a longer pause, with jitter.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use ::redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, Value, aio::MultiplexedConnection};
use tokio::time::Instant;

use super::link::{CONNECT, ServerWord};
use crate::clock;

/// Shortest and longest pause before a server that could not be reached is dialled again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A connection that mends itself. While no server can be reached, calls fail at once instead of queueing up.
pub(super) struct Line {
    /// Where a server may stand; the first that takes writes is it.
    seeds: Arc<[Client]>,
    /// Longest wait for an answer.
    answer: Duration,
    live: RwLock<Option<Live>>,
    /// Held by whoever dials, so that others wait for the same connection.
    redial: tokio::sync::Mutex<Redial>,
}

/// The connection of the moment.
#[derive(Clone)]
struct Live {
    number: u64,
    seed: usize,
    connection: MultiplexedConnection,
}

#[derive(Default)]
struct Redial {
    dialled: u64,
    failures: u32,
    not_before: Option<Instant>,
    reason: String,
}

impl Line {
    /// A line to the first of these servers that takes writes, dialled at once.
    pub(super) async fn open(seeds: Arc<[Client]>, answer: Duration) -> Result<Self, RedisError> {
        let line = Self { seeds, answer, live: RwLock::new(None), redial: tokio::sync::Mutex::default() };
        line.connection().await?;
        Ok(line)
    }

    /// Sends one command and waits for its answer. A connection that was cut since the last call is dialled again at once:
    /// whatever is sent here may be done twice without harm.
    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, RedisError> {
        let was_cut = match self.once(command).await {
            Err(error) if is_lost(&error) && !error.is_timeout() && self.live().is_none() => error,
            answer => return answer,
        };
        tracing::debug!(error = %was_cut, "the connection to Redis was cut; dialling again");
        self.once(command).await
    }

    async fn once(&self, command: &Cmd) -> Result<Value, RedisError> {
        let mut live = self.connection().await?;
        let answer = live.connection.send_packed_command(command).await.and_then(Value::extract_error);
        if let Err(error) = &answer
            && is_lost(error)
        {
            self.hang_up(live.number);
        }
        answer
    }

    /// The server this line leads to.
    pub(super) async fn server(&self) -> Result<Client, RedisError> {
        Ok(self.seeds[self.connection().await?.seed].clone())
    }

    async fn connection(&self) -> Result<Live, RedisError> {
        if let Some(live) = self.live() {
            return Ok(live);
        }
        let mut redial = self.redial.lock().await;
        if let Some(live) = self.live() {
            return Ok(live);
        }
        if redial.not_before.is_some_and(|until| Instant::now() < until) {
            return Err(RedisError::from((ErrorKind::Io, "waiting before the next try", redial.reason.clone())));
        }
        match self.dial().await {
            Ok((seed, connection)) => {
                let number = redial.dialled + 1;
                *redial = Redial { dialled: number, ..Redial::default() };
                let live = Live { number, seed, connection };
                *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
                Ok(live)
            }
            Err(error) => {
                redial.failures += 1;
                redial.reason = error.to_string();
                redial.not_before = Some(Instant::now() + pause(redial.failures));
                Err(error)
            }
        }
    }

    /// Tries each seed in turn.
    async fn dial(&self) -> Result<(usize, MultiplexedConnection), RedisError> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(self.answer));
        let mut last = RedisError::from((ErrorKind::InvalidClientConfig, "no address"));
        for (number, seed) in self.seeds.iter().enumerate() {
            let reached = async {
                let mut connection = seed.get_multiplexed_async_connection_with_config(&config).await?;
                let word = ServerWord::ask(&mut connection).await?;
                Ok((connection, word))
            };
            match reached.await {
                Ok((connection, word)) if word.is_master => return Ok((number, connection)),
                Ok(_) => last = RedisError::from((ErrorKind::Io, "the server is a replica, which takes no writes")),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn live(&self) -> Option<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hang_up(&self, number: u64) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if live.as_ref().is_some_and(|live| live.number == number) {
            *live = None;
        }
    }
}

/// Whether a connection is of no more use: cut, silent for too long, or to a server that no longer takes writes.
fn is_lost(error: &RedisError) -> bool {
    error.is_unrecoverable_error() || error.is_io_error() || error.code() == Some("READONLY")
}

/// Twice as long with each failure, and anything between half of that and the whole, so that nodes that lost the same
/// server do not all come back in the same instant.
fn pause(failures: u32) -> Duration {
    let whole = PAUSES.0.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(PAUSES.1);
    let jitter = clock::random_bytes::<1>().map_or(0, |[byte]| u32::from(byte));
    whole / 2 + whole.saturating_mul(jitter) / 510
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_never_fall_below_half() {
        for (failures, whole_ms) in [(1, 50), (2, 100), (4, 400), (7, 2000), (40, 2000)] {
            for _ in 0..50 {
                let pause = pause(failures).as_millis();
                assert!(pause >= whole_ms / 2 && pause <= whole_ms, "{failures} failures: {pause} ms");
            }
        }
    }
}
