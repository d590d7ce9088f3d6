//! What the ledger says of captures and decided incidents, against their rows.

use serde_json::Value as Json;

use super::{Unproven, broken, unparsed};
use crate::{
    domain::{
        ledger::{Entry, Head, Kind, canonical},
        matter::{Matter, Stage},
        plate::Plate,
        time::rfc3339,
    },
    store::{Error, Row, Tx, query},
};

/// Holds an entry against the row it tells of.
pub(super) async fn check_entry(tx: &mut Tx, entry: &Entry) -> Result<(), Unproven> {
    let Ok(said) = serde_json::from_str::<Json>(&entry.payload) else { return Ok(()) };
    match entry.kind {
        // Only an entry that tells the whole capture has its content.
        Kind::CaptureReceived if said.get("content").is_some() => check_capture(tx, entry, &said).await,
        Kind::AppealStepped => check_appeal(tx, entry, &said).await,
        Kind::MatterCollected | Kind::MatterReported | Kind::MatterStepped => check_matter(tx, entry, &said).await,
        Kind::IncidentReviewed if said.get("decision").is_some() => check_incident(tx, entry, &said).await,
        _ => Ok(()),
    }
}

async fn check_capture(tx: &mut Tx, entry: &Entry, said: &Json) -> Result<(), Unproven> {
    let id = &entry.subject_id;
    let text = "SELECT id, plate_raw, plate_norm, plate_fold, at_us, zone, content_hash, state, vehicle_class, doubts FROM captures \
                WHERE id = $1";
    let Some(row) = query("captures", text).bind(id).fetch_optional(&mut *tx).await? else {
        return Err(broken(entry.seq, format!("capture {id} is gone")));
    };
    let stands = capture_json(&row).map_err(|error| unparsed(entry.seq, error))?;
    let same = |name: &str| said.get(name).is_none_or(|told| *told == stands[name]);
    let names = ["plate", "at", "zone", "content", "state", "vehicle_class", "doubts"];
    let mut differing: Vec<&str> = names.into_iter().filter(|name| !same(name)).collect();
    if differing.is_empty() && !plate_follows(&row).map_err(|error| unparsed(entry.seq, error))? {
        differing.push("plate");
    }
    if differing.is_empty() && !has_its_pictures(tx, entry).await? {
        differing.push("pictures");
    }
    if differing.is_empty() {
        return Ok(());
    }
    Err(broken(entry.seq, format!("capture {id} differs from this, its entry, in {}", differing.join(", "))))
}

fn capture_json(row: &Row) -> Result<Json, Error> {
    Ok(serde_json::json!({
        "plate": row.get::<Option<String>>("plate_raw")?,
        "at": rfc3339(row.instant("at_us")?),
        "zone": row.get::<Option<String>>("zone")?,
        "content": row.get::<String>("content_hash")?,
        "state": row.get::<String>("state")?,
        "vehicle_class": row.get::<String>("vehicle_class")?,
        "doubts": row.get::<Option<String>>("doubts")?.unwrap_or_default().split_whitespace().collect::<Vec<_>>(),
    }))
}

/// Whether the plate captures are found by is the one that was read.
fn plate_follows(row: &Row) -> Result<bool, Error> {
    let plate = row.get::<Option<String>>("plate_raw")?.map(|raw| Plate::read(&raw));
    let kept = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let norm = plate.as_ref().and_then(|plate| kept(plate.norm()));
    let fold = plate.as_ref().and_then(|plate| kept(plate.fold()));
    Ok(row.get::<Option<String>>("plate_norm")? == norm && row.get::<Option<String>>("plate_fold")? == fold)
}

async fn has_its_pictures(tx: &mut Tx, entry: &Entry) -> Result<bool, Unproven> {
    let text = "SELECT sha256 FROM capture_images WHERE capture = $1 ORDER BY ordinal";
    let rows = query("capture_images", text).bind(&entry.subject_id).fetch_all(tx).await?;
    let names = rows.iter().map(|row| row.get::<String>("sha256")).collect::<Result<Vec<_>, _>>();
    let names = names.map_err(|error| unparsed(entry.seq, error))?;
    Ok(names.iter().eq(entry.evidence.iter().map(ToString::to_string).collect::<Vec<_>>().iter()))
}

async fn check_incident(tx: &mut Tx, entry: &Entry, said: &Json) -> Result<(), Unproven> {
    let id = &entry.subject_id;
    let text = "SELECT incidents.id AS id, incidents.state AS state, incidents.record AS record, records.number AS number \
                FROM incidents LEFT JOIN records ON records.id = incidents.record WHERE incidents.id = $1";
    let Some(row) = query("incidents", text).bind(id).fetch_optional(tx).await? else {
        return Err(broken(entry.seq, format!("incident {id} is gone")));
    };
    let stands = || -> Result<bool, Error> {
        let (record, number) = (row.get::<Option<String>>("record")?, row.get::<Option<String>>("number")?);
        let state = row.get::<String>("state")?;
        Ok(match said["record"].as_str() {
            Some(told) => state == "recorded" && number.as_deref() == Some(told),
            None => state == "rejected" && record.is_none(),
        })
    };
    if stands().map_err(|error| unparsed(entry.seq, error))? {
        return Ok(());
    }
    Err(broken(entry.seq, format!("incident {id} is no longer as it was decided")))
}

