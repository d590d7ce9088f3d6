//! What an administration sets at run time: each change appended, entered in the ledger, and in force on every node within
//! moments, with no restart.

mod follow;

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::{
    clock::Clock,
    config::Rules,
    domain::{
        ledger::{Digest, Kind, NewEntry, actor_text, canonical},
        setting::{self, Field, TEMPLATE, Wrong},
        staff::Actor,
        time::Instant,
    },
    store::{
        self, Db, Tx, incidents, ledger,
        settings::{self as rows, Change},
    },
};

/// The subject of its entries in the ledger.
pub const SUBJECT: &str = "setting";
/// Longest reason, characters.
const MOST_REASON: usize = 500;

/// Why nothing was set.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such setting, or no such version of it.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Fields are wrong.
    #[error("{}", .0.first().map_or_else(String::new, |wrong| format!("{} {}", wrong.field, wrong.reason)))]
    Wrong(Vec<Wrong>),
    /// Somebody else set it since it was looked at.
    #[error("somebody else changed this since you looked at it (now version {now}); look again before you change it")]
    Stale {
        /// The version in force.
        now: u64,
    },
    /// The same key was used before for something else.
    #[error("this key was used before with other content")]
    KeyReused,
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Refused {
    /// One wrong field.
    pub fn field(field: &str, reason: impl Into<String>) -> Self {
        Self::Wrong(vec![Wrong { field: field.to_owned(), reason: reason.into() }])
    }
}

/// A reason as it is kept.
pub fn reason_of(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refused::field("reason", "must say something"));
    }
    if text.chars().count() > MOST_REASON || text.contains(|c: char| c.is_control() && c != '\n') {
        return Err(Refused::field(
            "reason",
            format!("must have at most {MOST_REASON} characters, and no control characters"),
        ));
    }
    Ok(text.to_owned())
}

/// What somebody wants set.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// To what.
    pub to: To,
    /// The version they looked at; 0 where it was never set.
    pub based_on: u64,
    /// Why.
    pub reason: String,
}

/// To what something is set.
#[derive(Debug, Clone, PartialEq)]
pub enum To {
    /// These fields.
    Value(Value),
    /// What the configuration says.
    Configured,
    /// What an earlier version said.
    Version(u64),
}

/// One setting as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingView {
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: &'static [Field],
    /// What holds.
    pub value: Value,
    /// What the configuration says.
    pub configured: Value,
    /// The version in force; 0 where it was never set.
    pub version: u64,
    /// Whether a row stands in place of the configuration.
    pub is_set: bool,
    /// Who set it last.
    pub set_by: Option<String>,
    /// When.
    pub set_at: Option<Instant>,
    /// Why.
    pub reason: Option<String>,
}

/// One change as it is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeView {
    /// Counted from 1.
    pub version: u64,
    /// What it came to; none where the configuration was given its say again.
    pub value: Option<Value>,
    /// The SHA-256 of a template's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Who.
    pub set_by: String,
    /// When.
    pub set_at: Instant,
    /// Why.
    pub reason: String,
    /// Its entry in the ledger.
    pub ledger_seq: u64,
}

/// The desk of settings.
#[derive(Debug)]
pub struct SettingsDesk {
    db: Db,
    clock: Clock,
    configured: Rules,
    tell: watch::Sender<Arc<Rules>>,
}

