//! A penalty case: on the spot, or with notice, statement and decision; then served, paid or enforced, and closed.

use super::{By, Limits, Outcome, Procedure, Record, Refused, State, Step, said, supervisor, two_officers};

/// Where a step leads from a state.
#[expect(clippy::match_same_arms, reason = "one line for each step, as the table reads")]
pub(super) fn next(state: State, step: &Step) -> Option<State> {
    use State::{
        Appealed, Closed, CourtApplied, Decided, Demanded, HearingHeld, HearingRequested, Noticed, Opened, Paid,
        Revoked, Served, Stated, Weighed,
    };
    match (state, step) {
        (Opened, Step::DecideOnSpot { .. }) => Some(Decided),
        (Opened, Step::Notice { .. }) => Some(Noticed),
        (Noticed | Weighed | HearingHeld, Step::State { .. }) => Some(Stated),
        (Stated, Step::Weigh) => Some(Weighed),
        (Noticed | Weighed, Step::RequestHearing) => Some(HearingRequested),
        (HearingRequested, Step::HoldHearing) => Some(HearingHeld),
        (Noticed | Weighed | HearingHeld, Step::Decide { .. }) => Some(Decided),
        (Decided, Step::Serve { .. }) => Some(Served),
        (Served | Demanded, Step::NotePayment { .. }) => Some(Paid),
        (Served, Step::Demand) => Some(Demanded),
        (Demanded, Step::ApplyToCourt) => Some(CourtApplied),
        (CourtApplied, Step::NotePayment { .. }) => Some(Paid),
        (Paid | CourtApplied | Served, Step::Close) => Some(Closed),
        (Served | Demanded, Step::HoldForAppeal) => Some(Appealed),
        (Appealed, Step::ResumeAfterAppeal) => Some(Served),
        (
            Opened | Noticed | Stated | Weighed | HearingRequested | HearingHeld | Decided | Served | Paid | Demanded
            | CourtApplied | Appealed,
            Step::Revoke,
        ) => Some(Revoked),
        _ => None,
    }
}

pub(super) fn check(record: &mut Record, step: &Step, by: By<'_>, limits: Limits) -> Result<(), Refused> {
    let at_most =
        |amount: u32, max_yuan: u32| if amount > max_yuan { Err(Refused::TooHigh { max_yuan }) } else { Ok(()) };
    let course = &mut record.course;
    match step {
        Step::DecideOnSpot { amount_yuan, articles } => {
            at_most(*amount_yuan, limits.simple_max_yuan.min(limits.max_yuan))?;
            course.articles = Some(said("articles", articles)?);
            course.procedure = Some(Procedure::Simple);
            course.outcome = Some(Outcome::Penalty);
            course.amount_yuan = Some(*amount_yuan);
        }
        Step::Notice { amount_yuan, articles, second_officer } => {
            at_most(*amount_yuan, limits.max_yuan)?;
            two_officers(second_officer, by)?;
            course.articles = Some(said("articles", articles)?);
            course.procedure = Some(Procedure::Ordinary);
            course.second_officer = Some(second_officer.trim().to_owned());
            course.noticed_yuan = Some(*amount_yuan);
        }
        Step::State { statement } => course.statement = Some(said("statement", statement)?),
        Step::Decide { outcome, amount_yuan } => {
            supervisor(by)?;
            // Whoever gave the notice does not decide alone over it.
            if by.name == record.officer {
                return Err(Refused::SamePerson);
            }
            let is_penalty = *outcome == Outcome::Penalty;
            let amount = if is_penalty { *amount_yuan } else { 0 };
            at_most(amount, limits.max_yuan)?;
            if course.noticed_yuan.is_some_and(|noticed| amount > noticed) {
                return Err(Refused::Heavier);
            }
            course.outcome = Some(*outcome);
            course.amount_yuan = is_penalty.then_some(amount);
        }
        Step::Serve { how } => {
            if !["direct", "mail", "electronic", "left", "public"].contains(&how.as_str()) {
                return Err(Refused::Service);
            }
            course.served_how = Some(how.clone());
        }
        Step::NotePayment { receipt } => course.receipt = Some(said("receipt", receipt)?),
        // A served case closes by itself only where there is nothing to pay.
        Step::Close if record.state == State::Served && course.amount_yuan.unwrap_or(0) > 0 => {
            return Err(Refused::NotNow { state: "served with a fine that is not paid", step: "close" });
        }
        Step::Revoke | Step::ApplyToCourt => supervisor(by)?,
        Step::HoldForAppeal => course.appealed_since = Some(by.now),
        Step::ResumeAfterAppeal => {
            if let Some(since) = course.appealed_since.take() {
                // What ran against the party stood still meanwhile.
                if let Some(served) = course.at.get_mut("serve") {
                    *served += by.now - since;
                }
            }
        }
        _ => {}
    }
    Ok(())
}
