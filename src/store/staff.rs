//! Rows of the staff: accounts, sessions by the hash of their token, recent failed sign-ins.

use super::{Error, On, Row, Tx, query};
use crate::domain::{ledger::Digest, staff::Role, time::Instant};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Sign-in name.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The password's hash in PHC form.
    pub password_hash: String,
}

/// A sign-in that still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// Sign-in name.
    pub name: String,
    /// The account's role as it is now.
    pub role: Role,
    /// When it ends.
    pub expires_at: Instant,
}

fn role(row: &Row) -> Result<Role, Error> {
    row.parse("role", |word| Role::parse(word).ok_or("unknown role"))
}

/// Adds an account; `false` if the name is taken.
pub async fn add(tx: &mut Tx, account: &Account, now: Instant) -> Result<bool, Error> {
    let text = "INSERT INTO staff (name, role, password_hash, created_at_us) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (name) DO NOTHING";
    let query = query("staff", text).bind(&account.name).bind(account.role.as_str()).bind(&account.password_hash);
    Ok(query.bind(now).execute(tx).await? == 1)
}

/// Gives an account another role and password, enables it, and ends its sessions.
pub async fn reset(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    let text = "UPDATE staff SET role = $2, password_hash = $3, disabled_at_us = NULL WHERE name = $1";
    let reset = query("staff", text).bind(&account.name).bind(account.role.as_str()).bind(&account.password_hash);
    reset.execute(&mut *tx).await?;
    query("staff_sessions", "DELETE FROM staff_sessions WHERE name = $1").bind(&account.name).execute(tx).await?;
    Ok(())
}

/// The account of a name, unless it is disabled.
pub async fn find(on: impl Into<On<'_>>, name: &str) -> Result<Option<Account>, Error> {
    let text = "SELECT name, role, password_hash FROM staff WHERE name = $1 AND disabled_at_us IS NULL";
    let row = query("staff", text).bind(name).fetch_optional(on).await?;
    row.map(|row| Ok(Account { name: row.get("name")?, role: role(&row)?, password_hash: row.get("password_hash")? }))
        .transpose()
}

/// Opens a session.
pub async fn open_session(
    tx: &mut Tx,
    token_hash: Digest,
    name: &str,
    now: Instant,
    expires_at: Instant,
) -> Result<(), Error> {
    let text = "INSERT INTO staff_sessions (token_hash, name, created_at_us, expires_at_us) VALUES ($1, $2, $3, $4)";
    let query = query("staff_sessions", text).bind(token_hash.to_string()).bind(name);
    query.bind(now).bind(expires_at).execute(tx).await.map(|_| ())
}

/// The session of a token that still holds at `now`, if its account does.
pub async fn session(on: impl Into<On<'_>>, token_hash: Digest, now: Instant) -> Result<Option<OpenSession>, Error> {
    let text = "SELECT s.name AS name, a.role AS role, s.expires_at_us AS expires_at_us \
                FROM staff_sessions s JOIN staff a ON a.name = s.name \
                WHERE s.token_hash = $1 AND s.expires_at_us > $2 AND a.disabled_at_us IS NULL";
    let row = query("staff_sessions", text).bind(token_hash.to_string()).bind(now).fetch_optional(on).await?;
    row.map(|row| {
        Ok(OpenSession { name: row.get("name")?, role: role(&row)?, expires_at: row.instant("expires_at_us")? })
    })
    .transpose()
}

/// Ends a session; `false` if there was none.
pub async fn close_session(tx: &mut Tx, token_hash: Digest) -> Result<bool, Error> {
    let text = "DELETE FROM staff_sessions WHERE token_hash = $1";
    Ok(query("staff_sessions", text).bind(token_hash.to_string()).execute(tx).await? == 1)
}

/// Forgets sessions that ended before `now`.
pub async fn forget_expired_sessions(tx: &mut Tx, now: Instant) -> Result<u64, Error> {
    query("staff_sessions", "DELETE FROM staff_sessions WHERE expires_at_us <= $1").bind(now).execute(tx).await
}

/// How many sign-ins of this name failed, or are still being tried, since an instant.
pub async fn failures_since(on: impl Into<On<'_>>, name: &str, since: Instant) -> Result<u32, Error> {
    let text = "SELECT COUNT(*) AS failures FROM login_failures WHERE name = $1 AND at_us > $2";
    query("login_failures", text).bind(name).bind(since).fetch_one(on).await?.count("failures")
}

/// Notes a sign-in being tried; it counts as failed until it is forgotten.
pub async fn note_failure(tx: &mut Tx, id: &str, name: &str, now: Instant) -> Result<(), Error> {
    let text = "INSERT INTO login_failures (id, name, at_us) VALUES ($1, $2, $3)";
    query("login_failures", text).bind(id).bind(name).bind(now).execute(tx).await.map(|_| ())
}

/// Forgets the failures of a name that has now signed in.
pub async fn forget_failures(tx: &mut Tx, name: &str) -> Result<u64, Error> {
    query("login_failures", "DELETE FROM login_failures WHERE name = $1").bind(name).execute(tx).await
}

/// Forgets failures, of whatever name, that are too old to count.
pub async fn forget_old_failures(tx: &mut Tx, until: Instant) -> Result<u64, Error> {
    query("login_failures", "DELETE FROM login_failures WHERE at_us <= $1").bind(until).execute(tx).await
}
