//! SQL: one Db over SQLite and PostgreSQL, one file per aggregate.
