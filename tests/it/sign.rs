//! An emulated NTCIP 1203 sign on a port of its own, for tests that drive the system from outside.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;
use yunpark_simulator::sign::{NtcipSign, run_ntcip};

/// A running sign; it ends when dropped.
pub struct Emulator {
    /// The UDP port of its SNMP agent.
    pub port: u16,
    stop: CancellationToken,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Emulator {
    /// A dark sign on a free port.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stop = CancellationToken::new();
        let listen: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let handle = std::thread::scope(|scope| {
            // The test itself may run inside a runtime, in which another cannot be waited for.
            scope.spawn(|| runtime.block_on(run_ntcip(NtcipSign::new(listen), stop.clone())).unwrap()).join().unwrap()
        });
        Self { port: handle.address().port(), stop, runtime: Some(runtime) }
    }

    /// Its address for a city file.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
