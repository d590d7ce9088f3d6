//! Hikvision ISAPI: the number-plate event a camera pushes, and the answer it understands.
//!
//! Source: the `EventNotificationAlert` of event type ANPR in ISAPI. What firmwares write differently is taken as they write it:
//! elements with a prefix, floats for whole numbers, no `vehicleInfo`, plates that begin with the word of their colour.

use std::fmt;

use chrono::{DateTime, Duration, FixedOffset, NaiveDateTime, TimeZone, Utc};
use quick_xml::{Reader, events::Event};

/// Most pictures one event names.
const MOST_PICTURES: usize = 16;
/// Longest text of one element that is kept, characters.
const LONGEST_TEXT: usize = 256;
/// Deepest nesting that is followed.
const DEEPEST: usize = 24;

/// A picture an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureInfo {
    /// The name of its part of the body, or its address.
    pub file_name: String,
    /// `detectionPicture`, `licensePlatePicture`, ...
    pub kind: String,
    /// When it was taken.
    pub at: Option<DateTime<Utc>>,
}

/// One number-plate event.
#[derive(Clone, PartialEq, Eq)]
pub struct AnprEvent {
    /// The event's own id; the same when it is sent again, and in the post that brings its pictures later.
    pub uuid: String,
    /// The camera's MAC address, as it is written.
    pub mac: String,
    /// When it happened, or was reported.
    pub at: DateTime<Utc>,
    /// From the first picture to the last, milliseconds, where the camera watches stays.
    pub stay_ms: Option<u32>,
    /// The plate as read, the word of its colour included; `None` for none.
    pub plate: Option<String>,
    /// Colour of the plate in a word.
    pub plate_color: Option<&'static str>,
    /// Whether the vehicle is a motor vehicle.
    pub is_motor: bool,
    /// The code of the offence, `1039` for illegal parking; `None` for 0 or nothing.
    pub illegal_code: Option<String>,
    /// ISAPI's number of the country of the plate; 59 is China.
    pub country: Option<u32>,
    /// Whether the pictures follow in another post.
    pub has_more: bool,
    /// Whether it was kept by the camera while nobody could be reached.
    pub is_retransmission: bool,
    /// Its pictures, in order.
    pub pictures: Vec<PictureInfo>,
}

/// Plates stay out of logs.
impl fmt::Debug for AnprEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnprEvent")
            .field("uuid", &self.uuid)
            .field("at", &self.at)
            .field("has_plate", &self.plate.is_some())
            .field("pictures", &self.pictures.len())
            .finish_non_exhaustive()
    }
}

/// What an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alert {
    /// A plate was read, or a vehicle without one was seen.
    Anpr(Box<AnprEvent>),
    /// Something else, such as the camera's heartbeat, by its event type.
    Other(String),
}

/// Why an event is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AlertError {
    /// Not XML: status 5.
    #[error("the event is not XML")]
    NotXml,
    /// XML, but not what is pushed there: status 6.
    #[error("the event has no {0}")]
    Missing(&'static str),
    /// A field is wrong: status 6.
    #[error("{0} cannot be read")]
    Wrong(&'static str),
}

impl AlertError {
    /// What the camera is answered.
    pub fn status(self) -> Status {
        match self {
            Self::NotXml => Status::InvalidXmlFormat,
            Self::Missing(_) | Self::Wrong(_) => Status::InvalidXmlContent,
        }
    }
}

/// ISAPI's status codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 1
    Ok,
    /// 2
    DeviceBusy,
    /// 3
    DeviceError,
    /// 4
    InvalidOperation,
    /// 5
    InvalidXmlFormat,
    /// 6
    InvalidXmlContent,
}

impl Status {
    fn told(self) -> (u8, &'static str) {
        match self {
            Self::Ok => (1, "OK"),
            Self::DeviceBusy => (2, "Device Busy"),
            Self::DeviceError => (3, "Device Error"),
            Self::InvalidOperation => (4, "Invalid Operation"),
            Self::InvalidXmlFormat => (5, "Invalid XML Format"),
            Self::InvalidXmlContent => (6, "Invalid XML Content"),
        }
    }
}

/// The answer to an event; `sub` is a short word that says more, such as `badXmlContent`.
pub fn response_status(request_url: &str, status: Status, sub: &str) -> String {
    let (code, words) = status.told();
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ResponseStatus version=\"2.0\" \
         xmlns=\"http://www.isapi.org/ver20/XMLSchema\">\n<requestURL>{}</requestURL>\n<statusCode>{code}</statusCode>\n\
         <statusString>{words}</statusString>\n<subStatusCode>{}</subStatusCode>\n</ResponseStatus>\n",
        escape(request_url),
        escape(sub)
    )
}

#[derive(Default)]
struct Fields {
    is_alert: bool,
    kind: String,
    uuid: String,
    device_uuid: String,
    mac: String,
    at: String,
    plate: String,
    plate_color: String,
    vehicle_type: String,
    plate_type: String,
    illegal_code: String,
    stay_ms: String,
    country: String,
    has_more: String,
    is_retransmission: String,
    pictures: Vec<[String; 3]>,
}

