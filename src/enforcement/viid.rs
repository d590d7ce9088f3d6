//! The door for GA/T 1400 cameras: they register with HTTP Digest, say they are alive, and post what they saw.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use chrono::Duration;
use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq;
use yunpark_sensors::viid::{DeviceId, ItemError, Response, StatusCode, VehicleCapture};

use super::{Desk, Error, NewCapture, receive::MAX_IMAGES};
use crate::{
    clock, config,
    domain::{
        capture::Source,
        ids::CameraId,
        lot::VehicleClass,
        time::{Instant, to_micros},
    },
};

/// A challenge is answered within this long, seconds.
const NONCE_LIFE_S: i64 = 120;
/// Most challenges open at once; the oldest give way.
const MAX_NONCES: usize = 4096;
/// Most pictures of one posted vehicle that are looked at.
const MAX_SUB_IMAGES: usize = 24;
/// Most vehicles of one post that are taken in; the camera is told to send the others again.
const MAX_VEHICLES: usize = 64;

/// Who is registered, and which challenges are open.
pub struct Door {
    realm: String,
    keepalive: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    registered: HashMap<DeviceId, Registration>,
    /// When each open challenge was issued.
    nonces: HashMap<String, Instant>,
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
        Self {
            realm: config.viid_realm.clone(),
            keepalive: Duration::seconds(config.viid_keepalive_s.into()),
            state: Mutex::new(State::default()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new challenge.
    fn challenge(&self, now: Instant) -> Result<String, Error> {
        let nonce = hex::encode(clock::random_bytes::<16>().map_err(|_| Error::invalid("nonce", "cannot be made"))?);
        let mut state = self.state();
        state.nonces.retain(|_, issued| (now - *issued).num_seconds() <= NONCE_LIFE_S);
        if state.nonces.len() >= MAX_NONCES
            && let Some(oldest) = state.nonces.iter().min_by_key(|(_, issued)| **issued).map(|(nonce, _)| nonce.clone())
        {
            state.nonces.remove(&oldest);
            metrics::counter!("yunpark_viid_challenges_dropped_total").increment(1);
        }
        state.nonces.insert(nonce.clone(), now);
        Ok(format!("Digest realm=\"{}\",qop=\"auth\",algorithm=MD5,nonce=\"{nonce}\"", self.realm))
    }

    /// Takes a challenge out: it is answered once.
    fn redeem(&self, nonce: &str, now: Instant) -> bool {
        let issued = self.state().nonces.remove(nonce);
        issued.is_some_and(|issued| (now - issued).num_seconds() <= NONCE_LIFE_S)
    }

    /// Whether a device is registered from this address at `now`; if so it stays registered.
    pub fn is_registered(&self, device: &DeviceId, from: IpAddr, now: Instant) -> bool {
        let mut state = self.state();
        let Some(registration) = state.registered.get_mut(device) else { return false };
        if registration.until < now {
            state.registered.remove(device);
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
        self.is_registered(device, from, now) && self.state().registered.remove(device).is_some()
    }
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
        let answer = authorization.and_then(Answer::parse);
        let password = self.viid_camera(device).and_then(|camera| self.config.cameras.get(camera.as_str()));
        let password = password.map(|credential| &credential.viid_password).filter(|password| !password.is_empty());
        if let (Some(answer), Some(password)) = (answer, password)
            && answer.username == device.as_str()
            && answer.realm == self.viid.realm
            && is_path(&answer.uri, path)
            && self.viid.redeem(&answer.nonce, now)
            && answer.proves(password.reveal(), method)
        {
            let until = now + self.viid.keepalive;
            self.viid.state().registered.insert(device.clone(), Registration { from, until });
            tracing::info!(viid.device = %device, "camera registered");
            return Ok(Registering::Registered);
        }
        if authorization.is_some() {
            metrics::counter!("yunpark_viid_refused_total").increment(1);
        }
        self.viid.challenge(now).map(Registering::Challenge)
    }

    /// The camera of the city that has a device id.
    fn viid_camera(&self, device: &DeviceId) -> Option<CameraId> {
        let city = self.city();
        let mut cameras = city.cameras.values();
        cameras.find(|camera| camera.viid_device_id.as_deref() == Some(device.as_str())).map(|camera| camera.id.clone())
    }

    /// Takes in what a registered camera posted; one answer per entry, in order. An entry that fails spoils no other.
    pub async fn viid_vehicles(
        &self,
        sender: &DeviceId,
        entries: Vec<Result<VehicleCapture, ItemError>>,
    ) -> Result<Vec<Response>, Error> {
        let mut answers = Vec::with_capacity(entries.len());
        for (nth, entry) in entries.into_iter().enumerate() {
            answers.push(match entry {
                Ok(vehicle) if nth >= MAX_VEHICLES => {
                    metrics::counter!("yunpark_viid_put_off_total").increment(1);
                    Response { id: vehicle.motor_vehicle_id, status: StatusCode::DeviceBusy }
                }
                Ok(vehicle) if vehicle.device_id != *sender => {
                    metrics::counter!("yunpark_viid_foreign_device_total").increment(1);
                    Response { id: vehicle.motor_vehicle_id, status: StatusCode::InvalidOperation }
                }
                Err(fault) => {
                    let status = fault.status();
                    Response { id: fault.motor_vehicle_id.unwrap_or_default(), status }
                }
                Ok(vehicle) => {
                    let id = vehicle.motor_vehicle_id.clone();
                    let status = match self.viid_vehicle(sender, vehicle).await {
                        Ok(()) => StatusCode::Ok,
                        Err(Error::Store(error)) => return Err(Error::Store(error)),
                        Err(Error::Decoding) => StatusCode::DeviceBusy,
                        Err(error) => {
                            tracing::warn!(viid.device = %sender, error = %error, "a posted vehicle was refused");
                            StatusCode::InvalidJsonContent
                        }
                    };
                    Response { id, status }
                }
            });
        }
        Ok(answers)
    }

    /// One posted vehicle: each time at which it was pictured is a capture of the same stay; all of them are taken in, or none.
    async fn viid_vehicle(&self, sender: &DeviceId, vehicle: VehicleCapture) -> Result<(), Error> {
        let camera = self.viid_camera(sender).ok_or(Error::UnknownCamera)?;
        let id = vehicle.motor_vehicle_id.trim();
        if id.is_empty() || id.len() > 100 || !id.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::invalid("MotorVehicleID", "must have 1 to 100 ASCII characters"));
        }
        let appear = vehicle.appear_time.or(vehicle.pass_time).or(vehicle.disappear_time);
        let at = vehicle.pass_time.or(vehicle.disappear_time).or(appear);
        let at = at.ok_or_else(|| Error::invalid("PassTime", "is required"))?;
        let shots = shots(vehicle.images, at);
        if shots.is_empty() {
            return Err(Error::invalid("SubImageList", "holds no picture of the vehicle"));
        }
        let capture = |(at, images)| {
            let new = NewCapture {
                source: Source::Camera(camera.clone()),
                role: None,
                // By its time, so that a shot is the same one in whatever company it is sent again.
                key: format!("viid:{id}:{}", to_micros(at)),
                track: Some(id.to_owned()),
                at,
                plate: vehicle.plate.clone(),
                plate_color: vehicle.plate_color.map(|color| color.as_str().to_owned()),
                vehicle_class: VehicleClass::Motor,
                location: None,
                camera: None,
                zone: None,
                note: None,
            };
            (new, images)
        };
        self.receive_all(shots.into_iter().map(capture).collect()).await.map(|_| ())
    }
}

