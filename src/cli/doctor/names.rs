//! Others this system speaks to by name: signs, whose addresses must resolve, and servers behind TLS, whose certificates end.

use std::{collections::BTreeSet, time::Duration};

use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::rustls::pki_types::ServerName;

use super::{Report, certificate};
use crate::{
    cityfeed,
    clock::Clock,
    config::Config,
    domain::sign_link::{Endpoint, SignLink},
    store::Db,
    tls::Trust,
};

/// Longest wait for one name or one server.
const PATIENCE: Duration = Duration::from_secs(5);
/// A certificate that ends within so many days is told of.
const SOON_DAYS: i64 = 21;

/// Whether the addresses of the city's signs resolve.
pub(super) async fn signs(report: &mut Report, db: &Db) {
    let city = match cityfeed::stored(db).await {
        Ok(Some((_, city))) => city,
        Ok(None) => return report.warn("signs", "no city is imported yet", "`yunpark import` brings one into force"),
        Err(error) => return report.bad("signs", error.to_string(), "import the city again"),
    };
    let mut fine = 0;
    for (id, sign) in &city.signs {
        let address = match &sign.link {
            SignLink::Ntcip1203 { address, .. }
            | SignLink::Onbon { address, .. }
            | SignLink::Xunpeng { line: Endpoint::Tcp(address), .. }
            | SignLink::Modbus { line: Endpoint::Tcp(address), .. } => address,
            SignLink::Xunpeng { line: Endpoint::Tty { device, .. }, .. }
            | SignLink::Modbus { line: Endpoint::Tty { device, .. }, .. } => {
                if std::fs::metadata(device).is_ok() {
                    fine += 1;
                } else {
                    report.bad("signs", format!("{id}: there is no {device}"), "plug it in, or mend the city file");
                }
                continue;
            }
            SignLink::MqttJson | SignLink::HttpPull { .. } => {
                fine += 1;
                continue;
            }
        };
        let why = match tokio::time::timeout(PATIENCE, lookup_host(address)).await {
            Ok(Ok(mut found)) => match found.next() {
                Some(_) => {
                    fine += 1;
                    continue;
                }
                None => "no address".to_owned(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the name server does not answer".to_owned(),
        };
        report.bad(
            "signs",
            format!("{id}: {address}: {why}"),
            "mend the name server or the sign's address in the city file",
        );
    }
    report.ok("signs", format!("{fine} of {} signs have an address that resolves, or need none", city.signs.len()));
}

/// Until when the certificates hold of whom this system speaks to over TLS.
pub(super) async fn certificates(report: &mut Report, config: &Config) {
    let mut urls: Vec<String> = vec![config.feeds.base_url.clone(), config.map.url.clone()];
    urls.extend(config.feeds.sources.values().map(|source| source.url.clone()));
    urls.extend(config.feeds.subscribers.values().map(|subscriber| subscriber.url.clone()));
    urls.extend(config.matters.partners.values().map(|partner| partner.url.clone()));
    if config.store.evidence_dir.starts_with("s3://") {
        urls.extend(std::env::var("AWS_ENDPOINT").ok());
    }
    let own = config.http.tls_cert.display().to_string();
    let (shown, trusted) =
        (&config.mqtt.client_cert, [&config.mqtt.ca, &config.availability.redis_ca, &config.store.ca]);
    let named: BTreeSet<String> = trusted.into_iter().chain([shown]).map(|path| path.display().to_string()).collect();
    for file in named.iter().filter(|file| !file.is_empty()) {
        match std::fs::read_to_string(file).ok().as_deref().and_then(certificate::ends_at_of_pem) {
            Some(ends_at) => until(report, file, ends_at),
            None => report.bad("certificates", format!("{file} does not read"), "check the key that names it"),
        }
    }
    if !own.is_empty() {
        match std::fs::read_to_string(&own).ok().as_deref().and_then(certificate::ends_at_of_pem) {
            Some(ends_at) => until(report, &own, ends_at),
            None => report.bad("certificates", format!("{own} does not read"), "check http.tls_cert"),
        }
    }
    let hosts: BTreeSet<(String, u16)> = urls.iter().filter_map(|url| host_of(url)).collect();
    if hosts.is_empty() && own.is_empty() && named.iter().all(String::is_empty) {
        report.ok("certificates", "nothing is configured that speaks TLS");
    }
    let trust = Trust::default();
    for (host, port) in hosts {
        let name = format!("{host}:{port}");
        match tokio::time::timeout(PATIENCE, ends_at(&trust, &host, port)).await {
            Ok(Ok(ends_at)) => until(report, &name, ends_at),
            Ok(Err(why)) => {
                report.bad("certificates", format!("{name}: {why}"), "renew it, or trust its authority here");
            }
            Err(_) => {
                report.bad("certificates", format!("{name} does not answer"), "check the address and the network");
            }
        }
    }
}

/// Tells until when a certificate holds.
fn until(report: &mut Report, name: &str, ends_at: crate::domain::time::Instant) {
    let days = (ends_at - Clock::System.now()).num_days();
    let told = format!("{name} holds until {} ({days} days)", ends_at.format("%Y-%m-%d"));
    match days {
        ..0 => report.bad("certificates", told, "renew it"),
        0..SOON_DAYS => report.warn("certificates", told, "see that it is renewed"),
        _ => report.ok("certificates", told),
    }
}

/// Host and port of an address behind TLS.
fn host_of(url: &str) -> Option<(String, u16)> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => {
            Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
        }
        _ => Some((authority.to_owned(), 443)),
    }
}

/// When the certificate of a server ends, which this system trusts today.
async fn ends_at(trust: &Trust, host: &str, port: u16) -> Result<crate::domain::time::Instant, String> {
    let tell = |error: &dyn std::fmt::Display| error.to_string();
    let stream = TcpStream::connect((host, port)).await.map_err(|error| tell(&error))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| tell(&error))?;
    let stream = trust.connector()?.connect(name, stream).await.map_err(|error| tell(&error))?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let first = certificates.first().ok_or("it shows no certificate")?;
    certificate::ends_at(first).ok_or_else(|| "its certificate does not read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_is_read() {
        for (url, host) in [
            ("https://a.example/x?y", Some(("a.example", 443))),
            ("https://u:p@a.example:8443", Some(("a.example", 8443))),
            ("https://[2001:db8::1]:8443/", Some(("2001:db8::1", 8443))),
            ("http://a.example", None),
            ("", None),
        ] {
            assert_eq!(host_of(url), host.map(|(host, port)| (host.to_owned(), port)), "{url}");
        }
    }
}
