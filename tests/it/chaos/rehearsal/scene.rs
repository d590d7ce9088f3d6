//! A whole town under load: the node and what it stands on, ways between them that can be broken, devices, cameras, signs and a
//! browser.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use yunpark_simulator::sign::{Handle as Ntcip, MqttHandle, MqttSign, NtcipSign, run_mqtt, run_ntcip};

use super::{
    cameras::{Cameras, FLOODING},
    fault::Part,
    listener::Listener,
    sensors::{BAYS, BUSY, CROWDED, CROWDED_PLACES, GATE_PLACES, GATES, QUIET, QUIET_BAYS, Sensors},
    swallow::Swallow,
    watch::{GOOD_S, SIGNS, Watch},
};
use crate::{
    node::{Node, Places},
    services::{self, Server},
    small_disk::SmallDisk,
    town::town,
    way::Way,
};

/// A lot whose one device floods; nobody asks what stands there.
pub const FLOODED: &str = "FLOODED";
/// Debian's library that gives a process another clock.
fn faketime() -> String {
    format!("/usr/lib/{}-linux-gnu/faketime/libfaketime.so.1", std::env::consts::ARCH)
}

/// What the node stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// Redis that writes before it answers, PostgreSQL, Mosquitto.
    County,
    /// Its own journal and SQLite on a disk of their own, and Mosquitto.
    Alone,
}

/// The ways between the parts.
struct Ways {
    redis: Option<Way>,
    postgres: Option<Way>,
    broker: Way,
    signs: Way,
    doors: Way,
    devices: Way,
}

/// The town.
pub struct Scene {
    pub node: Node,
    pub redis: Option<Server>,
    pub postgres: Option<Server>,
    pub broker: Server,
    pub disk: Option<SmallDisk>,
    pub swallow: Swallow,
    ways: Ways,
    pub sensors: Sensors,
    pub cameras: Cameras,
    pub listener: Listener,
    pub mqtt_sign: MqttHandle,
    pub ntcip_sign: Ntcip,
    pub watch: Watch,
    /// How long a promise may take to be kept again once the node is well.
    pub patience: Duration,
    pub broken_at: Instant,
    pub flooding: CancellationToken,
    stop: CancellationToken,
    runtime: Option<Runtime>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
        self.flooding.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether a process can be given another clock here; said aloud where it cannot.
pub fn has_other_clocks() -> bool {
    use std::io::Write as _;
    let has = Path::new(&faketime()).exists();
    if !has {
        assert!(std::env::var_os("CI").is_none(), "libfaketime must be installed; `./run chaos` does it");
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: the node's clock cannot be set here; `./run chaos` installs libfaketime"
        );
    }
    has
}