/// Holds an appeal's last entry against its row.
async fn check_appeal(tx: &mut Tx, entry: &Entry, said: &Json) -> Result<(), Unproven> {
    let id = &entry.subject_id;
    let text = "SELECT id, record, kind, state, claim, authority, outcome, ledger_seq FROM appeals WHERE id = $1";
    let Some(row) = query("appeals", text).bind(id).fetch_optional(tx).await? else {
        return Err(broken(entry.seq, format!("appeal {id} is gone")));
    };
    let differing = || -> Result<Vec<&str>, Error> {
        if row.count::<u64>("ledger_seq")? > entry.seq {
            return Ok(Vec::new());
        }
        let mut differing = Vec::new();
        for (column, name) in [
            ("record", "record"),
            ("kind", "appeal_kind"),
            ("state", "state"),
            ("claim", "claim"),
            ("authority", "authority"),
            ("outcome", "outcome"),
        ] {
            if row.get::<Option<String>>(column)?.as_deref() != said[name].as_str() {
                differing.push(column);
            }
        }
        Ok(differing)
    };
    match differing().map_err(|error| unparsed(entry.seq, error))?.join(", ") {
        columns if columns.is_empty() => Ok(()),
        columns => Err(broken(entry.seq, format!("appeal {id} differs from this, its last entry, in {columns}"))),
    }
}

/// Holds a matter's last entry against its row: the body, and the columns lists and scores go by.
async fn check_matter(tx: &mut Tx, entry: &Entry, said: &Json) -> Result<(), Unproven> {
    let id = &entry.subject_id;
    let text = "SELECT id, body, number, category, source, state, is_open, level, unit, closed_at_us, handled_by, handled_late, \
                reworks, reopened, judged, ledger_seq FROM matters WHERE id = $1";
    let Some(row) = query("matters", text).bind(id).fetch_optional(tx).await? else {
        return Err(broken(entry.seq, format!("matter {id} is gone")));
    };
    let differing = || -> Result<Vec<&str>, Error> {
        if row.count::<u64>("ledger_seq")? > entry.seq {
            return Ok(Vec::new());
        }
        let told = &said["matter"];
        let matter: Matter =
            serde_json::from_value(told.clone()).map_err(|error| row.broken("ledger_seq", error.to_string()))?;
        let body: Json = row.parse("body", |body| serde_json::from_str(body))?;
        let mut differing = Vec::new();
        if canonical(&body) != canonical(told) {
            differing.push("body");
        }
        for column in ["number", "category", "source", "state", "level", "unit"] {
            if row.get::<Option<String>>(column)?.as_deref() != told[column].as_str() {
                differing.push(column);
            }
        }
        let course = &matter.course;
        let judged = course.judged.map(i64::from);
        for (column, stands) in [
            ("is_open", i64::from(matter.state.is_open())),
            ("handled_late", i64::from(course.late.contains(&Stage::Handle))),
            ("reworks", course.reworks.into()),
            ("reopened", course.reopened.into()),
        ] {
            if row.get::<i64>(column)? != stands {
                differing.push(column);
            }
        }
        if row.get::<Option<i64>>("judged")? != judged {
            differing.push("judged");
        }
        if row.get::<Option<String>>("handled_by")? != course.handled_by {
            differing.push("handled_by");
        }
        Ok(differing)
    };
    match differing().map_err(|error| unparsed(entry.seq, error))?.join(", ") {
        columns if columns.is_empty() => Ok(()),
        columns => Err(broken(entry.seq, format!("matter {id} differs from this, its last entry, in {columns}"))),
    }
}

/// Finds a capture, a decided incident or an appeal of which the ledger says nothing.
pub(super) async fn check_untold(tx: &mut Tx, end: Head) -> Result<(), Unproven> {
    let captures = "SELECT COALESCE(id, '') AS id FROM captures WHERE id IS NULL OR NOT EXISTS (SELECT 1 FROM ledger \
                    WHERE subject_type = 'capture' AND subject_id = captures.id AND kind = 'capture.received') LIMIT 1";
    let incidents = "SELECT COALESCE(id, '') AS id FROM incidents WHERE state IN ('recorded', 'rejected') AND (id IS NULL \
                     OR NOT EXISTS (SELECT 1 FROM ledger WHERE subject_type = 'incident' AND subject_id = incidents.id \
                     AND kind = 'incident.reviewed')) LIMIT 1";
    let appeals = "SELECT COALESCE(id, '') AS id FROM appeals WHERE id IS NULL OR NOT EXISTS (SELECT 1 FROM ledger \
                   WHERE subject_type = 'appeal' AND subject_id = appeals.id AND seq = appeals.ledger_seq) LIMIT 1";
    let matters = "SELECT COALESCE(id, '') AS id FROM matters WHERE id IS NULL OR NOT EXISTS (SELECT 1 FROM ledger \
                   WHERE subject_type = 'matter' AND subject_id = matters.id AND seq = matters.ledger_seq) LIMIT 1";
    for (what, table, text) in [
        ("capture", "captures", captures),
        ("matter", "matters", matters),
        ("decided incident", "incidents", incidents),
        ("appeal", "appeals", appeals),
    ] {
        if let Some(row) = query(table, text).fetch_optional(&mut *tx).await? {
            let id = row.get::<String>("id").map_err(|error| unparsed(end.seq, error))?;
            return Err(broken(end.seq, format!("{what} {id:?} stands in no entry")));
        }
    }
    Ok(())
}
