//! How a message is signed: the headers and the signature of the Standard Webhooks specification, version 1.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What a secret begins with where it is base64.
const ENCODED: &str = "whsec_";

/// The headers that prove a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: String,
    /// `webhook-signature`.
    pub signature: String,
}

/// Signs a message sent at `timestamp_s`.
pub fn sign(secret: &str, id: &str, timestamp_s: i64, body: &str) -> Signature {
    let decoded = secret.strip_prefix(ENCODED).and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = decoded.unwrap_or_else(|| secret.as_bytes().to_vec());
    let mut signature = String::new();
    // A key of any length will do.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) {
        mac.update(format!("{id}.{timestamp_s}.{body}").as_bytes());
        signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    }
    Signature { id: id.to_owned(), timestamp: timestamp_s.to_string(), signature }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_the_specification() {
        // The specification's own example.
        let signed = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn another_body_time_or_secret_has_another_signature() {
        let of = |secret, time, body| sign(secret, "m", time, body).signature;
        let one = of("0123456789abcdef", 1, "a");
        assert_eq!(one, of("0123456789abcdef", 1, "a"));
        for other in [of("0123456789abcdeg", 1, "a"), of("0123456789abcdef", 2, "a"), of("0123456789abcdef", 1, "b")] {
            assert_ne!(one, other);
        }
    }
}
