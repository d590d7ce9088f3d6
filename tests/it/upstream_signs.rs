//! What counters at the signs are worth to drivers: the real rules of guidance and of learning, in a closed loop with the simulated
//! town, on paired seeds.

use yunpark_simulator::drivers::{Crowd, Day, Memory, Streets, World, run};

use signs::{Policy, Signs};

type Failure = Box<dyn std::error::Error>;

#[path = "../../benches/guidance/signs.rs"]
mod signs;

/// The share of drivers who met a full lot, and the seconds they searched.
fn day(policy: Policy, seed: u64) -> (f64, f64) {
    let (streets, day) = (Streets::centre(), Day { length_s: 5_400, counted_from_s: 2_700 });
    let mut memory = Memory::new(&streets, day.length_s);
    let mut signs = Signs::new(&streets, policy, 30, 5).unwrap();
    let mut told = |world: &World| signs.told(world);
    let report = run(&streets, &Crowd { peak: 0.97, ..Crowd::default() }, &day, seed, &mut memory, Some(&mut told));
    (report.met_full, report.search_s)
}

#[test]
fn counting_who_passes_sends_no_more_drivers_to_full_lots_than_not_counting_them() {
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let days: Vec<_> = (1..=seeds).map(|seed| (day(Policy::Arrival, seed), day(Policy::Counted, seed))).collect();
    let mean = |of: &dyn Fn(&((f64, f64), (f64, f64))) -> f64| days.iter().map(of).sum::<f64>() / days.len() as f64;
    let (plain, counted) = (mean(&|(plain, _)| plain.0), mean(&|(_, counted)| counted.0));
    eprintln!("met {plain} {counted} {days:?}");
    assert!(counted <= plain + 0.01, "{days:?}");
    let (plain, counted) = (mean(&|(plain, _)| plain.1), mean(&|(_, counted)| counted.1));
    assert!(counted <= plain + 1.0, "{days:?}");
}
