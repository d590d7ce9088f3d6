//! One document of a source, read into records that can be believed, or the reason why not.

use super::{Ill, Record, believe, datex2, mapping::Mapping, rows};
use crate::config::{Source, SourceKind};

/// Reads what a source says now.
pub fn read(source: &Source, body: &[u8]) -> Result<Vec<Record>, Ill> {
    of_kind(source.kind, body, &Mapping::of(&source.columns))
}

/// Reads a file of places to park with a mapping, for an import.
pub fn read_static(kind: SourceKind, body: &[u8], mapping: &Mapping) -> Result<Vec<Record>, Ill> {
    of_kind(kind, body, mapping)
}

fn of_kind(kind: SourceKind, body: &[u8], mapping: &Mapping) -> Result<Vec<Record>, Ill> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Ill::Empty);
    }
    believe(match kind {
        SourceKind::Parkapi => rows::of_json(body, mapping)?,
        SourceKind::Datex2 => datex2::records(body)?,
        SourceKind::Csv => rows::of_csv(body, mapping)?,
    })
}
