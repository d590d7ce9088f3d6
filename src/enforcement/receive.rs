//! Taking in a capture: its pictures, its place, the incident it belongs to, and its ledger entry, all or nothing.

use std::sync::Arc;

use bytes::Bytes;
use chrono::Duration;
use serde_json::json;
use yunpark_sensors::exif;

use super::{
    Desk, Error,
    error::{optional_text, text},
    view::NearLot,
};
use crate::{
    clock,
    domain::{
        capture::{Capture, Doubt, Source, State, UNPLATED, is_known_by_place, rule_holds, vehicle_key},
        city::City,
        hours,
        ids::{CameraId, ZoneId},
        incident::{self, Incident, Joining, join},
        ledger::{Digest, Kind, NewEntry, canonical},
        lot::VehicleClass,
        place::Zone,
        plate::Plate,
        staff::{Actor, Role},
        time::{Instant, rfc3339, truncate},
    },
    store::{
        Tx, captures,
        evidence::{self, Piece},
        incidents, ledger, permits,
    },
};

/// A capture as it comes in.
#[derive(Debug, Clone)]
pub struct NewCapture {
    /// Who took it.
    pub source: Source,
    /// The role of the person who took it; `None` for a camera.
    pub role: Option<Role>,
    /// The source's own key for it.
    pub key: String,
    /// What the source says is one and the same vehicle without a plate, if it says so.
    pub track: Option<String>,
    /// When it was taken.
    pub at: Instant,
    /// The plate as read.
    pub plate: Option<String>,
    /// Colour of the plate in a word.
    pub plate_color: Option<String>,
    /// What kind of vehicle.
    pub vehicle_class: VehicleClass,
    /// Where, lon/lat WGS-84.
    pub location: Option<(f64, f64)>,
    /// The camera it came through, where that is not the source itself.
    pub camera: Option<CameraId>,
    /// The zone, where the source knows it.
    pub zone: Option<ZoneId>,
    /// What the officer wrote.
    pub note: Option<String>,
}

/// What became of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its id.
    pub id: String,
    /// Whether it had been received before; then nothing changed.
    pub duplicate: bool,
    /// Whether it was set aside.
    pub state: State,
    /// Its pictures.
    pub images: Vec<Piece>,
    /// The incident it belongs to.
    pub incident: Option<String>,
}

/// Most pictures of one capture.
pub const MAX_IMAGES: usize = 8;

/// A capture whose pictures are kept, ready to be entered.
pub(super) struct Kept {
    capture: Capture,
    role: Option<Role>,
    pieces: Vec<Piece>,
    zone: Option<Zone>,
}

/// What stood before of the incident a capture joined, and what it became.
type Joined = (incident::State, Incident);

impl Desk {
    /// Takes in a capture. The same source and key with the same content again changes nothing and is answered the same.
    pub async fn receive(&self, new: NewCapture, images: Vec<Bytes>) -> Result<Received, Error> {
        self.receive_all(vec![(new, images)]).await?.pop().ok_or(Error::NotFound("capture"))
    }

    /// Takes in captures that belong together: all of them, or none. What a camera sends is measured and counted.
    pub(super) async fn receive_all(&self, captures: Vec<(NewCapture, Vec<Bytes>)>) -> Result<Vec<Received>, Error> {
        let camera = captures.iter().find_map(|(new, _)| match &new.source {
            Source::Camera(id) if self.city().cameras.contains_key(id) => Some(id.clone()),
            _ => None,
        });
        let Some(camera) = camera else { return self.take_in(captures).await };
        let came = match self.devices.admit(&camera, captures.len(), self.clock.now()) {
            Ok(()) => self.take_in(captures).await,
            Err(slowed) => Err(slowed),
        };
        self.devices.count(&camera, &came, self.clock.now());
        came
    }

