//! What a device's report states of its bay or its lot.
//!
//! One report states each thing once: where a frame tells several states of a bay or several totals of a lane, the last one
//! holds, and the others are events of the record alone. A lane is named after its device and the device's own direction,
//! so that frame counters of two devices, or a device's ways in and out, are never compared with each other.

use std::collections::BTreeMap;

use yunpark_sensors::{Codec, Decoder, Health, LaneDirection, Reading, Report, Told, sparkplug};

use super::{Batch, DeviceEvent, Refusal, SensorWord, Word, observation, whole};
use crate::{
    domain::{
        approach::Sighting,
        city::{CountBy, LaneWay},
        observation::{Direction, Observation, SpaceState, Statement},
        time::Instant,
    },
    ingest::directory::Binding,
};

/// Faults with which a bay sensor's state is worth nothing.
const BLIND: [&str; 2] = ["tilt", sparkplug::OFFLINE];

/// Adds what a report says to `batch`, all of it or nothing.
pub(super) fn take(report: Report, device: &Binding, received_at: Instant, batch: &mut Batch) -> Result<(), Refusal> {
    let mut stated = Stated {
        device,
        received_at,
        report: &report,
        bay: None,
        lanes: BTreeMap::new(),
        rest: Vec::new(),
        unfit: None,
    };
    let mut words = Vec::new();
    let blind = report.told.iter().any(|told| is_blind(&told.reading));
    for told in report.told.iter().filter(|told| !told.is_historical) {
        if let Some(word) = stated.take(told, blind)? {
            words.push(SensorWord { sensor: device.id.clone(), at: stated.at(told), word });
        }
    }
    let statements = stated.statements()?;
    let numbered = report.is_numbered.then_some(report.f_cnt);
    let session = report.session.clone().filter(|_| numbered.is_some());
    match (&device.lot, &device.approach) {
        (Some(lot), _) => batch.observations.extend(statements.into_iter().map(|(statement, at)| Observation {
            session: session.clone(),
            ..observation(lot, statement, at, received_at, numbered)
        })),
        (None, Some(approach)) => batch.sightings.extend(statements.into_iter().map(|(statement, at)| Sighting {
            approach: approach.clone(),
            statement,
            observed_at: whole(at),
            received_at,
            session: session.clone(),
            seq: numbered,
        })),
        (None, None) => {}
    }
    batch.words.extend(words);
    batch.events.extend(events(&report, device, received_at));
    Ok(())
}

fn is_blind(reading: &Reading) -> bool {
    matches!(reading, Reading::Health(Health { fault: Some(fault), .. }) if BLIND.contains(&fault.as_ref()))
}

/// Every reading as an event of the record, historical ones as well.
fn events<'r>(report: &'r Report, device: &'r Binding, received_at: Instant) -> impl Iterator<Item = DeviceEvent> + 'r {
    report.told.iter().enumerate().map(move |(index, told)| {
        let mut id = report.event_id(index);
        device.id.as_str().clone_into(&mut id.device);
        DeviceEvent {
            id,
            sensor: device.id.clone(),
            lot: device.lot.clone(),
            space: device.space.clone(),
            reading: told.reading.clone(),
            is_historical: told.is_historical,
            device_time: told.device_time.map(whole),
            network_time: report.network_time.map(whole),
            received_at,
            way: report.way.clone(),
        }
    })
}

/// A lane of the device, in its own direction.
type Lane = (Option<String>, LaneDirection);

/// What the lane says.
#[derive(Clone, Copy)]
enum Count {
    Total {
        value: u64,
        width_bits: u8,
    },
    Delta(u32),
    /// The total it goes on from, where that is known.
    Baseline(Option<u64>),
}

struct Stated<'a> {
    device: &'a Binding,
    received_at: Instant,
    report: &'a Report,
    bay: Option<(SpaceState, Instant)>,
    lanes: BTreeMap<(Option<String>, u8), (LaneDirection, Count, Instant)>,
    rest: Vec<(Statement, Instant)>,
    /// A reading that does not fit what the device is bound to.
    unfit: Option<Refusal>,
}

