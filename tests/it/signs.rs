//! Signs from the desired face to the lit one: the drivers against emulated signs, read from outside with net-snmp.

mod drivers;
mod faults;
mod left_alone;
pub mod outside;

use std::{process::Command, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use yunpark::{
    clock::Clock,
    config::{self, Config},
    display::{Fleet, Publish},
    domain::{
        city::City,
        guidance::RulesChange,
        ids::{PanelId, SignId},
        sign::{Manner, Panel, Sign, SignLink},
        sign_link::SnmpVersion,
        text::{Language, Localized},
    },
    signboard::{HealthState, SignBoard, Wanted},
};
use yunpark_signs::{
    Arrow, Face, Line, LineState, Mode,
    mqtt_json::{ACK_FILTER, SetMessage, set_topic},
    ntcip::oid::{self, column},
};
use yunpark_simulator::sign::{Handle, MqttSign, NtcipSign, run_mqtt, run_ntcip};

use crate::services;

fn face(version: u64, label: &str, text: &str) -> Face {
    let line = Line {
        label: label.into(),
        arrow: Some(Arrow::Left),
        text: text.into(),
        state: LineState::Free,
        lots: vec!["L1".into()],
        free: text.parse().ok(),
        ..Line::default()
    };
    Face { mode: Mode::Normal, lines: vec![line], ..Face::blank(version) }
}

fn ids(sign: &str) -> (SignId, PanelId) {
    (SignId::parse(sign).unwrap(), PanelId::parse("P1").unwrap())
}

fn city(sign: &str, panels: &[&str], link: SignLink) -> City {
    let id = SignId::parse(sign).unwrap();
    let panel = |id: &&str| Panel {
        id: PanelId::parse(id).unwrap(),
        width_px: 160,
        height_px: 32,
        lines: Vec::new(),
        rules: RulesChange::default(),
    };
    let sign = Sign {
        id: id.clone(),
        name: Localized::default(),
        location: geo::Coord { x: 119.5, y: 28.1 },
        heading_deg: 0.0,
        language: Language::Zh,
        panels: panels.iter().map(panel).collect(),
        link,
        manner: Manner::default(),
    };
    let mut city = City::default();
    city.signs.insert(id, sign);
    city
}

/// A fleet that drives the signs of a city until it is dropped.
struct Driven {
    board: Arc<SignBoard>,
    city: watch::Sender<Arc<City>>,
    stop: CancellationToken,
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn driven(city: City, publish: Publish, acks: mpsc::Receiver<(String, bytes::Bytes)>) -> Driven {
    let config = Config::load(None).unwrap().display;
    let config = config::Display { verify_every_s: 1, timeout_ms: 400, max_backoff_s: 1, ..config };
    let (board, stop) = (Arc::new(SignBoard::default()), CancellationToken::new());
    let (sender, receiver) = watch::channel(Arc::new(city));
    let fleet = Fleet::new(config, Clock::System, receiver, board.clone(), publish, acks);
    tokio::task::spawn_local(fleet.run(stop.clone()));
    Driven { board, city: sender, stop }
}

fn no_broker() -> (Publish, mpsc::Receiver<(String, bytes::Bytes)>) {
    (Arc::new(|_: &str, _| Err("no broker".to_owned())), mpsc::channel(1).1)
}

/// The real connection to a broker: what tells a retained message, and what comes back from the signs.
async fn on_broker(port: u16) -> (Publish, mpsc::Receiver<(String, bytes::Bytes)>) {
    let options = rumqttc::MqttOptions::new("yunpark-signs", "127.0.0.1", port);
    let (client, mut events) = rumqttc::AsyncClient::new(options, 64);
    client.subscribe(ACK_FILTER, rumqttc::QoS::AtLeastOnce).await.unwrap();
    let (heard, acks) = mpsc::channel(64);
    tokio::task::spawn_local(async move {
        while let Ok(event) = events.poll().await {
            if let rumqttc::Event::Incoming(rumqttc::Packet::Publish(message)) = event {
                let _ = heard.try_send((message.topic, message.payload));
            }
        }
    });
    let publish = move |topic: &str, payload: bytes::Bytes| {
        client.try_publish(topic, rumqttc::QoS::AtLeastOnce, true, payload).map_err(|error| error.to_string())
    };
    (Arc::new(publish), acks)
}

/// A face, and when its number reaches its limit, seconds from now.
fn good_for(face: Face, seconds: i64) -> Wanted {
    Wanted { good_until: Some(Clock::System.now() + chrono::Duration::seconds(seconds)), ..face.into() }
}

/// Polls until `check` holds; fails after a generous deadline, saying what it waited for.
async fn until(what: &str, mut check: impl FnMut() -> bool) {
    let wait = async {
        while !check() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), wait).await.is_ok(), "waited too long for {what}");
}

