//! The server killed with faces up: every sign goes dark by a timer of its own.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use yunpark_signs::xunpeng::{Colour, Digits};
use yunpark_simulator::sign::{
    ModbusSign, MqttSign, NtcipSign, XunpengSign, run_modbus, run_mqtt, run_ntcip, run_onbon, run_xunpeng,
};

use crate::{
    node::{Node, Places},
    services::{self, wait_for},
};

/// One lot counted at its gates, and a sign of one line for each link.
fn city(links: &[(&str, Value)]) -> Value {
    let place = json!({"type": "Point", "coordinates": [119.57, 28.11]});
    let lot = json!({"type": "Feature", "geometry": place, "properties": {
        "kind": "lot", "id": "A", "name": "城西停车场", "capacity": 100, "counted_by": "counters", "stale_after_s": 900,
    }});
    let signs = links.iter().map(|(id, link)| {
        json!({"type": "Feature", "geometry": place, "properties": {
            "kind": "sign", "id": id, "name": id, "heading_deg": 90, "link": link,
            "brightness": [{"from": "00:00", "percent": 30}],
            "panels": [{"id": "P1", "width_px": 160, "height_px": 32,
                "lines": [{"lot": "A", "label": "城西", "arrow": "left"}]}]
        }})
    });
    let features: Vec<Value> = std::iter::once(lot).chain(signs).collect();
    json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": "测试县", "time_zone": "Asia/Shanghai", "fictional": true},
        "groups": [], "sensors": [], "features": features,
    })
}

#[expect(clippy::disallowed_methods, reason = "the test plays the device, whose clock is the wall's")]
fn now() -> String {
    chrono::Utc::now().to_rfc3339()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sign_of_a_killed_server_goes_dark_by_its_own_timer() {
    let (broker, stop) = (services::mosquitto(), CancellationToken::new());
    let mqtt = format!("mqtt://127.0.0.1:{}", broker.port);
    let any = "127.0.0.1:0".parse().unwrap();
    let ntcip = NtcipSign { width: 160, height: 32, minute: Duration::from_secs(2), ..NtcipSign::new(any) };
    let ntcip = run_ntcip(ntcip, stop.clone()).await.unwrap();
    let onbon = run_onbon(any, stop.clone()).await.unwrap();
    let modbus = ModbusSign { listen: any, is_rtu: false, units: [1, 1], hold_s: Some(9) };
    let modbus = run_modbus(modbus, stop.clone()).await.unwrap();
    // The protocol has no timer; what stands for one is a relay in the display's supply.
    let xunpeng = XunpengSign { listen: any, watchdog: Some(Duration::from_secs(6)) };
    let xunpeng = run_xunpeng(xunpeng, stop.clone()).await.unwrap();
    let json = run_mqtt(MqttSign { url: mqtt.clone(), sign: "M".into() }, stop.clone()).unwrap();
    let links = [
        ("N", json!({"protocol": "ntcip1203", "address": ntcip.address().to_string()})),
        ("O", json!({"protocol": "onbon", "address": onbon.address().to_string()})),
        (
            "B",
            json!({"protocol": "modbus", "address": modbus.address().to_string(),
            "registers": {"numbers": [0], "hold_s": 9}}),
        ),
        ("X", json!({"protocol": "xunpeng", "address": xunpeng.address().to_string()})),
        ("M", json!({"protocol": "mqtt_json"})),
    ];
    let more = "[display]\ndead_man_s = 6\nverify_every_s = 1\n".to_owned();
    let mut node = Node::start(&Places { mqtt, more, ..Places::default() }, &city(&links));
    node.publish("yunpark/v1/lot/A/count", &json!({"free": 34, "at": now()}).to_string());
    let lit = "城西 ← 34";
    let shown = || {
        let json = json.shown().remove("P1").unwrap_or_default();
        [ntcip.shown().concat(), onbon.shown().concat(), json].map(|lines| lines.concat())
    };
    let digits = || (modbus.shown(1, 0), xunpeng.shown());
    let lit_digits = (Some(34), Some(Digits { count: 34, colour: Colour::Green }));
    wait_for("the number on every sign", || {
        (shown().iter().all(|text| text == lit) && digits() == lit_digits).then_some(())
    });
    assert_eq!(ntcip.brightness(), Some(3), "the sign's own table by the clock, from the face to the lamps");
    // Longer than any of the timers: who is told again stays lit.
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!((shown(), digits()), ([lit; 3].map(str::to_owned), lit_digits));
    node.kill();
    wait_for("every sign to be dark", || {
        (shown().iter().all(String::is_empty) && digits() == (None, None)).then_some(())
    });
    stop.cancel();
}
