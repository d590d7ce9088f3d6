//! How a driver chooses: way, walk and own taste, less what experience says of full lots, or what a sign says.

use super::{
    Corner, Streets,
    people::Person,
    run::Told,
    streets::{BLOCK_M, BLOCK_S, WALK_M_S},
};

/// A minute of walking is as bad as so many of driving.
const WALK_WEIGHT: f64 = 1.5;
/// What a driver fears from a lot that is surely full, seconds.
const FEAR_S: f64 = 420.0;
/// A lot found full is not tried again for so long, seconds.
const REMEMBERS_S: u32 = 600;
/// Minutes of a slot of experience.
const SLOT_S: u32 = 600;

/// What drivers of other days have learned: how often each lot was full at a time of the day.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    tried: Vec<f64>,
    full: Vec<f64>,
    slots: usize,
}

impl Memory {
    /// Nobody has been here.
    pub fn new(streets: &Streets, length_s: u32) -> Self {
        let slots = (length_s / SLOT_S) as usize + 12;
        let size = streets.lots.len() * slots;
        Self { tried: vec![0.0; size], full: vec![0.0; size], slots }
    }

    fn place(&self, lot: usize, now_s: u32) -> usize {
        lot * self.slots + ((now_s / SLOT_S) as usize).min(self.slots - 1)
    }

    pub(super) fn learn(&mut self, lot: usize, now_s: u32, was_full: bool) {
        let place = self.place(lot, now_s);
        self.tried[place] += 1.0;
        self.full[place] += f64::from(u8::from(was_full));
    }

    /// How likely the lot is full by experience.
    fn full(&self, lot: usize, now_s: u32) -> f64 {
        let place = self.place(lot, now_s);
        (self.full[place] + 0.5) / (self.tried[place] + 2.0)
    }
}

/// A driver's own knowledge on this trip.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Trip {
    /// Lots found full, and when.
    pub(super) found_full: Vec<(usize, u32)>,
}

impl Trip {
    fn avoids(&self, lot: usize, now_s: u32) -> bool {
        self.found_full.iter().any(|(full, at_s)| *full == lot && now_s < at_s + REMEMBERS_S)
    }
}

/// The cost of parking in a lot from a corner, seconds, without any fear.
fn cost(streets: &Streets, person: &Person, at: Corner, lot: usize) -> f64 {
    let place = &streets.lots[lot];
    let drive_s = f64::from(at.blocks_to(place.at) * BLOCK_S);
    let walk_s = place.at.walk_m(person.to) / WALK_M_S;
    drive_s + WALK_WEIGHT * walk_s - person.taste_s[lot]
}

/// The lot an experienced driver goes to without a sign; `None` if every lot was found full.
pub(super) fn by_experience(
    streets: &Streets,
    person: &Person,
    trip: &Trip,
    memory: &Memory,
    at: Corner,
    now_s: u32,
) -> Option<usize> {
    best((0..streets.lots.len()).filter(|lot| !trip.avoids(*lot, now_s)), |lot| {
        let arrives_s = now_s + at.blocks_to(streets.lots[lot].at) * BLOCK_S;
        cost(streets, person, at, lot) + FEAR_S * memory.full(lot, arrives_s)
    })
}

/// The lot a driver goes to who reads a sign: the best of those it calls open. With none open, experience decides.
pub(super) fn by_sign(
    streets: &Streets,
    person: &Person,
    trip: &Trip,
    memory: &Memory,
    told: &[Told],
    at: Corner,
    now_s: u32,
) -> Option<usize> {
    let open = (0..streets.lots.len()).filter(|lot| told[*lot] == Told::Open && !trip.avoids(*lot, now_s));
    best(open, |lot| cost(streets, person, at, lot)).or_else(|| by_experience(streets, person, trip, memory, at, now_s))
}

fn best(lots: impl Iterator<Item = usize>, cost: impl Fn(usize) -> f64) -> Option<usize> {
    lots.map(|lot| (lot, cost(lot))).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(lot, _)| lot)
}

/// Metres of so many blocks.
pub(super) fn metres(blocks: u32) -> f64 {
    f64::from(blocks) * BLOCK_M
}
