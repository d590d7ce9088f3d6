//! What the holder of a document may do online: see what it rests on, state their case, ask for a review, and follow that.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::{
    Desk, Error, Person,
    appealing::Filing,
    error::{optional_text, text},
};
use crate::{
    clock,
    domain::{
        appeal,
        course::{self, Step},
        ledger::{Digest, Kind as Said, NewEntry},
        staff::{Actor, Role},
        time::Instant,
    },
    store::{
        Tx, appeals, evidence, incidents, ledger,
        petitions::{self, Petition},
        records,
    },
};

/// Most pictures that come with one.
pub const MOST_PICTURES: usize = 3;
/// Characters of receipts: none that are mistaken for another.
const RECEIPT: &[u8] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Who acts in the ledger.
const RULE: &str = "document-holder";

/// What a party sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewPetition {
    /// The document's number.
    pub number: String,
    /// The last four characters of the plate.
    pub end: String,
    /// `statement` 陈述申辩, or `review` 行政复议.
    pub kind: String,
    /// What it says.
    pub what: String,
    /// How the party can be reached.
    pub contact: String,
}

/// What a receipt tells whoever holds it.
#[derive(Debug, Clone, Serialize)]
pub struct Petitioned {
    /// The receipt.
    pub receipt: String,
    /// The document's number.
    pub number: String,
    /// `statement` or `review`.
    pub kind: String,
    /// `received` or `answered`; of a review `filed`, `accepted`, `rejected`, `decided` or `withdrawn`.
    pub state: String,
    /// When it came in.
    pub at: DateTime<Utc>,
    /// The answer.
    pub answer: Option<String>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
}

/// The same for staff.
#[derive(Debug, Clone, Serialize)]
pub struct PetitionView {
    /// What the holder sees.
    #[serde(flatten)]
    pub told: Petitioned,
    /// The record.
    pub record: String,
    /// What it says.
    pub what: String,
    /// How the party can be reached.
    pub contact: Option<String>,
    /// What came with it.
    pub pictures: Vec<Digest>,
    /// The appeal it became.
    pub appeal: Option<String>,
}

impl Desk {
    /// One of the pictures a document rests on, for whoever holds the document; that it was shown stands in the ledger first.
    pub async fn holders_picture(&self, number: &str, end: &str, nth: usize) -> Result<Option<(Bytes, String)>, Error> {
        let Some((record, _)) = self.holders_record(number, end).await? else { return Ok(None) };
        // Whoever proved to hold the document may look at its pictures as often as they like.
        self.tries.give_back(number);
        let Some(digest) = record.evidence.get(nth).copied() else { return Ok(None) };
        let Some(piece) = evidence::find(&self.db, digest).await? else { return Ok(None) };
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        let entry = NewEntry {
            actor: Actor::System { rule: RULE.to_owned() },
            kind: Said::EvidenceShown,
            subject_type: "evidence",
            subject_id: digest.to_string(),
            payload: json!({"number": record.number, "to": "holder"}),
            evidence: vec![digest],
        };
        ledger::append(&mut tx, entry, now).await?;
        tx.commit().await?;
        Ok(self.evidence.get(digest).await?.map(|bytes| (bytes, piece.media_type)))
    }

    /// Takes in a statement or a request for review; `None` where number and plate do not belong together.
    pub async fn petition(&self, new: NewPetition, images: Vec<Bytes>) -> Result<Option<Petitioned>, Error> {
        let what = text("what", &new.what, 2000)?;
        let contact = optional_text("contact", Some(&new.contact), 64)?;
        if !["statement", "review"].contains(&new.kind.as_str()) {
            return Err(Error::invalid("kind", "must be statement or review"));
        }
        if images.len() > MOST_PICTURES {
            return Err(Error::invalid("image", "must be at most 3"));
        }
        let Some((record, _)) = self.holders_record(&new.number, &new.end).await? else { return Ok(None) };
        let now = self.clock.now();
        let pieces = self.keep(images, now).await?;
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        for piece in &pieces {
            evidence::note(&mut tx, piece, now).await?;
        }
        let appeal =
            if new.kind == "review" { Some(self.ask_review(&mut tx, &record.id, &what, now).await?) } else { None };
        if new.kind == "statement" {
            self.state_case(&mut tx, &record.id, &what, now).await?;
        }
        let mut petition = Petition {
            receipt: receipt()?,
            record: record.id,
            kind: new.kind,
            what,
            contact,
            pictures: pieces.iter().map(|piece| piece.sha256).collect(),
            state: "received".to_owned(),
            appeal,
            answer: None,
            answered_by: None,
            answered_at: None,
            at: now,
            ledger_seq: 0,
        };
        let actor = Actor::System { rule: RULE.to_owned() };
        self.enter_petition(&mut tx, &mut petition, (Said::PetitionFiled, actor), now).await?;
        tx.commit().await?;
        self.petitioned(petition).await.map(Some)
    }

