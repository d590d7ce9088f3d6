//! `POST /api/v1/lots/{id}/actions`: what an operator does to a lot, with its reason, entered in the ledger before it is done.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::{Instrument as _, Span};
use utoipa::ToSchema;

use super::AvailabilityView;
use crate::{
    api::{
        Problem, Shared,
        auth::Staff,
        json::{Body, Private, Segment},
    },
    domain::{
        action::{Action, Service},
        availability::Outcome,
        ids::{LotId, SpaceId},
        ledger::{Kind, NewEntry},
        lot::{CountedBy, Lot},
        staff::Role,
    },
    store::ledger,
    telemetry::Trail,
};

/// Longest reason, characters.
const MAX_REASON_CHARS: usize = 500;

/// What is to be done, and why.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionBody {
    /// `service`, `reserve`, `close`, `correct`.
    action: String,
    /// For `service`: the space.
    space: Option<String>,
    /// For `service`: `in_service`, `out_of_service`, `reserved`.
    #[schema(value_type = Option<String>)]
    service: Option<Service>,
    /// For `reserve`, in a lot counted by counters: how many places are kept back; 0 gives all back.
    places: Option<u32>,
    /// For `close`: closed, or open again.
    closed: Option<bool>,
    /// For `correct`, in a lot with counters: how many places are occupied.
    occupied: Option<u32>,
    /// Why; stands in the ledger.
    reason: String,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActionView {
    /// `changed`, or `confirmed` if it already was so.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// The lot as it stands now.
    pub lot: AvailabilityView,
}

/// What is wrong with a field.
fn wrong(field: &'static str, reason: &str) -> Problem {
    Problem::unprocessable(format!("{field} {reason}")).field(field, reason)
}

impl ActionBody {
    /// The action on a lot of the city.
    fn on(&self, lot: &Lot) -> Result<Action, Problem> {
        let id = lot.id.clone();
        let has_counters = lot.counted_by == CountedBy::Counters || lot.mixed;
        let has_spaces = lot.counted_by == CountedBy::Spaces || lot.mixed;
        match self.action.as_str() {
            "service" if !has_spaces => Err(wrong("action", "is for spaces, but the lot is counted by counters")),
            "service" => {
                let space = self.space.as_deref().ok_or_else(|| wrong("space", "is missing"))?;
                let space = SpaceId::parse(space).map_err(|error| wrong("space", &error.to_string()))?;
                if !lot.spaces.iter().any(|known| known.id == space) {
                    return Err(wrong("space", "is not in the lot"));
                }
                let service = self.service.ok_or_else(|| wrong("service", "is missing"))?;
                Ok(Action::Service { lot: id, space, service })
            }
            "reserve" if lot.counted_by != CountedBy::Counters => {
                Err(wrong("action", "is for lots counted by counters; reserve the spaces instead"))
            }
            "reserve" => {
                let places = self.places.ok_or_else(|| wrong("places", "is missing"))?;
                if places > lot.capacity {
                    return Err(wrong("places", "is more than the capacity"));
                }
                Ok(Action::Reserve { lot: id, places })
            }
            "close" => {
                let closed = self.closed.ok_or_else(|| wrong("closed", "is missing"))?;
                Ok(Action::Close { lot: id, closed })
            }
            "correct" if !has_counters => Err(wrong("action", "is for counters, but the lot is counted by its spaces")),
            "correct" => {
                let occupied = self.occupied.ok_or_else(|| wrong("occupied", "is missing"))?;
                if occupied > lot.capacity {
                    return Err(wrong("occupied", "is more than the capacity"));
                }
                Ok(Action::Correct { lot: id, occupied })
            }
            _ => Err(wrong("action", "must be one of service, reserve, close, correct")),
        }
    }

    fn checked_reason(&self) -> Result<&str, Problem> {
        let reason = self.reason.trim();
        if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS || reason.chars().any(char::is_control) {
            return Err(wrong("reason", "must have 1 to 500 characters on one line"));
        }
        Ok(reason)
    }
}

