//! The ledger's head, signed and published once a day; and proofs of single records, which need nothing of ours to be checked.

use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use ed25519_dalek::SigningKey;
use serde::Serialize;
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Desk, Error};
use crate::{
    clock::{self, Clock},
    domain::{
        city::City,
        ledger::signed::{Proof, SignedHead, TellingEntry},
    },
    store::{self, Db, heads, ledger},
};

/// How often it is looked whether a day has its head.
const EVERY: std::time::Duration = std::time::Duration::from_secs(60);
/// Most entries of one record that are proven.
const MAX_PROVEN: u32 = 50;

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("enforcement.signing_key {path}: {reason}")]
pub struct NoKey {
    path: String,
    reason: String,
}

/// Signs and publishes.
pub struct Signer {
    db: Db,
    clock: Clock,
    city: watch::Receiver<std::sync::Arc<City>>,
    key: SigningKey,
    folder: PathBuf,
}

/// Every entry of a record that a published head covers, each with its proof.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordProof {
    /// The record's number.
    pub number: String,
    /// The proofs, first entry first.
    pub proofs: Vec<Proof>,
    /// Entries made since the newest head, which the next one will cover.
    pub not_yet_covered: u64,
}

/// The key of a file, made if it is not there: 64 hexadecimal digits that only its owner may read.
pub fn key_of(path: &Path) -> Result<SigningKey, NoKey> {
    let fault = |reason: String| NoKey { path: path.display().to_string(), reason };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let mut seed = [0; 32];
            hex::decode_to_slice(text.trim(), &mut seed)
                .map_err(|_| fault("is not 64 hexadecimal digits".to_owned()))?;
            Ok(SigningKey::from_bytes(&seed))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let seed = clock::random_bytes::<32>().map_err(|error| fault(error.to_string()))?;
            if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
                std::fs::create_dir_all(folder).map_err(|error| fault(error.to_string()))?;
            }
            write_secret(path, &hex::encode(seed)).map_err(|error| fault(error.to_string()))?;
            Ok(SigningKey::from_bytes(&seed))
        }
        Err(error) => Err(fault(error.to_string())),
    }
}

fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

impl Signer {
    /// A signer with the key of a file, publishing into a folder.
    pub fn new(
        db: Db,
        clock: Clock,
        city: watch::Receiver<std::sync::Arc<City>>,
        key: SigningKey,
        folder: PathBuf,
    ) -> Self {
        Self { db, clock, city, key, folder }
    }

    /// Signs each day's head, until the system stops.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = tick.tick() => {}
            }
            if let Err(error) = self.sign_today().await {
                tracing::warn!(error = %error, "the ledger's head could not be signed; trying again");
            }
        }
    }

    fn zone(&self) -> Tz {
        self.city.borrow().time_zone
    }

    /// Signs and publishes today's head, unless it is; the head, if it was signed now.
    pub async fn sign_today(&self) -> Result<Option<SignedHead>, Error> {
        let day = self.clock.now().with_timezone(&self.zone()).format("%Y-%m-%d").to_string();
        if heads::has(&self.db, &day).await? { Ok(None) } else { self.sign(&day).await }
    }

    /// Signs and publishes the head as it is now, beside the one of the day.
    pub async fn sign_now(&self) -> Result<Option<SignedHead>, Error> {
        let name = self.clock.now().with_timezone(&self.zone()).format("%Y-%m-%dT%H-%M-%S%.6f").to_string();
        self.sign(&name).await
    }

    async fn sign(&self, name: &str) -> Result<Option<SignedHead>, Error> {
        let now = self.clock.now();
        let mut tx = self.db.begin_read().await?;
        let mut tree = heads::newest(&mut tx).await?.map(|(_, tree)| tree).unwrap_or_default();
        let end = heads::grow(&mut tx, &mut tree).await?;
        drop(tx);
        if tree.size() != end.seq || end.seq == 0 {
            // An empty ledger has nothing to sign; one with a gap is for `ledger verify`.
            return Ok(None);
        }
        let head = SignedHead::sign(end, tree.root(), now, &self.key);
        let mut tx = self.db.begin_write().await?;
        heads::keep(&mut tx, name, &head, &tree, now).await?;
        tx.commit().await?;
        let text = serde_json::to_string_pretty(&head).unwrap_or_default();
        let (folder, file) = (self.folder.clone(), self.folder.join(format!("{name}.json")));
        let written = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(file, text + "\n"))
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "the signed head could not be written to enforcement.heads_dir");
            }
            Err(_) => return Err(Error::Decoding),
        }
        tracing::info!(ledger.seq = head.seq, "the ledger's head was signed");
        Ok(Some(head))
    }
}

impl Desk {
    /// The newest signed heads.
    pub async fn signed_heads(&self, limit: u32) -> Result<Vec<SignedHead>, Error> {
        Ok(heads::list(&self.db, limit).await?)
    }

    /// The proof of a record: each of its entries a published head covers.
    pub async fn record_proof(&self, id: &str) -> Result<Option<RecordProof>, Error> {
        let mut tx = self.db.begin_read().await?;
        let Some(record) = store::records::find(&mut tx, id).await? else { return Ok(None) };
        let mut entries = ledger::about(&mut tx, ledger::RECORD, id, MAX_PROVEN).await?;
        entries.reverse();
        let (mut proofs, mut not_yet_covered) = (Vec::new(), 0);
        for entry in entries {
            let Some(head) = heads::over(&mut tx, entry.seq).await? else {
                not_yet_covered += 1;
                continue;
            };
            if let Some((entry, path)) = heads::prove(&mut tx, entry.seq, head.seq).await? {
                proofs.push(Proof { entry: TellingEntry::from(&entry), path, head });
            }
        }
        Ok(Some(RecordProof { number: record.number, proofs, not_yet_covered }))
    }
}
