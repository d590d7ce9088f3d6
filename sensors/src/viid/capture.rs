//! Lists of vehicles, motor or not, as a camera posts them; one bad entry does not spoil the others.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BodyError, Color, DeviceId, StatusCode, loose::Loose};

/// One sighting of a vehicle by a camera.
#[derive(Clone, PartialEq, Eq)]
pub struct VehicleCapture {
    /// The sighting's id, 48 digits by the standard; unique per device, and the same when it is sent again.
    pub motor_vehicle_id: String,
    /// Whether it is a motor vehicle; else a bicycle, an electric bicycle or a tricycle.
    pub is_motor: bool,
    /// The camera.
    pub device_id: DeviceId,
    /// The plate as read, `-` for each character that was not; `None` when there is none or none was read.
    pub plate: Option<String>,
    /// Colour of the plate.
    pub plate_color: Option<Color>,
    /// Colour of the vehicle.
    pub vehicle_color: Option<Color>,
    /// The lane, counted from the middle of the road.
    pub lane_no: Option<u32>,
    /// When it passed or was taken.
    pub pass_time: Option<DateTime<Utc>>,
    /// When it came into view.
    pub appear_time: Option<DateTime<Utc>>,
    /// When it was last in view.
    pub disappear_time: Option<DateTime<Utc>>,
    /// Its pictures, in the order they were sent.
    pub images: Vec<SubImage>,
}

/// Plates stay out of logs, so `Debug` tells only whether one was read.
impl fmt::Debug for VehicleCapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VehicleCapture")
            .field("motor_vehicle_id", &self.motor_vehicle_id)
            .field("device_id", &self.device_id)
            .field("has_plate", &self.plate.is_some())
            .field("pass_time", &self.pass_time)
            .field("images", &self.images.len())
            .finish_non_exhaustive()
    }
}

/// One picture of a sighting.
#[derive(Clone, PartialEq, Eq)]
pub struct SubImage {
    /// The picture's id, 41 digits by the standard; empty when the camera gives none.
    pub id: String,
    /// The picture's type code: `01` the vehicle, `02` the plate, `07` a composite of the offence, `14` the scene.
    pub kind: String,
    /// The event's code: 624 is illegal parking in a common extension.
    pub event_sort: Option<u32>,
    /// When it was taken.
    pub shot_time: Option<DateTime<Utc>>,
    /// The picture; empty when the camera sent only where it keeps it.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for SubImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubImage")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("shot_time", &self.shot_time)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Why one entry of the list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct ItemError {
    /// The entry's id, for the answer, when it has one.
    pub motor_vehicle_id: Option<String>,
    /// The field at fault.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: &'static str,
}

impl ItemError {
    /// What the camera is answered for this entry.
    pub fn status(&self) -> StatusCode {
        StatusCode::InvalidJsonContent
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "MotorVehicleListObject", borrow)]
    motor: Option<List<'a>>,
    #[serde(rename = "NonMotorVehicleListObject", borrow)]
    non_motor: Option<List<'a>>,
}

/// A list of either kind of vehicle, under the key of its kind.
#[derive(Deserialize)]
pub(super) struct List<'a> {
    #[serde(rename = "MotorVehicleObject", borrow)]
    motor: Option<&'a RawValue>,
    #[serde(rename = "NonMotorVehicleObject", borrow)]
    non_motor: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(rename = "MotorVehicleID", borrow, default)]
    id: Loose<'a>,
    #[serde(rename = "NonMotorVehicleID", borrow, default)]
    non_motor_id: Loose<'a>,
    #[serde(rename = "DeviceID", borrow, default)]
    device_id: Loose<'a>,
    #[serde(borrow, default)]
    has_plate: Loose<'a>,
    #[serde(borrow, default)]
    plate_no: Loose<'a>,
    #[serde(borrow, default)]
    plate_color: Loose<'a>,
    #[serde(borrow, default)]
    color_type: Loose<'a>,
    #[serde(borrow, default)]
    vehicle_color: Loose<'a>,
    #[serde(borrow, default)]
    lane_no: Loose<'a>,
    #[serde(borrow, default)]
    pass_time: Loose<'a>,
    #[serde(borrow, default)]
    appear_time: Loose<'a>,
    #[serde(borrow, default)]
    disappear_time: Loose<'a>,
    #[serde(borrow, default)]
    sub_image_list: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ImageList<'a> {
    #[serde(rename = "SubImageInfoObject", borrow)]
    images: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image<'a> {
    #[serde(rename = "ImageID", borrow, default)]
    id: Loose<'a>,
    #[serde(rename = "Type", borrow, default)]
    kind: Loose<'a>,
    #[serde(borrow, default)]
    event_sort: Loose<'a>,
    #[serde(borrow, default)]
    shot_time: Loose<'a>,
    #[serde(borrow, default)]
    data: Loose<'a>,
}

