//! A day of the town, second by second.

use std::collections::BTreeMap;

use super::{
    Corner, Crowd, Day, Memory, Report, Streets,
    mind::{Trip, by_experience, by_sign, metres},
    people::{Person, crowd},
    streets::{BLOCK_S, WALK_M_S},
};

/// A driver who has searched this long parks where nobody may, seconds.
const PATIENCE_S: u32 = 900;
/// And one who has met so many full lots.
const MOST_FULL: usize = 5;

/// What a sign tells of a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// There is room.
    Open,
    /// There is none.
    Full,
    /// Nothing that could be believed.
    Nothing,
}

/// The town as guidance may know it: what sensors count, and what drivers with an app have said.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// Seconds since the start.
    pub now_s: u32,
    /// Occupied places of each lot.
    pub occupied: Vec<u32>,
    /// Where drivers with an app go: the lot, and when they will be there, seconds since the start.
    pub said: Vec<(usize, u32)>,
    /// Cars that drove past each sign since guidance was last asked, in the order of the streets' signs: what counters at the signs
    /// see. Who reads the sign, and who does not, is one of them.
    pub passed: Vec<u32>,
}

/// A driver on the road.
struct Car {
    person: usize,
    at: Corner,
    lot: Option<usize>,
    moves_at_s: u32,
    trip: Trip,
    first_full_s: Option<u32>,
    cruised: u32,
}

/// What the signs at each corner say, from what the world is like.
pub type Guide<'a> = dyn FnMut(&World) -> BTreeMap<Corner, Vec<Told>> + 'a;

/// Drives a day. `guide` is asked every second what each lot is told as at each sign's corner: `None` is a town without signs.
/// `memory` is what earlier days taught; it learns this one too.
pub fn run(
    streets: &Streets,
    people: &Crowd,
    day: &Day,
    seed: u64,
    memory: &mut Memory,
    mut guide: Option<&mut Guide<'_>>,
) -> Report {
    let people = crowd(streets, people, *day, seed);
    let known = memory.clone();
    let (occupied, passed) = (vec![0; streets.lots.len()], vec![0; streets.signs.len()]);
    let mut world = World { now_s: 0, occupied, said: Vec::new(), passed };
    let mut leaving: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let (mut cars, mut next) = (Vec::<Car>::new(), 0);
    let mut tally = Tally::default();
    let mut shown: BTreeMap<Corner, Vec<Told>> = BTreeMap::new();
    while world.now_s < day.length_s + PATIENCE_S {
        for lot in leaving.remove(&world.now_s).unwrap_or_default() {
            world.occupied[lot] -= 1;
        }
        if let Some(guide) = &mut guide {
            world.said = said(streets, &people, &cars, world.now_s);
            let newest = guide(&world);
            world.passed.fill(0);
            tally.flips += flips(&shown, &newest);
            shown = newest;
        }
        while next < people.len() && people[next].enters_s <= world.now_s {
            let at = people[next].from;
            let trip = Trip::default();
            cars.push(Car {
                person: next,
                at,
                lot: None,
                moves_at_s: world.now_s,
                trip,
                first_full_s: None,
                cruised: 0,
            });
            next += 1;
        }
        let mut staying = Vec::with_capacity(cars.len());
        for mut car in cars {
            let person = &people[car.person];
            if car.moves_at_s > world.now_s {
                staying.push(car);
                continue;
            }
            match step(streets, person, &mut car, &known, &shown, &mut world, memory) {
                Some(end) => {
                    if let End::Parked(lot) = end {
                        leaving.entry(world.now_s + person.stay_s).or_default().push(lot);
                    }
                    if person.enters_s >= day.counted_from_s && person.enters_s < day.length_s {
                        tally.count(streets, person, &car, &end, world.now_s);
                    }
                }
                None => staying.push(car),
            }
        }
        cars = staying;
        tally.peak = tally.peak.max(world.occupied.iter().sum());
        world.now_s += 1;
    }
    tally.report(streets)
}

enum End {
    Parked(usize),
    Illegal,
}

