//! `yunpark ledger verify | check | export`: one line that says the ledger, or a record's proof, is whole, or names the entry where
//! it is not; and the ledger as a file that others can check.

use std::{io::Write, path::Path, process::ExitCode, time::Duration};

use anyhow::Context;
use serde::Deserialize;

use super::output::{complain, say};
use crate::{
    cityfeed::CityFeed,
    clock::Clock,
    config::Config,
    domain::ledger::{
        Head,
        signed::{Proof, SignedHead, TellingEntry},
    },
    enforcement::heads::{Signer, key_of},
    store::{
        Db,
        evidence::Evidence,
        heads, ledger,
        verify::{Unproven, verify_through as prove},
    },
};

/// Proves the ledger of the configured database with the evidence beside it, and that it passes through a head noted earlier;
/// exit 1 if it is broken. Files of evidence that belong to nothing are counted, and removed if they are older than `sweep`.
pub async fn verify(config: &Config, noted: Option<Head>, sweep: Option<Duration>) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&config.store).await?;
    let pending = db.pending_migrations().await?;
    if !pending.is_empty() {
        anyhow::bail!("the database lacks {}; run `yunpark migrate` first", pending.join(", "));
    }
    let evidence = Evidence::at(&config.store.evidence_dir)?;
    let proof = prove(&db, Some(&evidence), noted).await;
    let strays = if proof.is_ok() { swept(&db, &evidence, sweep).await? } else { String::new() };
    db.close().await;
    match proof {
        Ok(report) => Ok(say(&format!(
            "whole: {} entries, {} records, {} pieces of evidence{strays}, head {}",
            report.entries,
            report.checked_records,
            report.checked_evidence,
            report.head()
        ))),
        Err(Unproven::Broken(broken)) => Ok(complain(&format!("broken: {broken}"))),
        Err(Unproven::Store(error)) => Err(error.into()),
    }
}

/// Counts the files that belong to nothing, and removes those that are old enough; how that is told.
async fn swept(db: &Db, evidence: &Evidence, sweep: Option<Duration>) -> anyhow::Result<String> {
    let strays = evidence.strays(db, sweep.unwrap_or_default()).await?;
    if strays.is_empty() {
        return Ok(String::new());
    }
    if sweep.is_none() {
        return Ok(format!(" and {} files that belong to nothing (--sweep removes them)", strays.len()));
    }
    for stray in &strays {
        evidence.remove(stray).await.with_context(|| stray.path.clone())?;
    }
    Ok(format!(", {} files that belonged to nothing removed", strays.len()))
}

/// Entries written at once.
const PAGE: u32 = 1000;

/// A signed head from the file it was published in, with its signature checked.
pub fn signed_head(file: &Path) -> anyhow::Result<Head> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let head: SignedHead =
        serde_json::from_str(&text).with_context(|| format!("{}: no signed head", file.display()))?;
    head.check(None)?;
    Ok(Head { seq: head.seq, hash: head.hash })
}

/// Signs and publishes the head of the configured ledger.
pub async fn sign(config: &Config) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&config.store).await?;
    let (_feed, city) = CityFeed::load(db.clone()).await?;
    let key = key_of(Path::new(&config.enforcement.signing_key))?;
    let signer = Signer::new(db.clone(), Clock::System, city, key, config.enforcement.heads_dir.clone().into());
    let head = signer.sign_now().await?;
    db.close().await;
    Ok(match head {
        Some(head) => say(&format!("signed: entry {}, key {}", head.seq, head.public_key)),
        None => complain("nothing was signed: the ledger is empty, or has a gap (see ledger verify)"),
    })
}

/// Checks the proofs of a record against the key; needs no database.
pub fn check(file: &Path, key: Option<&str>) -> anyhow::Result<ExitCode> {
    #[derive(Deserialize)]
    struct File {
        number: String,
        proofs: Vec<Proof>,
        not_yet_covered: u64,
    }
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let told: File = serde_json::from_str(&text).with_context(|| format!("{}: no proof", file.display()))?;
    for proof in &told.proofs {
        if let Err(error) = proof.check(key) {
            return Ok(complain(&format!("broken: {error}")));
        }
        if !proof.entry.payload.contains(&format!("\"number\":\"{}\"", told.number)) {
            return Ok(complain(&format!("broken: entry {} is not about record {}", proof.entry.seq, told.number)));
        }
    }
    if told.proofs.is_empty() {
        return Ok(complain("nothing is proven: no signed head covers this record yet"));
    }
    Ok(say(&format!(
        "proven: record {}, {} entries, {} made since the newest head",
        told.number,
        told.proofs.len(),
        told.not_yet_covered
    )))
}

/// Writes the ledger, one entry a line, then the newest signed head; memory does not grow with it.
pub async fn export(config: &Config, out: &Path) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&config.store).await?;
    let mut tx = db.begin_read().await?;
    let file = std::fs::File::create(out).with_context(|| out.display().to_string())?;
    let mut file = std::io::BufWriter::new(file);
    let mut count = 0;
    loop {
        let page = ledger::entries(&mut tx, count + 1, PAGE).await?;
        for entry in &page {
            serde_json::to_writer(&mut file, &TellingEntry::from(entry))?;
            file.write_all(b"\n")?;
            count += 1;
        }
        if page.len() < PAGE as usize {
            break;
        }
    }
    let head = heads::newest(&mut tx).await?.map(|(head, _)| head);
    if let Some(head) = &head {
        serde_json::to_writer(&mut file, &serde_json::json!({"head": head}))?;
        file.write_all(b"\n")?;
    }
    file.into_inner()?.sync_all()?;
    drop(tx);
    db.close().await;
    let signed = head.map_or("none is signed".to_owned(), |head| format!("signed at entry {}", head.seq));
    Ok(say(&format!("written: {count} entries, {signed}")))
}
