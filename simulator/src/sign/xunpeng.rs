//! An emulated Xunpeng display behind a serial server: it answers each number with itself.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;
use yunpark_signs::xunpeng::{Digits, FRAME};

use super::{faults::Faults, line};

/// An emulated display.
#[derive(Debug, Clone, Copy)]
pub struct XunpengSign {
    /// Where its serial server listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The watchdog in its supply, which the protocol itself lacks: dark after so long without a word.
    pub watchdog: Option<Duration>,
}

/// A running display: what it shows, and its faults.
#[derive(Debug, Clone)]
pub struct XunpengHandle {
    address: SocketAddr,
    watchdog: Option<Duration>,
    shown: Arc<Mutex<Option<(Digits, Instant)>>>,
    /// The ways it goes wrong.
    pub faults: Faults,
}

impl XunpengHandle {
    /// Where its serial server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number it shows; `None` when dark.
    pub fn shown(&self) -> Option<Digits> {
        let shown = *self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.filter(|(_, at)| self.watchdog.is_none_or(|longest| at.elapsed() < longest)).map(|(digits, _)| digits)
    }

    /// Switches it off and on, and lets it take its time to start.
    pub fn reboot(&self, takes: Duration) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.faults.silence(takes);
    }

    fn take(&self, digits: Digits) -> Digits {
        let switches = self.faults.get();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if switches.local {
            return shown.map_or(Digits { count: 0, ..digits }, |(digits, _)| digits);
        }
        if !switches.lies {
            *shown = Some((digits, Instant::now()));
        }
        // A neighbour on the line answers with its own number.
        if switches.foreign { Digits { count: digits.count ^ 1, ..digits } } else { digits }
    }
}

/// Starts a display that runs until `stop`.
pub async fn run_xunpeng(sign: XunpengSign, stop: CancellationToken) -> anyhow::Result<XunpengHandle> {
    let handle = XunpengHandle {
        address: sign.listen,
        watchdog: sign.watchdog,
        shown: Arc::default(),
        faults: Faults::default(),
    };
    let display = handle.clone();
    let address = line::serve(sign.listen, stop, move |stream| talk(stream, display.clone())).await?;
    Ok(XunpengHandle { address, ..handle })
}

async fn talk(mut stream: TcpStream, display: XunpengHandle) -> std::io::Result<()> {
    let mut frame = [0; FRAME];
    while stream.read_exact(&mut frame).await.is_ok() {
        let Ok(digits) = Digits::decode(&frame) else { continue };
        if !display.faults.answers().await {
            continue;
        }
        let mut answer = display.take(digits).answer();
        if display.faults.get().wrong_crc {
            answer[5] ^= 0xFF;
        }
        stream.write_all(&answer).await?;
    }
    Ok(())
}
