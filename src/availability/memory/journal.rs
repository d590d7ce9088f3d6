//! The journal of the in-process engine: one JSON line for each step, on disk before the step is acknowledged.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    super::{contract::Error, layout::LotLayout, lot_memory::LotMemory},
    core::{Core, State},
};
use crate::domain::{
    action::Action,
    observation::Observation,
    time::{Instant, to_micros},
};

/// The journal is rewritten as one state when it has grown by this much, bytes.
const COMPACT_AFTER: u64 = 64 << 20;
/// How often the lock is tried before it is said to be another's: half a second in all.
const LOCK_TRIES: u32 = 10;
/// The pause after each try.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// One step. Replaying the same steps in the same order gives the same state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// The whole state: what a compacted journal begins with.
    State(State),
    /// A city was declared.
    Configure {
        /// Its lots.
        layouts: Vec<LotLayout>,
        /// When.
        at: Instant,
    },
    /// Observations were applied.
    Apply(Vec<Observation>),
    /// An operator acted.
    Act {
        /// What was done.
        action: Action,
        /// When.
        at: Instant,
    },
    /// Time has passed.
    Sweep {
        /// Until when.
        at: Instant,
    },
    /// A memory from elsewhere was taken.
    Restore {
        /// What was remembered.
        memories: Vec<LotMemory>,
        /// When.
        at: Instant,
    },
}

impl Entry {
    /// Does the step.
    pub(super) fn replay(self, core: &mut Core) {
        match self {
            Self::State(state) => core.load(state),
            Self::Configure { layouts, .. } => core.configure(&layouts),
            Self::Apply(batch) => {
                core.apply(&batch);
            }
            Self::Act { action, at } => {
                core.act(&action, to_micros(at));
            }
            Self::Sweep { at } => {
                core.sweep(to_micros(at));
            }
            Self::Restore { memories, .. } => core.restore(&memories),
        }
    }
}

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Held as long as the journal is open: two processes would each overwrite what the other was told.
    _lock: File,
    /// Bytes that are whole entries.
    length: u64,
    /// Length after the last compaction.
    compacted: u64,
    /// Rewritten when it has grown by this much, bytes.
    pub(super) compact_after: u64,
    /// What went wrong for good: the file no longer says what it should, so nothing more is acknowledged.
    broken: Option<String>,
}

impl Journal {
    /// Opens the journal, replays it into `core`, and rewrites it as one state. A torn end, as a crash leaves it, was
    /// never acknowledged and is cut off; a damaged middle is an error.
    pub(super) fn open(path: PathBuf, core: &mut Core) -> Result<Self, Error> {
        let fault = |reason: String| Error::Journal { path: path.display().to_string(), reason };
        let lock = lock(&path).map_err(fault)?;
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(fault(error.to_string())),
        };
        let whole = replay(&bytes, core).map_err(fault)?;
        if whole < bytes.len() {
            tracing::warn!(
                journal.bytes_dropped = bytes.len() - whole,
                "the journal ended in a torn entry; it was cut off"
            );
        }
        drop(bytes);
        let (file, length) = rewrite(&path, core.state()).map_err(|error| fault(error.to_string()))?;
        let compact_after = COMPACT_AFTER;
        Ok(Self { path, file, _lock: lock, length, compacted: length, compact_after, broken: None })
    }

    /// Appends an entry and waits until it is on disk. After an error the file is as it was before.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        if let Some(reason) = &self.broken {
            return Err(self.fault(reason.clone()));
        }
        let mut line = serde_json::to_vec(entry).map_err(|error| self.fault(error.to_string()))?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line).and_then(|()| self.file.sync_data()) {
            let undone = (self.file.set_len(self.length))
                .and_then(|()| self.file.seek(SeekFrom::Start(self.length)))
                .and_then(|_| self.file.sync_data());
            if let Err(undo) = undone {
                self.broken = Some(format!("a failed entry could not be taken back: {undo}"));
            }
            return Err(self.fault(error.to_string()));
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Whether it has grown so large that it is to be rewritten.
    pub(super) fn is_large(&self) -> bool {
        self.length.saturating_sub(self.compacted) >= self.compact_after
    }

    /// Rewrites the journal as the state that its last entry led to.
    pub(super) fn compact(&mut self, state: Option<State>) {
        match rewrite(&self.path, state) {
            Ok((file, length)) => (self.file, self.length, self.compacted) = (file, length, length),
            Err(error) => {
                tracing::warn!(%error, "the journal could not be compacted; it goes on growing");
                self.compacted = self.length;
            }
        }
    }

    fn fault(&self, reason: String) -> Error {
        Error::Journal { path: self.path.display().to_string(), reason }
    }
}

/// Takes the lock beside the journal, which the system gives back when the process ends, however it ends.
fn lock(path: &Path) -> Result<File, String> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&beside);
    let file = file.map_err(|error| error.to_string())?;
    // A child that is just being started holds our open files until it runs its own program, so one refusal says little.
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(fs::TryLockError::Error(error)) => return Err(error.to_string()),
        }
    }
    Err("another process has it open".to_owned())
}

/// Replays whole entries and returns how many bytes they take.
fn replay(bytes: &[u8], core: &mut Core) -> Result<usize, String> {
    let mut whole = 0;
    let mut damaged = None;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let entry = match line.split_last() {
            Some((b'\n', json)) => serde_json::from_slice::<Entry>(json).ok(),
            _ => None,
        };
        match (entry, damaged) {
            (Some(_), Some(first)) => return Err(format!("line {first} is damaged, though whole lines follow it")),
            (Some(entry), None) => {
                entry.replay(core);
                whole += line.len();
            }
            (None, _) => damaged = damaged.or(Some(number + 1)),
        }
    }
    Ok(whole)
}

/// Writes the state beside the journal and puts it in the journal's place; the old one stands until the new one is whole.
fn rewrite(path: &Path, state: Option<State>) -> std::io::Result<(File, u64)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    let mut writer = BufWriter::new(OpenOptions::new().write(true).create(true).truncate(true).open(&fresh)?);
    if let Some(state) = state {
        serde_json::to_writer(&mut writer, &Entry::State(state))?;
        writer.write_all(b"\n")?;
    }
    let mut file = writer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.sync_data()?;
    fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()?;
    let length = file.stream_position()?;
    Ok((file, length))
}
