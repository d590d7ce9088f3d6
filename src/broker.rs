//! The embedded MQTT broker, for demonstrations and small tests: it keeps sessions in memory only.

use std::{collections::HashMap, net::SocketAddr};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// Why the embedded broker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one.
    #[error("mqtt.embedded_listen: {0} is no host:port")]
    Address(String),
    /// The address is taken, or may not be used.
    #[error("mqtt.embedded_listen: cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Its thread could not be started.
    #[error("the embedded broker could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Starts the broker on a thread of its own; it ends with the process. Gives the address it listens on.
///
/// Segments of 10 x 16 MiB per filter hold hours of a demonstration for a reader that is away; small ones drop silently.
pub fn start(listen: &str) -> Result<SocketAddr, Error> {
    let address: SocketAddr = listen.parse().map_err(|_| Error::Address(listen.to_owned()))?;
    // The broker only logs when its port is taken; asking for it first makes that an error that is seen.
    let address = std::net::TcpListener::bind(address)
        .and_then(|probe| probe.local_addr())
        .map_err(|source| Error::Listen { address, source })?;
    let settings = ServerSettings {
        name: "embedded".to_owned(),
        listen: address,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 10_000,
            max_payload_size: 1 << 20,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    let config = Config {
        id: 0,
        router: RouterConfig {
            max_connections: 1_000,
            max_outgoing_packet_count: 5_000,
            max_segment_size: 16 << 20,
            max_segment_count: 10,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("embedded".to_owned(), settings)])),
        ..Config::default()
    };
    std::thread::Builder::new().name("mqtt-broker".to_owned()).spawn(move || {
        if let Err(error) = Broker::new(config).start() {
            tracing::error!(error = %error, "the embedded broker ended");
        }
    })?;
    Ok(address)
}
