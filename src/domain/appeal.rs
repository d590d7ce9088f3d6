//! An appeal against a record: a review by the authority above, or a lawsuit; filed in time, and in the order the law asks for.

use serde::{Deserialize, Serialize};

use super::{
    course::{Clocks, Procedure},
    record::{Record, words},
    terms::{Calendar, Deadline},
    time::Instant,
};

words! {
    /// What kind of appeal.
    Kind {
        /// Administrative review 行政复议.
        Review = "review",
        /// A lawsuit 行政诉讼.
        Litigation = "litigation",
    }
}

words! {
    /// Where it stands.
    State {
        /// It was handed in.
        Filed = "filed",
        /// It was taken up.
        Accepted = "accepted",
        /// It was not taken up.
        NotAccepted = "not_accepted",
        /// It was decided.
        Decided = "decided",
        /// It was taken back.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// How it was decided.
    Outcome {
        /// The record stands 维持.
        Upheld = "upheld",
        /// The record was changed 变更.
        Changed = "changed",
        /// The record was taken back 撤销.
        Revoked = "revoked",
        /// The record was unlawful, and stays 确认违法.
        Unlawful = "unlawful",
    }
}

words! {
    /// What is done with an appeal.
    Step {
        /// It is taken up.
        Accept = "accept",
        /// It is not taken up.
        Reject = "reject",
        /// It is decided.
        Decide = "decide",
        /// It is taken back.
        Withdraw = "withdraw",
    }
}

/// An appeal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Appeal {
    /// Its id.
    pub id: String,
    /// The record it is against.
    pub record: String,
    /// What kind.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// What the party asks for, and why.
    pub claim: String,
    /// The authority or the court.
    pub authority: String,
    /// When it was handed in.
    pub filed_at: Instant,
    /// When it was decided.
    pub decided_at: Option<Instant>,
    /// How.
    pub outcome: Option<Outcome>,
    /// What else there is to say.
    pub note: Option<String>,
    /// Who entered it.
    pub filed_by: String,
    /// Its last entry in the ledger.
    pub ledger_seq: u64,
}

/// Why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is nothing to appeal against yet.
    #[error("only what was decided and served can be appealed against")]
    NotServed,
    /// The term is over.
    #[error("the term for it ended on {last_day}")]
    TooLate {
        /// Its last day.
        last_day: chrono::NaiveDate,
    },
    /// A penalty on the spot goes to review first.
    #[error("against a penalty on the spot a review comes first (行政复议法 第二十三条)")]
    ReviewFirst,
    /// One of this kind runs already, or was decided.
    #[error("there is an appeal of this kind already")]
    Twice,
    /// It does not stand where this step begins.
    #[error("an appeal that is {state} cannot take the step {step}")]
    NotNow {
        /// Where it stands.
        state: &'static str,
        /// The step.
        step: &'static str,
    },
    /// A decision says how.
    #[error("a decision says how: upheld, changed, revoked or unlawful")]
    NoOutcome,
}

/// Until when an appeal of a kind may be handed in; `None` where nothing was served.
pub fn term(
    kind: Kind,
    record: &Record,
    earlier: &[Appeal],
    clocks: &Clocks,
    calendar: &Calendar,
    zone: chrono_tz::Tz,
) -> Option<Deadline> {
    let at = |step: &str| record.course.at.get(step).copied();
    let served = at("serve").or_else(|| at("taken")).or_else(|| at("move"))?;
    let reviewed = earlier.iter().find(|one| one.kind == Kind::Review && one.state == State::Decided);
    let (clock, since) = match (kind, reviewed.and_then(|one| one.decided_at)) {
        (Kind::Review, _) => ("review", served),
        (Kind::Litigation, Some(decided)) => ("after_review", decided),
        (Kind::Litigation, None) => ("litigation", served),
    };
    calendar.end(clocks.get(clock)?, since, zone)
}

/// Whether an appeal may be handed in now.
pub fn may_file(
    kind: Kind,
    record: &Record,
    earlier: &[Appeal],
    term: Option<Deadline>,
    filed_at: Instant,
) -> Result<(), Refused> {
    let term = term.ok_or(Refused::NotServed)?;
    let counts = |one: &&Appeal| !matches!(one.state, State::Withdrawn | State::NotAccepted);
    if earlier.iter().filter(counts).any(|one| one.kind == kind) {
        return Err(Refused::Twice);
    }
    let is_on_spot = record.course.procedure == Some(Procedure::Simple);
    let was_reviewed =
        earlier.iter().any(|one| one.kind == Kind::Review && matches!(one.state, State::Decided | State::NotAccepted));
    if kind == Kind::Litigation && is_on_spot && !was_reviewed {
        return Err(Refused::ReviewFirst);
    }
    if filed_at >= term.by { Err(Refused::TooLate { last_day: term.day }) } else { Ok(()) }
}

impl Appeal {
    /// Takes a step: the appeal as it then stands, or why not.
    pub fn advance(mut self, step: Step, outcome: Option<Outcome>, now: Instant) -> Result<Self, Refused> {
        self.state = match (self.state, step) {
            (State::Filed, Step::Accept) => State::Accepted,
            (State::Filed, Step::Reject) => State::NotAccepted,
            (State::Accepted, Step::Decide) => State::Decided,
            (State::Filed | State::Accepted, Step::Withdraw) => State::Withdrawn,
            (state, step) => return Err(Refused::NotNow { state: state.as_str(), step: step.as_str() }),
        };
        if step == Step::Decide {
            self.outcome = Some(outcome.ok_or(Refused::NoOutcome)?);
            self.decided_at = Some(now);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::parse_rfc3339;

    fn at(text: &str) -> Instant {
        parse_rfc3339(text).unwrap()
    }

    fn appeal(kind: Kind, state: State) -> Appeal {
        Appeal {
            id: "a1".into(),
            record: "r1".into(),
            kind,
            state,
            claim: "the sign was hidden".into(),
            authority: "县人民政府".into(),
            filed_at: at("2026-03-10T02:00:00Z"),
            decided_at: None,
            outcome: None,
            note: None,
            filed_by: "lan".into(),
            ledger_seq: 1,
        }
    }

    #[test]
    fn an_appeal_is_taken_up_and_decided_or_neither() {
        let now = at("2026-04-10T02:00:00Z");
        for state in [State::Filed, State::Accepted, State::NotAccepted, State::Decided, State::Withdrawn] {
            for step in [Step::Accept, Step::Reject, Step::Decide, Step::Withdraw] {
                let came = appeal(Kind::Review, state).advance(step, Some(Outcome::Upheld), now);
                let legal = matches!(
                    (state.as_str(), step.as_str()),
                    ("filed", "accept" | "reject" | "withdraw") | ("accepted", "decide" | "withdraw")
                );
                match came {
                    Ok(_) => assert!(legal),
                    Err(refused) => {
                        assert!(!legal);
                        assert_eq!(refused, Refused::NotNow { state: state.as_str(), step: step.as_str() });
                    }
                }
            }
        }
        let undecided = appeal(Kind::Review, State::Accepted).advance(Step::Decide, None, now);
        assert_eq!(undecided.unwrap_err(), Refused::NoOutcome);
    }

    #[test]
    fn words_are_read_back() {
        for (kind, word) in [(Kind::Review, "review"), (Kind::Litigation, "litigation")] {
            assert_eq!((kind.as_str(), Kind::parse(word)), (word, Some(kind)));
        }
        assert_eq!(Outcome::parse("won"), None);
    }
}
