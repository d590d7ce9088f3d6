//! The way to a bucket: HTTP/1.1 with the TLS and the certificates the rest of the server uses, over connections that are kept.

use std::{
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::rustls::pki_types::ServerName;

use crate::tls::Trust;

/// One request and its answer may take this long; then it is given up, and tried again.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Connections kept while nobody needs them.
const KEPT: usize = 8;

type Sender = http1::SendRequest<Full<Bytes>>;
type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// Gives the store its way to the bucket.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Wire::default()))
    }
}

/// A connection that nobody uses at the moment, and where it leads. It goes on only while a request waits for it, so that no task
/// of its own is needed.
struct Idle {
    to: String,
    sender: Sender,
    driver: Driver,
}

#[derive(Default)]
struct Wire {
    idle: Mutex<Vec<Idle>>,
    tls: Trust,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpService for Wire {
    fn call<'life0, 'async_trait>(
        &'life0 self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            match tokio::time::timeout(TIMEOUT, self.exchange(request)).await {
                Ok(answer) => answer,
                Err(slow) => Err(HttpError::new(HttpErrorKind::Timeout, slow)),
            }
        })
    }
}

impl Wire {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let to = head.uri.clone();
        let authority = to.authority().map(ToString::to_string).unwrap_or_default();
        let key = format!("{}://{authority}", to.scheme_str().unwrap_or("http"));
        head.uri =
            to.path_and_query().map_or("/", |path| path.as_str()).parse().map_err(kind(HttpErrorKind::Request))?;
        if !head.headers.contains_key(http::header::HOST) {
            let host = authority.parse().map_err(kind(HttpErrorKind::Request))?;
            head.headers.insert(http::header::HOST, host);
        }
        // A connection that was kept may have been ended from the other side; a new one was not.
        while let Some(kept) = self.take(&key) {
            let again = http::Request::from_parts(head.clone(), Full::new(body.clone()));
            if let Some(answer) = self.over(kept, again, true).await? {
                return Ok(answer);
            }
        }
        let fresh = self.connect(&to, key).await?;
        let request = http::Request::from_parts(head, Full::new(body));
        let answer = self.over(fresh, request, false).await?;
        answer.ok_or_else(|| {
            HttpError::new(HttpErrorKind::Interrupted, std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        })
    }

    /// One exchange over a connection, which is kept if it can be. `None` where a kept one had ended before anything was sent.
    async fn over(
        &self,
        mut line: Idle,
        request: http::Request<Full<Bytes>>,
        was_kept: bool,
    ) -> Result<Option<HttpResponse>, HttpError> {
        let Idle { sender, driver, .. } = &mut line;
        let ready = {
            tokio::select! {
                biased;
                ready = sender.ready() => ready.is_ok(),
                _ = &mut *driver => false,
            }
        };
        if !ready && was_kept {
            return Ok(None);
        }
        let exchange = async {
            let answer = match sender.try_send_request(request).await {
                Ok(answer) => answer,
                // What comes back was never sent.
                Err(mut error) => {
                    let is_unsent = error.take_message().is_some();
                    if is_unsent && was_kept {
                        return Ok(None);
                    }
                    return Err(HttpError::new(HttpErrorKind::Interrupted, error.into_error()));
                }
            };
            let (head, body) = answer.into_parts();
            let bytes = body.collect().await.map_err(kind(HttpErrorKind::Interrupted))?.to_bytes();
            Ok(Some((head, bytes)))
        };
        let told = {
            let mut exchange = std::pin::pin!(exchange);
            tokio::select! {
                told = &mut exchange => told,
                // The connection may end before its last bytes are taken.
                _ = &mut *driver => exchange.await,
            }
        }?;
        let Some((head, bytes)) = told else { return Ok(None) };
        if !line.sender.is_closed() {
            self.keep(line);
        }
        let body = Full::new(bytes).map_err(|never| match never {});
        Ok(Some(http::Response::from_parts(head, HttpResponseBody::new(body))))
    }

    fn take(&self, key: &str) -> Option<Idle> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().rposition(|idle| idle.to == key)?;
        Some(idle.remove(at))
    }

    fn keep(&self, line: Idle) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= KEPT {
            idle.remove(0);
        }
        idle.push(line);
    }

    async fn connect(&self, to: &http::Uri, key: String) -> Result<Idle, HttpError> {
        let is_tls = to.scheme_str() == Some("https");
        let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = to.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await.map_err(kind(HttpErrorKind::Connect))?;
        stream.set_nodelay(true).map_err(kind(HttpErrorKind::Connect))?;
        if !is_tls {
            return handshake(stream, key).await;
        }
        let tls = self.tls.connector();
        let tls = tls.map_err(|reason| HttpError::new(HttpErrorKind::Connect, std::io::Error::other(reason)))?;
        let name = ServerName::try_from(host.to_owned()).map_err(kind(HttpErrorKind::Connect))?;
        handshake(tls.connect(name, stream).await.map_err(kind(HttpErrorKind::Connect))?, key).await
    }
}

async fn handshake<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    to: String,
) -> Result<Idle, HttpError> {
    let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(kind(HttpErrorKind::Connect))?;
    Ok(Idle { to, sender, driver: Box::pin(driver) })
}

fn kind<E: std::error::Error + Send + Sync + 'static>(kind: HttpErrorKind) -> impl Fn(E) -> HttpError {
    move |error| HttpError::new(kind, error)
}
