//! Dahua ITSAPI: what a camera pushes as JSON when a vehicle passes or stands, and the answer it understands.
//!
//! Source: the behaviour of cameras that push to `/NotificationInfo/TollgateInfo`. An event has no id: the device, its
//! clock, the plate and the channel tell one from another.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeZone, Utc};
use serde::Deserialize;
use serde_json::Value;

/// One vehicle seen.
#[derive(Clone, PartialEq, Eq)]
pub struct TollgateInfo {
    /// The camera's own id; empty when it gives none.
    pub device_id: String,
    /// When, by the camera's clock.
    pub at: DateTime<Utc>,
    /// The plate as read; `None` for none.
    pub plate: Option<String>,
    /// Colour of the plate as the camera words it.
    pub plate_color: Option<String>,
    /// The channel.
    pub channel: u32,
    /// Whether the vehicle is a motor vehicle.
    pub is_motor: bool,
    /// The pictures that came with it: the whole scene first.
    pub pictures: Vec<Vec<u8>>,
}

impl TollgateInfo {
    /// What tells one sighting from another: the camera's clock to the millisecond, the plate and the channel.
    pub fn key(&self) -> String {
        format!("{}:{}:{}", self.at.timestamp_millis(), self.plate.as_deref().unwrap_or("-"), self.channel)
    }
}

/// Plates stay out of logs.
impl fmt::Debug for TollgateInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TollgateInfo")
            .field("device_id", &self.device_id)
            .field("at", &self.at)
            .field("has_plate", &self.plate.is_some())
            .field("pictures", &self.pictures.len())
            .finish_non_exhaustive()
    }
}

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TollgateError {
    /// Not JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// JSON, but not what is pushed there.
    #[error("the body has no {0}")]
    Missing(&'static str),
    /// A field is wrong.
    #[error("{0} cannot be read")]
    Wrong(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    picture: Option<Told>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    #[serde(default)]
    plate: Plate,
    #[serde(default)]
    vehicle: Vehicle,
    snap_info: Option<SnapInfo>,
    #[serde(default)]
    normal_pic: Option<Pic>,
    #[serde(default)]
    vehicle_pic: Option<Pic>,
    #[serde(default)]
    cutout_pic: Option<Pic>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Plate {
    #[serde(rename = "PlateNumber")]
    number: Value,
    #[serde(rename = "PlateColor")]
    color: Value,
    is_exist: Value,
    channel: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Vehicle {
    vehicle_type: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnapInfo {
    #[serde(rename = "DeviceID", default)]
    device_id: Value,
    #[serde(default)]
    accurate_time: Value,
    #[serde(default)]
    snap_time: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pic {
    #[serde(default)]
    content: Option<String>,
}

fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.chars().count() <= 256).then_some(text)
}

/// Reads `{"Picture":{"Plate":{…},"SnapInfo":{…},"NormalPic":{…},…}}`.
pub fn parse(body: &[u8]) -> Result<TollgateInfo, TollgateError> {
    let body: Body = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => TollgateError::Wrong("Picture"),
        _ => TollgateError::NotJson,
    })?;
    let told = body.picture.ok_or(TollgateError::Missing("Picture"))?;
    let snap = told.snap_info.ok_or(TollgateError::Missing("SnapInfo"))?;
    let accurate = text(&snap.accurate_time).or_else(|| text(&snap.snap_time));
    let at =
        time(&accurate.ok_or(TollgateError::Missing("AccurateTime"))?).ok_or(TollgateError::Wrong("AccurateTime"))?;
    let exists = !matches!(told.plate.is_exist, Value::Bool(false));
    let is_read =
        |plate: &String| !matches!(plate.as_str(), "无车牌" | "无牌" | "未识别" | "noPlate" | "unknown" | "Unknown");
    let mut pictures = Vec::new();
    for pic in [told.normal_pic, told.vehicle_pic, told.cutout_pic].into_iter().flatten() {
        let content = pic.content.filter(|content| !content.is_empty());
        pictures.extend(content.map(|content| decode(&content)).transpose()?);
    }
    Ok(TollgateInfo {
        device_id: text(&snap.device_id).unwrap_or_default(),
        at,
        plate: text(&told.plate.number).filter(|plate| exists && is_read(plate)),
        plate_color: text(&told.plate.color).map(|color| color.to_lowercase()),
        channel: text(&told.plate.channel).and_then(|text| text.parse().ok()).unwrap_or(0),
        is_motor: !matches!(
            text(&told.vehicle.vehicle_type).as_deref(),
            Some("Bicycle" | "Non-Motor" | "NonMotor" | "Tricycle" | "TwoWheeler" | "ElectricBicycle")
        ),
        pictures,
    })
}

fn decode(content: &str) -> Result<Vec<u8>, TollgateError> {
    let body = content.split_once(";base64,").map_or(content, |(_, body)| body);
    let packed: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).map_err(|_| TollgateError::Wrong("Content"))
}

/// `yyyy-MM-dd HH:mm:ss.SSS` on Beijing's clocks, or with a zone.
fn time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let naive = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y%m%d%H%M%S"];
    let naive = naive.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    let beijing = FixedOffset::east_opt(8 * 3600)?;
    Some(beijing.from_local_datetime(&naive).single()?.to_utc())
}

