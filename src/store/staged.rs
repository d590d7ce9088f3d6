//! What cameras told in parts: pictures waiting for their vehicle, and vehicles waiting for their pictures.

use super::{Error, On, Tx, query};
use crate::domain::{ids::CameraId, ledger::Digest, time::Instant};

/// A picture that came apart from its vehicle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Its content hash.
    pub sha256: Digest,
    /// When it was taken.
    pub taken_at: Option<Instant>,
}

/// A picture of a camera by the name the camera gave it.
pub async fn picture(on: impl Into<On<'_>>, camera: &CameraId, name: &str) -> Result<Option<Staged>, Error> {
    let text = "SELECT sha256, taken_at_us FROM staged_pictures WHERE camera = $1 AND name = $2";
    let row = query("staged_pictures", text).bind(camera.as_str()).bind(name).fetch_optional(on).await?;
    row.map(|row| Ok(Staged { sha256: row.parse("sha256", Digest::parse)?, taken_at: row.instant_opt("taken_at_us")? }))
        .transpose()
}

/// Keeps a picture until its vehicle is told; one that is there stays as it is.
pub async fn stage(tx: &mut Tx, camera: &CameraId, name: &str, staged: &Staged, now: Instant) -> Result<(), Error> {
    let text = "INSERT INTO staged_pictures (camera, name, sha256, taken_at_us, staged_at_us) VALUES ($1, $2, $3, $4, $5) \
                ON CONFLICT (camera, name) DO NOTHING";
    query("staged_pictures", text)
        .bind(camera.as_str())
        .bind(name)
        .bind(staged.sha256.to_string())
        .bind(staged.taken_at)
        .bind(now)
        .execute(tx)
        .await
        .map(|_| ())
}

/// Keeps what a camera told of a vehicle until its pictures come; what was told first stands.
pub async fn draft(
    tx: &mut Tx,
    camera: &CameraId,
    key: &str,
    said: &str,
    awaited: &[String],
    now: Instant,
) -> Result<(), Error> {
    let text = "INSERT INTO capture_drafts (camera, draft_key, said, drafted_at_us) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (camera, draft_key) DO NOTHING";
    query("capture_drafts", text).bind(camera.as_str()).bind(key).bind(said).bind(now).execute(&mut *tx).await?;
    for name in awaited {
        let text = "INSERT INTO awaited_pictures (camera, name, draft_key) VALUES ($1, $2, $3) \
                    ON CONFLICT (camera, name, draft_key) DO NOTHING";
        query("awaited_pictures", text).bind(camera.as_str()).bind(name).bind(key).execute(&mut *tx).await?;
    }
    Ok(())
}

/// What a camera told under a key.
pub async fn drafted(on: impl Into<On<'_>>, camera: &CameraId, key: &str) -> Result<Option<String>, Error> {
    let text = "SELECT said FROM capture_drafts WHERE camera = $1 AND draft_key = $2";
    let row = query("capture_drafts", text).bind(camera.as_str()).bind(key).fetch_optional(on).await?;
    row.map(|row| row.get("said")).transpose()
}

/// The keys of drafts that wait for a picture.
pub async fn waiting_for(on: impl Into<On<'_>>, camera: &CameraId, name: &str) -> Result<Vec<String>, Error> {
    let text = "SELECT draft_key FROM awaited_pictures WHERE camera = $1 AND name = $2 ORDER BY draft_key";
    let rows = query("awaited_pictures", text).bind(camera.as_str()).bind(name).fetch_all(on).await?;
    rows.iter().map(|row| row.get("draft_key")).collect()
}

/// A draft got a picture, or all it waited for when no name is given; it is forgotten once it waits for none.
pub async fn settle(tx: &mut Tx, camera: &CameraId, key: &str, name: Option<&str>) -> Result<(), Error> {
    let text = "DELETE FROM awaited_pictures WHERE camera = $1 AND draft_key = $2 AND ($3 = '' OR name = $3)";
    let settle = query("awaited_pictures", text).bind(camera.as_str()).bind(key).bind(name.unwrap_or_default());
    settle.execute(&mut *tx).await?;
    let text = "DELETE FROM capture_drafts WHERE camera = $1 AND draft_key = $2 AND NOT EXISTS (SELECT 1 FROM \
                awaited_pictures WHERE camera = $1 AND draft_key = $2)";
    query("capture_drafts", text).bind(camera.as_str()).bind(key).execute(tx).await.map(|_| ())
}

/// Forgets drafts and pictures that found no partner since `before`; how many drafts and pictures.
pub async fn forget(tx: &mut Tx, before: Instant) -> Result<(u64, u64), Error> {
    let text = "DELETE FROM awaited_pictures WHERE EXISTS (SELECT 1 FROM capture_drafts WHERE camera = \
                awaited_pictures.camera AND draft_key = awaited_pictures.draft_key AND drafted_at_us < $1)";
    query("awaited_pictures", text).bind(before).execute(&mut *tx).await?;
    let drafts = query("capture_drafts", "DELETE FROM capture_drafts WHERE drafted_at_us < $1").bind(before);
    let drafts = drafts.execute(&mut *tx).await?;
    let pictures = query("staged_pictures", "DELETE FROM staged_pictures WHERE staged_at_us < $1").bind(before);
    Ok((drafts, pictures.execute(&mut *tx).await?))
}
