//! A lot and its spaces, as the city file describes them.

use geo::{Coord, Geometry};
use serde::{Deserialize, Serialize};

use super::{
    ids::{GridCellId, LotId, SpaceId, StreetId},
    text::Localized,
};

/// What kind of vehicle a lot or a space is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum VehicleClass {
    /// Cars, vans, lorries.
    #[default]
    Motor,
    /// E-bikes, bicycles, tricycles.
    NonMotor,
}

/// What a lot is, for words and symbols on the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum LotKind {
    /// A multi-storey or underground garage.
    Garage,
    /// An open car park.
    #[default]
    CarPark,
    /// A street's row of bays.
    Street,
}

/// A special use of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceUse {
    /// For holders of a disabled badge.
    Disabled,
    /// With a charger.
    Charging,
    /// For loading.
    Loading,
    /// For taxis.
    Taxi,
    /// For families.
    Family,
}

/// Which of a lot's reports are its truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedBy {
    /// Every space reports its own state; the lot's counts are a recount of them.
    Spaces,
    /// Entry and exit counters, and absolute counts of a lot controller.
    Counters,
}

/// One bay of a lot.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Unique within the lot.
    pub id: SpaceId,
    /// Its middle, lon/lat WGS-84, when known.
    pub location: Option<Coord>,
    /// Its outline, when known, for the map at high zoom.
    pub outline: Option<geo::Polygon>,
    /// Which vehicles it is for, where that is not the lot's own class.
    pub vehicle_class: Option<VehicleClass>,
    /// Its special uses.
    pub uses: Vec<SpaceUse>,
}

/// A scheduled correction of a counter lot: the number inside is set to a stated or an observed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NightlyReset {
    /// When, each day, in the city's own time.
    pub at: chrono::NaiveTime,
    /// The number of occupied places it sets; `None` takes what the lot's own spaces say.
    pub occupied: Option<u32>,
}

/// A place to park with a capacity.
#[derive(Debug, Clone, PartialEq)]
pub struct Lot {
    /// Unique in the city.
    pub id: LotId,
    /// Its name.
    pub name: Localized,
    /// Garage, car park or street row.
    pub kind: LotKind,
    /// Point or polygon, lon/lat WGS-84.
    pub geometry: Geometry,
    /// The point that stands for the lot on a map, lon/lat WGS-84.
    pub location: Coord,
    /// Number of places, at least the number of `spaces`; places without a sensor count as unknown.
    pub capacity: u32,
    /// Which vehicles it is for.
    pub vehicle_class: VehicleClass,
    /// Bays that report their own state; empty for a lot with counters only.
    pub spaces: Vec<Space>,
    /// Which reports are the truth.
    pub counted_by: CountedBy,
    /// Whether both spaces and counters report; those that are not the truth are kept beside it.
    pub mixed: bool,
    /// A scheduled correction of its counters.
    pub nightly_reset: Option<NightlyReset>,
    /// Number of places of each special use, from the spaces or as stated.
    pub uses: std::collections::BTreeMap<SpaceUse, u32>,
    /// Opening hours in OpenStreetMap syntax; `None` means always open.
    pub opening_hours: Option<String>,
    /// What it costs, in words.
    pub tariff: Option<Localized>,
    /// Greatest height of a vehicle, metres.
    pub max_height_m: Option<f64>,
    /// Where to drive in, lon/lat WGS-84.
    pub entrances: Vec<Coord>,
    /// The street it lies on.
    pub street: Option<StreetId>,
    /// The management cell it lies in.
    pub grid_cell: Option<GridCellId>,
    /// After how many seconds without a word the lot's number is stale; the configured default when absent.
    pub stale_after_s: Option<u32>,
}