/// Takes a space out of service or reserves it, reserves places, closes a lot, or corrects its counters.
#[utoipa::path(post, path = "/api/v1/lots/{id}/actions", tag = "staff", params(("id" = String, Path)),
    request_body = ActionBody,
    responses((status = 200, body = ActionView), (status = 400), (status = 401), (status = 403), (status = 404),
        (status = 422), (status = 503)))]
pub async fn act(
    State(services): State<Shared>,
    staff: Staff,
    Segment(id): Segment<String>,
    trail: Option<Extension<Trail>>,
    Body(body): Body<ActionBody>,
) -> Result<Response, Problem> {
    staff.require(Role::may_act_on_lots)?;
    let city = services.city.borrow().clone();
    let lot = LotId::parse(&id).ok().and_then(|id| city.lots.get(&id));
    let lot = lot.ok_or_else(|| Problem::not_found("there is no such lot"))?;
    let action = body.on(lot)?;
    let reason = body.checked_reason()?;
    let now = services.clock.now();
    let entry = NewEntry {
        actor: staff.actor(),
        kind: Kind::LotActed,
        subject_type: "lot",
        subject_id: lot.id.to_string(),
        payload: json!({ "action": action, "reason": reason }),
        evidence: Vec::new(),
    };
    let mut tx = services.db.begin_write().await?;
    ledger::append(&mut tx, entry, now).await?;
    tx.commit().await?;
    let away = |error: crate::availability::Error| {
        tracing::warn!(%error, lot.id = %lot.id, "an operator's action could not be done");
        Problem::unavailable("availability does not answer; try again in a moment")
    };
    let applying = trail.map_or_else(Span::none, |Extension(trail)| {
        services.signs.trails().moves(&lot.id, &trail);
        trail.applying(&lot.id)
    });
    let outcome = services.engine.act(&action, now).instrument(applying).await.map_err(away)?;
    services.kept.soon();
    let counts = services.engine.lot(&lot.id).await.map_err(away)?;
    let (Outcome::Changed | Outcome::Confirmed, Some(counts)) = (outcome, counts) else {
        return Err(Problem::conflict("the lot has just changed; look at it again"));
    };
    tracing::info!(lot.id = %lot.id, outcome = ?outcome, "an operator acted on a lot");
    let lot = AvailabilityView::of(&city, lot, &counts, now, &services.config.availability);
    Ok(Private(Json(ActionView { outcome, lot })).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::city::{example, read};

    fn asked(lot: &str, body: serde_json::Value) -> Result<Action, u16> {
        let city = read(&example(), &|codec| !codec.starts_with("acme/")).unwrap();
        let body: ActionBody = serde_json::from_value(body).map_err(|_| 400_u16)?;
        body.checked_reason().map_err(|problem| problem.status().as_u16())?;
        body.on(&city.lots[lot]).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn an_action_needs_its_fields_its_kind_of_lot_and_a_reason() {
        let (spaces, counters) = ("L1", "L2");
        let lot = LotId::parse(counters).unwrap();
        let correct = json!({"action": "correct", "occupied": 12, "reason": "counted by hand"});
        assert_eq!(asked(counters, correct.clone()), Ok(Action::Correct { lot, occupied: 12 }));
        assert_eq!(asked(spaces, correct), Err(422), "its spaces say what is occupied");
        let out = json!({"action": "service", "space": "S001", "service": "out_of_service", "reason": "works"});
        assert!(matches!(asked(spaces, out.clone()), Ok(Action::Service { service: Service::OutOfService, .. })));
        assert_eq!(asked(counters, out), Err(422));
        for wrong in [
            json!({"action": "close", "reason": "flood"}),
            json!({"action": "close", "closed": true, "reason": "  "}),
            json!({"action": "service", "space": "S999", "service": "reserved", "reason": "x"}),
            json!({"action": "raze", "reason": "x"}),
        ] {
            assert_eq!(asked(spaces, wrong.clone()), Err(422), "{wrong}");
        }
        assert_eq!(asked(counters, json!({"action": "reserve", "places": 100_000, "reason": "x"})), Err(422));
        assert_eq!(asked(spaces, json!({"action": "close", "closed": true, "reason": "x", "until": 1})), Err(400));
    }
}
