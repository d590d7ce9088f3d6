//! From the message of a sensor to the face confirmed, over emulated signs of mixed kinds, as a whole node drives them.
//!
//! `./run bench signs [SECONDS]`. Needs `mosquitto`; all load stays on loopback. A real node (its own process, configured as
//! by default) hears the counts of lots over Mosquitto and drives one sign for each lot; each lot's count changes every few
//! seconds, more slowly than its sign's own rate limit, so that the limit delays nothing. What is timed ends when the
//! node has seen the sign show the number: read back, acknowledged or echoed, by its kind.

#[path = "../node.rs"]
mod node;
#[path = "../rig.rs"]
mod rig;
mod street;

use std::{
    collections::VecDeque,
    process::ExitCode,
    time::{Duration, Instant},
};

use rumqttc::{AsyncClient, MqttOptions, QoS};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use yunpark::{
    clock::Clock,
    domain::time::{self, parse_rfc3339, rfc3339},
};

use node::Node;
use rig::{Failure, Server, judge, line};
use street::{DEAD_EVERY, Street};

/// Each lot's count changes so often.
const PERIOD: Duration = Duration::from_secs(5);
/// The node is asked what its signs show so often: more often than they change, so that no face is missed.
const LOOK: Duration = Duration::from_secs(4);
/// From a sign's death until it is only tried now and then, and from its rescue until it is well again.
const SETTLING: [Duration; 2] = [Duration::from_secs(25), Duration::from_secs(45)];

/// The counts that are published, and what becomes of them.
struct Traffic<'a> {
    node: &'a Node,
    client: AsyncClient,
    /// Counts of each lot that no sign was seen to show yet, oldest first.
    waiting: Vec<VecDeque<(String, time::Instant)>>,
    round: u32,
    /// Keeps the client's connection moving.
    _poll: JoinSet<()>,
}

/// What one measurement gave.
#[derive(Default)]
struct Outcome {
    took_ms: Vec<f64>,
    /// Faces of living signs that were never seen.
    missed: usize,
    /// Processor time, as a share of one core.
    share: f64,
}

impl Outcome {
    fn at(&self, share: f64) -> f64 {
        let mut sorted = self.took_ms.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len() as f64 * share) as usize;
        sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }

    fn join(&mut self, other: Self) {
        let rounds = if self.took_ms.is_empty() { 0.0 } else { 1.0 };
        self.share = (self.share * rounds + other.share) / (rounds + 1.0);
        self.took_ms.extend(other.took_ms);
        self.missed += other.missed;
    }
}

impl<'a> Traffic<'a> {
    fn new(node: &'a Node, broker: u16, lots: usize) -> Self {
        let mut options = MqttOptions::new("counters", "127.0.0.1", broker);
        options.set_inflight(1_000);
        let (client, mut events) = AsyncClient::new(options, 10_000);
        events.network_options.set_tcp_nodelay(true);
        let mut poll = JoinSet::new();
        poll.spawn(async move { while events.poll().await.is_ok() {} });
        Self { node, client, waiting: vec![VecDeque::new(); lots], round: 0, _poll: poll }
    }

    async fn publish(&mut self, lot: usize) -> Result<(), Failure> {
        // Never the same twice in a row, and far from the thresholds of full.
        let free = 20 + (self.round * 7 + lot as u32) % 70;
        let at = Clock::System.now();
        let payload = json!({"free": free, "at": rfc3339(at)}).to_string();
        self.client.publish(format!("yunpark/v1/lot/L{lot}/count"), QoS::AtLeastOnce, false, payload).await?;
        self.waiting[lot].push_back((free.to_string(), at));
        Ok(())
    }

    /// Asks the node what its signs were seen to show, and since when.
    fn look(&mut self, outcome: &mut Outcome) -> Result<(), Failure> {
        let view = tokio::task::block_in_place(|| self.node.get("/api/v1/signs"))?;
        for sign in view["signs"].as_array().into_iter().flatten() {
            let lot = sign["id"].as_str().and_then(|id| id.strip_prefix('S')?.parse::<usize>().ok()).ok_or("an id")?;
            let panel = &sign["panels"][0];
            let (Some(text), Some(since)) = (shown(panel), panel["confirmed_since"].as_str()) else { continue };
            let since = parse_rfc3339(since)?;
            let waiting = &mut self.waiting[lot];
            let Some(at) = waiting.iter().position(|(free, at)| free == text && *at <= since) else { continue };
            outcome.missed += at;
            for (_, published) in waiting.drain(..=at).skip(at) {
                outcome.took_ms.push((since - published).num_microseconds().unwrap_or(i64::MAX) as f64 / 1e3);
            }
        }
        Ok(())
    }

