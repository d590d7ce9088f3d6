//! Records and marks as the function library keeps them: MessagePack arrays, of which a later release may know more elements.

use serde::Deserialize;

use super::{
    super::{
        layout::Group,
        lot_memory::{Counts, LaneMemory, LotMemory, SpaceMemory},
        order::Mark,
    },
    wire::{Pack, exactly, foreign, list, pairs, service_number, state_letter, text, total_prefix},
};
use crate::{
    availability::Error,
    domain::{
        action::{CounterState, LaneState, Service},
        availability::{Availability, Change, Confidence, Freshness, GroupCount, SpaceStatus},
        ids::{LotId, SpaceId},
        observation::{Direction, SpaceState},
        time::{Instant, from_micros},
    },
};

/// An element of an array.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Item {
    Int(i64),
    Number(f64),
    Text(String),
    List(Vec<Item>),
}

/// An array, read element by element from the front.
struct Items(std::vec::IntoIter<Item>);

impl Items {
    fn of(bytes: &[u8]) -> Result<Self, Error> {
        let items: Vec<Item> = rmp_serde::from_slice(bytes).map_err(|_| foreign("not an array"))?;
        Ok(Self(items.into_iter()))
    }
    fn int(&mut self) -> Result<i64, Error> {
        match self.0.next() {
            Some(Item::Int(number)) => Ok(number),
            _ => Err(foreign("a record without its number")),
        }
    }
    fn count(&mut self) -> Result<u32, Error> {
        u32::try_from(self.int()?).map_err(|_| foreign("a count out of range"))
    }
    fn large(&mut self) -> Result<u64, Error> {
        u64::try_from(self.int()?).map_err(|_| foreign("a count out of range"))
    }
    fn text(&mut self) -> Result<String, Error> {
        match self.0.next() {
            Some(Item::Text(text)) => Ok(text),
            _ => Err(foreign("a record without its text")),
        }
    }
    fn list(&mut self) -> Result<Vec<Self>, Error> {
        let Some(Item::List(items)) = self.0.next() else { return Err(foreign("a record without its list")) };
        let inner = |item| match item {
            Item::List(items) => Ok(Self(items.into_iter())),
            _ => Err(foreign("a list of no lists")),
        };
        items.into_iter().map(inner).collect()
    }
    fn state(&mut self) -> Result<SpaceState, Error> {
        match self.text()?.as_str() {
            "f" => Ok(SpaceState::Free),
            "o" => Ok(SpaceState::Occupied),
            "u" => Ok(SpaceState::Unknown),
            _ => Err(foreign("a space's state")),
        }
    }
    fn service(&mut self) -> Result<Service, Error> {
        Ok(match self.int()? {
            0 => Service::InService,
            1 => Service::OutOfService,
            _ => Service::Reserved,
        })
    }
    fn freshness(&mut self) -> Result<Freshness, Error> {
        Ok(match self.int()? {
            0 => Freshness::Live,
            1 => Freshness::Stale,
            _ => Freshness::Dead,
        })
    }
    fn mark(&mut self) -> Result<Mark, Error> {
        let (at_us, since_us, seq, session) = (self.int()?, self.int()?, self.text()?, self.text()?);
        let seq = (!seq.is_empty()).then(|| seq.parse().map_err(|_| foreign("a sequence number"))).transpose()?;
        Ok(Mark { at_us, since_us, seq, session: (!session.is_empty()).then(|| session.into()) })
    }
}

fn instant(micros: i64) -> Option<Instant> {
    (micros > 0).then(|| from_micros(micros)).flatten()
}

/// A lot's record.
struct Record {
    availability: Availability,
    counts: Counts,
    observed_us: i64,
    acted_us: i64,
    places: u32,
}

fn record(lot: &str, bytes: &[u8]) -> Result<Record, Error> {
    let mut items = Items::of(bytes)?;
    let by_spaces = items.text()? == "s";
    items.int()?;
    let [capacity, free, occupied, unknown, out_of_service, reserved, closed, stale_spaces, dead_spaces] = [
        items.count()?,
        items.count()?,
        items.count()?,
        items.count()?,
        items.count()?,
        items.count()?,
        items.count()?,
        items.count()?,
        items.count()?,
    ];
    let (version, observed_us) = (items.large()?, items.int()?);
    let (_published, _due) = (items.int()?, items.int()?);
    let (raw, anchored, passages) = (items.int()?, items.int()? == 1, items.large()?);
    let (drift, has_drift) = (items.int()?, items.int()? == 1);
    let mut counts = Counts {
        raw,
        anchored,
        passages,
        entered: 0,
        drift: has_drift.then_some(drift),
        drift_passages: items.large()?,
        drift_span_us: items.int()?,
        drift_sum: items.large()?,
        drift_over: items.large()?,
        quarantined: items.large()?,
    };
    let (acted_us, places) = (items.int()?, items.count()?);
    let groups = items.list()?.into_iter().map(group).collect::<Result<_, _>>()?;
    // A record of the release before ends here.
    counts.entered = items.large().unwrap_or(0);
    let availability = Availability {
        lot: LotId::parse(lot).map_err(|_| foreign("a lot's id"))?,
        capacity,
        free,
        occupied,
        unknown,
        out_of_service,
        reserved,
        closed: closed != 0,
        stale_spaces,
        dead_spaces,
        groups,
        confidence: if by_spaces {
            Confidence::share(u64::from(free) + u64::from(occupied), u64::from(capacity.saturating_sub(out_of_service)))
        } else {
            counts.confidence(capacity)
        },
        observed_at: instant(observed_us),
        version,
    };
    Ok(Record { availability, counts, observed_us, acted_us, places })
}

