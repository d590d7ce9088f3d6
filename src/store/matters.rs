//! Matters of city management: today's state of each, written together with the ledger entry that says so.

use serde_json::{Value as Json, json};

use super::{Error, On, Row, Tx, ledger, query};
use crate::domain::{
    ids::GridCellId,
    ledger::{Kind, NewEntry},
    matter::{Matter, Stage, State, merge::Known},
    staff::Actor,
    time::{Instant, to_micros},
};

/// The subject type of a matter's steps in the ledger.
pub const MATTER: &str = "matter";

/// A matter with what lists tell of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The matter.
    pub matter: Matter,
    /// How often it was said.
    pub reports: u32,
    /// When it was said last.
    pub last_report_at: Instant,
    /// How soon it is looked at: the least rank of its reports.
    pub rank: u32,
}

/// Which matters are asked for; what is empty asks for all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those that stand there.
    pub state: Option<State>,
    /// Those that are still to be put right, or are not.
    pub is_open: Option<bool>,
    /// Of a unit.
    pub unit: Option<String>,
    /// Of a person.
    pub assignee: Option<String>,
    /// In a cell.
    pub cell: Option<String>,
    /// In a town.
    pub town: Option<String>,
    /// Of a category.
    pub category: Option<String>,
    /// Due before.
    pub due_before: Option<Instant>,
    /// By its number.
    pub number: Option<String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, body, reports, last_report_us, rank, ledger_seq FROM matters ", $rest)
    };
}

/// Writes a new matter, or what it became, and enters the step in the ledger: all of the matter stands in the payload.
pub async fn save(
    tx: &mut Tx,
    matter: &Matter,
    (actor, kind, mut told): (Actor, Kind, Json),
    evidence: Vec<crate::domain::ledger::Digest>,
    now: Instant,
) -> Result<u64, Error> {
    let body = json!(matter);
    if let Json::Object(fields) = &mut told {
        fields.insert("matter".to_owned(), body.clone());
    }
    let entry = NewEntry { actor, kind, subject_type: MATTER, subject_id: matter.id.clone(), payload: told, evidence };
    let seq = ledger::append(tx, entry, now).await?.seq;
    let text = "INSERT INTO matters (id, number, category, source, state, is_open, level, cell, town, street_class, unit, \
                assignee, subject, lon, lat, collected_at_us, last_report_us, rank, reports, due_us, escalates_us, \
                closed_at_us, handled_by, handled_late, reworks, reopened, judged, body, ledger_seq) VALUES ($1, $2, $3, $4, \
                $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, 1, 0, $17, $18, $19, $20, $21, $22, $23, $24, \
                $25, $26) ON CONFLICT (id) DO UPDATE SET category = excluded.category, state = excluded.state, \
                is_open = excluded.is_open, level = excluded.level, cell = excluded.cell, town = excluded.town, \
                street_class = excluded.street_class, unit = excluded.unit, assignee = excluded.assignee, \
                due_us = excluded.due_us, escalates_us = excluded.escalates_us, closed_at_us = excluded.closed_at_us, \
                handled_by = excluded.handled_by, handled_late = excluded.handled_late, reworks = excluded.reworks, \
                reopened = excluded.reopened, judged = excluded.judged, body = excluded.body, ledger_seq = excluded.ledger_seq";
    let course = &matter.course;
    let closed =
        matches!(matter.state, State::Closed | State::Evaluated).then(|| course.at.get("verify").copied()).flatten();
    query("matters", text)
        .bind(&matter.id)
        .bind(&matter.number)
        .bind(&matter.category)
        .bind(matter.source.as_str())
        .bind(matter.state.as_str())
        .bind(matter.state.is_open())
        .bind(matter.level.as_str())
        .bind(matter.cell.as_ref().map(GridCellId::as_str))
        .bind(matter.town.as_deref())
        .bind(u32::from(matter.street_class))
        .bind(matter.unit.as_deref())
        .bind(matter.assignee.as_deref())
        .bind(matter.subject.as_deref())
        .bind(matter.location.map(|at| at.0))
        .bind(matter.location.map(|at| at.1))
        .bind(matter.collected_at)
        .bind(matter.due.map(|due| due.by))
        .bind(matter.escalates_at)
        .bind(closed)
        .bind(course.handled_by.as_deref())
        .bind(course.late.contains(&Stage::Handle))
        .bind(course.reworks)
        .bind(course.reopened)
        .bind(course.judged.map(u32::from))
        .bind(body.to_string())
        .bind(seq as i64)
        .execute(tx)
        .await?;
    Ok(seq)
}

/// A matter by its id.
pub async fn find(on: impl Into<On<'_>>, id: &str) -> Result<Option<Listed>, Error> {
    query("matters", select!("WHERE id = $1")).bind(id).fetch_optional(on).await?.as_ref().map(read).transpose()
}

