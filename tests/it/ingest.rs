//! Sensors' messages from a real broker to the engine: what is applied, what is refused, and what survives a crash.

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use rumqttc::{AsyncClient, MqttOptions, QoS};
use tokio::{process::Command, sync::watch, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use yunpark::{
    availability::{Engine, Limits, LotLayout},
    clock::Clock,
    config::{Config, Mqtt},
    domain::{availability::Availability, city, ids::LotId},
    ingest::{self, Health},
    mqtt::{Link, SIGN_ACKS},
};

use crate::services::{self, Server};

const AT: &str = "2026-07-29T08:00:00Z";

const CITY: &str = r#"{"type":"FeatureCollection",
 "yunpark":{"version":1,"name":"云和","time_zone":"Asia/Shanghai","fictional":true},
 "sensors":[{"id":"FCD6BD00001A2B3C","codec":"bosch/tps110","space":"L1/S001"},
            {"id":"70b3d57ed0001a2b","codec":"nwave/nps405","lot":"L1","space":"S002"}],
 "features":[
  {"type":"Feature","geometry":{"type":"Point","coordinates":[119.57,28.11]},
   "properties":{"kind":"lot","id":"L1","name":"城西","capacity":3,"spaces":["S001","S002","S003"]}},
  {"type":"Feature","geometry":{"type":"Point","coordinates":[119.58,28.12]},
   "properties":{"kind":"lot","id":"L2","name":"城东","capacity":5000,"counted_by":"counters"}}]}"#;

fn the_city() -> city::City {
    city::read(CITY, &|codec| codec.parse::<yunpark_sensors::Codec>().is_ok()).unwrap()
}

fn layouts() -> Vec<LotLayout> {
    the_city().lots.values().map(LotLayout::of).collect()
}

fn memory() -> Engine {
    Engine::memory(None, Limits::of(&Config::load(None).unwrap().availability)).unwrap()
}

async fn configured() -> Engine {
    let engine = memory();
    engine.configure(&layouts(), Clock::System.now()).await.unwrap();
    engine
}

async fn lot(engine: &Engine, id: &str) -> Availability {
    engine.lot(&LotId::parse(id).unwrap()).await.unwrap().unwrap()
}

fn config(broker: &Server) -> Mqtt {
    Mqtt {
        url: format!("mqtt://127.0.0.1:{}", broker.port),
        max_packet_bytes: 8192,
        ..Config::load(None).unwrap().mqtt
    }
}

/// Door and pipeline as the system runs them; dropping it is a crash.
struct Running {
    tasks: JoinSet<Result<(), ingest::Error>>,
    stop: CancellationToken,
    health: watch::Receiver<Health>,
}

impl Running {
    async fn start(config: &Mqtt, engine: &Engine) -> Self {
        let city = watch::channel(Arc::new(the_city())).1;
        let ingest = ingest::open(config, city, engine.clone(), None, Clock::System).unwrap();
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        tasks.spawn(ingest.door.run(stop.clone()));
        tasks.spawn(ingest.pipeline.run(stop.clone()));
        tasks.spawn(ingest.letters.run(stop.clone()));
        let running = Self { tasks, stop, health: ingest.health };
        running.wait_until("the door is connected", |health| health.connected).await;
        running
    }

    async fn wait_until(&self, what: &str, check: impl Fn(&Health) -> bool) {
        eventually(what, async || check(&self.health.borrow()).then_some(())).await;
    }

    async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap().unwrap();
        }
    }
}

async fn eventually<T>(what: &str, check: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = check().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn publish(broker: &Server, topic: &str, payload: &[&str]) {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-q", "1", "-t", topic]).args(payload);
    assert!(command.status().await.expect("mosquitto-clients must be installed").success());
}

/// Publishes many messages over one connection and waits until the broker has them all.
async fn publish_all(broker: &Server, messages: &[(String, String)]) {
    let mut options = MqttOptions::new("publisher", "127.0.0.1", broker.port);
    options.set_inflight(50);
    let (client, mut events) = AsyncClient::new(options, messages.len() + 1);
    for (topic, payload) in messages {
        client.publish(topic, QoS::AtLeastOnce, false, payload.as_bytes()).await.unwrap();
    }
    let mut confirmed = 0;
    while confirmed < messages.len() {
        if let rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_)) = events.poll().await.unwrap() {
            confirmed += 1;
        }
    }
}

