//! An incident: one vehicle's illegal stay in a zone, put together from captures; the rule by which it ripens for review.

use chrono::Duration;

use super::{ids::ZoneId, ledger::Digest, lot::VehicleClass, plate, time::Instant};

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Seen, and not yet long enough or without enough pictures.
    Open,
    /// A person may decide.
    Ripe,
    /// A person decided: a record was made.
    Recorded,
    /// A person decided: no record.
    Rejected,
    /// The vehicle left before it was an offence.
    Closed,
    /// A late capture showed it to be one stay with another incident, which goes on.
    Merged,
}

impl State {
    /// The word as it is kept.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ripe => "ripe",
            Self::Recorded => "recorded",
            Self::Rejected => "rejected",
            Self::Closed => "closed",
            Self::Merged => "merged",
        }
    }
    /// Reads a word as it is kept.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Ripe, Self::Recorded, Self::Rejected, Self::Closed, Self::Merged]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
    /// The word people and programs are told: open, ripe, reviewed or closed.
    pub fn public(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ripe => "ripe",
            Self::Recorded | Self::Rejected => "reviewed",
            Self::Closed | Self::Merged => "closed",
        }
    }
    /// Whether a person has decided, so that nothing more comes of it.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Recorded | Self::Rejected)
    }
}

/// One capture as an incident sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The capture's id.
    pub capture: String,
    /// When it was taken.
    pub at: Instant,
    /// The plate's normal form.
    pub plate: Option<String>,
    /// What kind of vehicle.
    pub vehicle_class: VehicleClass,
    /// Whether a picture of it is large enough to be evidence.
    pub is_usable: bool,
    /// Whether the zone's rule held for this vehicle at that time.
    pub rule_holds: bool,
    /// Its pictures.
    pub pictures: Vec<Digest>,
}

impl Sighting {
    /// Whether each of the two shows something the other does not: one picture sent twice proves no stay.
    fn differs_from(&self, other: &Self) -> bool {
        let has_own = |one: &Self, other: &Self| one.pictures.iter().any(|picture| !other.pictures.contains(picture));
        has_own(self, other) && has_own(other, self)
    }

    /// Whether a capture taken at `at` of a vehicle whose fold is the same belongs to one stay with this one: within the gap,
    /// and with a plate that may be another reading of this one's.
    pub fn is_one_stay_with(&self, at: Instant, plate: Option<&str>, limits: Limits) -> bool {
        let may_be_the_same = match (self.plate.as_deref(), plate) {
            (Some(one), Some(other)) => plate::distance(one, other).is_some(),
            _ => true,
        };
        may_be_the_same && (self.at - at).abs() <= limits.gap
    }
}

/// The configured limits of stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Captures further apart belong to two stays.
    pub gap: Duration,
    /// Pictures of one stay must be at least this far apart.
    pub min_picture_gap: Duration,
}

/// One vehicle's stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// The zone.
    pub zone: ZoneId,
    /// Which vehicle, see `capture::vehicle_key`.
    pub vehicle: String,
    /// The plate most captures read; among equals the first in order of text.
    pub plate: Option<String>,
    /// What kind of vehicle the first capture says.
    pub vehicle_class: VehicleClass,
    /// First capture.
    pub first_seen: Instant,
    /// Last capture.
    pub last_seen: Instant,
    /// When it ripened.
    pub ripe_at: Option<Instant>,
    /// The record that was made of it.
    pub record: Option<String>,
    /// Grows with each change.
    pub version: u64,
}

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Somebody decided before; there is one decision per incident.
    #[error("the incident was reviewed before")]
    AlreadyReviewed,
    /// It is not ripe: nothing to decide on.
    #[error("the incident is not ripe for review")]
    NotRipe,
    /// The vehicle may still be there.
    #[error("the vehicle may still be there")]
    StillOpen,
}

/// The time an incident covers, and whether it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First capture.
    pub first: Instant,
    /// Last capture.
    pub last: Instant,
    /// Whether a person has decided.
    pub is_settled: bool,
}

