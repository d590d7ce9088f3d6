//! The in-process engine: plain synchronous state behind a lock, with an optional journal on disk.

mod core;
mod counter;
mod journal;
mod lot;
mod ring;
mod space;
mod tally;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use self::{
    core::Core,
    journal::{Entry, Journal},
};
use super::{
    contract::{Error, Follow, Limits, Snapshot},
    layout::LotLayout,
    lot_memory::LotMemory,
};
use crate::{
    clock,
    domain::{
        action::{Action, CounterState},
        availability::{Availability, Cursor, Outcome, SpaceStatus},
        ids::LotId,
        observation::Observation,
        time::{Instant, to_micros},
    },
};

/// The in-process engine. Clones share one state.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Held over a whole step, so that the journal's order is the order of application.
    journal: Mutex<Option<Journal>>,
    /// Held only while the state is read or moved, never while the disk is written.
    core: Mutex<Core>,
    /// Names this life of the engine in its cursors.
    epoch: String,
    /// Whether steps wait for a disk.
    has_journal: bool,
    /// The number of the next change, for those who wait for it.
    next: watch::Sender<u64>,
}

impl Memory {
    /// An engine with no city, or with what its journal holds.
    pub fn open(journal: Option<PathBuf>, limits: Limits) -> Result<Self, Error> {
        let mut core = Core::new(limits);
        let journal = journal.map(|path| Journal::open(path, &mut core)).transpose()?;
        let epoch = clock::random_bytes::<8>()
            .map_err(|error| Error::Setting(format!("the system gives no randomness: {error}")))?;
        let next = watch::Sender::new(core.next());
        Ok(Self(Arc::new(Inner {
            has_journal: journal.is_some(),
            journal: Mutex::new(journal),
            core: Mutex::new(core),
            epoch: hex::encode(epoch),
            next,
        })))
    }

    /// See [`super::Engine::configure`].
    pub async fn configure(&self, layouts: &[LotLayout], now: Instant) -> Result<(), Error> {
        let layouts = layouts.to_vec();
        self.step(move || Entry::Configure { layouts, at: now }, Entry::replay).await
    }

    /// See [`super::Engine::apply`].
    pub async fn apply(&self, batch: &[Observation]) -> Result<Vec<Outcome>, Error> {
        if !self.core().is_configured() {
            return Err(Error::NotConfigured);
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        if !self.0.has_journal {
            let mut core = self.core();
            let outcomes = core.apply(batch);
            self.0.next.send_replace(core.next());
            return Ok(outcomes);
        }
        let batch = batch.to_vec();
        self.step(
            move || Entry::Apply(batch),
            |entry, core| if let Entry::Apply(batch) = entry { core.apply(&batch) } else { Vec::new() },
        )
        .await
    }

    /// See [`super::Engine::lots`].
    pub fn lots(&self) -> Result<Snapshot, Error> {
        let core = self.core();
        let lots = core.lots().ok_or(Error::NotConfigured)?;
        Ok(Snapshot { cursor: self.cursor(core.generation, core.next()), lots })
    }

    /// See [`super::Engine::lot`].
    pub fn lot(&self, lot: &LotId) -> Result<Option<Availability>, Error> {
        let core = self.core();
        if core.is_configured() { Ok(core.lot(lot)) } else { Err(Error::NotConfigured) }
    }

    /// See [`super::Engine::spaces`].
    pub fn spaces(&self, lot: &LotId) -> Result<Option<Vec<SpaceStatus>>, Error> {
        let core = self.core();
        if core.is_configured() { Ok(core.spaces(lot)) } else { Err(Error::NotConfigured) }
    }

    /// See [`super::Engine::changes`].
    pub async fn changes(&self, after: &Cursor, wait: Duration) -> Result<Follow, Error> {
        let mut next = self.0.next.subscribe();
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        let Some((generation, from)) = self.place(after) else { return Ok(Follow::TooOld) };
        loop {
            next.mark_unchanged();
            {
                let core = self.core();
                if core.generation != generation {
                    return Ok(Follow::TooOld);
                }
                match core.changes_from(from) {
                    None => return Ok(Follow::TooOld),
                    Some((_, changes)) if changes.is_empty() => {}
                    Some((to, changes)) => {
                        return Ok(Follow::Changes { cursor: self.cursor(generation, to), changes });
                    }
                }
            }
            tokio::select! {
                () = &mut deadline => return Ok(Follow::Changes { cursor: after.clone(), changes: Vec::new() }),
                _ = next.changed() => {}
            }
        }
    }

    /// See [`super::Engine::act`].
    pub async fn act(&self, action: &Action, now: Instant) -> Result<Outcome, Error> {
        if !self.core().is_configured() {
            return Err(Error::NotConfigured);
        }
        let (action, logged) = (action.clone(), action.clone());
        self.step(move || Entry::Act { action: logged, at: now }, move |_, core| core.act(&action, to_micros(now)))
            .await
    }

    /// See [`super::Engine::sweep`].
    pub async fn sweep(&self, now: Instant) -> Result<usize, Error> {
        if !self.core().is_due(to_micros(now)) {
            return Ok(0);
        }
        self.step(move || Entry::Sweep { at: now }, move |_, core| core.sweep(to_micros(now))).await
    }

    /// See [`super::Engine::counters`].
    pub fn counters(&self, lot: &LotId) -> Result<Option<CounterState>, Error> {
        let core = self.core();
        if core.is_configured() { Ok(core.counters(lot)) } else { Err(Error::NotConfigured) }
    }

    /// See [`super::Engine::lots_of`].
    pub fn lots_of(&self, lots: &[LotId]) -> Result<Vec<Availability>, Error> {
        let core = self.core();
        if !core.is_configured() {
            return Err(Error::NotConfigured);
        }
        Ok(lots.iter().filter_map(|lot| core.lot(lot)).collect())
    }

    /// See [`super::Engine::export`].
    pub fn export(&self, lots: Option<&[LotId]>) -> Result<Vec<LotMemory>, Error> {
        let core = self.core();
        if core.is_configured() { Ok(core.export(lots)) } else { Err(Error::NotConfigured) }
    }

    /// See [`super::Engine::restore`].
    pub async fn restore(&self, memories: &[LotMemory], now: Instant) -> Result<(), Error> {
        if !self.core().is_configured() {
            return Err(Error::NotConfigured);
        }
        let memories = memories.to_vec();
        self.step(move || Entry::Restore { memories, at: now }, Entry::replay).await
    }

    /// Writes a step to the journal, then does it. With a journal this waits for the disk, off the async threads.
    async fn step<T: Send + 'static>(
        &self,
        entry: impl FnOnce() -> Entry + Send + 'static,
        act: impl FnOnce(Entry, &mut Core) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let inner = self.0.clone();
        let work = move || {
            let mut journal = inner.journal.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = entry();
            if let Some(journal) = journal.as_mut() {
                journal.append(&entry)?;
            }
            let mut core = inner.core.lock().unwrap_or_else(PoisonError::into_inner);
            let result = act(entry, &mut core);
            inner.next.send_replace(core.next());
            if let Some(journal) = journal.as_mut().filter(|journal| journal.is_large()) {
                // Copied, so that readers need not wait for the disk; the journal's own lock keeps other steps out.
                let state = core.state();
                drop(core);
                journal.compact(state);
            }
            Ok(result)
        };
        if !self.0.has_journal {
            return work();
        }
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Error::Journal { path: String::new(), reason: format!("the writer died: {error}") })?
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.0.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cursor(&self, generation: u64, number: u64) -> Cursor {
        Cursor(format!("m{}.{generation}.{number}", self.0.epoch))
    }

