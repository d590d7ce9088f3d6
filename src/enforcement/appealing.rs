//! Appeals: handed in against a record in time and in the order the law asks for, and what they come to.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    Desk, Error, Person,
    error::{optional_text, text},
};
use crate::{
    clock,
    domain::{
        appeal::{Appeal, Kind, Outcome, State, Step, may_file, term},
        course,
        ledger::{Kind as Said, NewEntry},
        staff::Actor,
        time::{Instant, truncate},
    },
    store::{Tx, appeals, incidents, ledger, records},
};

/// An appeal as it is handed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAppeal {
    /// The record it is against.
    pub record: String,
    /// `review` or `litigation`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// What the party asks for, and why.
    pub claim: String,
    /// The authority or the court.
    pub authority: String,
    /// When it was handed in, RFC 3339; now when absent. The law lets it be handed to us, who pass it on.
    #[serde(default)]
    pub filed_at: Option<String>,
}

/// What is done with an appeal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppealStep {
    /// `accept`, `reject`, `decide` or `withdraw`.
    #[schema(value_type = String)]
    pub step: Step,
    /// How it was decided: `upheld`, `changed`, `revoked` or `unlawful`.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// Why, or what the decision says.
    #[serde(default)]
    pub why: String,
}

/// An appeal that is to be entered.
pub(super) struct Filing {
    pub(super) kind: Kind,
    pub(super) claim: String,
    pub(super) authority: String,
    pub(super) filed_at: Instant,
}

impl Desk {
    /// Enters an appeal, if the law lets it be handed in.
    pub async fn file_appeal(&self, new: NewAppeal, person: &Person) -> Result<Appeal, Error> {
        let claim = text("claim", &new.claim, 2000)?;
        let authority = text("authority", &new.authority, 200)?;
        let now = self.clock.now();
        let filed_at = match &new.filed_at {
            Some(at) => crate::domain::time::parse_rfc3339(at)
                .map_err(|_| Error::invalid("filed_at", "is no RFC 3339 instant"))?,
            None => now,
        };
        if filed_at > now {
            return Err(Error::invalid("filed_at", "is in the future"));
        }
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let filing = Filing { kind: new.kind, claim, authority, filed_at };
        let appeal = self.file(&mut tx, &new.record, filing, (&person.name, person.actor()), now).await?;
        tx.commit().await?;
        Ok(appeal)
    }

    /// Enters an appeal in a transaction, whoever hands it in.
    pub(super) async fn file(
        &self,
        tx: &mut Tx,
        record: &str,
        Filing { kind, claim, authority, filed_at }: Filing,
        (filed_by, actor): (&str, Actor),
        now: Instant,
    ) -> Result<Appeal, Error> {
        let record = records::find(&mut *tx, record).await?.ok_or(Error::NotFound("record"))?;
        let earlier = appeals::against(&mut *tx, &record.id).await?;
        let rules = self.rules();
        let law = &rules.law;
        let until = term(kind, &record, &earlier, &law.clocks, &law.calendar, self.city().time_zone);
        may_file(kind, &record, &earlier, until, filed_at)?;
        let appeal = Appeal {
            id: clock::new_id(),
            record: record.id,
            kind,
            state: State::Filed,
            claim,
            authority,
            filed_at: truncate(filed_at),
            decided_at: None,
            outcome: None,
            note: None,
            filed_by: filed_by.to_owned(),
            ledger_seq: 0,
        };
        self.enter_appeal(tx, appeal, "file", "", actor, now).await
    }

    /// Takes a step of an appeal. One that takes the record back does so in the same transaction.
    pub async fn advance_appeal(&self, id: &str, step: AppealStep, person: &Person) -> Result<Appeal, Error> {
        let why = text("why", &step.why, 1000)?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let appeal = appeals::find(&mut tx, id).await?.ok_or(Error::NotFound("appeal"))?;
        let mut appeal = appeal.advance(step.step, step.outcome, now)?;
        appeal.note = optional_text("why", Some(&why), 1000)?;
        if appeal.outcome == Some(Outcome::Revoked) {
            let record = records::find(&mut tx, &appeal.record).await?.ok_or(Error::NotFound("record"))?;
            let by = course::By { name: &person.name, role: person.role, now, why: &why };
            let limits = course::Limits { simple_max_yuan: 0, max_yuan: 0 };
            let dues = self.dues_of(&record);
            let record = record.advance(&course::Step::Revoke, by, limits, &dues)?;
            let told = json!({"step": "revoke", "why": why, "appeal": appeal.id});
            self.enter_step(&mut tx, record, person.actor(), told, now).await?;
        }
        let appeal = self.enter_appeal(&mut tx, appeal, step.step.as_str(), &why, person.actor(), now).await?;
        tx.commit().await?;
        Ok(appeal)
    }

    async fn enter_appeal(
        &self,
        tx: &mut Tx,
        mut appeal: Appeal,
        step: &str,
        why: &str,
        actor: Actor,
        now: Instant,
    ) -> Result<Appeal, Error> {
        let entry = NewEntry {
            actor,
            kind: Said::AppealStepped,
            subject_type: "appeal",
            subject_id: appeal.id.clone(),
            payload: json!({
                "step": step, "why": why, "record": appeal.record, "appeal_kind": appeal.kind, "state": appeal.state,
                "claim": appeal.claim, "authority": appeal.authority, "outcome": appeal.outcome,
            }),
            evidence: Vec::new(),
        };
        appeal.ledger_seq = ledger::append(tx, entry, now).await?.seq;
        appeals::save(tx, &appeal).await?;
        Ok(appeal)
    }

    /// An appeal.
    pub async fn appeal(&self, id: &str) -> Result<Option<Appeal>, Error> {
        Ok(appeals::find(&self.db, id).await?)
    }

    /// The appeals against a record, or the newest of all.
    pub async fn appeals(&self, record: Option<&str>, limit: u32) -> Result<Vec<Appeal>, Error> {
        Ok(match record {
            Some(record) => appeals::against(&self.db, record).await?,
            None => appeals::list(&self.db, None, limit).await?,
        })
    }
}
