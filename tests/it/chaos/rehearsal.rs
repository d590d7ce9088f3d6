//! The fault rehearsal: a whole town under load, in which one thing after the other is broken, alone and two at a time; after each,
//! the laws and what users were promised are looked at. It ends in a table.
//!
//! `./run test` rehearses a few faults and two planted ones, which must turn the table red; `./run chaos` (`CHAOS=long`) all.

mod cameras;
mod fault;
mod listener;
mod plan;
mod promises;
mod scene;
mod sensors;
mod soak;
mod swallow;
mod table;
mod watch;

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use self::{
    fault::{Fault, Part},
    plan::Plan,
    scene::{Build, Scene},
    table::{Live, Observations, Row, Signs},
};
use super::is_long;
use crate::small_disk::SmallDisk;

/// What a small disk holds: minutes of captures.
const DISK_KB: u32 = 96 << 10;
/// Between the first fault of two and the second.
const APART: Duration = Duration::from_millis(1_500);

/// Polls until something is so; whether it was in time.
async fn within(longest: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if is_so() {
            return true;
        }
        if began.elapsed() > longest {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Breaks things in one town, row by row. A town in which a promise was broken is torn down, and the rest goes on in a new one.
fn rehearse(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut scene = None;
    let needs_disk = plan.rows.iter().any(|faults| faults.contains(&Fault::DiskFull));
    let only = std::env::var("CHAOS_ROWS").unwrap_or_default();
    for (number, faults) in plan.rows.iter().enumerate() {
        if !only.split(',').any(|words| name_of(faults).contains(words)) {
            continue;
        }
        let mut here = scene.take().unwrap_or_else(|| {
            let disk = if needs_disk { SmallDisk::of_kb(DISK_KB) } else { None };
            let mut scene = Scene::start(plan.build, disk, 31 + number as u64);
            scene.patience = plan.patience;
            std::thread::sleep(Duration::from_secs(2));
            scene
        });
        let is_impossible = here.disk.is_none() && faults.contains(&Fault::DiskFull);
        if !is_impossible {
            let row = here.rehearse(plan.name, faults);
            let is_broken = !row.broken.is_empty();
            let _ = writeln!(std::io::stderr(), "{}", table::line(&row));
            rows.push(row);
            if is_broken {
                let _ = writeln!(std::io::stderr(), "--- the node's last words ---\n{}", tail(&here.node.log()));
                continue;
            }
        }
        scene = Some(here);
    }
    rows
}

/// What is broken, in words.
fn name_of(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ")
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

impl Scene {
    /// One row: breaks, mends, waits, looks.
    fn rehearse(&mut self, town: &'static str, faults: &[Fault]) -> Row {
        let mut row = Row { town, faults: name_of(faults), ..Row::default() };
        let before = self.listener.came_back();
        for (nth, fault) in faults.iter().enumerate() {
            if nth > 0 {
                std::thread::sleep(APART);
            }
            self.begin(*fault);
        }
        let began = Instant::now();
        let lasts = faults.iter().map(|fault| fault.lasts()).max().unwrap_or_default();
        std::thread::sleep(lasts / 2);
        self.sensors.nudge(self.runtime().handle());
        std::thread::sleep(lasts / 2);
        self.judge_health(faults, began, &mut row);
        for fault in faults {
            self.end(*fault);
        }
        self.wait_until_well(faults, Instant::now(), &mut row);
        self.judge_promises(&mut row);
        let after = self.listener.came_back();
        row.came_back = (after.0 - before.0, after.1 - before.1);
        // Where only the way to the doors was cut, the stream of changes is there: nothing needs to be told anew.
        if faults == [Fault::Cut(Part::Doors)] && (row.came_back.0 == 0 || row.came_back.1 > 0) {
            row.breaks(Live, format!("resumed and told anew: {:?}", row.came_back));
        }
        row
    }
}

/// Rehearses plans; the whole table at the end must be green.
fn all_green(plans: &[Plan]) {
    let rows: Vec<Row> = plans.iter().flat_map(rehearse).collect();
    let text = table::told(&rows);
    let _ = writeln!(std::io::stderr(), "{text}");
    if let Ok(file) = std::env::var("CHAOS_TABLE") {
        std::fs::write(file, &text).unwrap();
    }
    assert!(rows.iter().all(|row| row.broken.is_empty()), "{text}");
}

#[test]
fn whatever_is_broken_alone_or_two_at_a_time_the_promises_are_kept() {
    all_green(&if is_long() { plan::long() } else { plan::short() });
}

#[test]
fn a_planted_loss_and_a_lying_sign_turn_the_table_red() {
    let plan = Plan {
        name: "planted",
        build: Build::Alone,
        patience: Duration::from_secs(8),
        rows: vec![vec![Fault::Swallowed], vec![Fault::Lying]],
    };
    let rows = rehearse(&plan);
    let _ = writeln!(std::io::stderr(), "{}", table::told(&rows));
    assert_eq!(rows[0].promises_broken(), [Observations], "{}", table::told(&rows));
    assert!(rows[0].broken.iter().all(|(_, how)| how.contains("GATE-")), "{:?}", rows[0].broken);
    let broken = rows[1].promises_broken();
    assert!(broken.contains(&Signs) && !broken.contains(&Observations), "{}", table::told(&rows));
    assert!(rows[1].broken.iter().any(|(_, how)| how.contains("SIGN-MQTT")), "{:?}", rows[1].broken);
}
