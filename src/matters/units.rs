//! Units and people: those of the configuration, and those that cells name.

use std::collections::BTreeMap;

use crate::{
    config,
    domain::{
        city::City,
        matter::{By, Command, dispatch::Unit},
        staff::Role,
        time::Instant,
    },
    enforcement::Person,
};

/// What a cell's unit answers for that the configuration does not list: all events.
const EVENTS: &str = "E";
/// What is open with one unit before others are asked.
const USUAL_LOAD: u32 = 20;

pub(super) struct Directory {
    pub(super) units: BTreeMap<String, Unit>,
    towns: BTreeMap<String, Vec<String>>,
}

/// What somebody commands, and which units they belong to.
pub(super) struct Standing {
    town: Option<String>,
    commands: bool,
    pub(super) units: Vec<String>,
}

impl Standing {
    pub(super) fn command(&self) -> Command<'_> {
        match &self.town {
            Some(town) => Command::Town(town),
            None if self.commands => Command::County,
            None => Command::None,
        }
    }

    /// What they do now, and why.
    pub(super) fn by<'a>(&'a self, person: &'a Person, now: Instant, why: &'a str) -> By<'a> {
        let (name, role) = (person.name.as_str(), Some(person.role));
        By { name, role, command: self.command(), units: &self.units, now, why }
    }
}

impl Directory {
    pub(super) fn of(config: &config::Matters, city: &City) -> Self {
        let mut units = config.units.clone();
        for cell in city.grid_cells.values() {
            let is_known = units.contains_key(&cell.unit.zh) || units.values().any(|unit| unit.name.zh == cell.unit.zh);
            if !is_known {
                let unit = Unit {
                    name: cell.unit.clone(),
                    duties: vec![EVENTS.to_owned()],
                    most_open: USUAL_LOAD,
                    ..Unit::default()
                };
                units.insert(cell.unit.zh.clone(), unit);
            }
        }
        Self { units, towns: config.towns.clone() }
    }

    pub(super) fn standing(&self, person: &Person) -> Standing {
        let of_town = |people: &Vec<String>| people.contains(&person.name);
        let town = self.towns.iter().find(|(_, people)| of_town(people)).map(|(town, _)| town.clone());
        let units = self.units.iter().filter(|(_, unit)| unit.has(&person.name)).map(|(id, _)| id.clone());
        Standing { commands: person.role == Role::Supervisor, town, units: units.collect() }
    }
}
