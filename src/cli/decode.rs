//! `yunpark decode`: a device's frame, from hexadecimal to its readings in JSON.

use std::{path::Path, sync::Arc};

use yunpark_sensors::Decoder;

use crate::{cityfeed::known_codec, domain::city, ingest::layout};

/// The readings of a frame as a JSON array, or what is wrong with the input in one line. `city` is a city file whose
/// declared codecs are known beside those of this version.
pub fn run(codec: &str, f_port: Option<u8>, city: Option<&Path>, hex: &str) -> Result<String, String> {
    let decoder = match city {
        Some(file) => declared(codec, file)?,
        None => None,
    };
    let decoder: Decoder = match decoder {
        Some(decoder) => decoder,
        None => codec.parse().map_err(|error| format!("{error}"))?,
    };
    let packed: String = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let frame = hex::decode(packed).map_err(|error| format!("the frame is not hexadecimal: {error}"))?;
    let readings = decoder.decode(f_port, &frame).map_err(|error| format!("{codec}: {error}"))?;
    serde_json::to_string(&readings).map_err(|error| error.to_string())
}

/// The codec a city file declares under this name.
fn declared(codec: &str, file: &Path) -> Result<Option<Decoder>, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| named(&error))?;
    let city = city::read(&text, &known_codec)
        .map_err(|faults| faults.first().map_or_else(|| named(&"does not read"), |fault| named(fault)))?;
    Ok(city.codecs.get(codec).and_then(layout).map(|layout| Decoder::Declared(Arc::new(layout))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_told_as_json() {
        let told = run("bosch/tps110", Some(2), None, "01 15").unwrap();
        assert_eq!(
            told,
            r#"[{"kind":"occupancy","occupied":true,"cause":"heartbeat"},{"kind":"health","temperature_c":21.0}]"#
        );
        let told = run("pni/placepod", None, None, "21001f").unwrap();
        assert_eq!(told, r#"[{"kind":"counter_total","direction":"both","value":31,"width_bits":7}]"#);
    }

    #[test]
    fn a_declared_codec_is_read_from_its_city_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("city.geojson");
        let mut city: serde_json::Value = serde_json::from_str(&city::example()).unwrap();
        let codec = serde_json::json!({"id": "acme/bay", "fields": [{"byte": 0, "bit": 7, "meaning": "occupied"}]});
        city["codecs"].as_array_mut().unwrap().push(codec);
        std::fs::write(&file, city.to_string()).unwrap();
        let told = run("acme/bay", Some(1), Some(&file), "80").unwrap();
        assert_eq!(told, r#"[{"kind":"occupancy","occupied":true,"cause":"change"}]"#);
        assert!(run("bosch/tps110", Some(1), Some(&file), "01").is_ok());
        assert!(run("acme/gate", Some(1), Some(&file), "01").unwrap_err().contains("unknown codec"));
        assert!(run("acme/bay", Some(1), Some(&folder.path().join("none")), "01").is_err());
    }

    #[test]
    fn bad_input_is_told_in_one_line() {
        for (codec, port, frame) in [
            ("acme/bay", Some(1), "01"),
            ("bosch/tps110", None, "01"),
            ("bosch/tps110", Some(9), "01"),
            ("bosch/tps110", Some(1), "0"),
            ("bosch/tps110", Some(1), "zz"),
            ("nwave/nps405", Some(2), "01"),
            ("milesight/vs350", Some(85), ""),
            ("sparkplug/b", Some(1), "01"),
        ] {
            let error = run(codec, port, None, frame).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
    }
}
