//! Scores of a month: counted in the store, weighed by the configured formula.

use chrono::{NaiveDate, TimeZone};
use serde::Serialize;

use super::{Error, Matters};
use crate::{
    domain::{
        matter::score::{Counted, Score, Weights},
        text::Localized,
        time::Instant,
    },
    store::matter_figures::{self, Of},
};

/// One line of the scores.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Whose it is.
    pub id: String,
    /// What that is called.
    pub name: Localized,
    /// What was counted.
    #[serde(flatten)]
    pub counted: Counted,
    /// The rates and the score.
    pub rates: Score,
}

/// Scores of a month.
#[derive(Debug, Clone, Serialize)]
pub struct Scores {
    /// The month, `2026-03`.
    pub month: String,
    /// What they are made of.
    pub weights: Weights,
    /// By cell.
    pub cells: Vec<Line>,
    /// By unit.
    pub units: Vec<Line>,
    /// By person.
    pub people: Vec<Line>,
    /// By how matters came in: partners and channels.
    pub sources: Vec<Line>,
    /// By class of street.
    pub street_classes: Vec<Line>,
}

/// The first day of a month written `2026-03`.
pub fn month(text: &str) -> Option<NaiveDate> {
    let (year, month) = text.split_once('-')?;
    let is_plain = year.len() == 4 && month.len() == 2 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_plain.then(|| NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1)).flatten()
}

impl Matters {
    /// The scores of the month that begins on `first`.
    pub async fn scores(&self, first: NaiveDate) -> Result<Scores, Error> {
        let drawn = self.drawn();
        let zone = drawn.city.time_zone;
        let begin = |day: NaiveDate| {
            let midnight = day.and_hms_opt(0, 0, 0)?;
            zone.from_local_datetime(&midnight).earliest().map(|at| at.to_utc())
        };
        let wrong = || Error::invalid("month", "is outside the calendar");
        let next = first.checked_add_months(chrono::Months::new(1)).ok_or_else(wrong)?;
        let (from, to): (Instant, Instant) = (begin(first).ok_or_else(wrong)?, begin(next).ok_or_else(wrong)?);
        let plain = |id: &str| Localized { zh: id.to_owned(), en: id.to_owned() };
        let cell_name = |id: &str| {
            crate::domain::ids::GridCellId::parse(id)
                .ok()
                .and_then(|id| drawn.city.grid_cells.get(&id))
                .map_or_else(|| plain(id), |cell| cell.name.clone())
        };
        let unit_name = |id: &str| drawn.directory.units.get(id).map_or_else(|| plain(id), |unit| unit.name.clone());
        Ok(Scores {
            month: first.format("%Y-%m").to_string(),
            weights: self.config.weights,
            cells: self.lines(Of::Cell, from, to, &cell_name).await?,
            units: self.lines(Of::Unit, from, to, &unit_name).await?,
            people: self.lines(Of::Person, from, to, &plain).await?,
            sources: self.lines(Of::Source, from, to, &plain).await?,
            street_classes: self.lines(Of::StreetClass, from, to, &plain).await?,
        })
    }

    async fn lines(
        &self,
        of: Of,
        from: Instant,
        to: Instant,
        name: &(dyn Fn(&str) -> Localized + Sync),
    ) -> Result<Vec<Line>, Error> {
        let counted = matter_figures::counted(&self.db, of, from, to).await?;
        let lines = counted.into_iter().map(|(id, counted)| Line {
            name: name(&id),
            rates: counted.score(&self.config.weights),
            id,
            counted,
        });
        let mut lines: Vec<Line> = lines.collect();
        let of = |line: &Line| line.rates.score.unwrap_or(-1.0);
        lines.sort_by(|one, other| of(other).total_cmp(&of(one)).then_with(|| one.id.cmp(&other.id)));
        Ok(lines)
    }
}
