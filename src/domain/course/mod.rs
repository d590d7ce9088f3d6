//! The course of a record after it was made: who may take which step when, and what it leaves behind. A step consumes the record
//! and gives the next one, or names why it is refused.

mod act;
mod case;
mod due;
mod notice;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use due::{Clocks, Due, dues, surcharge};

use super::{
    record::{Kind, Record, State},
    staff::Role,
    time::Instant,
};

/// How a penalty is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Procedure {
    /// On the spot 简易程序.
    Simple,
    /// With notice, statement and decision 普通程序.
    Ordinary,
}

/// What a case came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A penalty.
    Penalty,
    /// An offence, and no penalty 不予处罚.
    NoPenalty,
    /// No offence 违法事实不成立.
    NotEstablished,
    /// Given to another authority 移送.
    Transferred,
}

/// One thing taken into custody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What it is.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// Make, colour, number, condition.
    #[serde(default)]
    pub note: String,
}

/// Whom a case or an act is against, as a document must name them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Name of a person or an organisation.
    pub name: String,
    /// Address.
    #[serde(default)]
    pub address: String,
}

/// What happened to a record since it was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Course {
    /// How a case is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure: Option<Procedure>,
    /// Whom it is against, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
    /// The second officer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_officer: Option<String>,
    /// Who took what was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
    /// The fine, yuan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_yuan: Option<u32>,
    /// The fine the notice named, yuan; a statement never makes it higher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noticed_yuan: Option<u32>,
    /// The articles a penalty rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub articles: Option<String>,
    /// What a case came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What the party said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// How it was served: `direct`, `mail`, `electronic` with consent, `left`, `public`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served_how: Option<String>,
    /// The number of a receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Where things are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custody: Option<String>,
    /// What was taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inventory: Vec<Item>,
    /// Who witnessed it where the party was absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// Whether it was done before it was approved.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_emergency: bool,
    /// Days of testing that do not count towards the term 检验期间.
    #[serde(skip_serializing_if = "is_zero")]
    pub tested_days: u32,
    /// When each step was taken last, by its name.
    pub at: std::collections::BTreeMap<String, Instant>,
    /// Where it stood before an appeal held its clock, and since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appealed_since: Option<Instant>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A step as a person takes it, with what it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The vehicle left, or the fault was put right.
    Comply,
    /// Nothing more came of it within its time.
    Lapse,
    /// It becomes a penalty case of its own.
    Escalate,
    /// It is taken back 撤销.
    Revoke,
    /// A case goes the simple way: decided on the spot, at most what the law allows there.
    DecideOnSpot {
        /// The fine, yuan; 0 is a warning.
        amount_yuan: u32,
        /// The articles it rests on.
        articles: String,
    },
    /// The party is told what is to be decided, why, and what it may say 告知.
    Notice {
        /// The fine that is to be decided, yuan.
        amount_yuan: u32,
        /// The articles it rests on.
        articles: String,
        /// The second officer.
        second_officer: String,
    },
    /// The party states its case 陈述申辩.
    State {
        /// What it says.
        statement: String,
    },
    /// The statement was weighed.
    Weigh,
    /// The party asks for a hearing.
    RequestHearing,
    /// The hearing was held.
    HoldHearing,
    /// It is decided.
    Decide {
        /// What it came to.
        outcome: Outcome,
        /// The fine, yuan.
        #[serde(default)]
        amount_yuan: u32,
    },
    /// The document was served 送达.
    Serve {
        /// `direct`, `mail`, `electronic`, `left` or `public`.
        how: String,
    },
    /// A payment was noted; the money went to the bank, never through here.
    NotePayment {
        /// The number of the receipt.
        receipt: String,
    },
    /// The party was reminded in writing 催告.
    Demand,
    /// The court was asked to enforce.
    ApplyToCourt,
    /// It is closed 结案.
    Close,
    /// A vehicle was moved away.
    Move {
        /// Where to.
        custody: String,
    },
    /// The owner was told where it is.
    InformOwner,
    /// The owner took it back.
    Collect,
    /// Things are taken, with an approval before.
    Execute {
        /// The second officer.
        second_officer: String,
        /// Where they are kept.
        custody: String,
        /// What was taken.
        inventory: Vec<Item>,
        /// Who witnessed it where the party was absent.
        #[serde(default)]
        witness: Option<String>,
    },
    /// Things are taken at once; the approval must follow within its hours.
    ExecuteAtOnce {
        /// The second officer.
        second_officer: String,
        /// Where they are kept.
        custody: String,
        /// What was taken.
        inventory: Vec<Item>,
        /// Who witnessed it where the party was absent.
        #[serde(default)]
        witness: Option<String>,
    },
    /// The approval of what was done at once.
    ApproveAfter,
    /// The approval is refused: what was taken goes back.
    RefuseApproval,
    /// The term is made longer, once.
    Extend,
    /// Things were tested; those days do not count.
    NoteTesting {
        /// How many days.
        days: u32,
    },
    /// Things go back 解除.
    Release,
    /// Things are disposed of by law.
    Dispose,
    /// A review or a lawsuit begins: what runs against the party stands still.
    HoldForAppeal,
    /// It has ended, and the record stands.
    ResumeAfterAppeal,
}

