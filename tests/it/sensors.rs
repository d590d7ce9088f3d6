//! Devices of every kind through a real broker: what they say is counted, and shown on the sign.
//!
//! What is promised of sensors, and the test that holds it, each from outside through Mosquitto:
//!
//! | | promise | test |
//! |---|---|---|
//! | 1 | collected frames in both networks' envelopes read as they should | [`collected_frames_in_both_networks_envelopes_tell_their_bays`] |
//! | 2 | an uplink delivered three times is one row and one change | `sensor_events::an_uplink_delivered_three_times_is_one_row_and_one_change` |
//! | 3 | frames out of order leave the newest state, and all rows | `sensor_events::frames_out_of_order_leave_the_newest_state_and_three_rows` |
//! | 4 | a new session is believed from frame 0, also where the 0 is left out | `sensor_events::a_device_that_joins_anew_counts_from_zero_and_is_believed` |
//! | 5 | a kill between receipt and commit loses none of a thousand | `sensor_events::a_node_killed_between_receipt_and_commit_keeps_every_one_of_a_thousand` |
//! | 6 | 12 KB and malformed messages delay nobody and are dead letters | [`what_cannot_be_read_in_mid_stream_delays_nobody`], `dead_letters` |
//! | 7 | 5000 uplinks while the node is down all arrive; what a broker drops is an alarm | [`five_thousand_uplinks_while_the_node_is_down_all_arrive`], `broker_alarm` |
//! | 8 | a broker that forgot everything is subscribed to again | [`a_broker_that_restarts_without_memory_is_subscribed_to_again`] |
//! | 9 | silence past 2.5 heartbeats is unknown, not free, and off the sign | [`care::a_sensor_silent_for_two_and_a_half_heartbeats_is_unknown_and_its_place_leaves_the_sign`]; by a clock of the test's own in `availability::silence` |
//! | 10 | a heartbeat that contradicts corrects, and the missed change is on record | `sensor_events::a_heartbeat_that_contradicts_the_state_corrects_it_and_the_missed_change_is_on_record` |
//! | 11 | counters are exact over wraps, resets, lost frames; corrections are audited; the sign stays within the lot | [`counters_keep_exact_totals_over_wraps_resets_and_lost_frames`], [`care::what_counters_count_is_told_with_who_set_them_right_and_the_sign_stays_within_the_lot`] |
//! | 12 | the past and the future are kept and move nothing | [`a_gateway_is_asked_for_its_names_and_counted_by_them`], `sensor_events::a_statement_from_the_future_is_kept_and_moves_nothing` |

mod camera;
mod care;

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    node::{Node, Places},
    services::{self, Server, wait_for},
    town::town,
};

#[expect(clippy::disallowed_methods, reason = "the test plays the network server, whose clock is the wall's")]
fn now() -> String {
    chrono::Utc::now().to_rfc3339()
}

fn data(hex: &str) -> String {
    STANDARD.encode(hex::decode(hex).unwrap())
}

/// A frame in ChirpStack's envelope, and its topic.
fn chirpstack(eui: &str, f_cnt: u64, port: u8, frame: &str) -> (String, String) {
    let payload = json!({
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d", "time": now(), "deviceInfo": {"devEui": eui},
        "devAddr": "00189440", "fCnt": f_cnt, "fPort": port, "data": data(frame), "rxInfo": [], "txInfo": {},
    });
    (format!("application/a/device/{eui}/event/up"), payload.to_string())
}

/// A frame in The Things Stack's envelope, and its topic; zeros are left out, as there.
fn things_stack(name: &str, f_cnt: u64, port: u8, frame: &str) -> (String, String) {
    let mut uplink =
        json!({"session_key_id": "AZK+", "f_port": port, "frm_payload": data(frame), "received_at": now()});
    if f_cnt > 0 {
        uplink["f_cnt"] = json!(f_cnt);
    }
    let payload = json!({"end_device_ids": {"device_id": name}, "received_at": now(), "uplink_message": uplink});
    (format!("v3/a@t/devices/{name}/up"), payload.to_string())
}

fn publish(node: &Node, (topic, payload): (String, String)) {
    node.publish(&topic, &payload);
}

/// Publishes each line as a message, over one connection.
fn publish_lines(broker: &Server, topic: &str, lines: &[String]) {
    let mut client = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-q", "1", "-t", topic, "-l"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("mosquitto-clients must be installed; `./run test` does it");
    client.stdin.take().unwrap().write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    assert!(client.wait().unwrap().success());
}

