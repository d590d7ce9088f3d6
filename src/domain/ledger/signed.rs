//! Signed heads, and proofs of single entries against them: what is handed out so that others can check us.

use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::{
    Actor, Digest, Entry, Head, Instant, Kind,
    tree::{Path, proves},
};
use crate::domain::time::rfc3339;

/// How heads are signed; it is signed too, so that a later way cannot be mistaken for this one.
pub const ALGORITHM: &str = "yunpark-head-1-ed25519";

/// Where the ledger ended at an instant, with the root of the tree over its entries, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// [`ALGORITHM`].
    pub algorithm: String,
    /// Number of the last entry.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
    /// Root of the tree over the hashes of all entries (RFC 6962).
    pub root: Digest,
    /// When it was signed.
    pub at: Instant,
    /// The key it was signed with, 64 hexadecimal digits.
    pub public_key: String,
    /// The signature, 128 hexadecimal digits.
    pub signature: String,
}

/// An entry as it is handed out: what its hash is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TellingEntry {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: Actor,
    /// What.
    pub kind: String,
    /// To what kind of thing.
    pub subject_type: String,
    /// To which.
    pub subject_id: String,
    /// Canonical JSON text.
    pub payload: String,
    /// The evidence it rests on.
    pub evidence: Vec<Digest>,
    /// The hash of the entry before.
    pub prev_hash: Digest,
    /// Its own.
    pub hash: Digest,
}

/// One entry with the proof that it stands in the ledger a head was signed of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The entry.
    pub entry: TellingEntry,
    /// The roots beside its way to the top of the tree.
    pub path: Path,
    /// The head.
    pub head: SignedHead,
}

/// Why a head or a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The head is signed in a way nobody knows here.
    #[error("the head is signed by an unknown algorithm")]
    Algorithm,
    /// The head was signed with another key than the one expected.
    #[error("the head was signed with another key")]
    Key,
    /// The signature is not of this head.
    #[error("the head's signature is not of this head")]
    Signature,
    /// The entry's content does not give its hash.
    #[error("entry {0}: its content does not give its hash")]
    Entry(u64),
    /// The entry does not stand in the ledger the head was signed of.
    #[error("entry {0}: does not stand in the ledger this head was signed of")]
    Path(u64),
}

fn signed_text(head: Head, root: Digest, at: Instant) -> String {
    format!("{ALGORITHM}\n{}\n{}\n{root}\n{}\n", head.seq, head.hash, rfc3339(at))
}

impl SignedHead {
    /// Signs where the ledger ends.
    pub fn sign(head: Head, root: Digest, at: Instant, key: &SigningKey) -> Self {
        let signature = key.sign(signed_text(head, root, at).as_bytes());
        Self {
            algorithm: ALGORITHM.to_owned(),
            seq: head.seq,
            hash: head.hash,
            root,
            at,
            public_key: hex::encode(key.verifying_key().as_bytes()),
            signature: hex::encode(signature.to_bytes()),
        }
    }

    /// Checks the signature, and that it is by the key expected, if one is.
    pub fn check(&self, expected_key: Option<&str>) -> Result<(), Unproven> {
        if self.algorithm != ALGORITHM {
            return Err(Unproven::Algorithm);
        }
        if expected_key.is_some_and(|key| !key.trim().eq_ignore_ascii_case(&self.public_key)) {
            return Err(Unproven::Key);
        }
        let (mut key, mut signature) = ([0; 32], [0; 64]);
        hex::decode_to_slice(&self.public_key, &mut key).map_err(|_| Unproven::Key)?;
        hex::decode_to_slice(&self.signature, &mut signature).map_err(|_| Unproven::Signature)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| Unproven::Key)?;
        let text = signed_text(Head { seq: self.seq, hash: self.hash }, self.root, self.at);
        key.verify(text.as_bytes(), &Signature::from_bytes(&signature)).map_err(|_| Unproven::Signature)
    }
}

