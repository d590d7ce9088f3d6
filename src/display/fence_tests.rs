//! Each kind of driver before the fence: while the lease permits it a sign is written, afterwards nothing reaches it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use yunpark_signs::{Face, Line, LineState, Mode, mqtt_json::SetMessage};
use yunpark_simulator::sign::{ModbusSign, NtcipSign, XunpengSign, run_modbus, run_ntcip, run_onbon, run_xunpeng};

use super::{Fence, Tenure};
use crate::display::{
    Error,
    driver::Protocol,
    modbus::{Bus, Modbus, Place},
    mqtt_json::MqttJson,
    ntcip::{Access, Hold, Ntcip},
    onbon::Onbon,
    xunpeng::Xunpeng,
};
use crate::{
    clock::{Clock, Steady},
    domain::{
        guidance::RulesChange,
        ids::{LotId, PanelId, SignId},
        sign::{GuidanceLine, Manner, Panel, Sign, SignLink, Target},
        sign_link::{Endpoint, Framing, Registers, SnmpVersion},
        text::{Language, Localized},
    },
    signboard::Desired,
};

const TIMEOUT: Duration = Duration::from_secs(5);
const TOKEN: u64 = 1_770_000_000_000;

/// A lease of eight seconds, and the clock it runs by.
fn leased() -> (Fence, Steady) {
    let steady = Steady::manual();
    (Fence::of(Arc::new(Tenure::new(TOKEN, Duration::from_secs(8), steady.clone()))), steady)
}

fn sign() -> Sign {
    let line =
        GuidanceLine { target: Target::Lot(LotId::parse("L1").unwrap()), label: None, arrow: None, travel_time_s: 0 };
    let panel = Panel {
        id: PanelId::parse("P1").unwrap(),
        width_px: 160,
        height_px: 32,
        lines: vec![line],
        rules: RulesChange::default(),
    };
    Sign {
        id: SignId::parse("G1").unwrap(),
        name: Localized::default(),
        location: geo::Coord { x: 119.5, y: 28.1 },
        heading_deg: 0.0,
        language: Language::Zh,
        panels: vec![panel],
        link: SignLink::MqttJson,
        manner: Manner::default(),
    }
}

fn faces(version: u64, number: u32) -> Desired {
    let line = Line {
        label: "West".into(),
        text: number.to_string(),
        state: LineState::Free,
        lots: vec!["L1".into()],
        free: Some(number),
        ..Line::default()
    };
    let face = Face { mode: Mode::Normal, lines: vec![line], ..Face::blank(version) };
    [(PanelId::parse("P1").unwrap(), face.into())].into()
}

/// Writes 34 under the lease, then 33 when a write could outlast it: the sign goes on showing 34.
async fn is_fenced(mut protocol: impl Protocol, steady: &Steady, shows: impl Fn(u32) -> bool) {
    protocol.show(&faces(1, 34)).await.unwrap();
    assert!(shows(34));
    // Four seconds are left, and an answer may take five.
    steady.advance(Duration::from_secs(4));
    for _ in 0..2 {
        assert!(matches!(protocol.show(&faces(2, 33)).await, Err(Error::Unleased)));
        assert!(shows(34));
        // The lease is over, and another node has the sign.
        steady.advance(Duration::from_secs(3_600));
    }
    assert!(matches!(protocol.darken().await, Ok(()) | Err(Error::Unleased)));
    assert!(shows(34), "what is another node's is not darkened");
}

#[tokio::test]
async fn an_ntcip_sign_is_not_written_beyond_the_lease_and_carries_its_token() {
    let (stop, (fence, steady)) = (CancellationToken::new(), leased());
    let emulated = NtcipSign { width: 320, height: 32, ..NtcipSign::new("127.0.0.1:0".parse().unwrap()) };
    let emulated = run_ntcip(emulated, stop.clone()).await.unwrap();
    let access = Access { community: "public".to_owned(), version: SnmpVersion::V1 };
    let hold = Hold::new(Clock::System, 180, TIMEOUT);
    let ntcip = Ntcip::new(&sign(), &emulated.address().to_string(), access, TIMEOUT, hold, fence);
    is_fenced(ntcip, &steady, |number| emulated.shown().concat() == [format!("West {number}")]).await;
    stop.cancel();
}

