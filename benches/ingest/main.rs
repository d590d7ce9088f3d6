//! The whole path from Mosquitto to Redis, as the product runs it, beside a bare rumqttc subscriber that drains the same
//! backlog from the same Mosquitto and does nothing with it.
//!
//! `./run bench ingest [SECONDS]`. Needs `mosquitto` and `redis-server`; all load stays on loopback. Both sides have a
//! persistent session, so each message is queued for both; then they drain in turn, and the median of the ratios is judged.

#[path = "../rig.rs"]
mod rig;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS, SubscribeFilter};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use yunpark::{
    availability::Engine,
    clock::Clock,
    config::{Config, Mqtt},
    domain::city,
    ingest::{self, FILTERS, UNSHARED},
};

use rig::{Failure, Order, Server, Town, judge, line, median, processor_s, publish, rate, ratio};

const ROUNDS: usize = 5;
/// Longer no backlog may take to drain.
const PATIENCE: Duration = Duration::from_secs(120);

/// A subscriber as plain as rumqttc makes it.
fn bare(port: u16) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new("bare", "127.0.0.1", port);
    options.set_clean_session(false);
    let (client, mut events) = AsyncClient::new(options, 100);
    events.network_options.set_tcp_nodelay(true);
    (client, events)
}

/// Takes messages until there were `count`, and leaves; messages a second, from the first to the last.
async fn drain_bare(port: u16, count: usize) -> Result<f64, Failure> {
    let (client, mut events) = bare(port);
    let filters = FILTERS.iter().chain(UNSHARED).map(|filter| SubscribeFilter::new((*filter).into(), QoS::AtLeastOnce));
    client.subscribe_many(filters).await?;
    let (mut taken, mut start) = (0, Instant::now());
    let mut subscribed = false;
    while taken < count || !subscribed {
        match events.poll().await? {
            Event::Incoming(Packet::Publish(_)) => {
                if taken == 0 {
                    start = Instant::now();
                }
                taken += 1;
            }
            Event::Incoming(Packet::SubAck(_)) => subscribed = true,
            _ => {}
        }
    }
    let rate = rate(taken, start);
    client.disconnect().await?;
    while !matches!(events.poll().await, Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) | Err(_)) {}
    Ok(rate)
}

/// What the node counts.
struct Meter(PrometheusHandle);

impl Meter {
    fn messages(&self) -> usize {
        let text = self.0.render();
        let line = text.lines().find_map(|line| line.strip_prefix("yunpark_ingest_messages_total "));
        line.and_then(|value| value.trim().parse::<f64>().ok()).unwrap_or(0.0) as usize
    }
}

