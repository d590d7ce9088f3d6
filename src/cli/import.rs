//! `yunpark import`: a city file into the store; every fault is listed, and nothing changes while one stands.

use std::{collections::BTreeMap, fmt::Write, process::ExitCode};

use serde_json::json;

use super::output::{complain, complain_each, say};
use crate::{
    cityfeed::known_codec,
    clock::Clock,
    config::{Config, Guidance},
    domain::{
        city::{Document, Fault, documents, read},
        ledger::{Kind, NewEntry},
        staff::Actor,
    },
    guidance::check,
    store::{
        Db,
        city::{self, Feature, Saved},
        ledger,
    },
};

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file's faults, every one.
    #[error("{} faults, the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Faults(Vec<Fault>),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

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
    let Saved { revision, added, changed, unchanged, retired } = store(&db, documents).await?;
    let _ = write!(
        summary,
        ": {added} added, {changed} changed, {unchanged} unchanged, {retired} retired; revision {revision}"
    );
    Ok(say(&summary))
}

/// Imports a city file that must be without fault.
pub async fn save(db: &Db, text: &str, guidance: &Guidance) -> Result<Saved, Error> {
    let documents = checked(text, guidance).map_err(Error::Faults)?;
    Ok(store(db, documents).await?)
}

fn checked(text: &str, guidance: &Guidance) -> Result<Vec<Document>, Vec<Fault>> {
    let city = read(text, &known_codec)?;
    let faults = check::faults(&city, guidance);
    if faults.is_empty() { documents(text) } else { Err(faults) }
}

async fn store(db: &Db, documents: Vec<Document>) -> Result<Saved, crate::store::Error> {
    let features: Vec<Feature> = documents
        .into_iter()
        .map(|document| Feature { kind: document.kind, id: document.id, doc: document.json })
        .collect();
    let mut tx = db.begin_write().await?;
    let now = Clock::System.now();
    let saved = city::save(&mut tx, &features, now).await?;
    if saved.added + saved.changed + saved.retired > 0 {
        let Saved { revision, added, changed, retired, .. } = saved;
        let entry = NewEntry {
            actor: Actor::System { rule: "import".to_owned() },
            kind: Kind::CityImported,
            subject_type: "city",
            subject_id: revision.to_string(),
            payload: json!({"added": added, "changed": changed, "retired": retired}),
            evidence: Vec::new(),
        };
        ledger::append(&mut tx, entry, now).await?;
    }
    tx.commit().await?;
    Ok(saved)
}
