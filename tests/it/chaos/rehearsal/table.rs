//! The table a rehearsal ends with: a row for what was broken, a column for each promise.

use std::{fmt::Write as _, time::Duration};

/// The promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// Health names what is ill, and says well again afterwards.
    Health,
    /// No acknowledged observation is lost or counted twice; counts add up all along, and versions only grow.
    Observations,
    /// No answered capture is lost or kept twice.
    Captures,
    /// The ledger is whole.
    Ledger,
    /// The live socket resumes without a gap and shows what the API tells.
    Live,
    /// Signs show the number of now again.
    Signs,
    /// No number stands as fresh for longer than was promised.
    Freshness,
}

pub use Promise::{Captures, Freshness, Health, Ledger, Live, Observations, Signs};

const ALL: [Promise; 7] = [Health, Observations, Captures, Ledger, Live, Signs, Freshness];

/// What came of breaking something.
#[derive(Debug, Default)]
pub struct Row {
    /// The town it was broken in.
    pub town: &'static str,
    /// What was broken.
    pub faults: String,
    /// From the end of the faults until the node called itself ready; `None`: never.
    pub well_after: Option<Duration>,
    /// How often the node refused to start before what it stands on was back.
    pub starts: u32,
    /// The oldest numbers on the signs.
    pub oldest: [Duration; 2],
    /// How often the live socket was caught up by its cursor, and how often it was told everything anew.
    pub came_back: (u64, u64),
    /// Promises broken, and how.
    pub broken: Vec<(Promise, String)>,
}

impl Row {
    /// Notes that a promise was broken.
    pub fn breaks(&mut self, promise: Promise, how: impl Into<String>) {
        self.broken.push((promise, how.into()));
    }

    /// The promises that were broken, each once.
    pub fn promises_broken(&self) -> Vec<Promise> {
        let mut broken: Vec<Promise> = self.broken.iter().map(|(promise, _)| *promise).collect();
        broken.sort_unstable();
        broken.dedup();
        broken
    }
}

/// The head of the table.
fn head() -> String {
    let mut text = format!("{:<8} {:<48} {:>10}", "town", "broken", "well after");
    for promise in ALL {
        let _ = write!(text, "  {:<12}", format!("{promise:?}").to_lowercase());
    }
    text + "  oldest numbers on signs; how the socket came back"
}

/// One row, with how each promise was broken below it.
pub fn line(row: &Row) -> String {
    let well = row.well_after.map_or("never".to_owned(), |after| format!("{:.1} s", after.as_secs_f64()));
    let mut text = format!("{:<8} {:<48} {well:>10}", row.town, row.faults);
    for promise in ALL {
        let is_broken = row.broken.iter().any(|(broken, _)| *broken == promise);
        let _ = write!(text, "  {:<12}", if is_broken { "BROKEN" } else { "ok" });
    }
    let [fast, slow] = row.oldest.map(|age| age.as_secs_f64());
    let _ = write!(text, "  {fast:.1} s, {slow:.1} s");
    if row.came_back != (0, 0) {
        let _ = write!(text, "; resumed {}, anew {}", row.came_back.0, row.came_back.1);
    }
    if row.starts > 0 {
        let _ = write!(text, "  (started {} times)", row.starts + 1);
    }
    for (promise, how) in row.broken.iter().take(12) {
        let _ = write!(text, "\n  BROKEN {promise:?}: {how}");
    }
    text
}

/// The whole table.
pub fn told(rows: &[Row]) -> String {
    let lines: Vec<String> = std::iter::once(head()).chain(rows.iter().map(line)).collect();
    format!("\n{}\n", lines.join("\n"))
}

#[test]
fn a_broken_promise_stands_in_its_row_and_below_the_table() {
    let mut row = Row { town: "alone", faults: "node killed".to_owned(), ..Row::default() };
    assert!(!told(std::slice::from_ref(&row)).contains("BROKEN"));
    row.breaks(Signs, "it shows 3");
    row.breaks(Signs, "it shows 4");
    let text = told(&[row]);
    assert_eq!(text.matches("BROKEN").count(), 3, "{text}");
    assert!(text.contains("BROKEN Signs: it shows 4") && text.contains("never"), "{text}");
}
