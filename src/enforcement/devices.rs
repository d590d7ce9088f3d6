//! The devices that send captures: how each proves itself, how much it may send, and what came of what it sent.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use subtle::ConstantTimeEq;

use super::{Desk, Error, digest::Answer, receive::Received};
use crate::domain::{capture::State, ids::CameraId, ledger, time::Instant};

/// What came of what a camera sent since this node started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Captures taken in.
    pub received: u64,
    /// Captures that had been received before.
    pub duplicates: u64,
    /// Captures whose time was too far off.
    pub set_aside: u64,
    /// Captures whose pictures are still to come.
    pub drafted: u64,
    /// Refused, by the reason's name.
    pub refused: BTreeMap<&'static str, u64>,
    /// When it last sent something.
    pub last_at: Option<Instant>,
}

/// How many captures a camera may send at once, and how fast that grows again.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

#[derive(Default)]
struct Device {
    tally: Tally,
    bucket: Option<Bucket>,
}

/// Every camera of the city that sent something.
pub(super) struct Devices {
    per_minute: u32,
    known: Mutex<BTreeMap<CameraId, Device>>,
}

/// Whether a device proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proved {
    /// It is this camera.
    Camera(CameraId),
    /// It must answer this challenge, the value of `WWW-Authenticate`.
    Challenge(String),
}

impl Devices {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { per_minute, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<CameraId, Device>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a camera send `count` captures now, or says how long it must wait. Each has its own measure: one that floods
    /// takes nothing from another.
    pub(super) fn admit(&self, camera: &CameraId, count: usize, now: Instant) -> Result<(), Error> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let (full, per_second) = (f64::from(self.per_minute), f64::from(self.per_minute) / 60.0);
        let mut known = self.known();
        let device = known.entry(camera.clone()).or_default();
        let bucket = device.bucket.get_or_insert(Bucket { left: full, at: now });
        let passed = (now - bucket.at).num_milliseconds().max(0) as f64 / 1000.0;
        bucket.left = (bucket.left + passed * per_second).min(full);
        bucket.at = now;
        // Nothing taken asks whether one could be.
        let wanted = (count as f64).clamp(1.0, full);
        if bucket.left >= wanted {
            bucket.left -= if count == 0 { 0.0 } else { wanted };
            return Ok(());
        }
        Err(Error::Slowed { retry_after_s: ((wanted - bucket.left) / per_second).ceil().max(1.0) as u32 })
    }

    /// Counts what came of what a camera sent.
    pub(super) fn count(&self, camera: &CameraId, came: &Result<Vec<Received>, Error>, now: Instant) {
        let mut known = self.known();
        let tally = &mut known.entry(camera.clone()).or_default().tally;
        tally.last_at = Some(now);
        match came {
            Ok(received) => {
                for one in received {
                    match (one.duplicate, one.state) {
                        (true, _) => tally.duplicates += 1,
                        (false, State::ClockSkew) => tally.set_aside += 1,
                        (false, State::Accepted) => tally.received += 1,
                    }
                }
            }
            Err(error) => {
                let reason = error.word();
                *tally.refused.entry(reason).or_default() += 1;
                let camera = camera.as_str().to_owned();
                metrics::counter!("yunpark_captures_refused_total", "camera" => camera, "reason" => reason)
                    .increment(1);
            }
        }
    }

    /// Counts a capture whose pictures are still to come.
    pub(super) fn count_draft(&self, camera: &CameraId, now: Instant) {
        let mut known = self.known();
        let tally = &mut known.entry(camera.clone()).or_default().tally;
        tally.last_at = Some(now);
        tally.drafted += 1;
    }

    /// What came of what a camera sent.
    fn tally(&self, camera: &CameraId) -> Tally {
        self.known().get(camera).map(|device| device.tally.clone()).unwrap_or_default()
    }
}

/// A camera and what came of what it sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CameraView {
    /// Its id.
    pub id: CameraId,
    /// Its name.
    pub name: crate::domain::text::Localized,
    /// Whether it has a credential of its own; without one it is heard at no door.
    pub has_credential: bool,
    /// Since this node started.
    #[serde(flatten)]
    pub tally: Tally,
}

impl Desk {
    /// Every camera of the city, and what came of what it sent to this node.
    pub fn cameras(&self) -> Vec<CameraView> {
        let city = self.city();
        let cameras = city.cameras.values();
        cameras
            .map(|camera| CameraView {
                id: camera.id.clone(),
                name: camera.name.clone(),
                has_credential: self.config.cameras.contains_key(camera.id.as_str()),
                tally: self.devices.tally(&camera.id),
            })
            .collect()
    }

    /// Refuses a camera that must wait, before anything it sends is read; takes nothing of its measure.
    pub fn check_pace(&self, camera: &CameraId) -> Result<(), Error> {
        let now = self.clock.now();
        let slowed = self.devices.admit(camera, 0, now).err();
        match slowed {
            None => Ok(()),
            Some(error) => {
                let refused = Err(error);
                self.devices.count(camera, &refused, now);
                refused.map(|_| ())
            }
        }
    }

