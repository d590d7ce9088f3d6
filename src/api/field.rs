//! `GET /api/v1/field`: what an officer's phone keeps, so that it can work with no network.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use geojson::Geometry;
use serde_json::json;

use super::{Problem, Shared, auth::Staff, json::Private};
use crate::domain::staff::Role;

/// The management cells with their units, the legal bases of each act, colleagues who may be the second officer, and what
/// stands on documents. Zones and streets are at `/api/v1/map`, lots at `/api/v1/lots`.
#[utoipa::path(get, path = "/api/v1/field", tag = "staff", responses((status = 200), (status = 401), (status = 403)))]
pub async fn kit(State(services): State<Shared>, staff: Staff) -> Result<Response, Problem> {
    staff.require(Role::may_enforce)?;
    let city = services.city.borrow().clone();
    let cells = city
        .grid_cells
        .values()
        .map(|cell| json!({"id": cell.id, "name": cell.name, "unit": cell.unit, "area": Geometry::from(&cell.area)}));
    let enforcement = &services.config.enforcement;
    let documents = &enforcement.documents;
    Ok(Private(Json(json!({
        "now": services.clock.now(),
        "grid_cells": cells.collect::<Vec<_>>(),
        "bases": enforcement.legal_bases,
        "colleagues": services.desk.colleagues(&staff.person()).await?,
        "max_late_s": enforcement.max_late_s,
        "documents": {
            "authority": documents.authority, "address": documents.address, "phone": documents.phone,
            "review_authority": documents.review_authority, "court": documents.court,
            "public_url": documents.public_url,
        },
    })))
    .into_response())
}
