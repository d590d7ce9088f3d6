//! MQTT on the wire, versions 3.1.1 and 5: frames, the messages among them, and the few packets the door sends.
//!
//! Messages are read here without copying, since they are nearly all that comes; the other packets by rumqttc's codec.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rumqttc::{
    mqttbytes::v4,
    v5::mqttbytes::{QoS, v5},
};

/// Keep-alive the broker is told, seconds.
pub(super) const KEEP_ALIVE_S: u16 = 30;
/// The longest packet MQTT knows.
const LONGEST_PACKET: usize = 268_435_460;
/// Reason codes from here on are refusals, in subscription acknowledgements of both versions.
const FIRST_REFUSAL: u8 = 0x80;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V311,
    V5,
}

/// Why bytes are no packet, or not the one that must come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("the broker sent what is no MQTT packet: {0}")]
    Malformed(String),
    #[error("the broker refused the connection: {0}")]
    Refused(String),
    #[error("the broker does not speak this version of MQTT")]
    Version,
}

/// A message of the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Publish {
    pub(super) topic: Bytes,
    pub(super) payload: Bytes,
    /// To be acknowledged under this id; `None` at QoS 0.
    pub(super) packet: Option<u16>,
}

/// What the broker sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet {
    Connected {
        session_present: bool,
    },
    Publish(Publish),
    /// The subscription of this id, and the reason code of each filter.
    Subscribed {
        id: u16,
        codes: Vec<u8>,
    },
    Pong,
    /// The broker ends the connection.
    Goodbye(String),
    /// Something that asks for nothing.
    Other,
}

/// Takes the next packet off `bytes`; `None` until it is whole.
pub(super) fn read(bytes: &mut BytesMut, version: Version) -> Result<Option<Packet>, Error> {
    let Some((header, body)) = length(bytes)? else { return Ok(None) };
    if bytes.len() < header + body {
        // The rest of a long packet comes in one piece of memory.
        bytes.reserve(header + body - bytes.len());
        return Ok(None);
    }
    let kind = bytes[0] >> 4;
    match kind {
        3 => {
            let flags = bytes[0];
            let mut frame = bytes.split_to(header + body).freeze();
            frame.advance(header);
            publish(flags, frame, version).map(|publish| Some(Packet::Publish(publish)))
        }
        9 => {
            let mut frame = bytes.split_to(header + body).freeze();
            frame.advance(header);
            subscribed(frame, version).map(Some)
        }
        13 => {
            bytes.advance(header + body);
            Ok(Some(Packet::Pong))
        }
        2 | 14 => rare(bytes, version, header + body).map(Some),
        _ => {
            bytes.advance(header + body);
            Ok(Some(Packet::Other))
        }
    }
}

/// Length of the fixed header and of what follows it; `None` until the header is whole.
fn length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Error> {
    let mut body = 0;
    for place in 0..4 {
        let Some(byte) = bytes.get(1 + place) else { return Ok(None) };
        body |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((2 + place, body)));
        }
    }
    Err(malformed("a length of more than four bytes"))
}

fn malformed(what: impl ToString) -> Error {
    Error::Malformed(what.to_string())
}

fn publish(flags: u8, mut frame: Bytes, version: Version) -> Result<Publish, Error> {
    let topic = text(&mut frame)?;
    let packet = if flags & 0b110 == 0 { None } else { Some(number(&mut frame)?) };
    if version == Version::V5 {
        skip_properties(&mut frame)?;
    }
    Ok(Publish { topic, payload: frame, packet })
}

fn subscribed(mut frame: Bytes, version: Version) -> Result<Packet, Error> {
    let id = number(&mut frame)?;
    if version == Version::V5 {
        skip_properties(&mut frame)?;
    }
    Ok(Packet::Subscribed { id, codes: frame.to_vec() })
}

fn number(frame: &mut Bytes) -> Result<u16, Error> {
    frame.try_get_u16().map_err(malformed)
}

fn text(frame: &mut Bytes) -> Result<Bytes, Error> {
    let bytes = usize::from(number(frame)?);
    if frame.len() < bytes {
        return Err(malformed("a text longer than its packet"));
    }
    Ok(frame.split_to(bytes))
}

/// The properties of MQTT 5 say nothing the door needs.
fn skip_properties(frame: &mut Bytes) -> Result<(), Error> {
    let mut bytes = 0;
    for place in 0..4 {
        let byte = frame.try_get_u8().map_err(malformed)?;
        bytes |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            if frame.len() < bytes {
                return Err(malformed("properties longer than their packet"));
            }
            frame.advance(bytes);
            return Ok(());
        }
    }
    Err(malformed("a length of more than four bytes"))
}

