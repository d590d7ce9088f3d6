//! Records and incidents as CSV (RFC 4180) or as a workbook, with nothing in a cell that a spreadsheet would run as a formula. Each
//! row names the ledger's entry of the export, so that a list that went astray is traced to whoever took it.

use serde_json::json;

use super::{Desk, Error, IncidentState, Person, view::RecordView, workbook::workbook};
use crate::{
    domain::{
        ids::{GridCellId, ZoneId},
        incident::Incident,
        ledger::Kind as Step,
        lot::VehicleClass,
        record::{Act, Kind},
        time::{Instant, rfc3339, to_micros},
    },
    store::{incidents, records},
};

const HEAD: &str = "number,kind,state,plate,vehicle_class,at,zone,grid_cell,lon,lat,reason,note,officer,approved_by,act,\
                    legal_basis,incident,ledger_seq,export_mark";
const INCIDENTS_HEAD: &str =
    "id,state,plate,vehicle_class,zone,first_seen,last_seen,dwell_s,ripe_at,record,export_mark";
/// Most rows of one export.
const MAX_ROWS: u64 = 100_000;
const PAGE: u32 = 1000;

/// One cell: quoted where it must be; a text that a spreadsheet would take for a formula begins with an apostrophe.
pub fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) || is_formula {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// One value of a row: a text, or a number of ours that needs no guard.
enum Value {
    Text(String),
    Number(String),
}

impl Value {
    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
    fn optional(text: Option<&str>) -> Self {
        Self::text(text.unwrap_or_default())
    }
    fn number(number: impl ToString) -> Self {
        Self::Number(number.to_string())
    }
    fn csv(&self) -> String {
        match self {
            Self::Text(text) => cell(text),
            Self::Number(number) => number.clone(),
        }
    }
    fn plain(self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) => text,
        }
    }
}

fn class_word(class: VehicleClass) -> Value {
    Value::optional(serde_json::to_value(class).unwrap_or_default().as_str())
}

fn row(record: &RecordView, mark: &str) -> Vec<Value> {
    // A negative longitude is no formula.
    let degrees = |value: Option<f64>| Value::Number(value.map(|value| value.to_string()).unwrap_or_default());
    vec![
        Value::text(&record.number),
        Value::text(record.kind.as_str()),
        Value::text(record.state.as_str()),
        Value::optional(record.plate.as_deref()),
        class_word(record.vehicle_class),
        Value::Number(rfc3339(record.at)),
        Value::optional(record.place.zone.as_ref().map(ZoneId::as_str)),
        Value::optional(record.place.grid_cell.as_ref().map(GridCellId::as_str)),
        degrees(record.place.location.map(|(lon, _)| lon)),
        degrees(record.place.location.map(|(_, lat)| lat)),
        Value::text(&record.reason),
        Value::optional(record.note.as_deref()),
        Value::text(&record.officer),
        Value::optional(record.approved_by.as_deref()),
        Value::optional(record.act.map(Act::as_str)),
        Value::optional(record.legal_basis.as_deref()),
        Value::optional(record.incident.as_deref()),
        Value::number(record.ledger_seq),
        Value::text(mark),
    ]
}

fn incident_row(incident: &Incident, mark: &str) -> Vec<Value> {
    vec![
        Value::text(&incident.id),
        Value::text(incident.state.public()),
        Value::optional(incident.plate.as_deref()),
        class_word(incident.vehicle_class),
        Value::text(incident.zone.as_str()),
        Value::Number(rfc3339(incident.first_seen)),
        Value::Number(rfc3339(incident.last_seen)),
        Value::number((incident.last_seen - incident.first_seen).num_seconds()),
        Value::Number(incident.ripe_at.map(rfc3339).unwrap_or_default()),
        Value::optional(incident.record.as_deref()),
        Value::text(mark),
    ]
}

/// A table to be saved.
pub struct Table {
    head: &'static str,
    rows: Vec<Vec<Value>>,
    mark: String,
}

impl Table {
    /// As CSV, with a byte order mark so that spreadsheets read the Chinese.
    pub fn csv(&self) -> String {
        let mut text = format!("\u{feff}{}\r\n", self.head);
        for row in &self.rows {
            text.push_str(&row.iter().map(Value::csv).collect::<Vec<_>>().join(","));
            text.push_str("\r\n");
        }
        text
    }

    /// As a workbook.
    pub fn workbook(self, name: &str) -> Vec<u8> {
        let head = self.head.split(',').map(str::to_owned).collect();
        let rows = self.rows.into_iter().map(|row| row.into_iter().map(Value::plain).collect());
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        workbook(name, &rows, &self.mark)
    }
}

/// The mark of an export: its entry in the ledger, which names who took it.
fn mark_of(seq: u64) -> String {
    format!("ledger-{seq}")
}

/// Refuses an export that would have to leave something out.
fn check_rows(count: u64) -> Result<(), Error> {
    if count > MAX_ROWS { Err(Error::TooManyRows { count, limit: MAX_ROWS }) } else { Ok(()) }
}

impl Desk {
    /// Incidents as a table, newest first, by the same rules as records.
    pub async fn export_incidents(&self, state: Option<IncidentState>, person: &Person) -> Result<Table, Error> {
        let states = state.map(IncidentState::states);
        check_rows(incidents::count_in(&self.db, states).await?)?;
        let asked = json!({"state": state.map(|state| format!("{state:?}").to_lowercase())});
        let mark = mark_of(self.audit(Step::RecordsExported, "incidents", "table", asked, vec![], person).await?);
        let mut rows = Vec::new();
        let mut after: Option<incidents::After> = None;
        loop {
            let page = incidents::list(&self.db, states, after.as_ref(), PAGE).await?;
            rows.extend(page.iter().map(|incident| incident_row(incident, &mark)));
            match page.last().filter(|_| page.len() == PAGE as usize) {
                Some(last) => {
                    after = Some(incidents::After { last_seen_us: to_micros(last.last_seen), id: last.id.clone() });
                }
                None => return Ok(Table { head: INCIDENTS_HEAD, rows, mark }),
            }
        }
    }

    /// Records as a table, newest first. The export stands in the ledger before anything is read.
    pub async fn export(
        &self,
        kind: Option<Kind>,
        from: Option<Instant>,
        to: Option<Instant>,
        person: &Person,
    ) -> Result<Table, Error> {
        let filter = records::Filter { kind, from, to, ..records::Filter::default() };
        check_rows(records::count(&self.db, &filter).await?)?;
        let asked = json!({"kind": kind, "from": from.map(rfc3339), "to": to.map(rfc3339)});
        let mark = mark_of(self.audit(Step::RecordsExported, "records", "table", asked, vec![], person).await?);
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let (records, next) = self.records(kind, from, to, after.as_deref(), PAGE).await?;
            rows.extend(records.iter().map(|record| row(record, &mark)));
            match next {
                Some(next) => after = Some(next),
                None => return Ok(Table { head: HEAD, rows, mark }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_that_would_leave_rows_out_is_refused_and_says_how_many_there_are() {
        assert!(check_rows(MAX_ROWS).is_ok());
        let refused = check_rows(MAX_ROWS + 1).unwrap_err();
        assert_eq!(refused.to_string(), "100001 rows are more than the 100000 of one export; ask for less");
    }

    #[test]
    fn a_cell_is_never_a_formula_and_never_breaks_its_row() {
        for (text, written) in [
            ("浙K12345", "浙K12345"),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