/// Door, pipeline and letters as nodes run them, one set for each configuration, until `count` messages are applied and
/// acknowledged; messages a second.
async fn drain_ours(nodes: &[Mqtt], engine: &Engine, town: &Town, meter: &Meter, count: usize) -> Result<f64, Failure> {
    let city = Arc::new(city::read(&town.file, &|_| true).map_err(|faults| format!("{faults:?}"))?);
    let (mut tasks, stop, mut healths) = (JoinSet::new(), CancellationToken::new(), Vec::new());
    let before = meter.messages();
    for config in nodes {
        let ingest = ingest::open(config, watch::channel(city.clone()).1, engine.clone(), None, Clock::System)?;
        tasks.spawn(ingest.door.run(stop.clone()));
        tasks.spawn(ingest.pipeline.run(stop.clone()));
        tasks.spawn(ingest.letters.run(stop.clone()));
        healths.push(ingest.health);
    }
    let began = Instant::now();
    let (mut start, mut at_start) = (None, 0);
    let rate = loop {
        let taken = meter.messages() - before;
        if start.is_none() && (taken > 0 || count == 0) {
            (start, at_start) = (Some(Instant::now()), taken);
        }
        if let Some(start) = start.filter(|_| taken >= count && healths.iter().all(|health| health.borrow().is_ok())) {
            break rate(taken - at_start, start);
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{taken} of {count} messages were taken").into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(rate)
}

/// Processor time of the client, the broker and Redis, seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Spent([f64; 3]);

impl Spent {
    fn of(parts: [u32; 3]) -> Result<Self, Failure> {
        let [client, broker, redis] = parts.map(processor_s);
        Ok(Self([client?, broker?, redis?]))
    }

    fn since(self, before: Self) -> Self {
        Self(std::array::from_fn(|part| self.0[part] - before.0[part]))
    }

    fn add(&mut self, more: Self) {
        self.0.iter_mut().zip(more.0).for_each(|(part, more)| *part += more);
    }

    fn per_message(self, messages: usize) -> String {
        let [client, broker, redis] = self.0.map(|part| part * 1e6 / messages as f64);
        format!("client {client:.1}, broker {broker:.1}, Redis {redis:.1}")
    }
}

async fn measure(seconds: u64) -> Result<bool, Failure> {
    let count = 15_000 * seconds as usize;
    let (broker, redis) = (Server::mosquitto()?, Server::redis()?);
    let recorder = PrometheusBuilder::new().build_recorder();
    let meter = Meter(recorder.handle());
    metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
    let mut town = Town::new(100, 100, Order::Any)?;
    let mut settings = Config::load(None)?;
    settings.mqtt.url = format!("mqtt://127.0.0.1:{}", broker.port);
    settings.availability.redis_url = format!("redis://127.0.0.1:{}/0", redis.port).as_str().into();
    let engine = Engine::redis(&settings.availability).await?;
    engine.configure(&town.layouts, town.clock.now()).await?;
    let nodes = [settings.mqtt.clone()];
    // Both sessions exist before the first message.
    drain_bare(broker.port, 0).await?;
    drain_ours(&nodes, &engine, &town, &meter, 0).await?;
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    let parts = [std::process::id(), broker.id(), redis.id()];
    let (mut spent, mut spent_bare) = (Spent::default(), Spent::default());
    for round in 0..ROUNDS {
        publish(broker.port, &mut town, count).await?;
        // Who comes first changes, since the broker's memory differs before and after.
        for is_bare in [round % 2 == 0, round % 2 == 1] {
            let before = Spent::of(parts)?;
            if is_bare {
                limit.push(drain_bare(broker.port, count).await?);
                spent_bare.add(Spent::of(parts)?.since(before));
            } else {
                ours.push(drain_ours(&nodes, &engine, &town, &meter, count).await?);
                spent.add(Spent::of(parts)?.since(before));
            }
        }
    }
    let applied: u64 = engine.lots().await?.lots.iter().map(|lot| u64::from(lot.free + lot.occupied)).sum();
    let expected = town.spaces().min((count * ROUNDS) as u64);
    line(&format!(
        "Mosquitto to Redis, QoS 1, a backlog of {count} messages, messages/s (medians of {ROUNDS} alternating rounds)"
    ))?;
    line(&format!(
        "  door, pipeline, Redis engine{:<16} {:>10.0}  ({applied} of {expected} spaces known)",
        "",
        median(ours.clone())
    ))?;
    line(&format!("  a bare rumqttc subscriber, doing nothing{:<4} {:>10.0}", "", median(limit.clone())))?;
    line(&format!("  processor time of a message, µs: {}", spent.per_message(count * ROUNDS)))?;
    line(&format!("  beside the bare subscriber:      {}", spent_bare.per_message(count * ROUNDS)))?;
    let holds = judge("the whole path to a bare subscriber", ratio(&ours, &limit), 0.7)?;
    nodes_together(&settings.mqtt, &engine, &mut town, &meter, (count, redis.id())).await?;
    Ok(holds)
}

/// The same backlog shared by two nodes of a group, beside one node alone in its group. A second node helps for as long as the
/// machine has a core that nobody uses: said, not judged.
async fn nodes_together(
    config: &Mqtt,
    engine: &Engine,
    town: &mut Town,
    meter: &Meter,
    (count, redis): (usize, u32),
) -> Result<(), Failure> {
    let broker = Server::mosquitto()?;
    let node = |group: &str, id: &str| {
        let url = format!("mqtt://127.0.0.1:{}", broker.port);
        Mqtt { url, shared_group: group.to_owned(), client_id: id.to_owned(), ..config.clone() }
    };
    let groups = [vec![node("alone", "a")], vec![node("both", "b"), node("both", "c")]];
    for nodes in &groups {
        drain_ours(nodes, engine, town, meter, 0).await?;
    }
    let (mut rates, mut spent) = ([Vec::new(), Vec::new()], [Spent::default(); 2]);
    let parts = [std::process::id(), broker.id(), redis];
    for round in 0..ROUNDS {
        publish(broker.port, town, count).await?;
        for group in [round % 2, 1 - round % 2] {
            let before = Spent::of(parts)?;
            // From before they connect: what lies ready in their queues when the first message is counted is no head start.
            let begun = Instant::now();
            drain_ours(&groups[group], engine, town, meter, count).await?;
            rates[group].push(rate(count, begun));
            spent[group].add(Spent::of(parts)?.since(before));
        }
    }
    let cores = std::thread::available_parallelism()?;
    let gain = ratio(&rates[1], &rates[0]);
    line(&format!("\nthe same backlog in a shared group, on {cores} cores for nodes, broker and Redis together"))?;
    for (what, group) in [("one node ", 0), ("two nodes", 1)] {
        let rate = median(rates[group].clone());
        let cost = spent[group].per_message(count * ROUNDS);
        line(&format!("  {what} {rate:>8.0} messages/s   processor time of a message, µs: {cost}"))?;
    }
    line(&format!("  two nodes take {gain:.2} times what one takes"))
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let holds = runtime.block_on(measure(rig::seconds(5)))?;
    if holds { Ok(()) } else { Err("a limit is not held".into()) }
}
