//! What partners are told, in order: waiting until they acknowledge it, and every try in a log.

use super::{Db, Error, On, Row, Tx, query};
use crate::domain::time::Instant;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whom it is for.
    pub partner: String,
    /// Its place in the partner's order.
    pub ordinal: u64,
    /// Its id: the same over all tries, and after a replay.
    pub id: String,
    /// The matter it is of.
    pub matter: String,
    /// The JSON that is sent as it stands.
    pub body: String,
    /// `waiting` or `sent`.
    pub state: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_at: Instant,
    /// When it was made.
    pub created_at: Instant,
    /// When it was acknowledged.
    pub sent_at: Option<Instant>,
    /// What went wrong last.
    pub reason: Option<String>,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// The partner.
    pub partner: String,
    /// The message.
    pub message: String,
    /// When.
    pub at: Instant,
    /// `acknowledged` or `failed`.
    pub outcome: String,
    /// What went wrong.
    pub detail: Option<String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT partner, ordinal, id, matter, body, state, tries, next_at_us, created_at_us, sent_at_us, reason ",
            "FROM partner_messages ",
            $rest
        )
    };
}

/// Adds a message after all others of its partner, in the transaction of what it tells.
pub async fn add(tx: &mut Tx, partner: &str, id: &str, matter: &str, body: &str, now: Instant) -> Result<(), Error> {
    let text = "INSERT INTO partner_messages (partner, ordinal, id, matter, body, state, tries, next_at_us, created_at_us) \
                SELECT $1, COALESCE(MAX(ordinal), 0) + 1, $2, $3, $4, 'waiting', 0, $5, $5 FROM partner_messages WHERE partner = $1";
    query("partner_messages", text)
        .bind(partner)
        .bind(id)
        .bind(matter)
        .bind(body)
        .bind(now)
        .execute(tx)
        .await
        .map(|_| ())
}

/// The oldest message that waits for a partner.
pub async fn next(on: impl Into<On<'_>>, partner: &str) -> Result<Option<Message>, Error> {
    let text = select!("WHERE partner = $1 AND state = 'waiting' ORDER BY ordinal LIMIT 1");
    query("partner_messages", text).bind(partner).fetch_optional(on).await?.as_ref().map(read).transpose()
}

/// A partner's messages after a place in its order, for one that comes to ask.
pub async fn after(on: impl Into<On<'_>>, partner: &str, ordinal: u64, limit: u32) -> Result<Vec<Message>, Error> {
    let text = select!("WHERE partner = $1 AND ordinal > $2 ORDER BY ordinal LIMIT $3");
    let asked = query("partner_messages", text).bind(partner).bind(ordinal.min(i64::MAX as u64) as i64).bind(limit);
    asked.fetch_all(on).await?.iter().map(read).collect()
}

/// Notes what became of a try: acknowledged, or to be tried again; and keeps it in the log.
pub async fn note(db: &Db, message: &Message, id: &str, at: Instant) -> Result<(), Error> {
    let mut tx = db.begin_write().await?;
    let text = "UPDATE partner_messages SET state = $2, tries = $3, next_at_us = $4, sent_at_us = $5, reason = $6 WHERE id = $1";
    query("partner_messages", text)
        .bind(&message.id)
        .bind(&message.state)
        .bind(message.tries)
        .bind(message.next_at)
        .bind(message.sent_at)
        .bind(message.reason.as_deref())
        .execute(&mut tx)
        .await?;
    let outcome = if message.state == "sent" { "acknowledged" } else { "failed" };
    let text =
        "INSERT INTO partner_tries (id, partner, message, at_us, outcome, detail) VALUES ($1, $2, $3, $4, $5, $6)";
    query("partner_tries", text)
        .bind(id)
        .bind(&message.partner)
        .bind(&message.id)
        .bind(at)
        .bind(outcome)
        .bind(message.reason.as_deref())
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Lets a message that was acknowledged be sent once more, after all that wait; `false` if there is none such.
pub async fn replay(db: &Db, id: &str, now: Instant) -> Result<bool, Error> {
    let text = "UPDATE partner_messages SET state = 'waiting', tries = 0, next_at_us = $2, sent_at_us = NULL, reason = NULL, \
                ordinal = (SELECT MAX(other.ordinal) + 1 FROM partner_messages AS other \
                WHERE other.partner = partner_messages.partner) WHERE id = $1 AND state = 'sent'";
    let mut tx = db.begin_write().await?;
    let replayed = query("partner_messages", text).bind(id).bind(now).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(replayed == 1)
}

/// The newest messages of a partner.
pub async fn newest(on: impl Into<On<'_>>, partner: &str, limit: u32) -> Result<Vec<Message>, Error> {
    let text = select!("WHERE ($1 = '' OR partner = $1) ORDER BY created_at_us DESC, ordinal DESC LIMIT $2");
    query("partner_messages", text).bind(partner).bind(limit).fetch_all(on).await?.iter().map(read).collect()
}

/// The newest tries of a partner.
pub async fn tries(on: impl Into<On<'_>>, partner: &str, limit: u32) -> Result<Vec<Try>, Error> {
    let text = "SELECT id, partner, message, at_us, outcome, detail FROM partner_tries WHERE ($1 = '' OR partner = $1) \
                ORDER BY at_us DESC, id DESC LIMIT $2";
    let rows = query("partner_tries", text).bind(partner).bind(limit).fetch_all(on).await?;
    let read = |row: &Row| {
        Ok(Try {
            partner: row.get("partner")?,
            message: row.get("message")?,
            at: row.instant("at_us")?,
            outcome: row.get("outcome")?,
            detail: row.get("detail")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Forgets tries before an instant, and messages acknowledged before it.
pub async fn forget(db: &Db, before: Instant) -> Result<(), Error> {
    let mut tx = db.begin_write().await?;
    query("partner_tries", "DELETE FROM partner_tries WHERE at_us < $1").bind(before).execute(&mut tx).await?;
    let text = "DELETE FROM partner_messages WHERE state = 'sent' AND sent_at_us < $1 AND ordinal < (SELECT MAX(other.ordinal) \
                FROM partner_messages AS other WHERE other.partner = partner_messages.partner)";
    query("partner_messages", text).bind(before).execute(&mut tx).await?;
    tx.commit().await
}

fn read(row: &Row) -> Result<Message, Error> {
    Ok(Message {
        partner: row.get("partner")?,
        ordinal: row.count("ordinal")?,
        id: row.get("id")?,
        matter: row.get("matter")?,
        body: row.get("body")?,
        state: row.get("state")?,
        tries: row.count("tries")?,
        next_at: row.instant("next_at_us")?,
        created_at: row.instant("created_at_us")?,
        sent_at: row.instant_opt("sent_at_us")?,
        reason: row.get("reason")?,
    })
}
