//! Redis and Valkey: one server, with or without a memory on disk, and clusters of several.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

use super::{Authority, Certificate, Server, find, free_name, free_port, wait_for};

/// A private Redis that keeps nothing on disk.
pub fn redis() -> Server {
    redis_on(free_port())
}

/// A private Redis on a port of one's choice: an empty server in the place of a dead one.
pub fn redis_on(port: u16) -> Server {
    start(PathBuf::from("redis-server"), port, &["--save", "", "--appendonly", "no"])
}

/// A private Redis with settings of one's own, such as how it keeps its data.
pub fn redis_with(settings: &[&str]) -> Server {
    start(PathBuf::from("redis-server"), free_port(), settings)
}

/// A private Valkey that keeps nothing on disk; `None`, said aloud, where there is none. A run under `CI` must have it.
pub fn valkey() -> Option<Server> {
    let cached =
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/yunpark/valkey/usr/bin/valkey-server"));
    let program =
        cached.filter(|path| path.exists()).unwrap_or_else(|| find("valkey-server", &["/usr/bin/valkey-server"]));
    let is_there =
        Command::new(&program).arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if is_there {
        return Some(start(program, free_port(), &["--save", "", "--appendonly", "no"]));
    }
    assert!(std::env::var_os("CI").is_none(), "valkey-server must be installed; `./run test` fetches it");
    // Past the test harness, which holds back what a passing test prints.
    let _ = writeln!(std::io::stderr(), "SKIPPED on Valkey: there is no valkey-server; `./run test` fetches it");
    None
}

/// A private Redis that speaks TLS alone.
pub fn redis_over_tls(shown: &Certificate, authority: &Authority, settings: &[&str]) -> Server {
    let port = free_port();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (chain, key, trusted) = (text(&shown.chain), text(&shown.key), text(&authority.file()));
    let tls_port = port.to_string();
    let tls =
        ["--tls-port", &tls_port, "--tls-cert-file", &chain, "--tls-key-file", &key, "--tls-ca-cert-file", &trusted];
    let all: Vec<&str> =
        ["--port", "0", "--tls-auth-clients", "no"].into_iter().chain(tls).chain(settings.iter().copied()).collect();
    start(PathBuf::from("redis-server"), port, &all)
}

fn start(program: PathBuf, port: u16, settings: &[&str]) -> Server {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new(program);
    if !settings.contains(&"--port") {
        command.args(["--port", &port.to_string()]);
    }
    command.args(["--bind", "127.0.0.1", "--dir"]).arg(dir.path()).args(settings);
    Server::start("redis-server", port, dir, command)
}

/// Several Redis servers that are one cluster.
pub struct Cluster {
    /// The masters, then their replicas.
    pub servers: Vec<Server>,
}

impl Cluster {
    /// Its addresses as a setting names them.
    pub fn url(&self) -> String {
        self.url_by("redis")
    }

    /// The same by `redis` or `rediss`.
    pub fn url_by(&self, scheme: &str) -> String {
        let urls: Vec<String> =
            self.servers.iter().map(|server| format!("{scheme}://127.0.0.1:{}", server.port)).collect();
        urls.join(",")
    }
}

/// A cluster of three masters, each with as many replicas as asked.
pub fn a_cluster(replicas: usize) -> Cluster {
    a_cluster_of(replicas, redis_with, &[])
}

/// A cluster of three masters that speak TLS alone, to others and among themselves.
pub fn a_cluster_over_tls(shown: &Certificate, authority: &Authority) -> Cluster {
    let trusted = authority.file();
    let ways = ["--tls", "--cacert", trusted.to_str().unwrap()];
    let start = |settings: &[&str]| {
        let more = ["--tls-cluster", "yes", "--tls-replication", "yes"];
        redis_over_tls(shown, authority, &[settings, &more].concat())
    };
    a_cluster_of(0, start, &ways)
}

fn a_cluster_of(replicas: usize, start: impl Fn(&[&str]) -> Server, ways: &[&str]) -> Cluster {
    let servers: Vec<(Server, u16)> = (0..3 + 3 * replicas)
        .map(|_| {
            let bus = free_port();
            let server = start(&[
                "--save",
                "",
                "--appendonly",
                "no",
                "--cluster-enabled",
                "yes",
                "--cluster-node-timeout",
                "1500",
                "--cluster-port",
                &bus.to_string(),
                "--repl-diskless-sync-delay",
                "0",
                // A replica takes over however far it is behind.
                "--cluster-replica-validity-factor",
                "0",
            ]);
            (server, bus)
        })
        .collect();
    let mut command = Command::new("redis-cli");
    command.args(ways).args(["--cluster", "create"]);
    for (server, bus) in &servers {
        command.arg(format!("127.0.0.1:{}@{bus}", server.port));
    }
    let made = command.args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    let servers: Vec<Server> = servers.into_iter().map(|(server, _)| server).collect();
    for server in &servers {
        wait_for("every server to see the whole cluster", || {
            let info = cli(server.port, &[ways, &["CLUSTER", "INFO"]].concat());
            (info.contains("cluster_state:ok") && info.contains(&format!("cluster_known_nodes:{}", servers.len())))
                .then_some(())
        });
    }
    Cluster { servers }
}

/// What `redis-cli` answers.
pub fn cli(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The addresses of one three-master cluster that all tests of this process share, and a prefix of one's own in it.
pub fn shared_cluster() -> (String, String) {
    static CLUSTER: OnceLock<String> = OnceLock::new();
    let url = CLUSTER.get_or_init(|| {
        let cluster = a_cluster(0);
        let url = cluster.url();
        let children: Vec<u32> = cluster.servers.iter().map(Server::id).collect();
        // A static is never dropped: a watcher ends the servers when this process is gone.
        let mut watcher = Command::new("sh");
        watcher
            .args([
                "-c",
                "while kill -0 \"$1\" 2>/dev/null; do sleep 1; done; shift; kill -9 \"$@\"; rm -rf $DIRS",
                "sh",
            ])
            .arg(std::process::id().to_string())
            .args(children.iter().map(ToString::to_string))
            .env(
                "DIRS",
                cluster.servers.iter().map(|server| server.dir.path().display().to_string() + " ").collect::<String>(),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        std::thread::spawn(move || watcher.spawn().and_then(|mut child| child.wait()));
        std::mem::forget(cluster);
        url
    });
    (url.clone(), format!("t{}", free_name()))
}
