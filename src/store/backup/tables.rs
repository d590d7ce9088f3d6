//! The tables of a database, and what their columns hold.

use serde::{Deserialize, Serialize};

use super::super::{Error, Tx, query, query::composed};

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub holds: Holds,
}

impl Column {
    /// Its name as a statement holds it.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.name.replace('"', ""))
    }
}

/// What a column holds; anything may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// A whole number of 64 bits.
    Int,
    /// A number with a fraction.
    Real,
    /// A text.
    Text,
}

/// The columns of a table, in order; none where there is no such table.
pub(super) async fn columns(tx: &mut Tx, table: &'static str) -> Result<Vec<Column>, Error> {
    let text = if tx.is_sqlite() {
        "SELECT name, type AS holds FROM pragma_table_info($1) ORDER BY cid"
    } else {
        "SELECT CAST(column_name AS TEXT) AS name, CAST(data_type AS TEXT) AS holds FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
    };
    let rows = query(table, text).bind(table).fetch_all(tx).await?;
    let read = |row: &super::super::Row| {
        let holds = row.parse("holds", |word| match word.to_ascii_lowercase().as_str() {
            "bigint" => Ok(Holds::Int),
            "double precision" => Ok(Holds::Real),
            "text" => Ok(Holds::Text),
            other => Err(format!("holds {other}")),
        })?;
        Ok(Column { name: row.get("name")?, holds })
    };
    rows.iter().map(read).collect()
}

/// The migrations a database has seen; none where it has seen none.
pub(in crate::store) async fn seen(tx: &mut Tx) -> Result<Vec<i64>, Error> {
    const TABLE: &str = "_sqlx_migrations";
    let is_there = if tx.is_sqlite() {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = $1"
    } else {
        "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables \
         WHERE table_schema = current_schema() AND table_name = $1"
    };
    if query(TABLE, is_there).bind(TABLE).fetch_optional(&mut *tx).await?.is_none() {
        return Ok(Vec::new());
    }
    let rows = query(TABLE, "SELECT version FROM _sqlx_migrations ORDER BY version").fetch_all(tx).await?;
    rows.iter().map(|row| row.get("version")).collect()
}

/// How many rows a table has.
pub(super) async fn count(tx: &mut Tx, table: &'static str) -> Result<u64, Error> {
    composed(table, format!("SELECT COUNT(*) AS n FROM {table}")).fetch_one(tx).await?.count("n")
}

#[cfg(test)]
mod tests {
    use super::super::super::{Db, migrations};
    use super::*;

    #[tokio::test]
    async fn every_table_of_the_database_is_known_by_its_migration() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/yunpark.db", folder.path().display());
        let config = crate::config::Store {
            evidence_dir: folder.path().join("evidence").display().to_string(),
            ..crate::config::Store::of(&url, 1)
        };
        let db = Db::connect(&config).await.unwrap();
        db.migrate().await.unwrap();
        let mut tx = db.begin_read().await.unwrap();
        let text = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                    AND name <> '_sqlx_migrations' ORDER BY name";
        let there = query("sqlite_master", text).fetch_all(&mut tx).await.unwrap();
        let there: Vec<String> = there.iter().map(|row| row.get("name").unwrap()).collect();
        let mut known = migrations::tables(|_| true);
        for table in &known {
            assert!(!columns(&mut tx, table).await.unwrap().is_empty(), "{table}");
            let has_rows = count(&mut tx, table).await.unwrap() > 0;
            assert_eq!(has_rows, migrations::seeded().contains(table), "{table}");
        }
        known.sort_unstable();
        assert_eq!(there, known);
        assert!(seen(&mut tx).await.unwrap().contains(&43));
    }
}
