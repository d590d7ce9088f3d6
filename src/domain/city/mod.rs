//! The city: everything the imported file says, read once and looked up by id.

mod approach;
mod codec;
mod document;
mod draft;
mod fault;
mod field;
mod geometry;
mod lines;
mod lot;
mod place;
mod read;
mod sensor;
mod sign;
mod sign_link;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{
    approach::Approach,
    ids::{ApproachId, CameraId, GridCellId, GroupId, LotId, SensorId, SignId, SpaceId, StreetId, ZoneId},
    lot::Lot,
    place::{Camera, GridCell, Street, Zone},
    sign::{LotGroup, Sign, Target},
    text::Localized,
};

pub use codec::DeclaredCodec;
#[cfg(test)]
pub(crate) use codec::meanings as declared_meanings;
pub use document::{CITY, Document, documents};
pub use fault::Fault;
pub use lines::{Lines, remedy};
pub use read::{read, read_documents};

/// Which lot or space a sensor reports for, and how its bytes are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorBinding {
    /// The device: EUI in lower-case hex, or a name.
    pub id: SensorId,
    /// `vendor/model` of its codec.
    pub codec: String,
    /// The lot it reports for; `None` for a counter of an approach.
    pub lot: Option<LotId>,
    /// The space it watches; `None` for a counter of the whole lot, or of an approach.
    pub space: Option<SpaceId>,
    /// The approach whose traffic it counts.
    pub approach: Option<ApproachId>,
    /// How often it says something even if nothing moves, seconds; the codec's own figure when absent.
    pub heartbeat_s: Option<u32>,
    /// Which way its counter counts.
    pub counting: Counting,
    /// What distance is a vehicle.
    pub distance: Option<DistanceRule>,
}

/// How a counter's numbers are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counting {
    /// Which way its only lane counts; `None` as the device says.
    pub direction: Option<LaneWay>,
    /// The lanes that count, each with its way; empty: every lane, as the device says.
    pub lanes: BTreeMap<String, LaneWay>,
    /// What is counted of a device that tells running totals and the period's vehicles; `None` the totals it has.
    pub by: Option<CountBy>,
}

/// Which way a lane leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneWay {
    /// Into the lot what the device counts as in, or what it counts without a direction.
    In,
    /// Out of the lot what the device counts as in, or what it counts without a direction.
    Out,
}

/// Which of a counter's numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountBy {
    /// Running totals: a lost message costs nothing.
    Total,
    /// Vehicles of each message: a lost message is lost.
    Delta,
}

/// From what distance on a bay is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistanceRule {
    /// Nearer is a vehicle, farther is none, millimetres.
    pub threshold_mm: u32,
    /// Within this band around the threshold, millimetres, nothing is said: the bay stays as it was.
    pub hysteresis_mm: u32,
}

/// The whole city as imported.
#[derive(Debug, Clone)]
pub struct City {
    /// Which import it is; 0 where it was never stored.
    pub revision: u64,
    /// Its name.
    pub name: Localized,
    /// Its own time zone, for screens and documents.
    pub time_zone: Tz,
    /// Whether it is made up, so that pages say so.
    pub fictional: bool,
    /// Lots by id.
    pub lots: BTreeMap<LotId, Lot>,
    /// Groups of lots by id.
    pub groups: BTreeMap<GroupId, LotGroup>,
    /// Declared codecs by `vendor/model`.
    pub codecs: BTreeMap<String, DeclaredCodec>,
    /// Sensors by device id.
    pub sensors: BTreeMap<SensorId, SensorBinding>,
    /// Zones by id.
    pub zones: BTreeMap<ZoneId, Zone>,
    /// Streets by id.
    pub streets: BTreeMap<StreetId, Street>,
    /// Grid cells by id.
    pub grid_cells: BTreeMap<GridCellId, GridCell>,
    /// Counted stretches of road on the way to lots, by id.
    pub approaches: BTreeMap<ApproachId, Approach>,
    /// Signs by id.
    pub signs: BTreeMap<SignId, Sign>,
    /// Cameras by id.
    pub cameras: BTreeMap<CameraId, Camera>,
    /// Geometry to draw below the lots, as GeoJSON features: water, green, buildings.
    pub base_map: Vec<geojson::Feature>,
}

impl Default for City {
    /// A city before its first import.
    fn default() -> Self {
        Self {
            revision: 0,
            name: Localized::default(),
            time_zone: chrono_tz::Asia::Shanghai,
            fictional: false,
            lots: BTreeMap::new(),
            groups: BTreeMap::new(),
            codecs: BTreeMap::new(),
            sensors: BTreeMap::new(),
            zones: BTreeMap::new(),
            streets: BTreeMap::new(),
            grid_cells: BTreeMap::new(),
            approaches: BTreeMap::new(),
            signs: BTreeMap::new(),
            cameras: BTreeMap::new(),
            base_map: Vec::new(),
        }
    }
}

impl City {
    /// The lots a panel's target stands for, in the order the city names them; empty if the target is unknown.
    pub fn target_lots<'a>(&'a self, target: &'a Target) -> Vec<&'a Lot> {
        match target {
            Target::Lot(id) => self.lots.get(id).into_iter().collect(),
            Target::Group(id) => {
                self.groups.get(id).into_iter().flat_map(|g| &g.lots).filter_map(|id| self.lots.get(id)).collect()
            }
            Target::Nearest(choices) => choices.iter().filter_map(|choice| self.lots.get(&choice.lot)).collect(),
        }
    }

    /// The name of a target, for a line without a label of its own; of several choices, the first one's.
    pub fn target_name(&self, target: &Target) -> Option<&Localized> {
        match target {
            Target::Lot(id) => self.lots.get(id).map(|lot| &lot.name),
            Target::Group(id) => self.groups.get(id).map(|group| &group.name),
            Target::Nearest(choices) => {
                choices.first().and_then(|first| self.lots.get(&first.lot)).map(|lot| &lot.name)
            }
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::example;
