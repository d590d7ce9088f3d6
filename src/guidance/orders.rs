//! Orders to signs: taken, withdrawn and listed, each step in the ledger; and followed by the node that guides.

use std::{convert::Infallible, sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::spoken;
use crate::{
    clock::{self, Clock},
    domain::{
        city::City,
        ids::{PanelId, SignId},
        ledger::{Kind, NewEntry},
        sign_order::{Order, OrderMode, Priority},
        staff::Actor,
        text::Localized,
        time::{Instant, rfc3339},
    },
    signboard::SignBoard,
    store::{self, Db, ledger, sign_orders},
};

/// A node that guides asks this often what was ordered.
const EVERY: Duration = Duration::from_secs(1);
/// Longest time an order may run, days.
const MAX_DAYS: i64 = 366;
/// Most orders that may run or wait at a time.
const MAX_RUNNING: usize = 1_000;
/// Longest text and longest reason, characters.
const MAX_CHARS: usize = 200;

/// Why an order is not taken or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is no such sign, panel or running order.
    #[error("there is no {0}")]
    NotFound(String),
    /// A part of it cannot be.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// Why.
        reason: String,
    },
    /// A panel cannot show its text.
    #[error("sign {sign}, panel {panel}: {error}")]
    Unfit {
        /// The sign.
        sign: SignId,
        /// The panel.
        panel: PanelId,
        /// Why.
        error: yunpark_signs::FitError,
    },
    /// There are too many already.
    #[error("{MAX_RUNNING} orders run or wait already; withdraw some first")]
    TooMany,
}

/// What a person wants signs to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// The signs; empty is all.
    pub signs: Vec<SignId>,
    /// The one panel; all when absent.
    pub panel: Option<PanelId>,
    /// Whose word it is.
    pub priority: Priority,
    /// What to show.
    pub mode: OrderMode,
    /// The text, where the mode is text.
    pub text: Option<Localized>,
    /// Whether the text is red.
    pub is_red: bool,
    /// Why; anyone may read it.
    pub reason: String,
    /// From when on; now when absent.
    pub starts_at: Option<Instant>,
    /// Until when.
    pub ends_at: Instant,
}

/// Takes and withdraws orders.
pub struct OrderDesk {
    db: Db,
    clock: Clock,
    city: watch::Receiver<Arc<City>>,
}

impl OrderDesk {
    /// A desk over the store and the city in force.
    pub fn new(db: Db, clock: Clock, city: watch::Receiver<Arc<City>>) -> Self {
        Self { db, clock, city }
    }

    /// Takes an order, with its entry in the ledger.
    ///
    /// # Errors
    /// What cannot be ordered, by the field; a text some panel cannot show.
    pub async fn order(&self, new: NewOrder, by: &Actor) -> Result<Order, Error> {
        let now = self.clock.now();
        let order = self.checked(new, by, now)?;
        let mut tx = self.db.begin_write().await?;
        if sign_orders::running(&mut tx, now).await?.len() >= MAX_RUNNING {
            return Err(Error::TooMany);
        }
        sign_orders::add(&mut tx, &order).await?;
        ledger::append(&mut tx, entry(&order, Kind::SignOrdered, by, None), now).await?;
        tx.commit().await?;
        tracing::info!(order.id = %order.id, priority = order.priority.as_str(), mode = order.mode.as_str(), "signs ordered");
        Ok(order)
    }

    /// Withdraws a running order, with its entry in the ledger.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless it runs or waits.
    pub async fn withdraw(&self, id: &str, reason: &str, by: &Actor) -> Result<(), Error> {
        self.withdraw_all(|order| order.id == id, reason, by).await
    }