impl SettingsDesk {
    /// The desk, and the rules in force as they change.
    pub async fn open(
        db: Db,
        clock: Clock,
        configured: Rules,
    ) -> Result<(Self, watch::Receiver<Arc<Rules>>), store::Error> {
        let rules = laid(&configured, &rows::newest(&db).await?);
        let (tell, watched) = watch::channel(Arc::new(rules));
        Ok((Self { db, clock, configured, tell }, watched))
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<Rules> {
        self.tell.borrow().clone()
    }

    /// Every setting but the templates.
    pub async fn all(&self) -> Result<Vec<SettingView>, store::Error> {
        let newest = by_name(rows::newest(&self.db).await?);
        let rules = laid_by_name(&self.configured, &newest);
        let view =
            |setting: &setting::Setting| self.view(&rules, setting.name, setting.fields, newest.get(setting.name));
        Ok(setting::SETTINGS.iter().map(view).collect())
    }

    /// One setting; `None` where there is no such name.
    pub async fn one(&self, name: &str) -> Result<Option<SettingView>, store::Error> {
        let Some(fields) = setting::fields(name) else { return Ok(None) };
        let newest = by_name(rows::newest(&self.db).await?);
        Ok(Some(self.view(&laid_by_name(&self.configured, &newest), name, fields, newest.get(name))))
    }

    fn view(&self, rules: &Rules, name: &str, fields: &'static [Field], newest: Option<&Change>) -> SettingView {
        SettingView {
            name: name.to_owned(),
            fields,
            value: rules.told(name),
            configured: self.configured.told(name),
            version: newest.map_or(0, |change| change.version),
            is_set: newest.is_some_and(|change| change.value.is_some()),
            set_by: newest.map(|change| change.set_by.clone()),
            set_at: newest.map(|change| change.set_at),
            reason: newest.map(|change| change.reason.clone()),
        }
    }

    /// Up to `limit` changes of a setting, newest first.
    pub async fn history(&self, name: &str, limit: u32) -> Result<Vec<ChangeView>, store::Error> {
        Ok(rows::history(&self.db, name, limit).await?.iter().map(told).collect())
    }

    /// Sets something, once for each key; how it stands then. `fault` says what else is wrong with a value than its fields tell.
    pub async fn set(
        &self,
        name: &str,
        wish: &Wish,
        key: &str,
        actor: &Actor,
        fault: impl Fn(&Map<String, Value>) -> Option<Wrong>,
    ) -> Result<SettingView, Refused> {
        let fields = setting::fields(name).ok_or(Refused::NotFound("setting"))?;
        let reason = reason_of(&wish.reason)?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        // Two changes at once are taken one after the other.
        incidents::one_at_a_time(&mut tx).await?;
        let content = Digest::of(canonical(&content(name, wish)).as_bytes());
        match rows::once(&mut tx, &actor_text(actor), key, content, (SUBJECT, name), now).await? {
            Some(before) if before == content => {
                drop(tx);
                return self.one(name).await?.ok_or(Refused::NotFound("setting"));
            }
            Some(_) => return Err(Refused::KeyReused),
            None => {}
        }
        let newest = by_name(rows::newest(&mut tx).await?);
        let standing = newest.get(name).map_or(0, |change| change.version);
        if wish.based_on != standing {
            return Err(Refused::Stale { now: standing });
        }
        let value = match &wish.to {
            To::Configured => None,
            To::Value(value) => Some(setting::checked(name, fields, value).map_err(Refused::Wrong)?),
            To::Version(version) => self.earlier(&mut tx, name, fields, *version).await?,
        };
        if let Some(wrong) = value.as_ref().and_then(fault) {
            return Err(Refused::Wrong(vec![wrong]));
        }
        let before = laid_by_name(&self.configured, &newest).told(name);
        let mut after = self.configured.clone();
        if let Some(value) = &value {
            after.lay(name, value);
        }
        let entry = NewEntry {
            actor: actor.clone(),
            kind: Kind::SettingChanged,
            subject_type: SUBJECT,
            subject_id: name.to_owned(),
            payload: json!({
                "version": standing + 1, "before": shown(name, before), "after": shown(name, after.told(name)),
                "configured": value.is_none(), "reason": reason,
            }),
            evidence: Vec::new(),
        };
        let ledger_seq = ledger::append(&mut tx, entry, now).await?.seq;
        let set_by = match actor {
            Actor::Staff { name, .. } => name.clone(),
            Actor::Camera { id } => id.clone(),
            Actor::System { rule } => rule.clone(),
        };
        let change = Change {
            name: name.to_owned(),
            version: standing + 1,
            value: value.map(|value| canonical(&Value::Object(value))),
            set_by,
            set_at: now,
            reason,
            ledger_seq,
        };
        rows::add(&mut tx, &change).await?;
        tx.commit().await?;
        self.renew().await?;
        self.one(name).await?.ok_or(Refused::NotFound("setting"))
    }

    /// What an earlier version said. It is checked again: what was right then may be wrong now.
    async fn earlier(
        &self,
        tx: &mut Tx,
        name: &str,
        fields: &[Field],
        version: u64,
    ) -> Result<Option<Map<String, Value>>, Refused> {
        let change = rows::find(tx, name, version).await?.ok_or(Refused::NotFound("version"))?;
        let Some(value) = change.value.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
            return Ok(None);
        };
        setting::checked(name, fields, &value).map(Some).map_err(Refused::Wrong)
    }

    /// Reads the rows again, and tells what holds now.
    async fn renew(&self) -> Result<(), store::Error> {
        let rules = laid(&self.configured, &rows::newest(&self.db).await?);
        self.tell.send_replace(Arc::new(rules));
        Ok(())
    }
}

fn content(name: &str, wish: &Wish) -> Value {
    let to = match &wish.to {
        To::Value(value) => json!({ "value": value }),
        To::Configured => json!("configured"),
        To::Version(version) => json!({ "version": version }),
    };
    json!({"name": name, "to": to, "based_on": wish.based_on, "reason": wish.reason})
}

fn by_name(changes: Vec<Change>) -> BTreeMap<String, Change> {
    changes.into_iter().map(|change| (change.name.clone(), change)).collect()
}

fn laid_by_name(configured: &Rules, newest: &BTreeMap<String, Change>) -> Rules {
    let mut rules = configured.clone();
    for change in newest.values() {
        let value = change.value.as_deref().and_then(|text| serde_json::from_str(text).ok());
        if let (Some(value), Some(_)) = (value, setting::fields(&change.name)) {
            rules.lay(&change.name, &value);
        }
    }
    rules
}

fn laid(configured: &Rules, newest: &[Change]) -> Rules {
    laid_by_name(configured, &by_name(newest.to_vec()))
}

/// A template stands in the ledger by its hash; its text is in its row.
fn shown(name: &str, value: Value) -> Value {
    match (name.starts_with(TEMPLATE), value["html"].as_str()) {
        (true, Some(html)) => json!({"sha256": Digest::of(html.as_bytes())}),
        _ => value,
    }
}

fn told(change: &Change) -> ChangeView {
    let value = change.value.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let html = value.as_ref().and_then(|value| value["html"].as_str());
    let sha256 = html.filter(|_| change.name.starts_with(TEMPLATE)).map(|html| Digest::of(html.as_bytes()));
    ChangeView {
        version: change.version,
        sha256,
        value,
        set_by: change.set_by.clone(),
        set_at: change.set_at,
        reason: change.reason.clone(),
        ledger_seq: change.ledger_seq,
    }
}
