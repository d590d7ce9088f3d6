//! Who is given a matter: the unit by cell, category and load, and its person by shift.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::domain::{hours, text::Localized, time::Instant};

/// Who works when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// When, OpenStreetMap opening-hours syntax.
    pub hours: String,
    /// Who, by sign-in names.
    pub people: Vec<String>,
}

/// A unit that puts things right.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Its name; a cell names the unit that answers for it by its Chinese name.
    pub name: Localized,
    /// The town it works in, by the nine digits of the street's code; the whole county when absent.
    #[serde(default)]
    pub town: Option<String>,
    /// What it puts right: beginnings of categories' codes, such as `E05` or `C0202`.
    pub duties: Vec<String>,
    /// More open matters than this are given to others, while others have fewer.
    #[serde(default = "usual_load")]
    pub most_open: u32,
    /// Its people, whenever they work; anybody of the right role when this and the shifts are empty.
    #[serde(default)]
    pub people: Vec<String>,
    /// Its people by shift.
    #[serde(default)]
    pub shifts: Vec<Shift>,
}

fn usual_load() -> u32 {
    20
}

impl Unit {
    /// Whether it puts such matters right.
    pub fn answers_for(&self, category: &str) -> bool {
        self.duties.iter().any(|duty| category.starts_with(duty.as_str()))
    }

    /// Whether somebody belongs to it.
    pub fn has(&self, person: &str) -> bool {
        let is_open = self.people.is_empty() && self.shifts.is_empty();
        is_open || self.people.iter().chain(self.shifts.iter().flat_map(|shift| &shift.people)).any(|one| one == person)
    }
}

/// Why a unit was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It answers for the cell.
    Cell,
    /// It answers for the category in that town, and has the lightest load.
    Town,
    /// It answers for the category in the county, and has the lightest load.
    County,
    /// All have their fill; it has the least for its size.
    AllFull,
}

/// Where a matter lies, as dispatching sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// The unit that answers for the cell, by its Chinese name.
    pub cell_unit: Option<&'a str>,
    /// The town.
    pub town: Option<&'a str>,
}

/// The unit a matter of a category goes to, and why; `None` where no unit answers for it. `load` counts open matters.
pub fn choose_unit<'a>(
    units: &'a BTreeMap<String, Unit>,
    load: &BTreeMap<String, u32>,
    category: &str,
    place: Place<'_>,
) -> Option<(&'a str, Why)> {
    let open = |id: &str| load.get(id).copied().unwrap_or(0);
    let able: Vec<(&String, &Unit)> = units.iter().filter(|(_, unit)| unit.answers_for(category)).collect();
    let has_room = |id: &str, unit: &Unit| open(id) < unit.most_open;
    let of_cell =
        able.iter().find(|(id, unit)| place.cell_unit.is_some_and(|name| unit.name.zh == name || *id == name));
    if let Some((id, unit)) = of_cell
        && has_room(id, unit)
    {
        return Some((id, Why::Cell));
    }
    // Loads are compared as parts of what each can carry: a / b < c / d as a * d < c * b.
    let lighter = |one: &(&String, &Unit), other: &(&String, &Unit)| {
        let (a, b) = (u64::from(open(one.0)), u64::from(one.1.most_open.max(1)));
        let (c, d) = (u64::from(open(other.0)), u64::from(other.1.most_open.max(1)));
        (a * d).cmp(&(c * b)).then(one.0.cmp(other.0))
    };
    let is_here = |unit: &Unit| unit.town.is_some() && unit.town.as_deref() == place.town;
    let mut rooms = able.iter().copied().filter(|(id, unit)| has_room(id, unit));
    let here = rooms.clone().filter(|(_, unit)| is_here(unit)).min_by(lighter);
    if let Some((id, _)) = here {
        return Some((id, Why::Town));
    }
    let wide = rooms.by_ref().filter(|(_, unit)| unit.town.is_none()).min_by(lighter);
    if let Some((id, _)) = wide {
        return Some((id, Why::County));
    }
    let full = able.into_iter().filter(|(_, unit)| unit.town.is_none() || is_here(unit)).min_by(lighter);
    full.map(|(id, _)| (id.as_str(), Why::AllFull))
}

/// Who of some shifts works at `now` and has the fewest open matters.
pub fn choose_person<'a>(
    shifts: impl IntoIterator<Item = &'a Shift>,
    load: &BTreeMap<String, u32>,
    zone: Tz,
    now: Instant,
) -> Option<&'a str> {
    let on_duty = shifts.into_iter().filter(|shift| hours::is_open(Some(&shift.hours), zone, now));
    let people = on_duty.flat_map(|shift| &shift.people).map(String::as_str);
    people.min_by_key(|person| (load.get(*person).copied().unwrap_or(0), *person))
}
