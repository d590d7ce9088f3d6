//! Finding plates: recall under an error model that is not the one the keys are made for, and how long a search and a history
//! take beside a trigram index and a bare indexed query on the same rows.
//!
//! `cargo bench --bench plates -- [ROWS]`, one million records unless told otherwise. With `PLATES_POSTGRES=postgres://...` (an
//! empty database of its own) PostgreSQL is measured as well.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on has failed, and prints what it found"
)]

mod fill;

use std::time::{Duration, Instant};

use fill::{Dice, PROVINCES, SERIAL, fill, plates_of};
use sqlx::{Executor, Row};
use yunpark::{
    config,
    domain::plate::Plate,
    store::{Db, plates, query},
};

const SEARCHES: usize = 400;
/// What readers were seen to make of a character, from reports of recognisers' mistakes: another source than that of the folding's
/// classes, in which many of these pairs lie apart, and than the looks of glyphs, by which readings are ranked.
const MISTAKES: &str =
    "D0 B8 80 08 B6 6B Q0 G6 C0 CG 17 71 2Z Z7 38 83 56 65 5S S8 A4 4A HN NH MN WV VY UV PF FP EF TY KX XK 9G JU L1 RA";

/// A misreading of a plate.
fn misread(plate: &str, how: &str, dice: &mut Dice) -> Option<String> {
    let mut chars: Vec<char> = plate.chars().collect();
    let swap = |chars: &mut Vec<char>, dice: &mut Dice| {
        let pairs: Vec<(usize, char)> = MISTAKES
            .split(' ')
            .flat_map(|pair| {
                let (is, read) = (pair.chars().next().unwrap(), pair.chars().nth(1).unwrap());
                let at = chars.iter().enumerate().skip(2).filter(move |(_, c)| **c == is);
                at.map(move |(at, _)| (at, read)).collect::<Vec<_>>()
            })
            .collect();
        if pairs.is_empty() {
            return false;
        }
        let (at, read) = pairs[dice.roll(pairs.len())];
        chars[at] = read;
        true
    };
    let other_province = |chars: &mut Vec<char>, dice: &mut Dice| {
        let is = chars[0];
        while chars[0] == is {
            chars[0] = dice.pick(PROVINCES);
        }
    };
    match how {
        "one mistake" => swap(&mut chars, dice).then_some(())?,
        "wrong province" => other_province(&mut chars, dice),
        "mistake and province" => {
            swap(&mut chars, dice).then_some(())?;
            other_province(&mut chars, dice);
        }
        "one character lost" => drop(chars.remove(2 + dice.roll(chars.len() - 2))),
        _ => {
            let at = 2 + dice.roll(chars.len() - 2);
            chars[at] = dice.pick(SERIAL);
        }
    }
    Some(chars.into_iter().collect())
}

