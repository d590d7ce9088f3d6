//! `GET /api/v1/counters`: what the counters of each lot have counted, how far they drift, and who set them right.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::Staff,
    json::{Params, Private},
    records::limit,
};
use crate::{
    domain::{
        action::{Action, CounterState},
        ids::LotId,
        ledger::{Entry, Kind},
        lot::{CountedBy, Lot},
        observation::Direction,
        staff::{Actor, Role},
        time::Instant,
    },
    store::ledger,
};

/// So many of the newest acts on lots are looked through for corrections.
const ACTS: u32 = 1000;

/// What is asked of the list.
#[derive(Debug, Deserialize)]
pub struct Query {
    limit: Option<u32>,
    after: Option<String>,
}

/// The lots with counters.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountersView {
    /// When this was told.
    #[schema(value_type = String, format = DateTime)]
    generated_at: Instant,
    /// By lot id.
    counters: Vec<CounterView>,
    /// To be given as `after` for the next page; null on the last.
    next: Option<String>,
}

/// The counters of one lot. `raw` = `anchor` + `in` − `out`.
#[derive(Debug, Serialize, ToSchema)]
pub struct CounterView {
    /// The lot.
    #[schema(value_type = String)]
    lot: LotId,
    /// `counters`, or `spaces` for a lot whose spaces are the truth and whose counters are kept beside them.
    #[schema(value_type = String)]
    counted_by: CountedBy,
    /// Number of places.
    capacity: u32,
    /// Vehicles inside as the last absolute count stated them; null before the first.
    anchor: Option<i64>,
    /// When that was.
    #[schema(value_type = Option<String>, format = DateTime)]
    anchored_at: Option<Instant>,
    /// Vehicles that came in since.
    r#in: u64,
    /// Vehicles that went out since.
    out: u64,
    /// Vehicles inside as counted, also below zero or above the capacity; null before the first absolute count.
    raw: Option<i64>,
    /// Occupied places as they are shown.
    shown: Option<u32>,
    /// Vehicles counted minus vehicles stated, at the last absolute count; null before the second.
    drift: Option<i64>,
    /// The same as vehicles a day; null if those counts were less than an hour apart.
    drift_per_day: Option<f64>,
    /// Vehicles of drift to be expected in a million passages.
    drift_per_million: u64,
    /// Totals that moved by more than can be true.
    quarantined: u64,
    /// When the city file has it corrected each day, `HH:MM` of the city's time; null if not.
    nightly_reset: Option<String>,
    /// The newest correction by an operator or by the schedule; null if there was none lately.
    last_reset: Option<ResetView>,
    /// Corrections by operators among the newest thousand acts on lots.
    manual_corrections: u32,
    /// Each lane that was heard.
    lanes: Vec<LaneView>,
}

/// A correction, as it stands in the ledger.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ResetView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// `operator` or `schedule`.
    by: &'static str,
    /// Vehicles inside from then on.
    occupied: u32,
    /// Why.
    reason: Option<String>,
}

/// One lane.
#[derive(Debug, Serialize, ToSchema)]
pub struct LaneView {
    /// Its name.
    lane: String,
    /// The direction of its running total; null for one that tells single passages.
    #[schema(value_type = Option<String>)]
    direction: Option<Direction>,
    /// Its last running total.
    total: Option<u64>,
    /// When it was last heard.
    #[schema(value_type = Option<String>, format = DateTime)]
    observed_at: Option<Instant>,
}

/// The corrections of one lot.
#[derive(Debug, Default)]
struct Corrections {
    last: Option<ResetView>,
    manual: u32,
}

impl CounterView {
    fn of(lot: &Lot, told: CounterState, shown: Option<u32>, corrections: Corrections) -> Self {
        let lane = |lane: crate::domain::action::LaneState| LaneView {
            lane: lane.lane,
            direction: lane.direction,
            total: lane.total,
            observed_at: lane.observed_at,
        };
        Self {
            lot: lot.id.clone(),
            counted_by: lot.counted_by,
            capacity: lot.capacity,
            anchor: told.anchor(),
            anchored_at: told.anchored_at,
            r#in: told.entered,
            out: told.left(),
            raw: told.inside,
            shown,
            drift: told.drift,
            drift_per_day: told.drift_per_day(),
            drift_per_million: told.drift_per_million,
            quarantined: told.quarantined,
            nightly_reset: lot.nightly_reset.map(|reset| reset.at.format("%H:%M").to_string()),
            last_reset: corrections.last,
            manual_corrections: corrections.manual,
            lanes: told.lanes.into_iter().map(lane).collect(),
        }
    }
}

