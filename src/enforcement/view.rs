//! Incidents, records and histories as staff see them: one shape for the API, the pages and the documents.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Claim, Desk};
use crate::{
    domain::{
        capture::{Capture, Doubt, Source},
        course::Course,
        ids::{GridCellId, LotId, ZoneId},
        incident::Incident,
        ledger::Digest,
        lot::VehicleClass,
        place::ZoneRule,
        record::{Act, Kind, Record, State},
        text::Localized,
    },
    store::{self, Tx, captures, claims, incidents, records},
};

/// A picture and where to see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PictureView {
    /// Content hash.
    pub sha256: Digest,
    /// Path of the picture in the API.
    pub url: String,
}

/// A capture of an incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaptureView {
    /// Its id.
    pub id: String,
    /// When it was taken.
    pub at: DateTime<Utc>,
    /// The camera that took it; none for an officer.
    pub camera: Option<String>,
    /// The plate as this capture reads it.
    pub plate: Option<String>,
    /// Its pictures.
    pub images: Vec<PictureView>,
    /// What the pictures say of themselves that is not what their sender says.
    pub doubts: Vec<Doubt>,
}

/// A zone's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneView {
    /// Its id.
    pub id: ZoneId,
    /// Its name.
    pub name: Localized,
    /// What holds in it; none once the zone has left the city file.
    pub rule: Option<ZoneRule>,
    /// How long a vehicle may stay, seconds.
    pub dwell_s: Option<u32>,
    /// Its street's class.
    pub street_class: Option<u8>,
}

/// A lot near by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearLot {
    /// Its id.
    pub id: LotId,
    /// Its name.
    pub name: Localized,
    /// Free places, where that can be believed.
    pub free: Option<u32>,
    /// As the crow flies, metres.
    pub distance_m: u32,
}

/// How many records of each kind a plate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Prior {
    /// Warnings.
    pub warnings: u64,
    /// Penalty cases.
    pub penalties: u64,
    /// Corrections.
    pub corrections: u64,
    /// Tows, detentions, seizures.
    pub seizures: u64,
}

impl Prior {
    /// Counts records of a kind.
    pub(super) fn add(&mut self, kind: Kind, count: u64) {
        *match kind {
            Kind::Warning => &mut self.warnings,
            Kind::Penalty => &mut self.penalties,
            Kind::Correction => &mut self.corrections,
            Kind::Seizure => &mut self.seizures,
        } += count;
    }
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncidentView {
    /// Its id.
    pub id: String,
    /// `open`, `ripe`, `reviewed`, `closed`.
    pub state: &'static str,
    /// The plate most captures read.
    pub plate: Option<String>,
    /// Every plate its captures read; more than one means that a person must look closely.
    pub as_read: Vec<String>,
    /// Whether the plate is of a kind that may be on urgent duty.
    pub may_be_on_duty: bool,
    /// What kind of vehicle.
    pub vehicle_class: VehicleClass,
    /// Where.
    pub zone: ZoneView,
    /// First capture.
    pub first_seen: DateTime<Utc>,
    /// Last capture.
    pub last_seen: DateTime<Utc>,
    /// From first to last, seconds.
    pub dwell_s: i64,
    /// Its captures, by time.
    pub captures: Vec<CaptureView>,
    /// Where the driver could park now.
    pub nearest_lots: Vec<NearLot>,
    /// Where the driver could have parked when the incident became ripe, as it was kept then.
    pub lots_when_ripe: Option<Vec<NearLot>>,
    /// What the plate's owner was told before.
    pub prior: Prior,
    /// The record that was made of it.
    pub record: Option<String>,
    /// Who is looking at it, until when.
    pub claim: Option<Claim>,
}

/// Where something was recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaceView {
    /// lon/lat WGS-84.
    pub location: Option<(f64, f64)>,
    /// The zone.
    pub zone: Option<ZoneId>,
    /// The management cell.
    pub grid_cell: Option<GridCellId>,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordView {
    /// Its id.
    pub id: String,
    /// Its number.
    pub number: String,
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// The plate.
    pub plate: Option<String>,
    /// What kind of vehicle.
    pub vehicle_class: VehicleClass,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Where.
    pub place: PlaceView,
    /// Why.
    pub reason: String,
    /// What else the officer wrote.
    pub note: Option<String>,
    /// Who made it.
    pub officer: String,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// Which act, for a seizure.
    pub act: Option<Act>,
    /// What the act is founded on.
    pub legal_basis: Option<String>,
    /// The incident it comes from.
    pub incident: Option<String>,
    /// Its pictures.
    pub evidence: Vec<PictureView>,
    /// Its last entry in the ledger.
    pub ledger_seq: u64,
    /// What happened to it since it was made.
    pub course: Course,
    /// The record it follows from.
    pub follows: Option<String>,
    /// What is due next.
    pub due: Option<String>,
    /// The first instant after that.
    pub due_by: Option<DateTime<Utc>>,
    /// The steps it may take next.
    pub next_steps: Vec<&'static str>,
}

fn picture(sha256: &Digest) -> PictureView {
    PictureView { sha256: *sha256, url: format!("/api/v1/evidence/{sha256}") }
}

impl From<&Record> for RecordView {
    fn from(record: &Record) -> Self {
        Self {
            id: record.id.clone(),
            number: record.number.clone(),
            kind: record.kind,
            state: record.state,
            plate: record.plate.clone(),
            vehicle_class: record.vehicle_class,
            at: record.at,
            place: PlaceView {
                location: record.location,
                zone: record.zone.clone(),
                grid_cell: record.grid_cell.clone(),
            },
            reason: record.reason.clone(),
            note: record.note.clone(),
            officer: record.officer.clone(),
            approved_by: record.approved_by.clone(),
            act: record.act,
            legal_basis: record.legal_basis.clone(),
            incident: record.incident.clone(),
            evidence: record.evidence.iter().map(picture).collect(),
            ledger_seq: record.ledger_seq,
            course: record.course.clone(),
            follows: record.follows.clone(),
            due: record.due.as_ref().map(|(what, _)| what.clone()),
            due_by: record.due.as_ref().map(|(_, by)| *by),
            next_steps: record.possible(),
        }
    }
}

impl From<&Capture> for CaptureView {
    fn from(capture: &Capture) -> Self {
        Self {
            id: capture.id.clone(),
            at: capture.at,
            camera: match &capture.source {
                Source::Camera(id) => Some(id.as_str().to_owned()),
                Source::Staff(_) => None,
            },
            plate: capture.plate.as_ref().map(|plate| plate.norm().to_owned()).filter(|norm| !norm.is_empty()),
            images: capture.pictures.iter().map(picture).collect(),
            doubts: capture.doubts.clone(),
        }
    }
}

impl Desk {
    /// An incident as staff see it.
    pub(super) async fn view(&self, tx: &mut Tx, incident: &Incident) -> Result<IncidentView, store::Error> {
        let captures = captures::of_incident(tx, &incident.id).await?;
        let mut as_read: Vec<String> = captures.iter().filter_map(|capture| CaptureView::from(capture).plate).collect();
        as_read.sort();
        as_read.dedup();
        let prior = match &incident.plate {
            Some(plate) => prior(tx, plate).await?,
            None => Prior::default(),
        };
        let on_duty = |capture: &Capture| capture.plate.as_ref().is_some_and(|plate| plate.kind().may_be_on_duty());
        Ok(IncidentView {
            id: incident.id.clone(),
            state: incident.state.public(),
            plate: incident.plate.clone(),
            as_read,
            may_be_on_duty: captures.iter().any(on_duty),
            vehicle_class: incident.vehicle_class,
            zone: self.zone_view(&incident.zone),
            first_seen: incident.first_seen,
            last_seen: incident.last_seen,
            dwell_s: (incident.last_seen - incident.first_seen).num_seconds(),
            nearest_lots: self.near_incident(incident, &captures),
            captures: captures.iter().map(CaptureView::from).collect(),
            lots_when_ripe: lots_of(incidents::lots_when_ripe(&mut *tx, &incident.id).await?.as_deref()),
            prior,
            record: incident.record.clone(),
            claim: claims::of(&mut *tx, &incident.id, self.clock.now())
                .await?
                .map(|(person, until)| Claim { person, until }),
        })
    }

