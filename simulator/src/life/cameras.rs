//! Cameras at work: each watches its zone, and posts every illegal stay it sees at least twice.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Client, StatusCode, multipart};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Options,
    isapi::IsapiCamera,
    plates::{Car, Drivers},
    scene::{self, Shot},
    viid::{Sighting, ViidCamera},
};
use crate::town::{Camera, Zone};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Cameras say that they are alive at least this often.
const KEEP_ALIVE: Duration = Duration::from_mins(1);
const ATTEMPTS: u32 = 6;
/// So many vehicles stand at once where drivers gather.
const CROWD: usize = 10;

enum Door {
    /// `POST /api/v1/captures` with a bearer token.
    Captures { client: Client, url: String, token: String },
    /// GA/T 1400.
    Viid(ViidCamera),
    /// Hikvision's push.
    Isapi(IsapiCamera),
}

struct Watch {
    camera: Camera,
    zone: Zone,
    door: Door,
    drivers: Drivers,
    rng: StdRng,
    pause_s: f64,
    /// Whether this is where drivers gather.
    is_crowded: bool,
}

/// Starts every camera that has a way to prove itself; of those with two, one in three speaks VIID, and one pushes ISAPI.
pub fn start(options: &Options, stop: &CancellationToken) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let Some(base) = options.http_base.as_deref().map(|base| base.trim_end_matches('/')) else { return Ok(vec![]) };
    let client = Client::builder().timeout(REQUEST_TIMEOUT).no_proxy().build().context("HTTP client")?;
    let mut tasks = Vec::new();
    for (index, camera) in options.town.cameras.iter().enumerate() {
        let zone = camera.zones.first().and_then(|id| options.town.zones.iter().find(|zone| zone.id == *id));
        let Some(zone) = zone else { continue };
        let viid =
            |password: &String| Door::Viid(ViidCamera::new(client.clone(), base, &camera.viid_device_id, password));
        let captures = |token: &String| Door::Captures {
            client: client.clone(),
            url: format!("{base}/api/v1/captures"),
            token: token.clone(),
        };
        let door = match (options.camera_tokens.get(&camera.id), options.viid_passwords.get(&camera.id)) {
            (Some(_), Some(password)) if index % 3 == 1 => viid(password),
            (Some(_), Some(password)) if index % 3 == 2 => {
                Door::Isapi(IsapiCamera::new(client.clone(), base, &camera.id, password))
            }
            (Some(token), _) => captures(token),
            (None, Some(password)) => viid(password),
            (None, None) => {
                tracing::warn!(camera.id = %camera.id, "no token and no password: the camera stays dark");
                continue;
            }
        };
        let is_crowded = options.town.missing_sign.as_ref().is_some_and(|place| place.zone == zone.id);
        let watch = Watch {
            is_crowded,
            camera: camera.clone(),
            zone: zone.clone(),
            door,
            // One pool of drivers for all cameras, so that a plate is seen in more than one street.
            drivers: Drivers::new(StdRng::seed_from_u64(options.seed ^ 0xCA25)).after(index),
            rng: StdRng::seed_from_u64(options.seed.wrapping_mul(31).wrapping_add(index as u64)),
            pause_s: 150.0 / options.speed.clamp(1.0, 10.0),
        };
        tasks.push(tokio::spawn(watch.run(stop.clone())));
    }
    Ok(tasks)
}

