//! A way to the broker that can swallow: it acknowledges a publish to its publisher and never hands it on. No part of the system
//! can notice that; the rehearsal must.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    runtime::Handle,
    sync::Mutex,
};

/// The way.
pub struct Swallow {
    /// Where it is entered.
    pub port: u16,
    due: Arc<AtomicUsize>,
}

impl Swallow {
    /// One to a broker's port; it swallows nothing yet.
    pub fn before(on: &Handle, to: u16) -> Self {
        let due = Arc::new(AtomicUsize::new(0));
        let listener = on.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tasks, counted) = (on.clone(), due.clone());
        on.spawn(async move {
            while let Ok((comer, _)) = listener.accept().await {
                tasks.spawn(carry(comer, to, counted.clone()));
            }
        });
        Self { port, due }
    }

    /// Swallows the next so many passages at gates.
    pub fn swallow(&self, passages: usize) {
        self.due.fetch_add(passages, Ordering::SeqCst);
    }
}

async fn carry(comer: TcpStream, to: u16, due: Arc<AtomicUsize>) -> Option<()> {
    let goal = TcpStream::connect(("127.0.0.1", to)).await.ok()?;
    let _ = (comer.set_nodelay(true), goal.set_nodelay(true));
    let ((mut from_comer, to_comer), (mut from_goal, mut to_goal)) = (comer.into_split(), goal.into_split());
    let to_comer = Arc::new(Mutex::new(to_comer));
    let there = async {
        while let Ok(packet) = packet(&mut from_comer).await {
            match passage(&packet) {
                Some(id) if take_one(&due) => acknowledge(&to_comer, id).await.ok()?,
                _ => to_goal.write_all(&packet).await.ok()?,
            }
        }
        Some(())
    };
    let back = async {
        while let Ok(packet) = packet(&mut from_goal).await {
            to_comer.lock().await.write_all(&packet).await.ok()?;
        }
        Some(())
    };
    tokio::select! { ended = there => ended, ended = back => ended }
}

fn take_one(due: &AtomicUsize) -> bool {
    due.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |due| due.checked_sub(1)).is_ok()
}

async fn acknowledge(to: &Mutex<OwnedWriteHalf>, [high, low]: [u8; 2]) -> io::Result<()> {
    to.lock().await.write_all(&[0x40, 2, high, low]).await
}

/// One whole MQTT 3.1.1 packet (section 2.2).
async fn packet(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut packet = vec![from.read_u8().await?];
    let (mut length, mut shift) = (0, 0);
    loop {
        let digit = from.read_u8().await?;
        packet.push(digit);
        length |= usize::from(digit & 0x7f) << shift;
        shift += 7;
        if digit & 0x80 == 0 || shift > 21 {
            break;
        }
    }
    let head = packet.len();
    packet.resize(head + length, 0);
    from.read_exact(&mut packet[head..]).await?;
    Ok(packet)
}

/// The packet identifier of a publish at QoS 1 on the topic of a gate's passages (section 3.3).
fn passage(packet: &[u8]) -> Option<[u8; 2]> {
    if packet[0] & 0xf6 != 0x32 {
        return None;
    }
    let head = 1 + packet[1..].iter().position(|digit| digit & 0x80 == 0)? + 1;
    let length = usize::from(u16::from_be_bytes([*packet.get(head)?, *packet.get(head + 1)?]));
    let topic = packet.get(head + 2..head + 2 + length)?;
    topic.ends_with(b"/passage").then(|| packet.get(head + 2 + length..head + 4 + length)?.try_into().ok())?
}