    /// The generation and number a cursor stands for; `None` if it is not of this engine's life.
    fn place(&self, cursor: &Cursor) -> Option<(u64, u64)> {
        let (generation, number) =
            cursor.0.strip_prefix('m')?.strip_prefix(self.0.epoch.as_str())?.strip_prefix('.')?.split_once('.')?;
        Some((generation.parse().ok()?, number.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::domain::{lot::CountedBy, observation::Statement};

    fn free(count: u32, second: i64) -> Observation {
        let at = Instant::UNIX_EPOCH + chrono::Duration::seconds(second);
        Observation {
            lot: LotId::parse("L1").unwrap(),
            statement: Statement::Free { count },
            observed_at: at,
            received_at: at,
            session: None,
            seq: None,
        }
    }

    fn shown(memory: &Memory) -> u32 {
        memory.lots().unwrap().lots[0].free
    }

    #[tokio::test]
    async fn counts_are_read_while_the_journal_is_rewritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let limits = Limits { seq_reset_after_s: 60, stream_length: 16, ..Limits::default() };
        let memory = Memory::open(Some(path.clone()), limits).unwrap();
        let lot = LotId::parse("L1").unwrap();
        let layout = LotLayout {
            lot,
            capacity: 10,
            counted_by: CountedBy::Counters,
            mixed: false,
            spaces: Vec::new(),
            uses: std::collections::BTreeMap::new(),
        };
        memory.configure(&[layout], Instant::UNIX_EPOCH).await.unwrap();
        memory.apply(&[free(3, 1)]).await.unwrap();

        // A disk that does not take a byte until somebody reads the other end.
        let slow = dir.path().join("journal.new");
        assert!(std::process::Command::new("mkfifo").arg(&slow).status().unwrap().success());
        memory.0.journal.lock().unwrap().as_mut().unwrap().compact_after = 0;
        let batch = [free(4, 2)];
        let rewriting = memory.apply(&batch);
        let reading = async {
            let reader = memory.clone();
            let seen = tokio::task::spawn_blocking(move || {
                let deadline = std::time::Instant::now() + Duration::from_secs(30);
                while std::time::Instant::now() < deadline {
                    if reader.0.core.try_lock().is_ok_and(|core| core.lots().is_some_and(|lots| lots[0].free == 4)) {
                        return true;
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                false
            });
            let seen = seen.await.unwrap();
            let held = memory.0.journal.try_lock().is_err();
            let drained = slow.clone();
            tokio::task::spawn_blocking(move || {
                let mut sink = Vec::new();
                std::fs::File::open(drained).unwrap().read_to_end(&mut sink).unwrap();
            })
            .await
            .unwrap();
            (seen, held)
        };
        let (outcomes, (seen, held)) = tokio::join!(rewriting, reading);
        assert!(seen, "the new count is there for readers although the disk still works");
        assert!(held, "and the next step waits for the disk");
        assert_eq!(outcomes.unwrap(), [Outcome::Changed], "a journal that cannot be rewritten goes on growing");

        std::fs::remove_file(&slow).unwrap();
        memory.apply(&[free(5, 3)]).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1, "rewritten as one state");
        drop(memory);
        assert_eq!(shown(&Memory::open(Some(path), limits).unwrap()), 5);
    }
}
