//! A real `yunpark serve` process on free ports, with a small city, and the ways a user reaches it.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::services::{free_port, wait_for};

/// Name and password of the staff that each node knows.
pub const STAFF: [(&str, &str, &str); 2] =
    [("wang", "officer", "correct horse"), ("li", "supervisor", "battery staple")];
/// Token of the camera `CAM-1`.
pub const CAMERA_TOKEN: &str = "camera-token-1";

/// Where a node's parts stand; empty addresses mean the embedded ones.
#[derive(Default, Clone)]
pub struct Places {
    /// `mqtt://...`
    pub mqtt: String,
    /// `redis://...`
    pub redis: String,
    /// `postgres://...`; empty means SQLite.
    pub sql: String,
    /// More lines for its `[mqtt]`.
    pub mqtt_more: String,
    /// More TOML for its section `availability`.
    pub availability: String,
    /// More TOML for the configuration file.
    pub more: String,
}

/// A node's process, its folder and its addresses.
pub struct Node {
    child: Option<Child>,
    /// Its folder.
    pub dir: TempDir,
    /// Its configuration file.
    pub config: PathBuf,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
    /// Port of its HTTP door.
    pub http: u16,
    /// Port of its broker.
    pub mqtt: u16,
}

impl Node {
    /// Writes the configuration, imports `city`, adds the staff; the process is not started yet.
    pub fn prepare(places: &Places, city: &Value) -> Self {
        let node = Self::configure(places);
        let file = node.dir.path().join("city.geojson");
        fs::write(&file, city.to_string()).unwrap();
        let imported = node.command(&["import", "--config", node.path(), file.to_str().unwrap()], "");
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        for (name, role, password) in STAFF {
            let added = node.command(&["user", "add", name, "--role", role, "--config", node.path()], password);
            assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        }
        node
    }

    /// Starts a node beside others whose database it shares: city and staff are there already.
    pub fn beside(places: &Places) -> Self {
        let mut node = Self::configure(places);
        node.run();
        node
    }

    /// Writes the configuration.
    fn configure(places: &Places) -> Self {
        let dir = TempDir::new().unwrap();
        let (http, embedded) = (free_port(), free_port());
        let here = dir.path().display();
        let sql = if places.sql.is_empty() { format!("sqlite://{here}/yunpark.db") } else { places.sql.clone() };
        let text = format!(
            r#"
[http]
listen = "127.0.0.1:{http}"
[mqtt]
url = "{mqtt}"
embedded_listen = "127.0.0.1:{embedded}"
client_id = "yunpark-{http}"
{mqtt_more}
[store]
url = "{sql}"
evidence_dir = "{here}/evidence"
[availability]
redis_url = "{redis}"
journal = "{here}/availability.journal"
{availability}
[guidance]
# A test that publishes a count asks for that count; panels that are to look ahead say so in the city file.
policy = "thresholds"
min_dwell_ms = 0
[enforcement.cameras]
CAM-1 = {{ token = "{CAMERA_TOKEN}", viid_password = "Passw0rd!" }}
{more}
"#,
            mqtt = places.mqtt,
            redis = places.redis,
            mqtt_more = places.mqtt_more,
            availability = places.availability,
            more = places.more,
        );
        let config = dir.path().join("yunpark.toml");
        fs::write(&config, text).unwrap();
        let mqtt = places.mqtt.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(embedded);
        Self { child: None, dir, config, env: Vec::new(), http, mqtt }
    }

    /// Prepares and starts a node.
    pub fn start(places: &Places, city: &Value) -> Self {
        let mut node = Self::prepare(places, city);
        node.run();
        node
    }

    /// The configuration file's path as text.
    pub fn path(&self) -> &str {
        self.config.to_str().unwrap()
    }

    /// Starts the process and waits until it is ready.
    pub fn run(&mut self) {
        self.begin();
        wait_for("the node to be ready", || {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                panic!("the node ended with {status}: {}", self.log());
            }
            let (status, body) = self.get("/readyz")?;
            (status == 200 && body["ready"] == true).then_some(())
        });
    }

    /// Starts the process.
    pub fn begin(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_yunpark"))
            .args(["serve", "--config", self.path()])
            // A variable of our prefix without a section, as a shell may hold, is none of ours.
            .env("YUNPARK_CACHE", "elsewhere")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// What the process has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Kills the process as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// How it ended by itself, if it did.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.as_mut()?.try_wait().unwrap()
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Sends a signal, such as `STOP` and `CONT`.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Asks the process to stop (SIGTERM); its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        child.wait().unwrap().code()
    }

    /// Runs a `yunpark` command to its end.
    pub fn command(&self, arguments: &[&str], input: &str) -> Output {
        use std::io::Write;
        let mut child = Command::new(env!("CARGO_BIN_EXE_yunpark"))
            .args(arguments)
            .current_dir(self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// The address of a path of the HTTP door.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    /// `GET`: status and JSON body (null if it is none); `None` when nothing answers.
    pub fn get(&self, path: &str) -> Option<(u16, Value)> {
        self.ask("GET", path, &[], None)
    }

    /// `GET`: the body as it is; empty when nothing answers.
    pub fn text(&self, path: &str) -> String {
        let output = Command::new("curl").args(["-sS", "--max-time", "20"]).arg(self.url(path)).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The sum of a metric over all its labels; 0 while it is not there, or nothing answers.
    pub fn metric(&self, name: &str) -> f64 {
        let output = Command::new("curl").args(["-sS", "--max-time", "20", &self.url("/metrics")]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let values =
            text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// A request with headers and a JSON body, through curl as a stranger would.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Option<(u16, Value)> {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "20", "-X", method, "-w", "\n%{http_code}"]);
        for (name, value) in headers {
            command.args(["-H", &format!("{name}: {value}")]);
        }
        // The body goes through a file: an argument has a limit of its own.
        let file = tempfile::NamedTempFile::new().unwrap();
        if let Some(body) = body {
            fs::write(file.path(), body.to_string()).unwrap();
            command.args(["-H", "Content-Type: application/json", "--data-binary"]);
            command.arg(format!("@{}", file.path().display()));
        }
        let output = command.arg(self.url(path)).output().unwrap();
        if !output.status.success() {
            return None;
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let (body, status) = text.rsplit_once('\n')?;
        Some((status.parse().ok()?, serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// Signs in and gives the bearer header's value.
    pub fn sign_in(&self, name: &str) -> String {
        let (_, _, password) = STAFF.iter().find(|(known, _, _)| *known == name).unwrap();
        let body = serde_json::json!({"name": name, "password": password});
        let (status, session) = self.ask("POST", "/api/v1/session", &[], Some(&body)).unwrap();
        assert_eq!(status, 200, "{session}");
        format!("Bearer {}", session["token"].as_str().unwrap())
    }

    /// Publishes with `mosquitto_pub`, QoS 1.
    pub fn publish(&self, topic: &str, payload: &str) {
        let status = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &self.mqtt.to_string(), "-q", "1", "-t", topic, "-m", payload])
            .status()
            .expect("mosquitto-clients must be installed; `./run test` does it");
        assert!(status.success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "--- the node's log ---\n{}", self.log());
        }
        self.kill();
    }
}
