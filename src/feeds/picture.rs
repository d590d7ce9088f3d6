//! The picture: the whole city at one cursor, judged at one instant; what every feed is written from.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::Duration;
use geo::Coord;

use super::datum::Crs;
use crate::domain::{
    availability::{Availability, Cursor, Freshness, Level, Quality, SpaceStatus},
    city::City,
    hours::Hours,
    ids::{LotId, SpaceId},
    lot::{CountedBy, Lot, Space, SpaceUse, VehicleClass},
    observation::SpaceState,
    time::Instant,
};

/// The spaces of each lot, by lot and space.
pub type SpaceStates = BTreeMap<LotId, Arc<BTreeMap<SpaceId, SpaceStatus>>>;

/// Whether a lot can be driven into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It is open.
    Open,
    /// It is outside its opening hours.
    OutOfHours,
    /// An operator has closed it.
    ByOperator,
}

/// What is known of one lot, judged at the picture's instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Its counts.
    pub counts: Availability,
    /// How far they can be believed.
    pub quality: Quality,
    /// What a driver is told.
    pub level: Level,
    /// Whether it is open.
    pub opening: Opening,
}

/// The whole city at one cursor.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The city.
    pub city: Arc<City>,
    /// When the city file was imported.
    pub static_at: Instant,
    /// Where it stands in the stream of changes.
    pub cursor: Cursor,
    /// When it was taken, to the second; a picture in which nothing moved is kept for a while.
    pub at: Instant,
    /// The lots in the order of the city, each with its judgement.
    pub lots: Vec<Judged>,
    /// The spaces of the lots that have any.
    pub spaces: Arc<SpaceStates>,
}

/// Opening hours of the lots of one city, read once.
#[derive(Debug, Default)]
pub struct Openings {
    city: Arc<City>,
    hours: HashMap<LotId, Option<Hours>>,
}

impl Openings {
    /// Reads the hours of a city.
    pub fn of(city: &Arc<City>) -> Self {
        let written = city.lots.values().filter_map(|lot| Some((lot.id.clone(), lot.opening_hours.as_deref()?)));
        Self { city: city.clone(), hours: written.map(|(lot, text)| (lot, Hours::parse(text).ok())).collect() }
    }

    /// Whether they are this city's.
    pub fn is_of(&self, city: &Arc<City>) -> bool {
        Arc::ptr_eq(&self.city, city)
    }

    /// A lot without hours is always open; one whose hours cannot be read counts as closed.
    fn is_open(&self, lot: &LotId, now: Instant) -> bool {
        let hours = self.hours.get(lot);
        hours.is_none_or(|hours| hours.as_ref().is_some_and(|hours| hours.is_open(self.city.time_zone, now)))
    }
}

/// What is known of each lot of the city at `now`, in the city's order; a lot with no limit of its own is stale after
/// `stale_after`.
pub fn judge(
    openings: &Openings,
    counts: &BTreeMap<LotId, Availability>,
    now: Instant,
    stale_after: Duration,
) -> Vec<Judged> {
    let judge = |lot: &Lot| {
        let counts = counts.get(&lot.id).cloned();
        let counts = counts.unwrap_or_else(|| Availability::unheard(lot.id.clone(), lot.capacity));
        let limit = lot.stale_after_s.map_or(stale_after, |limit_s| Duration::seconds(limit_s.into()));
        let quality = counts.quality(now, limit);
        let is_open = openings.is_open(&lot.id, now);
        let opening = match (counts.closed, is_open) {
            (true, _) => Opening::ByOperator,
            (false, true) => Opening::Open,
            (false, false) => Opening::OutOfHours,
        };
        Judged { level: counts.level(quality, is_open), quality, opening, counts }
    };
    openings.city.lots.values().map(judge).collect()
}

/// One lot of a picture.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The lot.
    pub lot: &'a Lot,
    /// What is known of it.
    pub judged: &'a Judged,
}

