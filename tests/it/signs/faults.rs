//! What signs do wrong, and what becomes of it: answers of others, signs that are slow, deaf, lossy, lying or rebooting, panels
//! that leave, parts that fail.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};
use tokio_util::sync::CancellationToken;
use yunpark::{
    domain::{
        sign::SignLink,
        sign_link::{Endpoint, Framing, Registers},
    },
    signboard::{Circuit, HealthState},
};
use yunpark_signs::xunpeng::{Colour, Digits};
use yunpark_simulator::sign::{
    ModbusSign, MqttSign, Parts, Switches, XunpengSign, run_modbus, run_mqtt, run_onbon, run_xunpeng,
};

use super::{
    city, driven,
    drivers::{detail, drive, lined, state},
    face, good_for, ids, link, local, ntcip_sign, on_broker, until,
};
use crate::services;

const ANY: &str = "127.0.0.1:0";

/// A switch of a test's own parts.
type Switch = Arc<AtomicBool>;

fn modbus(address: SocketAddr, hold_s: Option<u16>) -> SignLink {
    SignLink::Modbus {
        line: Endpoint::Tcp(address.to_string()),
        framing: Framing::Tcp,
        unit: 1,
        registers: Registers { numbers: vec![10], states: vec![20], hold_s, brightness: None, no_number: u16::MAX },
    }
}

