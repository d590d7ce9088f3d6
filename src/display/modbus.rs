//! The driver of a sign with Modbus holding registers: numbers and states line by line, read back after they were written.

use std::{collections::BTreeMap, io::ErrorKind, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use tokio_modbus::{
    Slave,
    client::{Context, rtu, tcp},
    prelude::{Reader, SlaveContext, Writer},
};
use yunpark_signs::{Face, LineState, digits::told};

use super::{Error, driver::Protocol, fence::Fence, quoted, wire::Wire};
use crate::{
    clock::Clock,
    domain::{
        ids::PanelId,
        sign::Sign,
        sign_link::{Endpoint, Framing, Registers},
        time::Instant,
    },
    signboard::{Desired, good_until},
};

/// A line, open or not, that all units on it share, one request at a time.
pub type Line = Mutex<Option<Context>>;
/// A share in a line.
pub type Bus = Arc<Line>;

/// One unit's side of the conversation.
pub struct Modbus {
    bus: Bus,
    endpoint: Endpoint,
    framing: Framing,
    unit: u8,
    registers: Registers,
    /// The panels and how many lines each has.
    panels: Vec<(PanelId, usize)>,
    clock: Clock,
    dead_man: chrono::Duration,
    timeout: Duration,
    fence: Fence,
    /// When the unit goes dark by itself, as it was last told; `None` if that is not known.
    dark_at: Option<Instant>,
}

/// Where a unit is found.
#[derive(Debug, Clone)]
pub struct Place {
    /// The line.
    pub endpoint: Endpoint,
    /// How requests are framed on it.
    pub framing: Framing,
    /// The unit's address.
    pub unit: u8,
}

/// What is done with the line to itself.
#[derive(Clone, Copy)]
enum Act<'a> {
    /// New numbers are written and read back.
    Write(&'a Desired),
    /// The numbers are read, and their time starts anew.
    Keep(&'a Desired),
    /// Every line says that nothing is known.
    Darken,
}

/// How an error begins that says that the other end had closed the line.
const CLOSED: &str = "the line was closed";
/// For how long old numbers stand while new ones are written, seconds.
const BRIEFLY_S: u16 = 2;

impl Modbus {
    /// A driver that has not spoken to its unit yet.
    pub fn new(
        sign: &Sign,
        bus: Bus,
        place: Place,
        registers: Registers,
        clock: Clock,
        dead_man_s: u32,
        (timeout, fence): (Duration, Fence),
    ) -> Self {
        let Place { endpoint, framing, unit } = place;
        let panels = sign.panels.iter().map(|panel| (panel.id.clone(), panel.lines.len())).collect();
        let dead_man = chrono::Duration::seconds(dead_man_s.into());
        Self { bus, endpoint, framing, unit, registers, panels, clock, dead_man, timeout, fence, dark_at: None }
    }

    /// What the registers should hold.
    fn values(&self, faces: &Desired) -> BTreeMap<u16, u16> {
        // A panel without a face keeps its registers, and says nothing in them: the next panel's must not move up.
        let blank = Face::blank(0);
        let face = |panel| faces.get(panel).map_or(&blank, |wanted| wanted.face.as_ref());
        let lines = self.panels.iter().flat_map(|(panel, lines)| told(face(panel), *lines));
        let mut values = BTreeMap::new();
        for (at, line) in lines.enumerate() {
            let number = line.number.map_or(self.registers.no_number, |n| u16::try_from(n).unwrap_or(u16::MAX - 1));
            values.extend(self.registers.numbers.get(at).map(|register| (*register, number)));
            values.extend(self.registers.states.get(at).map(|register| (*register, code(line.state))));
        }
        let brightness = faces.values().filter_map(|wanted| wanted.face.brightness_percent).max();
        values.extend(self.registers.brightness.zip(brightness.map(u16::from)));
        values
    }

    /// The registers, with nothing known on every line.
    fn nothing(&self) -> BTreeMap<u16, u16> {
        let numbers = self.registers.numbers.iter().map(|register| (*register, self.registers.no_number));
        let states = self.registers.states.iter().map(|register| (*register, code(LineState::NoData)));
        numbers.chain(states).collect()
    }

    /// Seconds the unit may hold what it shows, from the latest moment it may take the request at.
    fn seconds(&self, end: Option<Instant>) -> Result<u16, Error> {
        let taken = self.clock.now() + chrono::Duration::from_std(self.timeout).unwrap_or_default();
        let left = end.map_or(self.dead_man, |end| (end - taken).min(self.dead_man)).num_seconds();
        u16::try_from(left.min(65_535)).ok().filter(|seconds| *seconds > 0).ok_or(Error::TooOld)
    }

    /// Tells the unit for how long it may hold what it shows, if it can be told.
    async fn hold(&mut self, line: &mut Context, seconds: u16) -> Result<(), Error> {
        let Some(register) = self.registers.hold_s else { return Ok(()) };
        self.dark_at = None;
        self.write(line, &[(register, seconds)].into()).await?;
        self.dark_at = Some(self.clock.now() + chrono::Duration::seconds(seconds.into()));
        Ok(())
    }

    /// Writes new numbers. Whenever this breaks off, no number stands longer than it may: neither the new ones with the time
    /// of the old, nor the old with the time of the new.
    async fn write_numbers(&mut self, line: &mut Context, faces: &Desired) -> Result<(), Error> {
        let values = self.values(faces);
        if self.registers.hold_s.is_none() {
            self.write(line, &values).await?;
            return self.read_back(line, &values).await;
        }
        // Only now that the line is ours: others may have had it for long.
        let seconds = self.seconds(good_until(faces))?;
        let end = self.clock.now() + chrono::Duration::seconds(seconds.into());
        if self.dark_at.is_none_or(|dark_at| dark_at > end) {
            self.hold(line, seconds.min(BRIEFLY_S)).await?;
        }
        self.write(line, &values).await?;
        self.hold(line, seconds).await?;
        self.read_back(line, &values).await
    }

    /// Reads the numbers, and starts their time anew; with too little left it runs on as it was set.
    async fn keep_numbers(&mut self, line: &mut Context, faces: &Desired) -> Result<(), Error> {
        self.read_back(line, &self.values(faces)).await?;
        match self.seconds(good_until(faces)) {
            Ok(seconds) => self.hold(line, seconds).await,
            Err(_) => Ok(()),
        }
    }

    /// Does something with the line to itself. A line that the other end has closed since is opened anew at once; one on which
    /// an answer is missing or made no sense is opened anew next time, for a late answer must not be taken for another's.
    async fn with_line(&mut self, act: Act<'_>) -> Result<(), Error> {
        let bus = self.bus.clone();
        let mut bus = bus.lock().await;
        let known = bus.take();
        let was_open = known.is_some();
        let mut line = match known {
            Some(line) => line,
            None => self.open().await?,
        };
        let mut done = self.act(&mut line, act).await;
        if was_open && matches!(done, Err(Error::Unreachable(ref why)) if why.starts_with(CLOSED)) {
            line = self.open().await?;
            done = self.act(&mut line, act).await;
        }
        // What was answered in full leaves nothing behind on the line.
        if matches!(done, Ok(()) | Err(Error::Differs { .. } | Error::Snmp { .. } | Error::TooOld | Error::Unleased)) {
            *bus = Some(line);
        }
        done
    }

    async fn act(&mut self, line: &mut Context, act: Act<'_>) -> Result<(), Error> {
        line.set_slave(Slave(self.unit));
        match act {
            Act::Write(faces) => self.write_numbers(line, faces).await,
            Act::Keep(faces) => self.keep_numbers(line, faces).await,
            Act::Darken => {
                let nothing = self.nothing();
                self.write(line, &nothing).await?;
                self.read_back(line, &nothing).await
            }
        }
    }

    async fn open(&self) -> Result<Context, Error> {
        let wire = Wire::open(&self.endpoint, self.timeout).await?;
        Ok(match self.framing {
            Framing::Tcp => tcp::attach(wire),
            Framing::Rtu => rtu::attach(wire),
        })
    }

    async fn write(&self, line: &mut Context, values: &BTreeMap<u16, u16>) -> Result<(), Error> {
        for (first, words) in runs(values) {
            self.fence.check(self.timeout)?;
            self.within("the registers", line.write_multiple_registers(first, &words)).await?;
        }
        Ok(())
    }

    async fn read_back(&self, line: &mut Context, expect: &BTreeMap<u16, u16>) -> Result<(), Error> {
        for (first, words) in runs(expect) {
            let count = words.len() as u16;
            let held = self.within("the registers read back", line.read_holding_registers(first, count)).await?;
            if held != words {
                return Err(Error::Differs { shown: format!("{held:?} from register {first}, not {words:?}") });
            }
        }
        Ok(())
    }

    async fn within<T>(
        &self,
        what: &'static str,
        call: impl Future<Output = tokio_modbus::Result<T>>,
    ) -> Result<T, Error> {
        let silent = || Error::Unreachable(format!("{what}: no answer in time"));
        let answer = tokio::time::timeout(self.timeout, call).await.map_err(|_| silent())?;
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(exception)) => Err(Error::Snmp { what, status: exception.to_string() }),
            Err(tokio_modbus::Error::Protocol(error)) => {
                Err(Error::Answer { what, answer: quoted(&error.to_string()) })
            }
            Err(tokio_modbus::Error::Transport(error)) => Err(match error.kind() {
                ErrorKind::InvalidData => Error::Answer { what, answer: quoted(&error.to_string()) },
                ErrorKind::BrokenPipe
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::NotConnected
                | ErrorKind::UnexpectedEof => Error::Unreachable(format!("{CLOSED}: {what}: {error}")),
                _ => Error::Unreachable(format!("{what}: {error}")),
            }),
        }
    }
}

