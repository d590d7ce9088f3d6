//! A recorded series as a CSV file: which column is what, by name, by number or by a guess, and its rows as they stand.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::guess;
use crate::domain::time::{Instant, truncate};

/// Which column is what: a name of the header, or a number from 1. What is absent is guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// The lot's name; without one the file is about a single lot.
    pub lot: Option<String>,
    /// Its capacity.
    pub capacity: Option<String>,
    /// Occupied places.
    pub occupied: Option<String>,
    /// Free places, where no occupied ones are told.
    pub free: Option<String>,
    /// The time.
    pub time: Option<String>,
    /// The capacity of every lot, where no column tells it.
    pub fixed_capacity: Option<u32>,
}

/// Why a file cannot be read as a series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A column that was named is not there.
    #[error("there is no column {0}; the columns are {1}")]
    NoColumn(String, String),
    /// A column that is needed was neither named nor found.
    #[error("which column is the {0}? name it with --{0}-column; the columns are {1}")]
    Unclear(&'static str, String),
    /// No row could be read.
    #[error("no row could be read as a time and a count")]
    Empty,
}

/// A row as it stands, before any cleaning.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRow {
    /// The lot.
    pub lot: String,
    /// When.
    pub at: Instant,
    /// Occupied places, as told; negative or above the capacity as life has it.
    pub occupied: f64,
    /// Capacity, as told.
    pub capacity: f64,
}

/// The rows of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Rows in the order of the file.
    pub rows: Vec<RawRow>,
    /// Rows that could not be read.
    pub unreadable: usize,
    /// What each column was taken for.
    pub taken: String,
}

/// The columns as positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) lot: Option<usize>,
    pub(super) capacity: Option<usize>,
    pub(super) occupied: Option<usize>,
    pub(super) free: Option<usize>,
    pub(super) time: usize,
}

impl Table {
    /// Reads a file's text. Times without an offset are on the clocks of `zone`.
    pub fn read(text: &str, columns: &Columns, zone: Tz) -> Result<Self, Fault> {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let separator = if first.matches(';').count() > first.matches(',').count() { ';' } else { ',' };
        let mut lines = text.lines().filter(|line| !line.trim().is_empty()).map(|line| cells(line, separator));
        let Some(first) = lines.next() else { return Err(Fault::Empty) };
        // A file whose first line holds a time has no header.
        let has_header = !first.iter().any(|cell| read_time(cell, zone).is_some());
        let names: Vec<String> =
            if has_header { first.clone() } else { (1..=first.len()).map(|column| column.to_string()).collect() };
        let rows: Vec<Vec<String>> =
            if has_header { lines.collect() } else { std::iter::once(first).chain(lines).collect() };
        let places = guess::places(&names, &rows, columns, zone)?;
        let mut read = Vec::with_capacity(rows.len());
        for row in &rows {
            read.extend(raw(row, &places, columns.fixed_capacity, zone));
        }
        if read.is_empty() {
            return Err(Fault::Empty);
        }
        let unreadable = rows.len() - read.len();
        let scale = guess::scale(&mut read, &places, columns.fixed_capacity);
        let name = |place: Option<usize>| place.map_or("-", |place| names[place].as_str());
        let taken = format!(
            "time {}, lot {}, occupied {}, free {}, capacity {}",
            names[places.time],
            name(places.lot),
            name(places.occupied),
            name(places.free),
            scale.unwrap_or_else(|| name(places.capacity).to_owned())
        );
        Ok(Self { rows: read, unreadable, taken })
    }
}

/// A row; a capacity that no column tells is not a number yet.
fn raw(row: &[String], places: &Places, fixed: Option<u32>, zone: Tz) -> Option<RawRow> {
    let number =
        |place: usize| row.get(place)?.trim().trim_end_matches('%').parse::<f64>().ok().filter(|n| n.is_finite());
    let at = read_time(row.get(places.time)?, zone)?;
    let capacity = match (fixed, places.capacity) {
        (Some(fixed), _) => f64::from(fixed),
        (None, Some(place)) => number(place)?,
        (None, None) => f64::NAN,
    };
    let occupied = match (places.occupied, places.free) {
        (Some(place), _) => number(place)?,
        (None, Some(place)) => capacity - number(place)?,
        (None, None) => return None,
    };
    let lot = places.lot.and_then(|place| row.get(place)).map_or_else(|| "lot".to_owned(), |lot| lot.trim().to_owned());
    Some(RawRow { lot, at, occupied, capacity })
}

