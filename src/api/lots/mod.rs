//! `GET /api/v1/lots` and `/lots/{id}`: what a lot is, and what is free in it now.

pub mod actions;
mod filter;
mod forecast;
mod history;
mod spaces;
mod trend;
mod typical;

pub use actions::{ActionBody, ActionView};
pub use filter::{Filter, LotsQuery, QueryFault};
pub use forecast::{ArrivalView, ForecastQuery, ForecastView, tell_arrivals};
pub(in crate::api) use history::instant;
pub use history::{Asked, HistoryPoint, HistoryQuery, HistoryView};
pub use spaces::{SpaceView, SpacesView};
pub use trend::{Trend, tell_trends};
pub use typical::{TypicalQuery, TypicalView};

use std::{collections::BTreeMap, hash::BuildHasher};

use chrono::Duration;
use geo::Coord;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    config,
    domain::{
        availability::{Availability, Cursor, GroupCount, Level, Quality},
        city::City,
        hours::is_open,
        ids::LotId,
        lot::{Lot, LotKind, SpaceUse, VehicleClass},
        text::Localized,
        time::Instant,
    },
};

/// The availability of a lot as the feed, the page and the socket show it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AvailabilityView {
    /// The lot.
    #[schema(value_type = String)]
    pub id: LotId,
    /// Number of places.
    pub capacity: u32,
    /// Places known to be free.
    pub free: u32,
    /// Places known to be occupied.
    pub occupied: u32,
    /// Places nobody has word of.
    pub unknown: u32,
    /// Places taken out of service; reserved ones are among them.
    pub out_of_service: u32,
    /// Of those, the places reserved.
    pub reserved: u32,
    /// Whether an operator has closed the lot.
    pub closed: bool,
    /// Spaces whose sensor has been silent for too long; they count as unknown.
    pub stale_spaces: u32,
    /// Spaces silent for so long that their last word is forgotten; they count as unknown.
    pub dead_spaces: u32,
    /// The same counts for each special use and, in a lot of both vehicle classes, for each class.
    pub groups: Vec<GroupView>,
    /// How far the counts can be trusted, from 0 to 1.
    pub confidence: f64,
    /// When the newest word was said; null before the first.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub observed_at: Option<Instant>,
    /// How far the number can be believed: `live`, `stale`, `no_data`.
    #[schema(value_type = String)]
    pub quality: Quality,
    /// What a driver is told: `free`, `few`, `full`, `closed`, `no_data`.
    #[schema(value_type = String)]
    pub level: Level,
    /// Grows by one with each change.
    pub version: u64,
}

impl AvailabilityView {
    /// The view of one lot at `now`.
    pub fn of(city: &City, lot: &Lot, counts: &Availability, now: Instant, config: &config::Availability) -> Self {
        let open = is_open(lot.opening_hours.as_deref(), city.time_zone, now);
        Self::when(open, lot, counts, now, config)
    }

    /// The view of one lot whose opening hours were already asked.
    pub fn when(open: bool, lot: &Lot, counts: &Availability, now: Instant, config: &config::Availability) -> Self {
        let limit = Duration::seconds(lot.stale_after_s.unwrap_or(config.stale_after_s).into());
        let quality = counts.quality(now, limit);
        Self {
            id: lot.id.clone(),
            capacity: counts.capacity,
            free: counts.free,
            occupied: counts.occupied,
            unknown: counts.unknown,
            out_of_service: counts.out_of_service,
            reserved: counts.reserved,
            closed: counts.closed,
            stale_spaces: counts.stale_spaces,
            dead_spaces: counts.dead_spaces,
            groups: counts.groups.iter().map(GroupView::of).collect(),
            confidence: counts.confidence.as_f64(),
            observed_at: counts.observed_at,
            quality,
            level: counts.level(quality, open),
            version: counts.version,
        }
    }
}

/// The counts of those places of a lot that share a vehicle class or a use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GroupView {
    /// `motor` or `non_motor`, for a group of a class.
    #[schema(value_type = Option<String>)]
    pub class: Option<VehicleClass>,
    /// The special use, for a group of a use.
    #[serde(rename = "use")]
    #[schema(value_type = Option<String>)]
    pub use_: Option<SpaceUse>,
    /// Number of places.
    pub capacity: u32,
    /// Places known to be free.
    pub free: u32,
    /// Places known to be occupied.
    pub occupied: u32,
    /// Places nobody has word of.
    pub unknown: u32,
    /// Places out of service.
    pub out_of_service: u32,
}

impl GroupView {
    fn of(group: &GroupCount) -> Self {
        Self {
            class: group.class,
            use_: group.use_,
            capacity: group.capacity,
            free: group.free,
            occupied: group.occupied,
            unknown: group.unknown,
            out_of_service: group.out_of_service,
        }
    }
}

