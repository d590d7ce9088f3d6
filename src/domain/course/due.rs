//! What a record must do by when: the statutory clocks that run where it stands.

use std::collections::BTreeMap;

use chrono::{Duration, NaiveDate};
use chrono_tz::Tz;
use serde::Serialize;

use super::{Outcome, State, is_final};
use crate::domain::{
    record::{Act, Kind, Record},
    terms::{Calendar, Deadline, Term},
    time::Instant,
};

/// Terms by name; the articles stand in the configuration.
pub type Clocks = BTreeMap<String, Term>;

/// One deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// What is due: `decide`, `serve`, `pay`, `hold`, `approval`, `statement`, `court`, `move_on`, `come`, `inform`.
    pub what: &'static str,
    /// The first instant after it.
    pub by: Instant,
    /// Its last day on the city's clocks.
    pub day: NaiveDate,
    /// Whether the table of holidays reaches that far.
    pub is_certain: bool,
    /// The article.
    pub basis: String,
    /// Whether it binds the authority; else it is the party's.
    pub is_ours: bool,
}

/// Which clocks run where a record stands: what is due, the clock's name, since when, and whether it binds us.
fn running(record: &Record) -> Vec<(&'static str, &'static str, Instant, bool)> {
    use State::{
        Decided, Demanded, Executed, Extended, HearingHeld, HearingRequested, Issued, Moved, Noticed, Opened, Served,
        Stated, Unapproved, Weighed,
    };
    let at = |step: &str| record.course.at.get(step).copied();
    let mut clocks = Vec::new();
    match (record.kind, record.state) {
        (Kind::Warning, Issued) => clocks.push(("move_on", "warning", Some(record.at), false)),
        (Kind::Penalty, Opened | Noticed | Stated | Weighed | HearingRequested | HearingHeld) => {
            clocks.push(("decide", "decide", Some(record.at), true));
            if record.state == Noticed {
                clocks.push(("statement", "statement", at("notice"), false));
            }
        }
        (Kind::Penalty, Decided) => {
            clocks.push(("serve", "serve", at("decide").or_else(|| at("decide_on_spot")), true));
        }
        (Kind::Penalty, Served) if record.course.outcome == Some(Outcome::Penalty) => {
            clocks.push(("pay", "pay", at("serve"), false));
        }
        (Kind::Penalty, Demanded) => clocks.push(("court", "court", at("demand"), true)),
        (Kind::Seizure, Unapproved) => clocks.push(("approval", "approval", at("taken"), true)),
        (Kind::Seizure, Executed | Extended) => match record.act {
            Some(Act::Detention) => clocks.push(("come", "come", at("taken"), false)),
            _ => clocks.push(("hold", "hold", at("taken"), true)),
        },
        (Kind::Seizure, Moved) => clocks.push(("inform", "inform", at("move"), true)),
        _ => {}
    }
    clocks.into_iter().filter_map(|(what, clock, since, ours)| Some((what, clock, since?, ours))).collect()
}

/// The deadlines of a record as it stands, nearest first.
pub fn dues(record: &Record, clocks: &Clocks, calendar: &Calendar, zone: Tz) -> Vec<Due> {
    if is_final(record.state) {
        return Vec::new();
    }
    let due = |(what, clock, since, is_ours): (&'static str, &'static str, Instant, bool)| {
        let mut term = clocks.get(clock)?.clone();
        let mut basis = term.basis.clone();
        if what == "hold" && record.state == State::Extended {
            let more = clocks.get("extension")?;
            term.count += more.count;
            basis.clone_from(&more.basis);
        }
        if what == "hold" {
            // Days of testing do not count.
            term.count += record.course.tested_days;
        }
        let Deadline { by, day, is_certain } = calendar.end(&term, since, zone)?;
        Some(Due { what, by, day, is_certain, basis, is_ours })
    };
    let mut dues: Vec<Due> = running(record).into_iter().filter_map(due).collect();
    dues.sort_by_key(|due| due.by);
    dues
}

/// What a fine that is late costs on top, yuan and fen as hundredths: three per cent a day, never more than the fine.
pub fn surcharge(amount_yuan: u32, due: Instant, now: Instant) -> u64 {
    let days = ((now - due) + Duration::days(1) - Duration::microseconds(1)).num_days().max(0) as u64;
    (u64::from(amount_yuan) * 3 * days).min(u64::from(amount_yuan) * 100)
}
