//! Ten thousand malformed payloads between good ones, through the real door: the good ones' result is the same as without.

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::json;
use yunpark_simulator::load::{lot_name, space_name};

use super::load::{Dice, Load};
use crate::{
    node::{Node, Places},
    services::{self, wait_for},
};

const MALFORMED: usize = 10_000;
const LOTS: u32 = 4;
const SPACES: u32 = 25;

/// A message that says nothing, on a topic of ours.
fn malformed(dice: &mut Dice) -> (String, Vec<u8>) {
    let (lot, space) = (lot_name(dice.below(LOTS as usize) as u32), space_name(dice.below(SPACES as usize) as u32));
    let topics = [
        format!("yunpark/v1/space/{lot}/{space}/state"),
        format!("yunpark/v1/lot/{lot}/passage"),
        format!("yunpark/v1/lot/{lot}/count"),
        "application/a/device/0102030405060708/event/up".to_owned(),
        "v3/town@tenant/devices/bay-1/up".to_owned(),
    ];
    let good = json!({"state": "occupied", "at": "2030-01-01T00:00:00Z", "seq": u64::MAX}).to_string().into_bytes();
    let wrong = [
        json!({"state": 5, "at": "2030-01-01T00:00:00Z"}),
        json!({"state": "occupied", "at": 1_700_000_000}),
        json!({"state": "occupied", "at": "2030-13-01T00:00:00Z"}),
        json!({"state": "occupied"}),
        json!({"state": ["occupied"], "at": {"at": "2030-01-01T00:00:00Z"}}),
        json!({"state": "OCCUPIED", "at": "2030-01-01T00:00:00Z"}),
        json!({"state": "occupied", "at": "2030-01-01T00:00:00Z", "seq": -1}),
        json!({"state": "occupied", "at": "2030-01-01T00:00:00Z", "seq": 1.5}),
        json!({"direction": "in", "count": -3, "at": "2030-01-01T00:00:00Z", "seq": 1}),
        json!({"occupied": "many", "at": "2030-01-01T00:00:00Z"}),
        json!({"occupied": 1, "free": 1, "at": "2030-01-01T00:00:00Z"}),
        json!({"uplink_message": {"decoded_payload": null}}),
        json!([[["occupied"]]]),
        json!(null),
    ];
    let huge = [
        r#"{"state":"occupied","at":"2030-01-01T00:00:00Z","seq":1e999}"#.to_owned(),
        r#"{"state":"occupied","at":"2030-01-01T00:00:00Z","seq":18446744073709551616}"#.to_owned(),
        r#"{"state":"occupied","at":"99999999-01-01T00:00:00Z"}"#.to_owned(),
        format!(r#"{{"occupied":{},"at":"2030-01-01T00:00:00Z"}}"#, "9".repeat(400)),
        format!("{}1{}", "[".repeat(2000), "]".repeat(2000)),
        format!("{}{}", r#"{"a":"#.repeat(500), "1".repeat(20)),
    ];
    let foreign = [
        format!("yunpark/v1/space/{lot}//state"),
        format!("yunpark/v1/space//{space}/state"),
        format!("yunpark/v1/space/{lot}/ /state"),
        "yunpark/v1/space/..%2f/\u{e9}/state".to_owned(),
        format!("yunpark/v1/lot/{}/count", "x".repeat(3000)),
        "application//device//event/up".to_owned(),
        "v3//devices//up".to_owned(),
    ];
    let topic = topics[dice.below(topics.len())].clone();
    match dice.below(6) {
        0 => (topic, (0..dice.below(300)).map(|_| dice.roll() as u8).collect()),
        1 => (topic, good[..dice.below(good.len())].to_vec()),
        2 | 3 => (topic, wrong[dice.below(wrong.len())].to_string().into_bytes()),
        4 => (topic, huge[dice.below(huge.len())].clone().into_bytes()),
        _ => (foreign[dice.below(foreign.len())].clone(), good),
    }
}

#[test]
fn ten_thousand_malformed_payloads_change_nothing_about_the_good_ones() {
    let broker = services::mosquitto();
    let mqtt = format!("mqtt://127.0.0.1:{}", broker.port);
    let mut load = Load::new(&mqtt, LOTS, SPACES, 1000, 6000, 21);
    let mut node = Node::start(&Places { mqtt, ..Places::default() }, &load.city());

    load.begin();
    let mut options = MqttOptions::new("malformed", "127.0.0.1", broker.port);
    options.set_inflight(200);
    let (client, mut connection) = Client::new(options, 500);
    let (done, all_acked) = std::sync::mpsc::channel();
    let acks = std::thread::spawn(move || {
        let mut acked = 0;
        while acked < MALFORMED {
            match connection.recv() {
                Ok(Ok(Event::Incoming(Packet::PubAck(_)))) => acked += 1,
                Ok(Ok(_)) => {}
                other => panic!("the broker ended after {acked} malformed messages: {other:?}"),
            }
        }
        done.send(()).unwrap();
    });
    let mut dice = Dice(22);
    for _ in 0..MALFORMED {
        let (topic, payload) = malformed(&mut dice);
        client.publish(topic, QoS::AtLeastOnce, false, payload).unwrap();
    }
    all_acked.recv().unwrap();
    acks.join().unwrap();
    load.finish();

    wait_for("every malformed message to be refused", || {
        (node.metric("yunpark_ingest_refused_total") as usize == MALFORMED).then_some(())
    });
    for (lot, counts) in &load.truth().lots {
        wait_for(&format!("the truth of {lot}: {counts:?}"), || {
            let (_, told) = node.get(&format!("/api/v1/lots/{lot}"))?;
            (told["free"] == counts.free && told["occupied"] == counts.occupied && told["unknown"] == counts.unknown)
                .then_some(())
        });
    }
    let outcomes = node.metric("yunpark_observations_total") as usize;
    assert_eq!(outcomes, load.messages(), "nothing but the good ones has reached the engine");
    assert_eq!(node.stop(), Some(0));
}
