//! Plates, each once, with the keys under which a misread one is found again; and everything one plate has been part of.

use super::{
    Db, Error, On, Tx, query,
    query::{composed, inserts},
};
use crate::domain::{
    plate::{Match, keys_alike, keys_of, keys_sought, match_of},
    time::Instant,
};

/// Plates entered in one step of catching up.
const AT_ONCE: u32 = 200;
/// Most plates one search looks at.
const MAX_CANDIDATES: u32 = 2000;
/// Keys of a search for what is one step away, at most.
const FEW_KEYS: usize = 13;
/// Keys of any search, at most.
const MOST_KEYS: usize = 64;

/// A plate that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPlate {
    /// Its normal form.
    pub plate: String,
    /// When it was last captured or recorded.
    pub last_seen: Instant,
    /// How many captures and records name it.
    pub entries: u64,
}

/// One thing that happened to a plate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// `capture`, `incident` or `record`.
    pub source: String,
    /// Its id.
    pub id: String,
    /// When; for an incident its first capture.
    pub at: Instant,
    /// An incident's last capture.
    pub until: Option<Instant>,
    /// Its state as it is kept.
    pub state: String,
    /// Where.
    pub zone: Option<String>,
    /// A record's kind.
    pub kind: Option<String>,
    /// A record's act.
    pub act: Option<String>,
    /// A record's number.
    pub number: Option<String>,
    /// A record's reason.
    pub reason: Option<String>,
    /// A record's last entry in the ledger.
    pub ledger_seq: Option<i64>,
}

/// Notes that a plate was captured or recorded, in the transaction that does so.
pub async fn seen(tx: &mut Tx, norm: &str, at: Instant) -> Result<(), Error> {
    let text = "UPDATE plates SET entries = entries + 1, last_us = CASE WHEN last_us < $1 THEN $1 ELSE last_us END \
                WHERE norm = $2";
    if query("plates", text).bind(at).bind(norm).execute(&mut *tx).await? > 0 {
        return Ok(());
    }
    enter(tx, norm, 1, at).await
}

async fn enter(tx: &mut Tx, norm: &str, entries: u64, last: Instant) -> Result<(), Error> {
    let next = query("plates", "SELECT COALESCE(MAX(id), 0) + 1 AS id FROM plates").fetch_one(&mut *tx).await?;
    let id: i64 = next.get("id")?;
    let text = "INSERT INTO plates (id, norm, entries, last_us) VALUES ($1, $2, $3, $4)";
    query("plates", text).bind(id).bind(norm).bind(entries as i64).bind(last).execute(&mut *tx).await?;
    let rows = keys_of(norm).into_iter().map(|key| vec![key.into(), id.into()]).collect();
    for insert in inserts("plate_keys", &["lookup_key", "plate"], "ON CONFLICT (lookup_key, plate) DO NOTHING", rows) {
        insert.execute(&mut *tx).await?;
    }
    Ok(())
}

/// Enters some of the plates that were there before this table was; whether there are more.
pub async fn catch_up(tx: &mut Tx) -> Result<bool, Error> {
    let text = "SELECT up_to, done FROM plates_entered WHERE id = 1";
    let row = query("plates_entered", text).fetch_one(&mut *tx).await?;
    if row.get::<i64>("done")? != 0 {
        return Ok(false);
    }
    let up_to: String = row.get("up_to")?;
    let text = "SELECT plate_norm, MAX(at_us) AS last_us, COUNT(*) AS n FROM ( \
                SELECT plate_norm, at_us FROM captures WHERE plate_norm > $1 UNION ALL \
                SELECT plate_norm, at_us FROM records WHERE plate_norm > $1) AS named \
                GROUP BY plate_norm ORDER BY plate_norm LIMIT $2";
    let rows = query("captures", text).bind(&up_to).bind(AT_ONCE).fetch_all(&mut *tx).await?;
    let mut last = up_to;
    for row in &rows {
        last = row.get("plate_norm")?;
        let known =
            query("plates", "SELECT id FROM plates WHERE norm = $1").bind(&last).fetch_optional(&mut *tx).await?;
        match known {
            // Seen again since this table is here: only what came before is missing.
            Some(_) => {
                let text = "UPDATE plates SET entries = $1 WHERE norm = $2";
                query("plates", text).bind(row.get::<i64>("n")?).bind(&last).execute(&mut *tx).await?;
            }
            None => enter(tx, &last, row.count("n")?, row.instant("last_us")?).await?,
        }
    }
    let more = rows.len() == AT_ONCE as usize;
    query("plates_entered", "UPDATE plates_entered SET up_to = $1, done = $2 WHERE id = 1")
        .bind(&last)
        .bind(!more)
        .execute(tx)
        .await?;
    Ok(more)
}

/// With so many of those that look alike, no plate that is merely one step away is sought.
const ENOUGH: usize = 10;

