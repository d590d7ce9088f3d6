//! An emulated Onbon font card: dynamic areas in RAM, each of which goes dark at its own timeout.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;
use yunpark_signs::onbon::{self, Area, Frames, Message, RUN_UNTIL_TIMEOUT};

use super::{faults::Faults, line};

/// A running card: what it shows, and its faults.
#[derive(Debug, Clone)]
pub struct OnbonHandle {
    address: SocketAddr,
    areas: Areas,
    /// The ways it goes wrong.
    pub faults: Faults,
}

type Areas = Arc<Mutex<BTreeMap<u8, (Area, Instant)>>>;

fn lock(areas: &Areas) -> MutexGuard<'_, BTreeMap<u8, (Area, Instant)>> {
    areas.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OnbonHandle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines of each area that is lit, by the area's number.
    pub fn shown(&self) -> Vec<Vec<String>> {
        let now = Instant::now();
        let areas = lock(&self.areas);
        let lit = areas.values().filter(|(area, until)| area.run_mode != RUN_UNTIL_TIMEOUT || now < *until);
        lit.map(|(area, _)| onbon::lines(&area.text))
            .filter(|lines| lines.iter().any(|line| !line.trim().is_empty()))
            .collect()
    }

    /// Switches it off and on: RAM forgets.
    pub fn restart(&self) {
        lock(&self.areas).clear();
    }

    /// Switches it off and on, and lets it take its time to start.
    pub fn reboot(&self, takes: Duration) {
        self.restart();
        self.faults.silence(takes);
    }
}

/// Starts a card that runs until `stop`.
pub async fn run_onbon(listen: SocketAddr, stop: CancellationToken) -> anyhow::Result<OnbonHandle> {
    let (areas, faults) = (Areas::default(), Faults::default());
    let (kept, switches) = (areas.clone(), faults.clone());
    let address = line::serve(listen, stop, move |stream| talk(stream, kept.clone(), switches.clone())).await?;
    Ok(OnbonHandle { address, areas, faults })
}

async fn talk(mut stream: TcpStream, areas: Areas, faults: Faults) -> std::io::Result<()> {
    let (mut frames, mut part) = (Frames::default(), [0; 2048]);
    loop {
        let count = stream.read(&mut part).await?;
        if count == 0 {
            return Ok(());
        }
        frames.push(&part[..count]);
        while let Some(frame) = frames.next_frame() {
            if !faults.answers().await {
                continue;
            }
            let taken = take(&areas, &frame, &faults);
            // The answer to another's question, as where two sides share one card.
            let mut answer = if faults.get().foreign { onbon::ping() } else { onbon::answer(taken) };
            if faults.get().wrong_crc {
                // The octet before the last is the CRC's; whatever it is, it is another one then.
                let at = answer.len() - 2;
                answer[at] = if answer[at] == 1 { 3 } else { 1 };
            }
            stream.write_all(&answer).await?;
        }
    }
}

/// Does what a frame says; the error code with which it is refused.
fn take(areas: &Areas, frame: &[u8], faults: &Faults) -> Option<u8> {
    const BAD_FRAME: u8 = 1;
    const NOT_NOW: u8 = 4;
    let Ok(payload) = onbon::open(frame) else { return Some(BAD_FRAME) };
    match onbon::read(&payload) {
        Err(_) => Some(BAD_FRAME),
        Ok(_) if faults.get().local => Some(NOT_NOW),
        Ok(Message::Update { remove, areas: written }) => {
            if !faults.get().lies {
                let now = Instant::now();
                let mut areas = lock(areas);
                areas.retain(|id, _| !remove.contains(id));
                for area in written {
                    let until = now + Duration::from_secs(area.timeout_s.into());
                    areas.insert(area.id, (area, until));
                }
            }
            None
        }
        Ok(_) => None,
    }
}
