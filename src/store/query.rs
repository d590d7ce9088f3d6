//! One query text for both databases: values are bound from one type, rows are read by one type.

use std::fmt::Display;

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Decode, Row as _, SqlSafeStr as _, SqlStr, Type, ValueRef as _,
    postgres::{PgRow, Postgres},
    sqlite::{Sqlite, SqliteRow},
};

use super::{
    Error,
    connect::{Db, Inner, Tx, in_time},
};
use crate::domain::time::{self, Instant};

/// A value bound to a query; the variant of an absent value tells PostgreSQL its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// BIGINT.
    Int(Option<i64>),
    /// DOUBLE PRECISION.
    Real(Option<f64>),
    /// TEXT.
    Text(Option<String>),
}

macro_rules! bindable {
    ($($from:ty => |$value:ident| $variant:ident($into:expr);)*) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                Self::$variant(Some($into))
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map(|$value| $into))
            }
        }
    )*};
}
bindable! {
    i64 => |value| Int(value);
    u32 => |value| Int(value.into());
    bool => |value| Int(value.into());
    Instant => |value| Int(time::to_micros(value));
    f64 => |value| Real(value);
    &str => |value| Text(value.to_owned());
    String => |value| Text(value);
    &String => |value| Text(value.clone());
}

/// A query about a table: its text and the values bound so far.
#[derive(Debug, Clone)]
#[must_use = "a query does nothing until it is executed"]
pub struct Query {
    table: &'static str,
    text: SqlStr,
    values: Vec<Value>,
}

/// A query; `table` and the row's id name a row that no longer parses.
pub fn query(table: &'static str, text: &'static str) -> Query {
    Query { table, text: text.into_sql_str(), values: Vec::new() }
}

/// A query whose text is put together from constants of this room, such as one text for several like tables.
pub(super) fn composed(table: &'static str, text: String) -> Query {
    Query { table, text: AssertSqlSafe(text).into_sql_str(), values: Vec::new() }
}

/// The condition that a column holds one of some values, from placeholder `$first` on; of none, nothing does.
pub(super) fn one_of(column: &'static str, count: usize, first: usize) -> String {
    if count == 0 {
        return "1 = 0".to_owned();
    }
    let places: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    format!("{column} IN ({})", places.join(", "))
}

/// Rows of one statement, most first: few different texts, so that each stays prepared.
const ROWS: [usize; 3] = [64, 8, 1];

/// Inserts of many rows, many to a statement. `ending` stands after the rows, such as what to do on a conflict.
pub(super) fn inserts(
    table: &'static str,
    columns: &[&str],
    ending: &'static str,
    rows: Vec<Vec<Value>>,
) -> Vec<Query> {
    let mut rows = rows.into_iter();
    let mut queries = Vec::new();
    for count in ROWS {
        while rows.len() >= count {
            let mut text = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
            for row in 0..count {
                text.push_str(if row == 0 { "(" } else { ", (" });
                for column in 1..=columns.len() {
                    text.push_str(if column == 1 { "$" } else { ", $" });
                    text.push_str(&(row * columns.len() + column).to_string());
                }
                text.push(')');
            }
            text.push(' ');
            text.push_str(ending);
            let values = rows.by_ref().take(count).flatten().collect();
            queries.push(Query { values, ..composed(table, text) });
        }
    }
    queries
}

/// What a query runs on: the database itself, or a transaction.
#[derive(Debug)]
pub enum On<'a> {
    /// The database: a read sees the newest committed state, a write is a transaction of its own.
    Db(&'a Db),
    /// A transaction.
    Tx(&'a mut Tx),
}
impl<'a> From<&'a Db> for On<'a> {
    fn from(db: &'a Db) -> Self {
        Self::Db(db)
    }
}
impl<'a> From<&'a mut Tx> for On<'a> {
    fn from(tx: &'a mut Tx) -> Self {
        Self::Tx(tx)
    }
}

/// Prepares the query for the database the expression around it asks for.
macro_rules! prepared {
    ($query:expr) => {
        $query.values.into_iter().fold(sqlx::query($query.text), |prepared, value| match value {
            Value::Int(value) => prepared.bind(value),
            Value::Real(value) => prepared.bind(value),
            Value::Text(value) => prepared.bind(value),
        })
    };
}

