//! What a backup is written into and read from: a folder, or a tar of the same files. It stands under its name only once it is
//! whole, and nobody but its owner reads it.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
};

use super::{Error, MANIFEST};

/// Whether a place is a tar, by its name.
fn is_tar(place: &Path) -> bool {
    place.extension().is_some_and(|ending| ending == "tar")
}

/// Where a backup is written: first beside its place, as `<name>.part`.
pub(super) struct Sink {
    place: PathBuf,
    part: PathBuf,
    tar: Option<tar::Builder<File>>,
    is_finished: bool,
}

impl Sink {
    /// Begins at a place where nothing stands yet.
    pub(super) fn create(place: &Path) -> Result<Self, Error> {
        let mut part = place.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        for taken in [place, &part] {
            if fs::symlink_metadata(taken).is_ok() {
                return Err(Error::There(taken.to_owned()));
            }
        }
        let at = |source| Error::File { path: part.clone(), source };
        let tar = if is_tar(place) {
            Some(tar::Builder::new(private(&part).map_err(at)?))
        } else {
            DirBuilder::new().mode(0o700).create(&part).map_err(at)?;
            None
        };
        Ok(Self { place: place.to_owned(), part, tar, is_finished: false })
    }

    /// Writes a file.
    pub(super) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.part.join(name);
        let written = if let Some(tar) = &mut self.tar {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            tar.append_data(&mut header, name, bytes)
        } else {
            let folder = path.parent().unwrap_or(&self.part);
            DirBuilder::new().mode(0o700).recursive(true).create(folder).and_then(|()| private(&path)?.write_all(bytes))
        };
        written.map_err(|source| Error::File { path, source })
    }

    /// Makes it durable and gives it its name.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        let file = match self.tar.take() {
            Some(tar) => tar.into_inner(),
            None => File::open(&self.part),
        };
        // The files of a folder are many; their file system is told once.
        let durable = file.and_then(|file| {
            file.sync_all()?;
            rustix::fs::syncfs(&file)?;
            fs::rename(&self.part, &self.place)?;
            let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        });
        durable.map_err(|source| Error::File { path: self.part.clone(), source })?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let removed = if is_tar(&self.place) { fs::remove_file(&self.part) } else { fs::remove_dir_all(&self.part) };
        if let Err(error) = removed {
            tracing::warn!(path = %self.part.display(), error = %error, "an unfinished backup stays behind");
        }
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A backup that is read.
#[derive(Debug)]
pub struct Source {
    place: PathBuf,
    /// Of a tar: the file, and what stands where in it.
    tar: Option<(File, Index)>,
}

/// Where each name stands, and how long it is, bytes.
type Index = HashMap<String, (u64, u64)>;

impl Source {
    /// Opens a folder or a tar.
    pub fn open(place: &Path) -> Result<Self, Error> {
        let at = |source| Error::File { path: place.to_owned(), source };
        if fs::metadata(place).map_err(at)?.is_dir() {
            return Ok(Self { place: place.to_owned(), tar: None });
        }
        let file = File::open(place).map_err(at)?;
        let mut names = Index::new();
        let mut index = || -> io::Result<()> {
            for entry in tar::Archive::new(&file).entries_with_seek()? {
                let entry = entry?;
                let name = entry.path()?.to_string_lossy().into_owned();
                names.insert(name, (entry.raw_file_position(), entry.size()));
            }
            Ok(())
        };
        index().map_err(|error| Error::Changed {
            place: place.to_owned(),
            name: "the tar".to_owned(),
            why: format!("it cannot be read to its end: {error}"),
        })?;
        if !names.contains_key(MANIFEST) {
            return Err(Error::Missing { place: place.to_owned(), name: MANIFEST.to_owned() });
        }
        Ok(Self { place: place.to_owned(), tar: Some((file, names)) })
    }

    /// Where it is.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// The bytes of a file, which are at most so many.
    pub(super) fn read(&self, name: &str, at_most: u64) -> Result<Vec<u8>, Error> {
        let missing = || Error::Missing { place: self.place.clone(), name: name.to_owned() };
        let is_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_inside {
            return Err(missing());
        }
        let path = self.place.join(name);
        let longer = || Error::Changed {
            place: self.place.clone(),
            name: name.to_owned(),
            why: "it is longer than it was".to_owned(),
        };
        if let Some((file, names)) = &self.tar {
            let &(from, length) = names.get(name).ok_or_else(missing)?;
            if length > at_most {
                return Err(longer());
            }
            let mut bytes = vec![0; length as usize];
            file.read_exact_at(&mut bytes, from).map_err(|error| Error::Changed {
                place: self.place.clone(),
                name: name.to_owned(),
                why: format!("it is cut short: {error}"),
            })?;
            return Ok(bytes);
        }
        let file = File::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => missing(),
            _ => Error::File { path: path.clone(), source },
        })?;
        let mut bytes = Vec::new();
        file.take(at_most.saturating_add(1)).read_to_end(&mut bytes).map_err(|source| Error::File { path, source })?;
        if bytes.len() as u64 > at_most { Err(longer()) } else { Ok(bytes) }
    }
}