fn publish_file(broker: &Server, topic: &str, sample: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/mqtt").join(sample);
    let status = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-q", "1", "-t", topic, "-f"])
        .arg(file)
        .status()
        .unwrap();
    assert!(status.success());
}

/// The next message on a topic, retained or new.
fn listen(broker: &Server, topic: &str) -> std::process::Child {
    Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-t", topic, "-C", "1", "-W", "60", "-F", "%p"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A town with these sensors, and a lot `GATE` of 6000 places that counters report.
fn city(spaces: usize, sensors: Value, codecs: Value) -> Value {
    let mut city = town(1, spaces, "127.0.0.1:9");
    city["sensors"] = sensors;
    city["codecs"] = codecs;
    city["features"].as_array_mut().unwrap().push(json!({
        "type": "Feature", "geometry": {"type": "Point", "coordinates": [119.58, 28.12]},
        "properties": {"kind": "lot", "id": "GATE", "name": "入口", "capacity": 6000, "counted_by": "counters"},
    }));
    city
}

fn start(broker: &Server, city: &Value) -> Node {
    let mut node =
        Node::prepare(&Places { mqtt: format!("mqtt://127.0.0.1:{}", broker.port), ..Places::default() }, city);
    // What the node does not subscribe to itself goes to the broker the test started.
    node.mqtt = broker.port;
    node.run();
    node
}

fn occupied(node: &Node, lot: &str) -> Option<u64> {
    node.get(&format!("/api/v1/lots/{lot}"))?.1["occupied"].as_u64()
}

/// Waits until a lot tells so many places taken.
fn wait_occupied(node: &Node, lot: &str, wanted: u64) {
    let mut last = None;
    wait_for(&format!("{wanted} places taken in {lot}"), || {
        last = occupied(node, lot);
        (last == Some(wanted)).then_some(())
    });
}

/// Every frame of the collection that tells a bay's state, with its codec.
fn bay_frames() -> Vec<(String, u8, String, bool)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/samples/sensors/vectors.json");
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut frames = Vec::new();
    for vector in vectors.iter().filter(|vector| vector["verified"] == "yes") {
        let device = vector["device"].as_str().unwrap();
        let model = device.split(' ').next().unwrap().to_lowercase();
        let codec = match vector["vendor"].as_str().unwrap() {
            "milesight-iot" => format!("milesight/{model}"),
            "bosch" => "bosch/tps110".to_owned(),
            vendor => format!("{vendor}/{model}"),
        };
        let expected = &vector["expected"];
        let state = match (&expected["occupied"], &expected["occupancy"], &expected[0]["presence_21"]) {
            (Value::Bool(occupied), ..) => Some(*occupied),
            (Value::Number(occupied), ..) => Some(occupied.as_u64() == Some(1)),
            (_, Value::String(word), _) => Some(word == "occupied"),
            (_, _, Value::Number(presence)) if expected.as_array().map(Vec::len) == Some(1) => {
                Some(presence.as_u64() == Some(1))
            }
            _ => None,
        };
        if let Some(state) = state {
            let port = vector["fport"].as_u64().unwrap_or(2) as u8;
            frames.push((codec, port, vector["bytes_hex"].as_str().unwrap().to_owned(), state));
        }
    }
    frames
}

#[test]
fn collected_frames_in_both_networks_envelopes_tell_their_bays() {
    let frames = bay_frames();
    assert_eq!(frames.len(), 19, "the collection was read");
    let mut sensors = Vec::new();
    for (n, (codec, ..)) in frames.iter().enumerate() {
        sensors
            .push(json!({"id": format!("0123456789ab{n:04x}"), "codec": codec, "space": format!("L1/S{:03}", n + 1)}));
        let name = format!("bay-{n}");
        sensors.push(json!({"id": name, "codec": codec, "space": format!("L1/S{:03}", frames.len() + n + 1)}));
    }
    let broker = services::mosquitto();
    let node = start(&broker, &city(frames.len() * 2, json!(sensors), json!([])));
    for (n, (_, port, frame, _)) in frames.iter().enumerate() {
        publish(&node, chirpstack(&format!("0123456789ab{n:04x}"), 7, *port, frame));
        publish(&node, things_stack(&format!("bay-{n}"), 0, *port, frame));
    }
    let known = frames.len() as u64 * 2;
    let spaces = wait_for("every bay to be told", || {
        let (_, lot) = node.get("/api/v1/lots/L1")?;
        (lot["free"].as_u64()? + lot["occupied"].as_u64()? == known).then_some(())?;
        Some(node.get("/api/v1/lots/L1/spaces")?.1)
    });
    let spaces = spaces["spaces"].as_array().or_else(|| spaces.as_array()).unwrap().clone();
    for (n, (codec, _, frame, state)) in frames.iter().enumerate() {
        for space in [n + 1, frames.len() + n + 1] {
            let id = format!("S{space:03}");
            let told = spaces.iter().find(|told| told["id"] == id.as_str()).unwrap();
            assert_eq!(told["state"], if *state { "occupied" } else { "free" }, "{codec} {frame} on {id}");
        }
    }
}

