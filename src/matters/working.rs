//! What runs by itself: opening what devices say, dispatching, handing up what is over its time, forgetting.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Error, Matters};
use crate::{
    domain::{
        matter::{
            Matter, State, Step,
            dispatch::{Place, choose_person, choose_unit},
        },
        time::Instant,
    },
    store::{Tx, incidents, matter_reports, matters},
};

/// How often it looks where nobody rings.
const EVERY: Duration = Duration::from_secs(5);
/// Matters looked at in one round.
const ROUND: u32 = 200;
/// An address of the public is known this long.
const ADDRESS_KEPT: chrono::Duration = chrono::Duration::hours(25);

impl Matters {
    /// Works until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), Infallible> {
        let mut forgotten_at: Option<Instant> = None;
        loop {
            let rung = self.bell.notified();
            if let Err(error) = self.round(&mut forgotten_at).await {
                tracing::warn!(%error, "matters cannot be looked after yet; trying again");
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = tokio::time::timeout(EVERY, rung) => {}
            }
        }
    }

    /// One round of all that runs by itself.
    pub async fn round(&self, forgotten_at: &mut Option<Instant>) -> Result<(), Error> {
        self.look_after_devices().await?;
        for id in matters::waiting(&self.db, State::Collected, ROUND).await? {
            self.open_itself(&id).await?;
        }
        if self.config.dispatches_itself {
            for id in matters::waiting(&self.db, State::Opened, ROUND).await? {
                self.dispatch_itself(&id).await?;
            }
        }
        let now = self.clock.now();
        for id in matters::escalating(&self.db, now, ROUND).await? {
            self.escalate(&id, now).await?;
        }
        if forgotten_at.is_none_or(|at| now - at > chrono::Duration::hours(1)) {
            *forgotten_at = Some(now);
            let ended = now - chrono::Duration::days(self.config.contact_days.into());
            matter_reports::forget(&self.db, ended, now - ADDRESS_KEPT).await?;
        }
        Ok(())
    }

    async fn open_itself(&self, id: &str) -> Result<(), Error> {
        let opens = |matter: &Matter| {
            self.catalogue.categories.get(&matter.category).is_some_and(|category| category.opens_itself)
                && matter.source.is_device()
        };
        // Looked at before anything is locked: what people say waits for people.
        if matters::find(&self.db, id).await?.is_none_or(|listed| !opens(&listed.matter)) {
            return Ok(());
        }
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let Some(listed) = matters::find(&mut tx, id).await?.filter(|listed| opens(&listed.matter)) else {
            return Ok(());
        };
        let open = Step::Open { category: None, street_class: None };
        if self.take_itself(&mut tx, listed.matter, &open, ("opens-itself", "a device said it"), now).await?.is_some() {
            tx.commit().await?;
        }
        Ok(())
    }

    async fn dispatch_itself(&self, id: &str) -> Result<(), Error> {
        // What a unit handed back, and what was taken up again, waits for a person: the rule would choose the same unit.
        let waits = |matter: &Matter| matter.course.returns > 0 || matter.course.reopened > 0;
        let answers =
            |matter: &Matter| self.drawn().directory.units.values().any(|unit| unit.answers_for(&matter.category));
        let known = matters::find(&self.db, id).await?;
        if known.is_none_or(|listed| waits(&listed.matter) || !answers(&listed.matter)) {
            return Ok(());
        }
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let Some(listed) = matters::find(&mut tx, id).await?.filter(|listed| !waits(&listed.matter)) else {
            return Ok(());
        };
        let Some((step, why)) = self.chosen(&mut tx, &listed.matter, now).await? else { return Ok(()) };
        if self.take_itself(&mut tx, listed.matter, &step, ("dispatch", &why), now).await?.is_some() {
            tx.commit().await?;
        }
        Ok(())
    }

    /// The unit and person a matter goes to by cell, category, load and shift; `None` where no unit answers for it.
    async fn chosen(&self, tx: &mut Tx, matter: &Matter, now: Instant) -> Result<Option<(Step, String)>, Error> {
        let [units, people] = matters::loads(tx).await?.map(|loads| loads.into_iter().collect::<BTreeMap<_, _>>());
        let drawn = self.drawn();
        let cell = matter.cell.as_ref().and_then(|id| drawn.city.grid_cells.get(id));
        let place = Place { cell_unit: cell.map(|cell| cell.unit.zh.as_str()), town: matter.town.as_deref() };
        let Some((unit, why)) = choose_unit(&drawn.directory.units, &units, &matter.category, place) else {
            return Ok(None);
        };
        let of_unit = drawn.directory.units.get(unit);
        let of_cell = cell.filter(|cell| of_unit.is_some_and(|unit| unit.name.zh == cell.unit.zh));
        let shifts = of_cell.into_iter().flat_map(|cell| &cell.shifts);
        let zone = drawn.city.time_zone;
        let person = choose_person(shifts, &people, zone, now)
            .or_else(|| choose_person(of_unit.into_iter().flat_map(|unit| &unit.shifts), &people, zone, now));
        let said = serde_json::to_value(why).ok().and_then(|why| why.as_str().map(str::to_owned)).unwrap_or_default();
        Ok(Some((Step::Dispatch { unit: unit.to_owned(), assignee: person.map(str::to_owned) }, said)))
    }

    async fn escalate(&self, id: &str, now: Instant) -> Result<(), Error> {
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let Some(listed) = matters::find(&mut tx, id).await? else { return Ok(()) };
        if listed.matter.escalates_at.is_none_or(|at| at > now) {
            return Ok(());
        }
        let said = ("overdue", "over its time at this level");
        if self.take_itself(&mut tx, listed.matter, &Step::Escalate, said, now).await?.is_some() {
            tx.commit().await?;
        }
        Ok(())
    }
}
