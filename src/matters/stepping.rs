//! Steps people take: checked by the domain, written with their ledger entry, told to partners.

use bytes::Bytes;
use chrono::Duration;
use serde::Deserialize;
use serde_json::json;

use super::{Drawn, Error, Matters, error::text};
use crate::{
    domain::{
        ledger::{Digest, Kind},
        matter::{By, Matter, Refused, Step},
        staff::Actor,
        time::Instant,
    },
    enforcement::Person,
    store::{
        Tx, evidence, incidents, matter_reports,
        matters::{self, Listed},
        records,
    },
};

/// A step as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NewStep {
    /// The step and what it needs.
    #[serde(flatten)]
    pub step: Step,
    /// Why, or what is to be said.
    #[serde(default)]
    pub why: String,
}

/// What an officer did in the street: put right, and fed back at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// What was done.
    pub note: String,
    /// When, by the officer's device; now when absent.
    pub at: Option<Instant>,
}

impl Matters {
    /// Takes a step of a matter.
    pub async fn advance(&self, id: &str, new: NewStep, key: Option<&str>, person: &Person) -> Result<Listed, Error> {
        let why = text("why", &new.why, 1000)?.unwrap_or_default();
        let content = Digest::of(json!([id, new.step, why]).to_string().as_bytes());
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        if self.was_sent(&mut tx, key, content, person).await? {
            drop(tx);
            return self.find(id).await;
        }
        let listed = matters::find(&mut tx, id).await?.ok_or(Error::NotFound("matter"))?;
        if let Step::Merge { into } = &new.step {
            self.check_master(&mut tx, &listed.matter, into).await?;
        }
        if let (Step::Verify { passed: true }, Some(subject)) = (&new.step, &listed.matter.subject)
            && self.is_ill(subject)
        {
            return Err(Error::StillIll);
        }
        if let Step::Dispatch { unit, .. } = &new.step
            && !self.drawn().directory.units.contains_key(unit)
        {
            return Err(Error::invalid("unit", "is not in the directory"));
        }
        self.take(&mut tx, listed.matter, &new.step, &why, now, person).await?;
        if let Some(key) = key {
            let sent = records::Sent { content, subject_id: id.to_owned() };
            records::remember(&mut tx, &person.name, key, &sent, now).await?;
        }
        tx.commit().await?;
        self.bell.notify_waiters();
        self.find(id).await
    }

    /// Takes what an officer did in the street, perhaps with no network: handling with pictures, and the feedback, as one.
    pub async fn handled(
        &self,
        id: &str,
        new: Handled,
        images: Vec<Bytes>,
        key: &str,
        person: &Person,
    ) -> Result<Listed, Error> {
        let note = text("note", &new.note, 1000)?.ok_or_else(|| Error::invalid("note", "must say what was done"))?;
        let now = self.clock.now();
        let late = Duration::seconds(self.desk.config().max_late_s.into());
        let at = new.at.unwrap_or(now);
        if at > now + Duration::minutes(5) || at < now - late {
            return Err(Error::invalid("at", "is too long ago, or in the future"));
        }
        let pictures: Vec<Digest> = images.iter().map(|image| Digest::of(image)).collect();
        let content = Digest::of(json!([id, note, pictures]).to_string().as_bytes());
        // Known before its pictures are decoded once more.
        let pieces = self.desk.keep(images, at).await?;
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        if self.was_sent(&mut tx, Some(key), content, person).await? {
            drop(tx);
            return self.find(id).await;
        }
        let listed = matters::find(&mut tx, id).await?.ok_or(Error::NotFound("matter"))?;
        for piece in &pieces {
            evidence::note(&mut tx, piece, now).await?;
        }
        // Nobody put it right before it was theirs.
        let begun = listed.matter.course.at.get("dispatch").copied().unwrap_or(at);
        let at = at.min(now).max(begun);
        let handle = Step::Handle { pictures };
        let matter = self.take_heard(&mut tx, listed.matter, (&handle, &note), (at, now), person).await?;
        self.take_heard(&mut tx, matter, (&Step::FeedBack, &note), (at, now), person).await?;
        let sent = records::Sent { content, subject_id: id.to_owned() };
        records::remember(&mut tx, &person.name, key, &sent, now).await?;
        tx.commit().await?;
        self.bell.notify_waiters();
        self.find(id).await
    }

