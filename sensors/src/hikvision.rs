//! Hikvision: counts in a camera's HTTP alert stream, one `EventNotificationAlert` after another in a multipart body.
//!
//! Source: the fields of the ISAPI event notification. A count of `realTime` runs on since the camera's reset; one of
//! `timeRange` is of its period alone. The device is the camera's MAC address, as it is written. Events of other types say
//! nothing here.

use chrono::{DateTime, Utc};
use quick_xml::{Reader, events::Event};

use crate::{
    reading::{LaneDirection, Reading},
    uplink::{EnvelopeError, Report, Source, Told, Way},
};

/// Longest body of one part, bytes: counting events have no pictures.
const LONGEST_PART: usize = 64 * 1024;

/// What ends the head of a part.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Takes a stream apart into its parts, however the bytes arrive.
#[derive(Debug, Default)]
pub struct Parts {
    boundary: Vec<u8>,
    bytes: Vec<u8>,
}

impl Parts {
    /// A stream whose `Content-Type` names this boundary.
    pub fn new(boundary: &str) -> Self {
        Self { boundary: format!("--{boundary}").into_bytes(), bytes: Vec::new() }
    }

    /// Adds bytes and hands out the bodies of the parts that are whole now: by the length a part tells, so that an event
    /// need not wait for the next one, or else up to the next boundary. A part that grows beyond its limit is dropped.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.bytes.extend_from_slice(bytes);
        let mut bodies = Vec::new();
        while let Some(body) = self.next_part() {
            bodies.extend(Some(body).filter(|body| !body.is_empty()));
        }
        if self.bytes.len() > LONGEST_PART {
            // What may be the beginning of a boundary stays.
            let keep = self.bytes.len() - self.boundary.len().min(self.bytes.len());
            self.bytes.drain(..keep);
        }
        bodies
    }

    /// Takes the next whole part off the bytes: its body, empty for what is no part.
    fn next_part(&mut self) -> Option<Vec<u8>> {
        let start = find(&self.bytes, &self.boundary)? + self.boundary.len();
        let rest = &self.bytes[start..];
        let next = find(rest, &self.boundary);
        let Some(head) = find(&rest[..next.unwrap_or(rest.len())], HEAD_END) else {
            // A boundary without a head, as at the end of a body, goes once another follows it.
            self.bytes.drain(..start + next?);
            return Some(Vec::new());
        };
        let body = head + HEAD_END.len();
        let (end, after) = match length(&rest[..head]).filter(|length| *length <= LONGEST_PART) {
            Some(length) if rest.len() < body + length => return None,
            Some(length) => (body + length, body + length),
            None => (next?, next?),
        };
        let part = rest[body..end].to_vec();
        self.bytes.drain(..start + after);
        Some(part)
    }
}

/// The length a part's head tells.
fn length(head: &[u8]) -> Option<usize> {
    let lines = std::str::from_utf8(head).ok()?.lines();
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    let (_, length) = fields.find(|(name, _)| name.trim().eq_ignore_ascii_case("content-length"))?;
    length.trim().parse().ok()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len().max(1)).position(|window| window == wanted)
}

#[derive(Default)]
struct Alert {
    mac: String,
    kind: String,
    at: String,
    method: String,
    entered: Option<u32>,
    left: Option<u32>,
}

/// Opens one event. `None` for an event that counts nothing, such as the camera's keep-alive.
pub fn parse(xml: &[u8]) -> Result<Option<Report>, EnvelopeError> {
    let alert = read(xml)?;
    let counts = ["peopleCounting", "vehicleCounting", "PeopleCounting", "VehicleCounting"];
    if !counts.contains(&alert.kind.as_str()) || (alert.entered, alert.left) == (None, None) {
        return Ok(None);
    }
    if alert.mac.is_empty() {
        return Err(EnvelopeError::NoDevice);
    }
    let at: DateTime<Utc> = DateTime::parse_from_rfc3339(&alert.at).map_err(|_| EnvelopeError::BadTime)?.to_utc();
    let is_period = alert.method.eq_ignore_ascii_case("timeRange");
    let reading = |direction, count: u32| {
        if is_period {
            Reading::CounterDelta { direction, count, lane: None }
        } else {
            Reading::CounterTotal { direction, lane: None, value: u64::from(count), width_bits: 32 }
        }
    };
    let entered = alert.entered.map(|count| reading(LaneDirection::In, count));
    let left = alert.left.map(|count| reading(LaneDirection::Out, count));
    Ok(Some(Report {
        source: Source::Hikvision,
        device_id: alert.mac,
        session: None,
        f_cnt: at.timestamp_millis().unsigned_abs(),
        is_numbered: false,
        network_time: Some(at),
        way: Way::default(),
        told: entered.into_iter().chain(left).map(|reading| Told::at(reading, at)).collect(),
    }))
}

