//! Clients of a live door, as many as wanted: each reads what comes and counts it.

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};
use yunpark::{clock::Clock, domain::time::parse_rfc3339, live};

use crate::rig::Failure;

/// Connections that are opened at once.
const AT_ONCE: usize = 50;
/// One client in so many reads what it is told, for its age.
const SAMPLE: usize = 50;
/// Longest message that is inflated, bytes.
const LONGEST: usize = 256 * 1024;
/// How much a stuck client's kernel takes for it, bytes.
const STUCK_BUFFER: u32 = 4096;

thread_local! {
    /// What was read last on this thread; no client keeps any of it.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
}

/// What a crowd heard.
#[derive(Debug, Default)]
pub struct Heard {
    pub messages: u64,
    pub bytes: u64,
    /// Lots in the changes that the first client was told.
    pub lots_of_one: u64,
    /// The changes the first client was told, as they came.
    pub texts: Vec<String>,
    /// Ages of changes when they came to the clients that read them, milliseconds, in order.
    ages_ms: Vec<f64>,
}

impl Heard {
    /// The age that so many of all changes did not exceed.
    pub fn at(&self, share: f64) -> f64 {
        let at = (self.ages_ms.len() as f64 * share) as usize;
        self.ages_ms.get(at.min(self.ages_ms.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }
}

#[derive(Debug, Default)]
struct Ears {
    messages: AtomicU64,
    bytes: AtomicU64,
    read: Mutex<Heard>,
}

/// Clients that read, until they leave.
pub struct Crowd {
    ears: Arc<Ears>,
    clients: JoinSet<()>,
}

/// How a client comes.
#[derive(Debug, Clone, Copy, Default)]
struct Manner {
    /// How much its kernel takes for it, bytes, if not what is usual.
    receive_buffer: Option<u32>,
    /// Whether it offers to inflate messages, as every browser does.
    inflates: bool,
}

async fn open(port: u16, manner: Manner) -> Result<TcpStream, Failure> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = manner.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await?;
    let offer = if manner.inflates { "Sec-WebSocket-Extensions: permessage-deflate\r\n" } else { "" };
    let ask = format!(
        "GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
    );
    stream.write_all(ask.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if head.starts_with(b"HTTP/1.1 101") { Ok(stream) } else { Err("the door does not open".into()) }
}

async fn open_all(port: u16, count: usize, manner: Manner) -> Result<Vec<TcpStream>, Failure> {
    let mut streams = Vec::with_capacity(count);
    while streams.len() < count {
        let wave: JoinSet<_> = (0..AT_ONCE.min(count - streams.len()))
            .map(|_| async move { open(port, manner).await.map_err(|error| error.to_string()) })
            .collect();
        for opened in wave.join_all().await {
            streams.push(opened?);
        }
    }
    Ok(streams)
}

impl Crowd {
    /// So many clients that read everything, as it is.
    pub async fn join(port: u16, count: usize) -> Result<Self, Failure> {
        Self::come(port, count, Manner::default()).await
    }

    /// So many clients that read everything deflated.
    pub async fn join_deflated(port: u16, count: usize) -> Result<Self, Failure> {
        Self::come(port, count, Manner { inflates: true, ..Manner::default() }).await
    }

    async fn come(port: u16, count: usize, manner: Manner) -> Result<Self, Failure> {
        let ears = Arc::new(Ears::default());
        let mut clients = JoinSet::new();
        let mut at = 0;
        while at < count {
            // Whoever is in begins to read at once.
            for stream in open_all(port, AT_ONCE.min(count - at), manner).await? {
                let mut client =
                    Client { ears: ears.clone(), at, head: Vec::new(), rest: 0, deflated: false, text: None };
                at += 1;
                clients.spawn(async move { client.read(stream).await });
            }
        }
        Ok(Self { ears, clients })
    }

    /// So many clients that take nothing.
    pub async fn ignore(port: u16, count: usize) -> Result<Vec<TcpStream>, Failure> {
        open_all(port, count, Manner { receive_buffer: Some(STUCK_BUFFER), ..Manner::default() }).await
    }

    /// Begins to count anew.
    pub fn forget(&self) {
        self.ears.messages.store(0, Relaxed);
        self.ears.bytes.store(0, Relaxed);
        *self.ears.read.lock().unwrap_or_else(PoisonError::into_inner) = Heard::default();
    }

    /// What was heard; the clients are gone after it.
    pub async fn leave(mut self) -> Heard {
        let mut heard = std::mem::take(&mut *self.ears.read.lock().unwrap_or_else(PoisonError::into_inner));
        (heard.messages, heard.bytes) = (self.ears.messages.load(Relaxed), self.ears.bytes.load(Relaxed));
        heard.ages_ms.sort_by(f64::total_cmp);
        self.clients.shutdown().await;
        // Their sockets' other ends go too before anything else is measured.
        tokio::time::sleep(Duration::from_millis(500)).await;
        heard
    }
}

struct Client {
    ears: Arc<Ears>,
    at: usize,
    /// Of a frame's head, what has come.
    head: Vec<u8>,
    /// Of a frame's payload, what has not come, bytes.
    rest: usize,
    /// Whether that frame is deflated.
    deflated: bool,
    /// The payload so far, for a client that reads it.
    text: Option<Vec<u8>>,
}

impl Client {
    async fn read(&mut self, stream: TcpStream) {
        while stream.readable().await.is_ok() {
            let read = BUFFER.with_borrow_mut(|buffer| match stream.try_read(buffer) {
                Ok(0) => false,
                Ok(count) => {
                    self.take(&buffer[..count]);
                    true
                }
                Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            });
            if !read {
                return;
            }
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        self.ears.bytes.fetch_add(bytes.len() as u64, Relaxed);
        while let Some((&first, others)) = bytes.split_first() {
            if self.rest == 0 {
                self.head.push(first);
                bytes = others;
                let length = self.head.get(1).map_or(2, |short| match short {
                    126 => 4,
                    127 => 10,
                    _ => 2,
                });
                if self.head.len() == length {
                    let wide = self.head[2..].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                    self.rest = if length == 2 { usize::from(self.head[1]) } else { wide };
                    self.deflated = self.head[0] & 0x40 != 0;
                    self.text = self.at.is_multiple_of(SAMPLE).then(Vec::new);
                    self.head.clear();
                }
                continue;
            }
            let (here, others) = bytes.split_at(self.rest.min(bytes.len()));
            if let Some(text) = &mut self.text {
                text.extend_from_slice(here);
            }
            self.rest -= here.len();
            bytes = others;
            if self.rest == 0 {
                self.ears.messages.fetch_add(1, Relaxed);
                self.understand();
            }
        }
    }

    fn understand(&mut self) {
        let Some(mut text) = self.text.take() else { return };
        if self.deflated {
            text = live::inflate(&text, LONGEST).unwrap_or_default();
        }
        let Ok(message) = serde_json::from_slice::<Value>(&text) else { return };
        if message["type"] != "changes" {
            return;
        }
        let (now, lots) = (Clock::System.now(), message["lots"].as_array().map_or(&[][..], Vec::as_slice));
        let ages = lots.iter().filter_map(|lot| parse_rfc3339(lot["observed_at"].as_str()?).ok());
        let ages = ages.map(|at| (now - at).num_microseconds().unwrap_or(i64::MAX) as f64 / 1e3);
        let mut heard = self.ears.read.lock().unwrap_or_else(PoisonError::into_inner);
        heard.ages_ms.extend(ages);
        if self.at == 0 {
            heard.lots_of_one += lots.len() as u64;
            heard.texts.push(String::from_utf8_lossy(&text).into_owned());
        }
    }
}
