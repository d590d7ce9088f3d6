//! What guidance is worth to drivers, in a closed loop: the simulator's drivers read what the real rules of guidance put on the
//! signs, and fill the lots those rules count.
//!
//! `./run bench guidance`, or `cargo bench --bench guidance -- SEEDS`. Each row is the mean over paired seeds (5 by default) with
//! the least and the greatest; the drivers of a seed are the same in every row. Drivers without signs are experienced: ten days
//! have taught them which lots are full when. Simulated time never waits for the wall.

mod signs;

use std::io::Write;

use yunpark_simulator::drivers::{Crowd, Day, Guide, Memory, Report, Streets, World, run};

use signs::{Policy, Signs};

type Failure = Box<dyn std::error::Error>;

/// Days that teach experience.
const TAUGHT: u64 = 10;

/// A way of guiding.
const ARMS: [(&str, Option<Policy>); 6] = [
    ("no signs", None),
    ("raw counts", Some(Policy::Raw)),
    ("thresholds", Some(Policy::Thresholds)),
    ("on arrival", Some(Policy::Arrival)),
    ("on arrival, passages counted", Some(Policy::Counted)),
    ("on arrival, demand under way", Some(Policy::UnderWay)),
];

/// A town to guide in.
struct Case {
    name: &'static str,
    crowd: Crowd,
    /// Seconds between updates of a sign, and till a sensor is heard.
    update_s: u32,
    lag_s: u32,
}

fn cases() -> [Case; 5] {
    let crowd = Crowd::default();
    let case = |name, peak, complies, update_s, lag_s| Case {
        name,
        crowd: Crowd { peak, complies, ..crowd },
        update_s,
        lag_s,
    };
    [
        case("84 % peak, 10 s updates, 5 s lag", 0.84, 1.0, 10, 5),
        case("97 % peak, 10 s updates, 5 s lag", 0.97, 1.0, 10, 5),
        case("97 % peak, 30 s updates, 15 s lag", 0.97, 1.0, 30, 15),
        case("97 % peak, 120 s updates, 60 s lag", 0.97, 1.0, 120, 60),
        case("97 % peak, half comply", 0.97, 0.5, 10, 5),
    ]
}

fn main() -> Result<(), Failure> {
    let seeds: u64 = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(5);
    let mut out = std::io::stdout().lock();
    let (streets, day) = (Streets::centre(), Day::default());
    writeln!(
        out,
        "{} lots, {} places, {} signs; {seeds} paired seeds",
        streets.lots.len(),
        streets.capacity(),
        streets.signs.len()
    )?;
    let seeds: Vec<u64> = (1..=seeds).collect();
    for case in cases() {
        writeln!(out, "\n{}", case.name)?;
        writeln!(
            out,
            "  {:30} {:>22} {:>8} {:>9} {:>8} {:>9} {:>8} {:>6} {:>6}",
            "", "search s [min..max]", "cut", "met full", "cruise m", "door s", "illegal", "flips", "peak"
        )?;
        let taught = at_once(&seeds, |seed| Ok((*seed, experience(&streets, &case, day, *seed))))?;
        let mut without: Vec<Report> = Vec::new();
        for (name, policy) in ARMS {
            let reports = at_once(&taught, |(seed, known)| try_day(&streets, &case, day, *seed, known, policy))?;
            if policy.is_none() {
                without.clone_from(&reports);
            }
            row(&mut out, name, &reports, &without)?;
        }
    }
    Ok(())
}

/// Does the same for each, on every processor; the answers in order.
fn at_once<T: Sync, R: Send>(each: &[T], job: impl Fn(&T) -> Result<R, Failure> + Sync) -> Result<Vec<R>, Failure> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let job = &|one: &T| job(one).map_err(|error| error.to_string());
    let part = each.len().div_ceil(processors).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            each.chunks(part).map(|part| scope.spawn(move || part.iter().map(job).collect::<Vec<_>>())).collect();
        let done = parts.into_iter().map(|part| part.join().map_err(|_| "a day of the town was broken off"));
        Ok(done.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect::<Result<_, _>>()?)
    })
}

/// One day of one seed under one way of guiding.
fn try_day(
    streets: &Streets,
    case: &Case,
    day: Day,
    seed: u64,
    known: &Memory,
    policy: Option<Policy>,
) -> Result<Report, Failure> {
    let mut memory = known.clone();
    let mut signs = policy.map(|policy| Signs::new(streets, policy, case.update_s, case.lag_s)).transpose()?;
    let mut told;
    let guide: Option<&mut Guide<'_>> = match &mut signs {
        None => None,
        Some(signs) => {
            told = |world: &World| signs.told(world);
            Some(&mut told)
        }
    };
    Ok(run(streets, &case.crowd, &day, seed, &mut memory, guide))
}

/// What ten days without signs have taught.
fn experience(streets: &Streets, case: &Case, day: Day, seed: u64) -> Memory {
    let mut memory = Memory::new(streets, day.length_s);
    for taught in 0..TAUGHT {
        run(streets, &case.crowd, &day, 1_000 * seed + taught, &mut memory, None);
    }
    memory
}

fn row(out: &mut impl Write, name: &str, reports: &[Report], without: &[Report]) -> std::io::Result<()> {
    let mean = |of: &dyn Fn(&Report) -> f64| reports.iter().map(of).sum::<f64>() / reports.len() as f64;
    let search: Vec<f64> = reports.iter().map(|report| report.search_s).collect();
    let least = search.iter().copied().fold(f64::MAX, f64::min);
    let most = search.iter().copied().fold(0.0, f64::max);
    let base = without.iter().map(|report| report.search_s).sum::<f64>() / without.len() as f64;
    let searched = mean(&|report| report.search_s);
    let worse = reports.iter().zip(without).filter(|(with, without)| with.search_s > without.search_s).count();
    writeln!(
        out,
        "  {name:30} {:>22} {:>7.0}% {:>8.0}% {:>8.0} {:>9.0} {:>7.1}% {:>6.0} {:>5.0}%{}",
        format!("{searched:.0} [{least:.0}..{most:.0}]"),
        100.0 * (1.0 - searched / base.max(1e-9)),
        100.0 * mean(&|report| report.met_full),
        mean(&|report| report.cruise_m),
        mean(&|report| report.door_to_door_s),
        100.0 * mean(&|report| report.illegal),
        mean(&|report| report.flips),
        100.0 * mean(&|report| report.peak),
        if worse > 0 { format!("  worse than no signs in {worse} of {}", reports.len()) } else { String::new() },
    )
}