/// Up to `limit` matters, the most pressing first: first reports before repeated ones, then by their clocks.
pub async fn list(on: impl Into<On<'_>>, filter: &Filter, limit: u32) -> Result<Vec<Listed>, Error> {
    let text = select!(
        "WHERE ($1 = '' OR state = $1) AND ($2 = -1 OR is_open = $2) AND ($3 = '' OR unit = $3) \
         AND ($4 = '' OR assignee = $4) AND ($5 = '' OR cell = $5) AND ($6 = '' OR town = $6) AND ($7 = '' OR category = $7) \
         AND ($8 = 0 OR due_us < $8) AND ($9 = '' OR number = $9) \
         ORDER BY is_open DESC, CASE WHEN rank > 3 THEN 1 ELSE 0 END, CASE WHEN due_us IS NULL THEN 1 ELSE 0 END, due_us, rank, \
         collected_at_us DESC, id LIMIT $10"
    );
    let rows = query("matters", text)
        .bind(filter.state.map_or("", State::as_str))
        .bind(filter.is_open.map_or(-1, i64::from))
        .bind(filter.unit.as_deref().unwrap_or_default())
        .bind(filter.assignee.as_deref().unwrap_or_default())
        .bind(filter.cell.as_deref().unwrap_or_default())
        .bind(filter.town.as_deref().unwrap_or_default())
        .bind(filter.category.as_deref().unwrap_or_default())
        .bind(filter.due_before.map_or(0, to_micros))
        .bind(filter.number.as_deref().unwrap_or_default())
        .bind(limit);
    rows.fetch_all(on).await?.iter().map(read).collect()
}

/// Open matters of a category about a device, or near a place: within so many degrees of latitude.
pub async fn open_near(
    tx: &mut Tx,
    category: &str,
    subject: Option<&str>,
    location: Option<(f64, f64)>,
    within_deg: f64,
) -> Result<Vec<Known>, Error> {
    let rows = if let Some(subject) = subject {
        let text = select!("WHERE subject = $1 AND is_open = 1 AND category = $2");
        query("matters", text).bind(subject).bind(category).fetch_all(tx).await?
    } else if let Some((_, lat)) = location {
        let text = select!(
            "WHERE is_open = 1 AND category = $1 AND lat >= $2 AND lat <= $3 ORDER BY collected_at_us LIMIT 500"
        );
        query("matters", text).bind(category).bind(lat - within_deg).bind(lat + within_deg).fetch_all(tx).await?
    } else {
        Vec::new()
    };
    let known = |row| read(row).map(|one| Known { last_at: one.last_report_at, matter: one.matter });
    rows.iter().map(known).collect()
}

/// Open matters about devices.
pub async fn about_devices(on: impl Into<On<'_>>) -> Result<Vec<Listed>, Error> {
    let rows = query("matters", select!("WHERE is_open = 1 AND subject IS NOT NULL ORDER BY id"));
    rows.fetch_all(on).await?.iter().map(read).collect()
}

/// Ids of up to `limit` matters in a state, those to be looked at first first.
pub async fn waiting(on: impl Into<On<'_>>, state: State, limit: u32) -> Result<Vec<String>, Error> {
    let text = "SELECT id FROM matters WHERE state = $1 ORDER BY rank, collected_at_us, id LIMIT $2";
    let rows = query("matters", text).bind(state.as_str()).bind(limit).fetch_all(on).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Ids of matters whose level is over its time.
pub async fn escalating(on: impl Into<On<'_>>, now: Instant, limit: u32) -> Result<Vec<String>, Error> {
    let text = "SELECT id FROM matters WHERE escalates_us <= $1 ORDER BY escalates_us, id LIMIT $2";
    let rows = query("matters", text).bind(now).bind(limit).fetch_all(on).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// How many open matters each unit and each person has.
pub async fn loads(tx: &mut Tx) -> Result<[Vec<(String, u32)>; 2], Error> {
    let text = "SELECT unit AS who, COUNT(*) AS n FROM matters WHERE state IN ('dispatched', 'handled') AND unit IS NOT NULL GROUP BY unit";
    let units = query("matters", text).fetch_all(&mut *tx).await?;
    let text = "SELECT assignee AS who, COUNT(*) AS n FROM matters WHERE state IN ('dispatched', 'handled') AND assignee IS NOT NULL \
                GROUP BY assignee";
    let people = query("matters", text).fetch_all(tx).await?;
    let read =
        |rows: Vec<Row>| rows.iter().map(|row| Ok((row.get("who")?, row.count("n")?))).collect::<Result<_, Error>>();
    Ok([read(units)?, read(people)?])
}

/// The last number that begins with a prefix.
pub async fn last_number(tx: &mut Tx, prefix: &str) -> Result<Option<String>, Error> {
    let text = "SELECT MAX(number) AS number FROM matters WHERE number >= $1 AND number < $2";
    let row = query("matters", text).bind(prefix).bind(format!("{prefix}~")).fetch_one(tx).await?;
    row.get("number")
}

fn read(row: &Row) -> Result<Listed, Error> {
    Ok(Listed {
        matter: row.parse("body", |body| serde_json::from_str(body))?,
        reports: row.count("reports")?,
        last_report_at: row.instant("last_report_us")?,
        rank: row.count("rank")?,
    })
}
