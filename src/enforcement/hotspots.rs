//! Where and at what hour stays become offences, beside what the lots near by had free then; and the way from captures to
//! closed records, in numbers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Timelike;
use geo::{Distance, Haversine, Point};
use serde::Serialize;

use super::{
    Desk, Error,
    behind::{Of, came_to},
    view::{NearLot, lots_of},
};
use crate::{
    domain::{
        city::City,
        hotspot::{Finding, finding},
        ids::{LotId, ZoneId},
        incident::State,
        record::Kind,
        sign::Target,
        text::Localized,
        time::Instant,
    },
    store::{captures, incidents, records},
};

/// A sign this near to a place is on the way of those who park there, metres.
const SIGN_REACH_M: f64 = 600.0;

/// One hour of the day at one place, over the whole period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hour {
    /// How many stays became an offence.
    pub violations: u32,
    /// Places free in the lots near by then, on average; none where nobody knows.
    pub free: Option<f64>,
}

/// A place where illegal parking gathers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HotSpot {
    /// The zone.
    pub zone: ZoneId,
    /// Its name.
    pub name: Localized,
    /// Its street's class, where it is in the city file.
    pub street_class: Option<u8>,
    /// Its middle, lon/lat.
    pub location: Option<(f64, f64)>,
    /// How many stays became an offence.
    pub violations: u32,
    /// Of how many it is known what was free near by.
    pub known: u32,
    /// Of those, how many while places were free.
    pub with_free: u32,
    /// By hour of the city's day, 0 to 23.
    pub hours: Vec<Hour>,
    /// What is missing, if that can be said.
    pub finding: Option<Finding>,
    /// The lots near by, the nearest first.
    pub lots: Vec<NearBy>,
}

/// A lot near a place where illegal parking gathers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NearBy {
    /// The lot.
    pub lot: LotId,
    /// Its name.
    pub name: Localized,
    /// Where it is, lon/lat, while the city has it.
    pub location: Option<(f64, f64)>,
    /// How far, metres.
    pub distance_m: u32,
    /// Places free when stays became an offence, on average; none where nobody knew.
    pub free: Option<f64>,
    /// The same by hour of the city's day.
    pub hours: Vec<Option<f64>>,
}

/// How many came how far within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Funnel {
    /// Captures taken in.
    pub captures: u64,
    /// Stays they were put together to.
    pub stays: u64,
    /// Stays that became an offence.
    pub ripe: u64,
    /// Offences a person decided about.
    pub reviewed: u64,
    /// Of these, those that were recorded.
    pub recorded: u64,
    /// Penalty cases, from cameras and from the street.
    pub cases: u64,
    /// Cases that were decided.
    pub decided: u64,
    /// Cases whose decision was served.
    pub served: u64,
    /// Cases that are closed.
    pub closed: u64,
}

#[derive(Default)]
struct Tally {
    violations: u32,
    known: u32,
    with_free: u32,
    hours: [(u32, u32, u64); 24],
    lots: BTreeMap<LotId, LotTally>,
}

/// What a lot had free: how often that was known, and the sum, at each hour.
struct LotTally {
    name: Localized,
    distance_m: u32,
    hours: [(u32, u64); 24],
}

impl LotTally {
    fn of(lot: &NearLot) -> Self {
        Self { name: lot.name.clone(), distance_m: lot.distance_m, hours: [(0, 0); 24] }
    }

    fn told(&self, city: &City, id: &LotId) -> NearBy {
        let average = |known: u32, free: u64| (known > 0).then(|| free as f64 / f64::from(known));
        let (known, free) = self.hours.iter().fold((0, 0), |(known, free), (n, sum)| (known + n, free + sum));
        NearBy {
            lot: id.clone(),
            name: self.name.clone(),
            location: city.lots.get(id).map(|lot| (lot.location.x, lot.location.y)),
            distance_m: self.distance_m,
            free: average(known, free),
            hours: self.hours.iter().map(|(known, free)| average(*known, *free)).collect(),
        }
    }
}

