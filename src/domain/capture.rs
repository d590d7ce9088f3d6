//! A capture: one sighting of a vehicle at a place and time, with its pictures, and whether it may found an incident.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{
    ids::{CameraId, ZoneId},
    ledger::Digest,
    lot::VehicleClass,
    place::Zone,
    plate::Plate,
    time::Instant,
};

/// Who took a capture.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// A camera.
    Camera(CameraId),
    /// A person of the staff, by sign-in name.
    Staff(String),
}

impl Source {
    /// The kind of source as it is kept.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Camera(_) => "camera",
            Self::Staff(_) => "staff",
        }
    }
    /// Its id among its kind.
    pub fn id(&self) -> &str {
        match self {
            Self::Camera(id) => id.as_str(),
            Self::Staff(name) => name,
        }
    }
    /// Reads what [`Source::word`] and [`Source::id`] wrote.
    pub fn parse(word: &str, id: &str) -> Option<Self> {
        match word {
            "camera" => CameraId::parse(id).ok().map(Self::Camera),
            "staff" => Some(Self::Staff(id.to_owned())),
            _ => None,
        }
    }
}

/// What became of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It counts.
    Accepted,
    /// Its time is too far from ours: kept, shown, never joined to an incident.
    ClockSkew,
}

impl State {
    /// The state's word as it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::ClockSkew => "clock_skew",
        }
    }
    /// Reads a state's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Accepted, Self::ClockSkew].into_iter().find(|state| state.as_str() == word)
    }
    /// Sets a capture aside whose device's clock differs too much from ours: nothing is sent before it was taken, while what
    /// could not be sent at once arrives late.
    pub fn of(at: Instant, received_at: Instant, max_past: Duration, max_future: Duration) -> Self {
        let ahead = at - received_at;
        if ahead > max_future || -ahead > max_past { Self::ClockSkew } else { Self::Accepted }
    }
}

/// One sighting as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Capture {
    /// Its id.
    pub id: String,
    /// Who took it.
    pub source: Source,
    /// The source's own key for it; the same again is the same capture.
    pub key: String,
    /// The SHA-256 of everything it says, so that a key reused for something else is noticed.
    pub content: Digest,
    /// What became of it.
    pub state: State,
    /// Its plate, if one was given.
    pub plate: Option<Plate>,
    /// Colour of the plate in a word.
    pub plate_color: Option<String>,
    /// What kind of vehicle.
    pub vehicle_class: VehicleClass,
    /// When it was taken, by the source's clock.
    pub at: Instant,
    /// When it reached us.
    pub received_at: Instant,
    /// Where, lon/lat WGS-84.
    pub location: Option<(f64, f64)>,
    /// The zone it falls in.
    pub zone: Option<ZoneId>,
    /// What the officer wrote.
    pub note: Option<String>,
    /// Which vehicle of its zone it shows: the folded plate, or the source's own track of a vehicle without one.
    pub vehicle: String,
    /// Whether a picture of it is large enough to be evidence.
    pub is_usable: bool,
    /// Whether the zone's rule held for this vehicle at that time.
    pub rule_holds: bool,
    /// The incident it belongs to.
    pub incident: Option<String>,
    /// The SHA-256 of each of its pictures, in order.
    pub pictures: Vec<Digest>,
    /// What its pictures say of themselves that is not what its sender says.
    pub doubts: Vec<Doubt>,
}

/// Something a picture says of itself that is not what its sender says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It was taken at another time.
    OtherTime,
    /// It was taken at another place.
    OtherPlace,
}

impl Doubt {
    /// The word it is kept by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherTime => "other_time",
            Self::OtherPlace => "other_place",
        }
    }
    /// Reads a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::OtherTime, Self::OtherPlace].into_iter().find(|doubt| doubt.as_str() == word)
    }
}

/// Which vehicle a capture shows, within its zone: captures with equal keys show the same one. A plate with every character
/// read is folded; anything less is only the same vehicle within one track of one source.
pub fn vehicle_key(plate: Option<&Plate>, source: &Source, track: &str) -> String {
    match plate {
        Some(plate) if plate.names_a_vehicle() => format!("plate:{}", plate.fold()),
        _ => format!("{}:{}:{track}", source.word(), source.id()),
    }
}

/// The key of motor vehicles without a plate that are told apart by where they stand.
pub const UNPLATED: &str = "unplated:motor";

/// Whether a capture's vehicle is known by where it stands: a motor vehicle that shows no plate at all, at a place, and of no
/// camera's own track. Non-motor vehicles stand too close together for that.
pub fn is_known_by_place(
    plate: Option<&Plate>,
    track: Option<&str>,
    location: Option<(f64, f64)>,
    class: VehicleClass,
) -> bool {
    let shows_none = plate.is_none_or(|plate| plate.norm().is_empty());
    shows_none && track.is_none() && location.is_some() && class == VehicleClass::Motor
}

/// Whether the zone's rule is for this vehicle at a time when its hours hold.
pub fn rule_holds(zone: &Zone, class: VehicleClass, within_hours: bool) -> bool {
    use super::place::ZoneRule;
    let covered = match (zone.vehicle_class, zone.rule) {
        (Some(only), _) => only == class,
        (None, ZoneRule::NonMotorOnly) => class == VehicleClass::Motor,
        (None, _) => true,
    };
    covered && within_hours
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::parse_rfc3339;

    #[test]
    fn a_clock_that_is_too_far_off_sets_the_capture_aside() {
        let now = parse_rfc3339("2026-03-10T01:00:00Z").unwrap();
        let (past, future) = (Duration::days(1), Duration::seconds(60));
        let state = |at| State::of(at, now, past, future);
        assert_eq!((state(now - past), state(now + future)), (State::Accepted, State::Accepted));
        assert_eq!(state(now + future + Duration::microseconds(1)), State::ClockSkew);
        assert_eq!(state(now - past - Duration::microseconds(1)), State::ClockSkew);
    }

    #[test]
    fn an_unread_plate_is_the_same_vehicle_only_within_one_track() {
        let camera = Source::Camera(CameraId::parse("CAM-1").unwrap());
        let key = |plate: &str, track| vehicle_key(Some(&Plate::read(plate)), &camera, track);
        assert_eq!(key("浙KB8123", "1"), key("沪K88123", "2"));
        assert_ne!(key("无车牌", "1"), key("无车牌", "2"));
        assert_ne!(key("浙K-8123", "1"), key("浙K-8123", "2"));
        assert_eq!(key("无车牌", "1"), vehicle_key(None, &camera, "1"));
    }
}
