//! One PostgreSQL cluster for all tests of this run; each test takes a database of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

use super::{Certificate, Server, free_name, free_port, is_root, wait_for};

/// A PostgreSQL cluster shared by all tests of this run; each test takes a database of its own.
struct Cluster {
    port: u16,
}

/// A new, empty database: its `postgres://` address.
pub fn postgres() -> String {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    a_database(CLUSTER.get_or_init(|| start_cluster(None)))
}

/// The same in a cluster of its own that takes nobody from the network but over TLS.
pub fn postgres_over_tls(shown: &Certificate) -> String {
    a_database(&start_cluster(Some(shown)))
}

fn a_database(cluster: &Cluster) -> String {
    let name = format!("t{}", free_name());
    let url = format!("postgres://yunpark@127.0.0.1:{}", cluster.port);
    sql(&format!("{url}/postgres?sslmode=prefer"), &format!("CREATE DATABASE {name}")).expect("a database can be made");
    format!("{url}/{name}")
}

/// What `psql` answers to a statement, a row a line; or its complaint.
pub fn sql(url: &str, statement: &str) -> Result<String, String> {
    let told = Command::new(postgres_tool("psql"))
        .args([url, "-v", "ON_ERROR_STOP=1", "-qAtc", statement])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if told.status.success() { Ok(text(&told.stdout)) } else { Err(text(&told.stderr)) }
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
    make_cluster(dir.path());
    let command = server_of(dir.path(), port);
    let server = Server::start_all("postgres", port, dir, command, true);
    wait_for("PostgreSQL", || asked(port, "SELECT 1").then_some(()));
    assert!(asked(port, "CREATE DATABASE yunpark"));
    server
}

/// A cluster of its own and a replica that follows it.
pub struct Pair {
    /// A database of the one that takes writes.
    pub url: String,
    /// The same database on the replica.
    pub replica_url: String,
    replica: PathBuf,
}

impl Pair {
    /// Starts both.
    pub fn start() -> Self {
        let (main, folder) = (start_cluster(None), new_folder());
        let data = folder.join("data");
        let copied = as_postgres(postgres_tool("pg_basebackup"))
            .args(["-h", "127.0.0.1", "-p", &main.port.to_string(), "-U", "yunpark", "-c", "fast", "-R", "-D"])
            .arg(&data)
            .status()
            .unwrap();
        assert!(copied.success(), "a replica begins as a copy");
        let replica = serve(&folder, free_port());
        let url = |port: u16| format!("postgres://yunpark@127.0.0.1:{port}/postgres");
        Self { url: url(main.port), replica_url: url(replica.port), replica: data }
    }

    /// Kills the replica.
    pub fn lose_replica(&self) {
        let stopped = as_postgres(postgres_tool("pg_ctl"))
            .args(["stop", "-s", "-m", "immediate", "-D"])
            .arg(&self.replica)
            .status();
        assert!(stopped.unwrap().success());
    }
}

fn start_cluster(shown: Option<&Certificate>) -> Cluster {
    let folder = TempDir::new().unwrap().keep();
    make_cluster(&folder);
    if let Some(shown) = shown {
        show_certificate(&folder.join("data"), shown);
    }
    serve(&folder, free_port())
}

/// Makes a cluster's data in a folder.
fn make_cluster(folder: &Path) {
    give_to_postgres(folder);
    let made = as_postgres(postgres_tool("initdb"))
        .current_dir(folder)
        .args(["-U", "yunpark", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
        .arg(folder.join("data"))
        .stdout(Stdio::null())
        .status()
        .expect("PostgreSQL must be installed; `./run test` does it");
    assert!(made.success(), "initdb makes a cluster");
}

/// Lets a cluster be spoken to over TLS alone.
fn show_certificate(data: &Path, shown: &Certificate) {
    // The server takes a key only from its own user, or from root and its group.
    let (chain, key) = (data.join("server.crt"), data.join("server.key"));
    fs::copy(&shown.chain, &chain).unwrap();
    fs::copy(&shown.key, &key).unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    give_to_postgres(&chain);
    give_to_postgres(&key);
    fs::write(data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
    fs::write(data.join("postgresql.auto.conf"), "ssl = on\n").unwrap();
}

fn give_to_postgres(folder: &Path) {
    if is_root() {
        assert!(Command::new("chown").arg("postgres").arg(folder).status().unwrap().success());
    }
}

/// A folder that PostgreSQL may write to; it outlives the test, whose servers end with the process.
fn new_folder() -> PathBuf {
    let folder = TempDir::new().unwrap().keep();
    give_to_postgres(&folder);
    folder
}

/// A program run as PostgreSQL wants to be run, never as root.
fn as_postgres(program: PathBuf) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// What serves the data in a folder.
fn server_of(folder: &Path, port: u16) -> Command {
    let mut command = as_postgres(postgres_tool("postgres"));
    command
        .current_dir(folder)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200", "-k"])
        .arg(folder)
        .arg("-D")
        .arg(folder.join("data"));
    command
}

/// Serves the data in a folder.
fn serve(folder: &Path, port: u16) -> Cluster {
    let mut command = server_of(folder, port);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(folder.join("log")).unwrap());
    // The cluster outlives this function and ends with the test process: `setpriv --pdeathsig` sees to that.
    // The signal comes when the thread that started it ends, so a thread of its own waits beside it.
    std::thread::spawn(move || command.spawn().and_then(|mut child| child.wait()));
    wait_for("PostgreSQL", || asked(port, "SELECT 1").then_some(()));
    Cluster { port }
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
