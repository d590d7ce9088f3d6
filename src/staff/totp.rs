//! One-time codes by the clock (RFC 6238, SHA-1, six digits, thirty seconds): the optional second factor of a sign-in.

use sha1::{Digest, Sha1};

use crate::domain::time::Instant;

const STEP_S: i64 = 30;
/// Steps before and after the present one whose codes are taken, for clocks that differ.
const AROUND: i64 = 1;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// HMAC-SHA-1 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 20] {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..20].copy_from_slice(&Sha1::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let with = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha1::new().chain_update(with(0x36)).chain_update(message).finalize();
    Sha1::new().chain_update(with(0x5c)).chain_update(inner).finalize().into()
}

/// The code of a step.
fn code(secret: &[u8], step: i64) -> u32 {
    let hash = hmac(secret, &step.to_be_bytes());
    let at = usize::from(hash[19] & 0x0f);
    let four = [hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]];
    u32::from_be_bytes(four) % 1_000_000
}

/// The step whose code this is, if it is one of about now and was not used before; a code is taken once.
pub(super) fn step_of(secret: &[u8], given: &str, last: Option<i64>, now: Instant) -> Option<i64> {
    let given = given.trim();
    if given.len() != 6 || !given.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let given: u32 = given.parse().ok()?;
    let present = now.timestamp().div_euclid(STEP_S);
    (present - AROUND..=present + AROUND)
        .find(|step| last.is_none_or(|last| *step > last) && code(secret, *step) == given)
}

/// A secret in base 32, as authenticator programs read it.
pub(super) fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut five = [0; 8];
        five[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(five);
        let letters = (chunk.len() * 8).div_ceil(5);
        text.extend((0..letters).map(|at| char::from(ALPHABET[(bits >> (35 - 5 * at) & 31) as usize])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::parse_rfc3339;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_codes_are_those_of_the_standard() {
        for (seconds, eight) in [(59, 94_287_082), (1_111_111_109, 7_081_804), (2_000_000_000, 69_279_037_u32)] {
            assert_eq!(code(SECRET, seconds / 30), eight % 1_000_000);
        }
        assert_eq!(base32(SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(base32(b"f"), "MY");
    }

    #[test]
    fn a_code_is_taken_once_and_about_its_time() {
        let now = parse_rfc3339("1970-01-01T00:00:59Z").unwrap();
        assert_eq!(step_of(SECRET, " 287082 ", None, now), Some(1));
        assert_eq!(step_of(SECRET, "287082", Some(1), now), None, "used");
        assert_eq!(step_of(SECRET, "287082", Some(0), now + chrono::Duration::seconds(30)), Some(1));
        for (given, late) in [("287082", 61), ("287083", 0), ("28708", 0), ("abcdef", 0), ("", 0)] {
            assert_eq!(step_of(SECRET, given, None, now + chrono::Duration::seconds(late)), None, "{given}");
        }
    }
}
