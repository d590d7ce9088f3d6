//! The driver of an NTCIP 1203 sign over SNMP: write, let the sign check it, compare CRCs, light it, read it back.

use std::{net::Ipv4Addr, time::Duration};

use async_snmp::{
    Auth, AuthProtocol, Client, Error as SnmpError, ErrorStatus, Oid, PrivProtocol, Retry, UdpClient, UsmConfig, Value,
};
use yunpark_signs::{
    Face, Size,
    ntcip::{
        activate::{Activation, CHANGEABLE, CURRENT_BUFFER, MessageId},
        crc::message_crc,
        multi::{self, ColorScheme},
        oid::{self, column, status},
    },
};

use super::{Error, driver::Protocol};
use crate::{
    clock::Clock,
    domain::{
        ids::PanelId,
        sign::Sign,
        sign_link::{SnmpAuth, SnmpVersion},
        time::Instant,
    },
    signboard::{Desired, good_until},
};

/// The message slot that is written: changeable message 1.
const SLOT: u16 = 1;
/// Priority a message holds the face with; any activation takes it over.
const RUN_TIME_PRIORITY: i32 = 5;
/// Priority the face is taken with: above all scheduled messages.
const ACTIVATE_PRIORITY: u8 = 255;
/// The value of `dmsControlMode` while somebody stands at the sign.
const LOCAL: i32 = 2;
/// What is said of a sign in that mode.
const LOCALLY: &str = "the sign is under local control";
/// How often a slow sign is asked whether its check is done.
const VALIDATION_POLLS: u32 = 20;

/// As whom a sign is asked.
#[derive(Debug, Clone)]
pub struct Access {
    /// SNMP community of versions 1 and 2c.
    pub community: String,
    /// Version of SNMP.
    pub version: SnmpVersion,
}

impl Access {
    fn auth(&self) -> Result<Auth, Error> {
        let community = || bytes::Bytes::copy_from_slice(self.community.as_bytes());
        let user = match &self.version {
            SnmpVersion::V1 => return Ok(Auth::v1(community())),
            SnmpVersion::V2c => return Ok(Auth::v2c(community())),
            SnmpVersion::V3(user) => user,
        };
        let protocol = match user.auth {
            SnmpAuth::Md5 => AuthProtocol::Md5,
            SnmpAuth::Sha1 => AuthProtocol::Sha1,
            SnmpAuth::Sha256 => AuthProtocol::Sha256,
        };
        let usm = UsmConfig::new(bytes::Bytes::copy_from_slice(user.name.as_bytes()));
        let usm = match &user.privacy_password {
            Some(privacy) => usm.auth_priv(protocol, &user.auth_password, PrivProtocol::Aes128, privacy),
            None => usm.auth(protocol, &user.auth_password),
        };
        let refused = |error: &dyn std::fmt::Display| Error::Text(error.to_string());
        usm.map(Auth::Usm).map_err(|error| refused(&error))
    }
}

/// One sign's side of the conversation.
pub struct Ntcip {
    address: String,
    access: Access,
    timeout: Duration,
    hold: Hold,
    panels: Vec<(PanelId, Size)>,
    link: Option<Link>,
}

/// How long a sign is told to hold a message.
#[derive(Debug, Clone)]
pub struct Hold {
    clock: Clock,
    /// The dead man's time, minutes.
    dead_man_min: u16,
    /// Within this a request that was sent is taken, or never.
    timeout: Duration,
}

impl Hold {
    /// The dead man's time is rounded up to whole minutes.
    pub fn new(clock: Clock, dead_man_s: u32, timeout: Duration) -> Self {
        let dead_man_min = u16::try_from(dead_man_s.div_ceil(60).clamp(1, 65534)).unwrap_or(65534);
        Self { clock, dead_man_min, timeout }
    }

    /// Minutes to write now for faces that may stand until `end`: the dead man's, or the whole minutes that are left, rounded
    /// down, and counted from the latest moment the sign may take the request at. None is left in the last minute, of which
    /// a sign that counts minutes cannot be told; guidance lets the line fall back before it comes to that
    /// (`guidance::policy::shortest_hold`).
    fn minutes(&self, end: Option<Instant>) -> Option<u16> {
        let Some(end) = end else { return Some(self.dead_man_min) };
        let taken = self.clock.now() + chrono::Duration::from_std(self.timeout).unwrap_or(chrono::Duration::MAX);
        let whole = u16::try_from((end - taken).num_minutes().min(65534)).ok()?;
        (whole > 0).then_some(whole.min(self.dead_man_min))
    }
}

