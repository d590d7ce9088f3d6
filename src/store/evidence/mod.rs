//! Evidence by the SHA-256 of its bytes: files that are written once, never changed, and checked whenever they are read. They lie
//! in a folder, or in a bucket of S3 or whatever speaks like it.

mod wire;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{
    ObjectStore, ObjectStoreExt, PutMode,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    path::Path as Location,
    prefix::PrefixStore,
};

use super::{Db, Error, On, Tx, erasures, query};
use crate::domain::{ledger::Digest, time::Instant};

/// The evidence files.
#[derive(Debug, Clone)]
pub struct Evidence {
    files: Arc<dyn ObjectStore>,
    /// The folder they lie in; none for a bucket.
    folder: Option<PathBuf>,
}

/// What the address of a bucket begins with.
const BUCKET: &str = "s3://";

/// A file that belongs to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Its path, in the folder or in the bucket.
    pub path: String,
}

/// What is known of a piece of evidence without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its content hash.
    pub sha256: Digest,
    /// Its length.
    pub bytes: u32,
    /// Its width in pixels.
    pub width_px: u32,
    /// Its height in pixels.
    pub height_px: u32,
    /// `image/jpeg` or `image/png`.
    pub media_type: String,
    /// When it was taken, by the device's word.
    pub taken_at: Option<Instant>,
}

impl Evidence {
    /// Opens a folder, or a bucket by its address `s3://bucket/prefix`.
    pub fn at(place: &str) -> Result<Self, Error> {
        if place.starts_with(BUCKET) { Self::bucket(place, std::env::vars()) } else { Self::open(Path::new(place)) }
    }

    /// Opens a bucket; who may write to it, and where it is, stands in settings (`AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`, `AWS_ALLOW_HTTP`).
    pub fn bucket(address: &str, settings: impl IntoIterator<Item = (String, String)>) -> Result<Self, Error> {
        let named = address.strip_prefix(BUCKET).unwrap_or_default().trim_end_matches('/');
        let (bucket, prefix) = named.split_once('/').unwrap_or((named, ""));
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_http_connector(wire::Connector);
        for (name, value) in settings {
            if name.starts_with("AWS_")
                && let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>()
            {
                builder = builder.with_config(key, value);
            }
        }
        let store = builder.build()?;
        let files: Arc<dyn ObjectStore> =
            if prefix.is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) };
        Ok(Self { files, folder: None })
    }

    /// Opens the folder, making it if it is missing.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Folder { folder: folder.display().to_string(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let files = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { files: Arc::new(files), folder: Some(folder.to_owned()) })
    }

    /// Stores bytes under their hash; durable once this returns. What is already there is left alone, after a check
    /// that it is whole.
    pub async fn put(&self, bytes: Bytes) -> Result<Digest, Error> {
        let digest = Digest::of(&bytes);
        match self.files.put_opts(&location(digest), bytes.into(), PutMode::Create.into()).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => {
                self.get(digest).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(digest)
    }

    /// Removes the bytes of a hash; none there is as well.
    pub async fn erase(&self, digest: Digest) -> Result<(), Error> {
        match self.files.delete(&location(digest)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Files that belong to nothing, such as those of an upload that a crash cut off, if they are at least this old; to be removed
    /// or looked at.
    pub async fn strays(&self, db: &Db, at_least: Duration) -> Result<Vec<Stray>, Error> {
        let mut strays = Vec::new();
        for (path, _) in self.all().await?.into_iter().filter(|(_, age)| *age >= at_least) {
            let name = path.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or_default();
            let is_known = match Digest::parse(name) {
                Ok(digest) => find(db, digest).await?.is_some() && erasures::entry_of(db, digest).await?.is_none(),
                Err(_) => false,
            };
            if !is_known {
                strays.push(Stray { path });
            }
        }
        Ok(strays)
    }

    /// Removes a file that belongs to nothing.
    pub async fn remove(&self, stray: &Stray) -> Result<(), Error> {
        match &self.folder {
            Some(_) => {
                std::fs::remove_file(&stray.path).map_err(|source| Error::Folder { folder: stray.path.clone(), source })
            }
            None => Ok(self.files.delete(&Location::from(stray.path.as_str())).await?),
        }
    }

    /// Every file there is, with its age.
    async fn all(&self) -> Result<Vec<(String, Duration)>, Error> {
        let Some(folder) = self.folder.clone() else {
            let mut files = Vec::new();
            let mut listed = self.files.list(None);
            while let Some(file) = listed.try_next().await? {
                let written = std::time::SystemTime::from(file.last_modified);
                files.push((file.location.to_string(), written.elapsed().unwrap_or_default()));
            }
            return Ok(files);
        };
        let named = folder.display().to_string();
        let files = tokio::task::spawn_blocking(move || {
            let mut files = Vec::new();
            walk(&folder, &mut files).map(|()| files)
        });
        let failed = |source| Error::Folder { folder: named.clone(), source };
        let files = files.await.map_err(std::io::Error::other).and_then(|files| files).map_err(failed)?;
        Ok(files.into_iter().map(|(path, age)| (path.display().to_string(), age)).collect())
    }

    /// Whether the bytes of a hash are there and whole; the hash is made beside what else goes on.
    pub async fn is_whole(&self, digest: Digest) -> Result<bool, Error> {
        let bytes = match self.files.get(&location(digest)).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let made = tokio::task::spawn_blocking(move || Digest::of(&bytes)).await;
        match made {
            Ok(made) if made == digest => Ok(true),
            Ok(_) => Err(Error::Corrupt { digest }),
            Err(error) => Err(Error::Folder { folder: digest.to_string(), source: std::io::Error::other(error) }),
        }
    }

    /// The bytes of a hash, checked; `None` if there are none.
    pub async fn get(&self, digest: Digest) -> Result<Option<Bytes>, Error> {
        let bytes = match self.files.get(&location(digest)).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if Digest::of(&bytes) == digest { Ok(Some(bytes)) } else { Err(Error::Corrupt { digest }) }
    }
}

/// Every file below a folder, with its age.
fn walk(folder: &Path, found: &mut Vec<(PathBuf, Duration)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), found)?;
        } else {
            // A clock that was set back makes a file no younger than new.
            found.push((entry.path(), entry.metadata()?.modified()?.elapsed().unwrap_or_default()));
        }
    }
    Ok(())
}

