//! From captures to incidents to records: evidence, dwell, review, the ledger's entries.

mod advancing;
mod appealing;
pub mod auditing;
pub mod behind;
pub mod checking;
mod claiming;
mod closing;
pub mod devices;
mod digest;
pub mod documents;
mod entering;
mod erasing;
mod error;
mod export;
pub mod forms;
pub mod heads;
mod heard;
pub mod hotspots;
mod isapi;
mod itsapi;
mod lookup;
mod manifests;
mod notice;
mod permits;
pub mod petitions;
mod picture;
mod places;
mod receive;
mod recording;
mod reviewing;
pub mod scores;
pub mod sharing;
mod staged;
mod statistics;
pub mod view;
pub mod viid;
mod workbook;
mod workshop;

use std::sync::{Arc, Mutex};

use chrono::Duration;
use tokio::sync::watch;

use self::places::Places;
pub use self::{
    advancing::{Advance, CourseView, DueView},
    appealing::{AppealStep, NewAppeal},
    claiming::{Claim, ReviewOf},
    error::{Error, is_id},
    export::cell as csv_cell,
    heard::Ear,
    lookup::Purpose,
    permits::NewPermit,
    receive::{NewCapture, Received},
    recording::{Bulk, NewRecord, NewSeizure, What},
    reviewing::{Decision, IncidentState, Review},
};
use crate::{
    clock::Clock,
    config,
    domain::{
        city::City,
        ids::LotId,
        incident::Limits,
        place::Zone,
        staff::{Actor, Role},
    },
    store::{Db, evidence::Evidence},
};

/// How many places of a lot are free now, if that can be believed.
pub type FreeNow = Arc<dyn Fn(&LotId) -> Option<u32> + Send + Sync>;

/// A person of the staff who acts at the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Sign-in name.
    pub name: String,
    /// Role at the time of the act.
    pub role: Role,
}

impl Person {
    /// The person as the ledger names them.
    pub fn actor(&self) -> Actor {
        Actor::Staff { name: self.name.clone(), role: self.role }
    }
}

/// The enforcement desk: takes in captures, keeps incidents, writes records.
pub struct Desk {
    db: Db,
    evidence: Evidence,
    city: watch::Receiver<Arc<City>>,
    clock: Clock,
    config: config::Enforcement,
    rules: watch::Receiver<Arc<config::Rules>>,
    free_now: FreeNow,
    places: Mutex<Option<(Arc<City>, Arc<Places>)>>,
    workshop: workshop::Workshop,
    waiting: entering::Waiting,
    viid: viid::Door,
    challenges: digest::Challenges,
    devices: devices::Devices,
    tries: checking::Tries,
    #[cfg(feature = "pdf")]
    setter: Arc<documents::Setter>,
}

impl Desk {
    /// A desk over the database and the evidence files, for the city in force.
    pub fn new(
        db: Db,
        evidence: Evidence,
        city: watch::Receiver<Arc<City>>,
        clock: Clock,
        config: config::Enforcement,
        free_now: FreeNow,
    ) -> Self {
        let viid = viid::Door::new(&config);
        let challenges = digest::Challenges::new(&config.viid_realm);
        let devices = devices::Devices::new(config.max_captures_per_minute);
        let places = Mutex::new(None);
        // Nobody sets anything until the desk is told whose rules it follows.
        let (_, rules) = watch::channel(Arc::new(config::Rules::of(&config)));
        Self {
            db,
            evidence,
            city,
            clock,
            config,
            rules,
            free_now,
            places,
            workshop: workshop::Workshop::default(),
            waiting: entering::Waiting::default(),
            viid,
            challenges,
            devices,
            tries: checking::Tries::default(),
            #[cfg(feature = "pdf")]
            setter: Arc::default(),
        }
    }

    /// The same desk under rules that change while it works.
    #[must_use]
    pub fn under(self, rules: watch::Receiver<Arc<config::Rules>>) -> Self {
        Self { rules, ..self }
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<config::Rules> {
        self.rules.borrow().clone()
    }

    /// The configured limits of this room.
    pub fn config(&self) -> &config::Enforcement {
        &self.config
    }

    /// The door for GA/T 1400 cameras.
    pub fn viid(&self) -> &viid::Door {
        &self.viid
    }

    fn limits(&self) -> Limits {
        Limits {
            gap: Duration::seconds(self.config.gap_s.into()),
            min_picture_gap: Duration::seconds(self.config.min_picture_gap_s.into()),
        }
    }

    /// How long a vehicle may stand in a zone before its stay counts as an offence: what is allowed, and the grace.
    fn allowed(&self, zone: &Zone) -> Duration {
        let grace_s = self.rules().of_class(zone.street_class).grace_s;
        Duration::seconds(i64::from(zone.dwell_s) + i64::from(grace_s))
    }

    /// The city in force.
    fn city(&self) -> Arc<City> {
        self.city.borrow().clone()
    }

    /// The city's zones, cells and lots by place; drawn again when a city is imported.
    fn places(&self) -> (Arc<City>, Arc<Places>) {
        let city = self.city();
        let mut known = self.places.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*known {
            Some((drawn, places)) if Arc::ptr_eq(drawn, &city) => (city, places.clone()),
            _ => {
                let places = Arc::new(Places::of(&city));
                *known = Some((city.clone(), places.clone()));
                (city, places)
            }
        }
    }
}
