//! City management: matters said by people and devices, run through seven steps on two command levels, and told to partners.

mod collecting;
pub mod devices;
mod error;
pub mod links;
mod opening;
mod patrolling;
mod places;
mod scoring;
mod stepping;
mod units;
pub mod view;
mod working;

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, watch};

pub use self::{
    collecting::{Collected, NewReport, Reporter},
    devices::{Ailing, Health, HealthOf},
    error::Error,
    patrolling::PlannedCell,
    scoring::{Scores, month},
    stepping::{Handled, NewStep},
};
use self::{places::Places, units::Directory};
use crate::{
    clock::Clock,
    config,
    domain::{
        calendar::Calendar,
        city::City,
        matter::{Catalogue, Rules, WorkClock},
        terms,
    },
    enforcement::Desk,
    feeds::sources::fetch::Fetcher,
    store::Db,
};

/// What follows from the city in force.
struct Drawn {
    city: Arc<City>,
    places: Places,
    directory: Directory,
    clock: WorkClock,
}

/// The desk of city management.
pub struct Matters {
    db: Db,
    /// Keeps pictures.
    desk: Arc<Desk>,
    city: watch::Receiver<Arc<City>>,
    clock: Clock,
    config: config::Matters,
    catalogue: Catalogue,
    holidays: terms::Calendar,
    health: HealthOf,
    fetcher: Fetcher,
    drawn: Mutex<Option<Arc<Drawn>>>,
    since: Mutex<devices::Since>,
    /// Salts the hashes of addresses.
    salt: Vec<u8>,
    bell: Notify,
}

impl Matters {
    /// A desk over the database, for the city in force.
    pub fn new(
        (db, desk): (Db, Arc<Desk>),
        city: watch::Receiver<Arc<City>>,
        clock: Clock,
        config: config::Matters,
        health: HealthOf,
        fetcher: Fetcher,
    ) -> Self {
        let salt = match config.salt.reveal() {
            "" => crate::clock::random_bytes::<16>().map(Vec::from).unwrap_or_default(),
            salt => salt.as_bytes().to_vec(),
        };
        let holidays = desk.config().law.calendar.clone();
        Self {
            catalogue: config.catalogue(),
            db,
            desk,
            city,
            clock,
            config,
            holidays,
            health,
            fetcher,
            drawn: Mutex::default(),
            since: Mutex::default(),
            salt,
            bell: Notify::new(),
        }
    }

    /// The configured section.
    pub fn config(&self) -> &config::Matters {
        &self.config
    }

    /// Kinds of matters, and the flow.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What follows from the city; drawn again when one is imported.
    fn drawn(&self) -> Arc<Drawn> {
        let city = self.city.borrow().clone();
        let mut known = self.drawn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(drawn) = known.as_ref().filter(|drawn| Arc::ptr_eq(&drawn.city, &city)) {
            return drawn.clone();
        }
        let calendar = Calendar::new(city.time_zone, self.holidays.holidays.clone(), self.holidays.workdays.clone());
        let drawn = Arc::new(Drawn {
            places: Places::of(&city),
            directory: Directory::of(&self.config, &city),
            clock: WorkClock::new(calendar, self.config.working_hours.clone()),
            city,
        });
        *known = Some(drawn.clone());
        drawn
    }

    fn rules<'a>(&'a self, drawn: &'a Drawn) -> Rules<'a> {
        Rules { catalogue: &self.catalogue, clock: &drawn.clock }
    }
}
