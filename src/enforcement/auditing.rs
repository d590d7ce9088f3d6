//! Who looked at what: each look-up stands in the ledger before its answer, is measured, and raises an alarm where it is odd; the
//! auditor reads all of it.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Desk, Error, Person};
use crate::{
    domain::{
        hours,
        ledger::{Digest, Entry, Kind as Step, NewEntry},
        staff::Actor,
        time::Instant,
    },
    store::{Tx, ledger},
};

/// What is an access to personal data.
const ACCESS: [Step; 6] = [
    Step::PlateLookedUp,
    Step::PlatesSearched,
    Step::EvidenceShown,
    Step::NoticePrinted,
    Step::RecordsExported,
    Step::LookUpAlarm,
];

/// The entries that change a thing that is administered.
fn changing(about: &str) -> &'static [Step] {
    match about {
        "staff" => &[Step::StaffAdded, Step::StaffReset, Step::StaffChanged],
        "setting" => &[Step::SettingChanged],
        "permit" => &[Step::PermitGranted, Step::PermitEnded],
        _ => &[Step::CityImported],
    }
}

/// Why a look-up is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Odd {
    /// More in an hour than a person needs.
    Many,
    /// One plate asked by many people in a day.
    ManyPeople,
    /// Outside the hours of duty.
    OffHours,
}

impl Odd {
    fn word(self) -> &'static str {
        match self {
            Self::Many => "many_in_an_hour",
            Self::ManyPeople => "one_plate_many_people",
            Self::OffHours => "off_hours",
        }
    }
}

/// One access.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Access {
    /// Its entry in the ledger.
    pub seq: u64,
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: Actor,
    /// What was done.
    pub kind: &'static str,
    /// To what kind of thing.
    pub subject_type: String,
    /// To which.
    pub subject_id: String,
    /// Purpose, filter, reason of an alarm.
    pub detail: Value,
}

impl From<&Entry> for Access {
    fn from(entry: &Entry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            actor: entry.actor.clone(),
            kind: entry.kind.as_str(),
            subject_type: entry.subject_type.clone(),
            subject_id: entry.subject_id.clone(),
            detail: serde_json::from_str(&entry.payload).unwrap_or_default(),
        }
    }
}

impl Desk {
    /// What the ledger says of things that are administered, newest first: of one, or of all of a kind. Sign-ins are no change.
    pub async fn changes(&self, about: &str, id: Option<&str>, limit: u32) -> Result<Vec<Access>, Error> {
        let entries = match id {
            Some(id) => ledger::about(&self.db, about, id, limit).await?,
            None => ledger::of_kinds(&self.db, changing(about), u64::MAX, limit).await?,
        };
        let kinds = changing(about);
        Ok(entries.iter().filter(|entry| kinds.contains(&entry.kind)).map(Access::from).collect())
    }

    /// Enters in the ledger that a person is about to be shown something; the entry's number. A person who looks up more than
    /// any work needs is refused, and that stands there too.
    pub(super) async fn audit(
        &self,
        kind: Step,
        subject_type: &'static str,
        subject_id: &str,
        payload: Value,
        evidence: Vec<Digest>,
        person: &Person,
    ) -> Result<u64, Error> {
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        let entry = NewEntry {
            actor: person.actor(),
            kind,
            subject_type,
            subject_id: subject_id.to_owned(),
            payload,
            evidence,
        };
        let seq = ledger::append(&mut tx, entry, now).await?.seq;
        let mut refused = None;
        if matches!(kind, Step::PlateLookedUp | Step::PlatesSearched) {
            refused = self.watch(&mut tx, kind, subject_id, person, now).await?;
        }
        tx.commit().await?;
        refused.map_or(Ok(seq), Err)
    }

    /// Raises alarms on odd look-ups; the refusal, where there were far too many.
    async fn watch(
        &self,
        tx: &mut Tx,
        kind: Step,
        subject_id: &str,
        person: &Person,
        now: Instant,
    ) -> Result<Option<Error>, Error> {
        let rules = self.rules();
        let limits = &rules.lookups;
        let (hour, day) = (now - chrono::Duration::hours(1), now - chrono::Duration::days(1));
        let actor = person.actor();
        let mine = ledger::count_by(tx, &[Step::PlateLookedUp, Step::PlatesSearched], hour, Some(&actor), None).await?;
        let mut odd = Vec::new();
        if mine > u64::from(limits.alarm_per_hour) {
            odd.push(Odd::Many);
        }
        if kind == Step::PlateLookedUp {
            let people = ledger::people_about(tx, Step::PlateLookedUp, day, subject_id).await?;
            if people > u64::from(limits.people_per_plate) {
                odd.push(Odd::ManyPeople);
            }
        }
        if !limits.duty_hours.is_empty() && !hours::is_open(Some(&limits.duty_hours), self.city().time_zone, now) {
            odd.push(Odd::OffHours);
        }
        for odd in odd {
            metrics::counter!("yunpark_lookup_alarms_total", "reason" => odd.word()).increment(1);
            // One alarm an hour for one person and reason: the next hundred say nothing new.
            if ledger::count_by(tx, &[Step::LookUpAlarm], hour, Some(&actor), Some(odd.word())).await? > 0 {
                continue;
            }
            let entry = NewEntry {
                actor: actor.clone(),
                kind: Step::LookUpAlarm,
                subject_type: "alarm",
                subject_id: odd.word().to_owned(),
                payload: json!({"about": subject_id, "in_the_last_hour": mine}),
                evidence: Vec::new(),
            };
            ledger::append(tx, entry, now).await?;
        }
        Ok((mine > u64::from(limits.most_per_hour)).then_some(Error::Slowed { retry_after_s: 3600 }))
    }

    /// Accesses to personal data, newest first: all, or alarms alone; by one person, if named.
    pub async fn accesses(
        &self,
        alarms_only: bool,
        person: Option<&str>,
        before_seq: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Access>, Error> {
        let kinds: &[Step] = if alarms_only { &[Step::LookUpAlarm] } else { &ACCESS };
        let mut found = Vec::new();
        let mut before = before_seq.unwrap_or(i64::MAX as u64);
        // A person's are picked out of pages of all, so that an actor's JSON is never searched as text.
        while found.len() < limit as usize {
            let page = ledger::of_kinds(&self.db, kinds, before, limit).await?;
            let Some(last) = page.last() else { break };
            before = last.seq;
            let is_theirs = |entry: &&Entry| match (&entry.actor, person) {
                (_, None) => true,
                (Actor::Staff { name, .. }, Some(person)) => name == person,
                _ => false,
            };
            found.extend(page.iter().filter(is_theirs).map(Access::from));
        }
        found.truncate(limit as usize);
        Ok(found)
    }
}
