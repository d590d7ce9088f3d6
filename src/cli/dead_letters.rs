//! `yunpark dead-letters`: what was refused, as JSON, one a line; published again after a fix, or dropped.

use std::{collections::VecDeque, process::ExitCode, time::Duration};

use anyhow::Context as _;
use rumqttc::{Event, Packet, QoS};

use super::output::{complain, say};
use crate::{
    clock::Clock,
    config::Config,
    domain::dead_letter::DeadLetter,
    mqtt::{Client, Session, connect, options},
    store::{
        Db,
        dead_letters::{self, Which},
    },
};

/// Without an acknowledgement of the broker for so long, a replay has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most messages unacknowledged at a time.
const WINDOW: u16 = 20;

/// Lists the newest.
pub async fn list(config: &Config, which: &Which) -> anyhow::Result<ExitCode> {
    let db = open(config).await?;
    let letters = dead_letters::list(&db, which).await;
    db.close().await;
    for letter in letters? {
        say(&serde_json::to_string(&letter)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows one in full.
pub async fn show(config: &Config, id: &str) -> anyhow::Result<ExitCode> {
    let db = open(config).await?;
    let letter = dead_letters::find(&db, id).await;
    db.close().await;
    Ok(match letter? {
        Some(letter) => say(&serde_json::to_string_pretty(&letter)?),
        None => complain(&format!("no dead letter {id}")),
    })
}

/// Publishes those that wait again, on their own topics and in the order they were refused, and notes that it did. One that is
/// refused again waits again.
pub async fn replay(config: &Config, which: &Which) -> anyhow::Result<ExitCode> {
    let db = open(config).await?;
    let replayed = publish_waiting(config, &db, which).await;
    db.close().await;
    Ok(say(&format!("replayed {}", replayed?)))
}

/// Drops those meant.
pub async fn drop(config: &Config, which: &Which) -> anyhow::Result<ExitCode> {
    let db = open(config).await?;
    let letters = dead_letters::list(&db, which).await?;
    let mut tx = db.begin_write().await?;
    for letter in &letters {
        dead_letters::drop(&mut tx, &letter.id).await?;
    }
    tx.commit().await?;
    db.close().await;
    Ok(say(&format!("dropped {}", letters.len())))
}

async fn open(config: &Config) -> anyhow::Result<Db> {
    let db = Db::connect(&config.store).await?;
    let pending = db.pending_migrations().await?;
    if !pending.is_empty() {
        anyhow::bail!("the database lacks {}; run `yunpark migrate` first", pending.join(", "));
    }
    Ok(db)
}

async fn publish_waiting(config: &Config, db: &Db, which: &Which) -> anyhow::Result<usize> {
    let letters = dead_letters::waiting(db, which).await?;
    if letters.is_empty() {
        return Ok(0);
    }
    let mut options = options(&config.mqtt, &format!("{}-replay-{}", config.mqtt.client_id, std::process::id()))?;
    options.set_clean_session(true).set_inflight(WINDOW);
    let (client, mut events) = connect(&config.mqtt, options, letters.len() + 1)?;
    // Noted as of before the first is published, so that one that is refused again was refused later.
    let at = Clock::System.now();
    for letter in &letters {
        // The queue has room for all of them.
        client.try_publish(&letter.topic, QoS::AtLeastOnce, false, letter.payload.clone())?;
    }
    // Acknowledgements come in the order of publishing over one connection; a connection that ends is not taken up again.
    let mut waiting: VecDeque<&DeadLetter> = letters.iter().collect();
    while let Some(letter) = waiting.front() {
        acknowledged(&mut events).await?;
        dead_letters::replayed(db, &letter.id, at).await?;
        waiting.pop_front();
    }
    farewell(&client, &mut events).await;
    Ok(letters.len())
}

async fn acknowledged(events: &mut Session) -> anyhow::Result<()> {
    let ack = async {
        loop {
            if let Event::Incoming(Packet::PubAck(_)) = events.poll().await? {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(PATIENCE, ack).await.context("the broker does not acknowledge")?.context("the broker")
}

async fn farewell(client: &Client, events: &mut Session) {
    if client.try_disconnect().is_ok() {
        crate::mqtt::drain(events).await;
    }
}
