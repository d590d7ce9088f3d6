//! Giving the engine back what it has lost: the newest memory of each lot, wherever it is newer than what is there.

use std::collections::HashSet;

use super::{Error, Keeper, Rebuilt};
use crate::{
    availability::{Cause, Engine, Loss, LotMemory},
    domain::ids::LotId,
    store::availability_state::{self, Kept},
};

/// How far versions are raised after a loss. Nobody knows how many were told after the memory was taken, and none may be
/// told twice with another meaning; no lot changes so often between two rounds of the keeper.
const VERSION_GAP: u64 = 1 << 20;

impl Keeper {
    /// Before the node opens its doors: an engine that keeps less than the store does is given the rest. The in-process
    /// engine has replayed its journal by then, which stays the first truth.
    pub async fn begin(&self) -> Result<(), Error> {
        if matches!(self.engine, Engine::Redis(_)) {
            return self.mend().await;
        }
        let versions = async || -> Result<Vec<u64>, Error> {
            Ok(self.engine.lots().await?.lots.iter().map(|lot| lot.version).collect())
        };
        let before = versions().await?;
        self.give_back(&[], 0).await?;
        let moved = before.iter().zip(versions().await?).filter(|(before, after)| *before != after).count();
        if moved > 0 {
            tracing::warn!(lots = moved, "the store kept what the journal did not; it was given back");
            self.note(Cause::Started, moved);
        }
        Ok(())
    }

    /// Asks the engine what it may have lost, and makes it good.
    pub(super) async fn mend(&self) -> Result<(), Error> {
        let losses = self.engine.losses().await?;
        let Some(cause) = losses.iter().map(|loss| loss.cause).max() else { return Ok(()) };
        let given = self.give_back(&losses, VERSION_GAP).await?;
        self.raise_others(&losses, &given).await?;
        self.engine.settle(&losses).await?;
        if given.is_empty() && cause == Cause::Emptied {
            tracing::info!(cause = cause.name(), "Redis begins empty, and nothing is kept that it could be given");
        } else {
            tracing::warn!(
                cause = cause.name(),
                partitions = losses.len(),
                lots = given.len(),
                "Redis may have lost observations; it was given what is kept, and the sensors' next words bring the rest"
            );
        }
        self.note(cause, given.len());
        Ok(())
    }

    fn note(&self, cause: Cause, lots: usize) {
        metrics::counter!("yunpark_availability_rebuilds_total", "cause" => cause.name()).increment(1);
        let rebuilt = Rebuilt { rebuilt_at: self.clock.now(), cause, lots };
        *self.bell.0.rebuilt.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(rebuilt);
    }

    /// Gives the engine the kept memories that are concerned, with their versions raised; the lots they are of.
    async fn give_back(&self, losses: &[Loss], gap: u64) -> Result<HashSet<LotId>, Error> {
        let mut given = HashSet::new();
        let mut after: Option<LotId> = None;
        loop {
            let page = availability_state::page(&self.db, after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(given) };
            after = Some(last.lot.clone());
            let concerned = page.into_iter().filter(|kept| self.engine.is_concerned(&kept.lot, losses));
            let mut memories: Vec<LotMemory> = concerned.filter_map(read).collect();
            for memory in &mut memories {
                memory.version += gap;
                given.insert(memory.lot.clone());
            }
            if !memories.is_empty() {
                self.engine.restore(&memories, self.clock.now()).await?;
            }
        }
    }

    /// Raises the versions of lots that were heard and not kept yet.
    async fn raise_others(&self, losses: &[Loss], given: &HashSet<LotId>) -> Result<(), Error> {
        let lots = self.engine.lots().await?.lots;
        let others: Vec<LotId> = lots
            .into_iter()
            .filter(|lot| lot.version > 0 && !given.contains(&lot.lot) && self.engine.is_concerned(&lot.lot, losses))
            .map(|lot| lot.lot)
            .collect();
        for batch in others.chunks(super::LOTS_AT_ONCE) {
            let mut memories = self.engine.export(Some(batch)).await?;
            for memory in &mut memories {
                memory.version += VERSION_GAP;
            }
            self.engine.restore(&memories, self.clock.now()).await?;
        }
        Ok(())
    }
}

/// A memory as it was kept; one that cannot be read is told and passed over, so that it does not keep all others back.
fn read(kept: Kept) -> Option<LotMemory> {
    match serde_json::from_str(&kept.doc) {
        Ok(memory) => Some(memory),
        Err(error) => {
            metrics::counter!("yunpark_availability_unreadable_memories_total").increment(1);
            tracing::error!(%error, lot.id = %kept.lot, "what is kept of a lot cannot be read");
            None
        }
    }
}
