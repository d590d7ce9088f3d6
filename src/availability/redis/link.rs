//! The connections to Redis: one in order for writes, one for reads, and some that wait for changes.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, RedisError, Value,
    aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection},
};

use super::super::contract::Error;

/// Longest wait for a connection and for an answer.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(10);
/// Longest wait in one blocking read; a longer wait is made of several.
pub(super) const LONGEST_BLOCK: Duration = Duration::from_secs(5);
/// Idle waiting connections kept for the next who waits.
const IDLE_WAITERS: usize = 4;

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
    client: Client,
    writer: ConnectionManager,
    reader: ConnectionManager,
    waiters: Mutex<Vec<MultiplexedConnection>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.write_str("Link")
    }
}

impl Link {
    /// Connects, or says why not.
    pub(super) async fn open(url: &str) -> Result<Self, Error> {
        let client = Client::open(url).map_err(|error| Error::Setting(format!("availability.redis_url: {error}")))?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let connect = || client.get_connection_manager_with_config(config.clone());
        let (writer, reader) = (connect().await.map_err(of)?, connect().await.map_err(of)?);
        Ok(Self { client, writer, reader, waiters: Mutex::new(Vec::new()) })
    }

    /// Sends one command and waits for its answer.
    pub(super) async fn send(&self, lane: Lane, command: &Cmd) -> Result<Value, RedisError> {
        let mut connection = match lane {
            Lane::Write => self.writer.clone(),
            Lane::Read => self.reader.clone(),
        };
        connection.send_packed_command(command).await?.extract_error()
    }

    /// Sends a command that blocks for at most [`LONGEST_BLOCK`], on a connection of its own. Whoever gives up waiting
    /// drops the connection with the wait.
    pub(super) async fn wait(&self, command: &Cmd) -> Result<Value, RedisError> {
        let idle = self.waiters().pop();
        let mut connection = if let Some(connection) = idle {
            connection
        } else {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT))
                .set_response_timeout(Some(LONGEST_BLOCK + ANSWER));
            self.client.get_multiplexed_async_connection_with_config(&config).await?
        };
        let answer = connection.send_packed_command(command).await?.extract_error()?;
        let mut waiters = self.waiters();
        if waiters.len() < IDLE_WAITERS {
            waiters.push(connection);
        }
        Ok(answer)
    }

    fn waiters(&self) -> std::sync::MutexGuard<'_, Vec<MultiplexedConnection>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Our word for an error of Redis.
pub(super) fn of(error: RedisError) -> Error {
    if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() || error.is_connection_refusal() {
        Error::Unreachable(error.to_string())
    } else {
        Error::Refused(error.to_string())
    }
}
