//! Captures and their pictures: written once, found by their source's key, by plate, and by the incident they belong to.

use super::{Error, Row, Tx, plates, query};
use crate::domain::{
    capture::{Capture, Doubt, Source, State},
    ids::ZoneId,
    incident::Sighting,
    ledger::Digest,
    lot::VehicleClass,
    plate::Plate,
    time::Instant,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, source, source_id, idempotency_key, content_hash, state, plate_raw, plate_color, vehicle_class, ",
            "at_us, received_at_us, lon, lat, zone, note, vehicle, is_usable, rule_holds, incident, doubts FROM captures ",
            $rest
        )
    };
}

/// The word a vehicle class is kept by.
pub(super) fn class_word(class: VehicleClass) -> &'static str {
    match class {
        VehicleClass::Motor => "motor",
        VehicleClass::NonMotor => "non_motor",
    }
}

/// Reads a vehicle class.
pub(super) fn class(row: &Row) -> Result<VehicleClass, Error> {
    row.parse("vehicle_class", |word| match word {
        "motor" => Ok(VehicleClass::Motor),
        "non_motor" => Ok(VehicleClass::NonMotor),
        _ => Err("unknown vehicle class"),
    })
}

/// Reads a location of two columns that are there together or not at all.
pub(super) fn location(row: &Row) -> Result<Option<(f64, f64)>, Error> {
    Ok(row.get::<Option<f64>>("lon")?.zip(row.get::<Option<f64>>("lat")?))
}

