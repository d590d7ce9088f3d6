//! Which signs this node drives, where several nodes share them: leases taken, renewed and given back, one hand a partition.

mod hand;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use self::hand::Hand;
use super::fence::{Fence, Tenure};
use crate::{
    availability::{Board, Leases},
    clock::{self, Steady},
    domain::{city::City, ids::SignId, lease::Terms},
    signboard::SignBoard,
};

/// Longest wait for the lots, and for the store's word of older tokens, before signs are taken all the same.
const PATIENCE: Duration = Duration::from_secs(5);
/// Signs that are named where people look after nodes; more are counted.
const MOST_NAMED: usize = 20;

/// The leases this node holds, by the signs.
type Holdings = BTreeMap<SignId, Arc<Tenure>>;

/// What the leases' keeper, the drivers and the record of faces know together.
#[derive(Debug)]
pub struct Tenancy {
    inner: Mutex<Inner>,
    /// Moves whenever what is held does.
    moved: watch::Sender<u64>,
    bells: Vec<Notify>,
    book: Leases,
}

#[derive(Debug, Default)]
struct Inner {
    held: Holdings,
    /// Signs with a driver that has not ended yet.
    driven: BTreeSet<SignId>,
    /// The highest token the store knows of each sign; `None` until it was asked.
    heard: Option<BTreeMap<SignId, u64>>,
    /// The other nodes that live, in each partition's eyes, and what is wrong with the partition.
    seen: BTreeMap<usize, Seen>,
    /// Signs of the city.
    signs: usize,
}

/// What one partition said last.
#[derive(Debug, Default)]
struct Seen {
    nodes: BTreeMap<String, String>,
    fault: Option<String>,
}

impl Tenancy {
    /// Nothing is held yet.
    pub fn new(book: Leases) -> Self {
        let bells = (0..book.shards()).map(|_| Notify::new()).collect();
        Self { inner: Mutex::default(), moved: watch::Sender::new(0), bells, book }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever follows what is held.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// The token under which a sign is held now, if it is.
    pub fn token(&self, sign: &SignId) -> Option<u64> {
        self.inner().held.get(sign).map(|tenure| tenure.token())
    }

    /// What is held now, with the tokens.
    pub fn held(&self) -> BTreeMap<SignId, u64> {
        let inner = self.inner();
        let holds = inner.held.iter().filter(|(_, tenure)| tenure.permits(Duration::ZERO));
        holds.map(|(sign, tenure)| (sign.clone(), tenure.token())).collect()
    }

    /// A driver of a sign begins, if the sign is held. The lease is not given back before [`Tenancy::finish`].
    pub fn begin(&self, sign: &SignId) -> Option<Fence> {
        let mut inner = self.inner();
        let tenure = inner.held.get(sign).cloned()?;
        inner.driven.insert(sign.clone());
        Some(Fence::of(tenure))
    }

    /// The driver of a sign has ended.
    pub fn finish(&self, sign: &SignId) {
        self.inner().driven.remove(sign);
        if let Some(bell) = self.bells.get(self.book.shard_of(sign)) {
            bell.notify_one();
        }
    }

    /// The store knows a higher token of a sign than the one it was held under.
    pub fn superseded(&self, sign: &SignId, token: u64) {
        let mut inner = self.inner();
        if let Some(tenure) = inner.held.get(sign).filter(|tenure| tenure.token() == token) {
            tenure.end();
            inner.held.remove(sign);
        }
        drop(inner);
        self.moved.send_modify(|count| *count += 1);
    }

    /// The highest tokens the store knows.
    pub fn hear(&self, tokens: BTreeMap<SignId, u64>) {
        self.inner().heard = Some(tokens);
    }

    /// How this node's leases are, for whoever looks after it.
    ///
    /// # Errors
    /// What is wrong with a partition whose leases cannot be renewed.
    pub fn told(&self) -> Result<Option<String>, String> {
        let inner = self.inner();
        if let Some(fault) = inner.seen.values().find_map(|seen| seen.fault.as_ref()) {
            return Err(format!("leases of signs cannot be renewed: {fault}"));
        }
        let mut nodes: BTreeSet<&str> = BTreeSet::new();
        for seen in inner.seen.values() {
            nodes.extend(seen.nodes.values().map(String::as_str));
        }
        let mut named: Vec<&str> = inner.held.keys().map(SignId::as_str).take(MOST_NAMED).collect();
        if inner.held.len() > MOST_NAMED {
            named.push("...");
        }
        let nodes: Vec<&str> = nodes.into_iter().collect();
        Ok(Some(format!(
            "drives {} of {} signs ({}); nodes that share them: {}",
            inner.held.len(),
            inner.signs,
            named.join(", "),
            nodes.join(", "),
        )))
    }
}

/// Takes, renews and gives back this node's leases.
pub struct Tenures {
    book: Leases,
    terms: Terms,
    steady: Steady,
    name: String,
    city: watch::Receiver<Arc<City>>,
    board: Arc<SignBoard>,
    lots: Arc<Board>,
    tenancy: Arc<Tenancy>,
}

impl Tenures {
    /// A keeper of the leases of this node, which people call `name`. Nothing is taken before the `lots` are known.
    pub fn new(
        (book, tenancy): (Leases, Arc<Tenancy>),
        terms: Terms,
        name: String,
        city: watch::Receiver<Arc<City>>,
        (board, lots): (Arc<SignBoard>, Arc<Board>),
    ) -> Self {
        Self { book, terms, steady: Steady::System, name, city, board, lots, tenancy }
    }

    /// Keeps the leases until `stop`; then gives each back as soon as its driver has ended.
    ///
    /// # Errors
    /// The system gives no randomness for the name of this life.
    pub async fn run(self, stop: CancellationToken) -> Result<(), getrandom::Error> {
        // A node that is started again under its name is another life: what it held before is not its own any more.
        let life = hex::encode(clock::random_bytes::<8>()?);
        self.wait_for_sight(&stop).await;
        let shards = 0..self.book.shards();
        join_all(shards.map(|shard| Hand::new(&self, shard, life.clone()).work(&stop))).await;
        Ok(())
    }

    /// Waits until this node can guide the signs it takes.
    async fn wait_for_sight(&self, stop: &CancellationToken) {
        let sight = async {
            while !self.lots.is_ready() || self.tenancy.inner().heard.is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            _ = tokio::time::timeout(PATIENCE, sight) => {}
        }
    }

    /// Tells the drivers, the sign board and the metrics what is held.
    fn publish(&self, shard: usize, held: &Holdings) {
        let mut inner = self.tenancy.inner();
        let is_same = {
            let before = inner.held.iter().filter(|(sign, _)| self.book.shard_of(sign) == shard);
            before.map(|(sign, tenure)| (sign, tenure.token())).eq(held.iter().map(|(s, t)| (s, t.token())))
        };
        inner.signs = self.city.borrow().signs.len();
        if is_same {
            return;
        }
        inner.held.retain(|sign, _| self.book.shard_of(sign) != shard);
        inner.held.extend(held.iter().map(|(sign, tenure)| (sign.clone(), tenure.clone())));
        // The board first: a driver that begins must not find what another node wanted its sign to show.
        self.board.drive(inner.held.iter().map(|(sign, tenure)| (sign.clone(), tenure.token())).collect());
        metrics::gauge!("yunpark_sign_leases_held").set(inner.held.len() as f64);
        drop(inner);
        self.tenancy.moved.send_modify(|count| *count += 1);
    }
}