impl Query {
    /// Binds the next placeholders, one for each value.
    pub fn bind_all<'v>(self, values: impl IntoIterator<Item = &'v String>) -> Self {
        values.into_iter().fold(self, Self::bind)
    }

    /// Binds the next placeholder.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs a statement that writes; the number of rows it touched.
    pub async fn execute<'a>(self, on: impl Into<On<'a>>) -> Result<u64, Error> {
        Ok(match on.into() {
            On::Db(Db::Sqlite { write, .. }) => prepared!(self).execute(write).await?.rows_affected(),
            On::Db(Db::Postgres { pool, limit }) => {
                in_time(*limit, prepared!(self).execute(pool)).await?.rows_affected()
            }
            On::Tx(Tx(Inner::Sqlite(tx))) => prepared!(self).execute(&mut **tx).await?.rows_affected(),
            On::Tx(Tx(Inner::Postgres { tx, limit })) => {
                in_time(*limit, prepared!(self).execute(&mut **tx)).await?.rows_affected()
            }
        })
    }

    /// All rows. A statement that writes and returns rows needs a [`Tx`]: on SQLite the database's readers cannot write.
    pub async fn fetch_all<'a>(self, on: impl Into<On<'a>>) -> Result<Vec<Row>, Error> {
        let table = self.table;
        let sqlite = |rows: Vec<SqliteRow>| rows.into_iter().map(|row| Row { table, cells: Cells::Sqlite(row) });
        let postgres = |rows: Vec<PgRow>| rows.into_iter().map(|row| Row { table, cells: Cells::Postgres(row) });
        Ok(match on.into() {
            On::Db(Db::Sqlite { read, .. }) => sqlite(prepared!(self).fetch_all(read).await?).collect(),
            On::Db(Db::Postgres { pool, limit }) => {
                postgres(in_time(*limit, prepared!(self).fetch_all(pool)).await?).collect()
            }
            On::Tx(Tx(Inner::Sqlite(tx))) => sqlite(prepared!(self).fetch_all(&mut **tx).await?).collect(),
            On::Tx(Tx(Inner::Postgres { tx, limit })) => {
                postgres(in_time(*limit, prepared!(self).fetch_all(&mut **tx)).await?).collect()
            }
        })
    }

    /// Hands on each row as it comes, so that memory does not grow with their number.
    pub(super) async fn each<E: From<Error>>(
        self,
        tx: &mut Tx,
        mut take: impl FnMut(&Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let table = self.table;
        macro_rules! hand_on {
            ($tx:expr, $cells:path, $in_time:expr) => {{
                let mut rows = prepared!(self).fetch(&mut **$tx);
                while let Some(row) = $in_time(rows.try_next()).await.map_err(Error::from)? {
                    take(&Row { table, cells: $cells(row) })?;
                }
            }};
        }
        match &mut tx.0 {
            Inner::Sqlite(tx) => hand_on!(tx, Cells::Sqlite, |next| next),
            Inner::Postgres { tx, limit } => hand_on!(tx, Cells::Postgres, |next| in_time(*limit, next)),
        }
        Ok(())
    }

    /// The first row, if there is one.
    pub async fn fetch_optional<'a>(self, on: impl Into<On<'a>>) -> Result<Option<Row>, Error> {
        Ok(self.fetch_all(on).await?.into_iter().next())
    }

    /// The first row of a query that always has one, such as a count.
    pub async fn fetch_one<'a>(self, on: impl Into<On<'a>>) -> Result<Row, Error> {
        self.fetch_optional(on).await?.ok_or(Error::Database(sqlx::Error::RowNotFound))
    }
}

/// A row read; a value that does not parse gives an error that names table, row and column.
pub struct Row {
    table: &'static str,
    cells: Cells,
}

enum Cells {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A type both databases read: `i64`, `f64`, `String` and their options.
pub trait Field: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}
impl<T> Field for T where T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}

impl Row {
    /// The value of a column.
    pub fn get<T: Field>(&self, column: &str) -> Result<T, Error> {
        let value = match &self.cells {
            Cells::Sqlite(row) => row.try_get(column),
            Cells::Postgres(row) => row.try_get(column),
        };
        value.map_err(|error| self.broken(column, error))
    }

