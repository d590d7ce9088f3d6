//! A way between two parts of the system that can be cut, silenced and slowed while both of them live.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream, UdpSocket,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Handle,
    sync::watch,
};

/// How a way carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Everything at once.
    Open,
    /// Nothing: connections are ended, and new ones too; datagrams are lost.
    Cut,
    /// Nothing, and nobody is told: connections stand, and what is sent waits.
    Silent,
    /// So many bytes at a time, each after a delay.
    Slow { delay: Duration, bytes: usize },
}

/// A way to a port of this machine, which is entered at another.
pub struct Way {
    /// Where it is entered.
    pub port: u16,
    manner: watch::Sender<Manner>,
    /// How often all connections were forgotten.
    forgotten: watch::Sender<u64>,
}

impl Way {
    /// For connections.
    pub fn of_connections(on: &Handle, to: u16) -> Self {
        let (manner, carried) = watch::channel(Manner::Open);
        let (forgotten, lost) = watch::channel(0);
        let listener = on.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let tasks = on.clone();
        on.spawn(async move {
            while let Ok((comer, _)) = listener.accept().await {
                tasks.spawn(carry(comer, to, carried.clone(), lost.clone()));
            }
        });
        Self { port, manner, forgotten }
    }

    /// For datagrams and the answers to them.
    pub fn of_datagrams(on: &Handle, to: u16) -> Self {
        let (manner, carried) = watch::channel(Manner::Open);
        let front = Arc::new(on.block_on(UdpSocket::bind(("127.0.0.1", 0))).unwrap());
        let port = front.local_addr().unwrap().port();
        on.spawn(carry_datagrams(on.clone(), front, to, carried));
        Self { port, manner, forgotten: watch::channel(0).0 }
    }

    /// From now on it carries so.
    pub fn be(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }

    /// Connections that stand now never carry anything again, and nobody is told: what becomes of them when the machine in the
    /// middle is replaced by another.
    pub fn forget(&self) {
        self.forgotten.send_modify(|times| *times += 1);
    }
}

async fn carry(comer: TcpStream, to: u16, mut manner: watch::Receiver<Manner>, mut lost: watch::Receiver<u64>) {
    lost.mark_unchanged();
    // Who comes while nothing is carried waits, or is turned away.
    if manner.wait_for(|manner| *manner != Manner::Silent).await.is_err() || *manner.borrow() == Manner::Cut {
        return;
    }
    let Ok(goal) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let _ = (comer.set_nodelay(true), goal.set_nodelay(true));
    let ((mut from_comer, mut to_comer), (mut from_goal, mut to_goal)) = (comer.into_split(), goal.into_split());
    let mut cut = manner.clone();
    // When one side ends, so does the other.
    let is_lost = tokio::select! {
        () = pump(&mut from_comer, &mut to_goal, manner.clone()) => false,
        () = pump(&mut from_goal, &mut to_comer, manner) => false,
        _ = cut.wait_for(|manner| *manner == Manner::Cut) => false,
        changed = lost.changed() => changed.is_ok(),
    };
    if is_lost {
        std::future::pending::<()>().await;
    }
}

/// Carries one direction until it ends.
async fn pump(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, mut manner: watch::Receiver<Manner>) {
    let mut part = vec![0; 16 << 10];
    loop {
        let now = *manner.borrow_and_update();
        let most = match now {
            Manner::Open => part.len(),
            Manner::Slow { bytes, .. } => bytes.min(part.len()),
            Manner::Silent | Manner::Cut => {
                if manner.changed().await.is_err() {
                    return;
                }
                continue;
            }
        };
        let read = tokio::select! {
            read = from.read(&mut part[..most]) => read,
            changed = manner.changed() => if changed.is_err() { return } else { continue },
        };
        let Ok(count @ 1..) = read else { return };
        if let Manner::Slow { delay, .. } = now {
            tokio::time::sleep(delay).await;
        }
        if to.write_all(&part[..count]).await.is_err() {
            return;
        }
    }
}

async fn carry_datagrams(on: Handle, front: Arc<UdpSocket>, to: u16, manner: watch::Receiver<Manner>) {
    let mut backs: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
    let mut part = [0; 4096];
    loop {
        let Ok((count, comer)) = front.recv_from(&mut part).await else { continue };
        let back = if let Some(back) = backs.get(&comer) {
            back.clone()
        } else {
            let back = Arc::new(UdpSocket::bind(("127.0.0.1", 0)).await.unwrap());
            back.connect(("127.0.0.1", to)).await.unwrap();
            backs.insert(comer, back.clone());
            on.spawn(carry_answers(back.clone(), front.clone(), comer, manner.clone()));
            back
        };
        let said = part[..count].to_vec();
        let now = *manner.borrow();
        match now {
            Manner::Open => drop(back.send(&said).await),
            Manner::Cut | Manner::Silent => {}
            Manner::Slow { delay, .. } => drop(on.spawn(async move {
                tokio::time::sleep(delay).await;
                let _ = back.send(&said).await;
            })),
        }
    }
}

async fn carry_answers(
    back: Arc<UdpSocket>,
    front: Arc<UdpSocket>,
    comer: SocketAddr,
    manner: watch::Receiver<Manner>,
) {
    let mut part = [0; 4096];
    loop {
        // An error tells of a datagram nobody took; the next may be taken.
        let Ok(count) = back.recv(&mut part).await else { continue };
        let now = *manner.borrow();
        match now {
            Manner::Cut | Manner::Silent => continue,
            Manner::Slow { delay, .. } => tokio::time::sleep(delay).await,
            Manner::Open => {}
        }
        let _ = front.send_to(&part[..count], comer).await;
    }
}
