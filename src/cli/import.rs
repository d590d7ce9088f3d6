//! `yunpark import`: a city file into the store; every fault is listed, and nothing changes while one stands.

use std::{collections::BTreeMap, fmt::Write, process::ExitCode};

use super::output::{complain, complain_each, say};
use crate::{
    cityimport::{self, Error, Import, checked},
    clock::Clock,
    config::{Config, Guidance},
    domain::staff::Actor,
    store::{Db, city::Saved},
};

/// Imports a city file, or only lists its faults; exit 1 while a fault stands.
pub async fn run(config: &Config, text: &str, dry_run: bool) -> anyhow::Result<ExitCode> {
    let documents = match checked(text, &config.guidance) {
        Ok(documents) => documents,
        Err(faults) => {
            complain_each(&faults);
            return Ok(complain(&format!("{} faults; nothing was changed", faults.len())));
        }
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for document in &documents {
        *counts.entry(&document.kind).or_default() += 1;
    }
    let mut summary = counts.iter().fold(String::new(), |mut line, (kind, count)| {
        let _ = write!(line, "{}{count} {kind}", if line.is_empty() { "" } else { ", " });
        line
    });
    if dry_run {
        summary.push_str(": no faults; nothing was changed");
        return Ok(say(&summary));
    }
    let db = Db::connect(&config.store).await?;
    db.migrate().await?;
    let Saved { revision, added, changed, unchanged, retired } = save(&db, text, &config.guidance).await?;
    let _ = write!(
        summary,
        ": {added} added, {changed} changed, {unchanged} unchanged, {retired} retired; revision {revision}"
    );
    Ok(say(&summary))
}

/// Imports a city file that must be without fault.
pub async fn save(db: &Db, text: &str, guidance: &Guidance) -> Result<Saved, Error> {
    let import = Import {
        actor: Actor::System { rule: "import".to_owned() },
        reason: None,
        compared_with: None,
        now: Clock::System.now(),
    };
    cityimport::apply(db, text, guidance, import).await
}
