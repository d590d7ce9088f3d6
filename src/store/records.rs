//! Records: today's state of each, written together with the ledger entry that says so; numbers; counts.

use std::fmt::Write;

use super::{
    Error, On, Query, Row, Tx, captures, erasures, plates, query,
    query::{composed, one_of},
};
use crate::domain::{
    course::Course,
    ids::{GridCellId, ZoneId},
    ledger::{Digest, canonical},
    plate,
    record::{Act, Kind, Record, State},
    time::Instant,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, number, kind, state, plate_norm, vehicle_class, at_us, zone, grid_cell, lon, lat, reason, note, ",
            "officer, approved_by, incident, act, legal_basis, evidence, ledger_seq, course, follows, due_what, due_us FROM records ",
            $rest
        )
    };
}

/// What is asked of the list of records.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Made at or after.
    pub from: Option<Instant>,
    /// Made before.
    pub to: Option<Instant>,
    /// After this record of the page before: its instant in microseconds, and its id.
    pub after: Option<(i64, String)>,
    /// Only in one of these zones.
    pub zones: Option<Vec<String>>,
    /// Only by one of these people.
    pub officers: Option<Vec<String>>,
    /// Only those whose nearest deadline has passed by then.
    pub due_by: Option<Instant>,
}

impl Filter {
    /// The conditions beside kind and time, their placeholders from `$first` on.
    fn more(&self, first: usize) -> String {
        let zones = self.zones.as_ref().map_or(0, Vec::len);
        let officers = self.officers.as_ref().map_or(0, Vec::len);
        let mut text = String::new();
        if self.zones.is_some() {
            text = text + " AND " + &one_of("zone", zones, first);
        }
        if self.officers.is_some() {
            text = text + " AND " + &one_of("officer", officers, first + zones);
        }
        if self.due_by.is_some() {
            let _ = write!(text, " AND due_us <= ${}", first + zones + officers);
        }
        text
    }

    fn bind_more(&self, query: Query) -> Query {
        let query = query.bind_all(self.zones.iter().flatten()).bind_all(self.officers.iter().flatten());
        match self.due_by {
            Some(by) => query.bind(by),
            None => query,
        }
    }
}

/// What a program or an officer's phone already sent under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The hash of everything it said.
    pub content: Digest,
    /// The id of what came of it.
    pub subject_id: String,
}

/// Records of one kind made in one quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// When the quarter of an hour begins.
    pub at: Instant,
    /// The kind.
    pub kind: Kind,
    /// How many.
    pub count: u64,
}

/// Quarters of an hour divide every time zone's days.
const QUARTER_US: i64 = 900_000_000;

/// Writes a new record; its ledger entry follows in the same transaction.
pub async fn insert(tx: &mut Tx, record: &Record) -> Result<(), Error> {
    let text = "INSERT INTO records (id, number, kind, state, plate_norm, plate_fold, vehicle_class, at_us, zone, \
                grid_cell, lon, lat, reason, note, officer, approved_by, incident, act, legal_basis, evidence, \
                ledger_seq, course, follows, due_what, due_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
                $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)";
    let evidence: Vec<String> = record.evidence.iter().map(Digest::to_string).collect();
    if let Some(norm) = &record.plate {
        plates::seen(tx, norm, record.at).await?;
    }
    query("records", text)
        .bind(&record.id)
        .bind(&record.number)
        .bind(record.kind.as_str())
        .bind(record.state.as_str())
        .bind(record.plate.clone())
        .bind(record.plate.as_deref().map(plate::fold))
        .bind(captures::class_word(record.vehicle_class))
        .bind(record.at)
        .bind(record.zone.as_ref().map(ZoneId::as_str))
        .bind(record.grid_cell.as_ref().map(GridCellId::as_str))
        .bind(record.location.map(|(lon, _)| lon))
        .bind(record.location.map(|(_, lat)| lat))
        .bind(&record.reason)
        .bind(record.note.clone())
        .bind(&record.officer)
        .bind(record.approved_by.clone())
        .bind(record.incident.clone())
        .bind(record.act.map(Act::as_str))
        .bind(record.legal_basis.clone())
        .bind(serde_json::Value::from(evidence).to_string())
        .bind(record.ledger_seq as i64)
        .bind(course_text(record))
        .bind(record.follows.clone())
        .bind(record.due.as_ref().map(|(what, _)| what.clone()))
        .bind(record.due.as_ref().map(|(_, by)| *by))
        .execute(&mut *tx)
        .await?;
    erasures::rests_on(tx, &record.id, &record.evidence).await
}

