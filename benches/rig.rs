//! What the benchmarks share: servers of their own, a city, medians, and lines that say whether a limit holds.

#![allow(dead_code, clippy::allow_attributes, reason = "each benchmark uses its part")]

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    io::Write,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yunpark::{
    availability::LotLayout,
    clock::Clock,
    domain::{
        city,
        ids::{LotId, SpaceId},
        observation::{Observation, SpaceState, Statement},
        time::rfc3339,
    },
};
use yunpark_simulator::load::Script;

pub type Failure = Box<dyn std::error::Error>;

/// A server on loopback, ended with the benchmark.
pub struct Server {
    child: Child,
    pub port: u16,
    _folder: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts a command and waits until its port answers.
    pub fn start(command: &mut Command, port: u16, folder: Option<tempfile::TempDir>) -> Result<Self, Failure> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { child, port, _folder: folder };
        for _ in 0..400 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        Err("a server does not start".into())
    }

    /// A Redis that keeps nothing on disk.
    pub fn redis() -> Result<Self, Failure> {
        let port = free_port()?;
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        Self::start(&mut command, port, None)
    }

    /// A Mosquitto whose queues hold whatever is published.
    pub fn mosquitto() -> Result<Self, Failure> {
        let (port, folder) = (free_port()?, tempfile::tempdir()?);
        let file = folder.path().join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 20000\n\
             set_tcp_nodelay true\nlog_type none\n"
        );
        std::fs::write(&file, text)?;
        let here = PathBuf::from("/usr/sbin/mosquitto");
        let program = if here.exists() { here } else { PathBuf::from("mosquitto") };
        Self::start(Command::new(program).arg("-c").arg(file), port, Some(folder))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is gone already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// How the bays that turn over follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As it falls: any bay of the city may be next, as when each sensor speaks for itself.
    Any,
    /// Bay by bay through one lot, then the next lot, as when a lot's controller speaks for all its bays.
    ByLot,
    /// Each in another lot than the one before, through all lots: the worst that can happen to a batch.
    Scattered,
}

/// Lots of one size and an endless run of observations over them: every message turns a bay over.
pub struct Town {
    pub file: String,
    lots: Vec<(LotId, Vec<SpaceId>)>,
    pub layouts: Vec<LotLayout>,
    pub clock: Clock,
    /// Bays of each lot.
    bays: usize,
    /// All bays of all lots, in the order in which they turn over.
    walk: Vec<u32>,
    next: u64,
}

impl Town {
    pub fn new(lots: u32, spaces: u32, order: Order) -> Result<Self, Failure> {
        let file = Script::new(lots, spaces, 0, 0.0, false, 1).city();
        let city = city::read(&file, &|_| true).map_err(|faults| format!("{faults:?}"))?;
        let layouts = city.lots.values().map(LotLayout::of).collect();
        let named = city.lots.values();
        let named = named.map(|lot| (lot.id.clone(), lot.spaces.iter().map(|space| space.id.clone()).collect()));
        let mut walk: Vec<u32> = (0..lots * spaces).collect();
        match order {
            Order::Any => walk.sort_by_cached_key(|bay| BuildHasherDefault::<DefaultHasher>::default().hash_one(bay)),
            Order::ByLot => {}
            Order::Scattered => walk.sort_by_key(|bay| bay % spaces),
        }
        let bays = spaces as usize;
        Ok(Self { file, lots: named.collect(), layouts, clock: Clock::System, bays, walk, next: 0 })
    }

    pub fn spaces(&self) -> u64 {
        self.walk.len() as u64
    }

    /// The next observation: lot, space, whether taken, sequence number.
    pub fn turn(&mut self) -> (&LotId, &SpaceId, bool, u64) {
        let bay = self.walk[(self.next % self.spaces()) as usize];
        self.next += 1;
        let (lot, spaces) = &self.lots[bay as usize / self.bays];
        let space = bay as usize % self.bays;
        (lot, &spaces[space], ((self.next - 1) / self.spaces()).is_multiple_of(2), self.next)
    }

    pub fn batch(&mut self, size: usize) -> Vec<Observation> {
        let now = self.clock.now();
        (0..size)
            .map(|_| {
                let (lot, space, taken, round) = self.turn();
                Observation {
                    lot: lot.clone(),
                    statement: Statement::Space {
                        space: space.clone(),
                        state: if taken { SpaceState::Occupied } else { SpaceState::Free },
                    },
                    observed_at: now,
                    received_at: now,
                    session: None,
                    seq: Some(round),
                }
            })
            .collect()
    }
}

/// Messages published and not yet acknowledged while a backlog is made.
const WINDOW: usize = 1_000;

/// Publishes `count` messages at QoS 1 over one socket and waits for every acknowledgement.
pub async fn publish(port: u16, town: &mut Town, count: usize) -> Result<(), Failure> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
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

/// How many a second.
pub fn rate(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

/// The middle one; rounds that another program disturbed do not count.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    if values.is_empty() { 0.0 } else { values[values.len() / 2] }
}

/// The middle of the ratios of two series that were measured in turn.
pub fn ratio(ours: &[f64], limit: &[f64]) -> f64 {
    median(ours.iter().zip(limit).map(|(ours, limit)| ours / limit).collect())
}

pub fn line(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// A ratio beside the least it may be; whether it holds.
pub fn judge(what: &str, ratio: f64, least: f64) -> Result<bool, Failure> {
    let holds = ratio >= least;
    line(&format!("{} {what:<68} {ratio:>6.2}  (at least {least:.2})", if holds { "pass" } else { "FAIL" }))?;
    Ok(holds)
}

/// The seconds asked for on the command line.
pub fn seconds(default: u64) -> u64 {
    std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(default).clamp(1, 60)
}

/// Resident memory of a process, megabytes.
pub fn resident_mb(process: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
}

/// Processor time of all threads of a process so far, seconds.
pub fn processor_s(process: u32) -> Result<f64, Failure> {
    let mut spent_ns = 0.0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread that has just ended is not there to be read.
        let spent = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        spent_ns += spent.split(' ').next().and_then(|spent| spent.parse::<f64>().ok()).unwrap_or(0.0);
    }
    Ok(spent_ns / 1e9)
}
