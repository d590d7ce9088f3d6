//! The messages of a load run, fixed by their seed, and the counts a correct system ends with.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How far a shuffled message moves at most.
const WINDOW: usize = 64;
/// Metres between lots in the city file of a load run, in degrees.
const LOT_STEP_DEG: f64 = 0.002;

/// One state to be sent; its order is its place in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Place in time: unique but for duplicates.
    pub order: u64,
    /// Lot, from 0.
    pub lot: u32,
    /// Space in the lot, from 0.
    pub space: u32,
    /// The state.
    pub occupied: bool,
}

/// The true counts of one lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotTruth {
    /// Places.
    pub capacity: u32,
    /// Free places.
    pub free: u32,
    /// Taken places.
    pub occupied: u32,
    /// Places that no message was about.
    pub unknown: u32,
}

/// What must stand in the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Different messages.
    pub messages: u64,
    /// Messages with duplicates.
    pub sent: u64,
    /// Counts by lot.
    pub lots: BTreeMap<String, LotTruth>,
    /// `occupied` or `free` by `lot/space`.
    pub spaces: BTreeMap<String, String>,
}

/// A whole run.
#[derive(Debug, Clone)]
pub struct Script {
    lots: u32,
    spaces: u32,
    entries: Vec<Entry>,
    truth: Truth,
}

/// Id of a lot.
pub fn lot_name(lot: u32) -> String {
    format!("LOAD-{}", lot + 1)
}

/// Id of a space.
pub fn space_name(space: u32) -> String {
    format!("S{:04}", space + 1)
}

impl Script {
    /// Draws a run; every message turns its bay over, so that a lost one is seen in the counts.
    pub fn new(lots: u32, spaces: u32, messages: u64, duplicates: f64, shuffle: bool, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x10AD);
        let mut state: BTreeMap<(u32, u32), bool> = BTreeMap::new();
        let mut entries = Vec::new();
        for order in 0..messages {
            let (lot, space) = (rng.random_range(0..lots), rng.random_range(0..spaces));
            let occupied = state.entry((lot, space)).and_modify(|occupied| *occupied = !*occupied).or_insert(true);
            let entry = Entry { order, lot, space, occupied: *occupied };
            entries.push(entry);
            if duplicates > 0.0 && rng.random_bool(duplicates) {
                entries.push(entry);
            }
        }
        if shuffle {
            for window in entries.chunks_mut(WINDOW) {
                for i in (1..window.len()).rev() {
                    window.swap(i, rng.random_range(0..=i));
                }
            }
        }
        let truth = truth(lots, spaces, messages, entries.len() as u64, &state);
        Self { lots, spaces, entries, truth }
    }

    /// Messages in the order of sending.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What must stand in the end.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// A city file with just these lots and spaces.
    pub fn city(&self) -> String {
        let spaces: Vec<String> = (0..self.spaces).map(space_name).collect();
        let features: Vec<Value> = (0..self.lots)
            .map(|lot| {
                let (column, row) = (f64::from(lot % 40), f64::from(lot / 40));
                json!({
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [119.5 + column * LOT_STEP_DEG, 28.05 + row * LOT_STEP_DEG]},
                    "properties": {
                        "kind": "lot", "id": lot_name(lot), "name": format!("Load {}", lot + 1), "lot_kind": "car_park",
                        "capacity": self.spaces, "counted_by": "spaces", "spaces": spaces,
                    },
                })
            })
            .collect();
        json!({
            "type": "FeatureCollection",
            "yunpark": {
                "version": 1, "name": {"zh": "压力测试", "en": "Load"}, "time_zone": "Asia/Shanghai", "fictional": true,
            },
            "groups": [], "sensors": [], "features": features,
        })
        .to_string()
    }
}

fn truth(lots: u32, spaces: u32, messages: u64, sent: u64, state: &BTreeMap<(u32, u32), bool>) -> Truth {
    let mut by_lot: BTreeMap<String, LotTruth> = (0..lots)
        .map(|lot| (lot_name(lot), LotTruth { capacity: spaces, free: 0, occupied: 0, unknown: spaces }))
        .collect();
    let mut by_space = BTreeMap::new();
    for ((lot, space), occupied) in state {
        if let Some(truth) = by_lot.get_mut(&lot_name(*lot)) {
            truth.unknown -= 1;
            if *occupied { truth.occupied += 1 } else { truth.free += 1 }
        }
        let word = if *occupied { "occupied" } else { "free" };
        by_space.insert(format!("{}/{}", lot_name(*lot), space_name(*space)), word.to_owned());
    }
    Truth { messages, sent, lots: by_lot, spaces: by_space }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_is_what_the_newest_message_of_each_space_says_in_whatever_order_they_come() {
        let script = Script::new(3, 20, 2_000, 0.2, true, 9);
        assert!(script.entries().len() > 2_200, "duplicates are sent");
        assert!(script.entries().windows(2).any(|pair| pair[0].order > pair[1].order), "neighbours change places");
        let mut newest: BTreeMap<String, (u64, bool)> = BTreeMap::new();
        for entry in script.entries() {
            let key = format!("{}/{}", lot_name(entry.lot), space_name(entry.space));
            let kept = newest.entry(key).or_insert((entry.order, entry.occupied));
            if entry.order > kept.0 {
                *kept = (entry.order, entry.occupied);
            }
        }
        assert_eq!(newest.len(), script.truth().spaces.len());
        for (space, (_, occupied)) in &newest {
            assert_eq!(script.truth().spaces[space], if *occupied { "occupied" } else { "free" }, "{space}");
        }
        for lot in script.truth().lots.values() {
            assert_eq!(lot.free + lot.occupied + lot.unknown, lot.capacity);
        }
    }

    #[test]
    fn the_same_seed_sends_the_same_messages() {
        let one = Script::new(5, 9, 500, 0.1, true, 4);
        assert_eq!(one.entries(), Script::new(5, 9, 500, 0.1, true, 4).entries());
        assert_ne!(one.entries(), Script::new(5, 9, 500, 0.1, true, 5).entries());
    }

    #[test]
    fn the_city_file_names_every_lot_and_space_of_the_run() {
        let script = Script::new(45, 12, 100, 0.0, false, 1);
        let city: Value = serde_json::from_str(&script.city()).unwrap();
        let features = city["features"].as_array().unwrap();
        assert_eq!(features.len(), 45);
        assert!(features.iter().all(|lot| lot["properties"]["spaces"].as_array().unwrap().len() == 12));
    }
}