/// Reads one event.
pub fn parse(xml: &[u8]) -> Result<Alert, AlertError> {
    let fields = read(xml)?;
    if !fields.is_alert {
        return Err(AlertError::Missing("EventNotificationAlert"));
    }
    if fields.kind.is_empty() {
        return Err(AlertError::Missing("eventType"));
    }
    if !fields.kind.eq_ignore_ascii_case("ANPR") {
        return Ok(Alert::Other(fields.kind));
    }
    let missing = if fields.at.is_empty() { AlertError::Missing("dateTime") } else { AlertError::Wrong("dateTime") };
    let at = DateTime::parse_from_rfc3339(&fields.at).map_err(|_| missing)?;
    let whole = |text: &str| text.split('.').next().and_then(|text| text.parse::<u32>().ok());
    let is_yes = |text: &str| matches!(text, "true" | "1");
    let pictures = fields.pictures.iter().map(|[file_name, kind, taken]| PictureInfo {
        file_name: file_name.clone(),
        kind: kind.clone(),
        at: picture_time(taken, *at.offset()),
    });
    let is_read =
        !matches!(fields.plate.to_ascii_lowercase().as_str(), "" | "noplate" | "unknown" | "无车牌" | "未识别");
    let uuid = if fields.uuid.is_empty() { fields.device_uuid.clone() } else { fields.uuid.clone() };
    Ok(Alert::Anpr(Box::new(AnprEvent {
        // A firmware without ids: the camera and the instant are as good.
        uuid: if uuid.is_empty() { format!("{}@{}", fields.mac, at.timestamp_millis()) } else { uuid },
        mac: fields.mac,
        at: at.to_utc(),
        stay_ms: whole(&fields.stay_ms).filter(|stay| *stay > 0),
        plate: is_read.then_some(fields.plate),
        plate_color: color(&fields.plate_color),
        is_motor: !matches!(fields.vehicle_type.as_str(), "nonmotorVehicle" | "twoWheelVehicle" | "threeWheelVehicle")
            || fields.plate_type == "motorola",
        illegal_code: Some(fields.illegal_code).filter(|code| !matches!(code.as_str(), "" | "0")),
        country: whole(&fields.country),
        has_more: is_yes(&fields.has_more),
        is_retransmission: is_yes(&fields.is_retransmission),
        pictures: pictures.collect(),
    })))
}

/// A picture's own time, `yyyyMMddHHmmssSSS` on the clocks of the camera.
fn picture_time(text: &str, offset: FixedOffset) -> Option<DateTime<Utc>> {
    let (second, millis) = text.split_at_checked(14)?;
    let naive = NaiveDateTime::parse_from_str(second, "%Y%m%d%H%M%S").ok()?;
    let millis = if millis.is_empty() { 0 } else { millis.parse::<i64>().ok().filter(|millis| *millis < 1000)? };
    Some((offset.from_local_datetime(&naive).single()? + Duration::milliseconds(millis)).to_utc())
}

fn color(word: &str) -> Option<&'static str> {
    Some(match word {
        "black" | "civilAviationBlack" => "black",
        "blue" => "blue",
        "yellow" | "golden" => "yellow",
        "white" => "white",
        "red" => "red",
        "green" | "newEnergyGreen" | "civilAviationGreen" => "green",
        "newEnergyYellowGreen" => "yellow_green",
        "orange" => "orange",
        "brown" => "brown",
        "" | "unknown" => return None,
        _ => "other",
    })
}

fn read(xml: &[u8]) -> Result<Fields, AlertError> {
    let xml = std::str::from_utf8(xml).map_err(|_| AlertError::NotXml)?;
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}').trim_start());
    let (mut fields, mut path) = (Fields::default(), Vec::<String>::new());
    loop {
        match reader.read_event().map_err(|_| AlertError::NotXml)? {
            Event::Start(start) => {
                if path.len() == DEEPEST {
                    return Err(AlertError::Wrong("a nesting this deep"));
                }
                let mut name = String::new();
                start.local_name().as_ref().clone_into(&mut name);
                if name == "pictureInfo" && fields.pictures.len() < MOST_PICTURES {
                    fields.pictures.push(Default::default());
                }
                fields.is_alert |= path.is_empty() && name == "EventNotificationAlert";
                path.push(name);
            }
            Event::Text(text) => fields.take(&path, text.trim()),
            Event::End(_) => drop(path.pop()),
            Event::Eof if path.is_empty() => return Ok(fields),
            Event::Eof => return Err(AlertError::NotXml),
            _ => {}
        }
    }
}