#[tokio::test]
async fn an_onbon_card_is_not_written_beyond_the_lease() {
    let (stop, (fence, steady)) = (CancellationToken::new(), leased());
    let card = run_onbon("127.0.0.1:0".parse().unwrap(), stop.clone()).await.unwrap();
    let onbon = Onbon::new(&sign(), &card.address().to_string(), 2, Clock::System, 180, (TIMEOUT, fence));
    is_fenced(onbon, &steady, |number| card.shown().concat() == [format!("West {number}")]).await;
    stop.cancel();
}

#[tokio::test]
async fn a_xunpeng_display_is_not_written_beyond_the_lease() {
    let (stop, (fence, steady)) = (CancellationToken::new(), leased());
    let display = XunpengSign { listen: "127.0.0.1:0".parse().unwrap(), watchdog: None };
    let display = run_xunpeng(display, stop.clone()).await.unwrap();
    let xunpeng = Xunpeng::new(Endpoint::Tcp(display.address().to_string()), 0, TIMEOUT, fence);
    is_fenced(xunpeng, &steady, |number| display.shown().is_some_and(|shown| u32::from(shown.count) == number)).await;
    stop.cancel();
}

#[tokio::test]
async fn a_modbus_unit_is_not_written_beyond_the_lease() {
    let (stop, (fence, steady)) = (CancellationToken::new(), leased());
    let line = ModbusSign { listen: "127.0.0.1:0".parse().unwrap(), is_rtu: false, units: [1, 2], hold_s: None };
    let line = run_modbus(line, stop.clone()).await.unwrap();
    let endpoint = Endpoint::Tcp(line.address().to_string());
    let place = Place { endpoint, framing: Framing::Tcp, unit: 1 };
    let registers =
        Registers { numbers: vec![10], states: vec![20], hold_s: None, brightness: None, no_number: u16::MAX };
    let modbus = Modbus::new(&sign(), Bus::default(), place, registers, Clock::System, 180, (TIMEOUT, fence));
    is_fenced(modbus, &steady, |number| line.shown(1, 10).map(u32::from) == Some(number)).await;
    stop.cancel();
}

#[tokio::test]
async fn an_mqtt_sign_is_told_nothing_beyond_the_lease_and_the_token_before_it() {
    let (fence, steady) = leased();
    let (told, count) = (Arc::new(std::sync::Mutex::new(Vec::<SetMessage>::new())), Arc::new(AtomicUsize::new(0)));
    let (acked, acks) = mpsc::channel(8);
    let (log, counted) = (told.clone(), count.clone());
    let publish = move |_: &str, payload: bytes::Bytes| {
        let set: SetMessage = serde_json::from_slice(&payload).unwrap();
        counted.fetch_add(1, Ordering::SeqCst);
        let ack = serde_json::json!({"panel": "P1", "version": set.version, "ok": true}).to_string();
        log.lock().unwrap().push(set);
        acked.try_send(ack.into()).map_err(|error| error.to_string())
    };
    let mqtt = MqttJson {
        sign: SignId::parse("G1").unwrap(),
        publish: Arc::new(publish),
        acks,
        clock: Clock::System,
        dead_man: Duration::from_secs(180),
        timeout: TIMEOUT,
        fence,
    };
    let shows = |number: u32| {
        told.lock()
            .unwrap()
            .last()
            .is_some_and(|set| set.face.lines[0].free == Some(number) && set.token == Some(TOKEN))
    };
    is_fenced(mqtt, &steady, shows).await;
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
