//! Devices that are ill open a matter by themselves; when their health is back it waits for somebody to look.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::Duration;

use super::{Error, Matters, NewReport, Reporter};
use crate::{
    domain::{
        matter::{Source, State, Step},
        time::Instant,
    },
    store::{incidents, matters},
};

/// A device that is ill.
#[derive(Debug, Clone, PartialEq)]
pub struct Ailing {
    /// `sensor:ID`, `camera:ID`, `sign:ID` or `gateway:ID`.
    pub subject: String,
    /// The code of the matter's category.
    pub category: &'static str,
    /// How it comes in.
    pub source: Source,
    /// Since when, where that is known.
    pub since: Option<Instant>,
    /// Where it stands.
    pub location: Option<(f64, f64)>,
    /// What is wrong with it.
    pub what: String,
    /// Where, in words.
    pub place: String,
}

/// How all devices are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// Those that are ill.
    pub ill: Vec<Ailing>,
    /// Those that are surely well.
    pub well: BTreeSet<String>,
}

/// Tells how all devices are now.
pub type HealthOf = Arc<dyn Fn() -> Health + Send + Sync>;

/// Since when each device is ill, as this node saw it.
pub(super) type Since = BTreeMap<String, Instant>;

impl Matters {
    /// Whether a device is known to be ill now.
    pub(super) fn is_ill(&self, subject: &str) -> bool {
        self.gathered((self.health)()).ill.iter().any(|one| one.subject == subject)
    }

    /// Opens matters for devices that have been ill long enough, and hands on those whose health is back.
    pub(super) async fn look_after_devices(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let health = self.gathered((self.health)());
        let open = matters::about_devices(&self.db).await?;
        let has_matter: BTreeSet<&str> = open.iter().filter_map(|one| one.matter.subject.as_deref()).collect();
        for ailing in self.ill_long_enough(&health, now) {
            if has_matter.contains(ailing.subject.as_str()) {
                continue;
            }
            let new = NewReport {
                reporter: Reporter::System { rule: "device-health".to_owned() },
                source: ailing.source,
                // One matter a device and day at most comes by itself, on whatever node.
                key: format!("{} {}", ailing.subject, now.timestamp() / 60),
                category: ailing.category.to_owned(),
                location: ailing.location,
                cell: None,
                place: ailing.place.chars().take(200).collect(),
                what: ailing.what.chars().take(500).collect(),
                contact: None,
                subject: Some(ailing.subject),
            };
            match self.collect(new, Vec::new()).await {
                Ok(_) => {}
                Err(Error::Invalid { .. } | Error::Refused(_)) => {
                    tracing::debug!("a device's fault opens no matter: its category is not in the catalogue");
                }
                Err(error) => return Err(error),
            }
        }
        for listed in open {
            let subject = listed.matter.subject.as_deref().unwrap_or_default();
            if listed.matter.state == State::Dispatched && health.well.contains(subject) {
                self.note_recovered(&listed.matter.id, now).await?;
            }
        }
        Ok(())
    }

    /// How devices are, with very many that are ill at once as one: what hurts them all is one thing, and no unit can use a
    /// thousand matters about it.
    fn gathered(&self, mut health: Health) -> Health {
        let mut ill: BTreeMap<&'static str, usize> = BTreeMap::new();
        for one in &health.ill {
            *ill.entry(one.category).or_default() += 1;
        }
        for category in self.catalogue.categories.keys() {
            let subject = format!("many:{category}");
            let count = ill.get(category.as_str()).copied().unwrap_or(0);
            if count <= self.config.many_ill as usize {
                health.well.insert(subject);
                continue;
            }
            let Some(first) = health.ill.iter().find(|one| one.category == category).cloned() else { continue };
            health.ill.retain(|one| one.category != category);
            health.ill.push(Ailing { subject, location: None, what: count.to_string(), place: String::new(), ..first });
        }
        health
    }

    fn ill_long_enough(&self, health: &Health, now: Instant) -> Vec<Ailing> {
        let long = Duration::minutes(self.config.ill_after_min.into());
        let mut since = self.since.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let ill: BTreeSet<&str> = health.ill.iter().map(|one| one.subject.as_str()).collect();
        since.retain(|subject, _| ill.contains(subject.as_str()));
        let mut long_ill = Vec::new();
        for ailing in &health.ill {
            let first = *since.entry(ailing.subject.clone()).or_insert(ailing.since.unwrap_or(now).min(now));
            if now - first >= long {
                long_ill.push(ailing.clone());
            }
        }
        long_ill
    }

    async fn note_recovered(&self, id: &str, now: Instant) -> Result<(), Error> {
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let Some(listed) = matters::find(&mut tx, id).await? else { return Ok(()) };
        let said = ("device-health", "its health is back");
        let handle = Step::Handle { pictures: Vec::new() };
        if let Some(matter) = self.take_itself(&mut tx, listed.matter, &handle, said, now).await? {
            self.take_itself(&mut tx, matter, &Step::FeedBack, said, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
