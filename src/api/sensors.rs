//! `/api/v1/sensors`: how each sensor is, ill ones first, and what one of them said last.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Problem, Shared,
    auth::Staff,
    csv,
    json::{Params, Private, Segment},
    records::limit,
};
use crate::{
    domain::{
        ids::{ApproachId, LotId, SpaceId},
        sensor_health::{Illness, Severity},
        staff::Role,
        time::{Instant, rfc3339},
    },
    enforcement::csv_cell,
    sensor_health::SensorState,
    store::sensor_events,
};

/// Statements told of one sensor.
const EVENTS: u32 = 50;

/// What is asked of the list.
#[derive(Debug, Deserialize)]
pub struct Query {
    state: Option<String>,
    lot: Option<String>,
    limit: Option<u32>,
    after: Option<String>,
    format: Option<String>,
}

/// How the sensors are.
#[derive(Debug, Serialize, ToSchema)]
pub struct SensorsView {
    /// The instant the ages were judged at.
    #[schema(value_type = String, format = DateTime)]
    generated_at: Instant,
    /// How many there are of each state and illness, before `state` chose.
    totals: Totals,
    /// Gateways that say whether they are there.
    gateways: Vec<GatewayView>,
    /// Ill ones first, the gravest illness first, then by id.
    sensors: Vec<SensorView>,
    /// To be given as `after` for the next page; null on the last.
    next: Option<String>,
}

/// How many sensors there are.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Totals {
    /// All of them.
    sensors: usize,
    /// Somebody must look after them.
    ill: usize,
    /// Worth knowing.
    notice: usize,
    /// Nothing is wrong.
    well: usize,
    /// By illness; one sensor may have several.
    illnesses: std::collections::BTreeMap<&'static str, usize>,
}

/// A gateway.
#[derive(Debug, Serialize, ToSchema)]
pub struct GatewayView {
    /// Its id.
    id: String,
    /// Whether it is there.
    online: bool,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Instant,
}

/// One sensor.
#[derive(Debug, Serialize, ToSchema)]
pub struct SensorView {
    /// The device.
    id: String,
    /// How its frames are read.
    codec: String,
    /// The lot it reports for; null for a counter of an approach.
    #[schema(value_type = Option<String>)]
    lot: Option<LotId>,
    /// The space it watches; null for a counter.
    #[schema(value_type = Option<String>)]
    space: Option<SpaceId>,
    /// The approach whose traffic it counts; absent for all others.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    approach: Option<ApproachId>,
    /// `ill`, `notice`, `well`.
    #[schema(value_type = String)]
    state: Severity,
    /// What is wrong, gravest first.
    #[schema(value_type = Vec<String>)]
    illnesses: Vec<Illness>,
    /// Whether enforcement may rest on its word.
    trustworthy: bool,
    /// When it was last heard; null if never.
    #[schema(value_type = Option<String>, format = DateTime)]
    heard_at: Option<Instant>,
    /// It says something at least this often, seconds; null if it has no heartbeat.
    heartbeat_s: Option<u32>,
    /// Whether its space is taken, by its last word.
    occupied: Option<bool>,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Instant>,
    /// Its battery, millivolts.
    battery_mv: Option<u32>,
    /// Its battery, percent.
    battery_percent: Option<f64>,
    /// Its temperature, degrees Celsius.
    temperature_c: Option<f64>,
    /// What ails it, in its own word.
    fault: Option<String>,
    /// Why it started last, in its own word.
    restart: Option<String>,
    /// The gateways that heard it last, by their names in the network server; empty where nobody told.
    gateways: Vec<String>,
    /// How far its own clock is ahead of ours, milliseconds.
    clock_ahead_ms: Option<i64>,
    /// Statements heard.
    events: u64,
    /// Of them, known already.
    duplicates: u64,
    /// Changes that were never heard.
    missed_changes: u64,
    /// Counts that could not be true.
    implausible: u64,
}

impl SensorView {
    fn of(state: &SensorState) -> Self {
        let (binding, memory) = (&state.binding, &state.memory);
        let (battery, report) = (memory.battery.as_ref().map(|b| &b.1), memory.report.as_ref().map(|r| &r.1));
        let tally = memory.tally();
        Self {
            id: binding.id.to_string(),
            codec: binding.codec.clone(),
            lot: binding.lot.clone(),
            space: binding.space.clone(),
            approach: binding.approach.clone(),
            state: state.severity(),
            illnesses: state.illnesses.clone(),
            trustworthy: state.is_trustworthy(),
            heard_at: memory.heard_at,
            heartbeat_s: state.heartbeat_s,
            occupied: memory.word.map(|word| word.occupied),
            since: memory.moved_at(),
            battery_mv: battery.and_then(|report| report.battery_mv),
            battery_percent: battery.and_then(|report| report.battery_percent),
            temperature_c: report.and_then(|report| report.temperature_c),
            fault: report.and_then(|report| report.fault.clone()),
            restart: memory.restarts.last().map(|(_, cause)| cause.clone()),
            gateways: memory.gateways.as_ref().map(|(_, names)| names.clone()).unwrap_or_default(),
            clock_ahead_ms: memory.skew_ms.map(|(_, skew_ms)| skew_ms),
            events: tally.events,
            duplicates: tally.duplicates,
            missed_changes: tally.missed,
            implausible: tally.implausible,
        }
    }
}

