//! Redis: version, functions, what it does when memory is full, what it keeps on disk, how far away it is, its clock.

use std::time::{Duration, Instant};

use redis::{AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection, cmd};

use super::Report;
use crate::{
    availability::{Engine, redis_clients},
    clock::Clock,
    config::Config,
    domain::time::to_micros,
    tls,
};

/// Longest wait for a connection or an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions the time of an answer is taken of.
const PINGS: usize = 21;
/// An answer that takes longer is slow.
const SLOW: Duration = Duration::from_millis(10);

/// What one server said.
struct Said {
    info: String,
    answers_in: Duration,
    ahead_us: i64,
}

impl Said {
    fn field(&self, name: &str) -> &str {
        let line = self.info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.field(name).parse().unwrap_or_default()
    }
}

/// Looks at each address, and calls the functions over all of them.
pub(super) async fn look(report: &mut Report, config: &Config) {
    if config.availability.redis_url.is_empty() {
        report.ok("redis", "none: availability is computed in the node itself");
        return;
    }
    let clients = match redis_clients(&config.availability) {
        Ok(clients) => clients,
        Err(error) => {
            let todo = "availability.redis_url is redis://host:port/db, or rediss:// with availability.redis_ca";
            return report.bad("redis", error.to_string(), todo);
        }
    };
    for client in clients {
        // The address itself holds a password.
        let name = client.get_connection_info().addr().to_string();
        match ask(&client).await {
            Ok(said) => judge(report, &name, &said),
            Err(error) => {
                let told = format!("{name}: {}", tls::advised(&error, "availability.redis_ca"));
                report.bad("redis", told, "check availability.redis_url and that it runs");
            }
        }
    }
    let called = async { Engine::redis(&config.availability).await?.ping().await };
    match tokio::time::timeout(PATIENCE, called).await {
        Ok(Ok(())) => report.ok("redis", "the function library is loaded"),
        Ok(Err(error)) => {
            report.bad("redis", format!("functions: {error}"), "its user needs FUNCTION LOAD, FCALL, EVAL and INFO");
        }
        Err(_) => report.bad("redis", "functions: no answer", "check availability.redis_url and that it runs"),
    }
}

async fn ask(client: &Client) -> Result<Said, RedisError> {
    let limits =
        AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
    let mut connection = client.get_multiplexed_async_connection_with_config(&limits).await?;
    let info: String = cmd("INFO").query_async(&mut connection).await?;
    let mut times = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        let began = Instant::now();
        cmd("PING").query_async::<String>(&mut connection).await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let ahead_us = ahead(&mut connection).await?;
    Ok(Said { info, answers_in: times[PINGS / 2], ahead_us })
}

async fn ahead(connection: &mut MultiplexedConnection) -> Result<i64, RedisError> {
    let (seconds, micros): (i64, i64) = cmd("TIME").query_async(connection).await?;
    Ok(seconds * 1_000_000 + micros - to_micros(Clock::System.now()))
}

fn judge(report: &mut Report, name: &str, said: &Said) {
    let version = said.field("redis_version");
    let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
    let role = said.field("role");
    if major < 7 {
        report.bad("redis", format!("{name} is version {version}"), "functions need Redis 7.0, or Valkey");
    } else {
        report.ok("redis", format!("{name} is version {version}, {role}"));
    }
    let (limit, policy, used) = (said.number("maxmemory"), said.field("maxmemory_policy"), said.number("used_memory"));
    if limit == 0 {
        report.ok("redis", format!("{name} has no memory limit"));
    } else if policy != "noeviction" {
        let told = format!("{name} throws keys away when its memory is full ({policy})");
        report.bad("redis", told, "set maxmemory-policy noeviction");
    } else if used > limit / 5 * 4 {
        report.warn("redis", format!("{name} uses {used} of {limit} bytes"), "raise maxmemory");
    } else {
        report.ok("redis", format!("{name} refuses writes when its memory is full, and uses {used} of {limit} bytes"));
    }
    let failed = ["rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status"]
        .into_iter()
        .find(|field| said.field(field) == "err");
    if let Some(failed) = failed {
        report.bad(
            "redis",
            format!("{name} cannot write its file ({failed})"),
            "look for a full disk, or its permissions",
        );
    } else if said.field("aof_enabled") == "1" {
        report.ok("redis", format!("{name} keeps what it is told in its append-only file"));
    } else {
        let todo = "set appendonly yes; without it a restart goes back by up to availability.keep_every_s";
        report.warn("redis", format!("{name} has no append-only file"), todo);
    }
    let told = format!("{name} answers in {:.2} ms", said.answers_in.as_secs_f64() * 1e3);
    if said.answers_in > SLOW {
        report.warn("redis", told, "bring it nearer: every batch of observations waits for it");
    } else {
        report.ok("redis", told);
    }
    report.clock(&format!("Redis {name}"), said.ahead_us);
}
