//! `/api/v1/admin/...`: accounts, what is set at run time, templates, and the history of each; for administrators.

mod forms;
mod settings;
mod users;

pub use self::{forms::*, settings::*, users::*};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Problem, Shared,
    auth::Staff,
    json::{Params, Private},
    records::limit,
};
use crate::{domain::staff::Role, settings::Refused};

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let told = refused.to_string();
        match refused {
            Refused::NotFound(_) => Self::not_found(told),
            Refused::Stale { .. } => Self::conflict(told).named("stale"),
            Refused::KeyReused => Self::conflict(told).named("key-reused"),
            Refused::Store(error) => error.into(),
            Refused::Wrong(wrong) => {
                wrong.into_iter().fold(Self::unprocessable(told), |problem, one| problem.field(one.field, one.reason))
            }
        }
    }
}

/// Whose history is asked for.
#[derive(Debug, Deserialize)]
pub struct Asked {
    about: Option<String>,
    id: Option<String>,
    limit: Option<u32>,
}

/// Who changed what, when and why, as it stands in the ledger, newest first.
#[utoipa::path(get, path = "/api/v1/admin/history", tag = "staff", params(
    ("about" = String, Query, description = "staff, setting, permit or city"),
    ("id" = Option<String>, Query, description = "a name, a setting, a permit; all of them when absent"),
    ("limit" = Option<u32>, Query),
), responses((status = 200), (status = 400), (status = 401), (status = 403)))]
pub async fn history(
    State(services): State<Shared>,
    staff: Staff,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    staff.require(Role::may_administer)?;
    let about = ["staff", "setting", "permit", "city"].into_iter().find(|known| Some(*known) == asked.about.as_deref());
    let about = about
        .ok_or_else(|| Problem::bad_request("about is staff, setting, permit or city").field("about", "unknown"))?;
    let changes = services.desk.changes(about, asked.id.as_deref(), limit(asked.limit)).await?;
    Ok(Private(Json(json!({"changes": changes}))).into_response())
}