    async fn take_in(&self, captures: Vec<(NewCapture, Vec<Bytes>)>) -> Result<Vec<Received>, Error> {
        let mut known = Vec::new();
        let mut kept = Vec::with_capacity(captures.len());
        for (new, images) in captures {
            check_shape(&new, &images)?;
            let content = content(&new, &images);
            // Looked up before it is held against today's city, which may have changed since the first time.
            match self.known(&new, content).await? {
                Some(answer) => known.push(answer),
                None => kept.push(self.look_at(new, images, content).await?),
            }
        }
        if kept.is_empty() {
            return Ok(known);
        }
        let received = self.enter_with_others(kept).await?;
        for (received, source) in &received {
            if !received.duplicate {
                let state = received.state.as_str();
                metrics::counter!("yunpark_captures_total", "source" => *source, "state" => state).increment(1);
            }
        }
        known.extend(received.into_iter().map(|(received, _)| received));
        Ok(known)
    }

    /// Holds a capture against the city and keeps its pictures; nothing is entered yet.
    async fn look_at(&self, new: NewCapture, images: Vec<Bytes>, content: Digest) -> Result<Kept, Error> {
        let (city, zone) = self.place_of(&new)?;
        let now = self.clock.now();
        let doubts = doubts(&city, &new, &images);
        let pieces = self.keep(images, new.at).await?;
        let plate = new.plate.as_deref().map(Plate::read);
        let max_past = Duration::seconds(self.config.max_clock_skew_s.into());
        let max_future = Duration::seconds(self.config.max_future_s.into());
        let id = clock::new_id();
        let mut holds = zone.as_ref().is_some_and(|zone| {
            rule_holds(zone, new.vehicle_class, hours::is_open(zone.hours.as_deref(), city.time_zone, new.at))
        });
        if let (true, Some(zone), Some(plate)) = (holds, &zone, &plate)
            && plate.names_a_vehicle()
        {
            holds = !permits::holds(&self.db, plate.norm(), &zone.id, new.at).await?;
        }
        let capture = Capture {
            state: State::of(new.at, now, max_past, max_future),
            vehicle: if self.config.unplated_m > 0
                && is_known_by_place(plate.as_ref(), new.track.as_deref(), new.location, new.vehicle_class)
            {
                UNPLATED.to_owned()
            } else {
                vehicle_key(plate.as_ref(), &new.source, new.track.as_deref().unwrap_or(&id))
            },
            id,
            key: new.key,
            content,
            plate,
            plate_color: optional_text("plate_color", new.plate_color.as_deref(), 32)?,
            vehicle_class: new.vehicle_class,
            at: truncate(new.at),
            received_at: now,
            location: new.location,
            zone: zone.as_ref().map(|zone| zone.id.clone()),
            note: optional_text("note", new.note.as_deref(), 2000)?,
            is_usable: pieces.iter().any(|piece| self.is_usable(piece)),
            rule_holds: holds,
            incident: None,
            pictures: pieces.iter().map(|piece| piece.sha256).collect(),
            doubts,
            source: new.source,
        };
        Ok(Kept { capture, role: new.role, pieces, zone })
    }

    /// Enters a capture, its incident and its ledger entries; what is answered, and the kind of its source.
    pub(super) async fn enter(&self, tx: &mut Tx, kept: &Kept) -> Result<(Received, &'static str), Error> {
        let Kept { capture, role, pieces, zone } = kept;
        let mut capture = capture.clone();
        let (now, source) = (capture.received_at, capture.source.word());
        if let Some(known) = captures::by_key(tx, &capture.source, &capture.key).await? {
            return Ok((answer_again(tx, known, capture.content).await?, source));
        }
        for piece in pieces {
            evidence::note(tx, piece, now).await?;
        }
        let joined = match zone {
            Some(zone) if capture.state == State::Accepted => Some(self.join(tx, &mut capture, zone, now).await?),
            _ => {
                captures::insert(tx, &capture).await?;
                None
            }
        };
        let actor = match (&capture.source, role) {
            (Source::Staff(name), Some(role)) => Actor::Staff { name: name.clone(), role: *role },
            (Source::Staff(name), None) => Actor::System { rule: format!("capture of {name}") },
            (Source::Camera(id), _) => Actor::Camera { id: id.as_str().to_owned() },
        };
        let entry = NewEntry {
            actor,
            kind: Kind::CaptureReceived,
            subject_type: "capture",
            subject_id: capture.id.clone(),
            payload: told(&capture),
            evidence: capture.pictures.clone(),
        };
        ledger::append(tx, entry, now).await?;
        if let Some(joined) = &joined {
            let place = capture.location.or_else(|| self.zone_middle(&joined.1.zone));
            let near = place.map(|place| self.near(place, joined.1.vehicle_class)).unwrap_or_default();
            note_ripening(tx, joined, &near, now).await?;
        }
        let (id, state, incident) = (capture.id, capture.state, capture.incident);
        Ok((Received { id, duplicate: false, state, images: pieces.clone(), incident }, source))
    }