impl Desk {
    /// Places by how many stays became an offence there between two instants, most first.
    pub async fn hot_spots(&self, from: Instant, to: Instant) -> Result<Vec<HotSpot>, Error> {
        let city = self.city();
        let mut tallies = BTreeMap::<ZoneId, Tally>::new();
        for one in incidents::ripened(&self.db, from, to).await? {
            let tally = tallies.entry(one.zone).or_default();
            tally.violations += 1;
            let nth = one.at.with_timezone(&city.time_zone).hour() as usize;
            let hour = &mut tally.hours[nth];
            hour.0 += 1;
            let lots = lots_of(one.lots.as_deref()).unwrap_or_default();
            for lot in &lots {
                let near = tally.lots.entry(lot.id.clone()).or_insert_with(|| LotTally::of(lot));
                if let Some(free) = lot.free {
                    near.hours[nth] = (near.hours[nth].0 + 1, near.hours[nth].1 + u64::from(free));
                }
            }
            let free: Vec<u32> = lots.iter().filter_map(|lot| lot.free).collect();
            if !free.is_empty() {
                let free: u64 = free.into_iter().map(u64::from).sum();
                tally.known += 1;
                tally.with_free += u32::from(free > 0);
                (hour.1, hour.2) = (hour.1 + 1, hour.2 + free);
            }
        }
        let mut spots: Vec<HotSpot> =
            tallies.into_iter().map(|(zone, tally)| self.hot_spot(&city, zone, tally)).collect();
        spots.sort_by(|one, other| other.violations.cmp(&one.violations).then_with(|| one.zone.cmp(&other.zone)));
        Ok(spots)
    }

    fn hot_spot(&self, city: &City, id: ZoneId, tally: Tally) -> HotSpot {
        let zone = city.zones.get(&id);
        let location = self.zone_middle(&id);
        let hour = |(violations, known, free): (u32, u32, u64)| Hour {
            violations,
            free: (known > 0).then(|| free as f64 / f64::from(known)),
        };
        let told = location.is_some_and(|at| is_told(city, at, &tally.lots.keys().cloned().collect()));
        let mut lots: Vec<NearBy> = tally.lots.iter().map(|(id, lot)| lot.told(city, id)).collect();
        lots.sort_by_key(|lot| lot.distance_m);
        HotSpot {
            name: zone.map_or_else(|| Localized { zh: id.to_string(), en: id.to_string() }, |zone| zone.name.clone()),
            street_class: zone.map(|zone| zone.street_class),
            location,
            violations: tally.violations,
            known: tally.known,
            with_free: tally.with_free,
            hours: tally.hours.into_iter().map(hour).collect(),
            finding: finding(tally.known, tally.with_free, told),
            lots,
            zone: id,
        }
    }

    /// How many captures, stays and cases of a period came how far.
    pub async fn funnel(&self, from: Instant, to: Instant) -> Result<Funnel, Error> {
        let mut tx = self.db.begin_read().await?;
        let mut funnel = Funnel { captures: captures::count_between(&mut tx, from, to).await?, ..Funnel::default() };
        for (state, was_ripe, count) in incidents::by_state(&mut tx, from, to).await? {
            funnel.stays += count;
            funnel.ripe += if was_ripe { count } else { 0 };
            funnel.reviewed += if matches!(state, State::Recorded | State::Rejected) { count } else { 0 };
            funnel.recorded += if state == State::Recorded { count } else { 0 };
        }
        for record in records::of_kind_between(&mut tx, Kind::Penalty, from, to).await? {
            funnel.cases += 1;
            funnel.decided += u64::from(came_to(Of::Decided, &record));
            funnel.served += u64::from(came_to(Of::Served, &record));
            funnel.closed += u64::from(came_to(Of::Closed, &record));
        }
        Ok(funnel)
    }
}

/// Whether a sign near a place guides to one of these lots.
fn is_told(city: &City, (lon, lat): (f64, f64), lots: &BTreeSet<LotId>) -> bool {
    let place = Point::new(lon, lat);
    let leads_there = |target: &Target| match target {
        Target::Lot(lot) => lots.contains(lot),
        Target::Group(group) => {
            city.groups.get(group).is_some_and(|group| group.lots.iter().any(|lot| lots.contains(lot)))
        }
        Target::Nearest(choices) => choices.iter().any(|choice| lots.contains(&choice.lot)),
    };
    let near = city.signs.values().filter(|sign| Haversine.distance(place, Point::from(sign.location)) <= SIGN_REACH_M);
    near.flat_map(|sign| &sign.panels).flat_map(|panel| &panel.lines).any(|line| leads_there(&line.target))
}