/// An open connection, and what the sign can do.
#[expect(clippy::struct_excessive_bools, reason = "each is one thing a sign can or cannot do")]
#[expect(clippy::option_option, reason = "never set, set to the sign's own, and set to a share are three things")]
struct Link {
    client: UdpClient,
    scheme: ColorScheme,
    beacon: bool,
    pixel_service: bool,
    /// Levels of brightness; 0 where it cannot be set.
    levels: i32,
    /// The brightness that was last set.
    shines: Option<Option<u8>>,
    /// Whether the sign says who controls it.
    tells_control: bool,
    /// Nothing was written on this link yet.
    is_new: bool,
    /// What was last written, with its CRC.
    written: Option<(String, u16)>,
}

impl Ntcip {
    /// A driver that has not spoken to its sign yet.
    pub fn new(sign: &Sign, address: &str, access: Access, timeout: Duration, hold: Hold) -> Self {
        let size =
            |panel: &crate::domain::sign::Panel| Size { width: panel.width_px.into(), height: panel.height_px.into() };
        Self {
            address: address.to_owned(),
            access,
            timeout,
            hold,
            panels: sign.panels.iter().map(|panel| (panel.id.clone(), size(panel))).collect(),
            link: None,
        }
    }

    /// The open connection, or a new one with a first look at what the sign can do.
    async fn link(&mut self) -> Result<&mut Link, Error> {
        let link = match self.link.take() {
            Some(link) => link,
            None => Link::open(&self.address, &self.access, self.timeout, self.hold.dead_man_min).await?,
        };
        Ok(self.link.insert(link))
    }

    fn multi(&self, faces: &Desired, scheme: ColorScheme) -> Result<String, Error> {
        let panels: Vec<(&Face, Size)> = self
            .panels
            .iter()
            .filter_map(|(id, size)| faces.get(id).map(|wanted| (wanted.face.as_ref(), *size)))
            .collect();
        Ok(multi::encode(&panels, scheme)?)
    }
}

impl Protocol for Ntcip {
    async fn show(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        let (hold, end) = (self.hold.clone(), good_until(faces));
        let scheme = self.link().await?.scheme;
        let multi = self.multi(faces, scheme)?;
        let percent = faces.values().filter_map(|wanted| wanted.face.brightness_percent).max();
        let link = self.link().await?;
        let shown = match link.show(&multi, || hold.minutes(end)).await {
            Ok(detail) => link.shine(percent).await.map(|()| detail),
            Err(error) => Err(error),
        };
        if shown.as_ref().is_err_and(Error::is_silence) {
            // A sign that comes back may be another one: it is looked at anew.
            self.link = None;
        }
        shown
    }

    async fn verify(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        let (hold, end) = (self.hold.clone(), good_until(faces));
        let verified = self.link().await?.verify(|| hold.minutes(end)).await;
        if verified.as_ref().is_err_and(Error::is_silence) {
            self.link = None;
        }
        verified
    }
}

impl Link {
    async fn open(address: &str, access: &Access, timeout: Duration, dead_man_min: u16) -> Result<Self, Error> {
        let client = Client::builder(address.to_owned(), access.auth()?)
            .request_timeout(timeout)
            .construction_timeout(timeout)
            .retry(Retry::none())
            .connect()
            .await
            .map_err(|error| Error::Unreachable(error.to_string()))?;
        let mut link = Self {
            client,
            scheme: ColorScheme::default(),
            beacon: false,
            pixel_service: false,
            levels: 0,
            shines: None,
            tells_control: true,
            is_new: true,
            written: None,
        };
        // A sign that lacks an object says so; it is driven without it.
        link.scheme = link
            .get_optional(oid::COLOR_SCHEME)
            .await?
            .and_then(|v| v.as_i32())
            .map_or_else(ColorScheme::default, ColorScheme::from_code);
        link.beacon = link.get_optional(&oid::message(column::BEACON, CHANGEABLE, SLOT)).await?.is_some();
        link.pixel_service = link.get_optional(&oid::message(column::PIXEL_SERVICE, CHANGEABLE, SLOT)).await?.is_some();
        link.levels = link.get_optional(oid::BRIGHT_LEVELS).await?.and_then(|v| v.as_i32()).unwrap_or(0);
        link.prepare(dead_man_min).await?;
        Ok(link)
    }

