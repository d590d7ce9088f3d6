//! What is remembered of a sensor. Memories of several nodes are merged, in any order and however often, to the same one.

use std::{collections::BTreeMap, fmt::Debug};

use serde::{Deserialize, Serialize};

use crate::domain::{
    sensor_event::{SelfReport, SensorEvent, Standing, Told, Why},
    time::Instant,
};

/// Moves remembered of a space, enough for its own usual pace.
const MOVES: usize = 40;
/// Restarts remembered.
const RESTARTS: usize = 8;

/// One move of the space a sensor watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Move {
    /// When.
    pub at: Instant,
    /// Taken from then on, or free.
    pub occupied: bool,
}

/// How much one node has heard of a sensor; only ever grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Statements.
    pub events: u64,
    /// Statements that were known already.
    pub duplicates: u64,
    /// Changes that were never heard, as a later word showed.
    pub missed: u64,
    /// Statements about the past.
    pub historical: u64,
    /// Statements from too far ahead.
    pub future: u64,
    /// Counts that could not be true.
    pub implausible: u64,
}

impl Tally {
    fn merge(self, other: Self) -> Self {
        Self {
            events: self.events.max(other.events),
            duplicates: self.duplicates.max(other.duplicates),
            missed: self.missed.max(other.missed),
            historical: self.historical.max(other.historical),
            future: self.future.max(other.future),
            implausible: self.implausible.max(other.implausible),
        }
    }

    fn add(self, other: Self) -> Self {
        Self {
            events: self.events + other.events,
            duplicates: self.duplicates + other.duplicates,
            missed: self.missed + other.missed,
            historical: self.historical + other.historical,
            future: self.future + other.future,
            implausible: self.implausible + other.implausible,
        }
    }
}

/// What is remembered of a sensor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// When it was first heard.
    pub first_heard_at: Option<Instant>,
    /// When it was last heard.
    pub heard_at: Option<Instant>,
    /// Its newest word about its space.
    pub word: Option<Move>,
    /// What a node took for a move of its space, oldest first. Between two nodes' words a third may have been the move, so
    /// nothing is left out here; [`Memory::moves`] tells the moves.
    pub seen: Vec<Move>,
    /// When it last said that it had started.
    pub started_at: Option<Instant>,
    /// What it last said of its battery, and when.
    pub battery: Option<(Instant, SelfReport)>,
    /// What it last said of itself, and when.
    pub report: Option<(Instant, SelfReport)>,
    /// Its restarts with their causes, oldest first.
    pub restarts: Vec<(Instant, String)>,
    /// How far its own clock last was ahead of ours, milliseconds, and when.
    pub skew_ms: Option<(Instant, i64)>,
    /// When it last claimed a time too far ahead.
    pub future_at: Option<Instant>,
    /// When a change was last found to have been missed.
    pub missed_at: Option<Instant>,
    /// When it last counted what cannot be true.
    pub implausible_at: Option<Instant>,
    /// The gateways that heard it last, and when.
    pub gateways: Option<(Instant, Vec<String>)>,
    /// How much each node has heard of it.
    pub tallies: BTreeMap<String, Tally>,
}

impl Memory {
    /// Notes a statement that this node received. A duplicate shows that the sensor lives, and no more.
    pub fn hear(&mut self, event: &SensorEvent, node: &str, is_new: bool) {
        let received = event.received_at;
        self.heard_at = self.heard_at.max(Some(received));
        self.first_heard_at = Some(self.first_heard_at.map_or(received, |first| first.min(received)));
        if !event.gateways.is_empty() {
            newest(&mut self.gateways, received, event.gateways.clone());
        }
        let tally = self.tallies.entry(node.to_owned()).or_default();
        tally.events += 1;
        if !is_new {
            tally.duplicates += 1;
            return;
        }
        tally.historical += u64::from(event.standing == Standing::Historical);
        tally.future += u64::from(event.standing == Standing::Future);
        tally.missed += u64::from(event.missed);
        if event.standing == Standing::Future {
            self.future_at = self.future_at.max(Some(received));
        }
        if event.missed {
            self.missed_at = self.missed_at.max(Some(event.at));
        }
        if event.standing != Standing::Live {
            return;
        }
        if let Some(device_at) = event.device_at {
            newest(&mut self.skew_ms, received, (device_at - received).num_milliseconds());
        }
        match &event.told {
            Told::Occupancy { occupied, why } => {
                if *why == Why::Startup {
                    self.started_at = self.started_at.max(Some(event.at));
                }
                self.see(Move { at: event.at, occupied: *occupied });
            }
            Told::Health(report) => {
                if report.battery_mv.is_some() || report.battery_percent.is_some() {
                    newest(&mut self.battery, event.at, report.clone());
                }
                newest(&mut self.report, event.at, report.clone());
            }
            Told::Restart(cause) => {
                self.started_at = self.started_at.max(Some(event.at));
                self.restarts.push((event.at, cause.clone()));
                self.restarts = last_of(std::mem::take(&mut self.restarts), RESTARTS);
            }
            Told::Other => {}
        }
    }

