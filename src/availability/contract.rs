//! The words of the contract both engines keep: limits, snapshots, what a follower is given, and errors.

use serde::Serialize;

use crate::{
    config,
    domain::{
        availability::{Availability, Change, Cursor},
        observation::Observation,
        time::to_micros,
    },
};

/// What an engine refuses, and how much it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// An observation further ahead of its receipt is refused, milliseconds.
    pub max_future_ms: u64,
    /// A sequence number that fell back is a restarted device if its time is this much later, seconds.
    pub seq_reset_after_s: u32,
    /// Changes kept (per partition) for readers that resume.
    pub stream_length: usize,
    /// A running total that moved by more at once is quarantined, vehicles.
    pub max_delta: u32,
    /// A space's counted state moves at most once in this time, milliseconds.
    pub debounce_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_future_ms: 60_000, seq_reset_after_s: 600, stream_length: 10_000, max_delta: 500, debounce_ms: 0 }
    }
}

impl Limits {
    /// The limits as configured.
    pub fn of(config: &config::Availability) -> Self {
        Self {
            max_future_ms: config.max_future_ms,
            seq_reset_after_s: config.seq_reset_after_s,
            stream_length: config.stream_length,
            max_delta: config.max_counter_delta,
            debounce_ms: config.debounce_ms,
        }
    }

    /// Microseconds after which a sequence number that fell back is believed.
    pub(super) fn seq_reset_us(self) -> i64 {
        i64::from(self.seq_reset_after_s) * 1_000_000
    }

    /// Microseconds in which a space's counted state moves at most once.
    pub(super) fn debounce_us(self) -> i64 {
        i64::try_from(self.debounce_ms).unwrap_or(i64::MAX).saturating_mul(1000)
    }

    /// What an observation's own times say of it, before its order is looked at.
    pub(super) fn timing(self, observation: &Observation) -> Timing {
        let (observed, received) = (to_micros(observation.observed_at), to_micros(observation.received_at));
        let ahead_us = i64::try_from(self.max_future_ms).unwrap_or(i64::MAX).saturating_mul(1000);
        if observed <= 0 {
            Timing::Ancient
        } else if observed > received.saturating_add(ahead_us) || observed > LAST_EXACT_US {
            Timing::Future
        } else {
            Timing::Plausible
        }
    }
}

/// The last microsecond a double holds exactly, in the year 2255: the function library counts in doubles.
pub(super) const LAST_EXACT_US: i64 = 1 << 53;

/// Whether an observation's time can be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timing {
    /// It may be applied.
    Plausible,
    /// It claims a time too far ahead.
    Future,
    /// It claims a time of 1970 or before: later than anything known, by contract.
    Ancient,
}

/// All lots at one cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where to go on from.
    pub cursor: Cursor,
    /// Every lot of the city, by id.
    pub lots: Vec<Availability>,
}

/// What a follower is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follow {
    /// What changed since the cursor, oldest first, and where to go on from.
    Changes {
        /// Where to go on from.
        cursor: Cursor,
        /// The changes; none if the wait was over first.
        changes: Vec<Change>,
    },
    /// The cursor is too old, malformed, or of another life of the engine: take a new snapshot.
    TooOld,
}

/// A part of what the engine holds that may have lost something since it was last known to be whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Why.
    pub cause: Cause,
    /// The partition.
    pub(super) partition: usize,
    /// The life of the server that holds it now.
    pub(super) server: String,
}

/// Why something may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// This process began, and kept nothing by itself.
    Started,
    /// The server was restarted or replaced by another, which may have been behind.
    ServerChanged,
    /// The server holds nothing any more, or never did.
    Emptied,
}

impl Cause {
    /// Its name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::ServerChanged => "server_changed",
            Self::Emptied => "emptied",
        }
    }
}

/// Why an engine could not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No city was declared yet.
    #[error("no city has been declared to the availability engine")]
    NotConfigured,
    /// Redis could not be reached, or did not answer in time.
    #[error("Redis does not answer: {0}")]
    Unreachable(String),
    /// Redis answered with an error, or with something that is not ours.
    #[error("Redis refused: {0}")]
    Refused(String),
    /// A setting cannot be used.
    #[error("{0}")]
    Setting(String),
    /// The journal could not be read or written; what was asked is not done.
    #[error("the availability journal {path}: {reason}")]
    Journal {
        /// The file.
        path: String,
        /// What went wrong.
        reason: String,
    },
}