impl Step {
    /// The step's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Comply => "comply",
            Self::Lapse => "lapse",
            Self::Escalate => "escalate",
            Self::Revoke => "revoke",
            Self::DecideOnSpot { .. } => "decide_on_spot",
            Self::Notice { .. } => "notice",
            Self::State { .. } => "state",
            Self::Weigh => "weigh",
            Self::RequestHearing => "request_hearing",
            Self::HoldHearing => "hold_hearing",
            Self::Decide { .. } => "decide",
            Self::Serve { .. } => "serve",
            Self::NotePayment { .. } => "note_payment",
            Self::Demand => "demand",
            Self::ApplyToCourt => "apply_to_court",
            Self::Close => "close",
            Self::Move { .. } => "move",
            Self::InformOwner => "inform_owner",
            Self::Collect => "collect",
            Self::Execute { .. } => "execute",
            Self::ExecuteAtOnce { .. } => "execute_at_once",
            Self::ApproveAfter => "approve_after",
            Self::RefuseApproval => "refuse_approval",
            Self::Extend => "extend",
            Self::NoteTesting { .. } => "note_testing",
            Self::Release => "release",
            Self::Dispose => "dispose",
            Self::HoldForAppeal => "hold_for_appeal",
            Self::ResumeAfterAppeal => "resume_after_appeal",
        }
    }
}

/// Who takes a step, when and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct By<'a> {
    /// Sign-in name.
    pub name: &'a str,
    /// Role at the time.
    pub role: Role,
    /// When.
    pub now: Instant,
    /// Why.
    pub why: &'a str,
}

/// What the law and the configuration set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Highest fine the simple procedure may decide, yuan.
    pub simple_max_yuan: u32,
    /// Highest fine at all, yuan.
    pub max_yuan: u32,
}

/// Why a step is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The record does not stand where this step begins.
    #[error("a record that is {state} cannot take the step {step}")]
    NotNow {
        /// Where it stands.
        state: &'static str,
        /// The step.
        step: &'static str,
    },
    /// Nobody said why.
    #[error("say why")]
    NoReason,
    /// The role may not.
    #[error("this step needs a supervisor")]
    NeedsSupervisor,
    /// There must be two officers, and they must be two people.
    #[error("this step needs two officers")]
    NeedsTwoOfficers,
    /// The one who did it may not approve it.
    #[error("another person than the one who acted must approve")]
    SamePerson,
    /// A text that must say something is empty.
    #[error("{0} must say something")]
    Missing(&'static str),
    /// The amount is higher than allowed.
    #[error("the fine may be at most {max_yuan} yuan here")]
    TooHigh {
        /// What is allowed, yuan.
        max_yuan: u32,
    },
    /// A statement may not make the penalty heavier.
    #[error("what a party states never makes the penalty heavier than the notice said")]
    Heavier,
    /// The statement was not weighed yet.
    #[error("the statement must be weighed before a decision")]
    NotWeighed,
    /// The service cannot be done that way.
    #[error("a document is served direct, by mail, electronic with consent, left, or public")]
    Service,
    /// The term was made longer before.
    #[error("the term is made longer once only")]
    ExtendedBefore,
    /// The term is over: it cannot be made longer any more, and what was taken goes back.
    #[error("the term is over: what was taken must go back")]
    TermOver,
    /// The hours for the approval are over.
    #[error("the time for the approval is over: what was taken must go back")]
    ApprovalTooLate,
    /// A fine was paid: the case is closed, not lapsed.
    #[error("the party has not been served")]
    NotServed,
}

