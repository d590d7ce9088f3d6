//! Who may speak at the broker: names, what they speak for, hashes of their passwords.

use super::{Error, On, Row, Tx, query};
use crate::domain::{speaker::Voice, time::Instant};

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// The name it signs in with.
    pub name: String,
    /// What it speaks for.
    pub voices: Vec<Voice>,
    /// Its password as the broker reads it.
    pub password_hash: String,
    /// When it was made known.
    pub made_at: Instant,
    /// When its password was changed last.
    pub rotated_at: Option<Instant>,
    /// When it was told to be silent.
    pub revoked_at: Option<Instant>,
}

/// Makes one known; whether the name was free. A name that was revoked is free again.
pub async fn add(tx: &mut Tx, speaker: &Speaker) -> Result<bool, Error> {
    let text = "INSERT INTO mqtt_devices (name, speaks_for, password_hash, made_at_us) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (name) DO UPDATE SET speaks_for = excluded.speaks_for, password_hash = excluded.password_hash, \
                made_at_us = excluded.made_at_us, rotated_at_us = NULL, revoked_at_us = NULL \
                WHERE mqtt_devices.revoked_at_us IS NOT NULL";
    let voices: Vec<String> = speaker.voices.iter().map(ToString::to_string).collect();
    let made = query("mqtt_devices", text)
        .bind(&speaker.name)
        .bind(voices.join(" "))
        .bind(&speaker.password_hash)
        .bind(speaker.made_at);
    Ok(made.execute(tx).await? == 1)
}

/// Gives one another password; whether there is one of this name.
pub async fn rotate(tx: &mut Tx, name: &str, password_hash: &str, now: Instant) -> Result<bool, Error> {
    let text = "UPDATE mqtt_devices SET password_hash = $1, rotated_at_us = $2 \
                WHERE name = $3 AND revoked_at_us IS NULL";
    Ok(query("mqtt_devices", text).bind(password_hash).bind(now).bind(name).execute(tx).await? == 1)
}

/// Silences one; whether there is one of this name.
pub async fn revoke(tx: &mut Tx, name: &str, now: Instant) -> Result<bool, Error> {
    let text = "UPDATE mqtt_devices SET revoked_at_us = $1 WHERE name = $2 AND revoked_at_us IS NULL";
    Ok(query("mqtt_devices", text).bind(now).bind(name).execute(tx).await? == 1)
}

/// All of them by name, those that were revoked too.
pub async fn all(on: impl Into<On<'_>>) -> Result<Vec<Speaker>, Error> {
    let text = "SELECT name, speaks_for, password_hash, made_at_us, rotated_at_us, revoked_at_us FROM mqtt_devices \
                ORDER BY name";
    query("mqtt_devices", text).fetch_all(on).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Speaker, Error> {
    Ok(Speaker {
        name: row.get("name")?,
        voices: row.parse("speaks_for", |words| words.split(' ').map(str::parse).collect::<Result<_, _>>())?,
        password_hash: row.get("password_hash")?,
        made_at: row.instant("made_at_us")?,
        rotated_at: row.instant_opt("rotated_at_us")?,
        revoked_at: row.instant_opt("revoked_at_us")?,
    })
}
