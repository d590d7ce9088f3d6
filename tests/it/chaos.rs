//! Breaking things under load: node, Redis and broker are killed at random moments, and in the end the counts are the truth.
//!
//! `./run test` breaks each a time or two; `./run chaos` (`CHAOS=long`) does so twenty times in all. Both print what was broken when.

mod load;
mod malformed;
mod rehearsal;

use std::{
    collections::BTreeMap,
    io::Write as _,
    time::{Duration, Instant},
};

use serde_json::Value;

use self::load::{Dice, Load};
use crate::{
    node::{Node, Places},
    services::{self, Server, wait_for},
};

const LOTS: u32 = 8;
const SPACES: u32 = 50;
const RATE: u32 = 800;

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Node,
    Redis,
    Broker,
}
use Victim::{Broker, Node as Yunpark, Redis};

/// A node and what it stands on, under load.
struct Scene {
    name: &'static str,
    node: Node,
    redis: Option<Server>,
    broker: Server,
    load: Load,
    dice: Dice,
    versions: BTreeMap<String, u64>,
    reads: u64,
    rows: Vec<String>,
}

impl Scene {
    /// Starts everything; `kills` tells how long the load goes on.
    fn start(name: &'static str, redis: Option<Server>, sql: String, kills: usize, seed: u64) -> Self {
        let broker = services::mosquitto_kept();
        let mqtt = format!("mqtt://127.0.0.1:{}", broker.port);
        let load = Load::new(&mqtt, LOTS, SPACES, RATE, kills as u64 * 3 * u64::from(RATE), seed);
        let places = Places {
            mqtt,
            redis: redis.as_ref().map(|redis| format!("redis://127.0.0.1:{}", redis.port)).unwrap_or_default(),
            sql,
            availability: "keep_every_s = 2\n".to_owned(),
            ..Places::default()
        };
        let mut node = Node::prepare(&places, &load.city());
        node.run();
        let mut scene = Self {
            name,
            node,
            redis,
            broker,
            load,
            dice: Dice(seed),
            versions: BTreeMap::new(),
            reads: 0,
            rows: Vec::new(),
        };
        scene.load.begin();
        scene
    }

    /// Kills each victim at a random moment of its share of the messages, starts it again a moment later, and waits until
    /// the node is ready again.
    fn break_all(&mut self, victims: &[Victim]) {
        let share = self.load.messages() / victims.len();
        for (number, victim) in victims.iter().enumerate() {
            let moment = number * share + self.dice.below(share * 2 / 3);
            while self.load.sent() < moment {
                self.look();
                std::thread::sleep(Duration::from_millis(50));
            }
            let sent = self.load.sent();
            let pause = Duration::from_millis(self.dice.below(400) as u64);
            let began = Instant::now();
            match victim {
                Yunpark => {
                    self.node.kill();
                    std::thread::sleep(pause);
                    self.node.run();
                }
                Redis => {
                    let redis = self.redis.as_mut().unwrap();
                    redis.kill();
                    std::thread::sleep(pause);
                    redis.again();
                }
                Broker => {
                    self.broker.kill();
                    std::thread::sleep(pause);
                    self.broker.again();
                    // Mosquitto acknowledges before it has written: a device says again what it said just before.
                    self.load.repeat_from(sent.saturating_sub(5 * RATE as usize));
                }
            }
            wait_for("the node to be ready again", || {
                let (status, body) = self.node.get("/readyz")?;
                (status == 200 && body["ready"] == true).then_some(())
            });
            self.rows.push(format!(
                "{:<28} {:>3}  {:<8} {:>7}  {:>6} ms  {:>6} ms",
                self.name,
                number + 1,
                format!("{victim:?}").to_lowercase(),
                sent,
                pause.as_millis(),
                began.elapsed().as_millis()
            ));
            self.look();
        }
    }

    /// What must hold at every moment: the counts of each lot add up, and no version is told that is older than one told
    /// before.
    fn look(&mut self) {
        let Some((200, told)) = self.node.get("/api/v1/lots") else { return };
        self.reads += 1;
        for lot in told["lots"].as_array().unwrap() {
            let count = |key: &str| lot[key].as_u64().unwrap_or_else(|| panic!("{key} of {lot}"));
            let sum = count("free") + count("occupied") + count("unknown") + count("out_of_service");
            assert_eq!(sum, count("capacity"), "{lot}");
            let id = lot["id"].as_str().unwrap().to_owned();
            let version = count("version");
            let before = self.versions.insert(id, version).unwrap_or(0);
            assert!(version >= before, "{before} was told before {version}: {lot}");
        }
    }

