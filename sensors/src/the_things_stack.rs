//! The Things Stack 3 uplink and join messages; it omits fields that are empty, zero or false.

use std::borrow::Cow;

use serde::Deserialize;

use crate::uplink::{EnvelopeError, Join, Source, Uplink, Way, frame, gateways, some, time};

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    end_device_ids: DeviceIds<'a>,
    #[serde(borrow, default)]
    received_at: Cow<'a, str>,
    #[serde(borrow, default)]
    uplink_message: Body<'a>,
}

#[derive(Deserialize)]
struct DeviceIds<'a> {
    #[serde(borrow, default)]
    device_id: Cow<'a, str>,
    #[serde(borrow, default)]
    dev_eui: Cow<'a, str>,
}

impl DeviceIds<'_> {
    /// Its EUI, or its name where it has none.
    fn name(self) -> Result<String, EnvelopeError> {
        match (self.dev_eui.as_ref(), self.device_id.as_ref()) {
            ("", "") => Err(EnvelopeError::NoDevice),
            ("", _) => Ok(self.device_id.into_owned()),
            (eui, _) => Ok(eui.to_ascii_lowercase()),
        }
    }
}

#[derive(Deserialize, Default)]
struct Body<'a> {
    #[serde(borrow, default)]
    session_key_id: Cow<'a, str>,
    f_port: Option<u8>,
    #[serde(default)]
    f_cnt: u32,
    #[serde(borrow, default)]
    frm_payload: Cow<'a, str>,
    #[serde(borrow, default)]
    received_at: Cow<'a, str>,
    #[serde(borrow, default)]
    rx_metadata: Option<Vec<RxMetadata<'a>>>,
}

/// One gateway that heard the frame; with Packet Broker it is another network's, which has no name here.
#[derive(Deserialize)]
struct RxMetadata<'a> {
    #[serde(borrow, default)]
    gateway_ids: GatewayIds<'a>,
}

#[derive(Deserialize, Default)]
struct GatewayIds<'a> {
    #[serde(borrow, default)]
    gateway_id: Cow<'a, str>,
}

/// Opens an uplink message. The network server's own `received_at` goes before the application server's.
pub fn parse(payload: &[u8]) -> Result<Uplink, EnvelopeError> {
    let message: Envelope<'_> = serde_json::from_slice(payload)?;
    let (ids, body) = (message.end_device_ids, message.uplink_message);
    let device_id = ids.name()?;
    Ok(Uplink {
        source: Source::TheThingsStack,
        device_id,
        session: some(&body.session_key_id),
        f_cnt: body.f_cnt,
        way: Way {
            gateways: gateways(body.rx_metadata.iter().flatten().map(|heard| &*heard.gateway_ids.gateway_id)),
            f_port: body.f_port.filter(|port| *port != 0),
            frame: frame(&body.frm_payload)?,
        },
        network_time: match time(&body.received_at)? {
            Some(at) => Some(at),
            None => time(&message.received_at)?,
        },
    })
}

#[derive(Deserialize)]
struct Accepted<'a> {
    #[serde(borrow)]
    end_device_ids: DeviceIds<'a>,
    #[serde(borrow, default)]
    received_at: Cow<'a, str>,
    #[serde(borrow, default)]
    join_accept: JoinAccept<'a>,
}

#[derive(Deserialize, Default)]
struct JoinAccept<'a> {
    #[serde(borrow, default)]
    session_key_id: Cow<'a, str>,
}

/// Opens a join message: a new session begins.
pub fn join(payload: &[u8]) -> Result<Join, EnvelopeError> {
    let message: Accepted<'_> = serde_json::from_slice(payload)?;
    Ok(Join {
        device_id: message.end_device_ids.name()?,
        session: some(&message.join_accept.session_key_id),
        network_time: time(&message.received_at)?,
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
        let uplink = parse(&sample("tts_v3_up_nwave_nps405.json")).unwrap();
        assert_eq!(uplink.device_id, "70b3d57ed0001a2b");
        assert_eq!(uplink.session.as_deref(), Some("AZK+eoyAIs5kIrjtb8vzlQ=="));
        assert_eq!((uplink.f_cnt, uplink.way.f_port, uplink.way.frame.as_slice()), (521, Some(1), [0x95].as_slice()));
        assert_eq!(uplink.way.gateways, ["eui-a84041ffff22def8"]);
        assert_eq!(uplink.network_time.unwrap().to_rfc3339(), "2026-07-29T08:00:00.644329960+00:00");
    }

    #[test]
    fn an_omitted_frame_counter_is_zero() {
        assert_eq!(parse(&sample("tts_v3_up_first_frame_fcnt_omitted.json")).unwrap().f_cnt, 0);
    }

    #[test]
    fn a_device_without_an_eui_goes_by_its_name() {
        let uplink =
            parse(br#"{"end_device_ids":{"device_id":"bay-7"},"received_at":"2026-07-29T08:00:00Z"}"#).unwrap();
        assert_eq!(uplink.device_id, "bay-7");
        assert!(uplink.network_time.is_some());
        assert_eq!(parse(br#"{"end_device_ids":{}}"#), Err(EnvelopeError::NoDevice));
        assert!(matches!(parse(br#"{"end_device_ids":7}"#), Err(EnvelopeError::Malformed { .. })));
    }
}
