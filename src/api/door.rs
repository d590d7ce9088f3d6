//! The HTTP door itself: connections are taken in, speak TLS where a certificate is configured, and none of them can hold the house
//! by being slow or many.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::config;

/// Most headers of a request.
const MOST_HEADERS: usize = 100;
/// Most bytes of a request's head, and of what is read ahead of a body.
const LARGEST_HEAD: usize = 64 * 1024;
/// A certificate that was renewed is taken up within this time.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// After the system refused a connection, for want of descriptors above all.
const PAUSE: Duration = Duration::from_millis(200);

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, or not this machine's.
    #[error("http.listen: cannot listen on {address}: {source}")]
    Listen {
        /// As configured.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Certificate and key cannot be used.
    #[error("http.tls_cert, http.tls_key: {0}")]
    Tls(String),
}

/// A door that is open and has taken nobody in yet.
pub struct Door {
    listener: TcpListener,
    certificate: Option<Certificate>,
    header_timeout: Duration,
    room: Arc<Semaphore>,
}

impl Door {
    /// Listens, and reads the certificate if there is one.
    pub async fn open(config: &config::Http) -> Result<Self, Error> {
        let listen = |source| Error::Listen { address: config.listen.clone(), source };
        let listener = TcpListener::bind(&config.listen).await.map_err(listen)?;
        let certificate = match config.tls() {
            Some((cert, key)) => Some(Certificate::read(cert, key).map_err(Error::Tls)?),
            None => None,
        };
        let header_timeout = Duration::from_secs(config.header_timeout_s);
        Ok(Self { listener, certificate, header_timeout, room: Arc::new(Semaphore::new(config.max_connections)) })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes connections in until `stop`; then those that are open end after their request, or when `cut` has passed.
    pub async fn serve(mut self, router: Router, stop: impl Future<Output = ()>, cut: Duration) {
        let closing = CancellationToken::new();
        let mut open = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let (connection, peer, room) = tokio::select! {
                () = &mut stop => break,
                Some(_) = open.join_next(), if !open.is_empty() => continue,
                taken = self.take() => taken,
            };
            let work = http1(self.header_timeout);
            let service = {
                let router = router.clone();
                service_fn(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(ConnectInfo(peer));
                    let answer = router.clone().call(request.map(Body::new));
                    async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
                })
            };
            let closing = closing.clone();
            let speaks_tls = self.certificate.as_mut().map(Certificate::acceptor);
            let hello = self.header_timeout;
            open.spawn(async move {
                match speaks_tls {
                    None => speak(work.serve_connection(TokioIo::new(connection), service), closing, room).await,
                    Some(tls) => match timeout(hello, tls.accept(connection)).await {
                        Ok(Ok(private)) => {
                            speak(work.serve_connection(TokioIo::new(private), service), closing, room).await;
                        }
                        Ok(Err(_)) | Err(_) => metrics::counter!("yunpark_http_handshakes_failed_total").increment(1),
                    },
                }
            });
        }
        drop(self.listener);
        closing.cancel();
        let ended = async { while open.join_next().await.is_some() {} };
        if timeout(cut, ended).await.is_err() {
            tracing::warn!("requests that were still open were cut off");
            open.shutdown().await;
        }
    }

    /// The next connection, once there is room for it; those beyond wait in the system's queue.
    async fn take(&self) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
        // It is never closed.
        let room = self.room.clone().acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((connection, peer)) => {
                    // Small frames must not wait for each other; a connection that is gone already needs no telling.
                    let _ = connection.set_nodelay(true);
                    return (connection, peer, room);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not taken in");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// HTTP/1.1; who does not finish the head of a request in time, the first or the next, is let go.
fn http1(header_timeout: Duration) -> http1::Builder {
    let mut work = http1::Builder::new();
    work.timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEAD);
    work
}

/// Speaks with one client until one of the two ends it.
async fn speak<I, S>(
    connection: http1::Connection<TokioIo<I>, S>,
    closing: CancellationToken,
    room: Option<OwnedSemaphorePermit>,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: hyper::service::Service<Request<Incoming>, Response = axum::response::Response, Error = Infallible>,
    S::Future: Send,
{
    let mut connection = std::pin::pin!(connection.with_upgrades());
    // How a connection ends is the client's affair.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    drop(room);
}

/// A certificate with its key, read again when its file has changed.
struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    changed: Option<SystemTime>,
    looked: Instant,
    acceptor: TlsAcceptor,
}

impl Certificate {
    fn read(cert: &Path, key: &Path) -> Result<Self, String> {
        let (cert, key) = (cert.to_owned(), key.to_owned());
        let (changed, acceptor) = (changed(&cert), acceptor(&cert, &key)?);
        Ok(Self { cert, key, changed, looked: Instant::now(), acceptor })
    }

    /// The acceptor of the newest certificate. One that cannot be read leaves the one before in force, and is told.
    fn acceptor(&mut self) -> TlsAcceptor {
        if self.looked.elapsed() >= LOOK_AGAIN {
            self.looked = Instant::now();
            let now = changed(&self.cert);
            if now != self.changed {
                match acceptor(&self.cert, &self.key) {
                    Ok(newer) => {
                        (self.acceptor, self.changed) = (newer, now);
                        tracing::info!("the renewed certificate is in force");
                    }
                    Err(error) => tracing::error!(error, "the renewed certificate cannot be used"),
                }
            }
        }
        self.acceptor.clone()
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|about| about.modified()).ok()
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let told = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let chain = CertificateDer::pem_file_iter(cert).map_err(|error| told(cert, &error))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|error| told(cert, &error))?;
    if chain.is_empty() {
        return Err(told(cert, &"holds no certificate in PEM"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| told(key, &error))?;
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?.with_no_client_auth().with_single_cert(chain, secret);
    let mut config = config.map_err(|error| told(key, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
