//! How long a node takes from its start to ready, with ten thousand bays that all have spoken and a million records in its
//! store, after it was killed; and whether it then says of every lot what it said before.
//!
//! `./run bench start [RECORDS]`. Needs `mosquitto`; all load stays on loopback. Ready is what `/readyz` says.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

mod fill;
mod node;
mod rig;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use node::Node;
use rig::{Failure, Order, Server, Town, line, median, publish, resident_mb};
use serde_json::Value;
use yunpark::{config, store::Db};

const LOTS: u32 = 50;
const SPACES: u32 = 200;
const STARTS: usize = 7;
/// Within this a node is to be ready.
const LIMIT: Duration = Duration::from_secs(2);

/// What is told of every lot: its id, and how many of its bays are free and occupied.
fn told(node: &Node) -> Result<Vec<(String, u64, u64)>, Failure> {
    let view = node.get("/api/v1/lots")?;
    let lots = view["lots"].as_array().ok_or("no list of lots")?;
    let count = |lot: &Value, what: &str| lot[what].as_u64().unwrap_or(u64::MAX);
    Ok(lots.iter().map(|lot| (lot["id"].to_string(), count(lot, "free"), count(lot, "occupied"))).collect())
}

async fn measure(records: usize) -> Result<bool, Failure> {
    let broker = Server::mosquitto()?;
    let mut town = Town::new(LOTS, SPACES, Order::Any)?;
    let mut node = Node::start(broker.port, &town.file, "")?;
    let store = config::Store::of(node.store().as_str(), 2);
    let db = Db::connect(&store).await?;
    fill::fill(&db, records, &fill::plates_of(records)).await;
    drop(db);
    // Every bay taken, then every third free again.
    let bays = town.spaces() as usize;
    publish(broker.port, &mut town, bays + bays / 3).await?;
    let mut before = told(&node)?;
    let patience = Instant::now() + Duration::from_secs(60);
    while before.iter().map(|(_, free, _)| free).sum::<u64>() != town.spaces() / 3 {
        if Instant::now() > patience {
            return Err(format!("the bays are not counted: {before:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        before = told(&node)?;
    }
    line(&format!("{bays} bays in {LOTS} lots, {records} records; killed, and started {STARTS} times"))?;
    let mut holds = true;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        node.kill();
        let begun = Instant::now();
        node.start_again()?;
        times.push(begun.elapsed().as_secs_f64());
        holds &= told(&node)? == before;
    }
    line(&format!("{} every lot says what it said before", if holds { "pass" } else { "FAIL" }))?;
    let (slowest, middle) = (times.iter().copied().fold(0.0, f64::max), median(times));
    let quick = middle < LIMIT.as_secs_f64();
    let verdict = if quick { "pass" } else { "FAIL" };
    line(&format!("{verdict} from start to ready {middle:.2} s in the median, {slowest:.2} s at most  (less than 2)"))?;
    line(&format!("     resident after it {:.0} MB", resident_mb(node.id())?))?;
    Ok(holds && quick)
}

fn main() -> ExitCode {
    let records = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if runtime.block_on(measure(records)).unwrap() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
