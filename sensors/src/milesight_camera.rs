//! Milesight VS121-P: a camera's counts over MQTT, in local time with its offset from UTC.
//!
//! A region report tells how many are there now (`current_total`); a line report tells how many crossed in its period (`in`,
//! `out`). The maximum of a period is written `max_counted` or `Max_counted`, and is not needed here. The device is the
//! camera's serial number.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use serde::Deserialize;

use crate::{
    reading::{LaneDirection, Reading},
    uplink::{EnvelopeError, Report, Source, Told, Way},
};

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    device_info: DeviceInfo<'a>,
    #[serde(borrow)]
    time_info: TimeInfo<'a>,
    current_total: Option<u32>,
    #[serde(rename = "in", alias = "in_counted")]
    entered: Option<u32>,
    #[serde(rename = "out", alias = "out_counted")]
    left: Option<u32>,
}

#[derive(Deserialize)]
struct DeviceInfo<'a> {
    #[serde(borrow, default)]
    device_sn: Cow<'a, str>,
}

#[derive(Deserialize)]
struct TimeInfo<'a> {
    #[serde(borrow, default)]
    timezone: Cow<'a, str>,
    #[serde(default)]
    dst_status: bool,
    #[serde(borrow)]
    end_time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
}

/// Opens a report.
pub fn parse(payload: &[u8]) -> Result<Report, EnvelopeError> {
    let event: Event<'_> = serde_json::from_slice(payload)?;
    if event.device_info.device_sn.is_empty() {
        return Err(EnvelopeError::NoDevice);
    }
    let at = event.time_info.instant()?;
    let mut readings = Vec::new();
    readings.extend(event.current_total.map(|count| Reading::LotOccupied { count }));
    let delta = |direction, count| Reading::CounterDelta { direction, count, lane: None };
    readings.extend(event.entered.map(|count| delta(LaneDirection::In, count)));
    readings.extend(event.left.map(|count| delta(LaneDirection::Out, count)));
    if readings.is_empty() {
        return Err(EnvelopeError::Field { field: "current_total", fault: "or `in` and `out` are required" });
    }
    Ok(Report {
        source: Source::MilesightCamera,
        device_id: event.device_info.device_sn.into_owned(),
        session: None,
        f_cnt: at.timestamp_millis().unsigned_abs(),
        is_numbered: false,
        network_time: Some(at),
        way: Way::default(),
        told: readings.into_iter().map(|reading| Told::at(reading, at)).collect(),
    })
}

impl TimeInfo<'_> {
    /// The end of the report's period, or its only instant.
    fn instant(&self) -> Result<DateTime<Utc>, EnvelopeError> {
        let wrong = |field, fault| EnvelopeError::Field { field, fault };
        let (field, text) = match (&self.end_time, &self.time) {
            (Some(text), _) => ("end_time", text),
            (None, Some(text)) => ("time", text),
            (None, None) => return Err(wrong("end_time", "is required")),
        };
        let local = NaiveDateTime::parse_from_str(text, "%Y/%m/%d %H:%M:%S")
            .map_err(|_| wrong(field, "is not YYYY/MM/DD HH:MM:SS"))?;
        let offset = offset_s(&self.timezone).ok_or(wrong("timezone", "is not UTC+H:MM"))?;
        // The zone is told without summer time, which the clock on the wall has.
        let summer_s = i32::from(self.dst_status) * 3600;
        let offset = FixedOffset::east_opt(offset + summer_s).ok_or(wrong("timezone", "is out of range"))?;
        let at = local.and_local_timezone(offset).single().ok_or(wrong(field, "is out of range"))?;
        Ok(at.to_utc())
    }
}

/// `UTC+8:00`, `UTC-03:30`, `UTC`: seconds east of Greenwich.
fn offset_s(zone: &str) -> Option<i32> {
    let rest = zone.trim().strip_prefix("UTC")?;
    let (sign, rest) = match rest.split_at_checked(1) {
        None => return rest.is_empty().then_some(0),
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        Some(_) => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then(|| sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> String {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/samples/mqtt/milesight_vs121p_region_periodic.json");
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_region_tells_how_many_are_there_at_the_end_of_its_period() {
        let report = parse(sample().as_bytes()).unwrap();
        assert_eq!(report.device_id, "369362028335");
        assert_eq!(report.told[0].reading, Reading::LotOccupied { count: 10 });
        assert_eq!(report.told[0].device_time.unwrap().to_rfc3339(), "2022-12-20T11:15:52+00:00");
        let other = sample().replace("\"max_counted\"", "\"Max_counted\"");
        assert_eq!(parse(other.as_bytes()).unwrap(), report, "both spellings are the camera's");
    }

    #[test]
    fn summer_time_and_zones_of_half_hours_are_counted() {
        let summer = sample().replace("\"dst_status\": false", "\"dst_status\": true");
        let report = parse(summer.as_bytes()).unwrap();
        assert_eq!(report.told[0].device_time.unwrap().to_rfc3339(), "2022-12-20T10:15:52+00:00");
        let zones = [("UTC", 0), ("UTC+8:00", 28_800), ("UTC-3:30", -12_600), ("UTC+05:45", 20_700)];
        for (zone, offset) in zones {
            assert_eq!(offset_s(zone), Some(offset), "{zone}");
        }
        for zone in ["", "GMT+8", "UTC8", "UTC+99", "UTC+8:75", "UTC+é"] {
            assert_eq!(offset_s(zone), None, "{zone}");
        }
    }

    #[test]
    fn a_line_tells_its_period_and_nothing_is_refused() {
        let line = sample().replace("\"current_total\": 10", "\"in\": 4, \"out\": 1");
        let told: Vec<Reading> = parse(line.as_bytes()).unwrap().told.into_iter().map(|told| told.reading).collect();
        let delta = |direction, count| Reading::CounterDelta { direction, count, lane: None };
        assert_eq!(told, [delta(LaneDirection::In, 4), delta(LaneDirection::Out, 1)]);
        assert!(parse(sample().replace("\"current_total\"", "\"total\"").as_bytes()).is_err());
        assert!(parse(sample().replace("2022/12/20 19", "2022-12-20 19").as_bytes()).is_err());
        assert_eq!(parse(sample().replace("369362028335", "").as_bytes()), Err(EnvelopeError::NoDevice));
    }
}