/// What acts on lots, newest first, say of their counters.
fn corrections(acts: &[Entry]) -> BTreeMap<&str, Corrections> {
    #[derive(Deserialize)]
    struct Act {
        action: Action,
        reason: Option<String>,
    }
    let mut of_lots: BTreeMap<&str, Corrections> = BTreeMap::new();
    for entry in acts.iter().filter(|entry| entry.kind == Kind::LotActed) {
        let Ok(Act { action: Action::Correct { occupied, .. }, reason }) = serde_json::from_str(&entry.payload) else {
            continue;
        };
        let known = of_lots.entry(entry.subject_id.as_str()).or_default();
        let by = match &entry.actor {
            Actor::System { .. } => "schedule",
            Actor::Staff { .. } | Actor::Camera { .. } => "operator",
        };
        known.manual += u32::from(by == "operator");
        known.last.get_or_insert(ResetView { at: entry.at, by, occupied, reason });
    }
    of_lots
}

/// The counters of every lot that has some, for operators.
#[utoipa::path(get, path = "/api/v1/counters", tag = "staff", params(
    ("limit" = Option<u32>, Query), ("after" = Option<String>, Query, description = "the `next` of the page before"),
), responses((status = 200, body = CountersView), (status = 400), (status = 401), (status = 403), (status = 503)))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    Params(query): Params<Query>,
) -> Result<Private<Json<CountersView>>, Problem> {
    staff.require(Role::may_operate)?;
    let city = services.city.borrow().clone();
    let limit = limit(query.limit) as usize;
    let has_counters = |lot: &&Lot| lot.counted_by == CountedBy::Counters || lot.mixed;
    let is_after = |lot: &&Lot| query.after.as_deref().is_none_or(|after| lot.id.as_str() > after);
    let mut lots: Vec<&Lot> = city.lots.values().filter(has_counters).filter(is_after).take(limit + 1).collect();
    let next = (lots.len() > limit).then(|| lots.pop()).flatten().and(lots.last()).map(|lot| lot.id.to_string());
    let acts = ledger::about_all(&services.db, "lot", ACTS).await?;
    let mut corrections = corrections(&acts);
    let board = services.board.snapshot();
    let mut counters = Vec::with_capacity(lots.len());
    for lot in lots {
        let told = services.engine.counters(&lot.id).await.map_err(|error| {
            tracing::warn!(%error, lot.id = %lot.id, "the counters cannot be told");
            Problem::unavailable("availability does not answer; try again in a moment")
        })?;
        let shown = board.lots.get(&lot.id).filter(|counts| counts.observed_at.is_some()).map(|counts| counts.occupied);
        let corrected = corrections.remove(lot.id.as_str()).unwrap_or_default();
        counters.extend(told.map(|told| CounterView::of(lot, told, shown, corrected)));
    }
    Ok(Private(Json(CountersView { generated_at: services.clock.now(), counters, next })))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{
        ledger::{Head, NewEntry},
        time::from_micros,
    };

    #[test]
    fn corrections_are_counted_by_hand_and_the_newest_is_told_whoever_made_it() {
        let entry = |at_us: i64, actor: Actor, payload: serde_json::Value| {
            let new = NewEntry {
                actor,
                kind: Kind::LotActed,
                subject_type: "lot",
                subject_id: "L2".to_owned(),
                payload,
                evidence: Vec::new(),
            };
            Entry::seal(new, from_micros(at_us).unwrap(), Head::default())
        };
        let person = || Actor::Staff { name: "li".to_owned(), role: Role::Operator };
        let correct = |occupied: u32| json!({"action": {"action": "correct", "lot": "L2", "occupied": occupied}, "reason": "by hand"});
        let acts = [
            entry(4, person(), json!({"action": {"action": "close", "lot": "L2", "closed": true}, "reason": "flood"})),
            entry(3, Actor::System { rule: "nightly_reset".to_owned() }, correct(9)),
            entry(2, person(), correct(7)),
            entry(1, person(), correct(5)),
        ];
        let told = corrections(&acts);
        let last = told["L2"].last.as_ref().unwrap();
        assert_eq!((last.by, last.occupied, told["L2"].manual), ("schedule", 9, 2));
    }
}