    /// Lets the sign go dark by itself whenever nobody speaks to it any more, and after a loss of power: an old number must
    /// not come back. What a sign cannot be told it is driven without; the time of each message still ends it.
    async fn prepare(&self, dead_man_min: u16) -> Result<(), Error> {
        let blank = || Value::OctetString(bytes::Bytes::copy_from_slice(&MessageId::BLANK_1.encode()));
        // Some firmware misbehaves with a single minute.
        let comm_loss_min = Value::Integer(i32::from(dead_man_min.max(2)));
        let settings = [
            ("the message at the end of its time", oid::END_DURATION_MESSAGE, blank()),
            ("the message after a short loss of power", oid::SHORT_POWER_RECOVERY_MESSAGE, blank()),
            ("the message after a long loss of power", oid::LONG_POWER_RECOVERY_MESSAGE, blank()),
            ("the message after a reset", oid::RESET_MESSAGE, blank()),
            ("the message when nobody speaks", oid::COMM_LOSS_MESSAGE, blank()),
            ("the time until nobody speaks", oid::TIME_COMM_LOSS, comm_loss_min),
        ];
        for (what, object, value) in settings {
            match self.set(what, &[(object.to_vec(), value)]).await {
                Ok(()) | Err(Error::Snmp { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sets the brightness, or leaves it to the sign's photocell. A sign that refuses is not asked again.
    async fn shine(&mut self, percent: Option<u8>) -> Result<(), Error> {
        if self.levels <= 0 || self.shines == Some(percent) {
            return Ok(());
        }
        let what = "the brightness";
        let control = |mode| (oid::ILLUM_CONTROL.to_vec(), Value::Integer(mode));
        let set = match percent {
            None => self.set(what, &[control(2)]).await,
            Some(percent) => {
                let level = (self.levels * i32::from(percent)).div_euclid(100).clamp(1, self.levels);
                // By level in version 3 of the standard; plainly manual in the versions before.
                let mut set = self.set(what, &[control(6)]).await;
                if matches!(set, Err(Error::Snmp { .. })) {
                    set = self.set(what, &[control(4)]).await;
                }
                match set {
                    Ok(()) => self.set(what, &[(oid::MANUAL_LEVEL.to_vec(), Value::Integer(level))]).await,
                    refused => refused,
                }
            }
        };
        match set {
            Ok(()) => self.shines = Some(percent),
            Err(Error::Snmp { .. }) => self.levels = 0,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether a sign that was just found shows the message already, from before this side was started.
    async fn shows_already(&mut self, multi: &str) -> Result<bool, Error> {
        if !std::mem::take(&mut self.is_new) {
            return Ok(false);
        }
        let crc = message_crc(multi.as_bytes(), 0, 0);
        match self.read_back(multi, crc).await {
            Ok(_) => {
                self.written = Some((multi.to_owned(), crc));
                Ok(true)
            }
            Err(error) if error.is_silence() => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Writes, checks, lights and reads back one message, held for so many minutes as are left when it is lit.
    async fn show(&mut self, multi: &str, minutes: impl Fn() -> Option<u16> + Send) -> Result<Option<String>, Error> {
        if self.shows_already(multi).await? {
            return self.verify(minutes).await;
        }
        self.written = None;
        self.write(multi).await?;
        let crc = self.validate(multi).await?;
        self.activate(crc, minutes().ok_or(Error::TooOld)?).await?;
        self.written = Some((multi.to_owned(), crc));
        self.read_back(multi, crc).await
    }

    /// Puts the message into its slot.
    async fn write(&self, multi: &str) -> Result<(), Error> {
        let cell = |column| oid::message(column, CHANGEABLE, SLOT);
        self.set("the request to write a message", &[(cell(column::STATUS), Value::Integer(status::MODIFY_REQUEST))])
            .await?;
        let state = self.get_i32("the message status", &cell(column::STATUS)).await?;
        if state != status::MODIFYING {
            return Err(Error::Answer { what: "the request to write a message", answer: format!("status {state}") });
        }
        let mut cells = vec![
            (cell(column::MULTI), Value::OctetString(multi.to_owned().into())),
            (cell(column::OWNER), Value::OctetString("yunpark".into())),
            (cell(column::RUN_TIME_PRIORITY), Value::Integer(RUN_TIME_PRIORITY)),
        ];
        if self.beacon {
            cells.push((cell(column::BEACON), Value::Integer(0)));
        }
        if self.pixel_service {
            cells.push((cell(column::PIXEL_SERVICE), Value::Integer(0)));
        }
        self.set("the message", &cells).await
    }

    /// Lets the sign check the message, and checks what the sign stored; gives its CRC.
    async fn validate(&self, multi: &str) -> Result<u16, Error> {
        let cell = |column| oid::message(column, CHANGEABLE, SLOT);
        // Some signs refuse the request itself when the text is wrong; the status and the reason are read either way.
        let asked = self
            .set(
                "the request to check the message",
                &[(cell(column::STATUS), Value::Integer(status::VALIDATE_REQUEST))],
            )
            .await;
        if let Err(error) = asked
            && !matches!(error, Error::Snmp { .. })
        {
            return Err(error);
        }
        for _ in 0..VALIDATION_POLLS {
            match self.get_i32("the message status", &cell(column::STATUS)).await? {
                status::VALIDATING => tokio::time::sleep(Duration::from_millis(100)).await,
                status::VALID => {
                    let theirs = self.get_i32("the message CRC", &cell(column::CRC)).await? as u16;
                    let ours = message_crc(multi.as_bytes(), 0, 0);
                    return if ours == theirs { Ok(ours) } else { Err(Error::Crc { ours, theirs }) };
                }
                status::ERROR => {
                    let code = self.get_i32("the validation error", oid::VALIDATE_ERROR).await?;
                    let syntax = self.get_i32("the syntax error", oid::MULTI_SYNTAX_ERROR).await?;
                    let position = self.get_i32("the syntax error's place", oid::MULTI_SYNTAX_POSITION).await?;
                    return Err(Error::Invalid {
                        error: oid::validate_error(code),
                        syntax: oid::syntax_error(syntax),
                        position,
                    });
                }
                other => {
                    return Err(Error::Answer { what: "the check of the message", answer: format!("status {other}") });
                }
            }
        }
        Err(Error::Answer { what: "the check of the message", answer: "it does not end".to_owned() })
    }

    /// Lights the message for `minutes`.
    async fn activate(&self, crc: u16, minutes: u16) -> Result<(), Error> {
        let code = Activation {
            duration_min: minutes,
            priority: ACTIVATE_PRIORITY,
            message: MessageId { memory: CHANGEABLE, number: SLOT, crc },
            source: Ipv4Addr::LOCALHOST,
        };
        let octets = Value::OctetString(bytes::Bytes::copy_from_slice(&code.encode()));
        match self.set("the activation", &[(oid::ACTIVATE_MESSAGE.to_vec(), octets)]).await {
            Err(Error::Snmp { .. }) => {
                let code = self.get_i32("the activation error", oid::ACTIVATE_ERROR).await?;
                let syntax = self.get_i32("the syntax error", oid::MULTI_SYNTAX_ERROR).await?;
                Err(Error::Activate { error: oid::activate_error(code), syntax: oid::syntax_error(syntax) })
            }
            other => other,
        }
    }

    /// Reads what the sign shows; it must be what was written, on a face that is lit.
    async fn read_back(&self, multi: &str, crc: u16) -> Result<Option<String>, Error> {
        let cell = |column| oid::message(column, CURRENT_BUFFER, 1);
        let source = self.get("the message source", oid::MESSAGE_SOURCE).await?;
        let shown = self.get("the current message", &cell(column::MULTI)).await?;
        let shown_crc = self.get_i32("the current message's CRC", &cell(column::CRC)).await? as u16;
        let expected = MessageId { memory: CHANGEABLE, number: SLOT, crc };
        let is_ours = source.as_bytes().and_then(MessageId::decode) == Some(expected);
        if !is_ours || shown.as_bytes() != Some(multi.as_bytes()) || shown_crc != crc {
            let shown = shown.as_bytes().map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
            return Err(Error::Differs { shown });
        }
        let bits = self.get_optional(oid::SHORT_ERROR_STATUS).await?.and_then(|v| v.as_i32()).unwrap_or(0);
        let faults = |dark: bool| {
            let is_set = |bit: u8| bits & (1 << bit) != 0;
            let names: Vec<_> = oid::FAULTS.iter().filter(|f| f.2 == dark && is_set(f.0)).map(|f| f.1).collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        match faults(true) {
            Some(faults) => Err(Error::Dark(faults)),
            None => Ok(faults(false).map(|faults| format!("the sign reports: {faults}"))),
        }
    }

    /// Reads the face again and starts its time anew. With no whole minute left its time runs on as it was set, to an end
    /// that was within the limit then.
    async fn verify(&mut self, minutes: impl Fn() -> Option<u16> + Send) -> Result<Option<String>, Error> {
        let Some((multi, crc)) = self.written.clone() else {
            return Err(Error::Differs { shown: String::new() });
        };
        let mut detail = self.read_back(&multi, crc).await?;
        if self.tells_control {
            match self.get_optional(oid::CONTROL_MODE).await?.and_then(|v| v.as_i32()) {
                Some(LOCAL) => detail = Some(detail.map_or_else(|| LOCALLY.to_owned(), |d| format!("{d}; {LOCALLY}"))),
                Some(_) => {}
                None => self.tells_control = false,
            }
        }
        if let Some(minutes) = minutes() {
            let time = (oid::TIME_REMAINING.to_vec(), Value::Integer(i32::from(minutes)));
            self.set("the time remaining", &[time]).await?;
        }
        Ok(detail)
    }

    async fn get(&self, what: &'static str, oid: &[u32]) -> Result<Value, Error> {
        let response = self.client.get(&Oid::from_slice(oid)).await.map_err(|error| failed(what, &error))?;
        match response.single() {
            Some(binding) if binding.oid.arcs() == oid => match &binding.value {
                // How versions 2c and 3 say what version 1 says with an error.
                Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => {
                    Err(Error::Snmp { what, status: "no such object".to_owned() })
                }
                value => Ok(value.clone()),
            },
            Some(binding) => Err(Error::Answer { what, answer: format!("about {}", binding.oid) }),
            None => Err(Error::Answer { what, answer: "nothing".to_owned() }),
        }
    }

    /// `None` where the sign does not have the object.
    async fn get_optional(&self, oid: &[u32]) -> Result<Option<Value>, Error> {
        match self.get("an optional object", oid).await {
            Ok(value) => Ok(Some(value)),
            Err(Error::Snmp { .. } | Error::Answer { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn get_i32(&self, what: &'static str, oid: &[u32]) -> Result<i32, Error> {
        let value = self.get(what, oid).await?;
        value.as_i32().ok_or_else(|| Error::Answer { what, answer: format!("{value:?}") })
    }

    async fn set(&self, what: &'static str, cells: &[(Vec<u32>, Value)]) -> Result<(), Error> {
        let cells: Vec<(Oid, Value)> = cells.iter().map(|(oid, value)| (Oid::from_slice(oid), value.clone())).collect();
        self.client.set_many(&cells).await.map(drop).map_err(|error| failed(what, &error))
    }
}

fn failed(what: &'static str, error: &SnmpError) -> Error {
    match error.exchange_source() {
        SnmpError::Snmp { status, .. } => Error::Snmp { what, status: word(*status) },
        SnmpError::Decode { .. } | SnmpError::MalformedResponse { .. } | SnmpError::ResponseShape { .. } => {
            Error::Answer { what, answer: error.to_string() }
        }
        _ => Error::Unreachable(format!("{what}: {error}")),
    }
}

fn word(status: ErrorStatus) -> String {
    match status {
        ErrorStatus::NoSuchName => "no such object, or read only for this community".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sign_is_never_told_to_hold_a_face_beyond_its_end(left_ms in -100_000i64..2_000_000, dead_man_s in 0u32..1000, timeout_ms in 0u64..5_000) {
            let now = Instant::UNIX_EPOCH + chrono::Duration::days(20_000);
            let timeout = Duration::from_millis(timeout_ms);
            let hold = Hold::new(Clock::manual(now), dead_man_s, timeout);
            let left = chrono::Duration::milliseconds(left_ms);
            match hold.minutes(Some(now + left)) {
                Some(minutes) => {
                    prop_assert!(minutes >= 1 && u32::from(minutes) <= dead_man_s.div_ceil(60).max(1));
                    prop_assert!(i64::from(minutes) * 60_000 + timeout_ms as i64 <= left_ms);
                }
                None => prop_assert!(left_ms < 60_000 + timeout_ms as i64),
            }
        }
    }

    #[test]
    fn a_face_without_a_number_is_held_for_the_dead_mans_time_rounded_up() {
        let hold = |dead_man_s| Hold::new(Clock::System, dead_man_s, Duration::ZERO).minutes(None);
        assert_eq!([hold(180), hold(61), hold(0)], [Some(3), Some(2), Some(1)]);
    }
}
