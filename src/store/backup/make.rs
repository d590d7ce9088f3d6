//! Making a backup while the service runs: the evidence there is, then all tables in one transaction that sees one instant,
//! then the evidence that came in between. So no picture the tables name is erased before it is copied.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::{
    super::{Db, Error as StoreError, Tx, evidence::Evidence, ledger, migrations, query, query::composed},
    Column, Error, EvidenceParts, FORMAT, MANIFEST, MANIFEST_HASH, Manifest, Step, Table, Tell,
    container::Sink,
    rows::Writer,
    tables,
};
use crate::domain::{
    ledger::Digest,
    time::{Instant, rfc3339},
};

/// Pieces of evidence read together.
const TOGETHER: usize = 4;

/// Makes a backup of a database and its evidence at a place where nothing stands yet.
pub async fn make(db: &Db, evidence: &Evidence, to: &Path, now: Instant, tell: Tell<'_>) -> Result<Manifest, Error> {
    let place: std::path::PathBuf = to.components().collect();
    let mut sink = Sink::create(&place)?;
    let mut tx = db.begin_read().await?;
    let there = pieces(&mut tx).await?;
    tx.commit().await?;
    let mut copied = BTreeMap::new();
    copy(evidence, there, &mut copied, &mut sink, &mut *tell).await?;

    let mut tx = db.begin_read().await?;
    let seen = tables::seen(&mut tx).await?;
    if seen.is_empty() {
        return Err(Error::Nothing);
    }
    if let Some(unknown) = seen.iter().find(|version| !migrations::is_known(**version)) {
        return Err(Error::NewerDatabase(*unknown));
    }
    let mut written = Vec::new();
    for name in migrations::tables(|version| seen.contains(&version)) {
        written.push(table(&mut tx, name, &mut sink, &mut *tell).await?);
    }
    let head = ledger::head(&mut tx).await?;
    let named = pieces(&mut tx).await?;
    tx.commit().await?;

    let since = named.iter().copied().filter(|digest| !copied.contains_key(digest)).collect();
    let missing = copy(evidence, since, &mut copied, &mut sink, &mut *tell).await?;
    let evidence = list(named, &copied, missing, &mut sink)?;
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: rfc3339(now),
        migrations: seen,
        ledger: head,
        tables: written,
        evidence,
    };
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Error::File { path: MANIFEST.into(), source: error.into() })?;
    sink.write(MANIFEST, &text)?;
    sink.write(MANIFEST_HASH, format!("{}  {MANIFEST}\n", Digest::of(&text)).as_bytes())?;
    sink.finish()?;
    Ok(manifest)
}

/// Every piece of evidence the tables name and that was not erased.
async fn pieces(tx: &mut Tx) -> Result<Vec<Digest>, Error> {
    let seen = tables::seen(tx).await?;
    let known = migrations::tables(|version| seen.contains(&version));
    if !known.contains(&"evidence") {
        return Ok(Vec::new());
    }
    let text = if known.contains(&"erasures") {
        "SELECT sha256 FROM evidence WHERE NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.sha256 = evidence.sha256)"
    } else {
        "SELECT sha256 FROM evidence"
    };
    let mut pieces = Vec::new();
    query("evidence", text)
        .each(tx, |row| {
            pieces.push(row.parse("sha256", Digest::parse)?);
            Ok::<(), StoreError>(())
        })
        .await?;
    Ok(pieces)
}

/// Copies pieces of evidence; which of them were gone or changed.
async fn copy(
    evidence: &Evidence,
    pieces: Vec<Digest>,
    copied: &mut BTreeMap<Digest, u64>,
    sink: &mut Sink,
    tell: Tell<'_>,
) -> Result<Vec<Digest>, Error> {
    let of = pieces.len() as u64;
    let reads = stream::iter(pieces).map(|digest| async move { (digest, evidence.get(digest).await) });
    let mut reads = std::pin::pin!(reads.buffer_unordered(TOGETHER));
    let (mut missing, mut done) = (Vec::new(), 0);
    while let Some((digest, read)) = reads.next().await {
        let bytes: Option<Bytes> = match read {
            Ok(bytes) => bytes,
            Err(StoreError::Corrupt { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        match bytes {
            Some(bytes) => {
                sink.write(&super::evidence_file(digest), &bytes)?;
                copied.insert(digest, bytes.len() as u64);
            }
            None => missing.push(digest),
        }
        done += 1;
        tell(Step::Evidence(done, of));
    }
    missing.sort_unstable();
    Ok(missing)
}

/// Lists the files of evidence that the tables name.
fn list(
    named: Vec<Digest>,
    copied: &BTreeMap<Digest, u64>,
    missing: Vec<Digest>,
    sink: &mut Sink,
) -> Result<EvidenceParts, Error> {
    let mut writer = Writer::new(sink, "evidence".to_owned(), super::EVIDENCE, super::evidence_columns());
    let named: HashSet<Digest> = named.into_iter().collect();
    let mut length = 0;
    for (digest, bytes) in copied.iter().filter(|(digest, _)| named.contains(digest)) {
        writer.values(&[digest.to_string().into(), (*bytes).into()])?;
        length += bytes;
    }
    let (parts, _, files) = writer.finish()?;
    Ok(EvidenceParts { files, bytes: length, parts, missing })
}

/// Writes all rows of a table.
async fn table(tx: &mut Tx, name: &'static str, sink: &mut Sink, tell: Tell<'_>) -> Result<Table, Error> {
    let columns = tables::columns(tx, name).await?;
    let mut writer = Writer::new(sink, format!("tables/{name}"), name, columns.clone());
    let names: Vec<String> = columns.iter().map(Column::quoted).collect();
    composed(name, format!("SELECT {} FROM {name}", names.join(", ")))
        .each(tx, |row| writer.row(row, &mut *tell))
        .await?;
    let (parts, columns, rows) = writer.finish()?;
    Ok(Table { name: name.to_owned(), columns, rows, parts })
}
