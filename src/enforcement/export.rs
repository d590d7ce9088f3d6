//! Records and incidents as CSV (RFC 4180), with nothing in a cell that a spreadsheet would run as a formula.

use serde_json::json;

use super::{Desk, Error, IncidentState, Person, view::RecordView};
use crate::{
    domain::{
        ids::{GridCellId, ZoneId},
        incident::Incident,
        ledger::Kind as Step,
        record::{Act, Kind},
        time::{Instant, rfc3339, to_micros},
    },
    store::{incidents, records},
};

const HEAD: &str = "number,kind,state,plate,vehicle_class,at,zone,grid_cell,lon,lat,reason,note,officer,approved_by,act,\
                    legal_basis,incident,ledger_seq";
const INCIDENTS_HEAD: &str = "id,state,plate,vehicle_class,zone,first_seen,last_seen,dwell_s,ripe_at,record";
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

fn row(record: &RecordView) -> String {
    let optional = |text: Option<&str>| text.map(cell).unwrap_or_default();
    // Numbers are ours and need no guard: a negative longitude is no formula.
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let class = serde_json::to_value(record.vehicle_class).unwrap_or_default();
    [
        cell(&record.number),
        record.kind.as_str().to_owned(),
        record.state.as_str().to_owned(),
        optional(record.plate.as_deref()),
        class.as_str().unwrap_or_default().to_owned(),
        rfc3339(record.at),
        optional(record.place.zone.as_ref().map(ZoneId::as_str)),
        optional(record.place.grid_cell.as_ref().map(GridCellId::as_str)),
        number(record.place.location.map(|(lon, _)| lon)),
        number(record.place.location.map(|(_, lat)| lat)),
        cell(&record.reason),
        optional(record.note.as_deref()),
        cell(&record.officer),
        optional(record.approved_by.as_deref()),
        record.act.map(Act::as_str).unwrap_or_default().to_owned(),
        optional(record.legal_basis.as_deref()),
        optional(record.incident.as_deref()),
        record.ledger_seq.to_string(),
    ]
    .join(",")
}

fn incident_row(incident: &Incident) -> String {
    let optional = |text: Option<&str>| text.map(cell).unwrap_or_default();
    let class = serde_json::to_value(incident.vehicle_class).unwrap_or_default();
    [
        cell(&incident.id),
        incident.state.public().to_owned(),
        optional(incident.plate.as_deref()),
        class.as_str().unwrap_or_default().to_owned(),
        cell(incident.zone.as_str()),
        rfc3339(incident.first_seen),
        rfc3339(incident.last_seen),
        (incident.last_seen - incident.first_seen).num_seconds().to_string(),
        incident.ripe_at.map(rfc3339).unwrap_or_default(),
        optional(incident.record.as_deref()),
    ]
    .join(",")
}

/// Refuses an export that would have to leave something out.
fn check_rows(count: u64) -> Result<(), Error> {
    if count > MAX_ROWS { Err(Error::TooManyRows { count, limit: MAX_ROWS }) } else { Ok(()) }
}

impl Desk {
    /// Incidents as CSV, newest first, by the same rules as records.
    pub async fn export_incidents(&self, state: Option<IncidentState>, person: &Person) -> Result<String, Error> {
        let states = state.map(IncidentState::states);
        check_rows(incidents::count_in(&self.db, states).await?)?;
        let asked = json!({"state": state.map(|state| format!("{state:?}").to_lowercase())});
        self.audit(Step::RecordsExported, "incidents", "csv", asked, vec![], person).await?;
        let mut text = format!("\u{feff}{INCIDENTS_HEAD}\r\n");
        let mut after: Option<incidents::After> = None;
        loop {
            let page = incidents::list(&self.db, states, after.as_ref(), PAGE).await?;
            for incident in &page {
                text.push_str(&incident_row(incident));
                text.push_str("\r\n");
            }
            match page.last().filter(|_| page.len() == PAGE as usize) {
                Some(last) => {
                    after = Some(incidents::After { last_seen_us: to_micros(last.last_seen), id: last.id.clone() });
                }
                None => return Ok(text),
            }
        }
    }

    /// Records as CSV, newest first, with a byte order mark so that spreadsheets read the Chinese. The export stands in the
    /// ledger before anything is read.
    pub async fn export(
        &self,
        kind: Option<Kind>,
        from: Option<Instant>,
        to: Option<Instant>,
        person: &Person,
    ) -> Result<String, Error> {
        let filter = records::Filter { kind, from, to, after: None };
        check_rows(records::count(&self.db, &filter).await?)?;
        let asked = json!({"kind": kind, "from": from.map(rfc3339), "to": to.map(rfc3339)});
        self.audit(Step::RecordsExported, "records", "csv", asked, vec![], person).await?;
        let mut text = format!("\u{feff}{HEAD}\r\n");
        let mut after = None;
        loop {
            let (records, next) = self.records(kind, from, to, after.as_deref(), PAGE).await?;
            for record in &records {
                text.push_str(&row(record));
                text.push_str("\r\n");
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(text),
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
