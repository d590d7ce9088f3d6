//! An emulated sign with Modbus holding registers, framed for TCP or as on a serial line.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use super::{faults::Faults, line};

/// An emulated sign.
#[derive(Debug, Clone, Copy)]
pub struct ModbusSign {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether requests are framed as on a serial line.
    pub is_rtu: bool,
    /// The addresses it answers to.
    pub units: [u8; 2],
    /// The register with the seconds it holds what it shows; without one it holds it for ever.
    pub hold_s: Option<u16>,
}

/// A running sign: what its registers hold, and its faults.
#[derive(Debug, Clone)]
pub struct ModbusHandle {
    sign: ModbusSign,
    units: Arc<Mutex<BTreeMap<u8, Unit>>>,
    /// The ways it goes wrong.
    pub faults: Faults,
}

#[derive(Debug, Default)]
struct Unit {
    registers: BTreeMap<u16, u16>,
    until: Option<Instant>,
}

/// Registers it has: the first thousand.
const REGISTERS: u16 = 1_000;
const READ: u8 = 3;
const WRITE_ONE: u8 = 6;
const WRITE: u8 = 16;
// Exceptions.
const NO_FUNCTION: u8 = 1;
const NO_REGISTER: u8 = 2;
const CANNOT: u8 = 4;

impl ModbusHandle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.sign.listen
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u8, Unit>> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is lit of a register; `None` if it was never written or the time to hold it is over.
    pub fn shown(&self, unit: u8, register: u16) -> Option<u16> {
        let units = self.lock();
        let unit = units.get(&unit)?;
        let is_over = unit.until.is_some_and(|until| Instant::now() >= until);
        unit.registers.get(&register).copied().filter(|_| !is_over)
    }

    /// All that is lit of a unit, by register.
    pub fn registers(&self, unit: u8) -> BTreeMap<u16, u16> {
        let units = self.lock();
        let lit = units.get(&unit).filter(|unit| unit.until.is_none_or(|until| Instant::now() < until));
        lit.map(|unit| unit.registers.clone()).unwrap_or_default()
    }

    /// Switches it off and on, and lets it take its time to start.
    pub fn reboot(&self, takes: Duration) {
        self.lock().clear();
        self.faults.silence(takes);
    }

    /// Does what a request says; the data of the answer, or an exception.
    fn serve(&self, unit: u8, request: &[u8]) -> Result<Vec<u8>, u8> {
        let u16_at = |at: usize| Some(u16::from_be_bytes([*request.get(at)?, *request.get(at + 1)?]));
        let (Some(&function), Some(first), Some(second)) = (request.first(), u16_at(1), u16_at(3)) else {
            return Err(NO_FUNCTION);
        };
        let switches = self.faults.get();
        let words: Vec<u16> = match function {
            READ => Vec::new(),
            WRITE_ONE => vec![second],
            WRITE => {
                request.get(6..).unwrap_or_default().chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect()
            }
            _ => return Err(NO_FUNCTION),
        };
        let count = if function == WRITE_ONE { 1 } else { second };
        if count == 0 || u32::from(first) + u32::from(count) > u32::from(REGISTERS) {
            return Err(NO_REGISTER);
        }
        if function != READ && switches.local {
            return Err(CANNOT);
        }
        let mut units = self.lock();
        let unit = units.entry(unit).or_default();
        if function == READ {
            let held = (first..first + count).map(|register| unit.registers.get(&register).copied().unwrap_or(0));
            let octets: Vec<u8> = held.flat_map(u16::to_be_bytes).collect();
            return Ok([vec![READ, octets.len() as u8], octets].concat());
        }
        if !switches.lies {
            for (register, word) in (first..).zip(words) {
                unit.registers.insert(register, word);
                if Some(register) == self.sign.hold_s {
                    unit.until = Some(Instant::now() + Duration::from_secs(word.into()));
                }
            }
        }
        Ok(request[..5].to_vec())
    }
}

/// Starts a sign that runs until `stop`.
pub async fn run_modbus(sign: ModbusSign, stop: CancellationToken) -> anyhow::Result<ModbusHandle> {
    let handle = ModbusHandle { sign, units: Arc::default(), faults: Faults::default() };
    let served = handle.clone();
    let listen = line::serve(sign.listen, stop, move |stream| talk(stream, served.clone())).await?;
    Ok(ModbusHandle { sign: ModbusSign { listen, ..sign }, ..handle })
}

async fn talk(mut stream: TcpStream, sign: ModbusHandle) -> std::io::Result<()> {
    loop {
        let mut header = [0; 7];
        let (unit, request) = if sign.sign.is_rtu {
            rtu_request(&mut stream).await?
        } else {
            stream.read_exact(&mut header).await?;
            let mut request = vec![0; usize::from(u16::from_be_bytes([header[4], header[5]])).saturating_sub(1)];
            stream.read_exact(&mut request).await?;
            (header[6], request)
        };
        if !sign.sign.units.contains(&unit) || !sign.faults.answers().await {
            continue;
        }
        let answers_as = unit.wrapping_add(u8::from(sign.faults.get().foreign));
        let data = sign
            .serve(unit, &request)
            .unwrap_or_else(|exception| vec![request.first().copied().unwrap_or(0) | 0x80, exception]);
        let answer = if sign.sign.is_rtu {
            let mut answer = [&[answers_as], data.as_slice()].concat();
            let wrong = u16::from(sign.faults.get().wrong_crc);
            answer.extend((crc(&answer) ^ wrong).to_le_bytes());
            answer
        } else {
            // A header of another transaction is what a wrong check sum is to TCP.
            header[1] ^= u8::from(sign.faults.get().wrong_crc);
            let length = (data.len() as u16 + 1).to_be_bytes();
            [&header[..4], &length, &[answers_as], &data].concat()
        };
        stream.write_all(&answer).await?;
    }
}

/// One request of a serial line, told by its function; one with a wrong CRC is passed over.
async fn rtu_request(line: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    loop {
        let mut frame = vec![0; 7];
        line.read_exact(&mut frame).await?;
        let more = if frame[1] == WRITE { usize::from(frame[6]) + 2 } else { 1 };
        let mut rest = vec![0; more];
        line.read_exact(&mut rest).await?;
        frame.extend(rest);
        let (message, sum) = frame.split_at(frame.len() - 2);
        if crc(message).to_le_bytes() == sum {
            return Ok((message[0], message[1..].to_vec()));
        }
    }
}

/// CRC-16/MODBUS.
fn crc(octets: &[u8]) -> u16 {
    octets.iter().fold(0xFFFF, |crc, octet| {
        (0..8).fold(crc ^ u16::from(*octet), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_sum_is_that_of_the_modbus_line() {
        assert_eq!(super::crc(b"123456789"), 0x4B37);
    }
}
