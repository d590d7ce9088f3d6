//! Births, data by alias, history and deaths, on messages encoded by another implementation.

use proptest::prelude::*;

use super::*;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../shared/samples/mqtt/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

const GATE: Origin<'_> = Origin { group: "county", node: "gw-1", device: Some("gate-1") };
const NODE: Origin<'_> = Origin { device: None, ..GATE };

fn hear(births: &mut Births, kind: Kind, origin: Origin<'_>, payload: &[u8], at_s: i64) -> Heard {
    let decoder = Decoder::Plain("sparkplug/b");
    births.read(kind, origin, payload, DateTime::from_timestamp(at_s, 0).unwrap(), |_| Some(&decoder)).unwrap()
}

fn total(direction: LaneDirection, value: u64) -> Reading {
    Reading::CounterTotal { direction, lane: None, value, width_bits: 64 }
}

#[test]
fn an_alias_means_what_the_birth_called_it() {
    let mut births = Births::default();
    let born = hear(&mut births, Kind::Birth, GATE, &sample("sparkplug_DBIRTH.bin"), 0);
    let told: Vec<Reading> = born.reports[0].told.iter().map(|told| told.reading.clone()).collect();
    let occupied = Reading::LotOccupied { count: 132 };
    assert_eq!(told, [total(LaneDirection::In, 18234), total(LaneDirection::Out, 18102), occupied]);
    let data = hear(&mut births, Kind::Data, GATE, &sample("sparkplug_DDATA.bin"), 1);
    assert_eq!(data.reports[0].told[0].reading, total(LaneDirection::In, 18235));
    assert!(data.reports[0].told[0].device_time.is_some() && !data.reports[0].told[0].is_historical);
    assert_eq!((data.reports[0].device_id.as_str(), data.ask_rebirth), ("gate-1", false));
}

#[test]
fn a_historical_value_is_marked_and_keeps_its_time() {
    let mut births = Births::default();
    hear(&mut births, Kind::Birth, GATE, &sample("sparkplug_DBIRTH.bin"), 0);
    let late = hear(&mut births, Kind::Data, GATE, &sample("sparkplug_DDATA_historical.bin"), 1);
    let told = &late.reports[0].told[0];
    assert_eq!((told.reading.clone(), told.is_historical), (Reading::LotOccupied { count: 131 }, true));
    assert!(told.device_time.unwrap() < late.reports[0].network_time.unwrap());
}

#[test]
fn an_alias_nobody_named_asks_for_a_birth_and_not_at_every_message() {
    let mut births = Births::default();
    let data = sample("sparkplug_DDATA.bin");
    let heard = hear(&mut births, Kind::Data, GATE, &data, 0);
    assert_eq!((heard.ask_rebirth, heard.unnamed, heard.reports.len()), (true, 1, 0));
    assert!(!hear(&mut births, Kind::Data, GATE, &data, 1).ask_rebirth);
    assert!(hear(&mut births, Kind::Data, GATE, &data, 31).ask_rebirth);
    let (topic, payload) = rebirth("county", "gw-1", DateTime::UNIX_EPOCH);
    assert_eq!(topic, "spBv1.0/county/NCMD/gw-1");
    let command = Payload::decode(payload.as_slice()).unwrap();
    assert_eq!(command.metrics[0].name.as_deref(), Some("Node Control/Rebirth"));
    assert_eq!(command.metrics[0].value, Some(Value::Boolean(true)));
}

#[test]
fn a_gateways_death_silences_all_behind_it() {
    let mut births = Births::default();
    hear(&mut births, Kind::Birth, GATE, &sample("sparkplug_DBIRTH.bin"), 0);
    let dead = hear(&mut births, Kind::Death, NODE, &sample("sparkplug_NDEATH.bin"), 5);
    let silent: Vec<&str> = dead.reports.iter().map(|report| report.device_id.as_str()).collect();
    assert_eq!(silent, ["gate-1", "gw-1"]);
    let offline = Reading::Health(Health { fault: Some(OFFLINE.into()), ..Health::default() });
    assert_eq!(dead.reports[0].told[0].reading, offline);
    assert!(hear(&mut births, Kind::Data, GATE, &sample("sparkplug_DDATA.bin"), 6).ask_rebirth);
}

#[test]
fn a_declared_layout_names_metrics_of_its_own() {
    let layout = serde_json::json!({"id": "acme/gate", "heartbeat_s": null, "fields": [
        {"metric": "Lot/Occupied", "meaning": "lot_free", "scale": -1, "offset": 200}]});
    let decoder = Decoder::Declared(std::sync::Arc::new(serde_json::from_value(layout).unwrap()));
    let birth = sample("sparkplug_DBIRTH.bin");
    let heard = Births::default().read(Kind::Birth, GATE, &birth, DateTime::UNIX_EPOCH, |_| Some(&decoder)).unwrap();
    assert_eq!(heard.reports[0].told[0].reading, Reading::LotFree { count: 68 });
    assert_eq!(heard.reports[0].told.len(), 1);
}

#[test]
fn a_signed_type_keeps_its_sign_and_a_null_says_nothing() {
    let metric = |datatype, value| Metric { datatype: Some(datatype), value: Some(value), ..Metric::default() };
    assert_eq!(number(&metric(1, Value::Int(0xff))), Some(-1.0));
    assert_eq!(number(&metric(3, Value::Int(u32::MAX))), Some(-1.0));
    assert_eq!(number(&metric(7, Value::Int(u32::MAX))), Some(4_294_967_295.0));
    assert_eq!(number(&metric(4, Value::Long(u64::MAX))), Some(-1.0));
    assert_eq!(number(&Metric { is_null: Some(true), ..metric(7, Value::Int(3)) }), None);
    assert_eq!(
        plain("Bay/Occupied", 1.0, &metric(11, Value::Boolean(true))),
        Some(Reading::Occupancy { occupied: true, cause: Cause::Change })
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_gateways_reader_panic(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..5)) {
        let (mut births, decoder) = (Births::default(), Decoder::Plain("sparkplug/b"));
        for payload in &payloads {
            for kind in [Kind::Birth, Kind::Data, Kind::Death] {
                let _ = births.read(kind, GATE, payload, DateTime::UNIX_EPOCH, |_| Some(&decoder));
            }
        }
    }
}
