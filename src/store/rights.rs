//! What the role this program signs in with may do in PostgreSQL.

use super::{Db, Error, query};

/// What a role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Everything.
    pub is_superuser: bool,
    /// Change or drop what stands in the ledger.
    pub may_change_ledger: bool,
}

/// The rights of the present role; `None` on SQLite, which has none, and where there is no ledger yet.
pub async fn of(db: &Db) -> Result<Option<Rights>, Error> {
    let Db::Postgres { .. } = db else { return Ok(None) };
    let text = "SELECT CAST(CAST(rolsuper AS INTEGER) AS BIGINT) AS super, \
                CAST(CAST(has_table_privilege(to_regclass('ledger'), 'UPDATE') \
                OR has_table_privilege(to_regclass('ledger'), 'DELETE') AS INTEGER) AS BIGINT) AS may_change \
                FROM pg_roles WHERE rolname = current_user AND to_regclass('ledger') IS NOT NULL";
    let Some(row) = query("(none)", text).fetch_optional(db).await? else { return Ok(None) };
    Ok(Some(Rights {
        is_superuser: row.count::<i64>("super")? == 1,
        may_change_ledger: row.count::<i64>("may_change")? == 1,
    }))
}
