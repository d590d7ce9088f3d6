//! When cells were walked, and how hot each is.

use super::{Error, On, Tx, query};
use crate::domain::time::Instant;

/// Notes that somebody walked a cell.
pub async fn note(tx: &mut Tx, id: &str, cell: &str, person: &str, at: Instant) -> Result<(), Error> {
    let text = "INSERT INTO patrols (id, cell, person, at_us) VALUES ($1, $2, $3, $4)";
    query("patrols", text).bind(id).bind(cell).bind(person).bind(at).execute(tx).await.map(|_| ())
}

/// When each cell was walked last.
pub async fn last(on: impl Into<On<'_>>) -> Result<Vec<(String, Instant)>, Error> {
    let text = "SELECT cell, MAX(at_us) AS at_us FROM patrols GROUP BY cell ORDER BY cell";
    query("patrols", text)
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| Ok((row.get("cell")?, row.instant("at_us")?)))
        .collect()
}

/// How many matters and records each cell had since.
pub async fn hot(on: impl Into<On<'_>>, since: Instant) -> Result<Vec<(String, u32)>, Error> {
    let text = "SELECT cell, COUNT(*) AS n FROM (SELECT cell FROM matters WHERE collected_at_us >= $1 AND cell IS NOT NULL UNION ALL \
                SELECT grid_cell AS cell FROM records WHERE at_us >= $1 AND grid_cell IS NOT NULL) AS both_of_them GROUP BY cell \
                ORDER BY cell";
    query("patrols", text)
        .bind(since)
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| Ok((row.get("cell")?, row.count("n")?)))
        .collect()
}
