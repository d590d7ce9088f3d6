//! Records for the police and for credit systems, as signed files: only the kinds, states and fields the configuration grants to that
//! recipient, for a purpose, until a day; kept by its hash, and entered with who gave it.

use chrono::Duration;
use ed25519_dalek::SigningKey;
use serde_json::{Map, Value as Json, json};

use super::{Error, Person, error::text, view::RecordView};
use crate::{
    clock::{self, Clock},
    config,
    domain::{
        ledger::{Digest, Kind as Step, NewEntry},
        record::Record,
        share::{Share, SignedShare},
        staff::Role,
        time::{Instant, rfc3339},
    },
    store::{
        Db,
        evidence::{self, Evidence, Piece},
        ledger, records,
    },
};

/// Most records of one share.
const MAX_RECORDS: u64 = 100_000;

fn field(record: &Record, view: &RecordView, name: &str) -> Json {
    let course = &record.course;
    let at = |steps: &[&str]| steps.iter().find_map(|step| course.at.get(*step)).map(|at| rfc3339(*at));
    match name {
        "number" => json!(record.number),
        "kind" => json!(record.kind),
        "state" => json!(record.state),
        "at" => json!(rfc3339(record.at)),
        "plate" => json!(record.plate),
        "vehicle_class" => json!(record.vehicle_class),
        "zone" => json!(record.zone),
        "location" => json!(view.place.location),
        "reason" => json!(record.reason),
        "articles" => json!(course.articles),
        "amount_yuan" => json!(course.amount_yuan),
        "decided_at" => json!(at(&["decide", "decide_on_spot"])),
        "served_at" => json!(at(&["serve"])),
        "party_name" => json!(course.party.as_ref().map(|party| &party.name)),
        "act" => json!(record.act),
        "legal_basis" => json!(record.legal_basis),
        _ => Json::Null,
    }
}

/// What is to be shared.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Who it is for: a name in `enforcement.shares`.
    pub recipient: String,
    /// What for.
    pub purpose: String,
    /// From when on, by when the records were made.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
}

/// Makes a share, keeps it, and enters that it was made. A supervisor gives it.
pub async fn share(
    db: &Db,
    evidence: &Evidence,
    clock: &Clock,
    config: &config::Enforcement,
    key: &SigningKey,
    wanted: Wanted,
    person: &Person,
) -> Result<SignedShare, Error> {
    if person.role != Role::Supervisor {
        return Err(Error::invalid("by", "must be a supervisor"));
    }
    let purpose = text("purpose", &wanted.purpose, 200)?;
    let grant = config.shares.get(&wanted.recipient);
    let grant = grant.ok_or_else(|| Error::invalid("recipient", "has no grant in enforcement.shares"))?;
    let now = clock.now();
    let mut given = Vec::new();
    for kind in &grant.kinds {
        for record in records::of_kind_between(db, *kind, wanted.from, wanted.to).await? {
            if !grant.states.is_empty() && !grant.states.contains(&record.state) {
                continue;
            }
            let view = RecordView::from(&record);
            let fields = grant.fields.iter().map(|name| (name.clone(), field(&record, &view, name)));
            given.push(fields.collect::<Map<_, _>>());
        }
    }
    if given.len() as u64 > MAX_RECORDS {
        return Err(Error::TooManyRows { count: given.len() as u64, limit: MAX_RECORDS });
    }
    let share = Share {
        id: clock::new_id(),
        from: config.documents.authority.clone(),
        recipient: wanted.recipient,
        purpose,
        made_at: now,
        expires_at: now + Duration::days(grant.days.into()),
        fields: grant.fields.clone(),
        records: given,
    };
    let signed = SignedShare::sign(share, key);
    enter(db, evidence, &signed, (wanted.from, wanted.to), person, now).await?;
    Ok(signed)
}

/// The bytes of a share as they are kept and handed over.
pub fn file_of(signed: &SignedShare) -> Vec<u8> {
    serde_json::to_vec_pretty(signed).unwrap_or_default()
}

async fn enter(
    db: &Db,
    evidence: &Evidence,
    signed: &SignedShare,
    (from, to): (Instant, Instant),
    person: &Person,
    now: Instant,
) -> Result<Digest, Error> {
    let (bytes, share) = (file_of(signed), &signed.share);
    let piece = Piece {
        bytes: bytes.len() as u32,
        sha256: evidence.put(bytes.into()).await?,
        width_px: 0,
        height_px: 0,
        media_type: "application/json".to_owned(),
        taken_at: None,
    };
    let mut tx = db.begin_write().await?;
    evidence::note(&mut tx, &piece, now).await?;
    let entry = NewEntry {
        actor: person.actor(),
        kind: Step::RecordsShared,
        subject_type: "share",
        subject_id: share.id.clone(),
        payload: json!({
            "recipient": share.recipient, "purpose": share.purpose, "fields": share.fields, "records": share.records.len(),
            "from": rfc3339(from), "to": rfc3339(to), "expires_at": rfc3339(share.expires_at),
        }),
        evidence: vec![piece.sha256],
    };
    ledger::append(&mut tx, entry, now).await?;
    tx.commit().await?;
    Ok(piece.sha256)
}
