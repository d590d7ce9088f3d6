//! TLS towards others: with the certificates this system trusts, for every room that asks over it.

use std::sync::{Arc, OnceLock};

use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring},
};

/// A connector that is made when it is first needed: a system without certificates can still ask without TLS.
#[derive(Clone, Default)]
pub struct Trust(Arc<OnceLock<Result<TlsConnector, String>>>);

impl Trust {
    /// The connector, or why there is none.
    pub fn connector(&self) -> Result<&TlsConnector, String> {
        self.0.get_or_init(connector).as_ref().map_err(Clone::clone)
    }
}

fn connector() -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
