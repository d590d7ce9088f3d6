//! What the forecast has learned, kept for a node that starts.

use super::{
    Db, Error, On, Row, Tx,
    query::{Value, inserts, query},
};
use crate::domain::{ids::LotId, time::Instant};

/// Rows read at once.
const PAGE: u32 = 200;
const COLUMNS: &[&str] = &["lot", "doc", "form", "as_of_us"];
const REPLACE: &str =
    "ON CONFLICT (lot) DO UPDATE SET doc = excluded.doc, form = excluded.form, as_of_us = excluded.as_of_us";

/// A model as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptModel {
    /// The lot; `None` for what all lots teach together.
    pub lot: Option<LotId>,
    /// The model, as the forecast writes it.
    pub doc: String,
    /// The version of its form.
    pub form: u32,
    /// The instant it has learned until.
    pub as_of: Instant,
}

/// Keeps models, each in place of an older one of its lot.
pub async fn keep(tx: &mut Tx, models: Vec<KeptModel>) -> Result<(), Error> {
    let row = |model: KeptModel| -> Vec<Value> {
        let name = model.lot.as_ref().map_or("", LotId::as_str);
        vec![name.into(), model.doc.into(), model.form.into(), model.as_of.into()]
    };
    let rows = models.into_iter().map(row).collect();
    for insert in inserts("forecast_models", COLUMNS, REPLACE, rows) {
        insert.execute(&mut *tx).await?;
    }
    Ok(())
}

/// What all lots taught together.
pub async fn shared(db: &Db) -> Result<Option<KeptModel>, Error> {
    let text = "SELECT lot, doc, form, as_of_us FROM forecast_models WHERE lot = ''";
    query("forecast_models", text).fetch_optional(db).await?.map(read).transpose()
}

/// A page of lots' models, after the one named; none is the end.
pub async fn page<'a>(on: impl Into<On<'a>>, after: Option<&LotId>) -> Result<Vec<KeptModel>, Error> {
    let text = "SELECT lot, doc, form, as_of_us FROM forecast_models WHERE lot > $1 ORDER BY lot LIMIT $2";
    let after = after.map_or("", LotId::as_str);
    let rows = query("forecast_models", text).bind(after).bind(PAGE).fetch_all(on).await?;
    rows.into_iter().map(read).collect()
}

fn read(row: Row) -> Result<KeptModel, Error> {
    let name: String = row.get("lot")?;
    Ok(KeptModel {
        lot: if name.is_empty() { None } else { Some(row.parse("lot", LotId::parse)?) },
        doc: row.get("doc")?,
        form: row.count("form")?,
        as_of: row.instant("as_of_us")?,
    })
}