/// Writes a capture and the order of its pictures, which `evidence` must know already.
pub async fn insert(tx: &mut Tx, capture: &Capture) -> Result<(), Error> {
    let text = "INSERT INTO captures (id, source, source_id, idempotency_key, content_hash, state, plate_raw, plate_norm, \
                plate_fold, plate_color, vehicle_class, at_us, received_at_us, lon, lat, zone, note, vehicle, is_usable, \
                rule_holds, incident, doubts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
                $16, $17, $18, $19, $20, $21, $22)";
    let plate = capture.plate.as_ref();
    let norm = plate.map(Plate::norm).filter(|norm| !norm.is_empty());
    query("captures", text)
        .bind(&capture.id)
        .bind(capture.source.word())
        .bind(capture.source.id())
        .bind(&capture.key)
        .bind(capture.content.to_string())
        .bind(capture.state.as_str())
        .bind(plate.map(Plate::raw))
        .bind(norm)
        .bind(plate.map(Plate::fold).filter(|fold| !fold.is_empty()))
        .bind(capture.plate_color.clone())
        .bind(class_word(capture.vehicle_class))
        .bind(capture.at)
        .bind(capture.received_at)
        .bind(capture.location.map(|(lon, _)| lon))
        .bind(capture.location.map(|(_, lat)| lat))
        .bind(capture.zone.as_ref().map(ZoneId::as_str))
        .bind(capture.note.clone())
        .bind(&capture.vehicle)
        .bind(capture.is_usable)
        .bind(capture.rule_holds)
        .bind(capture.incident.clone())
        .bind(doubts_text(&capture.doubts))
        .execute(&mut *tx)
        .await?;
    if let Some(norm) = norm {
        plates::seen(tx, norm, capture.at).await?;
    }
    for (ordinal, sha256) in (0_u32..).zip(&capture.pictures) {
        query("capture_images", "INSERT INTO capture_images (capture, ordinal, sha256) VALUES ($1, $2, $3)")
            .bind(&capture.id)
            .bind(ordinal)
            .bind(sha256.to_string())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Doubts as they are kept; none is nothing.
fn doubts_text(doubts: &[Doubt]) -> Option<String> {
    let words: Vec<&str> = doubts.iter().map(|doubt| doubt.as_str()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// How many captures were taken between two instants.
pub async fn count_between(tx: &mut Tx, from: Instant, to: Instant) -> Result<u64, Error> {
    let text = "SELECT COUNT(*) AS n FROM captures WHERE at_us >= $1 AND at_us < $2";
    query("captures", text).bind(from).bind(to).fetch_one(tx).await?.count("n")
}

/// Up to `limit` captures taken between two instants, newest first.
pub async fn newest_between(tx: &mut Tx, from: Instant, to: Instant, limit: u32) -> Result<Vec<Capture>, Error> {
    let rows = query("captures", select!("WHERE at_us >= $1 AND at_us < $2 ORDER BY at_us DESC, id DESC LIMIT $3"));
    rows.bind(from).bind(to).bind(limit).fetch_all(tx).await?.iter().map(read).collect()
}

/// The capture a source sent under a key.
pub async fn by_key(tx: &mut Tx, source: &Source, key: &str) -> Result<Option<Capture>, Error> {
    let row = query("captures", select!("WHERE source = $1 AND source_id = $2 AND idempotency_key = $3"))
        .bind(source.word())
        .bind(source.id())
        .bind(key)
        .fetch_optional(&mut *tx)
        .await?;
    with_pictures(tx, row.into_iter().collect()).await.map(|mut found| found.pop())
}

/// A capture by its id.
pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<Capture>, Error> {
    let row = query("captures", select!("WHERE id = $1")).bind(id).fetch_optional(&mut *tx).await?;
    with_pictures(tx, row.into_iter().collect()).await.map(|mut found| found.pop())
}

/// The captures of an incident, by time.
pub async fn of_incident(tx: &mut Tx, incident: &str) -> Result<Vec<Capture>, Error> {
    let rows = query("captures", select!("WHERE incident = $1 ORDER BY at_us, id")).bind(incident);
    let rows = rows.fetch_all(&mut *tx).await?;
    with_pictures(tx, rows).await
}

/// What an incident's captures say of its stay.
pub async fn sightings(tx: &mut Tx, incident: &str) -> Result<Vec<Sighting>, Error> {
    let text = "SELECT id, at_us, plate_norm, vehicle_class, is_usable, rule_holds FROM captures WHERE incident = $1";
    let rows = query("captures", text).bind(incident).fetch_all(&mut *tx).await?;
    let text =
        "SELECT capture, sha256 FROM capture_images WHERE capture IN (SELECT id FROM captures WHERE incident = $1)";
    let mut pictures = std::collections::HashMap::<String, Vec<Digest>>::new();
    for row in query("capture_images", text).bind(incident).fetch_all(tx).await? {
        pictures.entry(row.get("capture")?).or_default().push(row.parse("sha256", Digest::parse)?);
    }
    rows.iter()
        .map(|row| {
            let capture: String = row.get("id")?;
            Ok(Sighting {
                pictures: pictures.remove(&capture).unwrap_or_default(),
                capture,
                at: row.instant("at_us")?,
                plate: row.get("plate_norm")?,
                vehicle_class: class(row)?,
                is_usable: row.get::<i64>("is_usable")? != 0,
                rule_holds: row.get::<i64>("rule_holds")? != 0,
            })
        })
        .collect()
}

/// Where an incident's captures were taken, of those that say so.
pub async fn places(tx: &mut Tx, incident: &str) -> Result<Vec<(f64, f64)>, Error> {
    let text = "SELECT lon, lat FROM captures WHERE incident = $1";
    let rows = query("captures", text).bind(incident).fetch_all(tx).await?;
    rows.iter().filter_map(|row| location(row).transpose()).collect()
}

/// Moves all captures of one incident to another, which they turned out to be part of.
pub async fn hand_over(tx: &mut Tx, from: &str, into: &str) -> Result<(), Error> {
    let text = "UPDATE captures SET incident = $1 WHERE incident = $2";
    query("captures", text).bind(into).bind(from).execute(tx).await.map(|_| ())
}

async fn with_pictures(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Capture>, Error> {
    let mut captures = Vec::with_capacity(rows.len());
    for row in rows {
        let mut capture = read(&row)?;
        let text = "SELECT sha256 FROM capture_images WHERE capture = $1 ORDER BY ordinal";
        for picture in query("capture_images", text).bind(&capture.id).fetch_all(&mut *tx).await? {
            capture.pictures.push(picture.parse("sha256", Digest::parse)?);
        }
        captures.push(capture);
    }
    Ok(captures)
}

fn read(row: &Row) -> Result<Capture, Error> {
    let source_id: String = row.get("source_id")?;
    Ok(Capture {
        id: row.get("id")?,
        source: row.parse("source", |word| Source::parse(word, &source_id).ok_or("unknown source"))?,
        key: row.get("idempotency_key")?,
        content: row.parse("content_hash", Digest::parse)?,
        state: row.parse("state", |word| State::parse(word).ok_or("unknown state"))?,
        plate: row.get::<Option<String>>("plate_raw")?.map(|raw| Plate::read(&raw)),
        plate_color: row.get("plate_color")?,
        vehicle_class: class(row)?,
        at: row.instant("at_us")?,
        received_at: row.instant("received_at_us")?,
        location: location(row)?,
        zone: row.parse_opt("zone", ZoneId::parse)?,
        note: row.get("note")?,
        vehicle: row.get("vehicle")?,
        is_usable: row.get::<i64>("is_usable")? != 0,
        rule_holds: row.get::<i64>("rule_holds")? != 0,
        incident: row.get("incident")?,
        pictures: Vec::new(),
        doubts: row
            .get::<Option<String>>("doubts")?
            .unwrap_or_default()
            .split_whitespace()
            .map(|word| Doubt::parse(word).ok_or_else(|| row.broken("doubts", "unknown doubt")))
            .collect::<Result<_, _>>()?,
    })
}
