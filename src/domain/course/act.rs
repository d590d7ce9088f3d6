//! Tow, detention and seizure: three acts that are never mixed, each with its own steps.

use super::{By, Due, Record, Refused, State, Step, said, supervisor, two_officers};
use crate::domain::record::Act;

/// Where a step leads from a state.
#[expect(clippy::match_same_arms, reason = "one line for each step, as the table reads")]
pub(super) fn next(act: Option<Act>, state: State, step: &Step) -> Option<State> {
    use State::{
        Approved, Collected, Disposed, Executed, Extended, Informed, Moved, MustReturn, Proposed, Released, Revoked,
        Unapproved,
    };
    let holds = |state| matches!(state, Executed | Extended);
    match (act?, state, step) {
        (_, Proposed | Approved, Step::Revoke) => Some(Revoked),
        (Act::Tow, Approved, Step::Move { .. }) => Some(Moved),
        (Act::Tow, Moved, Step::InformOwner) => Some(Informed),
        (Act::Tow, Informed, Step::Collect) => Some(Collected),
        (Act::Detention | Act::Seizure, Approved, Step::Execute { .. }) => Some(Executed),
        (Act::Detention | Act::Seizure, Proposed, Step::ExecuteAtOnce { .. }) => Some(Unapproved),
        (Act::Detention | Act::Seizure, Unapproved, Step::ApproveAfter) => Some(Executed),
        (Act::Detention | Act::Seizure, Unapproved, Step::RefuseApproval) => Some(MustReturn),
        (Act::Seizure, Executed, Step::Extend) => Some(Extended),
        // Said again, it is refused by its own name.
        (Act::Seizure, Extended, Step::Extend) => Some(Extended),
        (Act::Seizure, state, Step::NoteTesting { .. }) if holds(state) => Some(state),
        (Act::Detention | Act::Seizure, state, Step::Dispose) if holds(state) => Some(Disposed),
        (Act::Detention | Act::Seizure, state, Step::Release)
            if holds(state) || matches!(state, Unapproved | MustReturn) =>
        {
            Some(Released)
        }
        _ => None,
    }
}

pub(super) fn check(record: &mut Record, step: &Step, by: By<'_>, dues: &[Due]) -> Result<(), Refused> {
    let is_over = |what: &str| dues.iter().any(|due| due.what == what && due.by <= by.now);
    let course = &mut record.course;
    match step {
        Step::Move { custody } => {
            // A tow is photographed before the vehicle is moved.
            if record.evidence.is_empty() {
                return Err(Refused::Missing("evidence"));
            }
            course.custody = Some(said("custody", custody)?);
        }
        Step::Execute { second_officer, custody, inventory, witness }
        | Step::ExecuteAtOnce { second_officer, custody, inventory, witness } => {
            two_officers(second_officer, by)?;
            if inventory.is_empty() || inventory.iter().any(|item| item.name.trim().is_empty() || item.quantity == 0) {
                return Err(Refused::Missing("inventory"));
            }
            course.custody = Some(said("custody", custody)?);
            course.second_officer = Some(second_officer.trim().to_owned());
            course.inventory.clone_from(inventory);
            course.witness = witness.as_deref().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
            course.is_emergency = matches!(step, Step::ExecuteAtOnce { .. });
            // The term runs from the taking, whichever way it was done.
            course.at.insert("taken".to_owned(), by.now);
            course.taken_by = Some(by.name.to_owned());
        }
        Step::ApproveAfter => {
            supervisor(by)?;
            if [&course.taken_by, &course.second_officer].iter().any(|one| one.as_deref() == Some(by.name)) {
                return Err(Refused::SamePerson);
            }
            if is_over("approval") {
                return Err(Refused::ApprovalTooLate);
            }
            record.approved_by = Some(by.name.to_owned());
        }
        Step::Extend => {
            supervisor(by)?;
            if record.state == State::Extended {
                return Err(Refused::ExtendedBefore);
            }
            if is_over("hold") {
                return Err(Refused::TermOver);
            }
        }
        Step::NoteTesting { days } => {
            if is_over("hold") {
                return Err(Refused::TermOver);
            }
            course.tested_days = course.tested_days.saturating_add(*days).min(365);
        }
        Step::Dispose => {
            supervisor(by)?;
            if is_over("hold") {
                return Err(Refused::TermOver);
            }
        }
        Step::RefuseApproval | Step::Revoke => supervisor(by)?,
        _ => {}
    }
    Ok(())
}
