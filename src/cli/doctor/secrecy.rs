//! Whether what passes between this node and the servers behind it can be read, or forged, on the way.

use redis::ConnectionAddr;

use super::Report;
use crate::{
    availability::redis_clients,
    config::{Config, Role},
    store::Db,
};

/// Tells of each connection to another host that is in the clear, or encrypted to whoever answers.
pub(super) fn look(report: &mut Report, config: &Config) {
    let before = report.0.len();
    let plays_mqtt = config.node.roles.iter().any(|role| matches!(role, Role::Ingest | Role::Guidance));
    if plays_mqtt && let Some(host) = config.mqtt.url.strip_prefix("mqtt://").filter(|rest| !is_here(host_of(rest))) {
        let told = format!("MQTT to {} is not encrypted", host_of(host));
        report.warn("secrecy", told, "let the broker listen with TLS, and write mqtts:// in mqtt.url");
    }
    for client in redis_clients(&config.availability).unwrap_or_default() {
        match client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, _) if !is_here(host) => {
                let todo = "give Redis a tls-port, and write rediss:// in availability.redis_url";
                report.warn("secrecy", format!("Redis at {host} is spoken to without encryption"), todo);
            }
            ConnectionAddr::TcpTls { host, insecure: true, .. } => {
                let told = format!("Redis at {host} is not asked to prove who it is");
                report.warn("secrecy", told, "leave out #insecure, and let availability.redis_ca name its authority");
            }
            _ => {}
        }
    }
    for url in [&config.store.url, &config.store.replica_url] {
        let exposure = Db::exposure(url.reveal(), &config.store.ca).ok().flatten();
        if let Some(exposure) = exposure.filter(|exposure| !is_here(&exposure.host)) {
            let todo = "set ssl = on in PostgreSQL, write ?sslmode=verify-full in store.url, and store.ca if need be";
            report.warn("secrecy", format!("PostgreSQL at {}: {}", exposure.host, exposure.what), todo);
        }
    }
    if report.0.len() == before {
        report.ok("secrecy", "no server of another host is spoken to in the clear");
    }
}

fn host_of(rest: &str) -> &str {
    let rest = rest.trim_end_matches('/');
    match rest.rsplit_once(':') {
        Some((host, _)) if !host.ends_with(':') => host.trim_matches(['[', ']']),
        _ => rest.trim_matches(['[', ']']),
    }
}

/// Whether a host is this machine: nobody is on the way.
fn is_here(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || host.starts_with('/') || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::State;

    fn told(mqtt: &str, redis: &str, sql: &str) -> String {
        let mut config = Config::load(None).unwrap();
        config.mqtt.url = mqtt.to_owned();
        config.availability.redis_url = redis.into();
        config.store.url = sql.into();
        let mut report = Report::default();
        look(&mut report, &config);
        let lines = report.0.iter().filter(|finding| finding.state == State::Warn);
        lines.map(|finding| finding.told.clone() + "\n").collect()
    }

    #[test]
    fn what_stays_on_this_machine_or_is_checked_is_not_told_of() {
        let here = ["localhost", "127.0.0.1", "[::1]"];
        for host in here {
            let redis = format!("redis://{host}:6379/0");
            assert_eq!(told(&format!("mqtt://{host}:1883"), &redis, &format!("postgres://u@{host}/d")), "", "{host}");
        }
        assert_eq!(told("", "", "sqlite://yunpark.db"), "");
        let sql = "postgres://u:word@sql.example/d?sslmode=verify-full";
        assert_eq!(told("mqtts://b.example", "rediss://:word@r.example:6380/0", sql), "");
    }

    #[test]
    fn each_connection_another_may_read_is_named_without_its_password() {
        let told = told(
            "mqtt://b.example:1883",
            "redis://:word@r.example:6379/0,rediss://:word@s.example:6380/0#insecure",
            "postgres://u:word@sql.example/d?sslmode=require",
        );
        for name in ["MQTT to b.example", "Redis at r.example", "Redis at s.example", "PostgreSQL at sql.example"] {
            assert!(told.contains(name), "{told}");
        }
        assert!(!told.contains("word"));
    }
}
