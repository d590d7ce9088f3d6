//! The ledger's law: entries are sealed into a chain of SHA-256 hashes, and a chain is whole or broken at a named entry.

mod canonical;
mod digest;
mod kind;
pub mod signed;
pub mod tree;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::{
    canonical::canonical,
    digest::{Digest, InvalidDigest},
    kind::Kind,
};
use super::{
    staff::Actor,
    time::{Instant, rfc3339, to_micros},
};

/// Names how an entry's hash is made; it is hashed too, so that a later way cannot be mistaken for this one.
pub const ALGORITHM: &str = "yunpark-ledger-1-sha256";

/// What is to be entered; the ledger adds the number, the instant and the chain.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// Who acts.
    pub actor: Actor,
    /// What is done.
    pub kind: Kind,
    /// The kind of thing it is done to, e.g. `record`.
    pub subject_type: &'static str,
    /// The id of that thing.
    pub subject_id: String,
    /// What else there is to say. For a step of a record it holds all of the record's fields under `"record"`.
    pub payload: serde_json::Value,
    /// Evidence this entry rests on.
    pub evidence: Vec<Digest>,
}

/// One sealed entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: 1, 2, 3 ... without a gap.
    pub seq: u64,
    /// When it was entered.
    pub at: Instant,
    /// Who acted.
    pub actor: Actor,
    /// What was done.
    pub kind: Kind,
    /// The kind of thing it was done to.
    pub subject_type: String,
    /// The id of that thing.
    pub subject_id: String,
    /// Canonical JSON text.
    pub payload: String,
    /// Evidence it rests on.
    pub evidence: Vec<Digest>,
    /// The hash of the entry before; zeros for the first.
    pub prev_hash: Digest,
    /// The hash of all of the above.
    pub hash: Digest,
}

/// Where a chain ends: the number and hash of its last entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last entry; 0 for an empty ledger.
    pub seq: u64,
    /// Its hash; zeros for an empty ledger.
    pub hash: Digest,
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl std::str::FromStr for Head {
    type Err = String;
    /// Reads `SEQ:HASH`, as it was printed.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a head is SEQ:HASH, as `ledger verify` prints it".to_owned();
        let (seq, hash) = text.trim().split_once(':').ok_or_else(wrong)?;
        Ok(Self { seq: seq.parse().map_err(|_| wrong())?, hash: Digest::parse(hash).map_err(|_| wrong())? })
    }
}

/// The first place where a ledger is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {why}")]
pub struct Broken {
    /// The entry.
    pub seq: u64,
    /// What is wrong there.
    pub why: String,
}

impl Entry {
    /// Seals a new entry onto the chain that ends in `head`.
    pub fn seal(new: NewEntry, at: Instant, head: Head) -> Self {
        let mut entry = Self {
            seq: head.seq + 1,
            at: super::time::truncate(at),
            actor: new.actor,
            kind: new.kind,
            subject_type: new.subject_type.to_owned(),
            subject_id: new.subject_id,
            payload: canonical(&new.payload),
            evidence: new.evidence,
            prev_hash: head.hash,
            hash: Digest::default(),
        };
        entry.hash = entry.computed_hash();
        entry
    }

    /// SHA-256 over the fields in their order, each with its length before it as eight bytes, big end first:
    /// [`ALGORITHM`], seq, microseconds, the actor as canonical JSON, kind, subject type, subject id, payload, the
    /// number of evidence hashes and each of them, the previous hash. Numbers are eight bytes too.
    pub fn computed_hash(&self) -> Digest {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        field(ALGORITHM.as_bytes());
        field(&self.seq.to_be_bytes());
        field(&to_micros(self.at).to_be_bytes());
        field(actor_text(&self.actor).as_bytes());
        field(self.kind.as_str().as_bytes());
        field(self.subject_type.as_bytes());
        field(self.subject_id.as_bytes());
        field(self.payload.as_bytes());
        field(&(self.evidence.len() as u64).to_be_bytes());
        for digest in &self.evidence {
            field(digest.as_bytes());
        }
        field(self.prev_hash.as_bytes());
        Digest::from(<[u8; 32]>::from(hasher.finalize()))
    }

    /// The end of the chain once this entry stands in it.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }
}

/// An actor as the ledger keeps it: canonical JSON.
pub fn actor_text(actor: &Actor) -> String {
    serde_json::to_value(actor).map(|value| canonical(&value)).unwrap_or_default()
}

impl Head {
    /// Checks that `entry` is the one that follows; the head after it.
    pub fn follow(self, entry: &Entry) -> Result<Self, Broken> {
        let seq = self.seq + 1;
        let broken = |why: String| Err(Broken { seq, why });
        if entry.seq != seq {
            return broken(format!("missing; entry {} stands in its place", entry.seq));
        }
        if entry.computed_hash() != entry.hash {
            return broken(format!("its content does not give its hash; it claims {}", rfc3339(entry.at)));
        }
        if entry.prev_hash != self.hash {
            return broken("does not continue the entry before it".to_owned());
        }
        Ok(entry.head())
    }
}

/// Checks a whole chain, and that it ends where `head` says.
pub fn verify(chain: &[Entry], head: Head) -> Result<(), Broken> {
    let end = chain.iter().try_fold(Head::default(), Head::follow)?;
    ends_at(end, head)
}

/// Checks that a chain which was followed to `end` ends where `head` says.
pub fn ends_at(end: Head, head: Head) -> Result<(), Broken> {
    let broken = |seq, why: &str| Err(Broken { seq, why: why.to_owned() });
    match end.seq.cmp(&head.seq) {
        std::cmp::Ordering::Less => broken(end.seq + 1, "missing; the ledger ends before the end it noted"),
        std::cmp::Ordering::Greater => broken(head.seq + 1, "stands after the end the ledger noted"),
        std::cmp::Ordering::Equal if end.hash != head.hash => broken(end.seq, "is not the end the ledger noted"),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

#[cfg(test)]
mod tests;
