//! Where availability is computed and kept: the contract, two engines behind it, and the board that readers look at.
//!
//! The contract (what is newer, what moves a version, what a cursor promises) is written in `docs/availability.md`; both
//! engines keep it, and one suite, `tests/it/availability.rs`, runs over both.

mod board;
mod contract;
mod layout;
mod lot_memory;
mod memory;
mod redis;
mod upkeep;

use std::{path::PathBuf, time::Duration};

pub use board::{Board, BoardState, Changes};
pub use contract::{Cause, Error, Follow, Limits, Loss, Snapshot};
pub use layout::{LotLayout, SpaceLayout};
pub use lot_memory::LotMemory;
pub use memory::Memory;
pub use redis::{
    Redis,
    leases::{Answer, Ask, Leases},
    link::clients as redis_clients,
};
pub use upkeep::{Reset, Upkeep};

use crate::{
    config,
    domain::{
        action::{Action, CounterState},
        availability::{Availability, Cursor, Outcome, SpaceStatus},
        ids::LotId,
        observation::Observation,
        order,
        time::Instant,
    },
};

/// The place where availability is computed and kept. Clones share one state.
#[derive(Debug, Clone)]
pub enum Engine {
    /// In this process, with an optional journal on disk.
    Memory(Memory),
    /// In Redis or Valkey, shared by all nodes.
    Redis(Redis),
}

/// Calls the same method of whichever engine stands behind.
macro_rules! each {
    ($engine:expr, $it:ident => $call:expr) => {
        match $engine {
            Self::Memory($it) => $call,
            Self::Redis($it) => $call,
        }
    };
}

impl Engine {
    /// The in-process engine. With a `journal`, everything acknowledged before is there again.
    pub fn memory(journal: Option<PathBuf>, limits: Limits) -> Result<Self, Error> {
        Memory::open(journal, limits).map(Self::Memory)
    }

    /// The engine in Redis: connects and loads the function library.
    pub async fn redis(config: &config::Availability) -> Result<Self, Error> {
        Redis::connect(config).await.map(Self::Redis)
    }

    /// Declares the whole city: adds lots and spaces, retires those that are gone, keeps the state of what stays.
    /// Declaring the same city again changes nothing.
    pub async fn configure(&self, layouts: &[LotLayout], now: Instant) -> Result<(), Error> {
        each!(self, engine => engine.configure(layouts, now).await)
    }

    /// Applies observations in order and says what became of each. What is about lots of one partition is applied in
    /// one atomic step; after an error the same batch may be applied again, since nothing is counted twice.
    pub async fn apply(&self, batch: &[Observation]) -> Result<Vec<Outcome>, Error> {
        self.apply_followed(batch, &[]).await
    }

    /// The same, with what some of the batch came of, by its place there: it is told to other nodes' followers with the change.
    /// The in-process engine has none.
    pub async fn apply_followed(
        &self,
        batch: &[Observation],
        followed: &[(usize, String)],
    ) -> Result<Vec<Outcome>, Error> {
        match self {
            Self::Memory(engine) => engine.apply(batch).await,
            Self::Redis(engine) => engine.apply(batch, followed).await,
        }
    }

    /// All lots, with the cursor from which [`Engine::changes`] goes on without a gap.
    pub async fn lots(&self) -> Result<Snapshot, Error> {
        match self {
            Self::Memory(engine) => engine.lots(),
            Self::Redis(engine) => engine.lots().await,
        }
    }

    /// One lot; `None` if it is not in the city.
    pub async fn lot(&self, lot: &LotId) -> Result<Option<Availability>, Error> {
        match self {
            Self::Memory(engine) => engine.lot(lot),
            Self::Redis(engine) => engine.lot(lot).await,
        }
    }

    /// The spaces of a lot by their ids; `None` if the lot is not in the city.
    pub async fn spaces(&self, lot: &LotId) -> Result<Option<Vec<SpaceStatus>>, Error> {
        match self {
            Self::Memory(engine) => engine.spaces(lot),
            Self::Redis(engine) => engine.spaces(lot).await,
        }
    }

    /// What changed after the cursor; waits up to `wait` for the first change, then gives none.
    pub async fn changes(&self, after: &Cursor, wait: Duration) -> Result<Follow, Error> {
        each!(self, engine => engine.changes(after, wait).await)
    }

    /// The lots asked for that are in the city, in the order asked.
    pub async fn lots_of(&self, lots: &[LotId]) -> Result<Vec<Availability>, Error> {
        match self {
            Self::Memory(engine) => engine.lots_of(lots),
            Self::Redis(engine) => engine.lots_of(lots).await,
        }
    }

    /// Does what an operator says, atomically; `Confirmed` if it already was so.
    pub async fn act(&self, action: &Action, now: Instant) -> Result<Outcome, Error> {
        each!(self, engine => engine.act(action, now).await)
    }

    /// Lets time pass: spaces whose sensors are silent become stale and then dead, and states held back by the debounce
    /// interval count. Costs as much as the lots that are due. Any node may call it as often as it likes. Says how many
    /// lots moved.
    pub async fn sweep(&self, now: Instant) -> Result<usize, Error> {
        each!(self, engine => engine.sweep(now).await)
    }

    /// What the counters of a lot have counted, and how far they drift; `None` if the lot is not in the city.
    pub async fn counters(&self, lot: &LotId) -> Result<Option<CounterState>, Error> {
        match self {
            Self::Memory(engine) => engine.counters(lot),
            Self::Redis(engine) => engine.counters(lot).await,
        }
    }

    /// The whole memory of the lots asked for, or of all.
    pub async fn export(&self, lots: Option<&[LotId]>) -> Result<Vec<LotMemory>, Error> {
        match self {
            Self::Memory(engine) => engine.export(lots),
            Self::Redis(engine) => engine.export(lots).await,
        }
    }

    /// Takes memories where they are newer than what is there, so that restoring twice is restoring once and nothing goes
    /// back. If anything moved, versions grow and followers take a new snapshot. Lots that are not in the city are passed
    /// over.
    pub async fn restore(&self, memories: &[LotMemory], now: Instant) -> Result<(), Error> {
        each!(self, engine => engine.restore(memories, now).await)
    }

    /// What may have lost something since [`Engine::settle`] was last called for it: a Redis that was emptied, restarted or
    /// replaced by its replica. The in-process engine loses nothing while it lives.
    pub async fn losses(&self) -> Result<Vec<Loss>, Error> {
        match self {
            Self::Memory(_) => Ok(Vec::new()),
            Self::Redis(engine) => engine.losses().await,
        }
    }

    /// Says that what may have been lost is made good; followers take a new snapshot.
    pub async fn settle(&self, losses: &[Loss]) -> Result<(), Error> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(engine) => engine.settle(losses).await,
        }
    }

    /// Whether a lot is among what may have been lost.
    pub fn is_concerned(&self, lot: &LotId, losses: &[Loss]) -> bool {
        match self {
            Self::Memory(_) => true,
            Self::Redis(engine) => engine.lies_in(lot, losses),
        }
    }

    /// Where leases of signs are kept; `None` where the engine is this process's own, whose signs are all its own too.
    pub fn leases(&self) -> Option<Leases> {
        match self {
            Self::Memory(_) => None,
            Self::Redis(engine) => Some(Leases(engine.clone())),
        }
    }

    /// Whether the engine answers.
    pub async fn ping(&self) -> Result<(), Error> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Redis(engine) => engine.ping().await,
        }
    }
}
