//! The short requests by which a camera registers, says it is alive, and leaves.

use serde::Deserialize;

use super::{BodyError, DeviceId, loose::Loose};

/// A short request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// `POST /VIID/System/Register`
    Register,
    /// `POST /VIID/System/Keepalive`
    Keepalive,
    /// `POST /VIID/System/UnRegister`
    UnRegister,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "RegisterObject", borrow)]
    register: Option<Subject<'a>>,
    #[serde(rename = "KeepaliveObject", borrow)]
    keepalive: Option<Subject<'a>>,
    #[serde(rename = "UnRegisterObject", alias = "UnregisterObject", borrow)]
    unregister: Option<Subject<'a>>,
}

#[derive(Deserialize)]
struct Subject<'a> {
    #[serde(rename = "DeviceID", borrow, default)]
    device_id: Loose<'a>,
}

/// The device a short request speaks of.
pub fn device_id(request: Request, body: &[u8]) -> Result<DeviceId, BodyError> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => BodyError::Missing { expected: "DeviceID of 20 digits" },
        _ => BodyError::NotJson,
    })?;
    let (subject, expected) = match request {
        Request::Register => (body.register, "RegisterObject"),
        Request::Keepalive => (body.keepalive, "KeepaliveObject"),
        Request::UnRegister => (body.unregister, "UnRegisterObject"),
    };
    let subject = subject.ok_or(BodyError::Missing { expected })?;
    let text = subject.device_id.text();
    text.and_then(|text| DeviceId::parse(text.trim())).ok_or(BodyError::Missing { expected: "DeviceID of 20 digits" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../../shared/samples/captures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn a_camera_registers_with_its_id_as_text_or_as_a_bare_number() {
        let id = device_id(Request::Register, &sample("viid_register_request.json")).unwrap();
        assert_eq!(id.as_str(), "33010299011190000253");
        let id = device_id(Request::Register, &sample("viid_register_request_easy1400.json")).unwrap();
        assert_eq!(id.as_str(), "53260199001200000000");
        let id = device_id(Request::Keepalive, &sample("viid_keepalive_request.json")).unwrap();
        assert_eq!(id.as_str(), "33010299011190000253");
    }

    #[test]
    fn a_request_for_another_door_is_refused() {
        let body = sample("viid_keepalive_request.json");
        let missing = |expected| Err(BodyError::Missing { expected });
        assert_eq!(device_id(Request::Register, &body), missing("RegisterObject"));
        assert_eq!(device_id(Request::UnRegister, b"nonsense"), Err(BodyError::NotJson));
        let short = br#"{"UnRegisterObject":{"DeviceID":"12"}}"#;
        assert_eq!(device_id(Request::UnRegister, short), missing("DeviceID of 20 digits"));
    }
}