/// A plate that was found, and how it answers the search.
pub type Ranked = ((Match, u32), FoundPlate);

/// Plates that may be what a search means, best first; the one seen last before others as good.
pub async fn near(db: &Db, pattern: &str) -> Result<Vec<Ranked>, Error> {
    let alike = keys_alike(pattern);
    let mut ranked = ranked(pattern, by_keys(db, &alike).await?);
    if ranked.len() < ENOUGH {
        ranked = self::ranked(pattern, by_keys(db, &keys_sought(pattern)).await?);
    }
    Ok(ranked)
}

fn ranked(pattern: &str, found: Vec<FoundPlate>) -> Vec<Ranked> {
    let rank = |one: FoundPlate| match_of(pattern, &one.plate).map(|rank| (rank, one));
    let mut ranked: Vec<Ranked> = found.into_iter().filter_map(rank).collect();
    ranked.sort_by(|(rank, one), (other_rank, other)| {
        rank.cmp(other_rank).then(other.last_seen.cmp(&one.last_seen)).then_with(|| one.plate.cmp(&other.plate))
    });
    ranked
}

/// Plates kept under any of these keys.
async fn by_keys(on: impl Into<On<'_>>, keys: &[i64]) -> Result<Vec<FoundPlate>, Error> {
    // Two texts whatever the number of keys, so that they stay prepared: places left over repeat the first.
    let places = if keys.len() <= FEW_KEYS { FEW_KEYS } else { MOST_KEYS };
    let nth: Vec<String> = (1..=places).map(|nth| format!("${nth}")).collect();
    let text = format!(
        "SELECT DISTINCT p.norm AS norm, p.last_us AS last_us, p.entries AS entries FROM plate_keys AS k \
         JOIN plates AS p ON p.id = k.plate WHERE k.lookup_key IN ({}) LIMIT ${}",
        nth.join(", "),
        places + 1
    );
    let Some(first) = keys.first() else { return Ok(Vec::new()) };
    let mut asked = composed("plates", text);
    for nth in 0..places {
        asked = asked.bind(*keys.get(nth).unwrap_or(first));
    }
    asked.bind(MAX_CANDIDATES).fetch_all(on).await?.iter().map(read).collect()
}

/// Plates like a pattern of SQL's LIKE (with `\` before what stands for itself), the newest first. It reads every plate there is.
pub async fn like(db: &Db, pattern: &str, limit: u32) -> Result<Vec<FoundPlate>, Error> {
    let text =
        "SELECT norm, last_us, entries FROM plates WHERE norm LIKE $1 ESCAPE '\\' ORDER BY last_us DESC LIMIT $2";
    query("plates", text).bind(pattern).bind(limit).fetch_all(db).await?.iter().map(read).collect()
}

fn read(row: &super::Row) -> Result<FoundPlate, Error> {
    Ok(FoundPlate { plate: row.get("norm")?, last_seen: row.instant("last_us")?, entries: row.count("entries")? })
}

/// Everything a plate has been part of, newest first: at most `limit` of each kind.
pub async fn history(on: impl Into<On<'_>>, norm: &str, limit: u32) -> Result<Vec<Happened>, Error> {
    let text = "SELECT * FROM (SELECT 'capture' AS source, id, at_us, CAST(NULL AS BIGINT) AS until_us, state, zone, \
                CAST(NULL AS TEXT) AS kind, CAST(NULL AS TEXT) AS act, CAST(NULL AS TEXT) AS number, \
                CAST(NULL AS TEXT) AS reason, CAST(NULL AS BIGINT) AS ledger_seq \
                FROM captures WHERE plate_norm = $1 ORDER BY at_us DESC LIMIT $2) AS c \
                UNION ALL SELECT * FROM (SELECT 'incident', id, first_seen_us, last_seen_us, state, zone, NULL, NULL, NULL, \
                NULL, CAST(NULL AS BIGINT) FROM incidents WHERE plate_norm = $1 AND state <> 'merged' \
                ORDER BY first_seen_us DESC LIMIT $2) AS i \
                UNION ALL SELECT * FROM (SELECT 'record', id, at_us, CAST(NULL AS BIGINT), state, zone, kind, act, number, \
                reason, ledger_seq FROM records WHERE plate_norm = $1 ORDER BY at_us DESC LIMIT $2) AS r";
    let rows = query("captures", text).bind(norm).bind(limit).fetch_all(on).await?;
    rows.iter()
        .map(|row| {
            Ok(Happened {
                source: row.get("source")?,
                id: row.get("id")?,
                at: row.instant("at_us")?,
                until: row.instant_opt("until_us")?,
                state: row.get("state")?,
                zone: row.get("zone")?,
                kind: row.get("kind")?,
                act: row.get("act")?,
                number: row.get("number")?,
                reason: row.get("reason")?,
                ledger_seq: row.get("ledger_seq")?,
            })
        })
        .collect()
}
