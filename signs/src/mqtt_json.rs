//! The retained message that tells an MQTT sign's panel what to show, and the sign's acknowledgement.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::face::{Face, Mode};

/// Payload of `yunpark/v1/sign/<sign>/panel/<panel>/set`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMessage {
    /// The face's version; a sign ignores a lower one than it shows.
    pub version: u64,
    /// What kind of face it is.
    pub mode: Mode,
    /// The lines as plain text, for a sign that draws them its own way.
    pub lines: Vec<String>,
    /// The whole face.
    pub face: Face,
    /// When the sign must go dark by itself unless it is told again.
    pub valid_until: DateTime<Utc>,
    /// The lease under which a node tells it, where several nodes share the signs; `version` begins with it and grows from
    /// there, so that whoever compares versions never goes back to a node whose lease is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<u64>,
}

/// Payload of `yunpark/v1/sign/<sign>/ack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The panel.
    pub panel: String,
    /// The version it now shows, or refused.
    pub version: u64,
    /// Whether it shows it.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl SetMessage {
    /// The message for a face that holds until `valid_until`.
    pub fn new(face: &Face, valid_until: DateTime<Utc>) -> Self {
        let lines =
            if face.mode == Mode::Blank { Vec::new() } else { face.lines.iter().map(ToString::to_string).collect() };
        Self { version: face.version, mode: face.mode, lines, face: face.clone(), valid_until, token: None }
    }
}

/// Topic on which a panel is told its face.
pub fn set_topic(sign: &str, panel: &str) -> String {
    format!("yunpark/v1/sign/{sign}/panel/{panel}/set")
}

/// Topic on which a sign acknowledges.
pub fn ack_topic(sign: &str) -> String {
    format!("yunpark/v1/sign/{sign}/ack")
}

/// Filter that matches every sign's acknowledgements.
pub const ACK_FILTER: &str = "yunpark/v1/sign/+/ack";

/// The sign an acknowledgement's topic names.
pub fn sign_of_ack(topic: &str) -> Option<&str> {
    let sign = topic.strip_prefix("yunpark/v1/sign/")?.strip_suffix("/ack")?;
    (!sign.is_empty() && !sign.contains('/')).then_some(sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::{Arrow, LineState, tests};

    #[test]
    fn a_set_message_says_the_lines_in_words_and_the_face_in_full() {
        let face = tests::face(vec![tests::line("城西停车场", Some(Arrow::Left), "34", LineState::Free)]);
        let until = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let json = serde_json::to_value(SetMessage::new(&face, until)).unwrap();
        assert_eq!(json["version"], 7);
        assert_eq!(json["mode"], "normal");
        assert_eq!(json["lines"], serde_json::json!(["城西停车场 ← 34"]));
        assert_eq!(json["face"]["lines"][0]["free"], 34);
        assert_eq!(json["valid_until"], "2027-01-15T08:00:00Z");
        assert_eq!(json.get("token"), None, "a node that is alone has none");
        assert_eq!(serde_json::from_value::<SetMessage>(json).unwrap(), SetMessage::new(&face, until));
        let leased = SetMessage { token: Some(5), ..SetMessage::new(&face, until) };
        assert_eq!(serde_json::to_value(&leased).unwrap()["token"], 5);
    }

    #[test]
    fn an_acknowledgement_is_read_with_or_without_an_error() {
        let ack: Ack = serde_json::from_str(r#"{"panel":"P1","version":7,"ok":true}"#).unwrap();
        assert_eq!(ack, Ack { panel: "P1".into(), version: 7, ok: true, error: None });
        let ack: Ack = serde_json::from_str(r#"{"panel":"P1","version":7,"ok":false,"error":"hot"}"#).unwrap();
        assert_eq!(ack.error.as_deref(), Some("hot"));
    }

    #[test]
    fn an_acknowledgement_belongs_to_the_sign_its_topic_names() {
        assert_eq!(sign_of_ack(&ack_topic("G1")), Some("G1"));
        for other in ["yunpark/v1/sign/G1/panel/P1/set", "yunpark/v1/sign//ack", "yunpark/v1/sign/a/b/ack", "x"] {
            assert_eq!(sign_of_ack(other), None);
        }
    }
}