    /// Lets every count change once each period, lots taking turns; `dead` tells whose signs are not waited for.
    async fn run(&mut self, span: Duration, dead: impl Fn(usize) -> bool) -> Result<Outcome, Failure> {
        let lots = self.waiting.len();
        self.waiting.iter_mut().for_each(VecDeque::clear);
        let (start, before) = (Instant::now(), self.node.processor_s()?);
        let (mut outcome, mut next_look, mut sent) = (Outcome::default(), LOOK, 0u32);
        let rest = PERIOD / lots as u32;
        while start.elapsed() < span {
            while rest * sent <= start.elapsed() {
                let lot = sent as usize % lots;
                self.round += u32::from(lot == 0);
                self.publish(lot).await?;
                if dead(lot) {
                    self.waiting[lot].clear();
                }
                sent += 1;
            }
            if start.elapsed() >= next_look {
                self.look(&mut outcome)?;
                next_look += LOOK;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        outcome.share = (self.node.processor_s()? - before) / start.elapsed().as_secs_f64();
        tokio::time::sleep(LOOK.min(Duration::from_secs(3))).await;
        self.look(&mut outcome)?;
        outcome.missed += self.waiting.iter().map(VecDeque::len).sum::<usize>();
        Ok(outcome)
    }
}

fn shown(panel: &Value) -> Option<&str> {
    panel["confirmed"]["lines"][0]["text"].as_str()
}

/// Gives every lot its first count and waits until every sign shows it.
async fn warm_up(traffic: &mut Traffic<'_>, with_signs: bool) -> Result<(), Failure> {
    let lots = traffic.waiting.len();
    for lot in 0..lots {
        traffic.publish(lot).await?;
    }
    let patience = Instant::now() + Duration::from_secs(90);
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let view = tokio::task::block_in_place(|| traffic.node.get("/api/v1/signs"))?;
        let signs = view["signs"].as_array().ok_or("no signs")?;
        let lit = |sign: &&Value| shown(&sign["panels"][0]).is_some_and(|text| text.parse::<u32>().is_ok());
        if !with_signs || signs.iter().filter(lit).count() == lots {
            return Ok(());
        }
        if Instant::now() > patience {
            return Err("not every sign shows its first number".into());
        }
    }
}

async fn start(street: &Street, broker: u16, with_signs: bool) -> Result<Node, Failure> {
    let city = street.city(with_signs);
    tokio::task::spawn_blocking(move || Node::start(broker, &city.to_string(), "").map_err(|error| error.to_string()))
        .await?
        .map_err(Into::into)
}

fn tell(signs: usize, dead: usize, outcome: &Outcome, per_sign_ms: Option<f64>) -> Result<(), Failure> {
    let (faces, missed, share) = (outcome.took_ms.len(), outcome.missed, outcome.share);
    let (p50, p95) = (outcome.at(0.5), outcome.at(0.95));
    let cost = per_sign_ms.map_or_else(String::new, |ms| format!("{ms:.3}"));
    line(&format!("{signs:5} {dead:5} {faces:7} {missed:7} {p50:8.0} {p95:8.0} {share:16.3} {cost:>20}"))
}

/// One sign after the other costs the same: measured against a node with the same lots, the same messages and no sign.
async fn sizes(broker: u16, span: Duration) -> Result<bool, Failure> {
    let mut per_sign_ms = Vec::new();
    let mut holds = true;
    for count in [10, 100, 1_000] {
        let street = Street::build(count, broker).await?;
        let mut shares = Vec::new();
        for with_signs in [false, true] {
            let node = start(&street, broker, with_signs).await?;
            let mut traffic = Traffic::new(&node, broker, count);
            warm_up(&mut traffic, with_signs).await?;
            // What comes of the start alone is over by then.
            tokio::time::sleep(PERIOD).await;
            let outcome = traffic.run(span, |_| !with_signs).await?;
            shares.push(outcome.share);
            if with_signs {
                let cost = (shares[1] - shares[0]) * 1e3 / count as f64;
                per_sign_ms.push(cost);
                tell(count, 0, &outcome, Some(cost))?;
                if count == 1_000 {
                    holds &=
                        judge("1,000 signs: 1 s over the p95 from message to face", 1_000.0 / outcome.at(0.95), 1.0)?;
                    holds &= judge("1,000 signs: share of the faces that were seen in time", seen(&outcome), 0.999)?;
                    holds &= dead_among(&street, &mut traffic, span).await?;
                }
            }
        }
    }
    holds &= judge("cost of a sign among 10, over that of one among 1,000", per_sign_ms[0] / per_sign_ms[2], 0.8)?;
    Ok(holds)
}

fn seen(outcome: &Outcome) -> f64 {
    let seen = outcome.took_ms.len() as f64;
    seen / (seen + outcome.missed as f64)
}

/// A tenth of the signs dies, in rounds that alternate with all alive; what the others take is compared.
async fn dead_among(street: &Street, traffic: &mut Traffic<'_>, span: Duration) -> Result<bool, Failure> {
    let (mut alive, mut bereft) = (Outcome::default(), Outcome::default());
    for _ in 0..2 {
        alive.join(traffic.run(span, Street::is_mortal).await?);
        street.set_dead(true);
        traffic.run(SETTLING[0], |_| true).await?;
        bereft.join(traffic.run(span, Street::is_mortal).await?);
        street.set_dead(false);
        traffic.run(SETTLING[1], |_| true).await?;
    }
    tell(street.len(), 0, &alive, None)?;
    tell(street.len(), street.len() / DEAD_EVERY, &bereft, None)?;
    judge("p95 of the others with all alive, over that with a tenth dead", alive.at(0.95) / bereft.at(0.95), 1.0 / 1.1)
}

fn main() -> Result<ExitCode, Failure> {
    let span = Duration::from_secs(rig::seconds(20));
    let broker = Server::mosquitto()?;
    line("signs  dead   faces  missed   p50 ms   p95 ms  share of a core  ms a second and sign")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let holds = runtime.block_on(sizes(broker.port, span))?;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
