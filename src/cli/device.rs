//! `yunpark device`: who may speak at the broker, and the two files Mosquitto knows them by.

use std::{io::Write as _, path::Path, process::ExitCode};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::output::{complain, say};
use crate::{
    cityfeed,
    clock::{self, Clock},
    config::{self, Config},
    domain::{
        city::City,
        speaker::{NODE, Voice},
        time::rfc3339,
    },
    mqtt::password,
    store::{
        Db,
        speakers::{self, Speaker},
    },
};

/// Bytes a password is drawn from.
const DRAWN: usize = 20;

/// Makes a device known that speaks for these things of the city, and prints its password, which is kept nowhere.
pub async fn add(config: &Config, name: &str, voices: Vec<Voice>) -> anyhow::Result<ExitCode> {
    if !is_name(name) {
        bail!("{name:?} is no name: 1 to 64 of A-Z a-z 0-9 . _ -");
    }
    if name == config.mqtt.username {
        bail!("{name:?} is the node's own name (mqtt.username)");
    }
    let db = open(config).await?;
    let city = city(&db).await?;
    if let Some(voice) = voices.iter().find(|voice| !voice.is_of(&city)) {
        bail!("the city has no {voice}");
    }
    let (password, password_hash) = draw()?;
    let made_at = Clock::System.now();
    let speaker = Speaker { name: name.to_owned(), voices, password_hash, made_at, rotated_at: None, revoked_at: None };
    let mut tx = db.begin_write().await?;
    if !speakers::add(&mut tx, &speaker).await? {
        bail!("{name:?} is known already; `yunpark device rotate` gives it another password");
    }
    tx.commit().await?;
    db.close().await;
    Ok(say(&password))
}

/// Gives a device another password, and prints it.
pub async fn rotate(config: &Config, name: &str) -> anyhow::Result<ExitCode> {
    let db = open(config).await?;
    let (password, hash) = draw()?;
    let mut tx = db.begin_write().await?;
    if !speakers::rotate(&mut tx, name, &hash, Clock::System.now()).await? {
        bail!("no device {name:?} may speak");
    }
    tx.commit().await?;
    db.close().await;
    Ok(say(&password))
}

/// Takes a device's right to speak.
pub async fn revoke(config: &Config, name: &str) -> anyhow::Result<ExitCode> {
    let db = open(config).await?;
    let mut tx = db.begin_write().await?;
    if !speakers::revoke(&mut tx, name, Clock::System.now()).await? {
        bail!("no device {name:?} may speak");
    }
    tx.commit().await?;
    db.close().await;
    Ok(say(&format!("{name} may not speak any more, once the broker has read its new files")))
}