    /// Notes that a count of this sensor could not be true.
    pub fn distrust(&mut self, at: Instant, node: &str) {
        self.implausible_at = self.implausible_at.max(Some(at));
        self.tallies.entry(node.to_owned()).or_default().implausible += 1;
    }

    /// A word about the space: a move, if the space was not known to be so.
    fn see(&mut self, word: Move) {
        if self.word.is_some_and(|known| known.at >= word.at) {
            return;
        }
        if self.word.is_none_or(|known| known.occupied != word.occupied) {
            self.seen.push(word);
            self.seen = last_of(std::mem::take(&mut self.seen), MOVES);
        }
        self.word = Some(word);
    }

    /// All that was heard of it, by any node.
    pub fn tally(&self) -> Tally {
        self.tallies.values().fold(Tally::default(), |sum, tally| sum.add(*tally))
    }

    /// The moves of its space, oldest first: each into the other state than the one before it.
    pub fn moves(&self) -> Vec<Move> {
        let mut moves = self.seen.clone();
        moves.dedup_by_key(|one| one.occupied);
        moves
    }

    /// When its space last moved.
    pub fn moved_at(&self) -> Option<Instant> {
        self.moves().last().map(|last| last.at)
    }

    /// What two nodes know together.
    #[must_use]
    pub fn merge(mut self, other: &Self) -> Self {
        let earliest = [self.first_heard_at, other.first_heard_at].into_iter().flatten().min();
        self.first_heard_at = earliest;
        self.heard_at = self.heard_at.max(other.heard_at);
        self.started_at = self.started_at.max(other.started_at);
        self.future_at = self.future_at.max(other.future_at);
        self.missed_at = self.missed_at.max(other.missed_at);
        self.implausible_at = self.implausible_at.max(other.implausible_at);
        self.word = self.word.max(other.word);
        self.seen.extend(&other.seen);
        self.seen = last_of(self.seen, MOVES);
        self.restarts.extend(other.restarts.iter().cloned());
        self.restarts = last_of(self.restarts, RESTARTS);
        for (mine, theirs) in [(&mut self.battery, &other.battery), (&mut self.report, &other.report)] {
            if let Some((at, report)) = theirs {
                newest(mine, *at, report.clone());
            }
        }
        if let Some((at, skew_ms)) = other.skew_ms {
            newest(&mut self.skew_ms, at, skew_ms);
        }
        if let Some((at, gateways)) = &other.gateways {
            newest(&mut self.gateways, *at, gateways.clone());
        }
        for (node, tally) in &other.tallies {
            let mine = self.tallies.entry(node.clone()).or_default();
            *mine = mine.merge(*tally);
        }
        self
    }
}

/// Keeps the newer of two words; of two of the same instant, the same one whichever came first.
fn newest<T: Debug>(mine: &mut Option<(Instant, T)>, at: Instant, value: T) {
    let is_newer = |(known_at, known): &(Instant, T)| {
        *known_at < at || *known_at == at && format!("{known:?}") < format!("{value:?}")
    };
    if mine.as_ref().is_none_or(is_newer) {
        *mine = Some((at, value));
    }
}

/// In order, each once, the newest `count`.
fn last_of<T: Ord>(mut all: Vec<T>, count: usize) -> Vec<T> {
    all.sort();
    all.dedup();
    let excess = all.len().saturating_sub(count);
    all.split_off(excess)
}
