//! The town and the load against a real Mosquitto, seen from a subscriber's side.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it needs by failing")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use yunpark_simulator::{
    life, load,
    town::{Town, TownOptions},
};

struct Mosquitto {
    port: u16,
    child: Child,
    config: std::path::PathBuf,
}

impl Mosquitto {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = std::env::temp_dir().join(format!("yunpark-simulator-{}-{port}.conf", std::process::id()));
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n");
        std::fs::File::create(&config).unwrap().write_all(text.as_bytes()).unwrap();
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed");
        Self { port, child, config }
    }

    fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    async fn subscribe(&self, topic: &str) -> EventLoop {
        let deadline = Instant::now() + Duration::from_secs(15);
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(Instant::now() < deadline, "mosquitto does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut options = MqttOptions::new("listener", "127.0.0.1", self.port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut events) = AsyncClient::new(options, 10);
        client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
        loop {
            if matches!(events.poll().await.unwrap(), Event::Incoming(Packet::SubAck(_))) {
                return events;
            }
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // Nothing is left to do about a broker that is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.config);
    }
}

async fn next(events: &mut EventLoop, deadline: Instant) -> Option<(String, Vec<u8>)> {
    loop {
        if let Event::Incoming(Packet::Publish(message)) = timeout_at(deadline, events.poll()).await.ok()?.unwrap() {
            return Some((message.topic, message.payload.to_vec()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_town_is_heard_after_its_start_and_then_goes_on_changing() {
    let broker = Mosquitto::start();
    let mut events = broker.subscribe("#").await;
    let town = Town::generate(1, TownOptions::default());
    let sensors: usize = town.lots.iter().map(|lot| lot.spaces.len().max(1)).sum();
    let stop = CancellationToken::new();
    let options = life::Options {
        town,
        mqtt_url: broker.url(),
        http_base: None,
        camera_tokens: BTreeMap::new(),
        viid_passwords: BTreeMap::new(),
        speed: 1.0,
        seed: 1,
        faults: life::faults::Faults::default(),
    };
    let living = tokio::spawn(life::run(options, stop.clone()));
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut heard = BTreeSet::new();
    while heard.len() < sensors * 97 / 100 {
        let (topic, _) = next(&mut events, deadline).await.expect("the full picture comes soon");
        heard.insert(topic);
    }
    for _ in 0..50 {
        next(&mut events, deadline).await.expect("the town goes on changing");
    }
    stop.cancel();
    living.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_message_of_each_space_is_what_the_truth_says() {
    let broker = Mosquitto::start();
    let mut events = broker.subscribe("yunpark/v1/space/#").await;
    let truth_file = std::env::temp_dir().join(format!("yunpark-load-truth-{}.json", broker.port));
    let options = load::Options {
        mqtt_url: broker.url(),
        lots: 4,
        spaces: 50,
        rate: 2_000,
        seconds: 1,
        duplicates: 0.1,
        shuffle: true,
        seed: 5,
        truth: Some(truth_file.clone()),
    };
    let running = tokio::spawn(async move { load::run(&options, CancellationToken::new()).await });
    let mut newest: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut sent = None;
    let mut received = 0;
    while sent.is_none_or(|sent| received < sent) {
        if sent.is_none() && running.is_finished() {
            break;
        }
        let (topic, payload) = next(&mut events, deadline).await.expect("every message arrives");
        if sent.is_none() {
            let truth: load::Truth = serde_json::from_slice(&std::fs::read(&truth_file).unwrap()).unwrap();
            sent = Some(truth.sent);
        }
        received += 1;
        let parts: Vec<&str> = topic.split('/').collect();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        let (seq, state) = (payload["seq"].as_u64().unwrap(), payload["state"].as_str().unwrap().to_owned());
        let kept = newest.entry(format!("{}/{}", parts[3], parts[4])).or_insert((seq, state.clone()));
        if seq > kept.0 {
            *kept = (seq, state);
        }
    }
    let outcome = running.await.unwrap().unwrap();
    assert!(outcome.sent > 2_000 && outcome.acked >= outcome.sent, "{outcome:?}");
    let truth: load::Truth = serde_json::from_slice(&std::fs::read(&truth_file).unwrap()).unwrap();
    std::fs::remove_file(&truth_file).unwrap();
    let newest: BTreeMap<String, String> = newest.into_iter().map(|(space, (_, state))| (space, state)).collect();
    assert_eq!(newest, truth.spaces);
}
