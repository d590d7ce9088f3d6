//! The NTCIP emulator driven by net-snmp alone, and our driver against a sign that was written apart from it.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tokio_util::sync::CancellationToken;
use yunpark::{
    domain::{sign::SignLink, sign_link::SnmpVersion},
    signboard::HealthState,
};
use yunpark_signs::ntcip::oid::{self, column};
use yunpark_simulator::sign::Switches;

use super::{city, driven, face, ids, local, no_broker, ntcip_sign, snmp, until};
use crate::services;

const STATUS: fn(u16) -> Vec<u32> = |slot| oid::message(column::STATUS, 3, slot);

#[tokio::test]
async fn the_emulator_takes_the_whole_sequence_from_snmpset_and_names_each_error() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let get = async |object: &[u32]| snmp("snmpget", &sign, object, &[]).await.1;
        let set = async |object: &[u32], value: &'static [&'static str]| snmp("snmpset", &sign, object, value).await.0;
        let cell = |column| oid::message(column, 3, 1);

        assert!(!set(&cell(column::MULTI), &["s", "TEST"]).await, "nobody asked to write yet");
        assert!(!set(&STATUS(1), &["i", "7"]).await, "nothing was written yet");
        assert!(set(&STATUS(1), &["i", "6"]).await);
        assert_eq!(get(&STATUS(1)).await, "2", "being written");
        assert!(set(&cell(column::MULTI), &["s", "TEST"]).await);
        assert!(set(&cell(column::OWNER), &["s", "somebody"]).await);
        assert!(set(&cell(column::BEACON), &["i", "0"]).await && set(&cell(column::PIXEL_SERVICE), &["i", "0"]).await);
        assert!(set(&cell(column::RUN_TIME_PRIORITY), &["i", "100"]).await);
        assert!(set(&STATUS(1), &["i", "7"]).await);
        assert_eq!(get(&STATUS(1)).await, "4", "valid");
        let crc = yunpark_signs::ntcip::crc::message_crc(b"TEST", 0, 0);
        assert_eq!(get(&cell(column::CRC)).await, crc.to_string());
        assert_eq!(get(oid::VALIDATE_ERROR).await, "2");

        let code = |priority: u8, memory: u8, number: u16, crc: u16| {
            let hex = format!("0002{priority:02X}{memory:02X}{number:04X}{crc:04X}7F000001");
            &*vec!["x", &*hex.leak()].leak()
        };
        let lit = async |code| set(oid::ACTIVATE_MESSAGE, code).await;
        let error = async || get(oid::ACTIVATE_ERROR).await;
        assert!(!lit(code(255, 3, 1, crc ^ 1)).await);
        assert_eq!(error().await, "7", "the CRC differs");
        assert!(!lit(code(255, 3, 2, 0)).await);
        assert_eq!(error().await, "4", "that message is not valid");
        assert!(!lit(code(255, 3, 99, 0)).await);
        assert_eq!(error().await, "6", "there is no such number");
        assert!(!lit(code(255, 6, 1, 0)).await);
        assert_eq!(error().await, "5", "there is no such memory");
        assert!(lit(code(255, 3, 1, crc)).await);
        assert_eq!((error().await, sign.multi()), ("2".to_owned(), "TEST".to_owned()));
        assert_eq!((get(oid::TIME_REMAINING).await, get(oid::SOURCE_MODE).await), ("2".to_owned(), "8".to_owned()));
        assert!(!lit(code(99, 3, 1, crc)).await);
        assert_eq!(error().await, "3", "what is shown has the higher priority");
        sign.set_switches(Switches { local: true, ..Switches::default() });
        assert!(!lit(code(255, 3, 1, crc)).await);
        assert_eq!((error().await, get(oid::CONTROL_MODE).await), ("9".to_owned(), "2".to_owned()));
        sign.set_switches(Switches::default());

        assert!(set(&STATUS(2), &["i", "6"]).await);
        assert!(set(&oid::message(column::MULTI, 3, 2), &["s", "OK[zz9]"]).await);
        set(&STATUS(2), &["i", "7"]).await;
        assert_eq!(get(&STATUS(2)).await, "5", "checked and refused");
        assert_eq!((get(oid::VALIDATE_ERROR).await, get(oid::MULTI_SYNTAX_ERROR).await), ("5".into(), "3".into()));
        assert_eq!(get(oid::MULTI_SYNTAX_POSITION).await, "2", "at the tag");

        assert!(set(oid::TIME_REMAINING, &["i", "0"]).await);
        until("the end of its time", || sign.multi().is_empty()).await;
        assert_eq!(get(oid::SOURCE_MODE).await, "14");
        stop.cancel();
    })
    .await;
}

/// The sign written in Python, ended with the test.
pub struct PythonSign {
    child: Child,
    /// Where it listens.
    pub port: u16,
}

impl PythonSign {
    /// `None` where there is no pysnmp.
    pub fn start() -> Option<Self> {
        Self::start_logging(None)
    }

    /// The same; each write it takes is written to a file.
    pub fn start_logging(log: Option<&Path>) -> Option<Self> {
        let home = PathBuf::from(std::env::var_os("HOME")?);
        let python = home.join(".cache/yunpark/pysnmp/bin/python");
        if !python.exists() {
            assert!(std::env::var_os("CI").is_none(), "there is no pysnmp; `./run test` installs it");
            let _ =
                writeln!(std::io::stderr(), "SKIPPED on the Python sign: there is no pysnmp; `./run test` installs it");
            return None;
        }
        let port = services::free_port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/signs/ntcip_sign.py");
        let mut child =
            Command::new(python).args([script, &port.to_string()]).args(log).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("ready"), "the Python sign says {line:?}");
        Some(Self { child, port })
    }
}

impl Drop for PythonSign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_sign_written_apart_from_this_code_is_driven_in_either_version() {
    let Some(sign) = PythonSign::start() else { return };
    local(async {
        let address = format!("127.0.0.1:{}", sign.port);
        let (id, panel) = ids("N1");
        for (version, snmp) in [(1, SnmpVersion::V1), (2, SnmpVersion::V2c)] {
            let (address, community) = (address.clone(), "public".to_owned());
            let (publish, acks) = no_broker();
            let link = SignLink::Ntcip1203 { address, community, version: snmp };
            let driven = driven(city("N1", &["P1"], link), publish, acks);
            driven.board.desire(&id, &panel, face(version, "East", "34"), None);
            until("the sign to be well", || {
                driven.board.status(&id).health.is_some_and(|health| health.state == HealthState::Ok)
            })
            .await;
            assert_eq!(driven.board.status(&id).confirmed[&panel].face.version, version);
        }
        // What net-snmp reads of it is what was written, with the CRC of the other side's own making.
        let output = tokio::task::spawn_blocking({
            let address = address.clone();
            move || {
                let dotted = |oid: &[u32]| oid.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
                let cells = [column::MULTI, column::CRC].map(|column| dotted(&oid::message(column, 5, 1)));
                Command::new("snmpget").args(["-v1", "-c", "public", "-Oqv", &address]).args(cells).output().unwrap()
            }
        })
        .await
        .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (multi, crc) = text.trim().split_once('\n').unwrap();
        let multi = multi.trim_matches('"');
        assert!(multi.contains("East") && multi.contains("34"), "{multi}");
        let expected = yunpark_signs::ntcip::crc::message_crc(multi.as_bytes(), 0, 0);
        assert_eq!(crc.trim(), expected.to_string());
    })
    .await;
}
