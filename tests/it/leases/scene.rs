//! Several nodes on one cluster of Redis, one PostgreSQL and one Mosquitto, with signs that several of them could drive.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use yunpark_simulator::sign::{MqttHandle, MqttSign, run_mqtt};

use crate::{
    node::{Node, Places},
    services::{self, Server, wait_for},
    signs::outside::PythonSign,
};

/// The lot the signs tell of, counted at its gates.
const LOT: &str = "GATED";
/// Its free places at first.
const FREE: u64 = 90;
/// Signs that follow MQTT: so many that hashing leaves none of three nodes without any, but once in ten thousand times.
const MQTT_SIGNS: usize = 24;
/// The NTCIP sign written in Python, where there is one.
pub const NTCIP: &str = "SIGN-N";

/// Nodes and signs.
pub struct Scene {
    pub broker: Server,
    pub nodes: Vec<Node>,
    pub places: Places,
    /// The signs of the city.
    pub signs: BTreeSet<String>,
    /// What the NTCIP sign was told, and by whom.
    pub python: Option<PythonSign>,
    python_log: PathBuf,
    /// What was told to signs over MQTT, and what they said to it.
    heard: Listener,
    shown: Vec<MqttHandle>,
    passages: u64,
    stop: CancellationToken,
    runtime: Option<tokio::runtime::Runtime>,
    dir: TempDir,
}

struct Listener {
    child: Child,
    file: PathBuf,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
        // A process that is stopped does not die of being asked.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        let _ = fs::metadata(self.dir.path());
    }
}

impl Scene {
    /// As many nodes, over the lots of `city` and one more that every sign guides to.
    pub fn start(nodes: usize, mut city: Value, broker: Server) -> Self {
        let dir = TempDir::new().unwrap();
        let (url, prefix) = services::shared_cluster();
        let places = Places {
            mqtt: format!("mqtt://127.0.0.1:{}", broker.port),
            redis: url,
            sql: services::postgres(),
            mqtt_more: "shared_group = \"town\"".to_owned(),
            availability: format!("key_prefix = \"{prefix}\""),
            more: "[display]\nlease_s = 4\ntimeout_ms = 1500\nverify_every_s = 2\n".to_owned(),
        };
        let python_log = dir.path().join("ntcip.log");
        let python = PythonSign::start_logging(Some(&python_log));
        let mut links: BTreeMap<String, Value> =
            (1..=MQTT_SIGNS).map(|n| (format!("SIGN-{n}"), json!({"protocol": "mqtt_json"}))).collect();
        if let Some(python) = &python {
            let address = format!("127.0.0.1:{}", python.port);
            links.insert(NTCIP.to_owned(), json!({"protocol": "ntcip1203", "address": address, "community": "public"}));
        }
        add(&mut city, &links);

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stop = CancellationToken::new();
        let heard = listen(broker.port, dir.path().join("mqtt.log"));
        let shown = {
            let _here = runtime.enter();
            let of_mqtt = links.iter().filter(|(_, link)| link["protocol"] == "mqtt_json");
            of_mqtt
                .map(|(sign, _)| {
                    run_mqtt(MqttSign { url: places.mqtt.clone(), sign: sign.clone() }, stop.clone()).unwrap()
                })
                .collect()
        };
        let first = Node::start(&places, &city);
        let others = (1..nodes).map(|_| Node::beside(&places));
        let nodes: Vec<Node> = std::iter::once(first).chain(others).collect();
        let signs = links.into_keys().collect();
        let (passages, runtime) = (0, Some(runtime));
        let mut scene =
            Self { broker, nodes, places, signs, python, python_log, heard, shown, passages, stop, runtime, dir };
        scene.count(FREE);
        scene.wait_until_shared(&(0..scene.nodes.len()).collect::<Vec<_>>());
        scene
    }

    /// Publishes as a device would.
    pub fn publish(&self, topic: &str, payload: &Value) {
        let (port, payload) = (self.broker.port.to_string(), payload.to_string());
        let sent = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", topic, "-m", &payload])
            .status();
        assert!(sent.unwrap().success());
    }

    fn count(&mut self, free: u64) {
        let at = yunpark::clock::Clock::System.now().to_rfc3339();
        self.publish(&format!("yunpark/v1/lot/{LOT}/count"), &json!({"free": free, "at": at}));
        wait_for("the count", || (free_of(&self.nodes[0])? == free).then_some(()));
    }

