//! The door for GA/T 1400 cameras: they register with HTTP Digest, say they are alive, and post what they saw.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use chrono::Duration;
use yunpark_sensors::viid::{
    DeviceId, ItemError, Notification, Picture, Response, StatusCode, SubImage, VehicleCapture,
};

use super::{Desk, Error, digest::Answer, receive::MAX_IMAGES, staged::Said};
use crate::{
    config,
    domain::{
        ids::CameraId,
        lot::VehicleClass,
        time::{Instant, to_micros},
    },
};

/// Most pictures of one posted vehicle that are looked at.
const MAX_SUB_IMAGES: usize = 24;
/// Most vehicles of one post that are taken in; the camera is told to send the others again.
const MAX_VEHICLES: usize = 64;

/// Who is registered.
pub struct Door {
    keepalive: Duration,
    registered: Mutex<HashMap<DeviceId, Registration>>,
}

struct Registration {
    from: IpAddr,
    until: Instant,
}

/// What became of a wish to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registering {
    /// It is registered.
    Registered,
    /// It must answer this challenge, the value of `WWW-Authenticate`.
    Challenge(String),
}

impl Door {
    /// A door nobody has come through yet.
    pub fn new(config: &config::Enforcement) -> Self {
        Self { keepalive: Duration::seconds(config.viid_keepalive_s.into()), registered: Mutex::default() }
    }

    fn registered(&self) -> MutexGuard<'_, HashMap<DeviceId, Registration>> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a device is registered from this address at `now`; if so it stays registered.
    pub fn is_registered(&self, device: &DeviceId, from: IpAddr, now: Instant) -> bool {
        let mut registered = self.registered();
        let Some(registration) = registered.get_mut(device) else { return false };
        if registration.until < now {
            registered.remove(device);
            return false;
        }
        if registration.from != from {
            metrics::counter!("yunpark_viid_foreign_address_total").increment(1);
            return false;
        }
        registration.until = now + self.keepalive;
        true
    }

    /// Ends a device's registration; whether it was registered from this address.
    pub fn unregister(&self, device: &DeviceId, from: IpAddr, now: Instant) -> bool {
        self.is_registered(device, from, now) && self.registered().remove(device).is_some()
    }
}

/// What a camera is told of an error.
pub fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Store(_) | Error::Decoding | Error::Slowed { .. } | Error::Writing(_) => StatusCode::DeviceBusy,
        Error::UnknownCamera | Error::ForeignDevice | Error::KeyReused => StatusCode::InvalidOperation,
        _ => StatusCode::InvalidJsonContent,
    }
}

/// What a camera is told of what came of an entry; a refusal is logged without what was sent.
fn told_of(sender: &DeviceId, came: Result<(), Error>) -> StatusCode {
    let Err(error) = came else { return StatusCode::Ok };
    if matches!(error, Error::ForeignDevice) {
        metrics::counter!("yunpark_viid_foreign_device_total").increment(1);
    }
    if matches!(error, Error::Store(_)) {
        tracing::error!(viid.device = %sender, error = %error, "what a camera posted could not be kept");
    } else {
        tracing::warn!(viid.device = %sender, reason = error.word(), "what a camera posted was refused");
    }
    status_of(&error)
}

impl Desk {
    /// A device wishes to register: it is challenged, and let in once it answers rightly.
    pub fn viid_register(
        &self,
        device: &DeviceId,
        authorization: Option<&str>,
        method: &str,
        path: &str,
        from: IpAddr,
    ) -> Result<Registering, Error> {
        let now = self.clock.now();
        let answer = authorization.and_then(Answer::parse).filter(|answer| answer.username == device.as_str());
        let camera = self.viid_camera(device).and_then(|camera| self.config.cameras.get(camera.as_str()));
        let password = camera.map(|credential| &credential.viid_password);
        let password = password.or_else(|| self.config.viid_platforms.get(device.as_str()));
        if let (Some(answer), Some(password)) = (answer, password.filter(|password| !password.is_empty()))
            && self.challenges.accepts(&answer, password.reveal(), method, path, now)
        {
            let until = now + self.viid.keepalive;
            self.viid.registered().insert(device.clone(), Registration { from, until });
            tracing::info!(viid.device = %device, "camera registered");
            return Ok(Registering::Registered);
        }
        if authorization.is_some() {
            metrics::counter!("yunpark_viid_refused_total").increment(1);
        }
        self.challenges.challenge(now).map(Registering::Challenge)
    }

