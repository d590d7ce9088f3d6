//! Devices under steady load: bays and gates that publish at QoS 1, know what was acknowledged, and keep the naive model of what
//! must stand in the end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::{runtime::Handle, time::sleep};
use tokio_util::sync::CancellationToken;
use yunpark_simulator::{
    broker::{Broker, Message},
    life::messages,
};

use crate::chaos::load::Dice;

/// Lots counted by their bays, and how many each has.
pub const BUSY: [&str; 4] = ["L1", "L2", "L3", "L4"];
pub const BAYS: u32 = 25;
/// A lot that moves only when it is told to: what a listener misses of it stays missed.
pub const QUIET: &str = "QUIET";
pub const QUIET_BAYS: u32 = 8;
/// Lots counted at their gates, where one vehicle after the other drives in and none out: each number of free places is true in
/// one short span of time, so that a number tells how old it is.
pub const GATES: [&str; 2] = ["GATE-FAST", "GATE-SLOW"];
pub const GATE_PLACES: u64 = 9_900;
/// A lot at whose gate every other word is said: a passage that is lost stays lost, where a bay's next word would heal it.
pub const CROWDED: &str = "GATE-CROWDED";
pub const CROWDED_PLACES: u64 = 1_000_000;
/// Words a second.
const RATE: f64 = 120.0;
const GATE_EVERY: Duration = Duration::from_millis(400);
/// How long before a crash of the broker its devices begin to say again what they said: it acknowledges before it has written.
const REPEATED: Duration = Duration::from_secs(5);

/// The free, occupied and unknown places of a lot.
pub type Counts = [u64; 3];

/// One word of a device.
#[derive(Debug, Clone)]
struct Word {
    said: Instant,
    message: Message,
}