impl Stated<'_> {
    /// When it was so: by the device, else by the network, else when we heard of it.
    fn at(&self, told: &Told) -> Instant {
        told.device_time.or(self.report.network_time).map_or(self.received_at, whole)
    }

    /// Takes one reading; what it says of the device itself is handed back.
    fn take(&mut self, told: &Told, blind: bool) -> Result<Option<Word>, Refusal> {
        let at = self.at(told);
        match &told.reading {
            Reading::Occupancy { occupied, .. } => {
                let state = if *occupied { SpaceState::Occupied } else { SpaceState::Free };
                self.bay(state, at);
            }
            Reading::Distance { .. } if blind => self.bay(SpaceState::Unknown, at),
            Reading::Distance { value_mm } => self.distance(*value_mm, at)?,
            Reading::CounterTotal { direction, lane, value, width_bits } => {
                if self.device.counting.by != Some(CountBy::Delta) {
                    let count = Count::Total { value: *value, width_bits: *width_bits };
                    self.lane(lane.as_deref(), *direction, count, at);
                }
            }
            Reading::CounterDelta { direction, lane, count } => {
                if self.counts_deltas() && *count > 0 {
                    self.lane(lane.as_deref(), *direction, Count::Delta(*count), at);
                }
            }
            Reading::CounterReset => self.baselines(Some(0), at),
            Reading::Restart { cause } => {
                // Having joined anew is no start: the totals go on.
                if cause != "rejoining_lorawan_network" && cause != "recalibration" {
                    let zero = self.codec().is_some_and(Codec::restarts_from_zero).then_some(0);
                    self.baselines(zero, at);
                }
                return Ok(Some(Word::Restart(cause.clone())));
            }
            Reading::LotOccupied { count } => self.lot(Statement::Occupied { count: *count }, at),
            Reading::LotFree { count } => self.lot(Statement::Free { count: *count }, at),
            Reading::Health(health) => {
                if is_blind(&told.reading) && self.device.space.is_some() {
                    self.bay(SpaceState::Unknown, at);
                }
                return Ok(Some(Word::Health(health.clone())));
            }
            // A report carries the past as readings marked so.
            Reading::Historical(_) => {}
        }
        Ok(None)
    }

    fn codec(&self) -> Option<Codec> {
        self.device.decoder.as_ref().and_then(Decoder::codec)
    }

    /// Vehicles of a period count where the device keeps no total, or where the city file says so.
    fn counts_deltas(&self) -> bool {
        match self.device.counting.by {
            Some(by) => by == CountBy::Delta,
            None => self.codec().is_none_or(|codec| codec.totals().is_empty()),
        }
    }

    fn bay(&mut self, state: SpaceState, at: Instant) {
        if self.device.space.is_some() {
            self.bay = Some((state, at));
        } else {
            let bound = if self.device.approach.is_some() { "approach" } else { "lot" };
            self.unfit = Some(Refusal::Misbound { bound, about: "space" });
        }
    }

    /// Nearer than the threshold is a vehicle; within the band around it nothing is said.
    fn distance(&mut self, value_mm: u32, at: Instant) -> Result<(), Refusal> {
        if self.device.space.is_none() {
            self.unfit = Some(Refusal::Misbound { bound: "lot", about: "space" });
            return Ok(());
        }
        let rule = self.device.distance.ok_or(Refusal::NoThreshold)?;
        let half = rule.hysteresis_mm / 2;
        if value_mm < rule.threshold_mm - half {
            self.bay(SpaceState::Occupied, at);
        } else if value_mm >= rule.threshold_mm.saturating_add(half) {
            self.bay(SpaceState::Free, at);
        }
        Ok(())
    }

    fn lot(&mut self, statement: Statement, at: Instant) {
        if self.device.approach.is_some() {
            self.unfit = Some(Refusal::Misbound { bound: "approach", about: "lot" });
        } else if self.device.space.is_none() {
            self.rest.push((statement, at));
        } else {
            self.unfit = Some(Refusal::Misbound { bound: "space", about: "lot" });
        }
    }

    fn lane(&mut self, lane: Option<&str>, direction: LaneDirection, count: Count, at: Instant) {
        if self.device.space.is_some() {
            self.unfit = Some(Refusal::Misbound { bound: "space", about: "lot" });
            return;
        }
        let key = (lane.map(str::to_owned), direction as u8);
        let count = match (self.lanes.get(&key), count) {
            // The counter goes on from where this very frame says it stands.
            (Some((_, Count::Baseline(_), _)), Count::Total { value, .. }) => Count::Baseline(Some(value)),
            (Some((_, Count::Total { value, .. }, _)), Count::Baseline(_)) => Count::Baseline(Some(*value)),
            (_, count) => count,
        };
        self.lanes.insert(key, (direction, count, at));
    }

    /// Every total of the device begins anew.
    fn baselines(&mut self, value: Option<u64>, at: Instant) {
        if self.device.space.is_some() || self.device.counting.by == Some(CountBy::Delta) {
            return;
        }
        for (lane, direction) in self.totals() {
            self.lane(lane.as_deref(), direction, Count::Baseline(value), at);
        }
    }

    fn totals(&self) -> Vec<Lane> {
        match &self.device.decoder {
            Some(Decoder::Codec(codec)) => {
                codec.totals().iter().map(|(lane, direction)| (lane.map(str::to_owned), *direction)).collect()
            }
            Some(Decoder::Declared(layout)) => layout.totals(),
            _ => Vec::new(),
        }
    }

    /// Which way a lane leads; `None` for one that does not count.
    fn way(&self, lane: Option<&str>, direction: LaneDirection) -> Result<Option<Direction>, Refusal> {
        let counting = &self.device.counting;
        let way = match (counting.lanes.is_empty(), lane) {
            (true, lane) if self.codec().is_some_and(|codec| codec.is_breakdown(lane)) => return Ok(None),
            (true, _) => counting.direction,
            (false, lane) => match lane.and_then(|lane| counting.lanes.get(lane)) {
                Some(way) => Some(*way),
                None => return Ok(None),
            },
        };
        let inward = match (direction, way) {
            (LaneDirection::Both, None) => return Err(Refusal::Undirected),
            (LaneDirection::In | LaneDirection::Both, way) => way != Some(LaneWay::Out),
            (LaneDirection::Out, way) => way == Some(LaneWay::Out),
        };
        Ok(Some(if inward { Direction::In } else { Direction::Out }))
    }

    /// What is stated, each thing once, with its instant.
    fn statements(mut self) -> Result<Vec<(Statement, Instant)>, Refusal> {
        let mut stated = Vec::new();
        if let (Some(space), Some((state, at))) = (&self.device.space, self.bay) {
            stated.push((Statement::Space { space: space.clone(), state }, at));
        }
        for ((lane, _), (direction, count, at)) in std::mem::take(&mut self.lanes) {
            let way = match self.way(lane.as_deref(), direction) {
                Ok(Some(way)) => way,
                Ok(None) => continue,
                // Who counts nothing yet loses nothing by a reset.
                Err(_) if matches!(count, Count::Baseline(_)) => continue,
                Err(refusal) => return Err(refusal),
            };
            stated.push((counted(way, self.name(lane.as_deref(), direction), count), at));
        }
        stated.append(&mut self.rest);
        if let (true, Some(unfit)) = (stated.is_empty() && !self.is_versatile(), self.unfit.take()) {
            return Err(unfit);
        }
        Ok(stated)
    }

    /// Whether the device tells of bays and of lots alike, so that what does not fit its binding is nothing to refuse.
    fn is_versatile(&self) -> bool {
        !matches!(&self.device.decoder, Some(Decoder::Codec(codec)) if *codec != Codec::PniPlacepod)
    }

    fn name(&self, lane: Option<&str>, direction: LaneDirection) -> String {
        let direction = match direction {
            LaneDirection::In => "in",
            LaneDirection::Out => "out",
            LaneDirection::Both => "both",
        };
        match lane {
            Some(lane) => format!("{}/{lane}/{direction}", self.device.id),
            None => format!("{}/{direction}", self.device.id),
        }
    }
}

fn counted(direction: Direction, lane: String, count: Count) -> Statement {
    match count {
        Count::Total { value, width_bits } => Statement::Total { direction, lane, value, width_bits },
        Count::Delta(count) => Statement::Passage { direction, count, lane },
        Count::Baseline(value) => Statement::Baseline { direction, lane, value },
    }
}
