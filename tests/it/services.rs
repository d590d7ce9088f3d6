//! Private Redis, Valkey, Mosquitto and PostgreSQL servers on free ports, stopped when the test ends.

mod certificates;
mod postgres;
mod redis;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub use self::{
    certificates::{Authority, Certificate},
    postgres::{Pair, hush_table, postgres, postgres_alone, postgres_over_tls, sql},
    redis::{a_cluster, a_cluster_over_tls, cli, redis, redis_on, redis_over_tls, redis_with, shared_cluster, valkey},
};

/// A port nobody listens on at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Polls until `check` gives a value; fails the test after a generous deadline, saying what it waited for.
pub fn wait_for<T>(what: &str, check: impl FnMut() -> Option<T>) -> T {
    wait_longer(1, what, check)
}

/// The same for what is done once a minute, so many rounds of it.
pub fn wait_longer<T>(minutes: u64, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60 * minutes);
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// A server process that is killed when dropped.
pub struct Server {
    name: &'static str,
    child: Child,
    command: Command,
    /// It has processes of its own, which a signal must reach too.
    has_children: bool,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// Its folder, removed with it.
    pub dir: TempDir,
}

impl Server {
    fn start(name: &'static str, port: u16, dir: TempDir, command: Command) -> Self {
        Self::start_all(name, port, dir, command, false)
    }

    fn start_all(name: &'static str, port: u16, dir: TempDir, mut command: Command, has_children: bool) -> Self {
        let log = fs::File::create(dir.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = spawn(name, &mut command);
        let mut server = Self { name, child, command, has_children, port, dir };
        server.wait_until_it_listens();
        server
    }

    /// Kills the server at once, as a crash would.
    pub fn kill(&mut self) {
        if self.has_children && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal("KILL");
        }
        // A process that was stopped cannot be reaped before it has been killed, which a stop does not hinder.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts a killed server again, on its port and with what it kept on disk.
    pub fn again(&mut self) {
        self.child = spawn(self.name, &mut self.command);
        self.wait_until_it_listens();
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `STOP` and `CONT`.
    pub fn signal(&self, name: &str) {
        let send = |whom: u32| Command::new("kill").arg(format!("-{name}")).arg(whom.to_string()).output().unwrap();
        assert!(send(self.child.id()).status.success());
        if self.has_children {
            // One of them may have ended meanwhile.
            children_of(self.child.id()).into_iter().map(send).for_each(drop);
        }
    }

    fn wait_until_it_listens(&mut self) {
        wait_for(self.name, || {
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
                panic!("{} ended with {status}: {log}", self.name);
            }
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
    }
}

/// The processes a process has started, each of which leads a session of its own where it is PostgreSQL's.
fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let is_child = |id: &u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|of| of.trim() == parent.to_string()))
    };
    ids.filter(is_child).collect()
}

fn spawn(name: &str, command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| panic!("{name} must be installed; `./run test` does it: {error}"))
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A private Mosquitto whose queue holds whatever a test publishes.
pub fn mosquitto() -> Server {
    mosquitto_with("")
}

/// The same, which keeps sessions and queues on disk and writes them every second: what it is told within the last second
/// before a crash is acknowledged and lost.
pub fn mosquitto_kept() -> Server {
    mosquitto_with("persistence true\nautosave_interval 1\n")
}

/// The same with more lines in its configuration; a later line wins.
pub fn mosquitto_with(more: &str) -> Server {
    let (port, dir) = (free_port(), TempDir::new().unwrap());
    let config = dir.path().join("mosquitto.conf");
    // Started by root it would become another user, who may not write in this folder.
    let user = if is_root() { "user root\n" } else { "" };
    let text = format!(
        "{user}listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 200\n\
         set_tcp_nodelay true\npersistence_location {}/\n{more}",
        dir.path().display()
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(find("mosquitto", &["/usr/sbin/mosquitto"]));
    command.arg("-c").arg(config);
    Server::start("mosquitto", port, dir, command)
}

/// A private Mosquitto that speaks TLS alone; with an authority it asks whoever comes for a certificate of that one.
pub fn mosquitto_over_tls(shown: &Certificate, trusted: Option<&Authority>) -> Server {
    let asks = trusted.map(|trusted| format!("cafile {}\nrequire_certificate true\n", trusted.file().display()));
    let more =
        format!("certfile {}\nkeyfile {}\n{}", shown.chain.display(), shown.key.display(), asks.unwrap_or_default());
    mosquitto_with(&more)
}

fn free_name() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.starts_with(b"0\n"))
}

fn find(name: &str, places: &[&str]) -> PathBuf {
    places.iter().map(Path::new).find(|path| path.exists()).map_or_else(|| PathBuf::from(name), Path::to_path_buf)
}

#[test]
fn private_servers_start_on_free_ports_and_end_with_the_test() {
    let (redis, mosquitto) = (redis(), mosquitto());
    assert_ne!(redis.port, mosquitto.port);
    assert!(postgres().starts_with("postgres://"));
    let port = redis.port;
    drop(redis);
    wait_for("redis to be gone", || TcpStream::connect(("127.0.0.1", port)).is_err().then_some(()));
}
