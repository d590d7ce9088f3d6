//! Erasing pictures whose purpose is over: of vehicles that left in time, of rejected incidents, of captures that belong to none.
//! The ledger says what was erased and why; that the capture was, stays.

use chrono::Duration;
use serde_json::json;

use super::{Desk, Error};
use crate::{
    domain::{
        ledger::{Digest, Kind as Step, NewEntry},
        staff::Actor,
    },
    store::{
        erasures::{self, Rule},
        incidents, ledger,
    },
};

/// Most pictures erased in one step.
const AT_ONCE: u32 = 200;

impl Desk {
    /// Erases what is due by the retention rules; how many pictures.
    pub async fn erase_due(&self) -> Result<usize, Error> {
        let rules = self.rules();
        let kept = &rules.retention;
        let mut erased = 0;
        for rule in Rule::ALL {
            let days = match rule {
                Rule::LeftInTime => kept.left_in_time_days,
                Rule::Rejected => kept.rejected_days,
                Rule::SetAside => kept.set_aside_days,
            };
            // None is for good.
            if days > 0 {
                erased += self.erase(rule, Duration::days(days.into())).await?;
            }
        }
        Ok(erased)
    }

    async fn erase(&self, rule: Rule, after: Duration) -> Result<usize, Error> {
        let mut erased = 0;
        loop {
            let now = self.clock.now();
            let mut tx = self.db.begin_write().await?;
            incidents::one_at_a_time(&mut tx).await?;
            if erasures::catch_up(&mut tx).await? {
                tx.commit().await?;
                continue;
            }
            let due = erasures::due(&mut tx, rule, now - after, AT_ONCE).await?;
            if due.is_empty() {
                tx.commit().await?;
                return Ok(erased);
            }
            let entry = NewEntry {
                actor: Actor::System { rule: "retention".to_owned() },
                kind: Step::EvidenceErased,
                subject_type: "evidence",
                subject_id: rule.word().to_owned(),
                payload: json!({"erased": due, "after_days": after.num_days()}),
                evidence: Vec::new(),
            };
            let seq = ledger::append(&mut tx, entry, now).await?.seq;
            erasures::note(&mut tx, rule, &due, seq, now).await?;
            tx.commit().await?;
            // What a crash leaves here belongs to nothing, and `ledger verify --sweep` removes it.
            self.remove(&due).await?;
            erased += due.len();
        }
    }

    async fn remove(&self, erased: &[Digest]) -> Result<(), Error> {
        for digest in erased {
            self.evidence.erase(*digest).await?;
        }
        metrics::counter!("yunpark_evidence_erased_total").increment(erased.len() as u64);
        Ok(())
    }
}