/// One sensor with what it said last.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneSensorView {
    /// How it is.
    #[serde(flatten)]
    sensor: SensorView,
    /// What it said, newest first.
    last_events: Vec<EventView>,
}

/// One statement.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// When, by the network's clock.
    #[schema(value_type = String, format = DateTime)]
    at: Instant,
    /// When, by the device's own clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    device_at: Option<Instant>,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    received_at: Instant,
    /// Who carried it.
    source: String,
    /// The device's session.
    session: String,
    /// The frame counter.
    f_cnt: i64,
    /// Its place in the frame.
    index: i64,
    /// The reading.
    #[schema(value_type = Object)]
    reading: serde_json::Value,
    /// `live`, `historical` or `future`; only what is live moves the state of a space.
    standing: String,
    /// It shows a change that was never heard.
    missed: bool,
    /// The frame's port.
    f_port: Option<i64>,
    /// The frame, hexadecimal.
    frame: String,
}

/// What a list is narrowed to.
enum Chosen {
    All,
    Severity(Severity),
    Illness(Illness),
}

fn chosen(word: Option<&str>) -> Result<Chosen, Problem> {
    let Some(word) = word.filter(|word| !word.is_empty()) else { return Ok(Chosen::All) };
    let severity = match word {
        "ill" => Some(Severity::Ill),
        "notice" => Some(Severity::Notice),
        "well" => Some(Severity::Well),
        _ => None,
    };
    let illness = Illness::ALL.into_iter().find(|illness| illness.as_str() == word);
    match (severity, illness) {
        (Some(severity), _) => Ok(Chosen::Severity(severity)),
        (None, Some(illness)) => Ok(Chosen::Illness(illness)),
        (None, None) => {
            let words = Illness::ALL.map(Illness::as_str).join(", ");
            let told = format!("must be ill, notice, well, or one of {words}");
            Err(Problem::bad_request(format!("state {told}")).field("state", told))
        }
    }
}

/// The gravest first, by its gravest illness, then by id; also what `after` names.
fn place(state: &SensorState) -> (u8, u8, &str) {
    let rank = match state.severity() {
        Severity::Ill => 0,
        Severity::Notice => 1,
        Severity::Well => 2,
    };
    let gravest = state.illnesses.first();
    let gravity = gravest.and_then(|gravest| Illness::ALL.iter().position(|illness| illness == gravest));
    (rank, gravity.map_or(u8::MAX, |place| place as u8), state.binding.id.as_str())
}

fn read_place(text: &str) -> Result<(u8, u8, &str), Problem> {
    let mut parts = text.splitn(3, '.');
    let mut part = || parts.next();
    let mut read = || Some((part()?.parse().ok()?, part()?.parse().ok()?, part()?));
    let read = read();
    let told = "must be the `next` of the page before";
    read.ok_or_else(|| Problem::bad_request(format!("after {told}")).field("after", told))
}