fn group(mut items: Items) -> Result<GroupCount, Error> {
    let letter = items.text()?;
    let group = Group::ALL.into_iter().find(|group| group.letter() == letter).ok_or_else(|| foreign("a group"))?;
    let (class, use_) = group.parts();
    Ok(GroupCount {
        class,
        use_,
        capacity: items.count()?,
        free: items.count()?,
        occupied: items.count()?,
        unknown: items.count()?,
        out_of_service: items.count()?,
    })
}

/// A lot as it is told.
pub(super) fn availability(lot: &str, bytes: &[u8]) -> Result<Availability, Error> {
    Ok(record(lot, bytes)?.availability)
}

fn space(id: &str, bytes: &[u8]) -> Result<SpaceMemory, Error> {
    let mut items = Items::of(bytes)?;
    let mark = items.mark()?;
    let (shown, raw) = (items.state()?, items.state()?);
    let (service, freshness) = (items.service()?, items.freshness()?);
    let (lag, moved_us) = (items.int()?, items.int()?);
    let space = SpaceId::parse(id).map_err(|_| foreign("a space's id"))?;
    let heard_us = mark.at_us - lag;
    Ok(SpaceMemory { space, mark, shown, raw, service, freshness, heard_us, moved_us })
}

fn status(memory: SpaceMemory) -> SpaceStatus {
    SpaceStatus {
        space: memory.space,
        state: memory.shown,
        out_of_service: memory.service != Service::InService,
        reserved: memory.service == Service::Reserved,
        freshness: memory.freshness,
        observed_at: instant(memory.mark.at_us),
    }
}

/// The spaces of a lot by their ids, from its fields.
pub(super) fn spaces(fields: &[(String, Vec<u8>)]) -> Result<Vec<SpaceStatus>, Error> {
    Ok(space_memories(fields)?.into_iter().map(status).collect())
}

fn space_memories(fields: &[(String, Vec<u8>)]) -> Result<Vec<SpaceMemory>, Error> {
    let of = |(field, bytes): &(String, Vec<u8>)| field.strip_prefix("s:").map(|id| space(id, bytes));
    let mut spaces: Vec<SpaceMemory> = fields.iter().filter_map(of).collect::<Result<_, _>>()?;
    spaces.sort_unstable_by(|a, b| a.space.cmp(&b.space));
    Ok(spaces)
}

/// All that is remembered of a lot, from its record and its fields.
pub(super) fn memory(lot: &LotId, bytes: &[u8], fields: &[(String, Vec<u8>)]) -> Result<LotMemory, Error> {
    let record = record(lot.as_str(), bytes)?;
    let (mut anchor, mut lanes) = (Mark::default(), Vec::new());
    for (field, bytes) in fields {
        let (direction, lane) = if field == "a" {
            anchor = Items::of(bytes)?.mark()?;
            continue;
        } else if let Some(lane) = field.strip_prefix("l:") {
            (None, lane)
        } else if let Some(lane) = field.strip_prefix(total_prefix(Direction::In)) {
            (Some(Direction::In), lane)
        } else if let Some(lane) = field.strip_prefix(total_prefix(Direction::Out)) {
            (Some(Direction::Out), lane)
        } else {
            continue;
        };
        let mut items = Items::of(bytes)?;
        let mark = items.mark()?;
        let (high, low, is_known) = (items.large()?, items.large()?, items.int()? == 1);
        lanes.push(LaneMemory { lane: lane.to_owned(), direction, mark, total: is_known.then_some(high << 32 | low) });
    }
    lanes.sort_by(|a, b| (&a.lane, a.direction).cmp(&(&b.lane, b.direction)));
    Ok(LotMemory {
        lot: lot.clone(),
        version: record.availability.version,
        observed_us: record.observed_us,
        acted_us: record.acted_us,
        closed: record.availability.closed,
        reserved_places: record.places,
        counter: record.counts,
        anchor,
        lanes,
        spaces: space_memories(fields)?,
    })
}

/// What an operator is told of a lot's counters.
pub(super) fn counters(memory: LotMemory) -> CounterState {
    let counts = memory.counter;
    let lane = |lane: LaneMemory| LaneState {
        lane: lane.lane,
        direction: lane.direction,
        total: lane.total,
        observed_at: instant(lane.mark.at_us),
    };
    CounterState {
        lot: memory.lot,
        inside: counts.anchored.then_some(counts.raw),
        anchored_at: instant(memory.anchor.at_us),
        passages: counts.passages,
        entered: counts.entered,
        drift: counts.drift,
        drift_passages: counts.drift_passages,
        drift_span_s: (counts.drift_span_us / 1_000_000).unsigned_abs(),
        drift_per_million: counts.drift_per_million(),
        quarantined: counts.quarantined,
        lanes: memory.lanes.into_iter().map(lane).collect(),
    }
}