    /// Waits until each lot's counts and each space's state are the truth, and prints what was broken.
    fn end_in_truth(mut self, speak_once_more: bool) {
        self.load.finish();
        if speak_once_more {
            self.load.speak_once_more();
        }
        for (lot, counts) in &self.load.truth().lots {
            wait_for(&format!("the truth of {lot}: {counts:?}"), || {
                let (_, told) = self.node.get(&format!("/api/v1/lots/{lot}"))?;
                let same = told["free"] == counts.free
                    && told["occupied"] == counts.occupied
                    && told["unknown"] == counts.unknown
                    && told["capacity"] == counts.capacity;
                same.then_some(())
            });
            let (_, told) = self.node.get(&format!("/api/v1/lots/{lot}/spaces")).unwrap();
            let spaces = told["spaces"].as_array().unwrap();
            for (state, counted) in [("free", counts.free), ("occupied", counts.occupied), ("unknown", counts.unknown)]
            {
                let recount = spaces.iter().filter(|space| space["state"] == state).count();
                assert_eq!(recount, counted as usize, "{state} spaces of {lot}");
            }
            for space in spaces {
                let name = format!("{lot}/{}", space["id"].as_str().unwrap());
                if let Some(state) = self.load.truth().spaces.get(&name) {
                    assert_eq!(space["state"], state.as_str(), "{name}");
                }
            }
        }
        self.look();
        let rebuilt = self.node.metric("yunpark_availability_rebuilds_total") as u64;
        self.rows.push(format!(
            "{:<28} {} messages ({} sent again), {} readings in order, rebuilt {rebuilt} times in its last life, lost 0",
            self.name,
            self.load.sent_in_all(),
            self.load.repeated(),
            self.reads
        ));
        assert_eq!(self.node.stop(), Some(0), "told to stop, it drains and ends well");
        let mut table = std::io::stderr().lock();
        let _ = writeln!(table, "scene                          #  killed   message    down      ready after");
        for row in &self.rows {
            let _ = writeln!(table, "{row}");
        }
    }
}

fn is_long() -> bool {
    std::env::var("CHAOS").is_ok_and(|how| how == "long")
}

#[test]
fn a_node_that_counts_by_itself_and_its_broker_are_killed_and_nothing_is_lost() {
    let victims: &[Victim] =
        if is_long() { &[Yunpark, Broker, Yunpark, Yunpark, Broker, Yunpark] } else { &[Yunpark, Broker] };
    let mut scene = Scene::start("journal and SQLite", None, String::new(), victims.len(), 11);
    scene.break_all(victims);
    scene.end_in_truth(false);
}

#[test]
fn node_redis_and_broker_are_killed_and_nothing_is_lost_where_redis_writes_before_it_answers() {
    let victims: &[Victim] = if is_long() {
        &[Redis, Yunpark, Broker, Redis, Yunpark, Redis, Broker, Yunpark]
    } else {
        &[Redis, Yunpark, Broker]
    };
    let redis = services::redis_with(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    let mut scene = Scene::start("Redis kept, PostgreSQL", Some(redis), services::postgres(), victims.len(), 12);
    scene.break_all(victims);
    scene.end_in_truth(false);
}

#[test]
fn a_redis_that_keeps_nothing_is_filled_again_from_the_store_and_the_next_words() {
    let victims: &[Victim] =
        if is_long() { &[Redis, Redis, Yunpark, Redis, Yunpark, Redis] } else { &[Yunpark, Redis] };
    let mut scene = Scene::start("Redis in memory, SQLite", Some(services::redis()), String::new(), victims.len(), 13);
    scene.break_all(victims);
    wait_for("the node to say that it filled Redis again", || {
        let (_, ready) = scene.node.get("/readyz")?;
        (availability_of(&ready)["rebuilt"]["cause"] == "emptied").then_some(())
    });
    scene.end_in_truth(true);
}

fn availability_of(ready: &Value) -> &Value {
    let parts = ready["dependencies"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == "availability").unwrap()
}