/// A connection's acknowledgement, or its end.
fn rare(bytes: &mut BytesMut, version: Version, length: usize) -> Result<Packet, Error> {
    let mut frame = bytes.split_to(length);
    if frame[0] >> 4 == 14 && length == 2 {
        return Ok(Packet::Goodbye("the broker ended the connection".to_owned()));
    }
    // A broker of the older version answers in the older form, code 1: unacceptable protocol version.
    if frame[0] >> 4 == 2 && length == 4 {
        let packet = v4::Packet::read(&mut frame, LONGEST_PACKET).map_err(malformed)?;
        return match packet {
            v4::Packet::ConnAck(ack) => match ack.code {
                v4::ConnectReturnCode::Success => Ok(Packet::Connected { session_present: ack.session_present }),
                v4::ConnectReturnCode::RefusedProtocolVersion => Err(Error::Version),
                code => Err(Error::Refused(format!("{code:?}"))),
            },
            _ => Err(malformed("no acknowledgement of the connection")),
        };
    }
    if version == Version::V311 {
        return Ok(Packet::Other);
    }
    match v5::Packet::read(&mut frame, None).map_err(malformed)? {
        v5::Packet::ConnAck(ack) => match ack.code {
            v5::ConnectReturnCode::Success => Ok(Packet::Connected { session_present: ack.session_present }),
            v5::ConnectReturnCode::RefusedProtocolVersion | v5::ConnectReturnCode::UnsupportedProtocolVersion => {
                Err(Error::Version)
            }
            code => Err(Error::Refused(format!("{code:?}"))),
        },
        v5::Packet::Disconnect(goodbye) => {
            Ok(Packet::Goodbye(format!("the broker ended the connection: {:?}", goodbye.reason_code)))
        }
        _ => Ok(Packet::Other),
    }
}

/// Who connects, and how.
#[derive(Debug, Clone)]
pub(super) struct Hello {
    pub(super) client_id: String,
    /// Name and password.
    pub(super) login: Option<(String, String)>,
    /// How long the broker keeps the session, seconds.
    pub(super) session_expiry_s: u32,
    /// Most messages unacknowledged at a time.
    pub(super) window: u16,
}

impl Hello {
    /// Writes the request for a connection that takes up its old session.
    pub(super) fn write(&self, version: Version, out: &mut BytesMut) -> Result<(), Error> {
        match version {
            Version::V311 => {
                let login = self.login.as_ref().map(|(name, password)| v4::Login::new(name, password));
                let connect = v4::Connect {
                    keep_alive: KEEP_ALIVE_S,
                    clean_session: false,
                    login,
                    ..v4::Connect::new(&self.client_id)
                };
                v4::Packet::Connect(connect).write(out, LONGEST_PACKET).map_err(malformed)?;
            }
            Version::V5 => {
                let login = self.login.as_ref().map(|(name, password)| v5::Login::new(name, password));
                let connect = v5::Connect {
                    keep_alive: KEEP_ALIVE_S,
                    client_id: self.client_id.clone(),
                    clean_start: false,
                    properties: Some(v5::ConnectProperties {
                        session_expiry_interval: Some(self.session_expiry_s),
                        receive_maximum: Some(self.window.max(1)),
                        ..v5::ConnectProperties::new()
                    }),
                };
                connect.write(&None, &login, out).map_err(malformed)?;
            }
        }
        Ok(())
    }
}

/// Writes a subscription under an id.
pub(super) fn subscribe(
    version: Version,
    id: u16,
    filters: &[String],
    qos: QoS,
    out: &mut BytesMut,
) -> Result<(), Error> {
    match version {
        Version::V311 => {
            let qos = if qos == QoS::AtMostOnce { rumqttc::QoS::AtMostOnce } else { rumqttc::QoS::AtLeastOnce };
            let filters = filters.iter().map(|filter| v4::SubscribeFilter::new(filter.clone(), qos));
            let subscribe = v4::Subscribe { pkid: id, ..v4::Subscribe::new_many(filters) };
            v4::Packet::Subscribe(subscribe).write(out, LONGEST_PACKET).map_err(malformed)?;
        }
        Version::V5 => {
            let filters = filters.iter().map(|filter| v5::Filter::new(filter.clone(), qos));
            let subscribe = v5::Subscribe { pkid: id, ..v5::Subscribe::new_many(filters, None) };
            subscribe.write(out).map_err(malformed)?;
        }
    }
    Ok(())
}

/// Writes the end of a subscription under an id.
pub(super) fn unsubscribe(version: Version, id: u16, filters: &[&str], out: &mut BytesMut) -> Result<(), Error> {
    let filters: Vec<String> = filters.iter().map(|&filter| filter.to_owned()).collect();
    match version {
        Version::V311 => {
            let packet = v4::Packet::Unsubscribe(v4::Unsubscribe { pkid: id, topics: filters });
            packet.write(out, LONGEST_PACKET).map_err(malformed)?;
        }
        Version::V5 => {
            let packet = v5::Packet::Unsubscribe(v5::Unsubscribe { pkid: id, filters, properties: None });
            packet.write(out, None).map_err(malformed)?;
        }
    }
    Ok(())
}

