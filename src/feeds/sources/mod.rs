//! Other operators' feeds, taken in: a lot whose counts come from one is counted like any other, and grows stale like any other.

pub mod city;
mod datex2;
pub mod fetch;
pub mod mapping;
mod poll;
mod read;
mod rows;

pub use poll::{SourceState, Sources};
pub use read::{read, read_static};

use geo::Coord;

use crate::domain::{
    lot::{LotKind, SpaceUse},
    observation::SpaceState,
    time::Instant,
};

/// What a source says of one place to park.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// Its id there.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Where it stands, lon/lat WGS-84.
    pub place: Option<Coord>,
    /// What it is.
    pub kind: Option<LotKind>,
    /// Number of places.
    pub capacity: Option<u32>,
    /// Free places.
    pub free: Option<u32>,
    /// Occupied places.
    pub occupied: Option<u32>,
    /// Whether it is open.
    pub is_open: Option<bool>,
    /// When the source says it was so.
    pub at: Option<Instant>,
    /// OpenStreetMap syntax.
    pub opening_hours: Option<String>,
    /// Greatest height of a vehicle, metres.
    pub max_height_m: Option<f64>,
    /// Number of places of each special use.
    pub uses: Vec<(SpaceUse, u32)>,
    /// The place to park it is a single bay of, for a bay.
    pub of_site: Option<String>,
    /// What is said of a single bay.
    pub state: Option<SpaceState>,
}

/// Why nothing of a source can be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ill {
    /// It could not be reached, or gave no good answer.
    #[error("it does not answer: {0}")]
    Unreachable(String),
    /// It took longer than it may.
    #[error("it took longer than {0} ms")]
    Slow(u64),
    /// It said more than is read.
    #[error("its answer is longer than {0} bytes")]
    TooLong(usize),
    /// It names no place to park.
    #[error("it names no place to park")]
    Empty,
    /// It breaks off, or is no document of its format.
    #[error("it cannot be read: {0}")]
    Broken(String),
    /// It is another document than was expected.
    #[error("it is another document: {0}")]
    Other(String),
    /// What it says cannot be true.
    #[error("what it says cannot be true: {0}")]
    Lying(String),
    /// It leaves out lots that it should tell of.
    #[error("it does not tell of {missing} of {expected} lots, such as {example}")]
    Half {
        /// How many.
        missing: usize,
        /// Of how many.
        expected: usize,
        /// One of them.
        example: String,
    },
    /// Availability could not be told.
    #[error("its counts could not be taken in: {0}")]
    NotTaken(String),
}

impl Ill {
    /// Its name in metrics and answers.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Slow(_) => "slow",
            Self::TooLong(_) => "too_long",
            Self::Empty => "empty",
            Self::Broken(_) => "broken",
            Self::Other(_) => "other_schema",
            Self::Lying(_) => "lying",
            Self::Half { .. } => "half",
            Self::NotTaken(_) => "not_taken",
        }
    }
}

/// Refuses records that cannot be true: one lie is reason to believe nothing of the document.
fn believe(records: Vec<Record>) -> Result<Vec<Record>, Ill> {
    if records.is_empty() {
        return Err(Ill::Empty);
    }
    for record in &records {
        let lie = |what: String| Err(Ill::Lying(format!("{}: {what}", record.id)));
        if let Some(place) = record.place
            && !(place.x.abs() <= 180.0 && place.y.abs() <= 90.0)
        {
            return lie("it lies off the earth".to_owned());
        }
        if let (Some(free), Some(capacity)) = (record.free, record.capacity)
            && free > capacity
        {
            return lie(format!("{free} free of {capacity}"));
        }
        if let (Some(occupied), Some(free), Some(capacity)) = (record.occupied, record.free, record.capacity)
            && u64::from(occupied) + u64::from(free) > u64::from(capacity)
        {
            return lie(format!("{free} free and {occupied} occupied of {capacity}"));
        }
    }
    let mut ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    ids.sort_unstable();
    if let Some([twice, ..]) = ids.windows(2).find(|pair| pair.first() == pair.get(1)) {
        return Err(Ill::Lying(format!("{twice}: it is told of twice")));
    }
    Ok(records)
}
