//! Streets, zones, grid cells, cameras and the base map of the city file.

use geo::{Geometry, LineString};

use super::{
    draft::{Draft, Thing},
    field::{Field, Object, well},
    geometry::{self, Shape},
};
use crate::domain::{
    grid::GridCode,
    ids::{BaseId, CameraId, GridCellId, StreetId, ZoneId},
    matter::dispatch::Shift,
    place::{Camera, GridCell, Street, Zone},
};

/// Longest stay a zone may allow, seconds: a week.
const MAX_DWELL_S: u32 = 604_800;

/// What the base map may draw.
const BASE_CLASSES: [&str; 4] = ["water", "green", "building", "road"];

impl<'a> Draft<'a> {
    /// Reads a `street` feature's properties.
    pub(super) fn street(&mut self, id: Option<StreetId>, mut street: Object<'a>, geometry: Option<Geometry>) {
        let name = street.need("name").and_then(|f| f.localized());
        let class = street.need("class").and_then(|f| street_class(&f));
        street.finish();
        let read = || {
            let line = LineString::try_from(geometry?).ok()?;
            Some(Street { id: id?, name: name?, class: class?, line })
        };
        self.city.streets.extend(read().map(|street| (street.id.clone(), street)));
    }

    /// Reads a `zone` feature's properties.
    pub(super) fn zone(&mut self, id: Option<ZoneId>, mut zone: Object<'a>, geometry: Option<Geometry>) {
        let name = zone.need("name").and_then(|f| f.localized());
        let rule = zone.need("rule").and_then(|f| f.word());
        let hours = zone.may("hours").map(|f| f.hours());
        let dwell_s = zone.need("dwell_s").and_then(|f| f.whole(0..=MAX_DWELL_S));
        let class = zone.need("street_class").and_then(|f| street_class(&f));
        let vehicle_class = zone.may("vehicle_class").map(|f| f.word());
        zone.finish();
        let read = || {
            Some(Zone {
                id: id?,
                name: name?,
                rule: rule?,
                hours: well(hours)?,
                dwell_s: dwell_s?,
                street_class: class?,
                area: geometry::areas(geometry?),
                vehicle_class: well(vehicle_class)?,
            })
        };
        self.city.zones.extend(read().map(|zone| (zone.id.clone(), zone)));
    }

    /// Reads a `grid_cell` feature's properties.
    pub(super) fn grid_cell(&mut self, id: Option<GridCellId>, mut cell: Object<'a>, geometry: Option<Geometry>) {
        let name = cell.need("name").and_then(|f| f.localized());
        let unit = cell.need("unit").and_then(|f| f.localized());
        let code = cell.may("code").map(|f| self.grid_code(&f));
        let shifts = cell.may("shifts").map(|f| shifts(&f));
        cell.finish();
        let read = || {
            Some(GridCell {
                id: id?,
                name: name?,
                unit: unit?,
                area: geometry::areas(geometry?),
                code: well(code)?,
                shifts: well(shifts)?.unwrap_or_default(),
            })
        };
        self.city.grid_cells.extend(read().map(|cell| (cell.id.clone(), cell)));
    }

    fn grid_code(&mut self, field: &Field<'a>) -> Option<GridCode> {
        let code: GridCode = field.id()?;
        self.declare(field, Thing::GridCode(code.to_string()));
        Some(code)
    }

    /// Reads a `camera` feature's properties.
    pub(super) fn camera(&mut self, id: Option<CameraId>, mut camera: Object<'a>, geometry: Option<Geometry>) {
        let name = camera.need("name").and_then(|f| f.localized());
        let zones = camera.may("zones").map(|f| self.zones_of(&f));
        let view = camera.may("view").map(|f| geometry::read(&f, Shape::Polygon));
        let device = camera.may("viid_device_id").map(|f| self.viid_device(&f));
        camera.finish();
        let read = || {
            Some(Camera {
                id: id?,
                name: name?,
                location: geometry::representative(&geometry?)?,
                view: well(view)?.and_then(|view| view.try_into().ok()),
                zones: well(zones)?.unwrap_or_default(),
                viid_device_id: well(device)?,
            })
        };
        self.city.cameras.extend(read().map(|camera| (camera.id.clone(), camera)));
    }

    fn zones_of(&mut self, list: &Field<'a>) -> Option<Vec<ZoneId>> {
        let zones: Vec<Option<ZoneId>> = list.list()?.iter().map(|f| self.id_of(f, Thing::Zone)).collect();
        zones.into_iter().collect()
    }

    fn viid_device(&mut self, field: &Field<'a>) -> Option<String> {
        let text = field.text()?;
        if text.len() != 20 || !text.bytes().all(|b| b.is_ascii_digit()) {
            field.fault("a GA/T 1400 device id has 20 digits");
            return None;
        }
        self.declare(field, Thing::ViidDevice(text.to_owned()));
        Some(text.to_owned())
    }

    /// Reads a `base` feature's properties and keeps the feature for the base map.
    pub(super) fn base(&mut self, id: Option<BaseId>, mut base: Object<'a>, geometry: Option<Geometry>) {
        let class = base.need("class").and_then(|f| {
            let class = f.text()?;
            let known = BASE_CLASSES.contains(&class);
            if !known {
                f.fault(format_args!("must be one of {}", BASE_CLASSES.join(", ")));
            }
            known.then_some(class)
        });
        let name = base.may("name").map(|f| f.localized());
        base.finish();
        let read = || {
            let mut feature = geojson::Feature::from(geojson::Geometry::from(&geometry?));
            feature.set_property("id", id?.as_str());
            feature.set_property("kind", "base");
            feature.set_property("class", class?);
            if let Some(name) = well(name)? {
                feature.set_property("name", serde_json::to_value(name).ok()?);
            }
            Some(feature)
        };
        self.city.base_map.extend(read());
    }
}

/// Who walks a cell when: `[{"hours": "Mo-Fr 08:00-18:00", "people": ["wang"]}]`.
fn shifts(field: &Field<'_>) -> Option<Vec<Shift>> {
    let read = field.list()?.into_iter().map(|item| {
        let mut shift = item.object()?;
        let hours = shift.need("hours").and_then(|f| f.hours());
        let people = shift.need("people").and_then(|f| {
            let names: Vec<Option<String>> = f.list()?.iter().map(|name| name.text().map(str::to_owned)).collect();
            names.into_iter().collect::<Option<Vec<String>>>()
        });
        shift.finish();
        Some(Shift { hours: hours?, people: people? })
    });
    let read: Vec<Option<Shift>> = read.collect();
    read.into_iter().collect()
}

/// A street's class: 1 strict to 4 basic.
fn street_class(field: &Field<'_>) -> Option<u8> {
    field.whole(1..=4).and_then(|class| u8::try_from(class).ok())
}