    fn zone_view(&self, id: &ZoneId) -> ZoneView {
        let city = self.city();
        let zone = city.zones.get(id);
        let unnamed = || Localized { zh: id.as_str().to_owned(), en: id.as_str().to_owned() };
        ZoneView {
            id: id.clone(),
            name: zone.map_or_else(unnamed, |zone| zone.name.clone()),
            rule: zone.map(|zone| zone.rule),
            dwell_s: zone.map(|zone| zone.dwell_s),
            street_class: zone.map(|zone| zone.street_class),
        }
    }

    /// Lots near an incident: near its first capture with a place, else near its zone.
    fn near_incident(&self, incident: &Incident, captures: &[Capture]) -> Vec<NearLot> {
        let at = captures.iter().find_map(|capture| capture.location);
        at.or_else(|| self.zone_middle(&incident.zone))
            .map_or_else(Vec::new, |at| self.near(at, incident.vehicle_class))
    }

    /// The middle of a zone, lon/lat.
    pub(super) fn zone_middle(&self, id: &ZoneId) -> Option<(f64, f64)> {
        use geo::Centroid;
        let city = self.city();
        city.zones.get(id).and_then(|zone| zone.area.centroid()).map(|middle| (middle.x(), middle.y()))
    }

    /// The nearest lots for a vehicle, with their free places now.
    pub(super) fn near(&self, (lon, lat): (f64, f64), class: VehicleClass) -> Vec<NearLot> {
        let (city, places) = self.places();
        let near = places.nearest(geo::Coord { x: lon, y: lat }, class, 3);
        near.into_iter()
            .filter_map(|(id, metres)| {
                let lot = city.lots.get(&id)?;
                let (name, distance_m) = (lot.name.clone(), metres.round() as u32);
                Some(NearLot { free: (self.free_now)(&id), id, name, distance_m })
            })
            .collect()
    }
}

/// Lots as they were kept.
pub(super) fn lots_of(kept: Option<&str>) -> Option<Vec<NearLot>> {
    serde_json::from_str(kept?).ok()
}

/// How many records of each kind a plate has.
pub(super) async fn prior(tx: &mut Tx, plate: &str) -> Result<Prior, store::Error> {
    let mut prior = Prior::default();
    for (kind, count) in records::count_by_kind(tx, plate).await? {
        prior.add(kind, count);
    }
    Ok(prior)
}
