//! How a sign is reached, as the city file says it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a sign is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignLink {
    /// Retained JSON over the system's MQTT broker, acknowledged by the sign.
    MqttJson,
    /// NTCIP 1203 over SNMP version 1, 2c or 3.
    Ntcip1203 {
        /// `host:port` of the sign's SNMP agent.
        address: String,
        /// SNMP community with write access; `public` when absent. Unused with version 3.
        community: String,
        /// Version of SNMP, and who asks in version 3.
        version: SnmpVersion,
    },
    /// Dynamic areas of an Onbon font card, over TCP.
    Onbon {
        /// `host:port` of the card; the cards listen on 5005.
        address: String,
        /// Run mode of the areas.
        run_mode: u8,
    },
    /// One number on a Xunpeng display.
    Xunpeng {
        /// The line it hangs on.
        line: Endpoint,
        /// The number shown, in red, where nothing can be told.
        no_data: u16,
    },
    /// Holding registers.
    Modbus {
        /// The line it hangs on.
        line: Endpoint,
        /// How requests are framed on it.
        framing: Framing,
        /// The unit's address, 1 to 247.
        unit: u8,
        /// What is written where.
        registers: Registers,
    },
    /// A display that asks for its face over HTTP itself, and says what it shows.
    HttpPull {
        /// What the screen shows its word to be its own with.
        token: ScreenToken,
    },
}

/// The secret of a screen: who has it may say what the screen shows.
#[derive(Clone, PartialEq, Eq)]
pub struct ScreenToken(String);

impl ScreenToken {
    /// Fewest characters.
    pub const MIN_CHARS: usize = 16;

    /// Letters, digits, `-` and `_`, so that it stands in an address as it is; at least 16 of them.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        (text.len() >= Self::MIN_CHARS && text.bytes().all(is_plain)).then(|| Self(text.to_owned()))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ScreenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScreenToken(***)")
    }
}

/// Version of SNMP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SnmpVersion {
    /// Version 1: every sign speaks it.
    #[default]
    V1,
    /// Version 2c.
    V2c,
    /// Version 3 with the user-based security model.
    V3(Box<SnmpUser>),
}

/// A user of SNMP version 3.
#[derive(Clone, PartialEq, Eq)]
pub struct SnmpUser {
    /// The user's name.
    pub name: String,
    /// How messages are authenticated.
    pub auth: SnmpAuth,
    /// The password they are authenticated with, at least eight characters.
    pub auth_password: String,
    /// The password they are encrypted with in AES-128; `None` sends them in the clear.
    pub privacy_password: Option<String>,
}

impl fmt::Debug for SnmpUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnmpUser").field("name", &self.name).field("auth", &self.auth).finish_non_exhaustive()
    }
}

/// How SNMP version 3 authenticates messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnmpAuth {
    /// HMAC-MD5-96: old signs.
    Md5,
    /// HMAC-SHA-96.
    Sha1,
    /// HMAC-192-SHA-256.
    #[default]
    Sha256,
}

/// The line a sign hangs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// `host:port`: a sign with a network of its own, or a serial server.
    Tcp(String),
    /// A serial port of this machine.
    Tty {
        /// Path of the device.
        device: String,
        /// Bits a second.
        baud: u32,
    },
}

/// How Modbus requests are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// With a header that counts transactions.
    Tcp,
    /// As on a serial line, with a CRC.
    Rtu,
}

/// What is written to which holding register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers {
    /// Where the number of each line goes, line by line over all panels.
    pub numbers: Vec<u16>,
    /// Where the state of each line goes: 0 nothing known, 1 free, 2 few, 3 full, 4 closed; empty if nowhere.
    pub states: Vec<u16>,
    /// Where the seconds go for which the sign may hold what it shows.
    pub hold_s: Option<u16>,
    /// Where the brightness goes, percent.
    pub brightness: Option<u16>,
    /// What stands for no number.
    pub no_number: u16,
}

impl SignLink {
    /// The word of the city file and the API.
    pub fn protocol(&self) -> &'static str {
        match self {
            Self::MqttJson => "mqtt_json",
            Self::Ntcip1203 { .. } => "ntcip1203",
            Self::Onbon { .. } => "onbon",
            Self::Xunpeng { .. } => "xunpeng",
            Self::Modbus { .. } => "modbus",
            Self::HttpPull { .. } => "http_pull",
        }
    }
}
