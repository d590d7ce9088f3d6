//! A sign's `link`, and the places its panels leave for what the link can tell.

use std::collections::BTreeSet;

use super::field::{Field, Object, well};
use crate::domain::{
    sign::Panel,
    sign_link::{Endpoint, Framing, Registers, ScreenToken, SignLink, SnmpUser, SnmpVersion},
};

/// Shortest password of SNMP version 3.
const MIN_PASSWORD: usize = 8;
/// Run mode of an Onbon area that is dark when it is not written again in time.
const DARK_AT_TIMEOUT: u8 = 2;
const DEFAULT_BAUD: u32 = 9_600;
const WORDS: &str = "must be mqtt_json, ntcip1203, onbon, xunpeng, modbus or http_pull";

/// Reads a `link`.
pub(super) fn link(field: &Field<'_>) -> Option<SignLink> {
    let mut link = field.object()?;
    let protocol = link.need("protocol")?;
    let read = match protocol.value().as_str() {
        Some("mqtt_json") => Some(SignLink::MqttJson),
        Some("http_pull") => screen(&mut link),
        Some("ntcip1203") => ntcip(&mut link),
        Some("onbon") => onbon(&mut link),
        Some("xunpeng") => xunpeng(&mut link),
        Some("modbus") => modbus(&mut link),
        _ => {
            protocol.fault(WORDS);
            return None;
        }
    };
    link.finish();
    read
}

/// Says where a link cannot tell what the panels are to show.
pub(super) fn agree(link: &SignLink, panels: &[Panel], field: &Field<'_>) {
    let lines: usize = panels.iter().map(|panel| panel.lines.len()).sum();
    match link {
        SignLink::Xunpeng { .. } if lines != 1 => {
            field.fault(format_args!("a xunpeng display shows one line, and the sign has {lines}"));
        }
        SignLink::Modbus { registers, .. } => {
            for (key, registers, may_be_none) in
                [("numbers", &registers.numbers, false), ("states", &registers.states, true)]
            {
                if registers.len() != lines && !(may_be_none && registers.is_empty()) {
                    let count = registers.len();
                    field.fault_at(
                        "registers",
                        format_args!("{key}: {count} registers for the {lines} lines of the sign's panels"),
                    );
                }
            }
        }
        SignLink::Onbon { .. } if panels.len() > 32 => field.fault("an onbon card has at most 32 areas"),
        _ => {}
    }
}

fn ntcip(link: &mut Object<'_>) -> Option<SignLink> {
    let address = link.need("address").and_then(|f| address(&f));
    let community = link.may("community").map(|f| f.text().map(str::to_owned));
    let community = well(community)?.unwrap_or_else(|| "public".to_owned());
    let version = link.may("snmp").map(|f| version(&f));
    Some(SignLink::Ntcip1203 { address: address?, community, version: well(version)?.unwrap_or_default() })
}

/// `"v1"`, `"v2c"`, or the user of version 3.
fn version(field: &Field<'_>) -> Option<SnmpVersion> {
    match field.value().as_str() {
        Some("v1") => return Some(SnmpVersion::V1),
        Some("v2c") => return Some(SnmpVersion::V2c),
        Some(_) => {
            field.fault("must be v1, v2c, or the user of version 3");
            return None;
        }
        None => {}
    }
    let mut user = field.object()?;
    let name = user.need("user").and_then(|f| f.text().map(str::to_owned));
    let auth = user.may("auth").map(|f| f.word());
    let auth_password = user.need("auth_password").and_then(|f| password(&f));
    let privacy_password = user.may("privacy_password").map(|f| password(&f));
    user.finish();
    Some(SnmpVersion::V3(Box::new(SnmpUser {
        name: name?,
        auth: well(auth)?.unwrap_or_default(),
        auth_password: auth_password?,
        privacy_password: well(privacy_password)?,
    })))
}

fn password(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    if text.len() < MIN_PASSWORD {
        field.fault(format_args!("must have at least {MIN_PASSWORD} characters"));
        return None;
    }
    Some(text.to_owned())
}

fn screen(link: &mut Object<'_>) -> Option<SignLink> {
    let token = link.need("token")?;
    let read = ScreenToken::parse(token.text()?);
    if read.is_none() {
        let least = ScreenToken::MIN_CHARS;
        token.fault(format_args!("must have at least {least} letters, digits, - or _: it is the screen's secret"));
    }
    Some(SignLink::HttpPull { token: read? })
}

