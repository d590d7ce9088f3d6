//! The feeds that are written once for all their readers.

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::Response,
};

use super::{MAX_AGE_S, VariantQuery, answer::Told, no_feed};
use crate::{
    api::{
        Problem, Shared,
        json::{Params, Segment},
    },
    feeds::Feed,
};

fn tell(services: &Shared, feed: Feed, query: &VariantQuery, headers: &HeaderMap) -> Result<Response, Problem> {
    let variant = query.read()?;
    if !feed.has_content(&services.press.picture()) {
        return Err(Problem::not_found("the city has nothing to tell in this feed").named("nothing-to-tell"));
    }
    let edition = services.press.edition(feed, variant);
    let licence = services.config.feeds.licence_url.as_str();
    let told = Told { edition: &edition, media_type: feed.media_type(), max_age_s: MAX_AGE_S, licence };
    Ok(told.answer(headers))
}

/// Refuses a city that is not this one.
fn this_city(services: &Shared, city: &str) -> Result<(), Problem> {
    if city == services.config.feeds.city { Ok(()) } else { Err(no_feed()) }
}

macro_rules! editions {
    ($($(#[$doc:meta])* $name:ident: $feed:ident, $path:literal, $media:literal;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(get, path = $path, tag = "feeds", params(
            ("crs" = Option<String>, Query, description = "wgs84, or gcj02 for a Chinese map"),
            ("lang" = Option<String>, Query, description = "zh or en, where the format has room for one language"),
        ), responses(
            (status = 200, content_type = $media), (status = 304, description = "unchanged since If-None-Match or If-Modified-Since"),
            (status = 400), (status = 404, description = "nothing to tell"), (status = 429),
        ))]
        pub async fn $name(
            State(services): State<Shared>,
            headers: HeaderMap,
            Params(query): Params<VariantQuery>,
        ) -> Result<Response, Problem> {
            tell(&services, Feed::$feed, &query, &headers)
        }
    )*};
}

editions! {
    /// ParkAPI v1: the list of cities.
    parkapi_v1_cities: ParkApiCities, "/feeds/parkapi/v1", "application/json";
    /// DATEX II 3.7: the table of parking places.
    datex2_v3_table: Datex3Table, "/feeds/datex2/v3/parking-table.xml", "application/xml";
    /// DATEX II 3.7: what is free.
    datex2_v3_status: Datex3Status, "/feeds/datex2/v3/parking-status.xml", "application/xml";
    /// DATEX II 3.7: where the signs stand.
    datex2_v3_signs_table: Datex3SignsTable, "/feeds/datex2/v3/vms-table.xml", "application/xml";
    /// DATEX II 2.3: the table of car parks.
    datex2_v2_table: Datex2Table, "/feeds/datex2/v2/parking-table.xml", "application/xml";
    /// DATEX II 2.3: what is free.
    datex2_v2_status: Datex2Status, "/feeds/datex2/v2/parking-status.xml", "application/xml";
    /// CDS 1.1: the curb zones.
    cds_zones: CdsZones, "/feeds/cds/curbs/zones", "application/json";
    /// CDS 1.1: the policies of the curb zones.
    cds_policies: CdsPolicies, "/feeds/cds/curbs/policies", "application/json";
    /// SIRI-FM 2.1: facility monitoring.
    siri_fm: Siri, "/feeds/siri/facility-monitoring.xml", "application/xml";
}

/// DATEX II 3.7: what each sign was last seen to show, and its faults.
#[utoipa::path(get, path = "/feeds/datex2/v3/vms.xml", tag = "feeds", responses(
    (status = 200, content_type = "application/xml"), (status = 304), (status = 404), (status = 429), (status = 503)))]
pub async fn datex2_v3_signs(
    State(services): State<Shared>,
    headers: HeaderMap,
    Params(query): Params<VariantQuery>,
) -> Result<Response, Problem> {
    crate::api::public::driven_here(&services)?;
    tell(&services, Feed::Datex3Signs, &query, &headers)
}

/// ParkAPI v1: the car parks of the city and what is free in them.
#[utoipa::path(get, path = "/feeds/parkapi/v1/{city}", tag = "feeds", params(
    ("city" = String, Path), ("crs" = Option<String>, Query), ("lang" = Option<String>, Query),
), responses((status = 200, content_type = "application/json"), (status = 304), (status = 400), (status = 404), (status = 429)))]
pub async fn parkapi_v1_city(
    State(services): State<Shared>,
    Segment(city): Segment<String>,
    headers: HeaderMap,
    Params(query): Params<VariantQuery>,
) -> Result<Response, Problem> {
    this_city(&services, &city)?;
    tell(&services, Feed::ParkApiCity, &query, &headers)
}

/// GeoJSON: the lots; `{file}` is the city with `.geojson`.
#[utoipa::path(get, path = "/feeds/geojson/{file}", tag = "feeds", params(
    ("file" = String, Path), ("crs" = Option<String>, Query), ("lang" = Option<String>, Query),
), responses((status = 200, content_type = "application/geo+json"), (status = 304), (status = 400), (status = 404), (status = 429)))]
pub async fn geojson_sites(
    State(services): State<Shared>,
    Segment(file): Segment<String>,
    headers: HeaderMap,
    Params(query): Params<VariantQuery>,
) -> Result<Response, Problem> {
    this_city(&services, file.strip_suffix(".geojson").ok_or_else(no_feed)?)?;
    tell(&services, Feed::GeoJsonSites, &query, &headers)
}

/// GeoJSON: the single bays; `{file}` is the city with `.geojson`.
#[utoipa::path(get, path = "/feeds/geojson/parking-spots/{file}", tag = "feeds", params(
    ("file" = String, Path), ("crs" = Option<String>, Query), ("lang" = Option<String>, Query),
), responses((status = 200, content_type = "application/geo+json"), (status = 304), (status = 400), (status = 404), (status = 429)))]
pub async fn geojson_spots(
    State(services): State<Shared>,
    Segment(file): Segment<String>,
    headers: HeaderMap,
    Params(query): Params<VariantQuery>,
) -> Result<Response, Problem> {
    this_city(&services, file.strip_suffix(".geojson").ok_or_else(no_feed)?)?;
    tell(&services, Feed::GeoJsonSpots, &query, &headers)
}

/// A body that was written for one reader, named and dated by the picture it was written from.
pub(super) fn tell_once(
    services: &Shared,
    (body, media_type): (Vec<u8>, &'static str),
    picture: &crate::feeds::Picture,
    headers: &HeaderMap,
) -> Response {
    let etag = crate::feeds::press::etag(&body);
    let edition =
        crate::feeds::Edition { body: body.into(), etag, last_modified: picture.at, cursor: picture.cursor.clone() };
    let licence = services.config.feeds.licence_url.as_str();
    // A page may stay as it is while the picture moves, and its date with it: only its name tells.
    let mut asked = headers.clone();
    asked.remove(header::IF_MODIFIED_SINCE);
    Told { edition: &edition, media_type, max_age_s: MAX_AGE_S, licence }.answer(&asked)
}