#[test]
fn a_device_nobody_wrote_code_for_reaches_the_sign() {
    let codec = json!({"id": "acme/bay-7", "fields": [
        {"f_port": 9, "byte": 1, "bit": 6, "meaning": "free"},
        {"f_port": 9, "byte": 2, "bytes": 2, "endian": "little", "meaning": "battery_mv"}]});
    let sensors: Vec<Value> = (1..=3)
        .map(|n| json!({"id": format!("acme-{n}"), "codec": "acme/bay-7", "space": format!("L1/S{n:03}")}))
        .collect();
    let broker = services::mosquitto();
    let node = start(&broker, &city(3, json!(sensors), json!([codec])));
    for n in 1..=3 {
        publish(&node, things_stack(&format!("acme-{n}"), 1, 9, if n == 2 { "0000100e" } else { "0040100e" }));
    }
    wait_occupied(&node, "L1", 1);
    wait_for("the sign to show two", || {
        let (_, view) = node.get("/api/v1/signs/SIGN-MQTT")?;
        (view["panels"][0]["desired"]["lines"][0]["free"] == 2).then_some(())
    });
    wait_for("the sign to be told two", || {
        let face = listen(&broker, "yunpark/v1/sign/SIGN-MQTT/panel/P1/set").wait_with_output().ok()?;
        let face: Value = serde_json::from_slice(&face.stdout).ok()?;
        (face["face"]["lines"][0]["free"] == 2 && face["mode"] == "normal").then_some(())
    });
}

#[test]
fn counters_keep_exact_totals_over_wraps_resets_and_lost_frames() {
    let sensors = json!([
        {"id": "0123456789ab0001", "codec": "nwave/ncc405", "lot": "GATE", "direction": "in"},
        {"id": "pni-1", "codec": "pni/placepod", "lot": "GATE", "direction": "out"},
        {"id": "0123456789ab0002", "codec": "milesight/vs350", "lot": "GATE"}]);
    let broker = services::mosquitto();
    let node = start(&broker, &city(2, sensors, json!([])));
    node.publish("yunpark/v1/lot/GATE/count", &json!({"occupied": 100, "at": now()}).to_string());
    wait_occupied(&node, "GATE", 100);
    // 16 bits: 65533 is where it stands, 65535 adds two, 2 adds three.
    for (f_cnt, total) in [(1, "fffd"), (2, "ffff"), (3, "0002")] {
        publish(&node, chirpstack("0123456789ab0001", f_cnt, 1, total));
    }
    wait_occupied(&node, "GATE", 105);
    // 7 bits, outwards: 126 is where it stands, 127 takes one, 1 takes two, 128 is a reset, 3 takes three.
    for (f_cnt, total) in [(1, "21007e"), (2, "21007f"), (3, "210001"), (4, "210080"), (5, "210003")] {
        publish(&node, things_stack("pni-1", f_cnt, 2, total));
    }
    wait_occupied(&node, "GATE", 99);
    // Frame 8 is lost on the way: the next total holds its vehicles. What is delivered again, or late, changes nothing.
    let frame = |f_cnt, entered: u16, left: u16| {
        let hex = hex::encode([entered.to_le_bytes(), left.to_le_bytes()].concat());
        chirpstack("0123456789ab0002", f_cnt, 85, &format!("04cc{hex}05cc01000100"))
    };
    for (f_cnt, entered, left) in [(6, 10, 4), (7, 12, 4), (9, 20, 7), (9, 20, 7), (7, 12, 4)] {
        publish(&node, frame(f_cnt, entered, left));
    }
    wait_occupied(&node, "GATE", 99 + 10 - 3);
    // It starts again and says where it stands.
    publish(&node, chirpstack("0123456789ab0002", 10, 85, "ff0bff04cc00000000"));
    publish(&node, frame(11, 2, 1));
    wait_occupied(&node, "GATE", 107);
}