impl Refused {
    /// The refusal's stable name.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotNow { .. } => "not-now",
            Self::NoReason => "no-reason",
            Self::NeedsSupervisor => "needs-supervisor",
            Self::NeedsTwoOfficers => "needs-two-officers",
            Self::SamePerson => "same-person",
            Self::Missing(_) => "missing",
            Self::TooHigh { .. } => "too-high",
            Self::Heavier => "heavier-after-statement",
            Self::NotWeighed => "statement-not-weighed",
            Self::Service => "service",
            Self::ExtendedBefore => "extended-before",
            Self::TermOver => "term-over",
            Self::ApprovalTooLate => "approval-too-late",
            Self::NotServed => "not-served",
        }
    }
}

impl Record {
    /// Takes a step: the record as it then stands, or why not. `dues` are its deadlines as they stand before the step.
    pub fn advance(mut self, step: &Step, by: By<'_>, limits: Limits, dues: &[Due]) -> Result<Self, Refused> {
        if by.why.trim().is_empty() {
            return Err(Refused::NoReason);
        }
        let next = match self.kind {
            Kind::Warning | Kind::Correction => notice::next(self.state, step),
            Kind::Penalty => case::next(self.state, step),
            Kind::Seizure => act::next(self.act, self.state, step),
        };
        let next = next.ok_or(Refused::NotNow { state: self.state.as_str(), step: step.name() })?;
        match self.kind {
            Kind::Warning | Kind::Correction => notice::check(step, by)?,
            Kind::Penalty => case::check(&mut self, step, by, limits)?,
            Kind::Seizure => act::check(&mut self, step, by, dues)?,
        }
        self.course.at.insert(step.name().to_owned(), by.now);
        self.state = next;
        Ok(self)
    }

    /// The record once a term of ours that holds somebody's goods is over: they must go back, whoever forgot it. `None` while
    /// none is.
    pub fn run_out(mut self, dues: &[Due], now: Instant) -> Option<Self> {
        let is_over = dues.iter().any(|due| matches!(due.what, "hold" | "approval") && due.by <= now);
        if !is_over {
            return None;
        }
        self.course.at.insert("run_out".to_owned(), now);
        self.state = State::MustReturn;
        Some(self)
    }

    /// The names of the steps this record may take next.
    pub fn possible(&self) -> Vec<&'static str> {
        every_step()
            .iter()
            .filter(|step| {
                let next = match self.kind {
                    Kind::Warning | Kind::Correction => notice::next(self.state, step),
                    Kind::Penalty => case::next(self.state, step),
                    Kind::Seizure => act::next(self.act, self.state, step),
                };
                next.is_some()
            })
            .map(Step::name)
            .collect()
    }
}

fn supervisor(by: By<'_>) -> Result<(), Refused> {
    if by.role.may_approve() { Ok(()) } else { Err(Refused::NeedsSupervisor) }
}

fn two_officers(second: &str, by: By<'_>) -> Result<(), Refused> {
    let second = second.trim();
    if second.is_empty() || second == by.name { Err(Refused::NeedsTwoOfficers) } else { Ok(()) }
}

fn said(field: &'static str, text: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.is_empty() { Err(Refused::Missing(field)) } else { Ok(text.to_owned()) }
}

/// One step of each name, with nothing in it.
pub fn every_step() -> Vec<Step> {
    let text = String::new;
    vec![
        Step::Comply,
        Step::Lapse,
        Step::Escalate,
        Step::Revoke,
        Step::DecideOnSpot { amount_yuan: 0, articles: text() },
        Step::Notice { amount_yuan: 0, articles: text(), second_officer: text() },
        Step::State { statement: text() },
        Step::Weigh,
        Step::RequestHearing,
        Step::HoldHearing,
        Step::Decide { outcome: Outcome::Penalty, amount_yuan: 0 },
        Step::Serve { how: text() },
        Step::NotePayment { receipt: text() },
        Step::Demand,
        Step::ApplyToCourt,
        Step::Close,
        Step::Move { custody: text() },
        Step::InformOwner,
        Step::Collect,
        Step::Execute { second_officer: text(), custody: text(), inventory: vec![], witness: None },
        Step::ExecuteAtOnce { second_officer: text(), custody: text(), inventory: vec![], witness: None },
        Step::ApproveAfter,
        Step::RefuseApproval,
        Step::Extend,
        Step::NoteTesting { days: 0 },
        Step::Release,
        Step::Dispose,
        Step::HoldForAppeal,
        Step::ResumeAfterAppeal,
    ]
}

/// Whether nothing more comes of a record that stands there.
pub fn is_final(state: State) -> bool {
    matches!(
        state,
        State::Complied
            | State::Lapsed
            | State::Escalated
            | State::Revoked
            | State::Closed
            | State::Collected
            | State::Released
            | State::Disposed
    )
}
