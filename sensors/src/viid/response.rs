//! What a camera is answered.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::beijing;

/// GA/T 1400's status codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusCode {
    /// 0
    Ok,
    /// 1
    OtherError,
    /// 2
    DeviceBusy,
    /// 3
    DeviceError,
    /// 4
    InvalidOperation,
    /// 7
    InvalidJsonFormat,
    /// 8
    InvalidJsonContent,
}

impl StatusCode {
    /// The code's number.
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::OtherError => 1,
            Self::DeviceBusy => 2,
            Self::DeviceError => 3,
            Self::InvalidOperation => 4,
            Self::InvalidJsonFormat => 7,
            Self::InvalidJsonContent => 8,
        }
    }
    /// The code's words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::OtherError => "Other error",
            Self::DeviceBusy => "Device busy",
            Self::DeviceError => "Device error",
            Self::InvalidOperation => "Invalid operation",
            Self::InvalidJsonFormat => "Invalid JSON format",
            Self::InvalidJsonContent => "Invalid JSON content",
        }
    }
}

/// The answer to one request, or to one entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The entry's id, or the device's; empty when it had none.
    pub id: String,
    /// How it went.
    pub status: StatusCode,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    id: &'a str,
    #[serde(rename = "RequestURL")]
    request_url: &'a str,
    status_code: u8,
    status_string: &'static str,
    local_time: &'a str,
}

fn status<'a>(response: &'a Response, request_url: &'a str, local_time: &'a str) -> Entry<'a> {
    let (status_code, status_string) = (response.status.number(), response.status.words());
    Entry { id: &response.id, request_url, status_code, status_string, local_time }
}

/// `{"ResponseStatusListObject":{"ResponseStatusObject":[…]}}`, one entry per object of the request.
pub fn response_status_list(responses: &[Response], request_url: &str, now: DateTime<Utc>) -> String {
    let now = local_time(now);
    let list: Vec<Entry<'_>> = responses.iter().map(|response| status(response, request_url, &now)).collect();
    serde_json::json!({ "ResponseStatusListObject": { "ResponseStatusObject": list } }).to_string()
}

/// `{"ResponseStatusObject":{…}}`, for a request that is one thing.
pub fn response_status(response: &Response, request_url: &str, now: DateTime<Utc>) -> String {
    serde_json::json!({ "ResponseStatusObject": status(response, request_url, &local_time(now)) }).to_string()
}

/// `{"SystemTimeObject":{…}}`, in Beijing's time.
pub fn system_time(server_id: &str, now: DateTime<Utc>) -> String {
    let time = local_time(now);
    let body =
        serde_json::json!({ "VIIDServerID": server_id, "TimeMode": "2", "LocalTime": time, "TimeZone": "GMT+8" });
    serde_json::json!({ "SystemTimeObject": body }).to_string()
}

/// An instant as `yyyyMMddHHmmss` in Beijing's time.
pub fn local_time(at: DateTime<Utc>) -> String {
    at.with_timezone(&beijing()).format("%Y%m%d%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::parse_from_rfc3339("2026-03-10T01:30:00Z").unwrap().to_utc()
    }

    fn sample(name: &str) -> Value {
        let path = format!("{}/../../shared/samples/captures/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// The keys at every depth, without the values.
    fn shape(value: &Value) -> Value {
        match value {
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
            Value::Array(list) => list.iter().map(shape).collect(),
            _ => Value::Null,
        }
    }

    #[test]
    fn answers_have_the_shape_seen_in_the_field() {
        let ok = Response { id: "7".into(), status: StatusCode::Ok };
        let list: Value =
            serde_json::from_str(&response_status_list(std::slice::from_ref(&ok), "/VIID/MotorVehicles", now()))
                .unwrap();
        assert_eq!(shape(&list), shape(&sample("viid_response_list.json")));
        let single: Value = serde_json::from_str(&response_status(&ok, "/VIID/System/Register", now())).unwrap();
        assert_eq!(shape(&single), shape(&sample("viid_response_single.json")));
        let time: Value = serde_json::from_str(&system_time("33052300005030000001", now())).unwrap();
        assert_eq!(time, sample("viid_system_time_response.json"));
    }

    #[test]
    fn an_answer_tells_code_words_and_beijings_time() {
        let bad = Response { id: String::new(), status: StatusCode::InvalidJsonContent };
        let answer: Value = serde_json::from_str(&response_status(&bad, "/VIID/System/Keepalive", now())).unwrap();
        let status = &answer["ResponseStatusObject"];
        assert_eq!((&status["StatusCode"], &status["LocalTime"]), (&8.into(), &"20260310093000".into()));
    }
}
