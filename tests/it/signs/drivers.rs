//! Every kind of sign from the desired face to the lit one, the faults of each, and signs that are left alone.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use yunpark::{
    domain::{
        city::City,
        ids::{LotId, SignId},
        sign::{GuidanceLine, SignLink, Target},
        sign_link::{Endpoint, Framing, Registers, SnmpAuth, SnmpUser, SnmpVersion},
    },
    signboard::{Circuit, HealthState},
};
use yunpark_signs::{
    Face, LineState, Mode,
    ntcip::oid,
    xunpeng::{Colour, Digits},
};
use yunpark_simulator::sign::{
    ModbusSign, NtcipSign, Switches, XunpengSign, run_modbus, run_ntcip, run_onbon, run_xunpeng,
};

use super::{Driven, city, driven, face, good_for, ids, link, local, no_broker, ntcip_sign, snmp, until};

const ANY: &str = "127.0.0.1:0";

/// A city with one sign, whose panels have so many lines each.
pub fn lined(sign: &str, panels: &[&str], lines: usize, link: SignLink) -> City {
    let mut city = city(sign, panels, link);
    let line =
        GuidanceLine { target: Target::Lot(LotId::parse("L1").unwrap()), label: None, arrow: None, travel_time_s: 0 };
    for sign in city.signs.values_mut() {
        for panel in &mut sign.panels {
            panel.lines = vec![line.clone(); lines];
        }
    }
    city
}

pub fn drive(city: City) -> Driven {
    let (publish, acks) = no_broker();
    driven(city, publish, acks)
}

pub fn state(driven: &Driven, sign: &SignId) -> Option<HealthState> {
    driven.board.status(sign).health.map(|health| health.state)
}

pub fn detail(driven: &Driven, sign: &SignId) -> String {
    driven.board.status(sign).health.and_then(|health| health.detail).unwrap_or_default()
}

fn no_data(version: u64) -> Face {
    let mut face = face(version, "城西", "----");
    face.mode = Mode::Fallback;
    face.lines[0].state = LineState::NoData;
    face
}

