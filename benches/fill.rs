//! Fills a store with records of plates, many rows to a statement and many statements to a commit.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::allow_attributes,
    reason = "a bench that cannot go on has failed, and each uses its part"
)]

use std::time::Instant;

use sqlx::{AssertSqlSafe, Executor};
use yunpark::{
    domain::plate::{fold, keys_of},
    store::Db,
};

pub const PROVINCES: &str = "浙沪苏皖赣闽粤鲁豫京";
/// Rows to a statement.
const TOGETHER: usize = 500;
/// Statements to a commit.
const A_COMMIT: usize = 400;

/// The statements that fill the tables: plates, their keys in the order of the index (ten million rows in any other order would
/// have it look for a page each), records.
fn statements(rows: usize, plates: &[String]) -> impl Iterator<Item = String> + '_ {
    let mut keys: Vec<(i64, usize)> = plates
        .iter()
        .enumerate()
        .flat_map(|(at, plate)| keys_of(plate).into_iter().map(move |key| (key, at + 1)))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let of_plates = plates.chunks(TOGETHER).enumerate().map(|(chunk, plates)| {
        let ids = (chunk * TOGETHER + 1..).zip(plates);
        let values: Vec<String> = ids.map(|(id, plate)| format!("({id},'{plate}',3,{id})")).collect();
        format!("INSERT INTO plates (id, norm, entries, last_us) VALUES {}", values.join(","))
    });
    let many = keys.len().div_ceil(TOGETHER);
    let of_keys = (0..many).map(move |chunk| {
        let keys = keys.iter().skip(chunk * TOGETHER).take(TOGETHER);
        let values: Vec<String> = keys.map(|(key, plate)| format!("({key},{plate})")).collect();
        format!("INSERT INTO plate_keys (lookup_key, plate) VALUES {}", values.join(","))
    });
    let of_records = (0..rows).step_by(TOGETHER).map(move |from| {
        let record = |n: usize| {
            let plate = &plates[n % plates.len()];
            format!("('r{n}','W-{n}','warning','issued','{plate}','{}','motor',{n},'r','lan','[]',1)", fold(plate))
        };
        let values: Vec<String> = (from..rows.min(from + TOGETHER)).map(record).collect();
        format!(
            "INSERT INTO records (id, number, kind, state, plate_norm, plate_fold, vehicle_class, at_us, reason, officer, \
             evidence, ledger_seq) VALUES {}",
            values.join(",")
        )
    });
    of_plates.chain(of_keys).chain(of_records)
}

/// Runs statements over one connection, which first takes `settings`, and says how far it is.
macro_rules! run {
    ($pool:expr, $settings:expr, $statements:expr) => {{
        let mut connection = $pool.acquire().await.unwrap();
        connection.execute($settings).await.unwrap();
        let (begun, mut done) = (Instant::now(), 0);
        let mut statements = $statements.peekable();
        while statements.peek().is_some() {
            connection.execute("BEGIN").await.unwrap();
            for text in statements.by_ref().take(A_COMMIT) {
                connection.execute(AssertSqlSafe(text)).await.unwrap();
            }
            connection.execute("COMMIT").await.unwrap();
            done += A_COMMIT * TOGETHER;
            if done % 5_000_000 == 0 {
                let spent_s = begun.elapsed().as_secs();
                eprintln!("  {} million rows after {spent_s} s", done / 1_000_000);
            }
        }
    }};
}

/// Fills an empty store with `rows` records of `plates`, one after the other and again from the first, and with the keys by
/// which plates are found. What would guard it against a crash, or against rows without their kin, is off meanwhile.
pub async fn fill(db: &Db, rows: usize, plates: &[String]) {
    let statements = statements(rows, plates);
    match db {
        Db::Sqlite { write, .. } => {
            run!(
                write,
                "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -4000000",
                statements
            );
        }
        Db::Postgres { pool, .. } => {
            run!(pool, "SET session_replication_role = replica; SET synchronous_commit = off", statements);
        }
    }
}

/// Numbers from a seed, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }
    pub fn pick(&mut self, from: &str) -> char {
        let chars: Vec<char> = from.chars().collect();
        chars[self.roll(chars.len())]
    }
}

const LETTERS: &str = "ABCDEFGHJKLMNPQRSTUVWXYZ";
pub const SERIAL: &str = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";

fn plate(dice: &mut Dice) -> String {
    let province = if dice.roll(10) < 8 { '浙' } else { dice.pick(PROVINCES) };
    let mut plate = format!("{province}{}", dice.pick(LETTERS));
    if dice.roll(4) == 0 {
        plate.push(dice.pick("DF"));
        plate.push(dice.pick(SERIAL));
        (0..4).for_each(|_| plate.push(dice.pick("0123456789")));
    } else {
        // Two letters at most, as plates are issued.
        let letters = dice.roll(3);
        (0..5).for_each(|at| plate.push(if at < letters { dice.pick(LETTERS) } else { dice.pick("0123456789") }));
    }
    plate
}

/// The plates of `rows` records: each third of them anew, so that most have a history.
pub fn plates_of(rows: usize) -> Vec<String> {
    let mut dice = Dice(7);
    let mut plates: Vec<String> = (0..rows / 3).map(|_| plate(&mut dice)).collect();
    plates.sort();
    plates.dedup();
    plates
}