    /// Withdraws every operator's order that is for this one sign, or for one panel of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn end_override(
        &self,
        sign: &SignId,
        panel: Option<&PanelId>,
        reason: &str,
        by: &Actor,
    ) -> Result<(), Error> {
        let is_meant = |order: &Order| {
            order.priority == Priority::Operator
                && order.signs.as_slice() == std::slice::from_ref(sign)
                && panel.is_none_or(|panel| order.panel.as_ref() == Some(panel))
        };
        self.withdraw_all(is_meant, reason, by).await
    }

    async fn withdraw_all(&self, is_meant: impl Fn(&Order) -> bool, reason: &str, by: &Actor) -> Result<(), Error> {
        let reason = said("reason", reason)?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        let mut meant = sign_orders::running(&mut tx, now).await?;
        meant.retain(is_meant);
        if meant.is_empty() {
            return Err(Error::NotFound("such order that still runs".to_owned()));
        }
        for order in &meant {
            sign_orders::withdraw(&mut tx, &order.id, now).await?;
            ledger::append(&mut tx, entry(order, Kind::SignOrderWithdrawn, by, Some(&reason)), now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The newest orders, whether they still run or not.
    ///
    /// # Errors
    /// The store.
    pub async fn newest(&self, limit: u32) -> Result<Vec<Order>, Error> {
        Ok(sign_orders::newest(&self.db, limit).await?)
    }

    fn checked(&self, new: NewOrder, by: &Actor, now: Instant) -> Result<Order, Error> {
        let invalid = |field, reason: &str| Error::Invalid { field, reason: reason.to_owned() };
        let text = match (new.mode, new.text) {
            (OrderMode::Text, Some(text)) => Localized { zh: said("text", &text.zh)?, en: said("text", &text.en)? },
            (OrderMode::Text, None) => return Err(invalid("text", "must say something")),
            (_, Some(_)) => return Err(invalid("text", "belongs to the mode text only")),
            (_, None) => Localized::default(),
        };
        let starts_at = new.starts_at.map_or(now, |at| at.max(now));
        if new.ends_at <= starts_at {
            return Err(invalid("ends_at", "must be later than now and than starts_at"));
        }
        if new.ends_at > now + chrono::Duration::days(MAX_DAYS) {
            return Err(invalid("ends_at", "must be within 366 days"));
        }
        let ordered_by = match by {
            Actor::Staff { name, .. } => name.clone(),
            Actor::Camera { id } => id.clone(),
            Actor::System { rule } => rule.clone(),
        };
        let order = Order {
            id: clock::new_id(),
            signs: new.signs,
            panel: new.panel,
            priority: new.priority,
            mode: new.mode,
            text,
            is_red: new.is_red,
            reason: said("reason", &new.reason)?,
            starts_at,
            ends_at: new.ends_at,
            ordered_by,
            ordered_at: now,
            withdrawn_at: None,
        };
        fits(&order, &self.city.borrow())?;
        Ok(order)
    }
}

/// Whether every sign and panel meant exists and can show the order.
fn fits(order: &Order, city: &City) -> Result<(), Error> {
    if let Some(unknown) = order.signs.iter().find(|id| !city.signs.contains_key(*id)) {
        return Err(Error::NotFound(format!("sign {unknown}")));
    }
    let mut panels = 0;
    for sign in city.signs.values() {
        for panel in sign.panels.iter().filter(|panel| order.is_for(&sign.id, &panel.id)) {
            panels += 1;
            let unfit = |error| Error::Unfit { sign: sign.id.clone(), panel: panel.id.clone(), error };
            spoken::fits(order, sign, panel).map_err(unfit)?;
        }
    }
    if panels == 0 {
        return Err(Error::NotFound(order.panel.as_ref().map_or("sign".to_owned(), |panel| format!("panel {panel}"))));
    }
    Ok(())
}

/// A text that says something, without control characters but line ends.
fn said(field: &'static str, text: &str) -> Result<String, Error> {
    let text = text.trim();
    let is_well =
        !text.is_empty() && text.chars().count() <= MAX_CHARS && !text.contains(|c: char| c.is_control() && c != '\n');
    if is_well {
        Ok(text.to_owned())
    } else {
        Err(Error::Invalid {
            field,
            reason: format!("must have 1 to {MAX_CHARS} characters, none of them a control character"),
        })
    }
}

fn entry(order: &Order, kind: Kind, by: &Actor, reason: Option<&str>) -> NewEntry {
    NewEntry {
        actor: by.clone(),
        kind,
        subject_type: "sign_order",
        subject_id: order.id.clone(),
        payload: json!({
            "signs": order.signs, "panel": order.panel, "priority": order.priority, "mode": order.mode,
            "text": order.text, "reason": reason.unwrap_or(&order.reason),
            "starts_at": rfc3339(order.starts_at), "ends_at": rfc3339(order.ends_at),
        }),
        evidence: Vec::new(),
    }
}

/// Follows what is ordered.
pub struct OrderFeed {
    db: Db,
    clock: Clock,
    signs: Arc<SignBoard>,
}

impl OrderFeed {
    /// A feed that tells the sign board.
    pub fn new(db: Db, clock: Clock, signs: Arc<SignBoard>) -> Self {
        Self { db, clock, signs }
    }

    /// Asks until `stop`. While the store does not answer, what was ordered stays until its own end.
    ///
    /// # Errors
    /// None.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut is_silent = false;
        loop {
            match sign_orders::running(&self.db, self.clock.now()).await {
                Ok(orders) => {
                    self.signs.order(orders);
                    is_silent = false;
                }
                Err(error) if !is_silent => {
                    tracing::warn!(error = %error, "orders to signs cannot be read; those known stay");
                    is_silent = true;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}
