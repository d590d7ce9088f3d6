//! Statements and requests for review that parties send online.

use super::{Error, On, Row, Tx, query};
use crate::domain::{ledger::Digest, time::Instant};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Petition {
    /// What it is followed by.
    pub receipt: String,
    /// The record it is about.
    pub record: String,
    /// `statement` or `review`.
    pub kind: String,
    /// What it says.
    pub what: String,
    /// How the party can be reached.
    pub contact: Option<String>,
    /// What came with it.
    pub pictures: Vec<Digest>,
    /// `received` or `answered`.
    pub state: String,
    /// The appeal it became.
    pub appeal: Option<String>,
    /// The answer.
    pub answer: Option<String>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// When.
    pub answered_at: Option<Instant>,
    /// When it came in.
    pub at: Instant,
    /// Its last entry in the ledger.
    pub ledger_seq: u64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT receipt, record, kind, what, contact, pictures, state, appeal, answer, answered_by, answered_at_us, at_us, ",
            "ledger_seq FROM petitions ",
            $rest
        )
    };
}

/// Writes one, or what it became.
pub async fn save(tx: &mut Tx, petition: &Petition) -> Result<(), Error> {
    let pictures: Vec<String> = petition.pictures.iter().map(Digest::to_string).collect();
    let text = "INSERT INTO petitions (receipt, record, kind, what, contact, pictures, state, appeal, answer, answered_by, \
                answered_at_us, at_us, ledger_seq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
                ON CONFLICT (receipt) DO UPDATE SET state = excluded.state, answer = excluded.answer, \
                answered_by = excluded.answered_by, answered_at_us = excluded.answered_at_us, ledger_seq = excluded.ledger_seq";
    query("petitions", text)
        .bind(&petition.receipt)
        .bind(&petition.record)
        .bind(&petition.kind)
        .bind(&petition.what)
        .bind(petition.contact.as_deref())
        .bind(pictures.join(" "))
        .bind(&petition.state)
        .bind(petition.appeal.as_deref())
        .bind(petition.answer.as_deref())
        .bind(petition.answered_by.as_deref())
        .bind(petition.answered_at)
        .bind(petition.at)
        .bind(petition.ledger_seq as i64)
        .execute(tx)
        .await
        .map(|_| ())
}

/// One by its receipt.
pub async fn by_receipt(on: impl Into<On<'_>>, receipt: &str) -> Result<Option<Petition>, Error> {
    let row = query("petitions", select!("WHERE receipt = $1")).bind(receipt).fetch_optional(on).await?;
    row.as_ref().map(read).transpose()
}

/// Those about a record, first first.
pub async fn about(on: impl Into<On<'_>>, record: &str) -> Result<Vec<Petition>, Error> {
    let rows =
        query("petitions", select!("WHERE record = $1 ORDER BY at_us, receipt")).bind(record).fetch_all(on).await?;
    rows.iter().map(read).collect()
}

/// The newest in a state, or of all.
pub async fn newest(on: impl Into<On<'_>>, state: &str, limit: u32) -> Result<Vec<Petition>, Error> {
    let text = select!("WHERE ($1 = '' OR state = $1) ORDER BY at_us DESC, receipt LIMIT $2");
    query("petitions", text).bind(state).bind(limit).fetch_all(on).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Petition, Error> {
    Ok(Petition {
        receipt: row.get("receipt")?,
        record: row.get("record")?,
        kind: row.get("kind")?,
        what: row.get("what")?,
        contact: row.get("contact")?,
        pictures: row.parse("pictures", |text| text.split_whitespace().map(Digest::parse).collect::<Result<_, _>>())?,
        state: row.get("state")?,
        appeal: row.get("appeal")?,
        answer: row.get("answer")?,
        answered_by: row.get("answered_by")?,
        answered_at: row.instant_opt("answered_at_us")?,
        at: row.instant("at_us")?,
        ledger_seq: row.count("ledger_seq")?,
    })
}
