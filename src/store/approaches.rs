//! Who passed approaches of late, counted by all nodes together, and the shares that turn into lots.

use std::collections::{BTreeMap, HashMap};

use super::{Db, Error, On, query::query};
use crate::domain::{
    approach::{Limits, Passed, Sighting, Turning},
    availability::Outcome,
    ids::{ApproachId, LotId},
    time::Instant,
};

const TABLE: &str = "approaches";
const SHARES: &str = "turning_shares";
/// The version of the form shares are kept in; another one is learned anew.
const FORM: u32 = 1;
/// Tries of one write against other nodes'; each failed try means that another node's succeeded.
const TRIES: usize = 16;

/// What is known of an approach, and the revision it stands at.
pub type Known = (i64, Passed);

/// Counts passages, each once however many nodes say it, in the order given; what became of each, and of the approaches what is
/// known now.
pub async fn see(
    db: &Db,
    sightings: &[Sighting],
    limits: Limits,
    now: Instant,
) -> Result<(Vec<Outcome>, Vec<(ApproachId, Known)>), Error> {
    // In the order of their ids, so that two nodes never wait for each other.
    let mut by_approach: BTreeMap<&ApproachId, Vec<usize>> = BTreeMap::new();
    for (place, sighting) in sightings.iter().enumerate() {
        by_approach.entry(&sighting.approach).or_default().push(place);
    }
    let mut outcomes = vec![Outcome::NotCounted; sightings.len()];
    let mut known = Vec::with_capacity(by_approach.len());
    let mut tx = db.begin_write().await?;
    for (approach, places) in by_approach {
        let mut tries = 0;
        known.push(loop {
            let (revision, mut passed) = self::passed(&mut tx, approach).await?.unwrap_or_default();
            let before = passed.clone();
            passed.forget(now - chrono::Duration::days(2));
            for place in &places {
                outcomes[*place] = passed.hear(&sightings[*place], limits);
            }
            if passed == before {
                break (approach.clone(), (revision, passed));
            }
            let json = serde_json::to_string(&passed).unwrap_or_default();
            // Another node's write in between moves the revision on; then all is heard anew, on top of what it heard.
            let put = "INSERT INTO approaches (approach, passed, revision, updated_at_us) VALUES ($1, $2, 1, $3) \
                       ON CONFLICT (approach) DO UPDATE SET passed = excluded.passed, \
                       revision = approaches.revision + 1, updated_at_us = excluded.updated_at_us \
                       WHERE approaches.revision = $4";
            let put =
                query(TABLE, put).bind(approach.as_str()).bind(json.replace("\\u0000", "")).bind(now).bind(revision);
            tries += 1;
            if put.execute(&mut tx).await? > 0 {
                break (approach.clone(), (revision + 1, passed));
            }
            if tries == TRIES {
                for place in &places {
                    outcomes[*place] = Outcome::NotCounted;
                }
                break (approach.clone(), (revision, before));
            }
        });
    }
    tx.commit().await?;
    Ok((outcomes, known))
}

/// The revision of each approach.
pub async fn revisions<'a>(on: impl Into<On<'a>>) -> Result<HashMap<ApproachId, i64>, Error> {
    let rows = query(TABLE, "SELECT approach, revision FROM approaches").fetch_all(on).await?;
    rows.iter().map(|row| Ok((row.parse("approach", ApproachId::parse)?, row.get("revision")?))).collect()
}

/// What is known of an approach.
pub async fn passed<'a>(on: impl Into<On<'a>>, approach: &ApproachId) -> Result<Option<Known>, Error> {
    let text = "SELECT passed, revision FROM approaches WHERE approach = $1";
    let row = query(TABLE, text).bind(approach.as_str()).fetch_optional(on).await?;
    row.map(|row| Ok((row.get("revision")?, row.parse("passed", |text| serde_json::from_str(text))?))).transpose()
}

/// Forgets approaches nobody passed since an instant, and shares nobody learned since another.
pub async fn forget(db: &Db, silent_since: Instant, learned_before: Instant) -> Result<(), Error> {
    query(TABLE, "DELETE FROM approaches WHERE updated_at_us < $1").bind(silent_since).execute(db).await?;
    query(SHARES, "DELETE FROM turning_shares WHERE as_of_us < $1").bind(learned_before).execute(db).await?;
    Ok(())
}

/// Keeps what was learned of lots.
pub async fn keep_shares(db: &Db, learned: &[(LotId, Turning)], as_of: Instant) -> Result<(), Error> {
    if learned.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin_write().await?;
    for (lot, turning) in learned {
        let text = "INSERT INTO turning_shares (lot, doc, form, as_of_us) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (lot) DO UPDATE SET doc = excluded.doc, form = excluded.form, as_of_us = excluded.as_of_us";
        let doc = serde_json::to_string(turning).unwrap_or_default();
        query(SHARES, text).bind(lot.as_str()).bind(doc).bind(FORM).bind(as_of).execute(&mut tx).await?;
    }
    tx.commit().await
}

/// What was learned of lots; what is of another form, or makes no sense, is learned anew.
pub async fn shares<'a>(on: impl Into<On<'a>>) -> Result<BTreeMap<LotId, Turning>, Error> {
    let text = "SELECT lot, doc FROM turning_shares WHERE form = $1";
    let rows = query(SHARES, text).bind(FORM).fetch_all(on).await?;
    let mut shares = BTreeMap::new();
    for row in rows {
        let turning: Option<Turning> = serde_json::from_str(&row.get::<String>("doc")?).ok();
        if let Some(turning) = turning.filter(Turning::is_sound) {
            shares.insert(row.parse("lot", LotId::parse)?, turning);
        }
    }
    Ok(shares)
}
