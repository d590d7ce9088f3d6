//! A camera's side of GA/T 1400: registers with HTTP Digest, stays registered, posts motor vehicles.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, FixedOffset, Utc};
use digest_auth::{AuthContext, HttpMethod};
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};

use super::{plates::Car, scene};

const CONTENT_TYPE: &str = "application/VIID+JSON;charset=UTF-8";
const REGISTER: &str = "/VIID/System/Register";

/// One registered camera.
#[derive(Debug)]
pub struct ViidCamera {
    client: Client,
    base: String,
    device_id: String,
    password: String,
    registered: bool,
    sequence: u32,
}

/// One sighting to be posted.
#[derive(Debug)]
pub struct Sighting<'a> {
    /// The car.
    pub car: &'a Car,
    /// When its stay began.
    pub since: DateTime<Utc>,
    /// When the picture was taken.
    pub at: DateTime<Utc>,
    /// The picture.
    pub jpeg: &'a [u8],
}

/// `yyyyMMddHHmmss` in Beijing time, as the standard writes times.
fn beijing(at: DateTime<Utc>) -> String {
    let Some(offset) = FixedOffset::east_opt(8 * 3600) else { return String::new() };
    at.with_timezone(&offset).format("%Y%m%d%H%M%S").to_string()
}

impl ViidCamera {
    /// A camera that has not registered yet.
    pub fn new(client: Client, base: &str, device_id: &str, password: &str) -> Self {
        Self {
            client,
            base: base.trim_end_matches('/').to_owned(),
            device_id: device_id.to_owned(),
            password: password.to_owned(),
            registered: false,
            sequence: 0,
        }
    }

    async fn post(&self, path: &str, body: &Value, authorization: Option<String>) -> anyhow::Result<reqwest::Response> {
        let mut request = self
            .client
            .post(format!("{}{path}", self.base))
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header("User-Identify", &self.device_id)
            .body(body.to_string());
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        Ok(request.send().await?)
    }

    async fn register(&mut self) -> anyhow::Result<()> {
        let body = json!({"RegisterObject": {"DeviceID": self.device_id, "ProtocolVersion": "2.0"}});
        let challenged = self.post(REGISTER, &body, None).await?;
        let status = challenged.status();
        anyhow::ensure!(status == StatusCode::UNAUTHORIZED, "registering without a password was answered {status}");
        let challenge = challenged
            .headers()
            .get(header::WWW_AUTHENTICATE)
            .and_then(|value| value.to_str().ok())
            .context("the server asks for a password but names no challenge")?;
        let answer = digest(challenge, &self.device_id, &self.password)?;
        let answered = self.post(REGISTER, &body, Some(answer)).await?;
        anyhow::ensure!(answered.status().is_success(), "registration was answered {}", answered.status());
        self.registered = true;
        Ok(())
    }

    /// Tells the server that the camera is alive; registers first where that is needed.
    pub async fn keep_alive(&mut self) -> anyhow::Result<()> {
        let body = json!({"KeepaliveObject": {"DeviceID": self.device_id}});
        self.post_registered("/VIID/System/Keepalive", &body).await
    }

    /// Posts one sighting; registers first, and again if the server has forgotten the camera.
    pub async fn send(&mut self, sighting: &Sighting<'_>) -> anyhow::Result<()> {
        self.sequence = (self.sequence + 1) % 100_000;
        let body = motor_vehicle(&self.device_id, self.sequence, sighting);
        self.post_registered("/VIID/MotorVehicles", &body).await
    }

    async fn post_registered(&mut self, path: &str, body: &Value) -> anyhow::Result<()> {
        if !self.registered {
            self.register().await?;
        }
        let mut answer = self.post(path, body, None).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.registered = false;
            self.register().await?;
            answer = self.post(path, body, None).await?;
        }
        anyhow::ensure!(answer.status().is_success(), "{path} was answered {}", answer.status());
        Ok(())
    }
}

fn digest(challenge: &str, user: &str, password: &str) -> anyhow::Result<String> {
    let mut prompt = digest_auth::parse(challenge)?;
    let context = AuthContext::new_with_method(user, password, REGISTER, None::<&[u8]>, HttpMethod::POST);
    Ok(prompt.respond(&context)?.to_header_string())
}

fn motor_vehicle(device_id: &str, sequence: u32, sighting: &Sighting<'_>) -> Value {
    let time = beijing(sighting.at);
    let image_id = format!("{device_id}02{time}{sequence:05}");
    let (plate_class, plate_colour) = if sighting.car.electric { ("52", "9") } else { ("02", "5") };
    json!({"MotorVehicleListObject": {"MotorVehicleObject": [{
        "MotorVehicleID": format!("{image_id}02{sequence:05}"),
        "InfoKind": 1,
        "SourceID": image_id,
        "DeviceID": device_id,
        "StorageUrl1": "",
        "LeftTopX": 300,
        "LeftTopY": 330,
        "RightBtmX": 800,
        "RightBtmY": 610,
        "MarkTime": time,
        "AppearTime": beijing(sighting.since),
        "DisappearTime": time,
        "PassTime": time,
        "HasPlate": "1",
        "PlateClass": plate_class,
        "PlateColor": plate_colour,
        "PlateNo": sighting.car.plate,
        "PlateReliability": "97",
        "SubImageList": {"SubImageInfoObject": [{
            "ImageID": image_id,
            "EventSort": 624,
            "DeviceID": device_id,
            "StoragePath": "",
            "Type": "01",
            "FileFormat": "Jpeg",
            "ShotTime": time,
            "Width": scene::WIDTH,
            "Height": scene::HEIGHT,
            "Data": BASE64.encode(sighting.jpeg),
        }]},
    }]}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_answered_for_the_register_door() {
        let challenge = r#"Digest realm="viid", qop="auth", algorithm=MD5, nonce="abc""#;
        let answer = digest(challenge, "33990000011190000001", "secret").unwrap();
        assert!(answer.starts_with("Digest "), "{answer}");
        assert!(answer.contains(r#"uri="/VIID/System/Register""#) && answer.contains("nc=00000001"), "{answer}");
        assert!(!answer.contains("secret"));
    }

    #[test]
    fn a_motor_vehicle_has_ids_of_the_standard_lengths_and_beijing_times() {
        let car = Car { plate: "浙K12A45".to_owned(), electric: false, paint: [0, 0, 0] };
        let at: DateTime<Utc> = "2026-07-29T00:00:05Z".parse().unwrap();
        let body = motor_vehicle("33990000011190000001", 7, &Sighting { car: &car, since: at, at, jpeg: &[1, 2, 3] });
        let vehicle = &body["MotorVehicleListObject"]["MotorVehicleObject"][0];
        assert_eq!(vehicle["MotorVehicleID"].as_str().unwrap().len(), 48);
        assert_eq!(vehicle["SourceID"].as_str().unwrap().len(), 41);
        assert_eq!(vehicle["PassTime"], "20260729080005");
        assert_eq!(vehicle["SubImageList"]["SubImageInfoObject"][0]["Data"], "AQID");
    }
}
