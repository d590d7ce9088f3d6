//! What the node that drives a sign knows of it, under the token of its lease.

use std::collections::BTreeMap;

use super::{
    Error, On, Row, Tx,
    query::{composed, one_of, query},
};
use crate::domain::{
    ids::{PanelId, SignId},
    time::Instant,
};

/// Rows read at once.
pub const PAGE: usize = 64;

/// A sign as its node knew it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The sign.
    pub sign: SignId,
    /// The token of the lease it was driven under.
    pub token: u64,
    /// What the node is called.
    pub node: String,
    /// What it knew; JSON.
    pub doc: String,
    /// When it said so.
    pub kept_at: Instant,
}

/// Which row of a sign is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The highest token the sign was ever told of under.
    pub token: u64,
    /// How often the row was written.
    pub revision: u64,
}

/// Keeps what is known of a sign; `false`, and nothing changes, if it is kept under a higher token already.
pub async fn keep(tx: &mut Tx, state: &Kept) -> Result<bool, Error> {
    let text = "INSERT INTO sign_states (sign_id, token, revision, node, doc, kept_at_us) VALUES ($1, $2, 1, $3, $4, $5) \
                ON CONFLICT (sign_id) DO UPDATE SET token = excluded.token, revision = sign_states.revision + 1, \
                node = excluded.node, doc = excluded.doc, kept_at_us = excluded.kept_at_us \
                WHERE excluded.token >= sign_states.token";
    let kept = query("sign_states", text)
        .bind(state.sign.as_str())
        .bind(i64::try_from(state.token).unwrap_or(i64::MAX))
        .bind(&state.node)
        .bind(&state.doc)
        .bind(state.kept_at)
        .execute(tx)
        .await?;
    Ok(kept == 1)
}

/// Which rows are there.
pub async fn marks(on: impl Into<On<'_>>) -> Result<BTreeMap<SignId, Mark>, Error> {
    let rows = query("sign_states", "SELECT sign_id, token, revision FROM sign_states").fetch_all(on).await?;
    let read = |row: &Row| {
        let mark = Mark { token: row.count("token")?, revision: row.count("revision")? };
        Ok((row.parse("sign_id", SignId::parse)?, mark))
    };
    rows.iter().map(read).collect()
}

/// What is kept of these signs, at most [`PAGE`] of them.
pub async fn of(on: impl Into<On<'_>>, signs: &[SignId]) -> Result<Vec<Kept>, Error> {
    let signs = &signs[..signs.len().min(PAGE)];
    let text = format!(
        "SELECT sign_id, token, node, doc, kept_at_us FROM sign_states WHERE {}",
        one_of("sign_id", signs.len(), 1)
    );
    let names: Vec<String> = signs.iter().map(ToString::to_string).collect();
    let rows = composed("sign_states", text).bind_all(&names).fetch_all(on).await?;
    let read = |row: &Row| {
        Ok(Kept {
            sign: row.parse("sign_id", SignId::parse)?,
            token: row.count("token")?,
            node: row.get("node")?,
            doc: row.get("doc")?,
            kept_at: row.instant("kept_at_us")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Keeps the version a screen said it shows.
pub async fn keep_word(
    tx: &mut Tx,
    (sign, panel): (&SignId, &PanelId),
    version: u64,
    said_at: Instant,
) -> Result<(), Error> {
    let text = "INSERT INTO sign_words (sign_id, panel_id, version, said_at_us) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (sign_id, panel_id) DO UPDATE SET version = excluded.version, \
                said_at_us = excluded.said_at_us";
    let word = query("sign_words", text).bind(sign.as_str()).bind(panel.as_str());
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    word.bind(version).bind(said_at).execute(tx).await.map(drop)
}

/// What screens said from an instant on: sign, panel, version, when.
pub async fn words(on: impl Into<On<'_>>, from: Instant) -> Result<Vec<(SignId, PanelId, u64, Instant)>, Error> {
    let text = "SELECT sign_id, panel_id, version, said_at_us FROM sign_words WHERE said_at_us >= $1";
    let rows = query("sign_words", text).bind(from).fetch_all(on).await?;
    let read = |row: &Row| {
        let (sign, panel) = (row.parse("sign_id", SignId::parse)?, row.parse("panel_id", PanelId::parse)?);
        Ok((sign, panel, row.count("version")?, row.instant("said_at_us")?))
    };
    rows.iter().map(read).collect()
}

/// Forgets signs the city has retired.
pub async fn forget_retired(tx: &mut Tx) -> Result<u64, Error> {
    let retired = "SELECT id FROM city_features WHERE kind = 'sign' AND retired_at_us IS NOT NULL";
    let mut forgotten = 0;
    for table in ["sign_states", "sign_words"] {
        let text = format!("DELETE FROM {table} WHERE sign_id IN ({retired})");
        forgotten += composed(table, text).execute(&mut *tx).await?;
    }
    Ok(forgotten)
}
