//! Rows as lines: the first names table and columns, each other one is a row as a JSON array, all of it compressed. A number
//! with a fraction is written as text, which gives the same bits back.

use std::io::{BufRead, BufReader, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    super::{Row, Value},
    Column, Error, Holds, Part, Tell,
    container::Sink,
};
use crate::domain::ledger::Digest;

/// A part ends when it is about so long, bytes.
const PART: usize = 2 << 20;

#[derive(Serialize, Deserialize)]
struct Heading {
    table: String,
    columns: Vec<Column>,
}

/// Writes rows, a part after the other.
pub(super) struct Writer<'a> {
    sink: &'a mut Sink,
    stem: String,
    table: String,
    columns: Vec<Column>,
    open: Option<(GzEncoder<Vec<u8>>, u64)>,
    parts: Vec<Part>,
    rows: u64,
}

impl<'a> Writer<'a> {
    /// A writer of parts named `<stem>.<number>.jsonl.gz`.
    pub(super) fn new(sink: &'a mut Sink, stem: String, table: &str, columns: Vec<Column>) -> Self {
        Self { sink, stem, table: table.to_owned(), columns, open: None, parts: Vec::new(), rows: 0 }
    }

    /// Writes a row of the database.
    pub(super) fn row(&mut self, row: &Row, tell: Tell<'_>) -> Result<(), Error> {
        let values = self.columns.iter().map(|column| {
            let name = &column.name;
            Ok(match column.holds {
                Holds::Int => row.get::<Option<i64>>(name)?.into(),
                Holds::Real => row.get::<Option<f64>>(name)?.map(|number| number.to_string()).into(),
                Holds::Text => row.get::<Option<String>>(name)?.into(),
            })
        });
        let values: Vec<Json> = values.collect::<Result<_, super::super::Error>>()?;
        self.values(&values)?;
        tell(super::Step::Rows(&self.table, self.rows));
        Ok(())
    }

    /// Writes a row.
    pub(super) fn values(&mut self, values: &[Json]) -> Result<(), Error> {
        if self.open.is_none() {
            let heading = Heading { table: self.table.clone(), columns: self.columns.clone() };
            let mut open = GzEncoder::new(Vec::new(), Compression::fast());
            in_memory(line(&mut open, &heading))?;
            self.open = Some((open, 0));
        }
        if let Some((open, rows)) = &mut self.open {
            in_memory(line(open, &values))?;
            *rows += 1;
            self.rows += 1;
            if open.get_ref().len() >= PART {
                self.close()?;
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some((open, rows)) = self.open.take() else { return Ok(()) };
        let bytes = in_memory(open.finish())?;
        let file = format!("{}.{:04}.jsonl.gz", self.stem, self.parts.len() + 1);
        self.sink.write(&file, &bytes)?;
        self.parts.push(Part { file, sha256: Digest::of(&bytes), bytes: bytes.len() as u64, rows });
        Ok(())
    }

    /// Ends the last part; the parts, the columns, and how many rows stand in them.
    pub(super) fn finish(mut self) -> Result<(Vec<Part>, Vec<Column>, u64), Error> {
        self.close()?;
        Ok((self.parts, self.columns, self.rows))
    }
}

fn line(out: &mut impl Write, what: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, what)?;
    out.write_all(b"\n")
}

/// Writing into memory does not fail for want of a disk.
fn in_memory<T>(result: std::io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error::File { path: "(memory)".into(), source })
}

/// Hands on each row of a part; what does not read is told in words.
pub(super) fn read<E: From<String>>(
    bytes: &[u8],
    table: &str,
    columns: &[Column],
    mut take: impl FnMut(Vec<Value>) -> Result<(), E>,
) -> Result<(), E> {
    let mut lines = BufReader::new(GzDecoder::new(bytes)).lines();
    let heading = lines.next().ok_or_else(|| "it is empty".to_owned())?.map_err(|error| error.to_string())?;
    let heading: Heading = serde_json::from_str(&heading).map_err(|error| error.to_string())?;
    if heading.table != table || heading.columns != columns {
        return Err(format!("it holds {}, not {table} as the manifest has it", heading.table).into());
    }
    for line in lines {
        let line = line.map_err(|error| error.to_string())?;
        let values: Vec<Json> = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        if values.len() != columns.len() {
            return Err("a row has another number of columns".to_owned().into());
        }
        let values = columns.iter().zip(values).map(|(column, value)| {
            let read = value_of(column.holds, value);
            read.ok_or_else(|| format!("column {} of a row does not read", column.name))
        });
        take(values.collect::<Result<_, String>>()?)?;
    }
    Ok(())
}

fn value_of(holds: Holds, value: Json) -> Option<Value> {
    Some(match (holds, value) {
        (Holds::Int, Json::Null) => Value::Int(None),
        (Holds::Real, Json::Null) => Value::Real(None),
        (Holds::Text, Json::Null) => Value::Text(None),
        (Holds::Int, Json::Number(number)) => Value::Int(Some(number.as_i64()?)),
        (Holds::Real, Json::String(text)) => Value::Real(Some(text.parse().ok()?)),
        (Holds::Text, Json::String(text)) => Value::Text(Some(text)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let mut sink = Sink::create(&folder.path().join("b")).unwrap();
        let column = |name: &str, holds| Column { name: name.to_owned(), holds };
        let columns = vec![column("n", Holds::Int), column("x", Holds::Real), column("t", Holds::Text)];
        let mut writer = Writer::new(&mut sink, "tables/t".to_owned(), "t", columns.clone());
        let rows = [
            (Some(i64::MIN), Some(119.570_000_000_000_01_f64), Some("浙K\n\u{0}\"")),
            (Some(i64::MAX), Some(f64::MIN_POSITIVE), Some("")),
            (None, None, None),
        ];
        for (n, x, t) in rows {
            let x: Json = x.map(|x| x.to_string()).into();
            writer.values(&[n.into(), x, t.map(str::to_owned).into()]).unwrap();
        }
        let (parts, _, count) = writer.finish().unwrap();
        assert_eq!((parts.len(), parts[0].rows, count), (1, 3, 3));
        sink.finish().unwrap();
        let bytes = std::fs::read(folder.path().join("b").join(&parts[0].file)).unwrap();
        let mut again = Vec::new();
        read(&bytes, "t", &columns, |row| {
            again.push(row);
            Ok::<(), String>(())
        })
        .unwrap();
        let expected = rows.map(|(n, x, t)| vec![Value::from(n), Value::from(x), Value::from(t)]);
        assert_eq!(again, expected);
        assert!(read(&bytes, "u", &columns, |_| Ok::<(), String>(())).is_err());
        assert!(read(&bytes[..bytes.len() - 9], "t", &columns, |_| Ok::<(), String>(())).is_err());
    }
}
