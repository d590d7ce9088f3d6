//! A manifest against the ledger it names.

use super::{Unproven, broken, unparsed};
use crate::{
    domain::{
        ledger::{Entry, Kind},
        manifest::{FORMAT, Manifest},
    },
    store::{
        Tx,
        ledger::{read_entry, rows},
    },
};

/// Each capture of a manifest is covered by the entry it names, with the hash it names and the pictures it lists.
pub(super) async fn check(tx: &mut Tx, entry: &Entry, bytes: &[u8]) -> Result<(), Unproven> {
    let id = &entry.subject_id;
    let manifest: Manifest = serde_json::from_slice(bytes)
        .map_err(|error| broken(entry.seq, format!("the manifest of incident {id} cannot be read: {error}")))?;
    if manifest.format != FORMAT || manifest.incident != *id {
        return Err(broken(entry.seq, format!("the manifest of incident {id} is another one's")));
    }
    for covered in &manifest.captures {
        let page = rows(&mut *tx, covered.entry, 1).await?;
        let stands = page.first().map(read_entry).transpose().map_err(|error| unparsed(covered.entry, error))?;
        let is_covered = stands.is_some_and(|stands| {
            let pictures = covered.pictures.iter().map(|picture| picture.sha256);
            (stands.seq, stands.hash, stands.kind) == (covered.entry, covered.entry_hash, Kind::CaptureReceived)
                && stands.subject_id == covered.capture
                && stands.evidence.iter().copied().eq(pictures)
        });
        if !is_covered {
            let (capture, seq) = (&covered.capture, covered.entry);
            let why =
                format!("the manifest of incident {id} names capture {capture}, and entry {seq} does not cover it so");
            return Err(broken(entry.seq, why));
        }
    }
    Ok(())
}