/// Writes where a record stands after a step; its ledger entry follows in the same transaction.
pub async fn step(tx: &mut Tx, record: &Record) -> Result<(), Error> {
    let text = "UPDATE records SET state = $1, approved_by = $2, course = $3, due_what = $4, due_us = $5 WHERE id = $6";
    query("records", text)
        .bind(record.state.as_str())
        .bind(record.approved_by.clone())
        .bind(course_text(record))
        .bind(record.due.as_ref().map(|(what, _)| what.clone()))
        .bind(record.due.as_ref().map(|(_, by)| *by))
        .bind(&record.id)
        .execute(tx)
        .await
        .map(|_| ())
}

/// A course as it is kept; none of a record to which nothing happened.
fn course_text(record: &Record) -> Option<String> {
    let has_begun = record.course != Course::default();
    has_begun.then(|| serde_json::to_value(&record.course).map(|value| canonical(&value)).unwrap_or_default())
}

/// Up to `limit` records whose nearest deadline is before `before`, the most pressing first.
pub async fn due_before(on: impl Into<On<'_>>, before: Instant, limit: u32) -> Result<Vec<Record>, Error> {
    let rows = query("records", select!("WHERE due_us IS NOT NULL AND due_us <= $1 ORDER BY due_us, id LIMIT $2"));
    rows.bind(before).bind(limit).fetch_all(on).await?.iter().map(read).collect()
}

/// Whether a record follows from another, and which.
pub async fn following(on: impl Into<On<'_>>, id: &str) -> Result<Option<Record>, Error> {
    query("records", select!("WHERE follows = $1")).bind(id).fetch_optional(on).await?.as_ref().map(read).transpose()
}

/// A record by its id.
pub async fn find(on: impl Into<On<'_>>, id: &str) -> Result<Option<Record>, Error> {
    query("records", select!("WHERE id = $1")).bind(id).fetch_optional(on).await?.as_ref().map(read).transpose()
}

/// A record by its number.
pub async fn by_number(on: impl Into<On<'_>>, number: &str) -> Result<Option<Record>, Error> {
    query("records", select!("WHERE number = $1")).bind(number).fetch_optional(on).await?.as_ref().map(read).transpose()
}

/// A record by the number of the slip an officer's device printed for it.
pub async fn by_slip(on: impl Into<On<'_>>, slip: &str) -> Result<Option<Record>, Error> {
    let text = select!("WHERE id = (SELECT subject_id FROM idempotency WHERE idempotency_key = $1 LIMIT 1)");
    query("records", text).bind(slip).fetch_optional(on).await?.as_ref().map(read).transpose()
}

/// Up to `limit` records, newest first.
pub async fn list(on: impl Into<On<'_>>, filter: &Filter, limit: u32) -> Result<Vec<Record>, Error> {
    let text = select!(
        "WHERE ($1 = '' OR kind = $1) AND at_us >= $2 AND at_us < $3 AND (at_us < $4 OR (at_us = $4 AND id < $5))"
    );
    let rows = composed("records", format!("{text}{} ORDER BY at_us DESC, id DESC LIMIT $6", filter.more(7)));
    let after = filter.after.as_ref();
    let rows = rows
        .bind(filter.kind.map_or("", Kind::as_str))
        .bind(filter.from.map_or(i64::MIN, crate::domain::time::to_micros))
        .bind(filter.to.map_or(i64::MAX, crate::domain::time::to_micros))
        .bind(after.map_or(i64::MAX, |(at_us, _)| *at_us))
        .bind(after.map_or("", |(_, id)| id.as_str()))
        .bind(limit);
    filter.bind_more(rows).fetch_all(on).await?.iter().map(read).collect()
}

