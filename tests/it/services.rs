//! Private Redis, Mosquitto and PostgreSQL servers on free ports, stopped when the test ends.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A port nobody listens on at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Polls until `check` gives a value; fails the test after a generous deadline, saying what it waited for.
pub fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
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
    child: Child,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// Its folder, removed with it.
    pub dir: TempDir,
}

impl Server {
    fn start(name: &str, port: u16, dir: TempDir, command: &mut Command) -> Self {
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} must be installed; `./run test` does it: {error}"));
        let mut server = Self { child, port, dir };
        wait_for(name, || {
            if let Some(status) = server.child.try_wait().unwrap() {
                let log = fs::read_to_string(server.dir.path().join("log")).unwrap_or_default();
                panic!("{name} ended with {status}: {log}");
            }
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        server
    }

    /// Kills the server at once, as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A private Redis that keeps nothing on disk.
pub fn redis() -> Server {
    redis_on(free_port())
}

/// A private Redis on a port of one's choice: an empty server in the place of a dead one.
pub fn redis_on(port: u16) -> Server {
    let dir = TempDir::new().unwrap();
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]);
    command.arg(dir.path());
    Server::start("redis-server", port, dir, &mut command)
}

/// A private Mosquitto whose queue holds whatever a test publishes.
pub fn mosquitto() -> Server {
    let (port, dir) = (free_port(), TempDir::new().unwrap());
    let config = dir.path().join("mosquitto.conf");
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 200\nset_tcp_nodelay true\n"
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(find("mosquitto", &["/usr/sbin/mosquitto"]));
    command.arg("-c").arg(config);
    Server::start("mosquitto", port, dir, &mut command)
}

/// A PostgreSQL cluster shared by all tests of this run; each test takes a database of its own.
struct Cluster {
    port: u16,
}

/// A new, empty database: its `postgres://` address.
pub fn postgres() -> String {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(start_cluster);
    let name = format!("t{}", free_name());
    let status = Command::new(postgres_tool("psql"))
        .args(["-h", "127.0.0.1", "-p", &cluster.port.to_string(), "-U", "yunpark", "-d", "postgres", "-qc"])
        .arg(format!("CREATE DATABASE {name}"))
        .status()
        .unwrap();
    assert!(status.success(), "a database can be made");
    format!("postgres://yunpark@127.0.0.1:{}/{name}", cluster.port)
}

fn free_name() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn start_cluster() -> Cluster {
    let port = free_port();
    // The cluster outlives this function and ends with the test process: `setpriv --pdeathsig` sees to that.
    // The signal comes when the thread that started it ends, so a thread of its own waits beside it.
    let dir = TempDir::new().unwrap().keep();
    let data = dir.join("data");
    let as_root = is_root();
    if as_root {
        assert!(Command::new("chown").arg("postgres").arg(&dir).status().unwrap().success());
    }
    let run_as = |program: PathBuf| {
        if as_root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig", "KILL"]).arg(program);
            command
        } else {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL"]).arg(program);
            command
        }
    };
    let made = run_as(postgres_tool("initdb"))
        .current_dir(&dir)
        .args(["-U", "yunpark", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
        .arg(&data)
        .stdout(Stdio::null())
        .status()
        .expect("PostgreSQL must be installed; `./run test` does it");
    assert!(made.success(), "initdb makes a cluster");
    let mut command = run_as(postgres_tool("postgres"));
    command
        .current_dir(&dir)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200", "-k"])
        .arg(&dir)
        .arg("-D")
        .arg(&data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(dir.join("log")).unwrap());
    std::thread::spawn(move || command.spawn().and_then(|mut child| child.wait()));
    wait_for("PostgreSQL", || {
        Command::new(postgres_tool("psql"))
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "yunpark", "-d", "postgres", "-qc", "SELECT 1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok()
            .filter(std::process::ExitStatus::success)
    });
    Cluster { port }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.starts_with(b"0\n"))
}

/// A tool of PostgreSQL, from the newest of Debian's versioned folders or the path.
fn postgres_tool(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let tools = versions.map(|version| version.path().join("bin").join(name)).filter(|tool| tool.exists());
    tools.max().unwrap_or_else(|| PathBuf::from(name))
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
