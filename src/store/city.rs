//! The imported city: each feature as a row, a revision that grows when something differs, retired features kept.

use std::collections::HashMap;

use super::{Error, On, Tx, query};
use crate::domain::time::Instant;

/// One feature or section of the city file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// `lot`, `zone`, `sign`, ... or a section such as `city` or `group`.
    pub kind: String,
    /// Unique within its kind, of any length.
    pub id: String,
    /// JSON text.
    pub doc: String,
}

/// What an import changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Saved {
    /// The revision in force.
    pub revision: u64,
    /// Features that are new, or back after being retired.
    pub added: usize,
    /// Features whose text differs.
    pub changed: usize,
    /// Features that stay as they were.
    pub unchanged: usize,
    /// Features that are gone from the file.
    pub retired: usize,
}

struct Known {
    doc: String,
    ordinal: i64,
    retired: bool,
}

/// Makes the stored city equal to `features`, in their order. A kind and id that comes twice is the caller's fault;
/// the later one stands. If nothing differs the revision stays.
pub async fn save(tx: &mut Tx, features: &[Feature], now: Instant) -> Result<Saved, Error> {
    // Taken first, so that of two imports at once one waits for the other.
    let text = "INSERT INTO city_revision (id, revision, imported_at_us) VALUES (1, 0, $1) \
                ON CONFLICT (id) DO UPDATE SET imported_at_us = excluded.imported_at_us RETURNING revision";
    let row = query("city_revision", text).bind(now).fetch_one(&mut *tx).await?;
    let before: u64 = row.count("revision")?;
    let next = before + 1;
    let mut known = HashMap::new();
    let text = "SELECT id, kind, doc, ordinal, retired_at_us FROM city_features";
    for row in query("city_features", text).fetch_all(&mut *tx).await? {
        let retired = row.get::<Option<i64>>("retired_at_us")?.is_some();
        let feature = Known { doc: row.get("doc")?, ordinal: row.get("ordinal")?, retired };
        known.insert((row.get::<String>("kind")?, row.get::<String>("id")?), feature);
    }
    let mut saved = Saved::default();
    let mut moved = 0;
    for (ordinal, feature) in features.iter().enumerate() {
        let ordinal = ordinal as i64;
        match known.remove(&(feature.kind.clone(), feature.id.clone())) {
            Some(old) if !old.retired && old.doc == feature.doc => {
                saved.unchanged += 1;
                if old.ordinal == ordinal {
                    continue;
                }
                moved += 1;
            }
            Some(old) if !old.retired => saved.changed += 1,
            _ => saved.added += 1,
        }
        put(tx, feature, ordinal, next).await?;
    }
    for ((kind, id), old) in known {
        if !old.retired {
            let text = "UPDATE city_features SET retired_at_us = $3, revision = $4 WHERE kind = $1 AND id = $2";
            let retire = query("city_features", text).bind(kind).bind(id).bind(now).bind(next as i64);
            retire.execute(&mut *tx).await?;
            saved.retired += 1;
        }
    }
    saved.revision = before;
    if before == 0 || saved.added + saved.changed + saved.retired + moved > 0 {
        saved.revision = next;
        let text = "UPDATE city_revision SET revision = $1 WHERE id = 1";
        query("city_revision", text).bind(next as i64).execute(&mut *tx).await?;
    }
    Ok(saved)
}

async fn put(tx: &mut Tx, feature: &Feature, ordinal: i64, revision: u64) -> Result<(), Error> {
    let text = "INSERT INTO city_features (kind, id, doc, ordinal, revision) VALUES ($1, $2, $3, $4, $5) \
                ON CONFLICT (kind, id) DO UPDATE SET doc = excluded.doc, ordinal = excluded.ordinal, \
                revision = excluded.revision, retired_at_us = NULL";
    let put = query("city_features", text).bind(&feature.kind).bind(&feature.id).bind(&feature.doc);
    put.bind(ordinal).bind(revision as i64).execute(tx).await.map(|_| ())
}

/// The revision in force; `None` before the first import.
pub async fn revision(on: impl Into<On<'_>>) -> Result<Option<u64>, Error> {
    let row = query("city_revision", "SELECT revision FROM city_revision WHERE id = 1").fetch_optional(on).await?;
    row.map(|row| row.count("revision")).transpose()
}

/// When a city was last imported; `None` before the first import.
pub async fn imported_at(on: impl Into<On<'_>>) -> Result<Option<Instant>, Error> {
    let row =
        query("city_revision", "SELECT imported_at_us FROM city_revision WHERE id = 1").fetch_optional(on).await?;
    row.map(|row| row.instant("imported_at_us")).transpose()
}

/// The city in force, in the order of its file; `None` before the first import.
pub async fn load(tx: &mut Tx) -> Result<Option<(u64, Vec<Feature>)>, Error> {
    let Some(revision) = revision(&mut *tx).await? else { return Ok(None) };
    let text = "SELECT id, kind, doc FROM city_features WHERE retired_at_us IS NULL ORDER BY ordinal, kind, id";
    let rows = query("city_features", text).fetch_all(&mut *tx).await?;
    let features = rows
        .iter()
        .map(|row| Ok(Feature { kind: row.get("kind")?, id: row.get("id")?, doc: row.get("doc")? }))
        .collect::<Result<_, Error>>()?;
    Ok(Some((revision, features)))
}
