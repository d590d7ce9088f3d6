//! What was recorded in a period: by kind, by zone, by day of the city's calendar.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Desk, Error};
use crate::{
    domain::{ids::ZoneId, incident::State, record::Kind, text::Localized, time::Instant},
    store::{incidents, records},
};

/// Records of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Warnings.
    pub warnings: u64,
    /// Corrections.
    pub corrections: u64,
    /// Penalty cases.
    pub penalties: u64,
    /// Tows, detentions, seizures.
    pub seizures: u64,
}

impl Counts {
    fn add(&mut self, kind: Kind, count: u64) {
        *match kind {
            Kind::Warning => &mut self.warnings,
            Kind::Correction => &mut self.corrections,
            Kind::Penalty => &mut self.penalties,
            Kind::Seizure => &mut self.seizures,
        } += count;
    }
}

/// Records of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneCount {
    /// The zone.
    pub zone: ZoneId,
    /// Its name.
    pub name: Localized,
    /// How many records.
    pub count: u64,
}

/// Records of a day of the city's calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayCount {
    /// The day, `2026-03-10`.
    pub day: String,
    /// How many of each kind.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What was recorded in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// How many of each kind.
    #[serde(flatten)]
    pub counts: Counts,
    /// Incidents being watched now.
    pub incidents_open: u64,
    /// Incidents waiting for a decision now.
    pub incidents_ripe: u64,
    /// By zone, most first.
    pub by_zone: Vec<ZoneCount>,
    /// By day, in order; days without records are left out.
    pub by_day: Vec<DayCount>,
}

impl Desk {
    /// What was recorded from `from` until before `to`.
    pub async fn statistics(&self, from: Option<Instant>, to: Option<Instant>) -> Result<Statistics, Error> {
        let from = from.unwrap_or(Instant::UNIX_EPOCH);
        let to = to.unwrap_or_else(|| self.clock.now() + chrono::Duration::seconds(1));
        let city = self.city();
        let mut tx = self.db.begin_read().await?;
        let (mut counts, mut days) = (Counts::default(), BTreeMap::<String, Counts>::new());
        for tally in records::tally(&mut tx, from, to).await? {
            counts.add(tally.kind, tally.count);
            let day = tally.at.with_timezone(&city.time_zone).format("%Y-%m-%d").to_string();
            days.entry(day).or_default().add(tally.kind, tally.count);
        }
        let mut by_zone = Vec::new();
        for (zone, count) in records::by_zone(&mut tx, from, to).await? {
            let unnamed = || Localized { zh: zone.as_str().to_owned(), en: zone.as_str().to_owned() };
            let name = city.zones.get(&zone).map_or_else(unnamed, |zone| zone.name.clone());
            by_zone.push(ZoneCount { zone, name, count });
        }
        Ok(Statistics {
            counts,
            incidents_open: incidents::count(&mut tx, State::Open).await?,
            incidents_ripe: incidents::count(&mut tx, State::Ripe).await?,
            by_zone,
            by_day: days.into_iter().map(|(day, counts)| DayCount { day, counts }).collect(),
        })
    }
}
