//! Counts of lots, published without end, and what becomes of them on signs.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rumqttc::{AsyncClient, MqttOptions, QoS};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use yunpark::{
    clock::Clock,
    domain::time::{self, parse_rfc3339, rfc3339},
};

use crate::{node::Node, rig::Failure};

/// Each lot's count changes so often.
pub const PERIOD: Duration = Duration::from_secs(5);
/// The node is asked what its signs show so often: more often than they change, so that no face is missed.
const LOOK: Duration = Duration::from_secs(4);

/// The counts that are published, and what becomes of them.
pub struct Traffic<'a> {
    pub node: &'a Node,
    pub client: AsyncClient,
    /// Counts of each lot that no sign was seen to show yet, oldest first.
    pub waiting: Vec<VecDeque<(String, time::Instant)>>,
    round: u32,
    /// Keeps the client's connection moving.
    _poll: JoinSet<()>,
}

/// What one measurement gave.
#[derive(Default)]
pub struct Outcome {
    pub took_ms: Vec<f64>,
    /// Faces of living signs that were never seen.
    pub missed: usize,
    /// Processor time, as a share of one core.
    pub share: f64,
}

impl Outcome {
    pub fn at(&self, share: f64) -> f64 {
        let mut sorted = self.took_ms.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len() as f64 * share) as usize;
        sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }

    pub fn join(&mut self, other: Self) {
        let rounds = if self.took_ms.is_empty() { 0.0 } else { 1.0 };
        self.share = (self.share * rounds + other.share) / (rounds + 1.0);
        self.took_ms.extend(other.took_ms);
        self.missed += other.missed;
    }
}

impl<'a> Traffic<'a> {
    pub fn new(node: &'a Node, broker: u16, lots: usize) -> Self {
        let mut options = MqttOptions::new("counters", "127.0.0.1", broker);
        options.set_inflight(1_000);
        let (client, mut events) = AsyncClient::new(options, 10_000);
        events.network_options.set_tcp_nodelay(true);
        let mut poll = JoinSet::new();
        poll.spawn(async move { while events.poll().await.is_ok() {} });
        Self { node, client, waiting: vec![VecDeque::new(); lots], round: 0, _poll: poll }
    }

    pub async fn publish(&mut self, lot: usize) -> Result<(), Failure> {
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
    pub async fn run(&mut self, span: Duration, dead: impl Fn(usize) -> bool) -> Result<Outcome, Failure> {
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

pub fn shown(panel: &Value) -> Option<&str> {
    panel["confirmed"]["lines"][0]["text"].as_str()
}
