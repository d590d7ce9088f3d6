//! 100,000 spaces: memory in Redis and in a node's process, and how long a node takes from its start to ready.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use yunpark::{availability::Engine, config::Config};

use crate::rig::{Failure, Order, Server, Town, free_port, line, resident_mb};

const LOTS: u32 = 1_000;
const SPACES: u32 = 100;
const BATCH: usize = 500;
/// Longer no start may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A node, ended with the benchmark.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        // A node that is gone already needs no killing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Bytes that Redis uses.
async fn used(port: u16) -> Result<u64, Failure> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let info: String = redis::cmd("INFO").arg("memory").query_async(&mut connection).await?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).ok_or("no used_memory")?;
    Ok(line.trim().parse()?)
}

async fn in_redis(town: &mut Town) -> Result<(), Failure> {
    let server = Server::redis()?;
    let mut config = Config::load(None)?.availability;
    config.redis_url = format!("redis://127.0.0.1:{}/0", server.port).as_str().into();
    let engine = Engine::redis(&config).await?;
    let before = used(server.port).await?;
    engine.configure(&town.layouts, town.clock.now()).await?;
    let declared = used(server.port).await?;
    for _ in 0..(LOTS * SPACES) as usize / BATCH {
        engine.apply(&town.batch(BATCH)).await?;
    }
    let spoken = used(server.port).await?;
    let mb = |bytes: u64| bytes.saturating_sub(before) as f64 / 1_048_576.0;
    line("")?;
    line("100,000 spaces in 1,000 lots")?;
    line(&format!("  Redis, city declared           {:>9.1} MB", mb(declared)))?;
    line(&format!(
        "  Redis, every space has spoken  {:>9.1} MB ({:.2} MB per 10,000 spaces; the streams of changes included)",
        mb(spoken),
        mb(spoken) / 10.0
    ))
}

/// Runs a command of the program to its end.
fn run(arguments: &[&str]) -> Result<(), Failure> {
    let done = Command::new(env!("CARGO_BIN_EXE_yunpark")).args(arguments).output()?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned().into()) }
}

/// Starts a node and waits until it is ready: the node and the milliseconds.
fn start(config: &str, http: u16) -> Result<(Node, f64), Failure> {
    let began = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_yunpark"));
    command.args(["serve", "--config", config]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut node = Node(command.spawn()?);
    while began.elapsed() < PATIENCE {
        let asked = Command::new("curl")
            .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "2"])
            .arg(format!("http://127.0.0.1:{http}/readyz"))
            .output()?;
        if asked.stdout == b"200" {
            return Ok((node, began.elapsed().as_secs_f64() * 1000.0));
        }
        if let Some(status) = node.0.try_wait()? {
            return Err(format!("the node ended with {status}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err("the node does not become ready".into())
}

/// A node with this city: first start, restart, memory.
fn node(name: &str, redis: &str, town: &Town) -> Result<(), Failure> {
    let (folder, http, mqtt) = (tempfile::tempdir()?, free_port()?, free_port()?);
    let here = folder.path().display();
    let text = format!(
        "[http]\nlisten = \"127.0.0.1:{http}\"\n[mqtt]\nembedded_listen = \"127.0.0.1:{mqtt}\"\n\
         [store]\nurl = \"sqlite://{here}/yunpark.db\"\nevidence_dir = \"{here}/evidence\"\n\
         [availability]\nredis_url = \"{redis}\"\njournal = \"{here}/journal\"\n"
    );
    let (config, city) = (folder.path().join("yunpark.toml"), folder.path().join("city.geojson"));
    std::fs::write(&config, text)?;
    std::fs::write(&city, &town.file)?;
    let (config, city) = (config.to_string_lossy(), city.to_string_lossy());
    run(&["import", "--config", &config, &city])?;
    let (first, first_ms) = start(&config, http)?;
    drop(first);
    let (again, again_ms) = start(&config, http)?;
    let memory = resident_mb(again.0.id())?;
    line(&format!(
        "  node, {name:<24} first start {first_ms:>6.0} ms, restart after a crash {again_ms:>6.0} ms, {memory:>5.0} MB resident"
    ))
}

pub async fn measure() -> Result<(), Failure> {
    let mut town = Town::new(LOTS, SPACES, Order::Any)?;
    in_redis(&mut town).await?;
    node("in-process engine", "", &town)?;
    let server = Server::redis()?;
    node("Redis engine", &format!("redis://127.0.0.1:{}/0", server.port), &town)
}