/// How the sensors are, ill ones first, for operators; as CSV if asked.
#[utoipa::path(get, path = "/api/v1/sensors", tag = "staff", params(
    ("state" = Option<String>, Query, description = "ill, notice, well, or the name of an illness"),
    ("lot" = Option<String>, Query), ("limit" = Option<u32>, Query), ("after" = Option<String>, Query),
    ("format" = Option<String>, Query, description = "json or csv; by Accept when absent"),
), responses((status = 200, body = SensorsView), (status = 400), (status = 401), (status = 403), (status = 404)))]
pub async fn list(
    State(services): State<Shared>,
    staff: Staff,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> Result<Response, Problem> {
    staff.require(Role::may_operate)?;
    let chosen = chosen(query.state.as_deref())?;
    let as_csv = csv::is_wanted(query.format.as_deref(), &headers)?;
    let after = query.after.as_deref().map(read_place).transpose()?;
    let city = services.city.borrow().clone();
    let lot = match query.lot.as_deref().filter(|lot| !lot.is_empty()) {
        Some(lot) => {
            Some(city.lots.get(lot).map(|lot| &lot.id).ok_or_else(|| Problem::not_found("there is no such lot"))?)
        }
        None => None,
    };
    let mut all = services.ward.sensors(lot);
    let totals = totals(&all);
    all.retain(|state| match chosen {
        Chosen::All => true,
        Chosen::Severity(severity) => state.severity() == severity,
        Chosen::Illness(illness) => state.illnesses.contains(&illness),
    });
    all.sort_by(|a, b| place(a).cmp(&place(b)));
    if as_csv {
        return Ok(Private(csv::answer("sensors.csv", table(&all))).into_response());
    }
    if let Some(after) = after {
        all.retain(|state| place(state) > after);
    }
    let limit = limit(query.limit) as usize;
    let next = (all.len() > limit).then(|| all.get(limit - 1)).flatten().map(place);
    let next = next.map(|(rank, gravity, id)| format!("{rank}.{gravity}.{id}"));
    let gateways = services.ward.gateways().into_iter();
    let view = SensorsView {
        generated_at: services.clock.now(),
        totals,
        gateways: gateways.map(|one| GatewayView { id: one.id, online: one.is_online, since: one.at }).collect(),
        sensors: all.iter().take(limit).map(SensorView::of).collect(),
        next,
    };
    Ok(Private(Json(view)).into_response())
}

fn totals(all: &[SensorState]) -> Totals {
    let mut totals = Totals { sensors: all.len(), ..Totals::default() };
    for state in all {
        match state.severity() {
            Severity::Ill => totals.ill += 1,
            Severity::Notice => totals.notice += 1,
            Severity::Well => totals.well += 1,
        }
        for illness in &state.illnesses {
            *totals.illnesses.entry(illness.as_str()).or_default() += 1;
        }
    }
    totals
}

fn table(all: &[SensorState]) -> String {
    use std::fmt::Write;
    let mut text = "id,codec,lot,space,state,illnesses,trustworthy,heard_at,heartbeat_s,occupied,since,battery_mv,\
                    battery_percent,fault,events,duplicates,missed_changes\r\n"
        .to_owned();
    for state in all {
        let view = SensorView::of(state);
        let severity = serde_json::to_value(view.state).unwrap_or_default();
        let illnesses: Vec<&str> = view.illnesses.iter().map(|illness| illness.as_str()).collect();
        let cells = [
            csv_cell(&view.id),
            csv_cell(&view.codec),
            view.lot.map(|lot| lot.to_string()).unwrap_or_default(),
            view.space.map(|space| space.to_string()).unwrap_or_default(),
            severity.as_str().unwrap_or_default().to_owned(),
            illnesses.join(" "),
            view.trustworthy.to_string(),
            view.heard_at.map(rfc3339).unwrap_or_default(),
            view.heartbeat_s.map(|s| s.to_string()).unwrap_or_default(),
            view.occupied.map(|occupied| occupied.to_string()).unwrap_or_default(),
            view.since.map(rfc3339).unwrap_or_default(),
            view.battery_mv.map(|mv| mv.to_string()).unwrap_or_default(),
            view.battery_percent.map(|percent| percent.to_string()).unwrap_or_default(),
            view.fault.as_deref().map(csv_cell).unwrap_or_default(),
            view.events.to_string(),
            view.duplicates.to_string(),
            view.missed_changes.to_string(),
        ];
        // Writing to a text does not fail.
        let _ = write!(text, "{}\r\n", cells.join(","));
    }
    text
}

/// One sensor with what it said last, for operators.
#[utoipa::path(get, path = "/api/v1/sensors/{id}", tag = "staff", params(("id" = String, Path)),
    responses((status = 200, body = OneSensorView), (status = 401), (status = 403), (status = 404)))]
pub async fn one(
    State(services): State<Shared>,
    staff: Staff,
    Segment(id): Segment<String>,
) -> Result<Private<Json<OneSensorView>>, Problem> {
    staff.require(Role::may_operate)?;
    let city = services.city.borrow().clone();
    let no_sensor = || Problem::not_found("the city binds no such sensor");
    let binding = city.sensors.get(id.as_str()).ok_or_else(no_sensor)?;
    let state = services.ward.sensors(binding.lot.as_ref()).into_iter().find(|state| state.binding.id == binding.id);
    let sensor = SensorView::of(&state.ok_or_else(no_sensor)?);
    let events = sensor_events::newest(&services.db, binding.id.as_str(), EVENTS).await?;
    let last_events = events.into_iter().map(|event| EventView {
        at: event.at,
        device_at: event.device_at,
        received_at: event.received_at,
        source: event.source,
        session: event.session,
        f_cnt: event.f_cnt,
        index: event.index,
        reading: serde_json::from_str(&event.reading).unwrap_or_default(),
        standing: event.standing,
        missed: event.missed,
        f_port: event.f_port,
        frame: event.frame,
    });
    Ok(Private(Json(OneSensorView { sensor, last_events: last_events.collect() })))
}