async fn ntcip_sign(stop: &CancellationToken) -> Handle {
    let sign = NtcipSign { width: 320, height: 32, ..NtcipSign::new("127.0.0.1:0".parse().unwrap()) };
    run_ntcip(sign, stop.clone()).await.unwrap()
}

fn link(sign: &Handle, community: &str) -> SignLink {
    SignLink::Ntcip1203 {
        address: sign.address().to_string(),
        community: community.to_owned(),
        version: SnmpVersion::V1,
    }
}

/// What net-snmp reads of an object, without blocking the runtime that answers it.
async fn snmp(tool: &'static str, sign: &Handle, object: &[u32], set: &'static [&'static str]) -> (bool, String) {
    let dotted = object.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
    let address = sign.address().to_string();
    let output = tokio::task::spawn_blocking(move || {
        Command::new(tool)
            .args(["-v1", "-c", "public", "-Oqv", "-t", "3", &address, &dotted])
            .args(set)
            .output()
            .expect("net-snmp must be installed; `./run test` does it")
    });
    let output = output.await.unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().trim_matches('"').to_owned())
}

async fn local(test: impl Future<Output = ()>) {
    tokio::task::LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_face_is_written_checked_lit_and_read_back_also_from_outside() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let (publish, acks) = no_broker();
        let driven = driven(city("N1", &["P1"], link(&sign, "public")), publish, acks);
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        until("the face to be confirmed", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        assert_eq!(sign.shown(), [["城西 ← 34"]]);
        let status = driven.board.status(&id);
        assert_eq!(status.confirmed[&panel].face.version, 1);
        assert_eq!(status.health.unwrap().state, HealthState::Ok);

        let (_, current) = snmp("snmpget", &sign, &oid::message(column::MULTI, 5, 1), &[]).await;
        assert_eq!(current, sign.multi());
        let (_, source) = snmp("snmpget", &sign, oid::MESSAGE_SOURCE, &[]).await;
        assert!(source.starts_with("03 00 01"), "the active message is changeable 1: {source}");
        assert_eq!(snmp("snmpget", &sign, oid::TIME_REMAINING, &[]).await.1, "3", "180 s are three minutes");

        driven.board.desire(&id, &panel, face(2, "城西", "33"), None);
        driven.board.desire(&id, &panel, face(3, "城西", "32"), None);
        until("the newest face", || driven.board.status(&id).confirmed[&panel].face.version == 3).await;
        assert_eq!(sign.shown(), [["城西 ← 32"]]);
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn two_panels_are_lit_side_by_side() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let (publish, acks) = no_broker();
        let driven = driven(city("N1", &["P1", "P2"], link(&sign, "public")), publish, acks);
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        driven.board.desire(&id, &PanelId::parse("P2").unwrap(), face(1, "East", "7"), None);
        until("both faces", || driven.board.status(&id).confirmed.len() == 2).await;
        assert_eq!(sign.shown(), [["城西 ← 34"], ["East ← 7"]]);
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn a_sign_that_was_switched_off_and_on_is_written_again() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let (publish, acks) = no_broker();
        let driven = driven(city("N1", &["P1"], link(&sign, "public")), publish, acks);
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        until("the face", || sign.shown() == [["城西 ← 34"]]).await;
        until("the confirmation", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        sign.restart();
        assert!(sign.shown().is_empty());
        until("the face to be lit again", || sign.shown() == [["城西 ← 34"]]).await;
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn a_wrong_community_is_told_as_unreachable_and_a_new_city_file_mends_it() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let (publish, acks) = no_broker();
        let driven = driven(city("N1", &["P1"], link(&sign, "wrong")), publish, acks);
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        let state = |driven: &Driven| driven.board.status(&id).health.map(|health| health.state);
        until("the sign to be unreachable", || state(&driven) == Some(HealthState::Unreachable)).await;
        assert!(driven.board.status(&id).confirmed.is_empty() && sign.shown().is_empty());
        driven.city.send(Arc::new(city("N1", &["P1"], link(&sign, "public")))).unwrap();
        until("the sign to be well", || state(&driven) == Some(HealthState::Ok)).await;
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn a_message_stored_wrongly_is_never_lit() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        sign.set_corrupting(true);
        let (publish, acks) = no_broker();
        let driven = driven(city("N1", &["P1"], link(&sign, "public")), publish, acks);
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        let health = || driven.board.status(&id).health;
        until("the sign to fail", || health().is_some_and(|health| health.state == HealthState::Failing)).await;
        assert!(health().unwrap().detail.unwrap().contains("CRC"));
        assert!(sign.shown().is_empty() && driven.board.status(&id).confirmed.is_empty());
        sign.set_corrupting(false);
        until("the sign to be well", || driven.board.status(&id).confirmed.contains_key(&panel)).await;

        // From outside: an activation with a CRC that is not the message's.
        let code = &["x", "00 03 FF 03 00 01 12 34 7F 00 00 01"];
        assert!(!snmp("snmpset", &sign, oid::ACTIVATE_MESSAGE, code).await.0, "a wrong CRC is refused");
        assert_eq!(snmp("snmpget", &sign, oid::ACTIVATE_ERROR, &[]).await.1, "7");
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn a_sign_too_hot_to_be_lit_is_not_told_as_showing_its_face() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        sign.set_faults(1 << 11);
        let (publish, acks) = no_broker();
        let driven = driven(city("N1", &["P1"], link(&sign, "public")), publish, acks);
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        let detail = || driven.board.status(&id).health.and_then(|health| health.detail).unwrap_or_default();
        until("the fault", || detail().contains("critical temperature")).await;
        assert!(driven.board.status(&id).confirmed.is_empty());
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn an_mqtt_sign_follows_the_retained_face_and_acknowledges_it() {
    local(async {
        let broker = services::mosquitto();
        let url = format!("mqtt://127.0.0.1:{}", broker.port);
        let stop = CancellationToken::new();
        let (publish, acks) = on_broker(broker.port).await;
        let driven = driven(city("M1", &["P1"], SignLink::MqttJson), publish, acks);
        let (id, panel) = ids("M1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        let health = || driven.board.status(&id).health.map(|health| health.state);
        until("a sign nobody runs to be unreachable", || health() == Some(HealthState::Unreachable)).await;
        assert!(driven.board.status(&id).confirmed.is_empty());

        let sign = run_mqtt(MqttSign { url, sign: "M1".into() }, stop.clone()).unwrap();
        until("the face to be confirmed", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        assert_eq!(sign.shown()["P1"], ["城西 ← 34"]);
        driven.board.desire(&id, &panel, face(2, "城西", "满"), None);
        until("the next face", || driven.board.status(&id).confirmed[&panel].face.version == 2).await;
        assert_eq!(sign.shown()["P1"], ["城西 ← 满"]);

        // Anyone who subscribes later still finds the face.
        let topic = set_topic("M1", "P1");
        let port = broker.port.to_string();
        let retained = Command::new("mosquitto_sub").args(["-p", &port, "-t", &topic, "-C", "1", "-W", "10"]).output();
        let output = retained.expect("mosquitto-clients must be installed; `./run test` does it");
        let set: SetMessage = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((set.version, set.lines), (2, vec!["城西 ← 满".to_owned()]));
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn a_number_near_its_limit_is_told_to_a_sign_with_that_very_end_and_goes_dark_when_nobody_speaks_any_more() {
    local(async {
        let broker = services::mosquitto();
        let stop = CancellationToken::new();
        let (publish, acks) = on_broker(broker.port).await;
        let sent = Arc::new(std::sync::Mutex::new(Vec::<SetMessage>::new()));
        let (log, send) = (sent.clone(), publish);
        let publish: Publish = Arc::new(move |topic: &str, payload: bytes::Bytes| {
            log.lock().unwrap().push(serde_json::from_slice(&payload).unwrap());
            send(topic, payload)
        });
        let ends = || sent.lock().unwrap().iter().map(|set| set.valid_until).collect::<Vec<_>>();
        let url = format!("mqtt://127.0.0.1:{}", broker.port);
        let sign = run_mqtt(MqttSign { url, sign: "M1".into() }, stop.clone()).unwrap();
        let driven = driven(city("M1", &["P1"], SignLink::MqttJson), publish, acks);
        let (id, panel) = ids("M1");

        let wanted = good_for(face(1, "城西", "34"), 60);
        let end = wanted.good_until.unwrap();
        driven.board.desire(&id, &panel, wanted, None);
        until("the face", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        until("a second telling", || ends().len() > 1).await;
        assert!(ends().iter().all(|told| *told == end), "nothing confirmed it, so it gains no time: {:?}", ends());

        let later = end + chrono::Duration::seconds(60);
        driven.board.extend(&id, &panel, Some(later));
        until("the confirmed end to be told", || ends().last() == Some(&later)).await;
        let far = end + chrono::Duration::days(1);
        driven.board.extend(&id, &panel, Some(far));
        until("the dead man's time to be the shorter", || ends().last().is_some_and(|told| *told > later)).await;
        assert!(*ends().last().unwrap() < far);

        let wanted = good_for(face(2, "城西", "33"), 4);
        let end = wanted.good_until.unwrap();
        driven.board.desire(&id, &panel, wanted, None);
        until("the next face", || sign.shown()["P1"] == ["城西 ← 33"]).await;
        drop(driven);
        assert_eq!(ends().last(), Some(&end), "the dead man's time would be longer");
        until("the sign to go dark by itself", || sign.shown().is_empty()).await;
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn a_number_beyond_its_limit_is_told_to_nobody_nor_as_shown() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let (publish, acks) = no_broker();
        let driven = driven(city("N1", &["P1"], link(&sign, "public")), publish, acks);
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, face(1, "城西", "34"), None);
        until("the face", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        driven.board.desire(&id, &panel, good_for(face(2, "城西", "33"), -1), None);
        until("nothing to be known of the sign", || driven.board.status(&id).confirmed.is_empty()).await;
        assert_ne!(sign.shown(), [["城西 ← 33"]]);
        driven.board.desire(&id, &panel, good_for(face(3, "城西", "32"), 600), None);
        until("the newer face", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        assert_eq!(sign.shown(), [["城西 ← 32"]]);
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn an_ntcip_sign_holds_a_number_for_whole_minutes_within_its_limit_and_longer_once_confirmed() {
    local(async {
        let stop = CancellationToken::new();
        let sign = ntcip_sign(&stop).await;
        let (publish, acks) = no_broker();
        let driven = driven(city("N1", &["P1"], link(&sign, "public")), publish, acks);
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, good_for(face(1, "城西", "34"), 115), None);
        until("the face", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        assert_eq!(snmp("snmpget", &sign, oid::TIME_REMAINING, &[]).await.1, "1", "of 115 s, one whole minute");
        driven.board.extend(&id, &panel, good_for(face(1, "城西", "34"), 600).good_until);
        let mut left = String::new();
        for _ in 0..200 {
            left = snmp("snmpget", &sign, oid::TIME_REMAINING, &[]).await.1;
            if left == "3" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(left, "3", "the dead man's time, once the number is confirmed");

        // Less than a minute is left: the sign cannot be told of it, so it is not told at all.
        driven.board.desire(&id, &panel, good_for(face(2, "城西", "33"), 50), None);
        let detail = || driven.board.status(&id).health.and_then(|health| health.detail).unwrap_or_default();
        until("the reason", || detail().contains("too little is left")).await;
        assert_eq!(sign.shown(), [["城西 ← 34"]]);
        stop.cancel();
    })
    .await;
}

#[tokio::test]
async fn an_ntcip_sign_goes_dark_by_itself_after_an_orderly_stop() {
    local(async {
        let stop = CancellationToken::new();
        // Its minutes pass in seconds.
        let address = "127.0.0.1:0".parse().unwrap();
        let sign = NtcipSign { width: 320, height: 32, minute: Duration::from_secs(2), ..NtcipSign::new(address) };
        let sign = run_ntcip(sign, stop.clone()).await.unwrap();
        let (publish, acks) = no_broker();
        let driven = driven(city("N1", &["P1"], link(&sign, "public")), publish, acks);
        let (id, panel) = ids("N1");
        driven.board.desire(&id, &panel, good_for(face(1, "城西", "34"), 100), None);
        until("the face", || driven.board.status(&id).confirmed.contains_key(&panel)).await;
        assert_eq!(sign.shown(), [["城西 ← 34"]]);
        drop(driven);
        until("the sign to go dark", || sign.shown().is_empty()).await;
        stop.cancel();
    })
    .await;
}