/// The device of `{"Active":"keepAlive","DeviceID":"…"}`.
pub fn keep_alive(body: &[u8]) -> Result<String, TollgateError> {
    let body: Value = serde_json::from_slice(body).map_err(|_| TollgateError::NotJson)?;
    match body.get("Active") {
        Some(Value::String(active)) if active.eq_ignore_ascii_case("keepAlive") => {}
        _ => return Err(TollgateError::Missing("Active")),
    }
    Ok(body.get("DeviceID").and_then(text).unwrap_or_default())
}

/// `{"Message":"Success","Result":true,"RspTime":""}`, or what went wrong.
pub fn reply(result: Result<(), &str>, at: &str) -> String {
    let message = result.err().unwrap_or("Success");
    serde_json::json!({"Message": message, "Result": result.is_ok(), "RspTime": at}).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(snap: &str) -> String {
        format!(
            r#"{{"Picture":{{"Plate":{{"PlateNumber":"浙E12345","PlateColor":"Blue","Confidence":204,"IsExist":true,"Channel":0}},
            "SnapInfo":{{"DeviceID":"cam-1",{snap}}},"NormalPic":{{"PicName":"a.jpg","Content":"/9j/2Q=="}},"CutoutPic":{{"Content":""}}}}}}"#
        )
    }

    #[test]
    fn a_vehicle_is_read_with_its_pictures_and_the_cameras_own_clock() {
        let info = parse(message(r#""AccurateTime":"2026-03-10 09:15:00.250""#).as_bytes()).unwrap();
        assert_eq!((info.device_id.as_str(), info.plate.as_deref()), ("cam-1", Some("浙E12345")));
        assert_eq!(info.at.to_rfc3339(), "2026-03-10T01:15:00.250+00:00");
        assert_eq!(info.pictures, [vec![0xff, 0xd8, 0xff, 0xd9]]);
        assert_eq!((info.key(), info.plate_color.as_deref()), ("1773105300250:浙E12345:0".into(), Some("blue")));
        assert!(!format!("{info:?}").contains("E12345"));
        let without = message(r#""SnapTime":"2026-03-10 09:15:00""#).replace("true", "false");
        assert_eq!(parse(without.as_bytes()).unwrap().plate, None);
    }

    #[test]
    fn what_is_no_sighting_is_refused_by_name() {
        assert_eq!(parse(b"{"), Err(TollgateError::NotJson));
        assert_eq!(parse(b"{}"), Err(TollgateError::Missing("Picture")));
        assert_eq!(parse(br#"{"Picture":{}}"#), Err(TollgateError::Missing("SnapInfo")));
        assert_eq!(parse(message(r#""X":1"#).as_bytes()), Err(TollgateError::Missing("AccurateTime")));
        let soon = parse(message(r#""AccurateTime":"soon""#).as_bytes());
        assert_eq!(soon, Err(TollgateError::Wrong("AccurateTime")));
    }

    #[test]
    fn the_samples_of_keep_alive_and_reply_are_understood() {
        let sample = |name: &str| {
            std::fs::read(format!("{}/../../shared/samples/captures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
        };
        assert_eq!(keep_alive(&sample("dahua_itsapi_keepalive.json")).unwrap(), "fixture-device-1");
        let told: Value = serde_json::from_slice(&sample("dahua_itsapi_reply.json")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&reply(Ok(()), "")).unwrap(), told);
        assert_eq!(keep_alive(b"{}"), Err(TollgateError::Missing("Active")));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(body in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
            let _ = (parse(&body), keep_alive(&body), parse(message(&text).as_bytes()), time(&text));
        }
    }
}