/// An empty lot by its controller, then this many vehicles driving in.
fn passages(count: usize) -> Vec<(String, String)> {
    let empty = ("yunpark/v1/lot/L2/count".to_owned(), format!(r#"{{"occupied":0,"at":"{AT}"}}"#));
    let payload = |seq| format!(r#"{{"direction":"in","at":"{AT}","seq":{seq}}}"#);
    let passed = (1..=count).map(|seq| ("yunpark/v1/lot/L2/passage".to_owned(), payload(seq)));
    std::iter::once(empty).chain(passed).collect()
}

/// Counts what this thread's test counts, and nobody else's.
fn recorder() -> (metrics_exporter_prometheus::PrometheusRecorder, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    (recorder, handle)
}

fn counted(handle: &PrometheusHandle, series: &str) -> u64 {
    let line = |text: &str| text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    line(&handle.render()).unwrap_or(0)
}

fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/mqtt").join(name);
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn native_and_network_servers_messages_move_the_lot() {
    let (broker, engine) = (services::mosquitto(), configured().await);
    let running = Running::start(&config(&broker), &engine).await;
    let state = format!(r#"{{"state":"free","at":"{AT}"}}"#);
    publish(&broker, "yunpark/v1/space/L1/S003/state", &["-m", &state]).await;
    let chirpstack = sample("chirpstack_v4_up_bosch_tps110.json");
    publish(&broker, "application/a/device/fcd6bd00001a2b3c/event/up", &["-f", &chirpstack]).await;
    let the_things_stack = sample("tts_v3_up_nwave_nps405.json");
    publish(&broker, "v3/city-parking@ttn/devices/bay-a-017/up", &["-f", &the_things_stack]).await;
    let count = format!(r#"{{"occupied":40,"at":"{AT}"}}"#);
    publish(&broker, "yunpark/v1/lot/L2/count", &["-m", &count]).await;
    eventually("three bays have spoken", async || {
        let lot = lot(&engine, "L1").await;
        (lot.free == 1 && lot.occupied == 2 && lot.unknown == 0).then_some(())
    })
    .await;
    eventually("the counter has spoken", async || (lot(&engine, "L2").await.occupied == 40).then_some(())).await;
    running.stop().await;
}

#[tokio::test]
async fn a_bad_message_is_counted_and_the_next_one_still_works() {
    let (recorder, handle) = recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let (broker, engine) = (services::mosquitto(), configured().await);
    let running = Running::start(&config(&broker), &engine).await;
    let long = "x".repeat(300_000);
    let file = broker.dir.path().join("long");
    std::fs::write(&file, &long).unwrap();
    let state = format!(r#"{{"state":"free","at":"{AT}"}}"#);
    let device = r#"{"deviceInfo":{"devEui":"cc00000000000001"},"fPort":1,"data":"AQ=="}"#;
    for (topic, payload) in [
        ("yunpark/v1/space/L1/S001/state", ["-m", "{"]),
        ("yunpark/v1/space/L9/S001/state", ["-m", &state]),
        ("yunpark/v1/space/L1/S999/state", ["-m", &state]),
        ("yunpark/v1/space//S001/state", ["-m", &state]),
        ("application/a/device/cc00000000000001/event/up", ["-m", device]),
        // Far above both our limit and the client library's own, which would end the connection over and over.
        ("yunpark/v1/space/L1/S002/state", ["-f", file.to_str().unwrap()]),
        ("yunpark/v1/space/L1/S003/state", ["-m", &state]),
    ] {
        publish(&broker, topic, &payload).await;
    }
    eventually("the good message is applied", async || (lot(&engine, "L1").await.free == 1).then_some(())).await;
    for kind in
        ["malformed_payload", "unknown_lot", "unknown_space", "topic_out_of_grammar", "unknown_device", "oversized"]
    {
        let series = format!("yunpark_ingest_refused_total{{kind=\"{kind}\"}}");
        assert_eq!(counted(&handle, &series), 1, "{kind} in {}", handle.render());
    }
    assert_eq!(counted(&handle, "yunpark_observations_total{outcome=\"changed\"}"), 1);
    running.stop().await;
}

#[tokio::test]
async fn what_is_published_while_ingest_is_down_arrives_when_it_starts() {
    let (broker, engine) = (services::mosquitto(), configured().await);
    let running = Running::start(&config(&broker), &engine).await;
    running.stop().await;
    publish_all(&broker, &passages(3000)).await;
    let running = Running::start(&config(&broker), &engine).await;
    eventually("all passages are counted", async || {
        let occupied = lot(&engine, "L2").await.occupied;
        assert!(occupied <= 3000, "{occupied} vehicles, but only 3000 came in");
        (occupied == 3000).then_some(())
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_applied() {
    let (recorder, handle) = recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let broker = services::mosquitto();
    // An engine that knows no city yet refuses every batch, as one whose Redis is away would.
    let not_yet = memory();
    let running = Running::start(&config(&broker), &not_yet).await;
    publish_all(&broker, &passages(1000)).await;
    running.wait_until("the engine is ill", |health| !health.engine_ok && health.fault.is_some()).await;
    drop(running);
    let engine = configured().await;
    let running = Running::start(&config(&broker), &engine).await;
    eventually("all passages are there after the crash", async || {
        let occupied = lot(&engine, "L2").await.occupied;
        assert!(occupied <= 1000, "{occupied} vehicles, but only 1000 came in");
        (occupied == 1000).then_some(())
    })
    .await;
    // Now they are acknowledged: another start is given none of them.
    running.stop().await;
    let before = counted(&handle, "yunpark_ingest_messages_total");
    let running = Running::start(&config(&broker), &engine).await;
    publish_all(&broker, &passages(1001)[1001..]).await;
    eventually("the next passage is counted", async || (lot(&engine, "L2").await.occupied == 1001).then_some(())).await;
    assert_eq!(counted(&handle, "yunpark_ingest_messages_total") - before, 1, "nothing is sent twice");
    running.stop().await;
}

#[tokio::test]
async fn ingest_waits_for_an_ill_engine_and_goes_on_without_loss() {
    let broker = services::mosquitto();
    let engine = memory();
    let small = Mqtt { queue: 4, max_batch: 3, ..config(&broker) };
    let running = Running::start(&small, &engine).await;
    publish_all(&broker, &passages(500)).await;
    running.wait_until("the engine is ill", |health| !health.engine_ok).await;
    engine.configure(&layouts(), Clock::System.now()).await.unwrap();
    eventually("all passages are counted", async || (lot(&engine, "L2").await.occupied == 500).then_some(())).await;
    running.wait_until("all is well", Health::is_ok).await;
    running.stop().await;
}

#[tokio::test]
async fn a_broker_that_lost_its_sessions_is_subscribed_to_again() {
    let (mut broker, engine) = (services::mosquitto(), configured().await);
    let running = Running::start(&config(&broker), &engine).await;
    broker.kill();
    running.wait_until("the broker is gone", |health| !health.connected && health.fault.is_some()).await;
    let file = broker.dir.path().join("mosquitto.conf");
    let _again = Command::new("sh")
        .args(["-c", "PATH=$PATH:/usr/sbin exec mosquitto -c \"$0\"", file.to_str().unwrap()])
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    running.wait_until("the door is connected again", Health::is_ok).await;
    publish_all(&broker, &passages(3)).await;
    eventually("the passages are counted", async || (lot(&engine, "L2").await.occupied == 3).then_some(())).await;
    running.stop().await;
}

#[tokio::test]
async fn a_crash_with_redis_behind_loses_nothing_and_counts_nothing_twice() {
    let (broker, redis) = (services::mosquitto(), services::redis());
    let mut settings = Config::load(None).unwrap().availability;
    settings.redis_url = format!("redis://127.0.0.1:{}/0", redis.port).as_str().into();
    let engine = Engine::redis(&settings).await.unwrap();
    engine.configure(&layouts(), Clock::System.now()).await.unwrap();
    let running = Running::start(&config(&broker), &engine).await;
    publish_all(&broker, &passages(2000)).await;
    eventually("the first passages are counted", async || (lot(&engine, "L2").await.occupied > 0).then_some(())).await;
    drop(running);
    let running = Running::start(&config(&broker), &engine).await;
    eventually("each passage is counted once", async || {
        let occupied = lot(&engine, "L2").await.occupied;
        assert!(occupied <= 2000, "{occupied} vehicles, but only 2000 came in");
        (occupied == 2000).then_some(())
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn signs_are_told_and_answer_over_a_connection_of_their_own() {
    let broker = services::mosquitto();
    let (deliver, mut acks) = tokio::sync::mpsc::channel(8);
    let (link, publisher, state) = Link::new(&config(&broker), &[SIGN_ACKS], deliver).unwrap();
    let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
    tasks.spawn(link.run(stop.clone()));
    eventually("the link is up", async || state.borrow().connected.then_some(())).await;
    let topic = "yunpark/v1/sign/V1/panel/P1/set";
    publisher.publish_retained(topic, bytes::Bytes::from_static(b"{\"version\":1}")).unwrap();
    let listener = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-C", "1", "-W", "30", "-t", topic])
        .stdout(Stdio::piped())
        .output()
        .await
        .unwrap();
    assert_eq!(String::from_utf8(listener.stdout).unwrap().trim(), "{\"version\":1}");
    publish(&broker, "yunpark/v1/sign/V1/ack", &["-m", "{\"ok\":true}"]).await;
    let (topic, payload) = tokio::time::timeout(Duration::from_secs(30), acks.recv()).await.unwrap().unwrap();
    assert_eq!((topic.as_str(), payload.as_ref()), ("yunpark/v1/sign/V1/ack", b"{\"ok\":true}".as_slice()));
    stop.cancel();
    tasks.join_next().await.unwrap().unwrap().unwrap();
}