    /// A challenge for a client that wants one before it says anything.
    pub fn viid_challenge(&self) -> Result<String, Error> {
        self.challenges.challenge(self.clock.now())
    }

    /// The camera of the city that has a device id.
    fn viid_camera(&self, device: &DeviceId) -> Option<CameraId> {
        let city = self.city();
        let mut cameras = city.cameras.values();
        cameras.find(|camera| camera.viid_device_id.as_deref() == Some(device.as_str())).map(|camera| camera.id.clone())
    }

    /// Whether `sender` may speak for `device`: a camera for itself, a platform for every camera of the city.
    fn may_speak_for(&self, sender: &DeviceId, device: &DeviceId) -> bool {
        sender == device || self.config.viid_platforms.contains_key(sender.as_str())
    }

    /// Takes in what a registered camera posted; one answer per entry, in order. An entry that fails spoils no other.
    pub async fn viid_vehicles(
        &self,
        sender: &DeviceId,
        entries: Vec<Result<VehicleCapture, ItemError>>,
    ) -> Vec<Response> {
        let mut answers = Vec::with_capacity(entries.len());
        for (nth, entry) in entries.into_iter().enumerate() {
            let (id, status) = match entry {
                Ok(vehicle) if nth >= MAX_VEHICLES => {
                    metrics::counter!("yunpark_viid_put_off_total").increment(1);
                    (vehicle.motor_vehicle_id, StatusCode::DeviceBusy)
                }
                Ok(vehicle) => {
                    let id = vehicle.motor_vehicle_id.clone();
                    let came = self.viid_vehicle(sender, vehicle).await;
                    (id, told_of(sender, came))
                }
                Err(fault) => {
                    let status = fault.status();
                    self.count_viid_fault(sender, &fault);
                    (fault.motor_vehicle_id.unwrap_or_default(), status)
                }
            };
            answers.push(Response { id, status });
        }
        answers
    }

    /// Takes in what a platform or camera notifies; one answer per notification: the first fault among its vehicles.
    pub async fn viid_notifications(&self, sender: &DeviceId, notifications: Vec<Notification>) -> Vec<Response> {
        let mut answers = Vec::with_capacity(notifications.len());
        for notification in notifications {
            let told = self.viid_vehicles(sender, notification.vehicles).await;
            let fault = told.iter().map(|answer| answer.status).find(|status| *status != StatusCode::Ok);
            answers.push(Response { id: notification.id, status: fault.unwrap_or(StatusCode::Ok) });
        }
        answers
    }

    /// Takes in pictures posted apart from their vehicles; one answer per picture.
    pub async fn viid_pictures(&self, sender: &DeviceId, pictures: Vec<Result<Picture, ItemError>>) -> Vec<Response> {
        let mut answers = Vec::with_capacity(pictures.len());
        for picture in pictures {
            let (id, status) = match picture {
                Ok(picture) => {
                    let device = picture.device_id.clone().unwrap_or_else(|| sender.clone());
                    let came = match self.viid_camera(&device).filter(|_| self.may_speak_for(sender, &device)) {
                        Some(camera) => {
                            let bytes = Bytes::from(picture.bytes);
                            self.stage_picture(&camera, &picture.id, picture.shot_time, bytes).await.map(|_| ())
                        }
                        None => Err(Error::ForeignDevice),
                    };
                    (picture.id, told_of(sender, came))
                }
                Err(fault) => {
                    self.count_viid_fault(sender, &fault);
                    (fault.motor_vehicle_id.clone().unwrap_or_default(), fault.status())
                }
            };
            answers.push(Response { id, status });
        }
        answers
    }

