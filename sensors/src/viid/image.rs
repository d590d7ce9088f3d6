//! Pictures that a camera posts apart from the vehicles they show; a vehicle names them by their ids.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    BodyError, DeviceId, ItemError,
    capture::{one_or_many, read},
    loose::Loose,
};

/// One picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its id, 41 digits by the standard.
    pub id: String,
    /// The camera, where it is named.
    pub device_id: Option<DeviceId>,
    /// When it was taken.
    pub shot_time: Option<DateTime<Utc>>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture").field("id", &self.id).field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "ImageListObject", borrow)]
    list: Option<List<'a>>,
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(rename = "Image", alias = "ImageObject", borrow)]
    images: Option<&'a RawValue>,
}

/// The fields of a picture; in the standard's form all but `Data` stand in `ImageInfo`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fields<'a> {
    #[serde(rename = "ImageID", borrow, default)]
    id: Loose<'a>,
    #[serde(rename = "DeviceID", borrow, default)]
    device_id: Loose<'a>,
    #[serde(borrow, default)]
    shot_time: Loose<'a>,
    #[serde(borrow, default)]
    data: Loose<'a>,
    #[serde(borrow, default)]
    image_info: Option<&'a RawValue>,
}

/// Reads `{"ImageListObject":{"Image":[{"ImageInfo":{…},"Data":"…"}]}}`; the fields may also stand without `ImageInfo`.
pub fn parse_images(body: &[u8]) -> Result<Vec<Result<Picture, ItemError>>, BodyError> {
    let expected = "ImageListObject";
    let list = read::<Body<'_>>(body, expected)?.list.ok_or(BodyError::Missing { expected })?;
    let entries = list.images.and_then(one_or_many).ok_or(BodyError::Missing { expected: "Image" })?;
    Ok(entries.into_iter().map(picture).collect())
}

fn picture(raw: &RawValue) -> Result<Picture, ItemError> {
    let broken = |_| ItemError { motor_vehicle_id: None, field: "Image", fault: "is not an object of distinct keys" };
    let own: Fields<'_> = serde_json::from_str(raw.get()).map_err(broken)?;
    let info: Fields<'_> = match own.image_info {
        Some(info) => serde_json::from_str(info.get()).map_err(broken)?,
        None => Fields::default(),
    };
    let id = info.id.owned().or_else(|| own.id.owned());
    let wrong = |field, fault| ItemError { motor_vehicle_id: id.clone(), field, fault };
    let shot_time = match info.shot_time.time() {
        Ok(None) => own.shot_time.time(),
        told => told,
    };
    let bytes = match own.data.bytes() {
        Ok(bytes) if bytes.is_empty() => info.data.bytes(),
        told => told,
    };
    let bytes = bytes.map_err(|()| wrong("Data", "is not base64"))?;
    if bytes.is_empty() {
        return Err(wrong("Data", "is required"));
    }
    Ok(Picture {
        device_id: info.device_id.owned().or_else(|| own.device_id.owned()).and_then(|text| DeviceId::parse(&text)),
        shot_time: shot_time.map_err(|()| wrong("ShotTime", "is not a time"))?,
        bytes,
        id: id.clone().ok_or_else(|| wrong("ImageID", "is required"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_read_with_and_without_its_inner_object() {
        let fields = r#""ImageID":"33052300001190000001022026031009150000011","DeviceID":33052300001190000001,"ShotTime":"20260310091500""#;
        for body in [
            format!(r#"{{"ImageListObject":{{"Image":[{{"ImageInfo":{{{fields}}},"Data":"/9j/2Q=="}}]}}}}"#),
            format!(r#"{{"ImageListObject":{{"ImageObject":{{{fields},"Data":"/9j/2Q=="}}}}}}"#),
        ] {
            let picture = parse_images(body.as_bytes()).unwrap().remove(0).unwrap();
            assert_eq!(picture.id, "33052300001190000001022026031009150000011");
            assert_eq!(picture.device_id.unwrap().as_str(), "33052300001190000001");
            assert_eq!(picture.shot_time.unwrap().to_rfc3339(), "2026-03-10T01:15:00+00:00");
            assert_eq!(picture.bytes, [0xff, 0xd8, 0xff, 0xd9]);
        }
        let refused = |entry: &str| {
            parse_images(format!(r#"{{"ImageListObject":{{"Image":[{entry}]}}}}"#).as_bytes()).unwrap().remove(0)
        };
        assert_eq!(refused(r#"{"Data":"/9j/2Q=="}"#).unwrap_err().field, "ImageID");
        assert_eq!(refused(r#"{"ImageID":"1"}"#).unwrap_err().field, "Data");
        assert_eq!(refused(r#"{"ImageID":"1","Data":"?"}"#).unwrap_err().field, "Data");
        assert!(refused("7").is_err());
    }
}
