//! The engine in Redis beside a bare client that sends the very bytes the engine sends, prepared before the clock starts.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use yunpark::{availability::Engine, config::Config};

use crate::rig::{Failure, Order, Server, Town, judge, line, median, rate, ratio};

const BATCH: usize = 100;
const DEPTH: usize = 64;
const ROUNDS: usize = 7;

/// Bytes on their way to a server, noted by a relay.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<u8>>>);

impl Noted {
    fn note(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Passes connections on to a port and notes what goes there, as long as its tasks are kept; its own port.
async fn relay(to: u16, noted: Noted, tasks: &mut JoinSet<()>) -> Result<u16, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let noted = noted.clone();
            connections.spawn(async move {
                let Ok(mut far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                let (mut out, mut back) = (vec![0; 65536], vec![0; 65536]);
                loop {
                    let passed = tokio::select! {
                        read = near.read(&mut out) => match read {
                            Ok(0) | Err(_) => return,
                            Ok(n) => {
                                noted.note(&out[..n]);
                                far.write_all(&out[..n]).await
                            }
                        },
                        read = far.read(&mut back) => match read {
                            Ok(0) | Err(_) => return,
                            Ok(n) => near.write_all(&back[..n]).await,
                        },
                    };
                    if passed.is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(port)
}

async fn engine(port: u16, prefix: &str, town: &Town) -> Result<Engine, Failure> {
    let mut config = Config::load(None)?.availability;
    config.redis_url = format!("redis://127.0.0.1:{port}/0").as_str().into();
    prefix.clone_into(&mut config.key_prefix);
    // One call a batch, for both sides.
    config.partitions = 1;
    let engine = Engine::redis(&config).await?;
    engine.configure(&town.layouts, town.clock.now()).await?;
    Ok(engine)
}

/// The commands an engine sends for batches of one size.
async fn noted_commands(
    engine: &Engine,
    noted: &Noted,
    town: &mut Town,
    size: usize,
    count: usize,
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut commands = Vec::with_capacity(count);
    for _ in 0..count {
        let batch = town.batch(size);
        noted.take();
        engine.apply(&batch).await?;
        let mut calls = calls(&noted.take())?;
        match (calls.pop(), calls.is_empty()) {
            (Some(call), true) => commands.push(call),
            _ => return Err("the relay noted another number of calls than one".into()),
        }
    }
    Ok(commands)
}

/// The function calls among noted commands; what else an engine asks, such as whether the server lives, is passed over.
fn calls(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    fn head<'a>(bytes: &mut &'a [u8]) -> Option<(&'a [u8], usize)> {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        let line = &bytes[..end];
        *bytes = &bytes[end + 2..];
        Some((line, std::str::from_utf8(line.get(1..)?).ok()?.parse().ok()?))
    }
    let mut calls = Vec::new();
    while !bytes.is_empty() {
        let (whole, mut is_call) = (bytes, false);
        let (_, arguments) = head(&mut bytes).ok_or("no command")?;
        for place in 0..arguments {
            let (_, length) = head(&mut bytes).ok_or("no argument")?;
            is_call |= place == 0 && bytes.starts_with(b"FCALL\r\n");
            bytes = bytes.get(length + 2..).ok_or("a command that is cut")?;
        }
        if is_call {
            calls.push(whole[..whole.len() - bytes.len()].to_vec());
        }
    }
    Ok(calls)
}

/// A client that knows nothing but bytes, and counts answers.
struct Bare {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Bare {
    async fn connect(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(65536) })
    }

    /// Sends each command when fewer than `depth` wait for their answers.
    async fn send(&mut self, commands: &[Vec<u8>], depth: usize) -> Result<(), Failure> {
        let (mut sent, mut answered) = (0, 0);
        let mut out = Vec::new();
        while answered < commands.len() {
            out.clear();
            // Half the depth at once, as a pipelining client does.
            if sent - answered <= depth / 2 {
                while sent < commands.len() && sent - answered < depth {
                    out.extend_from_slice(&commands[sent]);
                    sent += 1;
                }
            }
            self.stream.write_all(&out).await?;
            answered += self.answers().await?;
        }
        Ok(())
    }

    /// Waits for bytes and takes the answers that are whole: each is one text with its length.
    async fn answers(&mut self) -> Result<usize, Failure> {
        if self.stream.read_buf(&mut self.read).await? == 0 {
            return Err("Redis closed the connection".into());
        }
        let (mut place, mut count) = (0, 0);
        while let Some(end) = self.read[place..].windows(2).position(|two| two == b"\r\n") {
            let head = &self.read[place..place + end];
            let after = place + end + 2;
            let length = match head.first() {
                Some(b'$') => std::str::from_utf8(&head[1..])?.parse::<usize>()? + 2,
                Some(b'+' | b':') => 0,
                _ => return Err(String::from_utf8_lossy(head).into_owned().into()),
            };
            if self.read.len() < after + length {
                break;
            }
            place = after + length;
            count += 1;
        }
        self.read.drain(..place);
        Ok(count)
    }
}

/// The rates of one order of turning over: the engine, the bare client in batches, the bare client one by one.
struct Rates {
    engine: Vec<f64>,
    bare: Vec<f64>,
    single: Vec<f64>,
}

async fn rates(order: Order, seconds: u64) -> Result<Rates, Failure> {
    let calls = 40 * seconds as usize;
    let (server, scratch) = (Server::redis()?, Server::redis()?);
    let (mut ours, mut theirs) = (Town::new(100, 100, order)?, Town::new(100, 100, order)?);
    let (noted, mut tasks) = (Noted::default(), JoinSet::new());
    let recording = engine(relay(scratch.port, noted.clone(), &mut tasks).await?, "bare", &theirs).await?;
    // The measured server must know the same city under the same names.
    engine(server.port, "bare", &theirs).await?;
    let under_test = engine(server.port, "engine", &ours).await?;
    let mut bare = Bare::connect(server.port).await?;
    let mut rates = Rates { engine: Vec::new(), bare: Vec::new(), single: Vec::new() };
    for _ in 0..ROUNDS {
        let batches: Vec<_> = (0..calls).map(|_| ours.batch(BATCH)).collect();
        let commands = noted_commands(&recording, &noted, &mut theirs, BATCH, calls).await?;
        let singles = noted_commands(&recording, &noted, &mut theirs, 1, calls * 20).await?;
        let start = Instant::now();
        for batch in &batches {
            under_test.apply(batch).await?;
        }
        rates.engine.push(rate(calls * BATCH, start));
        let start = Instant::now();
        bare.send(&commands, 1).await?;
        rates.bare.push(rate(calls * BATCH, start));
        let start = Instant::now();
        bare.send(&singles, DEPTH).await?;
        rates.single.push(rate(singles.len(), start));
    }
    Ok(rates)
}

pub async fn measure(seconds: u64) -> Result<bool, Failure> {
    line("Redis engine, 100 lots x 100 spaces, observations/s (medians of alternating rounds)")?;
    line(&format!(
        "  {:<34}{:>10}{:>12}{:>20}",
        "which bay is next",
        "engine",
        "bare calls",
        format!("single, {DEPTH} deep")
    ))?;
    let mut holds = true;
    for (order, name) in [
        (Order::Any, "any of the city"),
        (Order::ByLot, "bay by bay through a lot"),
        (Order::Scattered, "always in another lot"),
    ] {
        let Rates { engine, bare, single } = rates(order, seconds).await?;
        line(&format!(
            "  {name:<34}{:>10.0}{:>12.0}{:>20.0}",
            median(engine.clone()),
            median(bare.clone()),
            median(single.clone())
        ))?;
        holds &= judge("the engine to a bare client with the same calls", ratio(&engine, &bare), 0.8)?;
        let (what, gain) = ("batches of 100 to one call an observation, 64 deep", ratio(&bare, &single));
        if order == Order::ByLot {
            holds &= judge(what, gain, 1.8)?;
        } else {
            // Such a batch shares little but the call; told, not judged.
            line(&format!("     {what:<68} {gain:>6.2}"))?;
        }
    }
    Ok(holds)
}