    /// One more vehicle drives in: each sign's number falls by one. Every node of the group hears of it, and counts it once.
    pub fn drive_in(&mut self) {
        self.passages += 1;
        let at = yunpark::clock::Clock::System.now().to_rfc3339();
        let topic = format!("yunpark/v1/lot/{LOT}/passage");
        self.publish(&topic, &json!({"direction": "in", "count": 1, "at": at, "seq": self.passages}));
    }

    /// The signs a node says it drives.
    pub fn driven_by(&self, node: usize) -> BTreeSet<String> {
        let Some((_, readiness)) = self.nodes[node].get("/readyz") else { return BTreeSet::new() };
        let dependencies = readiness["dependencies"].as_array().cloned().unwrap_or_default();
        let leases = dependencies.iter().find(|dependency| dependency["name"] == "sign_leases");
        let detail = leases.and_then(|leases| leases["detail"].as_str()).unwrap_or_default().to_owned();
        let named = detail.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(named, _)| named);
        named.unwrap_or_default().split(", ").filter(|sign| !sign.is_empty()).map(str::to_owned).collect()
    }

    /// Waits until each sign is driven by exactly one of these nodes, and each drives some; tells which drives which.
    pub fn wait_until_shared(&self, nodes: &[usize]) -> BTreeMap<usize, BTreeSet<String>> {
        wait_for("every sign to be driven by one node", || {
            let shares: BTreeMap<usize, BTreeSet<String>> =
                nodes.iter().map(|node| (*node, self.driven_by(*node))).collect();
            let all: Vec<&String> = shares.values().flatten().collect();
            let is_whole = all.len() == self.signs.len() && self.signs.iter().all(|sign| all.contains(&sign));
            (is_whole && shares.values().all(|share| !share.is_empty())).then_some(shares)
        })
    }

    /// The version and number a node tells of as confirmed.
    pub fn confirmed(&self, node: usize, sign: &str) -> Option<(u64, String)> {
        let (_, view) = self.nodes[node].get(&format!("/api/v1/signs/{sign}"))?;
        let face = &view["panels"][0]["confirmed"];
        Some((face["version"].as_u64()?, face["lines"][0]["text"].as_str()?.to_owned()))
    }

    /// Waits until every node asked tells that every sign shows how many places are free after all that drove in.
    pub fn wait_until_all_show(&self, nodes: &[usize]) -> BTreeMap<String, u64> {
        let free = (FREE - self.passages).to_string();
        let mut versions = BTreeMap::new();
        for node in nodes {
            for sign in &self.signs {
                let version = wait_for("every node to tell that the sign shows the number", || {
                    let (version, text) = self.confirmed(*node, sign)?;
                    (text == free).then_some(version)
                });
                versions.insert(sign.clone(), version);
            }
        }
        for sign in &self.shown {
            assert!(sign.shown()["P1"][0].contains(&free), "{} shows {:?}, not {free}", sign.sign(), sign.shown());
        }
        versions
    }

    /// Each write the NTCIP sign took: the process that wrote, and the token it wrote under as far as that connection ever told
    /// one. A connection speaks under one lease.
    pub fn writes(&self) -> Vec<(u32, Option<u64>)> {
        let log = fs::read_to_string(&self.python_log).unwrap_or_default();
        let lines: Vec<Vec<&str>> = log.lines().map(|line| line.splitn(4, ' ').collect()).collect();
        let mut tokens: BTreeMap<&str, u64> = BTreeMap::new();
        for line in &lines {
            let [port, _, "5.8.1.4.3.1", owner] = line[..] else { continue };
            let token = owner.strip_prefix("yunpark ").unwrap().trim().parse().unwrap();
            let before = tokens.insert(port, token);
            assert!(before.is_none_or(|before| before == token), "one connection speaks under one lease");
        }
        lines.iter().map(|line| (line[1].parse().unwrap(), tokens.get(line[0]).copied())).collect()
    }

    /// Lets no server of the cluster answer anybody for a while.
    pub fn hush_redis(&self, ms: u32) {
        for url in self.places.redis.split(',') {
            let port = url.rsplit(':').next().unwrap().parse().unwrap();
            services::cli(port, &["CLIENT", "PAUSE", &ms.to_string(), "ALL"]);
        }
    }

    /// What was told to a sign over MQTT, as version and token, and which versions it took.
    pub fn told(&self, sign: &str) -> (Vec<(u64, u64)>, Vec<u64>) {
        let log = fs::read_to_string(&self.heard.file).unwrap_or_default();
        let of = |line: &str, ending: &str| -> Option<Value> {
            let (topic, payload) = line.split_once(' ')?;
            let is_its = topic.starts_with(&format!("yunpark/v1/sign/{sign}/")) && topic.ends_with(ending);
            is_its.then(|| serde_json::from_str(payload).ok()).flatten()
        };
        let sets = log.lines().filter_map(|line| of(line, "/set"));
        let acks = log.lines().filter_map(|line| of(line, "/ack"));
        let told = sets.map(|set| (set["version"].as_u64().unwrap(), set["token"].as_u64().unwrap()));
        let took = acks.filter(|ack| ack["ok"] == true).map(|ack| ack["version"].as_u64().unwrap());
        (told.collect(), took.collect())
    }

    /// What leases the cluster keeps for a node: of how many signs, and whether it counts among the living.
    pub fn kept_for(&self, name: &str) -> (usize, bool) {
        let prefix = self.places.availability.split('"').nth(1).unwrap();
        let (mut held, mut lives) = (0, false);
        for url in self.places.redis.split(',') {
            let port = url.rsplit(':').next().unwrap().parse().unwrap();
            let keys = services::cli(port, &["KEYS", &format!("{{{prefix}:*:leases:nodes")]);
            for nodes in keys.lines().filter(|key| !key.is_empty()) {
                let known = services::cli(port, &["HGETALL", nodes]);
                let known: Vec<&str> = known.lines().collect();
                let Some(pair) = known.chunks(2).find(|pair| pair[1].ends_with(&format!(" {name}"))) else { continue };
                lives = true;
                let leases = services::cli(port, &["HVALS", &nodes.replace(":leases:nodes", ":leases:leases")]);
                held += leases.lines().filter(|lease| lease.ends_with(pair[0])).count();
            }
        }
        (held, lives)
    }
}

