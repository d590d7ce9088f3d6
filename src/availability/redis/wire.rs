//! What this program says to the function library, and the shapes of its answers.

use std::collections::HashMap;

use ::redis::{Cmd, Value};
use foldhash::quality::RandomState;
use rmp::encode;

use super::{
    super::{
        contract::{Error, LAST_EXACT_US, Limits, Timing},
        layout::{Group, LotLayout},
    },
    function,
    place::{Partition, partition_of},
};
use crate::domain::{
    action::{Action, Service},
    availability::Outcome,
    ids::LotId,
    lot::CountedBy,
    observation::{Direction, Observation, SpaceState, Statement},
    time::to_micros,
};

/// Elements of one observation in a batch.
const ELEMENTS: usize = 9;

/// An answer that the library never gives.
pub(super) fn foreign(what: &str) -> Error {
    Error::Refused(format!("an answer that is not ours: {what}"))
}

/// The bytes of an answer.
pub(super) fn bytes(value: Value) -> Result<Vec<u8>, Error> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        _ => Err(foreign("not a text")),
    }
}

/// A text of an answer.
pub(super) fn text(value: Value) -> Result<String, Error> {
    String::from_utf8(bytes(value)?).map_err(|_| foreign("text that is not UTF-8"))
}

/// A list of an answer.
pub(super) fn list(value: Value) -> Result<Vec<Value>, Error> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(foreign("not a list")),
    }
}

/// A list of exactly `N`.
pub(super) fn exactly<const N: usize>(value: Value) -> Result<[Value; N], Error> {
    list(value)?.try_into().map_err(|_| foreign("a list of another length"))
}

/// A flat list of keys and values.
pub(super) fn pairs(value: Value) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut items = list(value)?.into_iter();
    let mut pairs = Vec::with_capacity(items.len() / 2);
    while let Some(key) = items.next() {
        let value = items.next().ok_or_else(|| foreign("a key without a value"))?;
        pairs.push((text(key)?, bytes(value)?));
    }
    Ok(pairs)
}

/// What became of each observation, by its letter.
pub(super) fn outcome(letter: u8) -> Result<Outcome, Error> {
    Ok(match letter {
        b'c' => Outcome::Changed,
        b'k' => Outcome::Confirmed,
        b'l' => Outcome::Late,
        b'f' => Outcome::Future,
        b'n' => Outcome::NotCounted,
        b'q' => Outcome::Quarantined,
        b'L' => Outcome::UnknownLot,
        b'S' => Outcome::UnknownSpace,
        _ => return Err(foreign("an unknown outcome")),
    })
}

/// MessagePack into memory, which cannot fail.
#[derive(Debug, Default)]
pub(super) struct Pack(pub(super) Vec<u8>);

impl Pack {
    pub(super) fn list(&mut self, length: usize) {
        let written = encode::write_array_len(&mut self.0, u32::try_from(length).unwrap_or(u32::MAX));
        debug_assert!(written.is_ok(), "memory takes what it is given");
    }
    pub(super) fn int(&mut self, number: i64) {
        let written = encode::write_sint(&mut self.0, number);
        debug_assert!(written.is_ok(), "memory takes what it is given");
    }
    pub(super) fn text(&mut self, text: &str) {
        self.joined(text, "");
    }
    /// One text of two parts.
    pub(super) fn joined(&mut self, first: &str, second: &str) {
        let length = u32::try_from(first.len() + second.len()).unwrap_or(u32::MAX);
        let written = encode::write_str_len(&mut self.0, length);
        debug_assert!(written.is_ok(), "memory takes what it is given");
        self.0.extend_from_slice(first.as_bytes());
        self.0.extend_from_slice(second.as_bytes());
    }
    /// A sequence number as digits, empty for none.
    pub(super) fn seq(&mut self, seq: Option<u64>) {
        match seq {
            Some(seq) => self.text(itoa::Buffer::new().format(seq)),
            None => self.text(""),
        }
    }
    /// A running total as its high and low 32 bits.
    fn halves(&mut self, total: u64) {
        self.int((total >> 32) as i64);
        self.int((total & u64::from(u32::MAX)) as i64);
    }
    fn nothing(&mut self) {
        let written = encode::write_bool(&mut self.0, false);
        debug_assert!(written.is_ok(), "memory takes what it is given");
    }
}

