//! ChirpStack 4 events of a device (uplink, join, status, log), as its MQTT integration writes them in JSON.

use std::borrow::Cow;

use serde::Deserialize;

use crate::{
    reading::Health,
    uplink::{EnvelopeError, Join, Report, Source, Uplink, Way, frame, gateways, some, time},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow, default)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    device_info: DeviceInfo<'a>,
    #[serde(borrow, default)]
    dev_addr: Cow<'a, str>,
    #[serde(default)]
    f_cnt: u32,
    f_port: Option<u8>,
    #[serde(borrow, default)]
    data: Cow<'a, str>,
    #[serde(borrow, default)]
    rx_info: Option<Vec<RxInfo<'a>>>,
}

/// One gateway that heard the frame.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RxInfo<'a> {
    #[serde(borrow, default)]
    gateway_id: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceInfo<'a> {
    #[serde(borrow, default)]
    dev_eui: Cow<'a, str>,
}

/// Opens an uplink event. Port 0 is the network's own and is told as no port.
pub fn parse(payload: &[u8]) -> Result<Uplink, EnvelopeError> {
    // Checked for UTF-8 once, not text by text; bytes that are none are the parser's to refuse.
    let event: Event<'_> = match std::str::from_utf8(payload) {
        Ok(text) => serde_json::from_str(text)?,
        Err(_) => serde_json::from_slice(payload)?,
    };
    if event.device_info.dev_eui.is_empty() {
        return Err(EnvelopeError::NoDevice);
    }
    Ok(Uplink {
        source: Source::ChirpStack,
        device_id: event.device_info.dev_eui.to_ascii_lowercase(),
        session: some(&event.dev_addr),
        f_cnt: event.f_cnt,
        way: Way {
            gateways: gateways(event.rx_info.iter().flatten().map(|heard| &*heard.gateway_id)),
            f_port: event.f_port.filter(|port| *port != 0),
            frame: frame(&event.data)?,
        },
        network_time: time(&event.time)?,
    })
}

/// The fields of the other events. A minimal event names its device in its topic alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Other<'a> {
    #[serde(borrow, default)]
    time: Cow<'a, str>,
    #[serde(borrow, default)]
    dev_addr: Cow<'a, str>,
    #[serde(default)]
    external_power_source: bool,
    #[serde(default)]
    battery_level_unavailable: bool,
    battery_level: Option<f64>,
    #[serde(borrow, default)]
    level: Cow<'a, str>,
    #[serde(borrow, default)]
    code: Cow<'a, str>,
}

/// Opens a join event: the device's sessions go by its address in the network, and a join gives it a new one.
pub fn join(dev_eui: &str, payload: &[u8]) -> Result<Join, EnvelopeError> {
    let event: Other<'_> = serde_json::from_slice(payload)?;
    Ok(Join {
        device_id: dev_eui.to_ascii_lowercase(),
        session: some(&event.dev_addr),
        network_time: time(&event.time)?,
    })
}

/// Opens a status event: the battery as the LoRaWAN stack reports it. `None` if it tells no charge.
pub fn status(dev_eui: &str, payload: &[u8]) -> Result<Option<Report>, EnvelopeError> {
    let event: Other<'_> = serde_json::from_slice(payload)?;
    let level = event.battery_level.filter(|level| (0.0..=100.0).contains(level));
    let told = !event.external_power_source && !event.battery_level_unavailable;
    let health = |level: f64| Health { battery_percent: Some(level.round() as u8), ..Health::default() };
    let at = time(&event.time)?;
    let report = |level| Report::of_health(Source::ChirpStack, dev_eui.to_ascii_lowercase(), at, health(level));
    Ok(level.filter(|_| told).map(report))
}

