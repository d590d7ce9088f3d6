//! Drivers come and go: the state of every bay and gate, and which of them have something to tell. No I/O.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    faults::{Fault, Faults},
    messages::{self, Start},
    tides,
};
use crate::{
    broker::Message,
    town::{LotKind, Purpose, Town},
};

/// One bay in a hundred has a dead sensor.
const ILL_SHARE: f64 = 0.01;
/// A lot with a short limit of its own loses its gateway now and then: seconds up to, and of, each silence.
const GATEWAY_UP_S: f64 = 420.0;
const GATEWAY_DOWN_S: f64 = 300.0;
/// Where a passage counter stands at the start, so that it soon goes round at 65,536.
const NEARLY_ROUND: u32 = 65_500;
/// Where gateways are to fail, they do so sooner.
const FAULTY_GATEWAY_UP_S: f64 = 60.0;
/// A sensor that gets stuck has told so many changes before, so that its bay's own pace is known.
const STICKS_AFTER: u32 = 7;
/// A wrong clock is so many seconds ahead or behind.
const AHEAD_S: i64 = 3_600;
const BEHIND_S: i64 = 900;
/// A battery that runs down has at most this much left, millivolts above empty, and loses so much with every word.
const FULL_MV: u32 = 500;
const PER_WORD_MV: u32 = 40;
/// Such a lot speaks at least this often while its gateway is up, seconds.
const FRAGILE_WORD_S: f64 = 45.0;

/// The moving town.
#[derive(Debug)]
pub struct Traffic {
    lots: Vec<Lot>,
    bays: Vec<Bay>,
    queue: VecDeque<Report>,
    /// Lots whose gateways have something to say of themselves.
    gateway_words: VecDeque<usize>,
    gateway_up_s: f64,
    /// The report last handed out, in case it could not be sent.
    last: Option<Report>,
    next_beat: f64,
    hour: f64,
    uptime_s: f64,
    start: Start,
    /// Chance that a gate overlooks a vehicle that leaves.
    overlooks: f64,
    rng: StdRng,
}

#[derive(Debug)]
struct Lot {
    id: String,
    purpose: Purpose,
    on_street: bool,
    capacity: u32,
    taken: u32,
    /// Its bays; empty where gates count.
    bays: std::ops::Range<usize>,
    entered: u32,
    left: u32,
    seq: u64,
    /// Its gate's passage counter, and what that has told.
    counter: Option<Counter>,
    gate_queued: bool,
    count_queued: bool,
    gateway: Gateway,
    gateway_eui: String,
}

/// A passage counter: it tells all it has counted, and never the same frame twice.
#[derive(Debug)]
struct Counter {
    eui: String,
    entered: u32,
    left: u32,
    /// What it has told last.
    told: Option<(u32, u32)>,
    sent: u64,
}

/// What carries a lot's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gateway {
    /// Never fails.
    Steady,
    /// Fails now and then; up now.
    Up,
    /// Fails now and then; down now.
    Down,
}

