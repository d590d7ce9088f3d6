//! The way to the broker: its address, in the clear or over TLS.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::Error;
use crate::{config, tls};

/// Ports of brokers that name none: in the clear, and over TLS.
const PORTS: (u16, u16) = (1883, 8883);

/// Bytes to and from a broker.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where the broker listens, and whom it must prove to be.
#[derive(Clone)]
pub struct Broker {
    host: String,
    port: u16,
    tls: Option<Arc<(TlsConnector, ServerName<'static>)>>,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Broker {
    /// The broker a configuration names: `mqtt.url`, or the embedded one where that is empty.
    pub fn of(config: &config::Mqtt) -> Result<Self, Error> {
        let (host, port) = address(config)?;
        let tls = config.is_tls().then(|| {
            let connector = tls::by(&config.ca, config.own()).map_err(|reason| Error::Tls { reason })?;
            let name = ServerName::try_from(host.clone());
            let name = name.map_err(|_| Error::Address { address: config.url.clone() })?;
            Ok(Arc::new((connector, name)))
        });
        Ok(Self { host, port, tls: tls.transpose()? })
    }

    /// Reaches it; [`told`] says what to do about an error.
    pub async fn dial(&self) -> std::io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        // Without it, small packets wait for one another up to 40 ms.
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let (connector, name) = &**tls;
        Ok(Box::new(connector.connect(name.clone(), stream).await?))
    }
}

/// An error of the connection, with what to do about it where that is known.
pub(crate) fn told(error: &std::io::Error) -> String {
    tls::advised(error, "mqtt.ca")
}

/// Host and port of the broker.
pub(super) fn address(config: &config::Mqtt) -> Result<(String, u16), Error> {
    let written = if config.url.is_empty() { &config.embedded_listen } else { &config.url };
    let wrong = || Error::Address { address: written.clone() };
    let (rest, usual) = match written.strip_prefix("mqtts://") {
        Some(rest) => (rest, PORTS.1),
        None => (written.strip_prefix("mqtt://").unwrap_or(written), PORTS.0),
    };
    let rest = rest.trim_end_matches('/');
    if rest.is_empty() || rest.contains(['/', '@', '?']) {
        return Err(wrong());
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => (host, port.parse().map_err(|_| wrong())?),
        _ => (rest, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() { Err(wrong()) } else { Ok((host.to_owned(), port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> config::Mqtt {
        config::Mqtt { url: url.to_owned(), ..config::Config::load(None).unwrap().mqtt }
    }

    #[test]
    fn an_address_has_a_host_and_may_have_a_port() {
        for (url, host, port) in [
            ("mqtt://broker:1884", "broker", 1884),
            ("mqtt://broker", "broker", 1883),
            ("mqtts://broker", "broker", 8883),
            ("mqtts://broker:1884/", "broker", 1884),
            ("mqtt://broker:1883/", "broker", 1883),
            ("mqtt://[::1]:1884", "::1", 1884),
            ("", "127.0.0.1", 1883),
        ] {
            assert_eq!(address(&config(url)), Ok((host.to_owned(), port)), "{url}");
        }
        for url in ["mqtt://", "mqtt://:1883", "mqtt://broker:http", "mqtts://name:word@broker", "mqtt://broker/path"] {
            assert!(address(&config(url)).is_err(), "{url}");
        }
    }
}