fn onbon(link: &mut Object<'_>) -> Option<SignLink> {
    let address = link.need("address").and_then(|f| address(&f));
    let run_mode = link.may("run_mode").map(|f| f.whole(0..=255));
    let run_mode = well(run_mode)?.map_or(DARK_AT_TIMEOUT, |mode| mode as u8);
    Some(SignLink::Onbon { address: address?, run_mode })
}

fn xunpeng(link: &mut Object<'_>) -> Option<SignLink> {
    let line = endpoint(link);
    let no_data = link.may("no_data").map(|f| f.whole(0..=999));
    Some(SignLink::Xunpeng { line: line?, no_data: well(no_data)?.unwrap_or(0) as u16 })
}

fn modbus(link: &mut Object<'_>) -> Option<SignLink> {
    let line = endpoint(link);
    let framing = link.may("framing").map(|f| f.word());
    let unit = link.may("unit").map(|f| f.whole(1..=247));
    let registers = link.need("registers").and_then(|f| registers(&f));
    let (line, framing) = (line?, well(framing)?);
    let usual = if matches!(line, Endpoint::Tcp(_)) { Framing::Tcp } else { Framing::Rtu };
    let framing = framing.unwrap_or(usual);
    if framing == Framing::Tcp && matches!(line, Endpoint::Tty { .. }) {
        link.fault_at("framing", "must be rtu on a serial port");
        return None;
    }
    Some(SignLink::Modbus { line, framing, unit: well(unit)?.unwrap_or(1) as u8, registers: registers? })
}

fn registers(field: &Field<'_>) -> Option<Registers> {
    let mut object = field.object()?;
    let list = |f: &Field<'_>| f.list()?.iter().map(register).collect::<Option<Vec<u16>>>();
    let numbers = object.need("numbers").and_then(|f| list(&f));
    let states = object.may("states").map(|f| list(&f));
    let hold_s = object.may("hold_s").map(|f| register(&f));
    let brightness = object.may("brightness").map(|f| register(&f));
    let no_number = object.may("no_number").map(|f| register(&f));
    object.finish();
    let registers = Registers {
        numbers: numbers?,
        states: well(states)?.unwrap_or_default(),
        hold_s: well(hold_s)?,
        brightness: well(brightness)?,
        no_number: well(no_number)?.unwrap_or(u16::MAX),
    };
    let Registers { numbers, states, hold_s, brightness, .. } = &registers;
    let mut seen = BTreeSet::new();
    let twice = numbers.iter().chain(states).chain(hold_s).chain(brightness).find(|register| !seen.insert(**register));
    if let Some(register) = twice {
        field.fault(format_args!("register {register} is named twice"));
        return None;
    }
    Some(registers)
}

fn register(field: &Field<'_>) -> Option<u16> {
    field.whole(0..=65_535).map(|register| register as u16)
}

/// `address` of a network, or `device` and `baud` of a serial port.
fn endpoint(link: &mut Object<'_>) -> Option<Endpoint> {
    let (network, device, baud) = (link.may("address"), link.may("device"), link.may("baud"));
    match (network, device) {
        (Some(network), None) => address(&network).map(Endpoint::Tcp),
        (None, Some(device)) => {
            let baud = well(baud.map(|f| f.whole(300..=115_200)))?.unwrap_or(DEFAULT_BAUD);
            let path = device.text()?;
            if !path.starts_with("/dev/") {
                device.fault("must be a path below /dev");
                return None;
            }
            Some(Endpoint::Tty { device: path.to_owned(), baud })
        }
        _ => {
            link.field().fault("needs an address or a device, and not both");
            None
        }
    }
}

/// `host:port`, where a host is a name, an IPv4 address, or an IPv6 address in brackets.
fn address(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let well = text.rsplit_once(':').is_some_and(|(host, port)| {
        let name = |host: &str| {
            !host.is_empty()
                && host.len() <= 253
                && !host.starts_with(['-', '.'])
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        };
        let ipv6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host_is_well = ipv6.map_or_else(|| name(host), |ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
        host_is_well && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if !well {
        field.fault("must be host:port");
    }
    well.then(|| text.to_owned())
}
