//! What was said of matters: each report with the receipt its reporter follows it by.

use super::{Db, Error, On, Row, Tx, query};
use crate::domain::{
    ledger::Digest,
    matter::{Source, fair::Heard},
    time::Instant,
};

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What it is followed by.
    pub receipt: String,
    /// The matter it is of.
    pub matter: String,
    /// How it came in.
    pub source: Source,
    /// Who sent it: `public`, a gateway's name, or a person of the staff.
    pub reporter: String,
    /// The key it was sent under.
    pub key: String,
    /// A hash of what was sent, so that the same key cannot stand for two things.
    pub content: Digest,
    /// The category that was said.
    pub category: String,
    /// What was said.
    pub what: String,
    /// Where, in words.
    pub place: String,
    /// How the reporter can be reached; forgotten when the matter has ended.
    pub contact: Option<String>,
    /// A hash of the address it came from.
    pub address: Option<String>,
    /// The how-manieth of that address.
    pub rank: u32,
    /// How content the reporter is, 1 to 5.
    pub judged: Option<u8>,
    /// When.
    pub at: Instant,
    /// Its pictures.
    pub pictures: Vec<Digest>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT receipt, matter, source, reporter, sent_key, content_hash, category, what, place, contact, address, rank, ",
            "judged, at_us, pictures FROM matter_reports ",
            $rest
        )
    };
}

/// Adds a report to its matter, which the caller has written.
pub async fn add(tx: &mut Tx, report: &Report) -> Result<(), Error> {
    let pictures: Vec<String> = report.pictures.iter().map(Digest::to_string).collect();
    let text = "INSERT INTO matter_reports (receipt, matter, source, reporter, sent_key, content_hash, category, what, place, \
                contact, address, rank, at_us, pictures) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    query("matter_reports", text)
        .bind(&report.receipt)
        .bind(&report.matter)
        .bind(report.source.as_str())
        .bind(&report.reporter)
        .bind(&report.key)
        .bind(report.content.to_string())
        .bind(&report.category)
        .bind(&report.what)
        .bind(&report.place)
        .bind(report.contact.as_deref())
        .bind(report.address.as_deref())
        .bind(report.rank)
        .bind(report.at)
        .bind(pictures.join(" "))
        .execute(&mut *tx)
        .await?;
    let text = "UPDATE matters SET reports = reports + 1, rank = CASE WHEN reports = 0 OR $2 < rank THEN $2 ELSE rank END, \
                last_report_us = CASE WHEN $3 > last_report_us THEN $3 ELSE last_report_us END WHERE id = $1";
    query("matters", text).bind(&report.matter).bind(report.rank).bind(report.at).execute(tx).await.map(|_| ())
}

/// Hands the reports of a matter to the one it was merged into, so that every reporter follows that one.
pub async fn hand_over(tx: &mut Tx, from: &str, into: &str) -> Result<(), Error> {
    let text = "UPDATE matters SET reports = reports + (SELECT reports FROM matters WHERE id = $1), \
                rank = (SELECT MIN(rank) FROM matters WHERE id = $1 OR id = $2) WHERE id = $2";
    query("matters", text).bind(from).bind(into).execute(&mut *tx).await?;
    query("matters", "UPDATE matters SET reports = 0 WHERE id = $1").bind(from).execute(&mut *tx).await?;
    let text = "UPDATE matter_reports SET matter = $2 WHERE matter = $1";
    query("matter_reports", text).bind(from).bind(into).execute(tx).await.map(|_| ())
}

/// A report by its receipt.
pub async fn by_receipt(on: impl Into<On<'_>>, receipt: &str) -> Result<Option<Report>, Error> {
    let row = query("matter_reports", select!("WHERE receipt = $1")).bind(receipt).fetch_optional(on).await?;
    row.as_ref().map(read).transpose()
}

/// The report somebody sent under a key.
pub async fn by_key(on: impl Into<On<'_>>, reporter: &str, key: &str) -> Result<Option<Report>, Error> {
    let asked = query("matter_reports", select!("WHERE reporter = $1 AND sent_key = $2")).bind(reporter).bind(key);
    asked.fetch_optional(on).await?.as_ref().map(read).transpose()
}

/// The reports of a matter, first first.
pub async fn of(on: impl Into<On<'_>>, matter: &str) -> Result<Vec<Report>, Error> {
    let asked = query("matter_reports", select!("WHERE matter = $1 ORDER BY at_us, receipt LIMIT 200")).bind(matter);
    asked.fetch_all(on).await?.iter().map(read).collect()
}

/// What was heard of an address so far, and how many reports of the public wait to be looked at.
pub async fn heard(on: impl Into<On<'_>>, address: &str, hour: Instant, day: Instant) -> Result<Heard, Error> {
    let text = "SELECT (SELECT COUNT(*) FROM matter_reports WHERE address = $1 AND at_us > $2) AS in_hour, \
                (SELECT COUNT(*) FROM matter_reports WHERE address = $1 AND at_us > $3) AS in_day, \
                (SELECT COUNT(*) FROM matters WHERE state = 'collected' AND source = 'citizen') AS waiting";
    let row = query("matter_reports", text).bind(address).bind(hour).bind(day).fetch_one(on).await?;
    Ok(Heard { in_hour: row.count("in_hour")?, in_day: row.count("in_day")?, waiting: row.count("waiting")? })
}

/// Notes how content a reporter is; `false` if that was said before.
pub async fn judge(tx: &mut Tx, receipt: &str, judged: u8) -> Result<bool, Error> {
    let text = "UPDATE matter_reports SET judged = $2 WHERE receipt = $1 AND judged IS NULL";
    Ok(query("matter_reports", text).bind(receipt).bind(u32::from(judged)).execute(tx).await? == 1)
}

/// Forgets contacts of matters that ended before an instant, and addresses of reports before another.
pub async fn forget(db: &Db, ended_before: Instant, said_before: Instant) -> Result<u64, Error> {
    let mut tx = db.begin_write().await?;
    let text = "UPDATE matter_reports SET contact = NULL WHERE contact IS NOT NULL AND matter IN (SELECT id FROM matters \
                WHERE is_open = 0 AND (closed_at_us < $1 OR (closed_at_us IS NULL AND collected_at_us < $1)))";
    let mut gone = query("matter_reports", text).bind(ended_before).execute(&mut tx).await?;
    let text = "UPDATE matter_reports SET address = NULL WHERE address IS NOT NULL AND at_us < $1";
    gone += query("matter_reports", text).bind(said_before).execute(&mut tx).await?;
    tx.commit().await?;
    Ok(gone)
}

fn read(row: &Row) -> Result<Report, Error> {
    Ok(Report {
        receipt: row.get("receipt")?,
        matter: row.get("matter")?,
        source: row.parse("source", |word| Source::parse(word).ok_or("unknown source"))?,
        reporter: row.get("reporter")?,
        key: row.get("sent_key")?,
        content: row.parse("content_hash", Digest::parse)?,
        category: row.get("category")?,
        what: row.get("what")?,
        place: row.get("place")?,
        contact: row.get("contact")?,
        address: row.get("address")?,
        rank: row.count("rank")?,
        judged: row.get::<Option<i64>>("judged")?.and_then(|judged| u8::try_from(judged).ok()),
        at: row.instant("at_us")?,
        pictures: row.parse("pictures", |text| text.split_whitespace().map(Digest::parse).collect::<Result<_, _>>())?,
    })
}
