//! Values as cameras write them: a number where a text should stand, a flag in five spellings, a time in three.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::beijing;

/// A value kept as it was written, so that a bare number of 20 digits loses none.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Loose<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl<'a> Loose<'a> {
    /// The text, or the number or flag as it was written; `None` for nothing, null, an empty text, a list or an object.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        let raw = self.0?.get();
        let text = match raw.as_bytes().first()? {
            b'"' => match serde_json::from_str::<&str>(raw) {
                Ok(plain) => Cow::Borrowed(plain),
                // Escapes, as in 浙, need a text of their own.
                Err(_) => Cow::Owned(serde_json::from_str::<String>(raw).ok()?),
            },
            b'[' | b'{' | b'n' => return None,
            _ => Cow::Borrowed(raw),
        };
        if text.trim().is_empty() { None } else { Some(text) }
    }

    pub(super) fn owned(&self) -> Option<String> {
        self.text().map(|text| text.trim().to_owned())
    }

    pub(super) fn number(&self) -> Option<u32> {
        self.text()?.trim().parse().ok()
    }

    /// Whether the value is a plain no: `false`, `"false"`, `0`, `"0"`. Nothing at all is no answer.
    pub(super) fn is_no(&self) -> bool {
        self.text().is_some_and(|text| matches!(text.trim(), "0" | "false" | "False" | "FALSE"))
    }

    /// `yyyyMMddHHmmss`, or with dashes and colons, in Beijing's time; or RFC 3339 with a zone. `Err` for anything else.
    pub(super) fn time(&self) -> Result<Option<DateTime<Utc>>, ()> {
        let Some(text) = self.text() else { return Ok(None) };
        let text = text.trim();
        let local = |format| NaiveDateTime::parse_from_str(text, format).ok();
        let naive = local("%Y%m%d%H%M%S").or_else(|| local("%Y-%m-%d %H:%M:%S")).or_else(|| local("%Y-%m-%dT%H:%M:%S"));
        match naive.and_then(|naive| naive.and_local_timezone(beijing()).single()) {
            Some(at) => Ok(Some(at.to_utc())),
            None => DateTime::parse_from_rfc3339(text).map(|at| Some(at.to_utc())).map_err(|_| ()),
        }
    }

    /// Base64, with or without line breaks and a `data:` head; nothing gives no bytes. `Err` for anything else.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, ()> {
        let Some(text) = self.text() else { return Ok(Vec::new()) };
        let body = match text.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
            Some((_, body)) => body,
            None => &text,
        };
        if body.bytes().any(|b| b.is_ascii_whitespace()) {
            let packed: Vec<u8> = body.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
            STANDARD.decode(packed).map_err(|_| ())
        } else {
            STANDARD.decode(body).map_err(|_| ())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(json: &str) -> Loose<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_bare_number_of_20_digits_loses_none() {
        assert_eq!(loose("53260199001200000001").text().unwrap(), "53260199001200000001");
        assert_eq!(loose("\"\\u6d59E12345\"").text().unwrap(), "浙E12345");
        for nothing in ["null", "\"\"", "\" \"", "[]", "{}"] {
            assert_eq!(loose(nothing).text(), None, "{nothing}");
        }
    }

    #[test]
    fn a_time_is_beijings_unless_it_says_otherwise() {
        let at = DateTime::parse_from_rfc3339("2026-03-10T01:15:00Z").unwrap().to_utc();
        for spelling in [
            "\"20260310091500\"",
            "20260310091500",
            "\"2026-03-10 09:15:00\"",
            "\"2026-03-10T09:15:00\"",
            "\"2026-03-10T09:15:00+08:00\"",
        ] {
            assert_eq!(loose(spelling).time(), Ok(Some(at)), "{spelling}");
        }
        assert_eq!(loose("\"\"").time(), Ok(None));
        assert_eq!(loose("\"yesterday\"").time(), Err(()));
        assert_eq!(loose("\"20261310091500\"").time(), Err(()));
    }

    #[test]
    fn only_a_plain_no_is_no() {
        for no in ["\"0\"", "0", "false", "\"false\""] {
            assert!(loose(no).is_no(), "{no}");
        }
        for other in ["\"1\"", "1", "true", "null", "\"\""] {
            assert!(!loose(other).is_no(), "{other}");
        }
    }

    #[test]
    fn a_picture_is_read_with_line_breaks_and_a_head() {
        for spelling in ["\"/9j/2Q==\"", "\"/9j/\\r\\n2Q==\"", "\"data:image/jpeg;base64,/9j/2Q==\""] {
            assert_eq!(loose(spelling).bytes().unwrap(), [0xff, 0xd8, 0xff, 0xd9], "{spelling}");
        }
        assert_eq!(loose("\"?\"").bytes(), Err(()));
        assert_eq!(loose("null").bytes(), Ok(Vec::new()));
    }
}
