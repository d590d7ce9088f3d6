//! ChirpStack 4 uplink events, as its MQTT integration writes them in JSON.

use std::borrow::Cow;

use serde::Deserialize;

use crate::uplink::{EnvelopeError, Uplink, frame, some, time};

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
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceInfo<'a> {
    #[serde(borrow, default)]
    dev_eui: Cow<'a, str>,
}

/// Opens an uplink event. Port 0 is the network's own and is told as no port.
pub fn parse(payload: &[u8]) -> Result<Uplink, EnvelopeError> {
    let event: Event<'_> = serde_json::from_slice(payload)?;
    if event.device_info.dev_eui.is_empty() {
        return Err(EnvelopeError::NoDevice);
    }
    Ok(Uplink {
        device_id: event.device_info.dev_eui.to_ascii_lowercase(),
        session: some(&event.dev_addr),
        f_cnt: event.f_cnt,
        f_port: event.f_port.filter(|port| *port != 0),
        payload: frame(&event.data)?,
        network_time: time(&event.time)?,
    })
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
        assert_eq!((uplink.f_cnt, uplink.f_port, uplink.payload.as_slice()), (4242, Some(1), [1].as_slice()));
        assert_eq!(uplink.network_time.unwrap().to_rfc3339(), "2026-07-29T08:00:00.123456789+00:00");
    }

    #[test]
    fn the_first_frame_of_a_session_counts_zero() {
        let uplink = parse(&sample("chirpstack_v4_up_fcnt0_empty_defaults.json")).unwrap();
        assert_eq!((uplink.f_cnt, uplink.f_port, uplink.payload.as_slice()), (0, Some(2), [0, 0x15].as_slice()));
    }

    #[test]
    fn a_frame_of_the_network_alone_has_no_port_and_no_bytes() {
        let uplink = parse(br#"{"deviceInfo":{"devEui":"FCD6BD00001A2B3C"},"fPort":0}"#).unwrap();
        assert_eq!(uplink.device_id, "fcd6bd00001a2b3c");
        assert_eq!((uplink.f_port, uplink.payload.len(), uplink.network_time), (None, 0, None));
    }

    #[test]
    fn what_cannot_be_opened_says_why() {
        assert!(matches!(parse(b"{"), Err(EnvelopeError::Malformed { line: 1, .. })));
        assert_eq!(parse(br#"{"deviceInfo":{}}"#), Err(EnvelopeError::NoDevice));
        assert_eq!(parse(br#"{"deviceInfo":{"devEui":"aa"},"data":"?"}"#), Err(EnvelopeError::NotBase64));
        assert_eq!(parse(br#"{"deviceInfo":{"devEui":"aa"},"time":"now"}"#), Err(EnvelopeError::BadTime));
    }
}