    /// A text column, read by the rule given.
    pub fn parse<T, E: Display>(&self, column: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Error> {
        read(&self.get::<String>(column)?).map_err(|error| self.broken(column, error))
    }

    /// A text column that may be absent, read by the rule given.
    pub fn parse_opt<T, E: Display>(
        &self,
        column: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Error> {
        let text = self.get::<Option<String>>(column)?;
        text.map(|text| read(&text)).transpose().map_err(|error| self.broken(column, error))
    }

    /// A number that is never negative, such as a count.
    pub fn count<T: TryFrom<i64>>(&self, column: &str) -> Result<T, Error> {
        let number = self.get::<i64>(column)?;
        T::try_from(number).map_err(|_| self.broken(column, format!("{number} is out of range")))
    }

    /// An instant, kept as microseconds.
    pub fn instant(&self, column: &str) -> Result<Instant, Error> {
        let micros = self.get::<i64>(column)?;
        time::from_micros(micros).ok_or_else(|| self.broken(column, "outside the calendar"))
    }

    /// An instant that may be absent.
    pub fn instant_opt(&self, column: &str) -> Result<Option<Instant>, Error> {
        let read = |micros| time::from_micros(micros).ok_or_else(|| self.broken(column, "outside the calendar"));
        self.get::<Option<i64>>(column)?.map(read).transpose()
    }

    /// The error that says this row's column does not parse.
    pub fn broken(&self, column: &str, reason: impl Display) -> Error {
        Error::Row { table: self.table, column: column.to_owned(), row: self.name(), reason: reason.to_string() }
    }

    /// The row as a JSON object by column names, for comparing it whole.
    pub(super) fn to_json(&self) -> Result<serde_json::Map<String, serde_json::Value>, Error> {
        use sqlx::Column as _;
        let names: Vec<String> = match &self.cells {
            Cells::Sqlite(row) => row.columns().iter().map(|column| column.name().to_owned()).collect(),
            Cells::Postgres(row) => row.columns().iter().map(|column| column.name().to_owned()).collect(),
        };
        names.into_iter().map(|name| Ok((name.clone(), self.json(&name)?))).collect()
    }

    fn json(&self, column: &str) -> Result<serde_json::Value, Error> {
        use sqlx::TypeInfo as _;
        let raw_type = match &self.cells {
            Cells::Sqlite(row) => row.try_get_raw(column).map(|raw| (raw.is_null(), raw.type_info().name().to_owned())),
            Cells::Postgres(row) => {
                row.try_get_raw(column).map(|raw| (raw.is_null(), raw.type_info().name().to_owned()))
            }
        };
        let (is_null, name) = raw_type.map_err(|error| self.broken(column, error))?;
        Ok(match name.as_str() {
            _ if is_null => serde_json::Value::Null,
            "INTEGER" | "INT8" => self.get::<i64>(column)?.into(),
            "REAL" | "FLOAT8" => self.get::<f64>(column)?.into(),
            "TEXT" => self.get::<String>(column)?.into(),
            other => return Err(self.broken(column, format!("holds a value of type {other}"))),
        })
    }

    /// The row by its id or its number in the ledger. What else a row holds may be a plate or somebody's name, which an
    /// error, and so a log, must not show.
    fn name(&self) -> String {
        let id = match &self.cells {
            Cells::Sqlite(row) => {
                row.try_get::<String, _>("id").or_else(|_| row.try_get::<i64, _>("seq").map(|n| n.to_string()))
            }
            Cells::Postgres(row) => {
                row.try_get::<String, _>("id").or_else(|_| row.try_get::<i64, _>("seq").map(|n| n.to_string()))
            }
        };
        id.unwrap_or_else(|_| "(row)".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_make_few_statements_and_none_is_left_out() {
        let rows = (0..75_i64).map(|n| vec![Value::from(n), Value::from("x")]).collect();
        let queries = inserts("t", &["a", "b"], "ON CONFLICT DO NOTHING", rows);
        assert_eq!(queries.iter().map(|query| query.values.len() / 2).collect::<Vec<_>>(), [64, 8, 1, 1, 1]);
        let bound: Vec<&Value> = queries.iter().flat_map(|query| query.values.iter().step_by(2)).collect();
        assert!(bound.iter().enumerate().all(|(n, value)| **value == Value::from(n as i64)));
        assert_eq!(queries[4].text.as_str(), "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        assert!(queries[1].text.as_str().contains("($15, $16) ON"));
    }
}