    /// Joins a capture to the incident it belongs to, beginning or merging as needed; where that stood before, and as it is.
    async fn join(&self, tx: &mut Tx, capture: &mut Capture, zone: &Zone, now: Instant) -> Result<Joined, Error> {
        let limits = self.limits();
        let (from, to) = (capture.at - limits.gap, capture.at + limits.gap);
        let norm = capture.plate.as_ref().map(Plate::norm).filter(|norm| !norm.is_empty());
        let mut near = Vec::new();
        for incident in incidents::near(tx, &zone.id, &capture.vehicle, from, to).await? {
            if !self.is_at_its_place(tx, capture, &incident.id).await? {
                continue;
            }
            let stay = captures::sightings(tx, &incident.id).await?;
            if stay.iter().any(|sighting| sighting.is_one_stay_with(capture.at, norm, limits)) {
                near.push(incident);
            }
        }
        let spans: Vec<_> = near.iter().map(Incident::span).collect();
        let (before, incident) = match join(capture.at, &spans, limits) {
            Joining::New => {
                let sighting = incident::Sighting {
                    capture: capture.id.clone(),
                    at: capture.at,
                    plate: norm.map(str::to_owned),
                    vehicle_class: capture.vehicle_class,
                    is_usable: capture.is_usable,
                    rule_holds: capture.rule_holds,
                    pictures: capture.pictures.clone(),
                };
                let vehicle = capture.vehicle.clone();
                let incident = Incident::begin(clock::new_id(), zone.id.clone(), vehicle, &sighting);
                incidents::save(tx, &incident).await?;
                (incident::State::Open, incident)
            }
            Joining::Join { into, absorb } => {
                for index in absorb {
                    incidents::merge(tx, &near[index].id, &near[into].id).await?;
                }
                (near[into].state, near[into].clone())
            }
        };
        capture.incident = Some(incident.id.clone());
        captures::insert(tx, capture).await?;
        let stay = captures::sightings(tx, &incident.id).await?;
        let incident = incident.seen(&stay, self.allowed(zone), limits, now);
        incidents::save(tx, &incident).await?;
        Ok((before, incident))
    }

    /// Whether a vehicle that is known by where it stands was seen there in this incident; any other one is known by its key.
    async fn is_at_its_place(&self, tx: &mut Tx, capture: &Capture, incident: &str) -> Result<bool, Error> {
        use geo::Distance;
        let (true, Some((lon, lat))) = (capture.vehicle == UNPLATED, capture.location) else { return Ok(true) };
        let here = geo::Point::new(lon, lat);
        let places = captures::places(tx, incident).await?;
        let is_near = |(x, y): &(f64, f64)| {
            geo::Haversine.distance(here, geo::Point::new(*x, *y)) <= f64::from(self.config.unplated_m)
        };
        Ok(places.iter().any(is_near))
    }

    /// What was received before under this key, without looking at the pictures again.
    async fn known(&self, new: &NewCapture, content: Digest) -> Result<Option<Received>, Error> {
        let mut tx = self.db.begin_read().await?;
        match captures::by_key(&mut tx, &new.source, &new.key).await? {
            Some(known) => answer_again(&mut tx, known, content).await.map(Some),
            None => Ok(None),
        }
    }