impl Lot {
    /// Whether its counter has counted, or never told, what a count of the lot would hold.
    fn owes_totals(&self) -> bool {
        let stands = |counter: &Counter| Some((counter.entered + self.entered, counter.left + self.left));
        self.counter.as_ref().is_some_and(|counter| counter.told != stands(counter))
    }
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing of its own, and any of them may hold at a time")]
struct Bay {
    lot: usize,
    sensor: messages::Sensor,
    occupied: bool,
    sent: u64,
    ill: bool,
    queued: bool,
    /// It speaks because it is time to.
    beats: bool,
    /// How many more changes it tells before it gets stuck; `None` for one that never does.
    turns_left: Option<u32>,
    /// It tells the state it had when it got stuck.
    stuck_at: Option<bool>,
    /// Seconds its clock is ahead; behind if negative.
    skew_s: i64,
    /// What is left in its battery, millivolts above empty; `None` for one that lasts.
    battery_mv: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
enum Report {
    Bay(usize),
    Gate(usize),
    Count(usize),
}

impl Traffic {
    /// The town at an hour of the day, as full as the hour wants it; nothing has been told yet.
    pub fn new(town: &Town, seed: u64, hour: f64, now: DateTime<Utc>) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x11FE);
        let (mut lots, mut bays) = (Vec::new(), Vec::<Bay>::new());
        for (index, lot) in town.lots.iter().enumerate() {
            let share = tides::wished_share(lot.purpose, hour).min(0.98);
            let first = bays.len();
            let gateway_eui = format!("0016c001f1{index:06x}");
            let mut taken = 0;
            for space in &lot.spaces {
                let occupied = rng.random_bool(share);
                taken += u32::from(occupied);
                bays.push(Bay {
                    lot: index,
                    sensor: messages::Sensor::new(&lot.id, space, &gateway_eui),
                    occupied,
                    sent: 0,
                    ill: rng.random_bool(ILL_SHARE),
                    queued: false,
                    beats: false,
                    turns_left: None,
                    stuck_at: None,
                    skew_s: 0,
                    battery_mv: None,
                });
            }
            if lot.spaces.is_empty() {
                taken = (share * f64::from(lot.capacity)).round() as u32;
            }
            lots.push(Lot {
                id: lot.id.clone(),
                purpose: lot.purpose,
                on_street: lot.kind == LotKind::Street,
                capacity: lot.capacity,
                taken,
                bays: first..bays.len(),
                entered: 0,
                left: 0,
                seq: 0,
                counter: lot.counter().map(|eui| Counter {
                    eui,
                    entered: NEARLY_ROUND,
                    left: NEARLY_ROUND,
                    told: None,
                    sent: 0,
                }),
                gate_queued: false,
                count_queued: false,
                gateway: if lot.stale_after_s.is_some() { Gateway::Up } else { Gateway::Steady },
                gateway_eui,
            });
        }
        let start = Start::at(now);
        let (queue, last, overlooks) = (VecDeque::new(), None, 0.0);
        Self {
            lots,
            bays,
            queue,
            gateway_words: VecDeque::new(),
            gateway_up_s: GATEWAY_UP_S,
            last,
            next_beat: 0.0,
            hour,
            uptime_s: 0.0,
            start,
            overlooks,
            rng,
        }
    }

