//! The driver of a sign with Modbus holding registers: numbers and states line by line, read back after they were written.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use tokio_modbus::{
    Slave,
    client::{Context, rtu, tcp},
    prelude::{Reader, SlaveContext, Writer},
};
use yunpark_signs::{LineState, digits::told};

use super::{Error, driver::Protocol, wire::Wire};
use crate::{
    clock::Clock,
    domain::{
        ids::PanelId,
        sign::Sign,
        sign_link::{Endpoint, Framing, Registers},
    },
    signboard::{Desired, good_until},
};

/// The open line that all units on it share, one request at a time.
pub type Bus = Arc<Mutex<Option<Context>>>;

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

impl Modbus {
    /// A driver that has not spoken to its unit yet.
    pub fn new(
        sign: &Sign,
        bus: Bus,
        place: Place,
        registers: Registers,
        clock: Clock,
        dead_man_s: u32,
        timeout: Duration,
    ) -> Self {
        let Place { endpoint, framing, unit } = place;
        let panels = sign.panels.iter().map(|panel| (panel.id.clone(), panel.lines.len())).collect();
        let dead_man = chrono::Duration::seconds(dead_man_s.into());
        Self { bus, endpoint, framing, unit, registers, panels, clock, dead_man, timeout }
    }

    /// What the registers should hold.
    fn values(&self, faces: &Desired) -> BTreeMap<u16, u16> {
        let lines = self.panels.iter().flat_map(|(panel, lines)| match faces.get(panel) {
            Some(wanted) => told(&wanted.face, *lines),
            None => Vec::new(),
        });
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

    /// Seconds the unit may hold what it shows.
    fn hold(&self, faces: &Desired) -> Result<BTreeMap<u16, u16>, Error> {
        let Some(register) = self.registers.hold_s else { return Ok(BTreeMap::new()) };
        let taken = self.clock.now() + chrono::Duration::from_std(self.timeout).unwrap_or_default();
        let left = good_until(faces).map_or(self.dead_man, |end| (end - taken).min(self.dead_man)).num_seconds();
        let seconds = u16::try_from(left.min(65_535)).ok().filter(|seconds| *seconds > 0).ok_or(Error::TooOld)?;
        Ok([(register, seconds)].into())
    }

    /// Writes some registers and reads others back, with the line to itself.
    async fn exchange(&self, write: &[&BTreeMap<u16, u16>], expect: &BTreeMap<u16, u16>) -> Result<(), Error> {
        let mut bus = self.bus.lock().await;
        let mut context = if let Some(context) = bus.take() {
            context
        } else {
            let wire = Wire::open(&self.endpoint, self.timeout).await?;
            match self.framing {
                Framing::Tcp => tcp::attach(wire),
                Framing::Rtu => rtu::attach(wire),
            }
        };
        context.set_slave(Slave(self.unit));
        for values in write {
            for (first, words) in runs(values) {
                self.within("the registers", context.write_multiple_registers(first, &words)).await?;
            }
        }
        for (first, words) in runs(expect) {
            let count = words.len() as u16;
            let held = self.within("the registers read back", context.read_holding_registers(first, count)).await?;
            if held != words {
                *bus = Some(context);
                return Err(Error::Differs { shown: format!("{held:?} from register {first}, not {words:?}") });
            }
        }
        // A line on which something went wrong is opened anew: a late answer must not be taken for another's.
        *bus = Some(context);
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
            Err(tokio_modbus::Error::Protocol(error)) => Err(Error::Answer { what, answer: error.to_string() }),
            Err(tokio_modbus::Error::Transport(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                Err(Error::Answer { what, answer: error.to_string() })
            }
            Err(tokio_modbus::Error::Transport(error)) => Err(Error::Unreachable(format!("{what}: {error}"))),
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
        let (values, hold) = (self.values(faces), self.hold(faces)?);
        // The time first: numbers must not stand for a moment with the time of older ones.
        self.exchange(&[&hold, &values], &values).await.map(|()| None)
    }

    async fn verify(&mut self, faces: &Desired) -> Result<Option<String>, Error> {
        let values = self.values(faces);
        self.exchange(&[], &values).await?;
        let hold = self.hold(faces)?;
        self.exchange(&[&hold], &BTreeMap::new()).await.map(|()| None)
    }

    async fn darken(&mut self) -> Result<(), Error> {
        if self.registers.hold_s.is_some() {
            return Ok(());
        }
        let nothing = self.nothing();
        self.exchange(&[&nothing], &nothing).await
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
