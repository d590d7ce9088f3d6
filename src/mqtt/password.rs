//! Passwords as Mosquitto keeps them: PBKDF2 with HMAC-SHA-512 (RFC 8018), `$7$<rounds>$<salt>$<hash>` in Base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha512;

/// Rounds, as `mosquitto_passwd` makes by default. The broker does them at each sign-in, on the thread that does everything
/// else; our passwords are drawn with 160 bits, which no number of rounds has to make up for.
const ROUNDS: u32 = 101;
/// Bytes of salt.
pub const SALT: usize = 12;

/// The line's part after the name.
pub fn hashed(password: &str, salt: [u8; SALT]) -> String {
    format!("$7${ROUNDS}${}${}", STANDARD.encode(salt), STANDARD.encode(derived(password.as_bytes(), &salt, ROUNDS)))
}

/// The first block of what is derived, which is as long as the hash: no second is needed.
fn derived(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 64] {
    let keyed = |parts: [&[u8]; 2]| -> [u8; 64] {
        // Any length is a key.
        let Ok(mut mac) = Hmac::<Sha512>::new_from_slice(password) else { return [0; 64] };
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    };
    let mut last = keyed([salt, &1_u32.to_be_bytes()]);
    let mut sum = last;
    for _ in 1..rounds {
        last = keyed([&last, &[]]);
        sum.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_derivations_come_out() {
        // Computed by Python's hashlib.pbkdf2_hmac.
        assert_eq!(hex::encode(derived(b"password", b"salt", 1)), ONCE);
        assert_eq!(hex::encode(derived(b"password", b"salt", 4096)), OFTEN);
    }

    #[test]
    fn the_form_is_the_one_mosquitto_reads() {
        let line = hashed("word", [7; SALT]);
        let parts: Vec<&str> = line.split('$').collect();
        assert_eq!((parts[1], parts[2], parts[3].len(), parts[4].len()), ("7", "101", 16, 88));
    }

    const ONCE: &str = "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252\
                        c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce";
    const OFTEN: &str = "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5\
                        143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5";
}