    /// A request for review becomes an appeal, if the law lets it be handed in now.
    async fn ask_review(&self, tx: &mut Tx, record: &str, what: &str, now: Instant) -> Result<String, Error> {
        let authority = match self.config.documents.review_authority.trim() {
            "" => "文书载明的复议机关",
            authority => authority,
        };
        let filing = Filing {
            kind: appeal::Kind::Review,
            claim: what.to_owned(),
            authority: authority.to_owned(),
            filed_at: now,
        };
        let actor = Actor::System { rule: RULE.to_owned() };
        Ok(self.file(tx, record, filing, (RULE, actor), now).await?.id)
    }

    /// A statement is a step of a case that waits for one; any other document's is kept for a person to answer.
    async fn state_case(&self, tx: &mut Tx, record: &str, what: &str, now: Instant) -> Result<(), Error> {
        let record = records::find(&mut *tx, record).await?.ok_or(Error::NotFound("record"))?;
        let step = Step::State { statement: what.to_owned() };
        if !record.possible().contains(&step.name()) {
            return Ok(());
        }
        let by = course::By { name: RULE, role: Role::Officer, now, why: "当事人在线陈述申辩" };
        let limits = course::Limits { simple_max_yuan: 0, max_yuan: 0 };
        let dues = self.dues_of(&record);
        let record = record.advance(&step, by, limits, &dues)?;
        let told = json!({"step": step.name(), "why": by.why});
        self.enter_step(tx, record, Actor::System { rule: RULE.to_owned() }, told, now).await?;
        Ok(())
    }

    /// Answers one that is no review; a review is answered by its own steps.
    pub async fn answer_petition(&self, receipt: &str, answer: &str, person: &Person) -> Result<PetitionView, Error> {
        let answer = text("answer", answer, 2000)?;
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let petition = petitions::by_receipt(&mut tx, receipt).await?;
        let mut petition = petition.ok_or(Error::NotFound("petition"))?;
        if petition.appeal.is_some() {
            return Err(Error::invalid("receipt", "is of a review, which is answered by the appeal's own steps"));
        }
        if petition.state == "answered" {
            return Err(Error::invalid("receipt", "was answered before"));
        }
        "answered".clone_into(&mut petition.state);
        petition.answer = Some(answer);
        petition.answered_by = Some(person.name.clone());
        petition.answered_at = Some(now);
        self.enter_petition(&mut tx, &mut petition, (Said::PetitionAnswered, person.actor()), now).await?;
        tx.commit().await?;
        self.view_petition(petition).await
    }

    async fn enter_petition(
        &self,
        tx: &mut Tx,
        petition: &mut Petition,
        (kind, actor): (Said, Actor),
        now: Instant,
    ) -> Result<(), Error> {
        let entry = NewEntry {
            actor,
            kind,
            subject_type: "petition",
            subject_id: petition.receipt.clone(),
            payload: json!({
                "about": petition.record, "petition_kind": petition.kind, "state": petition.state, "appeal": petition.appeal,
                "content": Digest::of(petition.what.as_bytes()).to_string(), "answer": petition.answer,
            }),
            evidence: petition.pictures.clone(),
        };
        petition.ledger_seq = ledger::append(tx, entry, now).await?.seq;
        petitions::save(tx, petition).await?;
        Ok(())
    }

    /// What a receipt tells; `None` for one there is none of.
    pub async fn follow_petition(&self, receipt: &str) -> Result<Option<Petitioned>, Error> {
        match petitions::by_receipt(&self.db, &receipt.trim().to_ascii_uppercase()).await? {
            Some(petition) => self.petitioned(petition).await.map(Some),
            None => Ok(None),
        }
    }

    /// The newest in a state, or of all.
    pub async fn petitions(&self, state: &str, limit: u32) -> Result<Vec<PetitionView>, Error> {
        let mut views = Vec::new();
        for petition in petitions::newest(&self.db, state, limit).await? {
            views.push(self.view_petition(petition).await?);
        }
        Ok(views)
    }

    async fn view_petition(&self, petition: Petition) -> Result<PetitionView, Error> {
        let Petition { record, what, contact, pictures, appeal, .. } = petition.clone();
        Ok(PetitionView { told: self.petitioned(petition).await?, record, what, contact, pictures, appeal })
    }

    async fn petitioned(&self, petition: Petition) -> Result<Petitioned, Error> {
        let record = records::find(&self.db, &petition.record).await?;
        let appeal = match &petition.appeal {
            Some(id) => appeals::find(&self.db, id).await?,
            None => None,
        };
        Ok(Petitioned {
            receipt: petition.receipt,
            number: record.map(|record| record.number).unwrap_or_default(),
            kind: petition.kind,
            state: appeal.as_ref().map_or(petition.state, |appeal| appeal.state.as_str().to_owned()),
            at: petition.at,
            answer: petition.answer.or_else(|| appeal.as_ref().and_then(|appeal| appeal.note.clone())),
            answered_at: petition.answered_at.or_else(|| appeal.and_then(|appeal| appeal.decided_at)),
        })
    }
}

/// Twelve characters that nobody guesses.
fn receipt() -> Result<String, Error> {
    let bytes: [u8; 12] = clock::random_bytes().map_err(|_| Error::invalid("receipt", "cannot be made"))?;
    let chars: String = bytes.iter().map(|byte| char::from(RECEIPT[usize::from(*byte) % RECEIPT.len()])).collect();
    Ok(format!("{}-{}-{}", &chars[..4], &chars[4..8], &chars[8..]))
}
