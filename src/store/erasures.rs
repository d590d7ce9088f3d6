//! Erasing pictures whose time is over: which they are, and that they were erased. What a record rests on is never among them.

use super::{Error, On, Tx, query};
use crate::domain::{ledger::Digest, time::Instant};

/// Records looked at in one step of catching up.
const AT_ONCE: u32 = 200;

/// Why pictures are erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Their vehicle left in time.
    LeftInTime,
    /// A person rejected the incident.
    Rejected,
    /// They belong to no incident.
    SetAside,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 3] = [Self::LeftInTime, Self::Rejected, Self::SetAside];

    /// The rule's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::LeftInTime => "left_in_time",
            Self::Rejected => "rejected",
            Self::SetAside => "set_aside",
        }
    }

    /// The state of the incidents it is for; none for captures of no incident.
    fn state(self) -> &'static str {
        match self {
            Self::LeftInTime => "closed",
            Self::Rejected => "rejected",
            Self::SetAside => "",
        }
    }
}

/// Notes what a record rests on.
pub async fn rests_on(tx: &mut Tx, record: &str, evidence: &[Digest]) -> Result<(), Error> {
    for digest in evidence {
        let text =
            "INSERT INTO record_evidence (sha256, record) VALUES ($1, $2) ON CONFLICT (sha256, record) DO NOTHING";
        query("record_evidence", text).bind(digest.to_string()).bind(record).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Notes what records rest on that were made before this was noted; whether there are more.
pub async fn catch_up(tx: &mut Tx) -> Result<bool, Error> {
    let text = "SELECT id, evidence FROM records WHERE evidence <> '[]' AND NOT EXISTS \
                (SELECT 1 FROM record_evidence WHERE record = records.id) ORDER BY id LIMIT $1";
    let rows = query("records", text).bind(AT_ONCE).fetch_all(&mut *tx).await?;
    for row in &rows {
        let evidence: Vec<Digest> = row.parse("evidence", |text| serde_json::from_str(text))?;
        rests_on(tx, &row.get::<String>("id")?, &evidence).await?;
    }
    Ok(rows.len() == AT_ONCE as usize)
}

/// Up to `limit` pictures of cameras received before an instant that a rule erases: no record rests on them, and no other
/// capture needs them.
pub async fn due(tx: &mut Tx, rule: Rule, before: Instant, limit: u32) -> Result<Vec<Digest>, Error> {
    let text = "SELECT DISTINCT p.sha256 AS sha256 FROM captures AS c JOIN capture_images AS p ON p.capture = c.id \
                LEFT JOIN incidents AS i ON i.id = c.incident \
                WHERE c.source = 'camera' AND c.received_at_us < $1 AND COALESCE(i.state, '') = $2 \
                AND NOT EXISTS (SELECT 1 FROM erasures AS e WHERE e.sha256 = p.sha256) \
                AND NOT EXISTS (SELECT 1 FROM record_evidence AS r WHERE r.sha256 = p.sha256) \
                AND NOT EXISTS (SELECT 1 FROM capture_images AS q JOIN captures AS d ON d.id = q.capture \
                LEFT JOIN incidents AS j ON j.id = d.incident WHERE q.sha256 = p.sha256 \
                AND (d.received_at_us >= $1 OR d.source <> 'camera' OR j.state IN ('open', 'ripe', 'recorded'))) LIMIT $3";
    let rows = query("captures", text).bind(before).bind(rule.state()).bind(limit).fetch_all(tx).await?;
    rows.iter().map(|row| row.parse("sha256", Digest::parse)).collect()
}

/// Notes that pictures are erased, by the entry that says so.
pub async fn note(tx: &mut Tx, rule: Rule, erased: &[Digest], seq: u64, now: Instant) -> Result<(), Error> {
    for digest in erased {
        let text = "INSERT INTO erasures (sha256, at_us, rule, ledger_seq) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (sha256) DO NOTHING";
        query("erasures", text)
            .bind(digest.to_string())
            .bind(now)
            .bind(rule.word())
            .bind(seq as i64)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// The entry that says that a picture was erased.
pub async fn entry_of(on: impl Into<On<'_>>, digest: Digest) -> Result<Option<u64>, Error> {
    let text = "SELECT ledger_seq FROM erasures WHERE sha256 = $1";
    let row = query("erasures", text).bind(digest.to_string()).fetch_optional(on).await?;
    row.map(|row| row.count("ledger_seq")).transpose()
}

/// A picture that was erased came anew: it is there again.
pub async fn came_again(tx: &mut Tx, digest: Digest) -> Result<(), Error> {
    let text = "DELETE FROM erasures WHERE sha256 = $1";
    query("erasures", text).bind(digest.to_string()).execute(tx).await.map(|_| ())
}
