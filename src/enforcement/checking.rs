//! The public check of a document: its number and the end of its plate tell what it is and where it stands, and no plate.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;

use super::{Desk, Error, lookup::what, notice::state_zh};
use crate::{
    domain::{
        plate::Plate,
        record::{Record, is_slip},
        text::Localized,
        time::Instant,
    },
    store::records,
};

/// How many characters of the plate's end must be known.
const END: usize = 4;
/// Tries at one number within a quarter of an hour.
const TRIES: u32 = 10;
/// Numbers whose tries are remembered at once; the oldest give way.
const MAX_NUMBERS: usize = 10_000;

/// How often each number was tried lately.
#[derive(Default)]
pub(super) struct Tries {
    known: Mutex<HashMap<String, (Instant, u32)>>,
}

/// What anybody with the document may know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The number.
    pub number: String,
    /// What it is.
    pub kind: Localized,
    /// Where it stands.
    pub state: Localized,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Where, if it lies in a zone.
    pub place: Option<Localized>,
    /// The plate with most of it hidden.
    pub plate: String,
    /// The fine, yuan, once it is decided.
    pub amount_yuan: Option<u32>,
    /// Until when it is due, if something is.
    pub due_by: Option<DateTime<Utc>>,
    /// How many pictures it rests on; whoever holds the document may see them.
    pub pictures: usize,
}

impl Tries {
    /// Counts a try; whether it may go on.
    fn count(&self, number: &str, now: Instant) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_NUMBERS {
            known.retain(|_, (since, _)| now - *since < Duration::minutes(15));
        }
        if known.len() >= MAX_NUMBERS {
            known.clear();
        }
        let (since, tries) = known.entry(number.to_owned()).or_insert((now, 0));
        if now - *since >= Duration::minutes(15) {
            (*since, *tries) = (now, 0);
        }
        *tries += 1;
        *tries <= TRIES
    }
}

impl Tries {
    /// Gives a try back that was right.
    pub(super) fn give_back(&self, number: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tries)) = known.get_mut(&number.trim().to_ascii_uppercase()) {
            *tries = tries.saturating_sub(1);
        }
    }
}

impl Desk {
    /// What a document's number and the last four characters of its plate tell; `None` where the two do not belong together,
    /// or there is no such number: nobody learns which.
    pub async fn check_number(&self, number: &str, end: &str) -> Result<Option<Checked>, Error> {
        let Some((record, plate)) = self.holders_record(number, end).await? else { return Ok(None) };
        let (zh, en) = what(record.kind, record.act);
        let both = |zh: &str, en: &str| Localized { zh: zh.to_owned(), en: en.to_owned() };
        let city = self.city();
        Ok(Some(Checked {
            kind: both(zh, en),
            state: both(state_zh(&record), &record.state.as_str().replace('_', " ")),
            at: record.at,
            place: record.zone.as_ref().and_then(|id| city.zones.get(id)).map(|zone| zone.name.clone()),
            plate: plate.mask(),
            amount_yuan: record.course.amount_yuan,
            due_by: record.due.as_ref().map(|(_, by)| *by),
            pictures: record.evidence.len(),
            number: record.number,
        }))
    }

    /// The record of whoever holds its document: by its number and the end of its plate.
    pub(super) async fn holders_record(&self, number: &str, end: &str) -> Result<Option<(Record, Plate)>, Error> {
        let number = number.trim().to_ascii_uppercase();
        let is_number = number.len() <= 32 && number.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is_number || number.is_empty() {
            return Ok(None);
        }
        if !self.tries.count(&number, self.clock.now()) {
            return Err(Error::Slowed { retry_after_s: 900 });
        }
        // What was printed in the street with no network bears the number of the officer's slip.
        let slip = number.replace('-', "");
        let found = if is_slip(&slip) {
            records::by_slip(&self.db, &slip).await?
        } else {
            records::by_number(&self.db, &number).await?
        };
        let Some(record) = found else { return Ok(None) };
        let Some(plate) = record.plate.as_deref().map(Plate::read) else { return Ok(None) };
        let chars: Vec<char> = plate.norm().chars().collect();
        let known: String = chars[chars.len().saturating_sub(END)..].iter().collect();
        let given: String = end.trim().to_uppercase();
        Ok((chars.len() >= END && given == known).then_some((record, plate)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_tried_ten_times_in_a_quarter_of_an_hour() {
        let (tries, now) = (Tries::default(), Instant::UNIX_EPOCH);
        assert!((0..10).all(|_| tries.count("W-1", now)));
        assert!(!tries.count("W-1", now + Duration::minutes(14)) && tries.count("W-2", now));
        assert!(tries.count("W-1", now + Duration::minutes(15)));
    }
}
