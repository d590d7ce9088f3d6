//! Captures told in parts: pictures that come before or after the vehicle they show, put together when both are there.

use bytes::Bytes;
use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{Desk, Error, NewCapture, Received, error::text};
use crate::{
    domain::{
        capture::Source,
        ids::CameraId,
        ledger::Digest,
        lot::VehicleClass,
        time::{Instant, to_micros},
    },
    store::{
        evidence,
        staged::{self, Staged},
    },
};

/// What a camera tells of a vehicle, whatever its protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// When it was seen.
    pub at: Instant,
    /// What the camera says is one and the same vehicle.
    pub track: Option<String>,
    /// The plate as read.
    pub plate: Option<String>,
    /// Colour of the plate in a word.
    pub plate_color: Option<String>,
    /// What kind of vehicle.
    pub vehicle_class: VehicleClass,
}

impl Said {
    /// The capture it makes, under a key.
    pub(super) fn capture(&self, camera: &CameraId, key: String) -> NewCapture {
        NewCapture {
            source: Source::Camera(camera.clone()),
            role: None,
            key,
            track: self.track.clone(),
            at: self.at,
            plate: self.plate.clone(),
            plate_color: self.plate_color.clone(),
            vehicle_class: self.vehicle_class,
            location: None,
            camera: None,
            zone: None,
            note: None,
        }
    }
}

impl Desk {
    /// Takes in a picture that names no vehicle; whoever waits for it is entered. The same name with other bytes is refused.
    pub async fn stage_picture(
        &self,
        camera: &CameraId,
        name: &str,
        taken_at: Option<Instant>,
        bytes: Bytes,
    ) -> Result<Digest, Error> {
        self.devices.admit(camera, 1, self.clock.now()).map_err(|error| self.count_refused(camera, error))?;
        let staged = self.stage(camera, name, taken_at, bytes).await;
        staged.map_err(|error| self.count_refused(camera, error))
    }

    async fn stage(
        &self,
        camera: &CameraId,
        name: &str,
        taken_at: Option<Instant>,
        bytes: Bytes,
    ) -> Result<Digest, Error> {
        let name = text("image", name, 100)?;
        if !self.city().cameras.contains_key(camera) {
            return Err(Error::UnknownCamera);
        }
        let now = self.clock.now();
        let digest = Digest::of(&bytes);
        if let Some(known) = staged::picture(&self.db, camera, &name).await? {
            return if known.sha256 == digest { Ok(digest) } else { Err(Error::KeyReused) };
        }
        let pieces = self.keep(vec![bytes], taken_at.unwrap_or(now)).await?;
        let mut tx = self.db.begin_write().await?;
        for piece in &pieces {
            evidence::note(&mut tx, piece, now).await?;
        }
        staged::stage(&mut tx, camera, &name, &Staged { sha256: digest, taken_at }, now).await?;
        tx.commit().await?;
        for key in staged::waiting_for(&self.db, camera, &name).await? {
            self.complete(camera, &key, &name).await?;
        }
        Ok(digest)
    }

    /// Keeps what a camera told of a vehicle until its pictures come. Those that are there already are taken in at once.
    pub(super) async fn draft_capture(
        &self,
        camera: &CameraId,
        key: &str,
        said: &Said,
        awaited: &[String],
    ) -> Result<(), Error> {
        if !self.city().cameras.contains_key(camera) {
            return Err(Error::UnknownCamera);
        }
        let told = serde_json::to_string(said).map_err(|_| Error::invalid("capture", "cannot be kept"))?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        staged::draft(&mut tx, camera, key, &told, awaited, now).await?;
        tx.commit().await?;
        self.devices.count_draft(camera, now);
        for name in awaited {
            self.complete(camera, key, name).await?;
        }
        Ok(())
    }

    /// What a camera told under a key, if its pictures are still to come.
    pub(super) async fn drafted(&self, camera: &CameraId, key: &str) -> Result<Option<Said>, Error> {
        let said = staged::drafted(&self.db, camera, key).await?;
        Ok(said.and_then(|said| serde_json::from_str(&said).ok()))
    }

    /// A draft has all it waited for.
    pub(super) async fn settle_draft(&self, camera: &CameraId, key: &str) -> Result<(), Error> {
        let mut tx = self.db.begin_write().await?;
        staged::settle(&mut tx, camera, key, None).await?;
        Ok(tx.commit().await?)
    }

    /// Enters a vehicle with one of its pictures, if both are there.
    async fn complete(&self, camera: &CameraId, key: &str, name: &str) -> Result<(), Error> {
        let Some(picture) = staged::picture(&self.db, camera, name).await? else { return Ok(()) };
        let Some(said) = self.drafted(camera, key).await? else { return Ok(()) };
        let Some(bytes) = self.evidence.get(picture.sha256).await? else { return Ok(()) };
        let at = picture.taken_at.unwrap_or(said.at);
        let new = Said { at, ..said }.capture(camera, format!("{key}:{}:{name}", to_micros(at)));
        self.receive_all(vec![(new, vec![bytes])]).await?;
        let mut tx = self.db.begin_write().await?;
        staged::settle(&mut tx, camera, key, Some(name)).await?;
        Ok(tx.commit().await?)
    }

    /// Takes in a capture; where its key stands for something else already, what is new of it is one more capture of the
    /// same stay, for protocols that send a vehicle's pictures one after another under one id.
    pub(super) async fn receive_or_add(&self, new: NewCapture, images: Vec<Bytes>) -> Result<Received, Error> {
        let more = images.iter().map(|bytes| Digest::of(bytes).to_string()).collect::<String>();
        let more = Digest::of(more.as_bytes()).to_string();
        let key = format!("{}+{}", new.key, &more[..16]);
        match self.receive(new.clone(), images.clone()).await {
            Err(Error::KeyReused) => self.receive(NewCapture { key, ..new }, images).await,
            other => other,
        }
    }

    /// Forgets parts that found no partner in time; how many.
    pub async fn forget_parts(&self) -> Result<u64, Error> {
        let before = self.clock.now() - Duration::hours(self.config.parts_hours.into());
        let mut tx = self.db.begin_write().await?;
        let (drafts, pictures) = staged::forget(&mut tx, before).await?;
        tx.commit().await?;
        metrics::counter!("yunpark_capture_parts_forgotten_total", "part" => "vehicle").increment(drafts);
        metrics::counter!("yunpark_capture_parts_forgotten_total", "part" => "picture").increment(pictures);
        Ok(drafts + pictures)
    }
}
