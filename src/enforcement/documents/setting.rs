//! Documents as PDF: set away from the tasks that answer requests, by a typesetter that reads its fonts when the first is asked for.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use serde_json::{Value as Json, json};
use yunpark_documents::{Error as Fault, FontNames, Typesetter, template};

use super::{Document, Paper, fields::Told};
use crate::{
    config,
    domain::qr,
    enforcement::{Desk, Error},
};

/// The typesetter, once its fonts were found.
#[derive(Debug, Default)]
pub(in crate::enforcement) struct Setter(Mutex<Option<Arc<Typesetter>>>);

impl Setter {
    /// The typesetter; where its fonts were missing, they are looked for again.
    fn at_hand(&self, config: &config::Documents) -> Result<Arc<Typesetter>, Fault> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(typesetter) = &*known {
            return Ok(typesetter.clone());
        }
        let names = FontNames { body: config.font.clone(), slip: config.slip_font.clone() };
        let typesetter = Arc::new(Typesetter::new(&PathBuf::from(&config.fonts_dir), names)?);
        *known = Some(typesetter.clone());
        Ok(typesetter)
    }
}

impl Told {
    /// As a template of the typesetter reads it.
    fn json(&self, paper: Paper) -> Json {
        use chrono::Datelike;
        let mut told = json!(self.texts);
        told["paper"] = json!(match paper {
            Paper::A4 => "a4",
            Paper::Mm80 => "80mm",
            Paper::Mm58 => "58mm",
        });
        let near =
            self.near.iter().map(|[name, distance, free]| json!({"name": name, "distance": distance, "free": free}));
        told["near"] = near.collect();
        told["inventory"] = json!(self.inventory);
        told["qr"] = qr::svg(&self.check_url).replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1).into();
        told["fictional"] = self.fictional.into();
        told["made"] = json!([self.made.year(), self.made.month(), self.made.day()]);
        told
    }
}

impl Desk {
    /// A document as PDF.
    pub(super) async fn set(&self, document: Document, paper: Paper, told: &Told) -> Result<Bytes, Error> {
        let (setter, config, told) = (self.setter.clone(), self.config.documents.clone(), told.json(paper));
        let own = self.changed_template(document, "typ");
        let set = self.workshop.run(move || {
            let text = own.as_deref().or_else(|| template(document.name())).unwrap_or_default();
            setter.at_hand(&config).and_then(|typesetter| typesetter.set(text, &told, document.required()))
        });
        set.await?.map(Bytes::from).map_err(|fault| match fault {
            Fault::MissingGlyph { character, family } => Error::NoGlyph { character, family },
            other => Error::Template { document: document.name(), reason: other.to_string() },
        })
    }
}