/// Which incident a capture belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joining {
    /// None that is known: it begins one.
    New,
    /// One of those given, by index; it may bridge others, which become part of it.
    Join {
        /// The incident it belongs to.
        into: usize,
        /// Incidents it shows to be the same stay.
        absorb: Vec<usize>,
    },
}

/// Finds the incident, among those of the same zone and vehicle, that a capture taken at `at` belongs to: a stay has no
/// gap longer than the limit, in whatever order its captures arrive. What is settled is never absorbed.
pub fn join(at: Instant, spans: &[Span], limits: Limits) -> Joining {
    let touches = |span: &Span| span.first - limits.gap <= at && at <= span.last + limits.gap;
    let mut touched: Vec<usize> = (0..spans.len()).filter(|index| touches(&spans[*index])).collect();
    touched.sort_by_key(|index| (!spans[*index].is_settled, spans[*index].first));
    match touched.split_first() {
        None => Joining::New,
        Some((into, others)) => {
            let absorb = others.iter().copied().filter(|index| !spans[*index].is_settled).collect();
            Joining::Join { into: *into, absorb }
        }
    }
}

/// Whether a stay is ripe for review: within one unbroken stretch in which the rule held, two captures with different pictures
/// lie `dwell` apart, and two with usable and different pictures far enough apart.
pub fn is_ripe(stay: &[Sighting], dwell: Duration, limits: Limits) -> bool {
    let mut stay: Vec<&Sighting> = stay.iter().collect();
    stay.sort_by_key(|sighting| sighting.at);
    stay.split(|sighting| !sighting.rule_holds).any(|stretch| {
        let usable: Vec<&Sighting> = stretch.iter().copied().filter(|sighting| sighting.is_usable).collect();
        is_proven(stretch, dwell) && is_proven(&usable, limits.min_picture_gap)
    })
}

/// Whether two sightings with different pictures lie this far apart, the first or the last of them among the two.
fn is_proven(stretch: &[&Sighting], apart: Duration) -> bool {
    let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else { return false };
    let proves = |early: &Sighting, late: &Sighting| late.at - early.at >= apart && early.differs_from(late);
    stretch.iter().any(|sighting| proves(first, sighting) || proves(sighting, last))
}

impl Incident {
    /// An incident at its first capture.
    pub fn begin(id: String, zone: ZoneId, vehicle: String, first: &Sighting) -> Self {
        Self {
            id,
            state: State::Open,
            zone,
            vehicle,
            plate: first.plate.clone(),
            vehicle_class: first.vehicle_class,
            first_seen: first.at,
            last_seen: first.at,
            ripe_at: None,
            record: None,
            version: 0,
        }
    }

    /// The time it covers.
    pub fn span(&self) -> Span {
        Span { first: self.first_seen, last: self.last_seen, is_settled: self.state.is_settled() }
    }

    /// The incident as all its captures tell it, whatever it was before; a decision once made stands.
    #[must_use]
    pub fn seen(mut self, stay: &[Sighting], dwell: Duration, limits: Limits, now: Instant) -> Self {
        let earliest = stay.iter().min_by_key(|sighting| (sighting.at, sighting.vehicle_class as u8));
        if let Some(first) = earliest {
            self.first_seen = first.at;
            self.vehicle_class = first.vehicle_class;
        }
        self.last_seen = stay.iter().map(|sighting| sighting.at).max().unwrap_or(self.last_seen);
        self.version += 1;
        if self.state.is_settled() {
            return self;
        }
        self.plate = most_read(stay);
        self.state = if is_ripe(stay, dwell, limits) { State::Ripe } else { State::Open };
        self.ripe_at = (self.state == State::Ripe).then(|| self.ripe_at.unwrap_or(now));
        self
    }

    /// A person decides: `record` names the record made, or none for a rejection.
    pub fn review(mut self, record: Option<String>) -> Result<Self, Refused> {
        match self.state {
            State::Recorded | State::Rejected => return Err(Refused::AlreadyReviewed),
            State::Open | State::Closed | State::Merged => return Err(Refused::NotRipe),
            State::Ripe => {}
        }
        self.state = if record.is_some() { State::Recorded } else { State::Rejected };
        self.record = record;
        self.version += 1;
        Ok(self)
    }

