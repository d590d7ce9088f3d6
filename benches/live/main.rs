//! The live door: what a delivered message costs beside a bare axum broadcast of the same bytes and beside a Node `ws` server that
//! forwards each change, ten thousand clients at once, what an idle client takes, and whether stuck clients cost the others.
//!
//! `./run bench live [SECONDS]`. Needs `mosquitto`, and Node with the packages of `benches/live`. All load stays on loopback; 12,000
//! open files are needed on each side.

mod crowd;
#[path = "../node.rs"]
mod node;
mod peers;
#[path = "../rig.rs"]
mod rig;

use std::time::{Duration, Instant};

use rumqttc::{AsyncClient, MqttOptions, QoS};
use serde_json::json;
use tokio::task::JoinSet;
use yunpark::{clock::Clock, domain::time::rfc3339};

use crowd::{Crowd, Heard};
use node::Node;
use peers::Forwarder;
use rig::{Failure, Server, judge, line, median, processor_s, ratio, resident_mb};

const LOTS: usize = 500;
/// Changes a second, in the whole city; a lot has its next change after 2.5 s, so that each is told by itself.
const CHANGES: u32 = 200;
/// Changes a second that the Node server forwards: what it can keep up with. What one costs does not depend on it.
const FORWARDED: u32 = 20;
const CLIENTS: usize = 1_000;
const MANY: usize = 10_000;
const STUCK: usize = 1_000;
const ROUNDS: usize = 3;
/// What the node is configured to by default, and the bare broadcast does the same.
const TICK: Duration = Duration::from_millis(250);
/// Sessions need this long to be opened and told everything before a measurement begins.
const CALM: Duration = Duration::from_secs(2);

/// Lots counted by counters, each with a name and a place.
fn city() -> String {
    let lot = |at: usize| {
        let place = json!({"type": "Point", "coordinates": [119.5 + 0.001 * (at % 25) as f64, 28.1 + 0.001 * (at / 25) as f64]});
        json!({"type": "Feature", "geometry": place, "properties": {"kind": "lot", "id": format!("L{at}"),
            "name": format!("停车场{at}"), "capacity": 100, "counted_by": "counters"}})
    };
    json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": "测试县", "time_zone": "Asia/Shanghai", "fictional": true},
        "groups": [], "sensors": [], "features": (0..LOTS).map(lot).collect::<Vec<_>>(),
    })
    .to_string()
}

/// The counters of all lots, on one connection to the broker.
struct Counters {
    client: AsyncClient,
    sent: u32,
    _poll: JoinSet<()>,
}

impl Counters {
    fn new(broker: u16) -> Self {
        let (client, mut events) = AsyncClient::new(MqttOptions::new("counters", "127.0.0.1", broker), 10_000);
        events.network_options.set_tcp_nodelay(true);
        let mut poll = JoinSet::new();
        poll.spawn(async move { while events.poll().await.is_ok() {} });
        Self { client, sent: 0, _poll: poll }
    }

    /// The next lot's next count, never the same twice in a row.
    fn turn(&mut self) -> (usize, u32) {
        let (lot, round) = (self.sent as usize % LOTS, self.sent / LOTS as u32);
        self.sent += 1;
        (lot, 20 + (round * 7 + lot as u32) % 70)
    }