/// A driver at a corner: looks at the sign if there is one, tries the lot if it is here, and drives on.
fn step(
    streets: &Streets,
    person: &Person,
    car: &mut Car,
    known: &Memory,
    shown: &BTreeMap<Corner, Vec<Told>>,
    world: &mut World,
    memory: &mut Memory,
) -> Option<End> {
    let now_s = world.now_s;
    if let Some(lot) = car.lot.filter(|lot| streets.lots[*lot].at == car.at) {
        let is_full = world.occupied[lot] >= streets.lots[lot].capacity;
        memory.learn(lot, now_s, is_full);
        if !is_full {
            world.occupied[lot] += 1;
            return Some(End::Parked(lot));
        }
        car.trip.found_full.push((lot, now_s));
        car.first_full_s.get_or_insert(now_s);
        car.lot = None;
    }
    let given_up = car.first_full_s.is_some_and(|first_s| now_s - first_s >= PATIENCE_S);
    if given_up || car.trip.found_full.len() >= MOST_FULL {
        return Some(End::Illegal);
    }
    let told = shown.get(&car.at).filter(|_| person.complies);
    if let Some(told) = told {
        car.lot = by_sign(streets, person, &car.trip, known, told, car.at, now_s);
    } else if car.lot.is_none() {
        car.lot = by_experience(streets, person, &car.trip, known, car.at, now_s);
    }
    let Some(lot) = car.lot else { return Some(End::Illegal) };
    let to = streets.lots[lot].at;
    if let Some(sign) = streets.signs.iter().position(|corner| *corner == car.at).filter(|_| to != car.at) {
        world.passed[sign] += 1;
    }
    if to == car.at {
        car.moves_at_s = now_s + 1;
        return None;
    }
    car.at = car.at.towards(to);
    car.moves_at_s = now_s + BLOCK_S;
    car.cruised += u32::from(car.first_full_s.is_some());
    None
}

/// Where drivers with an app go, and when they will be there.
fn said(streets: &Streets, people: &[Person], cars: &[Car], now_s: u32) -> Vec<(usize, u32)> {
    let with_app = cars.iter().filter(|car| people[car.person].has_app);
    with_app
        .filter_map(|car| {
            let lot = car.lot?;
            let left_s = car.at.blocks_to(streets.lots[lot].at) * BLOCK_S;
            Some((lot, car.moves_at_s.max(now_s) + left_s))
        })
        .collect()
}

/// How many lines of all signs changed between FULL and open.
fn flips(before: &BTreeMap<Corner, Vec<Told>>, now: &BTreeMap<Corner, Vec<Told>>) -> u32 {
    let pairs = now.iter().filter_map(|(corner, told)| Some(before.get(corner)?.iter().zip(told)));
    pairs.flatten().map(|pair| u32::from(matches!(pair, (Told::Open, Told::Full) | (Told::Full, Told::Open)))).sum()
}

#[derive(Default)]
struct Tally {
    drivers: u32,
    search_s: f64,
    cruise_m: f64,
    met_full: u32,
    door_s: f64,
    illegal: u32,
    flips: u32,
    peak: u32,
}

impl Tally {
    fn count(&mut self, streets: &Streets, person: &Person, car: &Car, end: &End, now_s: u32) {
        self.drivers += 1;
        self.met_full += u32::from(car.first_full_s.is_some());
        self.search_s += car.first_full_s.map_or(0.0, |first_s| f64::from(now_s - first_s));
        self.cruise_m += metres(car.cruised);
        let from = match end {
            End::Parked(lot) => streets.lots[*lot].at,
            End::Illegal => {
                self.illegal += 1;
                car.at
            }
        };
        self.door_s += f64::from(now_s - person.enters_s) + from.walk_m(person.to) / WALK_M_S;
    }

    fn report(&self, streets: &Streets) -> Report {
        let drivers = f64::from(self.drivers.max(1));
        Report {
            drivers: self.drivers,
            search_s: self.search_s / drivers,
            cruise_m: self.cruise_m / drivers,
            met_full: f64::from(self.met_full) / drivers,
            door_to_door_s: self.door_s / drivers,
            illegal: f64::from(self.illegal) / drivers,
            flips: f64::from(self.flips) / streets.signs.len().max(1) as f64,
            peak: f64::from(self.peak) / f64::from(streets.capacity()),
        }
    }
}
