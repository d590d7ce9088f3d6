//! JSON with one spelling: keys sorted, no spaces, a whole number without a fraction whatever type it came as.

use std::fmt::Write;

use serde_json::Value;

/// The largest number below which every whole `f64` is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The canonical text of a value: two values that mean the same have the same text.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

fn write(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => write_number(text, number),
        Value::String(string) => write_string(text, string),
        Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write(text, item);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            // The map may keep the order of insertion, so the order is made here.
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            text.push('{');
            for (n, key) in keys.into_iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write_string(text, key);
                text.push(':');
                write(text, &fields[key.as_str()]);
            }
            text.push('}');
        }
    }
}

fn write_number(text: &mut String, number: &serde_json::Number) {
    // Writing to a String cannot fail.
    let _ = match (number.as_i64(), number.as_f64()) {
        (None, Some(real)) if real.fract() == 0.0 && real.abs() < EXACT => write!(text, "{}", real as i64),
        _ => write!(text, "{number}"),
    };
}

fn write_string(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_whole_numbers_have_one_spelling() {
        let one: Value =
            serde_json::from_str(r#"{ "b": [1, 2.0, 0.1, -0.0], "a": {"z": null, "y": "云和\n\"" } }"#).unwrap();
        assert_eq!(canonical(&one), r#"{"a":{"y":"云和\u000a\"","z":null},"b":[1,2,0.1,0]}"#);
        assert_eq!(canonical(&json!(120.0)), canonical(&json!(120)));
        assert_eq!(canonical(&json!(u64::MAX)), "18446744073709551615");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,6}", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_text_is_json_and_reading_it_back_gives_the_same_text(value in any_json()) {
            let text = canonical(&value);
            let again: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(canonical(&again), text);
        }
    }
}