/// The part of a batch that lies in one partition.
#[derive(Debug, Default)]
struct Part<'a> {
    lots: Vec<&'a LotId>,
    body: Pack,
    /// Where in the batch each observation stands.
    indices: Vec<usize>,
    /// Indices of lots, each with what moves it.
    trails: Vec<(usize, &'a str)>,
}

/// One call for each partition a batch touches, with the places in the batch that its letters stand for.
pub(super) fn calls(
    partitions: &[Partition],
    batch: &[Observation],
    followed: &[(usize, String)],
    limits: Limits,
) -> Vec<(Cmd, Vec<usize>)> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    parts.resize_with(partitions.len(), Part::default);
    let mut known: HashMap<&LotId, (usize, usize), RandomState> =
        HashMap::with_capacity_and_hasher(batch.len().min(1024), RandomState::default());
    for (index, observation) in batch.iter().enumerate() {
        let (partition, number) = *known.entry(&observation.lot).or_insert_with(|| {
            let partition = partition_of(&observation.lot, partitions.len());
            parts[partition].lots.push(&observation.lot);
            (partition, parts[partition].lots.len())
        });
        let part = &mut parts[partition];
        part.indices.push(index);
        part.body.int(number as i64);
        write(&mut part.body, observation, limits);
    }
    for (index, trail) in followed {
        if let Some(&(partition, number)) = batch.get(*index).and_then(|observation| known.get(&observation.lot)) {
            parts[partition].trails.push((number, trail));
        }
    }
    let filled = partitions.iter().zip(parts).filter(|(_, part)| !part.indices.is_empty());
    filled.map(|(partition, part)| (call(partition, &part, limits), part.indices)).collect()
}

fn call(partition: &Partition, part: &Part<'_>, limits: Limits) -> Cmd {
    let mut blob = Pack(Vec::with_capacity(part.body.0.len() + 32 + part.lots.len() * 24));
    blob.list(4 + part.lots.len() + ELEMENTS * part.indices.len());
    blob.int(limits.seq_reset_us());
    blob.int(limits.debounce_us());
    blob.int(i64::from(limits.max_delta));
    blob.int(part.lots.len() as i64);
    for lot in &part.lots {
        blob.text(lot.as_str());
    }
    blob.0.extend_from_slice(&part.body.0);
    let mut command = function("yunpark_apply_v2", 4 + part.lots.len(), partition.own());
    let mut key = String::with_capacity(partition.lot_prefix.len() + 64);
    for lot in &part.lots {
        key.clear();
        key.push_str(&partition.lot_prefix);
        key.push_str(lot.as_str());
        command.arg(key.as_str());
    }
    command.arg(limits.stream_length).arg(&blob.0[..]);
    if !part.trails.is_empty() {
        let mut trails = Pack::default();
        trails.list(2 * part.trails.len());
        for (number, trail) in &part.trails {
            trails.int(*number as i64);
            trails.text(trail);
        }
        command.arg(&trails.0[..]);
    }
    command
}

