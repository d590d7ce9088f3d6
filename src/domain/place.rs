//! Places of the management map: streets, zones with rules, grid cells, cameras.

use geo::{Coord, LineString, MultiPolygon, Polygon};
use serde::{Deserialize, Serialize};

use super::{
    grid::GridCode,
    ids::{CameraId, GridCellId, StreetId, ZoneId},
    lot::VehicleClass,
    matter::dispatch::Shift,
    text::Localized,
};

/// A street with its class: 1 strict to 4 basic.
#[derive(Debug, Clone, PartialEq)]
pub struct Street {
    /// Unique in the city.
    pub id: StreetId,
    /// Its name.
    pub name: Localized,
    /// 1 (strict) to 4 (basic).
    pub class: u8,
    /// Its line, lon/lat WGS-84.
    pub line: LineString,
}

/// What a zone forbids or allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneRule {
    /// No parking during the zone's hours.
    NoParking,
    /// Parking up to `dwell_s` during the zone's hours.
    TimeLimited,
    /// For non-motor vehicles only.
    NonMotorOnly,
}

/// A polygon with parking rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Unique in the city.
    pub id: ZoneId,
    /// Its name.
    pub name: Localized,
    /// What holds in it.
    pub rule: ZoneRule,
    /// When it holds, OpenStreetMap opening-hours syntax; `None` means always.
    pub hours: Option<String>,
    /// How long a vehicle may stay before an incident is ripe for review, seconds.
    pub dwell_s: u32,
    /// Its street's class, 1 to 4.
    pub street_class: u8,
    /// Its area, lon/lat WGS-84.
    pub area: MultiPolygon,
    /// Which vehicles the rule is for; `None` means all.
    pub vehicle_class: Option<VehicleClass>,
}

/// A management cell with its responsible unit.
#[derive(Debug, Clone, PartialEq)]
pub struct GridCell {
    /// Unique in the city.
    pub id: GridCellId,
    /// Its name.
    pub name: Localized,
    /// The responsible unit.
    pub unit: Localized,
    /// Its area, lon/lat WGS-84.
    pub area: MultiPolygon,
    /// Its code by the national standard, when it has one.
    pub code: Option<GridCode>,
    /// Who walks it when.
    pub shifts: Vec<Shift>,
}

/// A camera that sends captures.
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    /// Unique in the city.
    pub id: CameraId,
    /// Its name.
    pub name: Localized,
    /// Where it stands, lon/lat WGS-84.
    pub location: Coord,
    /// What it sees, lon/lat WGS-84, when known.
    pub view: Option<Polygon>,
    /// The zones it watches; a capture without a place of its own falls in the first.
    pub zones: Vec<ZoneId>,
    /// Its 20-digit GA/T 1400 device id, when it speaks VIID.
    pub viid_device_id: Option<String>,
}