/// The registers that follow one another, as they can be written or read at once.
fn runs(values: &BTreeMap<u16, u16>) -> Vec<(u16, Vec<u16>)> {
    /// Registers one request may write.
    const MOST: usize = 120;
    let mut runs: Vec<(u16, Vec<u16>)> = Vec::new();
    for (register, word) in values {
        match runs.last_mut() {
            Some((first, words)) if words.len() < MOST && usize::from(*register - *first) == words.len() => {
                words.push(*word);
            }
            _ => runs.push((*register, vec![*word])),
        }
    }
    runs
}

/// The number that stands for a state.
fn code(state: LineState) -> u16 {
    match state {
        LineState::NoData | LineState::Text => 0,
        LineState::Free => 1,
        LineState::Few => 2,
        LineState::Full => 3,
        LineState::Closed => 4,
    }
}

impl Protocol for Modbus {
    async fn show(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        self.with_line(Act::Write(faces)).await.map(|()| None)
    }

    async fn verify(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        self.with_line(Act::Keep(faces)).await.map(|()| None)
    }

    async fn darken(&mut self) -> Result<(), Error> {
        if self.registers.hold_s.is_some() {
            return Ok(());
        }
        self.with_line(Act::Darken).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_that_follow_one_another_are_written_at_once() {
        let values = [(5, 50), (6, 60), (9, 90)].into();
        assert_eq!(runs(&values), [(5, vec![50, 60]), (9, vec![90])]);
    }
}