impl Fields {
    fn take(&mut self, path: &[String], text: &str) {
        let text = || text.chars().take(LONGEST_TEXT).collect::<String>();
        let inside = |name: &str| path.len() > 1 && path[..path.len() - 1].iter().any(|level| level == name);
        let Some(name) = path.last() else { return };
        let field = match name.as_str() {
            "fileName" | "type" | "absTime" if inside("pictureInfo") => {
                let which = ["fileName", "type", "absTime"].iter().position(|each| each == name);
                match (self.pictures.last_mut(), which) {
                    (Some(picture), Some(which)) => &mut picture[which],
                    _ => return,
                }
            }
            "eventType" => &mut self.kind,
            "UUID" => &mut self.uuid,
            "deviceUUID" => &mut self.device_uuid,
            "macAddress" => &mut self.mac,
            "dateTime" => &mut self.at,
            "licensePlate" => &mut self.plate,
            "plateColor" => &mut self.plate_color,
            "plateType" => &mut self.plate_type,
            "illegalCode" => &mut self.illegal_code,
            "dwIllegalTime" => &mut self.stay_ms,
            "country" => &mut self.country,
            "hasMoreData" => &mut self.has_more,
            "isDataRetransmission" => &mut self.is_retransmission,
            "vehicleType" if !inside("vehicleInfo") && !inside("VehicleGATInfo") => &mut self.vehicle_type,
            _ => return,
        };
        if field.is_empty() {
            *field = text();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> String {
        let path = "../../shared/samples/captures/hik_anpr_parking_SYNTHETIC.xml";
        std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn anpr(xml: &str) -> AnprEvent {
        match parse(xml.as_bytes()).unwrap() {
            Alert::Anpr(event) => *event,
            Alert::Other(kind) => panic!("{kind}"),
        }
    }

    #[test]
    fn the_sample_of_a_parked_car_tells_two_pictures_five_minutes_apart() {
        let event = anpr(&sample());
        assert_eq!(event.uuid, "a0fe72d4-3652-464a-aebd-3f9190010236");
        assert_eq!((event.plate.as_deref(), event.plate_color), (Some("蓝浙E12345"), Some("blue")));
        assert_eq!(
            (event.stay_ms, event.illegal_code.as_deref(), event.country),
            (Some(300_000), Some("1039"), Some(59))
        );
        assert!(event.is_motor && !event.has_more && !event.is_retransmission);
        let times: Vec<_> = event.pictures.iter().map(|picture| picture.at.map(|at| at.timestamp_millis())).collect();
        let last = event.at.timestamp_millis();
        assert_eq!(times, [Some(last - 300_000), Some(last), None]);
        assert!(!format!("{event:?}").contains("E12345"));
    }

    #[test]
    fn what_firmwares_write_otherwise_is_read_too() {
        let prefixed =
            sample().replace("<licensePlate>", "<hik:licensePlate>").replace("</licensePlate>", "</hik:licensePlate>");
        assert_eq!(anpr(&prefixed).plate.as_deref(), Some("蓝浙E12345"));
        for none in ["noPlate", "unknown", "无车牌", ""] {
            assert_eq!(anpr(&sample().replace("蓝浙E12345", none)).plate, None, "{none}");
        }
        let without_id = sample().replace("UUID>", "Nothing>");
        assert_eq!(anpr(&without_id).uuid, "00:00:5e:00:53:01@1773105300847");
        let more = sample().replace("<listType>", "<hasMoreData>true</hasMoreData><listType>");
        assert!(anpr(&more).has_more);
        let bike = sample().replacen("<vehicleType>vehicle<", "<vehicleType>nonmotorVehicle<", 1);
        assert!(!anpr(&bike).is_motor);
    }

    #[test]
    fn what_is_no_event_is_refused_with_the_right_code() {
        let refused = |xml: &str| parse(xml.as_bytes()).unwrap_err();
        assert_eq!(refused("{}").status(), Status::InvalidXmlContent);
        assert_eq!(refused(&sample()[..900]).status(), Status::InvalidXmlFormat);
        assert_eq!(refused("<html><body>x</body></html>"), AlertError::Missing("EventNotificationAlert"));
        assert_eq!(refused(&sample().replace("2026-03-10T09:15", "soon")), AlertError::Wrong("dateTime"));
        let heartbeat = sample().replace("<eventType>ANPR<", "<eventType>videoloss<");
        assert_eq!(parse(heartbeat.as_bytes()), Ok(Alert::Other("videoloss".into())));
        assert!(parse(&"<a>".repeat(100_000).into_bytes()).is_err());
    }

    #[test]
    fn an_answer_is_a_response_status() {
        let answer = response_status("/ISAPI/Event/notification/alert", Status::InvalidXmlContent, "badXmlContent");
        assert!(answer.contains("<statusCode>6</statusCode>") && answer.contains("<subStatusCode>badXmlContent<"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(xml in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,200}",
            cut in 0_usize..3000) {
            let sample = sample().into_bytes();
            let _ = (parse(&xml), parse(text.as_bytes()), parse(&sample[..cut.min(sample.len())]));
        }
    }
}
