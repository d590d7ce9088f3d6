//! How streets of each class keep the rules, and how each unit works: counts of a period, each of which opens what it counts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Desk, Error};
use crate::{
    domain::{record::Kind, time::Instant},
    store::{incidents, records, staff},
};

/// Stays in streets of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ClassScore {
    /// 1 (strict) to 4 (basic); none for zones the city no longer has.
    pub class: Option<u8>,
    /// How many zones it has.
    pub zones: u64,
    /// Stays that began in the period.
    pub stays: u64,
    /// Of these, those that left in time.
    pub in_time: u64,
    /// Of these, those that became an offence.
    pub offences: u64,
    /// Of these, those that a person recorded.
    pub recorded: u64,
}

/// What the people of a unit recorded in a period.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UnitScore {
    /// The unit; none for people who belong to none.
    pub unit: Option<String>,
    /// How many people recorded something.
    pub people: u64,
    /// Warnings.
    pub warnings: u64,
    /// Corrections.
    pub corrections: u64,
    /// Penalty cases.
    pub penalties: u64,
    /// Tows, detentions, seizures.
    pub seizures: u64,
    /// All of them.
    pub records: u64,
    /// Of these, those with a deadline that has passed.
    pub overdue: u64,
}

impl Desk {
    /// Stays of a period by the class of their street.
    pub async fn class_scores(&self, from: Instant, to: Instant) -> Result<Vec<ClassScore>, Error> {
        let city = self.city();
        let mut scores = BTreeMap::<Option<u8>, ClassScore>::new();
        for zone in city.zones.values() {
            scores.entry(Some(zone.street_class)).or_default().zones += 1;
        }
        for (zone, [stays, ripe, recorded, in_time]) in incidents::by_zone(&self.db, from, to).await? {
            let score = scores.entry(city.zones.get(&zone).map(|zone| zone.street_class)).or_default();
            score.stays += stays;
            score.offences += ripe;
            score.recorded += recorded;
            score.in_time += in_time;
        }
        // What is in no class of the city comes last.
        let (unknown, known): (Vec<_>, Vec<_>) = scores.into_iter().partition(|(class, _)| class.is_none());
        Ok(known.into_iter().chain(unknown).map(|(class, score)| ClassScore { class, ..score }).collect())
    }

    /// Records of a period by the unit of whoever made them, most first.
    pub async fn unit_scores(&self, from: Instant, to: Instant) -> Result<Vec<UnitScore>, Error> {
        let units = self.units().await?;
        let now = self.clock.now();
        let mut scores = BTreeMap::<Option<String>, UnitScore>::new();
        let mut last: Option<String> = None;
        for (officer, kind, count, late) in records::by_officer(&self.db, from, to, now).await? {
            let unit = units.get(&officer).cloned().flatten();
            let score = scores.entry(unit).or_default();
            // Rows of one person stand together.
            if last.as_ref() != Some(&officer) {
                score.people += 1;
                last = Some(officer);
            }
            *match kind {
                Kind::Warning => &mut score.warnings,
                Kind::Correction => &mut score.corrections,
                Kind::Penalty => &mut score.penalties,
                Kind::Seizure => &mut score.seizures,
            } += count;
            score.records += count;
            score.overdue += late;
        }
        let mut scores: Vec<UnitScore> = scores.into_iter().map(|(unit, score)| UnitScore { unit, ..score }).collect();
        scores.sort_by(|one, other| other.records.cmp(&one.records).then_with(|| one.unit.cmp(&other.unit)));
        Ok(scores)
    }

    /// The unit of each person.
    pub(super) async fn units(&self) -> Result<BTreeMap<String, Option<String>>, Error> {
        Ok(staff::members(&self.db).await?.into_iter().map(|member| (member.name, member.unit)).collect())
    }
}
