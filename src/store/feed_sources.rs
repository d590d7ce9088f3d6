//! Which lots are closed because another operator's feed says so, by source.

use std::collections::BTreeSet;

use super::{Db, Error, On, query};
use crate::domain::{ids::LotId, time::Instant};

/// The lots a source has closed.
pub async fn closed(on: impl Into<On<'_>>, source: &str) -> Result<BTreeSet<LotId>, Error> {
    let row = query("feed_sources", "SELECT closed FROM feed_sources WHERE source = $1")
        .bind(source)
        .fetch_optional(on)
        .await?;
    let kept = row.map(|row| row.parse("closed", |text| serde_json::from_str::<BTreeSet<LotId>>(text))).transpose()?;
    Ok(kept.unwrap_or_default())
}

/// Keeps which lots a source has closed.
pub async fn keep(db: &Db, source: &str, closed: &BTreeSet<LotId>, now: Instant) -> Result<(), Error> {
    let closed: Vec<&str> = closed.iter().map(LotId::as_str).collect();
    let text = "INSERT INTO feed_sources (source, closed, updated_at_us) VALUES ($1, $2, $3) \
                ON CONFLICT (source) DO UPDATE SET closed = excluded.closed, updated_at_us = excluded.updated_at_us";
    let mut tx = db.begin_write().await?;
    let put = query("feed_sources", text).bind(source).bind(serde_json::Value::from(closed).to_string()).bind(now);
    put.execute(&mut tx).await?;
    tx.commit().await
}
