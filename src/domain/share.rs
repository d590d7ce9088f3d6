//! Records given to another authority: the fields it needs and no more, for a purpose, until a day, signed so that anybody can tell
//! where they come from and that nothing was changed.

use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{ledger::canonical, time::Instant};

/// How shares are signed; it is signed too, so that a share cannot be mistaken for a head of the ledger.
pub const ALGORITHM: &str = "yunpark-share-1-ed25519";

/// Every field a share may have; a configuration that names another one is refused.
pub const FIELDS: &[&str] = &[
    "number",
    "kind",
    "state",
    "at",
    "plate",
    "vehicle_class",
    "zone",
    "location",
    "reason",
    "articles",
    "amount_yuan",
    "decided_at",
    "served_at",
    "party_name",
    "act",
    "legal_basis",
];

/// What is given, to whom and what for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Its id, which the ledger names.
    pub id: String,
    /// The authority that gives.
    pub from: String,
    /// Who it is for, as the configuration calls them.
    pub recipient: String,
    /// What for.
    pub purpose: String,
    /// When it was made.
    pub made_at: Instant,
    /// From when on it may be used no more.
    pub expires_at: Instant,
    /// The fields each record has.
    pub fields: Vec<String>,
    /// The records, each with those fields and no others.
    pub records: Vec<serde_json::Map<String, Json>>,
}

/// A share with its signature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedShare {
    /// [`ALGORITHM`].
    pub algorithm: String,
    /// What is given.
    pub share: Share,
    /// The key it was signed with, 64 hexadecimal digits.
    pub public_key: String,
    /// The signature over `ALGORITHM`, a line end and the share's canonical JSON, 128 hexadecimal digits.
    pub signature: String,
}

/// Why a share is not to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is signed in a way nobody knows here.
    #[error("the share is signed by an unknown algorithm")]
    Algorithm,
    /// It was signed with another key than the one expected.
    #[error("the share was signed with another key")]
    Key,
    /// The signature is not of this share.
    #[error("the signature is not of this share")]
    Signature,
    /// A record has other fields than the share says.
    #[error("record {0} has other fields than the share says")]
    Fields(usize),
    /// Its time is over.
    #[error("the share expired")]
    Expired,
}

fn signed_text(share: &Share) -> String {
    format!("{ALGORITHM}\n{}", canonical(&serde_json::to_value(share).unwrap_or_default()))
}

impl SignedShare {
    /// Signs a share.
    pub fn sign(share: Share, key: &SigningKey) -> Self {
        let signature = key.sign(signed_text(&share).as_bytes());
        Self {
            algorithm: ALGORITHM.to_owned(),
            share,
            public_key: hex::encode(key.verifying_key().as_bytes()),
            signature: hex::encode(signature.to_bytes()),
        }
    }

    /// Checks the signature, that it is by the key expected, if one is, and that the share may still be used.
    pub fn check(&self, expected_key: Option<&str>, now: Instant) -> Result<(), Unfit> {
        if self.algorithm != ALGORITHM {
            return Err(Unfit::Algorithm);
        }
        if expected_key.is_some_and(|expected| !expected.eq_ignore_ascii_case(&self.public_key)) {
            return Err(Unfit::Key);
        }
        let (mut key, mut signature) = ([0; 32], [0; 64]);
        let is_hex = hex::decode_to_slice(&self.public_key, &mut key).is_ok()
            && hex::decode_to_slice(&self.signature, &mut signature).is_ok();
        let key = VerifyingKey::from_bytes(&key).ok().filter(|_| is_hex).ok_or(Unfit::Signature)?;
        let signed = signed_text(&self.share);
        key.verify(signed.as_bytes(), &Signature::from_bytes(&signature)).map_err(|_| Unfit::Signature)?;
        let differs = |record: &serde_json::Map<String, Json>| {
            record.len() != self.share.fields.len() || !self.share.fields.iter().all(|field| record.contains_key(field))
        };
        if let Some(at) = self.share.records.iter().position(differs) {
            return Err(Unfit::Fields(at));
        }
        if now >= self.share.expires_at { Err(Unfit::Expired) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use serde_json::json;

    use super::*;

    fn share() -> Share {
        let record = json!({"number": "P-20260310-000001", "plate": "浙K12345"});
        Share {
            id: "s1".into(),
            from: "综合行政执法局".into(),
            recipient: "police".into(),
            purpose: "车辆所有人查询".into(),
            made_at: Instant::UNIX_EPOCH,
            expires_at: Instant::UNIX_EPOCH + Duration::days(30),
            fields: vec!["number".into(), "plate".into()],
            records: vec![record.as_object().cloned().unwrap()],
        }
    }

    #[test]
    fn a_share_survives_being_handed_over_and_no_change() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let signed = SignedShare::sign(share(), &key);
        let read: SignedShare = serde_json::from_str(&serde_json::to_string_pretty(&signed).unwrap()).unwrap();
        let public = hex::encode(key.verifying_key().as_bytes());
        let day = |days| Instant::UNIX_EPOCH + Duration::days(days);
        assert_eq!(read.check(Some(&public), day(29)), Ok(()));
        assert_eq!(read.check(Some(&public), day(30)), Err(Unfit::Expired));
        assert_eq!(read.check(Some(&"00".repeat(32)), day(1)), Err(Unfit::Key));
        let changed = |change: &dyn Fn(&mut SignedShare)| {
            let mut changed = signed.clone();
            change(&mut changed);
            changed.check(None, day(1)).unwrap_err()
        };
        assert_eq!(changed(&|one| one.share.purpose.push('!')), Unfit::Signature);
        assert_eq!(changed(&|one| one.share.expires_at += Duration::days(300)), Unfit::Signature);
        assert_eq!(changed(&|one| one.share.records[0]["plate"] = json!("浙K12346")), Unfit::Signature);
        assert_eq!(changed(&|one| one.share.records.clear()), Unfit::Signature);
        assert_eq!(changed(&|one| one.algorithm = "none".into()), Unfit::Algorithm);
        assert_eq!(changed(&|one| one.signature.clear()), Unfit::Signature);
    }

    #[test]
    fn a_record_with_more_than_its_fields_is_no_share_even_if_it_is_signed() {
        let mut more = share();
        more.records[0].insert("note".into(), json!("more than was needed"));
        let signed = SignedShare::sign(more, &SigningKey::from_bytes(&[7; 32]));
        assert_eq!(signed.check(None, Instant::UNIX_EPOCH), Err(Unfit::Fields(0)));
    }
}
