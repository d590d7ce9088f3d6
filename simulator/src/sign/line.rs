//! A TCP port that serves each connection until it is closed or the sign is stopped.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Listens and serves; gives the address, for port 0 takes a free one.
pub(super) async fn serve<F>(
    listen: SocketAddr,
    stop: CancellationToken,
    connection: impl Fn(TcpStream) -> F + Send + 'static,
) -> anyhow::Result<SocketAddr>
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind(listen).await.with_context(|| format!("the sign cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else { continue };
            let (served, stop) = (connection(stream), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    ended = served => if let Err(error) = ended {
                        tracing::debug!(sign.address = %address, error = %error, "a connection to the emulated sign broke");
                    },
                }
            });
        }
    });
    Ok(address)
}
