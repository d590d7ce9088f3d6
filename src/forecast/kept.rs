//! What was learned, in the form it is kept in: one document a lot and one of all lots, as of one instant.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    forecaster::ByLot,
    model::{LotModel, Shared},
};
use crate::{domain::time::Instant, store::forecast_models::KeptModel};

/// The version of the form; a document of another one is not read, and the history is learned anew.
const FORM: u32 = 1;

/// All that a node has learned.
#[derive(Debug, Default)]
pub(super) struct Models {
    pub(super) by_lot: ByLot,
    pub(super) shared: Shared,
    /// Until when it has learned.
    pub(super) as_of: Option<Instant>,
    /// Whether the stored past was learned.
    pub(super) recalled: bool,
}

/// What was learned, as of one instant.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) by_lot: ByLot,
    pub(super) shared: Shared,
    pub(super) as_of: Instant,
}

impl Models {
    pub(super) fn of(kept: Kept) -> Self {
        Self { by_lot: kept.by_lot, shared: kept.shared, as_of: Some(kept.as_of), recalled: false }
    }

    pub(super) fn kept(&self) -> Option<Kept> {
        let as_of = self.as_of.filter(|_| self.recalled)?;
        Some(Kept { by_lot: self.by_lot.clone(), shared: self.shared.clone(), as_of })
    }
}

impl Kept {
    /// The documents to be stored.
    pub(super) fn documents(self) -> Result<Vec<KeptModel>, rmp_serde::encode::Error> {
        let as_of = self.as_of;
        let document = |lot, doc| KeptModel { lot, doc, form: FORM, as_of };
        let mut documents = vec![document(None, written(&self.shared)?)];
        for (lot, model) in self.by_lot {
            let doc = written(&model)?;
            documents.push(document(Some(lot), doc));
        }
        Ok(documents)
    }

    /// Reads stored documents; `None` where there are none, or one is of another form or instant: they make one whole.
    pub(super) fn read(shared: KeptModel, lots: Vec<KeptModel>) -> Option<Self> {
        let as_of = shared.as_of;
        let fits = |model: &KeptModel| model.form == FORM;
        let all: Shared = Some(&shared).filter(|model| fits(model)).and_then(|model| read(&model.doc))?;
        if !all.is_sound() {
            return None;
        }
        let mut by_lot = ByLot::new();
        for kept in lots {
            // A lot that was retired since keeps the document of its last day.
            if kept.as_of != as_of {
                continue;
            }
            let model: LotModel = Some(&kept).filter(|model| fits(model)).and_then(|model| read(&model.doc))?;
            if !model.is_sound() {
                return None;
            }
            by_lot.insert(kept.lot?, model);
        }
        Some(Self { by_lot, shared: all, as_of })
    }
}

fn written(value: &impl Serialize) -> Result<String, rmp_serde::encode::Error> {
    Ok(STANDARD.encode(rmp_serde::to_vec(value)?))
}

fn read<T: DeserializeOwned>(doc: &str) -> Option<T> {
    rmp_serde::from_slice(&STANDARD.decode(doc).ok()?).ok()
}