/// Lists them as JSON, one a line; no hash is shown.
pub async fn list(config: &Config) -> anyhow::Result<ExitCode> {
    let db = open(config).await?;
    let known = speakers::all(&db).await?;
    db.close().await;
    for speaker in known {
        let voices: Vec<String> = speaker.voices.iter().map(ToString::to_string).collect();
        let line = json!({
            "name": speaker.name,
            "speaks_for": voices,
            "made_at": rfc3339(speaker.made_at),
            "rotated_at": speaker.rotated_at.map(rfc3339),
            "revoked_at": speaker.revoked_at.map(rfc3339),
        });
        say(&line.to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints Mosquitto's `acl_file`, or writes it.
pub async fn acl(config: &Config, out: Option<&Path>) -> anyhow::Result<ExitCode> {
    let db = open(config).await?;
    let (known, city) = (speakers::all(&db).await?, city(&db).await?);
    db.close().await;
    let (text, gone) = access_list(&config.mqtt, &known, &city);
    for line in gone {
        complain(&line);
    }
    put(out, &text)
}

/// Prints Mosquitto's `password_file`, or writes it.
pub async fn passwords(config: &Config, out: Option<&Path>) -> anyhow::Result<ExitCode> {
    let db = open(config).await?;
    let known = speakers::all(&db).await?;
    db.close().await;
    let mut lines = Vec::new();
    if !config.mqtt.username.is_empty() {
        lines.push(format!("{}:{}", config.mqtt.username, password::hashed(config.mqtt.password.reveal(), salt()?)));
    }
    let speaking = known.iter().filter(|speaker| speaker.revoked_at.is_none());
    lines.extend(speaking.map(|speaker| format!("{}:{}", speaker.name, speaker.password_hash)));
    put(out, &(lines.join("\n") + "\n"))
}

/// The access list, and a line for each thing of the city that is spoken for and gone. Nobody may do what does not stand in it.
fn access_list(config: &config::Mqtt, known: &[Speaker], city: &City) -> (String, Vec<String>) {
    let made = "# Made by `yunpark device acl`: each may use the topics of what it speaks for, and no others.";
    let mut lines = vec![made.to_owned()];
    let mut gone = Vec::new();
    if !config.username.is_empty() {
        lines.extend([String::new(), format!("user {}", config.username)]);
        lines.extend(NODE.iter().map(|(right, topic)| format!("topic {right} {topic}")));
    }
    for speaker in known.iter().filter(|speaker| speaker.revoked_at.is_none()) {
        lines.extend([String::new(), format!("user {}", speaker.name)]);
        for voice in &speaker.voices {
            if !voice.is_of(city) {
                gone.push(format!("{}: the city has no {voice} any more; nothing is allowed for it", speaker.name));
                continue;
            }
            lines.extend(voice.topics().iter().map(|(right, topic)| format!("topic {right} {topic}")));
        }
    }
    (lines.join("\n") + "\n", gone)
}

/// Prints a text, or puts it in the place of a file at once: a broker that reads meanwhile has the old one or the new.
fn put(out: Option<&Path>, text: &str) -> anyhow::Result<ExitCode> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let Some(out) = out else { return Ok(say(text.trim_end())) };
    let beside = out.with_extension("new");
    let written = || {
        // A file that is there already keeps its owner and mode; the broker's user may be another.
        let known = std::fs::metadata(out).ok();
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        if let Some(known) = known {
            use std::os::unix::fs::MetadataExt as _;
            std::fs::set_permissions(&beside, known.permissions())?;
            std::os::unix::fs::fchown(&file, Some(known.uid()), Some(known.gid()))?;
        }
        file.sync_all()?;
        std::fs::rename(&beside, out)
    };
    written().with_context(|| format!("{} cannot be written", out.display()))?;
    Ok(say(&format!("{} is written; let the broker read it again (kill -HUP)", out.display())))
}

fn is_name(name: &str) -> bool {
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(is_of_a_name)
}

/// A password and its hash.
fn draw() -> anyhow::Result<(String, String)> {
    let password = hex::encode(clock::random_bytes::<DRAWN>().context("the system gives no randomness")?);
    let hash = password::hashed(&password, salt()?);
    Ok((password, hash))
}

fn salt() -> anyhow::Result<[u8; password::SALT]> {
    clock::random_bytes().context("the system gives no randomness")
}

async fn city(db: &Db) -> anyhow::Result<City> {
    Ok(cityfeed::stored(db).await?.map(|(_, city)| city).unwrap_or_default())
}

async fn open(config: &Config) -> anyhow::Result<Db> {
    let db = Db::connect(&config.store).await?;
    let pending = db.pending_migrations().await?;
    if !pending.is_empty() {
        bail!("the database lacks {}; run `yunpark migrate` first", pending.join(", "));
    }
    Ok(db)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaker(name: &str, voices: &[&str]) -> Speaker {
        Speaker {
            name: name.to_owned(),
            voices: voices.iter().map(|word| word.parse().unwrap()).collect(),
            password_hash: String::new(),
            made_at: Clock::System.now(),
            rotated_at: None,
            revoked_at: None,
        }
    }

    #[test]
    fn who_was_revoked_and_what_is_gone_from_the_city_stand_in_no_list() {
        let mut silent = speaker("old", &["chirpstack"]);
        silent.revoked_at = Some(silent.made_at);
        let known = [speaker("mast", &["sign:NOWHERE", "gateway:G1"]), silent];
        let mut config = Config::load(None).unwrap().mqtt;
        config.username = "yunpark".to_owned();
        let (text, gone) = access_list(&config, &known, &City::default());
        let lines: Vec<&str> = text.lines().skip_while(|line| *line != "user mast").collect();
        assert_eq!(lines, ["user mast", "topic write yunpark/v1/gateway/G1/status"]);
        assert!(gone.len() == 1 && gone[0].contains("sign:NOWHERE"));
        assert!(text.contains("user yunpark\ntopic readwrite yunpark/#\n") && !text.contains("user old"));
    }

    #[test]
    fn a_name_cannot_break_either_file() {
        for name in ["", "a:b", "a b", "a\nuser x", "#", "a/b", "+"] {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_name("lot-L1.north_2"));
    }
}
