//! Figures of matters: what scores are made of, and what the public sees in sums.

use super::{Error, On, Row, query};
use crate::domain::{matter::score::Counted, time::Instant};

/// What scores are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Management cells.
    Cell,
    /// Units.
    Unit,
    /// People who put things right.
    Person,
    /// How matters came in: partners and channels.
    Source,
    /// Classes of streets.
    StreetClass,
}

/// What was counted of matters closed within a time, by one of their columns.
pub async fn counted(
    on: impl Into<On<'_>>,
    of: Of,
    from: Instant,
    to: Instant,
) -> Result<Vec<(String, Counted)>, Error> {
    macro_rules! by {
        ($column:literal) => {
            concat!(
                "SELECT ", $column, " AS who, COUNT(*) AS closed, ",
                "CAST(SUM(CASE WHEN m.handled_late = 0 THEN 1 ELSE 0 END) AS BIGINT) AS on_time, ",
                "CAST(SUM(CASE WHEN m.reworks = 0 THEN 1 ELSE 0 END) AS BIGINT) AS first_time, ",
                "CAST(SUM(CASE WHEN m.reopened > 0 THEN 1 ELSE 0 END) AS BIGINT) AS reopened, ",
                "CAST(SUM((CASE WHEN m.judged IS NULL THEN 0 ELSE 1 END) + COALESCE(r.n, 0)) AS BIGINT) AS judged, ",
                "CAST(SUM(COALESCE(m.judged, 0) + COALESCE(r.sum, 0)) AS BIGINT) AS judged_sum ",
                "FROM matters AS m LEFT JOIN (SELECT matter, COUNT(judged) AS n, SUM(judged) AS sum FROM matter_reports ",
                "WHERE judged IS NOT NULL GROUP BY matter) AS r ON r.matter = m.id ",
                "WHERE m.closed_at_us >= $1 AND m.closed_at_us < $2 AND ", $column, " IS NOT NULL ",
                "GROUP BY ", $column, " ORDER BY 1"
            )
        };
    }
    let text = match of {
        Of::Cell => by!("m.cell"),
        Of::Unit => by!("m.unit"),
        Of::Person => by!("m.handled_by"),
        Of::Source => by!("m.source"),
        Of::StreetClass => by!("CAST(m.street_class AS TEXT)"),
    };
    let rows = query("matters", text).bind(from).bind(to).fetch_all(on).await?;
    rows.iter().map(|row| Ok((row.get("who")?, read(row)?))).collect()
}

fn read(row: &Row) -> Result<Counted, Error> {
    Ok(Counted {
        closed: row.count("closed")?,
        on_time: row.count("on_time")?,
        verified_first_time: row.count("first_time")?,
        reopened: row.count("reopened")?,
        judged: row.count("judged")?,
        judged_sum: row.count("judged_sum")?,
    })
}

/// How many matters were said within a time, by category and state, or by cell.
pub async fn said(
    on: impl Into<On<'_>>,
    by_cell: bool,
    from: Instant,
    to: Instant,
) -> Result<Vec<(String, u64)>, Error> {
    let text = if by_cell {
        "SELECT cell AS what, COUNT(*) AS n FROM matters WHERE collected_at_us >= $1 AND collected_at_us < $2 AND cell IS NOT NULL \
         AND state <> 'merged' GROUP BY cell ORDER BY cell"
    } else {
        "SELECT category AS what, COUNT(*) AS n FROM matters WHERE collected_at_us >= $1 AND collected_at_us < $2 \
         AND state <> 'merged' GROUP BY category ORDER BY category"
    };
    let rows = query("matters", text).bind(from).bind(to).fetch_all(on).await?;
    rows.iter().map(|row| Ok((row.get("what")?, row.count("n")?))).collect()
}

/// How many records of each kind were made within a time, by cell.
pub async fn records_by_cell(
    on: impl Into<On<'_>>,
    from: Instant,
    to: Instant,
) -> Result<Vec<(String, String, u64)>, Error> {
    let text = "SELECT kind, COALESCE(grid_cell, '') AS cell, COUNT(*) AS n FROM records WHERE at_us >= $1 AND at_us < $2 \
                GROUP BY kind, grid_cell ORDER BY kind, grid_cell";
    let rows = query("records", text).bind(from).bind(to).fetch_all(on).await?;
    rows.iter().map(|row| Ok((row.get("kind")?, row.get("cell")?, row.count("n")?))).collect()
}
