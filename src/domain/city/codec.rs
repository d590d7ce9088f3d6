//! Layouts of devices nobody wrote code for, declared in the city file; `docs/sensors.md` tells what each key means.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    draft::{Draft, Thing},
    field::{Field, Object, well},
};

/// Most fields of one layout.
const MOST_FIELDS: usize = 200;
/// Last byte of a LoRaWAN frame, counted from 0.
const LAST_BYTE: u32 = 254;

/// A declared layout, checked. What it means is the sensors' matter; here it is kept as it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredCodec {
    /// Its `vendor/model`.
    pub id: String,
    /// How often a device of it speaks at least, seconds.
    pub heartbeat_s: Option<u32>,
    /// The layout as JSON: `{"id", "heartbeat_s", "fields"}`.
    pub definition: Value,
}

/// What a field may mean, and which further keys go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Meaning {
    Occupied,
    Free,
    CounterTotal,
    CounterDelta,
    CounterReset,
    LotOccupied,
    LotFree,
    BatteryMv,
    BatteryPercent,
    TemperatureC,
    DistanceMm,
    Fault,
    Restart,
}

/// Every meaning by its word, to be held against what the decoder knows.
#[cfg(test)]
pub(crate) fn meanings() -> Vec<Value> {
    use Meaning::{
        BatteryMv, BatteryPercent, CounterDelta, CounterReset, CounterTotal, DistanceMm, Fault, Free, LotFree,
        LotOccupied, Occupied, Restart, TemperatureC,
    };
    let all = [
        Occupied,
        Free,
        CounterTotal,
        CounterDelta,
        CounterReset,
        LotOccupied,
        LotFree,
        BatteryMv,
        BatteryPercent,
        TemperatureC,
        DistanceMm,
        Fault,
        Restart,
    ];
    all.into_iter().map(|meaning| serde_json::to_value(meaning).unwrap()).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Endian {
    Big,
    Little,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cause {
    Change,
    Heartbeat,
    Startup,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    In,
    Out,
    Both,
}

impl<'a> Draft<'a> {
    /// Reads one element of the file's `codecs`.
    pub(super) fn codec(&mut self, item: &Field<'a>, known_codec: &dyn Fn(&str) -> bool) {
        let Some(mut codec) = item.object() else { return };
        let id = codec.need("id").and_then(|f| {
            let id = f.text()?;
            let is_part = |part: &str| {
                (1..=40).contains(&part.len())
                    && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
            };
            if !id.split_once('/').is_some_and(|(vendor, model)| is_part(vendor) && is_part(model)) {
                f.fault("must be vendor/model, each 1 to 40 of a-z 0-9 . _ -");
                return None;
            }
            if known_codec(id) {
                f.fault(format_args!("there is a codec {id:?} already, which needs no declaration"));
                return None;
            }
            self.declare(&f, Thing::Codec(id.to_owned()));
            Some(id.to_owned())
        });
        let heartbeat_s = codec.may("heartbeat_s").map(|f| f.whole(1..=31_536_000));
        let fields = codec.need("fields").and_then(|f| {
            let list = f.list()?;
            if list.is_empty() || list.len() > MOST_FIELDS {
                f.fault(format_args!("must have 1 to {MOST_FIELDS} fields"));
                return None;
            }
            let read: Vec<Option<()>> = list.iter().map(field).collect();
            read.into_iter().collect::<Option<Vec<()>>>()
        });
        codec.finish();
        let declared = || {
            fields?;
            Some(DeclaredCodec { id: id?, heartbeat_s: well(heartbeat_s)?, definition: item.value().clone() })
        };
        self.city.codecs.extend(declared().map(|codec| (codec.id.clone(), codec)));
    }
}

/// Checks one field; `None` if it has a fault.
fn field(item: &Field<'_>) -> Option<()> {
    let mut field = item.object()?;
    let meaning = field.need("meaning").and_then(|f| f.word::<Meaning>());
    let place = place(&mut field);
    let number = [
        field.may("endian").map(|f| f.word::<Endian>().map(drop)),
        field.may("signed").map(|f| f.flag().map(drop)),
        field.may("scale").map(|f| f.number(-1e9..=1e9).map(drop)),
        field.may("offset").map(|f| f.number(-1e9..=1e9).map(drop)),
        field.may("optional").map(|f| f.flag().map(drop)),
    ];
    let when = field.may("when").map(|f| condition(&f));
    let further = further(&mut field, meaning);
    field.finish();
    let well =
        number.into_iter().chain([when, Some(place), Some(further)]).all(|read| read.is_none_or(|r| r.is_some()));
    (well && meaning.is_some()).then_some(())
}

/// Where the field stands: a byte of a frame, or a metric of a gateway.
fn place(field: &mut Object<'_>) -> Option<()> {
    let f_port = field.may("f_port").map(|f| f.whole(1..=255));
    let byte = field.may("byte").map(|f| f.whole(0..=LAST_BYTE));
    let metric = field.may("metric").map(|f| f.text().map(drop));
    let bit = field.may("bit");
    let bytes = field.may("bytes");
    let mask = field.may("mask");
    if bit.is_some() && (bytes.is_some() || mask.is_some()) {
        field.fault_at("bit", "excludes `bytes` and `mask`");
        return None;
    }
    if metric.is_some() && (byte.is_some() || f_port.is_some() || bit.is_some() || bytes.is_some() || mask.is_some()) {
        field.fault_at("metric", "excludes `f_port`, `byte`, `bit`, `bytes` and `mask`");
        return None;
    }
    if metric.is_none() && byte.is_none() {
        field.fault_at("byte", "is missing");
        return None;
    }
    let bit = bit.map(|f| f.whole(0..=7));
    let count = bytes.map(|f| f.whole(1..=8));
    let mask = mask.map(|f| {
        let mask = f.value().as_u64().filter(|mask| *mask > 0);
        let bits = 8 * count.flatten().unwrap_or(1);
        let fits = mask.filter(|mask| 64 - mask.leading_zeros() <= bits);
        if fits.is_none() {
            f.fault(format_args!("must be a whole number above 0 that fits {bits} bits"));
        }
        fits
    });
    well(f_port)?;
    well(byte)?;
    well(metric)?;
    well(bit)?;
    well(count)?;
    well(mask)?;
    Some(())
}

/// The keys that go with some meanings only.
fn further(field: &mut Object<'_>, meaning: Option<Meaning>) -> Option<()> {
    use Meaning::{CounterDelta, CounterReset, CounterTotal, Fault, Free, Occupied, Restart};
    let keys = [
        ("equals", &[Occupied, Free, CounterReset, Fault, Restart][..]),
        ("cause", &[Occupied, Free]),
        ("direction", &[CounterTotal, CounterDelta]),
        ("lane", &[CounterTotal, CounterDelta]),
        ("width_bits", &[CounterTotal]),
        ("text", &[Fault, Restart]),
    ];
    let mut all_well = Some(());
    for (key, meanings) in keys {
        let Some(value) = field.may(key) else { continue };
        if meaning.is_some_and(|meaning| !meanings.contains(&meaning)) {
            value.fault("does not go with this meaning");
            all_well = None;
            continue;
        }
        let read = match key {
            "equals" => {
                let whole = value.value().as_i64().map(drop);
                if whole.is_none() {
                    value.fault("must be a whole number");
                }
                whole
            }
            "cause" => value.word::<Cause>().map(drop),
            "direction" => value.word::<Direction>().map(drop),
            "width_bits" => value.whole(1..=63).map(drop),
            _ => short(&value),
        };
        all_well = all_well.and(read);
    }
    all_well
}

/// A text that names something: a lane, a fault.
fn short(field: &Field<'_>) -> Option<()> {
    let text = field.text()?;
    if text.len() > 40 {
        field.fault("is longer than 40 bytes");
        return None;
    }
    Some(())
}

fn condition(field: &Field<'_>) -> Option<()> {
    let mut condition = field.object()?;
    let byte = condition.need("byte").and_then(|f| f.whole(0..=LAST_BYTE));
    let mask = condition.may("mask").map(|f| f.whole(1..=255));
    let equals = condition.need("equals").and_then(|f| f.whole(0..=255));
    condition.finish();
    if let (Some(Some(mask)), Some(equals)) = (mask, equals)
        && equals & !mask != 0
    {
        field.fault_at("equals", "has bits outside the mask, and would never hold");
        return None;
    }
    byte.and(well(mask)).and(equals).map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{example, read};
    use super::*;

    fn file(codec: Value) -> String {
        let mut file: Value = serde_json::from_str(&example()).unwrap();
        file["codecs"] = json!([codec]);
        // The example's own codec is gone, and so is the sensor that speaks it.
        file["sensors"].as_array_mut().unwrap().retain(|sensor| sensor["codec"] != "acme/gate-2");
        file.to_string()
    }

    fn known(codec: &str) -> bool {
        ["bosch/tps110", "nwave/nps405"].contains(&codec)
    }

    fn whole() -> Value {
        json!({"id": "acme/bay-7", "heartbeat_s": 3600, "fields": [
            {"f_port": 2, "byte": 0, "bit": 3, "meaning": "occupied", "cause": "heartbeat"},
            {"byte": 1, "bytes": 2, "endian": "little", "signed": true, "scale": 0.1, "offset": -4, "mask": 4095,
             "meaning": "temperature_c", "optional": true, "when": {"byte": 0, "mask": 15, "equals": 2}},
            {"byte": 3, "bytes": 4, "meaning": "counter_total", "direction": "in", "lane": "1", "width_bits": 24},
            {"byte": 0, "meaning": "fault", "equals": 9, "text": "magnet"},
            {"metric": "Lot/Free", "meaning": "lot_free"}]})
    }

    #[test]
    fn a_declared_codec_is_kept_and_may_be_used_by_a_sensor() {
        let mut text: Value = serde_json::from_str(&file(whole())).unwrap();
        text["sensors"][0]["codec"] = json!("acme/bay-7");
        let city = read(&text.to_string(), &known).unwrap();
        let codec = &city.codecs["acme/bay-7"];
        assert_eq!((codec.heartbeat_s, &codec.definition), (Some(3600), &whole()));
        assert_eq!(city.sensors["fcd6bd00001a2b3c"].codec, "acme/bay-7");
    }

    #[test]
    fn each_mistake_of_a_codec_is_told_with_its_key() {
        for (at, value, key) in [
            ("/id", json!("acme"), "id"),
            ("/id", json!("Acme/bay"), "id"),
            ("/id", json!("bosch/tps110"), "id"),
            ("/heartbeat_s", json!(0), "heartbeat_s"),
            ("/fields", json!([]), "fields"),
            ("/fields/0/meaning", json!("full"), "fields[0].meaning"),
            ("/fields/0/meaning", Value::Null, "fields[0].meaning"),
            ("/fields/0/byte", Value::Null, "fields[0].byte"),
            ("/fields/0/byte", json!(255), "fields[0].byte"),
            ("/fields/0/bit", json!(8), "fields[0].bit"),
            ("/fields/0/bytes", json!(2), "fields[0].bit"),
            ("/fields/0/f_port", json!(0), "fields[0].f_port"),
            ("/fields/0/lane", json!("1"), "fields[0].lane"),
            ("/fields/0/colour", json!("red"), "fields[0].colour"),
            ("/fields/1/endian", json!("middle"), "fields[1].endian"),
            ("/fields/1/mask", json!(65_536), "fields[1].mask"),
            ("/fields/1/when/equals", json!(16), "fields[1].when.equals"),
            ("/fields/2/direction", json!("up"), "fields[2].direction"),
            ("/fields/2/width_bits", json!(64), "fields[2].width_bits"),
            ("/fields/3/equals", json!("9"), "fields[3].equals"),
            ("/fields/4/byte", json!(1), "fields[4].metric"),
        ] {
            let mut codec = whole();
            let (parent, name) = at.rsplit_once('/').unwrap();
            codec.pointer_mut(parent).unwrap()[name] = value.clone();
            let faults = read(&file(codec), &known).unwrap_err();
            let told: Vec<(&str, &str)> = faults.iter().map(|f| (f.feature.as_str(), f.key.as_str())).collect();
            assert_eq!(told, [("codecs[0]", key)], "{at} = {value}");
        }
    }
}
