//! Observations a second through each engine, beside what a bare Redis does with the same writes in the same run.
//!
//! `./run bench`, or `cargo bench --bench availability -- SECONDS`. Needs `redis-server`; all load stays on loopback and each
//! measurement ends after the given seconds (3 by default).

use std::{
    io::Write,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use yunpark::{
    availability::{Engine, Limits, LotLayout},
    clock::Clock,
    config::Config,
    domain::{
        ids::{LotId, SpaceId},
        lot::CountedBy,
        observation::{Observation, SpaceState, Statement},
    },
};

const LOTS: usize = 100;
const SPACES: usize = 100;
const BATCHES: [usize; 3] = [1, 100, 500];

type Failure = Box<dyn std::error::Error>;

/// A Redis server of our own, ended with the benchmark.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Result<Self, Failure> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { child, url: format!("redis://127.0.0.1:{port}") })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is gone already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Layouts of the city and an endless run of observations over it, each newer than the one before.
struct City {
    lots: Vec<LotId>,
    spaces: Vec<SpaceId>,
    clock: Clock,
    next: u64,
}

impl City {
    fn new() -> Result<Self, Failure> {
        let lots = (0..LOTS).map(|n| LotId::parse(&format!("L{n}"))).collect::<Result<_, _>>()?;
        let spaces = (0..SPACES).map(|n| SpaceId::parse(&format!("S{n}"))).collect::<Result<_, _>>()?;
        Ok(Self { lots, spaces, clock: Clock::System, next: 0 })
    }

    fn layouts(&self) -> Vec<LotLayout> {
        let layout = |lot: &LotId| LotLayout {
            lot: lot.clone(),
            capacity: SPACES as u32,
            counted_by: CountedBy::Spaces,
            mixed: false,
            spaces: self.spaces.iter().cloned().map(yunpark::availability::SpaceLayout::plain).collect(),
            uses: std::collections::BTreeMap::new(),
        };
        self.lots.iter().map(layout).collect()
    }

    fn batch(&mut self, size: usize) -> Vec<Observation> {
        let now = self.clock.now();
        (0..size)
            .map(|_| {
                let n = self.next;
                self.next += 1;
                let round = n / (LOTS * SPACES) as u64;
                Observation {
                    lot: self.lots[n as usize % LOTS].clone(),
                    statement: Statement::Space {
                        space: self.spaces[n as usize / LOTS % SPACES].clone(),
                        state: if round.is_multiple_of(2) { SpaceState::Occupied } else { SpaceState::Free },
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

/// Observations a second that an engine takes in batches of one size.
async fn engine(engine: &Engine, city: &mut City, size: usize, span: Duration) -> Result<f64, Failure> {
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < span {
        engine.apply(&city.batch(size)).await?;
        done += size;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

/// The floor: a function that only writes each field, called the same way: no order, no counts, no stream.
async fn floor(url: &str, city: &mut City, size: usize, span: Duration) -> Result<f64, Failure> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let library = "#!lua name=floor\nredis.register_function('floor', function(keys, args) \
                   for i = 1, #args, 3 do redis.call('HSET', keys[1] .. args[i], args[i + 1], args[i + 2]) end return 1 end)";
    let _: String = redis::cmd("FUNCTION").arg("LOAD").arg("REPLACE").arg(library).query_async(&mut connection).await?;
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < span {
        let mut call = redis::cmd("FCALL");
        call.arg("floor").arg(1).arg("floor:");
        for observation in city.batch(size) {
            if let Statement::Space { space, state } = &observation.statement {
                call.arg(observation.lot.as_str()).arg(space.as_str()).arg(format!("{state:?}"));
            }
        }
        let _: i64 = call.query_async(&mut connection).await?;
        done += size;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

async fn measure(span: Duration) -> Result<(), Failure> {
    let server = Server::start()?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut config = Config::load(None)?.availability;
    config.redis_url = server.url.as_str().into();
    let folder = tempfile::tempdir()?;
    let limits = Limits::of(&config);
    let engines = [
        ("Redis engine", Engine::redis(&config).await?),
        ("in process, journal", Engine::memory(Some(folder.path().join("journal")), limits)?),
        ("in process, no journal", Engine::memory(None, limits)?),
    ];
    let mut out = std::io::stdout();
    writeln!(out, "observations/s, {LOTS} lots x {SPACES} spaces, one caller, {} s each", span.as_secs())?;
    write!(out, "{:<28}", "batch of")?;
    for size in BATCHES {
        write!(out, "{size:>12}")?;
    }
    writeln!(out)?;
    let mut row = |name: &str, rates: Vec<f64>| -> std::io::Result<()> {
        write!(out, "{name:<28}")?;
        for rate in rates {
            write!(out, "{rate:>12.0}")?;
        }
        writeln!(out)
    };
    let mut rates = Vec::new();
    for size in BATCHES {
        rates.push(floor(&server.url, &mut City::new()?, size, span).await?);
    }
    row("bare FCALL + HSET (floor)", rates)?;
    for (name, under_test) in &engines {
        let mut city = City::new()?;
        under_test.configure(&city.layouts(), city.clock.now()).await?;
        let mut rates = Vec::new();
        for size in BATCHES {
            rates.push(engine(under_test, &mut city, size, span).await?);
        }
        row(name, rates)?;
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(3);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(measure(Duration::from_secs(u64::clamp(seconds, 1, 60))))
}
