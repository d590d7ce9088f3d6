//! The desk that takes what drivers and apps say, and the count every panel asks for.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::guests::{Guests, Hush};
use crate::{
    clock::{self, Clock},
    config,
    domain::{
        city::City,
        demand::{Counted, Demand, Kind, counted, ends_at},
        ids::LotId,
        time::Instant,
    },
    store::{self, Db, demand},
};

/// A node asks this often what other nodes heard.
const EVERY: Duration = Duration::from_secs(1);
/// What has ended is forgotten this often, in rounds of asking.
const FORGET_EVERY: u32 = 60;

/// Why something said is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is no such lot.
    #[error("there is no such lot")]
    NoLot,
    /// The arrival lies too far ahead.
    #[error("must be at most {0} seconds ahead")]
    TooFar(u32),
    /// The address, or all together, have said enough.
    #[error("{0}")]
    TooOften(&'static str),
    /// The app holds as many places of this lot as it may.
    #[error("the app holds {0} places of this lot, as many as it may")]
    Held(u32),
    /// No id could be made.
    #[error("no id could be made: {0}")]
    NoId(#[from] getrandom::Error),
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its id, known to nobody else: it takes what was said back.
    pub id: String,
    /// What counts.
    pub demand: Demand,
}

/// Takes what drivers and apps say, and counts it.
#[derive(Debug)]
pub struct DemandDesk {
    db: Db,
    clock: Clock,
    city: watch::Receiver<Arc<City>>,
    settings: config::Demand,
    running: RwLock<BTreeMap<LotId, Vec<Demand>>>,
    guests: Mutex<Guests>,
}

impl DemandDesk {
    /// A desk that has heard nobody yet.
    pub fn new(db: Db, clock: Clock, city: watch::Receiver<Arc<City>>, settings: config::Demand) -> Self {
        Self { db, clock, city, settings, running: RwLock::default(), guests: Mutex::default() }
    }

    /// The app of a token, if there is one.
    pub fn app(&self, token: &str) -> Option<&str> {
        use subtle::ConstantTimeEq;
        let mut found = None;
        for (app, secret) in &self.settings.apps {
            if !secret.is_empty() && bool::from(secret.reveal().as_bytes().ct_eq(token.as_bytes())) {
                found = Some(app.as_str());
            }
        }
        found
    }

    /// Hears a driver at an address who will be at a lot in `eta_s` seconds.
    pub async fn tell(&self, lot: &LotId, eta_s: u32, peer: IpAddr) -> Result<Told, Error> {
        let demand = self.demand(lot, Kind::Intent, eta_s)?;
        let limits = (self.settings.per_address as usize, self.settings.per_address_and_lot as usize);
        let heard = {
            let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
            guests.hear(peer, lot, self.clock.now(), demand.ends_at, limits)
        };
        if let Err(hush) = heard {
            metrics::counter!("yunpark_under_way_refused_total").increment(1);
            return Err(Error::TooOften(match hush {
                Hush::Often => "this address has told enough for now",
                Hush::SameLot => "this address has told enough of this lot for now",
                Hush::Crowd => "too many are speaking at the moment",
            }));
        }
        self.keep(demand, None).await
    }

    /// Takes an app's wish for a place. No place is kept shut: it is counted, and others are guided elsewhere in time.
    pub async fn reserve(&self, app: &str, lot: &LotId, eta_s: u32) -> Result<Told, Error> {
        let demand = self.demand(lot, Kind::Reservation, eta_s)?;
        let capacity = self.city.borrow().lots.get(lot).map_or(0, |lot| lot.capacity);
        let most = ((self.settings.app_share * f64::from(capacity)) as u32).max(1);
        let held = demand::held(&self.db, app, lot, self.clock.now()).await?;
        if held >= most {
            return Err(Error::Held(held));
        }
        self.keep(demand, Some(app)).await
    }

    /// Takes back what was said; whether there was anything.
    pub async fn withdraw(&self, id: &str) -> Result<bool, Error> {
        let was = demand::remove(&self.db, &hashed(id)).await?;
        if was {
            self.refresh().await?;
        }
        Ok(was)
    }

    /// The drivers under way to a lot who are there before an instant.
    pub fn counted(&self, lot: &LotId, before: Instant) -> Counted {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.get(lot).map_or_else(Counted::default, |demands| counted(demands, self.clock.now(), before))
    }

    /// The places that the drivers under way to a lot take before an instant.
    pub fn places(&self, lot: &LotId, before: Instant) -> u32 {
        let counted = self.counted(lot, before);
        if counted == Counted::default() {
            return 0;
        }
        let capacity = self.city.borrow().lots.get(lot).map_or(0, |lot| lot.capacity);
        counted.places(capacity, self.settings.comes, self.settings.most_share)
    }

    /// Follows what other nodes heard, and forgets what has ended, until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), Infallible> {
        let mut round = 0u32;
        loop {
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "the drivers under way could not be read; what is known counts until it ends");
            }
            if round.is_multiple_of(FORGET_EVERY)
                && let Err(error) = demand::forget_ended(&self.db, self.clock.now()).await
            {
                tracing::warn!(%error, "drivers who arrived could not be forgotten");
            }
            round = round.wrapping_add(1);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    fn demand(&self, lot: &LotId, kind: Kind, eta_s: u32) -> Result<Demand, Error> {
        if !self.city.borrow().lots.contains_key(lot) {
            return Err(Error::NoLot);
        }
        if eta_s > self.settings.furthest_s {
            return Err(Error::TooFar(self.settings.furthest_s));
        }
        let arrives_at = self.clock.now() + chrono::Duration::seconds(eta_s.into());
        let grace = chrono::Duration::seconds(self.settings.grace_s.into());
        Ok(Demand { lot: lot.clone(), kind, arrives_at, ends_at: ends_at(arrives_at, grace) })
    }

    async fn keep(&self, demand: Demand, app: Option<&str>) -> Result<Told, Error> {
        let id = hex::encode(clock::random_bytes::<16>()?);
        demand::add(&self.db, &hashed(&id), app, &demand).await?;
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        running.entry(demand.lot.clone()).or_default().push(demand.clone());
        Ok(Told { id, demand })
    }

    async fn refresh(&self) -> Result<(), store::Error> {
        let mut by_lot: BTreeMap<LotId, Vec<Demand>> = BTreeMap::new();
        for demand in demand::running(&self.db, self.clock.now()).await? {
            by_lot.entry(demand.lot.clone()).or_default().push(demand);
        }
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = by_lot;
        Ok(())
    }
}

/// What is kept of an id: who reads the table can take nothing back.
fn hashed(id: &str) -> String {
    hex::encode(Sha256::digest(id.as_bytes()))
}