/// Every record of a kind made between two instants.
pub async fn of_kind_between(
    on: impl Into<On<'_>>,
    kind: Kind,
    from: Instant,
    to: Instant,
) -> Result<Vec<Record>, Error> {
    let rows = query("records", select!("WHERE kind = $1 AND at_us >= $2 AND at_us < $3 ORDER BY at_us, id"));
    rows.bind(kind.as_str()).bind(from).bind(to).fetch_all(on).await?.iter().map(read).collect()
}

/// How many records a list of all pages would hold.
pub async fn count(on: impl Into<On<'_>>, filter: &Filter) -> Result<u64, Error> {
    let text = "SELECT COUNT(*) AS n FROM records WHERE ($1 = '' OR kind = $1) AND at_us >= $2 AND at_us < $3";
    let counted = composed("records", format!("{text}{}", filter.more(4))).bind(filter.kind.map_or("", Kind::as_str));
    let counted = counted.bind(filter.from.map_or(i64::MIN, crate::domain::time::to_micros));
    let counted = counted.bind(filter.to.map_or(i64::MAX, crate::domain::time::to_micros));
    filter.bind_more(counted).fetch_one(on).await?.count("n")
}

/// The greatest number that begins with `prefix`.
pub async fn last_number(tx: &mut Tx, prefix: &str) -> Result<Option<String>, Error> {
    let text = "SELECT number FROM records WHERE number LIKE $1 ORDER BY LENGTH(number) DESC, number DESC LIMIT 1";
    let row = query("records", text).bind(format!("{prefix}%")).fetch_optional(tx).await?;
    row.map(|row| row.get("number")).transpose()
}

/// Whether a plate has a record made at or after an instant that was not taken back.
pub async fn any_since(tx: &mut Tx, plate: &str, since: Instant) -> Result<bool, Error> {
    let text = "SELECT id FROM records WHERE plate_norm = $1 AND at_us >= $2 AND state <> 'revoked' LIMIT 1";
    Ok(query("records", text).bind(plate).bind(since).fetch_optional(tx).await?.is_some())
}

/// How many records of each kind a plate has.
pub async fn count_by_kind(on: impl Into<On<'_>>, plate: &str) -> Result<Vec<(Kind, u64)>, Error> {
    let text = "SELECT kind, COUNT(*) AS n FROM records WHERE plate_norm = $1 GROUP BY kind";
    let rows = query("records", text).bind(plate).fetch_all(on).await?;
    rows.iter().map(|row| Ok((kind(row)?, row.count("n")?))).collect()
}

/// Records by kind and quarter of an hour, in order of time.
pub async fn tally(on: impl Into<On<'_>>, from: Instant, to: Instant) -> Result<Vec<Tally>, Error> {
    let text = "SELECT at_us / 900000000 AS quarter, kind, COUNT(*) AS n FROM records \
                WHERE at_us >= $1 AND at_us < $2 GROUP BY at_us / 900000000, kind ORDER BY 1, 2";
    let rows = query("records", text).bind(from).bind(to).fetch_all(on).await?;
    rows.iter()
        .map(|row| {
            let at_us = row.get::<i64>("quarter")?.saturating_mul(QUARTER_US);
            let at = crate::domain::time::from_micros(at_us);
            let at = at.ok_or_else(|| row.broken("quarter", "outside the calendar"))?;
            Ok(Tally { at, kind: kind(row)?, count: row.count("n")? })
        })
        .collect()
}

