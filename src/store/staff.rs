//! Rows of the staff: accounts, sessions by the hash of their token, recent failed sign-ins.

use super::{Db, Error, On, Row, Tx, query};
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

/// An account as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Sign-in name.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The unit, in its own words.
    pub unit: Option<String>,
    /// Whether there is a second factor.
    pub has_second_factor: bool,
    /// Since when.
    pub created_at: Instant,
    /// When it was disabled.
    pub disabled_at: Option<Instant>,
}

macro_rules! member {
    ($rest:literal) => {
        concat!(
            "SELECT name, role, unit, CAST(CASE WHEN totp_secret IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_totp, ",
            "created_at_us, disabled_at_us FROM staff ",
            $rest
        )
    };
}

/// All accounts, by name.
pub async fn members(on: impl Into<On<'_>>) -> Result<Vec<Member>, Error> {
    query("staff", member!("ORDER BY name")).fetch_all(on).await?.iter().map(member).collect()
}

/// One account, disabled or not.
pub async fn member_named(on: impl Into<On<'_>>, name: &str) -> Result<Option<Member>, Error> {
    query("staff", member!("WHERE name = $1")).bind(name).fetch_optional(on).await?.as_ref().map(member).transpose()
}

/// Writes what an administrator changed. A new password ends the sessions, and so does disabling.
pub async fn change(tx: &mut Tx, member: &Member, password_hash: Option<&str>) -> Result<(), Error> {
    let text = "UPDATE staff SET role = $2, unit = $3, disabled_at_us = $4, password_hash = COALESCE($5, password_hash)                 WHERE name = $1";
    let change = query("staff", text).bind(&member.name).bind(member.role.as_str()).bind(member.unit.clone());
    change.bind(member.disabled_at).bind(password_hash).execute(&mut *tx).await?;
    if password_hash.is_some() || member.disabled_at.is_some() {
        query("staff_sessions", "DELETE FROM staff_sessions WHERE name = $1").bind(&member.name).execute(tx).await?;
    }
    Ok(())
}

fn member(row: &Row) -> Result<Member, Error> {
    Ok(Member {
        name: row.get("name")?,
        role: role(row)?,
        unit: row.get("unit")?,
        has_second_factor: row.count::<u64>("has_totp")? == 1,
        created_at: row.instant("created_at_us")?,
        disabled_at: row.instant_opt("disabled_at_us")?,
    })
}

/// The names and roles of all who may sign in, by name.
pub async fn roll(on: impl Into<On<'_>>) -> Result<Vec<(String, Role)>, Error> {
    let rows = query("staff", "SELECT name, role FROM staff WHERE disabled_at_us IS NULL ORDER BY name");
    rows.fetch_all(on).await?.iter().map(|row| Ok((row.get("name")?, role(row)?))).collect()
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

/// Counts a sign-in being tried as failed until it is forgotten; how many of this name failed in the present window.
/// A window that began by `window_start` is over and a new one begins. Tries of one name at the same time are counted
/// one after the other.
pub async fn count_try(tx: &mut Tx, name: &str, now: Instant, window_start: Instant) -> Result<u32, Error> {
    let text = "INSERT INTO login_failures (name, failures, since_us) VALUES ($1, 1, $2) \
                ON CONFLICT (name) DO UPDATE SET \
                failures = CASE WHEN login_failures.since_us <= $3 THEN 1 ELSE login_failures.failures + 1 END, \
                since_us = CASE WHEN login_failures.since_us <= $3 THEN $2 ELSE login_failures.since_us END \
                RETURNING name, failures";
    query("login_failures", text).bind(name).bind(now).bind(window_start).fetch_one(tx).await?.count("failures")
}

/// Forgets the failures of a name that has now signed in.
pub async fn forget_failures(tx: &mut Tx, name: &str) -> Result<u64, Error> {
    query("login_failures", "DELETE FROM login_failures WHERE name = $1").bind(name).execute(tx).await
}

/// Forgets windows, of whatever name, that are over. In a transaction of its own, so that it waits for nobody while
/// others wait for it.
pub async fn forget_old_failures(db: &Db, window_start: Instant) -> Result<u64, Error> {
    query("login_failures", "DELETE FROM login_failures WHERE since_us <= $1").bind(window_start).execute(db).await
}

/// The secret of a person's second factor, in hexadecimal, and the last step whose code was used; `None` without one.
pub async fn totp(tx: &mut Tx, name: &str) -> Result<Option<(String, Option<i64>)>, Error> {
    let row = query("staff", "SELECT totp_secret, totp_last FROM staff WHERE name = $1")
        .bind(name)
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let secret: Option<String> = row.get("totp_secret")?;
    let last = row.get("totp_last")?;
    Ok(secret.map(|secret| (secret, last)))
}

/// Gives a person a second factor, or takes it away; whether there is such a person.
pub async fn set_totp(tx: &mut Tx, name: &str, secret: Option<&str>) -> Result<bool, Error> {
    let text = "UPDATE staff SET totp_secret = $1, totp_last = NULL WHERE name = $2";
    let set = query("staff", text).bind(secret.map(str::to_owned)).bind(name).execute(&mut *tx).await?;
    query("staff_sessions", "DELETE FROM staff_sessions WHERE name = $1").bind(name).execute(tx).await?;
    Ok(set == 1)
}

/// Notes the step whose code was used.
pub async fn use_totp(tx: &mut Tx, name: &str, step: i64) -> Result<(), Error> {
    query("staff", "UPDATE staff SET totp_last = $1 WHERE name = $2")
        .bind(step)
        .bind(name)
        .execute(tx)
        .await
        .map(|_| ())
}