/// What is told of one space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpotState {
    /// No vehicle stands on it.
    Free,
    /// A vehicle stands on it.
    Occupied,
    /// Nobody knows.
    Unknown,
    /// It is out of service, or reserved.
    Closed,
}

/// One space of a picture.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// Its lot.
    pub lot: &'a Lot,
    /// The space.
    pub space: &'a Space,
    /// What is told of it.
    pub state: SpotState,
    /// When its sensor said so; `None` unless that still counts.
    pub observed_at: Option<Instant>,
}

impl Picture {
    /// The lots.
    pub fn sites(&self) -> impl Iterator<Item = Site<'_>> {
        self.city.lots.values().zip(&self.lots).map(|(lot, judged)| Site { lot, judged })
    }

    /// One lot.
    pub fn site(&self, id: &str) -> Option<Site<'_>> {
        self.sites().find(|site| site.lot.id.as_str() == id)
    }

    /// The spaces that stand somewhere of their own, in the order of their lots; a space without a place is told in its lot's
    /// count only.
    pub fn spots(&self) -> impl Iterator<Item = Spot<'_>> {
        self.sites().flat_map(|site| {
            let states = self.spaces.get(&site.lot.id);
            site.lot.spaces.iter().filter(|space| space.location.is_some()).map(move |space| {
                let status = states.and_then(|states| states.get(&space.id));
                site.spot(space, status)
            })
        })
    }
}

impl<'a> Site<'a> {
    /// Its counts, if they can be believed: younger than the lot's limit, and with word of at least one place.
    pub fn live(self) -> Option<&'a Availability> {
        let counts = &self.judged.counts;
        let known = counts.capacity == 0 || counts.unknown < counts.capacity;
        (self.judged.quality == Quality::Live && known).then_some(counts)
    }

    /// Whether it is open.
    pub fn is_open(self) -> bool {
        self.judged.opening == Opening::Open
    }

    /// Whether cars may park there.
    pub fn is_for_cars(self) -> bool {
        self.lot.vehicle_class == VehicleClass::Motor
    }

    /// Whether its bays report, each for itself.
    pub fn by_spaces(self) -> bool {
        self.lot.counted_by == CountedBy::Spaces
    }

    /// Free places of a special use, if its bays are known one by one and the counts can be believed.
    pub fn free_of(self, use_: SpaceUse) -> Option<u32> {
        let counts = self.live()?;
        let group = counts.groups.iter().find(|group| group.use_ == Some(use_) && group.class.is_none())?;
        (group.unknown < group.capacity).then_some(group.free)
    }

    /// Where drivers are to be led: the first entrance, else the lot itself.
    pub fn target(self) -> Coord {
        self.lot.entrances.first().copied().unwrap_or(self.lot.location)
    }

    /// Where it stands, in a datum.
    pub fn place(self, crs: Crs) -> Coord {
        crs.of(self.lot.location)
    }

    fn spot(self, space: &'a Space, status: Option<&SpaceStatus>) -> Spot<'a> {
        let live = self.judged.quality == Quality::Live;
        let (state, observed_at) = match status {
            Some(status) if status.out_of_service => (SpotState::Closed, None),
            Some(status) if live && status.freshness == Freshness::Live => match status.state {
                SpaceState::Free => (SpotState::Free, status.observed_at),
                SpaceState::Occupied => (SpotState::Occupied, status.observed_at),
                SpaceState::Unknown => (SpotState::Unknown, None),
            },
            _ => (SpotState::Unknown, None),
        };
        Spot { lot: self.lot, space, state, observed_at }
    }
}

impl Spot<'_> {
    /// Where it stands, in a datum.
    pub fn place(self, crs: Crs) -> Coord {
        crs.of(self.space.location.unwrap_or(self.lot.location))
    }

    /// Which vehicles it is for.
    pub fn vehicle_class(self) -> VehicleClass {
        self.space.vehicle_class.unwrap_or(self.lot.vehicle_class)
    }
}