/// The cells of a line, with quotes where a cell holds the separator.
fn cells(line: &str, separator: char) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.trim_start_matches('\u{feff}').trim_end_matches('\r').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            letter if letter == separator && !quoted => cells.push(std::mem::take(&mut cell)),
            letter => cell.push(letter),
        }
    }
    cells.push(cell);
    cells
}

/// A time in one of the forms in use: RFC 3339, a date and a time of day, or seconds or milliseconds since 1970.
pub(super) fn read_time(text: &str, zone: Tz) -> Option<Instant> {
    const FORMS: [&str; 8] = [
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
        "%d/%m/%Y %H:%M:%S",
        "%d/%m/%Y %H:%M",
        "%d.%m.%Y %H:%M:%S",
        "%d.%m.%Y %H:%M",
    ];
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(truncate(at.with_timezone(&Utc)));
    }
    if let Some(local) = FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()) {
        return zone.from_local_datetime(&local).earliest().map(|at| at.with_timezone(&Utc));
    }
    let count: i64 = text.parse().ok()?;
    match count {
        946_684_800..=4_102_444_800 => DateTime::from_timestamp(count, 0),
        946_684_800_000..=4_102_444_800_000 => DateTime::from_timestamp_millis(count),
        _ => None,
    }
}

/// The end of what is learned: a date counts to its end, an instant to itself.
pub fn until(text: &str, zone: Tz) -> Option<Instant> {
    if let Ok(date) = text.trim().parse::<NaiveDate>() {
        let next = date.succ_opt()?.and_hms_opt(0, 0, 0)?;
        return zone.from_local_datetime(&next).earliest().map(|at| at.with_timezone(&Utc));
    }
    read_time(text, zone)
}

#[cfg(test)]
mod tests {
    use chrono_tz::UTC;

    use super::*;

    #[test]
    fn the_same_command_reads_files_with_other_names_and_none() {
        let birmingham = "SystemCodeNumber,Capacity,Occupancy,LastUpdated\nA,577,61,2016-10-04 07:59:42\n";
        let table = Table::read(birmingham, &Columns::default(), UTC).unwrap();
        assert_eq!((table.rows[0].lot.as_str(), table.rows[0].occupied, table.rows[0].capacity), ("A", 61.0, 577.0));
        let other = "parking;timestamp;free_spaces;total_spaces\n\"P, Nord\";2026-03-01T10:00:00Z;30;100\n";
        let table = Table::read(other, &Columns::default(), UTC).unwrap();
        assert_eq!((table.rows[0].lot.as_str(), table.rows[0].occupied), ("P, Nord", 70.0));
        let bare = "2015-11-01T00:45:00,47\n2015-11-01T01:00:00,52\n";
        let table = Table::read(bare, &Columns::default(), UTC).unwrap();
        assert_eq!((table.rows.len(), table.rows[1].occupied, table.rows[1].capacity), (2, 52.0, 100.0), "per cent");
    }

    #[test]
    fn a_column_that_is_named_and_not_there_is_told_with_those_that_are() {
        let columns = Columns { capacity: Some("size".to_owned()), ..Columns::default() };
        let fault = Table::read("lot,time,occupied\nA,2026-03-01 10:00,3\n", &columns, UTC).unwrap_err();
        assert_eq!(fault, Fault::NoColumn("size".to_owned(), "lot, time, occupied".to_owned()));
    }

    #[test]
    fn what_is_learned_until_a_date_includes_that_date() {
        assert_eq!(until("2016-12-05", UTC), read_time("2016-12-06 00:00", UTC));
        assert_eq!(until("2016-12-05T12:00:00Z", UTC), read_time("2016-12-05 12:00", UTC));
    }
}
