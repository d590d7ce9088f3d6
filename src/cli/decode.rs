//! `yunpark decode`: a device's frame, from hexadecimal to its readings in JSON.

use yunpark_sensors::Codec;

/// The readings of a frame as a JSON array, or what is wrong with the input in one line.
pub fn run(codec: &str, f_port: Option<u8>, hex: &str) -> Result<String, String> {
    let codec: Codec = codec.parse().map_err(|error| format!("{error}"))?;
    let packed: String = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let frame = hex::decode(packed).map_err(|error| format!("the frame is not hexadecimal: {error}"))?;
    let readings = codec.decode(f_port, &frame).map_err(|error| format!("{codec}: {error}"))?;
    serde_json::to_string(&readings).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_told_as_json() {
        let told = run("bosch/tps110", Some(2), "01 15").unwrap();
        assert_eq!(
            told,
            r#"[{"kind":"occupancy","occupied":true,"cause":"heartbeat"},{"kind":"health","temperature_c":21.0}]"#
        );
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
        ] {
            let error = run(codec, port, frame).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
    }
}
