//! Warnings and corrections after they were issued.

use super::{By, Refused, State, Step, supervisor};

/// Where a step leads from a state.
pub(super) fn next(state: State, step: &Step) -> Option<State> {
    match (state, step) {
        (State::Issued, Step::Comply) => Some(State::Complied),
        (State::Issued, Step::Lapse) => Some(State::Lapsed),
        (State::Issued, Step::Escalate) => Some(State::Escalated),
        (State::Issued | State::Complied | State::Lapsed, Step::Revoke) => Some(State::Revoked),
        _ => None,
    }
}

pub(super) fn check(step: &Step, by: By<'_>) -> Result<(), Refused> {
    if *step == Step::Revoke { supervisor(by) } else { Ok(()) }
}
