//! Memory under steady load: the node's resident memory is sampled, and the slope of a straight line through it is told.

use std::{
    fs,
    io::Write as _,
    time::{Duration, Instant},
};

use super::{
    scene::{Build, Scene},
    table::{self, Row},
};

/// The steepest slope that counts as flat, kB an hour: less than ten bytes for each message of this load.
const FLAT_KB_PER_HOUR: f64 = 4_096.0;
/// What the node may take in the first place, kB.
const MOST_KB: f64 = 600.0 * 1024.0;
/// How often memory is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// The resident memory of a process, kB.
fn resident_kb(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// The slope of the straight line nearest to the points by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let over = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>();
    over / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}

#[test]
fn the_slope_of_a_line_is_found_through_noise() {
    let noisy = |n: u32| (f64::from(n), 3.0 * f64::from(n) + if n.is_multiple_of(2) { 5.0 } else { -5.0 });
    let points: Vec<(f64, f64)> = (0..1_000).map(noisy).collect();
    assert!((slope(&points) - 3.0).abs() < 0.01, "{}", slope(&points));
}

/// What a run shows: the slope of the samples after the first share of the time, kB an hour.
fn settled_slope(samples: &[(f64, f64)], left_out_s: f64) -> f64 {
    let settled: Vec<(f64, f64)> = samples.iter().filter(|sample| sample.0 >= left_out_s).copied().collect();
    slope(&settled) * 3_600.0
}

/// `SOAK_MINUTES` says for how long (`./run soak`), `SOAK_TOWN=alone` that the node stands on its own journal and SQLite. Without
/// the first it is so short that only the size is judged, and that nothing was lost.
#[test]
fn memory_stays_flat_under_steady_load() {
    let minutes = std::env::var("SOAK_MINUTES").ok().map(|minutes| minutes.parse::<f64>().unwrap());
    let is_alone = std::env::var("SOAK_TOWN").is_ok_and(|town| town == "alone");
    let lasts_s = minutes.map_or(15.0, |minutes| minutes * 60.0);
    let left_out_s = (lasts_s / 4.0).min(600.0);
    let mut scene = Scene::start(if is_alone { Build::Alone } else { Build::County }, None, 41);
    let (began, mut samples) = (Instant::now(), Vec::new());
    let mut told_at = 0.0;
    while began.elapsed().as_secs_f64() < lasts_s {
        let sample = (began.elapsed().as_secs_f64(), resident_kb(scene.node.id()));
        samples.push(sample);
        if minutes.is_some() && sample.0 >= told_at {
            told_at += 60.0;
            let (words, acked) = scene.sensors.figures();
            let _ = writeln!(
                std::io::stderr(),
                "{:>5.0} min  {:>8.0} kB  {words} words, {acked} acknowledged",
                sample.0 / 60.0,
                sample.1
            );
        }
        std::thread::sleep(EVERY.min(Duration::from_secs_f64(lasts_s / 10.0)));
    }
    let mut row = Row { town: if is_alone { "alone" } else { "county" }, faults: "soak".to_owned(), ..Row::default() };
    scene.judge_promises(&mut row);
    assert!(row.broken.is_empty(), "{}", table::told(&[row]));
    let most = samples.iter().map(|sample| sample.1).fold(0.0, f64::max);
    assert!(most < MOST_KB, "the node takes {most} kB");
    if minutes.is_some() {
        let slope = settled_slope(&samples, left_out_s);
        let verdict = if slope < FLAT_KB_PER_HOUR { "flat" } else { "GROWING" };
        let words = scene.sensors.figures().0;
        let _ = writeln!(
            std::io::stderr(),
            "{verdict}: {slope:+.0} kB an hour over {:.0} minutes after the first {:.0} (limit {FLAT_KB_PER_HOUR:+.0}), {words} words, \
             {most:.0} kB at most",
            (lasts_s - left_out_s) / 60.0,
            left_out_s / 60.0
        );
        assert!(slope < FLAT_KB_PER_HOUR, "memory grows by {slope:.0} kB an hour: {samples:?}");
    }
}