    /// The same town with faults among its sensors; the same seed befalls the same ones.
    #[must_use]
    pub fn with(mut self, faults: &Faults, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x111);
        for bay in &mut self.bays {
            if rng.random_bool(faults.chance(Fault::Stuck)) {
                bay.turns_left = Some(STICKS_AFTER);
            }
            if rng.random_bool(faults.chance(Fault::ClockSkew)) {
                bay.skew_s = if rng.random_bool(0.5) { AHEAD_S } else { -BEHIND_S };
            }
            if rng.random_bool(faults.chance(Fault::BatteryDeath)) {
                bay.battery_mv = Some(rng.random_range(1..=FULL_MV));
            }
        }
        for lot in &mut self.lots {
            if rng.random_bool(faults.chance(Fault::GatewayOutage)) {
                lot.gateway = Gateway::Up;
            }
        }
        if faults.has(Fault::GatewayOutage) {
            self.gateway_up_s = FAULTY_GATEWAY_UP_S;
        }
        self.overlooks = faults.chance(Fault::Drift);
        self
    }

    /// Lets `elapsed_s` real seconds pass at `speed` times real time.
    pub fn step(&mut self, elapsed_s: f64, speed: f64) {
        let passed_s = elapsed_s * speed;
        let word_before = (self.uptime_s / FRAGILE_WORD_S) as usize;
        self.uptime_s += elapsed_s;
        let word = (self.uptime_s / FRAGILE_WORD_S) as usize;
        let hour_before = self.hour;
        self.hour = (self.hour + passed_s / 3600.0).rem_euclid(24.0);
        let new_hour = hour_before.floor() as i64 != self.hour.floor() as i64;
        let gateway_down = self.uptime_s.rem_euclid(self.gateway_up_s + GATEWAY_DOWN_S) > self.gateway_up_s;
        for index in 0..self.lots.len() {
            self.move_drivers(index, passed_s);
            if new_hour {
                self.queue_count(index);
            }
            if self.lots[index].gateway != Gateway::Steady {
                self.run_gateway(index, gateway_down, (word != word_before).then_some(word));
            }
        }
    }

    /// A gateway that comes back brings the whole lot's state; while it is up, a bay speaks up at every `word`.
    fn run_gateway(&mut self, index: usize, down: bool, word: Option<usize>) {
        let bays = self.lots[index].bays.clone();
        if let Some(bay) = word.and_then(|word| bays.clone().nth(word % bays.len().max(1))) {
            self.queue_bay(bay);
        }
        let before = self.lots[index].gateway;
        self.lots[index].gateway = if down { Gateway::Down } else { Gateway::Up };
        if before == Gateway::Down && !down {
            self.report_lot(index);
        }
        if before != self.lots[index].gateway {
            self.gateway_words.push_back(index);
        }
    }

    fn move_drivers(&mut self, index: usize, passed_s: f64) {
        let lot = &self.lots[index];
        let stay_s = tides::mean_stay_s(lot.purpose, lot.on_street);
        let wished = tides::wished_share(lot.purpose, self.hour) * f64::from(lot.capacity);
        let taken = f64::from(lot.taken);
        // Coming balances going at the wished level, and pulls back towards it twice as fast as a stay lasts.
        let coming = ((wished + 2.0 * (wished - taken)) / stay_s * passed_s).max(0.0);
        let going = taken / stay_s * passed_s;
        for _ in 0..self.draw(going).min(self.lots[index].taken) {
            self.depart(index);
        }
        let room = self.lots[index].capacity - self.lots[index].taken;
        for _ in 0..self.draw(coming).min(room) {
            self.arrive(index);
        }
    }

    /// A whole number with the given mean: the fraction is the chance of one more.
    fn draw(&mut self, mean: f64) -> u32 {
        let whole = mean.floor();
        whole as u32 + u32::from(self.rng.random_bool((mean - whole).clamp(0.0, 1.0)))
    }

    fn arrive(&mut self, index: usize) {
        if self.lots[index].bays.is_empty() {
            self.lots[index].entered += 1;
            self.queue_gate(index);
        } else if !self.turn_bay(index, false) {
            return;
        }
        self.lots[index].taken += 1;
    }

    fn depart(&mut self, index: usize) {
        if self.lots[index].bays.is_empty() {
            // An overlooked vehicle is gone all the same, and the next absolute count shows it.
            if !self.rng.random_bool(self.overlooks) {
                self.lots[index].left += 1;
                self.queue_gate(index);
            }
        } else if !self.turn_bay(index, true) {
            return;
        }
        self.lots[index].taken -= 1;
    }

    /// Changes one bay of a lot that is `occupied` now; `false` if there is none.
    fn turn_bay(&mut self, index: usize, occupied: bool) -> bool {
        let range = self.lots[index].bays.clone();
        let from = self.rng.random_range(range.clone());
        let Some(bay) = (from..range.end).chain(range.start..from).find(|bay| self.bays[*bay].occupied == occupied)
        else {
            return false;
        };
        let turned = &mut self.bays[bay];
        turned.occupied = !occupied;
        match &mut turned.turns_left {
            None => {}
            Some(0) => drop(turned.stuck_at.get_or_insert(occupied)),
            Some(left) => *left -= 1,
        }
        self.queue_bay(bay);
        true
    }

    fn queue_bay(&mut self, bay: usize) {
        if !self.bays[bay].queued && !self.bays[bay].ill {
            self.bays[bay].queued = true;
            self.queue.push_back(Report::Bay(bay));
        }
    }

    fn queue_gate(&mut self, lot: usize) {
        if !self.lots[lot].gate_queued {
            self.lots[lot].gate_queued = true;
            self.queue.push_back(Report::Gate(lot));
        }
    }

    fn queue_count(&mut self, lot: usize) {
        if self.lots[lot].bays.is_empty() && !self.lots[lot].count_queued {
            self.lots[lot].count_queued = true;
            self.queue.push_back(Report::Count(lot));
        }
    }

    fn report_lot(&mut self, lot: usize) {
        self.queue_count(lot);
        for bay in self.lots[lot].bays.clone() {
            self.queue_bay(bay);
        }
    }

    /// Every sensor tells its state, as after a start or a lost connection.
    pub fn report_everything(&mut self) {
        for lot in 0..self.lots.len() {
            self.report_lot(lot);
        }
        self.gateway_words = (0..self.lots.len()).collect();
    }

    /// The next thing a gateway has to say of itself, to be retained. Where it is down, its last will says it.
    pub fn gateway_word(&mut self, now: DateTime<Utc>) -> Option<Message> {
        let lot = &self.lots[self.gateway_words.pop_front()?];
        Some(messages::gateway(&lot.gateway_eui, lot.gateway != Gateway::Down, now))
    }

    /// Lets the next `share` of all sensors tell their state; a whole round is 1.
    pub fn beat(&mut self, share: f64) {
        let all = self.bays.len() + self.lots.len();
        let before = self.next_beat.floor() as usize;
        self.next_beat += share * all as f64;
        for sensor in before..self.next_beat.floor() as usize {
            if let Some(lot) = (sensor % all).checked_sub(self.bays.len()) {
                if self.lots[lot].counter.is_some() {
                    self.queue_gate(lot);
                }
                self.queue_count(lot);
            } else {
                let bay = sensor % all;
                self.bays[bay].beats = !self.bays[bay].queued;
                self.queue_bay(bay);
            }
        }
        self.next_beat = self.next_beat.rem_euclid(all.max(1) as f64);
    }

    /// The next thing a sensor has to tell; the queue holds each sensor at most once.
    pub fn next_message(&mut self, now: DateTime<Utc>) -> Option<Message> {
        loop {
            let report = self.queue.pop_front()?;
            self.last = Some(report);
            match report {
                Report::Bay(index) => {
                    let bay = &mut self.bays[index];
                    bay.queued = false;
                    if self.lots[bay.lot].gateway == Gateway::Down {
                        continue;
                    }
                    if let Some(left) = &mut bay.battery_mv {
                        *left = left.saturating_sub(PER_WORD_MV);
                        // Empty: it never speaks again.
                        if *left == 0 {
                            bay.ill = true;
                            continue;
                        }
                    }
                    let word = messages::BayWord {
                        occupied: bay.stuck_at.unwrap_or(bay.occupied),
                        is_heartbeat: std::mem::take(&mut bay.beats),
                        battery_mv: messages::EMPTY_MV + bay.battery_mv.unwrap_or(FULL_MV),
                        skew: chrono::Duration::seconds(bay.skew_s),
                    };
                    let message = messages::bay(&bay.sensor, &word, bay.sent, self.start, now);
                    bay.sent += 1;
                    return Some(message);
                }
                Report::Gate(index) if self.lots[index].counter.is_some() => {
                    self.lots[index].gate_queued = false;
                    if let Some(message) = self.totals(index, now) {
                        return Some(message);
                    }
                }
                Report::Gate(index) => {
                    let lot = &mut self.lots[index];
                    let (direction, count) = if lot.left > 0 { ("out", lot.left) } else { ("in", lot.entered) };
                    if direction == "out" {
                        lot.left = 0;
                    } else {
                        lot.entered = 0;
                    }
                    lot.gate_queued = lot.entered > 0;
                    if lot.gate_queued {
                        self.queue.push_back(report);
                    }
                    if count == 0 || lot.gateway == Gateway::Down {
                        continue;
                    }
                    lot.seq += 1;
                    return Some(messages::passage(&lot.id, direction, count, self.start.seq(lot.seq), now));
                }
                Report::Count(index) if self.lots[index].owes_totals() => {
                    // Its totals first: told behind the count, they would count the same vehicles again.
                    if let Some(message) = self.totals(index, now) {
                        self.queue.push_front(report);
                        return Some(message);
                    }
                    self.lots[index].count_queued = false;
                }
                Report::Count(index) => {
                    let lot = &mut self.lots[index];
                    lot.count_queued = false;
                    // The count holds what the gates have seen: telling it again would count it twice.
                    (lot.entered, lot.left) = (0, 0);
                    if lot.gateway == Gateway::Down {
                        continue;
                    }
                    return Some(messages::count(&lot.id, lot.taken, now));
                }
            }
        }
    }

    /// What a gate's counter has counted; nothing while its gateway is down.
    fn totals(&mut self, index: usize, now: DateTime<Utc>) -> Option<Message> {
        let start = self.start;
        let lot = &mut self.lots[index];
        let counter = lot.counter.as_mut()?;
        counter.entered += std::mem::take(&mut lot.entered);
        counter.left += std::mem::take(&mut lot.left);
        if lot.gateway == Gateway::Down {
            return None;
        }
        let message =
            messages::totals((&counter.eui, &lot.gateway_eui), counter.entered, counter.left, counter.sent, start, now);
        counter.sent += 1;
        counter.told = Some((counter.entered, counter.left));
        Some(message)
    }

    /// The last message could not be handed over: its sensor tells again, gates by their count.
    pub fn put_back(&mut self) {
        match self.last.take() {
            Some(Report::Bay(bay)) => self.queue_bay(bay),
            Some(Report::Gate(lot) | Report::Count(lot)) => self.queue_count(lot),
            None => {}
        }
    }

    /// Places taken in all lots.
    pub fn taken(&self) -> u32 {
        self.lots.iter().map(|lot| lot.taken).sum()
    }
}