fn read(xml: &[u8]) -> Result<Alert, EnvelopeError> {
    let malformed = |_| EnvelopeError::Format { reason: "not XML" };
    let xml = std::str::from_utf8(xml).map_err(|_| EnvelopeError::Format { reason: "not UTF-8" })?;
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}'));
    let (mut alert, mut element, mut is_alert) = (Alert::default(), String::new(), false);
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(start) => {
                start.local_name().as_ref().clone_into(&mut element);
                is_alert |= element == "EventNotificationAlert";
            }
            Event::Text(text) => {
                let text = text.trim();
                let number = || text.parse().ok();
                match element.as_str() {
                    "macAddress" => text.clone_into(&mut alert.mac),
                    "eventType" => text.clone_into(&mut alert.kind),
                    "dateTime" => text.clone_into(&mut alert.at),
                    "statisticalMethods" => text.clone_into(&mut alert.method),
                    "enter" => alert.entered = number(),
                    "exit" => alert.left = number(),
                    _ => {}
                }
            }
            Event::End(_) => element.clear(),
            Event::Eof => break,
            _ => {}
        }
    }
    if is_alert { Ok(alert) } else { Err(EnvelopeError::Format { reason: "not an EventNotificationAlert" }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope(counting: &str) -> String {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../shared/samples/mqtt/hikvision_EventNotificationAlert_envelope.xml"
        );
        let text = std::fs::read_to_string(path).unwrap();
        text.replace("</EventNotificationAlert>", &format!("{counting}</EventNotificationAlert>"))
    }

    const COUNT: &str = "<peopleCounting><statisticalMethods>realTime</statisticalMethods>
        <enter>12</enter><exit>5</exit><pass>0</pass></peopleCounting>";

    #[test]
    fn a_running_count_is_a_total_and_a_period_is_a_delta() {
        let report = parse(envelope(COUNT).as_bytes()).unwrap().unwrap();
        let total = |direction, value| Reading::CounterTotal { direction, lane: None, value, width_bits: 32 };
        assert_eq!(report.device_id, "00:00:5e:00:53:01");
        assert_eq!(report.told[0].reading, total(LaneDirection::In, 12));
        assert_eq!(report.told[1].reading, total(LaneDirection::Out, 5));
        assert_eq!(report.told[0].device_time.unwrap().to_rfc3339(), "2026-07-29T08:00:00+00:00");
        let period = parse(envelope(&COUNT.replace("realTime", "timeRange")).as_bytes()).unwrap().unwrap();
        assert_eq!(
            period.told[1].reading,
            Reading::CounterDelta { direction: LaneDirection::Out, count: 5, lane: None }
        );
    }

    #[test]
    fn an_event_that_counts_nothing_says_nothing() {
        assert_eq!(parse(envelope("").as_bytes()), Ok(None));
        assert_eq!(parse(envelope(COUNT).replace("peopleCounting<", "videoloss<").as_bytes()), Ok(None));
        assert!(parse(b"<html><body>401</body></html>").is_err());
        assert!(parse(b"<EventNotificationAlert><enter>").is_ok_and(|none| none.is_none()));
        assert!(parse(b"<a></b>").is_err());
    }

    #[test]
    fn a_stream_is_taken_apart_wherever_it_is_cut() {
        let part = |body: &str| {
            format!("--b\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n{body}\r\n", body.len())
        };
        let stream = format!("{}{}{}--b\r\n", part("one"), part("two"), part("three"));
        for step in [1, 2, 7, stream.len()] {
            let mut parts = Parts::new("b");
            let bodies: Vec<Vec<u8>> = stream.as_bytes().chunks(step).flat_map(|chunk| parts.push(chunk)).collect();
            assert_eq!(bodies, [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()], "by {step}");
        }
        assert_eq!(Parts::new("b").push(part("one").as_bytes()), [b"one".to_vec()], "without waiting for the next");
        let plain = "--b\r\nContent-Type: application/xml\r\n\r\none\r\n--b\r\n\r\n--b\r\n";
        assert_eq!(Parts::new("b").push(plain.as_bytes()), [b"one\r\n".to_vec()], "a part without a length");
        let mut parts = Parts::new("b");
        parts.push(&vec![b'x'; LONGEST_PART * 2]);
        assert!(parts.bytes.len() <= LONGEST_PART);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(xml in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,200}") {
            let _ = (parse(&xml), parse(text.as_bytes()), Parts::new("b").push(&xml));
        }
    }
}