impl From<&Entry> for TellingEntry {
    fn from(entry: &Entry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            actor: entry.actor.clone(),
            kind: entry.kind.as_str().to_owned(),
            subject_type: entry.subject_type.clone(),
            subject_id: entry.subject_id.clone(),
            payload: entry.payload.clone(),
            evidence: entry.evidence.clone(),
            prev_hash: entry.prev_hash,
            hash: entry.hash,
        }
    }
}

impl TellingEntry {
    /// Checks that the content gives the hash.
    pub fn check(&self) -> Result<(), Unproven> {
        let kind = Kind::parse(&self.kind).ok_or(Unproven::Entry(self.seq))?;
        let entry = Entry {
            seq: self.seq,
            at: self.at,
            actor: self.actor.clone(),
            kind,
            subject_type: self.subject_type.clone(),
            subject_id: self.subject_id.clone(),
            payload: self.payload.clone(),
            evidence: self.evidence.clone(),
            prev_hash: self.prev_hash,
            hash: self.hash,
        };
        if entry.computed_hash() == self.hash { Ok(()) } else { Err(Unproven::Entry(self.seq)) }
    }
}

impl Proof {
    /// Checks the entry, its place in the tree, and the head's signature.
    pub fn check(&self, expected_key: Option<&str>) -> Result<(), Unproven> {
        self.head.check(expected_key)?;
        self.entry.check()?;
        let index = self.entry.seq.checked_sub(1).ok_or(Unproven::Path(self.entry.seq))?;
        if proves(self.entry.hash, index, self.head.seq, &self.path, self.head.root) {
            Ok(())
        } else {
            Err(Unproven::Path(self.entry.seq))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ledger::{
        NewEntry,
        tree::{Growing, Proving},
    };

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn proof() -> Proof {
        let mut head = Head::default();
        let (mut tree, mut proving, mut third) = (Growing::default(), Proving::new(2, 5).unwrap(), None);
        for nth in 0..5 {
            let new = NewEntry {
                actor: Actor::System { rule: "dwell".into() },
                kind: Kind::IncidentRipened,
                subject_type: "incident",
                subject_id: format!("i{nth}"),
                payload: json!({"nth": nth}),
                evidence: vec![],
            };
            let entry = Entry::seal(new, Instant::UNIX_EPOCH, head);
            head = entry.head();
            tree.push(entry.hash);
            proving.pass(entry.hash);
            third = if nth == 2 { Some(entry) } else { third };
        }
        let head = SignedHead::sign(head, tree.root(), Instant::UNIX_EPOCH, &key());
        Proof { entry: TellingEntry::from(&third.unwrap()), path: proving.path().unwrap(), head }
    }

    #[test]
    fn a_proof_survives_being_handed_over_and_no_change() {
        let whole = proof();
        let text = serde_json::to_string(&whole).unwrap();
        let read: Proof = serde_json::from_str(&text).unwrap();
        let public = hex::encode(key().verifying_key().as_bytes());
        assert_eq!(read.check(Some(&public)), Ok(()));
        assert_eq!(read.check(Some(&"00".repeat(32))), Err(Unproven::Key));
        let change = |change: &dyn Fn(&mut Proof)| {
            let mut proof = whole.clone();
            change(&mut proof);
            proof.check(None).unwrap_err()
        };
        assert_eq!(change(&|proof| proof.entry.payload = "{\"nth\":3}".into()), Unproven::Entry(3));
        assert_eq!(change(&|proof| proof.entry.kind = "forged".into()), Unproven::Entry(3));
        assert_eq!(change(&|proof| proof.path[0] = Digest::of(b"x")), Unproven::Path(3));
        assert_eq!(change(&|proof| proof.head.root = Digest::of(b"x")), Unproven::Signature);
        assert_eq!(change(&|proof| proof.head.seq += 1), Unproven::Signature);
        assert_eq!(change(&|proof| proof.head.algorithm = "none".into()), Unproven::Algorithm);
    }
}