/// Writes acknowledgements, which look the same in both versions.
pub(super) fn acknowledge(packets: &[u16], out: &mut BytesMut) {
    out.reserve(packets.len() * 4);
    for &packet in packets {
        out.put_u32(0x4002_0000 | u32::from(packet));
    }
}

/// Writes a message at QoS 0.
pub(super) fn notice(version: Version, topic: &str, payload: Bytes, out: &mut BytesMut) -> Result<(), Error> {
    match version {
        Version::V311 => {
            let publish = v4::Publish::from_bytes(topic, rumqttc::QoS::AtMostOnce, payload);
            v4::Packet::Publish(publish).write(out, LONGEST_PACKET).map_err(malformed)?;
        }
        Version::V5 => {
            v5::Publish::new(topic, QoS::AtMostOnce, payload, None).write(out).map_err(malformed)?;
        }
    }
    Ok(())
}

/// Writes a sign of life.
pub(super) fn ping(out: &mut BytesMut) {
    out.put_u16(0xc000);
}

/// Writes the goodbye.
pub(super) fn goodbye(out: &mut BytesMut) {
    out.put_u16(0xe000);
}

/// Whether the broker granted every filter.
pub(super) fn granted(codes: &[u8]) -> bool {
    codes.iter().all(|&code| code < FIRST_REFUSAL)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(version: Version, payload: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        match version {
            Version::V311 => {
                let mut publish = v4::Publish::new("a/b", rumqttc::QoS::AtLeastOnce, payload);
                publish.pkid = 7;
                v4::Packet::Publish(publish).write(&mut out, LONGEST_PACKET).unwrap();
            }
            Version::V5 => {
                let properties =
                    v5::PublishProperties { user_properties: vec![("k".into(), "v".into())], ..Default::default() };
                let mut publish =
                    v5::Publish::new("a/b", QoS::AtLeastOnce, Bytes::copy_from_slice(payload), Some(properties));
                publish.pkid = 7;
                publish.write(&mut out).unwrap();
            }
        }
        out
    }

    #[test]
    fn a_message_is_read_once_it_is_whole_and_not_before() {
        for version in [Version::V311, Version::V5] {
            for payload in [&b""[..], b"{}", &[7; 300]] {
                let whole = message(version, payload);
                for cut in 0..whole.len() {
                    let mut part = BytesMut::from(&whole[..cut]);
                    assert_eq!(read(&mut part, version), Ok(None), "{version:?} at {cut}");
                    assert_eq!(part.len(), cut, "nothing is taken");
                }
                let mut two = whole.clone();
                two.extend_from_slice(&whole);
                let publish = Publish {
                    topic: Bytes::from_static(b"a/b"),
                    payload: Bytes::copy_from_slice(payload),
                    packet: Some(7),
                };
                for _ in 0..2 {
                    assert_eq!(read(&mut two, version), Ok(Some(Packet::Publish(publish.clone()))));
                }
                assert!(two.is_empty());
            }
        }
    }

    #[test]
    fn a_broker_of_the_older_version_says_so() {
        let mut answer = BytesMut::from(&[0x20, 2, 0, 1][..]);
        assert_eq!(read(&mut answer, Version::V5), Err(Error::Version));
        let mut answer = BytesMut::from(&[0x20, 3, 0, 0x84, 0][..]);
        assert_eq!(read(&mut answer, Version::V5), Err(Error::Version));
        let mut answer = BytesMut::from(&[0x20, 2, 1, 0][..]);
        assert_eq!(read(&mut answer, Version::V311), Ok(Some(Packet::Connected { session_present: true })));
        let mut answer = BytesMut::from(&[0x20, 3, 1, 0, 0][..]);
        assert_eq!(read(&mut answer, Version::V5), Ok(Some(Packet::Connected { session_present: true })));
    }

    #[test]
    fn acknowledgements_and_goodbyes_have_their_bytes() {
        let mut out = BytesMut::new();
        acknowledge(&[1, 0x1234], &mut out);
        ping(&mut out);
        goodbye(&mut out);
        assert_eq!(out[..], [0x40, 2, 0, 1, 0x40, 2, 0x12, 0x34, 0xc0, 0, 0xe0, 0]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), v5: bool) {
            let mut bytes = BytesMut::from(&bytes[..]);
            let version = if v5 { Version::V5 } else { Version::V311 };
            while let Ok(Some(_)) = read(&mut bytes, version) {}
        }
    }
}