/// Memories as the library takes them back.
pub(super) fn memories(memories: &[&LotMemory]) -> Vec<u8> {
    let mut blob = Pack::default();
    blob.list(memories.len());
    for memory in memories {
        blob.list(10);
        blob.text(memory.lot.as_str());
        blob.int(memory.version as i64);
        blob.int(memory.observed_us);
        blob.int(memory.acted_us);
        blob.int(i64::from(memory.closed));
        blob.int(i64::from(memory.reserved_places));
        let counts = &memory.counter;
        let numbers = [
            counts.raw,
            i64::from(counts.anchored),
            counts.passages as i64,
            counts.drift.unwrap_or(0),
            i64::from(counts.drift.is_some()),
            counts.drift_passages as i64,
            counts.drift_span_us,
            counts.drift_sum as i64,
            counts.drift_over as i64,
            counts.quarantined as i64,
        ];
        blob.list(numbers.len());
        for number in numbers {
            blob.int(number);
        }
        blob.int(memory.counted_us());
        let anchor = memory.anchor.is_heard();
        blob.list(memory.spaces.len() + memory.lanes.len() + usize::from(anchor));
        if anchor {
            blob.list(2);
            blob.text("a");
            blob.list(4);
            mark(&mut blob, &memory.anchor);
        }
        for lane in &memory.lanes {
            let total = lane.total.unwrap_or(0);
            blob.list(2);
            blob.joined(lane.direction.map_or("l:", total_prefix), &lane.lane);
            blob.list(7);
            mark(&mut blob, &lane.mark);
            blob.int((total >> 32) as i64);
            blob.int((total & u64::from(u32::MAX)) as i64);
            blob.int(i64::from(lane.total.is_some()));
        }
        for space in &memory.spaces {
            blob.list(2);
            blob.joined("s:", space.space.as_str());
            blob.list(10);
            mark(&mut blob, &space.mark);
            blob.text(state_letter(space.shown));
            blob.text(state_letter(space.raw));
            blob.int(i64::from(service_number(space.service)));
            blob.int(match space.freshness {
                Freshness::Live => 0,
                Freshness::Stale => 1,
                Freshness::Dead => 2,
            });
            blob.int(space.mark.at_us - space.heard_us);
            blob.int(space.moved_us);
        }
        blob.int(memory.counter.entered as i64);
    }
    blob.0
}

fn mark(blob: &mut Pack, mark: &Mark) {
    blob.int(mark.at_us);
    blob.int(mark.since_us);
    blob.seq(mark.seq);
    blob.text(mark.session.as_deref().unwrap_or(""));
}

/// An entry of the stream: its id, and the change it tells, if it tells one.
pub(super) fn entry(value: ::redis::Value) -> Result<(String, Option<Change>), Error> {
    let [id, fields] = exactly::<2>(value)?;
    let fields = pairs(fields)?;
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice());
    let change = match (field("lot"), field("is"), field("spaces")) {
        (Some(lot), Some(record), Some(spaces)) => Some(Change {
            availability: availability(std::str::from_utf8(lot).map_err(|_| foreign("a lot's id"))?, record)?,
            spaces: moved(spaces)?,
            trail: field("trail").and_then(|trail| std::str::from_utf8(trail).ok()).map(Box::from),
        }),
        _ => None,
    };
    Ok((text(id)?, change))
}

fn moved(bytes: &[u8]) -> Result<Vec<SpaceStatus>, Error> {
    let spaces: Vec<Vec<Item>> = rmp_serde::from_slice(bytes).map_err(|_| foreign("moved spaces"))?;
    let status = |items: Vec<Item>| {
        let mut items = Items(items.into_iter());
        let id = items.text()?;
        let (state, service, freshness) = (items.state()?, items.service()?, items.freshness()?);
        Ok(SpaceStatus {
            space: SpaceId::parse(&id).map_err(|_| foreign("a space's id"))?,
            state,
            out_of_service: service != Service::InService,
            reserved: service == Service::Reserved,
            freshness,
            observed_at: instant(items.int()?),
        })
    };
    spaces.into_iter().map(status).collect()
}

/// A list of lots' records, in the order asked; those that are not in the city are left out.
pub(super) fn records(lots: &[&LotId], answer: ::redis::Value) -> Result<Vec<Availability>, Error> {
    let answers = list(answer)?;
    if answers.len() != lots.len() {
        return Err(foreign("another number of lots"));
    }
    let told = lots.iter().zip(answers).filter_map(|(lot, answer)| match answer {
        ::redis::Value::BulkString(bytes) => Some(availability(lot.as_str(), &bytes)),
        _ => None,
    });
    told.collect()
}
