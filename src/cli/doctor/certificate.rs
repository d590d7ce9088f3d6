//! The end of a certificate's life, read from its DER (RFC 5280, section 4.1): nothing else of it is looked at here.

use base64::Engine as _;
use chrono::NaiveDateTime;

use crate::domain::time::Instant;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// When a certificate ends; `None` if it does not read.
pub(super) fn ends_at(der: &[u8]) -> Option<Instant> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest, VERSION)?.1;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        rest = element(rest, *rest.first()?)?.1;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, until) = element(validity, *validity.first()?)?;
    let kind = *until.first()?;
    let text = std::str::from_utf8(element(until, kind)?.0).ok()?;
    let text = match kind {
        // Years of two digits are those from 1950 to 2049.
        UTC_TIME => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok().map(|at| at.and_utc())
}

/// When the first certificate of a PEM file ends; `None` if it does not read.
pub(super) fn ends_at_of_pem(pem: &str) -> Option<Instant> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let packed: String = body.split_whitespace().collect();
    ends_at(&base64::engine::general_purpose::STANDARD.decode(packed).ok()?)
}

/// The content of the first element, which must be of a kind, and what follows it.
fn element(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    (first == kind).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate's skeleton with the end given.
    fn with(end: &[u8]) -> Vec<u8> {
        let wrap = |kind: u8, inside: &[u8]| [&[kind, inside.len() as u8], inside].concat();
        let begin = wrap(UTC_TIME, b"260101000000Z");
        let validity = wrap(SEQUENCE, &[begin, end.to_vec()].concat());
        let parts = [wrap(VERSION, &[2, 1, 2]), wrap(2, &[7]), wrap(SEQUENCE, &[]), wrap(SEQUENCE, &[]), validity];
        wrap(SEQUENCE, &wrap(SEQUENCE, &parts.concat()))
    }

    #[test]
    fn the_end_is_read_in_both_forms_of_time() {
        let utc = [&[UTC_TIME, 13], b"270215123456Z".as_slice()].concat();
        assert_eq!(ends_at(&with(&utc)).unwrap().to_rfc3339(), "2027-02-15T12:34:56+00:00");
        let general = [&[GENERALIZED_TIME, 15], b"20510215123456Z".as_slice()].concat();
        let pem = base64::engine::general_purpose::STANDARD.encode(with(&utc));
        let pem = format!("text before\n-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n");
        assert_eq!(ends_at_of_pem(&pem), ends_at(&with(&utc)));
        assert_eq!(ends_at(&with(&general)).unwrap().to_rfc3339(), "2051-02-15T12:34:56+00:00");
    }

    #[test]
    fn what_is_cut_short_or_foreign_does_not_read() {
        let utc = [&[UTC_TIME, 13], b"270215123456Z".as_slice()].concat();
        let whole = with(&utc);
        for length in 0..whole.len() {
            assert_eq!(ends_at(&whole[..length]), None);
        }
        assert_eq!(ends_at(&with(b"\x04\x01a")), None);
        assert_eq!(ends_at(&[SEQUENCE, 0x84, 255, 255, 255, 255]), None);
    }
}
