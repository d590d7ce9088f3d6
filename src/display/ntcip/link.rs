//! One open connection to an NTCIP 1203 sign: what the sign can do, and the steps from a message to a lit face.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use async_snmp::{ClientBuilder, Error as SnmpError, ErrorStatus, Oid, Retry, UdpClient, Value};
use yunpark_signs::ntcip::{
    activate::{Activation, CHANGEABLE, CURRENT_BUFFER, MessageId},
    crc::message_crc,
    multi::ColorScheme,
    oid::{self, column, status},
};

use super::{
    super::{Error, fence::Fence, quoted},
    Access,
};
use crate::signboard::Device;

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
/// The value of `dmsActivateMsgError` for a text the sign cannot read.
const SYNTAX: i32 = 8;
/// How often a slow sign is asked whether its check is done.
const VALIDATION_POLLS: u32 = 20;

/// How often a request that is not answered is said again.
const RESENDS: u32 = 2;

/// An open connection, and what the sign can do.
#[expect(clippy::option_option, reason = "never set, set to the sign's own, and set to a share are three things")]
pub(super) struct Link {
    pub(super) client: UdpClient,
    /// Within this a request is answered, or said no more.
    timeout: Duration,
    fence: Fence,
    pub(super) scheme: ColorScheme,
    beacon: bool,
    pixel_service: bool,
    /// Levels of brightness; 0 where it cannot be set.
    levels: i32,
    /// The brightness that was last set.
    shines: Option<Option<u8>>,
    /// Nothing was written on this link yet.
    is_new: bool,
    /// What was last written, with its CRC.
    written: Option<(String, u16)>,
    /// Objects the sign is known to lack; they are not asked for again.
    pub(super) lacks: BTreeSet<&'static [u32]>,
    /// The faults the sign told last, as bits.
    pub(super) fault_bits: i32,
    /// How its parts were when last examined.
    pub(super) device: Option<Device>,
}

