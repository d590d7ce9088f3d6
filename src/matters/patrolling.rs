//! Patrols: which cells are due, and that one was walked.

use chrono::Duration;
use serde::Serialize;
use serde_json::json;

use super::{Error, Matters};
use crate::{
    clock,
    domain::{
        ids::GridCellId,
        ledger::{Kind, NewEntry},
        matter::patrol::{Planned, Walked, plan},
        text::Localized,
    },
    enforcement::Person,
    store::{ledger, patrols},
};

/// A cell of the plan with its name and who walks it.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedCell {
    /// The plan.
    #[serde(flatten)]
    pub planned: Planned,
    /// Its name.
    pub name: Localized,
    /// Its unit.
    pub unit: Localized,
}

impl Matters {
    /// Every cell, the most due first.
    pub async fn patrol_plan(&self) -> Result<Vec<PlannedCell>, Error> {
        let (drawn, now) = (self.drawn(), self.clock.now());
        let last = patrols::last(&self.db).await?;
        let since = now - Duration::days(self.config.rounds.hot_days.into());
        let hot = patrols::hot(&self.db, since).await?;
        let walked = drawn.city.grid_cells.keys().map(|cell| Walked {
            street_class: drawn.places.strictest(&drawn.city, cell),
            last_at: last.iter().find(|(id, _)| id == cell.as_str()).map(|(_, at)| *at),
            hot: hot.iter().find(|(id, _)| id == cell.as_str()).map_or(0, |(_, hot)| *hot),
            cell: cell.clone(),
        });
        let planned = plan(&walked.collect::<Vec<_>>(), &self.config.rounds, now);
        let named = planned.into_iter().filter_map(|planned| {
            let cell = drawn.city.grid_cells.get(&planned.cell)?;
            Some(PlannedCell { name: cell.name.clone(), unit: cell.unit.clone(), planned })
        });
        Ok(named.collect())
    }

    /// Notes that somebody walked a cell.
    pub async fn note_patrol(&self, cell: &GridCellId, person: &Person) -> Result<(), Error> {
        if !self.drawn().city.grid_cells.contains_key(cell) {
            return Err(Error::NotFound("cell"));
        }
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        patrols::note(&mut tx, &clock::new_id(), cell.as_str(), &person.name, now).await?;
        let entry = NewEntry {
            actor: person.actor(),
            kind: Kind::CellPatrolled,
            subject_type: "cell",
            subject_id: cell.to_string(),
            payload: json!({}),
            evidence: Vec::new(),
        };
        ledger::append(&mut tx, entry, now).await?;
        tx.commit().await?;
        Ok(())
    }
}
