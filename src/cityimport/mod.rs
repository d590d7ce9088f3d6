//! Bringing a city file into force: checked whole, compared with what stands, applied; one way for the command line and the
//! operators' page.

mod report;

pub use report::{Changed, Counts, FaultView, Named, Report, compared};

use serde_json::json;

use crate::{
    cityfeed::known_codec,
    config::Guidance,
    domain::{
        city::{Document, Fault, documents, read},
        ledger::{Digest, Kind, NewEntry},
        staff::Actor,
        time::Instant,
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
    /// Another city came into force since the file was looked at.
    #[error("another city was imported since this file was checked (now revision {now}); check it again")]
    Stale {
        /// The revision in force.
        now: u64,
    },
    /// The thread that read the file died.
    #[error("reading the file failed")]
    Died,
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

/// Who imports, and what is said of it in the ledger.
#[derive(Debug, Clone)]
pub struct Import<'a> {
    /// Who.
    pub actor: Actor,
    /// Why, if anybody says.
    pub reason: Option<&'a str>,
    /// The revision the file was compared with, if it was.
    pub compared_with: Option<u64>,
    /// When.
    pub now: Instant,
}

/// The documents of a file without fault, or every fault of it: of the format, and of what signs could not show.
pub fn checked(text: &str, guidance: &Guidance) -> Result<Vec<Document>, Vec<Fault>> {
    let city = read(text, &known_codec)?;
    let faults = check::faults(&city, guidance);
    if faults.is_empty() { documents(text) } else { Err(faults) }
}

/// The same on a thread that may be busy for long: a province's file takes seconds.
async fn checked_aside(text: &str, guidance: &Guidance) -> Result<Result<Vec<Document>, Vec<Fault>>, Error> {
    let (text, guidance) = (text.to_owned(), guidance.clone());
    tokio::task::spawn_blocking(move || checked(&text, &guidance)).await.map_err(|_| Error::Died)
}

/// Brings a file into force; what it changed.
pub async fn apply(db: &Db, text: &str, guidance: &Guidance, import: Import<'_>) -> Result<Saved, Error> {
    let documents = checked_aside(text, guidance).await?.map_err(Error::Faults)?;
    let features: Vec<Feature> = documents
        .into_iter()
        .map(|document| Feature { kind: document.kind, id: document.id, doc: document.json })
        .collect();
    let mut tx = db.begin_write().await?;
    let saved = city::save(&mut tx, &features, import.now).await?;
    let before =
        if saved.added + saved.changed + saved.retired > 0 { saved.revision.saturating_sub(1) } else { saved.revision };
    if let Some(compared_with) = import.compared_with
        && compared_with != before
        && compared_with != saved.revision
    {
        return Err(Error::Stale { now: before });
    }
    if saved.added + saved.changed + saved.retired > 0 {
        let Saved { revision, added, changed, retired, .. } = saved;
        let mut payload =
            json!({"added": added, "changed": changed, "retired": retired, "sha256": Digest::of(text.as_bytes())});
        if let Some(reason) = import.reason {
            payload["reason"] = reason.into();
        }
        let entry = NewEntry {
            actor: import.actor,
            kind: Kind::CityImported,
            subject_type: "city",
            subject_id: revision.to_string(),
            payload,
            evidence: Vec::new(),
        };
        ledger::append(&mut tx, entry, import.now).await?;
    }
    tx.commit().await?;
    Ok(saved)
}