fn spread(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn micros(time: Duration) -> String {
    format!("{:>9.0} µs", time.as_secs_f64() * 1e6)
}

async fn by_keys(db: &Db, asked: &str) -> Vec<String> {
    let found = plates::near(db, Plate::read(asked).norm()).await.unwrap();
    found.into_iter().take(10).map(|(_, one)| one.plate).collect()
}

fn trigrams(asked: &str) -> String {
    let chars: Vec<char> = asked.chars().collect();
    chars.windows(3).map(|three| format!("\"{}\"", three.iter().collect::<String>())).collect::<Vec<_>>().join(" OR ")
}

async fn by_trigrams(on: &sqlx::SqlitePool, asked: &str) -> Vec<String> {
    let text = "SELECT norm FROM plate_trigrams WHERE norm MATCH $1 ORDER BY bm25(plate_trigrams) LIMIT 20";
    let rows = sqlx::query(text).bind(trigrams(asked)).fetch_all(on).await.unwrap();
    rows.iter().take(10).map(|row| row.get::<String, _>(0)).collect()
}

async fn by_similarity(on: &sqlx::PgPool, asked: &str) -> Vec<String> {
    let text = "SELECT norm FROM plates WHERE norm % $1 ORDER BY similarity(norm, $1) DESC LIMIT 20";
    let rows = sqlx::query(text).bind(asked).fetch_all(on).await.unwrap();
    rows.iter().take(10).map(|row| row.get::<String, _>(0)).collect()
}

/// The rival on the same rows: a trigram index of the database's own.
enum Rival {
    Fts5(sqlx::SqlitePool),
    PgTrgm(sqlx::PgPool),
}

impl Rival {
    async fn search(&self, asked: &str) -> Vec<String> {
        match self {
            Self::Fts5(pool) => by_trigrams(pool, asked).await,
            Self::PgTrgm(pool) => by_similarity(pool, asked).await,
        }
    }
}

async fn measure(name: &str, db: &Db, rival: &Rival, all: &[String]) {
    println!("\n{name}: {} plates", all.len());
    println!("  {:<24}{:>12}{:>14}{:>12}{:>14}", "recall@10, median", "keys", "", "trigrams", "");
    let mut dice = Dice(99);
    for how in ["one mistake", "wrong province", "mistake and province", "one character lost", "any one character"] {
        let (mut ours, mut theirs, mut times, mut rival_times, mut tried) = (0, 0, Vec::new(), Vec::new(), 0);
        while tried < SEARCHES {
            let plate = &all[dice.roll(all.len())];
            let Some(asked) = misread(plate, how, &mut dice) else { continue };
            tried += 1;
            let begun = Instant::now();
            ours += usize::from(by_keys(db, &asked).await.contains(plate));
            times.push(begun.elapsed());
            if tried % 8 == 0 {
                let begun = Instant::now();
                theirs += usize::from(rival.search(&asked).await.contains(plate));
                rival_times.push(begun.elapsed());
            }
        }
        let rate = ours as f64 / SEARCHES as f64;
        let rival_rate = theirs as f64 / rival_times.len() as f64;
        let (ours, theirs) = (spread(times).0, spread(rival_times).0);
        println!("  {how:<24}{rate:>12.3}{:>14}{rival_rate:>12.3}{:>14}", micros(ours), micros(theirs));
    }
    let bare = "SELECT id, at_us, state, zone, kind, act, number, reason, ledger_seq FROM records WHERE plate_norm = $1 \
                ORDER BY at_us DESC LIMIT 500";
    let (mut histories, mut bares) = (Vec::new(), Vec::new());
    for _ in 0..2000 {
        let plate = &all[dice.roll(all.len())];
        let begun = Instant::now();
        let found = query("records", bare).bind(plate).fetch_all(db).await.unwrap();
        bares.push(begun.elapsed());
        let begun = Instant::now();
        let told = plates::history(db, plate, 500).await.unwrap();
        histories.push(begun.elapsed());
        assert_eq!(told.len(), found.len());
    }
    let ((median, p99), (bare_median, bare_p99)) = (spread(histories), spread(bares));
    println!("  history                 median {} p99 {}", micros(median), micros(p99));
    println!("  bare indexed query      median {} p99 {}", micros(bare_median), micros(bare_p99));
    println!("  p99 of history is {:.2} of the bare query's", p99.as_secs_f64() / bare_p99.as_secs_f64());
}

#[tokio::main]
async fn main() {
    let rows = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let all = plates_of(rows);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("plates.db").display());
    let open = async |url: &str| {
        let store = config::Store::of(url, 4);
        let db = Db::connect(&store).await.unwrap();
        db.migrate().await.unwrap();
        db
    };
    let db = open(&url).await;
    fill(&db, rows, &all).await;
    let Db::Sqlite { write, .. } = &db else { return };
    write.execute("CREATE VIRTUAL TABLE plate_trigrams USING fts5 (norm, tokenize = 'trigram')").await.unwrap();
    write.execute("INSERT INTO plate_trigrams (norm) SELECT norm FROM plates").await.unwrap();
    write.execute("ANALYZE").await.unwrap();
    let Db::Sqlite { read, .. } = &db else { return };
    measure(&format!("SQLite, {rows} records"), &db, &Rival::Fts5(read.clone()), &all).await;
    if let Ok(url) = std::env::var("PLATES_POSTGRES") {
        let db = open(&url).await;
        fill(&db, rows, &all).await;
        let Db::Postgres { pool, .. } = &db else { return };
        pool.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm").await.unwrap();
        pool.execute("CREATE INDEX plates_trgm ON plates USING gin (norm gin_trgm_ops)").await.unwrap();
        pool.execute("ANALYZE").await.unwrap();
        measure(&format!("PostgreSQL, {rows} records"), &db, &Rival::PgTrgm(pool.clone()), &all).await;
    }
}