/// The eight elements of an observation after the index of its lot.
fn write(body: &mut Pack, observation: &Observation, limits: Limits) {
    let timing = limits.timing(observation);
    let (kind, prefix, subject) = match &observation.statement {
        Statement::Space { space, .. } => ("s", "s:", space.as_str()),
        Statement::Passage { lane, .. } => ("p", "l:", lane.as_str()),
        Statement::Total { direction, lane, .. } => ("t", total_prefix(*direction), lane.as_str()),
        Statement::Baseline { direction, lane, .. } => ("b", total_prefix(*direction), lane.as_str()),
        Statement::Occupied { .. } => ("o", "a", ""),
        Statement::Free { .. } => ("f", "a", ""),
    };
    body.text(kind);
    body.text(match timing {
        Timing::Plausible => ".",
        Timing::Future => "F",
        Timing::Ancient => "A",
    });
    body.joined(prefix, subject);
    match &observation.statement {
        Statement::Space { state, .. } => body.text(state_letter(*state)),
        Statement::Passage { direction, count, .. } => body.int(sign(*direction) * i64::from(*count)),
        Statement::Total { direction, value, width_bits, .. } => {
            let width_bits = (*width_bits).clamp(1, 64);
            body.list(4);
            body.halves(value & (u64::MAX >> (64 - u32::from(width_bits))));
            body.int(i64::from(width_bits));
            body.int(sign(*direction));
        }
        Statement::Baseline { value: Some(value), .. } => {
            body.list(2);
            body.halves(*value);
        }
        Statement::Baseline { value: None, .. } => body.nothing(),
        Statement::Occupied { count } | Statement::Free { count } => body.int(i64::from(*count)),
    }
    // What is refused for its time is not looked at, and may be more than a double holds.
    body.int(if timing == Timing::Plausible { to_micros(observation.observed_at) } else { 0 });
    body.seq(observation.seq);
    body.text(observation.session.as_deref().unwrap_or(""));
    body.int(to_micros(observation.received_at).clamp(0, LAST_EXACT_US));
}

pub(super) fn total_prefix(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "t:i:",
        Direction::Out => "t:o:",
    }
}

fn sign(direction: Direction) -> i64 {
    match direction {
        Direction::In => 1,
        Direction::Out => -1,
    }
}

/// An operator's action: debounce_us, lot, what, field, value, at.
pub(super) fn action(action: &Action, at_us: i64, limits: Limits) -> Vec<u8> {
    let mut blob = Pack::default();
    blob.list(6);
    blob.int(limits.debounce_us());
    blob.text(action.lot().as_str());
    let (what, space, value) = match action {
        Action::Service { space, service, .. } => ("s", space.as_str(), i64::from(service_number(*service))),
        Action::Reserve { places, .. } => ("r", "", i64::from(*places)),
        Action::Close { closed, .. } => ("c", "", i64::from(*closed)),
        Action::Correct { occupied, .. } => ("o", "", i64::from(*occupied)),
    };
    blob.text(what);
    blob.joined("s:", space);
    blob.int(value);
    blob.int(at_us);
    blob.0
}

/// The lots of a partition as they are declared: id, kind, mixed, capacity, groups, spaces.
pub(super) fn layouts(layouts: &[&LotLayout]) -> Vec<u8> {
    let mut blob = Pack::default();
    blob.list(layouts.len());
    for layout in layouts {
        blob.list(6);
        blob.text(layout.lot.as_str());
        blob.text(match layout.counted_by {
            CountedBy::Spaces => "s",
            CountedBy::Counters => "c",
        });
        blob.int(i64::from(layout.mixed));
        blob.int(i64::from(layout.places()));
        let groups = layout.groups();
        blob.list(groups.len());
        for (group, capacity) in groups {
            blob.list(2);
            blob.text(group.letter());
            blob.int(i64::from(capacity));
        }
        let has_classes = layout.has_classes();
        blob.list(layout.spaces.len());
        for space in &layout.spaces {
            blob.list(4);
            blob.text(space.id.as_str());
            blob.int(i64::from(space.stale_after_s.unwrap_or(0)));
            blob.int(i64::from(space.dead_after_s.unwrap_or(0)));
            let letters: String = space.groups(has_classes).into_iter().map(Group::letter).collect();
            blob.text(&letters);
        }
    }
    blob.0
}

pub(super) fn state_letter(state: SpaceState) -> &'static str {
    match state {
        SpaceState::Free => "f",
        SpaceState::Occupied => "o",
        SpaceState::Unknown => "u",
    }
}

pub(super) fn service_number(service: Service) -> u8 {
    match service {
        Service::InService => 0,
        Service::OutOfService => 1,
        Service::Reserved => 2,
    }
}