    /// The city a capture is held against, and the zone it falls in.
    fn place_of(&self, new: &NewCapture) -> Result<(Arc<City>, Option<Zone>), Error> {
        let (city, places) = self.places();
        if new.location.is_some_and(|at| !places.is_near_the_city(at)) {
            return Err(Error::invalid("location", "is far outside the city"));
        }
        let zone = match &new.source {
            Source::Camera(id) => zone_of_camera(&city, id, new)?,
            Source::Staff(_) => {
                let camera = match &new.camera {
                    Some(id) => {
                        Some(city.cameras.get(id).ok_or_else(|| Error::invalid("camera", "is not in the city"))?)
                    }
                    None => None,
                };
                match (&new.zone, new.location) {
                    (Some(id), _) => {
                        Some(city.zones.get(id).ok_or_else(|| Error::invalid("zone", "is not in the city"))?)
                    }
                    (None, Some(at)) => places.zone(at).as_ref().and_then(|id| city.zones.get(id)),
                    (None, None) => camera.and_then(|camera| camera.zones.first()).and_then(|id| city.zones.get(id)),
                }
            }
        };
        let zone = zone.cloned();
        Ok((city, zone))
    }
}

/// Checks what can be checked of a capture without the city.
fn check_shape(new: &NewCapture, images: &[Bytes]) -> Result<(), Error> {
    text("idempotency_key", &new.key, 128)?;
    if images.is_empty() || images.len() > MAX_IMAGES {
        return Err(Error::invalid("image", format!("must be there 1 to {MAX_IMAGES} times")));
    }
    optional_text("plate", new.plate.as_deref(), 64)?;
    optional_text("plate_color", new.plate_color.as_deref(), 32)?;
    optional_text("note", new.note.as_deref(), 2000)?;
    new.location.map_or(Ok(()), check_location)
}

/// The zone of a camera's capture: a camera speaks for itself and for its own zones. A place outside all of them belongs to
/// none; without a place, or without areas to hold it against, it is the zone the camera names, or its first.
fn zone_of_camera<'a>(city: &'a City, id: &CameraId, new: &NewCapture) -> Result<Option<&'a Zone>, Error> {
    let camera = city.cameras.get(id).ok_or(Error::UnknownCamera)?;
    if new.camera.as_ref().is_some_and(|named| named != id) {
        return Err(Error::invalid("camera", "must be the camera whose token this is"));
    }
    let sees = |(lon, lat): (f64, f64)| {
        let view = camera.view.as_ref();
        view.is_none_or(|view| geo::Intersects::intersects(view, &geo::Point::new(lon, lat)))
    };
    if !new.location.is_none_or(sees) {
        return Err(Error::invalid("location", "is outside what this camera sees"));
    }
    let named = match &new.zone {
        Some(zone) if !camera.zones.contains(zone) => {
            return Err(Error::invalid("zone", "must be one of the camera's own zones"));
        }
        Some(zone) => Some(city.zones.get(zone).ok_or_else(|| Error::invalid("zone", "is not in the city"))?),
        None => None,
    };
    let own = || named.into_iter().chain(camera.zones.iter().filter_map(|id| city.zones.get(id)));
    match new.location {
        Some((lon, lat)) if own().any(|zone| !zone.area.0.is_empty()) => {
            let at = geo::Point::new(lon, lat);
            Ok(own().find(|zone| geo::Contains::contains(&zone.area, &at)))
        }
        _ => Ok(own().next()),
    }
}

/// A picture whose own clock is further from its sender's is doubted, seconds.
const MAX_APART_S: i64 = 300;
/// A picture taken further from where its sender says is doubted, metres.
const MAX_APART_M: f64 = 500.0;

