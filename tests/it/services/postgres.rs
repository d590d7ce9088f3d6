//! One PostgreSQL cluster for all tests of this run; each test takes a database of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

use super::{Server, free_name, free_port, is_root, wait_for};

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

/// Keeps everybody from a table for a while; returns once it is so.
pub fn hush_table(url: &str, table: &str, seconds: f64) -> Child {
    let mut psql = Command::new(postgres_tool("psql"))
        .args([url, "-qAt", "-c"])
        .arg(format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        .args(["-c", "SELECT 'locked'", "-c", &format!("SELECT pg_sleep({seconds})"), "-c", "COMMIT"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(psql.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "locked");
    psql
}

/// A PostgreSQL of one's own with an empty database `yunpark`; it is killed and stopped with all its processes.
pub fn postgres_alone() -> Server {
    let (port, dir) = (free_port(), TempDir::new().unwrap());
    let mut command = a_cluster(dir.path(), port);
    // What is killed here is a process; no machine loses its power.
    command.args(["-c", "shared_buffers=32MB"]);
    let server = Server::start_all("postgres", port, dir, command, true);
    wait_for("PostgreSQL", || asked(port, "SELECT 1").then_some(()));
    assert!(asked(port, "CREATE DATABASE yunpark"));
    server
}

fn start_cluster() -> Cluster {
    let port = free_port();
    // The cluster outlives this function and ends with the test process: `setpriv --pdeathsig` sees to that.
    // The signal comes when the thread that started it ends, so a thread of its own waits beside it.
    let dir = TempDir::new().unwrap().keep();
    let mut command = a_cluster(&dir, port);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(dir.join("log")).unwrap());
    std::thread::spawn(move || command.spawn().and_then(|mut child| child.wait()));
    wait_for("PostgreSQL", || asked(port, "SELECT 1").then_some(()));
    Cluster { port }
}

/// Makes a cluster in a folder; the command that runs it.
fn a_cluster(dir: &Path, port: u16) -> Command {
    let data = dir.join("data");
    let as_root = is_root();
    if as_root {
        assert!(Command::new("chown").arg("postgres").arg(dir).status().unwrap().success());
    }
    let run_as = |program: PathBuf| {
        let mut command = Command::new("setpriv");
        if as_root {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
        }
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    };
    let made = run_as(postgres_tool("initdb"))
        .current_dir(dir)
        .args(["-U", "yunpark", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
        .arg(&data)
        .stdout(Stdio::null())
        .status()
        .expect("PostgreSQL must be installed; `./run test` does it");
    assert!(made.success(), "initdb makes a cluster");
    let mut command = run_as(postgres_tool("postgres"));
    command
        .current_dir(dir)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200", "-k"])
        .arg(dir)
        .arg("-D")
        .arg(data);
    command
}

/// Whether a cluster carries a statement out.
fn asked(port: u16, statement: &str) -> bool {
    Command::new(postgres_tool("psql"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "yunpark", "-d", "postgres", "-qc", statement])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A tool of PostgreSQL, from the newest of Debian's versioned folders or the path.
fn postgres_tool(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let tools = versions.map(|version| version.path().join("bin").join(name)).filter(|tool| tool.exists());
    tools.max().unwrap_or_else(|| PathBuf::from(name))
}