/// The pictures that show the vehicle or its plate, by the time they were taken; a close-up without a time of its own goes
/// with the last.
fn shots(images: Vec<yunpark_sensors::viid::SubImage>, at: Instant) -> Vec<(Instant, Vec<Bytes>)> {
    let mut shots = std::collections::BTreeMap::<Instant, Vec<Bytes>>::new();
    let shown = |kind: &str| matches!(kind.trim_start_matches('0'), "1" | "2" | "7" | "9" | "14" | "");
    for image in images.into_iter().filter(|image| shown(&image.kind) && !image.bytes.is_empty()).take(MAX_SUB_IMAGES) {
        let shot = shots.entry(image.shot_time.unwrap_or(at)).or_default();
        let bytes = Bytes::from(image.bytes);
        // The same picture as vehicle and as composite is one picture.
        if shot.len() < MAX_IMAGES && !shot.contains(&bytes) {
            shot.push(bytes);
        }
    }
    shots.into_iter().collect()
}

/// Whether a digest's `uri` is the path asked for; some cameras write the whole address.
fn is_path(uri: &str, path: &str) -> bool {
    let after_host = uri.split_once("://").and_then(|(_, rest)| rest.find('/').map(|slash| &rest[slash..]));
    after_host.unwrap_or(uri) == path
}

