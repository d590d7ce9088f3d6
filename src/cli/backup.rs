//! `yunpark backup | restore`: the database and its evidence as one backup, and back into an empty place. Progress is told on
//! standard error, the result on standard output.

use std::{
    io::Write,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;

use super::output::{complain, say};
use crate::{
    clock::Clock,
    config::Config,
    lifecycle,
    store::{
        Db,
        backup::{self, Manifest, Source, Step},
        evidence::Evidence,
        verify::{Unproven, verify_through},
    },
};

/// Progress is told this often.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// Tells on standard error how far it has come, now and then.
struct Progress(Instant);

impl Progress {
    fn begin() -> Self {
        Self(Instant::now())
    }

    fn tell(&mut self, step: Step<'_>) {
        if self.0.elapsed() >= TELL_EVERY {
            self.0 = Instant::now();
            // Nobody who listens is no fault of the command.
            let _ = writeln!(std::io::stderr(), "{step}");
        }
    }
}

/// Backs up what the configuration names; exit 1 if a piece of evidence was gone or changed, though the rest is backed up.
pub async fn make(config: &Config, to: &Path) -> anyhow::Result<ExitCode> {
    if let Some(file) = Db::file(config.store.url.reveal()).filter(|file| !file.exists()) {
        anyhow::bail!("store.url: there is no database {}", file.display());
    }
    let db = Db::connect(&config.store).await?;
    let evidence = Evidence::at(&config.store.evidence_dir)?;
    let mut progress = Progress::begin();
    let manifest = {
        let mut tell = |step: Step<'_>| progress.tell(step);
        // Given up, it takes away what it had begun.
        tokio::select! {
            made = backup::make(&db, &evidence, to, Clock::System.now(), &mut tell) => made?,
            stopped = lifecycle::signal() => {
                stopped?;
                anyhow::bail!("stopped before it was whole; nothing is left of it");
            }
        }
    };
    db.close().await;
    say(&format!("backed up: {}, to {}", told(&manifest), to.display()));
    Ok(match manifest.evidence.missing.as_slice() {
        [] => ExitCode::SUCCESS,
        [first, ..] => complain(&format!(
            "not whole: {} pieces of evidence were gone or changed, the first is {first}; see `yunpark ledger verify`",
            manifest.evidence.missing.len()
        )),
    })
}

/// Restores into what the configuration names, or only checks; then proves the ledger.
pub async fn restore(config: &Config, from: &Path, check_only: bool) -> anyhow::Result<ExitCode> {
    let source = Source::open(from)?;
    let mut progress = Progress::begin();
    let file = Db::file(config.store.url.reveal()).filter(|file| !file.exists());
    // What cannot be restored into is told before a long check, but nothing is made yet.
    if !check_only && file.is_none() {
        let db = Db::connect(&config.store).await?;
        let empty = backup::is_empty(&db).await;
        db.close().await;
        empty?;
    }
    let manifest = backup::check(&source, &mut |step| progress.tell(step))?;
    if check_only {
        return Ok(say(&format!("whole: {}", told(&manifest))));
    }
    let put = async {
        let db = Db::connect(&config.store).await?;
        let evidence = Evidence::at(&config.store.evidence_dir)?;
        match backup::restore(&db, &evidence, &source, &manifest, &mut |step| progress.tell(step)).await {
            Ok(restored) => anyhow::Ok((db, evidence, restored)),
            Err(error) => {
                db.close().await;
                Err(error.into())
            }
        }
    };
    let (db, evidence, restored) = match put.await {
        Ok(put) => put,
        Err(error) => {
            if let Some(file) = file {
                remove(&file)?;
            }
            return Err(error);
        }
    };
    say(&format!(
        "restored: {}; {} files of evidence stored, {} were there",
        told(&manifest),
        restored.stored,
        restored.there
    ));
    let proof = verify_through(&db, Some(&evidence), Some(manifest.ledger)).await;
    db.close().await;
    match proof {
        Ok(report) => Ok(say(&format!(
            "whole: {} entries, {} records, {} pieces of evidence, head {}",
            report.entries,
            report.checked_records,
            report.checked_evidence,
            report.head()
        ))),
        Err(Unproven::Broken(broken)) => {
            Ok(complain(&format!("restored as it was, and the ledger is broken: {broken}")))
        }
        Err(Unproven::Store(error)) => Err(error.into()),
    }
}

/// Takes away a database that was made for a restore that failed.
fn remove(file: &Path) -> anyhow::Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| file.display().to_string());
            }
            _ => {}
        }
    }
    Ok(())
}

fn told(manifest: &Manifest) -> String {
    let rows: u64 = manifest.tables.iter().map(|table| table.rows).sum();
    format!(
        "{} tables, {rows} rows, {} files of evidence ({} bytes), migration {:04}, made {}, head {}",
        manifest.tables.len(),
        manifest.evidence.files,
        manifest.evidence.bytes,
        manifest.migrations.last().copied().unwrap_or_default(),
        manifest.made_at,
        manifest.ledger
    )
}