    /// Counts a message of a camera that was refused at the door, before it was a capture.
    pub fn count_refused(&self, camera: &CameraId, error: Error) -> Error {
        let refused = Err(error);
        self.devices.count(camera, &refused, self.clock.now());
        match refused {
            Err(error) => error,
            Ok(_) => Error::Decoding,
        }
    }

    /// The camera whose token this is; every token is compared, in the same time.
    pub fn camera_of_token(&self, token: &str) -> Option<CameraId> {
        let given = ledger::Digest::of(token.as_bytes());
        let mut found = None;
        for (id, credential) in &self.config.cameras {
            let expected = ledger::Digest::of(credential.token.reveal().as_bytes());
            let is_equal: bool = given.as_bytes().ct_eq(expected.as_bytes()).into();
            if is_equal && !credential.token.is_empty() {
                found = CameraId::parse(id).ok();
            }
        }
        found
    }

    /// Which camera pushes: by a token (in `Authorization: Bearer` or in the address, where a firmware knows no better), by
    /// HTTP Basic, or by HTTP Digest with the camera's id and password. Whoever proves nothing is challenged.
    pub fn prove_camera(
        &self,
        authorization: Option<&str>,
        token_in_address: Option<&str>,
        method: &str,
        path: &str,
    ) -> Result<Proved, Error> {
        let now = self.clock.now();
        let (scheme, rest) = authorization.and_then(|value| value.trim().split_once(' ')).unwrap_or_default();
        let proved = if scheme.eq_ignore_ascii_case("bearer") {
            self.camera_of_token(rest.trim())
        } else if scheme.eq_ignore_ascii_case("basic") {
            self.camera_of_basic(rest.trim())
        } else if scheme.eq_ignore_ascii_case("digest") {
            authorization.and_then(Answer::parse).and_then(|answer| {
                let (id, password) = self.camera_named(&answer.username)?;
                self.challenges.accepts(&answer, &password, method, path, now).then_some(id)
            })
        } else {
            token_in_address.and_then(|token| self.camera_of_token(token))
        };
        if let Some(id) = proved {
            return Ok(Proved::Camera(id));
        }
        if authorization.is_some() || token_in_address.is_some() {
            metrics::counter!("yunpark_cameras_unproved_total").increment(1);
        }
        self.challenges.challenge(now).map(Proved::Challenge)
    }

    fn camera_of_basic(&self, encoded: &str) -> Option<CameraId> {
        let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (name, given) = decoded.split_once(':')?;
        let (id, _) = self.camera_named(name)?;
        let credential = self.config.cameras.get(id.as_str())?;
        let given = ledger::Digest::of(given.as_bytes());
        let fits = |secret: &str| -> bool {
            let expected = ledger::Digest::of(secret.as_bytes());
            !secret.is_empty() && bool::from(given.as_bytes().ct_eq(expected.as_bytes()))
        };
        (fits(credential.viid_password.reveal()) | fits(credential.token.reveal())).then_some(id)
    }

    /// A camera by the name it signs in with, its id, its GA/T 1400 id or the name it gives itself, and its password.
    fn camera_named(&self, name: &str) -> Option<(CameraId, String)> {
        let city = self.city();
        let by_viid = || city.cameras.values().find(|camera| camera.viid_device_id.as_deref() == Some(name));
        let by_own =
            || self.config.cameras.iter().find(|(_, credential)| !name.is_empty() && credential.device_id == name);
        let (id, credential) = self
            .config
            .cameras
            .get_key_value(name)
            .or_else(|| by_viid().and_then(|camera| self.config.cameras.get_key_value(camera.id.as_str())))
            .or_else(by_own)?;
        let password = if credential.viid_password.is_empty() { &credential.token } else { &credential.viid_password };
        let id = CameraId::parse(id).ok()?;
        (!password.is_empty()).then(|| (id, password.reveal().to_owned()))
    }

    /// Whether a camera may call itself this: anything, where its configuration names nothing.
    pub(super) fn may_call_itself(&self, camera: &CameraId, name: &str) -> bool {
        let known = self.config.cameras.get(camera.as_str()).map(|credential| credential.device_id.as_str());
        known.is_none_or(|known| known.is_empty() || known.eq_ignore_ascii_case(name.trim()))
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn a_camera_that_floods_waits_and_the_others_do_not() {
        let devices = Devices::new(60);
        let (loud, calm) = (CameraId::parse("LOUD").unwrap(), CameraId::parse("CALM").unwrap());
        let now = Instant::UNIX_EPOCH;
        for _ in 0..60 {
            devices.admit(&loud, 1, now).unwrap();
        }
        assert!(matches!(devices.admit(&loud, 1, now), Err(Error::Slowed { retry_after_s: 1 })));
        devices.admit(&calm, 1, now).unwrap();
        // One a second comes back.
        devices.admit(&loud, 1, now + Duration::seconds(1)).unwrap();
        assert!(devices.admit(&loud, 1, now + Duration::seconds(1)).is_err());
        devices.admit(&loud, 600, now + Duration::minutes(2)).unwrap();
        Devices::new(0).admit(&loud, 1_000_000, now).unwrap();
    }
}
