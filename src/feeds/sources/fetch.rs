//! Requests to others: only to addresses the configuration names, never redirected, never into networks of our own, bounded in time
//! and size.

use std::{
    fmt::Display,
    net::{IpAddr, SocketAddr},
    pin::pin,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
};
use tokio_rustls::rustls::pki_types::ServerName;

use super::Ill;
use crate::tls::Trust;

/// What asks.
const AGENT: &str = concat!("yunpark/", env!("CARGO_PKG_VERSION"));
/// Longest answer to a message that is read, bytes; it is thrown away.
const ACKNOWLEDGEMENT_BYTES: usize = 64 * 1024;

/// Asks others.
#[derive(Clone)]
pub struct Fetcher {
    allow_private: bool,
    tls: Trust,
}

impl Fetcher {
    /// One that may, or may not, ask hosts of private networks.
    pub fn new(allow_private: bool) -> Self {
        Self { allow_private, tls: Trust::default() }
    }

    /// The body behind an address, at most so many bytes, within so many milliseconds.
    pub async fn get(&self, url: &str, timeout_ms: u64, max_bytes: usize) -> Result<Vec<u8>, Ill> {
        let asked = Box::pin(self.exchange(url, Request::get("/"), Bytes::new(), max_bytes));
        let (status, body) = within(timeout_ms, asked).await?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(Ill::Unreachable(format!("it answers with status {}", status.as_u16())))
        }
    }

    /// Sends a body; the status it is answered with.
    pub async fn post(&self, url: &str, headers: &[(&str, &str)], body: String, timeout_ms: u64) -> Result<u16, Ill> {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = Box::pin(self.exchange(url, request, body.into(), ACKNOWLEDGEMENT_BYTES));
        Ok(within(timeout_ms, sent).await?.0.as_u16())
    }

    /// Sends a body; the status it is answered with, and the answer, of at most so many bytes within so many milliseconds.
    pub async fn ask(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: String,
        (timeout_ms, max_bytes): (u64, usize),
    ) -> Result<(u16, Vec<u8>), Ill> {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = Box::pin(self.exchange(url, request, body.into(), max_bytes));
        let (status, answer) = within(timeout_ms, sent).await?;
        Ok((status.as_u16(), answer))
    }

    async fn exchange(
        &self,
        url: &str,
        request: http::request::Builder,
        body: Bytes,
        max_bytes: usize,
    ) -> Result<(StatusCode, Vec<u8>), Ill> {
        let address: Uri = url.parse().map_err(|_| unreachable("its address cannot be read"))?;
        let (Some(host), Some(authority)) = (address.host(), address.authority()) else {
            return Err(unreachable("its address names no host"));
        };
        let is_tls = address.scheme_str() == Some("https");
        let port = address.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let host = host.trim_matches(['[', ']']);
        // A name and a password in an address are none of the host's.
        let named = authority.as_str().rsplit('@').next().unwrap_or_default();
        let path = address.path_and_query().map_or("/", |path| path.as_str());
        let request = request
            .uri(path)
            .header(header::HOST, named)
            .header(header::USER_AGENT, AGENT)
            .header(header::ACCEPT, "*/*")
            .body(Full::new(body))
            .map_err(unreachable)?;
        let stream = TcpStream::connect(&self.addresses(host, port).await?[..]).await.map_err(unreachable)?;
        if !is_tls {
            return talk(stream, request, max_bytes).await;
        }
        let tls = self.tls.connector().map_err(unreachable)?;
        let name = ServerName::try_from(host.to_owned()).map_err(unreachable)?;
        talk(tls.connect(name, stream).await.map_err(unreachable)?, request, max_bytes).await
    }

    /// Where a host may be reached. What a name leads to is looked at each time, and that very address is asked.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Ill> {
        let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => lookup_host((host, port)).await.map_err(unreachable)?.collect(),
        };
        let allowed: Vec<SocketAddr> =
            found.into_iter().filter(|address| self.allow_private || is_public(address.ip())).collect();
        if allowed.is_empty() { Err(unreachable("it stands in a network of our own")) } else { Ok(allowed) }
    }
}

/// One request and its answer on a connection of its own, which ends with it.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Request<Full<Bytes>>,
    max_bytes: usize,
) -> Result<(StatusCode, Vec<u8>), Ill> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let exchange = async move {
        let answer = sender.send_request(request).await.map_err(unreachable)?;
        let (status, mut body) = (answer.status(), answer.into_body());
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(unreachable)?;
            let data: &[u8] = frame.data_ref().map_or(&[], |data| data);
            if bytes.len() + data.len() > max_bytes {
                return Err(Ill::TooLong(max_bytes));
            }
            bytes.extend_from_slice(data);
        }
        Ok((status, bytes))
    };
    let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
    tokio::select! {
        told = &mut exchange => told,
        // The connection may end before its last bytes are taken.
        _ = &mut connection => exchange.await,
    }
}

async fn within<T>(timeout_ms: u64, asked: impl Future<Output = Result<T, Ill>>) -> Result<T, Ill> {
    tokio::time::timeout(Duration::from_millis(timeout_ms), asked).await.unwrap_or(Err(Ill::Slow(timeout_ms)))
}

fn unreachable(reason: impl Display) -> Ill {
    Ill::Unreachable(reason.to_string())
}

/// Whether an address is one of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(four) => {
            let [a, b, c, _] = four.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmark = a == 198 && (18..20).contains(&b);
            let protocol = (a, b, c) == (192, 0, 0);
            !(four.is_private()
                || four.is_loopback()
                || four.is_link_local()
                || four.is_unspecified()
                || four.is_broadcast()
                || four.is_multicast()
                || four.is_documentation()
                || shared
                || benchmark
                || protocol
                || a == 0
                || a >= 240)
        }
        IpAddr::V6(six) => {
            let first = six.segments()[0];
            let unique_local = first & 0xfe00 == 0xfc00;
            let link_local = first & 0xffc0 == 0xfe80;
            // Addresses of IPv4 in the clothes of translation and tunnels.
            let translated = six.segments()[..2] == [0x64, 0xff9b] || first == 0x2002;
            !(six.is_loopback()
                || six.is_unspecified()
                || six.is_multicast()
                || unique_local
                || link_local
                || translated)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_our_own_networks_are_told_from_public_ones() {
        for own in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
        ] {
            assert!(!is_public(own.parse().unwrap()), "{own}");
        }
        for public in ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "172.32.0.1", "100.128.0.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn a_host_of_our_own_network_is_not_asked_by_address_or_by_name() {
        let fetcher = Fetcher::new(false);
        for url in [
            "http://127.0.0.1:9/",
            "http://[::1]:9/",
            "http://localhost:9/",
            "http://2130706433:9/",
            "http://0x7f.1:9/",
        ] {
            let Err(Ill::Unreachable(why)) = fetcher.get(url, 5000, 100).await else { panic!("{url} was asked") };
            assert!(why.contains("network of our own"), "{url}: {why}");
        }
    }
}