/// A lot with its availability.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LotView {
    /// Its name.
    #[schema(value_type = Object)]
    pub name: Localized,
    /// `garage`, `car_park`, `street`.
    #[schema(value_type = String)]
    pub kind: LotKind,
    /// `[lon, lat]`, WGS-84.
    pub location: [f64; 2],
    /// `motor`, `non_motor`.
    #[schema(value_type = String)]
    pub vehicle_class: VehicleClass,
    /// Number of places of each special use.
    #[schema(value_type = std::collections::BTreeMap<String, u32>)]
    pub uses: BTreeMap<SpaceUse, u32>,
    /// OpenStreetMap syntax; null means always open.
    pub opening_hours: Option<String>,
    /// Whether it is open now.
    pub open: bool,
    /// What it costs, in words.
    #[schema(value_type = Option<Object>)]
    pub tariff: Option<Localized>,
    /// Greatest height of a vehicle, metres.
    pub max_height_m: Option<f64>,
    /// Where to drive in, `[lon, lat]`.
    pub entrances: Vec<[f64; 2]>,
    /// The street it lies on.
    pub street: Option<String>,
    /// Its counts.
    #[serde(flatten)]
    pub availability: AvailabilityView,
    /// How far it is from the asked place, metres; only where `near` was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<f64>,
    /// What is expected on arrival by road from there; only of the nearest lots, where `near` was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<ArrivalView>,
    /// Whether free places became more or fewer in the last quarter of an hour: `rising`, `falling`, `steady`; absent where
    /// that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub trend: Option<Trend>,
}

impl LotView {
    /// The view of one lot at `now`.
    pub fn of(city: &City, lot: &Lot, counts: &Availability, now: Instant, config: &config::Availability) -> Self {
        let open = is_open(lot.opening_hours.as_deref(), city.time_zone, now);
        Self {
            name: lot.name.clone(),
            kind: lot.kind,
            location: pair(lot.location),
            vehicle_class: lot.vehicle_class,
            uses: lot.uses.clone(),
            opening_hours: lot.opening_hours.clone(),
            open,
            tariff: lot.tariff.clone(),
            max_height_m: lot.max_height_m,
            entrances: lot.entrances.iter().copied().map(pair).collect(),
            street: lot.street.as_ref().map(ToString::to_string),
            availability: AvailabilityView::when(open, lot, counts, now, config),
            distance_m: None,
            arrival: None,
            trend: None,
        }
    }
}

/// The city a list belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CityView {
    /// Its name.
    #[schema(value_type = Object)]
    pub name: Localized,
    /// IANA name of its time zone.
    pub time_zone: &'static str,
    /// Whether it is made up.
    pub fictional: bool,
}

impl CityView {
    /// The view of a city.
    pub fn of(city: &City) -> Self {
        Self { name: city.name.clone(), time_zone: city.time_zone.name(), fictional: city.fictional }
    }
}

/// The answer to `GET /api/v1/lots`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LotsView {
    /// Where the live socket goes on from.
    pub cursor: String,
    /// The instant the ages and levels were judged at.
    #[schema(value_type = String, format = DateTime)]
    pub generated_at: Instant,
    /// The city.
    pub city: CityView,
    /// The lots: nearest first where `near` was asked, else by id.
    pub lots: Vec<LotView>,
}

impl LotsView {
    /// A weak tag that is the same as long as the answer says the same, whenever it was judged: of the import of the city, and
    /// of everything that moves.
    pub fn etag(&self, revision: u64) -> String {
        use std::hash::{Hash, Hasher};
        // The same on every node and after a restart, so that no answer is sent twice.
        let mut hasher = foldhash::fast::FixedState::with_seed(0).build_hasher();
        (revision, &self.cursor).hash(&mut hasher);
        for lot in &self.lots {
            let told = &lot.availability;
            let level = (told.quality as u8, told.level as u8, lot.open, lot.trend.map(|trend| trend as u8));
            (told.id.as_str(), told.version, told.observed_at, level).hash(&mut hasher);
            let arrival = lot.arrival.map(|arrival| (arrival.travel_s, arrival.free, arrival.chance.to_bits()));
            (lot.distance_m.map(f64::to_bits), arrival).hash(&mut hasher);
        }
        format!("W/\"{:016x}\"", hasher.finish())
    }
}

/// All lots the filter lets through.
pub fn list(
    city: &City,
    counts: &BTreeMap<LotId, Availability>,
    cursor: &Cursor,
    filter: &Filter,
    now: Instant,
    config: &config::Availability,
) -> LotsView {
    let mut lots: Vec<LotView> = Vec::new();
    for lot in city.lots.values().filter(|lot| filter.admits(lot.location)) {
        let distance_m = filter.distance_m(lot.location);
        lots.push(LotView { distance_m, ..LotView::of(city, lot, &counts_of(counts, lot), now, config) });
    }
    // Stable, so that equally near lots stay in the order of their ids.
    lots.sort_by(|a, b| a.distance_m.unwrap_or(0.0).total_cmp(&b.distance_m.unwrap_or(0.0)));
    LotsView { cursor: cursor.to_string(), generated_at: now, city: CityView::of(city), lots }
}

/// One lot; `None` if the city has no such lot.
pub fn one(
    city: &City,
    counts: &BTreeMap<LotId, Availability>,
    id: &str,
    now: Instant,
    config: &config::Availability,
) -> Option<LotView> {
    let lot = city.lots.get(id)?;
    Some(LotView::of(city, lot, &counts_of(counts, lot), now, config))
}

/// The lot's counts on the board; a lot the board does not know yet is unheard.
pub fn counts_of(counts: &BTreeMap<LotId, Availability>, lot: &Lot) -> Availability {
    counts.get(&lot.id).cloned().unwrap_or_else(|| Availability::unheard(lot.id.clone(), lot.capacity))
}

fn pair(coord: Coord) -> [f64; 2] {
    [coord.x, coord.y]
}

#[cfg(test)]
mod tests;
