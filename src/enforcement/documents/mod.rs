//! Documents to be printed: HTML with exact print rules for A4, 80 mm and 58 mm paper, or PDF, from templates an authority may change
//! without losing what the law wants on them. Every document printed is kept by its hash.

mod fields;
mod page;
#[cfg(feature = "pdf")]
mod setting;

use std::path::Path;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use self::fields::Told;
#[cfg(feature = "pdf")]
pub(super) use self::setting::Setter;
use super::{Desk, Error, Person};
use crate::{
    domain::{
        ledger::{Digest, Kind as Step, NewEntry},
        record::{Kind, Record, Refused},
    },
    store::{
        evidence::{self, Piece},
        ledger, records,
    },
};

/// A document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// 责令改正通知书（警告）
    Warning,
    /// 违法停车告知单
    ParkingNotice,
    /// 行政处罚决定书
    Decision,
    /// 现场笔录
    SiteRecord,
    /// 扣押（扣留）决定书, with its inventory
    Seizure,
    /// 解除决定书
    Release,
    /// 送达回证
    Receipt,
}

/// What it is printed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Paper {
    /// A4.
    #[default]
    #[serde(rename = "a4")]
    A4,
    /// A slip of 80 mm.
    #[serde(rename = "80mm")]
    Mm80,
    /// A slip of 58 mm.
    #[serde(rename = "58mm")]
    Mm58,
}

impl Document {
    /// Every document.
    pub const ALL: [Self; 7] = [
        Self::Warning,
        Self::ParkingNotice,
        Self::Decision,
        Self::SiteRecord,
        Self::Seizure,
        Self::Release,
        Self::Receipt,
    ];

    /// Its name: of its template's file and in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::ParkingNotice => "parking_notice",
            Self::Decision => "decision",
            Self::SiteRecord => "site_record",
            Self::Seizure => "seizure",
            Self::Release => "release",
            Self::Receipt => "receipt",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|document| document.name() == name)
    }

    pub(super) fn own_template(self) -> &'static str {
        match self {
            Self::Warning => include_str!("templates/warning.html"),
            Self::ParkingNotice => include_str!("templates/parking_notice.html"),
            Self::Decision => include_str!("templates/decision.html"),
            Self::SiteRecord => include_str!("templates/site_record.html"),
            Self::Seizure => include_str!("templates/seizure.html"),
            Self::Release => include_str!("templates/release.html"),
            Self::Receipt => include_str!("templates/receipt.html"),
        }
    }
}

/// Whether a record has come to where a document of it exists.
fn check_document(record: &Record, document: Document) -> Result<(), Error> {
    let has = |step: &str| record.course.at.contains_key(step);
    let fits = match document {
        Document::Warning => matches!(record.kind, Kind::Warning | Kind::Correction),
        Document::ParkingNotice => record.kind == Kind::Penalty,
        Document::Decision => record.kind == Kind::Penalty && (has("decide") || has("decide_on_spot")),
        Document::SiteRecord => record.kind == Kind::Seizure && (has("taken") || has("move")),
        Document::Seizure => record.kind == Kind::Seizure && has("taken"),
        Document::Release => record.kind == Kind::Seizure && has("release"),
        Document::Receipt => has("serve"),
    };
    if fits { Ok(()) } else { Err(Refused::NoSuchDocument.into()) }
}

impl Desk {
    /// A document of a record as an HTML page that prints by itself. It is kept by its hash, and printing it stands in the ledger.
    /// `None` where there is no such record.
    pub async fn document(
        &self,
        id: &str,
        document: Document,
        paper: Paper,
        base: &str,
        person: &Person,
    ) -> Result<Option<String>, Error> {
        let Some((record, told)) = self.to_print(id, document, base).await? else { return Ok(None) };
        let (template, _) = self.template(document);
        let page = page::page(document, &template, paper, &told)
            .map_err(|reason| Error::Template { document: document.name(), reason })?;
        self.keep_printed(&record, document, page.clone().into(), "text/html; charset=utf-8", person).await?;
        Ok(Some(page))
    }

    /// The same as PDF, with its fonts in it.
    #[cfg(feature = "pdf")]
    pub async fn document_pdf(
        &self,
        id: &str,
        document: Document,
        paper: Paper,
        base: &str,
        person: &Person,
    ) -> Result<Option<Bytes>, Error> {
        let Some((record, told)) = self.to_print(id, document, base).await? else { return Ok(None) };
        let pdf = self.set(document, paper, &told).await?;
        self.keep_printed(&record, document, pdf.clone(), "application/pdf", person).await?;
        Ok(Some(pdf))
    }

    /// A build without a typesetter says so.
    #[cfg(not(feature = "pdf"))]
    #[expect(clippy::unused_async, reason = "the same door as where there is a typesetter")]
    pub async fn document_pdf(
        &self,
        _: &str,
        _: Document,
        _: Paper,
        _: &str,
        _: &Person,
    ) -> Result<Option<Bytes>, Error> {
        Err(Error::NoPdf)
    }

    /// A record that has come to where there is such a document, and what that tells.
    async fn to_print(&self, id: &str, document: Document, base: &str) -> Result<Option<(Record, Told)>, Error> {
        let Some(record) = records::find(&self.db, id).await? else { return Ok(None) };
        check_document(&record, document)?;
        let near = match document {
            Document::Warning | Document::ParkingNotice => self.near_at_the_time(&record).await?,
            _ => Vec::new(),
        };
        let told = self.told(&record, base, &near);
        Ok(Some((record, told)))
    }

    /// The authority's own template in the configured folder, if it has one.
    pub(super) fn changed_template(&self, document: Document, ending: &str) -> Option<String> {
        let folder = &self.config.documents.templates_dir;
        if folder.is_empty() {
            return None;
        }
        std::fs::read_to_string(Path::new(folder).join(format!("{}.{ending}", document.name()))).ok()
    }

    async fn keep_printed(
        &self,
        record: &Record,
        document: Document,
        bytes: Bytes,
        media_type: &str,
        person: &Person,
    ) -> Result<Digest, Error> {
        let piece = Piece {
            bytes: bytes.len() as u32,
            sha256: self.evidence.put(bytes).await?,
            width_px: 0,
            height_px: 0,
            media_type: media_type.to_owned(),
            taken_at: None,
        };
        self.enter_printed(record, document, &piece, person).await
    }

    async fn enter_printed(
        &self,
        record: &Record,
        document: Document,
        piece: &Piece,
        person: &Person,
    ) -> Result<Digest, Error> {
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        evidence::note(&mut tx, piece, now).await?;
        let entry = NewEntry {
            actor: person.actor(),
            kind: Step::NoticePrinted,
            subject_type: "document",
            subject_id: record.id.clone(),
            payload: json!({"number": record.number, "document": document.name()}),
            evidence: vec![piece.sha256],
        };
        ledger::append(&mut tx, entry, now).await?;
        tx.commit().await?;
        Ok(piece.sha256)
    }
}