/// Reads `{"MotorVehicleListObject":{"MotorVehicleObject":[…]}}`; a single vehicle may stand without its list.
pub fn parse_motor_vehicles(body: &[u8]) -> Result<Vec<Result<VehicleCapture, ItemError>>, BodyError> {
    let expected = "MotorVehicleListObject";
    let list = read::<Body<'_>>(body, expected)?.motor.ok_or(BodyError::Missing { expected })?;
    list.read(true).ok_or(BodyError::Missing { expected: "MotorVehicleObject" })
}

/// Reads `{"NonMotorVehicleListObject":{"NonMotorVehicleObject":[…]}}`; a single vehicle may stand without its list.
pub fn parse_non_motor_vehicles(body: &[u8]) -> Result<Vec<Result<VehicleCapture, ItemError>>, BodyError> {
    let expected = "NonMotorVehicleListObject";
    let list = read::<Body<'_>>(body, expected)?.non_motor.ok_or(BodyError::Missing { expected })?;
    list.read(false).ok_or(BodyError::Missing { expected: "NonMotorVehicleObject" })
}

/// Reads a body. Well-formed but of another shape is a different answer than not JSON at all.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8], expected: &'static str) -> Result<T, BodyError> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => BodyError::Missing { expected },
        _ => BodyError::NotJson,
    })
}

impl List<'_> {
    /// The vehicles of one kind; `None` where there is no list of them.
    pub(super) fn read(&self, is_motor: bool) -> Option<Vec<Result<VehicleCapture, ItemError>>> {
        let raw = if is_motor { self.motor } else { self.non_motor };
        Some(one_or_many(raw?)?.into_iter().map(|raw| vehicle(raw, is_motor)).collect())
    }
}

/// A list's entries, or the one entry that stands in place of a list; `None` for anything else.
pub(super) fn one_or_many(raw: &RawValue) -> Option<Vec<&RawValue>> {
    match raw.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(raw.get()).ok(),
        Some(b'{') => Some(vec![raw]),
        _ => None,
    }
}

fn vehicle(raw: &RawValue, is_motor: bool) -> Result<VehicleCapture, ItemError> {
    let vehicle: Entry<'_> = serde_json::from_str(raw.get()).map_err(|_| ItemError {
        motor_vehicle_id: None,
        field: if is_motor { "MotorVehicleObject" } else { "NonMotorVehicleObject" },
        fault: "is not an object of distinct keys",
    })?;
    let id = if is_motor { vehicle.id.owned() } else { vehicle.non_motor_id.owned().or_else(|| vehicle.id.owned()) };
    let id_key = if is_motor { "MotorVehicleID" } else { "NonMotorVehicleID" };
    let wrong = |field, fault| ItemError { motor_vehicle_id: id.clone(), field, fault };
    let time = |field, value: &Loose<'_>| value.time().map_err(|()| wrong(field, "is not a time"));
    let color = |value: &Loose<'_>| value.number().and_then(Color::from_code);
    Ok(VehicleCapture {
        motor_vehicle_id: id.clone().ok_or_else(|| wrong(id_key, "is required"))?,
        is_motor,
        device_id: vehicle
            .device_id
            .text()
            .and_then(|text| DeviceId::parse(text.trim()))
            .ok_or_else(|| wrong("DeviceID", "must have 20 digits"))?,
        plate: if vehicle.has_plate.is_no() { None } else { vehicle.plate_no.owned().filter(|text| is_plate(text)) },
        plate_color: color(&vehicle.plate_color).or_else(|| color(&vehicle.color_type)),
        vehicle_color: color(&vehicle.vehicle_color),
        lane_no: vehicle.lane_no.number(),
        pass_time: time("PassTime", &vehicle.pass_time)?,
        appear_time: time("AppearTime", &vehicle.appear_time)?,
        disappear_time: time("DisappearTime", &vehicle.disappear_time)?,
        images: images(vehicle.sub_image_list).map_err(|(field, fault)| wrong(field, fault))?,
    })
}