    /// Lets lots change for a while; how many did.
    async fn run(&mut self, span: Duration) -> Result<u32, Failure> {
        let (start, before) = (Instant::now(), self.sent);
        while start.elapsed() < span {
            while f64::from(self.sent - before) < start.elapsed().as_secs_f64() * f64::from(CHANGES) {
                let (lot, free) = self.turn();
                let payload = json!({"free": free, "at": rfc3339(Clock::System.now())}).to_string();
                self.client.publish(format!("yunpark/v1/lot/L{lot}/count"), QoS::AtMostOnce, false, payload).await?;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(self.sent - before)
    }
}

/// What one server spent, and what its clients heard.
struct Spent {
    cpu_s: f64,
    heard: Heard,
}

async fn ours(node: &Node, counters: &mut Counters, clients: usize, span: Duration) -> Result<Spent, Failure> {
    let crowd = Crowd::join(node.port(), clients).await?;
    tokio::time::sleep(CALM).await;
    crowd.forget();
    let before = node.processor_s()?;
    counters.run(span).await?;
    tokio::time::sleep(TICK).await;
    Ok(Spent { cpu_s: node.processor_s()? - before, heard: crowd.leave().await })
}

/// What delivering costs: beside a bare broadcast, and beside a server that forwards each change.
async fn compare(node: &Node, broker: u16, span: Duration) -> Result<bool, Failure> {
    let mut counters = Counters::new(broker);
    counters.run(Duration::from_secs(3)).await?;
    let (mut per_message, mut per_bare, mut brought, mut forwarded) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut spread = 0.0;
    for round in 1..=ROUNDS {
        line(&format!("  round {round} of {ROUNDS}"))?;
        let alone = ours(node, &mut counters, 1, span).await?;
        let told = ours(node, &mut counters, CLIENTS, span).await?;
        let cost = (told.cpu_s - alone.cpu_s).max(1e-6);
        per_message.push(cost * 1e6 / told.heard.messages as f64);
        brought.push(told.heard.lots_of_one as f64 * CLIENTS as f64 / cost);
        spread = told.heard.bytes as f64 / told.heard.messages as f64;

        let bare = peers::bare(&told.heard.texts, TICK)?;
        let crowd = Crowd::join(bare.port, CLIENTS).await?;
        tokio::time::sleep(CALM).await;
        crowd.forget();
        let before = processor_s(bare.id())?;
        tokio::time::sleep(span).await;
        let cost = processor_s(bare.id())? - before;
        per_bare.push(cost * 1e6 / crowd.leave().await.messages.max(1) as f64);
        drop(bare);

        let mut forwarder = Forwarder::start()?;
        let crowd = Crowd::join(forwarder.port, CLIENTS).await?;
        tokio::time::sleep(CALM).await;
        crowd.forget();
        let before = processor_s(forwarder.id())?;
        forwarder.tell(&told.heard.texts, FORWARDED, span).await?;
        tokio::time::sleep(TICK).await;
        let cost = processor_s(forwarder.id())? - before;
        forwarded.push(crowd.leave().await.messages as f64 / cost.max(1e-6));
    }
    line(&format!(
        "{CLIENTS} clients that see the whole city, {CHANGES} changes/s in {LOTS} lots (medians of {ROUNDS} alternating rounds)"
    ))?;
    line(&format!(
        "  a message delivered, µs of the node's processor time {:>12.1}  ({spread:.0} bytes)",
        median(per_message.clone())
    ))?;
    line(&format!("  the same bytes by a bare axum broadcast {:>25.1}", median(per_bare.clone())))?;
    line(&format!("  changes brought to clients, per second of processor {:>13.0}", median(brought.clone())))?;
    line(&format!("  the same by Node ws, forwarding each {:>28.0}", median(forwarded.clone())))?;
    let mut holds = judge("cost of a message: the bare broadcast's to ours", ratio(&per_bare, &per_message), 0.87)?;
    holds &= judge("changes brought for the same processor time: ours to Node ws", ratio(&brought, &forwarded), 10.0)?;
    Ok(holds)
}

/// As many clients as a node has seats by default; they take messages deflated, as browsers do.
async fn many(node: &Node, broker: u16, span: Duration) -> Result<bool, Failure> {
    let before = resident_mb(node.id())?;
    let crowd = Crowd::join_deflated(node.port(), MANY).await?;
    tokio::time::sleep(CALM).await;
    let per_client_kb = (resident_mb(node.id())? - before) * 1024.0 / MANY as f64;
    let mut counters = Counters::new(broker);
    counters.run(Duration::from_secs(1)).await?;
    crowd.forget();
    let (cpu_s, start) = (node.processor_s()?, Instant::now());
    let changes = counters.run(span).await?;
    tokio::time::sleep(TICK * 2).await;
    let share = (node.processor_s()? - cpu_s) / start.elapsed().as_secs_f64();
    let heard = crowd.leave().await;
    line(&format!("{MANY} clients, {CHANGES} changes/s"))?;
    line(&format!(
        "  {} messages/s, {:.0} MB/s; the node takes {share:.2} of a core",
        heard.messages / span.as_secs().max(1),
        heard.bytes as f64 / 1e6 / span.as_secs_f64()
    ))?;
    line(&format!(
        "  change to client: p50 {:.0} ms, p99 {:.0} ms; an idle client {per_client_kb:.1} kB",
        heard.at(0.5),
        heard.at(0.99)
    ))?;
    let whole = f64::from(u32::try_from(heard.lots_of_one)?) / f64::from(changes);
    let mut holds = judge("changes that reached a client, of those there were", whole, 0.98)?;
    holds &= judge(
        "p99 from change to client: tick + 250 ms to it",
        (TICK.as_secs_f64() * 1e3 + 250.0) / heard.at(0.99),
        1.0,
    )?;
    holds &= judge("8 kB to what an idle client takes", 8.0 / per_client_kb.max(0.1), 1.0)?;
    Ok(holds)
}

/// Clients that take nothing, beside others.
async fn stuck(broker: u16, span: Duration) -> Result<bool, Failure> {
    let (mut free, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // A node of its own each time: who is stuck is let go after a while, and would be missed.
        let node = tokio::task::block_in_place(|| Node::start(broker, &city(), "max_live_sessions = 12000\n"))?;
        let mut counters = Counters::new(broker);
        counters.run(Duration::from_secs(1)).await?;
        free.push(ours(&node, &mut counters, CLIENTS, span).await?.heard.at(0.99));
        let lazy = Crowd::ignore(node.port(), STUCK).await?;
        counters.run(Duration::from_secs(4)).await?;
        beside.push(ours(&node, &mut counters, CLIENTS, span).await?.heard.at(0.99));
        drop(lazy);
    }
    line(&format!(
        "{STUCK} clients that take nothing: p99 of the other {CLIENTS} is {:.0} ms, without them {:.0} ms",
        median(beside.clone()),
        median(free.clone())
    ))?;
    judge("p99 without stuck clients to p99 beside them", ratio(&free, &beside), 0.8)
}

async fn measure(seconds: u64) -> Result<bool, Failure> {
    let span = Duration::from_secs(seconds);
    let broker = Server::mosquitto()?;
    let node = tokio::task::block_in_place(|| Node::start(broker.port, &city(), "max_live_sessions = 12000\n"))?;
    let mut holds = compare(&node, broker.port, span).await?;
    drop(node);
    let node = tokio::task::block_in_place(|| Node::start(broker.port, &city(), "max_live_sessions = 12000\n"))?;
    holds &= many(&node, broker.port, span * 2).await?;
    drop(node);
    holds &= stuck(broker.port, span).await?;
    Ok(holds)
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some(told) = peers::told() {
        return runtime.block_on(peers::broadcast(&told));
    }
    let holds = runtime.block_on(measure(rig::seconds(5)))?;
    if holds { Ok(()) } else { Err("a limit is not held".into()) }
}