impl Scene {
    /// Starts everything; a node that stands alone may keep its things on a disk of their own, which can be filled.
    pub fn start(build: Build, disk: Option<SmallDisk>, seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (on, stop) = (runtime.handle().clone(), CancellationToken::new());
        let broker = services::mosquitto_kept();
        let is_county = build == Build::County;
        let redis =
            is_county.then(|| services::redis_with(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"]));
        let postgres = is_county.then(services::postgres_alone);
        let way_to = |server: &Server| Way::of_connections(&on, server.port);
        let (to_redis, to_postgres, to_broker) =
            (redis.as_ref().map(way_to), postgres.as_ref().map(way_to), way_to(&broker));
        let swallow = Swallow::before(&on, broker.port);
        let devices = Way::of_connections(&on, swallow.port);

        let ntcip_sign =
            runtime.block_on(run_ntcip(NtcipSign::new("127.0.0.1:0".parse().unwrap()), stop.clone())).unwrap();
        let signs = Way::of_datagrams(&on, ntcip_sign.address().port());
        let mqtt_sign = {
            let _here = runtime.enter();
            let url = format!("mqtt://127.0.0.1:{}", broker.port);
            run_mqtt(MqttSign { url, sign: SIGNS[0].to_owned() }, stop.clone()).unwrap()
        };

        let url = |scheme: &str, way: &Option<Way>, rest: &str| {
            way.as_ref().map(|way| format!("{scheme}127.0.0.1:{}{rest}", way.port)).unwrap_or_default()
        };
        let places = Places {
            mqtt: format!("mqtt://127.0.0.1:{}", to_broker.port),
            redis: url("redis://", &to_redis, ""),
            sql: url("postgres://yunpark@", &to_postgres, "/yunpark"),
            availability: "keep_every_s = 2\n".to_owned(),
            more: format!(
                "{} = {{ token = \"{}\" }}\n[display]\ntimeout_ms = 1500\nverify_every_s = 2\ndead_man_s = 60\n",
                FLOODING.0, FLOODING.1
            ),
            ..Places::default()
        };
        let mut node = Node::prepare(&places, &city(signs.port));
        if let Some(disk) = &disk {
            disk.take_over(&node);
        }
        node.run();
        let doors = Way::of_connections(&on, node.http);
        let sensors = Sensors::start(&on, devices.port, seed, stop.clone());
        let cameras = Cameras::start(&on, doors.port, stop.clone());
        let listener = Listener::start(&on, doors.port, stop.clone());
        let both = (mqtt_sign.clone(), ntcip_sign.clone());
        let watch = Watch::start(&on, node.http, sensors.clone(), both, stop.clone());
        let ways = Ways { redis: to_redis, postgres: to_postgres, broker: to_broker, signs, doors, devices };
        let (broken_at, flooding, runtime) = (Instant::now(), CancellationToken::new(), Some(runtime));
        Self {
            node,
            redis,
            postgres,
            broker,
            disk,
            swallow,
            ways,
            sensors,
            cameras,
            listener,
            mqtt_sign,
            ntcip_sign,
            watch,
            patience: Duration::from_secs(30),
            broken_at,
            flooding,
            stop,
            runtime,
        }
    }

    /// Where devices, cameras and browsers run.
    pub fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().unwrap()
    }

    /// The way to a part.
    pub fn way(&self, part: Part) -> &Way {
        match part {
            Part::Node => panic!("there are many ways to the node"),
            Part::Redis => self.ways.redis.as_ref().unwrap(),
            Part::PostgreSQL => self.ways.postgres.as_ref().unwrap(),
            Part::Broker => &self.ways.broker,
            Part::Signs => &self.ways.signs,
            Part::Doors => &self.ways.doors,
            Part::Devices => &self.ways.devices,
        }
    }

    /// Sets the node's clock so many seconds off. A node that has the machine's clock ends in order and is started with one
    /// that can be set.
    pub fn set_clock(&mut self, seconds: i64) {
        let file = self.node.dir.path().join("clock");
        if self.node.env.is_empty() {
            assert_eq!(self.node.stop(), Some(0));
            fs::write(&file, "+0").unwrap();
            let settings = [
                ("LD_PRELOAD", faketime()),
                ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
                ("FAKETIME_CACHE_DURATION", "1".to_owned()),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
                ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ];
            self.node.env = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
            self.node.run();
        }
        fs::write(&file, format!("{seconds:+}")).unwrap();
        if seconds != 0 {
            self.watch.expect_clock_off(Duration::from_secs(seconds.unsigned_abs()));
        }
    }
}

/// The town of other tests, with gates, a quiet lot, and signs that tell of the gates.
fn city(ntcip: u16) -> Value {
    let mut city = town(BUSY.len(), BAYS as usize, &format!("127.0.0.1:{ntcip}"));
    let features = city["features"].as_array_mut().unwrap();
    let mut cameras = Vec::new();
    for feature in features.iter_mut() {
        let properties = &mut feature["properties"];
        if let Some(gate) = SIGNS.iter().position(|sign| properties["id"] == *sign) {
            properties["panels"] = json!([{"id": "P1", "width_px": 160, "height_px": 32,
                "lines": [{"lot": GATES[gate], "label": "P", "arrow": "left", "travel_time_s": 120}]}]);
        }
        if properties["kind"] == "camera" {
            let mut other = feature.clone();
            other["properties"]["id"] = json!(FLOODING.0);
            other["properties"]["viid_device_id"] = json!("33112500001190000002");
            cameras.push(other);
        }
    }
    let place = json!({"type": "Point", "coordinates": [119.58, 28.12]});
    let gates = (0..GATES.len()).map(|gate| (GATES[gate], GATE_PLACES, GOOD_S[gate]));
    for (lot, places, good_s) in gates.chain([(CROWDED, CROWDED_PLACES, 900)]) {
        let properties = json!({"kind": "lot", "id": lot, "name": lot, "capacity": places, "counted_by": "counters",
            "stale_after_s": good_s});
        features.push(json!({"type": "Feature", "geometry": place, "properties": properties}));
    }
    for (lot, bays) in [(QUIET, QUIET_BAYS), (FLOODED, 1)] {
        let bays: Vec<String> = (1..=bays).map(|bay| format!("S{bay:03}")).collect();
        features
            .push(json!({"type": "Feature", "geometry": place, "properties": {"kind": "lot", "id": lot, "name": lot,
            "capacity": bays.len(), "spaces": bays}}));
    }
    features.extend(cameras);
    city
}
