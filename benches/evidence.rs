//! Captures taken in, and the ledger proven, beside the limit of the same run: writing the same files and rows with nothing else,
//! and hashing the same bytes alone.
//!
//! `cargo bench --bench evidence -- [CAPTURES]`, 400 captures of one JPEG of about 200 kB each, eight at a time, on SQLite.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on has failed, and prints what it found"
)]

use std::{path::Path, sync::Arc, time::Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use yunpark::{
    clock::Clock,
    config::{self, Config},
    domain::{
        capture::Source,
        city::City,
        ids::ZoneId,
        lot::VehicleClass,
        place::{Zone, ZoneRule},
        staff::Role,
        text::Localized,
        time::parse_rfc3339,
    },
    enforcement::{Desk, NewCapture},
    store::{Db, evidence::Evidence, query, verify},
};

const AT_ONCE: usize = 8;

/// The quality at which a picture has about 200 kB.
fn quality() -> u8 {
    (30..=95).rev().find(|quality| picture(0, *quality).len() <= 205_000).unwrap()
}

/// A picture that is no other picture's, as cameras make them: grain on a street's shades, colours at half the resolution (4:2:0).
fn picture(nth: usize, quality: u8) -> Bytes {
    let (width, height) = (1280_u16, 720_u16);
    let mut seed = nth as u32 + 1;
    let mut grain = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 27) as u8
    };
    let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let (shade, grain) = ((x / 8) as u8, grain());
        pixels.extend([shade + grain, (y / 5) as u8 + grain, 40 + grain]);
    }
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.encode(&pixels, width, height, ColorType::Rgb).unwrap();
    bytes.into()
}

async fn open(folder: &Path) -> (Db, Evidence) {
    let url = format!("sqlite://{}", folder.join("yunpark.db").display());
    let store = config::Store::of(&url, 8);
    let db = Db::connect(&store).await.unwrap();
    db.migrate().await.unwrap();
    (db, Evidence::open(&folder.join("evidence")).unwrap())
}

fn city() -> City {
    let area = geo::Rect::new((119.56, 28.10), (119.58, 28.12)).to_polygon();
    let name = Localized { zh: "解放街".into(), en: "Jiefang Street".into() };
    let id = ZoneId::parse("Z1").unwrap();
    let zone = Zone {
        id: id.clone(),
        name,
        rule: ZoneRule::NoParking,
        hours: None,
        dwell_s: 300,
        street_class: 1,
        area: geo::MultiPolygon(vec![area]),
        vehicle_class: None,
    };
    let mut city = City::default();
    city.zones.insert(id, zone);
    city
}

/// The same files and the same kinds of rows, durable one by one, with nothing else.
async fn bare(db: &Db, evidence: &Evidence, nth: usize, picture: Bytes) {
    let digest = evidence.put(picture).await.unwrap().to_string();
    let mut tx = db.begin_write().await.unwrap();
    let text = "INSERT INTO evidence (sha256, bytes, width, height, media_type, stored_at_us) VALUES ($1, 1, 1, 1, 'image/jpeg', 1)";
    query("evidence", text).bind(&digest).execute(&mut tx).await.unwrap();
    let id = format!("c{nth}");
    let text = "INSERT INTO incidents (id, state, zone, vehicle_class, first_seen_us, last_seen_us, version) \
                VALUES ($1, 'open', 'Z1', 'motor', 1, 1, 1)";
    query("incidents", text).bind(&id).execute(&mut tx).await.unwrap();
    let text = "INSERT INTO captures (id, source, source_id, idempotency_key, content_hash, state, plate_norm, vehicle_class, \
                at_us, received_at_us, incident) VALUES ($1, 'staff', 'lan', $1, $2, 'accepted', '浙K12345', 'motor', 1, 1, $1)";
    query("captures", text).bind(&id).bind(&digest).execute(&mut tx).await.unwrap();
    let text = "INSERT INTO capture_images (capture, ordinal, sha256) VALUES ($1, 0, $2)";
    query("capture_images", text).bind(&id).bind(&digest).execute(&mut tx).await.unwrap();
    let text = "INSERT INTO ledger (seq, algorithm, at_us, actor, kind, subject_type, subject_id, payload, evidence, prev_hash, \
                hash) VALUES ($1, 'a', 1, 'a', 'k', 's', $2, $3, $4, $4, $2)";
    let payload = "x".repeat(500);
    query("ledger", text).bind(nth as i64 + 1).bind(&id).bind(&payload).bind(&digest).execute(&mut tx).await.unwrap();
    query("ledger_head", "UPDATE ledger_head SET seq = seq + 1").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

fn rate(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    let count: usize = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(400);
    let quality = quality();
    let pictures: Vec<Bytes> = (0..count).map(|nth| picture(nth, quality)).collect();
    let bytes: usize = pictures.iter().map(Bytes::len).sum();
    println!("{count} captures of {} kB, {AT_ONCE} at a time", bytes / count / 1000);
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (db, evidence) = open(one.path()).await;
    let begun = Instant::now();
    stream::iter(pictures.iter().cloned().enumerate())
        .for_each_concurrent(AT_ONCE, |(nth, picture)| bare(&db, &evidence, nth, picture))
        .await;
    let limit = rate(count, begun);

    let (db, evidence) = open(other.path()).await;
    let (_city, watched) = watch::channel(Arc::new(city()));
    let clock = Clock::manual(parse_rfc3339("2026-03-10T01:00:00Z").unwrap());
    let config = Config::load(None).unwrap().enforcement;
    let desk = Desk::new(db.clone(), evidence.clone(), watched, clock.clone(), config, Arc::new(|_| None));
    let now = clock.now();
    let begun = Instant::now();
    stream::iter(pictures.iter().cloned().enumerate())
        .for_each_concurrent(AT_ONCE, |(nth, picture)| {
            let new = NewCapture {
                source: Source::Staff("lan".into()),
                role: Some(Role::Officer),
                key: format!("k{nth}"),
                track: None,
                at: now - chrono::Duration::seconds(nth as i64),
                plate: Some(format!("浙K{:05}", nth % 1000 * 31)),
                plate_color: None,
                vehicle_class: VehicleClass::Motor,
                location: Some((119.57, 28.11)),
                camera: None,
                zone: None,
                note: None,
            };
            let desk = &desk;
            async move { drop(desk.receive(new, vec![picture]).await.unwrap()) }
        })
        .await;
    let ours = rate(count, begun);
    println!(
        "  captures  {ours:>8.1}/s   the same files and rows alone {limit:>8.1}/s   {:.0} %",
        100.0 * ours / limit
    );

    // The files are in the page cache for both.
    let mut paths = Vec::new();
    let mut folders = vec![other.path().join("evidence")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { paths.push(path) }
        }
    }
    let megabytes = bytes as f64 / 1e6;
    let begun = Instant::now();
    for path in &paths {
        std::hint::black_box(Sha256::digest(std::fs::read(path).unwrap()));
    }
    let hashing = megabytes / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let report = verify::verify(&db, Some(&evidence)).await.unwrap();
    let proving = megabytes / begun.elapsed().as_secs_f64();
    println!(
        "  verify    {proving:>8.1} MB/s hashing the same files alone   {hashing:>8.1} MB/s   {:.0} %  ({} entries)",
        100.0 * proving / hashing,
        report.entries
    );
}
