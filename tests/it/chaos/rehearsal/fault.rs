//! What is broken, what the node should say of it meanwhile, and how it is broken and mended.

use std::{
    fmt,
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use yunpark_simulator::{
    broker::{Broker, Message},
    sign::Switches,
};

use super::{
    scene::{FLOODED, Scene},
    sensors::wall,
    watch::{Look, SIGNS},
};
use crate::way::Manner;

/// A slow way: a sixteenth of a second for each packet, some thirty kilobytes a second.
const SLOW: Manner = Manner::Slow { delay: Duration::from_millis(60), bytes: 2_048 };
/// What one device says in a flood, messages a second.
const FLOOD_RATE: u64 = 2_000;

/// A part of the system, with the way the node has to it; of the last two only the way can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The node itself.
    Node,
    Redis,
    PostgreSQL,
    /// Mosquitto, and the node's way to it.
    Broker,
    /// The emulated signs, and the node's way to the one that speaks NTCIP.
    Signs,
    /// The way of browsers and cameras to the node.
    Doors,
    /// The way of devices to the broker.
    Devices,
}

/// A door that is flooded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Captures,
    Reports,
    Sockets,
    OneDevice,
}

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Killed at once, and started again when the fault ends.
    Killed(Part),
    /// Stopped (SIGSTOP), and set going again.
    Stopped(Part),
    /// The way to it is cut: connections end, new ones too.
    Cut(Part),
    /// The way to it carries nothing, and nobody is told.
    Silent(Part),
    /// The same, and the connections that stood never speak again; new ones do.
    Lost(Part),
    /// The way to it is slow.
    Slow(Part),
    /// The node's disk has no byte left.
    DiskFull,
    /// The node's clock is set so many seconds ahead, or behind.
    ClockOff(i64),
    /// The devices' clocks are.
    DevicesOff(i64),
    /// Somebody floods a door.
    Flooded(Door),
    /// Planted: a vehicle's passage is acknowledged to the device and never reaches the broker.
    Swallowed,
    /// Planted: a sign says that it shows what it is told, and does not.
    Lying,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed(part) => write!(f, "{part:?} killed"),
            Self::Stopped(part) => write!(f, "{part:?} stopped"),
            Self::Cut(part) => write!(f, "{part:?} cut off"),
            Self::Silent(part) => write!(f, "{part:?} unreachable"),
            Self::Lost(part) => write!(f, "{part:?} lost behind open connections"),
            Self::Slow(part) => write!(f, "{part:?} slow"),
            Self::DiskFull => f.write_str("disk full"),
            Self::ClockOff(seconds) => write!(f, "node's clock {seconds:+} s"),
            Self::DevicesOff(seconds) => write!(f, "devices' clocks {seconds:+} s"),
            Self::Flooded(door) => write!(f, "{door:?} flooded"),
            Self::Swallowed => f.write_str("an acknowledged passage swallowed"),
            Self::Lying => f.write_str("a sign lies"),
        }
    }
}