/// The free places a node tells of.
pub fn free_of(node: &Node) -> Option<u64> {
    node.get(&format!("/api/v1/lots/{LOT}"))?.1["free"].as_u64()
}

/// Adds the lot and signs that guide to it.
fn add(city: &mut Value, links: &BTreeMap<String, Value>) {
    let place = json!({"type": "Point", "coordinates": [119.57, 28.11]});
    let features = city["features"].as_array_mut().unwrap();
    features.push(json!({"type": "Feature", "geometry": place, "properties": {
        "kind": "lot", "id": LOT, "name": "城西停车场", "capacity": 100, "counted_by": "counters", "stale_after_s": 900,
    }}));
    for (id, link) in links {
        features.push(json!({"type": "Feature", "geometry": place, "properties": {
            "kind": "sign", "id": id, "name": id, "heading_deg": 90, "link": link,
            "panels": [{"id": "P1", "width_px": 160, "height_px": 32,
                "lines": [{"lot": LOT, "label": "West", "arrow": "left"}]}]
        }}));
    }
}

fn listen(port: u16, file: PathBuf) -> Listener {
    let out = fs::File::create(&file).unwrap();
    let port = port.to_string();
    let topics = ["-t", "yunpark/v1/sign/+/panel/+/set", "-t", "yunpark/v1/sign/+/ack"];
    let child = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &port, "-q", "1", "-F", "%t %p"])
        .args(topics)
        .stdout(out)
        .stderr(Stdio::null())
        .spawn()
        .expect("mosquitto-clients must be installed; `./run test` does it");
    Listener { child, file }
}

/// The versions of the lot that a socket of a node tells of, in order, until it is dropped.
pub fn versions(node: &Node) -> mpsc::Receiver<u64> {
    let (tell, told) = mpsc::channel();
    let url = format!("ws://127.0.0.1:{}/api/v1/live", node.http);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                let message: Value = serde_json::from_str(&text).unwrap();
                let lots = message["lots"].as_array().cloned().unwrap_or_default();
                let version = lots.iter().find(|lot| lot["id"] == LOT).and_then(|lot| lot["version"].as_u64());
                if version.is_some_and(|version| tell.send(version).is_err()) {
                    return;
                }
            }
        });
    });
    told
}

/// The next version that differs from the last.
pub fn next_version(versions: &mpsc::Receiver<u64>, last: u64) -> u64 {
    loop {
        let version = versions.recv_timeout(Duration::from_secs(60)).expect("the socket stays open and tells the lot");
        if version != last {
            return version;
        }
    }
}
