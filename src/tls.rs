//! TLS towards others: whom to trust, who we are, and what a person is to do when the two do not meet.

use std::{
    fmt::Display,
    path::Path,
    sync::{Arc, OnceLock},
};

use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// A connector that is made when it is first needed: a system without certificates can still ask without TLS.
#[derive(Clone, Default)]
pub struct Trust(Arc<OnceLock<Result<TlsConnector, String>>>);

impl Trust {
    /// The connector with the certificates this system trusts, or why there is none.
    pub fn connector(&self) -> Result<&TlsConnector, String> {
        self.0.get_or_init(|| by(Path::new(""), None)).as_ref().map_err(Clone::clone)
    }
}

/// A connector that trusts the authorities of a PEM file alone, or those of the system where the path is empty; it shows the
/// certificate of `own`, PEM files of a chain and its key, to whoever asks for one.
///
/// # Errors
/// One line that names the file and what is wrong with it.
pub fn by(authorities: &Path, own: Option<(&Path, &Path)>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    if authorities.as_os_str().is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    } else {
        for certificate in certificates(authorities)? {
            roots.add(certificate).map_err(|error| in_file(authorities, &error))?;
        }
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?.with_root_certificates(roots);
    let config = match own {
        None => config.with_no_client_auth(),
        Some((chain, key)) => {
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, &error))?;
            config.with_client_auth_cert(certificates(chain)?, secret).map_err(|error| in_file(chain, &error))?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The text of a PEM file of authorities, once it is sure that it holds some.
///
/// # Errors
/// One line that names the file and what is wrong with it.
pub fn authorities(file: &Path) -> Result<Vec<u8>, String> {
    certificates(file)?;
    std::fs::read(file).map_err(|error| in_file(file, &error))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| in_file(file, &error))?;
    if found.is_empty() { Err(in_file(file, &"it holds no certificate")) } else { Ok(found) }
}

fn in_file(file: &Path, what: &dyn Display) -> String {
    format!("{}: {what}", file.display())
}

/// A failed handshake's error with what a person can do about it, where that is known; `key` is the setting that names the
/// authorities. Libraries hand on the error as text only, so that is what is read.
pub fn advised(error: &dyn Display, key: &str) -> String {
    let told = error.to_string();
    let todo = if told.contains("UnknownIssuer") || told.contains("BadSignature") {
        format!("let {key} name the PEM file of the authority that issued its certificate")
    } else if told.contains("not valid for") || told.contains("NotValidForName") {
        "reach it by a name, or an address, that stands in its certificate".to_owned()
    } else if told.contains("expired") || told.contains("Expired") {
        "renew its certificate, or set this machine's clock".to_owned()
    } else if told.contains("CaUsedAsEndEntity") {
        "give it a certificate of its own: an authority's own certificate is not taken for a server's".to_owned()
    } else if told.contains("CertificateRequired") || told.contains("UnknownCA") || told.contains("BadCertificate") {
        "show it a certificate of an authority it trusts".to_owned()
    } else if told.contains("InvalidContentType") || told.contains("corrupt message") {
        "it does not speak TLS at this port".to_owned()
    } else {
        return told;
    };
    format!("{told}; {todo}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        assert!(by(&file, None).err().unwrap().contains("ca.pem"));
        std::fs::write(&file, "nothing of the kind").unwrap();
        assert!(by(&file, None).err().unwrap().ends_with("ca.pem: it holds no certificate"));
        assert!(authorities(&file).unwrap_err().contains("ca.pem"));
    }

    #[test]
    fn an_error_that_is_not_about_certificates_stays_as_it_is() {
        assert_eq!(advised(&"connection refused", "mqtt.ca"), "connection refused");
        // The second is what an authority looks like that was made anew under its old name.
        for reason in ["UnknownIssuer", "BadSignature"] {
            let told = advised(&format!("invalid peer certificate: {reason}"), "mqtt.ca");
            assert!(told.contains("let mqtt.ca name"), "{told}");
        }
    }
}