/// Stands between a driver and its sign. With `late` it answers every request with the last answer it saw before, which was to
/// another; with `elsewhere` the right answer comes from another address.
async fn between(sign: SocketAddr, late: Switch, elsewhere: Switch) -> SocketAddr {
    let (front, back) = (UdpSocket::bind(ANY).await.unwrap(), UdpSocket::bind(ANY).await.unwrap());
    let stranger = UdpSocket::bind(ANY).await.unwrap();
    let address = front.local_addr().unwrap();
    back.connect(sign).await.unwrap();
    tokio::task::spawn_local(async move {
        let (mut before, mut part) = (Vec::new(), [0; 2048]);
        loop {
            let (count, driver) = front.recv_from(&mut part).await.unwrap();
            back.send(&part[..count]).await.unwrap();
            let count = back.recv(&mut part).await.unwrap();
            let answer = part[..count].to_vec();
            if !late.load(Ordering::Relaxed) {
                before = answer;
            }
            let from = if elsewhere.load(Ordering::Relaxed) { &stranger } else { &front };
            from.send_to(&before, driver).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn an_snmp_answer_to_another_request_or_from_another_address_confirms_nothing() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let (late, elsewhere) = (Switch::default(), Switch::default());
        let address = between(sign.address(), late.clone(), elsewhere.clone()).await.to_string();
        let SignLink::Ntcip1203 { community, version, .. } = link(&sign, "public") else { unreachable!() };
        let driven = drive(city("N1", &["P1"], SignLink::Ntcip1203 { address, community, version }));
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        until("the face", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        for (version, wrong) in [(2, &late), (4, &elsewhere)] {
            wrong.store(true, Ordering::Relaxed);
            driven.board.desire(&id, &panel, face(version, "城西", "33"), None);
            until("silence", || state(&driven, &id) == Some(HealthState::Unreachable)).await;
            let confirmed = driven.board.status(&id).confirmed;
            assert_ne!(confirmed.get(&panel).map(|confirmed| confirmed.face.version), Some(version));
            wrong.store(false, Ordering::Relaxed);
            driven.board.desire(&id, &panel, face(version + 1, "城西", "32"), None);
            until("the sign to be well", || {
                driven.board.status(&id).confirmed.get(&panel).is_some_and(|c| c.face.version == version + 1)
            })
            .await;
        }
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn the_answer_of_another_unit_card_display_or_panel_confirms_nothing() {
    local(async {
        let (broker, stop) = (services::mosquitto(), CancellationToken::new());
        let any = || ANY.parse().unwrap();
        let unit = ModbusSign { listen: any(), is_rtu: false, units: [1, 1], hold_s: Some(100) };
        let unit = run_modbus(unit, stop.clone()).await.unwrap();
        let card = run_onbon(any(), stop.clone()).await.unwrap();
        let display = run_xunpeng(XunpengSign { listen: any(), watchdog: None }, stop.clone()).await.unwrap();
        let url = format!("mqtt://127.0.0.1:{}", broker.port);
        let json = run_mqtt(MqttSign { url, sign: "M1".into() }, stop.clone()).unwrap();
        let mut city = lined("B1", &["P1"], 1, modbus(unit.address(), Some(100)));
        let onbon = SignLink::Onbon { address: card.address().to_string(), run_mode: 2 };
        let xunpeng = SignLink::Xunpeng { line: Endpoint::Tcp(display.address().to_string()), no_data: 0 };
        for (sign, link) in [("O1", onbon), ("X1", xunpeng), ("M1", SignLink::MqttJson)] {
            city.signs.extend(lined(sign, &["P1"], 1, link).signs);
        }
        let (publish, acks) = on_broker(broker.port).await;
        let driven = driven(city, publish, acks);
        let signs = ["B1", "O1", "X1", "M1"];
        let faults = [&unit.faults, &card.faults, &display.faults, &json.faults];
        let confirmed = |sign: &str| {
            let (id, panel) = ids(sign);
            driven.board.status(&id).confirmed.get(&panel).map(|confirmed| confirmed.face.version)
        };
        let desire = |version: u64| {
            for sign in signs {
                let (id, panel) = ids(sign);
                driven.board.desire(&id, &panel, face(version, "城西", &version.to_string()), None);
            }
        };
        desire(34);
        until("every sign", || signs.iter().all(|sign| confirmed(sign) == Some(34))).await;
        for faults in &faults {
            faults.set(Switches { foreign: true, ..Switches::default() });
        }
        desire(36);
        until("every sign to be ill", || {
            signs.iter().all(|sign| state(&driven, &ids(sign).0).is_some_and(|state| state != HealthState::Ok))
        })
        .await;
        assert!(signs.iter().all(|sign| confirmed(sign) != Some(36)), "{:?}", signs.map(confirmed));
        for faults in &faults {
            faults.set(Switches::default());
        }
        until("every sign to be well", || signs.iter().all(|sign| confirmed(sign) == Some(36))).await;
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn a_card_that_answers_twice_or_hangs_up_when_quiet_is_neither_believed_nor_ill() {
    local(async {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        // A card that says "taken" twice to its first request, refuses every later one on that line, and hangs up on the
        // next line as soon as it has answered.
        tokio::task::spawn_local(async move {
            let mut part = [0; 4096];
            let (mut first, _) = listener.accept().await.unwrap();
            let _ = first.read(&mut part).await.unwrap();
            let twice = [yunpark_signs::onbon::answer(None), yunpark_signs::onbon::answer(None)].concat();
            first.write_all(&twice).await.unwrap();
            loop {
                let (mut line, _) = listener.accept().await.unwrap();
                if line.read(&mut part).await.unwrap_or(0) > 0 {
                    line.write_all(&yunpark_signs::onbon::answer(Some(7))).await.unwrap();
                }
            }
        });
        let driven = drive(lined("O1", &["P1"], 1, SignLink::Onbon { address, run_mode: 2 }));
        let (id, panel) = ids("O1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        until("the first face", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        driven.board.desire(&id, &panel, face(2, "城西", "33"), None);
        until("the refusal, which is the second request's answer", || detail(&driven, &id).contains("code 7")).await;
        assert_ne!(driven.board.status(&id).confirmed.get(&panel).map(|confirmed| confirmed.face.version), Some(2));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(
            detail(&driven, &id).contains("code 7"),
            "a line that was hung up is opened anew: {}",
            detail(&driven, &id)
        );
    })
    .await;
}

#[tokio::test]
async fn an_mqtt_sign_may_be_slow_lossy_deaf_lying_under_work_or_rebooting() {
    local(async {
        let (broker, stop) = (services::mosquitto(), CancellationToken::new());
        let url = format!("mqtt://127.0.0.1:{}", broker.port);
        let sign = run_mqtt(MqttSign { url, sign: "M1".into() }, stop.clone()).unwrap();
        let (publish, acks) = on_broker(broker.port).await;
        let driven = driven(city("M1", &["P1"], SignLink::MqttJson), publish, acks);
        let (id, panel) = ids("M1");
        let confirmed = || driven.board.status(&id).confirmed.get(&panel).map(|confirmed| confirmed.face.version);
        let desire = |version: u64| driven.board.desire(&id, &panel, face(version, "城西", &version.to_string()), None);
        let shows = |version: u64| sign.shown().get("P1") == Some(&vec![format!("城西 ← {version}")]);
        let switch = |switches: Switches| sign.faults.set(switches);

        switch(Switches { slow: Duration::from_millis(150), ..Switches::default() });
        desire(1);
        until("a slow sign", || confirmed() == Some(1) && shows(1)).await;
        switch(Switches { loss: 0.5, ..Switches::default() });
        desire(2);
        until("a lossy sign", || confirmed() == Some(2) && shows(2)).await;
        switch(Switches { deaf: true, ..Switches::default() });
        desire(3);
        until("a deaf sign's circuit", || driven.board.status(&id).circuit == Circuit::Open).await;
        assert_eq!((confirmed(), shows(3)), (Some(2), false), "it goes on showing what it was seen to show");
        switch(Switches { local: true, ..Switches::default() });
        until("the refusal", || detail(&driven, &id).contains("somebody works on it")).await;
        assert_eq!(confirmed(), None, "it answered, and does not show it");
        switch(Switches { wrong_crc: true, ..Switches::default() });
        until("garbage to be no answer", || state(&driven, &id) == Some(HealthState::Unreachable)).await;
        switch(Switches { lies: true, ..Switches::default() });
        until("the lie", || confirmed() == Some(3)).await;
        assert!(shows(3), "it had taken the face while its answers were garbage");
        desire(4);
        until("a lie nobody can find out", || confirmed() == Some(4)).await;
        assert!(!shows(4), "this protocol has no reading back, and its page says so");
        switch(Switches::default());
        until("the truth at the next look", || shows(4)).await;
        sign.reboot(Duration::from_secs(1));
        assert!(sign.shown().is_empty());
        until("the retained face after the reboot", || shows(4)).await;
        until("the sign to be well", || state(&driven, &id) == Some(HealthState::Ok)).await;
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn displays_without_a_timer_are_darkened_when_their_sign_leaves_and_when_the_node_stops() {
    local(async {
        let stop = CancellationToken::new();
        let any = || ANY.parse().unwrap();
        let display = run_xunpeng(XunpengSign { listen: any(), watchdog: None }, stop.clone()).await.unwrap();
        let unit = ModbusSign { listen: any(), is_rtu: false, units: [1, 1], hold_s: None };
        let unit = run_modbus(unit, stop.clone()).await.unwrap();
        let xunpeng = SignLink::Xunpeng { line: Endpoint::Tcp(display.address().to_string()), no_data: 0 };
        let only = lined("B1", &["P1"], 1, modbus(unit.address(), None));
        let mut both = only.clone();
        both.signs.extend(lined("X1", &["P1"], 1, xunpeng).signs);
        let driven = drive(both);
        for sign in ["X1", "B1"] {
            let (id, panel) = ids(sign);
            driven.board.desire(&id, &panel, good_for(face(1, "城西", "34"), 600), None);
        }
        let green = Some(Digits { count: 34, colour: Colour::Green });
        let nothing = Some(Digits { count: 0, colour: Colour::Red });
        until("both numbers", || display.shown() == green && unit.shown(1, 10) == Some(34)).await;
        driven.city.send(Arc::new(only)).unwrap();
        until("the sign that left", || display.shown() == nothing).await;
        assert_eq!(unit.shown(1, 10), Some(34), "the other stays");
        drop(driven);
        until("the sign of the stopped node", || unit.shown(1, 10) == Some(u16::MAX)).await;
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn old_numbers_never_stand_with_the_time_of_new_ones() {
    local(async {
        let stop = CancellationToken::new();
        let unit = ModbusSign { listen: ANY.parse().unwrap(), is_rtu: false, units: [1, 1], hold_s: Some(100) };
        let unit = run_modbus(unit, stop.clone()).await.unwrap();
        let driven = drive(lined("B1", &["P1"], 1, modbus(unit.address(), Some(100))));
        let (id, panel) = ids("B1");
        driven.board.desire(&id, &panel, good_for(face(1, "城西", "34"), 8), None);
        until("the first number", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        // From here on the unit takes no number, and says so: the old one must go at its own time.
        unit.faults.set(Switches { local: true, ..Switches::default() });
        driven.board.desire(&id, &panel, good_for(face(2, "城西", "33"), 600), None);
        until("the refusal", || state(&driven, &id) == Some(HealthState::Failing)).await;
        until("the old number to be gone", || unit.shown(1, 10).is_none()).await;
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn the_parts_of_an_ntcip_sign_are_told_where_it_has_them() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let parts =
            Parts { doors: 1, failed_pixels: vec![[3, 4], [160, 32]], temperatures: Some([31, 64, 18, 19, 29, 71]) };
        sign.set_parts(parts);
        sign.set_faults(1 << 5 | 1 << 13);
        let driven = drive(city("N1", &["P1"], link(&sign, "public")));
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        let device = || driven.board.status(&id).device;
        until("its parts", || device().is_some()).await;
        let told = device().unwrap();
        assert_eq!(told.faults, ["pixel", "door open"]);
        assert_eq!((told.door_open, told.cabinet_c, told.housing_c), (Some(true), Some([31, 64]), Some([29, 71])));
        let pixels = told.failed_pixels.unwrap();
        assert_eq!((pixels.count, pixels.places), (2, vec![(3, 4), (160, 32)]));
        assert!(detail(&driven, &id).contains("pixel, door open"), "{}", detail(&driven, &id));
        assert_eq!(state(&driven, &id), Some(HealthState::Ok), "its face is lit all the same");

        // The door is shut: it is examined again because the faults it tells have changed.
        sign.set_parts(Parts { temperatures: None, ..Parts::default() });
        sign.set_faults(0);
        until("the shut door", || device().is_some_and(|told| told.door_open == Some(false))).await;
        let told = device().unwrap();
        assert!(told.faults.is_empty() && told.cabinet_c.is_none(), "{told:?}");
        assert_eq!(told.failed_pixels.unwrap().count, 0);
        stop.cancel();
    })
    .await;
}