    /// The vehicle has been gone for longer than the gap, before its stay was an offence.
    pub fn close(mut self, now: Instant, limits: Limits) -> Result<Self, Refused> {
        if self.state.is_settled() {
            return Err(Refused::AlreadyReviewed);
        }
        if self.state != State::Open || now - self.last_seen <= limits.gap {
            return Err(Refused::StillOpen);
        }
        self.state = State::Closed;
        self.version += 1;
        Ok(self)
    }
}

/// The plate most captures read; among equals the first in order of text, so that the order of arrival does not matter.
fn most_read(stay: &[Sighting]) -> Option<String> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for plate in stay.iter().filter_map(|sighting| sighting.plate.as_deref()) {
        *counts.entry(plate).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(plate, _)| plate.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { gap: Duration::seconds(900), min_picture_gap: Duration::seconds(10) };
    const DWELL: Duration = Duration::seconds(300);

    fn at(seconds: i64) -> Instant {
        Instant::UNIX_EPOCH + Duration::seconds(seconds)
    }

    fn seen(seconds: i64) -> Sighting {
        Sighting {
            capture: format!("c{seconds}"),
            at: at(seconds),
            plate: Some(if seconds % 3 == 0 { "浙KB8123" } else { "浙K88123" }.to_owned()),
            vehicle_class: VehicleClass::Motor,
            is_usable: true,
            rule_holds: true,
            pictures: vec![Digest::of(&seconds.to_be_bytes())],
        }
    }

    /// Incidents as captures arrive one by one; each with the sightings it holds.
    fn arrive(order: &[i64]) -> Vec<(Incident, Vec<Sighting>)> {
        let mut all: Vec<(Incident, Vec<Sighting>)> = Vec::new();
        for seconds in order {
            let sighting = seen(*seconds);
            let spans: Vec<Span> = all.iter().map(|(incident, _)| incident.span()).collect();
            let (mut incident, mut stay) = match join(sighting.at, &spans, LIMITS) {
                Joining::New => {
                    let zone = ZoneId::parse("Z1").unwrap();
                    (Incident::begin("i".into(), zone, "plate:X".into(), &sighting), Vec::new())
                }
                Joining::Join { into, absorb } => {
                    let mut taken: Vec<usize> = absorb.into_iter().chain([into]).collect();
                    let kept = all[into].0.clone();
                    taken.sort_unstable();
                    let stay = taken.iter().rev().flat_map(|index| all.remove(*index).1).collect();
                    (kept, stay)
                }
            };
            stay.push(sighting);
            incident = incident.seen(&stay, DWELL, LIMITS, at(1_000_000));
            all.push((incident, stay));
        }
        all.sort_by_key(|(incident, _)| incident.first_seen);
        all
    }

    /// What does not depend on the order of arrival: everything but version.
    fn told(all: Vec<(Incident, Vec<Sighting>)>) -> Vec<(Incident, Vec<Instant>)> {
        let one = |(incident, stay): (Incident, Vec<Sighting>)| {
            let mut times: Vec<Instant> = stay.into_iter().map(|sighting| sighting.at).collect();
            times.sort();
            (Incident { version: 0, ..incident }, times)
        };
        all.into_iter().map(one).collect()
    }

    proptest! {
        #[test]
        fn captures_give_the_same_incidents_in_whatever_order_they_arrive(
            (times, shuffled) in prop::collection::btree_set(0_i64..20_000, 1..25)
                .prop_map(|times| times.into_iter().collect::<Vec<_>>())
                .prop_flat_map(|times| (Just(times.clone()), Just(times).prop_shuffle()))
        ) {
            let in_order = told(arrive(&times));
            prop_assert_eq!(&in_order, &told(arrive(&shuffled)));
            // And they are the stays a person would draw: cut wherever nothing was seen for longer than the gap.
            let cuts = times.windows(2).filter(|pair| pair[1] - pair[0] > 900).count();
            prop_assert_eq!(in_order.len(), cuts + 1);
        }
    }

    #[test]
    fn a_stay_ripens_by_dwell_and_by_two_usable_pictures_far_enough_apart() {
        let unusable = |seconds| Sighting { is_usable: false, ..seen(seconds) };
        let again = |seconds, of: i64| Sighting { pictures: seen(of).pictures, ..seen(seconds) };
        let both = |seconds, of: i64| Sighting {
            pictures: [seen(of).pictures, seen(seconds).pictures].concat(),
            ..seen(seconds)
        };
        let off_hours = |seconds| Sighting { rule_holds: false, ..seen(seconds) };
        for (stay, ripe, why) in [
            (vec![seen(0), seen(300)], true, "long enough, two pictures"),
            (vec![seen(300), seen(0)], true, "order does not matter"),
            (vec![seen(0), seen(299)], false, "a second too short"),
            (vec![seen(0)], false, "one sighting"),
            (vec![seen(0), again(300, 0)], false, "one picture sent twice"),
            (
                vec![seen(0), both(300, 0)],
                false,
                "the first picture is sent again, so that it proves nothing of the start",
            ),
            (vec![seen(0), again(150, 0), seen(300)], true, "the two ends are different pictures"),
            (vec![seen(0), seen(300), again(310, 0)], true, "a picture sent again takes nothing away"),
            (vec![seen(0), seen(60), again(300, 0)], false, "different pictures for a minute only"),
            (vec![seen(0), unusable(300)], false, "one usable picture"),
            (vec![unusable(0), seen(291), seen(300)], false, "pictures nine seconds apart"),
            (vec![unusable(0), seen(290), seen(300)], true, "pictures ten seconds apart"),
            (vec![seen(0), off_hours(300)], false, "the rule does not hold any more"),
            (vec![seen(0), off_hours(150), seen(300)], false, "the rule did not hold in between"),
            (vec![], false, "nothing"),
        ] {
            assert_eq!(is_ripe(&stay, DWELL, LIMITS), ripe, "{why}");
        }
        let without_dwell = is_ripe(&[seen(0)], Duration::zero(), LIMITS);
        assert!(!without_dwell, "even where no dwell is asked, one picture proves no stay");
    }

    #[test]
    fn one_incident_is_decided_once() {
        let (ripe, _) = arrive(&[0, 300]).remove(0);
        assert_eq!(ripe.state, State::Ripe);
        let reviewed = ripe.clone().review(Some("r1".into())).unwrap();
        assert_eq!((reviewed.state, reviewed.record.as_deref()), (State::Recorded, Some("r1")));
        assert_eq!(reviewed.clone().review(None), Err(Refused::AlreadyReviewed));
        assert_eq!(reviewed.close(at(9000), LIMITS), Err(Refused::AlreadyReviewed));
        assert_eq!(ripe.close(at(9000), LIMITS), Err(Refused::StillOpen));
    }

    #[test]
    fn a_vehicle_that_left_in_time_closes_without_violation() {
        let (open, _) = arrive(&[0, 100]).remove(0);
        assert_eq!(open.clone().review(None), Err(Refused::NotRipe));
        assert_eq!(open.clone().close(at(1000), LIMITS), Err(Refused::StillOpen));
        assert_eq!(open.close(at(1001), LIMITS).unwrap().state, State::Closed);
    }

    #[test]
    fn a_capture_after_the_decision_joins_it_and_changes_nothing_of_it() {
        let (ripe, mut stay) = arrive(&[0, 300]).remove(0);
        let reviewed = ripe.review(Some("r1".into())).unwrap();
        assert_eq!(join(at(600), &[reviewed.span()], LIMITS), Joining::Join { into: 0, absorb: vec![] });
        stay.push(seen(600));
        let later = reviewed.seen(&stay, DWELL, LIMITS, at(700));
        assert_eq!((later.state, later.last_seen), (State::Recorded, at(600)));
    }
}
