//! What the function library and this program say to each other: arguments in, records and letters out.

use ::redis::Value;

use super::super::contract::{Error, Limits, LotLayout, Timing};
use crate::domain::{
    availability::{Availability, Change, Outcome, SpaceStatus},
    ids::{LotId, SpaceId},
    lot::CountedBy,
    observation::{Direction, Observation, SpaceState, Statement},
    time::{Instant, from_micros, to_micros},
};

/// An answer that the library never gives.
pub(super) fn foreign(what: &str) -> Error {
    Error::Refused(format!("an answer that is not ours: {what}"))
}

/// A text of an answer.
pub(super) fn text(value: Value) -> Result<String, Error> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| foreign("text that is not UTF-8")),
        Value::SimpleString(text) => Ok(text),
        _ => Err(foreign("not a text")),
    }
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
pub(super) fn pairs(value: Value) -> Result<Vec<(String, String)>, Error> {
    let mut items = list(value)?.into_iter();
    let mut pairs = Vec::with_capacity(items.len() / 2);
    while let Some(key) = items.next() {
        let value = items.next().ok_or_else(|| foreign("a key without a value"))?;
        pairs.push((text(key)?, text(value)?));
    }
    Ok(pairs)
}

/// The seven arguments of one observation, after the index of its lot: what, subject, value, at, seq, session.
pub(super) fn observation(observation: &Observation, limits: Limits) -> [String; 6] {
    let timing = match limits.timing(observation) {
        Timing::Plausible => '.',
        Timing::Future => 'F',
        Timing::Ancient => 'A',
    };
    let (kind, subject, value) = match &observation.statement {
        Statement::Space { space, state } => ('s', space.as_str(), state_letter(*state).to_owned()),
        Statement::Passage { direction: Direction::In, count, lane } => ('p', lane.as_str(), count.to_string()),
        Statement::Passage { direction: Direction::Out, count, lane } => ('p', lane.as_str(), format!("-{count}")),
        Statement::Occupied { count } => ('o', "", count.to_string()),
        Statement::Free { count } => ('f', "", count.to_string()),
    };
    [
        format!("{kind}{timing}"),
        subject.to_owned(),
        value,
        to_micros(observation.observed_at).to_string(),
        observation.seq.map(|seq| seq.to_string()).unwrap_or_default(),
        observation.session.clone().unwrap_or_default(),
    ]
}

/// The arguments of one lot's layout.
pub(super) fn layout(layout: &LotLayout) -> impl Iterator<Item = String> + '_ {
    let kind = match layout.counted_by {
        CountedBy::Spaces => "s",
        CountedBy::Counters => "c",
    };
    let head = [layout.lot.to_string(), kind.to_owned(), layout.places().to_string(), layout.spaces.len().to_string()];
    head.into_iter().chain(layout.spaces.iter().map(ToString::to_string))
}

/// What became of each observation.
pub(super) fn outcomes(letters: &str) -> Result<Vec<Outcome>, Error> {
    letters
        .chars()
        .map(|letter| {
            Ok(match letter {
                'c' => Outcome::Changed,
                'k' => Outcome::Confirmed,
                'l' => Outcome::Late,
                'f' => Outcome::Future,
                'n' => Outcome::NotCounted,
                'L' => Outcome::UnknownLot,
                'S' => Outcome::UnknownSpace,
                _ => return Err(foreign("an unknown outcome")),
            })
        })
        .collect()
}

/// A lot's record: `kind capacity free occupied unknown out version at published raw anchored`.
pub(super) fn availability(lot: &str, record: &str) -> Result<Availability, Error> {
    let wrong = || foreign("a lot's record");
    let fields: Vec<&str> = record.split(' ').collect();
    let [_, capacity, free, occupied, unknown, out_of_service, version, at, ..] = fields[..] else {
        return Err(wrong());
    };
    let number = |field: &str| field.parse::<u32>().map_err(|_| wrong());
    Ok(Availability {
        lot: LotId::parse(lot).map_err(|_| wrong())?,
        capacity: number(capacity)?,
        free: number(free)?,
        occupied: number(occupied)?,
        unknown: number(unknown)?,
        out_of_service: number(out_of_service)?,
        observed_at: instant(at)?,
        version: version.parse().map_err(|_| wrong())?,
    })
}

/// A space's mark, `<state><out><at>` and what may follow after a semicolon.
pub(super) fn space(id: &str, mark: &str) -> Result<SpaceStatus, Error> {
    let wrong = || foreign("a space's mark");
    let mut letters = mark.chars();
    let state = match letters.next() {
        Some('f') => SpaceState::Free,
        Some('o') => SpaceState::Occupied,
        Some('u') => SpaceState::Unknown,
        _ => return Err(wrong()),
    };
    let out_of_service = letters.next() == Some('1');
    let at = letters.as_str().split(';').next().unwrap_or_default();
    let space = SpaceId::parse(id).map_err(|_| wrong())?;
    Ok(SpaceStatus { space, state, out_of_service, observed_at: instant(at)? })
}

/// An entry of the stream: its id, and the change it tells, if it tells one.
pub(super) fn entry(value: Value) -> Result<(String, Option<Change>), Error> {
    let [id, fields] = exactly::<2>(value)?;
    let fields = pairs(fields)?;
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let change = match (field("lot"), field("is"), field("spaces")) {
        (Some(lot), Some(record), Some(lines)) => Some(Change {
            availability: availability(lot, record)?,
            spaces: lines
                .lines()
                .map(|line| line.split_once(' ').ok_or_else(|| foreign("a moved space")))
                .map(|parts| parts.and_then(|(id, mark)| space(id, mark)))
                .collect::<Result<_, _>>()?,
        }),
        _ => None,
    };
    Ok((text(id)?, change))
}

fn state_letter(state: SpaceState) -> &'static str {
    match state {
        SpaceState::Free => "f",
        SpaceState::Occupied => "o",
        SpaceState::Unknown => "u",
    }
}

fn instant(text: &str) -> Result<Option<Instant>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().ok().and_then(from_micros).map(Some).ok_or_else(|| foreign("an instant"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lots_record_is_read_as_the_library_writes_it() {
        let lot = availability("L1", "s 12 3 7 1 1 42 1700000000000001 1700000000000000 0 0").unwrap();
        assert!(lot.is_consistent());
        assert_eq!((lot.free, lot.version), (3, 42));
        assert_eq!(lot.observed_at.map(to_micros), Some(1_700_000_000_000_001));
        assert_eq!(availability("L1", "c 12 0 0 12 0 0   0 0").unwrap().observed_at, None);
        assert!(availability("L1", "s 12 3").is_err());
    }

    #[test]
    fn a_spaces_mark_is_read_with_and_without_its_order() {
        for mark in ["o11700000000000000", "o11700000000000000;;17;a;b c"] {
            let space = space("S1", mark).unwrap();
            assert!(space.out_of_service && space.state == SpaceState::Occupied && space.observed_at.is_some());
        }
        assert!(space("S1", "x0").is_err());
    }
}