    /// Counts an entry that could not be read.
    fn count_viid_fault(&self, sender: &DeviceId, fault: &ItemError) {
        if let Some(camera) = self.viid_camera(sender) {
            self.count_refused(&camera, Error::invalid(fault.field, fault.fault));
        }
    }

    /// One posted vehicle: each time at which it was pictured is a capture of the same stay; all of them are taken in, or
    /// none. Pictures that are only named are waited for.
    async fn viid_vehicle(&self, sender: &DeviceId, vehicle: VehicleCapture) -> Result<(), Error> {
        let own = self.viid_camera(sender);
        let counted = |error: Error| match &own {
            Some(camera) => self.count_refused(camera, error),
            None => error,
        };
        if !self.may_speak_for(sender, &vehicle.device_id) {
            return Err(counted(Error::ForeignDevice));
        }
        let camera = self.viid_camera(&vehicle.device_id).ok_or(Error::UnknownCamera)?;
        let id = vehicle.motor_vehicle_id.trim().to_owned();
        if id.is_empty() || id.len() > 80 || !id.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(counted(Error::invalid("MotorVehicleID", "must have 1 to 80 ASCII characters")));
        }
        let appear = vehicle.appear_time.or(vehicle.pass_time).or(vehicle.disappear_time);
        let at = vehicle.pass_time.or(vehicle.disappear_time).or(appear);
        let at = at.ok_or_else(|| counted(Error::invalid("PassTime", "is required")))?;
        let said = Said {
            at,
            track: Some(id.clone()),
            plate: vehicle.plate.clone(),
            plate_color: vehicle.plate_color.map(|color| color.as_str().to_owned()),
            vehicle_class: if vehicle.is_motor { VehicleClass::Motor } else { VehicleClass::NonMotor },
        };
        let named: Vec<String> = named(&vehicle.images);
        let shots = shots(vehicle.images, at);
        if shots.is_empty() && named.is_empty() {
            return Err(counted(Error::invalid("SubImageList", "holds no picture of the vehicle")));
        }
        // The key holds the time, so that a shot is the same one in whatever company it is sent again.
        let capture = |(at, images)| {
            (Said { at, ..said.clone() }.capture(&camera, format!("viid:{id}:{}", to_micros(at))), images)
        };
        if !shots.is_empty() {
            self.receive_all(shots.into_iter().map(capture).collect()).await?;
        }
        if !named.is_empty() {
            self.draft_capture(&camera, &format!("viid:{id}"), &said, &named).await.map_err(counted)?;
        }
        Ok(())
    }
}

/// Whether a picture of this type shows the vehicle or its plate.
fn shows_the_vehicle(image: &SubImage) -> bool {
    matches!(image.kind.trim_start_matches('0'), "1" | "2" | "7" | "9" | "12" | "14" | "")
}

/// The names of pictures that are to come by themselves.
fn named(images: &[SubImage]) -> Vec<String> {
    let named = images.iter().filter(|image| shows_the_vehicle(image) && image.bytes.is_empty());
    let named = named.map(|image| image.id.trim()).filter(|id| !id.is_empty() && id.len() <= 100);
    named.take(MAX_SUB_IMAGES).map(str::to_owned).collect()
}

/// The pictures that show the vehicle or its plate, by the time they were taken; a close-up without a time of its own goes
/// with the last.
fn shots(images: Vec<SubImage>, at: Instant) -> Vec<(Instant, Vec<Bytes>)> {
    let mut shots = std::collections::BTreeMap::<Instant, Vec<Bytes>>::new();
    let shown = images.into_iter().filter(|image| shows_the_vehicle(image) && !image.bytes.is_empty());
    for image in shown.take(MAX_SUB_IMAGES) {
        let shot = shots.entry(image.shot_time.unwrap_or(at)).or_default();
        let bytes = Bytes::from(image.bytes);
        // The same picture as vehicle and as composite is one picture.
        if shot.len() < MAX_IMAGES && !shot.contains(&bytes) {
            shot.push(bytes);
        }
    }
    shots.into_iter().collect()
}
