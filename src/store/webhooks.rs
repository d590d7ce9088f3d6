//! Messages to subscribers: waiting in order, sent, or dead with the reason.

use super::{Db, Error, On, Row, query};
use crate::domain::time::Instant;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id: the same over all tries, and after a replay.
    pub id: String,
    /// Whom it is for.
    pub subscriber: String,
    /// `changes` or `status`.
    pub kind: String,
    /// The JSON that is sent as it stands.
    pub body: String,
    /// `waiting`, `sent` or `dead`.
    pub state: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next.
    pub next_at: Instant,
    /// When it was made.
    pub created_at: Instant,
    /// When it was sent or given up.
    pub ended_at: Option<Instant>,
    /// What went wrong last.
    pub reason: Option<String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, subscriber, kind, body, state, tries, next_at_us, created_at_us, ended_at_us, reason ",
            "FROM webhook_messages ",
            $rest
        )
    };
}

/// Adds a message after all others of its subscriber; beyond `most` that wait, the oldest are given up. Says how many were.
pub async fn add(db: &Db, message: &Message, most: u32) -> Result<u64, Error> {
    let mut tx = db.begin_write().await?;
    let text = "INSERT INTO webhook_messages (id, subscriber, ordinal, kind, body, state, tries, next_at_us, created_at_us) \
                SELECT $1, $2, COALESCE(MAX(ordinal), 0) + 1, $3, $4, 'waiting', 0, $5, $5 \
                FROM webhook_messages WHERE subscriber = $2";
    query("webhook_messages", text)
        .bind(&message.id)
        .bind(&message.subscriber)
        .bind(&message.kind)
        .bind(&message.body)
        .bind(message.created_at)
        .execute(&mut tx)
        .await?;
    let text = "UPDATE webhook_messages SET state = 'dead', ended_at_us = $3, reason = 'too many messages wait' \
                WHERE subscriber = $1 AND state = 'waiting' AND ordinal <= (SELECT MIN(ordinal) FROM (SELECT ordinal \
                FROM webhook_messages WHERE subscriber = $1 AND state = 'waiting' ORDER BY ordinal DESC LIMIT $2) AS newest) - 1";
    let given_up = query("webhook_messages", text).bind(&message.subscriber).bind(most).bind(message.created_at);
    let given_up = given_up.execute(&mut tx).await?;
    tx.commit().await?;
    Ok(given_up)
}

/// The oldest message that waits for a subscriber.
pub async fn next(on: impl Into<On<'_>>, subscriber: &str) -> Result<Option<Message>, Error> {
    let text = select!("WHERE subscriber = $1 AND state = 'waiting' ORDER BY ordinal LIMIT 1");
    query("webhook_messages", text).bind(subscriber).fetch_optional(on).await?.as_ref().map(read).transpose()
}

/// Notes what became of a try: sent, to be tried again, or given up.
pub async fn note(db: &Db, message: &Message) -> Result<(), Error> {
    let text = "UPDATE webhook_messages SET state = $2, tries = $3, next_at_us = $4, ended_at_us = $5, reason = $6 WHERE id = $1";
    let mut tx = db.begin_write().await?;
    query("webhook_messages", text)
        .bind(&message.id)
        .bind(&message.state)
        .bind(message.tries)
        .bind(message.next_at)
        .bind(message.ended_at)
        .bind(message.reason.as_deref())
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Lets a message that was given up, or sent, be sent once more, after all that wait; `false` if there is none such.
pub async fn replay(db: &Db, id: &str, now: Instant) -> Result<bool, Error> {
    let text = "UPDATE webhook_messages SET state = 'waiting', tries = 0, next_at_us = $2, ended_at_us = NULL, reason = NULL, \
                ordinal = (SELECT MAX(other.ordinal) + 1 FROM webhook_messages AS other \
                WHERE other.subscriber = webhook_messages.subscriber) WHERE id = $1 AND state <> 'waiting'";
    let mut tx = db.begin_write().await?;
    let replayed = query("webhook_messages", text).bind(id).bind(now).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(replayed == 1)
}

/// The newest messages of a state, or of all.
pub async fn newest(on: impl Into<On<'_>>, state: &str, limit: u32) -> Result<Vec<Message>, Error> {
    let text = select!("WHERE ($1 = '' OR state = $1) ORDER BY created_at_us DESC, id DESC LIMIT $2");
    query("webhook_messages", text).bind(state).bind(limit).fetch_all(on).await?.iter().map(read).collect()
}

/// Forgets messages that ended before an instant.
pub async fn forget(db: &Db, before: Instant) -> Result<u64, Error> {
    let mut tx = db.begin_write().await?;
    let text = "DELETE FROM webhook_messages WHERE state <> 'waiting' AND ended_at_us < $1";
    let gone = query("webhook_messages", text).bind(before).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(gone)
}

fn read(row: &Row) -> Result<Message, Error> {
    Ok(Message {
        id: row.get("id")?,
        subscriber: row.get("subscriber")?,
        kind: row.get("kind")?,
        body: row.get("body")?,
        state: row.get("state")?,
        tries: u32::try_from(row.get::<i64>("tries")?).unwrap_or(u32::MAX),
        next_at: row.instant("next_at_us")?,
        created_at: row.instant("created_at_us")?,
        ended_at: row.instant_opt("ended_at_us")?,
        reason: row.get("reason")?,
    })
}