impl Watch {
    async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.watch() => {}
        }
    }

    async fn watch(&mut self) {
        let first = self.rng.random_range(3.0..25.0);
        self.wait(first).await;
        loop {
            if self.is_crowded {
                self.crowd().await;
            } else {
                self.stay().await;
            }
            let pause = self.rng.random_range(0.4..1.6) * self.pause_s;
            self.wait(pause).await;
        }
    }

    /// One vehicle's stay: most last longer than the zone's limit, some drivers leave in time.
    async fn stay(&mut self) {
        let car = self.drivers.next();
        let shift = self.rng.random_range(0..260);
        let patient = self.rng.random_bool(0.75);
        let since = Utc::now();
        self.capture(&car, since, shift).await;
        let limit_s = f64::from(self.zone.dwell_s);
        if patient {
            for _ in 0..self.rng.random_range(1..=2) {
                self.wait(limit_s * 1.1 + 2.0).await;
                self.capture(&car, since, shift).await;
            }
        } else if limit_s > 24.0 {
            self.wait(12.0).await;
            self.capture(&car, since, shift).await;
        }
    }

    /// Many stand at once, and none of them leaves in time.
    async fn crowd(&mut self) {
        let since = Utc::now();
        let cars: Vec<(Car, u32)> =
            (0..CROWD).map(|_| (self.drivers.stranger(), self.rng.random_range(0..260))).collect();
        for (car, shift) in &cars {
            self.capture(car, since, *shift).await;
        }
        self.wait(f64::from(self.zone.dwell_s) * 1.1 + 2.0).await;
        for (car, shift) in &cars {
            self.capture(car, since, *shift).await;
        }
    }

    /// Waits, and says now and then that the camera is alive.
    async fn wait(&mut self, seconds: f64) {
        let until = tokio::time::Instant::now() + Duration::from_secs_f64(seconds);
        loop {
            let next = tokio::time::Instant::now() + KEEP_ALIVE;
            tokio::time::sleep_until(until.min(next)).await;
            if next >= until {
                return;
            }
            if let Door::Viid(camera) = &mut self.door
                && let Err(error) = camera.keep_alive().await
            {
                tracing::debug!(camera.id = %self.camera.id, %error, "not kept alive");
            }
        }
    }

    async fn capture(&mut self, car: &Car, since: DateTime<Utc>, shift: u32) {
        let at = Utc::now();
        let jpeg = match self.picture(car, at, shift).await {
            Ok(jpeg) => jpeg,
            Err(error) => {
                tracing::error!(camera.id = %self.camera.id, %error, "no picture");
                return;
            }
        };
        // The same key for every attempt, so that an answer that got lost costs no second capture.
        let key = format!("{}-{}", self.camera.id, at.timestamp_millis());
        let mut retry = Duration::from_millis(500);
        for attempt in 1..=ATTEMPTS {
            let sent = match &mut self.door {
                Door::Viid(camera) => camera.send(&Sighting { car, since, at, jpeg: &jpeg }).await,
                Door::Isapi(camera) => camera.send(&Sighting { car, since, at, jpeg: &jpeg }, &key).await,
                Door::Captures { client, url, token } => {
                    let meta = json!({
                        "at": at.to_rfc3339_opts(SecondsFormat::Micros, true),
                        "plate": car.plate,
                        "vehicle_class": "motor",
                        "plate_color": if car.electric { "green" } else { "blue" },
                        "camera": self.camera.id,
                        "zone": self.zone.id,
                    });
                    post(client, url, token, &key, &meta.to_string(), &jpeg).await
                }
            };
            let Err(error) = sent else { return };
            tracing::warn!(camera.id = %self.camera.id, attempt, %error, "a capture was not taken");
            tokio::time::sleep(retry).await;
            retry *= 2;
        }
    }

    async fn picture(&self, car: &Car, at: DateTime<Utc>, shift: u32) -> anyhow::Result<Vec<u8>> {
        let car = car.clone();
        let local = at + chrono::Duration::hours(8);
        let caption =
            format!("{}  {}  {}", local.format("%Y-%m-%d %H:%M:%S"), self.camera.id, self.camera.viid_device_id);
        let zone = format!("{}  {}  模拟画面 simulated", self.zone.id, self.zone.name.zh);
        let street = self.camera.id.bytes().fold(7, |sum: u64, byte| sum * 31 + u64::from(byte));
        let shot = move || scene::draw(&Shot { car: &car, caption: &caption, zone: &zone, shift, street });
        Ok(tokio::task::spawn_blocking(shot).await??)
    }
}

async fn post(client: &Client, url: &str, token: &str, key: &str, meta: &str, jpeg: &[u8]) -> anyhow::Result<()> {
    let meta = multipart::Part::text(meta.to_owned()).mime_str("application/json")?;
    let image = multipart::Part::bytes(jpeg.to_vec()).file_name("1.jpg").mime_str("image/jpeg")?;
    let answer = client
        .post(url)
        .bearer_auth(token)
        .header("Idempotency-Key", key)
        .multipart(multipart::Form::new().part("meta", meta).part("image", image))
        .send()
        .await?;
    let status = answer.status();
    anyhow::ensure!(status == StatusCode::CREATED || status == StatusCode::OK, "answered {status}");
    Ok(())
}
