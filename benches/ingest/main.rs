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
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use yunpark::{
    availability::Engine,
    clock::Clock,
    config::{Config, Mqtt},
    domain::{city, time::rfc3339},
    ingest::{self, FILTERS, UNSHARED},
};

use rig::{Failure, Order, Server, Town, judge, line, median, processor_s, rate, ratio};

const ROUNDS: usize = 5;
/// Messages published and not yet acknowledged while a backlog is made.
const WINDOW: usize = 1_000;
/// Longer no backlog may take to drain.
const PATIENCE: Duration = Duration::from_secs(120);

/// Publishes `count` messages at QoS 1 over one socket and waits for every acknowledgement.
async fn publish(port: u16, town: &mut Town, count: usize) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    // CONNECT, clean session, keep-alive 60 s, the empty client id.
    stream.write_all(&[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 0]).await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    let at = rfc3339(town.clock.now());
    let (mut sent, mut answered, mut out, mut read) = (0, 0, Vec::new(), vec![0; 65_536]);
    let mut rest = 0;
    while answered < count {
        out.clear();
        while sent < count && sent - answered < WINDOW {
            let packet = (sent % 60_000) as u16 + 1;
            let (lot, space, taken, seq) = town.turn();
            let topic = format!("yunpark/v1/space/{lot}/{space}/state");
            let state = if taken { "occupied" } else { "free" };
            let payload = format!(r#"{{"state":"{state}","at":"{at}","seq":{seq}}}"#);
            let length = 2 + topic.len() + 2 + payload.len();
            out.push(0x32);
            if length > 127 {
                out.extend([(length % 128) as u8 | 0x80, (length / 128) as u8]);
            } else {
                out.push(length as u8);
            }
            out.extend((topic.len() as u16).to_be_bytes());
            out.extend(topic.as_bytes());
            out.extend(packet.to_be_bytes());
            out.extend(payload.as_bytes());
            sent += 1;
        }
        stream.write_all(&out).await?;
        let bytes = stream.read(&mut read).await?;
        if bytes == 0 {
            return Err("Mosquitto closed the connection".into());
        }
        // Nothing but acknowledgements of four bytes comes.
        rest += bytes;
        answered += rest / 4;
        rest %= 4;
    }
    Ok(())
}

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

/// Door, pipeline and letters as the node runs them, until `count` messages are applied and acknowledged; messages a second.
async fn drain_ours(config: &Mqtt, engine: &Engine, town: &Town, meter: &Meter, count: usize) -> Result<f64, Failure> {
    let city = city::read(&town.file, &|_| true).map_err(|faults| format!("{faults:?}"))?;
    let ingest = ingest::open(config, watch::channel(Arc::new(city)).1, engine.clone(), None, Clock::System)?;
    let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
    let before = meter.messages();
    tasks.spawn(ingest.door.run(stop.clone()));
    tasks.spawn(ingest.pipeline.run(stop.clone()));
    tasks.spawn(ingest.letters.run(stop.clone()));
    let began = Instant::now();
    let (mut start, mut at_start) = (None, 0);
    let rate = loop {
        let taken = meter.messages() - before;
        if start.is_none() && (taken > 0 || count == 0) {
            (start, at_start) = (Some(Instant::now()), taken);
        }
        if let Some(start) = start.filter(|_| taken >= count && ingest.health.borrow().is_ok()) {
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
    // Both sessions exist before the first message.
    drain_bare(broker.port, 0).await?;
    drain_ours(&settings.mqtt, &engine, &town, &meter, 0).await?;
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
                ours.push(drain_ours(&settings.mqtt, &engine, &town, &meter, count).await?);
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
    judge("the whole path to a bare subscriber", ratio(&ours, &limit), 0.7)
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let holds = runtime.block_on(measure(rig::seconds(5)))?;
    if holds { Ok(()) } else { Err("a limit is not held".into()) }
}
