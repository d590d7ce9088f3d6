//! The manifest of an incident, made when a person decides of it: kept by its hash like a picture, named in the ledger, and with that
//! under the day's signed head.

use bytes::Bytes;
use serde_json::json;

use super::{Desk, Error};
use crate::{
    domain::{
        capture::{Capture, Source},
        incident::Incident,
        ledger::{Kind, NewEntry, canonical},
        manifest::{Covered, FORMAT, Manifest, Picture},
        staff::Actor,
        time::Instant,
    },
    store::{
        Tx,
        evidence::{self, Piece},
        ledger,
    },
};

/// Entries about one capture that are looked through for the one that took it in.
const MAX_ENTRIES: u32 = 16;

impl Desk {
    /// Makes an incident's manifest, and enters it.
    pub(super) async fn make_manifest(
        &self,
        tx: &mut Tx,
        incident: &Incident,
        captures: &[Capture],
        actor: Actor,
        now: Instant,
    ) -> Result<(), Error> {
        let mut covered = Vec::with_capacity(captures.len());
        for capture in captures {
            covered.push(cover(tx, capture).await?);
        }
        let (format, incident_id, zone) = (FORMAT.to_owned(), incident.id.clone(), incident.zone.clone());
        let manifest = Manifest { format, incident: incident_id, zone, at: now, captures: covered };
        let text = canonical(&serde_json::to_value(&manifest).unwrap_or_default());
        let piece = Piece {
            bytes: text.len() as u32,
            sha256: self.evidence.put(Bytes::from(text)).await?,
            width_px: 0,
            height_px: 0,
            media_type: "application/json".to_owned(),
            taken_at: None,
        };
        evidence::note(tx, &piece, now).await?;
        let entry = NewEntry {
            actor,
            kind: Kind::ManifestMade,
            subject_type: "incident",
            subject_id: incident.id.clone(),
            payload: json!({"captures": captures.len()}),
            evidence: vec![piece.sha256],
        };
        ledger::append(tx, entry, now).await?;
        Ok(())
    }

    /// An incident's manifest as it is kept; `None` while nobody decided of it.
    pub async fn manifest(&self, id: &str) -> Result<Option<Bytes>, Error> {
        let mut tx = self.db.begin_read().await?;
        let entries = ledger::about(&mut tx, "incident", id, MAX_ENTRIES).await?;
        let made = entries.into_iter().find(|entry| entry.kind == Kind::ManifestMade);
        match made.and_then(|entry| entry.evidence.first().copied()) {
            Some(digest) => Ok(self.evidence.get(digest).await?),
            None => Ok(None),
        }
    }
}

/// A capture with its pictures and the entry that took it in.
async fn cover(tx: &mut Tx, capture: &Capture) -> Result<Covered, Error> {
    let entries = ledger::about(&mut *tx, "capture", &capture.id, MAX_ENTRIES).await?;
    let entry = entries.into_iter().find(|entry| entry.kind == Kind::CaptureReceived);
    let entry = entry.ok_or(Error::NotFound("entry of the capture"))?;
    let mut pictures = Vec::with_capacity(capture.pictures.len());
    for sha256 in &capture.pictures {
        let piece = evidence::find(&mut *tx, *sha256).await?.ok_or(Error::NotFound("picture"))?;
        pictures.push(Picture {
            sha256: piece.sha256,
            bytes: piece.bytes,
            width_px: piece.width_px,
            height_px: piece.height_px,
            media_type: piece.media_type,
        });
    }
    Ok(Covered {
        capture: capture.id.clone(),
        camera: match &capture.source {
            Source::Camera(id) => Some(id.as_str().to_owned()),
            Source::Staff(_) => None,
        },
        at: capture.at,
        received_at: capture.received_at,
        entry: entry.seq,
        entry_hash: entry.hash,
        pictures,
    })
}
