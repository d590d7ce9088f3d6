//! Lots and spaces of the city file.

use super::{
    draft::{Draft, LotDraft, Thing},
    field::{Field, Object, well},
    geometry,
};
use crate::domain::{
    ids::{LotId, SpaceId},
    lot::{CountedBy, Lot, NightlyReset, Space, SpaceUse},
};
use geo::{Coord, Geometry};

/// Most places of one lot.
pub const MAX_CAPACITY: u32 = 1_000_000;

impl<'a> Draft<'a> {
    /// Reads a `lot` feature's properties; the geometry is checked already.
    pub(super) fn lot(&mut self, id: Option<LotId>, mut lot: Object<'a>, geometry: Option<Geometry>) {
        let name = lot.need("name").map(|f| f.localized());
        let kind = lot.may("lot_kind").map(|f| f.word());
        let capacity = lot.need("capacity").map(|f| f.whole(1..=MAX_CAPACITY));
        let vehicle_class = lot.may("vehicle_class").map(|f| f.word());
        let counted_by = lot.may("counted_by").map(|f| f.word::<CountedBy>());
        let uses = lot.may("uses").map(|f| f.counts::<SpaceUse>(0..=MAX_CAPACITY));
        let opening_hours = lot.may("opening_hours").map(|f| f.hours());
        let tariff = lot.may("tariff").map(|f| f.localized());
        let max_height_m = lot.may("max_height_m").map(|f| f.number(1.0..=20.0));
        let entrances = lot.may("entrances").map(|f| positions(&f));
        let street = lot.may("street").map(|f| self.id_of(&f, Thing::Street));
        let grid_cell = lot.may("grid_cell").map(|f| self.id_of(&f, Thing::GridCell));
        let stale_after_s = lot.may("stale_after_s").map(|f| f.whole(1..=31_536_000));
        let mixed = lot.may("mixed").map(|f| f.flag());
        let nightly_reset = lot.may("nightly_reset").map(|f| nightly_reset(&f));
        let spaces = lot.may("spaces").map(|f| self.spaces_of(id.as_ref(), &f));
        let properties = lot.field().clone();
        lot.finish();
        let draft = || {
            let geometry = geometry?;
            Some(LotDraft {
                properties,
                lot: Lot {
                    id: id?,
                    name: name??,
                    kind: well(kind)?.unwrap_or_default(),
                    location: geometry::representative(&geometry)?,
                    geometry,
                    capacity: capacity??,
                    vehicle_class: well(vehicle_class)?.unwrap_or_default(),
                    spaces: well(spaces)?.unwrap_or_default(),
                    counted_by: CountedBy::Counters,
                    mixed: well(mixed)?.unwrap_or_default(),
                    nightly_reset: well(nightly_reset)?,
                    uses: std::collections::BTreeMap::new(),
                    opening_hours: well(opening_hours)?,
                    tariff: well(tariff)?,
                    max_height_m: well(max_height_m)?,
                    entrances: well(entrances)?.unwrap_or_default(),
                    street: well(street)?,
                    grid_cell: well(grid_cell)?,
                    stale_after_s: well(stale_after_s)?,
                },
                counted_by: well(counted_by)?,
                uses: well(uses)?,
            })
        };
        self.lots.extend(draft());
    }

    /// An id that must be declared somewhere in the file.
    pub(super) fn id_of<T>(&mut self, field: &Field<'a>, thing: fn(T) -> Thing) -> Option<T>
    where
        T: std::str::FromStr<Err: std::fmt::Display> + Clone,
    {
        let id: T = field.id()?;
        self.refer(field, thing(id.clone()));
        Some(id)
    }

    /// Reads a lot's own list of spaces: each with its details, or a bare id.
    fn spaces_of(&mut self, lot: Option<&LotId>, list: &Field<'a>) -> Option<Vec<Space>> {
        let (mut spaces, mut whole) = (Vec::new(), true);
        for item in list.list()? {
            let bare = item.value().is_string();
            let space = if bare {
                let space = |id| Space { id, location: None, outline: None, vehicle_class: None, uses: Vec::new() };
                item.id().map(|id| (item, space(id)))
            } else {
                listed_space(&item)
            };
            let Some((field, space)) = space else {
                whole = false;
                continue;
            };
            if let Some(lot) = lot {
                self.declare(&field, Thing::Space(lot.clone(), space.id.clone()));
                if bare {
                    self.bare.insert((lot.clone(), space.id.clone()));
                }
            }
            spaces.push(space);
        }
        whole.then_some(spaces)
    }

    /// Reads a `space` feature's properties.
    pub(super) fn space(
        &mut self,
        id: Option<(Field<'a>, SpaceId)>,
        mut space: Object<'a>,
        geometry: Option<Geometry>,
    ) {
        let lot: Option<LotId> = space.need("lot").and_then(|f| self.id_of(&f, Thing::Lot));
        let vehicle_class = space.may("vehicle_class").map(|f| f.word());
        let uses = space.may("uses").map(|f| uses(&f));
        space.finish();
        let (Some(lot), Some((field, id))) = (lot, id) else { return };
        let location = geometry.as_ref().and_then(geometry::representative);
        let outline = match geometry {
            Some(Geometry::Polygon(polygon)) => Some(polygon),
            _ => None,
        };
        let uses = well(uses).flatten().unwrap_or_default();
        let vehicle_class = well(vehicle_class).flatten();
        let space = Space { id: id.clone(), location, outline, vehicle_class, uses };
        self.spaces.entry(lot.clone()).or_default().push(space);
        self.space_features.push((field, lot, id));
    }
}

fn listed_space<'a>(item: &Field<'a>) -> Option<(Field<'a>, Space)> {
    let mut object = item.object()?;
    let field = object.need("id");
    let id = field.as_ref().and_then(Field::id);
    let location = object.may("location").map(|f| geometry::read_position(&f));
    let vehicle_class = object.may("vehicle_class").map(|f| f.word());
    let uses = object.may("uses").map(|f| uses(&f));
    object.finish();
    let space = Space {
        id: id?,
        location: well(location)?,
        outline: None,
        vehicle_class: well(vehicle_class)?,
        uses: well(uses)?.unwrap_or_default(),
    };
    Some((field?, space))
}

/// Reads `{"at": "03:30", "occupied": 12}` or `{"at": "03:30", "by": "spaces"}`.
fn nightly_reset(field: &Field<'_>) -> Option<NightlyReset> {
    let mut reset = field.object()?;
    let at = reset.need("at").and_then(|f| {
        let text = f.text()?;
        chrono::NaiveTime::parse_from_str(text, "%H:%M")
            .map_err(|_| f.fault(format_args!("must be a time of day as HH:MM, not {text:?}")))
            .ok()
    });
    let occupied = reset.may("occupied").map(|f| f.whole(0..=MAX_CAPACITY));
    let by = reset.may("by").map(|f| {
        let is_spaces = f.value() == "spaces";
        if !is_spaces {
            f.fault("must be \"spaces\"");
        }
        is_spaces.then_some(())
    });
    reset.finish();
    let (occupied, by) = (well(occupied)?, well(by)?);
    if occupied.is_some() == by.is_some() {
        field.fault("needs either \"occupied\" with a number, or \"by\": \"spaces\"");
        return None;
    }
    Some(NightlyReset { at: at?, occupied })
}

fn uses(list: &Field<'_>) -> Option<Vec<SpaceUse>> {
    list.list()?.iter().map(Field::word).collect()
}

fn positions(list: &Field<'_>) -> Option<Vec<Coord>> {
    list.list()?.iter().map(geometry::read_position).collect()
}
