//! How fast lots fill and empty these minutes: arrivals and departures, each a rate that fades.
//!
//! While signs tell that a lot is full, few come, and that says nothing of how many will come once they tell of room again. So
//! arrivals are also counted by the time in which drivers were sent there, and the higher rate holds.
//!
//! How lots move also tells how old a count is. Where every word brings one car, silence means that nobody came; where words bring
//! several at once, more have come since the last.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::Duration;
use yunpark_signs::{Face, LineState};

use crate::domain::{
    approach::{Moved, Seen},
    availability::Availability,
    city::City,
    ids::LotId,
    sign::{Panel, Target},
    time::Instant,
};

/// Arrivals and departures fade within this time, seconds.
const MEMORY_S: f64 = 600.0;
/// A rate that was watched for less than this says little: it is held as if it had been watched so long, seconds.
const LEAST_WATCHED_S: f64 = 600.0;
/// As much of the time counts as sent there when no sign sends anybody: what was known of a lot that is full for long fades too.
const LEAST_SENT: f64 = 0.1;

/// Rates of one lot, vehicles a second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Coming in, or what came in while signs told of room, if that is more.
    pub coming: f64,
    /// Going out.
    pub going: f64,
}

/// What was seen of all lots, and how far signs sent drivers there meanwhile.
#[derive(Debug, Default)]
pub struct Flows {
    lots: HashMap<LotId, Flow>,
    sent: Sent,
}

impl Flows {
    /// Looks at what moved in every lot since the last look.
    pub fn observe(&mut self, lots: &BTreeMap<LotId, Availability>, now: Instant) {
        for (id, lot) in lots {
            let sent = self.sent.share(id);
            match self.lots.get_mut(id) {
                Some(flow) => flow.observe(lot, sent, now),
                None => {
                    self.lots.insert(id.clone(), Flow::new(lot, now));
                }
            }
        }
        if self.lots.len() > lots.len() {
            self.lots.retain(|id, _| lots.contains_key(id));
        }
    }

    /// What all signs tell from now on.
    pub fn send(&mut self, sent: Sent) {
        self.sent = sent;
    }

    /// How old what is known of a lot is at `now`: from its last word on only as far as cars move between two words, and at least
    /// what its words take to come.
    pub fn age(&self, lot: &Availability, now: Instant) -> Duration {
        let age = age(lot, now);
        self.lots.get(&lot.lot).map_or(age, |flow| flow.age(age))
    }

    /// The rates of a lot at `now`; nothing moves in one that was never seen.
    pub fn rates(&self, lot: &LotId, now: Instant) -> Rates {
        self.lots.get(lot).map_or_else(Rates::default, |flow| flow.rates(self.sent.share(lot), now))
    }
}

/// To which lots signs send drivers.
#[derive(Debug, Default)]
pub struct Sent {
    /// Of each lot, the lines that tell of room there, and all that could.
    lines: HashMap<LotId, (u32, u32)>,
}

impl Sent {
    /// Adds a panel that shows a face. A line before the entrance sends nobody: its drivers have arrived.
    pub fn add(&mut self, city: &City, panel: &Panel, face: &Face) {
        let has_room = face.lines.iter().filter(|line| matches!(line.state, LineState::Free | LineState::Few));
        let named: HashSet<&str> = has_room.flat_map(|line| line.lots.iter().map(String::as_str)).collect();
        let guiding =
            panel.lines.iter().filter(|line| line.travel_time_s > 0 || matches!(line.target, Target::Nearest(_)));
        for lot in guiding.flat_map(|line| city.target_lots(&line.target)) {
            let (room, all) = self.lines.entry(lot.id.clone()).or_default();
            *room += u32::from(named.contains(lot.id.as_str()));
            *all += 1;
        }
    }

    /// The share of the lines that tell of room in a lot, 0 to 1; all, where no line is about it.
    fn share(&self, lot: &LotId) -> f64 {
        self.lines.get(lot).map_or(1.0, |(room, all)| f64::from(*room) / f64::from(*all))
    }
}

/// What was seen of one lot.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Flow {
    seen: Seen,
    coming: Faded,
    /// The same by the time in which drivers were sent there.
    sent: Faded,
    going: Faded,
    /// Words that brought cars, and the cars they brought.
    words: f64,
    cars: f64,
    /// What the last of these words took to come.
    lag: Duration,
    at: Instant,
}

impl Flow {
    fn new(lot: &Availability, now: Instant) -> Self {
        let (coming, sent, going) = Default::default();
        Self { seen: Seen::new(lot), coming, sent, going, words: 0.0, cars: 0.0, lag: Duration::zero(), at: now }
    }

    /// Looks at the lot again; until now this share of the lines sent drivers there.
    fn observe(&mut self, lot: &Availability, sent: f64, now: Instant) {
        *self = self.passed(sent, now);
        let moved = match self.seen.look(lot) {
            Moved::Came(came) => {
                self.coming.sum += f64::from(came);
                self.sent.sum += f64::from(came) * sent.max(LEAST_SENT);
                came
            }
            Moved::Left(left) => {
                self.going.sum += f64::from(left);
                left
            }
            Moved::Nothing | Moved::Corrected => return,
        };
        self.words += 1.0;
        self.cars += f64::from(moved);
        self.lag = age(lot, now);
    }

    /// The part of an age that counts.
    fn age(&self, age: Duration) -> Duration {
        // Who comes and who leaves between two words cancel out in a count, so about twice as many moved as it tells.
        let missed = if self.cars > 0.0 { (2.0 * (1.0 - self.words / self.cars)).clamp(0.0, 1.0) } else { 1.0 };
        let lag = self.lag.min(age);
        lag + Duration::milliseconds(((age - lag).num_milliseconds() as f64 * missed) as i64)
    }

    fn rates(&self, sent: f64, now: Instant) -> Rates {
        let now = self.passed(sent, now);
        Rates { coming: now.coming.rate().max(now.sent.rate()), going: now.going.rate() }
    }

    /// The same once it is `now`.
    fn passed(mut self, sent: f64, now: Instant) -> Self {
        let past_s = seconds(now - self.at);
        let all = fade(past_s);
        self.coming.pass(all);
        self.going.pass(all);
        (self.words, self.cars) = (self.words * all, self.cars * all);
        self.sent.pass(fade(past_s * sent.max(LEAST_SENT)));
        self.at = self.at.max(now);
        self
    }
}

/// Vehicles and the time they were watched, both fading.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Faded {
    sum: f64,
    watched_s: f64,
}

impl Faded {
    fn pass(&mut self, fade: f64) {
        self.sum *= fade;
        self.watched_s = MEMORY_S + (self.watched_s - MEMORY_S) * fade;
    }

    /// Vehicles a second.
    fn rate(&self) -> f64 {
        let least_s = MEMORY_S * (1.0 - (-LEAST_WATCHED_S / MEMORY_S).exp());
        self.sum / self.watched_s.max(least_s)
    }
}

fn fade(seconds: f64) -> f64 {
    (-seconds / MEMORY_S).exp()
}

/// The time since the newest of a lot's words was true; none for one that never spoke.
fn age(lot: &Availability, now: Instant) -> Duration {
    lot.observed_at.map_or(Duration::zero(), |at| crate::domain::time::age(now, at))
}

fn seconds(time: Duration) -> f64 {
    time.num_milliseconds().max(0) as f64 / 1000.0
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