/// A camera's answer to a challenge, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    username: String,
    realm: String,
    nonce: String,
    uri: String,
    response: String,
    qop: Option<String>,
    nc: String,
    cnonce: String,
}

impl Answer {
    /// Reads `Digest key="value", ...`; values may be quoted or not, and the last quote may be missing.
    fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut fields = HashMap::new();
        let mut rest = rest.trim();
        while let Some((key, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let (value, next) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => after.split_once(',').unwrap_or((after, "")),
            };
            fields.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
            rest = next.trim_start_matches([',', ' ']);
        }
        let mut take = |key: &str| fields.remove(key);
        let algorithm = take("algorithm");
        if algorithm.is_some_and(|algorithm| !algorithm.eq_ignore_ascii_case("md5")) {
            return None;
        }
        Some(Self {
            username: take("username")?,
            realm: take("realm")?,
            nonce: take("nonce")?,
            uri: take("uri")?,
            response: take("response")?.to_ascii_lowercase(),
            qop: take("qop").filter(|qop| !qop.is_empty()),
            nc: take("nc").unwrap_or_default(),
            cnonce: take("cnonce").unwrap_or_default(),
        })
    }

    /// Whether it was made with the password (RFC 2617; `nc` and `uri` enter the hash as they were written).
    fn proves(&self, password: &str, method: &str) -> bool {
        let ha1 = md5(&format!("{}:{}:{password}", self.username, self.realm));
        let ha2 = md5(&format!("{method}:{}", self.uri));
        let expected = match self.qop.as_deref() {
            Some("auth") => md5(&format!("{ha1}:{}:{}:{}:auth:{ha2}", self.nonce, self.nc, self.cnonce)),
            None => md5(&format!("{ha1}:{}:{ha2}", self.nonce)),
            Some(_) => return false,
        };
        expected.as_bytes().ct_eq(self.response.as_bytes()).into()
    }
}

fn md5(text: &str) -> String {
    hex::encode(Md5::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector() -> serde_json::Value {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/samples/captures/viid_digest_test_vector_SYNTHETIC.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn the_digest_vector_proves_its_password_and_no_other() {
        let vector = vector();
        let answer = Answer::parse(vector["authorization"].as_str().unwrap()).unwrap();
        assert!(answer.proves(vector["password"].as_str().unwrap(), "POST"));
        assert!(!answer.proves("passw0rd!", "POST"));
        assert!(!answer.proves(vector["password"].as_str().unwrap(), "GET"));
    }

    #[test]
    fn headers_as_cameras_in_the_field_write_them_are_read() {
        let plain = Answer::parse(vector()["authorization"].as_str().unwrap()).unwrap();
        let quirky = "digest username=33010299011190000253, realm=\"viid\", nonce=\"0123456789abcdef\", \
                      uri=\"/VIID/System/Register\", algorithm=\"MD5\", qop=auth, nc=\"00000001\", cnonce=\"0a4f113b\", \
                      response=\"AA64714401AB99317D3F328CA6748A16\", opaque=\"never closed";
        assert_eq!(Answer::parse(quirky), Some(plain));
        for bad in ["", "Digest", "Basic abc", "Digest username=\"x\"", "Digest ====", "Digest a=\"\"\"\"\",,,="] {
            assert_eq!(Answer::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_unpadded_count_and_a_whole_address_enter_the_hash_as_written() {
        let uri = "http://10.0.0.1:8080/VIID/System/Register";
        let (ha1, ha2) = (md5("u:viid:p"), md5(&format!("POST:{uri}")));
        let response = md5(&format!("{ha1}:n:1:c:auth:{ha2}"));
        let header = format!(
            "Digest username=\"u\",realm=\"viid\",nonce=\"n\",uri=\"{uri}\",qop=auth,nc=1,cnonce=\"c\",response=\"{response}\""
        );
        assert!(Answer::parse(&header).unwrap().proves("p", "POST"));
        assert!(is_path(uri, "/VIID/System/Register") && is_path("/VIID/System/Register", "/VIID/System/Register"));
        assert!(!is_path(uri, "/VIID/System/UnRegister"));
    }
}
