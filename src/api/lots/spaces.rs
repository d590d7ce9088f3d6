//! `GET /api/v1/lots/{id}/spaces`: each bay with its state, place and outline.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::pair;
use crate::domain::{
    availability::{Freshness, SpaceStatus},
    ids::{LotId, SpaceId},
    lot::{Lot, SpaceUse},
    observation::SpaceState,
    time::Instant,
};

/// The answer to `GET /api/v1/lots/{id}/spaces`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpacesView {
    /// The lot.
    #[schema(value_type = String)]
    pub lot: LotId,
    /// Its bays in the order of the city file; none for a lot with counters only.
    pub spaces: Vec<SpaceView>,
}

/// One bay as it stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SpaceView {
    /// Unique within the lot.
    #[schema(value_type = String)]
    pub id: SpaceId,
    /// `free`, `occupied`, `unknown`.
    #[schema(value_type = String)]
    pub state: SpaceState,
    /// Whether an operator has taken it out of service or reserved it.
    pub out_of_service: bool,
    /// Whether it is out of service because it is reserved.
    pub reserved: bool,
    /// Whether its sensor's word still counts: `live`, `stale` (told, and counted as unknown), `dead` (forgotten).
    #[schema(value_type = String)]
    pub freshness: Freshness,
    /// When its sensor said so; null before its first word.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub observed_at: Option<Instant>,
    /// Its middle, `[lon, lat]`, when known.
    pub location: Option<[f64; 2]>,
    /// Its outline as a GeoJSON Polygon, when known.
    #[schema(value_type = Option<Object>)]
    pub outline: Option<geojson::Geometry>,
    /// Its special uses.
    #[schema(value_type = Vec<String>)]
    pub uses: Vec<SpaceUse>,
}

impl SpacesView {
    /// The bays of a lot; one the engine has no word of is unknown.
    pub fn of(lot: &Lot, statuses: &[SpaceStatus]) -> Self {
        let known: HashMap<&SpaceId, &SpaceStatus> = statuses.iter().map(|status| (&status.space, status)).collect();
        let view = |space: &crate::domain::lot::Space| {
            let status = known.get(&space.id);
            SpaceView {
                id: space.id.clone(),
                state: status.map_or(SpaceState::Unknown, |status| status.state),
                out_of_service: status.is_some_and(|status| status.out_of_service),
                reserved: status.is_some_and(|status| status.reserved),
                freshness: status.map_or(Freshness::Live, |status| status.freshness),
                observed_at: status.and_then(|status| status.observed_at),
                location: space.location.map(pair),
                outline: space.outline.as_ref().map(geojson::Geometry::from),
                uses: space.uses.clone(),
            }
        };
        Self { lot: lot.id.clone(), spaces: lot.spaces.iter().map(view).collect() }
    }
}
