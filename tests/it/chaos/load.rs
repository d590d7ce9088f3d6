//! The load under which things are broken: a script with a known truth, published by devices that never give up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use yunpark::clock::Clock;
use yunpark_simulator::{
    broker::Broker,
    life::messages,
    load::{Script, Truth},
};

/// Nothing to be said again.
const NONE: usize = usize::MAX;

/// Random numbers fixed by a seed (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `limit`, which is above zero.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit.max(1) as u64) as usize
    }
}

/// What the publishing thread and the test tell each other.
#[derive(Default)]
struct Progress {
    sent: AtomicUsize,
    again_from: AtomicUsize,
    repeated: AtomicUsize,
    total: AtomicUsize,
    /// No more will be asked to be said again.
    is_last: AtomicBool,
}

/// A script and the thread that publishes it.
pub struct Load {
    script: Arc<Script>,
    url: String,
    rate: u32,
    seed: u64,
    base: DateTime<Utc>,
    progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// A load that is not begun yet.
    pub fn new(url: &str, lots: u32, spaces: u32, rate: u32, messages: u64, seed: u64) -> Self {
        let script = Arc::new(Script::new(lots, spaces, messages, 0.1, true, seed));
        let progress = Progress { again_from: AtomicUsize::new(NONE), ..Progress::default() };
        Self {
            script,
            url: url.to_owned(),
            rate,
            seed,
            base: Clock::System.now(),
            progress: Arc::new(progress),
            thread: None,
        }
    }

    /// The city file of its lots.
    pub fn city(&self) -> Value {
        serde_json::from_str(&self.script.city()).unwrap()
    }

    /// What must stand in the end.
    pub fn truth(&self) -> &Truth {
        self.script.truth()
    }

    /// Messages of the script, duplicates included.
    pub fn messages(&self) -> usize {
        self.script.entries().len()
    }

    /// Messages of the script handed over so far.
    pub fn sent(&self) -> usize {
        self.progress.sent.load(Ordering::SeqCst)
    }

    /// All messages handed over, with those said again.
    pub fn sent_in_all(&self) -> usize {
        self.progress.total.load(Ordering::SeqCst)
    }

    /// Messages said again.
    pub fn repeated(&self) -> usize {
        self.progress.repeated.load(Ordering::SeqCst)
    }

    /// Asks for all messages from this one on to be said again.
    pub fn repeat_from(&self, index: usize) {
        self.progress.again_from.fetch_min(index, Ordering::SeqCst);
    }

    /// Begins to publish.
    pub fn begin(&mut self) {
        let (script, progress, url) = (self.script.clone(), self.progress.clone(), self.url.clone());
        let (rate, base, client_id) = (self.rate, self.base, format!("chaos-{}", self.seed));
        self.thread = Some(std::thread::spawn(move || {
            run(async move {
                let broker = Broker::connect(&url, &client_id, CancellationToken::new()).unwrap();
                let began = Instant::now();
                let mut next = 0;
                let mut handed_over: u64 = 0;
                loop {
                    let again = progress.again_from.swap(NONE, Ordering::SeqCst);
                    if again != NONE {
                        let upto = progress.sent.load(Ordering::SeqCst);
                        for entry in &script.entries()[again..upto] {
                            broker.publish(message(entry, base, rate, 0)).await.unwrap();
                        }
                        handed_over += (upto - again) as u64;
                        progress.repeated.fetch_add(upto - again, Ordering::SeqCst);
                    }
                    let due = (began.elapsed().as_secs_f64() * f64::from(rate)) as usize + 1;
                    while next < due.min(script.entries().len()) {
                        broker.publish(message(&script.entries()[next], base, rate, 0)).await.unwrap();
                        next += 1;
                        handed_over += 1;
                        progress.sent.store(next, Ordering::SeqCst);
                    }
                    progress.total.store(handed_over as usize, Ordering::SeqCst);
                    let is_done = next == script.entries().len()
                        && progress.is_last.load(Ordering::SeqCst)
                        && progress.again_from.load(Ordering::SeqCst) == NONE;
                    if is_done {
                        return until_acked(&broker, handed_over).await;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        }));
    }

    /// Waits until all is published and acknowledged.
    pub fn finish(&mut self) {
        self.progress.is_last.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }

    /// Lets each space say its last state once more, later than all before.
    pub fn speak_once_more(&self) {
        let script = self.script.clone();
        let (url, base, rate, client_id) = (self.url.clone(), self.base, self.rate, format!("last-{}", self.seed));
        let spoken = std::thread::spawn(move || {
            run(async move {
                let broker = Broker::connect(&url, &client_id, CancellationToken::new()).unwrap();
                let mut newest = std::collections::BTreeMap::new();
                for entry in script.entries() {
                    let kept = newest.entry((entry.lot, entry.space)).or_insert(*entry);
                    if entry.order > kept.order {
                        *kept = *entry;
                    }
                }
                for entry in newest.values() {
                    broker.publish(message(entry, base, rate, script.truth().messages)).await.unwrap();
                }
                until_acked(&broker, newest.len() as u64).await;
            });
        });
        spoken.join().unwrap();
    }
}

/// An entry as its device says it, this many messages later.
fn message(
    entry: &yunpark_simulator::load::Entry,
    base: DateTime<Utc>,
    rate: u32,
    later: u64,
) -> yunpark_simulator::broker::Message {
    let order = entry.order + later;
    let at = base + chrono::Duration::microseconds((order * 1_000_000 / u64::from(rate) / 2) as i64);
    let seq = u64::try_from(base.timestamp_millis()).unwrap() + order;
    let (lot, space) = (yunpark_simulator::load::lot_name(entry.lot), yunpark_simulator::load::space_name(entry.space));
    messages::native(&lot, &space, entry.occupied, seq, at)
}

async fn until_acked(broker: &Broker, count: u64) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while broker.acked() < count {
        assert!(Instant::now() < deadline, "{} of {count} messages acknowledged", broker.acked());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work);
}
