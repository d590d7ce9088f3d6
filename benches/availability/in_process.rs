//! The engine in this process beside a bare hash map of the same keys, from a thousand to a million spaces.

use std::{collections::HashMap, time::Instant};

use yunpark::{
    availability::{Engine, Limits},
    config::Config,
    domain::{
        ids::{LotId, SpaceId},
        observation::{Observation, SpaceState, Statement},
    },
};

use crate::rig::{Failure, Order, Town, judge, line, median, rate, ratio};

const SPACES: u32 = 100;
const LOTS: [u32; 4] = [10, 100, 1_000, 10_000];
const BATCH: usize = 500;
const ROUNDS: usize = 5;

/// The least that must happen: the state of each key is looked up and set.
fn update(map: &mut HashMap<(LotId, SpaceId), SpaceState>, batch: &[Observation]) {
    for observation in batch {
        if let Statement::Space { space, state } = &observation.statement {
            map.insert((observation.lot.clone(), space.clone()), *state);
        }
    }
}

pub async fn measure(seconds: u64) -> Result<bool, Failure> {
    let limits = Limits::of(&Config::load(None)?.availability);
    line("")?;
    line("in-process engine, batches of 500, observations/s on one core (medians of alternating rounds)")?;
    line(&format!("  {:<12}{:>14}{:>14}{:>10}{:>16}", "spaces", "engine", "hash map", "ratio", "ns/observation"))?;
    let (mut holds, mut costs) = (true, Vec::new());
    let mut ratios = Vec::new();
    for lots in LOTS {
        let mut town = Town::new(lots, SPACES, Order::Any)?;
        let engine = Engine::memory(None, limits)?;
        engine.configure(&town.layouts, town.clock.now()).await?;
        let mut map = HashMap::new();
        // Everything has spoken once before the clock starts.
        for _ in 0..town.spaces().div_ceil(BATCH as u64) {
            let batch = town.batch(BATCH);
            engine.apply(&batch).await?;
            update(&mut map, &batch);
        }
        let (mut ours, mut limit) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let batches: Vec<_> = (0..60 * seconds).map(|_| town.batch(BATCH)).collect();
            let start = Instant::now();
            for batch in &batches {
                engine.apply(batch).await?;
            }
            ours.push(rate(batches.len() * BATCH, start));
            let start = Instant::now();
            for batch in &batches {
                update(&mut map, batch);
            }
            limit.push(rate(batches.len() * BATCH, start));
        }
        let (rate, of_map, ratio) = (median(ours.clone()), median(limit.clone()), ratio(&ours, &limit));
        costs.push(1e9 / rate);
        ratios.push(ratio);
        line(&format!("  {:<12}{rate:>14.0}{of_map:>14.0}{ratio:>10.2}{:>16.0}", town.spaces(), 1e9 / rate))?;
    }
    for (lots, ratio) in LOTS.iter().zip(&ratios) {
        holds &= judge(&format!("the engine to a bare hash map, {} spaces", lots * SPACES), *ratio, 0.25)?;
    }
    // Memory that no cache holds is dearer for both: what is judged is how much more the engine feels it than the map does.
    let spread = |of: &[f64]| {
        let (least, most) = of.iter().fold((f64::MAX, 0.0_f64), |(least, most), &it| (least.min(it), most.max(it)));
        least / most
    };
    line(&format!("     the cheapest to the dearest observation, 10^3 to 10^6 spaces{:>17.2}", spread(&costs)))?;
    holds &= judge("the same, beside what the hash map's own cost does", spread(&ratios), 0.5)?;
    Ok(holds)
}