/// What was said, and what stands after it.
#[derive(Default)]
struct Book {
    words: Vec<Word>,
    bays: BTreeMap<(&'static str, u32), bool>,
    /// Vehicles that drove into the crowded lot.
    crowd: u64,
    /// When each vehicle drove in at the other gates.
    cars: [Vec<Instant>; GATES.len()],
    seq: u64,
    handed_over: u64,
    again_from: Option<usize>,
    ahead: chrono::Duration,
    is_hushed: bool,
    is_gate_shut: bool,
    /// Nothing is under way from the model to the broker's queue.
    is_at_rest: bool,
    nudges: u32,
}

/// The devices.
#[derive(Clone)]
pub struct Sensors {
    book: Arc<Mutex<Book>>,
    broker: Arc<Broker>,
}

/// The time by the wall, which devices and listeners go by.
pub fn wall() -> DateTime<Utc> {
    yunpark::clock::Clock::System.now()
}

impl Sensors {
    /// Devices that speak to the broker at `port` until `stop`; each says once how it is.
    pub fn start(on: &Handle, port: u16, seed: u64, stop: CancellationToken) -> Self {
        let broker = {
            let _here = on.enter();
            Broker::connect(&format!("mqtt://127.0.0.1:{port}"), &format!("devices-{seed}"), stop.clone()).unwrap()
        };
        let seq = u64::try_from(wall().timestamp_millis()).unwrap() * 1000;
        let book = Book { seq, ..Book::default() };
        let sensors = Self { book: Arc::new(Mutex::new(book)), broker: Arc::new(broker) };
        let speaking = sensors.clone();
        on.spawn(async move {
            tokio::select! { () = stop.cancelled() => {}, () = speaking.speak(seed) => {} }
        });
        sensors
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn speak(self, seed: u64) {
        let mut dice = Dice(seed);
        let first = self.book().first();
        self.hand_over(first).await;
        let (mut spoken, mut began) = (0.0, Instant::now());
        let mut gate_at = Instant::now();
        loop {
            let (again, is_hushed) = {
                let mut book = self.book();
                let from = book.again_from.take().unwrap_or(book.words.len());
                let again: Vec<Message> = book.words[from..].iter().map(|word| word.message.clone()).collect();
                (again, book.is_hushed)
            };
            self.hand_over(again).await;
            if is_hushed {
                self.book().is_at_rest = true;
                (spoken, began) = (0.0, Instant::now());
                sleep(Duration::from_millis(10)).await;
                continue;
            }
            self.book().is_at_rest = false;
            // After a wait for the broker the load goes on as before, and does not make up for it.
            let due = (began.elapsed().as_secs_f64() * RATE).min(spoken + RATE);
            while spoken < due {
                spoken += 1.0;
                let (lot, bay) = (BUSY[dice.below(BUSY.len())], dice.below(BAYS as usize) as u32);
                let word = match dice.below(2) {
                    0 => self.book().crowd_in(),
                    _ => None,
                };
                let word = word.unwrap_or_else(|| self.book().turn(lot, bay));
                // One device in twenty says everything twice.
                let times = 1 + usize::from(dice.below(20) == 0);
                self.hand_over(vec![word; times]).await;
            }
            if gate_at.elapsed() >= GATE_EVERY {
                gate_at = Instant::now();
                let cars = self.book().drive_in();
                self.hand_over(cars).await;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn hand_over(&self, messages: Vec<Message>) {
        for message in messages {
            self.book().handed_over += 1;
            self.broker.publish(message).await.unwrap();
        }
    }

    /// Lets one bay of the quiet lot turn over.
    pub fn nudge(&self, on: &Handle) {
        let word = {
            let mut book = self.book();
            book.nudges += 1;
            let bay = book.nudges % QUIET_BAYS;
            book.turn(QUIET, bay)
        };
        let sensors = self.clone();
        on.spawn(async move { sensors.hand_over(vec![word]).await });
    }

    /// Falls silent, and waits until the broker has acknowledged every word; whether it did in time.
    pub async fn hush(&self, longest: Duration) -> bool {
        {
            let mut book = self.book();
            (book.is_hushed, book.is_at_rest) = (true, false);
        }
        super::within(longest, || {
            let book = self.book();
            book.is_at_rest && self.broker.acked() >= book.handed_over
        })
        .await
    }

    /// Speaks again.
    pub fn go_on(&self) {
        self.book().is_hushed = false;
    }

    /// Shuts or opens the gates. What a broker acknowledges and loses in a crash can be said again of a bay at any time, but
    /// of a gate only before the next vehicle: nobody drives in around such a crash.
    pub fn shut_gates(&self, is_shut: bool) {
        self.book().is_gate_shut = is_shut;
    }

    /// Says again, in order, what was said in the last seconds before `moment` and since.
    pub fn repeat_since(&self, moment: Instant) {
        let mut book = self.book();
        let from = book.words.partition_point(|word| word.said + REPEATED < moment);
        book.again_from = Some(from);
    }

    /// Sets the devices' clocks so much ahead of the time, or behind.
    pub fn set_clocks_ahead(&self, seconds: i64) {
        self.book().ahead = chrono::Duration::seconds(seconds);
    }

    /// Words said so far, and how many the broker has acknowledged, repetitions included.
    pub fn figures(&self) -> (usize, u64) {
        (self.book().words.len(), self.broker.acked())
    }

    /// What must stand of each lot after all that was said.
    pub fn model(&self) -> BTreeMap<&'static str, Counts> {
        let book = self.book();
        let of_bays = |lot: &'static str, bays: u32| {
            let taken = (0..bays).filter(|bay| book.bays.get(&(lot, *bay)) == Some(&true)).count() as u64;
            (lot, [u64::from(bays) - taken, taken, 0])
        };
        let of_gate = |(gate, lot): (usize, &&'static str)| {
            let taken = book.cars[gate].len() as u64;
            (*lot, [GATE_PLACES - taken, taken, 0])
        };
        let crowded = (CROWDED, [CROWDED_PLACES - book.crowd, book.crowd, 0]);
        let busy = BUSY.iter().map(|lot| of_bays(lot, BAYS));
        busy.chain([of_bays(QUIET, QUIET_BAYS), crowded]).chain(GATES.iter().enumerate().map(of_gate)).collect()
    }

    /// How long ago a number of free places was last true at a gate; `None` if it never was.
    pub fn age(&self, gate: usize, free: u64) -> Option<Duration> {
        let book = self.book();
        let cars = &book.cars[gate];
        let car = usize::try_from(GATE_PLACES.checked_sub(free)?).ok()?;
        match cars.get(car) {
            Some(next) => Some(next.elapsed()),
            None => (car == cars.len()).then_some(Duration::ZERO),
        }
    }
}

impl Book {
    fn stamp(&mut self) -> (u64, DateTime<Utc>) {
        self.seq += 1;
        (self.seq, wall() + self.ahead)
    }

    fn keep(&mut self, message: Message) -> Message {
        self.words.push(Word { said: Instant::now(), message: message.clone() });
        message
    }

    /// What each device says of itself first.
    fn first(&mut self) -> Vec<Message> {
        let mut all = Vec::new();
        for (lot, bays) in BUSY.iter().map(|lot| (*lot, BAYS)).chain([(QUIET, QUIET_BAYS)]) {
            for bay in 0..bays {
                self.bays.insert((lot, bay), true);
                all.push(self.turn(lot, bay));
            }
        }
        for (lot, places) in GATES.map(|lot| (lot, GATE_PLACES)).into_iter().chain([(CROWDED, CROWDED_PLACES)]) {
            let at = wall().to_rfc3339();
            let payload: Value = json!({"free": places, "at": at});
            all.push(self.keep(Message { topic: format!("yunpark/v1/lot/{lot}/count"), payload: payload.to_string() }));
        }
        all
    }

    fn turn(&mut self, lot: &'static str, bay: u32) -> Message {
        let is_taken = self.bays.entry((lot, bay)).or_insert(true);
        *is_taken = !*is_taken;
        let is_taken = *is_taken;
        let (seq, at) = self.stamp();
        self.keep(messages::native(lot, &format!("S{:03}", bay + 1), is_taken, seq, at))
    }

    fn drive_in(&mut self) -> Vec<Message> {
        if self.is_gate_shut {
            return Vec::new();
        }
        let mut all = Vec::new();
        for (gate, lot) in GATES.iter().enumerate() {
            self.cars[gate].push(Instant::now());
            all.push(self.pass(lot));
        }
        all
    }

    /// One more vehicle for the crowded lot, unless the gates are shut.
    fn crowd_in(&mut self) -> Option<Message> {
        if self.is_gate_shut {
            return None;
        }
        self.crowd += 1;
        Some(self.pass(CROWDED))
    }

    fn pass(&mut self, lot: &str) -> Message {
        let (seq, at) = self.stamp();
        let payload = json!({"direction": "in", "count": 1, "at": at.to_rfc3339(), "seq": seq});
        self.keep(Message { topic: format!("yunpark/v1/lot/{lot}/passage"), payload: payload.to_string() })
    }
}
