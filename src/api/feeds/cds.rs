//! CDS 1.1: which sensors are online, how full rows of bays were, and, for programs that are signed in, events of enforcement.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use chrono::{DateTime, Duration, NaiveDateTime, SubsecRound, Timelike};
use serde::Deserialize;

use super::editions::tell_once;
use crate::{
    api::{Problem, Shared, auth::Staff, json::Params, lots},
    domain::{sensor_health::Illness, staff::Role, time::Instant},
    feeds::cds::{self, CSV, Device, Source, curbs, events, metrics},
    store::{incidents, records},
};

/// Longest stretch of metrics in one answer, days, and how far back they begin where nothing is asked.
const MAX_DAYS: i64 = 31;
/// Most events of one answer.
const MAX_EVENTS: u32 = 10_000;

/// CDS 1.1: the sensors and cameras, each by a UUID, and whether it is online.
#[utoipa::path(get, path = "/feeds/cds/events/status", tag = "feeds",
    responses((status = 200, content_type = "application/json"), (status = 304), (status = 429)))]
pub async fn cds_status(State(services): State<Shared>, headers: HeaderMap) -> Response {
    let picture = services.press.picture();
    let sensors = services.ward.sensors(None).into_iter().map(|sensor| Device {
        source: if sensor.binding.space.is_some() { Source::InGround } else { Source::AboveGround },
        is_online: Some(
            !sensor
                .illnesses
                .iter()
                .any(|illness| matches!(illness, Illness::GatewayDown | Illness::Silent | Illness::Unheard)),
        ),
        id: sensor.binding.id.to_string(),
    });
    let cameras = picture.city.cameras.values();
    let cameras = cameras.map(|camera| Device { id: camera.id.to_string(), source: Source::Camera, is_online: None });
    let devices: Vec<Device> = sensors.chain(cameras).collect();
    let body = cds::status(&devices, picture.at, picture.city.time_zone, &services.config.feeds);
    tell_once(&services, (body, "application/json"), &picture, &headers)
}

/// The query of metrics.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct MetricsQuery {
    start_time: Option<i64>,
    end_time: Option<i64>,
    curb_place_id: Option<String>,
}

fn instant(field: &'static str, ms: i64) -> Result<Instant, Problem> {
    let fault = "must be milliseconds since 1970";
    DateTime::from_timestamp_millis(ms)
        .ok_or_else(|| Problem::bad_request(format!("{field} {fault}")).field(field, fault))
}

/// CDS 1.1: occupancy of rows of bays by the hour, as CSV.
#[utoipa::path(get, path = "/feeds/cds/metrics/aggregates", tag = "feeds", params(
    ("start_time" = Option<i64>, Query, description = "milliseconds since 1970; a day before end_time when absent"),
    ("end_time" = Option<i64>, Query, description = "milliseconds since 1970; now when absent"),
    ("curb_place_id" = Option<String>, Query, description = "of one curb zone"),
), responses((status = 200, content_type = "application/vnd.cds+csv;version=1.1"), (status = 304), (status = 400), (status = 429), (status = 503)))]
pub async fn cds_aggregates(
    State(services): State<Shared>,
    headers: HeaderMap,
    Params(query): Params<MetricsQuery>,
) -> Result<Response, Problem> {
    let (picture, settings) = (services.press.picture(), &services.config.feeds);
    let to = query.end_time.map_or(Ok(picture.at), |ms| instant("end_time", ms))?;
    let from = query.start_time.map_or(Ok(to - Duration::days(1)), |ms| instant("start_time", ms))?;
    if from >= to || to - from > Duration::days(MAX_DAYS) {
        let fault = "must be before end_time, by at most 31 days";
        return Err(Problem::bad_request(format!("start_time {fault}")).field("start_time", fault));
    }
    let asked = lots::Asked { from, to, step_s: 3600 };
    let mut told = Vec::new();
    for lot in curbs::rows(&picture) {
        let wanted = query.curb_place_id.as_ref().is_none_or(|id| *id == curbs::lot_id(lot, settings));
        if wanted {
            let zone = picture.city.time_zone;
            told.push((lot, services.past.ask(|db| async move { asked.slots(&db, &lot.id, zone).await }).await?));
        }
    }
    let table = metrics::aggregates(told.into_iter(), picture.city.time_zone, settings);
    Ok(tell_once(&services, (table.into_bytes(), CSV), &picture, &headers))
}

/// The query of events.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct EventsQuery {
    event_time: Option<String>,
}

impl EventsQuery {
    /// The hour that is asked for; the last sixty minutes where none is.
    fn span(&self, now: Instant) -> Result<(Instant, Instant), Problem> {
        let Some(text) = &self.event_time else {
            return Ok((now - Duration::hours(1), now + Duration::seconds(1)));
        };
        let fault = "must be a UTC hour such as 2026-03-10T07";
        let hour = NaiveDateTime::parse_from_str(&format!("{text}:00"), "%Y-%m-%dT%H:%M").ok();
        let hour = hour.filter(|_| text.len() == "2026-03-10T07".len());
        let hour =
            hour.ok_or_else(|| Problem::bad_request(format!("event_time {fault}")).field("event_time", fault))?;
        let from = hour.and_utc().trunc_subsecs(0);
        debug_assert_eq!(from.minute(), 0);
        Ok((from, from + Duration::hours(1)))
    }
}

/// CDS 1.1: violations as they begin and end, warnings and cases, of one hour. No plate and no name stands in them.
#[utoipa::path(get, path = "/feeds/cds/events/events", tag = "staff", params(
    ("event_time" = Option<String>, Query, description = "a UTC hour, YYYY-MM-DDTHH; the last 60 minutes when absent"),
), responses((status = 200, content_type = "application/json"), (status = 400), (status = 401), (status = 403), (status = 429), (status = 503)))]
pub async fn cds_events(
    State(services): State<Shared>,
    staff: Staff,
    Params(query): Params<EventsQuery>,
) -> Result<Response, Problem> {
    staff.require(Role::may_read_records)?;
    let now = services.clock.now();
    let (from, to) = query.span(now)?;
    let city = services.city.borrow().clone();
    let incidents = incidents::between(&services.db, from, to, MAX_EVENTS).await?;
    let filter = records::Filter { from: Some(from), to: Some(to), ..records::Filter::default() };
    let records = records::list(&services.db, &filter, MAX_EVENTS).await?;
    let body = events::events(&city, &incidents, &records, (from, to), now, &services.config.feeds);
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::parse_rfc3339;

    #[test]
    fn an_hour_is_asked_for_by_its_name() {
        let at = |text: &str| parse_rfc3339(text).unwrap();
        let asked = |text: &str| EventsQuery { event_time: Some(text.to_owned()) }.span(at("2026-03-10T09:30:00Z"));
        assert_eq!(asked("2026-03-10T07").unwrap(), (at("2026-03-10T07:00:00Z"), at("2026-03-10T08:00:00Z")));
        for wrong in ["2026-03-10", "2026-03-10T25", "2026-03-10T07:00", "x", ""] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
        let (from, _) = EventsQuery::default().span(at("2026-03-10T09:30:00Z")).unwrap();
        assert_eq!(from, at("2026-03-10T08:30:00Z"));
    }
}
