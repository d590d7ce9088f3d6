//! Axis Object Analytics: a camera's counts over MQTT. Numbers are texts, totals run since the scenario's last reset.
//!
//! A crossline scenario tells `total`, vehicles that crossed since its reset; an occupancy scenario tells how many are in its
//! area now (`numberOfOccupants`). Which objects count the scenario's own settings say. The device is the camera's serial
//! number, from the message or, where the camera leaves it out, from the topic.

use std::borrow::Cow;

use chrono::DateTime;
use serde::Deserialize;

use crate::{
    reading::{LaneDirection, Reading},
    uplink::{EnvelopeError, Report, Source, Told, Way},
};

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    topic: Cow<'a, str>,
    timestamp: i64,
    #[serde(borrow, default)]
    serial: Cow<'a, str>,
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    scenario: Cow<'a, str>,
    #[serde(borrow)]
    total: Option<Text<'a>>,
}

/// A number, written as a text by most firmware and as a number by some.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Number(u64),
}

/// Opens an event; `serial` is the camera's from the topic.
pub fn parse(serial: &str, payload: &[u8]) -> Result<Report, EnvelopeError> {
    let event: Event<'_> = serde_json::from_slice(payload)?;
    let wrong = |field, fault| EnvelopeError::Field { field, fault };
    let total = match event.message.data.total {
        None => return Err(wrong("total", "is required")),
        Some(Text::Number(number)) => number,
        Some(Text::Text(text)) => text.trim().parse().map_err(|_| wrong("total", "must be a whole number"))?,
    };
    let at = DateTime::from_timestamp_millis(event.timestamp).ok_or(wrong("timestamp", "is out of range"))?;
    let reading = if event.message.data.scenario.eq_ignore_ascii_case("numberOfOccupants") {
        let count = u32::try_from(total).map_err(|_| wrong("total", "is too large"))?;
        Reading::LotOccupied { count }
    } else {
        // `axis:CameraApplicationPlatform/ObjectAnalytics/Device1Scenario2`: each scenario counts by itself.
        let lane = event.topic.rsplit('/').next().filter(|lane| !lane.is_empty() && lane.len() <= 64);
        let lane = lane.map(|lane| lane.to_owned().into());
        Reading::CounterTotal { direction: LaneDirection::Both, lane, value: total, width_bits: 32 }
    };
    let device_id = if event.serial.is_empty() { serial } else { &event.serial };
    Ok(Report {
        source: Source::Axis,
        device_id: device_id.to_owned(),
        session: None,
        f_cnt: event.timestamp.unsigned_abs(),
        is_numbered: false,
        network_time: Some(at),
        way: Way::default(),
        told: vec![Told::at(reading, at)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../../shared/samples/mqtt/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn a_crossline_tells_its_running_total() {
        let report = parse("", &sample("axis_aoa_crossline.json")).unwrap();
        let lane = Some("Device1Scenario2".into());
        let total = Reading::CounterTotal { direction: LaneDirection::Both, lane, value: 4, width_bits: 32 };
        assert_eq!((report.device_id.as_str(), &report.told[0].reading), ("B8A44F941234", &total));
        assert_eq!(report.told[0].device_time.unwrap().timestamp_millis(), 1_785_312_000_000);
    }

    #[test]
    fn an_area_tells_how_many_are_in_it() {
        let report = parse("", &sample("axis_aoa_occupancy.json")).unwrap();
        assert_eq!(report.told[0].reading, Reading::LotOccupied { count: 7 });
    }

    #[test]
    fn what_is_no_count_is_refused_and_the_topic_names_the_camera() {
        let event = |total: &str| format!(r#"{{"timestamp":1,"message":{{"data":{{"total":{total}}}}}}}"#);
        assert_eq!(parse("ACCC8E", event("3").as_bytes()).unwrap().device_id, "ACCC8E");
        for total in ["\"-3\"", "\"many\"", "null", "[]", "-1"] {
            assert!(parse("ACCC8E", event(total).as_bytes()).is_err(), "{total}");
        }
    }
}
