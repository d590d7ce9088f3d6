//! What the live door is compared with: a bare axum broadcast, and a Node server that forwards each change; each a process of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{
        State,
        ws::{Message, Utf8Bytes, WebSocketUpgrade},
    },
    routing::get,
};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::rig::{Failure, Server, free_port};

/// Says to a process of this program that it is the bare broadcast: port, milliseconds, file of messages.
const BARE: &str = "YUNPARK_BENCH_BARE";

/// What this process is told to broadcast, if it is not the benchmark itself.
pub fn told() -> Option<String> {
    std::env::var(BARE).ok()
}

/// Broadcasts what it was told until it is killed.
pub async fn broadcast(told: &str) -> Result<(), Failure> {
    let mut words = told.splitn(3, ' ');
    let mut next = || words.next().ok_or("a word is missing");
    let (port, tick_ms, file) = (next()?.parse()?, next()?.parse()?, next()?);
    let texts: Vec<String> = serde_json::from_str(&fs::read_to_string(file)?)?;
    broadcast_all(port, Duration::from_millis(tick_ms), texts).await
}

/// As plain as axum makes it: one message for all, again and again.
async fn broadcast_all(port: u16, tick: Duration, texts: Vec<String>) -> Result<(), Failure> {
    let (sender, _) = broadcast::channel::<Utf8Bytes>(16);
    let door = |State(sender): State<broadcast::Sender<Utf8Bytes>>, upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(move |mut socket| async move {
            let mut texts = sender.subscribe();
            while let Ok(text) = texts.recv().await {
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
        })
    };
    let routes = Router::new().route("/api/v1/live", get(door)).with_state(sender.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let texts: Vec<Utf8Bytes> = texts.into_iter().map(Utf8Bytes::from).collect();
    let serve = async move { axum::serve(listener, routes).await };
    let tell = async move {
        let mut ticks = tokio::time::interval(tick);
        for text in texts.iter().cycle() {
            ticks.tick().await;
            // Nobody may be there yet.
            let _ = sender.send(text.clone());
        }
    };
    tokio::select! {
        served = serve => Ok(served?),
        () = tell => Err("nothing to tell".into()),
    }
}

/// The bare broadcast of these messages, one each tick.
pub fn bare(texts: &[String], tick: Duration) -> Result<Server, Failure> {
    let (folder, port) = (tempfile::tempdir()?, free_port()?);
    let file = folder.path().join("texts.json");
    fs::write(&file, serde_json::to_vec(texts)?)?;
    let told = format!("{port} {} {}", tick.as_millis(), file.display());
    Server::start(Command::new(std::env::current_exe()?).env(BARE, told), port, Some(folder))
}

/// A Node `ws` server that sends each line it is given to all its clients.
pub struct Forwarder {
    child: Child,
    pub port: u16,
}

impl Forwarder {
    pub fn start() -> Result<Self, Failure> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/live");
        let mut child = Command::new("node")
            .arg(folder.join("forward.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { child, port: line.trim().parse().map_err(|_| "Node does not start: npm --prefix benches/live ci")? })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Gives it the changes of these messages one by one, so many a second, for a while.
    pub async fn tell(&mut self, texts: &[String], a_second: u32, span: Duration) -> Result<(), Failure> {
        let mut lots = Vec::new();
        for text in texts {
            let message: Value = serde_json::from_str(text)?;
            let cursor = &message["cursor"];
            for lot in message["lots"].as_array().into_iter().flatten() {
                lots.push(serde_json::json!({"type": "changes", "cursor": cursor, "lots": [lot]}).to_string());
            }
        }
        let (start, mut sent, mut lots) = (Instant::now(), 0_u32, lots.iter().cycle());
        while start.elapsed() < span {
            while start.elapsed() < span && f64::from(sent) < start.elapsed().as_secs_f64() * f64::from(a_second) {
                let pipe = self.child.stdin.as_mut().ok_or("no input")?;
                writeln!(pipe, "{}", lots.next().ok_or("no changes were heard")?)?;
                sent += 1;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        // A process that is gone already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