/// What pictures say of themselves, held against what is said of them.
fn doubts(city: &City, new: &NewCapture, images: &[Bytes]) -> Vec<Doubt> {
    use geo::Distance;
    let camera = match &new.source {
        Source::Camera(id) => city.cameras.get(id),
        Source::Staff(_) => new.camera.as_ref().and_then(|id| city.cameras.get(id)),
    };
    let place = new.location.or_else(|| camera.map(|camera| (camera.location.x, camera.location.y)));
    let (mut time_differs, mut place_differs) = (false, false);
    for told in images.iter().map(|image| exif::read(image)) {
        time_differs |= told.taken_at.is_some_and(|taken| (taken - new.at).num_seconds().abs() > MAX_APART_S);
        if let (Some((lon, lat)), Some((x, y))) = (told.location, place) {
            place_differs |= geo::Haversine.distance(geo::Point::new(lon, lat), geo::Point::new(x, y)) > MAX_APART_M;
        }
    }
    let time = time_differs.then_some(Doubt::OtherTime);
    time.into_iter().chain(place_differs.then_some(Doubt::OtherPlace)).collect()
}

/// Enters that an incident became ripe, if it just did.
async fn note_ripening(tx: &mut Tx, (before, incident): &Joined, near: &[NearLot], now: Instant) -> Result<(), Error> {
    if incident.state != incident::State::Ripe || *before == incident::State::Ripe {
        return Ok(());
    }
    // Guide before you punish: what the driver could have found then is kept with what they did.
    let near = serde_json::to_value(near).unwrap_or_default();
    incidents::remember_lots(tx, &incident.id, &canonical(&near)).await?;
    let entry = NewEntry {
        actor: Actor::System { rule: "dwell".to_owned() },
        kind: Kind::IncidentRipened,
        subject_type: "incident",
        subject_id: incident.id.clone(),
        payload: json!({
            "zone": incident.zone, "plate": incident.plate,
            "first_seen": rfc3339(incident.first_seen), "last_seen": rfc3339(incident.last_seen),
            "lots": near,
        }),
        evidence: Vec::new(),
    };
    ledger::append(tx, entry, now).await?;
    Ok(())
}

/// Refuses a place that is none on earth.
pub(super) fn check_location((lon, lat): (f64, f64)) -> Result<(), Error> {
    let is_on_earth = (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
    if is_on_earth { Ok(()) } else { Err(Error::invalid("location", "must be [longitude, latitude] in degrees")) }
}

/// The hash of everything a capture says, pictures included.
fn content(new: &NewCapture, images: &[Bytes]) -> Digest {
    let said = json!({
        "at": rfc3339(truncate(new.at)), "track": new.track, "plate": new.plate, "plate_color": new.plate_color,
        "vehicle_class": new.vehicle_class, "location": new.location, "camera": new.camera, "zone": new.zone,
        "note": new.note,
        "images": images.iter().map(|bytes| Digest::of(bytes)).collect::<Vec<_>>(),
    });
    Digest::of(canonical(&said).as_bytes())
}

/// What the ledger says of a capture.
fn told(capture: &Capture) -> serde_json::Value {
    json!({
        "source": capture.source.word(), "source_id": capture.source.id(), "key": capture.key,
        "content": capture.content, "state": capture.state, "at": rfc3339(capture.at),
        "plate": capture.plate.as_ref().map(Plate::raw), "vehicle_class": capture.vehicle_class,
        "location": capture.location, "zone": capture.zone, "incident": capture.incident, "note": capture.note,
        "doubts": capture.doubts,
    })
}

/// Answers what was received before, unless the key now stands for something else.
async fn answer_again(tx: &mut Tx, known: Capture, content: Digest) -> Result<Received, Error> {
    if known.content != content {
        return Err(Error::KeyReused);
    }
    let mut images = Vec::with_capacity(known.pictures.len());
    for sha256 in known.pictures {
        images.push(evidence::find(&mut *tx, sha256).await?.ok_or(Error::NotFound("picture"))?);
    }
    let incident = match known.incident {
        Some(id) => incidents::find(tx, &id).await?.map(|incident| incident.id),
        None => None,
    };
    metrics::counter!("yunpark_captures_duplicate_total").increment(1);
    Ok(Received { id: known.id, duplicate: true, state: known.state, images, incident })
}
