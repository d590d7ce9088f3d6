//! Restoring a backup: every hash is checked first; then evidence and tables go in, the tables in one transaction with the
//! migrations they had seen, so that what fails leaves nothing behind.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt, stream};

use super::{
    super::{
        Db, Tx, Value,
        evidence::Evidence,
        migrations,
        query::{composed, inserts},
    },
    Column, EVIDENCE, Error, FORMAT, MANIFEST, MANIFEST_HASH, Manifest, Part, Source, Step, Table, Tell,
    evidence_columns, evidence_file, rows, tables,
};
use crate::domain::ledger::Digest;

/// Rows of one statement.
const ROWS: usize = 64;
/// Pieces of evidence stored together.
const TOGETHER: usize = 4;
/// A manifest is not longer than this, bytes.
const LONGEST_MANIFEST: u64 = 256 << 20;

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Rows of all tables.
    pub rows: u64,
    /// Files of evidence that were stored.
    pub stored: u64,
    /// Files of evidence that were there already.
    pub there: u64,
}

/// Checks every hash of a backup; its manifest.
pub fn check(source: &Source, tell: Tell<'_>) -> Result<Manifest, Error> {
    let text = source.read(MANIFEST, LONGEST_MANIFEST)?;
    let noted = source.read(MANIFEST_HASH, 1 << 10)?;
    let is_noted = noted.get(..64).is_some_and(|noted| noted == Digest::of(&text).to_string().as_bytes());
    if !is_noted {
        return Err(changed(source, MANIFEST, "its hash is another one"));
    }
    // What only a newer program writes is told as that, before anything that it may have changed is read.
    let form: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| changed(source, MANIFEST, &error.to_string()))?;
    if form["format"] != FORMAT {
        return Err(Error::Newer(format!("the form {}", form["format"])));
    }
    let manifest: Manifest =
        serde_json::from_value(form).map_err(|error| changed(source, MANIFEST, &error.to_string()))?;
    if let Some(unknown) = manifest.migrations.iter().find(|version| !migrations::is_known(**version)) {
        return Err(Error::Newer(format!("migration {unknown:04}")));
    }
    let parts = || manifest.tables.iter().flat_map(|table| &table.parts).chain(&manifest.evidence.parts);
    let of = parts().count() as u64 + manifest.evidence.files;
    let mut done = 0;
    for part in parts() {
        whole(source, part)?;
        done += 1;
        tell(Step::Checked(done, of));
    }
    let mut files = 0;
    pieces(source, &manifest, |digest, length| {
        piece(source, digest, length)?;
        files += 1;
        tell(Step::Checked(done + files, of));
        Ok(())
    })?;
    if files != manifest.evidence.files {
        return Err(changed(source, "evidence", "the list holds another number of files than the manifest"));
    }
    Ok(manifest)
}

/// Whether a database can be restored into: it has no rows of ours.
pub async fn is_empty(db: &Db) -> Result<(), Error> {
    let mut tx = db.begin_read().await?;
    no_rows(&mut tx).await.map(|_| ())
}

/// Puts a backup that was checked into an empty database and beside it the evidence.
pub async fn restore(
    db: &Db,
    evidence: &Evidence,
    source: &Source,
    manifest: &Manifest,
    tell: Tell<'_>,
) -> Result<Restored, Error> {
    let mut stored = Vec::new();
    let restored = put(db, evidence, source, manifest, &mut stored, tell).await;
    if restored.is_err() {
        for digest in stored {
            if let Err(error) = evidence.erase(digest).await {
                tracing::warn!(evidence.sha256 = %digest, error = %error, "a piece that was just stored stays behind");
            }
        }
    }
    restored
}

async fn put(
    db: &Db,
    evidence: &Evidence,
    source: &Source,
    manifest: &Manifest,
    stored: &mut Vec<Digest>,
    tell: Tell<'_>,
) -> Result<Restored, Error> {
    let mut tx = db.begin_write().await?;
    let seen = no_rows(&mut tx).await?;
    if let Some(ahead) = seen.iter().find(|version| !manifest.migrations.contains(version)) {
        return Err(Error::Ahead(*ahead));
    }
    tx.migrate(|version| manifest.migrations.contains(&version)).await?;
    let mut rows = 0;
    for name in migrations::tables(|version| manifest.migrations.contains(&version)) {
        let wanting = |why: &str| Error::Table { table: name.to_owned(), why: why.to_owned() };
        let table = manifest.tables.iter().find(|table| table.name == name);
        let table = table.ok_or_else(|| wanting("the backup does not hold it"))?;
        load(&mut tx, name, table, source, &mut *tell).await?;
        let found = tables::count(&mut tx, name).await?;
        if found != table.rows {
            return Err(wanting(&format!("{found} rows came in, and the manifest says {}", table.rows)));
        }
        rows += found;
    }
    tx.migrate(|_| true).await?;
    let there = store(evidence, source, manifest, stored, tell).await?;
    tx.commit().await?;
    Ok(Restored { rows, stored: stored.len() as u64, there })
}

/// The migrations a database has seen, if none of its tables has rows but those that are born with them.
async fn no_rows(tx: &mut Tx) -> Result<Vec<i64>, Error> {
    let seen = tables::seen(tx).await?;
    if let Some(unknown) = seen.iter().find(|version| !migrations::is_known(**version)) {
        return Err(Error::NewerDatabase(*unknown));
    }
    let seeded = migrations::seeded();
    for name in migrations::tables(|version| seen.contains(&version)) {
        if !seeded.contains(&name) && tables::count(tx, name).await? > 0 {
            return Err(Error::NotEmpty(name.to_owned()));
        }
    }
    Ok(seen)
}