/// How many records each zone has, most first; a record without a zone counts nowhere.
pub async fn by_zone(on: impl Into<On<'_>>, from: Instant, to: Instant) -> Result<Vec<(ZoneId, u64)>, Error> {
    let text = "SELECT zone, COUNT(*) AS n FROM records WHERE zone IS NOT NULL AND at_us >= $1 AND at_us < $2 \
                GROUP BY zone ORDER BY 2 DESC, 1";
    let rows = query("records", text).bind(from).bind(to).fetch_all(on).await?;
    rows.iter().map(|row| Ok((row.parse("zone", ZoneId::parse)?, row.count("n")?))).collect()
}

/// How many records of each kind each person made, and how many of them are overdue at `now`.
pub async fn by_officer(
    on: impl Into<On<'_>>,
    from: Instant,
    to: Instant,
    now: Instant,
) -> Result<Vec<(String, Kind, u64, u64)>, Error> {
    let text = "SELECT officer, kind, COUNT(*) AS n, CAST(SUM(CASE WHEN due_us <= $3 THEN 1 ELSE 0 END) AS BIGINT) AS late \
                FROM records WHERE at_us >= $1 AND at_us < $2 GROUP BY officer, kind ORDER BY officer, kind";
    let rows = query("records", text).bind(from).bind(to).bind(now).fetch_all(on).await?;
    rows.iter().map(|row| Ok((row.get("officer")?, kind(row)?, row.count("n")?, row.count("late")?))).collect()
}

/// What an actor already sent under a key.
pub async fn sent(tx: &mut Tx, actor: &str, key: &str) -> Result<Option<Sent>, Error> {
    let text = "SELECT content_hash, subject_id FROM idempotency WHERE actor = $1 AND idempotency_key = $2";
    let row = query("idempotency", text).bind(actor).bind(key).fetch_optional(tx).await?;
    row.map(|row| Ok(Sent { content: row.parse("content_hash", Digest::parse)?, subject_id: row.get("subject_id")? }))
        .transpose()
}

/// Remembers what came of what an actor sent under a key.
pub async fn remember(tx: &mut Tx, actor: &str, key: &str, sent: &Sent, now: Instant) -> Result<(), Error> {
    let text = "INSERT INTO idempotency (actor, idempotency_key, content_hash, subject_type, subject_id, created_at_us) \
                VALUES ($1, $2, $3, 'record', $4, $5)";
    query("idempotency", text)
        .bind(actor)
        .bind(key)
        .bind(sent.content.to_string())
        .bind(&sent.subject_id)
        .bind(now)
        .execute(tx)
        .await
        .map(|_| ())
}

fn kind(row: &Row) -> Result<Kind, Error> {
    row.parse("kind", |word| Kind::parse(word).ok_or("unknown kind"))
}

fn read(row: &Row) -> Result<Record, Error> {
    Ok(Record {
        id: row.get("id")?,
        number: row.get("number")?,
        kind: kind(row)?,
        state: row.parse("state", |word| State::parse(word).ok_or("unknown state"))?,
        plate: row.get("plate_norm")?,
        vehicle_class: captures::class(row)?,
        at: row.instant("at_us")?,
        zone: row.parse_opt("zone", ZoneId::parse)?,
        grid_cell: row.parse_opt("grid_cell", GridCellId::parse)?,
        location: captures::location(row)?,
        reason: row.get("reason")?,
        note: row.get("note")?,
        officer: row.get("officer")?,
        approved_by: row.get("approved_by")?,
        incident: row.get("incident")?,
        act: row.parse_opt("act", |word| Act::parse(word).ok_or("unknown act"))?,
        legal_basis: row.get("legal_basis")?,
        evidence: row.parse("evidence", |text| serde_json::from_str::<Vec<Digest>>(text))?,
        ledger_seq: row.count("ledger_seq")?,
        course: row.parse_opt("course", |text| serde_json::from_str(text))?.unwrap_or_default(),
        follows: row.get("follows")?,
        due: row.get::<Option<String>>("due_what")?.zip(row.instant_opt("due_us")?),
    })
}
