//! Accounts as an administrator keeps them: added, given another role, unit or password, disabled and enabled; each act once, with
//! its reason in the ledger.

use serde_json::{Value, json};

use super::{Refused, StaffDesk};
use crate::{
    domain::{
        ledger::{Digest, Kind, actor_text, canonical},
        staff::{Actor, Role},
        time::Instant,
    },
    store::{
        Tx, incidents, settings,
        staff::{self as rows, Member},
    },
};

/// Longest unit and longest reason, characters.
const MOST_UNIT: usize = 80;
const MOST_REASON: usize = 500;

/// A new account.
#[derive(Clone)]
pub struct NewMember {
    /// Sign-in name.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The unit, if any.
    pub unit: String,
    /// The first password.
    pub password: String,
    /// Why.
    pub reason: String,
}

/// What is to become of an account; what is absent stays.
#[derive(Clone, Default)]
pub struct Turn {
    /// Another role.
    pub role: Option<Role>,
    /// Another unit; empty is none.
    pub unit: Option<String>,
    /// Another password.
    pub password: Option<String>,
    /// Disabled, or enabled again.
    pub disabled: Option<bool>,
    /// Why.
    pub reason: String,
}

impl StaffDesk {
    /// Every account, by name.
    pub async fn members(&self) -> Result<Vec<Member>, Refused> {
        Ok(rows::members(&self.db).await?)
    }

    /// Adds an account, once for each key; the account, and whether it was added before.
    pub async fn take_on(&self, new: NewMember, key: &str, actor: &Actor) -> Result<(Member, bool), Refused> {
        let (unit, reason) = (unit_of(&new.unit)?, reason_of(&new.reason)?);
        let account = self.account(&new.name, new.role, &new.password).await?;
        let said = json!({"name": new.name, "role": new.role, "unit": unit, "reason": reason});
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        if sent_before(&mut tx, actor, key, &said, &new.name, now).await? {
            let member = rows::member_named(&mut tx, &new.name).await?.ok_or(Refused::Nobody)?;
            return Ok((member, true));
        }
        if !rows::add(&mut tx, &account, now).await? {
            return Err(Refused::Taken);
        }
        let member = rows::member_named(&mut tx, &new.name).await?.ok_or(Refused::Nobody)?;
        let member = Member { unit, ..member };
        rows::change(&mut tx, &member, None).await?;
        let payload = json!({"role": new.role.as_str(), "unit": member.unit, "reason": reason});
        self.enter(&mut tx, actor.clone(), Kind::StaffAdded, &new.name, payload, now).await?;
        tx.commit().await?;
        Ok((member, false))
    }

    /// Changes an account, once for each key. The last administrator stays one.
    pub async fn turn(&self, name: &str, turn: Turn, key: &str, actor: &Actor) -> Result<Member, Refused> {
        let reason = reason_of(&turn.reason)?;
        let unit = turn.unit.as_deref().map(unit_of).transpose()?;
        let password_hash = match &turn.password {
            // The role is not what the hash depends on.
            Some(password) => Some(self.account(name, Role::Officer, password).await?.password_hash),
            None => None,
        };
        // A password is no part of what is compared: its plain hash would be there to be guessed at.
        let has_password = turn.password.is_some();
        let said = json!({
            "name": name, "role": turn.role, "unit": unit, "password": has_password, "disabled": turn.disabled, "reason": reason,
        });
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        // Two administrators who disable each other at once are taken one after the other.
        incidents::one_at_a_time(&mut tx).await?;
        let before = rows::member_named(&mut tx, name).await?.ok_or(Refused::Nobody)?;
        if sent_before(&mut tx, actor, key, &said, name, now).await? {
            return Ok(before);
        }
        let disabled_at = match turn.disabled {
            Some(true) => before.disabled_at.or(Some(now)),
            Some(false) => None,
            None => before.disabled_at,
        };
        let after = Member {
            role: turn.role.unwrap_or(before.role),
            unit: unit.unwrap_or_else(|| before.unit.clone()),
            disabled_at,
            ..before.clone()
        };
        let administers = |member: &Member| member.role.may_administer() && member.disabled_at.is_none();
        if administers(&before) && !administers(&after) {
            let all = rows::members(&mut tx).await?;
            if !all.iter().any(|other| other.name != name && administers(other)) {
                return Err(Refused::LastAdmin);
            }
        }
        if after == before && password_hash.is_none() {
            return Ok(before);
        }
        rows::change(&mut tx, &after, password_hash.as_deref()).await?;
        let payload = json!({
            "before": told(&before), "after": told(&after), "new_password": password_hash.is_some(), "reason": reason,
        });
        self.enter(&mut tx, actor.clone(), Kind::StaffChanged, name, payload, now).await?;
        tx.commit().await?;
        Ok(after)
    }
}

/// An account as the ledger tells it.
fn told(member: &Member) -> Value {
    json!({"role": member.role, "unit": member.unit, "disabled": member.disabled_at.is_some()})
}

/// Whether this was sent before under its key.
async fn sent_before(
    tx: &mut Tx,
    actor: &Actor,
    key: &str,
    said: &Value,
    name: &str,
    now: Instant,
) -> Result<bool, Refused> {
    let content = Digest::of(canonical(said).as_bytes());
    match settings::once(tx, &actor_text(actor), key, content, ("staff", name), now).await? {
        None => Ok(false),
        Some(before) if before == content => Ok(true),
        Some(_) => Err(Refused::KeyReused),
    }
}

fn reason_of(text: &str) -> Result<String, Refused> {
    let text = text.trim();
    let odd = text.chars().any(|c| c.is_control() && c != '\n');
    if text.is_empty() || odd || text.chars().count() > MOST_REASON {
        Err(Refused::Reason)
    } else {
        Ok(text.to_owned())
    }
}

fn unit_of(text: &str) -> Result<Option<String>, Refused> {
    let text = text.trim();
    if text.chars().count() > MOST_UNIT || text.chars().any(char::is_control) {
        return Err(Refused::Unit);
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
