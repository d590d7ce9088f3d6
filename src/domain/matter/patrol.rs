//! Which cells a shift walks first: those whose last patrol is longest ago for their street class, and those with hot spots.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use crate::domain::{ids::GridCellId, time::Instant};

/// How often cells are walked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rounds {
    /// Hours between two patrols of a cell whose strictest street is of class 1 to 4.
    pub every_h: [u32; 4],
    /// Incidents and matters of the last days count as hot spots.
    pub hot_days: u32,
    /// So many of them make a cell due twice as fast.
    pub hot_count: u32,
}

/// A cell as planning sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Walked {
    /// The cell.
    pub cell: GridCellId,
    /// Its strictest street's class.
    pub street_class: u8,
    /// When somebody was there last.
    pub last_at: Option<Instant>,
    /// Incidents and matters of the last days.
    pub hot: u32,
}

/// A cell with how due it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Planned {
    /// The cell.
    pub cell: GridCellId,
    /// Its strictest street's class.
    pub street_class: u8,
    /// When somebody was there last.
    pub last_at: Option<Instant>,
    /// When it is due.
    pub due_at: Option<Instant>,
    /// Incidents and matters of the last days.
    pub hot: u32,
    /// How due it is: 1 is just due, 2 is twice the time ago. Never walked is at least 2.
    pub urgency: f64,
}

/// Cells by urgency, the most urgent first.
pub fn plan(cells: &[Walked], rounds: &Rounds, now: Instant) -> Vec<Planned> {
    let mut planned: Vec<Planned> = cells.iter().map(|cell| one(cell, rounds, now)).collect();
    planned.sort_by(|a, b| b.urgency.total_cmp(&a.urgency).then_with(|| a.cell.cmp(&b.cell)));
    planned
}

fn one(walked: &Walked, rounds: &Rounds, now: Instant) -> Planned {
    let every = rounds.every_h[usize::from(walked.street_class.clamp(1, 4) - 1)].max(1);
    // From none to `hot_count` hot spots the time between rounds shrinks to a half.
    let heat = 1.0 + f64::from(walked.hot.min(rounds.hot_count)) / f64::from(rounds.hot_count.max(1));
    let between_s = f64::from(every) * 3600.0 / heat;
    let urgency = match walked.last_at {
        Some(last) => (now - last).max(Duration::zero()).num_seconds() as f64 / between_s,
        None => 2.0 * heat,
    };
    let due_at = walked.last_at.and_then(|last| last.checked_add_signed(Duration::seconds(between_s as i64)));
    let Walked { cell, street_class, last_at, hot } = walked.clone();
    Planned { cell, street_class, last_at, due_at, hot, urgency: (urgency * 100.0).round() / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::parse_rfc3339;

    #[test]
    fn a_strict_street_and_a_hot_spot_are_due_sooner() {
        let rounds = Rounds { every_h: [4, 8, 24, 48], hot_days: 7, hot_count: 10 };
        let now = parse_rfc3339("2026-03-10T10:00:00Z").unwrap();
        let walked = |id: &str, street_class, hours: i64, hot| Walked {
            cell: GridCellId::parse(id).unwrap(),
            street_class,
            last_at: (hours >= 0).then(|| now - Duration::hours(hours)),
            hot,
        };
        let cells = [
            walked("A", 1, 2, 0),
            walked("B", 2, 8, 0),
            walked("C", 2, 8, 10),
            walked("D", 4, -1, 0),
            walked("E", 3, 6, 0),
        ];
        let planned = plan(&cells, &rounds, now);
        let told: Vec<(&str, f64)> = planned.iter().map(|one| (one.cell.as_str(), one.urgency)).collect();
        assert_eq!(told, [("C", 2.0), ("D", 2.0), ("B", 1.0), ("A", 0.5), ("E", 0.25)]);
        assert_eq!(planned[0].due_at, Some(now - Duration::hours(4)));
    }
}