/// Two folders deep, so that no folder grows past what a file system likes.
fn location(digest: Digest) -> Location {
    let name = digest.to_string();
    Location::from_iter([&name[0..2], &name[2..4], &name])
}

/// Notes a piece of evidence whose bytes are stored; one already known stays as it was.
pub async fn note(tx: &mut Tx, piece: &Piece, now: Instant) -> Result<(), Error> {
    let text = "INSERT INTO evidence (sha256, bytes, width, height, media_type, taken_at_us, stored_at_us) \
                VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (sha256) DO NOTHING";
    erasures::came_again(tx, piece.sha256).await?;
    query("evidence", text)
        .bind(piece.sha256.to_string())
        .bind(piece.bytes)
        .bind(piece.width_px)
        .bind(piece.height_px)
        .bind(&piece.media_type)
        .bind(piece.taken_at)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// What is known of a piece of evidence.
pub async fn find(on: impl Into<On<'_>>, digest: Digest) -> Result<Option<Piece>, Error> {
    let text = "SELECT sha256, bytes, width, height, media_type, taken_at_us FROM evidence WHERE sha256 = $1";
    let row = query("evidence", text).bind(digest.to_string()).fetch_optional(on).await?;
    row.map(|row| {
        Ok(Piece {
            sha256: row.parse("sha256", Digest::parse)?,
            bytes: row.count("bytes")?,
            width_px: row.count("width")?,
            height_px: row.count("height")?,
            media_type: row.get("media_type")?,
            taken_at: row.instant_opt("taken_at_us")?,
        })
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn evidence_is_found_by_its_hash_and_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = Evidence::open(&folder.path().join("new/folder")).unwrap();
        let picture = Bytes::from_static(b"a picture");
        let digest = evidence.put(picture.clone()).await.unwrap();
        assert_eq!(evidence.put(picture.clone()).await.unwrap(), digest);
        assert_eq!(evidence.get(digest).await.unwrap(), Some(picture));
        assert_eq!(evidence.get(Digest::of(b"another")).await.unwrap(), None);
        let name = digest.to_string();
        assert!(folder.path().join("new/folder").join(&name[0..2]).join(&name[2..4]).join(&name).is_file());
    }

    #[tokio::test]
    async fn changed_evidence_is_neither_shown_nor_taken_for_stored() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = Evidence::open(folder.path()).unwrap();
        let digest = evidence.put(Bytes::from_static(b"a picture")).await.unwrap();
        let name = digest.to_string();
        let file = folder.path().join(&name[0..2]).join(&name[2..4]).join(&name);
        std::fs::write(file, b"a pikture").unwrap();
        assert!(matches!(evidence.get(digest).await, Err(Error::Corrupt { digest: named }) if named == digest));
        assert!(evidence.put(Bytes::from_static(b"a picture")).await.is_err());
    }
}
