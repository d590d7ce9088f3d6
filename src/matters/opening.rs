//! Figures for everybody: sums of a month in which nobody can be found.

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::{Months, NaiveDate, TimeZone};
use serde::Serialize;

use super::{Error, Matters};
use crate::{
    domain::{matter::open_data::anonymous, text::Localized},
    store::matter_figures,
};

/// A figure with its name; none where it is below the least that is published.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What it counts.
    pub id: String,
    /// What that is called.
    pub name: Localized,
    /// How many; none below the least.
    pub count: Option<u64>,
}

/// Sums of a kind of records, or of all matters, by cell.
#[derive(Debug, Clone, Serialize)]
pub struct ByCell {
    /// `matters`, or a kind of records.
    pub what: String,
    /// Cells with at least the least that is published.
    pub cells: Vec<Figure>,
    /// All others together.
    pub elsewhere: Option<u64>,
}

/// What is published of a month.
#[derive(Debug, Clone, Serialize)]
pub struct OpenFigures {
    /// The month.
    pub month: String,
    /// The least that any figure counts.
    pub k: u32,
    /// Matters by category.
    pub matters: Vec<Figure>,
    /// Matters and records by cell.
    pub by_cell: Vec<ByCell>,
}

impl OpenFigures {
    /// The same as CSV.
    pub fn csv(&self) -> String {
        let mut text = String::from("month,what,id,name,count\r\n");
        let mut row = |what: &str, id: &str, name: &str, count: Option<u64>| {
            let count = count.map(|count| count.to_string()).unwrap_or_default();
            let cell = crate::enforcement::csv_cell;
            let _ = write!(text, "{},{},{},{},{count}\r\n", self.month, cell(what), cell(id), cell(name));
        };
        for figure in &self.matters {
            row("category", &figure.id, &figure.name.zh, figure.count);
        }
        for one in &self.by_cell {
            for figure in &one.cells {
                row(&one.what, &figure.id, &figure.name.zh, figure.count);
            }
            row(&one.what, "elsewhere", "其他网格", one.elsewhere);
        }
        text
    }
}

impl Matters {
    /// The figures of the month that begins on `first`.
    pub async fn open_figures(&self, first: NaiveDate) -> Result<OpenFigures, Error> {
        let drawn = self.drawn();
        let wrong = || Error::invalid("month", "is outside the calendar");
        let begin = |day: NaiveDate| {
            let midnight = day.and_hms_opt(0, 0, 0)?;
            drawn.city.time_zone.from_local_datetime(&midnight).earliest().map(|at| at.to_utc())
        };
        let next = first.checked_add_months(Months::new(1)).ok_or_else(wrong)?;
        let (from, to) = (begin(first).ok_or_else(wrong)?, begin(next).ok_or_else(wrong)?);
        let k = self.config.k_anonymous;
        let kinds = matter_figures::said(&self.db, false, from, to).await?;
        let matters = kinds.into_iter().map(|(code, count)| Figure {
            name: self.catalogue.categories.get(&code).map(|one| one.name.clone()).unwrap_or_default(),
            id: code,
            count: (count >= u64::from(k)).then_some(count),
        });
        let mut sums: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        let said = matter_figures::said(&self.db, true, from, to).await?;
        sums.insert("matters".to_owned(), said.into_iter().collect());
        for (kind, cell, count) in matter_figures::records_by_cell(&self.db, from, to).await? {
            *sums.entry(kind).or_default().entry(cell).or_default() += count;
        }
        let by_cell = sums.into_iter().map(|(what, counts)| {
            let told = anonymous(&counts, k.into());
            let cells = told.cells.into_iter().map(|(cell, count)| {
                let known = crate::domain::ids::GridCellId::parse(&cell).ok();
                let known = known.and_then(|id| drawn.city.grid_cells.get(&id));
                let nowhere = || Localized { zh: "网格以外".to_owned(), en: "outside the grid".to_owned() };
                Figure { name: known.map_or_else(nowhere, |cell| cell.name.clone()), id: cell, count: Some(count) }
            });
            ByCell { what, cells: cells.collect(), elsewhere: told.elsewhere }
        });
        Ok(OpenFigures {
            month: first.format("%Y-%m").to_string(),
            k,
            matters: matters.collect(),
            by_cell: by_cell.collect(),
        })
    }
}
