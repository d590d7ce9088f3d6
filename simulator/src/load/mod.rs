//! Measured load: bay states at a rate, with duplicates and disorder on demand, and the true counts at the end.

mod script;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use chrono::Utc;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use script::{Entry, LotTruth, Script, Truth, lot_name, space_name};

use crate::{broker::Broker, life::messages};

/// Without a further acknowledgement for so long, the run has failed.
const PATIENCE: Duration = Duration::from_mins(1);
const PACE: Duration = Duration::from_millis(10);

/// What is to be sent.
#[derive(Debug, Clone)]
pub struct Options {
    /// `mqtt://[user:password@]host[:port]`.
    pub mqtt_url: String,
    /// Lots, named `LOAD-1` onwards.
    pub lots: u32,
    /// Spaces in each lot, named `S0001` onwards.
    pub spaces: u32,
    /// Messages a second.
    pub rate: u32,
    /// Seconds.
    pub seconds: u32,
    /// Share of messages that are sent twice, 0 to 1.
    pub duplicates: f64,
    /// Whether neighbouring messages change places.
    pub shuffle: bool,
    /// The same seed gives the same messages.
    pub seed: u64,
    /// Where the true counts are written as JSON.
    pub truth: Option<PathBuf>,
}

impl Options {
    /// The messages these options stand for.
    pub fn script(&self) -> Script {
        let messages = u64::from(self.rate) * u64::from(self.seconds);
        Script::new(self.lots, self.spaces, messages, self.duplicates, self.shuffle, self.seed)
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Outcome {
    /// Messages handed to the broker, duplicates included.
    pub sent: u64,
    /// Messages the broker acknowledged; a reconnection may repeat some.
    pub acked: u64,
    /// From the first message to the last acknowledgement, milliseconds.
    pub elapsed_ms: u64,
}

/// Sends everything and waits until the broker has acknowledged it.
pub async fn run(options: &Options, stop: CancellationToken) -> anyhow::Result<Outcome> {
    anyhow::ensure!(
        options.lots > 0 && options.spaces > 0 && options.rate > 0,
        "lots, spaces and rate must be above 0"
    );
    anyhow::ensure!((0.0..=1.0).contains(&options.duplicates), "duplicates is a share between 0 and 1");
    let script = options.script();
    if let Some(path) = &options.truth {
        let text = serde_json::to_string_pretty(script.truth())?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let client_id = format!("yunpark-load-{}-{}", options.seed, std::process::id());
    let broker = Broker::connect(&options.mqtt_url, &client_id, stop.clone())?;
    tokio::select! {
        () = broker.connected() => {}
        () = tokio::time::sleep(PATIENCE) => anyhow::bail!("no broker answers at {}", options.mqtt_url),
    }
    let base = Utc::now();
    let seq_base = u64::try_from(base.timestamp_millis()).unwrap_or(0);
    let began = tokio::time::Instant::now();
    let mut pace = tokio::time::interval(PACE);
    let mut sent: u64 = 0;
    let mut entries = script.entries().iter().peekable();
    while entries.peek().is_some() {
        tokio::select! {
            _ = pace.tick() => {}
            () = stop.cancelled() => anyhow::bail!("stopped after {sent} messages"),
        }
        let due = (began.elapsed().as_secs_f64() * f64::from(options.rate)) as u64 + 1;
        while sent < due {
            let Some(entry) = entries.next() else { break };
            // The device's time follows the script's order, not the order of sending.
            let at = base + chrono::Duration::microseconds(entry.order as i64 * 1_000_000 / i64::from(options.rate));
            let (lot, space) = (script::lot_name(entry.lot), script::space_name(entry.space));
            let seq = seq_base + entry.order;
            broker.publish(messages::native(&lot, &space, entry.occupied, seq, at)).await?;
            sent += 1;
        }
    }
    wait_for_acks(&broker, sent).await?;
    Ok(Outcome { sent, acked: broker.acked(), elapsed_ms: began.elapsed().as_millis() as u64 })
}

async fn wait_for_acks(broker: &Broker, sent: u64) -> anyhow::Result<()> {
    let (mut acked, mut since) = (broker.acked(), tokio::time::Instant::now());
    while acked < sent {
        anyhow::ensure!(since.elapsed() < PATIENCE, "{acked} of {sent} messages acknowledged, and no more come");
        tokio::time::sleep(PACE).await;
        let now_acked = broker.acked();
        if now_acked > acked {
            (acked, since) = (now_acked, tokio::time::Instant::now());
        }
    }
    Ok(())
}
