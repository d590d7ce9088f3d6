//! Files, folders and ports: who may read them, whether they can be written, how much room there is, who listens.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::Report;
use crate::{
    clock,
    config::{Config, Role},
    store::{Db, evidence::Evidence},
};

/// Less room than this is little, and too little, bytes.
const LITTLE: u64 = 5 << 30;
const TOO_LITTLE: u64 = 500 << 20;
/// Longest wait for who listens at our port.
const PATIENCE: Duration = Duration::from_secs(3);

/// Who may read and write what holds secrets.
pub(super) fn permissions(report: &mut Report, file: &Path, config: &Config) {
    let key = PathBuf::from(&config.enforcement.signing_key);
    let database = Db::file(config.store.url.reveal());
    let is_bucket = config.store.evidence_dir.starts_with("s3://");
    let evidence = (!is_bucket).then(|| PathBuf::from(&config.store.evidence_dir));
    let mut is_fine = true;
    for (path, others_may_not) in
        [(Some(file.to_owned()), 0o027), (Some(key), 0o077), (database, 0o027), (evidence, 0o027)]
    {
        let Some(path) = path else { continue };
        let Ok(known) = fs::metadata(&path) else { continue };
        let mode = known.permissions().mode() & 0o777;
        let told = format!("{} has mode {mode:04o}", path.display());
        let todo = format!("chmod {:04o} {}", mode & !others_may_not, path.display());
        if mode & others_may_not & 0o022 != 0 {
            report.bad("permissions", format!("{told}: others may change it"), todo);
            is_fine = false;
        } else if mode & others_may_not != 0 {
            report.warn("permissions", format!("{told}: others may read it"), todo);
            is_fine = false;
        }
    }
    if is_fine {
        report.ok("permissions", "config, key, database and evidence are for their owner");
    }
}

/// Whether evidence can be written, read and erased.
pub(super) async fn evidence(report: &mut Report, config: &Config) {
    let place = &config.store.evidence_dir;
    let tried = async {
        let evidence = Evidence::at(place)?;
        let digest = evidence.put(Bytes::from(format!("yunpark doctor {}", clock::new_id()))).await?;
        let is_whole = evidence.is_whole(digest).await?;
        evidence.erase(digest).await?;
        Ok::<_, crate::store::Error>(is_whole)
    };
    match tried.await {
        Ok(true) => report.ok("evidence", format!("{place}: a file was written, read and erased")),
        Ok(false) => report.bad("evidence", format!("{place} does not give back what it took"), "look at its disk"),
        Err(error) => {
            let todo = "check store.evidence_dir, its permissions, and for a bucket AWS_* in the environment";
            report.bad("evidence", error.to_string(), todo);
        }
    }
}

/// How much room the disks have that a node writes to.
pub(super) fn room(report: &mut Report, config: &Config) {
    let mut places = Vec::new();
    if !config.store.evidence_dir.starts_with("s3://") {
        places.push(PathBuf::from(&config.store.evidence_dir));
    }
    places.extend(Db::file(config.store.url.reveal()));
    if config.availability.redis_url.is_empty() && !config.availability.journal.is_empty() {
        places.push(PathBuf::from(&config.availability.journal));
    }
    let mut seen = Vec::new();
    for place in places {
        let folder = place.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
        let Ok(known) = rustix::fs::statvfs(folder) else { continue };
        if seen.contains(&known.f_fsid) {
            continue;
        }
        seen.push(known.f_fsid);
        let free = known.f_bavail.saturating_mul(known.f_frsize);
        let told = format!("{} has {:.1} GB free", folder.display(), free as f64 / 1e9);
        let todo = "make room or a larger disk; on a full one captures are refused";
        if free < TOO_LITTLE {
            report.bad("disk", told, todo);
        } else if free < LITTLE {
            report.warn("disk", told, todo);
        } else {
            report.ok("disk", told);
        }
    }
}

/// Whether the ports are free, or a node of ours has them.
pub(super) async fn ports(report: &mut Report, config: &Config) {
    let listen = &config.http.listen;
    match TcpListener::bind(listen).await {
        Ok(_) => report.ok("ports", format!("http.listen: {listen} is free")),
        Err(_) if is_a_node(listen).await => report.ok("ports", format!("http.listen: a node runs on {listen}")),
        Err(_) if !config.http.tls_cert.as_os_str().is_empty() => {
            report.warn(
                "ports",
                format!("http.listen: {listen} is taken"),
                "see that it is this node, which speaks HTTPS",
            );
        }
        Err(error) => {
            report.bad("ports", format!("http.listen: {listen}: {error}"), "stop who listens there, or choose another");
        }
    }
    let plays_mqtt = config.node.roles.iter().any(|role| matches!(role, Role::Ingest | Role::Guidance));
    if config.mqtt.url.is_empty() && plays_mqtt {
        let listen = &config.mqtt.embedded_listen;
        match TcpListener::bind(listen).await {
            Ok(_) => report.ok("ports", format!("mqtt.embedded_listen: {listen} is free")),
            Err(_) if is_a_node(&config.http.listen).await => {
                report.ok("ports", format!("mqtt.embedded_listen: {listen} is that node's"));
            }
            Err(error) => {
                let told = format!("mqtt.embedded_listen: {listen}: {error}");
                report.bad("ports", told, "stop who listens there, or choose another");
            }
        }
    }
}

/// Whether who listens answers as a node does.
async fn is_a_node(listen: &str) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(listen).await?;
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"ok")))
}
