//! `yunpark ledger verify`: one line that says the ledger is whole, or names the entry where it is not.

use std::{path::Path, process::ExitCode};

use super::output::{complain, say};
use crate::{
    config::Config,
    domain::ledger::Head,
    store::{
        Db,
        evidence::Evidence,
        verify::{Unproven, verify_through as prove},
    },
};

/// Proves the ledger of the configured database with the evidence beside it, and that it passes through a head noted earlier;
/// exit 1 if it is broken.
pub async fn verify(config: &Config, noted: Option<Head>) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&config.store).await?;
    let pending = db.pending_migrations().await?;
    if !pending.is_empty() {
        anyhow::bail!("the database lacks {}; run `yunpark migrate` first", pending.join(", "));
    }
    let evidence = Evidence::open(Path::new(&config.store.evidence_dir))?;
    let proof = prove(&db, Some(&evidence), noted).await;
    db.close().await;
    match proof {
        Ok(report) => Ok(say(&format!(
            "whole: {} entries, {} records, {} pieces of evidence, head {}",
            report.entries,
            report.checked_records,
            report.checked_evidence,
            report.head()
        ))),
        Err(Unproven::Broken(broken)) => Ok(complain(&format!("broken: {broken}"))),
        Err(Unproven::Store(error)) => Err(error.into()),
    }
}
