//! A real `yunpark serve`, and what it says and costs.

#![allow(dead_code, clippy::allow_attributes, reason = "each benchmark uses its part")]

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::rig::{Failure, free_port, processor_s};

/// A node as it is installed, with everything as configured by default but its addresses.
pub struct Node {
    child: Child,
    http: u16,
    folder: TempDir,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn yunpark(verb: &str, config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yunpark"));
    command.arg(verb).arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn serve(folder: &TempDir) -> Result<Child, Failure> {
    let log = fs::File::create(folder.path().join("log"))?;
    Ok(yunpark("serve", &folder.path().join("yunpark.toml")).stderr(log).spawn()?)
}

impl Node {
    /// Imports the city and waits until the node is ready; `http` are further lines of that section.
    pub fn start(broker: u16, city: &str, http_lines: &str) -> Result<Self, Failure> {
        let (folder, http) = (tempfile::tempdir()?, free_port()?);
        let here = folder.path().display();
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:{http}\"\n{http_lines}[mqtt]\nurl = \"mqtt://127.0.0.1:{broker}\"\n\
             client_id = \"node-{http}\"\n[store]\nurl = \"sqlite://{here}/yunpark.db\"\n\
             evidence_dir = \"{here}/evidence\"\n[availability]\njournal = \"{here}/journal\"\n"
        );
        let (config, file) = (folder.path().join("yunpark.toml"), folder.path().join("city.geojson"));
        fs::write(&config, text)?;
        fs::write(&file, city)?;
        let imported = yunpark("import", &config).arg(&file).output()?;
        if !imported.status.success() {
            return Err(String::from_utf8_lossy(&imported.stderr).into_owned().into());
        }
        let child = serve(&folder)?;
        let node = Self { child, http, folder };
        node.wait()?;
        Ok(node)
    }

    /// Ends it at once, as a loss of power does.
    pub fn kill(&mut self) {
        // A process that is gone already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again after [`Self::kill`] and waits until it is ready.
    pub fn start_again(&mut self) -> Result<(), Failure> {
        self.child = serve(&self.folder)?;
        self.wait()
    }

    /// The address of its database.
    pub fn store(&self) -> String {
        format!("sqlite://{}/yunpark.db", self.folder.path().display())
    }

    fn wait(&self) -> Result<(), Failure> {
        let patience = Instant::now() + Duration::from_secs(60);
        while !self.get("/readyz").is_ok_and(|view| view["ready"] == true) {
            if Instant::now() > patience {
                return Err("the node does not become ready".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The JSON of a path.
    pub fn get(&self, path: &str) -> Result<Value, Failure> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n").ok_or("no answer")?;
        Ok(serde_json::from_slice(&answer[head + 4..])?)
    }

    /// The port of its HTTP door.
    pub fn port(&self) -> u16 {
        self.http
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Processor time of all its threads so far, seconds.
    pub fn processor_s(&self) -> Result<f64, Failure> {
        processor_s(self.child.id())
    }
}