impl Link {
    pub(super) async fn open(
        address: &str,
        access: &Access,
        (timeout, fence): (Duration, Fence),
        dead_man_min: u16,
    ) -> Result<Self, Error> {
        // A process that was stopped in between does not say a request again when it wakes.
        let client = ClientBuilder::new(access.auth()?)
            .exchange_timeout(Some(timeout))
            .target(address.to_owned())
            // A datagram that is lost costs a part of the time one answer may take, not the whole face: every request may
            // be said twice without harm.
            .request_timeout(timeout / (RESENDS + 1))
            .construction_timeout(timeout)
            .retry(Retry::fixed(RESENDS, Duration::ZERO).map_err(|error| Error::Access(error.to_string()))?)
            // Nobody else's answer is taken, be its number the right one.
            .strict_source(true)
            .connect()
            .await
            .map_err(|error| Error::Unreachable(error.to_string()))?;
        let mut link = Self {
            client,
            timeout,
            fence,
            scheme: ColorScheme::default(),
            beacon: false,
            pixel_service: false,
            levels: 0,
            shines: None,
            is_new: true,
            written: None,
            lacks: BTreeSet::new(),
            fault_bits: 0,
            device: None,
        };
        // A sign that lacks an object says so; it is driven without it.
        link.scheme = link
            .get_optional(oid::COLOR_SCHEME)
            .await?
            .and_then(|v| v.as_i32())
            .map_or_else(ColorScheme::default, ColorScheme::from_code);
        link.beacon = link.get_optional(&oid::message(column::BEACON, CHANGEABLE, SLOT)).await?.is_some();
        link.pixel_service = link.get_optional(&oid::message(column::PIXEL_SERVICE, CHANGEABLE, SLOT)).await?.is_some();
        // The standard has at most 255; what is beyond is no number of levels.
        let levels = link.get_optional(oid::BRIGHT_LEVELS).await?.and_then(|v| v.as_i32()).unwrap_or(0);
        link.levels = if (1..=255).contains(&levels) { levels } else { 0 };
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
    pub(super) async fn shine(&mut self, percent: Option<u8>) -> Result<(), Error> {
        if self.levels <= 0 || self.shines == Some(percent) {
            return Ok(());
        }
        let what = "the brightness";
        let control = |mode| (oid::ILLUM_CONTROL.to_vec(), Value::Integer(mode));
        let set = match percent {
            None => self.set(what, &[control(2)]).await,
            Some(percent) => {
                let level = (self.levels * i32::from(percent) / 100).clamp(1, self.levels);
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
    pub(super) async fn show(
        &mut self,
        multi: &str,
        minutes: impl Fn() -> Option<u16> + Send,
    ) -> Result<Option<String>, Error> {
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
            (cell(column::OWNER), Value::OctetString(self.owner().into())),
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
                    let theirs = self.get_i32("the message CRC", &cell(column::CRC)).await?;
                    let ours = message_crc(multi.as_bytes(), 0, 0);
                    return if i32::from(ours) == theirs { Ok(ours) } else { Err(Error::Crc { ours, theirs }) };
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
                let why = oid::activate_error(code).to_owned();
                if code != SYNTAX {
                    return Err(Error::Activate { why });
                }
                let syntax = self.get_i32("the syntax error", oid::MULTI_SYNTAX_ERROR).await?;
                Err(Error::Activate { why: format!("{why}: {}", oid::syntax_error(syntax)) })
            }
            other => other,
        }
    }

    /// Reads what the sign shows; it must be what was written, on a face that is lit.
    async fn read_back(&mut self, multi: &str, crc: u16) -> Result<Option<String>, Error> {
        let cell = |column| oid::message(column, CURRENT_BUFFER, 1);
        let asked = [oid::MESSAGE_SOURCE.to_vec(), cell(column::MULTI), cell(column::CRC)];
        let [source, shown, shown_crc] = self.get_three("what is shown", asked).await?;
        let expected = MessageId { memory: CHANGEABLE, number: SLOT, crc };
        let is_ours = source.as_bytes().and_then(MessageId::decode) == Some(expected);
        if !is_ours || shown.as_bytes() != Some(multi.as_bytes()) || shown_crc.as_i32() != Some(crc.into()) {
            let shown = shown.as_bytes().map(|text| quoted(&String::from_utf8_lossy(text))).unwrap_or_default();
            return Err(Error::Differs { shown });
        }
        let bits = self.get_known(oid::SHORT_ERROR_STATUS).await?.and_then(|v| v.as_i32()).unwrap_or(0);
        self.fault_bits = bits;
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
    pub(super) async fn verify(&mut self, minutes: impl Fn() -> Option<u16> + Send) -> Result<Option<String>, Error> {
        let Some((multi, crc)) = self.written.clone() else {
            return Err(Error::Differs { shown: String::new() });
        };
        let mut detail = self.read_back(&multi, crc).await?;
        if self.get_known(oid::CONTROL_MODE).await?.and_then(|v| v.as_i32()) == Some(LOCAL) {
            detail = Some(detail.map_or_else(|| LOCALLY.to_owned(), |detail| format!("{detail}; {LOCALLY}")));
        }
        if let Some(minutes) = minutes() {
            let time = (oid::TIME_REMAINING.to_vec(), Value::Integer(i32::from(minutes)));
            match self.set("the time remaining", &[time]).await {
                // A sign that cannot be told of the time alone is told to light the message anew.
                Err(Error::Snmp { .. }) => self.activate(crc, minutes).await?,
                told => told?,
            }
        }
        Ok(detail)
    }

    pub(super) async fn get(&self, what: &'static str, oid: &[u32]) -> Result<Value, Error> {
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

    /// Three objects at once, for they belong together.
    async fn get_three(&self, what: &'static str, oids: [Vec<u32>; 3]) -> Result<[Value; 3], Error> {
        let asked: Vec<Oid> = oids.iter().map(|oid| Oid::from_slice(oid)).collect();
        let response = self.client.get_many(&asked).await.map_err(|error| failed(what, &error))?;
        let about: Vec<&Oid> = response.varbinds.iter().map(|binding| &binding.oid).collect();
        if about.iter().map(|oid| oid.arcs()).ne(oids.iter().map(Vec::as_slice)) {
            return Err(Error::Answer { what, answer: quoted(&format!("about {about:?}")) });
        }
        let values: Vec<Value> = response.varbinds.into_iter().map(|binding| binding.value).collect();
        values.try_into().map_err(|_| Error::Answer { what, answer: "not three objects".to_owned() })
    }

    /// An object every sign should have, but some lack: those are not asked for it again on this connection.
    pub(super) async fn get_known(&mut self, oid: &'static [u32]) -> Result<Option<Value>, Error> {
        if self.lacks.contains(oid) {
            return Ok(None);
        }
        match self.get("an optional object", oid).await {
            Ok(value) => Ok(Some(value)),
            Err(Error::Snmp { .. }) => {
                self.lacks.insert(oid);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// `None` where the sign does not have the object, or says nothing of it that makes sense.
    pub(super) async fn get_optional(&self, oid: &[u32]) -> Result<Option<Value>, Error> {
        match self.get("an optional object", oid).await {
            Ok(value) => Ok(Some(value)),
            Err(Error::Snmp { .. } | Error::Answer { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn get_i32(&self, what: &'static str, oid: &[u32]) -> Result<i32, Error> {
        let value = self.get(what, oid).await?;
        value.as_i32().ok_or_else(|| Error::Answer { what, answer: quoted(&format!("{value:?}")) })
    }

    /// Whose message it is: ours, with the lease it is written under, for whoever reads the sign.
    fn owner(&self) -> String {
        self.fence.token().map_or_else(|| "yunpark".to_owned(), |token| format!("yunpark {token}"))
    }

    async fn set(&self, what: &'static str, cells: &[(Vec<u32>, Value)]) -> Result<(), Error> {
        self.fence.check(self.timeout)?;
        let cells: Vec<(Oid, Value)> = cells.iter().map(|(oid, value)| (Oid::from_slice(oid), value.clone())).collect();
        self.client.set_many(&cells).await.map(drop).map_err(|error| failed(what, &error))
    }
}

pub(super) fn failed(what: &'static str, error: &SnmpError) -> Error {
    match error.exchange_source() {
        SnmpError::Snmp { status, .. } => Error::Snmp { what, status: word(*status) },
        SnmpError::Decode { .. } | SnmpError::MalformedResponse { .. } | SnmpError::ResponseShape { .. } => {
            Error::Answer { what, answer: quoted(&error.to_string()) }
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
