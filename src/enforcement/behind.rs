//! What stands behind a figure of a report: the very stays, captures or records it counts.

use chrono::Timelike;
use serde::{Deserialize, Serialize};

use super::{
    Desk, Error,
    view::{CaptureView, IncidentView, RecordView},
};
use crate::{
    domain::{
        incident::{Incident, State},
        record::{Kind, Record, State as Stands},
        time::Instant,
    },
    store::{captures, incidents, records},
};

/// Most things that are told; all are counted.
const TOLD: usize = 200;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Captures taken in.
    Captures,
    /// Stays that began in the period.
    Stays,
    /// Of these, those that became an offence.
    Ripe,
    /// Of these, those a person decided about.
    Reviewed,
    /// Of these, those that were recorded.
    Recorded,
    /// Of these, those that left in time.
    InTime,
    /// Stays that became an offence within the period, whenever they began.
    Offences,
    /// Records.
    Records,
    /// Records with a deadline that has passed.
    Overdue,
    /// Penalty cases.
    Cases,
    /// Of these, those that were decided.
    Decided,
    /// Of these, those that were served.
    Served,
    /// Of these, those that are closed.
    Closed,
}

/// Which figure.
#[derive(Debug, Clone, Default)]
pub struct Figure {
    /// Only in this zone.
    pub zone: Option<String>,
    /// Only in streets of this class.
    pub class: Option<u8>,
    /// Only at this hour of the city's day.
    pub hour: Option<u32>,
    /// Only by people of this unit; empty is of none.
    pub unit: Option<String>,
    /// Only of this kind.
    pub kind: Option<Kind>,
}

/// What stands behind it; the newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Behind {
    /// How many there are: the figure.
    pub count: u64,
    /// Stays.
    pub incidents: Vec<IncidentView>,
    /// Captures.
    pub captures: Vec<CaptureView>,
    /// Records.
    pub records: Vec<RecordView>,
}

impl Desk {
    /// What a figure of the period counts.
    pub async fn behind(&self, of: Of, figure: &Figure, (from, to): (Instant, Instant)) -> Result<Behind, Error> {
        let mut behind = Behind { count: 0, incidents: Vec::new(), captures: Vec::new(), records: Vec::new() };
        match of {
            Of::Captures => {
                let mut tx = self.db.begin_read().await?;
                behind.count = captures::count_between(&mut tx, from, to).await?;
                let found = captures::newest_between(&mut tx, from, to, TOLD as u32).await?;
                behind.captures = found.iter().map(CaptureView::from).collect();
            }
            Of::Stays | Of::Ripe | Of::Reviewed | Of::Recorded | Of::InTime | Of::Offences => {
                let zones = self.zones_of(figure);
                let ripened = of == Of::Offences;
                let found = incidents::of_period(&self.db, ripened, (from, to), zones.as_deref()).await?;
                let found: Vec<Incident> = found.into_iter().filter(|one| self.counts(of, figure, one)).collect();
                behind.count = found.len() as u64;
                let mut tx = self.db.begin_read().await?;
                for incident in found.iter().take(TOLD) {
                    behind.incidents.push(self.view(&mut tx, incident).await?);
                }
            }
            Of::Records | Of::Overdue => {
                let filter = records::Filter {
                    kind: figure.kind,
                    from: Some(from),
                    to: Some(to),
                    zones: self.zones_of(figure),
                    officers: self.officers_of(figure).await?,
                    due_by: (of == Of::Overdue).then(|| self.clock.now()),
                    ..records::Filter::default()
                };
                behind.count = records::count(&self.db, &filter).await?;
                let found = records::list(&self.db, &filter, TOLD as u32).await?;
                behind.records = found.iter().map(RecordView::from).collect();
            }
            Of::Cases | Of::Decided | Of::Served | Of::Closed => {
                let all = records::of_kind_between(&self.db, Kind::Penalty, from, to).await?;
                let found: Vec<&Record> = all.iter().rev().filter(|record| came_to(of, record)).collect();
                behind.count = found.len() as u64;
                behind.records = found.into_iter().take(TOLD).map(RecordView::from).collect();
            }
        }
        Ok(behind)
    }

    fn counts(&self, of: Of, figure: &Figure, incident: &Incident) -> bool {
        let is_it = match of {
            Of::Ripe | Of::Offences => incident.ripe_at.is_some(),
            Of::Reviewed => matches!(incident.state, State::Recorded | State::Rejected),
            Of::Recorded => incident.state == State::Recorded,
            Of::InTime => incident.ripe_at.is_none() && incident.state == State::Closed,
            _ => true,
        };
        let zone = self.city().time_zone;
        let hour = || incident.ripe_at.map(|at| at.with_timezone(&zone).hour());
        is_it && figure.hour.is_none_or(|asked| hour() == Some(asked))
    }

    /// The zones a figure is about; `None` is all, and those the city no longer has.
    fn zones_of(&self, figure: &Figure) -> Option<Vec<String>> {
        if let Some(zone) = &figure.zone {
            return Some(vec![zone.clone()]);
        }
        let class = figure.class?;
        let city = self.city();
        let of_class = city.zones.values().filter(|zone| zone.street_class == class);
        Some(of_class.map(|zone| zone.id.to_string()).collect())
    }

    /// The people a figure is about; `None` is all.
    async fn officers_of(&self, figure: &Figure) -> Result<Option<Vec<String>>, Error> {
        let Some(asked) = &figure.unit else { return Ok(None) };
        let of_it = |unit: &Option<String>| unit.as_deref().unwrap_or_default() == asked;
        let units = self.units().await?;
        Ok(Some(units.into_iter().filter(|(_, unit)| of_it(unit)).map(|(name, _)| name).collect()))
    }
}

/// Whether a case came that far.
pub(super) fn came_to(of: Of, case: &Record) -> bool {
    let has = |steps: &[&str]| steps.iter().any(|step| case.course.at.contains_key(*step));
    match of {
        Of::Decided => has(&["decide", "decide_on_spot"]),
        Of::Served => has(&["serve"]),
        Of::Closed => case.state == Stands::Closed,
        _ => true,
    }
}
