//! A refused message, kept with the reason so that it can be looked at, and replayed after a fix.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::time::{Instant, rfc3339};

/// A refused message. The same message refused again is the same dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id, made of topic and payload.
    pub id: String,
    /// The topic it came on.
    pub topic: String,
    /// The device, space or lot it came from, as far as the topic tells; else the topic.
    pub source: String,
    /// The refusal's kind, as metrics label it.
    pub kind: String,
    /// The refusal in words.
    pub reason: String,
    /// The payload, cut at a limit.
    pub payload: Vec<u8>,
    /// The payload's length before it was cut.
    pub payload_bytes: u64,
    /// Whether topic and payload are kept whole, so that it can be replayed.
    pub is_whole: bool,
    /// When it was refused first.
    pub first_at: Instant,
    /// When it was refused last.
    pub received_at: Instant,
    /// How often.
    pub seen: u64,
    /// When it was replayed last.
    pub replayed_at: Option<Instant>,
}

impl DeadLetter {
    /// Whether a replay may bring it in: it is whole, and was refused since it was replayed last.
    pub fn may_be_replayed(&self) -> bool {
        self.is_whole && self.replayed_at.is_none_or(|replayed| replayed < self.received_at)
    }
}

/// As the API and the command line show it: the payload as text if it is UTF-8 without control characters, else as hex.
impl Serialize for DeadLetter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("reason", &self.reason)?;
        map.serialize_entry("topic", &self.topic)?;
        map.serialize_entry("source", &self.source)?;
        map.serialize_entry("first_at", &rfc3339(self.first_at))?;
        map.serialize_entry("received_at", &rfc3339(self.received_at))?;
        map.serialize_entry("seen", &self.seen)?;
        map.serialize_entry("replayed_at", &self.replayed_at.map(rfc3339))?;
        map.serialize_entry("payload_bytes", &self.payload_bytes)?;
        map.serialize_entry("is_whole", &self.is_whole)?;
        let shown = |text: &&str| text.chars().all(|c| !c.is_control() || c.is_ascii_whitespace());
        match std::str::from_utf8(&self.payload).ok().filter(shown) {
            Some(text) => map.serialize_entry("payload", text)?,
            None => map.serialize_entry("payload_hex", &hex::encode(&self.payload))?,
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn letter(payload: &[u8]) -> DeadLetter {
        DeadLetter {
            id: "a".into(),
            topic: "t".into(),
            source: "s".into(),
            kind: "k".into(),
            reason: "r".into(),
            payload: payload.to_vec(),
            payload_bytes: payload.len() as u64,
            is_whole: true,
            first_at: Instant::UNIX_EPOCH,
            received_at: Instant::UNIX_EPOCH,
            seen: 1,
            replayed_at: None,
        }
    }

    #[test]
    fn a_payload_is_shown_as_text_where_it_is_text() {
        let shown = |payload: &[u8]| serde_json::to_value(letter(payload)).unwrap();
        assert_eq!(shown("{\"状态\":1}\n".as_bytes())["payload"], "{\"状态\":1}\n");
        assert_eq!(shown(b"\xff\x00")["payload_hex"], "ff00");
        assert_eq!(shown(b"a\x1b[2J")["payload_hex"], "611b5b324a");
    }

    #[test]
    fn a_letter_is_replayed_once_for_each_refusal() {
        let mut letter = letter(b"");
        assert!(letter.may_be_replayed());
        letter.replayed_at = Some(Instant::UNIX_EPOCH + Duration::seconds(1));
        assert!(!letter.may_be_replayed());
        letter.received_at = Instant::UNIX_EPOCH + Duration::seconds(2);
        assert!(letter.may_be_replayed());
        letter.is_whole = false;
        assert!(!letter.may_be_replayed());
    }
}
