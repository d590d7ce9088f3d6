//! The one room that reads the wall clock and makes random ids; everything else is given `now`.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::Duration;
use rustix::time::{ClockId, clock_gettime};

use crate::domain::time::{Instant, truncate};

/// Where `now` comes from: the system's clock, or a clock a test moves by hand.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// A clock that stands still until it is moved.
    Manual(Arc<Mutex<Instant>>),
    /// The system's clock, but `speed` times as fast from an instant on: for rehearsals with a simulated town.
    Fast {
        /// The instant at which both clocks agree.
        from: Instant,
        /// Times real time.
        speed: f64,
    },
}

impl Clock {
    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Instant) -> Self {
        Self::Manual(Arc::new(Mutex::new(truncate(start))))
    }

    /// The present instant, truncated to microseconds.
    pub fn now(&self) -> Instant {
        match self {
            #[expect(clippy::disallowed_methods, reason = "this is the room that asks the system")]
            Self::System => truncate(chrono::Utc::now()),
            Self::Manual(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
            Self::Fast { from, speed } => {
                let real_us = (Self::System.now() - *from).num_microseconds().unwrap_or(0);
                *from + Duration::microseconds((real_us as f64 * speed) as i64)
            }
        }
    }

    /// Moves a manual clock forward; the system's clock takes no orders.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(at) = self {
            *at.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}

/// Where time since the start of the machine comes from: it never goes back, whatever is done to the wall clock, and goes on while
/// a process is stopped or the machine sleeps.
#[derive(Debug, Clone, Default)]
pub enum Steady {
    /// The machine's.
    #[default]
    System,
    /// A clock that stands still until it is moved.
    Manual(Arc<Mutex<std::time::Duration>>),
}

impl Steady {
    /// A clock that stands at zero until [`Steady::advance`] moves it.
    pub fn manual() -> Self {
        Self::Manual(Arc::default())
    }

    /// Time since the start of the machine.
    pub fn now(&self) -> std::time::Duration {
        match self {
            Self::System => {
                let since = clock_gettime(ClockId::Boottime);
                let (seconds, nanos) = (u64::try_from(since.tv_sec), u32::try_from(since.tv_nsec));
                std::time::Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
            }
            Self::Manual(since) => *since.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a manual clock forward; the machine's takes no orders.
    pub fn advance(&self, by: std::time::Duration) {
        if let Self::Manual(since) = self {
            *since.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}

/// A new unique id: a UUID version 7, so that ids sort by the time they were made.
#[expect(clippy::disallowed_methods, reason = "this is the room that makes ids")]
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// `N` bytes of the operating system's randomness, for tokens and salts.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