/// Opens a log event: what the network server has against the device's frames, in its own word
/// (`uplink_f_cnt_retransmission`, `uplink_f_cnt_reset`, …). `None` for mere information.
pub fn log(dev_eui: &str, payload: &[u8]) -> Result<Option<Report>, EnvelopeError> {
    let event: Other<'_> = serde_json::from_slice(payload)?;
    let at = time(&event.time)?;
    let is_word =
        (1..=64).contains(&event.code.len()) && event.code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if event.level == "INFO" || !is_word {
        return Ok(None);
    }
    let health = Health { fault: Some(event.code.to_ascii_lowercase().into()), ..Health::default() };
    Ok(Some(Report::of_health(Source::ChirpStack, dev_eui.to_ascii_lowercase(), at, health)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../../shared/samples/mqtt/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn an_uplink_of_a_bay_sensor_is_opened() {
        let uplink = parse(&sample("chirpstack_v4_up_bosch_tps110.json")).unwrap();
        assert_eq!(uplink.device_id, "fcd6bd00001a2b3c");
        assert_eq!(uplink.session.as_deref(), Some("00189440"));
        assert_eq!((uplink.f_cnt, uplink.way.f_port, uplink.way.frame.as_slice()), (4242, Some(1), [1].as_slice()));
        assert_eq!(uplink.way.gateways, ["0016c001f153a14c"]);
        assert_eq!(uplink.network_time.unwrap().to_rfc3339(), "2026-07-29T08:00:00.123456789+00:00");
    }

    #[test]
    fn the_first_frame_of_a_session_counts_zero() {
        let uplink = parse(&sample("chirpstack_v4_up_fcnt0_empty_defaults.json")).unwrap();
        assert_eq!((uplink.f_cnt, uplink.way.f_port, uplink.way.frame.as_slice()), (0, Some(2), [0, 0x15].as_slice()));
    }

    #[test]
    fn a_frame_of_the_network_alone_has_no_port_and_no_bytes() {
        let uplink = parse(br#"{"deviceInfo":{"devEui":"FCD6BD00001A2B3C"},"fPort":0}"#).unwrap();
        assert_eq!(uplink.device_id, "fcd6bd00001a2b3c");
        assert_eq!((uplink.way.f_port, uplink.way.frame.len(), uplink.network_time), (None, 0, None));
    }

    #[test]
    fn each_gateway_that_heard_a_frame_is_named_once_and_those_without_a_name_not_at_all() {
        let heard = |rx_info: &str| {
            let event = format!(r#"{{"deviceInfo":{{"devEui":"aa"}},"rxInfo":{rx_info}}}"#);
            parse(event.as_bytes()).unwrap().way.gateways
        };
        assert_eq!(
            heard(r#"[{"gatewayId":"b","rssi":-90},{"snr":3},{"gatewayId":"a"},{"gatewayId":"b"}]"#),
            ["b", "a"]
        );
        assert!(heard("null").is_empty() && heard("[]").is_empty());
        let many: Vec<String> = (0..99).map(|n| format!(r#"{{"gatewayId":"{n}"}}"#)).collect();
        assert_eq!(heard(&format!("[{}]", many.join(","))).len(), 16);
    }

    #[test]
    fn a_join_begins_a_session() {
        let joined = join("FCD6BD00001A2B3C", &sample("chirpstack_v4_join.json")).unwrap();
        assert_eq!((joined.device_id.as_str(), joined.session.as_deref()), ("fcd6bd00001a2b3c", Some("00189440")));
        assert_eq!(joined.network_time.unwrap().to_rfc3339(), "2026-07-29T08:00:00+00:00");
    }

    #[test]
    fn a_status_tells_the_battery_unless_there_is_none() {
        let read = |json: &str| status("aa", json.as_bytes()).unwrap();
        let report = read(r#"{"time":"2026-07-29T08:00:00Z","margin":7,"batteryLevel":93.7}"#).unwrap();
        let health = Health { battery_percent: Some(94), ..Health::default() };
        assert_eq!(report.told[0].reading, crate::Reading::Health(health));
        assert_eq!(read(r#"{"externalPowerSource":true,"batteryLevel":0}"#), None);
        assert_eq!(read(r#"{"batteryLevelUnavailable":true,"batteryLevel":0}"#), None);
        assert_eq!(read(r#"{"margin":7}"#), None);
    }

    #[test]
    fn a_log_tells_of_frames_sent_again_and_of_counters_set_back() {
        for code in ["UPLINK_F_CNT_RETRANSMISSION", "UPLINK_F_CNT_RESET"] {
            let event = format!(r#"{{"level":"WARNING","code":"{code}","description":"Frame-counter"}}"#);
            let report = log("aa", event.as_bytes()).unwrap().unwrap();
            let health = Health { fault: Some(code.to_lowercase().into()), ..Health::default() };
            assert_eq!(report.told[0].reading, crate::Reading::Health(health));
        }
        assert_eq!(log("aa", br#"{"level":"INFO","code":"OTAA"}"#).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_opened_says_why() {
        assert!(matches!(parse(b"{"), Err(EnvelopeError::Malformed { line: 1, .. })));
        assert_eq!(parse(br#"{"deviceInfo":{}}"#), Err(EnvelopeError::NoDevice));
        assert_eq!(parse(br#"{"deviceInfo":{"devEui":"aa"},"data":"?"}"#), Err(EnvelopeError::NotBase64));
        assert_eq!(parse(br#"{"deviceInfo":{"devEui":"aa"},"time":"now"}"#), Err(EnvelopeError::BadTime));
    }
}
