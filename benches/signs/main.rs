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
mod traffic;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use rumqttc::QoS;
use serde_json::Value;
use tokio::task::JoinSet;
use yunpark::{clock::Clock, domain::time::rfc3339};

use node::Node;
use rig::{Failure, Order, Server, Town, judge, line, resident_mb};
use street::{DEAD_EVERY, Street};
use traffic::{Outcome, PERIOD, Traffic, shown};

/// From a sign's death until it is only tried now and then, and from its rescue until it is well again.
const SETTLING: [Duration; 2] = [Duration::from_secs(25), Duration::from_secs(45)];

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

async fn serve(city: Value, broker: u16) -> Result<Node, Failure> {
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
            let node = serve(street.city(with_signs), broker).await?;
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

/// A thousand signs beside a hundred thousand bays of other lots, which turn over so often in a second.
const LOTS: u32 = 500;
const BAYS: u32 = 200;
const TURNS_A_SECOND: u32 = 200;

/// A large county on this machine: what its node has left.
async fn steady(broker: u16, span: Duration) -> Result<bool, Failure> {
    let street = Street::build(1_000, broker).await?;
    let mut town = Town::new(LOTS, BAYS, Order::Any)?;
    let mut city = street.city(true);
    let mut bays: Value = serde_json::from_str(&town.file)?;
    let more = bays["features"].as_array_mut().map(std::mem::take).unwrap_or_default();
    city["features"].as_array_mut().ok_or("no features")?.extend(more);
    let node = serve(city, broker).await?;
    let mut traffic = Traffic::new(&node, broker, 1_000);
    rig::publish(broker, &mut town, (LOTS * BAYS) as usize).await?;
    warm_up(&mut traffic, true).await?;
    tokio::time::sleep(PERIOD).await;
    let client = traffic.client.clone();
    let mut turning = JoinSet::new();
    turning.spawn(async move {
        let mut beat = tokio::time::interval(Duration::from_secs(1) / TURNS_A_SECOND);
        loop {
            beat.tick().await;
            let (lot, space, taken, seq) = town.turn();
            let topic = format!("yunpark/v1/space/{lot}/{space}/state");
            let state = if taken { "occupied" } else { "free" };
            let at = rfc3339(Clock::System.now());
            let payload = format!(r#"{{"state":"{state}","at":"{at}","seq":{seq}}}"#);
            if client.publish(topic, QoS::AtLeastOnce, false, payload).await.is_err() {
                return;
            }
        }
    });
    let outcome = traffic.run(3 * span, |_| false).await?;
    drop(turning);
    line(&format!("with {} bays that turn over {TURNS_A_SECOND} times a second:", LOTS * BAYS))?;
    tell(1_000, 0, &outcome, None)?;
    line(&format!("     resident {:.0} MB", resident_mb(node.id())?))?;
    let cores = std::thread::available_parallelism()?.get() as f64;
    let mut holds = judge("this county: 1 s over the p95 from message to face", 1_000.0 / outcome.at(0.95), 1.0)?;
    holds &= judge("this county: share of the faces that were seen in time", seen(&outcome), 0.999)?;
    holds &= judge("this county: cores of this machine over those the node takes", cores / outcome.share, 2.0)?;
    Ok(holds)
}

fn main() -> Result<ExitCode, Failure> {
    let span = Duration::from_secs(rig::seconds(20));
    let broker = Server::mosquitto()?;
    line("signs  dead   faces  missed   p50 ms   p95 ms  share of a core  ms a second and sign")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let holds = runtime.block_on(sizes(broker.port, span))?;
    let holds = runtime.block_on(steady(broker.port, span))? && holds;
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