/// What the node should say while something is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It cannot say anything.
    Nothing,
    /// It names this dependency.
    Ill(&'static str),
    /// It names this sign.
    IllSign(&'static str),
    /// It is well all along.
    Well,
    /// Both are right: what is broken may show, or be over before it does.
    Either,
}

impl Fault {
    /// What the node should say of it.
    pub fn word(self) -> Word {
        match self {
            Self::Killed(part) | Self::Stopped(part) | Self::Cut(part) | Self::Silent(part) | Self::Lost(part) => {
                match part {
                    Part::Node => Word::Nothing,
                    Part::Redis => Word::Ill("availability"),
                    Part::PostgreSQL => Word::Ill("store"),
                    // A broker that says nothing is found out by the keep-alive, half a minute later.
                    Part::Broker if matches!(self, Self::Stopped(_) | Self::Silent(_) | Self::Lost(_)) => Word::Either,
                    Part::Broker => Word::Ill("mqtt"),
                    Part::Signs => Word::IllSign(SIGNS[1]),
                    Part::Doors | Part::Devices => Word::Well,
                }
            }
            Self::DiskFull => Word::Ill("mqtt"),
            Self::Slow(_) | Self::ClockOff(_) | Self::DevicesOff(_) | Self::Flooded(_) => Word::Well,
            Self::Swallowed | Self::Lying => Word::Either,
        }
    }

    /// How long it lasts at least.
    pub fn lasts(self) -> Duration {
        Duration::from_secs(match self.word() {
            // A sign is called ill when it has not answered three times.
            Word::IllSign(_) => 14,
            // The journal goes on with what was begun of a page.
            _ if self == Self::DiskFull => 12,
            _ => 6,
        })
    }

    /// What is wrong with what the node said meanwhile.
    pub fn misjudged(self, looks: &[Look]) -> Option<String> {
        let is_right = match self.word() {
            Word::Nothing => looks.iter().any(|look| look.ill.is_none()),
            Word::Ill(name) => looks.iter().any(|look| look.ill.iter().flatten().any(|ill| ill == name)),
            Word::IllSign(sign) => looks.iter().any(|look| look.ill_signs.iter().any(|ill| ill == sign)),
            Word::Well => looks.iter().all(|look| look.ill.as_ref().is_some_and(Vec::is_empty)),
            Word::Either => true,
        };
        let told = || {
            let mut told: Vec<String> = looks.iter().map(|l| format!("{:?} {:?}", l.ill, l.ill_signs)).collect();
            told.dedup();
            told
        };
        (!is_right).then(|| format!("{self}: {:?} was to be said, and {:?} was", self.word(), told()))
    }
}

impl Scene {
    /// Breaks something.
    pub fn begin(&mut self, fault: Fault) {
        match fault {
            Fault::Killed(part) => match part {
                Part::Node => self.node.kill(),
                Part::Redis => self.redis.as_mut().unwrap().kill(),
                Part::PostgreSQL => self.postgres.as_mut().unwrap().kill(),
                Part::Broker => {
                    self.sensors.shut_gates(true);
                    std::thread::sleep(Duration::from_millis(2_500));
                    self.broken_at = Instant::now();
                    self.broker.kill();
                }
                Part::Signs => {
                    self.mqtt_sign.reboot(fault.lasts());
                    self.ntcip_sign.reboot(fault.lasts());
                }
                Part::Doors | Part::Devices => panic!("only a way leads there"),
            },
            Fault::Stopped(Part::Signs) => self.deafen(true),
            Fault::Stopped(part) => self.signal(part, "STOP"),
            Fault::Cut(part) => self.way(part).be(Manner::Cut),
            Fault::Silent(part) | Fault::Lost(part) => self.way(part).be(Manner::Silent),
            Fault::Slow(part) => self.way(part).be(SLOW),
            Fault::DiskFull => self.disk.as_ref().unwrap().fill(),
            Fault::ClockOff(seconds) => self.set_clock(seconds),
            Fault::DevicesOff(seconds) => self.sensors.set_clocks_ahead(seconds),
            Fault::Flooded(door) => self.flood(door),
            Fault::Swallowed => self.swallow.swallow(1),
            Fault::Lying => self.mqtt_sign.faults.set(Switches { lies: true, ..Switches::default() }),
        }
    }

    /// Mends it again.
    pub fn end(&mut self, fault: Fault) {
        match fault {
            Fault::Killed(part) => match part {
                Part::Node => self.node.begin(),
                Part::Redis => self.redis.as_mut().unwrap().again(),
                Part::PostgreSQL => self.postgres.as_mut().unwrap().again(),
                Part::Broker => {
                    self.broker.again();
                    self.sensors.repeat_since(self.broken_at);
                    self.sensors.shut_gates(false);
                }
                _ => {}
            },
            Fault::Stopped(Part::Signs) => self.deafen(false),
            Fault::Stopped(part) => self.signal(part, "CONT"),
            Fault::Cut(part) | Fault::Silent(part) | Fault::Slow(part) => self.way(part).be(Manner::Open),
            Fault::Lost(part) => {
                self.way(part).forget();
                self.way(part).be(Manner::Open);
            }
            Fault::DiskFull => self.disk.as_ref().unwrap().empty(),
            Fault::ClockOff(_) => self.set_clock(0),
            Fault::DevicesOff(_) => self.sensors.set_clocks_ahead(0),
            Fault::Flooded(_) => self.flooding.cancel(),
            // What was planted stays.
            Fault::Swallowed | Fault::Lying => {}
        }
    }

    fn signal(&self, part: Part, name: &str) {
        match part {
            Part::Node => self.node.signal(name),
            Part::Redis => self.redis.as_ref().unwrap().signal(name),
            Part::PostgreSQL => self.postgres.as_ref().unwrap().signal(name),
            Part::Broker => self.broker.signal(name),
            Part::Signs | Part::Doors | Part::Devices => panic!("no process of its own"),
        }
    }

    fn deafen(&self, deaf: bool) {
        let switches = Switches { deaf, ..Switches::default() };
        self.mqtt_sign.faults.set(switches);
        self.ntcip_sign.set_switches(switches);
    }

    fn flood(&mut self, door: Door) {
        self.flooding = CancellationToken::new();
        let (on, port) = (self.runtime().handle().clone(), self.node.http);
        let stop = self.flooding.clone();
        match door {
            Door::Captures => self.cameras.flood(&on, 8, &stop),
            Door::Reports => {
                let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
                for hand in 0..8 {
                    let (client, stop) = (client.clone(), stop.clone());
                    on.spawn(async move {
                        for number in 0.. {
                            let said =
                                json!({"category": "E0501", "location": [119.5705, 28.1082], "what": "x".repeat(300)});
                            let part =
                                reqwest::multipart::Part::text(said.to_string()).mime_str("application/json").unwrap();
                            let post = client.post(format!("http://127.0.0.1:{port}/api/v1/citizen/reports"));
                            let post = post.header("Idempotency-Key", format!("flood-{hand}-{number}"));
                            let _ = post.multipart(reqwest::multipart::Form::new().part("meta", part)).send().await;
                            if stop.is_cancelled() {
                                return;
                            }
                        }
                    });
                }
            }
            Door::Sockets => {
                for _ in 0..300 {
                    let stop = stop.clone();
                    on.spawn(async move {
                        let url = format!("ws://127.0.0.1:{port}/api/v1/live");
                        let Ok((mut socket, _)) = tokio_tungstenite::connect_async(url).await else { return };
                        // It takes its first message and no other.
                        let _ = socket.next().await;
                        stop.cancelled().await;
                    });
                }
            }
            Door::OneDevice => {
                let broker = format!("mqtt://127.0.0.1:{}", self.broker.port);
                on.spawn(async move {
                    let broker = Broker::connect(&broker, "flooding", stop.clone()).unwrap();
                    let began = Instant::now();
                    for number in 0_u64.. {
                        let topic = format!("yunpark/v1/space/{FLOODED}/S001/state");
                        let state = if number % 2 == 0 { "free" } else { "occupied" };
                        let payload = json!({"state": state, "at": wall().to_rfc3339()}).to_string();
                        let publishing = broker.publish(Message { topic, payload });
                        if stop.is_cancelled() || publishing.await.is_err() {
                            return;
                        }
                        let due = Duration::from_micros(number * 1_000_000 / FLOOD_RATE);
                        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
                    }
                });
            }
        }
    }
}