#[test]
fn five_thousand_uplinks_while_the_node_is_down_all_arrive() {
    let sensors = json!([{"id": "0123456789ab0002", "codec": "milesight/vs350", "lot": "GATE", "counts": "delta"}]);
    let broker = services::mosquitto();
    let mut node = start(&broker, &city(2, sensors, json!([])));
    node.publish("yunpark/v1/lot/GATE/count", &json!({"occupied": 0, "at": now()}).to_string());
    wait_occupied(&node, "GATE", 0);
    assert_eq!(node.stop(), Some(0));
    let uplinks: Vec<(String, String)> =
        (1..=5000).map(|f_cnt| chirpstack("0123456789ab0002", f_cnt, 85, "05cc01000000")).collect();
    let lines: Vec<String> = uplinks.iter().map(|(_, payload)| payload.clone()).collect();
    publish_lines(&broker, &uplinks[0].0, &lines);
    node.run();
    wait_occupied(&node, "GATE", 5000);
}

#[test]
fn a_broker_that_restarts_without_memory_is_subscribed_to_again() {
    let sensors = json!([{"id": "fcd6bd00001a2b3c", "codec": "bosch/tps110", "space": "L1/S001"}]);
    let mut broker = services::mosquitto();
    let node = start(&broker, &city(2, sensors, json!([])));
    publish(&node, chirpstack("fcd6bd00001a2b3c", 1, 1, "01"));
    wait_occupied(&node, "L1", 1);
    broker.kill();
    broker.again();
    // Until it has subscribed, the broker forgets what nobody takes: the device says it again.
    let mut f_cnt = 2;
    wait_for("the node to hear the device again", || {
        publish(&node, chirpstack("fcd6bd00001a2b3c", f_cnt, 1, "00"));
        f_cnt += 1;
        std::thread::sleep(std::time::Duration::from_millis(300));
        (occupied(&node, "L1")? == 0).then_some(())
    });
}

#[test]
fn what_cannot_be_read_in_mid_stream_delays_nobody() {
    let sensors = json!([{"id": "fcd6bd00001a2b3c", "codec": "bosch/tps110", "space": "L1/S001"}]);
    let broker = services::mosquitto();
    let node = start(&broker, &city(2, sensors, json!([])));
    publish(&node, chirpstack("fcd6bd00001a2b3c", 1, 1, "00"));
    node.publish("application/a/device/fcd6bd00001a2b3c/event/up", &"x".repeat(12_000));
    node.publish("application/a/device/fcd6bd00001a2b3c/event/up", "{\"deviceInfo\":");
    publish(&node, chirpstack("fcd6bd00001a2b3c", 2, 77, "01"));
    publish(&node, chirpstack("fcd6bd00001a2b3c", 3, 1, "01"));
    wait_occupied(&node, "L1", 1);
    let metrics = node.text("/metrics");
    for kind in ["malformed_payload", "undecodable_frame"] {
        assert!(metrics.contains(&format!("yunpark_ingest_refused_total{{kind=\"{kind}\"}}")), "{metrics}");
    }
}

#[test]
fn a_gateway_is_asked_for_its_names_and_counted_by_them() {
    let sensors = json!([{"id": "gate-1", "codec": "sparkplug/b", "lot": "GATE"}]);
    let broker = services::mosquitto();
    let node = start(&broker, &city(2, sensors, json!([])));
    let mut asked = listen(&broker, "spBv1.0/county/NCMD/gw-1");
    // The command is not retained: it is asked for again until it was heard.
    wait_for("the node to ask for a birth", || {
        publish_file(&broker, "spBv1.0/county/DDATA/gw-1/gate-1", "sparkplug_DDATA.bin");
        asked.try_wait().unwrap()
    });
    assert!(node.text("/metrics").contains("kind=\"unknown_alias\""));
    let heard = asked.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&heard.stdout).contains("Node Control/Rebirth"));
    publish_file(&broker, "spBv1.0/county/DBIRTH/gw-1/gate-1", "sparkplug_DBIRTH.bin");
    wait_occupied(&node, "GATE", 132);
    // One more came in, and what the gateway kept from before changes nothing.
    publish_file(&broker, "spBv1.0/county/DDATA/gw-1/gate-1", "sparkplug_DDATA.bin");
    publish_file(&broker, "spBv1.0/county/DDATA/gw-1/gate-1", "sparkplug_DDATA_historical.bin");
    wait_occupied(&node, "GATE", 133);
}