/// The words and dashes cameras send where no plate was read.
fn is_plate(text: &str) -> bool {
    !matches!(text, "无车牌" | "无牌" | "未识别" | "noPlate" | "unknown") && text.chars().any(|c| c != '-')
}

/// `{"SubImageInfoObject":[…]}`, the same with one object, a bare list, or a bare object.
fn images(raw: Option<&RawValue>) -> Result<Vec<SubImage>, (&'static str, &'static str)> {
    let Some(raw) = raw.filter(|raw| !matches!(raw.get(), "null" | "\"\"")) else { return Ok(Vec::new()) };
    let raw = serde_json::from_str::<ImageList<'_>>(raw.get()).map_or(raw, |list| list.images);
    if raw.get() == "null" {
        return Ok(Vec::new());
    }
    let entries = one_or_many(raw).ok_or(("SubImageList", "is not a list of pictures"))?;
    let mut images = Vec::with_capacity(entries.len());
    for entry in entries {
        let image: Image<'_> = serde_json::from_str(entry.get())
            .map_err(|_| ("SubImageInfoObject", "is not an object of distinct keys"))?;
        let (id, bytes) =
            (image.id.owned().unwrap_or_default(), image.data.bytes().map_err(|()| ("Data", "is not base64"))?);
        // An entry with neither is the empty form some cameras send for "no picture".
        if !(id.is_empty() && bytes.is_empty()) {
            images.push(SubImage {
                id,
                kind: image.kind.owned().unwrap_or_default(),
                event_sort: image.event_sort.number(),
                shot_time: image.shot_time.time().map_err(|()| ("ShotTime", "is not a time"))?,
                bytes,
            });
        }
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../../shared/samples/captures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn one(fields: &str) -> Result<VehicleCapture, ItemError> {
        let body = format!(
            r#"{{"MotorVehicleListObject":{{"MotorVehicleObject":[{{"MotorVehicleID":"7","DeviceID":"33052300001190000001",{fields}}}]}}}}"#
        );
        parse_motor_vehicles(body.as_bytes()).unwrap().remove(0)
    }

    #[test]
    fn a_parking_capture_with_two_shots_is_read() {
        let captures = parse_motor_vehicles(&sample("viid_motorvehicles_parking_two_shots_SYNTHETIC.json")).unwrap();
        let capture = captures[0].as_ref().unwrap();
        assert_eq!(capture.device_id.as_str(), "33052300001190000001");
        assert_eq!(capture.plate.as_deref(), Some("浙E12345"));
        assert_eq!((capture.plate_color, capture.vehicle_color), (Some(Color::Blue), Some(Color::White)));
        assert_eq!(capture.lane_no, Some(1));
        assert_eq!(capture.appear_time, Some(at("2026-03-10T09:10:00+08:00")));
        assert_eq!(capture.pass_time, Some(at("2026-03-10T09:15:00+08:00")));
        assert_eq!(capture.disappear_time, capture.pass_time);
        let kinds: Vec<&str> = capture.images.iter().map(|image| image.kind.as_str()).collect();
        assert_eq!(kinds, ["01", "01", "02", "07"]);
        assert_eq!(capture.images[0].shot_time, capture.appear_time);
        assert_eq!(capture.images[0].event_sort, Some(624));
        assert_eq!(capture.images[0].bytes, [0xff, 0xd8, 0xff, 0xd9]);
    }

    #[test]
    fn a_capture_that_only_says_where_its_picture_is_has_no_bytes() {
        let captures = parse_motor_vehicles(&sample("viid_motorvehicles_public_sample_abridged.json")).unwrap();
        let capture = captures[0].as_ref().unwrap();
        assert_eq!(capture.plate_color, Some(Color::Other));
        assert!(capture.images[0].bytes.is_empty());
    }

    #[test]
    fn an_empty_form_is_refused_without_spoiling_its_neighbour() {
        let captures = parse_motor_vehicles(&sample("viid_motorvehicles_easy1400_apidoc_template.json")).unwrap();
        assert_eq!(captures[0].as_ref().unwrap_err().to_string(), "MotorVehicleID is required");
        let body = br#"{"MotorVehicleListObject":{"MotorVehicleObject":[
            7, {"MotorVehicleID":"a","DeviceID":"123"},
            {"MotorVehicleID":"b","DeviceID":53260199001200000001,"LaneNo":"","PlateNo":"\u6d59E12345"}]}}"#;
        let captures = parse_motor_vehicles(body).unwrap();
        assert!(captures[0].is_err());
        let error = captures[1].as_ref().unwrap_err();
        assert_eq!((error.motor_vehicle_id.as_deref(), error.field), (Some("a"), "DeviceID"));
        let good = captures[2].as_ref().unwrap();
        assert_eq!(good.device_id.as_str(), "53260199001200000001");
        assert_eq!((good.plate.as_deref(), good.lane_no), (Some("浙E12345"), None));
    }

    #[test]
    fn a_plate_that_was_not_read_is_none() {
        for fields in [
            r#""PlateNo":"无车牌""#,
            r#""PlateNo":"-------""#,
            r#""PlateNo":"""#,
            r#""HasPlate":"0","PlateNo":"浙E12345""#,
            r#""HasPlate":false,"PlateNo":"浙E12345""#,
        ] {
            assert_eq!(one(fields).unwrap().plate, None, "{fields}");
        }
        for fields in [r#""HasPlate":true,"PlateNo":"浙E1-345""#, r#""HasPlate":null,"PlateNo":"浙E1-345""#] {
            assert_eq!(one(fields).unwrap().plate.as_deref(), Some("浙E1-345"), "{fields}");
        }
        assert_eq!(one(r#""ColorType":"6""#).unwrap().plate_color, Some(Color::Yellow));
    }

    #[test]
    fn pictures_are_found_in_every_shape_of_the_list() {
        let image = r#"{"ImageID":"1","Data":"/9j/2Q=="}"#;
        for list in [
            format!(r#"{{"SubImageInfoObject":[{image}]}}"#),
            format!(r#"{{"SubImageInfoObject":{image}}}"#),
            format!("[{image}]"),
            image.to_owned(),
        ] {
            assert_eq!(one(&format!(r#""SubImageList":{list}"#)).unwrap().images.len(), 1, "{list}");
        }
        for list in ["null", "\"\"", "{}", r#"{"SubImageInfoObject":null}"#, "[]"] {
            assert!(one(&format!(r#""SubImageList":{list}"#)).unwrap().images.is_empty(), "{list}");
        }
        let bad = one(r#""SubImageList":{"ImageID":"1","Data":"?"}"#).unwrap_err();
        assert_eq!(bad.to_string(), "Data is not base64");
    }

    #[test]
    fn a_body_that_is_no_list_is_answered_with_the_right_code() {
        let status = |body: &str| parse_motor_vehicles(body.as_bytes()).unwrap_err().status();
        assert_eq!(status("{"), StatusCode::InvalidJsonFormat);
        assert_eq!(status("{}"), StatusCode::InvalidJsonContent);
        assert_eq!(status("[]"), StatusCode::InvalidJsonContent);
        assert_eq!(status(r#"{"MotorVehicleListObject":{"MotorVehicleObject":3}}"#), StatusCode::InvalidJsonContent);
    }

    #[test]
    fn debug_shows_no_plate() {
        assert!(!format!("{:?}", one(r#""PlateNo":"浙E12345""#).unwrap()).contains("E12345"));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(body in "\\PC{0,200}") {
            let _ = parse_motor_vehicles(body.as_bytes());
        }
    }
}
