//! The moves of spaces from one state to another.

use chrono::Duration;

use super::{
    Error, On, Tx,
    history::Aged,
    query::{Value, inserts, query},
};
use crate::domain::{
    ids::{LotId, SpaceId},
    observation::SpaceState,
    time::{Instant, to_micros},
};

/// One move of a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The lot.
    pub lot: LotId,
    /// The space.
    pub space: SpaceId,
    /// When it came into the state.
    pub at: Instant,
    /// The state it came into.
    pub state: SpaceState,
    /// The state it was in before; `None` for the first that is known.
    pub previous: Option<SpaceState>,
    /// How long it had been in that state; `None` for the first that is known.
    pub lasted: Option<Duration>,
}

/// The table, to be forgotten by the age of its rows.
pub const AGED: Aged = Aged::new("space_transitions", "at_us");

const COLUMNS: &[&str] = &["lot", "space", "at_us", "state", "previous", "lasted_us"];

/// Appends moves; one that another node wrote already is passed over.
pub async fn append(tx: &mut Tx, transitions: &[Transition]) -> Result<u64, Error> {
    let row = |one: &Transition| -> Vec<Value> {
        vec![
            one.lot.as_str().into(),
            one.space.as_str().into(),
            one.at.into(),
            word(one.state).into(),
            one.previous.map(word).into(),
            one.lasted.and_then(|lasted| lasted.num_microseconds()).into(),
        ]
    };
    let mut written = 0;
    let rows = transitions.iter().map(row).collect();
    for insert in inserts("space_transitions", COLUMNS, "ON CONFLICT DO NOTHING", rows) {
        written += insert.execute(&mut *tx).await?;
    }
    Ok(written)
}

/// The newest move of a space: into which state, and when.
pub async fn newest(
    on: impl Into<On<'_>>,
    lot: &LotId,
    space: &SpaceId,
) -> Result<Option<(SpaceState, Instant)>, Error> {
    let text = "SELECT state, at_us FROM space_transitions WHERE lot = $1 AND space = $2 \
                ORDER BY at_us DESC, state DESC LIMIT 1";
    let ask = query("space_transitions", text).bind(lot.as_str()).bind(space.as_str());
    let row = ask.fetch_optional(on).await?;
    row.map(|row| Ok((row.parse("state", read)?, row.instant("at_us")?))).transpose()
}

/// When the newest move of any space was; `None` before the first.
pub async fn newest_of_all(on: impl Into<On<'_>>) -> Result<Option<Instant>, Error> {
    let ask = query("space_transitions", "SELECT MAX(at_us) AS newest FROM space_transitions");
    ask.fetch_one(on).await?.instant_opt("newest")
}

/// Up to `limit` moves of a space from `from` on and before `to`, oldest first, after the move `after` if one is given.
pub async fn range(
    on: impl Into<On<'_>>,
    lot: &LotId,
    space: &SpaceId,
    (from, to): (Instant, Instant),
    after: Option<&(Instant, SpaceState)>,
    limit: u32,
) -> Result<Vec<Transition>, Error> {
    let text = "SELECT at_us, state, previous, lasted_us FROM space_transitions WHERE lot = $1 AND space = $2 \
                AND at_us >= $3 AND at_us < $4 AND (at_us > $5 OR at_us = $5 AND state > $6) \
                ORDER BY at_us, state LIMIT $7";
    let (after_us, after_state) = after.map_or((i64::MIN, ""), |(at, state)| (to_micros(*at), word(*state)));
    let ask = query("space_transitions", text).bind(lot.as_str()).bind(space.as_str()).bind(from).bind(to);
    let rows = ask.bind(after_us).bind(after_state).bind(limit).fetch_all(on).await?;
    let read = rows.into_iter().map(|row| {
        Ok(Transition {
            lot: lot.clone(),
            space: space.clone(),
            at: row.instant("at_us")?,
            state: row.parse("state", read)?,
            previous: row.parse_opt("previous", read)?,
            lasted: row.get::<Option<i64>>("lasted_us")?.map(Duration::microseconds),
        })
    });
    read.collect()
}

/// A state's word in the table.
pub fn word(state: SpaceState) -> &'static str {
    match state {
        SpaceState::Free => "free",
        SpaceState::Occupied => "occupied",
        SpaceState::Unknown => "unknown",
    }
}

/// Reads a state's word.
pub fn read(word: &str) -> Result<SpaceState, String> {
    match word {
        "free" => Ok(SpaceState::Free),
        "occupied" => Ok(SpaceState::Occupied),
        "unknown" => Ok(SpaceState::Unknown),
        other => Err(format!("{other:?} is no state of a space")),
    }
}