    /// What a reporter thinks of how it was put right.
    pub async fn judge(&self, receipt: &str, content: u8) -> Result<(), Error> {
        if !(1..=5).contains(&content) {
            return Err(Error::invalid("content", "must be 1 to 5"));
        }
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let report = matter_reports::by_receipt(&mut tx, receipt).await?.ok_or(Error::NotFound("receipt"))?;
        let listed = matters::find(&mut tx, &report.matter).await?.ok_or(Error::NotFound("matter"))?;
        let state = listed.matter.state;
        if !matches!(state, crate::domain::matter::State::Closed | crate::domain::matter::State::Evaluated) {
            return Err(Refused::NotNow { state: state.as_str(), step: "judge" }.into());
        }
        if !matter_reports::judge(&mut tx, receipt, content).await? {
            return Err(Error::JudgedBefore);
        }
        let told = json!({"receipt": receipt, "content": content});
        let actor = Actor::System { rule: "citizen".to_owned() };
        matters::save(&mut tx, &listed.matter, (actor, Kind::MatterReported, told), Vec::new(), now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// A matter with what lists tell of it.
    pub async fn find(&self, id: &str) -> Result<Listed, Error> {
        matters::find(&self.db, id).await?.ok_or(Error::NotFound("matter"))
    }

    async fn take(
        &self,
        tx: &mut Tx,
        matter: Matter,
        step: &Step,
        why: &str,
        now: Instant,
        person: &Person,
    ) -> Result<Matter, Error> {
        self.take_heard(tx, matter, (step, why), (now, now), person).await
    }

    /// Takes a step that was done at `at` and came in now.
    async fn take_heard(
        &self,
        tx: &mut Tx,
        matter: Matter,
        (step, why): (&Step, &str),
        (at, now): (Instant, Instant),
        person: &Person,
    ) -> Result<Matter, Error> {
        let drawn = self.drawn();
        let standing = drawn.directory.standing(person);
        let by = standing.by(person, at, why);
        let mut matter = matter.advance(step, by, self.rules(&drawn))?;
        if at < now {
            matter = matter.heard(now, self.rules(&drawn))?;
        }
        self.write_step(tx, &drawn, matter, (step, why, person.actor()), now).await
    }

    /// A step the system takes by its own rules; `None` where the matter has moved on meanwhile.
    pub(super) async fn take_itself(
        &self,
        tx: &mut Tx,
        matter: Matter,
        step: &Step,
        (rule, why): (&str, &str),
        now: Instant,
    ) -> Result<Option<Matter>, Error> {
        let drawn = self.drawn();
        let command = crate::domain::matter::Command::County;
        let by = By { name: rule, role: None, command, units: &[], now, why };
        let Ok(matter) = matter.advance(step, by, self.rules(&drawn)) else { return Ok(None) };
        let actor = Actor::System { rule: rule.to_owned() };
        self.write_step(tx, &drawn, matter, (step, why, actor), now).await.map(Some)
    }

    pub(super) async fn write_step(
        &self,
        tx: &mut Tx,
        drawn: &Drawn,
        matter: Matter,
        (step, why, actor): (&Step, &str, Actor),
        now: Instant,
    ) -> Result<Matter, Error> {
        let told = json!({"step": step, "why": why});
        let evidence = if let Step::Handle { pictures } = step { pictures.clone() } else { Vec::new() };
        matters::save(tx, &matter, (actor, Kind::MatterStepped, told), evidence, now).await?;
        if let Some(into) = &matter.merged_into {
            matter_reports::hand_over(tx, &matter.id, into).await?;
        }
        metrics::counter!("yunpark_matter_steps_total", "step" => step.name()).increment(1);
        self.tell_partners(tx, drawn, &matter, step.name(), now).await?;
        Ok(matter)
    }

    async fn was_sent(&self, tx: &mut Tx, key: Option<&str>, content: Digest, person: &Person) -> Result<bool, Error> {
        let Some(key) = key else { return Ok(false) };
        match records::sent(tx, &person.name, key).await? {
            Some(sent) if sent.content == content => Ok(true),
            Some(_) => Err(Error::KeyReused),
            None => Ok(false),
        }
    }

    async fn check_master(&self, tx: &mut Tx, matter: &Matter, into: &str) -> Result<(), Error> {
        let master = matters::find(tx, into).await?.ok_or(Error::NotFound("matter to merge into"))?.matter;
        if master.id == matter.id {
            return Err(Refused::Itself.into());
        }
        if !master.state.is_open() {
            return Err(Error::invalid("into", "is closed; report it anew or reopen it"));
        }
        if master.category != matter.category {
            return Err(Error::invalid("into", "is of another kind"));
        }
        Ok(())
    }
}