#[tokio::test]
async fn an_onbon_card_shows_its_areas_and_goes_dark_by_their_own_timeout() {
    local(async {
        let stop = CancellationToken::new();
        let card = run_onbon(ANY.parse().unwrap(), stop.clone()).await.unwrap();
        let link = SignLink::Onbon { address: card.address().to_string(), run_mode: 2 };
        let driven = drive(lined("O1", &["P1"], 1, link));
        let (id, panel) = ids("O1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        until("the confirmation", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        assert_eq!(card.shown(), [["城西 ← 34"]]);
        assert_eq!(driven.board.status(&id).sent[&panel].face.version, 1);

        card.restart();
        until("the areas to be written again", || card.shown() == [["城西 ← 34"]]).await;

        card.faults.set(Switches { local: true, ..Switches::default() });
        until("the refusal", || detail(&driven, &id).contains("code 4")).await;
        card.faults.set(Switches { wrong_crc: true, ..Switches::default() });
        until("the garbage", || detail(&driven, &id).contains("makes no sense")).await;
        assert_eq!(state(&driven, &id), Some(HealthState::Failing));
        card.faults.set(Switches::default());
        until("the sign to be well", || state(&driven, &id) == Some(HealthState::Ok)).await;

        // A number with three seconds left, and then nobody who speaks to the card any more.
        driven.board.desire(&id, &panel, good_for(face(2, "城西", "33"), 3), None);
        until("the number", || card.shown() == [["城西 ← 33"]]).await;
        drop(driven);
        until("the area's own timeout", || card.shown().is_empty()).await;
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn a_xunpeng_display_shows_the_number_in_its_colour_and_never_an_old_one() {
    local(async {
        let stop = CancellationToken::new();
        let sign = XunpengSign { listen: ANY.parse().unwrap(), watchdog: None };
        let display = run_xunpeng(sign, stop.clone()).await.unwrap();
        let link = SignLink::Xunpeng { line: Endpoint::Tcp(display.address().to_string()), no_data: 0 };
        let driven = drive(lined("X1", &["P1"], 1, link));
        let (id, panel) = ids("X1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        let green = |count| Some(Digits { count, colour: Colour::Green });
        let dark = Some(Digits { count: 0, colour: Colour::Red });
        until("the number", || display.shown() == green(34)).await;
        driven.board.desire(&id, &panel, no_data(2), None);
        until("nothing known", || display.shown() == dark).await;
        // A number whose time runs out while guidance says nothing more: the display has no timer, so it is told.
        driven.board.desire(&id, &panel, good_for(face(3, "城西", "7"), 2), None);
        until("the young number", || display.shown() == green(7)).await;
        until("its end", || display.shown() == dark).await;
        until("nothing confirmed", || driven.board.status(&id).confirmed.is_empty()).await;

        driven.board.desire(&id, &panel, face(4, "城西", "5"), None);
        until("the confirmation", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        display.faults.set(Switches { wrong_crc: true, ..Switches::default() });
        until("the wrong sum", || detail(&driven, &id).contains("sum")).await;
        display.faults.set(Switches { deaf: true, ..Switches::default() });
        until("the open circuit", || driven.board.status(&id).circuit == Circuit::Open).await;
        assert_eq!(state(&driven, &id), Some(HealthState::Unreachable));
        display.faults.set(Switches::default());
        until("the closed circuit", || driven.board.status(&id).circuit == Circuit::Closed).await;
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn two_modbus_units_on_one_line_hold_their_numbers_for_their_time() {
    local(async {
        for framing in [Framing::Tcp, Framing::Rtu] {
            let stop = CancellationToken::new();
            let is_rtu = framing == Framing::Rtu;
            let sign = ModbusSign { listen: ANY.parse().unwrap(), is_rtu, units: [1, 2], hold_s: Some(100) };
            let line = run_modbus(sign, stop.clone()).await.unwrap();
            let link = |unit| SignLink::Modbus {
                line: Endpoint::Tcp(line.address().to_string()),
                framing,
                unit,
                registers: Registers {
                    numbers: vec![10],
                    states: vec![20],
                    hold_s: Some(100),
                    brightness: None,
                    no_number: u16::MAX,
                },
            };
            let mut city = lined("B1", &["P1"], 1, link(1));
            city.signs.extend(lined("B2", &["P1"], 1, link(2)).signs);
            let driven = drive(city);
            for (sign, text) in [("B1", "34"), ("B2", "7")] {
                let (id, panel) = ids(sign);
                driven.board.desire(&id, &panel, face(1, "城西", text), None);
            }
            let told = |unit| (line.shown(unit, 10), line.shown(unit, 20), line.shown(unit, 100));
            let ((first, panel), (second, _)) = (ids("B1"), ids("B2"));
            let confirmed = |sign| driven.board.status(sign).confirmed.contains_key(&panel);
            until("both units", || confirmed(&first) && confirmed(&second)).await;
            assert_eq!((told(1).0, told(1).1, told(2).0), (Some(34), Some(1), Some(7)));

            line.faults.set(Switches { lies: true, ..Switches::default() });
            driven.board.desire(&first, &panel, face(2, "城西", "33"), None);
            until("the lie", || detail(&driven, &first).contains("something else")).await;
            assert!(driven.board.status(&first).confirmed.is_empty());
            line.faults.set(Switches { local: true, ..Switches::default() });
            until("the exception", || detail(&driven, &first).contains("refused")).await;
            line.faults.set(Switches { wrong_crc: true, ..Switches::default() });
            let is_ill = || matches!(state(&driven, &first), Some(HealthState::Failing | HealthState::Unreachable));
            until("the broken answers", || is_ill() && !detail(&driven, &first).contains("refused")).await;
            line.faults.set(Switches::default());
            until("the number", || told(1).0 == Some(33)).await;
            until("the confirmation", || confirmed(&first)).await;

            driven.board.desire(&first, &panel, no_data(3), None);
            until("no number", || told(1).0 == Some(u16::MAX) && told(1).1 == Some(0)).await;
            driven.board.desire(&first, &panel, good_for(face(4, "城西", "31"), 3), None);
            until("the last number", || told(1).0 == Some(31)).await;
            drop(driven);
            until("the unit to be dark by itself", || told(1).0.is_none()).await;
            stop.cancel();
        }
    })
    .await;
}

#[tokio::test]
async fn a_hung_sign_keeps_no_other_waiting() {
    local(async {
        let stop = CancellationToken::new();
        let (hung, well) = (ntcip_sign(&stop).await, ntcip_sign(&stop).await);
        hung.set_switches(Switches { deaf: true, ..Switches::default() });
        let mut city = city("H1", &["P1"], link(&hung, "public"));
        city.signs.extend(super::city("W1", &["P1"], link(&well, "public")).signs);
        let driven = drive(city);
        let ((hung_id, panel), (well_id, _)) = (ids("H1"), ids("W1"));
        driven.board.desire(&hung_id, &panel, face(1, "城西", "34"), None);
        until("the hung sign", || state(&driven, &hung_id) == Some(HealthState::Unreachable)).await;
        for version in 1..6 {
            driven.board.desire(&well_id, &panel, face(version, "城东", &version.to_string()), None);
            until("the other sign", || {
                driven.board.status(&well_id).confirmed.get(&panel).is_some_and(|c| c.face.version == version)
            })
            .await;
        }
        assert_eq!(state(&driven, &hung_id), Some(HealthState::Unreachable));
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn an_ntcip_sign_is_prepared_for_silence_shines_as_told_and_says_who_controls_it() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let driven = drive(city("N1", &["P1"], link(&sign, "public")));
        let (id, panel) = ids("N1");
        let lit = Face { brightness_percent: Some(40), ..face(1, "城西", "34") };
        driven.board.desire(&id, &panel, lit, None);
        until("the confirmation", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        let read = async |object: &'static [u32]| snmp("snmpget", &sign, object, &[]).await.1;
        assert_eq!(read(oid::TIME_COMM_LOSS).await, "3");
        assert_eq!((read(oid::ILLUM_CONTROL).await, read(oid::MANUAL_LEVEL).await), ("6".into(), "4".into()));
        assert!(read(oid::COMM_LOSS_MESSAGE).await.starts_with("07 00 01 00 00"), "blank");

        sign.set_switches(Switches { local: true, ..Switches::default() });
        until("local control in its health", || detail(&driven, &id).contains("local control")).await;
        driven.board.desire(&id, &panel, face(2, "城西", "33"), None);
        until("the refusal", || state(&driven, &id) == Some(HealthState::Failing)).await;
        sign.set_switches(Switches { lies: true, ..Switches::default() });
        until("the lie", || detail(&driven, &id).contains("something else")).await;
        sign.set_switches(Switches::default());
        until("the face", || sign.shown() == [["城西 ← 33"]]).await;
        sign.reboot(Duration::from_secs(1));
        until("the face after the reboot", || sign.shown() == [["城西 ← 33"]]).await;
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn a_sign_that_shows_the_face_already_is_left_as_it_is() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let (id, panel) = ids("N1");
        let first = drive(city("N1", &["P1"], link(&sign, "public")));
        first.board.desire(&id, &panel, face(1, "城西", "34"), None);
        until("the confirmation", || first.board.status(&id).confirmed.contains_key(&panel)).await;
        drop(first);
        // Whoever writes or lights a message now is refused: only one that reads is content.
        sign.set_switches(Switches { local: true, ..Switches::default() });
        let second = drive(city("N1", &["P1"], link(&sign, "public")));
        second.board.desire(&id, &panel, face(1, "城西", "34"), None);
        until("the confirmation by reading", || second.board.status(&id).confirmed.contains_key(&panel)).await;
        assert_eq!(sign.shown(), [["城西 ← 34"]]);
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn snmp_2c_and_3_drive_a_sign_and_a_wrong_password_does_not() {
    local(async {
        let stop = CancellationToken::new();
        let user = Some(["guide", "authentic-1", "private-1"].map(str::to_owned));
        let sign = NtcipSign { width: 320, height: 32, user, ..NtcipSign::new(ANY.parse().unwrap()) };
        let sign = run_ntcip(sign, stop.clone()).await.unwrap();
        let user = |auth_password: &str| {
            SnmpVersion::V3(Box::new(SnmpUser {
                name: "guide".to_owned(),
                auth: SnmpAuth::Sha256,
                auth_password: auth_password.to_owned(),
                privacy_password: Some("private-1".to_owned()),
            }))
        };
        let city = |version| {
            let (address, community) = (sign.address().to_string(), "public".to_owned());
            city("N1", &["P1"], SignLink::Ntcip1203 { address, community, version })
        };
        let driven = drive(city(SnmpVersion::V2c));
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        until("version 2c", || state(&driven, &id) == Some(HealthState::Ok)).await;
        driven.city.send(Arc::new(city(user("not-authentic")))).unwrap();
        until("the wrong password", || state(&driven, &id).is_some_and(|state| state != HealthState::Ok)).await;
        driven.city.send(Arc::new(city(user("authentic-1")))).unwrap();
        driven.board.desire(&id, &panel, face(2, "城西", "33"), None);
        until("version 3", || state(&driven, &id) == Some(HealthState::Ok) && sign.shown() == [["城西 ← 33"]]).await;
        stop.cancel();
    })
    .await;
}