async fn load(tx: &mut Tx, name: &'static str, table: &Table, source: &Source, tell: Tell<'_>) -> Result<(), Error> {
    let wanting = |why: String| Error::Table { table: name.to_owned(), why };
    let takes = tables::columns(tx, name).await?;
    if let Some(column) = table.columns.iter().find(|column| !takes.contains(column)) {
        return Err(wanting(format!("it has no column {} as the backup has it", column.name)));
    }
    if migrations::seeded().contains(&name) {
        composed(name, format!("DELETE FROM {name}")).execute(&mut *tx).await?;
    }
    let quoted: Vec<String> = table.columns.iter().map(Column::quoted).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    let mut done = 0;
    for part in &table.parts {
        let bytes = whole(source, part)?;
        let mut batches: Vec<Vec<Vec<Value>>> = vec![Vec::new()];
        rows::read(&bytes, name, &table.columns, |row| {
            match batches.last_mut() {
                Some(batch) if batch.len() < ROWS => batch.push(row),
                _ => batches.push(vec![row]),
            }
            Ok::<(), String>(())
        })
        .map_err(|why| changed(source, &part.file, &why))?;
        for batch in batches {
            done += batch.len() as u64;
            for statement in inserts(name, &quoted, "", batch) {
                statement.execute(&mut *tx).await.map_err(|error| wanting(error.to_string()))?;
            }
            tell(Step::Rows(name, done));
        }
    }
    Ok(())
}

/// Stores the evidence; how many pieces were there already. Those that were not are noted as they are stored.
async fn store(
    evidence: &Evidence,
    source: &Source,
    manifest: &Manifest,
    stored: &mut Vec<Digest>,
    tell: Tell<'_>,
) -> Result<u64, Error> {
    let mut listed = Vec::new();
    pieces(source, manifest, |digest, length| {
        listed.push((digest, length));
        Ok(())
    })?;
    let of = listed.len() as u64;
    // After a failure nothing more is begun, and what is under way is waited for, so that each piece stored is known.
    let is_stopped = AtomicBool::new(false);
    let stopped = &is_stopped;
    let puts = stream::iter(listed).map(|(digest, length)| async move {
        if stopped.load(Ordering::Relaxed) || evidence.is_whole(digest).await? {
            return Ok((digest, false));
        }
        evidence.put(piece(source, digest, length)?.into()).await?;
        Ok::<_, Error>((digest, true))
    });
    let mut puts = std::pin::pin!(puts.buffer_unordered(TOGETHER));
    let (mut there, mut done, mut failed) = (0, 0, None);
    while let Some(put) = puts.next().await {
        match put {
            Ok((digest, true)) => stored.push(digest),
            Ok(_) => there += 1,
            Err(error) => {
                is_stopped.store(true, Ordering::Relaxed);
                failed = failed.or(Some(error));
            }
        }
        done += 1;
        tell(Step::Evidence(done, of));
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(there),
    }
}

/// The bytes of a part, with its length and hash as the manifest has them.
fn whole(source: &Source, part: &Part) -> Result<Vec<u8>, Error> {
    let bytes = source.read(&part.file, part.bytes)?;
    if bytes.len() as u64 != part.bytes {
        return Err(changed(source, &part.file, "it is cut short"));
    }
    if Digest::of(&bytes) != part.sha256 {
        return Err(changed(source, &part.file, "its hash is another one"));
    }
    Ok(bytes)
}

/// The bytes of a piece of evidence, with its length and hash.
fn piece(source: &Source, digest: Digest, length: u64) -> Result<Vec<u8>, Error> {
    let file = evidence_file(digest);
    whole(source, &Part { file, sha256: digest, bytes: length, rows: 0 })
}

/// Hands on each piece of evidence of the list, with its length.
fn pieces(
    source: &Source,
    manifest: &Manifest,
    mut take: impl FnMut(Digest, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    /// What the list says, or what whoever takes it has to say.
    enum Stop {
        Unread(String),
        Taken(Error),
    }
    impl From<String> for Stop {
        fn from(why: String) -> Self {
            Self::Unread(why)
        }
    }
    for part in &manifest.evidence.parts {
        let bytes = whole(source, part)?;
        let read = rows::read(&bytes, EVIDENCE, &evidence_columns(), |row| {
            let [Value::Text(Some(digest)), Value::Int(Some(length))] = row.as_slice() else {
                return Err(Stop::Unread("a row does not read".to_owned()));
            };
            let digest = Digest::parse(digest).map_err(|error| Stop::Unread(error.to_string()))?;
            let length = u64::try_from(*length).map_err(|error| Stop::Unread(error.to_string()))?;
            take(digest, length).map_err(Stop::Taken)
        });
        match read {
            Ok(()) => {}
            Err(Stop::Unread(why)) => return Err(changed(source, &part.file, &why)),
            Err(Stop::Taken(error)) => return Err(error),
        }
    }
    Ok(())
}

fn changed(source: &Source, name: &str, why: &str) -> Error {
    Error::Changed { place: source.place().to_owned(), name: name.to_owned(), why: why.to_owned() }
}
